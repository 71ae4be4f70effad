"""Straight step edges between the points of two planes."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["separate", "straight_runs"]

_MOST_RUNS = 12
"""Most straight pieces of one border between two planes."""


@nb.njit(cache=True)
def straight_runs(xy: Any, angles: Any, weights: Any, width: float, gap: float, shortest: float) -> Any:  # noqa: C901, PLR0913 - compiled code takes plain arrays
    """Cut the places where two planes meet into straight runs, the best supported first.

    A run is the longest unbroken row of places in a strip of some direction; directions with a greater weight win
    against others with as many places. Greedy: a run uses up its places and those beside it.

    Parameters
    ----------
    xy
        (n, 2) metres.
    angles, weights
        Directions in radians, (a,), and their weights.
    width, gap, shortest
        Width of the strip, widest gap within a run and least length, metres.

    Returns
    -------
    (r, 5): index of the direction, offset along its left normal, begin and end along it (metres), number of places.
    """
    runs = np.empty((_MOST_RUNS, 5))
    found = 0
    left = xy.copy()
    n = len(left)
    while found < _MOST_RUNS and n >= 3:
        best = 0.0
        pick = np.zeros(n, np.bool_)
        for t in range(angles.size):
            dx, dy = np.cos(angles[t]), np.sin(angles[t])
            s = left[:n, 1] * dx - left[:n, 0] * dy
            order = np.argsort(s, kind="mergesort")
            lo, low, most = 0, 0, 0
            for hi in range(n):
                while s[order[hi]] - s[order[lo]] > width:
                    lo += 1
                if hi - lo + 1 > most:
                    most, low = hi - lo + 1, lo
            if most * weights[t] <= best:
                continue
            strip = order[low : low + most]
            e = left[strip, 0] * dx + left[strip, 1] * dy
            along = np.argsort(e, kind="mergesort")
            a, first, count = 0, 0, 0
            for b in range(most):
                if b > a and e[along[b]] - e[along[b - 1]] > gap:
                    a = b
                if b - a + 1 > count:
                    count, first = b - a + 1, a
            begin, end = e[along[first]], e[along[first + count - 1]]
            if count * weights[t] <= best or count < 3 or end - begin < shortest:
                continue
            best = count * weights[t]
            offset = 0.0
            for b in range(first, first + count):
                offset += s[strip[along[b]]] / count
            for i in range(n):
                at = left[i, 0] * dx + left[i, 1] * dy
                pick[i] = abs(s[i] - offset) <= 0.75 * width and begin - 0.5 * width <= at <= end + 0.5 * width
            runs[found, 0], runs[found, 1] = t, offset
            runs[found, 2], runs[found, 3], runs[found, 4] = begin, end, count
        if best == 0.0:
            break
        found += 1
        m = 0
        for i in range(n):
            if not pick[i]:
                left[m] = left[i]
                m += 1
        n = m
    return runs[:found]


@nb.njit(cache=True)
def separate(one: Any, two: Any, run: Any, turns: Any, margin: float) -> Any:
    """Move and turn a run so that it parts the points of two planes with the fewest on the wrong side.

    Parameters
    ----------
    one, two
        Points (n, 2) and (m, 2) of either plane.
    run
        Direction (radians), offset, begin, end in metres.
    turns
        Turns to try, radians; the first one wins among equals.
    margin
        How far from the run points count, metres.

    Returns
    -------
    Direction, offset, number of points on the wrong side, number of points that counted.
    """
    angle, offset, begin, end = run
    middle = 0.5 * (begin + end)
    mx = middle * np.cos(angle) - offset * np.sin(angle)
    my = middle * np.sin(angle) + offset * np.cos(angle)
    half = 0.5 * (end - begin)
    s = np.empty(len(one) + len(two))
    side = np.empty(s.size, np.int8)
    best_wrong, best_gap = 1 << 60, 0.0
    out = (angle, offset, 0, 0)
    for t in range(turns.size):
        dx, dy = np.cos(angle + turns[t]), np.sin(angle + turns[t])
        n = ones = 0
        balance = 0.0
        for which in range(2):
            points = one if which == 0 else two
            for p in range(len(points)):
                x, y = points[p, 0] - mx, points[p, 1] - my
                v = y * dx - x * dy
                if abs(x * dx + y * dy) <= half and abs(v) <= margin:
                    s[n], side[n] = v, which
                    balance += v if which == 1 else -v
                    ones += which
                    n += 1
        if ones == 0 or ones == n:
            continue
        # Sweep the border from the far left; `up` says which plane lies to the left of the run.
        order = np.argsort(s[:n], kind="mergesort")
        up = 1 if balance > 0.0 else 0
        wrong = ones if up == 0 else n - ones
        # Everything lies left of a border at minus infinity: the points of the other plane are wrong.
        for i in range(n + 1):
            if 0 < i < n:
                gap = s[order[i]] - s[order[i - 1]]
                if wrong < best_wrong or (wrong == best_wrong and gap > best_gap + 1e-9):
                    best_wrong, best_gap = wrong, gap
                    cut = 0.5 * (s[order[i]] + s[order[i - 1]])
                    turned = angle + turns[t]
                    out = (turned, cut + my * dx - mx * dy, wrong, n)
            if i < n:
                wrong += 1 if side[order[i]] == up else -1
    return out
