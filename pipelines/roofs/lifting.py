"""Heights of a labelled plan: one for each vertex and plane, welded where planes meet, edges split where they cross."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.junctions import OUTSIDE, weld, z_of
from pipelines.roofs.ordering import ascending

__all__ = ["levels_of", "lift", "split_crossings", "wall_rings"]

_ROUNDS = 6
"""Most passes over the edges that cross in height; the second finds nothing but what the first has welded."""
_THINNEST = 3e-4
"""Least height of a wall by its length: 3 mm in 10 m."""
_LEAST_PIECE = 25.0
"""An edge is not split nearer to its ends than this, steps (2.5 mm): the heights at the end are welded instead."""


@nb.njit(cache=True)
def lift(graph: Any, count: Any, coefficients: Any, floor: float, gap: Any) -> Any:
    """Heights on both sides of both ends of each edge.

    Parameters
    ----------
    graph, count
        As `repair_junctions` leaves them.
    coefficients
        Planes in steps, shape (m, 3).
    floor
        Least height, steps.
    gap
        Shape (vertices,): heights at a vertex that differ by less become one, steps.

    Returns
    -------
    numpy.ndarray
        Shape (edges, side, end) int64 steps; `OUTSIDE` outside.
    """
    xy, ends, sides, alive = graph
    n, m = count[0], count[1]
    start = np.zeros(n + 1, np.int64)
    for e in range(m):
        if alive[e]:
            start[ends[e, 0] + 1] += 2
            start[ends[e, 1] + 1] += 2
    for v in range(n):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    slot = np.empty(start[n], np.int64)
    for e in range(m):
        if not alive[e]:
            continue
        for end in range(2):
            for side in range(2):
                slot[fill[ends[e, end]]] = 4 * e + 2 * side + end
                fill[ends[e, end]] += 1
    z = np.full((m, 2, 2), OUTSIDE, np.int64)
    for v in range(n):
        exact = np.empty(start[v + 1] - start[v])
        for k in range(start[v], start[v + 1]):
            plane = sides[slot[k] // 4, slot[k] // 2 % 2]
            exact[k - start[v]] = float(OUTSIDE) if plane < 0 else z_of(coefficients, plane, xy[v], floor)
        welded = weld(exact, gap[v])
        for k in range(start[v], start[v + 1]):
            z[slot[k] // 4, slot[k] // 2 % 2, slot[k] % 2] = welded[k - start[v]]
    return z


@nb.njit(cache=True)
def split_crossings(graph: Any, count: Any, coefficients: Any, floor: float, gap: Any) -> Any:
    """Split the edges along which the higher side changes, where it changes.

    Returns
    -------
    tuple
        Heights as `lift` gives them, and the number of edges that still cross (0 but for a defect).
    """
    xy, ends, sides, alive = graph
    z = lift(graph, count, coefficients, floor, gap)
    crossing = 0
    for _ in range(_ROUNDS):
        crossing = 0
        for e in range(count[1]):
            if not alive[e] or sides[e, 1] < 0 or sides[e, 0] < 0 or e >= len(z):
                continue
            at_a, at_b = z[e, 0, 0] - z[e, 1, 0], z[e, 0, 1] - z[e, 1, 1]
            if at_a * at_b >= 0:
                crossing += _weld_if_thin(xy, ends[e], max(abs(at_a), abs(at_b)), gap)
                continue
            crossing += 1
            a, b = ends[e, 0], ends[e, 1]
            p, q = sides[e, 0], sides[e, 1]
            exact_a = z_of(coefficients, p, xy[a], floor) - z_of(coefficients, q, xy[a], floor)
            exact_b = z_of(coefficients, p, xy[b], floor) - z_of(coefficients, q, xy[b], floor)
            dx, dy = float(xy[b, 0] - xy[a, 0]), float(xy[b, 1] - xy[a, 1])
            t = exact_a / (exact_a - exact_b) if exact_a * exact_b < 0.0 else 0.5
            length = np.sqrt(dx * dx + dy * dy)
            if t * length < _LEAST_PIECE:
                gap[a] = max(gap[a], abs(exact_a) + 1.0)
            elif (1.0 - t) * length < _LEAST_PIECE:
                gap[b] = max(gap[b], abs(exact_b) + 1.0)
            elif count[0] < len(xy) and count[1] < len(ends):
                w, new = count[0], count[1]
                xy[w, 0], xy[w, 1] = xy[a, 0] + int(np.rint(t * dx)), xy[a, 1] + int(np.rint(t * dy))
                gap[w] = np.inf  # two planes meet here and nothing else
                ends[new, 0], ends[new, 1] = w, b
                ends[e, 1] = w
                sides[new] = sides[e]
                alive[new] = True
                count[0] += 1
                count[1] += 1
        if crossing == 0:
            break
        z = lift(graph, count, coefficients, floor, gap)
    return z, crossing


@nb.njit(cache=True)
def _weld_if_thin(xy: Any, edge: Any, height: int, gap: Any) -> int:
    """Do without a wall so thin for its length that no plane can be fitted to it (val3dity 104); 1 if it was one."""
    a, b = edge
    length = np.sqrt(float(xy[b, 0] - xy[a, 0]) ** 2 + float(xy[b, 1] - xy[a, 1]) ** 2)
    if height == 0 or height >= _THINNEST * length:
        return 0
    gap[a], gap[b] = max(gap[a], height + 1.0), max(gap[b], height + 1.0)
    return 1


@nb.njit(cache=True)
def levels_of(ends: Any, z: Any, n: int, base: int) -> Any:
    """Heights in use at each vertex, ascending, without repetition; the base where the outside is beside.

    Returns
    -------
    tuple
        First level of each vertex (n + 1,); levels, steps.
    """
    start = np.zeros(n + 1, np.int64)
    for e in range(len(ends)):
        start[ends[e, 0] + 1] += 2
        start[ends[e, 1] + 1] += 2
    for v in range(n):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    every = np.empty(start[n], np.int64)
    for e in range(len(ends)):
        for end in range(2):
            for side in range(2):
                every[fill[ends[e, end]]] = base if z[e, side, end] == OUTSIDE else z[e, side, end]
                fill[ends[e, end]] += 1
    first = np.zeros(n + 1, np.int64)
    levels = np.empty(len(every), np.int64)
    used = 0
    for v in range(n):
        here = every[start[v] : start[v + 1]]
        for k in ascending(here):
            if used == first[v] or here[k] != levels[used - 1]:
                levels[used] = here[k]
                used += 1
        first[v + 1] = used
    return first, levels[:used].copy()


@nb.njit(cache=True)
def wall_rings(ends: Any, z: Any, base: int, first: Any, levels: Any) -> Any:
    """Walls between the two sides of each edge, with every level between as a corner.

    Returns
    -------
    tuple
        Corners (solid vertices, counter-clockwise from outside) and start of each ring.
    """
    room = 0
    for e in range(len(ends)):
        for end in range(2):
            room += first[ends[e, end] + 1] - first[ends[e, end]]
    corners = np.empty(room, np.int64)
    ring_start = np.zeros(len(ends) + 1, np.int64)
    used, n = 0, 0
    for e in range(len(ends)):
        low, high = np.empty(2, np.int64), np.empty(2, np.int64)
        upper = 0 if z[e, 0, 0] + z[e, 0, 1] >= z[e, 1, 0] + z[e, 1, 1] else 1
        for end in range(2):  # along the edge with the higher side on the left
            at = end if upper == 0 else 1 - end
            high[end] = z[e, upper, at]
            low[end] = base if z[e, 1 - upper, at] == OUTSIDE else z[e, 1 - upper, at]
        if high[0] == low[0] and high[1] == low[1]:
            continue
        a, b = ends[e, upper], ends[e, 1 - upper]
        for k in range(first[a + 1] - 1, first[a] - 1, -1):
            if low[0] <= levels[k] <= high[0]:
                corners[used] = k
                used += 1
        for k in range(first[b], first[b + 1]):
            if low[1] <= levels[k] <= high[1]:
                corners[used] = k
                used += 1
        n += 1
        ring_start[n] = used
    return corners[:used].copy(), ring_start[: n + 1].copy()
