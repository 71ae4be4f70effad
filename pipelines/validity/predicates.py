"""Signs that decide, computed exactly: on which side, and do a segment and a triangle meet.

All coordinates are whole steps, int64, less than 2**30 (107 km of 0.1 mm) apart; no result is rounded.
"""

from __future__ import annotations

from typing import Any

import numba as nb

__all__ = ["LARGEST_SPAN", "above", "normal_of", "segment_meets_triangle", "triangles_meet", "turn"]

LARGEST_SPAN = 2**30
"""Steps; products of three differences of this size no longer fit the two words that `above` adds up."""

_WORD = 31
_MASK = 2**31 - 1


@nb.njit(cache=True)
def above(p: Any, a: int, b: int, c: int, d: int) -> int:
    """Sign of the volume of a, b, c, d: positive if d is on the side from which a, b, c run counter-clockwise.

    A product of three differences needs 90 bits; it is added up in an upper and a lower word of 31 bits each.
    """
    bx, by, bz = p[b, 0] - p[a, 0], p[b, 1] - p[a, 1], p[b, 2] - p[a, 2]
    cx, cy, cz = p[c, 0] - p[a, 0], p[c, 1] - p[a, 1], p[c, 2] - p[a, 2]
    dx, dy, dz = p[d, 0] - p[a, 0], p[d, 1] - p[a, 1], p[d, 2] - p[a, 2]
    nx, ny, nz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    lower = dx * (nx & _MASK) + dy * (ny & _MASK) + dz * (nz & _MASK)
    upper = dx * (nx >> _WORD) + dy * (ny >> _WORD) + dz * (nz >> _WORD) + (lower >> _WORD)
    if upper != 0:
        return 1 if upper > 0 else -1
    return 1 if (lower & _MASK) > 0 else 0


@nb.njit(cache=True)
def normal_of(p: Any, a: int, b: int, c: int) -> tuple[float, float, float]:
    """Return a triangle's normal, as long as twice its area; rounded."""
    bx, by, bz = float(p[b, 0] - p[a, 0]), float(p[b, 1] - p[a, 1]), float(p[b, 2] - p[a, 2])
    cx, cy, cz = float(p[c, 0] - p[a, 0]), float(p[c, 1] - p[a, 1]), float(p[c, 2] - p[a, 2])
    return by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx


@nb.njit(cache=True)
def turn(p: Any, axes: Any, a: int, b: int, c: int) -> int:
    """Sign of the area of a, b, c in the plane of two axes."""
    u, v = axes
    area = (p[b, u] - p[a, u]) * (p[c, v] - p[a, v]) - (p[b, v] - p[a, v]) * (p[c, u] - p[a, u])
    return 1 if area > 0 else (-1 if area < 0 else 0)


@nb.njit(cache=True)
def _flat_axes(p: Any, a: int, b: int, c: int) -> tuple[int, int]:
    """Two axes onto which the triangle falls without collapsing: those across its normal's largest component."""
    normal = normal_of(p, a, b, c)
    x, y, z = abs(normal[0]), abs(normal[1]), abs(normal[2])
    if z >= x and z >= y:
        return 0, 1
    return (1, 2) if x >= y else (2, 0)


@nb.njit(cache=True)
def _segments_meet(p: Any, axes: Any, one: Any, two: Any) -> bool:
    """Whether two segments of one plane have a point in common."""
    a, b = one
    c, d = two
    s, t = turn(p, axes, a, b, c), turn(p, axes, a, b, d)
    if s != 0 or t != 0:
        return bool(s * t <= 0 and turn(p, axes, c, d, a) * turn(p, axes, c, d, b) <= 0)
    for k in axes:
        if max(p[a, k], p[b, k]) < min(p[c, k], p[d, k]) or max(p[c, k], p[d, k]) < min(p[a, k], p[b, k]):
            return False
    return True


@nb.njit(cache=True)
def _on_one_side(i: int, j: int, k: int) -> bool:
    return (i >= 0 and j >= 0 and k >= 0) or (i <= 0 and j <= 0 and k <= 0)


@nb.njit(cache=True)
def segment_meets_triangle(p: Any, i: int, j: int, triangle: Any) -> bool:
    """Whether a closed segment and a closed triangle have a point in common."""
    a, b, c = triangle[0], triangle[1], triangle[2]
    s, t = above(p, a, b, c, i), above(p, a, b, c, j)
    if s * t > 0:
        return False
    if s != 0 or t != 0:
        return _on_one_side(above(p, i, j, a, b), above(p, i, j, b, c), above(p, i, j, c, a))
    axes = _flat_axes(p, a, b, c)
    if _on_one_side(turn(p, axes, a, b, i), turn(p, axes, b, c, i), turn(p, axes, c, a, i)):
        return True
    return (
        _segments_meet(p, axes, (i, j), (a, b))
        or _segments_meet(p, axes, (i, j), (b, c))
        or _segments_meet(p, axes, (i, j), (c, a))
    )


@nb.njit(cache=True)
def _fold_together(p: Any, one: Any, apex: int, other: int) -> bool:
    """Whether a triangle and the vertex across its edge opposite `apex` lie in one plane, on one side of that edge."""
    a, b, c = one[(apex + 1) % 3], one[(apex + 2) % 3], one[apex]
    if above(p, a, b, c, other) != 0:
        return False
    axes = _flat_axes(p, a, b, c)
    return bool(turn(p, axes, a, b, c) * turn(p, axes, a, b, other) >= 0)


@nb.njit(cache=True)
def triangles_meet(p: Any, one: Any, two: Any) -> bool:
    """Whether two triangles have a point in common besides the vertices (by index) and the edge they share."""
    sides, n_shared, own, other = 0, 0, 0, 0
    for i in range(3):
        sides += above(p, two[0], two[1], two[2], one[i])
        for j in range(3):
            if one[i] == two[j]:
                n_shared, own, other = n_shared + 1, own + i, other + j
    if abs(sides) == 3:
        return False
    if n_shared > 1:
        return n_shared == 3 or _fold_together(p, one, 3 - own, two[3 - other])
    for k in range(3):
        if n_shared == 1 and k != own:  # whatever leaves a shared vertex arrives at the edge across from it
            continue
        if segment_meets_triangle(p, one[(k + 1) % 3], one[(k + 2) % 3], two):
            return True
    for k in range(3):
        if n_shared == 1 and k != other:
            continue
        if segment_meets_triangle(p, two[(k + 1) % 3], two[(k + 2) % 3], one):
            return True
    return False
