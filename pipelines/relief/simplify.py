"""Greedy insertion: the worst sample becomes a vertex until none is farther from its triangle than tolerated.

References
----------
Garland, M., Heckbert, P. (1995). Fast polygonal approximation of terrains and height fields. CMU-CS-95-181.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from pipelines.relief.mesh import Mesh, add_point, blank, edge_between, fix_edge, inner

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["simplify"]

_UNSEEN = -2
"""Worst sample of a triangle that was changed and not looked at yet."""


class _Queue(NamedTuple):
    """Triangles with a sample too far from them, the worst first; all arrays by triangle but the heap."""

    error: NDArray[np.float64]
    worst: NDArray[np.int64]
    """Number of that sample."""
    heap: NDArray[np.int32]
    """Triangles; children of place k are at 2 k + 1 and 2 k + 2."""
    place: NDArray[np.int32]
    """Place of each triangle in the heap, -1 if it is not in it."""


@njit(cache=True)
def simplify(
    z: NDArray[np.float64],
    surface: NDArray[np.bool_],
    points: NDArray[np.int64],
    rims: NDArray[np.int64],
    tolerance: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Triangulate a lattice of heights within a tolerance.

    Parameters
    ----------
    z
        Heights, shape (rows, columns), row 0 in the *south*; NaN where unknown.
    surface
        Which squares between four samples belong to the surface, shape (rows - 1, columns - 1).
    points
        Samples that must be vertices, (column, row) each, shape (n, 2); fast if neighbours follow.
    rims
        Straight edges that must be kept, axis-parallel, as numbers into `points`, shape (m, 2). Together they must
        part the surface from the rest, but for the lattice's own sides, on which vertices come from `points` alone.
    tolerance
        Largest vertical distance of a sample of the surface, in the unit of z.

    Returns
    -------
    tuple
        Columns and rows of the vertices, and triangles of the surface as vertex numbers, shape (k, 3),
        counter-clockwise. Vertices that no triangle uses are among them.

    Notes
    -----
    Of equally bad samples the one first in row order goes first. Time grows like samples times the logarithm of
    vertices.
    """
    rows, columns = z.shape
    mesh = blank(columns, rows)
    number = np.empty(points.shape[0], np.int64)
    t = 0
    for i in range(points.shape[0]):
        number[i] = add_point(mesh, points[i, 0], points[i, 1], t)
        t = mesh.at[number[i]]
    _keep(mesh, number[rims[:, 0]], number[rims[:, 1]])
    for t in range(mesh.counts[1]):
        column = row = 0
        for k in range(3):
            column += mesh.column[mesh.corner[t, k]]
            row += mesh.row[mesh.corner[t, k]]
        mesh.inside[t] = surface[min(row // 3, rows - 2), min(column // 3, columns - 2)]
    _refine(mesh, z, tolerance)
    n = mesh.counts[0]
    chosen = mesh.corner[: mesh.counts[1]][mesh.inside[: mesh.counts[1]]]
    return mesh.column[:n].copy(), mesh.row[:n].copy(), chosen


@inner
def _keep(mesh: Mesh, first: NDArray[np.int64], last: NDArray[np.int64]) -> None:
    """Fix edges; one that is no Delaunay edge is halved at a lattice point until its parts are.

    An edge of length 1 always is one: the circle over it holds no other lattice point.
    """
    a, b = np.empty(64, np.int64), np.empty(64, np.int64)  # halving 2**63 times is enough
    for i in range(first.shape[0]):
        n = 1
        a[0], b[0] = first[i], last[i]
        while n > 0:
            n -= 1
            p, q = a[n], b[n]
            t, k = edge_between(mesh, p, q)
            if t >= 0:
                fix_edge(mesh, t, k)
                continue
            column, row = (mesh.column[p] + mesh.column[q]) // 2, (mesh.row[p] + mesh.row[q]) // 2
            v = add_point(mesh, column, row, mesh.at[p])
            a[n], b[n], a[n + 1], b[n + 1] = v, q, p, v
            n += 2


@inner
def _refine(mesh: Mesh, z: NDArray[np.float64], tolerance: float) -> None:
    """Insert the worst sample until all are within the tolerance."""
    room = mesh.inside.shape[0]
    queue = _Queue(
        np.empty(room, np.float64),
        np.empty(room, np.int64),
        np.empty(room, np.int32),
        np.full(room, -1, np.int32),
    )
    n = 0
    columns = z.shape[1]
    for t in range(mesh.counts[1]):
        n = _look_at(mesh, z, tolerance, queue, n, t)
    while n > 0:
        t = queue.heap[0]
        add_point(mesh, queue.worst[t] % columns, queue.worst[t] // columns, t)
        changed = mesh.touched[: mesh.counts[2]]
        for t in changed:
            if queue.place[t] >= 0:
                n = _drop(queue, n, t)
            queue.worst[t] = _UNSEEN
        for t in changed:  # a triangle may be named again
            if queue.worst[t] == _UNSEEN:
                n = _look_at(mesh, z, tolerance, queue, n, t)


@inner
def _look_at(mesh: Mesh, z: NDArray[np.float64], tolerance: float, queue: _Queue, n: int, t: int) -> int:  # noqa: PLR0913
    """Put a triangle into the queue if it has a sample that is too far from it; returns the queue's length."""
    queue.worst[t] = -1
    if not mesh.inside[t]:
        return n
    queue.error[t], queue.worst[t] = _worst_in(mesh, t, z, tolerance)
    if queue.worst[t] < 0:
        return n
    queue.heap[n], queue.place[t] = t, n
    _rise(queue, n)
    return n + 1


@inner
def _worst_in(mesh: Mesh, t: int, z: NDArray[np.float64], tolerance: float) -> tuple[float, int]:
    """Return the largest error of the samples in a triangle and its number, -1 if all are within the tolerance."""
    a, b, c = mesh.corner[t, 0], mesh.corner[t, 1], mesh.corner[t, 2]
    if mesh.row[b] < mesh.row[a] and mesh.row[b] <= mesh.row[c]:
        a, b, c = b, c, a
    elif mesh.row[c] < mesh.row[a] and mesh.row[c] < mesh.row[b]:
        a, b, c = c, a, b
    # a is now a lowest corner, and a, b, c still run counter-clockwise: b lies on the right side, c on the left.
    ax, ay, bx, by, cx, cy = (
        mesh.column[a], mesh.row[a], mesh.column[b], mesh.row[b], mesh.column[c], mesh.row[c],
    )  # fmt: skip
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    za, zb, zc = z[ay, ax], z[by, bx], z[cy, cx]
    east = ((zb - za) * (cy - ay) - (zc - za) * (by - ay)) / area
    north = ((zc - za) * (bx - ax) - (zb - za) * (cx - ax)) / area
    largest, found = tolerance, -1
    for y in range(ay, max(by, cy) + 1):
        west = _west(ax, ay, cx, cy, y) if y <= cy and cy > ay else _west(cx, cy, bx, by, y)
        last = _east(ax, ay, bx, by, y) if y <= by and by > ay else _east(bx, by, cx, cy, y)
        line = z[y]
        height = za + north * (y - ay) - east * ax
        for x in range(west, last + 1):
            off = abs(line[x] - height - east * x)
            if off > largest:
                largest, found = off, y * z.shape[1] + x
    return largest, found


@inner
def _west(x0: int, y0: int, x1: int, y1: int, y: int) -> int:
    """First column at or right of the line through two places, in row y."""
    if y1 == y0:
        return min(x0, x1)
    if y1 < y0:
        x0, y0, x1, y1 = x1, y1, x0, y0
    return x0 - ((x0 - x1) * (y - y0)) // (y1 - y0)


@inner
def _east(x0: int, y0: int, x1: int, y1: int, y: int) -> int:
    """Last column at or left of the line through two places, in row y."""
    if y1 == y0:
        return max(x0, x1)
    if y1 < y0:
        x0, y0, x1, y1 = x1, y1, x0, y0
    return x0 + ((x1 - x0) * (y - y0)) // (y1 - y0)


@inner
def _before(queue: _Queue, i: int, j: int) -> bool:
    """Whether triangle i's sample goes before triangle j's."""
    one, other = queue.error[i], queue.error[j]
    return bool(one > other or (one == other and queue.worst[i] < queue.worst[j]))


@inner
def _rise(queue: _Queue, k: int) -> None:
    heap, place = queue.heap, queue.place
    while k > 0 and _before(queue, heap[k], heap[(k - 1) // 2]):
        up = (k - 1) // 2
        heap[k], heap[up] = heap[up], heap[k]
        place[heap[k]], place[heap[up]] = k, up
        k = up


@inner
def _sink(queue: _Queue, n: int, k: int) -> None:
    heap, place = queue.heap, queue.place
    while True:
        best = k
        for child in (2 * k + 1, 2 * k + 2):
            if child < n and _before(queue, heap[child], heap[best]):
                best = child
        if best == k:
            return
        heap[k], heap[best] = heap[best], heap[k]
        place[heap[k]], place[heap[best]] = k, best
        k = best


@inner
def _drop(queue: _Queue, n: int, t: int) -> int:
    """Take a triangle out; returns the queue's length."""
    k, n = queue.place[t], n - 1
    queue.place[t] = -1
    if k < n:
        last = queue.heap[n]
        queue.heap[k], queue.place[last] = last, k
        _rise(queue, k)
        _sink(queue, n, queue.place[last])
    return n
