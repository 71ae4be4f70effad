"""Faces laid flat: is each ring simple, and do the rings of one face agree."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.validity.codes import LEVEL

__all__ = ["TOUCH_STEPS", "is_simple", "judge_rings"]

TOUCH_STEPS = 0.01
"""Lines closer than this (1 micrometre) touch: what laying a face flat may move them by is a hundred times less."""

_OUT, _ON, _IN = -1, 0, 1
_201, _202, _205 = 2 * LEVEL + 1, 2 * LEVEL + 2, 2 * LEVEL + 5
_206, _207, _208 = 2 * LEVEL + 6, 2 * LEVEL + 7, 2 * LEVEL + 8


@nb.njit(cache=True)
def _gap2(px: float, py: float, a: Any, b: Any) -> float:
    """Squared distance of a point to a segment."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = dx * dx + dy * dy
    t = 0.0 if length2 == 0.0 else min(1.0, max(0.0, ((px - a[0]) * dx + (py - a[1]) * dy) / length2))
    x, y = px - a[0] - t * dx, py - a[1] - t * dy
    return float(x * x + y * y)


@nb.njit(cache=True)
def _side(a: Any, b: Any, p: Any) -> float:
    return float((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]))


@nb.njit(cache=True)
def _apart(a: Any, b: Any, c: Any, d: Any) -> bool:
    """Whether the boxes around two segments are farther apart than a touch."""
    for k in range(2):
        if min(a[k], b[k]) > max(c[k], d[k]) + TOUCH_STEPS or min(c[k], d[k]) > max(a[k], b[k]) + TOUCH_STEPS:
            return True
    return False


@nb.njit(cache=True)
def _cross(a: Any, b: Any, c: Any, d: Any) -> bool:
    """Whether two segments cross inside both."""
    return _side(a, b, c) * _side(a, b, d) < 0.0 and _side(c, d, a) * _side(c, d, b) < 0.0


@nb.njit(cache=True)
def _touch(a: Any, b: Any, c: Any, d: Any) -> bool:
    """Whether an end of one segment lies on the other."""
    limit = TOUCH_STEPS * TOUCH_STEPS
    return (
        _gap2(a[0], a[1], c, d) <= limit
        or _gap2(b[0], b[1], c, d) <= limit
        or _gap2(c[0], c[1], a, b) <= limit
        or _gap2(d[0], d[1], a, b) <= limit
    )


@nb.njit(cache=True)
def is_simple(uv: Any) -> bool:
    """Whether a ring meets itself nowhere: edges that are no neighbours keep apart, neighbours do not fold back.

    Notes
    -----
    All pairs of edges: 1 microsecond for 8 corners, 0.3 ms for 500.
    """
    n = len(uv)
    limit = TOUCH_STEPS * TOUCH_STEPS
    for i in range(n):
        a, b, c = uv[i], uv[(i + 1) % n], uv[(i + 2) % n]
        if _gap2(c[0], c[1], a, b) <= limit or _gap2(a[0], a[1], b, c) <= limit:
            return False
        for j in range(i + 2, n):
            if i == 0 and j == n - 1:
                continue
            d, e = uv[j], uv[(j + 1) % n]
            if not _apart(a, b, d, e) and (_cross(a, b, d, e) or _touch(a, b, d, e)):
                return False
    return True


@nb.njit(cache=True)
def _where(x: float, y: float, ring: Any) -> int:
    """Whether a point is outside a ring, on it or inside."""
    n = len(ring)
    inside = False
    for k in range(n):
        a, b = ring[k], ring[(k + 1) % n]
        if _gap2(x, y, a, b) <= TOUCH_STEPS * TOUCH_STEPS:
            return _ON
        if (a[1] > y) != (b[1] > y) and x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]):
            inside = not inside
    return _IN if inside else _OUT


@nb.njit(cache=True)
def _same_ring(one: Any, two: Any) -> bool:
    """Whether two rings run through the same vertices, wherever and whichever way they start."""
    n = len(one)
    if n != len(two):
        return False
    for shift in range(n):
        for way in (1, -1):
            k = 0
            while k < n and one[k] == two[(shift + way * k) % n]:
                k += 1
            if k == n:
                return True
    return False


@nb.njit(cache=True)
def _signed_area(ring: Any) -> float:
    total, n = 0.0, len(ring)
    for k in range(n):
        total += ring[k, 0] * ring[(k + 1) % n, 1] - ring[k, 1] * ring[(k + 1) % n, 0]
    return total


