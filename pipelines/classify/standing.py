"""What stands above the ground: embankments that ground climbs, buildings, vegetation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.classify.evidence import cells_within
from pipelines.classify.spanning import lies_at_foot
from pipelines.ground.cells import cell_numbers
from pipelines.objects import (
    AboveGround,
    RoofCues,
    above_ground,
    find_buildings,
    find_vegetation,
    find_wires,
    near_large_planes,
    near_planes,
    planes_around,
    sparse_cells,
)
from twin.points import PointClass
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.classify.params import ClassifyParams
    from pipelines.classify.spanning import Footing
    from pipelines.objects import BuildingParams, PointShape
    from twin.bounds import Bounds
    from twin.points import Points
    from twin.raster import Raster

__all__ = ["label_standing"]


def label_standing(  # noqa: PLR0913 - what stands, what it stands on, where
    points: Points,
    footing: Footing,
    low: Raster,
    window: Bounds,
    params: ClassifyParams,
    footprints: NDArray[np.object_] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and confidences of embankments, buildings and vegetation, 0 for all else.

    Parameters
    ----------
    points
        Points without noise in `window`, with ``label`` and ``height_m``, n of them.
    footing
        What ground climbs to.
    low
        Lowest height of each cell of the ground filter.
    window
        Where points are looked at; their codes are right ``params.standing_reach_m`` inside.
    params
        Parameters of all steps.
    footprints
        Outlines of buildings, if any were given.
    """
    code, certainty = np.zeros(len(points), np.uint8), np.full(len(points), 70, np.uint8)
    rises = (points["label"] == PointClass.UNCLASSIFIED) & (points["height_m"] > params.vegetation.min_height_m)
    chosen = np.flatnonzero(rises)
    above = above_ground(points.take(chosen))
    shapes, distances_m = _planes(above, params.building)
    cells = cell_numbers(low.frame, above.x, above.y)
    climbed = lies_at_foot(above.z, cells, low, params) & footing.is_climbed.ravel()[cells]
    code[chosen[climbed]] = PointClass.GROUND
    window = window.snapped(params.sparse_roof.cell_m)
    frame, coarse = (Frame.covering(window, step.cell_m) for step in (params.building, params.sparse_roof))
    sparse = sparse_cells(points, coarse, params.sparse_roof)
    rest = np.flatnonzero(~climbed)
    cues = RoofCues(
        planar=near_planes(above, distances_m, params.building),
        large_planar=near_large_planes(above, sparse, coarse, params.sparse_roof),
        shape=shapes[0],
        sparse=sparse,
        outlined=None if footprints is None else cells_within(footprints, frame),
    ).take(rest)
    chosen, above = chosen[rest], above.take(rest)
    is_building, on_roof = find_buildings(above, cues, frame, params.building, params.sparse_roof)
    code[chosen[is_building]] = PointClass.BUILDING
    free = np.flatnonzero(~is_building)
    cues = cues.take(free)
    code[chosen[free]] = find_vegetation(above.take(free), cues.planar, cues.shape, frame, params.vegetation)
    hanging = find_wires(above.take(free), shapes[-1].take(rest[free]), params.wire)
    code[chosen[free[hanging]]] = PointClass.WIRE
    certainty[chosen[is_building]] = np.where(on_roof[is_building], 95, 75)
    return code, certainty


def _planes(
    above: AboveGround, params: BuildingParams
) -> tuple[tuple[PointShape, ...], tuple[NDArray[np.float32], ...]]:
    """Shapes around each point, and distances from the nearest plane, at each scale."""
    scales = zip(params.voxels_m, params.thickness_m, strict=True)
    around = [planes_around(above, size, thickness, params.min_points) for size, thickness in scales]
    return tuple(shape for shape, _ in around), tuple(distance for _, distance in around)
