"""Which face of a roof somebody points at, how steep it is, and which way its water runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import shapely

from tiles.surfaces import area_vector, face_facts, local_corners

if TYPE_CHECKING:
    from tiles.surfaces import FaceFacts
    from twin.building import Building

__all__ = ["compass", "roof_at"]

_WINDS = (
    ("北", "N"), ("北東", "NE"), ("東", "E"), ("南東", "SE"), ("南", "S"), ("南西", "SW"), ("西", "W"), ("北西", "NW"),
)  # fmt: skip

_REACH_M = 0.1
"""How far off a face a place on it may seem: single precision, and the grid of the screen."""


def roof_at(building: Building, place: tuple[float, float, float]) -> FaceFacts | None:
    """Return the roof face that holds a place (x, y, height in the store's CRS and datum), or None."""
    solid = building.solid
    spot = shapely.Point(place[0], place[1])
    corners = local_corners(solid)
    x, y, z = (float(value) for value in (place - solid.vertices[0]))
    for face, kind in zip(solid.faces, solid.semantics, strict=True):
        if kind != "RoofSurface":
            continue
        plan = shapely.Polygon(solid.vertices[list(face[0]), :2], [solid.vertices[list(ring), :2] for ring in face[1:]])
        if plan.distance(spot) <= _REACH_M and _gap(corners, face, (x, y, z)) <= _REACH_M:
            return face_facts(corners, face)
    return None


def compass(azimuth_deg: float) -> tuple[str, str]:
    """Return the nearest of eight winds, in Japanese and English.

    Examples
    --------
    >>> compass(140.0)
    ('南東', 'SE')
    >>> compass(350.0)
    ('北', 'N')
    """
    return _WINDS[round(azimuth_deg / 45.0) % 8]


def _gap(corners: list[list[float]], face: tuple[tuple[int, ...], ...], place: tuple[float, float, float]) -> float:
    """Distance of a place from the plane of a face, metres; infinite if the face has no area."""
    normal = area_vector(corners, face)
    length = math.hypot(*normal)
    start = corners[face[0][0]]
    along = sum(n * (p - c) for n, p, c in zip(normal, place, start, strict=True))
    return abs(along) / length if length else math.inf
