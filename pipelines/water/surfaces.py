"""Which points are the surface of see-through water, its bed, or the water between.

Surface is what lies near the local mean of the tops; bed is what lies in the bed's layer (`pipelines.water.bed`); the
rest below the surface is water column: haze, fish, sea grass. Where returns only fade away there is no bed to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.ground.cells import cell_numbers, lowest
from pipelines.water.banks import find_banks, height_above_foot
from pipelines.water.bed import find_bed_layer, slope_of
from pipelines.water.depth import open_water
from pipelines.water.things import find_things
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.water.bed import BedLayer, SeabedParams
    from pipelines.water.depth import OpenWater
    from pipelines.water.params import WaterParams
    from twin.points import Points
    from twin.raster import Frame

__all__ = ["find_water"]

_SURE, _LIKELY, _DOUBTFUL = 85, 60, 20
"""Confidences in per cent: a layer that was seen; what lies between; what was only assumed to be a bed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cloud:
    """Points on the water's cells."""

    points: Points
    """n points with ``height_m`` above the filtered surface."""
    is_ground: NDArray[np.bool_]
    """Which of them the ground filter took, shape (n,)."""
    cells: NDArray[np.int32]
    """Cell of each, shape (n,)."""
    frame: Frame
    """The cells."""


def find_water(
    points: Points, is_ground: NDArray[np.bool_], frame: Frame, params: WaterParams, seabed: SeabedParams
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return 41 on see-through surfaces, 40 on the bed below, 43 and 45 between, 0 elsewhere; and confidences.

    Parameters
    ----------
    points
        Points without noise, n of them, with ``height_m`` above the filtered surface; ``is_sonar``, where it is
        given, says which a sonar measured: their ground is bed, water surface or not.
    is_ground
        Which of them the ground filter took, shape (n,).
    frame
        Cells of ``params.cell_m`` that hold the points.

    Returns
    -------
    Codes and confidences in per cent of shape (n,), right wherever every point within ``params.reach_m`` and
    ``seabed.reach_m`` together is given.

    Notes
    -----
    About 0.1 microseconds a point on one core where there is no water, 0.2 where all is.
    """
    cells = cell_numbers(frame, points.x, points.y)
    cloud = _Cloud(points=points, is_ground=is_ground, cells=cells, frame=frame)
    return _label(cloud, open_water(points, cells, frame, params), params, seabed)


def _label(
    cloud: _Cloud, water: OpenWater, params: WaterParams, seabed: SeabedParams
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    z, cells, is_ground = cloud.points.z, cloud.cells, cloud.is_ground
    code, certainty = np.zeros(len(z), np.uint8), np.full(len(z), _LIKELY, np.uint8)
    level, surface, shore, around = (
        grid.ravel()[cells] for grid in (water.level, water.surface, water.shore, water.around)
    )
    sonar = cloud.points.attributes.get("is_sonar", np.zeros(len(z), bool))
    blind = (params.bed_without_surface | sonar) & np.isnan(level)
    with np.errstate(invalid="ignore"):
        below = z < surface - seabed.surface_band_m
        at_surface = ~below & (z <= surface + params.wave_m)
        at_shore = ~is_ground & (np.abs(z - shore) <= params.level_match_m)
        shallow = is_ground & ~below & (z < shore - params.level_match_m)
        dry = blind & (z >= around - params.level_match_m)
    code[at_surface | (at_shore & ~below)] = PointClass.WATER_SURFACE
    sounded = _returns(cloud, below | (blind & ~dry))
    layer = find_bed_layer(*sounded, _lowest_ground(cloud), cloud.frame, seabed)
    is_there, in_layer = layer.is_there.ravel()[cells], _in_layer(cloud, layer)
    code[below] = PointClass.WATER_COLUMN
    bank, on_bank = _banks(cloud, below | (blind & ~dry), seabed)
    is_there, in_layer = is_there | bank, in_layer | on_bank
    bed = (below & is_there & in_layer) | (shallow & is_there) | (blind & ~dry & (is_ground | in_layer))
    code[bed], certainty[bed] = PointClass.SEABED, _SURE
    high = (below | (blind & ~dry)) & ~bed & is_there & (cloud.points["height_m"] >= seabed.object_height_m)
    code[find_things(cells, high, bed, cloud.frame)] = PointClass.SUBMERGED_OBJECT
    _mark_fading((code, certainty), below, ~is_there & (z < level), seabed)
    return code, certainty


def _returns(cloud: _Cloud, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Cells and heights of the chosen points that have a height."""
    height_m = cloud.points["height_m"]
    known = chosen & ~np.isnan(height_m)
    return cloud.cells[known], height_m[known]


def _lowest_ground(cloud: _Cloud) -> NDArray[np.float32]:
    ground = cloud.is_ground
    return lowest(cloud.cells[ground], cloud.points.z[ground], cloud.frame.shape)


def _in_layer(cloud: _Cloud, layer: BedLayer) -> NDArray[np.bool_]:
    """Whether a point lies in the bed's layer; the ground filter's word where there is none or it is steep."""
    height_m = cloud.points["height_m"]
    low_m, high_m = (grid.ravel()[cloud.cells] for grid in (layer.low_m, layer.high_m))
    is_steep = layer.is_steep.ravel()[cloud.cells]
    known: NDArray[np.bool_] = np.isfinite(high_m)
    inside: NDArray[np.bool_] = known & (height_m >= low_m) & (height_m <= high_m)
    return inside | (cloud.is_ground & (~known | is_steep))


def _banks(
    cloud: _Cloud, below: NDArray[np.bool_], seabed: SeabedParams
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points lie where the bed is a bank, and which of those below the surface lie on it."""
    cells, z = cloud.cells[below], cloud.points.z[below]
    low = lowest(cells, z, cloud.frame.shape)
    banks = find_banks(low, seabed.bank_slope)
    # A sonar hears neither haze nor grass: what lies at the foot of its cells is bed, quay walls at the edge too.
    near: NDArray[np.bool_] = banks.ravel()[cloud.cells] | cloud.points.attributes.get("is_sonar", False)
    chosen = np.flatnonzero(near & below)
    on_bank = np.zeros(len(near), bool)
    if chosen.size:
        foot_m = height_above_foot(cloud.points.take(below), cloud.frame, seabed)
        slope = slope_of(low, cloud.frame.resolution_m).ravel()[cells]
        on_bank[np.flatnonzero(below)] = near[below] & (foot_m <= seabed.tolerance_m + 2.0 * seabed.slope_gain * slope)
    return near, on_bank


def _mark_fading(
    labels: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    below: NDArray[np.bool_],
    lower: NDArray[np.bool_],
    seabed: SeabedParams,
) -> None:
    """Mark, where no bed was found, what lies lower than the surface, or than the mean level as older deliveries do."""
    code, certainty = labels
    fading = lower & (below if seabed.fading_code == PointClass.WATER_COLUMN else np.ones_like(below))
    code[fading], certainty[fading] = seabed.fading_code, _DOUBTFUL
