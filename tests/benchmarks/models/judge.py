"""val3dity, where there is one: its codes count, not ours."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiles.cityjson import write_cityjson
from twin.crs import parse_crs
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twin.building import Building

__all__ = ["STRICT", "Verdict", "judge_program", "verdict_of", "verdicts"]

STRICT = ("--planarity_d2p_tol", "0.001", "--snap_tol", "0.0001")
"""Planarity to 1 mm, vertices told apart at 0.1 mm; the defaults are 1 cm and 1 mm."""
_SECONDS = 1800


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a validator says of some buildings."""

    n: int
    n_valid: int
    codes: Mapping[str, int]
    """Buildings with each code."""
    invalid: tuple[str, ...]
    """Ids."""

    @property
    def share(self) -> float:
        """Valid, per cent."""
        return 100.0 * self.n_valid / self.n if self.n else 100.0


def judge_program() -> Path | None:
    """Return the val3dity that `TWIN_VAL3DITY` names."""
    named = os.environ.get("TWIN_VAL3DITY", "")
    return Path(named) if named and Path(named).is_file() else None


def verdict_of(buildings: Sequence[Building], lod: str, folder: Path, options: Sequence[str] = ()) -> Verdict:
    """Let val3dity judge the solids of one level of detail, as the CityJSON that we write says them.

    Parameters
    ----------
    buildings
        Only those that have the level are judged; ``top`` judges the highest of each.
    lod
        Level, or ``top``.
    folder
        For the file and the report.
    options
        Tolerances; `STRICT` or none.
    """
    program = judge_program()
    if program is None:
        raise RuntimeError("TWIN_VAL3DITY names no program")
    level = [
        dataclasses.replace(b, solids={key: b.solids[key]})
        for b, key in ((b, b.lod if lod == "top" else lod) for b in buildings)
        if key in b.solids
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path, report = folder / f"lod{lod}.city.json", folder / f"lod{lod}.report.json"
    write_cityjson(path, level, crs=parse_crs("EPSG:6677"), vertical=TP)
    report.unlink(missing_ok=True)
    done = subprocess.run(
        [str(program), *options, "--report", str(report), str(path)],
        capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    if not report.is_file():
        raise RuntimeError(f"{program} wrote no report: {done.stdout[-500:]} {done.stderr[-500:]}")
    features = json.loads(report.read_text(encoding="utf-8"))["features"]
    codes: Counter[str] = Counter()
    invalid = []
    for feature in features:
        if not feature["validity"]:
            invalid.append(feature["id"])
            codes.update({str(error["code"]) for error in feature["errors"]})
    return Verdict(
        n=len(features), n_valid=len(features) - len(invalid), codes=dict(sorted(codes.items())), invalid=tuple(invalid)
    )


def verdicts(buildings: Sequence[Building], work: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Judge the highest level at default and at strict tolerances, and LoD1.2; nothing without a judge."""
    if judge_program() is None or not buildings:
        return {}
    asked: dict[str, tuple[str, Sequence[str]]] = {
        "default": ("top", ()),
        "strict": ("top", STRICT),
        "LoD1": ("1.2", ()),
    }
    found = {}
    for name, (lod, options) in asked.items():
        say(f"val3dity, {name}")
        verdict = verdict_of(buildings, lod, work / "judged" / name, options)
        found[name] = {"n": verdict.n, "valid": verdict.n_valid, "codes": verdict.codes, "invalid": verdict.invalid}
    return found
