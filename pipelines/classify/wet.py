"""What is wet: water, its surface and its bed, and the rocks that stand in the sea."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.classify.evidence import cells_within
from pipelines.ground.cells import cell_numbers
from pipelines.water import find_rocks, find_water, inland_water
from twin.points import PointClass
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.classify.evidence import Evidence
    from pipelines.classify.params import ClassifyParams
    from twin.bounds import Bounds
    from twin.points import Points
    from twin.raster import Raster

__all__ = ["label_rocks", "label_water"]


def label_water(
    points: Points, core: Bounds, params: ClassifyParams, evidence: Evidence
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and confidences of water and what lies in it, 0 for all else."""
    is_ground = points["label"] == PointClass.GROUND
    sea = _frame(core, params, params.water.cell_m)
    code, certainty = find_water(points, is_ground, sea, params.water, params.seabed)
    frame = _frame(core, params, params.inland_water.cell_m)
    given = None if evidence.water is None else cells_within(evidence.water, frame)
    inland = inland_water(points, is_ground, frame, params.inland_water, given)
    code[inland & (code == 0)] = PointClass.WATER
    return code, certainty


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
    # Water on land counts as land: rocks stand in the sea.
    land = np.where(label == PointClass.WATER, PointClass.GROUND, label).astype(np.uint8)
    rocks = find_rocks(
        points, land, label == PointClass.BUILDING, _frame(core, params, params.water.cell_m), params.water
    )
    over_m = points.z - low.values.ravel()[cell_numbers(low.frame, points.x, points.y)]
    climbs = params.embankment
    on_rock = over_m <= 2.0 * climbs.max_slope * low.frame.resolution_m + climbs.slack_m
    code = np.where(on_rock, PointClass.GROUND, PointClass.HIGH_VEGETATION).astype(np.uint8)
    return np.where(rocks, code, 0).astype(np.uint8), np.full(len(points), 55, np.uint8)


def _frame(core: Bounds, params: ClassifyParams, cell_m: float) -> Frame:
    return Frame.covering(core.buffered(params.objects_reach_m).snapped(cell_m), cell_m)
