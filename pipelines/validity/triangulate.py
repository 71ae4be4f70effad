"""A face laid flat into triangles: what was cut off as ears, diagonals flipped until they are Delaunay's.

Delaunay's matters: an ear at a vertex that lies a rounding beside the line of its neighbours has a normal of any
direction, and the constrained Delaunay triangulation, which val3dity judges, has no such triangles where others fit.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.validity.ears import area2, cut_face
from pipelines.validity.order import order_of

__all__ = ["other_triangles", "triangulate"]

_FLIP = 1e-9
"""Sine of the angle by which two opposite angles must exceed a half turn before their diagonal is flipped."""
_UNDECIDED = 1e-3
"""Below this either diagonal may be taken for Delaunay's: what rounding to 0.1 mm does to a rectangle of 1 m."""


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
    if area2(uv, c, d, b) <= 0.0 or area2(uv, d, c, a) <= 0.0:
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
    Quadratic in the corners for most faces: 500 corners take less than 10 ms.
    """
    n = len(uv)
    if n == 3:
        only = np.empty((1, 3), np.int64)
        only[0, 0], only[0, 1], only[0, 2] = 0, 1, 2
        return only
    triangles = cut_face(uv, ring_start)
    if len(triangles) > 1:
        _make_delaunay(uv, triangles)
    return triangles
