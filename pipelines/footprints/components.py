"""Building points to connected patches of a globally anchored mask, each owned by exactly one tile.

Every operation has a bounded reach and counts cells from the CRS origin, so a patch comes out the same in every window
that sees it whole, and a window that does not see it whole can tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipelines.footprints.params import FootprintParams
    from twin.bounds import Bounds
    from twin.raster import Frame

__all__ = ["Patch", "building_mask", "component", "patches"]

_SQUARE = np.ones((3, 3), np.bool_)
_NEAR_CELLS = 5
_SPARSE = 2.0
"""Points per occupied cell below which gaps are closed one cell wider: chance empties 20 % of the cells there."""
_VERY_SPARSE = 1.2
"""The same where chance empties two thirds of the cells: about 1.5 points per square metre."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patch:
    """A connected set of building cells."""

    cells: NDArray[np.bool_]
    """Shape (rows, columns), row 0 in the *south*, trimmed to the patch."""
    column0: int
    """Global column of its west side."""
    row0: int
    """Global row of its south side."""
    is_block: bool
    """Whether it was cut out of a larger component along the block grid."""

    @property
    def anchor(self) -> tuple[int, int]:
        """Global (row, column) of its southernmost cell, the westernmost of those: its name and its owner."""
        return self.row0, self.column0 + int(np.argmax(self.cells[0]))


def building_mask(
    x: NDArray[np.float64], y: NDArray[np.float64], frame: Frame, params: FootprintParams, *, thin: bool = False
) -> NDArray[np.bool_]:
    """Mark cells that hold building points, with small gaps closed and thin things dropped.

    Closing bridges cells that the scan missed; opening drops what is one or two cells wide (a wire, a wall, a row of
    mislabelled points); holes up to `derived_min_hole_m2` are filled. A hole is filled by its own size alone, and one
    that reaches the frame's edge is not: results are right `mask_margin_m` inside the frame.

    Parameters
    ----------
    x, y
        Building points, shape (n,), metres.
    frame
        Cells to mark, with resolution `cell_m`.
    params
        Cell, closing, largest hole.
    thin
        Whether thin things stay.

    Returns
    -------
    numpy.ndarray
        Shape of the frame, row 0 in the *south* (global rows grow northwards).
    """
    row, column, inside = frame.cells_of(x, y)
    cell = (frame.rows - 1 - row[inside]) * frame.columns + column[inside]
    count = np.bincount(cell, minlength=frame.rows * frame.columns).reshape(frame.shape)
    radius = math.ceil(params.closing_m / params.cell_m)
    occupied = count > 0
    mask = _closed(occupied, radius)
    wider = _closed(occupied, radius + 1) & ~mask
    # Chance leaves specks empty, an alley is long; only where chance empties most cells, an alley cannot be told.
    largest = round(params.derived_min_hole_m2 / params.cell_m**2)
    mask |= wider & (_is_sparse(count, _VERY_SPARSE) | (_is_sparse(count, _SPARSE) & _is_speck(wider, largest)))
    mask = _filled(mask, round(params.derived_min_hole_m2 / params.cell_m**2))
    if thin:
        return mask
    opened: NDArray[np.bool_] = ndimage.binary_opening(mask, _SQUARE)
    return opened


def patches(mask: NDArray[np.bool_], frame: Frame, own: Bounds, params: FootprintParams) -> Iterator[Patch]:
    """Yield the patches that a tile owns, south to north, west to east.

    A component longer than `max_extent_m` is cut along the global block grid, because no window is sure to see all of
    it; its pieces are patches of their own. Whether a component is that long is decided alike by every window.

    Parameters
    ----------
    mask
        From `building_mask`.
    frame
        Its frame, which must reach `FootprintParams.halo_m` beyond `own` on all sides.
    own
        The tile; it owns the patches whose anchor cell has its centre here.
    params
        Extents and least area.
    """
    labels, n = ndimage.label(mask)
    found: list[Patch] = []
    limit = params.max_extent_m / params.cell_m
    least = params.derived_min_area_m2 / params.cell_m**2
    large = np.zeros(n + 1, np.bool_)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box[0].stop - box[0].start > limit or box[1].stop - box[1].start > limit:
            large[label] = True
            continue
        found.append(_patch(labels[box] == label, (box[0].start, box[1].start), frame, is_block=False))
    if large.any():
        found.extend(_blocks(large[labels], frame, params))
    mine = [patch for patch in found if patch.cells.sum() >= least and _owns(own, patch, params.cell_m)]
    yield from sorted(mine, key=lambda patch: patch.anchor)


