"""Bridges as LoD1 blocks.

PLATEAU's LoD1 of a bridge is its outline pulled down from its highest point, railings and roofs included, to the water
or the ground below (`brid:lod1Solid`); how the deck rises and falls is left to LoD2. The highest points of a laser scan
may be birds or wires, so a small share is dropped; the median, where people walk and drive, is kept as `deck_m`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipelines.cityobjects.areas import deck_outlines
from pipelines.cityobjects.bodies import block_body
from pipelines.footprints import FootprintParams, Unmodelled
from pipelines.footprints.components import building_mask
from pipelines.model.prism import prism
from pipelines.validity import check_solid
from twin.points import PointClass
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import Polygon

    from pipelines.cityobjects.params import ObjectParams
    from pipelines.footprints import Outline
    from twin.bounds import Bounds
    from twin.cityobject import CityObject
    from twin.points import Points
    from twin.raster import Raster

__all__ = ["deck_rules", "find_bridges"]

HEIGHT_FROM_HIGHEST = 1
"""PLATEAU's code for an LoD1 height taken as the highest of the points (``uro:lod1HeightType``)."""
_LEAST_HEIGHT_M = 0.5
"""A lower bridge is a road that was mislabelled, metres: noise of two surveys (0.1 m each) times five."""


def deck_rules(params: ObjectParams) -> FootprintParams:
    """Return how outlines of decks are drawn: as those of buildings, but for their sizes."""
    return FootprintParams(
        derived_min_area_m2=params.bridge_min_m2,
        max_extent_m=params.bridge_extent_m,
        block_m=params.bridge_extent_m / 2,
    )


def find_bridges(
    points: Points, dtm: Raster, own: Bounds, params: ObjectParams
) -> tuple[list[CityObject], list[Unmodelled]]:
    """Model the bridges that a tile owns.

    Parameters
    ----------
    points
        Points labelled bridge or water of the tile and the halo round it, with ``label``, in any order.
    dtm
        Bare earth in metres, NaN where void, over the same area.
    own
        The tile.
    params
        Sizes and shares.

    Returns
    -------
    tuple
        Solids with `deck_m`, `measuredHeight` (above what is below), `below` (``water`` or ``ground``),
        `lod1HeightType`, `n_points`; and outlines without one, with reasons. Whatever the tiles, the union is the same.
    """
    is_bridge = points["label"] == PointClass.BRIDGE
    if not is_bridge.any():
        return [], []
    rules = deck_rules(params)
    xyz = np.column_stack([points.x, points.y, points.z])
    decks, wet = xyz[is_bridge], xyz[~is_bridge]
    frame = Frame.covering(own.buffered(rules.halo_m), rules.cell_m)
    mask = building_mask(decks[:, 0], decks[:, 1], frame, rules)
    outlines, failed = deck_outlines(mask, frame, decks[:, :2], own, rules)
    bridges: list[CityObject] = []
    for outline in outlines:
        found = _bridge(outline, _Around(decks=decks, wet=wet, dtm=dtm), params)
        if isinstance(found, Unmodelled):
            failed.append(found)
        else:
            bridges.append(found)
    return bridges, failed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Around:
    """What a bridge's heights are told from."""

    decks: NDArray[np.float64]
    """Points of bridges, shape (n, 3)."""
    wet: NDArray[np.float64]
    """Points of water surfaces, shape (n, 3)."""
    dtm: Raster


def _bridge(outline: Outline, around: _Around, params: ObjectParams) -> CityObject | Unmodelled:
    z = np.sort(heights_in(outline.polygon, around.decks))
    if len(z) < params.bridge_min_points:
        return Unmodelled(id=outline.id, reason=f"{len(z)} points of a bridge in it, fewer than the least")
    top = float(z[min(len(z) - 1, int(len(z) * (1.0 - params.bridge_top_dropped)))])
    near = shapely.buffer(outline.polygon, params.bridge_below_m, quad_segs=2)
    water = heights_in(near, around.wet)
    if len(water):
        base, below = float(np.median(water)), "water"
    else:
        base, below = lowest_ground(near, around.dtm), "ground"
    if not np.isfinite(base):
        return Unmodelled(id=outline.id, reason="neither ground nor water is known below it")
    if top - base < _LEAST_HEIGHT_M:
        reason = f"its highest point lies {top - base:.2f} m above the {below} below, less than {_LEAST_HEIGHT_M} m"
        return Unmodelled(id=outline.id, reason=reason)
    codes = check_solid(prism(outline.polygon, base, top))
    if codes:
        return Unmodelled(id=outline.id, reason=f"its block would not be valid (val3dity {', '.join(map(str, codes))})")
    return block_body(
        outline.id,
        "Bridge",
        outline.polygon,
        (base, top),
        {
            **outline.attributes,
            "measuredHeight": round(top - base, 3),
            "deck_m": round(float(np.median(z)), 3),
            "below": below,
            "lod1HeightType": HEIGHT_FROM_HIGHEST,
            "n_points": len(z),
        },
    )


def heights_in(polygon: Polygon, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights of the points in a polygon, in no order."""
    xmin, ymin, xmax, ymax = polygon.bounds
    x, y = xyz[:, 0], xyz[:, 1]
    near = xyz[(x >= xmin) & (x <= xmax) & (y >= ymin) & (y <= ymax)]
    shapely.prepare(polygon)
    found: NDArray[np.float64] = near[shapely.contains_xy(polygon, near[:, 0], near[:, 1]), 2]
    return found


def lowest_ground(polygon: Polygon, dtm: Raster, share: float = 0.0) -> float:
    """Lowest known cell of the terrain in a polygon, or the quantile `share` of them; NaN if none is known."""
    x, y = dtm.frame.centers()
    xmin, ymin, xmax, ymax = polygon.bounds
    columns, rows = np.nonzero((x >= xmin) & (x <= xmax))[0], np.nonzero((y >= ymin) & (y <= ymax))[0]
    if not len(columns) or not len(rows):
        return float("nan")
    part = dtm.values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    grid = np.meshgrid(x[columns], y[rows])
    shapely.prepare(polygon)
    z = np.sort(part[shapely.contains_xy(polygon, grid[0], grid[1]) & np.isfinite(part)])
    return float(z[int(share * (len(z) - 1))]) if len(z) else float("nan")
