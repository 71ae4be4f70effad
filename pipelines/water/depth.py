"""Water that light goes through: a level top with returns below it in the same cells.

No road, roof or deck does that. Turbid water beside it, with a level top at the same height and nothing below, is water
too; farther than `WaterParams.level_reach_m` from any depth it is not recognised.
"""

from __future__ import annotations

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

__all__ = ["surface_level"]


def surface_level(
    points: Points, cells: NDArray[np.int32], frame: Frame, params: WaterParams
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level in each cell of see-through or connected turbid water, and the same along its shore; NaN elsewhere."""
    top = highest(cells, points.z, frame.shape)
    level_top = _range(top) <= params.level_range_m
    depth = top.ravel()[cells] - points.z
    deep = (depth > params.min_depth_m) & (depth < params.max_depth_m)
    n_deep = count(cells, frame.shape, deep)
    # A roof has returns below it too, but only along its edge: most cells must see through by themselves.
    seen = box_sum((n_deep > params.deep_share * count(cells, frame.shape)).astype(np.int64), 1) >= 5
    clear = open_mask(level_top & seen, params.edge_cells)
    radius = params.cells(params.level_reach_m)
    top_mm = np.rint(np.nan_to_num(top.astype(np.float64)) * 1000.0).astype(np.int64)
    n_clear = box_sum(clear.astype(np.int64), radius)
    level = box_sum(np.where(clear, top_mm, 0), radius) / np.maximum(n_clear, 1) / 1000.0
    matches = np.abs(top - level) <= params.level_match_m
    turbid = (n_clear >= 8) & matches & level_top
    flooded = climb(np.zeros_like(top), clear, open_mask(turbid | clear, 3), 1.0, radius)
    shore = (n_clear >= 8) & grow(clear | flooded, params.shore_cells)
    return np.where(clear | flooded, level, np.nan), np.where(shore, level, np.nan)


def _range(top: NDArray[np.float32]) -> NDArray[np.float32]:
    """Range of the known tops in 3 x 3 cells, inf where the cell itself is void."""
    void = np.isnan(top)
    kernel = np.ones((3, 3), np.uint8)
    upper = cv2.dilate(np.where(void, np.float32(-1e30), top), kernel)
    lower = cv2.erode(np.where(void, np.float32(1e30), top), kernel)
    return np.where(void, np.float32(np.inf), upper - lower)
