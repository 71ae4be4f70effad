"""The synthetic buildings from one end to the other: figures of each, validity and speed of all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import shapely
from cases import CORE, cases, sample
from judge import judge_program, verdicts
from kinds import KINDS
from measure import figures_of, truth_figures
from modelling import model_samples

from pipelines.footprints import derive_outlines
from pipelines.model import ModelParams
from tiles.cityjson import write_cityjsonseq
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cases import Case

    from twin.building import Building

__all__ = ["run_outlines", "run_synthetic"]

_EVERY = 200
_WARM_SEED, _WARM = 1, slice(9 * len(KINDS), 14 * len(KINDS), 2)
"""Buildings to compile with: of all kinds, with all that goes wrong."""


def run_synthetic(
    found: Sequence[Case], work: Path, say: Callable[[str], None], method: str = "ladder", lod: str = "2.2"
) -> dict[str, Any]:
    """Model and measure; returns rows, verdicts of the judge and of our check, and rates.

    Some buildings of all kinds are modelled before, to compile.
    """
    for _ in model_samples(cases(1, seed=_WARM_SEED)[_WARM], method, lod):
        pass
    rows: list[dict[str, Any]] = []
    buildings: list[Building] = []
    for k, (one, modelled, clipping) in enumerate(model_samples(found, method, lod), start=1):
        row = figures_of(modelled) | truth_figures(one, modelled) | {"clip_ms": round(1e3 * clipping, 3)}
        row["is_core"] = one.case.survey == CORE
        rows.append(row)
        if modelled.building is not None:
            buildings.append(modelled.building)
        if k % _EVERY == 0:
            say(f"{k} of {len(found)} buildings")
    writing = _writing_s(buildings, work)
    return {
        "rows": rows,
        "writing_ms": round(1e3 * writing / max(1, len(buildings)), 3),
        "verdicts": verdicts(buildings, work, say),
        "judge": "val3dity" if judge_program() else "our own check",
    }


def run_outlines(found: Sequence[Case]) -> dict[str, Any]:
    """Draw the outlines of buildings that stand alone from their points, as the stage does, and compare with the true.

    Rows are left out: points do not show their party walls. A building without an outline has 0.
    """
    params = ModelParams()
    shares: dict[str, list[float]] = {}
    for case in found:
        if case.kind == "row":
            continue
        one = sample(case)
        x, y, z = (one.around.xyz[:, axis].copy() for axis in range(3))
        outlines, _ = derive_outlines(x, y, z, Bounds.around(x, y).buffered(1.0), params)
        union = shapely.union_all([outline.polygon for outline in outlines])
        both = union.intersection(one.outline).area
        shares.setdefault(case.kind, []).append(float(both / union.union(one.outline).area))
    return {"iou": [share for each in shares.values() for share in each], "by_kind": shares}


def _writing_s(buildings: Sequence[Building], work: Path) -> float:
    """CPU seconds to write all levels of all buildings as CityJSONSeq."""
    work.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    write_cityjsonseq(work / "synthetic.city.jsonl", buildings, crs=parse_crs("EPSG:6677"), vertical=TP)
    return time.process_time() - started
