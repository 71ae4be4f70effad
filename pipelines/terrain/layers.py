"""Heights of one kind of surface by cell, with their variance, from points that different surveys declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.ground.cells import lowest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.raster import Frame

__all__ = ["CellHeights", "cell_heights"]

_LEAST_SIGMA_M = 0.01
"""Below this no survey's heights are believed, whatever it declares: weights stay below 10 000."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellHeights:
    """Mean heights of cells, grids of shape (rows, cols)."""

    z: NDArray[np.float64]
    """Mean height weighted by inverse variance, metres, NaN where there is no point."""
    variance: NDArray[np.float64]
    """Variance of that mean, square metres, inf where there is no point: what the survey declares, which more points do
    not lessen, and the scatter in the cell over the number of points."""
    n: NDArray[np.int64]
    """Points."""

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there is a height."""
        return self.n > 0


def cell_heights(
    cells: NDArray[np.int32], z: NDArray[np.float64], sigma_m: NDArray[np.float64], frame: Frame, roughness_m: float
) -> CellHeights:
    """Average points by cell.

    Parameters
    ----------
    cells, z, sigma_m
        Cell, height in metres and declared standard deviation in metres of each point, shape (n,); a cell of -1 is
        left out.
    roughness_m
        Least standard deviation of heights within a cell.

    Notes
    -----
    All sums are of whole numbers below 2**53, so the order of points does not matter.
    """
    size = frame.rows * frame.columns
    inside = cells >= 0
    cells, z, sigma_m = cells[inside], z[inside], sigma_m[inside]
    floor_m = lowest(cells, z, frame.shape).astype(np.float64).ravel()
    above_mm = np.rint(z * 1000.0) - np.rint(floor_m[cells] * 1000.0)
    weight = np.rint(1.0 / np.maximum(sigma_m, _LEAST_SIGMA_M) ** 2)

    def total(values: Any) -> NDArray[np.float64]:
        return np.bincount(cells, weights=values, minlength=size).astype(np.float64)

    n, weights = np.bincount(cells, minlength=size), total(weight)
    mean_mm, first, second = total(weight * above_mm), total(above_mm), total(above_mm * above_mm)
    many = np.maximum(n, 1)
    scatter = np.maximum((second - first * first / many) / many * 1e-6, roughness_m**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (np.rint(floor_m * 1000.0) + mean_mm / weights) / 1000.0
        variance = np.where(n > 0, many / np.maximum(weights, 1.0) + scatter / many, np.inf)
    return CellHeights(z=mean.reshape(frame.shape), variance=variance.reshape(frame.shape), n=n.reshape(frame.shape))
