"""Crowns of single trees from canopy heights: tops in windows that grow with height, and what climbs to each top.

Everything is decided within a bounded distance, on a grid anchored at the origin of the CRS, in whole millimetres; so a
crown comes out the same in every window that sees that far.

References
----------
Popescu, S., Wynne, R. (2004). Seeing the trees in the forest. Photogrammetric Engineering and Remote Sensing 70 (5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.cityobjects.params import ObjectParams

__all__ = ["crowns", "gaps_in_leaves", "smoothed"]


def smoothed(height_mm: NDArray[np.int64], seen: NDArray[np.bool_], times: int) -> NDArray[np.int64]:
    """Average canopy heights with what is beside them; cells without any point count for nothing.

    Parameters
    ----------
    height_mm
        Highest plant above ground in each cell, millimetres, 0 where there is none; shape (rows, columns).
    seen
        Cells that hold any point.
    times
        Even number of times that each cell is averaged with half its neighbours on each axis (binomial weights).

    Returns
    -------
    numpy.ndarray
        Millimetres; 0 where nothing was seen around. Sums of whole numbers: no window rounds differently.
    """
    weights = np.array([1], np.int64)
    for _ in range(2 * (times // 2)):
        weights = np.convolve(weights, [1, 1])
    total, count = np.where(seen, height_mm, 0), seen.astype(np.int64)
    for axis in (0, 1):
        total = ndimage.correlate1d(total, weights, axis=axis, mode="constant")
        count = ndimage.correlate1d(count, weights, axis=axis, mode="constant")
    return np.asarray(total // np.maximum(count, 1), np.int64)


def gaps_in_leaves(height_mm: NDArray[np.int64], n_neighbours: int) -> NDArray[np.bool_]:
    """Return the cells without a plant of which at least so many of the 8 neighbours hold one.

    Light falls through crowns: the ground seen there says nothing of the crown's height.
    """
    plants = (height_mm > 0).astype(np.int64)
    around = ndimage.correlate(plants, np.ones((3, 3), np.int64), mode="constant") - plants
    gaps: NDArray[np.bool_] = (plants == 0) & (around >= n_neighbours)
    return gaps


def crowns(height_mm: NDArray[np.int64], params: ObjectParams) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Find the tops of trees and the cells of their crowns.

    Every cell climbs to its highest neighbour until it reaches a peak. A peak is a top if nothing within half the
    expected crown is higher; else it goes on from the highest cell in there: a branch. Crowns that grow into one
    another without a saddle come out as one tree; a tree below another's crown is not seen at all.

    Parameters
    ----------
    height_mm
        From `smoothed`, row 0 in the south.
    params
        Sizes of crowns.

    Returns
    -------
    tuple
        Tops as (row, column), shape (n, 2), in row order, and the number of its top for each cell, -1 for none.
    """
    cell = params.tree_cell_m
    heights = np.arange(0, int(height_mm.max(initial=0)) // 100 + 2) / 10
    reach = np.minimum(params.crown_base_m + params.crown_growth * heights**2, 2 * params.top_reach_m) / 2 / cell
    tops, label = _climb(
        height_mm,
        int(params.tree_min_height_m * 1000),
        reach,
        int(params.crown_max_m / cell),
    )
    _connect(height_mm, tops, label, params.crown_share)
    return tops, label


@njit(cache=True)
def _higher(height: Any, columns: int, one: int, other: int) -> bool:
    """Whether a cell goes before another: higher, or as high and earlier in row order from the origin."""
    a, b = height[one // columns, one % columns], height[other // columns, other % columns]
    return a > b or (a == b and one < other)


@njit(cache=True)
def _highest_within(height: Any, cell: int, reach: float) -> int:
    """Return the cell that goes before all others in a disc."""
    rows, columns = height.shape
    r, c = cell // columns, cell % columns
    n = int(reach)
    best = cell
    for i in range(max(0, r - n), min(rows, r + n + 1)):
        for j in range(max(0, c - n), min(columns, c + n + 1)):
            if (i - r) ** 2 + (j - c) ** 2 <= reach * reach and _higher(height, columns, i * columns + j, best):
                best = i * columns + j
    return best


@njit(cache=True)
def _climb(height: Any, least: int, reach: Any, farthest: int) -> tuple[Any, Any]:
    rows, columns = height.shape
    upwards = np.full(rows * columns, -1, np.int32)
    number = np.full(rows * columns, -1, np.int32)
    tops = np.empty((rows * columns, 2), np.int64)
    n = 0
    for cell in range(rows * columns):
        h = height[cell // columns, cell % columns]
        if h <= 0:
            continue
        up = _highest_within(height, cell, 1.5)
        if up == cell:
            up = _highest_within(height, cell, max(1.5, reach[h // 100]))
            if up == cell and h >= least:
                tops[n, 0], tops[n, 1] = cell // columns, cell % columns
                number[cell] = n
                n += 1
        upwards[cell] = up
    label = np.full((rows, columns), -1, np.int32)
    for cell in range(rows * columns):
        r, c = cell // columns, cell % columns
        at = cell
        while at >= 0 and (at // columns - r) ** 2 + (at % columns - c) ** 2 <= farthest * farthest:
            if number[at] >= 0:
                label[r, c] = number[at]
                break
            if upwards[at] == at:
                break
            at = upwards[at]
    return tops[:n].copy(), label


@njit(cache=True)
def _connect(height: Any, tops: Any, label: Any, share: float) -> None:
    """Take from each crown what is too low for it, or not joined to its top."""
    rows, columns = height.shape
    stack = np.empty(rows * columns, np.int64)
    joined = np.zeros((rows, columns), np.bool_)
    for k in range(tops.shape[0]):
        least = share * height[tops[k, 0], tops[k, 1]]
        stack[0], n = tops[k, 0] * columns + tops[k, 1], 1
        joined[tops[k, 0], tops[k, 1]] = True
        while n > 0:
            n -= 1
            r, c = stack[n] // columns, stack[n] % columns
            for i, j in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                if not (0 <= i < rows and 0 <= j < columns) or joined[i, j]:
                    continue
                if label[i, j] == k and height[i, j] >= least:
                    joined[i, j] = True
                    stack[n] = i * columns + j
                    n += 1
    for r in range(rows):
        for c in range(columns):
            if not joined[r, c]:
                label[r, c] = -1
