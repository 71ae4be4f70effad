"""What stands above the ground: embankments that ground climbs, bridges, buildings, vegetation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.classify.evidence import cells_within
from pipelines.ground import between_drops, climb, deck_around
from pipelines.ground.cells import box_sum, cell_numbers, count
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
    from pipelines.objects import BuildingParams, PointShape
    from twin.bounds import Bounds
    from twin.points import Points
    from twin.raster import Raster

__all__ = ["label_standing"]


def label_standing(
    points: Points, low: Raster, core: Bounds, params: ClassifyParams, footprints: NDArray[np.object_] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and confidences of embankments, buildings and vegetation, 0 for all else."""
    code, certainty = np.zeros(len(points), np.uint8), np.full(len(points), 70, np.uint8)
    rises = (points["label"] == PointClass.UNCLASSIFIED) & (points["height_m"] > params.vegetation.min_height_m)
    chosen = np.flatnonzero(rises)
    above = _above_ground(points.take(chosen))
    shapes, distances_m = _planes(above, params.building)
    climbed, bridge = _climbed(points, above, in_planes(above, shapes, params.building), low, params)
    code[chosen] = np.where(bridge, PointClass.BRIDGE, np.where(climbed, PointClass.GROUND, 0))
    window = core.buffered(params.objects_reach_m).snapped(params.sparse_roof.cell_m)
    frame, coarse = (Frame.covering(window, step.cell_m) for step in (params.building, params.sparse_roof))
    sparse = sparse_cells(points, coarse, params.sparse_roof)
    rest = np.flatnonzero(~(climbed | bridge))
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


def _climbed(
    points: Points, above: AboveGround, planar: NDArray[np.bool_], low: Raster, params: ClassifyParams
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points above the filtered ground lie on embankments that ground climbs, and which on bridges."""
    frame, steps = low.frame, params.embankment
    step_m, cells = steps.max_slope * frame.resolution_m, cell_numbers(frame, above.x, above.y)
    at_foot = above.z - low.values.ravel()[cells] <= step_m + steps.slack_m
    foot, smooth = count(cells, frame.shape, at_foot), count(cells, frame.shape, at_foot & planar)
    is_smooth = (foot > 0) & (box_sum(smooth, 1) >= steps.planar_share * box_sum(foot, 1))
    is_ground = points["label"] == PointClass.GROUND
    seeds = count(cell_numbers(frame, points.x, points.y), frame.shape, is_ground) > 0
    reached = climb(low.values, seeds, is_smooth, step_m, params.embankment_cells)
    bridge = between_drops(low.values, reached, 2 * step_m, steps.bridge_drop_m, params.bridge_cells)
    on_bridge = at_foot & bridge.ravel()[cells]
    climbed = at_foot & reached.ravel()[cells] & ~on_bridge
    bottom, top = (side.ravel()[cells] for side in deck_around(low.values, bridge))
    at_edge = (above.z >= bottom - step_m) & (above.z <= top + steps.parapet_m)
    return climbed, on_bridge | (at_edge & ~climbed)


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
