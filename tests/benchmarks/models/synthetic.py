"""The synthetic buildings from one end to the other: figures of each, validity and speed of all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cases import CORE
from judge import STRICT, judge_program, verdict_of
from measure import figures_of, truth_figures
from modelling import model_samples

from tiles.cityjson import write_cityjsonseq
from twin.crs import parse_crs
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cases import Case

    from twin.building import Building

__all__ = ["run_synthetic"]

_EVERY = 200


def run_synthetic(
    found: Sequence[Case], work: Path, say: Callable[[str], None], method: str = "ladder", lod: str = "2.2"
) -> dict[str, Any]:
    """Model and measure; returns rows, verdicts of the judge and of our check, and rates.

    The first buildings are modelled twice, once to compile.
    """
    for _ in model_samples(found[:3], method, lod):
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
        "verdicts": _verdicts(buildings, work, say),
        "judge": "val3dity" if judge_program() else "our own check",
    }


def _writing_s(buildings: Sequence[Building], work: Path) -> float:
    """CPU seconds to write all levels of all buildings as CityJSONSeq."""
    work.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    write_cityjsonseq(work / "synthetic.city.jsonl", buildings, crs=parse_crs("EPSG:6677"), vertical=TP)
    return time.process_time() - started


def _verdicts(buildings: Sequence[Building], work: Path, say: Callable[[str], None]) -> dict[str, Any]:
    if judge_program() is None or not buildings:
        return {}
    asked = {"default": ("top", ()), "strict": ("top", STRICT), "lod1": ("1.2", ())}
    verdicts = {}
    for name, (lod, options) in asked.items():
        say(f"val3dity, {name}")
        found = verdict_of(buildings, lod, work / "judged" / name, options)
        verdicts[name] = {"n": found.n, "valid": found.n_valid, "codes": found.codes, "invalid": found.invalid[:50]}
    return verdicts
