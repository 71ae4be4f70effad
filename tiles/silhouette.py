"""Surfaces as files hold them: which way one looks, and what many cover in plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Polygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["facing", "seen_from_above"]

_NEARLY_VERTICAL = 0.05
"""A face whose unit normal rises less than this is a wall (3 degrees)."""


def facing(ring: NDArray[np.float64]) -> str:
    """Say what a face is by where it looks: up is a roof, down is ground, else it is a wall.

    Parameters
    ----------
    ring
        Outer ring, shape (n, 3), metres, counter-clockwise seen from outside.
    """
    local = ring - ring[0]
    normal = np.cross(local, np.roll(local, -1, axis=0)).sum(axis=0)
    length = float(np.linalg.norm(normal))
    rise = normal[2] / length if length else 0.0
    if abs(rise) < _NEARLY_VERTICAL:
        return "WallSurface"
    return "RoofSurface" if rise > 0 else "GroundSurface"


def seen_from_above(faces: Sequence[Sequence[NDArray[np.float64]]]) -> Polygon:
    """Return the largest connected part of what faces cover in plan, counter-clockwise.

    Parameters
    ----------
    faces
        Per face its rings, the outer one first, each of shape (n, 2) with n >= 3.

    Returns
    -------
    Polygon
        Empty if the faces cover nothing.
    """
    if len(faces) == 1:
        alone = shapely.orient_polygons(Polygon(faces[0][0], faces[0][1:]))
        if alone.is_valid:
            return alone
    plans = shapely.make_valid(np.array([Polygon(face[0], face[1:]) for face in faces], dtype=object))
    parts = [part for part in shapely.get_parts(plans) if part.geom_type == "Polygon" and part.area > 0]
    covered = shapely.get_parts(shapely.union_all(parts)) if parts else []
    largest = max(covered, key=lambda part: part.area, default=Polygon())
    return shapely.orient_polygons(largest)
