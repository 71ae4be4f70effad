"""Heights of overlapping strips against each other, in cells where a difference means something.

A cell is compared if both strips have at least two last returns there, their heights scatter little, and the strip's
own neighbouring cells are about as high: roofs' and walls' edges, vegetation, cars and steep slopes drop out. The
outermost cells of a block have neighbours in another one and are left out (1.6 %); blocks lie fast, so that a result
does not depend on how work was cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["N_BINS", "PairSums", "comparable_heights", "compare"]

N_BINS, _BIN_MM = 1024, 5.0
"""Histogram of differences: 5 mm bins from -2.56 to 2.56 m, the outermost ones open."""


@dataclass(slots=True, kw_only=True, eq=False)
class PairSums:
    """Differences of one pair of strips (later minus earlier number); sums add up in any order."""

    n: int = 0
    total: int = 0
    """Sum in 0.01 mm."""
    square: int = 0
    """Sum of squares in 0.0001 mm2."""
    bins: NDArray[np.int64]
    """Shape (N_BINS,)."""

    def add(self, other: PairSums) -> None:
        """Take in the sums of another block."""
        self.n += other.n
        self.total += other.total
        self.square += other.square
        self.bins += other.bins

    @property
    def mean_m(self) -> float:
        """Mean difference."""
        return self.total / self.n * 1e-5

    @property
    def rmse_m(self) -> float:
        """Root mean square of the differences."""
        return float(np.sqrt(self.square / self.n)) * 1e-5

    @property
    def median_m(self) -> float:
        """Median difference, interpolated within its bin of 5 mm."""
        return self.quantile_m(0.5)

    def quantile_m(self, share: float) -> float:
        """Return the difference that a share of the cells stays below."""
        ends = np.cumsum(self.bins)
        at = int(np.searchsorted(ends, share * self.n))
        before = ends[at - 1] if at else 0
        inside = (share * self.n - before) / max(1, self.bins[at])
        return float((at - N_BINS // 2 + inside) * _BIN_MM * 1e-3)


def comparable_heights(
    heights: NDArray[np.int32],
    sums: NDArray[np.int64],
    squares: NDArray[np.int64],
    spread_mm: float,
    relief_mm: float,
) -> NDArray[np.float64]:
    """Return a strip's mean height of each cell that may be compared, mm; NaN elsewhere.

    Parameters
    ----------
    heights, sums, squares
        Points, sum and sum of squares (mm, mm2) of each cell of a block, shape (rows, columns).
    spread_mm
        Greatest standard deviation in the cell.
    relief_mm
        Greatest step to a neighbouring cell; at least five of eight must be there.
    """
    result: NDArray[np.float64] = _comparable(heights, sums, squares, spread_mm, relief_mm)
    return result


def compare(
    earlier: NDArray[np.float64], later: NDArray[np.float64], total: NDArray[np.int64], count: NDArray[np.int32]
) -> PairSums | None:
    """Sum up the differences of two strips; None if no cell has both.

    Parameters
    ----------
    earlier, later
        From `comparable_heights`.
    total, count
        Shape (rows, columns): differences (0.01 mm) and their number, added to in place, for a map.
    """
    bins = np.zeros(N_BINS, np.int64)
    n, difference, square = _compare(earlier, later, total, count, bins)
    return PairSums(n=int(n), total=int(difference), square=int(square), bins=bins) if n else None


@numba.njit(cache=True, nogil=True)
def _comparable(heights: Any, sums: Any, squares: Any, spread_mm: float, relief_mm: float) -> Any:  # noqa: C901 - a kernel
    rows, columns = heights.shape
    mean = np.full((rows, columns), np.nan)
    for i in range(rows):
        for j in range(columns):
            if heights[i, j]:
                mean[i, j] = sums[i, j] / heights[i, j]
    result = np.full((rows, columns), np.nan)
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            n = heights[i, j]
            if n < 2:
                continue
            m = mean[i, j]
            # Var = (n * sum of squares - square of sum) / n^2, in integers: heights of kilometres lose nothing.
            scatter = float(n * squares[i, j] - sums[i, j] * sums[i, j]) / (float(n) * float(n - 1))
            if scatter > spread_mm * spread_mm:
                continue
            near, is_smooth = 0, True
            for a in range(i - 1, i + 2):
                for b in range(j - 1, j + 2):
                    if heights[a, b]:
                        near += 1
                        if abs(mean[a, b] - m) > relief_mm:
                            is_smooth = False
            if is_smooth and near >= 6:
                result[i, j] = m
    return result


@numba.njit(cache=True, nogil=True)
def _compare(earlier: Any, later: Any, total: Any, count: Any, bins: Any) -> Any:
    n, difference, square = 0, np.int64(0), np.int64(0)
    rows, columns = earlier.shape
    for i in range(rows):
        for j in range(columns):
            d = later[i, j] - earlier[i, j]
            if np.isnan(d):
                continue
            # Beyond 100 m it is no height of the same thing; squares of more would not fit either.
            whole = np.int64(np.rint(min(max(d, -1e5), 1e5) * 100.0))
            n += 1
            difference += whole
            square += whole * whole
            at = np.int64(np.floor(d / 5.0)) + bins.size // 2
            bins[min(max(at, 0), bins.size - 1)] += 1
            total[i, j] += whole
            count[i, j] += 1
    return n, difference, square
