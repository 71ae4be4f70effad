"""Low and high noise, before anything else looks at the points.

Three kinds, each with a short reach: *stray bodies* far above or below the surface with nothing between (cloud layers,
multipath hundreds of metres down); *isolated points and small floating bodies*; and *ghosts*, small groups below
ground that other pulses hit (`pipelines.noise_groups`). A real low place of some square metres is none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from pipelines.ground.cells import box_sum, cell_numbers, count, lowest
from pipelines.noise_groups import GHOST_REACH_CELLS, GhostParams, floating, ghosts
from pipelines.objects.voxels import build_voxels, neighbour_counts
from twin.points import PointClass
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NoiseParams", "find_noise"]

_LOWEST_M, _HIGHEST_M = -2000.0, 12000.0
"""Heights beyond these count as these: below every seabed that light reaches, above every mountain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseParams:
    """Parameters of the noise filter."""

    gap_m: float = 300.0
    """Empty height between a stray body and the surface, metres (ours: towers of 250 m stand in cities, and from above
    not one pulse may meet their walls)."""
    column_m: float = 4.0
    """Cell of the columns in which gaps are looked for, metres; a column looks at its eight neighbours too."""
    voxel_m: float = 3.0
    """Edge of the voxels in which neighbours are counted, metres (lasnoise uses 3 x 3 x 3 cells of 4 m)."""
    isolated_points: int = 2
    """Points in 3 x 3 x 3 voxels, itself included, up to which a point is isolated (lasnoise: 5 in 12 m)."""
    isolated_gap_m: float = 1.0
    """Distance below the lowest company from which isolation is noise, metres."""
    open_relief_m: float = 20.0
    """Height from the lowest to the highest company up to which a lonely deep point is noise, metres (ours: houses and
    trees, each by itself, are lower; a wood on a slope, whose floor few pulses reach, is higher)."""
    floating_gap_m: float = 18.0
    """Empty height below a floating body, metres (ours: the clear stem of a tall lone tree is shorter)."""
    floating_points: int = 200
    """Points up to which a floating body is noise: a flock, a puff of smoke; more is kept for a person to see."""
    sunk_points: int = 40
    """Points up to which a body deep below all else is noise; more may be a shaft (ours)."""
    ghost_cells_m: tuple[float, float] = (1.0, 2.0)
    """Cells in which ghosts are looked for, metres: first for dense, then for thin clouds; they divide 8."""
    thin_ghost_points: int = 4
    """Points up to which a group in the wider cells is a ghost; more may be the floor of a shaft (ours)."""
    ghost_gap_m: float = 3.0
    """Empty height between a ghost and the ground in cells of 1 m, metres; half as much again in cells of 2 m (ours: a
    storey. Less deep lies the street, seen through a skylight or under an awning, which tells a hall from the ground;
    1 m finds no more noise on the scenes, and costs Delft a hall of 9 000 points)."""
    backend: Literal["voxels", "open3d"] = "voxels"
    """Who counts neighbours: our voxels, or Open3D in a sphere of 1.5 `voxel_m` (slower; as isotropic as can be)."""

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's noise label."""
        around = 2 * self.column_m
        isolated = max(around, 4 * self.voxel_m) + 2 * self.voxel_m
        return around + max(isolated, GHOST_REACH_CELLS * max(self.ghost_cells_m))


def find_noise(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64], frame: Frame, params: NoiseParams
) -> NDArray[np.uint8]:
    """Return 7 for low noise, 18 for high noise, 1 for points too alone to be told, and 0 for all others.

    A point with hardly a neighbour and nobody in the columns around may be anything, but never the ground: a stray far
    below a swath's edge would pull the terrain down.

    Parameters
    ----------
    x, y, z
        Coordinates in metres, heights of one datum, shape (n,).
    frame
        Any frame that holds the points; its bounds must be multiples of the cells used (a multiple of 8 m is).
    """
    noise = np.zeros(x.size, np.uint8)
    if x.size == 0:
        return noise
    _mark_stray_bodies(noise, (x, y, z), frame, params)
    kept = noise == 0
    rest = (x, y, z) if kept.all() else (x[kept], y[kept], z[kept])  # copies of a tile and its halo are large
    found = _isolated(rest, frame, params)
    found[_ghostly(rest, frame, params)] = PointClass.LOW_NOISE
    noise[kept] = found
    return noise


def _mark_stray_bodies(noise: NDArray[np.uint8], xyz: Any, frame: Frame, params: NoiseParams) -> None:
    """Keep, in each column and its neighbours, the fullest run of layers without a wide gap."""
    x, y, z = xyz
    if float(z.max() - z.min()) < params.gap_m:
        return
    columns = Frame.covering(frame.bounds, params.column_m)
    cells = cell_numbers(columns, x, y)
    layer_m = params.gap_m / 3.0
    layer = np.floor(np.clip(z, _LOWEST_M, _HIGHEST_M) / layer_m).astype(np.int64)
    base = int(layer.min())
    n_layers = int(layer.max()) - base + 1
    n_cells = columns.rows * columns.columns
    flat = np.bincount((layer - base) * n_cells + cells, minlength=n_layers * n_cells)
    counts = flat.reshape(n_layers, *columns.shape)
    main = _fullest_run(np.stack([box_sum(level, 1) for level in counts]))
    own = main.reshape(n_layers, n_cells)
    first, last = own.argmax(axis=0)[cells], n_layers - 1 - own[::-1].argmax(axis=0)[cells]
    noise[layer - base < first] = PointClass.LOW_NOISE
    noise[layer - base > last] = PointClass.HIGH_NOISE


