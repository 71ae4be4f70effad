"""The bed as a layer: how thick it is, and whether there is one at all.

Returns of the water itself grow fewer the deeper they lie, so their lower edge is no bed, however well a ground filter
follows it. A bed is a layer that more returns lie in than right above it. Both are told by one histogram for each
place: heights above the filtered surface of the returns around, in thin layers. Sea grass stands above the bed's layer,
0.2 to 0.6 m high, and is thicker than the bed's own noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from pipelines.ground.cells import box_sum
from pipelines.water.banks import BANK_REACH_CELLS
from pipelines.water.things import THING_REACH_CELLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.raster import Frame

__all__ = ["BedLayer", "SeabedParams", "find_bed_layer", "slope_of"]

_LAYER_M = 0.05
_LOWEST_M = -0.30
_N_LAYERS = 30
"""Layers of the histogram, from 0.3 m below the filtered surface to 1.2 m above."""
_FIRST, _LAST = 2, 10
"""Layers in which a bed's densest part lies: within 0.2 m of the filtered surface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeabedParams:
    """Parameters of what is told apart below a water surface."""

    surface_band_m: float = 0.25
    """How far below the local mean of the tops a return still is of the surface, metres (ours: green lasers hear
    nothing of the water in the first 0.2 to 0.3 m below it, so the gap is there)."""
    window_m: float = 6.0
    """Half edge of the square whose returns make one histogram, metres (ours: some hundred returns of the bed)."""
    least_points: int = 12
    """Returns in the bed's layers and those above from which a histogram means something."""
    bed_prominence: float = 0.7
    """Density of the bed's layer over that of the densest 0.15 m up to 1 m above, below which there is no bed (ours:
    fading returns give 0.2 to 0.5, half-hidden beds below grass 1 and more)."""
    tolerance_m: float = 0.10
    """Least half thickness of the bed's layer, metres (ours: ranging noise of 3 cm and what lies on sand)."""
    deviations: float = 2.5
    """Half thickness in standard deviations of the returns below the layer's densest part, which no grass touches."""
    slope_gain: float = 0.5
    """Metres added to the half thickness for each unit of slope (ours: the lowest return of a cell of 1 m)."""
    steep: float = 0.5
    """Slope from which the ground filter's own word is enough: quay walls and dredged banks, where no grass grows."""
    bank_slope: float = 0.25
    """Slope of the lowest returns over 12 m from which they are a bank (ours: haze lies level; dredged sides have 0.3
    to 0.7)."""
    object_height_m: float = 0.7
    """Height above the bed from which a solid thing is a submerged object, metres (ours: above sea grass)."""
    fading_code: int = 45
    """Code of returns under water where no bed was found: 45 (LAS 1.4 topo-bathymetric profile: no bottom found), or 40
    as older deliveries wrote, whose bathymetric points are all that lies below the water's mean level."""

    def __post_init__(self) -> None:
        if self.fading_code not in (40, 45):
            raise ValueError(f"fading_code must be 40 or 45: {self.fading_code}")

    def window_cells(self, cell_m: float) -> int:
        """Half edge of the window in whole cells."""
        return max(1, round(self.window_m / cell_m))

    def reach_m(self, cell_m: float) -> float:
        """Greatest distance from which a point whose water is known can change another's label."""
        return (max(self.window_cells(cell_m) + 1, BANK_REACH_CELLS) + 1 + THING_REACH_CELLS + 1) * cell_m


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BedLayer:
    """The bed's layer in each cell, grids of shape (rows, cols)."""

    is_there: NDArray[np.bool_]
    """False where returns only grow fewer downwards; True too where there are too few to tell."""
    low_m: NDArray[np.float32]
    """Lower bound of heights above the filtered surface; -inf where there are too few returns to tell."""
    high_m: NDArray[np.float32]
    """Upper bound, metres; inf likewise."""
    is_steep: NDArray[np.bool_]
    """Where the bed falls off so steeply that heights above it mean little."""


def find_bed_layer(
    cells: NDArray[np.int32],
    height_m: NDArray[np.float32],
    low: NDArray[np.float32],
    frame: Frame,
    params: SeabedParams,
) -> BedLayer:
    """Find the bed's layer around each cell.

    Parameters
    ----------
    cells, height_m
        Cell and height above the filtered surface of each return below the water surface, shape (n,).
    low
        Lowest ground of each cell, NaN where none: gives the slope.
    frame
        The cells.

    Returns
    -------
    Bounds right wherever the returns within `SeabedParams.window_m` and one cell are given.

    Notes
    -----
    30 box sums: 0.1 s a square kilometre of cells of 2 m.
    """
    layers = np.floor((height_m - _LOWEST_M) / _LAYER_M)
    kept = (layers >= 0) & (layers < _N_LAYERS)
    n_cells = frame.rows * frame.columns
    flat = layers[kept].astype(np.int64) * n_cells + cells[kept]
    counts = np.bincount(flat, minlength=_N_LAYERS * n_cells).reshape(_N_LAYERS, *frame.shape)
    radius = params.window_cells(frame.resolution_m)
    around = np.stack([box_sum(layer, radius) for layer in counts])
    rules = (params.least_points, params.bed_prominence, params.tolerance_m, params.deviations)
    there, lower, upper = _layers(around, *rules)
    slope = slope_of(low, frame.resolution_m)
    lift = np.float32(params.slope_gain) * slope
    return BedLayer(is_there=there, low_m=lower - lift, high_m=upper + lift, is_steep=slope > params.steep)


@numba.njit(cache=True)
def _layers(around: Any, least: int, prominence: float, tolerance_m: float, deviations: float) -> Any:
    n_layers, rows, columns = around.shape
    there = np.ones((rows, columns), np.bool_)
    lower, upper = np.full((rows, columns), np.float32(-np.inf)), np.full((rows, columns), np.float32(np.inf))
    for i in range(rows):
        for j in range(columns):
            here = around[:, i, j]
            total, best, best_k, above = 0, -1, 0, 0
            for k in range(n_layers):
                total += here[k]
            if total < least:
                continue
            for k in range(_FIRST, n_layers - 5):
                three = here[k - 1] + here[k] + here[k + 1]
                if k < _LAST:
                    if three > best:
                        best, best_k = three, k
                elif k > _LAST:
                    above = max(above, three)
            there[i, j] = best >= prominence * above
            n, squared = 0, 0.0
            for k in range(best_k + 1):
                n += here[k]
                squared += here[k] * (best_k - k) ** 2
            spread = _LAYER_M * np.sqrt(squared / max(n, 1) + 0.25)
            half = max(tolerance_m, deviations * spread)
            middle = _LOWEST_M + (best_k + 0.5) * _LAYER_M
            lower[i, j], upper[i, j] = middle - half, middle + half
    return there, lower, upper


def slope_of(low: NDArray[np.float32], cell_m: float) -> NDArray[np.float32]:
    """Greatest of the slopes to the four known neighbours, 0 where none is known."""
    slope = np.zeros(low.shape, np.float32)
    for step in (np.abs(low[1:] - low[:-1]), np.abs(low[:, 1:] - low[:, :-1])):
        step = np.nan_to_num(step) / np.float32(cell_m)
        for side in (slice(None, -1), slice(1, None)):
            index = (side, slice(None)) if step.shape[0] < low.shape[0] else (slice(None), side)
            slope[index] = np.maximum(slope[index], step)
    return slope
