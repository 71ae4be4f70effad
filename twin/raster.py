"""Georeferenced 2-D arrays on a globally anchored frame.

Every raster of a store has the same cells as every other of its resolution, because cell edges are whole multiples of
the resolution from the CRS origin. Row 0 is the *northern* row, as in GeoTIFF.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.bounds import Bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.vertical import VerticalDatum

__all__ = ["Frame", "Raster"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Which cells a raster has: global column of its west edge, global row of its south edge, and its shape.

    Cell (row r, column c) covers x from ``(column0 + c) * resolution_m`` and y from
    ``(row0 + rows - 1 - r) * resolution_m``, each one resolution wide.
    """

    column0: int
    """Global index of the westernmost column: x / resolution."""
    row0: int
    """Global index of the *southernmost* row: y / resolution."""
    rows: int
    columns: int
    resolution_m: float

    @staticmethod
    def covering(bounds: Bounds, resolution_m: float) -> Frame:
        """Return the smallest frame that covers `bounds`."""
        column0, row0 = math.floor(bounds.xmin / resolution_m), math.floor(bounds.ymin / resolution_m)
        return Frame(
            column0=column0,
            row0=row0,
            rows=max(1, math.ceil(bounds.ymax / resolution_m) - row0),
            columns=max(1, math.ceil(bounds.xmax / resolution_m) - column0),
            resolution_m=resolution_m,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, self.columns

    @property
    def bounds(self) -> Bounds:
        """Outer edges of the cells."""
        step = self.resolution_m
        return Bounds(
            xmin=self.column0 * step,
            ymin=self.row0 * step,
            xmax=(self.column0 + self.columns) * step,
            ymax=(self.row0 + self.rows) * step,
        )

    @property
    def geotransform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients (a, b, c, d, e, f) as rasterio's ``Affine`` takes them."""
        step = self.resolution_m
        return step, 0.0, self.column0 * step, 0.0, -step, (self.row0 + self.rows) * step

    def cells_of(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """(row, column, inside) of each point; rows and columns are only meaningful where inside.

        Indices come from absolute coordinates, so a point falls in the same global cell in every frame.
        """
        column = np.floor(x / self.resolution_m).astype(np.int64) - self.column0
        row = self.rows - 1 - (np.floor(y / self.resolution_m).astype(np.int64) - self.row0)
        inside: NDArray[np.bool_] = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        return row, column, inside

    def window_of(self, inner: Frame) -> tuple[slice, slice]:
        """Row and column slices of `inner` within this frame.

        Raises
        ------
        ValueError
            If `inner` has another resolution or sticks out.
        """
        top = (self.row0 + self.rows) - (inner.row0 + inner.rows)
        left = inner.column0 - self.column0
        fits = top >= 0 and top + inner.rows <= self.rows and left >= 0 and left + inner.columns <= self.columns
        if inner.resolution_m != self.resolution_m or not fits:
            raise ValueError(f"{inner} does not lie inside {self}")
        return slice(top, top + inner.rows), slice(left, left + inner.columns)

    def centers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cell centres: x of each column (west to east), y of each row (north to south)."""
        x = (self.column0 + np.arange(self.columns, dtype=np.float64) + 0.5) * self.resolution_m
        y = (self.row0 + self.rows - 1 - np.arange(self.rows, dtype=np.float64) + 0.5) * self.resolution_m
        return x, y


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raster:
    """A 2-D array on a frame, with the CRS and, for heights, the vertical datum of its values."""

    values: NDArray[Any]
    """Shape (rows, columns), row 0 in the north; no data is NaN for floats."""
    frame: Frame
    crs: str
    """Horizontal CRS as an authority code or WKT2."""
    vertical: VerticalDatum | None = None
    """Datum of the values if they are heights; None for depths, counts and classes."""

    def __post_init__(self) -> None:
        if self.values.shape != self.frame.shape:
            raise ValueError(f"values have shape {self.values.shape}, the frame {self.frame.shape}")

    def sample(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value of the cell that holds each point, NaN outside; shape as `x`."""
        row, column, inside = self.frame.cells_of(x, y)
        out = np.full(np.shape(x), np.nan)
        out[inside] = self.values[row[inside], column[inside]]
        return out
