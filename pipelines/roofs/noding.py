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

__all__ = ["INNER", "OUTLINE", "clip_segments", "insert_segments"]

INNER = 1
"""Kind of an edge inside the outline."""
OUTLINE = 2
"""Kind of an edge of the outline; the inside is on its left."""
_BUDGET = 4_000
"""Most pieces looked at for one segment."""


@nb.njit(cache=True)
def clip_segments(xy: Any, ring_next: Any, segments: Any) -> Any:
    """Keep what lies inside the outline.

    Parameters
    ----------
    xy
        Corners of the outline, shape (n, 2) int64.
    ring_next
        Corner after each corner of its ring, shape (n,).
    segments
        Shape (k, 2, 2) float64, in steps.

    Returns
    -------
    numpy.ndarray
        Shape (pieces, 2, 2), in the order of the segments.
    """
    n = len(xy)
    room = 4 * len(segments) + 16
    pieces = np.empty((room, 2, 2), np.float64)
    used = 0
    cuts = np.empty(n + 2, np.float64)
    for s in range(len(segments)):
        x0, y0, x1, y1 = segments[s, 0, 0], segments[s, 0, 1], segments[s, 1, 0], segments[s, 1, 1]
        dx, dy = x1 - x0, y1 - y0
        if not (np.isfinite(dx) and np.isfinite(dy)) or dx * dx + dy * dy < 1.0:
            continue
        cuts[0], cuts[1] = 0.0, 1.0
        m = 2
        for i in range(n):
            j = ring_next[i]
            side_i = dx * (xy[i, 1] - y0) - dy * (xy[i, 0] - x0)
            side_j = dx * (xy[j, 1] - y0) - dy * (xy[j, 0] - x0)
            if (side_i > 0.0) == (side_j > 0.0):
                continue
            f = side_i / (side_i - side_j)
            px, py = xy[i, 0] + f * (xy[j, 0] - xy[i, 0]), xy[i, 1] + f * (xy[j, 1] - xy[i, 1])
            t = ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy)
            if 0.0 < t < 1.0:
                cuts[m] = t
                m += 1
        found = np.sort(cuts[:m])
        for c in range(m - 1):
            t0, t1 = found[c], found[c + 1]
            middle = 0.5 * (t0 + t1)
            if t1 - t0 < 1e-12 or not inside(xy, ring_next, n, x0 + middle * dx, y0 + middle * dy):
                continue
            if used == room:
                grown = np.empty((2 * room, 2, 2), np.float64)
                grown[:room] = pieces
                pieces = grown
                room *= 2
            pieces[used, 0, 0], pieces[used, 0, 1] = x0 + t0 * dx, y0 + t0 * dy
            pieces[used, 1, 0], pieces[used, 1, 1] = x0 + t1 * dx, y0 + t1 * dy
            used += 1
    return pieces[:used].copy()


@nb.njit(cache=True)
def inside(xy: Any, ring_next: Any, n: int, px: float, py: float) -> bool:
    """Even-odd rule over the first n corners."""
    odd = False
    for i in range(n):
        j = ring_next[i]
        ay, by = xy[i, 1], xy[j, 1]
        if (ay > py) != (by > py) and px < xy[i, 0] + (py - ay) * (xy[j, 0] - xy[i, 0]) / (by - ay):
            odd = not odd
    return odd


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
    Each piece costs a pass over all edges: quadratic, 0.1 ms for 30 segments.
    """
    n = len(outline)
    k = len(pieces)
    cap = min(2 * n + 2 * k * (k + 4) + 64, 4 * max_edges + 4 * n + 64)
    xy = np.empty((cap, 2), np.int64)
    xy[:n] = outline
    ends = np.empty((4 * cap, 2), np.int64)
    kind = np.zeros(4 * cap, np.int8)
    todo = np.empty((4 * cap, 2), np.int64)
    count = np.array([n, n, 0, n])  # vertices, edges ever made, entries of todo, edges alive
    for i in range(n):
        ends[i, 0], ends[i, 1], kind[i] = i, ring_next[i], OUTLINE
    state = (xy, ends, kind, todo, count)
    for s in range(k):
        if count[3] >= max_edges or _full(state):
            break
        u = _attach(state, pieces[s, 0, 0], pieces[s, 0, 1], reach)
        v = _attach(state, pieces[s, 1, 0], pieces[s, 1, 1], reach)
        _push(state, u, v)
        budget = _BUDGET
        while count[2] > 0 and budget > 0 and not _full(state):
            budget -= 1
            count[2] -= 1
            _place(state, todo[count[2], 0], todo[count[2], 1], reach, (outline, ring_next))
        count[2] = 0
        _compact(state)
    _compact(state)
    return xy[: count[0]].copy(), ends[: count[1]].copy(), kind[: count[1]].copy()


@nb.njit(cache=True)
def _full(state: Any) -> bool:
    xy, ends, _, todo, count = state
    return bool(count[0] + 8 > len(xy) or count[1] + 64 > len(ends) or count[2] + 64 > len(todo))


@nb.njit(cache=True)
def _push(state: Any, u: int, v: int) -> None:
    todo, count = state[3], state[4]
    if u != v and count[2] < len(todo):
        todo[count[2], 0], todo[count[2], 1] = u, v
        count[2] += 1


@nb.njit(cache=True)
def _add_edge(state: Any, u: int, v: int, kind_of_it: int) -> None:
    _, ends, kind, _, count = state
    if count[1] < len(ends):
        ends[count[1], 0], ends[count[1], 1] = u, v
        kind[count[1]] = kind_of_it
        count[1] += 1
        count[3] += 1


@nb.njit(cache=True)
def _compact(state: Any) -> None:
    """Drop the edges that were replaced."""
    _, ends, kind, _, count = state
    used = 0
    for e in range(count[1]):
        if kind[e] != 0:
            ends[used, 0], ends[used, 1], kind[used] = ends[e, 0], ends[e, 1], kind[e]
            used += 1
    kind[used : count[1]] = 0
    count[1] = count[3] = used


@nb.njit(cache=True)
def _near_vertex(state: Any, x: float, y: float, reach: float) -> int:
    xy, count = state[0], state[4]
    best, least = -1, reach * reach
    for v in range(count[0]):
        dx, dy = xy[v, 0] - x, xy[v, 1] - y
        if dx * dx + dy * dy < least:
            best, least = v, dx * dx + dy * dy
    return best


@nb.njit(cache=True)
def _near_edge(state: Any, x: float, y: float, reach: float, least_kind: int) -> Any:
    """Nearest edge that passes within `reach`, and the foot of the perpendicular on it."""
    xy, ends, kind, _, count = state
    best, least, fx, fy = -1, reach * reach, x, y
    for e in range(count[1]):
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
def _attach(state: Any, x: float, y: float, reach: float) -> int:
    """Corner for a segment's end: an old one, one on an edge beside it, or a new one."""
    v = _near_vertex(state, x, y, reach)
    if v >= 0:
        return v
    e, fx, fy = _near_edge(state, x, y, reach, OUTLINE)
    if e < 0:
        e, fx, fy = _near_edge(state, x, y, reach, INNER)
    return _corner(state, fx, fy, reach)


