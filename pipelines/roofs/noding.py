"""Segments put into an outline one after the other, so that they meet only in corners, on an integer grid.

Sweep lines find crossings fast but leave corners arbitrarily close to each other and to edges; snap rounding on a fine
grid does too. Here each segment is bent through the corners that it passes nearly, and edges are bent through new
corners, so that corners keep a clearance of `reach` from all else. The outline is put in first and never bent.

Known limits: where the outline itself has corners or edges closer than `reach`, the clearance does not hold between
these two. A segment whose bends find no end (`_BUDGET`) is left out in part; what dangles is cut later.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.clipping import inside

__all__ = ["INNER", "OUTLINE", "insert_segments"]

INNER = 1
"""Kind of an edge inside the outline."""
OUTLINE = 2
"""Kind of an edge of the outline; the inside is on its left."""
_STRIP = 4.0
"""Half the width of the strip around a segment in which corners and edges are looked at, in clearances."""
_ON_IT = 4.0
"""A corner whose squared distance from an edge is no more lies on it, square steps."""
_BUDGET = 4_000
"""Most pieces looked at for one segment."""


@nb.njit(cache=True)
def insert_segments(outline: Any, ring_next: Any, pieces: Any, reach: float, max_edges: int) -> Any:
    """Put segments into an outline, in their order.

    Parameters
    ----------
    outline
        Corners, shape (n, 2) int64 steps; they become the first n vertices.
    ring_next
        Corner after each corner of its ring, shape (n,).
    pieces
        Segments inside the outline, shape (k, 2, 2) float64 steps.
    reach
        Clearance of corners, steps.
    max_edges
        No further segment is begun beyond this many edges.

    Returns
    -------
    tuple
        Vertices (v, 2) int64; edges (e, 2) int64; kind (e,) int8.

    Notes
    -----
    Each segment costs a pass over all edges, and one over those along it for each that it crosses.
    """
    n = len(outline)
    k = len(pieces)
    cap = min(2 * n + 2 * k * (k + 4) + 64, 4 * max_edges + 4 * n + 64)
    xy = np.empty((cap, 2), np.int64)
    xy[:n] = outline
    ends = np.empty((4 * cap, 2), np.int64)
    kind = np.zeros(4 * cap, np.int8)
    todo = np.empty((4 * cap, 3), np.int64)
    pick = np.empty((2, 4 * cap), np.int64)
    count = np.array([n, n, 0, n, 0, 0])  # vertices, edges ever made, todo, edges alive, vertices and edges picked
    for i in range(n):
        ends[i, 0], ends[i, 1], kind[i] = i, ring_next[i], OUTLINE
    state = (xy, ends, kind, todo, count, pick)
    for s in range(k):
        if count[3] >= max_edges or _full(state):
            break
        _pick(state, pieces[s], reach)
        u = _attach(state, pieces[s, 0], reach)
        v = _attach(state, pieces[s, 1], reach)
        _push(state, u, v, 0)
        budget = _BUDGET
        while count[2] > 0 and budget > 0 and not _full(state):
            budget -= 1
            count[2] -= 1
            item = todo[count[2]]
            whole = item[2] == 1 or _strays(xy, pieces[s], item[0], reach) or _strays(xy, pieces[s], item[1], reach)
            _place(state, (item[0], item[1]), whole, reach, (outline, ring_next))
        count[2] = 0
        _compact(state)
    return xy[: count[0]].copy(), ends[: count[1]].copy(), kind[: count[1]].copy()


@nb.njit(cache=True)
def _pick(state: Any, piece: Any, reach: float) -> None:
    """Note the vertices and edges that a segment can meet: the others need not be looked at again and again."""
    xy, ends, kind, _, count, pick = state
    ax, ay = piece[0]
    dx, dy = piece[1, 0] - ax, piece[1, 1] - ay
    length = np.sqrt(dx * dx + dy * dy)
    room = _STRIP * reach
    across, along = np.empty(count[0]), np.empty(count[0])
    count[4] = count[5] = 0
    for v in range(count[0]):
        px, py = xy[v, 0] - ax, xy[v, 1] - ay
        across[v], along[v] = (dx * py - dy * px) / length, (dx * px + dy * py) / length
        if abs(across[v]) <= room and -room <= along[v] <= length + room:
            pick[0, count[4]] = v
            count[4] += 1
    for e in range(count[1]):
        a, b = ends[e, 0], ends[e, 1]
        if min(across[a], across[b]) > room or max(across[a], across[b]) < -room:
            continue
        if kind[e] != 0 and min(along[a], along[b]) <= length + room and max(along[a], along[b]) >= -room:
            pick[1, count[5]] = e
            count[5] += 1


@nb.njit(cache=True)
def _strays(xy: Any, piece: Any, v: int, reach: float) -> bool:
    """Whether a vertex lies so far from the segment in hand that what was picked does not suffice there."""
    ax, ay = piece[0]
    dx, dy = piece[1, 0] - ax, piece[1, 1] - ay
    length2 = dx * dx + dy * dy
    px, py = xy[v, 0] - ax, xy[v, 1] - ay
    t = min(1.0, max(0.0, (px * dx + py * dy) / length2))
    return bool((px - t * dx) ** 2 + (py - t * dy) ** 2 > (0.5 * _STRIP * reach) ** 2)


@nb.njit(cache=True)
def _full(state: Any) -> bool:
    xy, ends, _, todo, count, _ = state
    return bool(count[0] + 8 > len(xy) or count[1] + 64 > len(ends) or count[2] + 64 > len(todo))


@nb.njit(cache=True)
def _push(state: Any, u: int, v: int, whole: int) -> None:
    todo, count = state[3], state[4]
    if u != v and count[2] < len(todo):
        todo[count[2], 0], todo[count[2], 1], todo[count[2], 2] = u, v, whole
        count[2] += 1


@nb.njit(cache=True)
def _add_edge(state: Any, u: int, v: int, kind_of_it: int) -> None:
    _, ends, kind, _, count, pick = state
    if count[1] < len(ends):
        ends[count[1], 0], ends[count[1], 1] = u, v
        kind[count[1]] = kind_of_it
        pick[1, count[5]] = count[1]
        count[5] += 1
        count[1] += 1
        count[3] += 1


@nb.njit(cache=True)
def _edge_between(state: Any, u: int, v: int, whole: bool) -> int:
    """Edge that joins two vertices, -1 if none does."""
    _, ends, kind, _, count, pick = state
    for i in range(count[1] if whole else count[5]):
        e = i if whole else pick[1, i]
        a, b = ends[e, 0], ends[e, 1]
        if kind[e] != 0 and ((a == u and b == v) or (a == v and b == u)):
            return int(e)
    return -1


@nb.njit(cache=True)
def _add_piece(state: Any, u: int, v: int, kind_of_it: int, whole: bool) -> None:
    """Add a part of an edge; one that runs along another from the same corner becomes one with it."""
    kind, count = state[2], state[4]
    same = _edge_between(state, u, v, whole)
    if same >= 0:
        if kind_of_it != OUTLINE:
            return
        kind[same] = 0
        count[3] -= 1
    _add_edge(state, u, v, kind_of_it)


@nb.njit(cache=True)
def _compact(state: Any) -> None:
    """Drop the edges that were replaced."""
    _, ends, kind, _, count, _ = state
    used = 0
    for e in range(count[1]):
        if kind[e] != 0:
            ends[used, 0], ends[used, 1], kind[used] = ends[e, 0], ends[e, 1], kind[e]
            used += 1
    kind[used : count[1]] = 0
    count[1] = count[3] = used


@nb.njit(cache=True)
def _near_vertex(state: Any, x: float, y: float, reach: float, whole: bool) -> int:
    xy, count, pick = state[0], state[4], state[5]
    best, least = -1, reach * reach
    for i in range(count[0] if whole else count[4]):
        v = i if whole else pick[0, i]
        dx, dy = xy[v, 0] - x, xy[v, 1] - y
        if dx * dx + dy * dy < least:
            best, least = v, dx * dx + dy * dy
    return best


@nb.njit(cache=True)
def _near_edge(state: Any, place: Any, reach: float, least_kind: int, whole: bool) -> Any:
    """Nearest edge that passes within `reach`, and the foot of the perpendicular on it."""
    xy, ends, kind, _, count, pick = state
    x, y = place
    best, least, fx, fy = -1, reach * reach, x, y
    for i in range(count[1] if whole else count[5]):
        e = i if whole else pick[1, i]
        if kind[e] < least_kind:
            continue
        a, b = ends[e, 0], ends[e, 1]
        t, d2 = _foot(xy, a, b, x, y)
        if 0.0 < t < 1.0 and d2 < least:
            best, least = e, d2
            fx, fy = xy[a, 0] + t * (xy[b, 0] - xy[a, 0]), xy[a, 1] + t * (xy[b, 1] - xy[a, 1])
    return best, fx, fy


@nb.njit(cache=True)
def _foot(xy: Any, a: int, b: int, x: float, y: float) -> Any:
    """Place of the perpendicular's foot along an edge (0 at a, 1 at b), and the squared distance from the line."""
    dx, dy = float(xy[b, 0] - xy[a, 0]), float(xy[b, 1] - xy[a, 1])
    px, py = x - xy[a, 0], y - xy[a, 1]
    length2 = dx * dx + dy * dy
    cross = dx * py - dy * px
    return (px * dx + py * dy) / length2, cross * cross / length2


