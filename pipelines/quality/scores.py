"""How well labels agree with a truth: the field's usual numbers, from one confusion matrix.

Everything is counted in integers first, so tiles can be scored apart and added (`Confusion.__add__`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.points import PointClass

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

__all__ = [
    "ClassScore",
    "Confusion",
    "GroundScore",
    "as_report",
    "confusion",
    "score_class",
    "score_ground",
    "score_overall",
]

_CODES = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Confusion:
    """Points by true and found class."""

    counts: NDArray[np.int64]
    """Shape (256, 256): row is the true ASPRS code, column the found one."""

    def __add__(self, other: Confusion) -> Confusion:
        """Add the points of another part."""
        return Confusion(counts=self.counts + other.counts)

    @property
    def n_points(self) -> int:
        """Number of points."""
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundScore:
    """Ground against everything else, in per cent, as in the ISPRS filter test (Sithole & Vosselman 2004)."""

    type1: float
    """Share of true ground that was rejected; NaN without true ground."""
    type2: float
    """Share of objects that were accepted as ground; NaN without objects."""
    total: float
    """Share of all points that are wrong."""
    kappa: float
    """Cohen's kappa: agreement beyond chance; NaN where chance alone agrees wholly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """One class against the rest, in per cent; NaN where a share has no denominator."""

    precision: float
    """Share of the found points that are right."""
    recall: float
    """Share of the true points that were found."""
    f1: float
    """Harmonic mean of both."""
    iou: float
    """Right points over points that are true, found or both."""
    n_true: int
    """True points of the class."""
    n_found: int
    """Found points of the class."""


def confusion(truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> Confusion:
    """Count points by true and found code; both of shape (n,).

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if truth.shape != found.shape:
        raise ValueError(f"{truth.shape} true labels for {found.shape} found ones")
    pairs = truth.astype(np.int64) * _CODES + found
    return Confusion(counts=np.bincount(pairs, minlength=_CODES * _CODES).reshape(_CODES, _CODES))


def score_ground(
    table: Confusion, ground: Collection[int] = (PointClass.GROUND,), ignored: Collection[int] = ()
) -> GroundScore:
    """Return the ground filter's errors.

    Parameters
    ----------
    table
        Points by class.
    ground
        Codes that count as ground, on both sides; add 40 (seabed) for bathymetry, 9 where water is told apart later.
    ignored
        True codes whose points are left out (noise, artefacts).
    """
    tp, fn, fp, tn = _fourfold(table, ground, ignored)
    n = tp + fn + fp + tn
    chance = ((tp + fn) * (tp + fp) + (fp + tn) * (fn + tn)) / n**2 if n else math.nan
    agreement = (tp + tn) / n if n else math.nan
    return GroundScore(
        type1=_percent(fn, tp + fn),
        type2=_percent(fp, fp + tn),
        total=_percent(fn + fp, n),
        kappa=100.0 * (agreement - chance) / (1.0 - chance) if chance < 1.0 else math.nan,
    )


def score_class(table: Confusion, codes: Collection[int], ignored: Collection[int] = ()) -> ClassScore:
    """Return precision, recall, F1 and IoU of the points whose code is one of `codes`."""
    tp, fn, fp, _ = _fourfold(table, codes, ignored)
    return ClassScore(
        precision=_percent(tp, tp + fp),
        recall=_percent(tp, tp + fn),
        f1=_percent(2 * tp, 2 * tp + fp + fn),
        iou=_percent(tp, tp + fp + fn),
        n_true=tp + fn,
        n_found=tp + fp,
    )


def score_overall(table: Confusion, ignored: Collection[int] = ()) -> tuple[float, float]:
    """Return the share of right points over all classes, and Cohen's kappa of the whole table; per cent, or NaN."""
    counts = table.counts.astype(np.float64)
    counts[[int(code) for code in ignored]] = 0
    n = counts.sum()
    if not n:
        return math.nan, math.nan
    agreement = float(np.trace(counts) / n)
    chance = float(counts.sum(axis=0) @ counts.sum(axis=1) / n**2)
    return 100.0 * agreement, 100.0 * (agreement - chance) / (1.0 - chance) if chance < 1.0 else math.nan


def as_report(
    table: Confusion, ignored: Collection[int] = (), ground: Collection[int] = (PointClass.GROUND,)
) -> dict[str, Any]:
    """Return what ``twin score labels --json`` promises, rounded; null if undefined.

    ``ground`` (`score_ground` of the codes `ground`), ``overall`` (`score_overall`), and ``classes`` (`score_class`).
    """
    present = np.flatnonzero(table.counts.sum(axis=0) + table.counts.sum(axis=1))
    bare_earth = score_ground(table, ground, ignored)
    accuracy, kappa = score_overall(table, ignored)
    scores = {int(code): score_class(table, (int(code),), ignored) for code in present if code not in ignored}
    return {
        "ground": {key: _plain(getattr(bare_earth, key)) for key in ("type1", "type2", "total", "kappa")},
        "overall": {"accuracy": _plain(accuracy), "kappa": _plain(kappa)},
        "classes": {
            str(code): {key: _plain(getattr(score, key)) for key in ("precision", "recall", "f1", "iou")}
            for code, score in scores.items()
        },
    }


def _fourfold(table: Confusion, codes: Collection[int], ignored: Collection[int]) -> tuple[int, int, int, int]:
    """Right hits, misses, false hits and right rejections of a set of codes."""
    counts = table.counts.copy()
    counts[[int(code) for code in ignored]] = 0
    chosen = np.zeros(_CODES, bool)
    chosen[[int(code) for code in codes]] = True
    parts = (counts[np.ix_(row, column)] for row in (chosen, ~chosen) for column in (chosen, ~chosen))
    tp, fn, fp, tn = (int(part.sum()) for part in parts)
    return tp, fn, fp, tn


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