def component(mask: NDArray[np.bool_], frame: Frame) -> Patch | None:
    """Return the connected part of a mask with the most cells, the southernmost of equals; None of an empty mask."""
    labels, n = ndimage.label(mask)
    if not n:
        return None
    largest = int(np.argmax(np.bincount(labels.ravel(), minlength=n + 1)[1:])) + 1
    box = ndimage.find_objects(labels)[largest - 1]
    return _patch(labels[box] == largest, (box[0].start, box[1].start), frame, is_block=False)


def _closed(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Close gaps up to twice `radius` cells wide."""
    if radius == 0:
        return mask
    closed: NDArray[np.bool_] = ndimage.binary_closing(mask, _SQUARE, iterations=radius)
    return closed


def _is_speck(mask: NDArray[np.bool_], n_cells: int) -> NDArray[np.bool_]:
    """Where a connected part of a mask has at most so many cells."""
    labels, n = ndimage.label(mask)
    small = np.bincount(labels.ravel(), minlength=n + 1) <= n_cells
    small[0] = False
    return np.asarray(small[labels])


def _is_sparse(count: NDArray[np.int64], points_per_cell: float) -> NDArray[np.bool_]:
    """Where occupied cells nearby hold so few points that cells in between are empty by chance.

    The mean over *occupied* cells does not fall at a building's edge, as a plain density would.
    """
    points, cells = _box_sum(count), _box_sum((count > 0).astype(np.int64))
    return points < points_per_cell * cells


def _box_sum(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum over the square of cells within `_NEAR_CELLS`; integers, so no window rounds differently."""
    size = 2 * _NEAR_CELLS + 1
    sums = np.pad(values, _NEAR_CELLS)
    for axis in (0, 1):
        total = np.cumsum(sums, axis=axis)
        total = np.concatenate([np.zeros_like(total.take([0], axis=axis)), total], axis=axis)
        length = total.shape[axis]
        sums = total.take(np.arange(size, length), axis=axis) - total.take(np.arange(length - size), axis=axis)
    return sums


def _filled(mask: NDArray[np.bool_], n_cells: int) -> NDArray[np.bool_]:
    """Fill background components of up to `n_cells` that do not touch the frame."""
    labels, n = ndimage.label(~mask)
    fill = np.bincount(labels.ravel(), minlength=n + 1) <= n_cells
    fill[0] = False
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        fill[side] = False
    filled: NDArray[np.bool_] = mask | fill[labels]
    return filled


def _blocks(mask: NDArray[np.bool_], frame: Frame, params: FootprintParams) -> Iterator[Patch]:
    """Cut a mask along the global block grid and yield the connected pieces."""
    edge = round(params.block_m / params.cell_m)
    for row in _cuts(frame.row0, frame.rows, edge):
        for column in _cuts(frame.column0, frame.columns, edge):
            labels, _ = ndimage.label(mask[row, column])
            for label, box in enumerate(ndimage.find_objects(labels), start=1):
                corner = row.start + box[0].start, column.start + box[1].start
                yield _patch(labels[box] == label, corner, frame, is_block=True)


def _cuts(first: int, count: int, edge: int) -> list[slice]:
    """Slices of a frame's axis between the global multiples of `edge`."""
    inner = range(-(-first // edge) * edge, first + count, edge)
    stops = [0, *(stop - first for stop in inner if stop > first), count]
    return [slice(a, b) for a, b in pairwise(stops) if b > a]


def _patch(cells: NDArray[np.bool_], corner: tuple[int, int], frame: Frame, *, is_block: bool) -> Patch:
    return Patch(cells=cells, row0=frame.row0 + corner[0], column0=frame.column0 + corner[1], is_block=is_block)


def _owns(own: Bounds, patch: Patch, cell_m: float) -> bool:
    row, column = patch.anchor
    x, y = (column + 0.5) * cell_m, (row + 0.5) * cell_m
    return own.xmin <= x < own.xmax and own.ymin <= y < own.ymax
