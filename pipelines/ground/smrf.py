"""Ground by a simple morphological filter (SMRF), with a bounded reach.

The lowest height of each cell is opened by growing disks; where an opening takes off more than a slope allows, the cell
is an object. What is left is the bare surface, its holes are filled, and a point is ground if it lies close to it.

Four things differ from the paper. Openings are not cumulative, so a result depends on cells within twice the largest
radius and not on the sum of all radii. Holes are filled by a pyramid of fixed depth instead of a global membrane. The
height tolerance shrinks where points are dense: on 10 points a square metre half a metre would take in kerbs, sills of
cars and hedges. And what an opening takes off may join the ground again (`pipelines.ground.rejoining`), so that the
first look can be strict. The filter is known to fail inside buildings wider than twice the largest radius, which keep a
core of false ground.
"""

from __future__ import annotations

import math
from collections.abc import Mapping  # noqa: TC003 - the configuration reads the fields' types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numba
import numpy as np

from pipelines.ground.cells import box_sum, cell_numbers, count, lowest, sample
from pipelines.ground.filling import fill_holes, fill_reach_cells
from pipelines.ground.morphology import open_heights
from pipelines.ground.rejoining import rejoin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.raster import Frame

GroundBackendName = Literal["smrf", "csf", "pdal.smrf", "pdal.csf"]

__all__ = ["Ground", "SmrfParams", "find_ground", "ground_frame_step_m"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmrfParams:
    """Parameters of the ground filter."""

    cell_m: float = 1.0
    """Cell of the height grid, metres (Pingel et al. 2013 use 1 m)."""
    slope: float = 0.13
    """Loss by an opening from which a cell is no ground at first sight, rise over run (Pingel et al. 2013, single
    setting: 0.15; lower here because ground may join again; 0.12 to 0.15 score alike)."""
    rejoin_slope: float = 1.2
    """Loss up to which such a cell may join the ground again, rise over run (0.6 and all alike on dense files; on steep
    sparse ones more is better; what is lost faster are storeys of towers)."""
    rejoin_radius_m: float = 4.0
    """Half edge of the square whose ground leads on to a cell, metres (ours: a dozen cells at 0.2 points a m2)."""
    rejoin_rings: int = 8
    """Rings in which ground joins again (ours: crests 64 m wide; 4 to 12 score alike)."""
    rejoin_step_m: float = 0.25
    """Least height tolerance while ground joins again, metres (ours: a kerb, a stair, a furrow)."""
    rejoin_gain: float = 0.75
    """Metres of tolerance added per unit of slope while ground joins again (ours: 0.6 to 0.9 score alike)."""
    radii_m: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 21.0, 25.0)
    """Radii of the disks, metres, growing. Pingel et al. 2013 stop at 18 m; 25 m takes off halls 50 m wide, and leaving
    out every second radius changes no score by more than 0.1 points (measured on the ISPRS samples)."""
    tolerance_sparse_m: float = 0.5
    """Height tolerance at `sparse_per_m2` and below, metres (Pingel et al. 2013: 0.5 m)."""
    tolerance_dense_m: float = 0.13
    """Height tolerance at `dense_per_m2` and above, metres (measured on AHN3 and LiDAR HD: 0.11 to 0.15 m is best)."""
    sparse_per_m2: float = 1.0
    """Density up to which the sparse tolerance holds, points per square metre (the ISPRS samples have 0.2 to 1)."""
    dense_per_m2: float = 10.0
    """Density from which the dense tolerance holds, points per square metre (AHN3, LiDAR HD); logarithmic between."""
    slope_gain: float = 1.25
    """Metres of tolerance added per unit of slope of the surface (Pingel et al. 2013: 1.25)."""
    density_radius_m: float = 8.0
    """Half edge of the square in which density is counted, metres (ours: a house and its garden)."""
    pit_m: float = 5.0
    """Depth from which a cell is no ground but a pit, metres (Pingel et al. 2013: slope 5 over one cell of 1 m)."""
    pit_radius_m: float = 1.0
    """Radius of the disk that closes a pit, metres (Pingel et al. 2013: one cell)."""
    lonely_gap_m: float = 0.5
    """Height within which a low cell needs company, metres (ours: deeper than any gutter, shallower than multipath)."""
    lonely_radius_m: float = 4.0
    """Half edge of the square in which it needs it, metres (ours: 3 % of light through a forest is company enough)."""
    lonely_cells: int = 1
    """Cells of company up to which a low cell is a pit (ours: multipath comes in ones and twos)."""
    pit_cells: int = 3
    """Cells of company up to which a deep cell is a pit; more are the floor of a dark wood, seen through its crowns
    (ours: 5 cells of 81, 6 % of light; 1 to 3 score within 0.1 points, 5 loses wood floors on slopes)."""
    fill_levels: int = 3
    """Levels of the hole-filling pyramid; 3 fills holes about 16 m wide, and below wider ones the widest opening knows
    the street (3 and 4 score alike on all samples; 3 reaches 16 m less)."""
    backend: GroundBackendName = "smrf"
    """Whose filter: our own, or another's behind the same face, whose labels depend on the cut into tiles."""
    backend_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Options of another's filter that ours has no parameter for, such as ``{rigidness: 1}`` of csf."""

    def __post_init__(self) -> None:
        if self.backend_options and self.backend == "smrf":
            raise ValueError("backend_options are for another backend than smrf")
        if not self.radii_m or list(self.radii_m) != sorted(self.radii_m):
            raise ValueError(f"radii_m must grow: {self.radii_m}")
        if not (self.cell_m > 0 and 0 < self.sparse_per_m2 < self.dense_per_m2):
            raise ValueError("cell_m must be positive and sparse_per_m2 below dense_per_m2")

    @property
    def radii_cells(self) -> tuple[int, ...]:
        """Radii in whole cells, at least one, without repeats."""
        return tuple(sorted({max(1, round(radius / self.cell_m)) for radius in self.radii_m}))

    @property
    def rejoin_radius_cells(self) -> int:
        """Half edge of the square whose ground leads on to a cell, in whole cells."""
        return max(1, round(self.rejoin_radius_m / self.cell_m))

    @property
    def pit_radius_cells(self) -> int:
        """Radius of the disk that closes a pit, in whole cells."""
        return max(1, round(self.pit_radius_m / self.cell_m))

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's ground label.

        Pits, opening, joining, filling, the slope's neighbour, the bilinear neighbour and the point's own cell, in a
        row.
        """
        pits = max(2 * self.pit_radius_cells, round(self.lonely_radius_m / self.cell_m))
        rings = self.rejoin_radius_cells * self.rejoin_rings
        cells = pits + 2 * self.radii_cells[-1] + rings + fill_reach_cells(self.fill_levels) + 3
        return max(cells * self.cell_m, self.density_radius_m + rings * self.cell_m + self.cell_m)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """What the filter found."""

    is_ground: NDArray[np.bool_]
    """Whether a point is ground, shape (n,)."""
    in_pit: NDArray[np.bool_]
    """Whether a point's cell was left out as a pit, shape (n,)."""
    height_m: NDArray[np.float32]
    """Height of each point above the bare surface, shape (n,), NaN where no surface is in reach."""
    tolerance_m: NDArray[np.float32]
    """Tolerance each point was judged by, shape (n,)."""
    low: NDArray[np.float32]
    """Lowest height of each cell on the frame, without pits, NaN where there is none."""
    surface: NDArray[np.float32]
    """The bare surface on the frame, shape (rows, cols), row 0 north, metres of the points' datum, NaN where void."""


