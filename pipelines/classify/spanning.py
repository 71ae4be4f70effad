"""What spans a gap: the decks of bridges, their edges and railings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.ground import climb, deck_around
from pipelines.ground.cells import box_sum, cell_numbers, count, highest, lowest
from pipelines.objects import CellHeights, find_decks
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.classify.params import ClassifyParams
    from pipelines.objects import AboveGround, BridgeParams
    from twin.points import Points
    from twin.raster import Raster

__all__ = ["Footing", "footing_of", "label_bridges"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Footing:
    """What one can walk on, cell by cell of the ground filter, all of shape (rows, cols)."""

    is_ground: NDArray[np.bool_]
    """Whether the ground filter took a point."""
    is_smooth: NDArray[np.bool_]
    """Whether what is lowest and no ground lies on a plane."""
    is_climbed: NDArray[np.bool_]
    """Whether ground climbs to it."""


def footing_of(
    points: Points, above: AboveGround, planar: NDArray[np.bool_], low: Raster, params: ClassifyParams
) -> tuple[Footing, NDArray[np.bool_]]:
    """Return what ground climbs to, and which of the points above ground lie at the foot of their cell.

    Parameters
    ----------
    points
        Points without noise, labelled by the ground filter.
    above
        Those that are no ground, m points.
    planar
        Which of these lie on planes, shape (m,).
    low
        Lowest height of each cell of the ground filter.
    params
        Parameters of all steps.
    """
    frame, steps = low.frame, params.embankment
    step_m, cells = steps.max_slope * frame.resolution_m, cell_numbers(frame, above.x, above.y)
    at_foot = above.z - low.values.ravel()[cells] <= step_m + steps.slack_m
    foot, smooth = count(cells, frame.shape, at_foot), count(cells, frame.shape, at_foot & planar)
    is_smooth = (foot > 0) & (box_sum(smooth, 1) >= steps.planar_share * box_sum(foot, 1))
    is_ground = count(cell_numbers(frame, points.x, points.y), frame.shape, points["label"] == PointClass.GROUND) > 0
    climbed = climb(low.values, is_ground, is_smooth, step_m, params.embankment_cells)
    return Footing(is_ground=is_ground, is_smooth=is_smooth, is_climbed=climbed), at_foot


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
