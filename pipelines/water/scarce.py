"""Water that hardly anything comes back from: far fewer returns than around, level, and nothing nearby lies lower.

So infrared lasers see it. Calm water right below the aircraft that returns every pulse is taken for ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.ground.cells import box_sum, count, lowest
from pipelines.objects.masks import open_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.water.params import WaterParams
    from twin.points import Points
    from twin.raster import Frame

__all__ = ["scarce_level"]


def scarce_level(
    points: Points, is_ground: NDArray[np.bool_], cells: NDArray[np.int32], frame: Frame, params: WaterParams
) -> NDArray[np.float64]:
    """Level of cells with far fewer points than around, whose ground is level and the lowest, and of their shore."""
    near, around = params.cells(params.scarce_radius_m), params.cells(params.around_radius_m)
    n = count(cells, frame.shape)
    density = box_sum(n, around) / np.maximum(box_sum((n > 0).astype(np.int64), around), 1) / params.cell_m**2
    local = box_sum(n, near) / ((2 * near + 1) * params.cell_m) ** 2
    low = lowest(cells[is_ground], points.z[is_ground], frame.shape)
    mean, deviation = _moments(cells[is_ground], points.z[is_ground], frame, near)
    floor = _lowest_around(low, around)
    scarce = (local < params.scarcity * density) & (density >= params.min_density_per_m2)
    with np.errstate(invalid="ignore"):
        level = (deviation <= params.scarce_deviation_m) & (mean <= floor + params.above_lowest_m)
    found = open_mask(scarce & level, params.edge_cells)
    mean_mm = np.rint(np.where(found, mean, 0.0) * 1000.0).astype(np.int64)
    n_found = box_sum(found.astype(np.int64), params.shore_cells)
    return np.where(n_found > 0, box_sum(mean_mm, params.shore_cells) / np.maximum(n_found, 1) / 1000.0, np.nan)


def _moments(
    cells: NDArray[np.int32], z: NDArray[np.float64], frame: Frame, radius: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of heights around each cell, metres, NaN with fewer than 3; from whole millimetres."""
    size = frame.rows * frame.columns
    z_mm = np.rint(z * 1000.0).astype(np.int64)
    sums = [np.zeros(size, np.int64) for _ in range(3)]
    for total, values in zip(sums, (np.ones_like(z_mm), z_mm, z_mm * z_mm), strict=True):
        np.add.at(total, cells, values)
    n, s, ss = (box_sum(total.reshape(frame.shape), radius) for total in sums)
    few = n < 3
    n = np.maximum(n, 1)
    mean = s / n
    # Integer numerator: the difference of two large squares would lose the millimetres in floats.
    variance = (n * ss - s * s).astype(np.float64) / (n.astype(np.float64) ** 2)
    return np.where(few, np.nan, mean / 1000.0), np.where(few, np.nan, np.sqrt(np.maximum(variance, 0.0)) / 1000.0)


def _lowest_around(low: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Lowest known value in the square around each cell, inf where there is none."""
    edge = 2 * radius + 1
    filled = np.where(np.isnan(low), np.float32(np.inf), low)
    return np.asarray(cv2.erode(filled, np.ones((edge, edge), np.uint8)), np.float32)
