"""Vegetation by height, where what stands around lets light through or has no smooth sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.ground.cells import box_sum, cell_numbers, count
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.above_ground import AboveGround, PointShape
    from twin.raster import Frame

__all__ = ["VegetationParams", "find_vegetation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VegetationParams:
    """Parameters of the vegetation rules."""

    low_m: float = 0.5
    """Height above ground up to which vegetation is low (3), metres (LiDAR HD; common in ASPRS deliveries)."""
    medium_m: float = 1.5
    """Height above ground up to which it is medium (4), above it high (5), metres (LiDAR HD; others take 2 m)."""
    min_height_m: float = 0.2
    """Height above ground below which nothing is called vegetation, metres (ours: kerbs and ranging noise)."""
    street_height_m: float = 2.5
    """Height up to which cars, walls and fences stand among the plants, so that a vote around decides, metres (ours:
    vans)."""
    vote_cells: int = 2
    """Half edge of the square of that vote, in cells of the roof mask (ours: 5 x 5 m hold a shrub or a car)."""
    smooth_excess: float = 0.1
    """Share of single returns near planes over that of pulses with several returns from which street things are no
    plants (-0.1 to 0.2 score alike on LiDAR HD and the synthetic scenes)."""
    smooth_share: float = 0.5
    """The same where the order of returns is not known, so that there is only the share near planes."""
    min_thickness_m: float = 0.08
    """Least thickness of the points around higher ones, metres (ours: decks and walls are thinner patches)."""
    min_points: int = 6
    """Points from which they are a thin patch at all; fewer are twigs (as in `BuildingParams`)."""

    @property
    def reach_cells(self) -> int:
        """Greatest distance in cells of the roof mask from which a point can change another point's label."""
        return self.vote_cells + 1


def find_vegetation(
    points: AboveGround,
    near_plane: NDArray[np.bool_],
    shape: PointShape,
    frame: Frame,
    params: VegetationParams,
) -> NDArray[np.uint8]:
    """Return 3, 4 or 5 for vegetation and 0 for the rest.

    High points are vegetation if those around fill a volume or their pulse gave other returns too; the rule takes poles
    and wires for plants. Low ones are among cars, walls and fences: smooth sides there and several returns a pulse
    here decide by a vote, so a car under a tree is lost, and so is a clipped hedge that no pulse enters.

    Parameters
    ----------
    points
        Points above ground that are no building, n of them.
    near_plane
        Which lie near planes, shape (n,).
    shape
        Shape around each of them, at about 0.5 m.
    frame
        Cells of the roof mask.

    Returns
    -------
    ASPRS codes, shape (n,).
    """
    with np.errstate(invalid="ignore"):
        thin = (shape.thickness_m <= params.min_thickness_m) & (shape.n_points >= params.min_points)
    is_street = points.height_m <= params.street_height_m
    leafy = np.where(is_street, _leafy(points, near_plane, is_street, frame, params), ~thin | ~points.is_single)
    by_height = np.where(
        points.height_m > params.medium_m,
        PointClass.HIGH_VEGETATION,
        np.where(points.height_m > params.low_m, PointClass.MEDIUM_VEGETATION, PointClass.LOW_VEGETATION),
    )
    return np.where(leafy & (points.height_m > params.min_height_m), by_height, 0).astype(np.uint8)


def _leafy(
    points: AboveGround,
    near_plane: NDArray[np.bool_],
    is_street: NDArray[np.bool_],
    frame: Frame,
    params: VegetationParams,
) -> NDArray[np.bool_]:
    """Whether there are more pulses that passed through than smooth surfaces in the cells around, shape (n,)."""
    cells = cell_numbers(frame, points.x, points.y)

    def around(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        return box_sum(count(cells, frame.shape, chosen), params.vote_cells)

    excess = around(is_street & near_plane & points.is_single) - around(is_street & ~points.is_single)
    numbered, others = around(is_street & points.is_numbered), around(is_street & ~points.is_numbered)
    allowed = params.smooth_excess * numbered + params.smooth_share * others
    return np.asarray((excess < allowed).ravel()[cells] & (cells >= 0))
