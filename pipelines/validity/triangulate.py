"""A face laid flat into triangles: ears are cut off, then diagonals flipped until the triangulation is Delaunay's.

Delaunay's matters: an ear at a vertex that lies a rounding beside the line of its neighbours has a normal of any
direction, and the constrained Delaunay triangulation, which val3dity judges, has no such triangles where others fit.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.validity.order import order_of
from pipelines.validity.rings import TOUCH_STEPS

__all__ = ["other_triangles", "triangulate"]

_NEAR = 1e-3
"""Steps: a diagonal this close to a vertex runs through it."""
_FLIP = 1e-9
"""Sine of the angle by which two opposite angles must exceed a half turn before their diagonal is flipped."""
_UNDECIDED = 1e-3
"""Below this either diagonal may be taken for Delaunay's: what rounding to 0.1 mm does to a rectangle of 1 m."""


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
    along, aside = (uv[q, 0] - uv[a, 0]) * dx + (uv[q, 1] - uv[a, 1]) * dy, _area2(uv, a, b, q)
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
def _neighbours(triangles: Any, n: int) -> Any:
    """Triangle and edge across each edge, coded 3 * triangle + edge; -1 on the rim."""
    count = 3 * len(triangles)
    key = np.empty(count, np.int64)
    for e in range(count):
        key[e] = triangles[e // 3, e % 3] * n + triangles[e // 3, (e + 1) % 3]
    order = order_of(key)
    across = np.empty(count, np.int64)
    for e in range(count):
        back = key[e] % n * n + key[e] // n
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if key[order[middle]] < back:
                low = middle + 1
            else:
                high = middle
        across[e] = order[low] if low < count and key[order[low]] == back else -1
    return across


@nb.njit(cache=True)
def _corner(uv: Any, at: int, a: int, b: int) -> tuple[float, float, float]:
    """Cosine and sine of the angle from a to b at a corner, both times the lengths; those lengths' product, squared."""
    ax, ay, bx, by = uv[a, 0] - uv[at, 0], uv[a, 1] - uv[at, 1], uv[b, 0] - uv[at, 0], uv[b, 1] - uv[at, 1]
    return ax * bx + ay * by, ax * by - ay * bx, (ax * ax + ay * ay) * (bx * bx + by * by)


@nb.njit(cache=True)
def _bond(uv: Any, quad: Any) -> float:
    """Sine of the angles across a diagonal, added: negative if the other diagonal is Delaunay's.

    The diagonal joins the first two corners of the quad, between the third on its left and the fourth; where the other
    diagonal would leave the quad, the answer is 1.
    """
    a, b, c, d = quad
    if _area2(uv, c, d, b) <= 0.0 or _area2(uv, d, c, a) <= 0.0:
        return 1.0
    cos_c, sin_c, size_c = _corner(uv, c, a, b)
    cos_d, sin_d, size_d = _corner(uv, d, b, a)
    return float((sin_c * cos_d + cos_c * sin_d) / np.sqrt(size_c * size_d))


@nb.njit(cache=True)
def _quad(triangles: Any, e: int, f: int) -> tuple[int, int, int, int]:
    """Corners around the edge e of one triangle, f of the other: its ends, then left and right of it."""
    t, i, s, j = e // 3, e % 3, f // 3, f % 3
    return triangles[t, i], triangles[t, (i + 1) % 3], triangles[t, (i + 2) % 3], triangles[s, (j + 2) % 3]


@nb.njit(cache=True)
def _turn_diagonal(triangles: Any, e: int, f: int) -> None:
    a, b, c, d = _quad(triangles, e, f)
    t, s = e // 3, f // 3
    triangles[t, 0], triangles[t, 1], triangles[t, 2] = c, d, b
    triangles[s, 0], triangles[s, 1], triangles[s, 2] = d, c, a


@nb.njit(cache=True)
def other_triangles(uv: Any, triangles: Any) -> Any:
    """Triangles that another program may have made: the quads whose corners lie on a circle, cut the other way.

    Parameters
    ----------
    uv
        The face laid flat, as for `triangulate`.
    triangles
        What `triangulate` made of it.

    Returns
    -------
    array
        Shape (t, 3): those that differ alone; of a rectangle the two triangles along its other diagonal.
    """
    turned = triangles.copy()
    across = _neighbours(triangles, len(uv))
    changed = np.zeros(len(triangles), np.bool_)
    n = 0
    for e in range(len(across)):
        f = across[e]
        if f < e or changed[e // 3] or changed[f // 3]:
            continue
        if abs(_bond(uv, _quad(triangles, e, f))) < _UNDECIDED:
            _turn_diagonal(turned, e, f)
            changed[e // 3] = changed[f // 3] = True
    for t in range(len(turned)):
        if changed[t]:
            for k in range(3):
                turned[n, k] = turned[t, k]
            n += 1
    return turned[:n]


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
            if _bond(uv, _quad(triangles, e, f)) >= -_FLIP:
                continue
            t, s, i, j = e // 3, f // 3, e % 3, f % 3
            bc, ca = across[3 * t + (i + 1) % 3], across[3 * t + (i + 2) % 3]
            ad, db = across[3 * s + (j + 1) % 3], across[3 * s + (j + 2) % 3]
            _turn_diagonal(triangles, e, f)
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
        Shape (t, 3): rows of `uv`, t = corners + 2 * holes - 2 if no rings touch; none if no triangulation was found.

    Notes
    -----
    Quadratic in the corners for most faces: 2 microseconds for a wall, 5 ms for 300 corners.
    """
    n = len(uv)
    if n == 3:
        only = np.empty((1, 3), np.int64)
        only[0, 0], only[0, 1], only[0, 2] = 0, 1, 2
        return only
    if len(ring_start) > 2:
        rows, starts = _with_touches(uv, ring_start)
        triangles = _cut_ears(uv, _join_holes(uv, rows, starts))
    else:
        triangles = _cut_ears(uv, np.arange(n))
    if len(triangles) > 1:
        _make_delaunay(uv, triangles)
    return triangles
