"""Whether segments run beside each other."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["beside", "continued", "is_covered"]

_MOST = 0.6
"""Share of a segment that must run beside another one for that to stand for it."""


@nb.njit(cache=True)
def beside(ends: Any, other: Any, apart_m: float) -> Any:
    """Where a segment begins and ends along another one's line, if it nowhere leaves that line further than allowed.

    Parameters
    ----------
    ends, other
        (2, 2) metres.
    apart_m
        Farthest distance from the line, metres.

    Returns
    -------
    Whether it does, and begin and end along the other one from its first end, metres.
    """
    dx, dy = other[1, 0] - other[0, 0], other[1, 1] - other[0, 1]
    length = np.sqrt(dx * dx + dy * dy)
    if length < 1e-6:
        return False, 0.0, 0.0
    dx, dy = dx / length, dy / length
    begin, end = np.inf, -np.inf
    for i in range(2):
        gx, gy = ends[i, 0] - other[0, 0], ends[i, 1] - other[0, 1]
        if abs(gx * dy - gy * dx) > apart_m:
            return False, 0.0, 0.0
        s = gx * dx + gy * dy
        begin, end = min(begin, s), max(end, s)
    return True, begin, end


@nb.njit(cache=True)
def is_covered(ends: Any, others: Any, apart_m: float) -> Any:
    """Tell whether most of a segment (2, 2) runs beside any one of others (k, 2, 2), closer than `apart_m` metres."""
    for k in range(len(others)):
        found, begin, end = beside(ends, others[k], apart_m)
        if found:
            length = np.hypot(others[k, 1, 0] - others[k, 0, 0], others[k, 1, 1] - others[k, 0, 1])
            if min(end, length) - max(begin, 0.0) > _MOST * (end - begin):
                return True
    return False


@nb.njit(cache=True)
def continued(ends: Any, others: Any, apart_m: float, gap_m: float) -> Any:
    """Find the first of others (k, 2, 2) that a segment (2, 2) runs beside or continues over a gap, metres.

    Returns
    -------
    Its index or -1, and where the segment begins and ends along it, metres.
    """
    for k in range(len(others)):
        found, begin, end = beside(ends, others[k], apart_m)
        length = np.hypot(others[k, 1, 0] - others[k, 0, 0], others[k, 1, 1] - others[k, 0, 1])
        if found and end >= -gap_m and begin <= length + gap_m:
            return k, begin, end
    return -1, 0.0, 0.0
