"""A face laid flat into triangles by cutting off ears, holes joined to the rim first."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.validity.rings import TOUCH_STEPS

__all__ = ["area2", "cut_face"]

_NEAR = 1e-3
"""Steps: a diagonal this close to a vertex runs through it."""


@nb.njit(cache=True)
def area2(uv: Any, a: int, b: int, c: int) -> float:
    """Return twice the signed area of three corners, square steps; positive if they turn left."""
    return float((uv[b, 0] - uv[a, 0]) * (uv[c, 1] - uv[a, 1]) - (uv[b, 1] - uv[a, 1]) * (uv[c, 0] - uv[a, 0]))


@nb.njit(cache=True)
def _same_place(uv: Any, a: int, b: int) -> bool:
    return bool(abs(uv[a, 0] - uv[b, 0]) <= _NEAR and abs(uv[a, 1] - uv[b, 1]) <= _NEAR)


@nb.njit(cache=True)
def _opens_to(uv: Any, before: int, at: int, after: int, target: int) -> bool:
    """Whether the interior at a corner lies in the direction of the target."""
    left, right = area2(uv, at, after, target) > 0.0, area2(uv, before, at, target) > 0.0
    if area2(uv, before, at, after) > 0.0:
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
            aside = area2(uv, a, b, p)
            if 0.0 < along < length2 and aside * aside <= _NEAR * _NEAR * length2:
                return True
        if _same_place(uv, p, a) or _same_place(uv, p, b) or _same_place(uv, q, a) or _same_place(uv, q, b):
            continue
        if (area2(uv, a, b, p) > 0.0) != (area2(uv, a, b, q) > 0.0) and (area2(uv, p, q, a) > 0.0) != (
            area2(uv, p, q, b) > 0.0
        ):
            return True
    return False


@nb.njit(cache=True)
def _with_touches(uv: Any, ring_start: Any) -> Any:
    """Rings as rows of `uv`, and where each starts: a corner of one ring on an edge of another is a corner of both."""
    n_rings, n = len(ring_start) - 1, len(uv)
    rows, starts = np.empty(n * n_rings, np.int64), np.zeros(n_rings + 1, np.int64)
    count = 0
    for r in range(n_rings):
        for k in range(ring_start[r], ring_start[r + 1]):
            after = k + 1 if k + 1 < ring_start[r + 1] else ring_start[r]
            rows[count] = k
            count += 1
            first = count
            for q in range(n):
                if (ring_start[r] <= q < ring_start[r + 1]) or not _between(uv, k, after, q):
                    continue
                at = count
                while at > first and _between(uv, k, rows[at - 1], q):
                    rows[at] = rows[at - 1]
                    at -= 1
                rows[at] = q
                count += 1
        starts[r + 1] = count
    return rows[:count], starts


@nb.njit(cache=True)
def _between(uv: Any, a: int, b: int, q: int) -> bool:
    """Whether a point lies on an edge, away from its ends."""
    if _same_place(uv, a, q) or _same_place(uv, b, q):
        return False
    dx, dy = uv[b, 0] - uv[a, 0], uv[b, 1] - uv[a, 1]
    along, aside = (uv[q, 0] - uv[a, 0]) * dx + (uv[q, 1] - uv[a, 1]) * dy, area2(uv, a, b, q)
    length2 = dx * dx + dy * dy
    return bool(0.0 < along < length2 and aside * aside <= TOUCH_STEPS * TOUCH_STEPS * length2)


@nb.njit(cache=True)
def _can_join(uv: Any, path: Any, i: int, ring: Any, k: int) -> bool:
    """Whether a corner of a hole and a corner of the path see each other, or are one place."""
    p, q, m, n = path[i], ring[k], len(ring), len(path)
    before, after = path[(i + n - 1) % n], path[(i + 1) % n]
    if _same_place(uv, p, q):
        return _opens_to(uv, before, p, after, ring[(k + 1) % m])
    return _opens_to(uv, before, p, after, q) and _opens_to(uv, ring[(k + m - 1) % m], q, ring[(k + 1) % m], p)


@nb.njit(cache=True)
def _join_holes(uv: Any, rows: Any, starts: Any) -> Any:
    """One closed path along all rings: holes are joined by a way there and back to the nearest visible corner."""
    n_rings = len(starts) - 1
    path = rows[: starts[1]].copy()
    waiting = np.ones(n_rings, np.bool_)
    waiting[0] = False
    for _ in range(1, n_rings):
        best, at, hole, entry = np.inf, -1, -1, -1
        for h in range(n_rings):
            if not waiting[h]:
                continue
            ring = rows[starts[h] : starts[h + 1]]
            for k in range(len(ring)):
                for i in range(len(path)):
                    far = (uv[path[i], 0] - uv[ring[k], 0]) ** 2 + (uv[path[i], 1] - uv[ring[k], 1]) ** 2
                    if far >= best or not _can_join(uv, path, i, ring, k):
                        continue
                    free = not _blocked(uv, path[i], ring[k], path, len(path))
                    for other in range(n_rings):
                        if free and waiting[other]:
                            row = rows[starts[other] : starts[other + 1]]
                            free = not _blocked(uv, path[i], ring[k], row, len(row))
                    if free:
                        best, at, hole, entry = far, i, h, k
        if at < 0:
            return path[:0]
        ring = rows[starts[hole] : starts[hole + 1]]
        if _same_place(uv, path[at], ring[entry]):  # the ring hangs on a corner of the path: no way to go
            path = np.concatenate((path[: at + 1], ring[entry + 1 :], ring[:entry], path[at:]))
        else:
            path = np.concatenate((path[: at + 1], ring[entry:], ring[: entry + 1], path[at:]))
        waiting[hole] = False
    return path


@nb.njit(cache=True)
def _is_ear(uv: Any, path: Any, n: int, i: int) -> bool:
    """Whether the corner at place i can be cut off."""
    first, a, b, c, last = path[(i + n - 2) % n], path[(i + n - 1) % n], path[i], path[(i + 1) % n], path[(i + 2) % n]
    if area2(uv, a, b, c) <= 0.0 or _same_place(uv, a, c):
        return False
    if n == 3:
        return True
    if not (_opens_to(uv, first, a, b, c) and _opens_to(uv, b, c, last, a)) or _blocked(uv, a, c, path, n):
        return False
    for k in range(n):
        p = path[k]
        if (
            area2(uv, a, b, p) > 0.0
            and area2(uv, b, c, p) > 0.0
            and area2(uv, c, a, p) > 0.0
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
            triangles[count, 0], triangles[count, 1] = path[(i + n - 1) % n], path[i]
            triangles[count, 2] = path[(i + 1) % n]
            count += 1
            for k in range(i, n - 1):
                path[k] = path[k + 1]
            n -= 1
            tried = 0
        else:
            i += 1
            tried += 1
    return triangles if count == len(triangles) else triangles[:0]


@nb.njit(cache=True)
def cut_face(uv: Any, ring_start: Any) -> Any:
    """Triangles of a face as they come, counter-clockwise; none if a remainder has no ear.

    Parameters
    ----------
    uv
        Shape (corners, 2): the face laid flat, the outer ring counter-clockwise, holes clockwise, valid.
    ring_start
        Shape (rings + 1,): where each ring starts.

    Returns
    -------
    array
        Shape (t, 3): rows of `uv`, t = corners + 2 * holes - 2 if no rings touch.

    Notes
    -----
    Quadratic in the corners for most faces.

    References
    ----------
    .. [1] G. H. Meisters, "Polygons have ears", The American Mathematical Monthly 82(6), 1975.
    """
    if len(ring_start) == 2:
        return _cut_ears(uv, np.arange(len(uv)))
    rows, starts = _with_touches(uv, ring_start)
    return _cut_ears(uv, _join_holes(uv, rows, starts))
