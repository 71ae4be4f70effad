"""The compact table for people who tune: a line a case, a column a figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["compact", "mean_of"]

_COLUMNS = (
    ("k pts", "points", 1e-3, 0),
    ("T.I", "type1", 1.0, 1),
    ("T.II", "type2", 1.0, 1),
    ("total", "total", 1.0, 2),
    ("kappa", "kappa", 1.0, 1),
    ("bldP", "building_precision", 1.0, 1),
    ("bldR", "building_recall", 1.0, 1),
    ("bldF1", "building_f1", 1.0, 1),
    ("IoU", "building_iou", 1.0, 1),
    ("o50P", "objects_50_precision", 1.0, 0),
    ("o50R", "objects_50_recall", 1.0, 0),
    ("o50n", "objects_50_true", 1.0, 0),
    ("o10P", "objects_10_precision", 1.0, 0),
    ("o10R", "objects_10_recall", 1.0, 0),
    ("vegF1", "vegetation_f1", 1.0, 1),
    ("watIoU", "water_iou", 1.0, 1),
    ("brgIoU", "bridge_iou", 1.0, 1),
    ("bedAgr", "seabed_agreement", 1.0, 1),
    ("DTM", "dtm_rmse", 1.0, 2),
    ("cliff", "cliff_rmse", 1.0, 2),
    ("lost", "lost_50", 1.0, 0),
    ("M/s", "rate", 1.0, 2),
)
_NAME_WIDTH = 24


def compact(results: Sequence[Mapping[str, Any]], *, header: bool = False, means: bool = False) -> str:
    """Return a line for each result; or, with `means`, one for each group."""
    lines = [f"{'':{_NAME_WIDTH}}" + "".join(f"{title:>8}" for title, *_ in _COLUMNS)] if header or means else []
    if means:
        groups = dict.fromkeys(result["group"] for result in results)
        lines += [_line(f"mean {group}", mean_of([r for r in results if r["group"] == group])) for group in groups]
    else:
        lines += [_line(result["name"], _with_rate(result)) for result in results]
    return "\n".join(lines)


def mean_of(results: Sequence[Mapping[str, Any]], keys: Sequence[str] = ()) -> dict[str, float]:
    """Return the mean of each figure over the results that have it; mosaics repeat their files and are left out."""
    rated = [_with_rate(result) for result in results if result["kind"] != "mosaic"]
    wanted = keys or [key for _, key, *_ in _COLUMNS]
    values = {key: [r[key] for r in rated if key in r and not math.isnan(r[key])] for key in wanted}
    return {key: sum(found) / len(found) for key, found in values.items() if found}


def _with_rate(result: Mapping[str, Any]) -> dict[str, Any]:
    return {**result, "rate": result["points"] / result["cpu_seconds"] * 1e-6 if result["cpu_seconds"] else math.nan}


def _line(name: str, figures: Mapping[str, Any]) -> str:
    cells = []
    for _, key, factor, decimals in _COLUMNS:
        value = figures.get(key, math.nan)
        cells.append(f"{'-' if math.isnan(value) else f'{value * factor:.{decimals}f}':>8}")
    return f"{name:{_NAME_WIDTH}}" + "".join(cells)
