"""The truth of a scene as plain data, ready for JSON: what was built, flown and disturbed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from twin import __version__

if TYPE_CHECKING:
    import shapely

    from twin.scene.buildings import SceneBuilding
    from twin.scene.scene import Scene

__all__ = ["building_feature", "building_truth", "scene_truth"]


def scene_truth(scene: Scene) -> dict[str, Any]:
    """Return everything about a scene but its buildings; heights in metres above T.P., coordinates as x, y."""
    return {
        "format": "twin-scene-truth",
        "version": 1,
        "software": f"city-twin {__version__}",
        "params": dataclasses.asdict(scene.params),
        "crs": scene.crs,
        "axis_order": "x = easting, y = northing, metres",
        "vertical": str(scene.vertical),
        "bounds": [round(side, 3) for side in scene.bounds],
        "water_level_m": round(scene.water_level_m, 4),
        "dike_crest_m": scene.layout.crest or None,
        "places": {name: [round(x, 3), round(y, 3)] for name, (x, y) in scene.places.items()},
        "gauges": [_with_datum(dataclasses.asdict(gauge), str(gauge.vertical)) for gauge in scene.gauges],
        "gates": [_rounded(dataclasses.asdict(gate)) for gate in scene.gates],
        "strips": [
            {
                "point_source_id": strip.number,
                "offset_m": [round(value, 5) for value in strip.offset_m],
                "altitude_m": round(strip.scan.altitude, 3),
            }
            for strip in scene.strips
        ],
        "noise_m": {"range": scene.params.range_noise_m, "position": scene.params.position_noise_m},
    }


def building_truth(building: SceneBuilding) -> dict[str, Any]:
    """Return one building with its roof planes.

    Planes are written about an anchor near the building, ``z = a * (x - anchor_x) + b * (y - anchor_y) + c``: six
    decimals are enough then.
    """
    anchor_x, anchor_y = (round(value) for value in building.footprint.centroid.coords[0])
    return {
        "id": building.id,
        "kind": building.kind,
        "ground_m": round(building.ground_m, 3),
        "eaves_m": round(building.eaves_m, 3),
        "ridge_m": round(building.ridge_m, 3),
        "anchor": [anchor_x, anchor_y],
        "roof_planes": [
            {
                "a": round(plane.a, 6),
                "b": round(plane.b, 6),
                "c": round(plane.a * anchor_x + plane.b * anchor_y + plane.c, 4),
                "outline": _ring(plane.polygon.exterior),
                "holes": [_ring(ring) for ring in plane.polygon.interiors],
            }
            for plane in building.roof_planes
        ],
    }


def building_feature(building: SceneBuilding) -> dict[str, Any]:
    """Return one building's outline as a GeoJSON feature."""
    return {
        "type": "Feature",
        "properties": {
            "id": building.id,
            "kind": building.kind,
            "ground_m": round(building.ground_m, 3),
            "eaves_m": round(building.eaves_m, 3),
            "ridge_m": round(building.ridge_m, 3),
        },
        "geometry": {
            "type": "Polygon",
            "coordinates": [_ring(ring) for ring in (building.footprint.exterior, *building.footprint.interiors)],
        },
    }


def _ring(ring: shapely.LinearRing) -> list[list[float]]:
    return [[round(x, 3), round(y, 3)] for x, y in ring.coords]


def _rounded(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in mapping.items()}


def _with_datum(mapping: dict[str, Any], datum: str) -> dict[str, Any]:
    return {**_rounded(mapping), "vertical": datum}
