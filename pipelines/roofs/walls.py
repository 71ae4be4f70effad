"""Walls of a lifted plan: one for each edge of the outline as it was given, one for each step within."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.junctions import OUTSIDE
from pipelines.roofs.ordering import ascending

__all__ = ["levels_of", "outer_walls", "step_walls"]


@nb.njit(cache=True)
def levels_of(ends: Any, z: Any, fixed: Any, base: int) -> Any:
    """Heights in use at each vertex, ascending, without repetition; the base at corners of the outline.

    Parameters
    ----------
    ends
        Edges, shape (e, 2).
    z
        Heights (e, side, end), steps, `OUTSIDE` outside.
    fixed
        Corners of the outline, shape (v,).
    base
        Height of the floor, steps.

    Returns
    -------
    tuple
        First level of each vertex (v + 1,); levels, steps.
    """
    n = len(fixed)
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
                v = ends[e, end]
                every[fill[v]] = z[e, side, end]
                if z[e, side, end] == OUTSIDE:  # an edge of the outline has the roof on its left
                    every[fill[v]] = base if fixed[v] else z[e, 0, end]
                fill[v] += 1
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
def step_walls(ends: Any, z: Any, first: Any, levels: Any) -> Any:
    """Walls between the two sides of each edge within, with every level between as a corner.

    Returns
    -------
    tuple
        Corners (solid vertices, counter-clockwise from outside) and start of each ring.
    """
    corners = np.empty(2 * len(levels) + 4 * len(ends), np.int64)
    ring_start = np.zeros(len(ends) + 1, np.int64)
    used, n = 0, 0
    for e in range(len(ends)):
        upper = 0 if z[e, 0, 0] + z[e, 0, 1] >= z[e, 1, 0] + z[e, 1, 1] else 1
        a, b = ends[e, upper], ends[e, 1 - upper]  # along the edge with the higher side on the left
        high_a, low_a = z[e, upper, upper], z[e, 1 - upper, upper]
        high_b, low_b = z[e, upper, 1 - upper], z[e, 1 - upper, 1 - upper]
        if low_a == OUTSIDE or (high_a == low_a and high_b == low_b):
            continue
        most = used + first[a + 1] - first[a] + first[b + 1] - first[b]
        if most > len(corners):
            grown = np.empty(2 * most, np.int64)
            grown[:used] = corners[:used]
            corners = grown
        used = _column(corners, used, (first[a], first[a + 1]), levels, (high_a, low_a))
        used = _column(corners, used, (first[b], first[b + 1]), levels, (low_b, high_b))
        n += 1
        ring_start[n] = used
    return corners[:used].copy(), ring_start[: n + 1].copy()


@nb.njit(cache=True)
def outer_walls(ends: Any, z: Any, fixed: Any, first: Any, levels: Any) -> Any:
    """Walls along the outline, each from one of its corners to the next, whatever roofs end above.

    Returns
    -------
    tuple
        Corners (solid vertices, counter-clockwise from outside) and start of each ring.
    """
    along = np.full(len(fixed), -1, np.int64)
    room = 0
    for e in range(len(ends)):
        if z[e, 1, 0] == OUTSIDE:
            along[ends[e, 0]] = e
            room += 2 * (first[ends[e, 0] + 1] - first[ends[e, 0]])
    corners = np.empty(room, np.int64)
    ring_start = np.zeros(len(fixed) + 1, np.int64)
    used, n = 0, 0
    chain = np.empty(len(ends), np.int64)
    for a in range(len(fixed)):
        if not fixed[a] or along[a] < 0:
            continue
        m = 0
        v = a
        while m == 0 or not fixed[v]:
            chain[m] = along[v]
            v = ends[chain[m], 1]
            m += 1
        corners[used] = first[a]
        used = _column(corners, used + 1, (first[v], first[v + 1]), levels, (levels[first[v]], z[chain[m - 1], 0, 1]))
        for k in range(m - 1, 0, -1):
            w = ends[chain[k], 0]
            step = (z[chain[k], 0, 0], z[chain[k - 1], 0, 1])
            used = _column(corners, used, (first[w], first[w + 1]), levels, step)
        used = _column(corners, used, (first[a] + 1, first[a + 1]), levels, (z[chain[0], 0, 0], levels[first[a]]))
        n += 1
        ring_start[n] = used
    return corners[:used].copy(), ring_start[: n + 1].copy()


@nb.njit(cache=True)
def _column(corners: Any, used: int, span: Any, levels: Any, way: Any) -> int:
    """Write the levels of one vertex from one height to another, both included."""
    low, high = min(way[0], way[1]), max(way[0], way[1])
    for k in range(span[0], span[1]):
        at = k if way[0] <= way[1] else span[0] + span[1] - 1 - k
        if low <= levels[at] <= high:
            corners[used] = at
            used += 1
    return used
