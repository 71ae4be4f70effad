"""The static overlay as arrays: terrain, water and a level in; depth, critical level, state and exposure out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.flood.connectivity import UNREACHED, critical_levels, flood_depth
from pipelines.flood.exposure import Exposure, building_exposure
from tiles.flood import FloodState
from twin.raster import Raster

if TYPE_CHECKING:
    from collections.abc import Sequence

    import shapely
    from numpy.typing import NDArray

    from pipelines.flood.ground import FloodGround

__all__ = ["Overlay", "static_overlay"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlay:
    """Water at one level over one terrain."""

    depth: Raster
    """float32, metres above ground; 0 dry, NaN unknown."""
    critical_level: Raster
    """float32, metres in the terrain's datum: the level from which each cell is reached; NaN if never."""
    state: Raster
    """uint8, `FloodState`."""
    exposure: Exposure
    """Depth around each outline, in their order."""


def static_overlay(  # noqa: PLR0913 - the ground and level of two days
    ground: FloodGround,
    terrain: Raster,
    level_m: float,
    *,
    normal_m: float | None = None,
    ordinary: FloodGround | None = None,
    outlines: Sequence[shapely.Polygon] = (),
) -> Overlay:
    """Fill the ground up to a level, wherever water has a way from the seeds.

    The water surface is level: the answer of an infinitely long tide. A surge that lasts an hour reaches less; waves,
    rain and drains are not in it.

    Parameters
    ----------
    ground
        Prepared ground and seeds.
    terrain
        The terrain that `ground` was made of; gives the frame, CRS and datum.
    level_m
        Water level, metres in the terrain's datum.
    normal_m
        Water level of an ordinary day; what it reaches counts as water, not as flooded land.
    ordinary
        The ground of that day, without the scenario's barriers: a canal is no land because its gate is closed in a
        surge. `ground` if None.
    outlines
        Building footprints in the terrain's CRS.
    """
    critical_mm = critical_levels(ground.ground_mm, ground.seeds)
    level_mm = round(level_m * 1000)
    depth = flood_depth(ground.ground_mm, critical_mm, level_mm)
    water = ground.water.copy()
    if normal_m is not None:
        day = ground if ordinary is None else ordinary
        day_mm = critical_mm if ordinary is None else critical_levels(day.ground_mm, day.seeds)
        raised = ground.ground_mm > day.ground_mm
        water |= (flood_depth(day.ground_mm, day_mm, round(normal_m * 1000)) > 0) & ~raised
    state = _state(depth, water, ground)
    critical = np.where(critical_mm == UNREACHED, np.nan, critical_mm / 1000.0).astype(np.float32)
    frame, crs = terrain.frame, terrain.crs
    return Overlay(
        depth=Raster(values=depth, frame=frame, crs=crs),
        critical_level=Raster(values=critical, frame=frame, crs=crs, vertical=terrain.vertical),
        state=Raster(values=state, frame=frame, crs=crs),
        exposure=building_exposure(outlines, depth, water, frame),
    )


def _state(depth: NDArray[np.float32], water: NDArray[np.bool_], ground: FloodGround) -> NDArray[np.uint8]:
    state = np.where(depth > 0, FloodState.FLOODED, FloodState.DRY).astype(np.uint8)
    state[water] = FloodState.WATER
    state[ground.unknown] = FloodState.UNKNOWN
    state[ground.outside] = FloodState.OUTSIDE
    return state
