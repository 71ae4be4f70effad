"""Low and high noise, before anything else looks at the points.

Two kinds, each with a short reach: *stray bodies* far above or below the surface with nothing between (cloud layers,
multipath hundreds of metres down), and *isolated points* with almost nobody around them. Pits, small groups of points
below the ground, can only be told once the ground is known: `pipelines.ground` keeps them out of the surface, and what
then lies below it is low noise too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from pipelines.ground.cells import box_sum, cell_numbers, lowest
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

    gap_m: float = 150.0
    """Empty height between a stray body and the surface, metres (ours: no wall of that height goes unseen)."""
    column_m: float = 4.0
    """Cell of the columns in which gaps are looked for, metres; a column looks at its eight neighbours too."""
    voxel_m: float = 3.0
    """Edge of the voxels in which neighbours are counted, metres (lasnoise uses 3 x 3 x 3 cells of 4 m)."""
    isolated_points: int = 2
    """Points in 3 x 3 x 3 voxels, itself included, up to which a point is isolated (lasnoise: 5 in 12 m)."""
    isolated_gap_m: float = 1.0
    """Distance below the lowest, or three times above the highest, company from which isolation is noise, metres."""
    backend: Literal["voxels", "open3d"] = "voxels"
    """Who counts neighbours: our voxels, or Open3D in a sphere of 1.5 `voxel_m` (slower; as isotropic as can be)."""

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's noise label."""
        return 2 * self.column_m + max(2 * self.voxel_m, 2 * self.column_m)


def find_noise(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64], frame: Frame, params: NoiseParams
) -> NDArray[np.uint8]:
    """Return 7 for low noise, 18 for high noise and 0 for all other points.

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
    _mark_isolated(noise, (x, y, z), frame, params)
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


def _mark_isolated(noise: NDArray[np.uint8], xyz: Any, frame: Frame, params: NoiseParams) -> None:
    """Points with hardly a neighbour are noise if they lie below or well above the company around."""
    x, y, z = xyz
    lonely = _lonely(xyz, params)
    candidates = lonely & (noise == 0)
    if not candidates.any():
        return
    columns = Frame.covering(frame.bounds, params.column_m)
    cells = cell_numbers(columns, x, y)
    company = ~lonely & (noise == 0)
    low = _spread(lowest(cells[company], z[company], columns.shape))
    high = -_spread(lowest(cells[company], -z[company], columns.shape))
    below = z < low.ravel()[cells] - params.isolated_gap_m
    above = z > high.ravel()[cells] + 3 * params.isolated_gap_m
    noise[candidates & below] = PointClass.LOW_NOISE
    noise[candidates & above] = PointClass.HIGH_NOISE


def _lonely(xyz: Any, params: NoiseParams) -> NDArray[np.bool_]:
    """Points with hardly a neighbour, whoever counts; shape (n,)."""
    if params.backend == "open3d":
        from pipelines.noise_open3d import lonely_points

        return lonely_points(xyz, 1.5 * params.voxel_m, params.isolated_points)
    x, y, z = xyz
    voxels = build_voxels(x, y, z, params.voxel_m)
    few: NDArray[np.bool_] = neighbour_counts(voxels)[voxels.of_point] <= params.isolated_points
    return few


def _spread(low: NDArray[np.float32]) -> NDArray[np.float64]:
    """Lowest value of each cell and its eight neighbours, NaN where all are void."""
    filled = np.where(np.isnan(low), np.float32(np.inf), low)
    eroded = cv2.erode(filled, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=float("inf"))
    return np.where(np.isinf(eroded), np.nan, eroded).astype(np.float64)
