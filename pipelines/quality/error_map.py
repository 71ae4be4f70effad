"""Where labels are wrong: one kind of error a cell, over the surface that was surveyed, at the size of a picture."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from pipelines.ground.cells import cell_numbers, count, highest
from twin.points import PointClass
from twin.raster import Frame

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from twin.bounds import Bounds
    from twin.points import Points

__all__ = ["ErrorKind", "ErrorMap", "error_kinds"]

_MOST_CELLS = 1400
"""Cells along the longer side: what a screen shows."""
_LEAST_M = 0.5
"""Finest cell, metres."""
_POINTS_A_CELL = 3
"""Points that a cell should hold on average: one in twenty is empty by chance then."""
_SHARE = 0.25
"""Share of a cell's points that must be wrong for the cell to show it (ours: one stray point of five is no error)."""
_UNSAID = (PointClass.NEVER_CLASSIFIED, PointClass.UNCLASSIFIED)
_NOISE = (PointClass.LOW_NOISE, PointClass.HIGH_NOISE)


class ErrorKind(IntEnum):
    """Kinds of errors, the worst first; names and colours stand in ``config/legends/label_errors.yaml``."""

    NONE = 0
    MISSED_BUILDING = 1
    FALSE_BUILDING = 2
    GROUND_REJECTED = 3
    OBJECT_AS_GROUND = 4
    OTHER = 5
    NOTHING = 255


def error_kinds(
    truth: NDArray[np.uint8], found: NDArray[np.uint8], ground: Collection[int] = (PointClass.GROUND,)
) -> NDArray[np.uint8]:
    """Return the `ErrorKind` of each point; true and found codes, shape (n,).

    An error that concerns a building counts as that, whatever else it is: a roof taken as ground is a missed building.
    A truth of 0 or 1 does not say what a point is: it may be anything but ground or a building.
    """
    true_ground, found_ground = np.isin(truth, list(ground)), np.isin(found, list(ground))
    kind = np.where((truth != found) & ~np.isin(truth, _UNSAID), np.uint8(ErrorKind.OTHER), np.uint8(ErrorKind.NONE))
    kind[true_ground & found_ground] = ErrorKind.NONE
    kind[~true_ground & found_ground] = ErrorKind.OBJECT_AS_GROUND
    kind[true_ground & ~found_ground] = ErrorKind.GROUND_REJECTED
    kind[(truth != PointClass.BUILDING) & (found == PointClass.BUILDING)] = ErrorKind.FALSE_BUILDING
    kind[(truth == PointClass.BUILDING) & (found != PointClass.BUILDING)] = ErrorKind.MISSED_BUILDING
    return kind


class ErrorMap:
    """Adds tiles to a map of a stated area; memory is that of the map, 30 bytes for each of at most two million cells.

    Parameters
    ----------
    bounds
        Area of the map in metres.
    ground
        Codes that count as ground, on both sides.
    density_per_m2
        Points per square metre: cells of a thin survey are larger, so that its map has no holes.
    """

    def __init__(
        self, bounds: Bounds, ground: Collection[int] = (PointClass.GROUND,), density_per_m2: float = 15.0
    ) -> None:
        wanted = max(bounds.width_m, bounds.height_m) / _MOST_CELLS, math.sqrt(_POINTS_A_CELL / density_per_m2)
        step = _LEAST_M * max(1, math.ceil(max(wanted) / _LEAST_M))
        self.frame = Frame.covering(bounds.buffered(step), step)
        self._ground = tuple(ground)
        self._counts = np.zeros((len(ErrorKind) - 1, *self.frame.shape), np.int32)
        self._surface = np.full(self.frame.shape, np.nan, np.float32)

    def add(self, points: Points, truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> None:
        """Add points with their true and found codes, shape (n,)."""
        cells = cell_numbers(self.frame, points.x, points.y)
        kinds = error_kinds(truth, found, self._ground)
        for kind, counts in zip(ErrorKind, self._counts, strict=False):
            counts += count(cells, self.frame.shape, kinds == kind).astype(np.int32)
        clean = ~(np.isin(truth, _NOISE) | np.isin(found, _NOISE))
        top = highest(cells[clean], points.z[clean], self.frame.shape)
        self._surface = np.fmax(self._surface, top)

    @property
    def surface(self) -> NDArray[np.float32]:
        """Highest point of each cell without noise, metres; NaN where there is none; shape of the frame."""
        return self._surface

    def kinds(self) -> NDArray[np.uint8]:
        """Return the commonest error of each cell, of equals the worst; 0 where all is right, 255 without points."""
        n = self._counts.sum(axis=0)
        wrong = n - self._counts[ErrorKind.NONE]
        worst = np.argmax(self._counts[1:], axis=0) + 1  # the first of equals, and the worst come first
        shown = np.where((wrong > 0) & (wrong >= _SHARE * n), worst, int(ErrorKind.NONE))
        return np.where(n > 0, shown, int(ErrorKind.NOTHING)).astype(np.uint8)

    def points_by_kind(self) -> dict[int, int]:
        """Return the number of points of each kind, right ones included."""
        return {int(kind): int(counts.sum()) for kind, counts in zip(ErrorKind, self._counts, strict=False)}