@nb.njit(cache=True)
def _attach(state: Any, end: Any, reach: float) -> int:
    """Corner for a segment's end: an old one, one on an edge beside it, or a new one."""
    x, y = end
    v = _near_vertex(state, x, y, reach, False)
    if v >= 0:
        return v
    e, fx, fy = _near_edge(state, (x, y), reach, OUTLINE, False)
    if e < 0:
        e, fx, fy = _near_edge(state, (x, y), reach, INNER, False)
    return _corner(state, fx, fy, reach, False)


@nb.njit(cache=True)
def _corner(state: Any, x: float, y: float, reach: float, whole: bool) -> int:
    """Corner at a place: an old one within reach, else a new one, through which the edges within reach are bent."""
    xy, ends, kind, _, count, pick = state
    v = _near_vertex(state, x, y, reach, whole)
    if v >= 0:
        return v
    wall, fx, fy = _near_edge(state, (x, y), reach, OUTLINE, whole)
    if wall >= 0:
        x, y = fx, fy
        v = _near_vertex(state, x, y, reach, whole)
        if v >= 0:
            return v
    w = count[0]
    xy[w, 0], xy[w, 1] = int(np.rint(x)), int(np.rint(y))
    count[0] += 1
    pick[0, count[4]] = w
    count[4] += 1
    for i in range(count[1] if whole else count[5]):
        e = i if whole else pick[1, i]
        if kind[e] == 0 or (kind[e] == OUTLINE and e != wall):
            continue
        a, b = ends[e, 0], ends[e, 1]
        if a == w or b == w:
            continue
        t, d2 = _foot(xy, a, b, float(xy[w, 0]), float(xy[w, 1]))
        if e != wall and (not 0.0 < t < 1.0 or d2 >= reach * reach):
            continue
        old = kind[e]
        kind[e] = 0
        count[3] -= 1
        if e == wall or d2 <= _ON_IT:
            _add_piece(state, a, w, old, whole)
            _add_piece(state, w, b, old, whole)
        else:
            _push(state, a, w, 1)
            _push(state, w, b, 1)
    return int(w)


