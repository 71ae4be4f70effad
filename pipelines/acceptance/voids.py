"""Empty regions inside the surveyed area: found in each block, joined across blocks, told from water.

Water returns little light, so a pond is empty as well, and Japanese practice excludes it. A region counts as water if
at least three occupied cells on its rim, and 3 % of them, hold points of class water; or, since many deliveries have
no such class, if its rim is flat and lies clearly below the ground a dozen cells around. The first rule takes a missing
patch that touches a river for a part of it. The second sees no pond that is level with its surroundings (it stays a
void, to be looked at), and takes a missing patch at the bottom of a flat-floored pit for one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BlockVoids", "Void", "VoidJoiner", "find_voids"]

_WATER_RIM, _WATER_TOUCHES = 0.03, 3
"""Share and number of rim cells with water points: returns from water are few, but a hole on land has none at all."""
_FLAT_MM, _BELOW_MM = 250.0, 300.0
"""Scatter of a water's rim, and how far it lies below what is around: banks of a paddy drain are that low."""
_NEAR, _AROUND = 2, 12
"""Cells around a region: those up to the first are its bank, those beyond and up to the second what is around."""
_TOLD_BY = 8
"""Cells from which a block's share of a region is asked what is around it; crumbs on borders say little."""
_MAP_CELLS = 1 << 16
"""More than a block has map cells."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockVoids:
    """Empty regions of one block that are large or reach its edge."""

    table: NDArray[np.int64]
    """Shape (m, 11): cells; rim cells, those with water, their lowest heights' sum and sum of squares (mm); cells
    around and their median times that number; and the box in cells, half-open."""
    edges: tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]
    """Row in `table` plus one along the southern, northern, western and eastern edge, 0 where there is none; shape
    (cells,) each; not read where there is no region."""
    painted: NDArray[np.int64]
    """Shape (k, 3): row in `table`, map cell within the block's part of the map, and cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """One connected empty region."""

    area_m2: float
    box: tuple[float, float, float, float]
    """xmin, ymin, xmax, ymax."""
    is_water: bool
    rim_water_share: float
    rim_spread_m: float
    below_m: float
    """How far the rim lies below what is around."""


