"""Outlines fit to be modelled: one at a time, repaired where that is safe, refused with a reason where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely import Polygon

from twin.errors import FootprintError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

    from pipelines.footprints.params import FootprintParams

__all__ = ["Outline", "Unmodelled", "mean_width_m", "repair"]

OUTLINE_GRID_M = 1e-3
"""Grid of outlines, metres: coarser than the model grid, so that no two vertices fall within a validator's snap."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """One polygon to put a model on."""

    id: str
    """Given, or from the place of a derived outline; unique in a run."""
    polygon: Polygon
    """Valid, counter-clockwise, on the 1 mm grid, metres of the store's CRS."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able facts to pass on to the building."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmodelled:
    """A building that got no model, and why."""

    id: str
    """Id of the outline."""
    reason: str
    """One sentence for people."""


def mean_width_m(polygon: Polygon) -> float:
    """Twice the area over the perimeter: close to the width of a long thin polygon, metres."""
    return float(2.0 * polygon.area / polygon.length) if polygon.length else 0.0


def repair(geometry: BaseGeometry | None, params: FootprintParams) -> list[Polygon]:
    """Turn a delivered outline into clean polygons.

    Self-crossing rings are rebuilt by structure (shell minus holes), heights are dropped, coordinates go to a 1 mm
    grid, vertices closer than `min_edge_m` merge, tiny holes close, and places where a ring touches itself or another
    are cut open by a few millimetres, because a wall edge used by four walls is no solid.

    Parameters
    ----------
    geometry
        Polygon or multipolygon in metres, valid or not; None where a file's geometry could not be read.
    params
        Least area, width, edge and hole.

    Returns
    -------
    list of Polygon
        At least one, counter-clockwise, west to east; several where the outline has several parts.

    Raises
    ------
    FootprintError
        If nothing usable is left; the message says why, without the outline's name.
    """
    if geometry is None or geometry.is_empty:
        raise FootprintError("the outline is empty or could not be read")
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise FootprintError("the outline has coordinates that are no numbers")
    if not geometry.geom_type.endswith("Polygon"):
        raise FootprintError(f"the outline is a {geometry.geom_type}, not a polygon")
    try:
        parts = _parts(shapely.force_2d(geometry), params)
    except shapely.GEOSException as error:
        raise FootprintError(f"the outline cannot be repaired: {' '.join(str(error).split())[:100]}") from None
    usable = [part for part in parts if part.area >= params.min_area_m2 and mean_width_m(part) >= params.min_width_m]
    if not usable:
        raise FootprintError(_why_not(parts, params))
    return sorted(usable, key=lambda part: part.bounds)


def _parts(flat: BaseGeometry, params: FootprintParams) -> list[Polygon]:
    if not flat.is_valid:
        flat = shapely.make_valid(flat, method="structure", keep_collapsed=False)
    return [part for polygon in _polygons(flat) for part in _cleaned(polygon, params)]


def _why_not(parts: list[Polygon], params: FootprintParams) -> str:
    if not parts:
        return "nothing is left of the outline after repair"
    best = max(parts, key=lambda part: part.area)
    if best.area < params.min_area_m2:
        return f"the outline's area is {best.area:.2f} m2, less than {params.min_area_m2:g} m2"
    return f"the outline is {mean_width_m(best):.2f} m wide on average, less than {params.min_width_m:g} m"


def _cleaned(polygon: Polygon, params: FootprintParams) -> list[Polygon]:
    """Snap, thin out, and open up one polygon; may fall into parts."""
    snapped = shapely.set_precision(polygon, OUTLINE_GRID_M)
    parts = []
    for part in _polygons(snapped):
        thinned = shapely.set_precision(_without_short_edges(part, params), OUTLINE_GRID_M)
        for piece in _polygons(thinned):
            parts.extend(_opened(piece) if _touches_itself(piece) else [piece])
    return [shapely.orient_polygons(part) for part in parts]


def _without_short_edges(polygon: Polygon, params: FootprintParams) -> Polygon:
    """Drop vertices that hardly bend the ring, and holes too small to matter; keeps the topology."""
    holes = [ring for ring in polygon.interiors if Polygon(ring).area >= params.min_hole_m2]
    if len(holes) != len(polygon.interiors):
        polygon = Polygon(polygon.exterior, holes)
    edges = np.diff(shapely.get_coordinates(polygon), axis=0)
    if (np.hypot(edges[:, 0], edges[:, 1]) >= params.min_edge_m).all():
        return polygon
    return polygon.simplify(params.min_edge_m / 2, preserve_topology=True)


def _touches_itself(polygon: Polygon) -> bool:
    """Whether two rings meet in a point; a valid polygon's outer ring cannot meet itself."""
    if not len(polygon.interiors):
        return False
    rings = shapely.get_rings(polygon)
    first, second = np.triu_indices(len(rings), 1)
    return bool((shapely.distance(rings[first], rings[second]) < 2 * OUTLINE_GRID_M).any())


def _opened(polygon: Polygon) -> list[Polygon]:
    """Cut open where rings touch: shrink by 5 mm and grow by 2.5 mm, which leaves a gap of 5 mm at the touch."""
    shrunk = polygon.buffer(-0.005, join_style="mitre")
    return _polygons(shapely.set_precision(shrunk.buffer(0.0025, join_style="mitre"), OUTLINE_GRID_M))


def _polygons(geometry: BaseGeometry) -> list[Polygon]:
    """Polygons of any geometry, empty ones and lower dimensions left out."""
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and not part.is_empty]
