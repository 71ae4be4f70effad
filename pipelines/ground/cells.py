"""Points to grids and back, on globally anchored cells and in an order that does not matter.

Minima, maxima and integer counts do not depend on the order of points; sums of floats would, so there are none here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.raster import Frame

__all__ = ["box_sum", "cell_numbers", "count", "highest", "lowest", "sample"]


def cell_numbers(frame: Frame, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
    """Flat index (row-major, row 0 north) of each point's cell, -1 outside; the cells of `Frame.cells_of`."""
    top = frame.row0 + frame.rows - 1
    return np.asarray(_cell_numbers(x, y, frame.resolution_m, (frame.column0, top), frame.shape), np.int32)


def lowest(cells: NDArray[np.int32], z: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Lowest z in each cell, NaN where there is no point; `cells` of -1 are left out."""
    return np.asarray(_extreme(cells, z, shape[0] * shape[1], 1.0), np.float32).reshape(shape)


def highest(cells: NDArray[np.int32], z: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Highest z in each cell, NaN where there is no point; `cells` of -1 are left out."""
    return np.asarray(_extreme(cells, z, shape[0] * shape[1], -1.0), np.float32).reshape(shape)


def count(
    cells: NDArray[np.int32], shape: tuple[int, int], chosen: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Points in each cell; of those `chosen` only, if given."""
    taken = cells[(cells >= 0) & chosen] if chosen is not None else cells[cells >= 0]
    return np.bincount(taken, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)


def box_sum(counts: NDArray[np.int64], radius_cells: int) -> NDArray[np.int64]:
    """Sum over the square of ``2 * radius_cells + 1`` cells around each cell, exact because it is in integers."""
    total = counts.astype(np.int64)
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius_cells + 1, radius_cells)
        running = np.cumsum(np.pad(total, pad), axis=axis, dtype=np.int64)
        size = total.shape[axis]
        upper = np.take(running, np.arange(2 * radius_cells + 1, 2 * radius_cells + 1 + size), axis=axis)
        total = upper - np.take(running, np.arange(size), axis=axis)
    return total


def sample(
    grid: NDArray[np.float32], frame: Frame, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Bilinear value of a grid of cell centres at each point; void cells have no weight, NaN where all are void."""
    bounds = frame.bounds
    return np.asarray(_sample(grid, x, y, frame.resolution_m, (bounds.xmin, bounds.ymax)), np.float32)


@numba.njit(cache=True)
def _cell_numbers(x: Any, y: Any, step: float, corner: Any, shape: Any) -> Any:
    column0, top = corner
    rows, columns = shape
    cells = np.empty(x.size, np.int32)
    for p in range(x.size):
        column, row = np.int64(np.floor(x[p] / step)) - column0, top - np.int64(np.floor(y[p] / step))
        inside = 0 <= column < columns and 0 <= row < rows
        cells[p] = row * columns + column if inside else -1
    return cells


@numba.njit(cache=True)
def _extreme(cells: Any, z: Any, n: int, sign: float) -> Any:
    grid = np.full(n, np.float32(np.nan))
    for p in range(cells.size):
        k = cells[p]
        if k >= 0:
            value = np.float32(z[p])
            if not (sign * value >= sign * grid[k]):
                grid[k] = value
    return grid


@numba.njit(cache=True)
def _sample(grid: Any, x: Any, y: Any, step: float, corner: Any) -> Any:
    west, north = corner
    out = np.empty(x.size, np.float32)
    rows, columns = grid.shape
    for p in range(x.size):
        u, v = (x[p] - west) / step - 0.5, (north - y[p]) / step - 0.5
        j, i = np.int64(np.floor(u)), np.int64(np.floor(v))
        fu, fv = u - j, v - i
        total, weight = 0.0, 0.0
        for k in range(4):
            row, column = i + (k & 1), j + (k >> 1)
            if 0 <= row < rows and 0 <= column < columns:
                value = grid[row, column]
                if value == value:
                    share = (fv if k & 1 else 1.0 - fv) * (fu if k >> 1 else 1.0 - fu)
                    total += share * value
                    weight += share
        out[p] = total / weight if weight > 1e-9 else np.nan
    return out
