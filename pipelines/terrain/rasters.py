"""Terrain: bare earth, surface, height above ground and density as rasters, tile by tile.

==========  =======  =====================================================================================
``dtm``     float32  bare earth in metres above the store's datum; NaN where void
``dtm_fill`` uint8   0 measured, 1 filled from around, 2 void, 3 measured and moved by the blend over a shore
``dsm``     float32  highest first return in metres above the store's datum; NaN where void
``hag``     float32  dsm - dtm in metres; NaN where either is void
``density`` float32  points without noise per square metre
``water``   uint8    1 where water stood when the survey flew (classes 9 and 41), with the holes beside it
==========  =======  =====================================================================================

Ground is the mean of the ground points (2) and of the bed's (40) in a cell, weighted by what their surveys declare;
`pipelines.terrain.shore` joins the two. Cells under buildings, crowns and bridges are filled from around; so are holes
inside the survey, up to `TerrainParams.void_m` from a measured cell; beyond it nothing is invented. Water without a
measured bed is void, never a plane from bank to bank: a flood would run over it as on land.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipelines.ground.cells import cell_numbers, count, highest
from pipelines.ground.filling import fill_holes
from pipelines.objects.masks import grow, with_gaps_filled
from pipelines.terrain.layers import cell_heights
from pipelines.terrain.shore import merge
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.terrain.layers import CellHeights
    from pipelines.terrain.params import TerrainParams
    from twin.points import Points
    from twin.raster import Frame

__all__ = ["BLENDED", "FILLED", "MEASURED", "RASTERS", "VOID", "derive_terrain"]

MEASURED, FILLED, VOID, BLENDED = 0, 1, 2, 3
"""Values of ``dtm_fill``."""

RASTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "dtm": ("float32", {"units": "m", "long_name": "bare earth", "is_height": True}),
    "dsm": ("float32", {"units": "m", "long_name": "highest first return", "is_height": True}),
    "hag": ("float32", {"units": "m", "long_name": "height of the surface above bare earth"}),
    "density": ("float32", {"units": "m-2", "long_name": "points without noise"}),
    "dtm_fill": ("uint8", {"flag_values": [0, 1, 2, 3], "flag_meanings": "measured filled void blended"}),
    "water": ("uint8", {"flag_values": [0, 1], "flag_meanings": "dry water"}),
}
"""Rasters of a run, with their types and attributes."""

_WATER = (PointClass.WATER, PointClass.WATER_SURFACE, PointClass.WATER_COLUMN)
_NOISE = (PointClass.LOW_NOISE, PointClass.HIGH_NOISE)


def derive_terrain(points: Points, frame: Frame, params: TerrainParams) -> dict[str, NDArray[Any]]:
    """Make all rasters of a window.

    Parameters
    ----------
    points
        Points with ``label`` (ASPRS) and ``return_number``, heights of one datum, in any order; ``sigma_m`` is the
        standard deviation that their survey declares, by class if it is absent.
    frame
        Cells of ``params.resolution_m``; its edges must be multiples of ``params.step_m``.

    Returns
    -------
    Arrays of `RASTERS`, ``inside`` (bool: inside the survey), ``shore_step`` (metres, land minus bed, NaN elsewhere)
    and ``shore_real`` (bool: steps left as they are), shape ``frame.shape``; right wherever every point within
    ``params.reach_m`` is given.

    Notes
    -----
    About 10 M points a second on one core, and 0.3 s a million cells.
    """
    label = points["label"]
    cells = cell_numbers(frame, points.x, points.y)
    clean = ~np.isin(label, _NOISE)
    n_points = count(cells, frame.shape, clean)
    inside = with_gaps_filled(n_points > 0, params.survey_gap_m / params.resolution_m)
    land, bed = (_heights(cells, points, code, frame, params) for code in (PointClass.GROUND, PointClass.SEABED))
    merged = merge(land, bed, frame, params)
    water = _water_mask(cells, label, n_points, frame, params)
    has_ground = land.known | bed.known
    near_bed = grow(bed.known, max(1, round(params.bed_m / params.resolution_m)))
    dtm = fill_holes(merged.z.astype(np.float32), params.fill_levels)
    far = _distance(has_ground) * params.resolution_m > params.void_m
    dtm[~has_ground & (~inside | far | (water & ~near_bed))] = np.nan
    first = clean & (points["return_number"] <= 1)
    dsm = fill_holes(highest(cells[first], points.z[first], frame.shape), params.surface_levels)
    dsm[~inside] = np.nan
    return {
        "dtm": dtm,
        "dsm": dsm,
        "hag": dsm - dtm,
        "density": (n_points / params.resolution_m**2).astype(np.float32),
        "dtm_fill": np.select([merged.moved, has_ground, np.isnan(dtm)], [BLENDED, MEASURED, VOID], FILLED).astype(
            np.uint8
        ),
        "water": water.astype(np.uint8),
        "inside": inside,
        "shore_step": merged.step_m,
        "shore_real": merged.is_real,
    }


def _heights(
    cells: NDArray[np.int32], points: Points, code: PointClass, frame: Frame, params: TerrainParams
) -> CellHeights:
    """Mean heights of one class, by what each point's survey declares."""
    chosen = points["label"] == code
    usual_m = params.sigma_m("bathymetry" if code == PointClass.SEABED else "aerial")
    declared = points.attributes.get("sigma_m")
    sigma_m = np.full(int(chosen.sum()), usual_m) if declared is None else declared[chosen].astype(np.float64)
    return cell_heights(cells[chosen], points.z[chosen], sigma_m, frame, params.roughness_m)


def _distance(known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance in cells from the nearest known one; large where none is known."""
    if not known.any():
        return np.full(known.shape, np.float32(np.inf))
    return np.asarray(cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _water_mask(
    cells: NDArray[np.int32],
    label: NDArray[np.uint8],
    n_points: NDArray[np.int64],
    frame: Frame,
    params: TerrainParams,
) -> NDArray[np.bool_]:
    """Cells with more water than dry ground, and the empty cells beside them up to a bounded number of steps."""
    wet = count(cells, frame.shape, np.isin(label, _WATER))
    bed = count(cells, frame.shape, label == PointClass.SEABED)
    dry = count(cells, frame.shape, label == PointClass.GROUND)
    water = wet + bed > dry
    empty = n_points == 0
    for _ in range(round(params.water_growth_m / params.resolution_m)):
        water |= grow(water, 1) & empty
    return water