def _fullest_run(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Layers of the run with most points in each column; three empty layers part runs, the lower wins a tie."""
    n = len(counts)
    best, best_first, best_last = (np.zeros(counts.shape[1:], np.int64) for _ in range(3))
    total, first, last = np.zeros_like(best), np.zeros_like(best), np.full_like(best, -4)
    for k in range(n):
        full = counts[k] > 0
        fresh = full & (k - last > 3)
        total, first = np.where(fresh, 0, total), np.where(fresh, k, first)
        total, last = total + counts[k], np.where(full, k, last)
        better = total > best
        best = np.where(better, total, best)
        best_first, best_last = np.where(better, first, best_first), np.where(better, last, best_last)
    layers = np.arange(n)[:, None, None]
    return (layers >= best_first) & (layers <= best_last)


def _isolated(xyz: Any, frame: Frame, params: NoiseParams) -> NDArray[np.uint8]:
    """Points with hardly a neighbour, and small bodies that float in the air or deep below; codes of shape (n,)."""
    x, y, z = xyz
    noise = np.zeros(x.size, np.uint8)
    if x.size == 0:
        return noise
    voxels = build_voxels(x, y, z, params.voxel_m)
    around, of_point = neighbour_counts(voxels), voxels.of_point
    crowded = around > params.isolated_points
    lonely = _lonely(xyz, params) if params.backend == "open3d" else ~crowded[of_point]
    # Where another lonely point is near, both may be of a mast or a wire, or of the floor of a dark wood.
    down, up = round(params.floating_gap_m / params.voxel_m), 3
    hovers = floating(voxels, around, params.isolated_points, (down, up), crowded)
    hides = floating(voxels, around, params.isolated_points, (up, up), crowded)
    flies = floating(voxels, around, params.floating_points, (down, up), None)
    sinks = floating(voxels, around, params.sunk_points, (up, up), None)
    # Few points are in question, and all that follows is about these.
    chosen = np.flatnonzero((hovers | hides | flies | sinks)[of_point] | lonely)
    hovers, hides, flies, sinks = (mask[of_point[chosen]] for mask in (hovers, hides, flies, sinks))
    columns = Frame.covering(frame.bounds, params.column_m)
    cells = cell_numbers(columns, x, y)
    company = np.where(lonely, np.int32(-1), cells)
    own, z_own, shape = cells[chosen], z[chosen], columns.shape
    low, high = (sign * _spread(lowest(company, sign * z, shape)).ravel()[own] for sign in (1.0, -1.0))
    bottom, top = (sign * _spread(lowest(cells, sign * z, shape)).ravel()[own] for sign in (1.0, -1.0))
    found = np.zeros(len(chosen), np.uint8)
    # Under a wood or between towers the lonely deep point is rather the ground.
    hides &= high - low < params.open_relief_m
    found[hides & (z_own < low - params.isolated_gap_m)] = PointClass.LOW_NOISE
    found[hovers & (z_own > high + 3.0 * params.isolated_gap_m)] = PointClass.HIGH_NOISE
    sinks &= (z_own < top - 3.0 * params.voxel_m) & (z_own < bottom + 2.0 * params.voxel_m)
    found[flies & (z_own > bottom + params.floating_gap_m)] = PointClass.HIGH_NOISE
    found[sinks] = PointClass.LOW_NOISE
    few = box_sum(count(cells, shape), 1).ravel()[own] <= params.isolated_points
    found[lonely[chosen] & few & (found == 0)] = PointClass.UNCLASSIFIED
    noise[chosen] = found
    return noise


def _ghostly(xyz: Any, frame: Frame, params: NoiseParams) -> NDArray[np.bool_]:
    """Ghosts below ground that other pulses hit: in cells for dense clouds, and in wider ones for thin clouds."""
    x, y, z = xyz
    found = np.zeros(x.size, np.bool_)
    for cell_m, most in zip(params.ghost_cells_m, (x.size, params.thin_ghost_points), strict=True):
        grid = Frame.covering(frame.bounds, cell_m)
        gap_m = params.ghost_gap_m * (1.0 + cell_m) / 2.0
        found |= ghosts(cell_numbers(grid, x, y), grid.shape, z, GhostParams(cell_m=cell_m, gap_m=gap_m, most=most))
    return found


def _lonely(xyz: Any, params: NoiseParams) -> NDArray[np.bool_]:
    """Points with hardly a neighbour as Open3D counts them; shape (n,)."""
    from pipelines.noise_open3d import lonely_points

    return lonely_points(xyz, 1.5 * params.voxel_m, params.isolated_points)


def _spread(low: NDArray[np.float32]) -> NDArray[np.float64]:
    """Lowest value of each cell and its eight neighbours, NaN where all are void."""
    filled = np.where(np.isnan(low), np.float32(np.inf), low)
    eroded = cv2.erode(filled, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=float("inf"))
    return np.where(np.isinf(eroded), np.nan, eroded).astype(np.float64)
