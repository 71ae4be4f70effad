"""What stands in the cells around a place: lowest, highest, mean, how much of it is ground, and what openings leave.

Heights are those above the filter's surface, so a slope looks level; the lowest and the rise of the *bare* heights are
there too, because on a cliff that surface is what is wrong. Everything is a minimum, a maximum or an integer sum over
squares of globally anchored cells: no order of points and no window changes a bit of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numba
import numpy as np

from pipelines.ground.cells import count, highest, lowest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.raster import Frame

__all__ = ["CELL_M", "CELL_NAMES", "CELL_REACH_M", "N_HEIGHTS", "cell_planes", "table_of"]

CELL_M = 1.0
"""Edge of a cell, metres: that of the usual height grid."""
CELL_REACH_M = 10.0 * CELL_M
"""Farthest cell that a cell's row depends on: twice the radius of the widest opening, metres."""

_RADII = (0, 1, 2, 5)
_OPEN_RADII = (1, 2, 5)
_FAR = np.float32(1e6)

CELL_NAMES: tuple[str, ...] = (
    *(f"lowest_{radius}" for radius in _RADII),
    *(f"highest_{radius}" for radius in _RADII),
    "bare_lowest_2",
    "bare_lowest_5",
    *(f"opened_{radius}" for radius in _OPEN_RADII),
    "bare_opened_5",
    "rise_2",
    "mean_1",
    "spread_1",
    "mean_2",
    "roughness_2",
    "ground_1",
    "ground_5",
    "several_returns_1",
)
"""Planes, and columns of the table; the number is the half edge of the square in cells. Density is not among them: it
would only tell the trees which survey they look at."""

N_HEIGHTS = 2 * len(_RADII) + 2 + len(_OPEN_RADII) + 1
"""Leading columns that are heights, above the surface or (``bare``) above the datum."""


def cell_planes(
    cells: NDArray[np.int32],
    z: NDArray[np.float64],
    height_m: NDArray[np.float32],
    flags: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    frame: Frame,
) -> list[NDArray[np.float32]]:
    """Return one grid for each of `CELL_NAMES`.

    Parameters
    ----------
    cells
        Cell of each point on `frame`, -1 outside, shape (n,).
    z, height_m
        Heights of the points, and those above the filter's surface with 0 where there is none, metres, shape (n,).
    flags
        Whether the filter called each point ground, and whether its pulse gave several returns, each of shape (n,).
    frame
        Cells of `CELL_M`.

    Returns
    -------
    Grids of shape (rows, cols), row 0 north; right in each cell with a point that all points within `CELL_REACH_M`
    are given of. Elsewhere they mean nothing.
    """
    shape = frame.shape
    low, high = lowest(cells, height_m, shape), highest(cells, height_m, shape)
    bare_low = lowest(cells, z, shape)
    floor = (z - height_m).astype(np.float32)
    layers = [_least(low, radius) for radius in _RADII]
    layers += [-_least(-high, radius) for radius in _RADII]
    layers += [_least(bare_low, 2), _least(bare_low, 5)]
    layers += [_opened(low, radius) for radius in _OPEN_RADII]
    layers.append(_opened(bare_low, 5))
    layers.append(-_least(-highest(cells, floor, shape), 2) - _least(lowest(cells, floor, shape), 2))
    layers += _sums(cells, height_m, high, flags, shape)
    return layers


def table_of(planes: list[NDArray[np.float32]], cells: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the values of some cells as rows, shape (len(cells), ``len(CELL_NAMES)``)."""
    table = np.empty((len(cells), len(planes)), np.float32)
    for k, plane in enumerate(planes):
        table[:, k] = plane.ravel()[cells]
    return table


def _least(grid: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Lowest value of the known cells within the square of `radius` cells."""
    if radius == 0:
        return grid
    filled = np.where(np.isnan(grid), _FAR, grid)
    edge = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return np.asarray(cv2.erode(filled, edge, borderType=cv2.BORDER_CONSTANT, borderValue=float(_FAR)), np.float32)


def _opened(grid: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Open by the square of `radius` cells in which only known cells take part."""
    eroded = np.where(np.isnan(grid), -_FAR, _least(grid, radius))
    return -_least(np.where(eroded == -_FAR, np.float32(np.nan), -eroded), radius)


def _sums(
    cells: NDArray[np.int32], height_m: NDArray[np.float32], high: NDArray[np.float32], flags: Any, shape: Any
) -> list[NDArray[np.float32]]:
    """Means, spreads and shares from integer sums over squares."""
    first, second = _moments(cells, height_m, shape[0] * shape[1])
    n = count(cells, shape)
    n_1, n_2, n_5 = (np.maximum(_box(n, radius), 1.0) for radius in (1, 2, 5))
    known = ~np.isnan(high)
    top = np.where(known, np.rint(np.clip(np.nan_to_num(high), -100.0, 500.0) * 100.0), 0.0)
    n_top = np.maximum(_box(known, 2), 1.0)
    ground, several = count(cells, shape, flags[0]), count(cells, shape, flags[1])
    first, second = first.reshape(shape), second.reshape(shape)
    mean_1, mean_2 = _box(first, 1) / n_1, _box(first, 2) / n_2
    layers = (
        mean_1 / 100.0,
        _spread(_box(second, 1), mean_1, n_1) / 100.0,
        mean_2 / 100.0,
        _spread(_box(top * top, 2), _box(top, 2) / n_top, n_top) / 100.0,
        _box(ground, 1) / n_1,
        _box(ground, 5) / n_5,
        _box(several, 1) / n_1,
    )
    return [layer.astype(np.float32) for layer in layers]


def _box(grid: NDArray[Any], radius: int) -> NDArray[np.float64]:
    """Sum whole numbers over squares, exactly: they and all their sums stay below 2**53."""
    edge = (2 * radius + 1, 2 * radius + 1)
    plain = grid.astype(np.float64)
    return np.asarray(cv2.boxFilter(plain, cv2.CV_64F, edge, normalize=False, borderType=cv2.BORDER_CONSTANT))


def _spread(squares: NDArray[np.float64], mean: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.maximum(squares / n - mean * mean, 0.0)))


@numba.njit(cache=True)
def _moments(cells: Any, height_m: Any, n_cells: int) -> Any:
    """Sum heights and their squares in each cell, in whole centimetres."""
    first, second = np.zeros(n_cells, np.int64), np.zeros(n_cells, np.int64)
    for p in range(cells.size):
        if cells[p] >= 0:
            h = np.int64(np.rint(min(max(height_m[p], -100.0), 500.0) * 100.0))
            first[cells[p]] += h
            second[cells[p]] += h * h
    return first, second