def ground_frame_step_m(params: SmrfParams) -> float:
    """Multiple of which a frame's edges must be, so that the filling pyramid is anchored globally."""
    return params.cell_m * (1 << params.fill_levels)


def find_ground(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    frame: Frame,
    params: SmrfParams,
) -> Ground:
    """Label ground points.

    Parameters
    ----------
    x, y, z
        Points without noise, metres of a projected CRS, heights of one datum, shape (n,). Any n, in any order.
    frame
        Cells to work on: of ``params.cell_m``, edges on multiples of `ground_frame_step_m`. Points outside are not
        ground.

    Returns
    -------
    Labels and heights that are those of the whole area wherever every point within ``params.reach_m`` is given.

    Notes
    -----
    About 6 M points a second on one core at 15 points per square metre; the openings cost 0.5 s a square kilometre.

    References
    ----------
    Pingel, Clarke, McBride 2013, An improved simple morphological filter for the terrain classification of airborne
    LIDAR data, ISPRS Journal 77.
    """
    if params.backend != "smrf":
        from pipelines.ground.backends import find_ground_by

        return find_ground_by(x, y, z, frame, params)
    cells = cell_numbers(frame, x, y)
    low = lowest(cells, z, frame.shape)
    deep, lonely = _pits(low, params)
    low[deep] = np.nan
    tolerance_m = _tolerance(cells, frame, params)
    is_object, opened = _objects(low, tolerance_m, params)
    # A lonely cell may be the only sight of the street between two roofs: it counts in openings, not in the surface.
    low[lonely] = np.nan
    is_pit = deep | lonely
    surface = fill_holes(np.where(is_object, np.float32(np.nan), low), params.fill_levels)
    # Deep inside a wide building no ground is in reach of the filling; the widest opening still knows the street.
    surface = np.where(np.isnan(surface), opened, surface)
    height = (z - sample(surface, frame, x, y)).astype(np.float32)
    slope = sample(_slope(surface, params.cell_m), frame, x, y)
    own = tolerance_m.ravel()[np.maximum(cells, 0)]
    tolerance = (own + params.slope_gain * np.nan_to_num(slope)).astype(np.float32)
    is_ground = np.abs(height) <= tolerance
    return Ground(
        is_ground=is_ground & (cells >= 0),
        in_pit=is_pit.ravel()[np.maximum(cells, 0)] & (cells >= 0),
        height_m=height,
        tolerance_m=tolerance,
        low=low,
        surface=surface,
    )


