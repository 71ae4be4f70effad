"""What stands above the ground: embankments that ground climbs, buildings, vegetation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.classify.evidence import cells_within
from pipelines.classify.spanning import footing_of
from pipelines.ground.cells import cell_numbers
from pipelines.objects import (
    AboveGround,
    RoofCues,
    find_buildings,
    find_vegetation,
    find_wires,
    in_planes,
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


def label_standing(
    points: Points, low: Raster, core: Bounds, params: ClassifyParams, footprints: NDArray[np.object_] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Footing]:
    """Codes and confidences of embankments, buildings and vegetation, 0 for all else; and what one can walk on."""
    code, certainty = np.zeros(len(points), np.uint8), np.full(len(points), 70, np.uint8)
    rises = (points["label"] == PointClass.UNCLASSIFIED) & (points["height_m"] > params.vegetation.min_height_m)
    chosen = np.flatnonzero(rises)
    above = _above_ground(points.take(chosen))
    shapes, distances_m = _planes(above, params.building)
    footing, at_foot = footing_of(points, above, in_planes(above, shapes, params.building), low, params)
    climbed = at_foot & footing.is_climbed.ravel()[cell_numbers(low.frame, above.x, above.y)]
    code[chosen[climbed]] = PointClass.GROUND
    window = core.buffered(params.objects_reach_m).snapped(params.sparse_roof.cell_m)
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
    return code, certainty, footing


def _planes(
    above: AboveGround, params: BuildingParams
) -> tuple[tuple[PointShape, ...], tuple[NDArray[np.float32], ...]]:
    """Shapes around each point, and distances from the nearest plane, at each scale."""
    scales = zip(params.voxels_m, params.thickness_m, strict=True)
    around = [planes_around(above, size, thickness, params.min_points) for size, thickness in scales]
    return tuple(shape for shape, _ in around), tuple(distance for _, distance in around)


def _above_ground(points: Points) -> AboveGround:
    """Take the returns' order where it is known; 0 of 0 counts as single."""
    unknown = np.zeros(len(points), np.uint8)
    number = points.attributes.get("return_number", unknown)
    of = points.attributes.get("number_of_returns", unknown)
    return AboveGround(
        x=points.x,
        y=points.y,
        z=points.z,
        height_m=points["height_m"],
        is_last=number >= of,
        is_single=of <= 1,
        is_numbered=of > 0,
    )
