"""Buildings by rules: planes propose, areas decide, walls are claimed afterwards.

A roof is where many of the points above ground are last returns on locally flat patches, over an area that a small
square fits into. The rule is known to lose glass roofs and roofs under trees, to take lorries, containers and bridge
decks for buildings, and to need about 3 points per square metre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.ground.cells import box_sum, cell_numbers, count, highest
from pipelines.objects.masks import close_mask, drop_small, fill_small_holes, grow, open_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.above_ground import AboveGround, PointShape
    from twin.raster import Frame

__all__ = ["BuildingParams", "find_buildings", "on_planes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingParams:
    """Parameters of the building rules."""

    cell_m: float = 1.0
    """Cell of the roof mask, metres (ours; 0.5 m scores alike and needs more points)."""
    min_height_m: float = 2.0
    """Least height of a roof above ground, metres (PLATEAU's survey manual models what stands above about 2 m)."""
    wall_height_m: float = 1.5
    """Height above ground from which points at a confirmed building are its walls, metres (ours: above parked cars)."""
    voxels_m: tuple[float, ...] = (0.5, 1.0)
    """Edges of the voxels whose 3 x 3 x 3 neighbourhoods are tested for planes, metres."""
    thickness_m: tuple[float, ...] = (0.08, 0.12)
    """Greatest standard deviation across a plane, one for each of `voxels_m`, metres (AHN3: 3 to 5 cm of ranging noise
    and tiles of 5 cm; tuned on the Delft tiles, checked on LiDAR HD)."""
    min_points: int = 6
    """Least points of a plane: three carry it, three more confirm it."""
    planar_share: float = 0.2
    """Share of planar last returns among the points above ground from which a cell is roof (tuned on the Delft tiles:
    0.2 finds 95 %, and the shape of the area still keeps trees out)."""
    min_area_m2: float = 10.0
    """Least area of a roof, square metres (ours: a garage; PLATEAU's outlines start at about that size)."""
    min_edge_m: float = 3.0
    """Edge of the square that must fit into a roof, metres (tuned on LiDAR HD: hedges and walls are narrower)."""
    max_hole_m2: float = 12.0
    """Largest gap in a roof that is filled, square metres (ours: a skylight)."""
    wall_reach_m: float = 1.0
    """Distance from a roof's cells within which walls and eaves are claimed, metres."""
    eave_slack_m: float = 0.5
    """How far above the roof nearby a claimed point may lie, metres (ours: gutters and parapets)."""

    def __post_init__(self) -> None:
        if len(self.voxels_m) != len(self.thickness_m) or not self.voxels_m:
            raise ValueError("voxels_m and thickness_m must be of one length, at least 1")

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's building label."""
        cells = 2 + 2 * (self._edge_cells - 1) + self._min_cells + self._hole_cells + 1 + 2 * self._wall_cells + 3
        return 2 * max(self.voxels_m) + cells * self.cell_m

    @property
    def _edge_cells(self) -> int:
        return 2 * (round(self.min_edge_m / self.cell_m) // 2) + 1

    @property
    def _min_cells(self) -> int:
        return max(1, round(self.min_area_m2 / self.cell_m**2))

    @property
    def _hole_cells(self) -> int:
        return round(self.max_hole_m2 / self.cell_m**2)

    @property
    def _wall_cells(self) -> int:
        return max(1, round(self.wall_reach_m / self.cell_m))


def on_planes(points: AboveGround, shapes: tuple[PointShape, ...], params: BuildingParams) -> NDArray[np.bool_]:
    """Whether some scale sees a plane around each last return; shapes at each scale of ``params.voxels_m``."""
    votes = [
        (shape.thickness_m < limit) & (shape.n_points >= params.min_points)
        for shape, limit in zip(shapes, params.thickness_m, strict=True)
    ]
    return np.asarray(np.logical_or.reduce(votes) & points.is_last)


def find_buildings(
    points: AboveGround, planar: NDArray[np.bool_], frame: Frame, params: BuildingParams
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which points belong to buildings, and which of these lie on a plane.

    Parameters
    ----------
    points
        Everything above ground, n points.
    planar
        Which of them lie on planes (`on_planes`), shape (n,).
    frame
        Cells of ``params.cell_m`` that hold the points.

    Returns
    -------
    Two masks of shape (n,), right wherever every point within ``params.reach_m`` is given.

    Notes
    -----
    About 5 M points a second on one core once the shapes are known.
    """
    cells = cell_numbers(frame, points.x, points.y)
    tall = (points.height_m > params.min_height_m) & (cells >= 0)
    planar = planar & tall
    roof = _roof_mask(count(cells, frame.shape, tall), count(cells, frame.shape, planar), params)
    inside = roof.ravel()[cells]
    eave = _eaves(cells, points.height_m, planar & inside, frame, params)
    claimed = grow(roof, params._wall_cells).ravel()[cells] & (points.height_m < eave + params.eave_slack_m)
    is_building = (inside | claimed) & (points.height_m > params.wall_height_m) & (cells >= 0)
    return is_building, is_building & planar


def _roof_mask(tall: NDArray[np.int64], planar: NDArray[np.int64], params: BuildingParams) -> NDArray[np.bool_]:
    """Cells of roofs: enough planar points in 3 x 3 cells, then shape and size."""
    near_tall, near_planar = box_sum(tall, 1), box_sum(planar, 1)
    mask = (tall > 0) & (near_tall >= 3) & (near_planar > params.planar_share * near_tall)
    mask = drop_small(open_mask(mask, params._edge_cells), params._min_cells)
    return fill_small_holes(close_mask(mask, 3), params._hole_cells)


def _eaves(
    cells: NDArray[np.int32],
    height_m: NDArray[np.float32],
    on_roof: NDArray[np.bool_],
    frame: Frame,
    params: BuildingParams,
) -> NDArray[np.float32]:
    """Height of the highest roof point near each point, -inf where there is no roof."""
    top = highest(cells[on_roof], height_m[on_roof], frame.shape)
    edge = 2 * params._wall_cells + 1
    spread = cv2.dilate(np.where(np.isnan(top), np.float32(-np.inf), top), np.ones((edge, edge), np.uint8))
    return np.asarray(spread, np.float32).ravel()[cells]