def _pits(low: NDArray[np.float32], params: SmrfParams) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Lone cells deeper than any real hole of their width, and other low cells without company around."""
    radius, gap_m = round(params.lonely_radius_m / params.cell_m), np.float32(params.lonely_gap_m)
    narrow = -open_heights(-low, params.pit_radius_cells) - low > params.pit_m
    deep = _lonely(low, narrow, radius, (gap_m, params.pit_cells, 0))
    enough = (2 * radius + 1) ** 2 // 3
    return np.asarray(deep), np.asarray(_lonely(low, ~narrow, radius, (gap_m, params.lonely_cells, enough)))


@numba.njit(cache=True)
def _lonely(low: Any, asked: Any, radius: int, limits: Any) -> Any:
    """Asked cells with few others around that are lower than a gap above them, where enough cells are known.

    Limits: the gap in metres, the most others, and how many cells of the square must be known.
    """
    gap_m, company, enough = limits
    rows, columns = low.shape
    found = np.zeros((rows, columns), np.bool_)
    for i in range(rows):
        for j in range(columns):
            level = low[i, j] + gap_m
            if level != level or not asked[i, j]:
                continue
            n_low, n_known = -1, 0
            for a in range(max(0, i - radius), min(rows, i + radius + 1)):
                for b in range(max(0, j - radius), min(columns, j + radius + 1)):
                    n_low += low[a, b] < level
                    n_known += low[a, b] == low[a, b]
                if n_low > company:
                    break
            found[i, j] = n_low <= company and n_known >= enough
    return found


def _objects(
    low: NDArray[np.float32], tolerance_m: NDArray[np.float32], params: SmrfParams
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Cells that an opening lowers by more than bare earth allows and ground does not join; the widest opening."""
    loss, before = np.zeros(low.shape, np.float32), low
    for radius in params.radii_cells:
        opened = open_heights(low, radius)
        np.fmax(loss, (before - opened) / np.float32(radius * params.cell_m), out=loss)
        before = opened
    is_object = loss > params.slope
    reach = (params.rejoin_radius_cells, params.rejoin_rings, params.cell_m)
    is_ground, asked = ~is_object & ~np.isnan(low), is_object & (loss <= params.rejoin_slope)
    step_m = np.maximum(tolerance_m, np.float32(params.rejoin_step_m))
    return is_object & ~rejoin(low, is_ground, asked, (step_m, params.rejoin_gain), reach), before


def _slope(surface: NDArray[np.float32], cell_m: float) -> NDArray[np.float32]:
    """Slope of the surface, rise over run, from central differences; one-sided beside voids, 0 where alone."""
    squared = np.zeros(surface.shape, np.float32)
    for axis in (0, 1):
        ahead, behind = np.full_like(surface, np.nan), np.full_like(surface, np.nan)
        inner, outer = [slice(None)] * 2, [slice(None)] * 2
        inner[axis], outer[axis] = slice(None, -1), slice(1, None)
        ahead[tuple(inner)] = surface[tuple(outer)] - surface[tuple(inner)]
        behind[tuple(outer)] = ahead[tuple(inner)]
        both = np.where(np.isnan(ahead), behind, np.where(np.isnan(behind), ahead, (ahead + behind) * np.float32(0.5)))
        squared += np.nan_to_num(both) ** 2
    return np.asarray(np.sqrt(squared) / np.float32(cell_m), np.float32)


def _tolerance(cells: NDArray[np.int32], frame: Frame, params: SmrfParams) -> NDArray[np.float32]:
    """Height tolerance of each cell from the density around it."""
    radius = math.ceil(params.density_radius_m / params.cell_m)
    area_m2 = ((2 * radius + 1) * params.cell_m) ** 2
    density = box_sum(count(cells, frame.shape), radius) / area_m2
    share = np.log(np.maximum(density, 1e-9) / params.sparse_per_m2) / math.log(
        params.dense_per_m2 / params.sparse_per_m2
    )
    drop = params.tolerance_dense_m - params.tolerance_sparse_m
    return np.asarray(params.tolerance_sparse_m + drop * np.clip(share, 0.0, 1.0), np.float32)