@nb.njit(cache=True)
def _compare(one: Any, two: Any, touches: Any, n_touches: int) -> Any:
    """How the second ring lies to the first: inside, on and outside vertices, crossing, touches (points) so far."""
    n_in, n_on, n_out, crossing = 0, 0, 0, False
    for k in range(len(two)):
        where = _where(two[k, 0], two[k, 1], one)
        n_in += where == _IN
        n_out += where == _OUT
        if where == _ON:
            n_on += 1
            touches[n_touches, 0], touches[n_touches, 1] = two[k, 0], two[k, 1]
            n_touches += 1
        after = two[(k + 1) % len(two)]
        if where == _ON and _where(after[0], after[1], one) == _ON:  # two touches in a row: along the ring or across
            middle = _where((two[k, 0] + after[0]) / 2, (two[k, 1] + after[1]) / 2, one)
            crossing |= middle == _ON
            n_in += middle == _IN
            n_out += middle == _OUT
        for j in range(len(one)):
            a, b = one[j], one[(j + 1) % len(one)]
            crossing |= (
                not _apart(a, b, two[k], after) and _cross(a, b, two[k], after) and not _touch(a, b, two[k], after)
            )
    return n_in, n_on, n_out, crossing, n_touches


@nb.njit(cache=True)
def judge_rings(uv: Any, corners: Any, ring_start: Any, found: Any) -> None:
    """Mark what is wrong between the rings of one face: 201, 202, 205, 206, 207, 208.

    Parameters
    ----------
    uv
        Shape (corners, 2): the face laid flat, the outer ring counter-clockwise; each ring is simple.
    corners
        Vertices, to know a ring that is there twice.
    ring_start
        Shape (rings + 1,): where each ring starts.
    found
        Row of the table of faults; written.
    """
    n_rings, n = len(ring_start) - 1, len(uv)
    touches = np.empty((2 * n * n_rings, 2))
    pair = np.empty((2 * n * n_rings, 2), np.int64)
    n_touches = 0
    for s in range(1, n_rings):
        two = uv[ring_start[s] : ring_start[s + 1]]
        found[_208] |= _signed_area(two) > 0.0
        for r in range(s):
            one = uv[ring_start[r] : ring_start[r + 1]]
            if _same_ring(corners[ring_start[r] : ring_start[r + 1]], corners[ring_start[s] : ring_start[s + 1]]):
                found[_202] = True
                continue
            first = n_touches
            n_in, n_on, n_out, crossing, n_touches = _compare(one, two, touches, n_touches)
            back_in, back_on, _, back_crossing, n_touches = _compare(two, one, touches, n_touches)
            for k in range(first, n_touches):
                pair[k, 0], pair[k, 1] = r, s
            met = n_on + back_on > 0
            if crossing or back_crossing or (n_in > 0 and n_out > 0):
                found[_201] = True
            elif r == 0 and n_in == 0:
                found[_201 if met else _206] = True
            elif r > 0 and (n_in > 0 or back_in > 0):
                found[_207] = True
    if not found[_201] and _in_pieces(touches[:n_touches], pair[:n_touches], n_rings):
        found[_205] = True


@nb.njit(cache=True)
def _in_pieces(touches: Any, pair: Any, n_rings: int) -> bool:
    """Whether rings and the points where they touch form a loop, which cuts the face in pieces."""
    n = len(touches)
    place = np.empty(n, np.int64)  # touches at one place are one point
    for i in range(n):
        place[i] = i
        for j in range(i):
            x, y = touches[i, 0] - touches[j, 0], touches[i, 1] - touches[j, 1]
            if x * x + y * y <= TOUCH_STEPS * TOUCH_STEPS:
                place[i] = j
                break
    parent = np.empty(n_rings + n, np.int64)
    for i in range(len(parent)):
        parent[i] = i
    joined = np.zeros((n_rings, n), np.bool_)
    for i in range(n):
        for side in range(2):
            ring = pair[i, side]
            if joined[ring, place[i]]:
                continue
            joined[ring, place[i]] = True
            a, b = ring, n_rings + place[i]
            while parent[a] != a:
                a = parent[a]
            while parent[b] != b:
                b = parent[b]
            if a == b:
                return True
            parent[max(a, b)] = min(a, b)
    return False
