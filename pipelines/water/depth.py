"""Water that light goes through: a level top with returns below it in the same cells.

No road, roof or deck does that. Turbid water beside it, with a level top at the same height and nothing below, is water
too, and so are waves that are seen through but not level; farther than `WaterParams.level_reach_m` from any level depth
they are not recognised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.ground import climb
from pipelines.ground.cells import box_sum, count, highest
from pipelines.objects.masks import grow, open_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.water.params import WaterParams
    from twin.points import Points
    from twin.raster import Frame

__all__ = ["OpenWater", "open_water"]

_COMPANY = 8
"""Cells of see-through water around from which their mean is a level."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenWater:
    """Where open water lies and how high, in grids of shape (rows, cols), metres of the points' datum."""

    level: NDArray[np.float64]
    """Mean level around each cell of open water, NaN elsewhere."""
    surface: NDArray[np.float64]
    """Mean top of the open cells in 3 x 3: the level with its waves; NaN elsewhere."""
    shore: NDArray[np.float64]
    """Level in open water and along its shore, NaN elsewhere."""
    around: NDArray[np.float64]
    """Level wherever open water lies within `WaterParams.dry_reach_m` where a bed needs no surface, NaN elsewhere."""


def open_water(points: Points, cells: NDArray[np.int32], frame: Frame, params: WaterParams) -> OpenWater:
    """Find see-through water, and turbid or rough water connected with it."""
    sonar = points.attributes.get("is_sonar")
    lit = slice(None) if sonar is None else ~sonar  # a sonar sees no surface: the top of its wreck is none
    top = highest(cells[lit], points.z[lit], frame.shape)
    level_top = _range(top) <= params.level_range_m
    depth = top.ravel()[cells] - points.z
    with np.errstate(invalid="ignore"):
        deep = (depth > params.min_depth_m) & (depth < params.max_depth_m)
    n_deep = count(cells, frame.shape, deep)
    # A roof has returns below it too, but only along its edge: most cells must see through by themselves.
    seen = box_sum((n_deep > params.deep_share * count(cells, frame.shape)).astype(np.int64), 1) >= 5
    clear = open_mask(level_top & seen, params.edge_cells)
    radius = params.cells(params.level_reach_m)
    level, known = _mean_around(top, clear, radius, _COMPANY)
    turbid = level_top & (np.abs(top - level) <= params.level_match_m)
    rough = seen & (np.abs(top - level) <= params.wave_m)
    flooded = climb(np.zeros_like(top), clear, open_mask(((turbid | rough) & known) | clear, 3), 1.0, radius)
    wet = clear | flooded
    surface, _ = _mean_around(top, wet, 1, 1)
    shore = known & grow(wet, params.shore_cells)
    around, near = np.full_like(level, np.nan), known
    if params.bed_without_surface:
        around, near = _mean_around(top, clear, params.cells(params.dry_reach_m), _COMPANY)
    return OpenWater(
        level=np.where(wet, level, np.nan),
        surface=np.where(wet, surface, np.nan),
        shore=np.where(shore, level, np.nan),
        around=np.where(near, around, np.nan),
    )


def _mean_around(
    top: NDArray[np.float32], chosen: NDArray[np.bool_], radius: int, least: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean top of the chosen cells in a square, from whole millimetres, and where there are at least `least`."""
    top_mm = np.rint(np.nan_to_num(top.astype(np.float64)) * 1000.0).astype(np.int64)
    n = box_sum(chosen.astype(np.int64), radius)
    return box_sum(np.where(chosen, top_mm, 0), radius) / np.maximum(n, 1) / 1000.0, n >= least


def _range(top: NDArray[np.float32]) -> NDArray[np.float32]:
    """Range of the known tops in 3 x 3 cells, inf where the cell itself is void."""
    void = np.isnan(top)
    kernel = np.ones((3, 3), np.uint8)
    upper = cv2.dilate(np.where(void, np.float32(-1e30), top), kernel)
    lower = cv2.erode(np.where(void, np.float32(1e30), top), kernel)
    return np.where(void, np.float32(np.inf), upper - lower)
