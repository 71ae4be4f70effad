"""Corners in which the walls of a solid would not be a surface, found and repaired in plan, before there is a solid.

Around a corner of the plan the roof has a cyclic sequence of heights, one for each face that meets there (outside, the
lowest). The solid below is a manifold along the vertical line through the corner if and only if that sequence rises
once and falls once: at each level what is higher is then one sector. Where it rises twice (high, low, high, low), two
parts of the building touch in a line, and a wall's edge would be used four times (val3dity 303). There the corner of
one face is cut off and given to a neighbour, a triangle with legs of `corner_m`.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.ordering import ascending

__all__ = ["OUTSIDE", "repair_junctions", "sectors", "weld", "z_of"]

OUTSIDE = -(1 << 60)
"""Height of what is outside, steps."""
_TRIES = 12
"""Most cuts at one corner; each one lessens the number of heights."""
_LEAST_GAP = 25
"""Least distance between what is put in and what is there, steps (2.5 mm)."""


@nb.njit(cache=True)
def z_of(coefficients: Any, plane: int, xy: Any, floor: float) -> float:
    """Height of a plane over a vertex, steps, never below `floor`; exact, not on the grid."""
    z = coefficients[plane, 0] * xy[0] + coefficients[plane, 1] * xy[1] + coefficients[plane, 2]
    return float(max(z, floor))


@nb.njit(cache=True)
def weld(z: Any, gap: float) -> Any:
    """Round heights to the grid; such as follow each other by less than `gap` become their mean.

    The order of heights is kept, so welding never makes a junction worse.
    """
    order = ascending(z)
    welded = np.empty(len(z), np.int64)
    i = 0
    while i < len(z):
        if z[order[i]] <= OUTSIDE:
            welded[order[i]] = OUTSIDE
            i += 1
            continue
        j = i + 1
        while j < len(z) and z[order[j]] - z[order[j - 1]] < gap:
            j += 1
        # Equal planes must not weigh by the number of their sectors: the middle of the extremes, not the mean of all.
        middle = int(np.rint(0.5 * (z[order[i]] + z[order[j - 1]])))
        for k in range(i, j):
            welded[order[k]] = middle
        i = j
    return welded


@nb.njit(cache=True)
def sectors(xy: Any, ends: Any, sides: Any, alive: Any, v: int) -> Any:
    """Half-edges that leave a vertex, counter-clockwise, and the plane to the left of each.

    Returns
    -------
    tuple
        Half-edges (k,), planes (k,); sector i lies between half-edge i and the next.
    """
    out = np.empty(64, np.int64)
    angle = np.empty(64)
    n = 0
    for e in range(len(ends)):
        if not alive[e] or (ends[e, 0] != v and ends[e, 1] != v) or n == 64:
            continue
        h = 2 * e if ends[e, 0] == v else 2 * e + 1
        w = ends[e, 1 - h % 2]
        angle[n] = np.arctan2(float(xy[w, 1] - xy[v, 1]), float(xy[w, 0] - xy[v, 0]))
        out[n] = h
        n += 1
    out = out[:n][ascending(angle[:n])]
    planes = np.empty(n, np.int64)
    for k in range(n):
        planes[k] = sides[out[k] // 2, out[k] % 2]
    return out, planes


@nb.njit(cache=True)
def repair_junctions(graph: Any, count: Any, coefficients: Any, limits: Any) -> int:
    """Repair all corners in place.

    Parameters
    ----------
    graph
        Vertices (cap, 2) int64, edges (cap, 2), planes left and right of each edge (cap, 2; -1 outside), alive (cap,).
    count
        Vertices and edges in use, shape (2,), updated.
    coefficients
        Planes in steps, shape (m, 3).
    limits
        Floor, gap of welding, legs of the triangle; steps.

    Returns
    -------
    int
        Corners repaired, or -1 - vertex where one could not be.
    """
    _, ends, _, alive = graph
    degree = np.zeros(count[0], np.int64)
    for e in range(count[1]):
        if alive[e]:
            degree[ends[e, 0]] += 1
            degree[ends[e, 1]] += 1
    repaired = 0
    for v in range(len(degree)):
        if degree[v] < 4:  # three heights always rise once and fall once
            continue
        for attempt in range(_TRIES):
            step = _repair(graph, count, coefficients, limits, v)
            if step == 0:
                break
            if step < 0 or attempt + 1 == _TRIES:
                return -1 - v
            repaired += 1
    return repaired


@nb.njit(cache=True)
def _repair(graph: Any, count: Any, coefficients: Any, limits: Any, v: int) -> int:
    """Cut one corner at v: 0 if none needs it, 1 if done, -1 if it cannot be."""
    xy, ends, sides, alive = graph
    out, planes = sectors(xy[: count[0]], ends[: count[1]], sides, alive, v)
    n = len(out)
    exact = np.empty(n)
    for k in range(n):
        exact[k] = float(OUTSIDE) if planes[k] < 0 else z_of(coefficients, planes[k], xy[v], limits[0])
    z = weld(exact, limits[1])
    start = _plateaus(z)
    m = len(start)
    extreme = np.zeros(m, np.bool_)
    cost = np.empty(m)
    donor = np.empty(m, np.int64)
    n_extreme = 0
    for k in range(m):
        here, before, after = z[start[k]], z[start[k - 1]], z[start[(k + 1) % m]]
        if (here > before) == (here > after) and m > 1:
            extreme[k] = True
            n_extreme += 1
        to_before = abs(before - here) <= abs(after - here)
        cost[k] = min(abs(float(before - here)), abs(float(after - here)))
        donor[k] = planes[start[k] - 1] if to_before else planes[start[(k + 1) % m]]
    if n_extreme <= 2:
        return 0
    for k in ascending(cost):
        if not extreme[k] or z[start[k]] == OUTSIDE or donor[k] < 0:
            continue
        last = start[(k + 1) % m] - 1
        size = (last - start[k]) % n + 1
        shrink = 1.0
        for _ in range(4):
            if _cut_corner(graph, count, (out, planes, start[k], size), donor[k], limits[2] * shrink):
                return 1
            shrink *= 0.5
    return -1


@nb.njit(cache=True)
def _plateaus(z: Any) -> Any:
    """First sector of each run of equal heights."""
    start = np.empty(len(z), np.int64)
    m = 0
    for k in range(len(z)):
        if z[k] != z[k - 1]:
            start[m] = k
            m += 1
    if m == 0:
        start[0] = 0
        m = 1
    return start[:m].copy()


@nb.njit(cache=True)
def _cut_corner(graph: Any, count: Any, run: Any, plane: int, leg: float) -> bool:
    """Give the corners of a run of sectors to another plane, if nothing is in the way."""
    xy, ends, sides, alive = graph
    out, planes, first, size = run
    n = len(out)
    v = ends[out[0] // 2, out[0] % 2]
    if count[0] + 2 * size + 2 >= len(xy) or count[1] + 4 * size + 4 >= len(ends):
        return False
    foot = np.empty((size + 1, 2), np.int64)
    for k in range(size + 1):
        h = out[(first + k) % n]
        w = ends[h // 2, 1 - h % 2]
        dx, dy = float(xy[w, 0] - xy[v, 0]), float(xy[w, 1] - xy[v, 1])
        length = np.sqrt(dx * dx + dy * dy)
        reach = min(leg, 0.4 * length)
        if reach < 2.0 * _LEAST_GAP:
            return False
        foot[k, 0] = xy[v, 0] + int(np.rint(dx / length * reach))
        foot[k, 1] = xy[v, 1] + int(np.rint(dy / length * reach))
    middle = np.empty((size, 2), np.int64)
    bent = np.zeros(size, np.bool_)
    for k in range(size):
        bent[k] = _bisector(xy[v], foot[k], foot[k + 1], middle[k])
        if bent[k]:
            free = _free(graph, count, v, (foot[k], middle[k])) and _free(graph, count, v, (middle[k], foot[k + 1]))
        else:
            free = _free(graph, count, v, (foot[k], foot[k + 1]))
        if not free:
            return False
    corner = np.empty(size + 1, np.int64)
    for k in range(size + 1):
        corner[k] = _split(graph, count, out[(first + k) % n], foot[k])
        h = out[(first + k) % n]
        if k < size:
            sides[h // 2, h % 2] = plane
        if k > 0:
            sides[h // 2, 1 - h % 2] = plane
        alive[h // 2] = sides[h // 2, 0] != sides[h // 2, 1]
    for k in range(size):
        old = planes[(first + k) % n]
        a = corner[k]
        if bent[k]:
            xy[count[0]] = middle[k]
            count[0] += 1
            _join(graph, count, (a, count[0] - 1), (plane, old))
            a = count[0] - 1
        _join(graph, count, (a, corner[k + 1]), (plane, old))
    return True


@nb.njit(cache=True)
def _bisector(v: Any, a: Any, b: Any, middle: Any) -> bool:
    """Whether the sector from a to b (counter-clockwise around v) is wider than 150 degrees; its middle point then."""
    ax, ay, bx, by = float(a[0] - v[0]), float(a[1] - v[1]), float(b[0] - v[0]), float(b[1] - v[1])
    angle = np.arctan2(ax * by - ay * bx, ax * bx + ay * by)
    if angle < 0.0:
        angle += 2.0 * np.pi
    if angle < 2.6:
        return False
    radius = 0.5 * (np.sqrt(ax * ax + ay * ay) + np.sqrt(bx * bx + by * by))
    turn = np.arctan2(ay, ax) + 0.5 * angle
    middle[0] = v[0] + int(np.rint(radius * np.cos(turn)))
    middle[1] = v[1] + int(np.rint(radius * np.sin(turn)))
    return True


@nb.njit(cache=True)
def _free(graph: Any, count: Any, v: int, segment: Any) -> bool:
    """Whether the triangle of v and a segment, and a little room beyond, holds no vertex, and no edge crosses it."""
    xy, ends, _, alive = graph
    a, b = segment
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = np.sqrt(float(dx * dx + dy * dy))
    if length < _LEAST_GAP:
        return False
    used = np.zeros(count[0], np.bool_)
    for e in range(count[1]):
        if not alive[e]:
            continue
        p, q = ends[e, 0], ends[e, 1]
        used[p] = used[q] = True
        if v in (p, q):
            continue
        side_p = dx * (xy[p, 1] - a[1]) - dy * (xy[p, 0] - a[0])
        side_q = dx * (xy[q, 1] - a[1]) - dy * (xy[q, 0] - a[0])
        ex, ey = xy[q, 0] - xy[p, 0], xy[q, 1] - xy[p, 1]
        side_a = ex * (a[1] - xy[p, 1]) - ey * (a[0] - xy[p, 0])
        side_b = ex * (b[1] - xy[p, 1]) - ey * (b[0] - xy[p, 0])
        if (side_p > 0) != (side_q > 0) and (side_a > 0) != (side_b > 0):
            return False
    for w in range(count[0]):
        if w == v or not used[w]:
            continue
        x, y = float(xy[w, 0]), float(xy[w, 1])
        beyond = (dx * (y - a[1]) - dy * (x - a[0])) / length > -_LEAST_GAP
        right = (a[0] - xy[v, 0]) * (y - xy[v, 1]) - (a[1] - xy[v, 1]) * (x - xy[v, 0])
        left = (b[0] - xy[v, 0]) * (y - xy[v, 1]) - (b[1] - xy[v, 1]) * (x - xy[v, 0])
        if beyond and right > 0 and left < 0:
            return False
        if (x - a[0]) ** 2 + (y - a[1]) ** 2 < _LEAST_GAP**2 or (x - b[0]) ** 2 + (y - b[1]) ** 2 < _LEAST_GAP**2:
            return False
    return True


@nb.njit(cache=True)
def _split(graph: Any, count: Any, half: int, place: Any) -> int:
    """Put a vertex on the edge of a half-edge; the part at the half-edge's start keeps the edge's number."""
    xy, ends, sides, alive = graph
    e, end = half // 2, half % 2
    w, new = count[0], count[1]
    xy[w] = place
    ends[new, end], ends[new, 1 - end] = w, ends[e, 1 - end]
    ends[e, 1 - end] = w
    sides[new] = sides[e]
    alive[new] = True
    count[0] += 1
    count[1] += 1
    return int(w)


@nb.njit(cache=True)
def _join(graph: Any, count: Any, pair: Any, planes: Any) -> None:
    _, ends, sides, alive = graph
    e = count[1]
    ends[e, 0], ends[e, 1] = pair
    sides[e, 0], sides[e, 1] = planes
    alive[e] = True
    count[1] += 1
