"""Triangles as a shell: vertices that are one, edges that are shared, pieces, and triangles that cut each other."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.validity.codes import LEVEL
from pipelines.validity.order import order_of
from pipelines.validity.predicates import normal_of, triangles_meet

__all__ = ["Boxes", "boxes_of", "cuts", "cuts_itself", "judge_edges", "snap", "volume6"]

_302, _303, _305, _306, _307 = 3 * LEVEL + 2, 3 * LEVEL + 3, 3 * LEVEL + 5, 3 * LEVEL + 6, 3 * LEVEL + 7

Boxes = Any
"""Shape (triangles, 2, 3): lowest and highest corner."""


@nb.njit(cache=True)
def snap(points: Any, corners: Any, distance: float) -> Any:
    """For each vertex the one it is taken for: the first before it (as faces mention them) not farther than allowed.

    Parameters
    ----------
    points
        Shape (n, 3), whole steps.
    corners
        Vertices in the order in which the faces mention them.
    distance
        Largest distance of vertices that are one, steps.
    """
    distance2 = np.int64(distance * distance + 1e-6)
    first = np.empty(len(points), np.int64)
    for k in range(len(points)):
        first[k] = -1
    order = np.empty(len(points), np.int64)
    n = 0
    for corner in corners:
        if first[corner] < 0:
            first[corner] = n
            order[n] = corner
            n += 1
    x = np.empty(n, np.int64)
    for k in range(n):
        x[k] = points[order[k], 0]
    by_x = order_of(x)
    place = np.empty(len(points), np.int64)
    for k in range(n):
        by_x[k] = order[by_x[k]]
        place[by_x[k]] = k
    taken_for = np.empty(len(points), np.int64)
    for k in range(len(points)):
        taken_for[k] = k
    for k in range(n):
        own = order[k]
        for way in (-1, 1):
            at = place[own] + way
            while 0 <= at < n and (points[by_x[at], 0] - points[own, 0]) ** 2 <= distance2:
                other = by_x[at]
                if first[other] < first[own] and taken_for[other] == other and first[other] < first[taken_for[own]]:
                    dx, dy = points[other, 0] - points[own, 0], points[other, 1] - points[own, 1]
                    dz = points[other, 2] - points[own, 2]
                    if dx * dx + dy * dy + dz * dz <= distance2:
                        taken_for[own] = other
                at += way
    return taken_for


@nb.njit(cache=True)
def _root(parent: Any, item: int) -> int:
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@nb.njit(cache=True)
def _join(parent: Any, first: int, second: int) -> None:
    a, b = _root(parent, first), _root(parent, second)
    parent[max(a, b)] = min(a, b)


@nb.njit(cache=True)
def judge_edges(triangles: Any, face_of: Any, n_points: int, found: Any) -> None:
    """Mark what is wrong with the connections: 302, 303, 305, 307.

    An edge must be run through twice, once each way; the triangles around a vertex must form one fan.

    Parameters
    ----------
    triangles
        Shape (t, 3): vertices after snapping.
    face_of
        Face of each triangle.
    n_points
        Vertices there are.
    found
        Table of faults, a row a face; written.
    """
    n = 3 * len(triangles)
    key = np.empty(n, np.int64)
    for e in range(n):
        u, v = triangles[e // 3, e % 3], triangles[e // 3, (e + 1) % 3]
        key[e] = 2 * (min(u, v) * n_points + max(u, v)) + (u > v)
    order = order_of(key)
    piece, fan = np.empty(n, np.int64), np.empty(n, np.int64)  # fan: corners, each for its triangle at that vertex
    for e in range(n):
        piece[e] = fan[e] = e
    start = 0
    while start < n:
        stop = start + 1
        while stop < n and key[order[stop]] // 2 == key[order[start]] // 2:
            stop += 1
        turned = stop - start == 2 and key[order[start]] == key[order[start + 1]]
        if stop - start != 2 or turned:
            code = _302 if stop - start == 1 else (_307 if turned else _303)
            for k in range(start, stop):
                found[face_of[order[k] // 3], code] = True
        for k in range(start + 1, stop):
            e, f = order[start], order[k]
            _join(piece, e // 3, f // 3)
            same_way = key[e] == key[f]
            e_end, f_end = e // 3 * 3 + (e + 1) % 3, f // 3 * 3 + (f + 1) % 3
            _join(fan, e, f if same_way else f_end)
            _join(fan, e_end, f_end if same_way else f)
        start = stop
    _judge_fans(triangles, face_of, fan, n_points, found)
    for t in range(len(triangles)):
        if _root(piece, t) != _root(piece, 0):
            found[face_of[t], _305] = True


@nb.njit(cache=True)
def _judge_fans(triangles: Any, face_of: Any, fan: Any, n_points: int, found: Any) -> None:
    """Mark vertices around which the triangles form more than one fan."""
    hub = np.empty(n_points, np.int64)
    for vertex in range(n_points):
        hub[vertex] = -1
    for corner in range(len(fan)):
        vertex, own = triangles[corner // 3, corner % 3], _root(fan, corner)
        if hub[vertex] < 0:
            hub[vertex] = own
        elif hub[vertex] != own:
            found[face_of[corner // 3], _303] = True


@nb.njit(cache=True)
def boxes_of(points: Any, triangles: Any) -> Any:
    """Box around each triangle."""
    boxes = np.empty((len(triangles), 2, 3), np.int64)
    for t in range(len(triangles)):
        for axis in range(3):
            a, b, c = points[triangles[t, 0], axis], points[triangles[t, 1], axis], points[triangles[t, 2], axis]
            boxes[t, 0, axis], boxes[t, 1, axis] = min(a, b, c), max(a, b, c)
    return boxes


@nb.njit(cache=True)
def _longest_axis(boxes: Any) -> int:
    longest, most = 0, -1
    for axis in range(3):
        low, high = boxes[0, 0, axis], boxes[0, 1, axis]
        for t in range(len(boxes)):
            low, high = min(low, boxes[t, 0, axis]), max(high, boxes[t, 1, axis])
        if high - low > most:
            longest, most = axis, high - low
    return longest


@nb.njit(cache=True)
def _boxes_meet(one: Any, two: Any) -> bool:
    x = one[0, 0] <= two[1, 0] and two[0, 0] <= one[1, 0]
    y = one[0, 1] <= two[1, 1] and two[0, 1] <= one[1, 1]
    return bool(x and y and one[0, 2] <= two[1, 2] and two[0, 2] <= one[1, 2])


@nb.njit(cache=True)
def cuts_itself(points: Any, triangles: Any, face_of: Any, found: Any) -> None:
    """Mark faces that meet where they share neither vertex nor edge: 306. Exact.

    Boxes are swept along the solid's longest axis; what remains is decided by signs of volumes.
    """
    boxes = boxes_of(points, triangles)
    axis = _longest_axis(boxes)
    n = len(triangles)
    lowest = np.empty(n, np.int64)
    for t in range(n):
        lowest[t] = boxes[t, 0, axis]
    order = order_of(lowest)
    for i in range(n):
        t = order[i]
        for j in range(i + 1, n):
            s = order[j]
            if boxes[s, 0, axis] > boxes[t, 1, axis]:
                break
            if (
                face_of[s] != face_of[t]
                and _boxes_meet(boxes[s], boxes[t])
                and (triangles_meet(points, triangles[t], triangles[s]))
            ):
                found[face_of[s], _306] = found[face_of[t], _306] = True


@nb.njit(cache=True)
def cuts(points: Any, one: Any, two: Any) -> bool:
    """Whether two shells over the same points have anything in common besides shared vertices and edges."""
    boxes, others = boxes_of(points, one), boxes_of(points, two)
    for t in range(len(one)):
        for s in range(len(two)):
            if _boxes_meet(boxes[t], others[s]) and triangles_meet(points, one[t], two[s]):
                return True
    return False


@nb.njit(cache=True)
def volume6(points: Any, triangles: Any) -> float:
    """Six times the signed volume, cubic steps; negative if the shell is inside out."""
    total = 0.0
    origin = triangles[0, 0]
    for t in range(len(triangles)):
        a = triangles[t, 0]
        x, y, z = normal_of(points, a, triangles[t, 1], triangles[t, 2])
        dx, dy, dz = (
            points[a, 0] - points[origin, 0],
            points[a, 1] - points[origin, 1],
            points[a, 2] - points[origin, 2],
        )
        total += x * dx + y * dy + z * dz
    return total
