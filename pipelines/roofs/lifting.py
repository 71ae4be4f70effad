"""Heights of a labelled plan: one for each vertex and plane, welded where planes meet, edges split where they cross."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.junctions import OUTSIDE, weld, z_of

__all__ = ["lift", "split_crossings"]

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
