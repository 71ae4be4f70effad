"""Water bodies as level LoD1 surfaces, each with its level and that level's datum.

A body no longer than the block's edge is one object; longer ones, rivers and the sea, are cut along a global grid, and
each piece has its own level: a river falls, and no tile sees the sea. PLATEAU cuts its own along map sheets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipelines.cityobjects.areas import bank_outlines
from pipelines.cityobjects.bodies import flat_surface
from pipelines.cityobjects.bridges import heights_in, lowest_ground
from pipelines.footprints import FootprintParams, Unmodelled
from pipelines.objects.masks import with_gaps_filled
from twin.raster import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipelines.cityobjects.params import ObjectParams
    from pipelines.footprints import Outline
    from twin.bounds import Bounds
    from twin.cityobject import CityObject
    from twin.raster import Raster

__all__ = ["Wet", "bank_rules", "level_water", "water_outlines"]

_BANKS_M = 2.0
"""Width of the ring round a water body in which its banks are looked at, metres: four cells of a 0.5 m terrain."""
_LOW_SHARE = 0.05
"""Quantile of the banks' heights that passes for the level of water without a return: low, but no single deep cell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wet:
    """What levels are told from."""

    surface: NDArray[np.float64]
    """Points of water surfaces, shape (n, 3), metres."""
    dtm: Raster
    """Bare earth, metres, NaN where void."""
    vertical: str
    """Datum of all heights."""


def bank_rules(params: ObjectParams, cell_m: float) -> FootprintParams:
    """Return how outlines of water are drawn: along the cells of the terrain, boats closed."""
    return FootprintParams(
        cell_m=cell_m,
        min_area_m2=params.water_min_m2,
        derived_min_area_m2=params.water_min_m2,
        max_extent_m=params.water_block_m,
        block_m=params.water_block_m,
    )


def water_outlines(
    water: Raster, density: Raster, own: Bounds, params: ObjectParams
) -> tuple[list[Outline], list[Unmodelled]]:
    """Draw the water bodies that a tile owns.

    Parameters
    ----------
    water, density
        The terrain's rasters `ObjectParams.water_halo_m` round the tile. Water that the terrain let grow out of the
        survey, into cells farther from points than `water_gap_m`, is left out.
    """
    frame = Frame.covering(own.buffered(params.water_halo_m), water.frame.resolution_m)
    x, y = np.meshgrid(*frame.centers())
    surveyed = with_gaps_filled(density.sample(x, y) > 0, params.water_gap_m / frame.resolution_m)
    mask = ((water.sample(x, y) > 0) & surveyed)[::-1]
    return bank_outlines(mask, frame, own, bank_rules(params, frame.resolution_m), params.water_simplify_m)


def level_water(outlines: Sequence[Outline], wet: Wet, near_m: float) -> tuple[list[CityObject], list[Unmodelled]]:
    """Give each outline its level.

    The level is the median of the returns from the surface inside; where there are none, of those no farther away than
    half a block, which is wrong beyond a lock or a weir; where there are none either, a low quantile of the ground
    along the banks.

    Parameters
    ----------
    outlines
        Of one tile.
    wet
        Points and terrain round it.
    near_m
        How far to look for returns, metres.

    Returns
    -------
    tuple
        Surfaces with `level_m`, `verticalDatum`, `level_from` (``points``, ``near`` or ``banks``), `n_points`; and
        outlines without a level, with the reason.
    """
    found: list[CityObject] = []
    failed: list[Unmodelled] = []
    for outline in outlines:
        z = heights_in(outline.polygon, wet.surface)
        level, source = (float(np.median(z)), "points") if len(z) else _guessed(outline, wet, near_m)
        if not np.isfinite(level):
            failed.append(Unmodelled(id=outline.id, reason="no return from its surface and no ground beside it"))
            continue
        facts = {"level_m": round(level, 3), "verticalDatum": wet.vertical, "level_from": source, "n_points": len(z)}
        found.append(flat_surface(outline.id, outline.polygon, round(level, 3), {**outline.attributes, **facts}))
    return found, failed


def _guessed(outline: Outline, wet: Wet, near_m: float) -> tuple[float, str]:
    """Level of a body without a return, and what it was told from."""
    xmin, ymin, xmax, ymax = outline.polygon.bounds
    z = heights_in(shapely.box(xmin - near_m, ymin - near_m, xmax + near_m, ymax + near_m), wet.surface)
    if len(z):
        return float(np.median(z)), "near"
    ring = shapely.buffer(outline.polygon, _BANKS_M, quad_segs=2).difference(outline.polygon)
    return lowest_ground(ring, wet.dtm, _LOW_SHARE), "banks"
