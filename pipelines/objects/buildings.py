"""Buildings by rules: planes propose, areas decide, walls and roof clutter are claimed afterwards.

A roof is where many of the points above ground are last returns near locally flat patches, over an area that a small
square fits into. What surrounds a confirmed roof belongs to it by distance from its outline: gutters and parapets
within a metre, walls below the eave, vertical patches a little farther. Where points are few, larger planes take over
(`sparse_roofs`); inside outlines that somebody gave, less is asked. The rule is known to lose glass roofs, roofs under
trees, what is lower than 2 m, and roofs that a slope meets at their eaves; and to take lorries, containers, pergolas
and clipped trees with flat tops for buildings, and decks that no bridge rule claims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.ground.cells import box_sum, cell_numbers, count, highest
from pipelines.objects.masks import close_mask, drop_small, fill_small_holes, grow, open_mask
from pipelines.objects.sparse_roofs import SparseRoofParams, find_sparse_roofs
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.above_ground import AboveGround, PointShape

__all__ = ["BuildingParams", "RoofCues", "find_buildings", "in_planes", "near_planes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingParams:
    """Parameters of the building rules."""

    cell_m: float = 1.0
    """Cell of the roof mask, metres (ours; 0.5 m scores alike and needs more points)."""
    outline_m: float = 0.5
    """Cell of the outline around which walls are claimed, metres; a whole fraction of `cell_m`."""
    min_height_m: float = 2.0
    """Least height of a roof above ground, metres (PLATEAU's survey manual models what stands above about 2 m)."""
    wall_height_m: float = 0.5
    """Height above ground from which points under a roof's rim, and vertical patches, are its walls, metres (ours;
    0.3 to 1.0 score alike on AHN3 and LiDAR HD)."""
    beside_height_m: float = 1.5
    """Height from which other points beside a roof are its own, metres (ours: above parked cars)."""
    rim_height_m: float = 2.5
    """Height from which points a little farther from its outline are, metres (ours: above most hedges)."""
    voxels_m: tuple[float, ...] = (0.5, 1.0)
    """Edges of the voxels whose 3 x 3 x 3 neighbourhoods are tested for planes, metres."""
    thickness_m: tuple[float, ...] = (0.08, 0.12)
    """Greatest standard deviation across a plane, one for each of `voxels_m`, metres (AHN3: 3 to 5 cm of ranging noise
    and tiles of 5 cm; half and one and a half of it are worse on AHN3, LiDAR HD and the synthetic hills alike)."""
    off_plane_m: tuple[float, ...] = (0.05, 0.075)
    """Greatest distance of a point from the nearest plane around, one for each of `voxels_m`, metres (about one
    standard deviation of ranging noise and tiles; twice as much takes more of the trees beside)."""
    min_points: int = 6
    """Least points of a plane: three carry it, three more confirm it."""
    planar_share: float = 0.4
    """Share of last returns near planes among the points above ground from which a cell is roof (0.35 to 0.45 score
    alike on AHN3 and LiDAR HD; less takes trees beside houses, more loses tiled and cluttered roofs)."""
    planar_share_unnumbered: float = 0.5
    """The same where returns are not numbered, so that leaves count among the last ones (ours: 0.4 to 0.6 score alike
    on AHN3 and LiDAR HD without their numbers)."""
    min_area_m2: float = 10.0
    """Least area of a roof, square metres (ours: a garage; PLATEAU's outlines start at about that size)."""
    min_edge_m: float = 3.0
    """Edge of the square that must fit into a roof, metres (tuned on LiDAR HD: hedges and walls are narrower)."""
    outlined_height_m: float = 1.5
    """Least height of a roof inside an outline that somebody gave, metres (ours: above parked cars)."""
    outlined_share: float = 0.15
    """Share of last returns near planes from which a cell inside such an outline is roof (ours: roofs under trees)."""
    outlined_area_m2: float = 4.0
    """Least area of a roof inside such an outline, square metres (ours: a few cells, and no square need fit)."""
    max_hole_m2: float = 4.0
    """Largest gap in a roof that is filled, square metres (ours: a skylight; 4 to 30 score alike)."""
    wall_thickness_m: float = 0.1
    """Greatest standard deviation across a vertical patch of wall, metres."""
    wall_steepness: float = 0.9
    """Least horizontal part of the normal of a wall (0.9: within 26 degrees of vertical)."""
    eave_slack_m: float = 0.5
    """How far above the roof nearby a claimed point beside it may lie, metres (ours: gutters and parapets)."""
    overhang_m: float = 2.0
    """Height above the roof nearby from which points that share their pulse are a tree over it, metres (ours: above
    dormers and chimneys)."""

    def __post_init__(self) -> None:
        if not len(self.voxels_m) == len(self.thickness_m) == len(self.off_plane_m) or not self.voxels_m:
            raise ValueError("voxels_m, thickness_m and off_plane_m must be of one length, at least 1")

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's building label."""
        cells = 2 + 2 * (self._edge_cells - 1) + max(self._min_cells, self._outlined_cells) + self._hole_cells + 1 + 3
        return 3 * max(self.voxels_m) + cells * self.cell_m + 3 * self.outline_m

    @property
    def _edge_cells(self) -> int:
        return 2 * (round(self.min_edge_m / self.cell_m) // 2) + 1

    @property
    def _min_cells(self) -> int:
        return max(1, round(self.min_area_m2 / self.cell_m**2))

    @property
    def _outlined_cells(self) -> int:
        return max(1, round(self.outlined_area_m2 / self.cell_m**2))

    @property
    def _hole_cells(self) -> int:
        return round(self.max_hole_m2 / self.cell_m**2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoofCues:
    """What is known of points above the ground, n of them, before anything is called a building."""

    planar: NDArray[np.bool_]
    """Which lie near planes (`near_planes`), shape (n,)."""
    large_planar: NDArray[np.bool_]
    """Which lie near planes of the sizes of sparse surveys (`near_large_planes`), shape (n,)."""
    shape: PointShape
    """Shape around each at the finest scale, which knows walls."""
    sparse: NDArray[np.bool_]
    """Cells of the sparse rule's grid where it holds, over the frame of `find_buildings`."""
    outlined: NDArray[np.bool_] | None = None
    """Cells of the roof mask that lie inside outlines somebody gave, over the same frame; None without outlines."""

    def take(self, index: NDArray[np.intp]) -> RoofCues:
        """Return the cues of the points at `index`."""
        return RoofCues(
            planar=self.planar[index],
            large_planar=self.large_planar[index],
            shape=self.shape.take(index),
            sparse=self.sparse,
            outlined=self.outlined,
        )


def in_planes(points: AboveGround, shapes: tuple[PointShape, ...], params: BuildingParams) -> NDArray[np.bool_]:
    """Whether some scale sees a plane around each last return; shapes at each scale of ``params.voxels_m``."""
    votes = [
        (shape.thickness_m < limit) & (shape.n_points >= params.min_points)
        for shape, limit in zip(shapes, params.thickness_m, strict=True)
    ]
    return np.asarray(np.logical_or.reduce(votes) & points.is_last)


def near_planes(
    points: AboveGround, distances_m: tuple[NDArray[np.float32], ...], params: BuildingParams
) -> NDArray[np.bool_]:
    """Whether each last return lies near some plane; distances at each scale of ``params.voxels_m``, shape (n,)."""
    votes = [distance < limit for distance, limit in zip(distances_m, params.off_plane_m, strict=True)]
    return np.asarray(np.logical_or.reduce(votes) & points.is_last)


def find_buildings(
    points: AboveGround, cues: RoofCues, frame: Frame, params: BuildingParams, sparse_params: SparseRoofParams
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which points belong to buildings, and which of these lie on a plane.

    Parameters
    ----------
    points
        Everything above ground, n points.
    cues
        What is known of each.
    frame
        Cells of ``params.cell_m`` that hold the points, its edges on multiples of ``sparse_params.cell_m``.
    params, sparse_params
        Rules for dense and for sparse surveys.

    Returns
    -------
    Two masks of shape (n,), right wherever every point within ``params.reach_m`` is given.

    Notes
    -----
    About 5 M points a second on one core once the shapes are known.
    """
    cells = cell_numbers(frame, points.x, points.y)
    outlined = np.zeros(frame.shape, bool) if cues.outlined is None else cues.outlined
    least_m = np.where(outlined.ravel()[cells], params.outlined_height_m, params.min_height_m)
    tall = (points.height_m > least_m) & (cells >= 0)
    planar = cues.planar & tall
    unnumbered = tall & ~points.is_numbered
    counts = tuple(box_sum(count(cells, frame.shape, chosen), 1) for chosen in (tall, unnumbered, planar))
    roof = _roof_mask(count(cells, frame.shape, tall) > 0, counts, outlined, params)
    coarse = Frame.covering(frame.bounds, sparse_params.cell_m)
    large = cell_numbers(coarse, points.x, points.y)
    large_planar = (cues.planar | cues.large_planar) & tall
    high, high_planar = count(large, coarse.shape, tall), count(large, coarse.shape, large_planar)
    in_sparse_roof = find_sparse_roofs(high, high_planar, cues.sparse, sparse_params).ravel()[large]
    inside = (roof.ravel()[cells] | in_sparse_roof) & (cells >= 0)
    planar |= large_planar & in_sparse_roof
    shape = cues.shape
    steep = (shape.steepness > params.wall_steepness) & (shape.n_points >= params.min_points)
    is_wall = steep & (shape.thickness_m < params.wall_thickness_m)
    is_building = _claimed(points, (planar, is_wall, inside), cells, frame, params)
    is_building |= in_sparse_roof & tall
    return is_building, is_building & planar


def _roof_mask(
    occupied: NDArray[np.bool_],
    around: tuple[NDArray[np.int64], ...],
    outlined: NDArray[np.bool_],
    params: BuildingParams,
) -> NDArray[np.bool_]:
    """Cells of roofs: enough planar points in 3 x 3 cells, then shape and size; less is asked inside outlines.

    `around` are the tall points, the unnumbered and the planar ones of them in 3 x 3 cells.
    """
    tall, unnumbered, planar = around
    known = occupied & (tall >= 3)
    more = params.planar_share_unnumbered - params.planar_share
    mask = known & (planar > params.planar_share * tall + more * unnumbered)
    mask = drop_small(open_mask(mask, params._edge_cells), params._min_cells)
    expected = known & outlined & (planar > params.outlined_share * tall)
    mask |= drop_small(expected, params._outlined_cells)
    return fill_small_holes(close_mask(mask, 3), params._hole_cells)


def _claimed(
    points: AboveGround,
    kinds: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]],
    cells: NDArray[np.int32],
    frame: Frame,
    params: BuildingParams,
) -> NDArray[np.bool_]:
    """Roofs, their clutter and their walls, by where a point lies from the roofs' outline.

    `kinds` are masks of shape (n,): near a plane, on a wall, inside the roof mask.
    """
    planar, is_wall, inside = kinds
    height_m = points.height_m
    on_roof = planar & inside & ~is_wall
    ring = _rings(points, on_roof, frame, params)
    over_m = height_m - _eaves(cells, height_m, on_roof, frame)
    at_rim = ring <= 1
    near = inside | (ring <= 2)
    least_m = np.where(inside, params.wall_height_m, params.beside_height_m)
    claimed = at_rim & (height_m > least_m)
    claimed |= near & (height_m > params.rim_height_m) & (inside | planar | points.is_single)
    claimed |= near & is_wall & (height_m > params.wall_height_m)
    overhangs = (over_m > params.overhang_m) & ~points.is_single & ~planar
    return np.asarray(claimed & (inside | (over_m < params.eave_slack_m)) & ~overhangs & (cells >= 0))


def _rings(points: AboveGround, on_roof: NDArray[np.bool_], frame: Frame, params: BuildingParams) -> NDArray[np.uint8]:
    """Distance of each point from the nearest roof point, in cells of the outline's grid; 3 stands for more than 2."""
    fine = Frame.covering(frame.bounds, params.outline_m)
    cells = cell_numbers(fine, points.x, points.y)
    reached = count(cells, fine.shape, on_roof) > 0
    ring = np.where(reached, 0, 3).astype(np.uint8)
    for step in (1, 2):
        reached = grow(reached, 1)
        ring[reached & (ring == 3)] = step
    return np.asarray(np.where(cells >= 0, ring.ravel()[cells], 3), np.uint8)


def _eaves(
    cells: NDArray[np.int32], height_m: NDArray[np.float32], on_roof: NDArray[np.bool_], frame: Frame
) -> NDArray[np.float32]:
    """Height of the highest roof point in the 3 x 3 cells around each point, -inf where there is no roof."""
    top = highest(cells[on_roof], height_m[on_roof], frame.shape)
    spread = cv2.dilate(np.where(np.isnan(top), np.float32(-np.inf), top), np.ones((3, 3), np.uint8))
    return np.asarray(spread, np.float32).ravel()[cells]
