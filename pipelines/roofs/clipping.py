"""What is asked of an outline before it is cut, and the parts of segments that lie inside it."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.roofs.ordering import ascending

__all__ = ["clearance", "clip_segments", "inside"]


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
        found = cuts[ascending(cuts[:m])]
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
def clearance(xy: Any, ring_next: Any) -> float:
    """Least distance of a corner from another corner or from an edge that does not end in it, steps.

    Shapely's `minimum_clearance` passes over rings that touch, where it is 0. O(n^2).
    """
    least = np.inf
    for v in range(len(xy)):
        for a in range(len(xy)):
            b = ring_next[a]
            if v in (a, b):
                continue
            dx, dy = float(xy[b, 0] - xy[a, 0]), float(xy[b, 1] - xy[a, 1])
            px, py = float(xy[v, 0] - xy[a, 0]), float(xy[v, 1] - xy[a, 1])
            length2 = dx * dx + dy * dy
            t = min(1.0, max(0.0, (px * dx + py * dy) / length2)) if length2 > 0.0 else 0.0
            least = min(least, (px - t * dx) ** 2 + (py - t * dy) ** 2)
    return float(np.sqrt(least))
