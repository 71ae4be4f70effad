"""Faults of one polygon: rules L07 (points), L09 (crossing itself), L11 (flat), L13 (holes)."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import LinearRing, Polygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["FLAT_M", "SAME_M", "area_vector", "polygon_fault"]

FLAT_M = 0.03
"""How thick a flat face may be, metres, between the two parallel planes that hold its points: PLATEAU's L11."""
SAME_M = 0.001
"""Points in a row that are nearer are one point written twice, metres (L07; val3dity's snapping distance)."""
_LEAST_POINTS = 4
"""Of a ring, the first repeated at the end."""


def polygon_fault(rings: Sequence[NDArray[np.float64]]) -> str:
    """Return the first fault of a polygon in the order in which PLATEAU's check looks, or nothing.

    Parameters
    ----------
    rings
        The outer one first, each of shape (n, 3), metres, as written: the closing point included where it is. A ring
        that is not closed is taken as closed.

    Returns
    -------
    str
        ``TooFewPoints``, ``DuplicateConsecutivePoints`` (L07), ``SelfIntersection`` (L09),
        ``IntersectionBetweenInteriorAndInterior``, ``InteriorRingNotContainedInExteriorRing`` (L13),
        ``NonPlanarSurface`` (L11).
    """
    closed = [ring if np.array_equal(ring[0], ring[-1]) else np.vstack([ring, ring[:1]]) for ring in rings]
    if any(len(ring) < _LEAST_POINTS for ring in closed):
        return "TooFewPoints"
    if any((np.linalg.norm(np.diff(ring, axis=0), axis=1) < SAME_M).any() for ring in closed):
        return "DuplicateConsecutivePoints"
    normal = area_vector(closed[0])
    flat = [_flattened(ring - closed[0][0], normal) for ring in closed]
    outer, *holes = [LinearRing(ring) for ring in flat]
    if not outer.is_simple:
        return "SelfIntersection"
    if any(_overlap(one, other) for one, other in combinations(holes, 2)):
        return "IntersectionBetweenInteriorAndInterior"
    inside = Polygon(outer)
    if not all(_holds(inside, outer, hole) for hole in holes):
        return "InteriorRingNotContainedInExteriorRing"
    if not all(hole.is_simple for hole in holes):
        return "SelfIntersection"
    return "NonPlanarSurface" if _thickness(np.vstack(closed), normal) > FLAT_M else ""


def area_vector(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vector along a ring's normal whose length is twice its area; shape (3,), square metres."""
    local = ring - ring[0]
    summed: NDArray[np.float64] = np.cross(local, np.roll(local, -1, axis=0)).sum(axis=0)
    return summed


def _flattened(points: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop the axis that the normal is nearest to: crossings and containment stay what they are."""
    kept = [axis for axis in range(3) if axis != int(np.argmax(np.abs(normal)))]
    return points[:, kept]


def _overlap(one: LinearRing, other: LinearRing) -> bool:
    if not (one.is_simple and other.is_simple):
        return bool(one.intersects(other))
    return bool(shapely.intersection(Polygon(one), Polygon(other)).area > 0)


def _holds(inside: Polygon, outer: LinearRing, hole: LinearRing) -> bool:
    """Whether a hole lies within, touching the border in one point at most: two would cut the face in pieces."""
    touching = shapely.intersection(outer, hole)
    return bool(inside.covers(hole) and (touching.is_empty or touching.geom_type == "Point"))


def _thickness(points: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Distance between the planes of best fit that hold all points; along the normal if they lie on a line."""
    local = points - points.mean(axis=0)
    _, spread, axes = np.linalg.svd(local, full_matrices=False)
    length = float(np.linalg.norm(normal))
    across = axes[2] if len(spread) == 3 and spread[1] > 0 else normal / (length or 1.0)
    return float(np.ptp(local @ across))
