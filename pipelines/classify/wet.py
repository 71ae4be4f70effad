"""What is wet: water, its surface and its bed, and the rocks that stand in the sea."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.ground.cells import cell_numbers
from pipelines.water import find_rocks, find_water
from twin.points import PointClass
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.classify.params import ClassifyParams
    from twin.bounds import Bounds
    from twin.points import Points
    from twin.raster import Raster

__all__ = ["label_rocks", "label_water"]


def label_water(points: Points, core: Bounds, params: ClassifyParams) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and confidences of water and seabed, 0 for all else."""
    code = find_water(points, points["label"] == PointClass.GROUND, _wet_frame(core, params), params.water)
    return code, np.full(len(points), 70, np.uint8)


def label_rocks(
    points: Points, label: NDArray[np.uint8], low: Raster, core: Bounds, params: ClassifyParams
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and confidences of what was taken for buildings and stands in the sea, 0 for all else.

    Parameters
    ----------
    points
        Points without noise, n of them.
    label
        What the steps before said of each, shape (n,).
    low
        Lowest height of each cell of the ground filter.
    """
    rocks = find_rocks(points, label, label == PointClass.BUILDING, _wet_frame(core, params), params.water)
    over_m = points.z - low.values.ravel()[cell_numbers(low.frame, points.x, points.y)]
    climbs = params.embankment
    on_rock = over_m <= 2.0 * climbs.max_slope * low.frame.resolution_m + climbs.slack_m
    code = np.where(on_rock, PointClass.GROUND, PointClass.HIGH_VEGETATION).astype(np.uint8)
    return np.where(rocks, code, 0).astype(np.uint8), np.full(len(points), 55, np.uint8)


def _wet_frame(core: Bounds, params: ClassifyParams) -> Frame:
    window = core.buffered(params.objects_reach_m).snapped(params.water.cell_m)
    return Frame.covering(window, params.water.cell_m)
