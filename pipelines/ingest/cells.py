"""Cells inside a tile: the coarse ones that tiles split along, and the fine ones that order and thin points.

All cells are halves of halves of a tile's edge, counted from the CRS's origin, so they are the same whatever tile a
point is in. With the default edge of 512 m: splitting and the coarsest level of detail use 16 m, the order of points
2 m, the finest level of detail 0.25 m.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CellScheme", "counted_cells"]

_COARSE_M = 16.0
"""About the edge of the coarsest level's cells and of the smallest tile, metres."""
_LEVELS = 6
"""Halvings from the coarsest to the finest level of detail: 16 m to 0.25 m, where airborne surveys have one point."""
_ORDER_HALVINGS = 3
"""Halvings from the coarse cell to the one in whose Morton order points stand: 2 m (DESIGN section 3)."""
_MAX_DEPTH = 11
"""Most halvings of a tile's edge: the grid of least hashes stays at 2048 x 2048 cells, 32 MB."""
_DENSE_CELLS = 1 << 22
"""Boxes of up to so many cells are counted in a dense array, larger ones by sorting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellScheme:
    """How often the edge of a level-0 tile is halved for what."""

    edge_m: float
    split: int
    """Halvings to the smallest tile, which is also the coarsest level's cell."""
    order: int
    """Halvings to the cell that orders points."""
    fine: int
    """Halvings to the finest level's cell."""

    @staticmethod
    def of(edge_m: float) -> CellScheme:
        """Return the scheme of a grid whose level-0 tiles have this edge.

        Examples
        --------
        >>> scheme = CellScheme.of(512.0)
        >>> [512.0 / 2**n for n in (scheme.split, scheme.order, scheme.fine)]
        [16.0, 2.0, 0.25]
        """
        split = min(_MAX_DEPTH, max(0, round(math.log2(edge_m / _COARSE_M))))
        fine = min(_MAX_DEPTH, split + _LEVELS)
        return CellScheme(edge_m=edge_m, split=split, order=min(fine, split + _ORDER_HALVINGS), fine=fine)

    @property
    def n_levels(self) -> int:
        """Levels of detail; the last holds the points that no cell chose."""
        return self.fine - self.split + 2

    def indices(
        self, x: NDArray[np.float64], y: NDArray[np.float64], halvings: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Global column and row of the cell, `halvings` below a level-0 tile, that owns each point; shapes as `x`."""
        edge = self.edge_m / (1 << halvings)
        return np.floor(x / edge).astype(np.int64), np.floor(y / edge).astype(np.int64)


def counted_cells(column: NDArray[np.int64], row: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each point's cell number, shape (n,), and column, row and points of each cell, shape (m, 3)."""
    west, south = int(column.min()), int(row.min())
    width, height = int(column.max()) - west + 1, int(row.max()) - south + 1
    if width * height <= _DENSE_CELLS:
        keys = (row - south) * width + (column - west)
        counts = np.bincount(keys, minlength=width * height)
        occupied = np.flatnonzero(counts)
        numbers = np.cumsum(counts > 0)[keys] - 1
        cells = np.column_stack([occupied % width + west, occupied // width + south, counts[occupied]])
        return numbers.astype(np.int64), cells
    places, inverse, sizes = np.unique(np.column_stack([row, column]), axis=0, return_inverse=True, return_counts=True)
    return inverse.reshape(-1).astype(np.int64), np.column_stack([places[:, 1], places[:, 0], sizes])
