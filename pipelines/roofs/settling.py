"""Corners of a plan moved to where their planes really meet.

Partition lines are found on points, and joining bends them by some centimetres, so that at a ridge the two planes
differ by as much. Moved back onto the line (or the point) in which the planes meet, heights agree exactly, faces stay
flat, and no wall of a centimetre stands along the ridge. Corners move by `settle_m` at most; the outline stays where
it is, and what ends on it slides along it.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["settle"]

_PASSES = 3
"""Rounds over all corners; a contraction in one frees the way for another."""
_LEAST_SLOPE = 0.02
"""Planes whose slopes differ by less have no line in which they meet that is worth moving to (2 cm in a metre)."""
_AGREE_STEPS = 5.0
"""Lines pass through one point if they do so to this, steps (0.5 mm)."""
_MARGIN = 50.0
"""Distance that a moved corner keeps from all else, steps (5 mm)."""


@nb.njit(cache=True)
def settle(graph: Any, fixed: Any, coefficients: Any, reach: float, join: float) -> int:
    """Move corners in place.

    Parameters
    ----------
    graph
        Vertices (v, 2) int64, edges (e, 2), planes left and right of each edge (e, 2; -1 outside), alive (e,).
        Edges may be contracted: then they are no longer alive.
    fixed
        Vertices that never move, shape (v,).
    coefficients
        Planes in steps, shape (m, 3).
    reach
        Most distance, steps.
    join
        A corner that would come nearer than this to its neighbour becomes one with it, steps.

    Returns
    -------
    int
        Corners moved.

    Notes
    -----
    Each move is checked against all edges: quadratic, 0.1 ms for 50 corners.
    """
    xy = graph[0]
    moved = 0
    done = fixed.copy()
    for _ in range(_PASSES):
        changes = 0
        for v in range(len(xy)):
            if done[v]:
                continue
            found, x, y = _target(graph, v, coefficients, reach)
            if not found or (x == xy[v, 0] and y == xy[v, 1]):
                continue
            u = _neighbour_near(graph, v, x, y, join)
            if u >= 0:
                if _way_is_free(graph, v, u, (xy[u, 0], xy[u, 1])):
                    _contract(graph, v, u)
                    changes += 1
                    done[v] = True
            elif _way_is_free(graph, v, -1, (x, y)):
                xy[v, 0], xy[v, 1] = x, y
                changes += 1
                done[v] = True  # a second rounding would leave the outline
        moved += changes
        if changes == 0:
            break
    return moved


@nb.njit(cache=True)
def _target(graph: Any, v: int, coefficients: Any, reach: float) -> Any:
    """Where the planes around a corner meet, if that is within reach."""
    xy = graph[0]
    lines, wx, wy = _lines_at(graph, v, coefficients, reach)
    length = np.sqrt(wx * wx + wy * wy)
    use = np.ones(len(lines), np.bool_)
    for _ in range(len(lines)):
        dx, dy = _along(lines, use, wx / length, wy / length) if length > 0.0 else _meet(lines, use)
        worst, most = -1, -1.0
        farthest, far = -1, -1.0
        for k in range(len(lines)):
            miss = abs(lines[k, 0] * dx + lines[k, 1] * dy - lines[k, 2])
            if use[k] and miss > most:
                worst, most = k, miss
            if use[k] and abs(lines[k, 2]) > far:
                farthest, far = k, abs(lines[k, 2])
        if most > _AGREE_STEPS:
            use[worst] = False
        elif dx * dx + dy * dy > 2.0 * reach * reach:
            use[farthest] = False
        else:
            return True, xy[v, 0] + int(np.rint(dx)), xy[v, 1] + int(np.rint(dy))
    return False, xy[v, 0], xy[v, 1]


@nb.njit(cache=True)
def _lines_at(graph: Any, v: int, coefficients: Any, reach: float) -> Any:
    """Lines within reach in which planes on both sides of an edge at v meet, and the outline's direction at v.

    Returns
    -------
    tuple
        Lines (k, 3): unit normal and distance from v; direction (0, 0 for a corner that is not on the outline).
    """
    xy, ends, sides, alive = graph
    lines = np.empty((64, 3))
    n = 0
    wx, wy = 0.0, 0.0
    for e in range(len(ends)):
        if not alive[e] or (ends[e, 0] != v and ends[e, 1] != v) or n == 64:
            continue
        p, q = sides[e, 0], sides[e, 1]
        if q < 0 or p < 0:
            w = ends[e, 0] + ends[e, 1] - v
            dx, dy = float(xy[w, 0] - xy[v, 0]), float(xy[w, 1] - xy[v, 1])
            if dx * dx + dy * dy > wx * wx + wy * wy:
                wx, wy = dx, dy
            continue
        a, b = coefficients[p, 0] - coefficients[q, 0], coefficients[p, 1] - coefficients[q, 1]
        slope = np.sqrt(a * a + b * b)
        if slope < _LEAST_SLOPE:
            continue
        off = (a * xy[v, 0] + b * xy[v, 1] + coefficients[p, 2] - coefficients[q, 2]) / slope
        if abs(off) <= reach:
            lines[n, 0], lines[n, 1], lines[n, 2] = a / slope, b / slope, -off
            n += 1
    return lines[:n].copy(), wx, wy


@nb.njit(cache=True)
def _meet(lines: Any, use: Any) -> Any:
    """Shift to the point nearest to all lines; of nearly parallel ones, the nearest point of their middle."""
    xx = xy = yy = bx = by = 0.0
    for k in range(len(lines)):
        if use[k]:
            a, b, c = lines[k]
            xx, xy, yy = xx + a * a, xy + a * b, yy + b * b
            bx, by = bx + a * c, by + b * c
    trace, det = xx + yy, xx * yy - xy * xy
    if trace == 0.0:
        return 0.0, 0.0
    if det > 0.01 * trace * trace:
        return (yy * bx - xy * by) / det, (xx * by - xy * bx) / det
    return bx / trace, by / trace


@nb.njit(cache=True)
def _along(lines: Any, use: Any, ux: float, uy: float) -> Any:
    """Shift along a direction to the point nearest to all lines."""
    top = bottom = 0.0
    for k in range(len(lines)):
        across = lines[k, 0] * ux + lines[k, 1] * uy
        if use[k] and abs(across) > 0.2:  # a line that meets the outline at less than 12 degrees fixes no place on it
            top += across * lines[k, 2]
            bottom += across * across
    t = top / bottom if bottom > 0.0 else 0.0
    return t * ux, t * uy


@nb.njit(cache=True)
def _neighbour_near(graph: Any, v: int, x: int, y: int, join: float) -> int:
    """Neighbour along an inner edge that is nearest to a place within `join`, -1 if none is."""
    xy, ends, sides, alive = graph
    best, least = -1, join * join
    outer_v = _on_outline(graph, v)
    for e in range(len(ends)):
        if not alive[e] or (ends[e, 0] != v and ends[e, 1] != v):
            continue
        u = ends[e, 0] + ends[e, 1] - v
        d2 = float(xy[u, 0] - x) ** 2 + float(xy[u, 1] - y) ** 2
        if d2 >= least or (outer_v and sides[e, 1] >= 0 and sides[e, 0] >= 0):
            continue  # what is on the outline never leaves it for a corner inside
        best, least = u, d2
    return best


@nb.njit(cache=True)
def _on_outline(graph: Any, v: int) -> bool:
    _, ends, sides, alive = graph
    for e in range(len(ends)):
        if alive[e] and (ends[e, 0] == v or ends[e, 1] == v) and (sides[e, 1] < 0 or sides[e, 0] < 0):
            return True
    return False


@nb.njit(cache=True)
def _way_is_free(graph: Any, v: int, u: int, place: tuple[int, int]) -> bool:
    """Whether v can move to a place (that of u, or a new one) and sweep over nothing with its edges."""
    xy, ends, _, alive = graph
    x, y = place
    n = len(xy)
    star = np.zeros(n, np.bool_)
    used = np.zeros(n, np.bool_)
    for e in range(len(ends)):
        if not alive[e]:
            continue
        a, b = ends[e, 0], ends[e, 1]
        used[a] = used[b] = True
        if v in (a, b):
            star[a + b - v] = True
            continue
        if u >= 0 and (u in (a, b)):
            continue
        if _touch(xy[a], xy[b], xy[v], (x, y)) or (u < 0 and _distance2(xy[a], xy[b], x, y) < _MARGIN**2):
            return False
    for w in range(n):
        if not star[w] or w == u:
            continue
        if u < 0 and (xy[w, 0] - x) ** 2 + (xy[w, 1] - y) ** 2 < _MARGIN**2:
            return False
        for other in range(n):
            if used[other] and other not in (v, u, w) and _in_triangle(xy[other], xy[v], (x, y), xy[w]):
                return False
    return True


@nb.njit(cache=True)
def _touch(a: Any, b: Any, p: Any, q: Any) -> bool:
    """Whether the segments a-b and p-q touch or cross."""
    dx, dy = q[0] - p[0], q[1] - p[1]
    side_a = dx * (a[1] - p[1]) - dy * (a[0] - p[0])
    side_b = dx * (b[1] - p[1]) - dy * (b[0] - p[0])
    ex, ey = b[0] - a[0], b[1] - a[1]
    side_p = ex * (p[1] - a[1]) - ey * (p[0] - a[0])
    side_q = ex * (q[1] - a[1]) - ey * (q[0] - a[0])
    if (side_a > 0 and side_b > 0) or (side_a < 0 and side_b < 0):
        return False
    return not ((side_p > 0 and side_q > 0) or (side_p < 0 and side_q < 0))


@nb.njit(cache=True)
def _distance2(a: Any, b: Any, x: int, y: int) -> float:
    """Squared distance of a place from a segment."""
    dx, dy = float(b[0] - a[0]), float(b[1] - a[1])
    t = ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy)
    t = min(1.0, max(0.0, t))
    ex, ey = x - a[0] - t * dx, y - a[1] - t * dy
    return float(ex * ex + ey * ey)


@nb.njit(cache=True)
def _in_triangle(w: Any, a: Any, b: tuple[int, int], c: Any) -> bool:
    """Whether w lies in the triangle a b c, or nearly on its edge b-c."""
    abw = (b[0] - a[0]) * (w[1] - a[1]) - (b[1] - a[1]) * (w[0] - a[0])
    bcw = (c[0] - b[0]) * (w[1] - b[1]) - (c[1] - b[1]) * (w[0] - b[0])
    caw = (a[0] - c[0]) * (w[1] - c[1]) - (a[1] - c[1]) * (w[0] - c[0])
    if (abw > 0 and bcw > 0 and caw > 0) or (abw < 0 and bcw < 0 and caw < 0):
        return True
    return bool(_distance2(c, b, w[0], w[1]) < _MARGIN**2)


@nb.njit(cache=True)
def _contract(graph: Any, v: int, u: int) -> None:
    """Make v one with u; where both had an edge to the same corner, the face between is gone."""
    xy, ends, sides, alive = graph
    for e in range(len(ends)):
        if not alive[e] or (ends[e, 0] != v and ends[e, 1] != v):
            continue
        w = ends[e, 0] + ends[e, 1] - v
        if w == u:
            alive[e] = False
            continue
        twin = -1
        for f in range(len(ends)):
            if alive[f] and ((ends[f, 0] == u and ends[f, 1] == w) or (ends[f, 0] == w and ends[f, 1] == u)):
                twin = f
        if twin < 0:
            ends[e, 0 if ends[e, 0] == v else 1] = u
            continue
        # The face between lies on that side of u-w on which v was; beyond it lies what v-w had on its other side.
        turn = (xy[w, 0] - xy[u, 0]) * (xy[v, 1] - xy[u, 1]) - (xy[w, 1] - xy[u, 1]) * (xy[v, 0] - xy[u, 0])
        side_uw = 0 if turn > 0 else 1
        side_vw = 0 if turn > 0 else 1
        beyond = sides[e, side_vw if ends[e, 0] == v else 1 - side_vw]
        sides[twin, side_uw if ends[twin, 0] == u else 1 - side_uw] = beyond
        alive[twin] = sides[twin, 0] != sides[twin, 1]
        alive[e] = False
