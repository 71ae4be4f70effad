"""A second look at a line of steps, on the points themselves: two roofs, or something thin on one.

A parapet, a pipe or a row of dormers lifts the cells next to a line and passes for a step there. Here each side is a
straight profile through the points of three metres, a row of a metre at a time, by medians: what covers less than a
quarter of a row changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.footprints.params import FootprintParams

__all__ = ["stands_apart"]

_ROW_M = 1.0
_FROM_M = 0.5
"""Nearer points may belong to the wall or to either roof, metres."""
_TO_M = 3.5
_LEAST_POINTS = 4
_MOST_POINTS = 24
"""Points of a row that are looked at: pairs grow with their square."""
_SHARE = 0.5
"""Least share of the rows known on both sides where the roofs are apart."""


def stands_apart(ends: NDArray[np.float64], xyz: NDArray[np.float64], params: FootprintParams) -> bool:
    """Tell whether the roofs on both sides of a line are at different heights on it, along most of it.

    Parameters
    ----------
    ends
        Of the line, shape (2, 2), metres.
    xyz
        Points of the block, shape (n, 3), metres; in any order.
    params
        Least step.
    """
    along = ends[1] - ends[0]
    length = float(np.hypot(*along))
    along = along / length
    away = xyz[:, :2] - ends[0]
    p, q = away @ np.array([along[1], -along[0]]), away @ along
    near = (np.abs(p) >= _FROM_M) & (np.abs(p) < _TO_M) & (q >= 0) & (q < length)
    p, q, z = p[near], q[near], xyz[near, 2]
    order = np.lexsort((z, p, q))
    row = (q[order] / _ROW_M).astype(np.int64)
    known, apart = _rows_apart(p[order], row, z[order], params.step_m)
    return bool(known >= 2 and apart >= _SHARE * known)


@njit(cache=True)
def _rows_apart(
    p: NDArray[np.float64], row: NDArray[np.int64], z: NDArray[np.float64], step_m: float
) -> tuple[int, int]:
    """Rows with a profile on both sides, and those of them that are apart; points sorted by row."""
    known, apart = 0, 0
    start = 0
    while start < len(p):
        stop = start
        while stop < len(p) and row[stop] == row[start]:
            stop += 1
        side = p[start:stop] > 0
        left, right = (
            _on_line(p[start:stop][~side], z[start:stop][~side]),
            _on_line(p[start:stop][side], z[start:stop][side]),
        )
        if not (np.isnan(left) or np.isnan(right)):
            known += 1
            apart += abs(left - right) >= step_m
        start = stop
    return known, apart


@njit(cache=True)
def _on_line(p: NDArray[np.float64], z: NDArray[np.float64]) -> float:
    """Height of a robust straight profile (Theil-Sen) on the line; NaN with too few points."""
    if len(p) < _LEAST_POINTS:
        return np.nan
    every = (len(p) + _MOST_POINTS - 1) // _MOST_POINTS
    p, z = p[::every], z[::every]
    slopes = np.empty(len(p) * (len(p) - 1) // 2)
    n = 0
    for i in range(len(p)):
        for j in range(i):
            if abs(p[i] - p[j]) > 0.2:
                slopes[n] = (z[i] - z[j]) / (p[i] - p[j])
                n += 1
    slope = np.median(slopes[:n]) if n else 0.0
    return float(np.median(z - slope * p))
