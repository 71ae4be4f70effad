"""The last resort for a face that cannot be flat: triangles without new corners."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["triangulate"]


@nb.njit(cache=True)
def triangulate(xy: Any, corners: Any, ring_start: Any) -> Any:
    """Cut a polygon into triangles that use every corner, the well-shaped ones first.

    Ears are cut in the order of their height, so that corners on straight edges get triangles of their own instead of
    being lost, which would leave cracks to the neighbours.

    Parameters
    ----------
    xy
        Places in plan, shape (n, 2) int64.
    corners
        Indices into `xy` along the rings: the outer one counter-clockwise, then holes clockwise.
    ring_start
        First corner of each ring, shape (rings + 1,).

    Returns
    -------
    numpy.ndarray
        Shape (triangles, 3), places in `corners`, counter-clockwise; empty if there is none without flat triangles.

    Notes
    -----
    O(n^3) at worst; faces have tens of corners.
    """
    ring = _bridged(xy, corners, ring_start)
    n = len(ring)
    triangles = np.empty((max(n - 2, 0), 3), np.int64)
    used = 0
    while n > 3:
        best, tallest = -1, 0.0
        for i in range(n):
            height = _ear(xy, corners, ring[:n], i)
            if height > tallest:
                best, tallest = i, height
        if best < 0:
            return triangles[:0]
        triangles[used, 0] = ring[best - 1 if best > 0 else n - 1]
        triangles[used, 1], triangles[used, 2] = ring[best], ring[(best + 1) % n]
        used += 1
        ring[best : n - 1] = ring[best + 1 : n].copy()
        n -= 1
    if n < 3 or _cross(xy, corners[ring[0]], corners[ring[1]], corners[ring[2]]) <= 0:
        return triangles[:0]
    triangles[used] = ring[:3]
    return triangles[: used + 1]


@nb.njit(cache=True)
def _cross(xy: Any, a: int, b: int, c: int) -> int:
    return int((xy[b, 0] - xy[a, 0]) * (xy[c, 1] - xy[a, 1]) - (xy[b, 1] - xy[a, 1]) * (xy[c, 0] - xy[a, 0]))


@nb.njit(cache=True)
def _ear(xy: Any, corners: Any, ring: Any, i: int) -> float:
    """Least height of the triangle at a corner of the ring, 0 if it is no ear."""
    n = len(ring)
    a, b, c = corners[ring[i - 1]], corners[ring[i]], corners[ring[(i + 1) % n]]
    area2 = _cross(xy, a, b, c)
    if area2 <= 0:
        return 0.0
    for k in range(n):
        w = corners[ring[k]]
        if w in (a, b, c):
            continue
        if _cross(xy, a, b, w) >= 0 and _cross(xy, b, c, w) >= 0 and _cross(xy, c, a, w) >= 0:
            return 0.0
    longest = 0.0
    for p, q in ((a, b), (b, c), (c, a)):
        longest = max(longest, float(xy[p, 0] - xy[q, 0]) ** 2 + float(xy[p, 1] - xy[q, 1]) ** 2)
    return float(area2 / np.sqrt(longest))


@nb.njit(cache=True)
def _bridged(xy: Any, corners: Any, ring_start: Any) -> Any:
    """One ring of places in `corners`: each hole, the nearest first, is joined by a bridge there and back."""
    n_rings = len(ring_start) - 1
    ring = np.empty(len(corners) + 2 * n_rings, np.int64)
    n = ring_start[1] - ring_start[0]
    ring[:n] = np.arange(ring_start[0], ring_start[1])
    done = np.zeros(n_rings, np.bool_)
    for _ in range(1, n_rings):
        best_i, best_k, best_r, least = -1, -1, -1, np.inf
        for r in range(1, n_rings):
            if done[r]:
                continue
            for k in range(ring_start[r], ring_start[r + 1]):
                for i in range(n):
                    p, q = corners[ring[i]], corners[k]
                    d2 = float(xy[p, 0] - xy[q, 0]) ** 2 + float(xy[p, 1] - xy[q, 1]) ** 2
                    if d2 < least:  # the shortest of all bridges crosses nothing
                        best_i, best_k, best_r, least = i, k, r, d2
        length = ring_start[best_r + 1] - ring_start[best_r]
        tail = ring[best_i + 1 : n].copy()
        at = best_i + 1
        for j in range(length + 1):
            ring[at] = ring_start[best_r] + (best_k - ring_start[best_r] + j) % length
            at += 1
        ring[at] = ring[best_i]
        at += 1
        ring[at : at + len(tail)] = tail
        n = at + len(tail)
        done[best_r] = True
    return ring[:n].copy()
