"""Lengthening of partition lines until they meet, so that the arrangement closes with few faces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["close_lines", "links"]

_TOUCH_M = 0.002
"""Ends that arrive within this of each other have arrived at the same place, metres; three planes meet in one point."""
_PARALLEL = 0.02
"""Sine of the least angle at which two lines meet; flatter ones meet somewhere else every time."""


def close_lines(
    segments: NDArray[np.float64], pairs: NDArray[np.int64], edges: NDArray[np.float64], shorten_m: float
) -> NDArray[np.float64]:
    """Let the ends of all segments grow until each meets another segment or the outline.

    An end that meets another segment stops there. Where two growing ends meet, both stop if that is a corner of the
    roof (two creases of a common plane, or two borders of the same two planes); otherwise the later one stops. Meetings
    are taken in the order of how far the later of the two has to grow. So nothing dangles, and n segments make about
    n faces, not n squared: an idea of kinetic partitions.

    Parameters
    ----------
    segments
        (k, 2, 2) metres.
    pairs
        (k, 3): the two planes that each segment parts, -1 where it parts several pairs, and 1 for a crease.
    edges
        Of the outline, (m, 2, 2) metres.
    shorten_m
        First taken off both ends (at most 0.3 of the length each), since where a border between points ends is
        uncertain by their spacing, metres.

    Returns
    -------
    (k, 2, 2); ends without anything to meet stay.

    Notes
    -----
    Time grows with k (k + m); 0.1 ms for 20 lines.

    References
    ----------
    Bauchet and Lafarge, KIPPI: KInetic Polygonal Partitioning of Images, CVPR 2018.
    """
    if not len(segments):
        return segments
    return np.asarray(_close(segments, pairs, edges, shorten_m))


def links(segments: NDArray[np.float64], edges: NDArray[np.float64], reach_m: float) -> NDArray[np.float64]:
    """Join corners that nearly meet to each other and to the outline.

    Where four planes meet in almost one point, as at each corner of a mansard roof, their lines make two corners a
    hand apart, and between these a ridge too short to be seen in the points. Without it two faces leak into each other.

    Parameters
    ----------
    segments
        From `close_lines`, (k, 2, 2) metres.
    edges
        Of the outline, (m, 2, 2) metres.
    reach_m
        Longest link, metres.

    Returns
    -------
    (l, 2, 2) metres.
    """
    return np.asarray(_links(segments, edges, reach_m))


@nb.njit(cache=True)
def _links(segments: Any, edges: Any, reach: float) -> Any:
    ends = segments.reshape(-1, 2)
    nodes = np.empty((len(ends), 2))
    n = 0
    for e in range(len(ends)):
        fresh = True
        for i in range(n):
            fresh = fresh and np.hypot(ends[e, 0] - nodes[i, 0], ends[e, 1] - nodes[i, 1]) > _TOUCH_M
        if fresh:
            nodes[n] = ends[e]
            n += 1
    out = np.empty((n * (n + 1) // 2, 2, 2))
    found = 0
    inner = np.empty(n, np.bool_)
    for i in range(n):
        nearest, x, y = np.inf, 0.0, 0.0
        for e in range(len(edges)):
            dx, dy = edges[e, 1, 0] - edges[e, 0, 0], edges[e, 1, 1] - edges[e, 0, 1]
            t = (nodes[i, 0] - edges[e, 0, 0]) * dx + (nodes[i, 1] - edges[e, 0, 1]) * dy
            t = min(max(t / max(dx * dx + dy * dy, 1e-12), 0.0), 1.0)
            px, py = edges[e, 0, 0] + t * dx, edges[e, 0, 1] + t * dy
            away = np.hypot(nodes[i, 0] - px, nodes[i, 1] - py)
            if away < nearest:
                nearest, x, y = away, px, py
        inner[i] = nearest > _TOUCH_M
        if inner[i] and nearest <= reach:
            out[found, 0], out[found, 1, 0], out[found, 1, 1] = nodes[i], x, y
            found += 1
    for i in range(n):
        for j in range(i):
            away = np.hypot(nodes[i, 0] - nodes[j, 0], nodes[i, 1] - nodes[j, 1])
            if inner[i] and inner[j] and away <= reach:
                out[found, 0], out[found, 1] = nodes[j], nodes[i]
                found += 1
    return out[:found]


@nb.njit(cache=True)
def _close(segments: Any, pairs: Any, edges: Any, shorten: float) -> Any:  # noqa: C901 - one list of meetings
    k, m = len(segments), len(edges)
    # Each line: a point, a direction, and where it begins and ends along it.
    origin = np.empty((k + m, 2))
    along = np.empty((k + m, 2))
    begin = np.zeros(k + m)
    end = np.empty(k + m)
    for i in range(k + m):
        ends = segments[i] if i < k else edges[i - k]
        dx, dy = ends[1, 0] - ends[0, 0], ends[1, 1] - ends[0, 1]
        length = max(np.sqrt(dx * dx + dy * dy), 1e-9)
        origin[i] = ends[0]
        along[i, 0], along[i, 1] = dx / length, dy / length
        end[i] = length
        if i < k:
            begin[i] = min(shorten, 0.3 * length)
            end[i] = length - begin[i]
    most = k * (k - 1) // 2 + k * m
    wait = np.empty(most)
    sooner = np.empty(most)
    who = np.empty((most, 2), np.int32)
    at = np.empty((most, 2))
    n = 0
    for i in range(k):
        for j in range(i + 1, k + m):
            sine = along[i, 0] * along[j, 1] - along[i, 1] * along[j, 0]
            if abs(sine) < _PARALLEL:
                continue
            gx, gy = origin[j, 0] - origin[i, 0], origin[j, 1] - origin[i, 1]
            s = (gx * along[j, 1] - gy * along[j, 0]) / sine
            t = (gx * along[i, 1] - gy * along[i, 0]) / sine
            grow_i = max(begin[i] - s, s - end[i], 0.0)
            grow_j = max(begin[j] - t, t - end[j], 0.0)
            if j >= k and grow_j > _TOUCH_M:
                continue
            if j >= k:
                grow_j = 0.0
            wait[n], sooner[n] = max(grow_i, grow_j), min(grow_i, grow_j)
            who[n, 0], who[n, 1] = i, j
            at[n, 0], at[n, 1] = s, t
            n += 1
    low, high = begin.copy(), end.copy()
    ended = np.zeros((k + m, 2), np.bool_)
    rank = np.argsort(sooner[:n], kind="mergesort")
    rank = rank[np.argsort(wait[:n][rank], kind="mergesort")]
    for e in rank:
        i, j = who[e, 0], who[e, 1]
        if not _open(i, at[e, 0], (low, high), (begin, end), ended):
            continue
        if not _open(j, at[e, 1], (low, high), (begin, end), ended):
            continue
        grow_i = max(begin[i] - at[e, 0], at[e, 0] - end[i], 0.0)
        grow_j = max(begin[j] - at[e, 1], at[e, 1] - end[j], 0.0)
        both = j < k and _corner(pairs[i], pairs[j])
        for which in range(2):
            line, s = who[e, which], at[e, which]
            if not both and ((which == 0 and grow_i < grow_j) or (which == 1 and grow_j <= grow_i)):
                continue
            if line < k and s < begin[line] and not ended[line, 0]:
                low[line], ended[line, 0] = s, True
            elif line < k and s > end[line] and not ended[line, 1]:
                high[line], ended[line, 1] = s, True
    out = np.empty((k, 2, 2))
    for i in range(k):
        for axis in range(2):
            out[i, 0, axis] = origin[i, axis] + low[i] * along[i, axis]
            out[i, 1, axis] = origin[i, axis] + high[i] * along[i, axis]
    return out


@nb.njit(cache=True)
def _corner(one: Any, two: Any) -> Any:
    """Tell whether two borders that meet end there: creases of three planes, or two sides of one step."""
    if one[0] < 0 or two[0] < 0:
        return False
    shared = 0
    for a in range(2):
        for b in range(2):
            shared += one[a] == two[b]
    return shared == 2 or (shared == 1 and one[2] == 1 and two[2] == 1)


@nb.njit(cache=True)
def _open(i: Any, s: float, now: Any, first: Any, ended: Any) -> Any:
    """Tell whether line i reaches, or can still reach, the place s along it."""
    low, high = now
    begin, end = first
    if s < begin[i]:
        return not ended[i, 0] or s >= low[i] - _TOUCH_M
    if s > end[i]:
        return not ended[i, 1] or s <= high[i] + _TOUCH_M
    return True
