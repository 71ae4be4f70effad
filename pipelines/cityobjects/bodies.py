"""Block bodies: an outline pulled up from what is below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipelines.model.prism import prism
from twin.cityobject import CityObject, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely import Polygon

__all__ = ["block_body", "flat_surface"]

_STEPS = 10_000


def block_body(
    name: str, kind: Kind, outline: Polygon, heights: tuple[float, float], attributes: Mapping[str, Any]
) -> CityObject:
    """Return the closed body over an outline from one height to another, metres; plants' faces have no names."""
    solid = prism(outline, *heights)
    named = kind != "SolitaryVegetationObject"
    return CityObject(
        id=name,
        kind=kind,
        lod="1",
        vertices=solid.vertices,
        faces=solid.faces,
        semantics=solid.semantics if named else (None,) * len(solid.faces),
        is_solid=True,
        attributes=attributes,
    )


def flat_surface(name: str, outline: Polygon, level_m: float, attributes: Mapping[str, Any]) -> CityObject:
    """Return a level water surface."""
    polygon = shapely.orient_polygons(outline)
    rings = [np.asarray(ring.coords)[:-1, :2] for ring in (polygon.exterior, *polygon.interiors)]
    start = np.cumsum([0, *(len(ring) for ring in rings)])
    xy = np.rint(np.concatenate(rings) * _STEPS)
    return CityObject(
        id=name,
        kind="WaterBody",
        lod="1",
        vertices=np.column_stack([xy, np.full(len(xy), np.rint(level_m * _STEPS))]) / _STEPS,
        faces=(tuple(tuple(range(a, b)) for a, b in zip(start[:-1].tolist(), start[1:].tolist(), strict=True)),),
        semantics=("WaterSurface",),
        is_solid=False,
        attributes=attributes,
    )