@nb.njit(cache=True)
def _place(state: Any, pair: Any, whole: bool, reach: float, rings: Any) -> None:
    """Make an edge between two corners if nothing is in its way, else put its pieces on the list."""
    xy = state[0]
    outline, ring_next = rings
    u, v = pair
    if _edge_between(state, u, v, whole) >= 0:
        return
    w = _on_the_way(state, u, v, reach, whole)
    if w < 0:
        crossed, x, y = _first_crossing(state, u, v, whole)
        if crossed < 0:
            mx, my = 0.5 * (xy[u, 0] + xy[v, 0]), 0.5 * (xy[u, 1] + xy[v, 1])
            if inside(outline, ring_next, len(outline), mx, my):
                _add_edge(state, u, v, INNER)
            return
        w = _corner(state, x, y, reach, whole)
    if w != u and w != v:
        _push(state, w, v, 1 if whole else 0)
        _push(state, u, w, 1 if whole else 0)


@nb.njit(cache=True)
def _on_the_way(state: Any, u: int, v: int, reach: float, whole: bool) -> int:
    """Corner that lies nearest to an edge within reach; one that is within reach of an end only if it is hit."""
    xy, count, pick = state[0], state[4], state[5]
    best, least = -1, reach * reach
    for i in range(count[0] if whole else count[4]):
        w = i if whole else pick[0, i]
        if w in (u, v):
            continue
        t, d2 = _foot(xy, u, v, float(xy[w, 0]), float(xy[w, 1]))
        if not 0.0 < t < 1.0 or d2 >= least:
            continue
        to_u = (xy[w, 0] - xy[u, 0]) ** 2 + (xy[w, 1] - xy[u, 1]) ** 2
        to_v = (xy[w, 0] - xy[v, 0]) ** 2 + (xy[w, 1] - xy[v, 1]) ** 2
        if d2 > _ON_IT and min(to_u, to_v) < reach * reach:
            continue
        best, least = w, d2
    return best


@nb.njit(cache=True)
def _first_crossing(state: Any, u: int, v: int, whole: bool) -> Any:
    """Edge that u-v crosses first, and where."""
    xy, ends, kind, _, count, pick = state
    ux, uy, vx, vy = xy[u, 0], xy[u, 1], xy[v, 0], xy[v, 1]
    dx, dy = vx - ux, vy - uy
    best, first = -1, 2.0
    for i in range(count[1] if whole else count[5]):
        e = i if whole else pick[1, i]
        a, b = ends[e, 0], ends[e, 1]
        if kind[e] == 0 or a in (u, v) or b in (u, v):
            continue
        ax, ay, bx, by = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1]
        if max(ax, bx) < min(ux, vx) or min(ax, bx) > max(ux, vx):
            continue
        if max(ay, by) < min(uy, vy) or min(ay, by) > max(uy, vy):
            continue
        side_a = dx * (ay - uy) - dy * (ax - ux)
        side_b = dx * (by - uy) - dy * (bx - ux)
        if (side_a > 0) == (side_b > 0) or side_a == 0 or side_b == 0:
            continue
        side_u = (bx - ax) * (uy - ay) - (by - ay) * (ux - ax)
        side_v = (bx - ax) * (vy - ay) - (by - ay) * (vx - ax)
        if (side_u > 0) == (side_v > 0) or side_u == 0 or side_v == 0:
            continue
        t = side_u / (side_u - side_v)
        if t < first:
            best, first = e, t
    return best, ux + first * dx, uy + first * dy
