"""Axis-aligned rectangles in a projected CRS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A half-open rectangle ``xmin <= x < xmax``, ``ymin <= y < ymax``, in metres of a projected CRS.

    Raises
    ------
    ValueError
        If a side is not finite or runs backwards. A side of length zero is allowed: one point has a box.
    """

    xmin: float
    """West side."""
    ymin: float
    """South side."""
    xmax: float
    """East side, not inside."""
    ymax: float
    """North side, not inside."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(side) for side in self):
            raise ValueError(f"bounds must be finite: {tuple(self)}")
        if self.xmax < self.xmin or self.ymax < self.ymin:
            raise ValueError(f"bounds run backwards: {tuple(self)}")

    def __iter__(self) -> Iterator[float]:
        """Yield xmin, ymin, xmax, ymax."""
        return iter((self.xmin, self.ymin, self.xmax, self.ymax))

    @property
    def width_m(self) -> float:
        """Extent along x."""
        return self.xmax - self.xmin

    @property
    def height_m(self) -> float:
        """Extent along y."""
        return self.ymax - self.ymin

    @property
    def center(self) -> tuple[float, float]:
        """Middle point (x, y)."""
        return (self.xmin + self.xmax) / 2, (self.ymin + self.ymax) / 2

    def contains(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points lie inside; shape as `x`."""
        inside: NDArray[np.bool_] = (x >= self.xmin) & (x < self.xmax) & (y >= self.ymin) & (y < self.ymax)
        return inside

    def intersects(self, other: Bounds) -> bool:
        """Whether the two share area."""
        return self.xmin < other.xmax and other.xmin < self.xmax and self.ymin < other.ymax and other.ymin < self.ymax

    def buffered(self, margin_m: float) -> Bounds:
        """Grow by `margin_m` on every side."""
        return Bounds(
            xmin=self.xmin - margin_m, ymin=self.ymin - margin_m, xmax=self.xmax + margin_m, ymax=self.ymax + margin_m
        )

    def snapped(self, step_m: float) -> Bounds:
        """Grow to whole multiples of `step_m` of the global origin."""
        return Bounds(
            xmin=math.floor(self.xmin / step_m) * step_m,
            ymin=math.floor(self.ymin / step_m) * step_m,
            xmax=math.ceil(self.xmax / step_m) * step_m,
            ymax=math.ceil(self.ymax / step_m) * step_m,
        )

    def union(self, other: Bounds) -> Bounds:
        """Return the smallest rectangle around both."""
        return Bounds(
            xmin=min(self.xmin, other.xmin),
            ymin=min(self.ymin, other.ymin),
            xmax=max(self.xmax, other.xmax),
            ymax=max(self.ymax, other.ymax),
        )

    @staticmethod
    def around(x: NDArray[np.float64], y: NDArray[np.float64]) -> Bounds:
        """Return the smallest rectangle whose closure holds the points; needs at least one."""
        if x.size == 0:
            raise ValueError("no points, no bounds")
        return Bounds(xmin=float(x.min()), ymin=float(y.min()), xmax=float(x.max()), ymax=float(y.max()))
