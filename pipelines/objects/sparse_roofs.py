"""Roofs where points are few: larger cells and larger planes, no outline.

Below some 5 points a square metre a dormer has three points and half a roof five; the voxels that find the planes of
dense surveys are empty. Planes over 6 m still stand out from crowns, at a tenth of that density too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.ground.cells import box_sum, cell_numbers, count
from pipelines.objects.masks import drop_small, grow
from pipelines.objects.planes import planes_around

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.above_ground import AboveGround
    from twin.points import Points
    from twin.raster import Frame

__all__ = ["SparseRoofParams", "find_sparse_roofs", "near_large_planes", "sparse_cells"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseRoofParams:
    """Parameters of the rule for sparse surveys."""

    per_m2: float = 4.0
    """Density below which the rule holds, points per square metre of covered ground (ours: on AHN3 thinned to 7 the
    rule for dense surveys is better, at 3.5 this one; 3 to 5 score alike)."""
    cell_m: float = 3.0
    """Cell of the roof mask, metres (ours: 2 m scores alike above 1 point per square metre, worse below)."""
    voxel_m: float = 2.0
    """Edge of the voxels whose 3 x 3 x 3 neighbourhoods are tested for planes, metres, beside those of dense surveys;
    a multiple of both and of the millimetre."""
    thickness_m: float = 0.2
    """Greatest standard deviation across such a plane, metres (ours: 0.15 to 0.2 score alike)."""
    off_plane_m: float = 0.2
    """Greatest distance of a point from it, metres."""
    min_points: int = 5
    """Least points of such a plane."""
    planar_share: float = 0.35
    """Share of last returns near planes among the points above ground in 3 x 3 cells from which a cell is roof (0.3 to
    0.4 score alike on thinned AHN3 and LiDAR HD)."""
    min_cells: int = 2
    """Least cells of a roof (ours: 18 square metres; what is smaller has no points enough)."""

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change whether another one's cell is roof."""
        return 3 * self.voxel_m + (2 + 2 + self.min_cells + 1) * self.cell_m


def sparse_cells(points: Points, frame: Frame, params: SparseRoofParams) -> NDArray[np.bool_]:
    """Cells around which there are few points on the ground that is covered at all, shape ``frame.shape``.

    Parameters
    ----------
    points
        Ground and all that stands on it.
    frame
        Cells of ``params.cell_m``.
    """
    n = count(cell_numbers(frame, points.x, points.y), frame.shape)
    covered = box_sum((n > 0).astype(np.int64), 1)
    return np.asarray(box_sum(n, 1) < params.per_m2 * params.cell_m**2 * covered)


def near_large_planes(
    points: AboveGround, sparse: NDArray[np.bool_], frame: Frame, params: SparseRoofParams
) -> NDArray[np.bool_]:
    """Whether each last return in and beside sparse cells lies near a large plane, shape (n,); false elsewhere."""
    found = np.zeros(len(points), np.bool_)
    cells = cell_numbers(frame, points.x, points.y)
    margin = 1 + int(np.ceil(3 * params.voxel_m / params.cell_m))
    around = np.flatnonzero(grow(sparse, margin).ravel()[cells] & (cells >= 0))
    if len(around):
        _, distance_m = planes_around(points.take(around), params.voxel_m, params.thickness_m, params.min_points)
        found[around] = distance_m < params.off_plane_m
    return found & points.is_last


def find_sparse_roofs(
    tall: NDArray[np.int64], planar: NDArray[np.int64], sparse: NDArray[np.bool_], params: SparseRoofParams
) -> NDArray[np.bool_]:
    """Return the sparse cells that are roof.

    Parameters
    ----------
    tall, planar
        Points high above the ground, and those of them near planes, in each cell.
    sparse
        Cells where the rule holds (`sparse_cells`).
    """
    near_tall, near_planar = box_sum(tall, 1), box_sum(planar, 1)
    mask = (tall > 0) & (near_tall >= 3) & (near_planar > params.planar_share * near_tall)
    return drop_small(mask & sparse, params.min_cells)
