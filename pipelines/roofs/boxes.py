"""Rectangles around small parts of a roof: dormers, stair heads, lift shafts."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["box_sides"]

_STRAY = 0.04
"""Share of the points that may lie outside each side: a plane catches some on walls and ridges."""


@nb.njit(cache=True)
def box_sides(xy: Any, angles: Any, spacing_m: float) -> Any:
    """Lay the rectangle of least area around points, half a spacing outside them but for a few strays.

    Parameters
    ----------
    xy
        (n, 2) metres.
    angles
        Directions to try, radians; the first one wins among equals.
    spacing_m
        Mean distance of the points, metres.

    Returns
    -------
    Its sides (4, 2, 2) in metres, and the area of the points as a share of its own.
    """
    best = np.inf
    half = 0.5 * spacing_m
    stray = int(_STRAY * len(xy))
    sides = np.empty((4, 2, 2))
    for t in range(angles.size):
        c, s = np.cos(angles[t]), np.sin(angles[t])
        u, v = np.sort(xy[:, 0] * c + xy[:, 1] * s), np.sort(xy[:, 1] * c - xy[:, 0] * s)
        u0, u1, v0, v1 = u[stray] - half, u[-1 - stray] + half, v[stray] - half, v[-1 - stray] + half
        area = (u1 - u0) * (v1 - v0)
        if area < 0.999 * best:
            best = area
            for i in range(4):
                at_u, at_v = u0 if i in (0, 3) else u1, v0 if i < 2 else v1
                sides[i, 0, 0], sides[i, 0, 1] = at_u * c - at_v * s, at_u * s + at_v * c
                sides[(i + 3) % 4, 1] = sides[i, 0]
    return sides, len(xy) * spacing_m**2 / max(best, 1e-9)
