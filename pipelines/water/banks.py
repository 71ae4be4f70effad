"""Banks under water: dredged sides and the ledges between them, which a filter made for streets takes for houses.

The land's filter knows one slope for bare earth, and cuts off what rises above it for less than 50 m. Under water there
are no houses. Where the lowest returns rise steadily over a dozen metres, which neither haze nor a wreck does, the bed
is what lies at the foot of each cell's returns, cleaned by small openings that allow steep slopes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.ground.cells import box_sum, cell_numbers, lowest, sample
from pipelines.ground.morphology import open_heights
from pipelines.objects.masks import grow
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.water.bed import SeabedParams
    from twin.points import Points

__all__ = ["BANK_REACH_CELLS", "find_banks", "height_above_foot"]

_BLOCK, _STEP, _AROUND = 2, 3, 3
"""Half edge of the blocks that are compared, half their distance, and how far a bank reaches beyond, in cells."""
BANK_REACH_CELLS = _BLOCK + _STEP + _AROUND + 1
"""Reach of `find_banks` in cells, and of `height_above_foot` in metres with cells of 2 m and more."""
_LEAST_CELLS = 5
"""Cells with returns that a block needs: at the edge of a survey a quay wall fills one row of five."""
_FOOT_M, _RADII, _STEEPEST = 1.0, (1, 2, 4, 6), 2.0
"""Cell of the feet in metres, radii of the openings in cells, and the slope that they allow: wet sand stands at 0.6, a
quay's rubble at 1.5."""


def find_banks(low: NDArray[np.float32], steepness: float) -> NDArray[np.bool_]:
    """Cells around which the mean of the lowest returns rises by `steepness` or more over 12 m; cells of 2 m."""
    known = ~np.isnan(low)
    low_mm = np.where(known, np.rint(np.nan_to_num(low.astype(np.float64)) * 1000.0), 0.0).astype(np.int64)
    n = box_sum(known.astype(np.int64), _BLOCK)
    mean = np.where(n >= _LEAST_CELLS, box_sum(low_mm, _BLOCK) / np.maximum(n, 1) / 1000.0, np.nan)
    steep = np.zeros(low.shape, bool)
    least_m = steepness * 2 * _STEP * 2.0
    with np.errstate(invalid="ignore"):
        steep[_STEP:-_STEP] |= np.abs(mean[2 * _STEP :] - mean[: -2 * _STEP]) >= least_m
        steep[:, _STEP:-_STEP] |= np.abs(mean[:, 2 * _STEP :] - mean[:, : -2 * _STEP]) >= least_m
    return grow(steep, _AROUND)


def height_above_foot(points: Points, frame: Frame, params: SeabedParams) -> NDArray[np.float32]:
    """Height of each point above the lowest returns around, metres, shape (n,), NaN where openings left none."""
    fine = Frame.covering(frame.bounds, _FOOT_M)
    foot = lowest(cell_numbers(fine, points.x, points.y), points.z, fine.shape)
    cut = np.zeros(foot.shape, bool)
    for radius in _RADII:
        cut |= foot - open_heights(foot, radius) > np.float32(_STEEPEST * radius * _FOOT_M + params.tolerance_m)
    foot[cut] = np.nan
    return (points.z - sample(foot, fine, points.x, points.y)).astype(np.float32)
