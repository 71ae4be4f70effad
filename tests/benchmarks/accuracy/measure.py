"""Scores one case with one setting; plain figures that tables are made of."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipelines.classify import classify_points
from pipelines.quality.objects import ObjectParams, ObjectTally, cell_for
from pipelines.quality.scores import Confusion, confusion, score_class, score_ground

if TYPE_CHECKING:
    from cases import Case, Loaded

    from pipelines.classify import ClassifyStage
    from twin.scene import Scene

__all__ = ["alike", "label", "reliability", "score"]

_GROUND, _BUILDING, _VEGETATION, _WATER = (2,), (6,), (3, 4, 5), (9, 41)
_BRIDGE, _SEABED, _WET = (17,), (40,), (40, 41, 42, 43, 45)
_ALIKE = ((0, 1, 3, 4, 5, 14, 15), (9, 41))
"""Codes that truths do not part: AHN leaves trees in 1, each country draws the heights of shrubs elsewhere."""
_LOST = 0.5
"""Share of a building's points below which it is lost."""


def label(loaded: Loaded, stage: ClassifyStage) -> tuple[np.ndarray, np.ndarray, float]:
    """Return codes, confidences and the CPU seconds they cost."""
    core = loaded.points.bounds.buffered(1.0)
    started = time.process_time()
    code, confidence = classify_points(loaded.points, core, stage.steps)
    return code, confidence, time.process_time() - started


def score(case: Case, loaded: Loaded, found: np.ndarray) -> dict[str, Any]:
    """Return every figure that this case's truth allows."""
    counted = case.codes.counts(loaded.truth)
    truth, points = case.codes.of(loaded.truth), loaded.points
    table = confusion(truth[counted], found[counted])
    ground = score_ground(table)
    figures: dict[str, Any] = {
        "points": len(points),
        "density": density(loaded),
        "type1": ground.type1,
        "type2": ground.type2,
        "total": ground.total,
        "kappa": ground.kappa,
    }
    inside = counted
    if case.block is not None:
        figures |= _classes(table, "whole_")
        inside = counted & shapely.contains_xy(case.block(), points.x, points.y)
    figures |= _classes(confusion(truth[inside], found[inside]), "")
    for name, codes in (
        ("vegetation", _VEGETATION),
        ("water", _WATER),
        ("bridge", _BRIDGE),
        ("seabed", _SEABED),
        ("wreck", (43,)),
    ):
        one = score_class(table, codes)
        if one.n_true:
            figures |= {f"{name}_f1": one.f1, f"{name}_iou": one.iou, f"{name}_recall": one.recall}
        elif one.n_found:
            figures[f"{name}_invented"] = one.n_found
    if (truth == _SEABED[0]).any():
        figures["seabed_agreement"] = _agreement(table)
    if score_class(table, _BUILDING).n_true:
        figures |= _objects(loaded, truth, found, inside)
    if loaded.scene is not None:
        figures |= _lost(loaded, loaded.scene, found)
    figures["confusion"] = _entries(table)
    return figures


def reliability(case: Case, loaded: Loaded, found: np.ndarray, confidence: np.ndarray) -> list[list[int]]:
    """Return, for each confidence that occurs, per cent, how many points have it and how many of these are right.

    A truth that knows ground alone is asked about points called ground alone: it cannot confirm a roof. Classes that a
    truth does not part count as one.
    """
    counted = case.codes.counts(loaded.truth)
    if case.group == "isprs":
        counted &= found == _GROUND[0]
    table = alike(case)
    right = table[case.codes.of(loaded.truth[counted])] == table[found[counted]]
    n = np.bincount(confidence[counted], minlength=101)
    n_right = np.bincount(confidence[counted][right], minlength=101)
    return [[int(k), int(n[k]), int(n_right[k])] for k in np.flatnonzero(n)]


def alike(case: Case) -> np.ndarray:
    """Return the class that each code counts as when a label is called right or wrong, shape (256,)."""
    table = np.arange(256, dtype=np.uint8)
    if case.group == "isprs":
        return np.where(table == 2, 2, 0).astype(np.uint8)
    for group in _ALIKE:
        table[list(group)] = group[0]
    return table


def density(loaded: Loaded) -> float:
    """Return points per square metre over the cells of 4 m that hold any."""
    columns, rows = (np.floor(axis / 4.0).astype(np.int64) for axis in (loaded.points.x, loaded.points.y))
    occupied = len(np.unique(columns * (1 << 32) + rows))
    return len(loaded.points) / max(1, occupied) / 16.0


def _classes(table: Confusion, prefix: str) -> dict[str, float]:
    one = score_class(table, _BUILDING)
    if not one.n_true:
        return {}
    names = ("precision", "recall", "f1", "iou")
    return {f"{prefix}building_{name}": getattr(one, name) for name in names}


def _agreement(table: Confusion) -> float:
    """Share of the points in the water, or called seabed, that are rightly called seabed or rightly not."""
    counts = table.counts
    asked = counts[list(_WET)].sum() + counts[:, 40].sum() - counts[list(_WET)][:, 40].sum()
    right = counts[40, 40] + counts[[41, 42, 43, 45]].sum() - counts[[41, 42, 43, 45]][:, 40].sum()
    return 100.0 * float(right) / float(asked) if asked else math.nan


def _objects(loaded: Loaded, truth: np.ndarray, found: np.ndarray, inside: np.ndarray) -> dict[str, Any]:
    tally = ObjectTally(ObjectParams(cell_m=cell_for(density(loaded))))
    x, y = loaded.points.x[inside], loaded.points.y[inside]
    tally.add(x, y, truth[inside] == _BUILDING[0], found[inside] == _BUILDING[0])
    figures: dict[str, Any] = {}
    for least, one in tally.scores().items():
        name = f"objects_{least:g}"
        figures |= {f"{name}_precision": one.precision, f"{name}_recall": one.recall}
        figures |= {f"{name}_true": one.n_true, f"{name}_found": one.n_found}
    figures["wrong_objects"] = [
        {"kind": item.kind, "x": item.x, "y": item.y, "area_m2": item.area_m2, "covered": item.covered}
        for item in tally.wrong(50.0)[:20]
    ]
    return figures


def _lost(loaded: Loaded, scene: Scene, found: np.ndarray) -> dict[str, Any]:
    """Buildings of 50 square metres and more of which less than half of the points were found."""
    assert loaded.building is not None
    on = (loaded.building > 0) & (loaded.truth == _BUILDING[0])
    n = len(scene.town.buildings) + 1
    hits = np.bincount(loaded.building[on], minlength=n)
    right = np.bincount(loaded.building[on & (found == _BUILDING[0])], minlength=n)
    asked = [number for number in range(1, n) if hits[number] >= 20]
    large = [number for number in asked if scene.building(number).footprint.area >= 50.0]
    lost = [number for number in large if right[number] < _LOST * hits[number]]
    return {"buildings_50": len(large), "lost_50": len(lost), "lost": [scene.building(k).id for k in lost]}


def _entries(table: Confusion) -> list[list[int]]:
    """Return the cells of the confusion matrix that are not empty: true code, found code, points."""
    rows, columns = np.nonzero(table.counts)
    return [[int(r), int(c), int(table.counts[r, c])] for r, c in zip(rows, columns, strict=True)]
