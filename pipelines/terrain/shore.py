"""Where land and bed meet: the step between them, measured, and drawn together where it is an error.

Land and bed come from different sensors, with different datums, geoids and refraction behind them, so their heights
differ at the shore by some centimetres. The step is what is left of a common plane: heights around a place at the shore
are fitted by a plane and a constant for the bed, so a beach's own fall is not taken for a step. Where it is small
against both variances, each side gives way by its share of the variance, full at the shore and fading inland and
seaward. A larger step is a quay wall or a wrong datum: it is counted and left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numba
import numpy as np

from pipelines.ground.cells import box_sum
from pipelines.objects.masks import grow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pipelines.terrain.layers import CellHeights
    from pipelines.terrain.params import TerrainParams
    from twin.raster import Frame

__all__ = ["Merged", "ShoreSteps", "merge"]

_MOST_M = 5.0
"""Steps beyond this count as this in the report."""
_LATTICE_M = 1.0
"""Distance of the places at which a step is measured, metres."""
_MICRO = 1e6
_LEAST_CELLS, _LEAST_SHARE = 12, 0.25
"""Cells that a fit needs, and the share of them that each side must have."""
_WORST_FIT_M = 0.25
"""Standard deviation about the plane from which a shore is too rough to measure a step, metres."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Merged:
    """Land and bed as one surface, grids of shape (rows, cols)."""

    z: NDArray[np.float64]
    """Height, metres, NaN where neither was measured."""
    moved: NDArray[np.bool_]
    """Cells whose height the other surface changed by half a centimetre or more."""
    step_m: NDArray[np.float64]
    """Land minus bed at the shore, metres, NaN where there is none to measure."""
    is_real: NDArray[np.bool_]
    """Where that step is larger than both variances explain: not blended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShoreSteps:
    """Steps along shores, as counts by whole centimetres that add up in any order."""

    counts: Mapping[int, int]
    """Cells of the shore by absolute step in whole centimetres."""
    n_real: int
    """Cells whose step was not blended."""

    @staticmethod
    def of(step_m: NDArray[np.float64], is_real: NDArray[np.bool_]) -> ShoreSteps:
        """Count the steps of some cells."""
        known = ~np.isnan(step_m)
        size_cm = np.rint(np.minimum(np.abs(step_m[known]), _MOST_M) * 100.0).astype(np.int64)
        values, n = np.unique(size_cm, return_counts=True)
        return ShoreSteps(
            counts=dict(zip(values.tolist(), n.tolist(), strict=True)), n_real=int((is_real & known).sum())
        )

    @staticmethod
    def total(parts: Iterable[ShoreSteps]) -> ShoreSteps:
        """Add up the steps of tiles."""
        counts: dict[int, int] = {}
        n_real = 0
        for part in parts:
            n_real += part.n_real
            for size_cm, n in part.counts.items():
                counts[size_cm] = counts.get(size_cm, 0) + n
        return ShoreSteps(counts=counts, n_real=n_real)

    def as_json(self) -> dict[str, Any]:
        """Return what a report says: cells, median and 95th percentile in metres, share that was not blended."""
        sizes = np.array(sorted(self.counts), np.int64)
        n = np.array([self.counts[int(size)] for size in sizes], np.int64)
        cells = int(n.sum())
        if not cells:
            return {"cells": 0}
        below = np.cumsum(n)
        median, p95 = (float(sizes[np.searchsorted(below, share * cells)]) / 100.0 for share in (0.5, 0.95))
        return {"cells": cells, "median_m": median, "p95_m": p95, "not_blended_share": round(self.n_real / cells, 6)}


def merge(land: CellHeights, bed: CellHeights, frame: Frame, params: TerrainParams) -> Merged:
    """Merge land and bed.

    Parameters
    ----------
    land, bed
        Heights of cells of one datum.
    frame
        The cells: steps are measured on a lattice of about a metre that is anchored globally.

    Returns
    -------
    Heights right wherever every cell within `TerrainParams.blend_m`, `shore_m` and `fit_m` together is given.

    Notes
    -----
    Nothing to do costs two passes; a shore costs 10 ms for 100 m of it.
    """
    resolution_m = frame.resolution_m
    z, moved = _in_one_cell(land, bed, params.blend_deviations)
    step, is_real = np.full(z.shape, np.nan), np.zeros(z.shape, bool)
    reach = max(1, round(params.shore_m / resolution_m))
    at_shore = bed.known & grow(land.known, reach)
    if not at_shore.any():
        return Merged(z=z, moved=moved, step_m=step, is_real=is_real)
    radius = max(2, round(params.fit_m / resolution_m))
    step = np.asarray(_steps(land.z, bed.z, at_shore & _lattice(frame), radius, resolution_m))
    variances = [_mean_around(side.variance, side.known, radius) for side in (land, bed)]
    with np.errstate(invalid="ignore"):
        is_real = np.abs(step) > params.blend_deviations * np.sqrt(variances[0] + variances[1])
    share = variances[0] / np.maximum(variances[0] + variances[1], 1.0 / _MICRO)
    error = _mean_around(
        step, ~np.isnan(step) & ~is_real, max(1, round((params.blend_m + params.shore_m) / resolution_m))
    )
    both = land.known & bed.known
    for side, other, part in ((land, bed, -share), (bed, land, 1.0 - share)):
        away_m = (
            cv2.distanceTransform((~other.known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * resolution_m
        )
        fading = np.clip(1.0 - (away_m - resolution_m) / params.blend_m, 0.0, 1.0)
        change = np.where(side.known & ~both, np.nan_to_num(error * part * fading), 0.0)
        z, moved = z + change, moved | (np.abs(change) >= 0.005)
    return Merged(z=z, moved=moved, step_m=step, is_real=is_real & ~np.isnan(step))


def _lattice(frame: Frame) -> NDArray[np.bool_]:
    """Cells of which there is one a metre along each axis, the same whatever the window."""
    stride = max(1, round(_LATTICE_M / frame.resolution_m))
    rows = (frame.row0 + frame.rows - 1 - np.arange(frame.rows)) % stride == 0
    columns = (frame.column0 + np.arange(frame.columns)) % stride == 0
    chosen: NDArray[np.bool_] = rows[:, None] & columns[None, :]
    return chosen


def _in_one_cell(
    land: CellHeights, bed: CellHeights, deviations: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Inverse-variance mean where both are in a cell and agree; the mean of all points where they do not."""
    both = land.known & bed.known
    z = np.where(land.known, land.z, bed.z)
    if not both.any():
        return z, both
    za, zb, va, vb = land.z[both], bed.z[both], land.variance[both], bed.variance[both]
    agree = np.abs(za - zb) <= deviations * np.sqrt(va + vb)
    na, nb = land.n[both], bed.n[both]
    z[both] = np.where(agree, (za * vb + zb * va) / (va + vb), (za * na + zb * nb) / (na + nb))
    return z, both


