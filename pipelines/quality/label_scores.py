"""All figures of ``twin score labels``, gathered tile by tile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.quality.labels import CodeMap
from pipelines.quality.objects import ObjectParams, ObjectTally
from pipelines.quality.scores import Confusion, as_report, confusion
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.quality.error_map import ErrorMap
    from pipelines.quality.objects import WrongObject
    from twin.points import Points

__all__ = ["LabelRules", "LabelTally"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRules:
    """How a truth is read and what counts."""

    codes: CodeMap = field(default_factory=CodeMap)
    """What the true codes mean, and which are left out."""
    ground: tuple[int, ...] = (PointClass.GROUND,)
    """Codes that count as ground, on both sides: ``(2, 9)`` where water is told apart by others, ``(2, 40)`` at sea."""
    objects: ObjectParams = field(default_factory=ObjectParams)
    """What a building is as an object."""


class LabelTally:
    """Adds tiles; memory is that of one tile, of the edges of objects, and of the picture if there is one."""

    def __init__(self, rules: LabelRules, picture: ErrorMap | None = None) -> None:
        self.rules = rules
        self.table = Confusion(counts=np.zeros((256, 256), np.int64))
        self._objects = ObjectTally(rules.objects)
        self._picture = picture

    def add(self, points: Points, truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> None:
        """Add the points of one tile with their true codes as the file has them, and the found ones; shape (n,)."""
        counted = self.rules.codes.counts(truth)
        codes = self.rules.codes
        points, true, found = points.take(counted), codes.of(truth[counted]), codes.joined(found[counted])
        self.table += confusion(true, found)
        self._objects.add(points.x, points.y, true == PointClass.BUILDING, found == PointClass.BUILDING)
        if self._picture is not None:
            self._picture.add(points, true, found)

    def report(self) -> dict[str, Any]:
        """Return what ``--json`` promises of the labels, and beside it the confusion matrix and the objects."""
        return {
            **as_report(self.table, ground=self.rules.ground),
            "confusion": self._confusion(),
            "objects": {
                f"{least:g}": {
                    "precision": None if np.isnan(score.precision) else round(score.precision, 3),
                    "recall": None if np.isnan(score.recall) else round(score.recall, 3),
                    "true": score.n_true,
                    "found": score.n_found,
                }
                for least, score in self._objects.scores().items()
            },
        }

    def wrong_objects(self, least_m2: float = 50.0) -> list[WrongObject]:
        """Return the missed and the false buildings, the largest first."""
        return self._objects.wrong(least_m2)

    def _confusion(self) -> dict[str, dict[str, int]]:
        counts = self.table.counts
        return {
            str(true): {str(code): int(counts[true, code]) for code in np.flatnonzero(counts[true])}
            for true in np.flatnonzero(counts.sum(axis=1))
        }
