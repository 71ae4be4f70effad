"""Water: a level surface that light goes through, or one that it hardly comes back from.

*Topo-bathymetric* water shows itself by depth: a level top with returns below it in the same cells. No road, roof or
deck does that. Turbid water beside it, with a level top at the same height and nothing below, is water too; farther
than `WaterParams.level_reach_m` from any depth it is not recognised. *Topographic* water (infrared lasers) shows itself
by scarcity: far fewer returns than around, level, and nothing nearby lies lower. Calm water right below the aircraft
that returns every pulse is taken for ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numba
import numpy as np

from pipelines.ground import climb
from pipelines.ground.cells import box_sum, cell_numbers, count, highest, lowest
from pipelines.objects.masks import grow, open_mask
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.points import Points
    from twin.raster import Frame

__all__ = ["WaterParams", "find_rocks", "find_water"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterParams:
    """Parameters of the water rules."""

    cell_m: float = 2.0
    """Cell of the water grids, metres (ours: a few points each at 1 point per square metre)."""
    level_range_m: float = 0.30
    """Greatest range of the tops in 3 x 3 cells of a water surface, metres (ours: ripples, 2 cm of ranging noise and
    strips that differ by some centimetres)."""
    min_depth_m: float = 0.40
    """Depth from which a return counts as below the surface, metres (green lasers part surface and bed from 0.3 m)."""
    max_depth_m: float = 60.0
    """Depth beyond which it does not, metres (light returns from no deeper, even in clear sea)."""
    deep_share: float = 0.10
    """Least share of returns below the surface in 3 x 3 cells of see-through water (ours; roofs have none)."""
    level_reach_m: float = 16.0
    """Way within which turbid water is connected to see-through water and takes its level, metres."""
    level_match_m: float = 0.15
    """Greatest difference from that level, metres."""
    shore_m: float = 4.0
    """Width of the strip along open water in which points at its level are water and ground below it bed, metres."""
    bed_without_surface: bool = False
    """Whether all ground is seabed, also where no surface was seen above it (multibeam sonar sees none)."""
    rock_m: float = 24.0
    """Way from a rock in the sea to the water around it, metres; 0 looks for none (ours: stacks and islets that the
    ground filter takes for houses; ships become rocks too)."""
    scarcity: float = 0.35
    """Share of the density around below which a surface is scarce (ours, from the canals of the Delft tiles)."""
    scarce_radius_m: float = 4.0
    """Half edge of the square whose density is compared, metres."""
    around_radius_m: float = 16.0
    """Half edge of the square it is compared with, metres."""
    scarce_deviation_m: float = 0.12
    """Greatest standard deviation of the heights on scarce water, metres."""
    above_lowest_m: float = 0.15
    """How far scarce water may lie above the lowest ground around, metres (0.3 takes shaded courtyards on LiDAR HD)."""
    min_density_per_m2: float = 1.0
    """Density around from which scarcity means something, points per square metre."""
    min_edge_m: float = 6.0
    """Edge of the square that must fit into water, metres (ours: narrower ditches cannot be told from shadows)."""

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's water label."""
        seen_through = 2 + self._edge_cells + 2 * self._cells(self.level_reach_m) + 2 + self._shore_cells
        scarce = self._edge_cells + self._cells(self.around_radius_m) + self._shore_cells
        return (max(seen_through, scarce) + 2) * self.cell_m

    @property
    def _edge_cells(self) -> int:
        return 2 * (round(self.min_edge_m / self.cell_m) // 2) + 1

    @property
    def _shore_cells(self) -> int:
        return self._cells(self.shore_m)

    def _cells(self, length_m: float) -> int:
        return max(1, round(length_m / self.cell_m))


def find_water(points: Points, is_ground: NDArray[np.bool_], frame: Frame, params: WaterParams) -> NDArray[np.uint8]:
    """Return 41 on see-through surfaces, 40 on the bed below them, 9 on scarce water, 0 elsewhere.

    Parameters
    ----------
    points
        Points without noise, n of them.
    is_ground
        Which of them the ground filter took, shape (n,).
    frame
        Cells of ``params.cell_m`` that hold the points.

    Returns
    -------
    Codes of shape (n,), right wherever every point within ``params.reach_m`` is given.
    """
    cells = cell_numbers(frame, points.x, points.y)
    code = np.zeros(len(points), np.uint8)
    scarce_level = _scarce_level(points, is_ground, cells, frame, params).ravel()[cells]
    with np.errstate(invalid="ignore"):
        code[is_ground & (np.abs(points.z - scarce_level) <= params.level_match_m)] = PointClass.WATER
    open_level, shore_level = (grid.ravel()[cells] for grid in _surface_level(points, cells, frame, params))
    with np.errstate(invalid="ignore"):
        near_shore = np.abs(points.z - shore_level) <= params.level_match_m
        code[(np.abs(points.z - open_level) <= params.min_depth_m) | (near_shore & ~is_ground)] = (
            PointClass.WATER_SURFACE
        )
        code[(points.z < shore_level - params.level_match_m) & is_ground] = PointClass.SEABED
    if params.bed_without_surface:
        code[is_ground & (code != PointClass.WATER_SURFACE)] = PointClass.SEABED
    return code


def find_rocks(
    points: Points, code: NDArray[np.uint8], chosen: NDArray[np.bool_], frame: Frame, params: WaterParams
) -> NDArray[np.bool_]:
    """Return which of the chosen points stand in the sea: whichever way one goes, water comes before land.

    Parameters
    ----------
    points
        Points without noise, n of them.
    code
        ASPRS code of each: 2 is land, 40 and 41 are sea.
    chosen
        Which to ask for (those taken for buildings), shape (n,).
    frame
        Cells of ``params.cell_m`` that hold the points.

    Returns
    -------
    A mask of shape (n,), right wherever codes within ``params.rock_m`` and two cells are given.
    """
    if params.rock_m <= 0:
        return np.zeros(len(points), bool)
    cells = cell_numbers(frame, points.x, points.y)
    sea = count(cells, frame.shape, (code == PointClass.WATER_SURFACE) | (code == PointClass.SEABED))
    land = count(cells, frame.shape, code == PointClass.GROUND)
    asked = count(cells, frame.shape, chosen) > 0
    kind = np.where(land > sea, 2, np.where(sea > 0, 1, 0)).astype(np.uint8)
    rock = np.asarray(_in_the_sea(kind, asked, params._cells(params.rock_m)))
    return np.asarray(chosen & rock.ravel()[cells])


@numba.njit(cache=True)
def _in_the_sea(kind: Any, asked: Any, n_cells: int) -> Any:
    """Whether, of the eight ways from a cell, six meet sea and none meets land first."""
    rows, columns = kind.shape
    found = np.zeros(kind.shape, np.bool_)
    for i in range(rows):
        for j in range(columns):
            n_sea, n_land = 0, 0
            for k in range(9):
                for t in range(1, n_cells + 1 if asked[i, j] and k != 4 else 1):
                    a, b = i + t * (k // 3 - 1), j + t * (k % 3 - 1)
                    if 0 <= a < rows and 0 <= b < columns and kind[a, b]:
                        n_sea += kind[a, b] == 1
                        n_land += kind[a, b] == 2
                        break
            found[i, j] = n_sea >= 6 and n_land == 0
    return found


def _surface_level(
    points: Points, cells: NDArray[np.int32], frame: Frame, params: WaterParams
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level in each cell of see-through or connected turbid water, and the same along its shore; NaN elsewhere."""
    top = highest(cells, points.z, frame.shape)
    level_top = _range(top) <= params.level_range_m
    depth = top.ravel()[cells] - points.z
    deep = (depth > params.min_depth_m) & (depth < params.max_depth_m)
    n_deep = count(cells, frame.shape, deep)
    # A roof has returns below it too, but only along its edge: most cells must see through by themselves.
    seen = box_sum((n_deep > params.deep_share * count(cells, frame.shape)).astype(np.int64), 1) >= 5
    clear = open_mask(level_top & seen, params._edge_cells)
    radius = params._cells(params.level_reach_m)
    top_mm = np.rint(np.nan_to_num(top.astype(np.float64)) * 1000.0).astype(np.int64)
    n_clear = box_sum(clear.astype(np.int64), radius)
    level = box_sum(np.where(clear, top_mm, 0), radius) / np.maximum(n_clear, 1) / 1000.0
    matches = np.abs(top - level) <= params.level_match_m
    turbid = (n_clear >= 8) & matches & level_top
    flooded = climb(np.zeros_like(top), clear, open_mask(turbid | clear, 3), 1.0, radius)
    shore = (n_clear >= 8) & grow(clear | flooded, params._shore_cells)
    return np.where(clear | flooded, level, np.nan), np.where(shore, level, np.nan)


def _scarce_level(
    points: Points, is_ground: NDArray[np.bool_], cells: NDArray[np.int32], frame: Frame, params: WaterParams
) -> NDArray[np.float64]:
    """Level of cells with far fewer points than around, whose ground is level and the lowest, and of their shore."""
    near, around = params._cells(params.scarce_radius_m), params._cells(params.around_radius_m)
    n = count(cells, frame.shape)
    density = box_sum(n, around) / np.maximum(box_sum((n > 0).astype(np.int64), around), 1) / params.cell_m**2
    local = box_sum(n, near) / ((2 * near + 1) * params.cell_m) ** 2
    low = lowest(cells[is_ground], points.z[is_ground], frame.shape)
    mean, deviation = _moments(cells[is_ground], points.z[is_ground], frame, near)
    floor = _lowest_around(low, around)
    scarce = (local < params.scarcity * density) & (density >= params.min_density_per_m2)
    with np.errstate(invalid="ignore"):
        level = (deviation <= params.scarce_deviation_m) & (mean <= floor + params.above_lowest_m)
    found = open_mask(scarce & level, params._edge_cells)
    mean_mm = np.rint(np.where(found, mean, 0.0) * 1000.0).astype(np.int64)
    n_found = box_sum(found.astype(np.int64), params._shore_cells)
    return np.where(n_found > 0, box_sum(mean_mm, params._shore_cells) / np.maximum(n_found, 1) / 1000.0, np.nan)


def _moments(
    cells: NDArray[np.int32], z: NDArray[np.float64], frame: Frame, radius: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of heights around each cell, metres, NaN with fewer than 3; from whole millimetres."""
    size = frame.rows * frame.columns
    z_mm = np.rint(z * 1000.0).astype(np.int64)
    sums = [np.zeros(size, np.int64) for _ in range(3)]
    for total, values in zip(sums, (np.ones_like(z_mm), z_mm, z_mm * z_mm), strict=True):
        np.add.at(total, cells, values)
    n, s, ss = (box_sum(total.reshape(frame.shape), radius) for total in sums)
    few = n < 3
    n = np.maximum(n, 1)
    mean = s / n
    # Integer numerator: the difference of two large squares would lose the millimetres in floats.
    variance = (n * ss - s * s).astype(np.float64) / (n.astype(np.float64) ** 2)
    return np.where(few, np.nan, mean / 1000.0), np.where(few, np.nan, np.sqrt(np.maximum(variance, 0.0)) / 1000.0)


def _range(top: NDArray[np.float32]) -> NDArray[np.float32]:
    """Range of the known tops in 3 x 3 cells, inf where the cell itself is void."""
    void = np.isnan(top)
    kernel = np.ones((3, 3), np.uint8)
    upper = cv2.dilate(np.where(void, np.float32(-1e30), top), kernel)
    lower = cv2.erode(np.where(void, np.float32(1e30), top), kernel)
    return np.where(void, np.float32(np.inf), upper - lower)


def _lowest_around(low: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Lowest known value in the square around each cell, inf where there is none."""
    edge = 2 * radius + 1
    filled = np.where(np.isnan(low), np.float32(np.inf), low)
    return np.asarray(cv2.erode(filled, np.ones((edge, edge), np.uint8)), np.float32)