def find_voids(  # noqa: PLR0913 - the facts of one block
    empty: NDArray[np.bool_],
    lowest_mm: NDArray[np.int32],
    water: NDArray[np.bool_],
    corner: tuple[int, int],
    least_cells: int,
    map_cells: NDArray[np.int64],
) -> BlockVoids:
    """Find the empty regions of a block.

    Parameters
    ----------
    empty
        Cells inside the surveyed area without points, shape (rows, columns), row 0 in the south.
    lowest_mm
        Lowest height of each occupied cell, the greatest integer elsewhere.
    water
        Cells with points of class water.
    corner
        (Column, row) of the block's first cell.
    least_cells
        Cells from which an inner region is kept.
    map_cells
        Number of the map cell that each cell belongs to, within the block's part; same shape.
    """
    labels, n = ndimage.label(empty)
    if not n:
        return BlockVoids(table=np.empty((0, 11), np.int64), edges=_no_edges(), painted=np.empty((0, 3), np.int64))
    area = np.bincount(labels.ravel(), minlength=n + 1)
    keep = area >= least_cells
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        keep[edge] = True
    keep[0] = False
    number = np.zeros(n + 1, np.int64)
    number[keep] = np.arange(1, np.count_nonzero(keep) + 1)
    labels = number[labels]
    table = np.zeros((int(number.max()), 11), np.int64)
    if not len(table):
        return BlockVoids(table=table, edges=_no_edges(), painted=np.empty((0, 3), np.int64))
    table[:, 0] = area[keep]
    _add_rims(table, labels, lowest_mm, water)
    for region, (row, box) in enumerate(zip(table, ndimage.find_objects(labels), strict=True), start=1):
        south, west = box
        if row[0] >= _TOLD_BY:
            row[5:7] = _around(labels, region, (south, west), lowest_mm)
        row[7:] = (corner[0] + west.start, corner[1] + south.start, corner[0] + west.stop, corner[1] + south.stop)
    edges = tuple(edge.astype(np.int16) for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]))
    where = labels > 0
    pairs = (labels[where] - 1) * _MAP_CELLS + map_cells[where]
    cells, counts = np.unique(pairs, return_counts=True)
    painted = np.column_stack([cells // _MAP_CELLS, cells % _MAP_CELLS, counts])
    return BlockVoids(table=table, edges=edges, painted=painted)


def _around(
    labels: NDArray[np.int64], region: int, box: tuple[slice, slice], lowest_mm: NDArray[np.int32]
) -> tuple[int, int]:
    """Return how many occupied cells lie around a region, and their median height times that number."""
    window = tuple(slice(max(0, side.start - _AROUND), side.stop + _AROUND) for side in box)
    own = (labels[window] == region).astype(np.uint8)
    far, near = (cv2.dilate(own, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) for reach in (_AROUND, _NEAR))
    heights = lowest_mm[window][(far > 0) & (near == 0)]
    heights = heights[heights < np.iinfo(np.int32).max]
    return heights.size, heights.size * int(np.median(heights)) if heights.size else 0


def _no_edges() -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
    none = np.empty(0, np.int16)
    return none, none, none, none


def _add_rims(
    table: NDArray[np.int64], labels: NDArray[np.int64], lowest_mm: NDArray[np.int32], water: NDArray[np.bool_]
) -> None:
    """Count the occupied neighbours of each region, once for each side that touches."""
    occupied = lowest_mm < np.iinfo(np.int32).max
    ours = (np.s_[:, 1:], np.s_[:, :-1], np.s_[1:, :], np.s_[:-1, :])
    theirs = (np.s_[:, :-1], np.s_[:, 1:], np.s_[:-1, :], np.s_[1:, :])
    for here, there in zip(ours, theirs, strict=True):
        touch = (labels[here] > 0) & occupied[there]
        region = labels[here][touch] - 1
        height = lowest_mm[there][touch].astype(np.int64)
        height = np.clip(height, -10_000_000, 10_000_000)
        np.add.at(table[:, 1], region, 1)
        np.add.at(table[:, 2], region, water[there][touch].astype(np.int64))
        np.add.at(table[:, 3], region, height)
        np.add.at(table[:, 4], region, height * height)


@dataclass(slots=True, kw_only=True)
class VoidJoiner:
    """Joins regions across blocks; memory grows with empty regions on edges, not with points."""

    cell_m: float
    """Edge of the cells that regions are made of."""
    blocks: dict[tuple[int, int], BlockVoids] = field(default_factory=dict)
    """Regions of each block (column, row) that has some."""
    parent: list[int] = field(default_factory=list)
    first: dict[tuple[int, int], int] = field(default_factory=dict)
    """Number of each block's first region, once joined."""

    def add(self, block: tuple[int, int], voids: BlockVoids) -> None:
        """Take in a block."""
        if len(voids.table):
            self.blocks[block] = voids

    def join(self, least_m2: float) -> tuple[list[Void], dict[tuple[int, int], NDArray[np.int64]]]:
        """Join all blocks, in a fixed order.

        Returns
        -------
        tuple
            Voids of at least `least_m2`, largest first; and for each block the void of each of its regions, or -1.
        """
        order = sorted(self.blocks)
        self.parent.clear()
        for block in order:
            self.first[block] = len(self.parent)
            self.parent.extend(range(len(self.parent), len(self.parent) + len(self.blocks[block].table)))
        for column, row in order:
            edges = self.blocks[column, row].edges
            self._touch((column, row), edges[1], (column, row + 1), 0)
            self._touch((column, row), edges[3], (column + 1, row), 2)
        if not order:
            return [], {}
        roots = np.array([self._root(i) for i in range(len(self.parent))])
        table = np.concatenate([self.blocks[block].table for block in order])
        _, group = np.unique(roots, return_inverse=True)
        n = int(group.max()) + 1
        sums = np.zeros((n, 7))
        for k in range(7):
            sums[:, k] = np.bincount(group, weights=table[:, k].astype(np.float64), minlength=n)
        boxes = np.empty((n, 4), np.int64)
        for k, (ufunc, start) in enumerate([(np.minimum, 1 << 60)] * 2 + [(np.maximum, -(1 << 60))] * 2):
            boxes[:, k] = start
            ufunc.at(boxes[:, k], group, table[:, 7 + k])
        kept = np.flatnonzero(sums[:, 0] * self.cell_m**2 >= least_m2)
        kept = kept[np.lexsort((boxes[kept, 0], boxes[kept, 1], -sums[kept, 0]))]
        voids = [self._void(sums[i], boxes[i]) for i in kept]
        number = np.full(n, -1)
        number[kept] = np.arange(len(kept))
        of_region = number[group]
        ends = [self.first[block] + len(self.blocks[block].table) for block in order]
        return voids, {block: of_region[self.first[block] : end] for block, end in zip(order, ends, strict=True)}

    def _void(self, sums: NDArray[np.float64], box: NDArray[np.int64]) -> Void:
        rim = max(1.0, sums[1])
        mean = sums[3] / rim
        spread = float(np.sqrt(max(0.0, sums[4] / rim - mean * mean)))
        share, below = float(sums[2] / rim), float(sums[6] / sums[5] - mean) if sums[5] else 0.0
        has_water = share >= _WATER_RIM and sums[2] >= _WATER_TOUCHES
        is_basin = sums[1] > 0 and spread <= _FLAT_MM and below >= _BELOW_MM
        edge = self.cell_m
        west, south, east, north = (float(side) * edge for side in box)
        return Void(
            area_m2=float(sums[0]) * edge**2,
            box=(west, south, east, north),
            is_water=bool(has_water or is_basin),
            rim_water_share=share,
            rim_spread_m=spread * 1e-3,
            below_m=below * 1e-3,
        )

    def _touch(self, block: tuple[int, int], edge: NDArray[np.int16], neighbour: tuple[int, int], side: int) -> None:
        if neighbour not in self.blocks:
            return
        other = self.blocks[neighbour].edges[side]
        both = np.flatnonzero((edge > 0) & (other > 0))
        for a, b in {(int(edge[i]), int(other[i])) for i in both}:
            one, two = self._root(self.first[block] + a - 1), self._root(self.first[neighbour] + b - 1)
            self.parent[max(one, two)] = min(one, two)

    def _root(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i
