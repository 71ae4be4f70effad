"""From edges that meet only in corners to faces: half-edges, loops, holes."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.noding import OUTLINE
from pipelines.roofs.ordering import ascending

__all__ = ["assemble", "faces_of_loops", "in_loop", "inside_point", "locate", "next_halves", "trace"]


@nb.njit(cache=True)
def next_halves(xy: Any, ends: Any) -> Any:
    """Half-edge that follows each one along the face on its left.

    Half-edge 2 e runs along edge e from its first end, 2 e + 1 back.

    Parameters
    ----------
    xy
        Vertices, shape (v, 2) int64.
    ends
        Edges, shape (e, 2).

    Returns
    -------
    numpy.ndarray
        Shape (2 e,) int64.
    """
    n, m = len(xy), len(ends)
    start = np.zeros(n + 1, np.int64)
    for e in range(m):
        start[ends[e, 0] + 1] += 1
        start[ends[e, 1] + 1] += 1
    for v in range(n):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    out = np.empty(2 * m, np.int64)
    angle = np.empty(2 * m, np.float64)
    for h in range(2 * m):
        a, b = ends[h // 2, h % 2], ends[h // 2, 1 - h % 2]
        angle[h] = np.arctan2(float(xy[b, 1] - xy[a, 1]), float(xy[b, 0] - xy[a, 0]))
        k = fill[a]
        while k > start[a] and angle[out[k - 1]] > angle[h]:  # few edges meet in a corner: insertion is fast
            out[k] = out[k - 1]
            k -= 1
        out[k] = h
        fill[a] += 1
    place = np.empty(2 * m, np.int64)
    for k in range(2 * m):
        place[out[k]] = k
    following = np.empty(2 * m, np.int64)
    for h in range(2 * m):
        back = h ^ 1
        b = ends[back // 2, back % 2]
        k = place[back] - 1
        following[h] = out[k if k >= start[b] else start[b + 1] - 1]
    return following


@nb.njit(cache=True)
def trace(xy: Any, ends: Any) -> Any:
    """Loops of half-edges; no loop passes a vertex twice, it is cut in two there.

    Returns
    -------
    tuple
        Half-edge after each one; loop of each half-edge; twice the signed area of each loop, square steps.
    """
    following = next_halves(xy, ends)
    m = len(following)
    loop = np.full(m, -1, np.int64)
    area2 = np.empty(m, np.int64)
    on_path = np.full(len(xy), -1, np.int64)
    path = np.empty(m, np.int64)
    n = 0
    for first in range(m):
        if loop[first] >= 0:
            continue
        used = 0
        h = first
        while True:
            a = ends[h // 2, h % 2]
            since = on_path[a]
            if since >= 0:
                area2[n] = _close(xy, ends, path[since:used])
                for k in range(since, used):
                    loop[path[k]] = n
                    on_path[ends[path[k] // 2, path[k] % 2]] = -1
                    following[path[k]] = path[k + 1] if k + 1 < used else path[since]
                used = since
                n += 1
            if loop[h] >= 0:
                break
            on_path[a] = used
            path[used] = h
            used += 1
            h = following[h]
    return following, loop, area2[:n].copy()


@nb.njit(cache=True)
def _close(xy: Any, ends: Any, path: Any) -> int:
    """Twice the signed area of a closed path."""
    x0, y0 = xy[ends[path[0] // 2, path[0] % 2], 0], xy[ends[path[0] // 2, path[0] % 2], 1]
    total = 0
    for h in path:
        a, b = ends[h // 2, h % 2], ends[h // 2, 1 - h % 2]
        total += (xy[a, 0] - x0) * (xy[b, 1] - y0) - (xy[b, 0] - x0) * (xy[a, 1] - y0)
    return total


@nb.njit(cache=True)
def faces_of_loops(xy: Any, ends: Any, kind: Any, traced: Any) -> Any:
    """Face to which each loop belongs.

    Parameters
    ----------
    xy, ends, kind
        Vertices, edges, kinds of edges.
    traced
        What `trace` returned.

    Returns
    -------
    tuple
        Face of each loop, shape (loops,), -1 outside; outer loop of each face, shape (faces,). Faces are numbered in
        the order of their outer loops.

    Notes
    -----
    A hole belongs to the smallest face around a place just beside it. O(holes x edges).
    """
    following, loop, area2 = traced
    n_loops = len(area2)
    outside = np.zeros(n_loops, np.bool_)
    a_half = np.full(n_loops, -1, np.int64)
    for h in range(len(loop) - 1, -1, -1):
        a_half[loop[h]] = h
        if h % 2 == 1 and kind[h // 2] == OUTLINE:
            outside[loop[h]] = True
    face = np.full(n_loops, -1, np.int64)
    outer = np.empty(n_loops, np.int64)
    n = 0
    for q in range(n_loops):
        if area2[q] > 0 and not outside[q]:
            face[q] = n
            outer[n] = q
            n += 1
    for q in range(n_loops):
        if area2[q] >= 0 or outside[q]:
            continue
        h = a_half[q]
        a, b = xy[ends[h // 2, h % 2]], xy[ends[h // 2, 1 - h % 2]]
        dx, dy = float(b[0] - a[0]), float(b[1] - a[1])
        length = np.sqrt(dx * dx + dy * dy)
        beside = (0.5 * (a[0] + b[0]) - 0.5 * dy / length, 0.5 * (a[1] + b[1]) + 0.5 * dx / length)
        least = np.int64(9_223_372_036_854_775_807)
        for f in range(n):
            if area2[outer[f]] < least and in_loop(xy, ends, following, a_half[outer[f]], beside):
                least = area2[outer[f]]
                face[q] = f
    return face, outer[:n].copy()


@nb.njit(cache=True)
def in_loop(xy: Any, ends: Any, following: Any, first: int, point: tuple[float, float]) -> bool:
    """Even-odd rule along the loop of a half-edge."""
    px, py = point
    odd = False
    h = first
    while True:
        a, b = ends[h // 2, h % 2], ends[h // 2, 1 - h % 2]
        ay, by = xy[a, 1], xy[b, 1]
        if (ay > py) != (by > py) and px < xy[a, 0] + (py - ay) * (xy[b, 0] - xy[a, 0]) / (by - ay):
            odd = not odd
        h = following[h]
        if h == first:
            return odd


@nb.njit(cache=True)
def assemble(xy: Any, ends: Any, kind: Any) -> Any:
    """Faces as flat arrays.

    Returns
    -------
    tuple
        Half-edges (c,) along the rings, the face on their left; start of each ring; first ring of each face
        (faces + 1,); faces left and right of each edge (e, 2), -1 outside; area of each face, square steps, float64.
    """
    traced = trace(xy, ends)
    following, loop, area2 = traced
    face, outer = faces_of_loops(xy, ends, kind, traced)
    n = len(outer)
    first_half = np.full(len(area2), -1, np.int64)
    length = np.zeros(len(area2), np.int64)
    beside = np.empty((len(ends), 2), np.int64)
    for h in range(len(loop) - 1, -1, -1):
        first_half[loop[h]] = h
        length[loop[h]] += 1
        beside[h // 2, h % 2] = face[loop[h]]
    rings_of = np.zeros(n + 1, np.int64)
    n_corners = 0
    area = np.zeros(n, np.float64)
    for q in range(len(area2)):
        if face[q] >= 0:
            rings_of[face[q] + 1] += 1
            n_corners += length[q]
            area[face[q]] += 0.5 * area2[q]
    face_start = np.cumsum(rings_of)
    ring_loop = np.empty(face_start[-1], np.int64)
    fill = face_start[:-1].copy()
    for f in range(n):
        ring_loop[fill[f]] = outer[f]
        fill[f] += 1
    for q in range(len(area2)):
        if face[q] >= 0 and outer[face[q]] != q:
            ring_loop[fill[face[q]]] = q
            fill[face[q]] += 1
    halves = np.empty(n_corners, np.int64)
    ring_start = np.zeros(len(ring_loop) + 1, np.int64)
    used = 0
    for r in range(len(ring_loop)):
        h = first_half[ring_loop[r]]
        for _ in range(length[ring_loop[r]]):
            halves[used] = h
            used += 1
            h = following[h]
        ring_start[r + 1] = used
    return halves, ring_start, face_start, beside, area


@nb.njit(cache=True)
def inside_point(xy: Any, corners: Any, ring_start: Any, face_start: Any) -> Any:
    """Find a point well inside each face: the middle of the widest chord among three level lines.

    Returns
    -------
    numpy.ndarray
        Shape (faces, 2) float64, steps.
    """
    n = len(face_start) - 1
    found = np.empty((n, 2), np.float64)
    for f in range(n):
        c0, c1 = ring_start[face_start[f]], ring_start[face_start[f + 1]]
        heights = xy[corners[c0:c1], 1].astype(np.float64)
        levels = heights[ascending(heights)]
        widest = -1.0
        tries = np.empty(3)
        tries[0], tries[1] = 0.5 * (levels[0] + levels[-1]), levels[len(levels) // 2]
        gap = -1.0
        for k in range(len(levels) - 1):
            if levels[k + 1] - levels[k] > gap:
                gap = levels[k + 1] - levels[k]
                tries[2] = 0.5 * (levels[k] + levels[k + 1])
        for k in range(3):
            y = tries[k] + 0.37 if tries[k] == np.floor(tries[k]) else tries[k]  # never through a corner
            cuts = np.empty(c1 - c0)
            m = 0
            for r in range(face_start[f], face_start[f + 1]):
                for c in range(ring_start[r], ring_start[r + 1]):
                    a = corners[c]
                    b = corners[c + 1 if c + 1 < ring_start[r + 1] else ring_start[r]]
                    if (xy[a, 1] > y) != (xy[b, 1] > y):
                        cuts[m] = xy[a, 0] + (y - xy[a, 1]) * (xy[b, 0] - xy[a, 0]) / (xy[b, 1] - xy[a, 1])
                        m += 1
            crossed = cuts[ascending(cuts[:m])]
            for c in range(0, m - 1, 2):
                if crossed[c + 1] - crossed[c] > widest:
                    widest = crossed[c + 1] - crossed[c]
                    found[f, 0], found[f, 1] = 0.5 * (crossed[c] + crossed[c + 1]), y
    return found


@nb.njit(cache=True)
def locate(xy: Any, flat: Any, points: Any) -> Any:
    """Face of each point, -1 outside; shape (n,). O(points x corners of the faces whose box it is in)."""
    corners, ring_start, face_start = flat
    n = len(face_start) - 1
    box = np.empty((n, 4), np.float64)
    for f in range(n):
        rim = xy[corners[ring_start[face_start[f]] : ring_start[face_start[f] + 1]]]
        box[f, 0], box[f, 1] = rim[:, 0].min(), rim[:, 0].max()
        box[f, 2], box[f, 3] = rim[:, 1].min(), rim[:, 1].max()
    found = np.full(len(points), -1, np.int64)
    for i in range(len(points)):
        px, py = points[i, 0], points[i, 1]
        for f in range(n):
            if px < box[f, 0] or px > box[f, 1] or py < box[f, 2] or py > box[f, 3]:
                continue
            odd = False
            for r in range(face_start[f], face_start[f + 1]):
                a = corners[ring_start[r + 1] - 1]
                for c in range(ring_start[r], ring_start[r + 1]):
                    b = corners[c]
                    lower, upper = (a, b) if xy[a, 1] <= xy[b, 1] else (b, a)  # both neighbours compute the same
                    ay, by = xy[lower, 1], xy[upper, 1]
                    if ay <= py < by and px < xy[lower, 0] + (py - ay) * (xy[upper, 0] - xy[lower, 0]) / (by - ay):
                        odd = not odd
                    a = b
            if odd:
                found[i] = f
                break
    return found