@nb.njit(cache=True)
def _corner(state: Any, x: float, y: float, reach: float) -> int:
    """Corner at a place: an old one within reach, else a new one, through which the edges within reach are bent."""
    xy, ends, kind, _, count = state
    v = _near_vertex(state, x, y, reach)
    if v >= 0:
        return v
    wall, fx, fy = _near_edge(state, x, y, reach, OUTLINE)
    if wall >= 0:
        x, y = fx, fy
        v = _near_vertex(state, x, y, reach)
        if v >= 0:
            return v
    w = count[0]
    xy[w, 0], xy[w, 1] = int(np.rint(x)), int(np.rint(y))
    count[0] += 1
    for e in range(count[1]):
        if kind[e] == 0 or (kind[e] == OUTLINE and e != wall):
            continue
        a, b = ends[e, 0], ends[e, 1]
        t, d2 = _foot(xy, a, b, float(xy[w, 0]), float(xy[w, 1]))
        if e != wall and (not 0.0 < t < 1.0 or d2 >= reach * reach):
            continue
        kind[e] = 0
        count[3] -= 1
        if e == wall:
            _add_edge(state, a, w, OUTLINE)
            _add_edge(state, w, b, OUTLINE)
        else:
            _push(state, a, w)
            _push(state, w, b)
    return int(w)


@nb.njit(cache=True)
def _place(state: Any, u: int, v: int, reach: float, rings: Any) -> None:
    """Make an edge between two corners if nothing is in its way, else put its pieces on the list."""
    xy, ends, kind, _, count = state
    outline, ring_next = rings
    for e in range(count[1]):
        a, b = ends[e, 0], ends[e, 1]
        if kind[e] != 0 and ((a == u and b == v) or (a == v and b == u)):
            return
    w = _on_the_way(state, u, v, reach)
    if w < 0:
        crossed, x, y = _first_crossing(state, u, v)
        if crossed < 0:
            mx, my = 0.5 * (xy[u, 0] + xy[v, 0]), 0.5 * (xy[u, 1] + xy[v, 1])
            if inside(outline, ring_next, len(outline), mx, my):
                _add_edge(state, u, v, INNER)
            return
        w = _corner(state, x, y, reach)
    if w != u and w != v:
        _push(state, w, v)
        _push(state, u, w)


@nb.njit(cache=True)
def _on_the_way(state: Any, u: int, v: int, reach: float) -> int:
    """Corner that lies nearest to an edge within reach; one that is within reach of an end only if it is hit."""
    xy, count = state[0], state[4]
    best, least = -1, reach * reach
    for w in range(count[0]):
        if w in (u, v):
            continue
        t, d2 = _foot(xy, u, v, float(xy[w, 0]), float(xy[w, 1]))
        if not 0.0 < t < 1.0 or d2 >= least:
            continue
        to_u = (xy[w, 0] - xy[u, 0]) ** 2 + (xy[w, 1] - xy[u, 1]) ** 2
        to_v = (xy[w, 0] - xy[v, 0]) ** 2 + (xy[w, 1] - xy[v, 1]) ** 2
        if d2 > 4.0 and min(to_u, to_v) < reach * reach:
            continue
        best, least = w, d2
    return best


@nb.njit(cache=True)
def _first_crossing(state: Any, u: int, v: int) -> Any:
    """Edge that u-v crosses first, and where."""
    xy, ends, kind, _, count = state
    ux, uy, vx, vy = xy[u, 0], xy[u, 1], xy[v, 0], xy[v, 1]
    dx, dy = vx - ux, vy - uy
    best, first = -1, 2.0
    for e in range(count[1]):
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