def _mean_around(values: NDArray[np.float64], chosen: NDArray[np.bool_], radius: int) -> NDArray[np.float64]:
    """Mean of the chosen cells in a square, summed in whole millionths, NaN where there is none."""
    whole = np.rint(np.where(chosen, values, 0.0) * _MICRO).astype(np.int64)
    n = box_sum(chosen.astype(np.int64), radius)
    return np.where(n > 0, box_sum(whole, radius) / np.maximum(n, 1) / _MICRO, np.nan)


@numba.njit(cache=True)
def _steps(land: Any, bed: Any, asked: Any, radius: int, cell_m: float) -> Any:
    """Constant between land and bed about a common plane, NaN where one side is thin or the fit is poor."""
    rows, columns = land.shape
    step = np.full((rows, columns), np.nan)
    products = np.empty((5, 5))
    for i in range(rows):
        for j in range(columns):
            if asked[i, j]:
                origin = land[i, j] if land[i, j] == land[i, j] else bed[i, j]
                products[:] = 0.0
                _add_products(products, land, (i, j, radius, 1.0), origin, cell_m)
                _add_products(products, bed, (i, j, radius, 0.0), origin, cell_m)
                step[i, j] = _constant(products)
    return step


@numba.njit(cache=True)
def _add_products(products: Any, heights: Any, where: Any, origin: float, cell_m: float) -> None:
    """Add the products of (1, u, v, side, z) of every known cell in a square, in the order of rows."""
    i, j, radius, side = where
    rows, columns = heights.shape
    one = np.ones(5)
    one[3] = side
    for a in range(max(0, i - radius), min(rows, i + radius + 1)):
        one[2] = (i - a) * cell_m
        for b in range(max(0, j - radius), min(columns, j + radius + 1)):
            one[4] = heights[a, b] - origin
            if one[4] == one[4]:
                one[1] = (b - j) * cell_m
                for k in range(5):
                    for m in range(k, 5):
                        products[k, m] += one[k] * one[m]


@numba.njit(cache=True)
def _constant(products: Any) -> float:
    """Eliminate plane and constant from their normal equations; the constant, NaN where it is not determined."""
    n, n_land = products[0, 0], products[3, 3]
    if n < _LEAST_CELLS or _LEAST_SHARE * n > min(n_land, n - n_land):
        return np.nan
    for k in range(4):
        pivot = products[k, k]
        if pivot < 1e-3 * n:
            return np.nan
        for a in range(k + 1, 5):
            factor = products[k, a] / pivot
            for b in range(a, 5):
                products[a, b] -= factor * products[k, b]
    if products[4, 4] > _WORST_FIT_M**2 * n:
        return np.nan
    return float(products[3, 4] / products[3, 3])
