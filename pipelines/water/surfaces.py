"""Which points are the surface of see-through water, or its bed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.ground.cells import cell_numbers
from pipelines.water.depth import surface_level
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.water.params import WaterParams
    from twin.points import Points
    from twin.raster import Frame

__all__ = ["find_water"]


def find_water(points: Points, is_ground: NDArray[np.bool_], frame: Frame, params: WaterParams) -> NDArray[np.uint8]:
    """Return 41 on see-through surfaces, 40 on the bed below them, 0 elsewhere.

    Parameters
    ----------
    points
        Points without noise, n of them.
    is_ground
        Which of them the ground filter took, shape (n,).
    frame
        Cells of ``params.cell_m`` that hold the points.

    Returns
    -------
    Codes of shape (n,), right wherever every point within ``params.reach_m`` is given.
    """
    cells = cell_numbers(frame, points.x, points.y)
    code = np.zeros(len(points), np.uint8)
    open_level, shore_level = (grid.ravel()[cells] for grid in surface_level(points, cells, frame, params))
    with np.errstate(invalid="ignore"):
        near_shore = np.abs(points.z - shore_level) <= params.level_match_m
        code[(np.abs(points.z - open_level) <= params.min_depth_m) | (near_shore & ~is_ground)] = (
            PointClass.WATER_SURFACE
        )
        code[(points.z < shore_level - params.level_match_m) & is_ground] = PointClass.SEABED
    if params.bed_without_surface:
        code[is_ground & (code != PointClass.WATER_SURFACE)] = PointClass.SEABED
    return code
