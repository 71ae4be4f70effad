"""A face laid flat into triangles: ears are cut off, then diagonals flipped until the triangulation is Delaunay's.

Delaunay's matters: an ear at a vertex that lies a rounding beside the line of its neighbours has a normal of any
direction, and the constrained Delaunay triangulation, which val3dity judges, has no such triangles where others fit.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["triangulate"]

_NEAR = 1e-3
"""Steps: a diagonal this close to a vertex runs through it."""
_FLIP = 1e-9
"""Sine of the angle by which two opposite angles must exceed a half turn before their diagonal is flipped."""


@nb.njit(cache=True)
def _area2(uv: Any, a: int, b: int, c: int) -> float:
    return float((uv[b, 0] - uv[a, 0]) * (uv[c, 1] - uv[a, 1]) - (uv[b, 1] - uv[a, 1]) * (uv[c, 0] - uv[a, 0]))


@nb.njit(cache=True)
def _same_place(uv: Any, a: int, b: int) -> bool:
    return bool(abs(uv[a, 0] - uv[b, 0]) <= _NEAR and abs(uv[a, 1] - uv[b, 1]) <= _NEAR)


@nb.njit(cache=True)
def _opens_to(uv: Any, before: int, at: int, after: int, target: int) -> bool:
    """Whether the interior at a corner lies in the direction of the target."""
    left, right = _area2(uv, at, after, target) > 0.0, _area2(uv, before, at, target) > 0.0
    if _area2(uv, before, at, after) > 0.0:
        return left and right
    return left or right


@nb.njit(cache=True)
def _blocked(uv: Any, a: int, b: int, ring: Any, n: int) -> bool:
    """Whether an edge of a ring crosses the diagonal a, b or a vertex lies on it."""
    dx, dy = uv[b, 0] - uv[a, 0], uv[b, 1] - uv[a, 1]
    length2 = dx * dx + dy * dy
    for k in range(n):
        p, q = ring[k], ring[k + 1] if k + 1 < n else ring[0]
        if not _same_place(uv, p, a) and not _same_place(uv, p, b):
            along = (uv[p, 0] - uv[a, 0]) * dx + (uv[p, 1] - uv[a, 1]) * dy
            aside = _area2(uv, a, b, p)
            if 0.0 < along < length2 and aside * aside <= _NEAR * _NEAR * length2:
                return True
        if _same_place(uv, p, a) or _same_place(uv, p, b) or _same_place(uv, q, a) or _same_place(uv, q, b):
            continue
        if (_area2(uv, a, b, p) > 0.0) != (_area2(uv, a, b, q) > 0.0) and (_area2(uv, p, q, a) > 0.0) != (
            _area2(uv, p, q, b) > 0.0
        ):
            return True
    return False


@nb.njit(cache=True)
def _join_holes(uv: Any, ring_start: Any) -> Any:
    """One closed path along all rings: holes are joined by a way there and back to the nearest visible corner."""
    n_rings, n = len(ring_start) - 1, len(uv)
    path = np.empty(n + 2 * n_rings, np.int64)
    n_path = ring_start[1]
    path[:n_path] = np.arange(n_path)
    waiting = np.ones(n_rings, np.bool_)
    waiting[0] = False
    for _ in range(1, n_rings):
        best, at, hole, entry = np.inf, -1, -1, -1
        for h in range(n_rings):
            if not waiting[h]:
                continue
            start, m = ring_start[h], ring_start[h + 1] - ring_start[h]
            for k in range(m):
                q, before, after = start + k, start + (k + m - 1) % m, start + (k + 1) % m
                for i in range(n_path):
                    p = path[i]
                    far = (uv[p, 0] - uv[q, 0]) ** 2 + (uv[p, 1] - uv[q, 1]) ** 2
                    if far >= best:
                        continue
                    if not _same_place(uv, p, q) and not (
                        _opens_to(uv, path[(i + n_path - 1) % n_path], p, path[(i + 1) % n_path], q)
                        and _opens_to(uv, before, q, after, p)
                        and not _blocked(uv, p, q, path, n_path)
                        and not _blocked_by_holes(uv, p, q, ring_start, waiting)
                    ):
                        continue
                    best, at, hole, entry = far, i, h, k
        if at < 0:
            return path[:0]
        m = ring_start[hole + 1] - ring_start[hole]
        path[at + m + 2 : n_path + m + 2] = path[at:n_path].copy()
        for k in range(m + 1):
            path[at + 1 + k] = ring_start[hole] + (entry + k) % m
        n_path += m + 2
        waiting[hole] = False
    return path[:n_path]


@nb.njit(cache=True)
def _blocked_by_holes(uv: Any, p: int, q: int, ring_start: Any, waiting: Any) -> bool:
    for h in range(len(waiting)):
        if waiting[h]:
            ring = np.arange(ring_start[h], ring_start[h + 1])
            if _blocked(uv, p, q, ring, len(ring)):
                return True
    return False


@nb.njit(cache=True)
def _is_ear(uv: Any, path: Any, n: int, i: int) -> bool:
    """Whether the corner at place i can be cut off."""
    first, a, b, c, last = path[(i + n - 2) % n], path[(i + n - 1) % n], path[i], path[(i + 1) % n], path[(i + 2) % n]
    if _area2(uv, a, b, c) <= 0.0 or _same_place(uv, a, c):
        return False
    if n == 3:
        return True
    if not (_opens_to(uv, first, a, b, c) and _opens_to(uv, b, c, last, a)) or _blocked(uv, a, c, path, n):
        return False
    for k in range(n):
        p = path[k]
        if (
            _area2(uv, a, b, p) > 0.0
            and _area2(uv, b, c, p) > 0.0
            and _area2(uv, c, a, p) > 0.0
            and not (_same_place(uv, p, a) or _same_place(uv, p, b) or _same_place(uv, p, c))
        ):
            return False
    return True


@nb.njit(cache=True)
def _cut_ears(uv: Any, path: Any) -> Any:
    n, count, i, tried = len(path), 0, 0, 0
    triangles = np.empty((max(n - 2, 0), 3), np.int64)
    while n >= 3 and tried < n:
        i %= n
        if _is_ear(uv, path, n, i):
            triangles[count] = path[(i + n - 1) % n], path[i], path[(i + 1) % n]
            count += 1
            path[i : n - 1] = path[i + 1 : n].copy()
            n -= 1
            tried = 0
        else:
            i += 1
            tried += 1
    return triangles if count == len(triangles) else triangles[:0]


@nb.njit(cache=True)
def _neighbours(triangles: Any, n: int) -> Any:
    """Triangle and edge across each edge, coded 3 * triangle + edge; -1 on the rim."""
    count = 3 * len(triangles)
    key = np.empty(count, np.int64)
    for e in range(count):
        key[e] = triangles[e // 3, e % 3] * n + triangles[e // 3, (e + 1) % 3]
    order = np.argsort(key)
    ordered = key[order]
    across = np.full(count, -1, np.int64)
    for e in range(count):
        back = key[e] % n * n + key[e] // n
        at = np.searchsorted(ordered, back)
        if at < count and ordered[at] == back:
            across[e] = order[at]
    return across


@nb.njit(cache=True)
def _should_flip(uv: Any, a: int, b: int, c: int, d: int) -> bool:
    """Whether the diagonal a, b between the corners c (left) and d should rather join c and d."""
    if _area2(uv, c, d, b) <= 0.0 or _area2(uv, d, c, a) <= 0.0:
        return False
    ca, cb, da, db = uv[a] - uv[c], uv[b] - uv[c], uv[a] - uv[d], uv[b] - uv[d]
    size = np.sqrt((ca * ca).sum() * (cb * cb).sum() * (da * da).sum() * (db * db).sum())
    sine = (ca[0] * cb[1] - ca[1] * cb[0]) * (da * db).sum() + (ca * cb).sum() * (db[0] * da[1] - db[1] * da[0])
    return bool(sine < -_FLIP * size)


@nb.njit(cache=True)
def _make_delaunay(uv: Any, triangles: Any) -> None:
    """Flip diagonals until none gains by it (Lawson); bounded, should rounding ever make two flips undo each other."""
    across = _neighbours(triangles, len(uv))
    budget = 4 * len(triangles) ** 2
    flipped = True
    while flipped and budget > 0:
        flipped = False
        for e in range(len(across)):
            f = across[e]
            if f < e:
                continue
            t, s, i, j = e // 3, f // 3, e % 3, f % 3
            a, b, c = triangles[t, i], triangles[t, (i + 1) % 3], triangles[t, (i + 2) % 3]
            d = triangles[s, (j + 2) % 3]
            if not _should_flip(uv, a, b, c, d):
                continue
            bc, ca = across[3 * t + (i + 1) % 3], across[3 * t + (i + 2) % 3]
            ad, db = across[3 * s + (j + 1) % 3], across[3 * s + (j + 2) % 3]
            triangles[t, 0], triangles[t, 1], triangles[t, 2] = c, d, b
            triangles[s, 0], triangles[s, 1], triangles[s, 2] = d, c, a
            rim = (3 * s, db, bc, 3 * t, ca, ad)
            for k in range(6):
                own = 3 * t + k if k < 3 else 3 * s + k - 3
                across[own] = rim[k]
                if rim[k] >= 0:
                    across[rim[k]] = own
            flipped = True
            budget -= 1


@nb.njit(cache=True)
def triangulate(uv: Any, ring_start: Any) -> Any:
    """Triangles of a face, counter-clockwise as its outer ring.

    Parameters
    ----------
    uv
        Shape (corners, 2): the face laid flat, the outer ring counter-clockwise, holes clockwise, valid.
    ring_start
        Shape (rings + 1,): where each ring starts.

    Returns
    -------
    array
        Shape (corners + 2 * holes - 2, 3): rows of `uv`; empty if no triangulation was found.

    Notes
    -----
    Quadratic in the corners for most faces: 2 microseconds for a wall, 5 ms for 300 corners.
    """
    n = len(uv)
    if n == 3:
        only = np.empty((1, 3), np.int64)
        only[0] = 0, 1, 2
        return only
    triangles = _cut_ears(uv, _join_holes(uv, ring_start))
    if len(triangles) > 1:
        _make_delaunay(uv, triangles)
    return triangles
