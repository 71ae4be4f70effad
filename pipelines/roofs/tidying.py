"""What is too small or leads nowhere is taken out of a partition: loose ends, slivers, corners on straight edges."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.noding import OUTLINE
from pipelines.roofs.tracing import faces_of_loops, trace

__all__ = ["compact", "dissolve", "merge_slivers", "prune"]


@nb.njit(cache=True)
def prune(xy: Any, ends: Any, kind: Any) -> Any:
    """Drop edges that have one face on both sides: loose ends, and bridges to islands.

    Returns
    -------
    tuple
        Edges and kinds that stay.
    """
    loop = trace(xy, ends)[1]
    keep = loop[0::2] != loop[1::2]
    return ends[keep], kind[keep]


@nb.njit(cache=True)
def merge_slivers(xy: Any, ends: Any, kind: Any, width: float, area: float) -> Any:
    """Give narrow and small faces to their neighbours.

    The narrowest goes first, to the neighbour with which it shares most; what both become is judged again.

    Parameters
    ----------
    xy, ends, kind
        Vertices, edges, kinds; no loose ends.
    width
        Least mean width (twice the area by the perimeter), steps.
    area
        Least area, square steps.

    Returns
    -------
    tuple
        Edges and kinds that stay. Loose ends are possible again: call `prune`.
    """
    traced = trace(xy, ends)
    face, outer = faces_of_loops(xy, ends, kind, traced)
    loop, area2 = traced[1], traced[2]
    sides = np.empty((len(ends), 2), np.int64)
    length = np.empty(len(ends))
    size = np.zeros(len(outer))
    rim = np.zeros(len(outer))
    for q in range(len(area2)):
        if face[q] >= 0:
            size[face[q]] += 0.5 * area2[q]
    for e in range(len(ends)):
        dx, dy = float(xy[ends[e, 0], 0] - xy[ends[e, 1], 0]), float(xy[ends[e, 0], 1] - xy[ends[e, 1], 1])
        length[e] = np.sqrt(dx * dx + dy * dy)
        for side in range(2):
            sides[e, side] = face[loop[2 * e + side]]
            if sides[e, side] >= 0:
                rim[sides[e, side]] += length[e]
    _group(sides, length, (size, rim), width, area)
    keep = (sides[:, 0] < 0) | (sides[:, 0] != sides[:, 1])
    return ends[keep], kind[keep]


@nb.njit(cache=True)
def _group(sides: Any, length: Any, measures: Any, width: float, area: float) -> None:
    """Write into `sides` which faces become one."""
    size, rim = measures
    done = np.zeros(len(size), np.bool_)
    while True:
        worst = _narrowest(size, rim, done, (width, area))
        if worst < 0:
            return
        best = _most_shared(sides, length, worst, len(size))
        if best < 0:
            done[worst] = True
            continue
        low, high = min(best, worst), max(best, worst)
        common = 0.0
        for e in range(len(length)):
            if min(sides[e, 0], sides[e, 1]) == low and max(sides[e, 0], sides[e, 1]) == high:
                common += length[e]
            for side in range(2):
                if sides[e, side] == high:
                    sides[e, side] = low
        size[low] += size[high]
        rim[low] += rim[high] - 2.0 * common
        size[high] = rim[high] = 0.0
        done[low] = False


@nb.njit(cache=True)
def _narrowest(size: Any, rim: Any, done: Any, least: tuple[float, float]) -> int:
    """Narrowest face that is too narrow or too small, -1 if none is."""
    worst, narrowest = -1, np.inf
    for f in range(len(size)):
        if rim[f] <= 0.0 or done[f]:
            continue
        width = 2.0 * size[f] / rim[f]
        if width < narrowest and (width < least[0] or size[f] < least[1]):
            worst, narrowest = f, width
    return worst


@nb.njit(cache=True)
def _most_shared(sides: Any, length: Any, face: int, n: int) -> int:
    """Neighbour with the longest common edge, -1 if there is none."""
    shared = np.zeros(n)
    for e in range(len(length)):
        p, q = sides[e, 0], sides[e, 1]
        if p == q or p < 0 or q < 0:
            continue
        if p == face:
            shared[q] += length[e]
        elif q == face:
            shared[p] += length[e]
    best = int(np.argmax(shared))
    return best if shared[best] > 0.0 else -1


@nb.njit(cache=True)
def dissolve(xy: Any, ends: Any, kind: Any, fixed: Any, tolerance: float) -> Any:
    """Take out corners where two edges meet nearly straight.

    On the outline every corner that it did not have goes, for it was put there by an edge that is gone.

    Parameters
    ----------
    xy, ends, kind
        Vertices, edges, kinds.
    fixed
        Vertices that stay, shape (v,) bool.
    tolerance
        Most distance of an inner corner from the edge that replaces it, steps; nothing else may lie between.

    Returns
    -------
    tuple
        Edges and kinds, and the old number of each edge, whose direction and sides it keeps; vertices keep their
        numbers.
    """
    ends, kind = ends.copy(), kind.copy()
    degree = np.zeros(len(xy), np.int64)
    for e in range(len(ends)):
        degree[ends[e, 0]] += 1
        degree[ends[e, 1]] += 1
    for v in range(len(xy)):
        if degree[v] != 2 or fixed[v]:
            continue
        first, second = -1, -1
        for e in range(len(ends)):
            if kind[e] != 0 and (ends[e, 0] == v or ends[e, 1] == v):
                first, second = (e, second) if first < 0 else (first, e)
        a = ends[first, 0] + ends[first, 1] - v
        b = ends[second, 0] + ends[second, 1] - v
        if a == b or kind[first] != kind[second]:
            continue
        if kind[first] != OUTLINE and not _straight(xy, degree, (a, v, b), tolerance):
            continue
        if _joined(ends, kind, a, b):
            continue
        ends[first, 0 if ends[first, 0] == v else 1] = b  # the edge keeps its direction
        kind[second] = 0
        degree[v] = 0
    keep = kind != 0
    return ends[keep], kind[keep], np.flatnonzero(keep)


@nb.njit(cache=True)
def _joined(ends: Any, kind: Any, a: int, b: int) -> bool:
    for e in range(len(ends)):
        if kind[e] != 0 and ((ends[e, 0] == a and ends[e, 1] == b) or (ends[e, 0] == b and ends[e, 1] == a)):
            return True
    return False


@nb.njit(cache=True)
def _straight(xy: Any, degree: Any, chain: Any, tolerance: float) -> bool:
    """Whether the middle of a chain lies near the edge of its ends and no corner in use lies near the triangle."""
    a, v, b = chain
    dx, dy = float(xy[b, 0] - xy[a, 0]), float(xy[b, 1] - xy[a, 1])
    length2 = dx * dx + dy * dy
    off = dx * (xy[v, 1] - xy[a, 1]) - dy * (xy[v, 0] - xy[a, 0])
    along = dx * (xy[v, 0] - xy[a, 0]) + dy * (xy[v, 1] - xy[a, 1])
    if length2 == 0.0 or off * off > tolerance * tolerance * length2 or not 0.0 < along < length2:
        return False
    room = 2.0 * tolerance * np.sqrt(length2)
    for w in range(len(xy)):
        if degree[w] == 0 or w in (a, v, b):
            continue
        beside = dx * (xy[w, 1] - xy[a, 1]) - dy * (xy[w, 0] - xy[a, 0])
        ahead = dx * (xy[w, 0] - xy[a, 0]) + dy * (xy[w, 1] - xy[a, 1])
        if abs(beside) <= room and 0.0 <= ahead <= length2:
            return False
    return True


@nb.njit(cache=True)
def compact(xy: Any, ends: Any, fixed: Any) -> Any:
    """Renumber the vertices that are in use, in their order.

    Returns
    -------
    tuple
        Vertices, edges, fixed; and the old number of each vertex.
    """
    used = np.zeros(len(xy), np.bool_)
    for e in range(len(ends)):
        used[ends[e, 0]] = True
        used[ends[e, 1]] = True
    number = np.cumsum(used) - 1
    renamed = np.empty_like(ends)
    for e in range(len(ends)):
        renamed[e, 0], renamed[e, 1] = number[ends[e, 0]], number[ends[e, 1]]
    return xy[used], renamed, fixed[used], np.flatnonzero(used)
