"""The edges of a tile's ground: which squares there are, and which samples on the edges must be vertices.

A sample is a cell's height at its centre. Four known samples make a square of the surface; where one is void there is a
hole, cut along the squares. What happens on a tile's side is told from the samples on it and next to it, so both
neighbours find the same vertices there, whoever comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from pipelines.relief.mesh import inner

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Rims", "find_rims", "squares"]

_SHARE = 0.999
"""Share of the tolerance that edges may use, so that rounding never finds a sample on an edge too far from it."""


class Rims(NamedTuple):
    """Vertices on a tile's sides and around its holes."""

    points: NDArray[np.int64]
    """(column, row), shape (n, 2), edge by edge; a point may come again."""
    edges: NDArray[np.int64]
    """Edges around holes as numbers of points, shape (m, 2)."""


def squares(z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which squares between samples have four known corners; one row and column less than `z`."""
    known: NDArray[np.bool_] = np.isfinite(z)
    whole: NDArray[np.bool_] = known[:-1, :-1] & known[1:, :-1] & known[:-1, 1:] & known[1:, 1:]
    return whole


def find_rims(z: NDArray[np.float64], around: NDArray[np.bool_], tolerance: float) -> Rims:
    """Find the vertices on all edges of a tile's surface.

    Parameters
    ----------
    z
        Samples of the tile, shape (rows, columns), row 0 in the south, NaN where void; the outermost are shared with
        the neighbours.
    around
        Squares of the tile and one more on each side, shape (rows + 1, columns + 1).
    tolerance
        As for `simplify`.
    """
    south_west, south_east = around[:-1, :-1], around[:-1, 1:]
    north_west, north_east = around[1:, :-1], around[1:, 1:]
    south, north = south_west != south_east, north_west != north_east
    west, east = south_west != north_west, south_east != north_east
    straight = ((south & north) & ~(west | east)) | ((west & east) & ~(south | north))
    forced = (south | north | west | east) & ~straight
    for side in (0, -1):
        forced[:, side] |= (west | east)[:, side]
        forced[side] |= (south | north)[side]
        forced[side, 0] = forced[side, -1] = True
    upwards = _unit_edges(around)
    points, edges = _runs(z, upwards, forced, _SHARE * tolerance)
    across_points, across_edges = _runs(
        np.ascontiguousarray(z.T), _unit_edges(around.T), np.ascontiguousarray(forced.T), _SHARE * tolerance
    )
    return Rims(
        points=np.concatenate([points, across_points[:, ::-1]]),
        edges=np.concatenate([edges, across_edges + len(points)]),
    )


def _unit_edges(around: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which edges from a sample to the next one north border the surface; on the sides those that lie on it."""
    left, right = around[1:-1, :-1], around[1:-1, 1:]
    edges: NDArray[np.bool_] = left != right
    for side in (0, -1):
        edges[:, side] = left[:, side] | right[:, side]
    return edges


@njit(cache=True)
def _runs(
    z: NDArray[np.float64], edges: NDArray[np.bool_], forced: NDArray[np.bool_], tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Simplify every run of edges northwards between forced samples; points are (column, row)."""
    rows, columns = z.shape
    room = 0
    for c in range(columns):
        for r in range(rows - 1):
            room += 2 * edges[r, c]
    points, pairs = np.empty((room, 2), np.int64), np.empty((room, 2), np.int64)
    keep = np.empty(rows, np.bool_)
    n = m = 0
    for c in range(columns):
        r = 0
        while r < rows - 1:
            if not edges[r, c]:
                r += 1
                continue
            last = r + 1
            while last < rows - 1 and edges[last, c] and not forced[last, c]:
                last += 1
            _thin(z[:, c], r, last, tolerance, keep)
            for k in range(r, last + 1):
                if keep[k]:
                    points[n, 0], points[n, 1] = c, k
                    if k > r and 0 < c < columns - 1:
                        pairs[m, 0], pairs[m, 1] = n - 1, n
                        m += 1
                    n += 1
            r = last
    return points[:n], pairs[:m]


@inner
def _thin(line: NDArray[np.float64], first: int, last: int, tolerance: float, keep: NDArray[np.bool_]) -> None:
    """Mark the samples that a line between two samples needs: the farthest, until none is farther than tolerated."""
    keep[first : last + 1] = False
    keep[first] = keep[last] = True
    begin, end = np.empty(last - first + 2, np.int64), np.empty(last - first + 2, np.int64)
    begin[0], end[0] = first, last
    n = 1
    while n > 0:
        n -= 1
        a, b = begin[n], end[n]
        largest, found = tolerance, -1
        for k in range(a + 1, b):
            off = abs(line[k] - (line[a] + (line[b] - line[a]) * (k - a) / (b - a)))
            if off > largest:
                largest, found = off, k
        if found >= 0:
            keep[found] = True
            begin[n], end[n], begin[n + 1], end[n + 1] = a, found, found, b
            n += 2
