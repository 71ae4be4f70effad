"""What spans a gap: the decks of bridges, their edges and railings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.ground import climb, deck_around
from pipelines.ground.cells import box_sum, cell_numbers, count, highest, lowest
from pipelines.objects import CellHeights, above_ground, find_decks, in_planes, shapes_of
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.classify.params import ClassifyParams
    from pipelines.objects import BridgeParams
    from twin.points import Points
    from twin.raster import Raster

__all__ = ["Footing", "footing_of", "label_bridges", "lies_at_foot"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Footing:
    """What one can walk on, cell by cell of the ground filter, all of shape (rows, cols)."""

    is_ground: NDArray[np.bool_]
    """Whether the ground filter took a point."""
    is_smooth: NDArray[np.bool_]
    """Whether what is lowest and no ground lies on a plane."""
    is_climbed: NDArray[np.bool_]
    """Whether ground climbs to it."""


def footing_of(points: Points, low: Raster, params: ClassifyParams) -> Footing:
    """Return what ground climbs to.

    The ground filter's own word is taken: a second look at it costs too much this far around.

    Parameters
    ----------
    points
        Points without noise, labelled by the ground filter, with ``height_m``.
    low
        Lowest height of each cell of the ground filter.
    params
        Parameters of all steps.
    """
    frame, steps = low.frame, params.embankment
    step_m = steps.max_slope * frame.resolution_m
    is_ground = points["label"] == PointClass.GROUND
    above = above_ground(
        points.take(np.flatnonzero(~is_ground & (points["height_m"] > params.vegetation.min_height_m)))
    )
    cells = cell_numbers(frame, above.x, above.y)
    at_foot = lies_at_foot(above.z, cells, low, params)
    shapes = tuple(shapes_of(above, size, at_foot) for size in params.building.voxels_m)
    planar = in_planes(above, shapes, params.building)
    foot, smooth = count(cells, frame.shape, at_foot), count(cells, frame.shape, at_foot & planar)
    is_smooth = (foot > 0) & (box_sum(smooth, 1) >= steps.planar_share * box_sum(foot, 1))
    seeds = count(cell_numbers(frame, points.x, points.y), frame.shape, is_ground) > 0
    climbed = climb(low.values, seeds, is_smooth, step_m, params.embankment_cells)
    return Footing(is_ground=seeds, is_smooth=is_smooth, is_climbed=climbed)


def lies_at_foot(
    z: NDArray[np.float64], cells: NDArray[np.int32], low: Raster, params: ClassifyParams
) -> NDArray[np.bool_]:
    """Whether points lie no higher above the lowest of their cell than a slope that ground climbs takes them."""
    steps = params.embankment
    return np.asarray(z - low.values.ravel()[cells] <= steps.max_slope * low.frame.resolution_m + steps.slack_m)


def label_bridges(
    points: Points, label: NDArray[np.uint8], footing: Footing, low: Raster, params: ClassifyParams
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and confidences of bridges, 0 for all else.

    Parameters
    ----------
    points
        Points without noise, n of them.
    label
        What the steps before said of each, shape (n,).
    footing
        What one can walk on.
    low
        Lowest height of each cell of the ground filter.
    params
        Parameters of all steps.
    """
    steps, cells = params.bridge, cell_numbers(low.frame, points.x, points.y)
    heights = _heights(points, cells, footing, low, steps)
    deck, below = find_decks(heights, low.frame.resolution_m, steps)
    over_m = points.z - low.values.ravel()[cells]
    on_deck = deck.ravel()[cells] & (over_m <= np.where(label == PointClass.BUILDING, steps.parapet_m, steps.slack_m))
    beside = _beside(points, cells, (deck, below), heights, steps) & ~np.isin(
        label, (PointClass.GROUND, PointClass.WATER)
    )
    is_bridge = on_deck | beside
    return np.where(is_bridge, PointClass.BRIDGE, 0).astype(np.uint8), np.full(len(points), 75, np.uint8)


def _heights(
    points: Points, cells: NDArray[np.int32], footing: Footing, low: Raster, params: BridgeParams
) -> CellHeights:
    """Return what is seen in each cell."""
    shape, bottom = low.values.shape, low.values.ravel()[cells]
    high = highest(cells, points.z, shape)
    with np.errstate(invalid="ignore"):
        between = (points.z > bottom + params.foot_m) & (points.z < high.ravel()[cells] - params.girder_m)
    at, z = cells[between], points.z[between]
    with np.errstate(invalid="ignore"):
        spread = highest(at, z, shape) - lowest(at, z, shape)
    return CellHeights(
        low=low.values,
        high=high,
        n_points=count(cells, shape),
        is_wall=spread > params.wall_spread_m,
        is_between=~np.isnan(spread),
        is_ground=footing.is_ground,
        is_smooth=footing.is_smooth,
        is_climbed=footing.is_climbed,
    )


def _beside(
    points: Points,
    cells: NDArray[np.int32],
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    heights: CellHeights,
    params: BridgeParams,
) -> NDArray[np.bool_]:
    """Which points are a deck's rim: above what is seen below it, its railing, and its last cell."""
    deck, below = masks
    reached = climb(np.zeros(deck.shape, np.float32), deck, below & ~deck, 1.0, params.rim_cells)
    over_gap = reached.ravel()[cells] & (points.z >= heights.high.ravel()[cells] - params.girder_m)
    surface = np.where(reached, heights.high, heights.low)
    bottom, top = (side.ravel()[cells] for side in deck_around(surface, deck | reached))
    # A cell that is no deck, and the outermost cells that are.
    inner = cv2.erode((deck | reached).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    at_rim = ~inner.ravel()[cells] & (points.z >= bottom - params.drop_m) & (points.z <= top + params.parapet_m)
    return over_gap | at_rim
