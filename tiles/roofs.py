"""Roof faces as a table of polygons in space, for solar maps and whoever asks how steep a roof is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely

from tiles.surfaces import face_facts, local_corners

if TYPE_CHECKING:
    from collections.abc import Iterable

    import geopandas

    from twin.building import Building

__all__ = ["roof_table"]

_COLUMNS = ("building_id", "face", "lod", "slope_deg", "azimuth_deg", "area_m2", "plan_area_m2", "low_m", "high_m")


def roof_table(buildings: Iterable[Building], crs: str) -> geopandas.GeoDataFrame:
    """Return every roof face of the highest level of each building.

    Parameters
    ----------
    buildings
        In the order of the rows.
    crs
        Of their coordinates, for the table.

    Returns
    -------
    geopandas.GeoDataFrame
        `building_id`; `face`, its number within the building from 0; `lod` of the solid it belongs to; `slope_deg`;
        `azimuth_deg`, where water runs, clockwise from grid north, none where the roof is flat; `area_m2` along the
        slope; `plan_area_m2` seen from above; `low_m` and `high_m`, its lowest and highest corner above the store's
        vertical datum; and the face as a polygon with heights.
    """
    import geopandas as gpd

    rows: list[tuple[Any, ...]] = []
    polygons = []
    for building in buildings:
        solid = building.solid
        corners = local_corners(solid)
        roofs = [face for face, kind in zip(solid.faces, solid.semantics, strict=True) if kind == "RoofSurface"]
        for number, face in enumerate(roofs):
            facts = face_facts(corners, face)
            rings = [solid.vertices[list(ring)] for ring in face]
            polygon = shapely.Polygon(rings[0], rings[1:])
            heights = rings[0][:, 2]
            measured = (round(facts.slope_deg, 2), facts.azimuth_deg, round(facts.area_m2, 3), round(polygon.area, 3))
            rows.append((building.id, number, building.lod, *measured, float(heights.min()), float(heights.max())))
            polygons.append(polygon)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(_COLUMNS)}
    columns["azimuth_deg"] = [None if value is None else round(value, 2) % 360.0 for value in columns["azimuth_deg"]]
    table = gpd.GeoDataFrame(columns, geometry=polygons, crs=crs)
    return table.astype({"azimuth_deg": "float64"})
