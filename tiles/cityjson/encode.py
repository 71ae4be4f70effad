"""Buildings as CityObjects: geometry on an integer grid, attributes by their published names."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from tiles.surfaces import face_facts, is_outer_wall, local_corners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.building import Building, Solid

__all__ = ["SCALE_M", "Vertices", "city_object", "dumps", "ground_corner"]

SCALE_M = 1e-4
"""Grid of the coordinates, metres: 1 mm would break flat faces by rounding, 0.1 mm does not."""

_STEPS = 10_000


class Vertices:
    """Integer vertices of one document or feature; a coordinate that comes again gets the same index."""

    def __init__(self, translate: tuple[float, float, float], first: int = 0) -> None:
        self._translate = np.asarray(translate)
        self._first = first
        self._index: dict[tuple[int, int, int], int] = {}

    def indices(self, xyz: np.ndarray[Any, np.dtype[np.float64]]) -> list[int]:
        """Return the index of each vertex, shape (n, 3) in metres, adding those that are new."""
        steps = np.rint((xyz - self._translate) * _STEPS).astype(np.int64).tolist()
        index, first = self._index, self._first
        return [index.setdefault((x, y, z), first + len(index)) for x, y, z in steps]

    def rows(self) -> list[tuple[int, int, int]]:
        """Vertices in order of their indices."""
        return list(self._index)


def city_object(building: Building, vertices: Vertices) -> dict[str, Any]:
    """Return the CityObject of a building: its outline at ground height as LoD0, and its solids, lowest level first."""
    solids = [_solid(lod, building.solids[lod], vertices) for lod in sorted(building.solids)]
    outline = [
        vertices.indices(np.column_stack([ring, np.full(len(ring), building.ground_m)]))
        for ring in (shapely.get_coordinates(ring)[:-1] for ring in shapely.get_rings(building.footprint))
    ]
    flat = {"type": "MultiSurface", "lod": "0", "boundaries": [outline]}
    return {"type": "Building", "attributes": _attributes(building), "geometry": [flat, *solids]}


def _solid(lod: str, solid: Solid, vertices: Vertices) -> dict[str, Any]:
    indices = vertices.indices(solid.vertices)
    shell = [[[indices[i] for i in ring] for ring in face] for face in solid.faces]
    surfaces, values = _semantics(solid)
    return {
        "type": "Solid",
        "lod": lod,
        "boundaries": [shell],
        "semantics": {"surfaces": surfaces, "values": [values]},
    }


def _semantics(solid: Solid) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the surfaces of a solid and which of them each face is.

    A roof face is a surface of its own with its facts; walls are two, those on the outline and those that stand on a
    lower roof; of every other kind there is one.
    """
    corners = local_corners(solid)
    base_m = min((corner[2] for corner in corners), default=0.0)
    surfaces: list[dict[str, Any]] = []
    shared: dict[tuple[str, bool], int] = {}
    values = []
    for face, kind in zip(solid.faces, solid.semantics, strict=True):
        if kind == "RoofSurface":
            values.append(len(surfaces))
            surfaces.append(_roof_surface(corners, face))
            continue
        outer = kind == "WallSurface" and is_outer_wall(corners, face, base_m)
        number = shared.setdefault((kind, outer), len(surfaces))
        if number == len(surfaces):
            surfaces.append({"type": kind, "on_footprint_edge": outer} if kind == "WallSurface" else {"type": kind})
        values.append(number)
    return surfaces, values


def _roof_surface(corners: list[list[float]], face: Sequence[Sequence[int]]) -> dict[str, Any]:
    facts = face_facts(corners, face)
    azimuth = {} if facts.azimuth_deg is None else {"azimuth_deg": round(facts.azimuth_deg, 2) % 360.0}
    slope, area = round(facts.slope_deg, 2), round(facts.area_m2, 2)
    return {"type": "RoofSurface", "slope_deg": slope, **azimuth, "area_m2": area}


def dumps(value: Any) -> str:
    """Compact JSON, readable in any script, and an error for NaN, which JSON does not have."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def ground_corner(building: Building) -> tuple[float, float, float]:
    """Return whole metres south-west of a building, as an origin for integers."""
    xmin, ymin, _, _ = building.footprint.bounds
    return float(math.floor(xmin)), float(math.floor(ymin)), 0.0


def _attributes(building: Building) -> dict[str, Any]:
    measured = {
        "measuredHeight": building.measured_height_m,
        "ground_m": building.ground_m,
        "roof_m": building.roof_m,
        "n_points": building.n_points,
        "rmse_m": building.rmse_m,
    }
    known = {name: value for name, value in measured.items() if not (isinstance(value, float) and math.isnan(value))}
    return {**building.attributes, **known}
