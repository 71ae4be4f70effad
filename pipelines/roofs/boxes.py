"""Rectangles around small parts of a roof: dormers, stair heads, lift shafts."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["box_sides"]


@nb.njit(cache=True)
def box_sides(xy: Any, angles: Any, spacing_m: float) -> Any:
    """Lay the rectangle of least area around points, half a spacing outside them.

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
    sides = np.empty((4, 2, 2))
    for t in range(angles.size):
        c, s = np.cos(angles[t]), np.sin(angles[t])
        u0 = v0 = np.inf
        u1 = v1 = -np.inf
        for p in range(len(xy)):
            u, v = xy[p, 0] * c + xy[p, 1] * s, xy[p, 1] * c - xy[p, 0] * s
            u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v), max(v1, v)
        u0, u1, v0, v1 = u0 - 0.5 * spacing_m, u1 + 0.5 * spacing_m, v0 - 0.5 * spacing_m, v1 + 0.5 * spacing_m
        area = (u1 - u0) * (v1 - v0)
        if area < 0.999 * best:
            best = area
            for i in range(4):
                u, v = u0 if i in (0, 3) else u1, v0 if i < 2 else v1
                sides[i, 0, 0], sides[i, 0, 1] = u * c - v * s, u * s + v * c
                sides[(i + 3) % 4, 1] = sides[i, 0]
    return sides, len(xy) * spacing_m**2 / max(best, 1e-9)
