"""Fits the tables that turn signs into confidences, on labelled regions that may be learned from."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from calibration import expected_error
from measure import alike

from pipelines.classify import label_points
from pipelines.classify.confidence import AGREEMENT, GROUPS, LIFT, MARGIN, ODDS, ConfidenceParams, per_cent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cases import Case, Loaded

    from pipelines.classify import ClassifyStage
    from pipelines.classify.confidence import Signs

__all__ = ["Counts", "counted", "fitted", "left_out", "source"]

SIGNS = ("margin", "agreement", "lift", "odds")
_SIZES = (len(MARGIN) + 1, len(AGREEMENT) + 2, len(LIFT) + 2, len(ODDS) + 2)
_SHRINKING = 0.002
"""Weight that pulls every entry to zero, as a share of a region's weight: classes that hardly occur say nothing."""
_ROUNDS = 40
_UNSEEN = 2.0
"""Log odds of labels that no region has: 88 per cent."""

Counts = np.ndarray
"""Points by group, margin, agreement, lift, odds, and wrong (0) or right (1)."""


def counted(case: Case, loaded: Loaded, stage: ClassifyStage) -> Counts:
    """Return how often each combination of signs was right and wrong."""
    label, signs = label_points(loaded.points, loaded.points.bounds.buffered(1.0), stage.steps)
    chosen = case.codes.counts(loaded.truth)
    same = alike(case)
    right = same[case.codes.of(loaded.truth[chosen])] == same[label[chosen]]
    shape = (len(GROUPS), *_SIZES, 2)
    key = np.ravel_multi_index([*(column[chosen] for column in _columns(signs)), right.astype(np.int64)], shape)
    return np.bincount(key, minlength=int(np.prod(shape))).reshape(shape)


def fitted(regions: Mapping[str, Counts]) -> ConfidenceParams:
    """Return the tables that make all regions alike likely; each region weighs the same, however large."""
    weights = sum(counts / max(1, counts.sum()) for counts in regions.values())
    tables: dict[str, list[tuple[int, ...]]] = {name: [] for name in SIGNS}
    for group in range(len(GROUPS)):
        entries = _additive(np.asarray(weights)[group])
        for name, (first, last) in zip(SIGNS, pairwise(np.cumsum((0, *_SIZES))), strict=True):
            tables[name].append(tuple(int(value) for value in np.rint(10.0 * entries[first:last])))
    return ConfidenceParams(**{name: tuple(rows) for name, rows in tables.items()})


def left_out(regions: Mapping[str, Counts]) -> dict[str, tuple[float, float]]:
    """Return, for each region, the calibration error of tables fitted without it, and of those fitted on all."""
    whole = fitted(regions)
    errors = {}
    for name, counts in regions.items():
        others = {other: value for other, value in regions.items() if other != name}
        errors[name] = (error_of(counts, fitted(others)), error_of(counts, whole))
    return errors


def error_of(counts: Counts, params: ConfidenceParams) -> float:
    """Return the expected calibration error of tables on counted signs, per cent."""
    from pipelines.classify.confidence import Signs

    places = np.nonzero(counts.sum(axis=-1))
    group, *rest = (axis.astype(np.uint8) for axis in places)
    percent = per_cent(Signs(group=group, **dict(zip(SIGNS, rest, strict=True))), params)
    wrong, right = counts[places].T
    n = np.bincount(percent, weights=wrong + right, minlength=101)
    return expected_error(n, np.bincount(percent, weights=right, minlength=101))


def source(params: ConfidenceParams, regions: Sequence[str]) -> str:
    """Return the module that holds fitted tables."""
    lines = [
        '"""Tables of `pipelines.classify.confidence`, tenths of log odds; a row for each of its groups.',
        "",
        "Made by ``python tests/benchmarks/accuracy --calibrate THIS_FILE``; do not edit.",
        f"Fitted on {', '.join(regions)}, each with the same weight.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        '__all__ = ["AGREEMENT_TENTHS", "LIFT_TENTHS", "MARGIN_TENTHS", "ODDS_TENTHS"]',
        "",
    ]
    for name in SIGNS:
        rows = [f"    ({', '.join(map(str, row))})," for row in getattr(params, name)]
        lines += [f"{name.upper()}_TENTHS = (", *rows, ")"]
    return "\n".join(lines) + "\n"


def _columns(signs: Signs) -> list[np.ndarray]:
    return [signs.group, *(getattr(signs, name) for name in SIGNS)]


def _additive(weights: np.ndarray) -> np.ndarray:
    """Fit log odds of being right that add up over the signs' classes (Newton's method, shrunk towards the mean)."""
    places = np.nonzero(weights.sum(axis=-1))
    wrong, right = weights[places].T
    n = wrong + right
    entries = np.zeros(sum(_SIZES))
    if not n.sum():
        entries[: _SIZES[0]] = _UNSEEN
        return entries
    base = np.log((right.sum() + 1e-4) / (wrong.sum() + 1e-4))
    design = np.zeros((len(n), entries.size))
    for first, axis in zip(np.cumsum((0, *_SIZES)), places, strict=False):
        design[np.arange(len(n)), first + axis] = 1.0
    shrinking = _SHRINKING * n.sum()
    for _ in range(_ROUNDS):
        chance = 1.0 / (1.0 + np.exp(-(base + design @ entries)))
        slope = design.T @ (right - n * chance) - shrinking * entries
        curve = (design * (n * chance * (1.0 - chance))[:, None]).T @ design + shrinking * np.eye(entries.size)
        entries += np.clip(np.linalg.solve(curve, slope), -1.0, 1.0)
    entries[: _SIZES[0]] += base  # the first sign carries the group's mean
    return entries
