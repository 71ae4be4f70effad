"""A grid of height differences over longitude and latitude, with voids, and its values between the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_NODES", "GeoidGrid", "exact_step"]

MAX_NODES = 40_000_000
"""Nodes that a grid may have, 320 MB: EGM2008 at 2.5' has 37 million; more is a slip, or needs cutting."""
_LARGEST_M = 250.0
"""No geoid stands farther from its ellipsoid: EGM2008 lies between -107 and +86 m."""
_ON_NODE = 1e-7
"""Cells within which a place counts as on a node, 0.2 mm on a 2 km grid: what is lost in computing with degrees."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeoidGrid:
    """Heights of one datum's zero above another's, on nodes of longitude and latitude.

    Values are those *at* nodes: a reader of a file that counts in cells gives the centres of cells as nodes.

    Raises
    ------
    FormatError
        If the nodes are no grid on the globe, there is no value at all, or values are no heights in metres.
    """

    west_deg: float
    """Longitude of the first column of nodes, degrees east."""
    south_deg: float
    """Latitude of the first row of nodes, degrees north."""
    step_lon_deg: float
    """Degrees between columns."""
    step_lat_deg: float
    """Degrees between rows."""
    values: NDArray[np.float64]
    """Metres, shape (rows, columns), rows from south to north, columns from west to east; NaN is void."""
    name: str = ""
    """What the file is called, for messages."""
    model: str = ""
    """What the file says it is, such as ``JPGEO2024``; empty if it does not say."""
    base: str = ""
    """Datum above whose zero the values are, such as ``ellipsoidal``; empty if the file does not say."""
    surface: str = ""
    """Datum whose zero the values are the height of, such as ``TP@JGD2024``; empty if the file does not say."""

    def __post_init__(self) -> None:
        rows, columns = self.values.shape
        if rows < 2 or columns < 2 or rows * columns > MAX_NODES:
            raise FormatError(f"{self.name}: {rows} rows of {columns} nodes; a grid has 2 each way to {MAX_NODES:,}")
        if not (self.step_lon_deg > 0 and self.step_lat_deg > 0):
            raise FormatError(f"{self.name}: steps of {self.step_lon_deg}, {self.step_lat_deg} degrees")
        south, north = self.south_deg, self.north_deg
        if not (-90.01 <= south < north <= 90.01):
            raise FormatError(
                f"{self.name}: latitudes from {south:g} to {north:g}; are latitude and longitude swapped in the file?"
            )
        if not (self.west_deg >= -360.01 and self.east_deg <= 540.01 and self.east_deg - self.west_deg <= 360.01):
            raise FormatError(f"{self.name}: longitudes from {self.west_deg:g} to {self.east_deg:g}")
        known = self.values[np.isfinite(self.values)]
        if known.size == 0:
            raise FormatError(f"{self.name}: every node is void")
        if np.abs(known).max() > _LARGEST_M:
            raise FormatError(
                f"{self.name}: a value of {known[np.abs(known).argmax()]:g}; no height between datums in metres is so"
                " large, so its mark of a void, or its unit, is not what the file says"
            )

    @property
    def north_deg(self) -> float:
        """Latitude of the last row."""
        return float(self.south_deg + self.step_lat_deg * (self.values.shape[0] - 1))

    @property
    def east_deg(self) -> float:
        """Longitude of the last column."""
        return float(self.west_deg + self.step_lon_deg * (self.values.shape[1] - 1))

    def at(self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the heights at places, bilinear between the four nodes around each.

        A void is not bridged: where a node that counts is void there is no value. A place on a node needs only that.

        Parameters
        ----------
        longitude, latitude
            Degrees, shape (n,), in the geographic CRS of the grid (JGD2011 for those of GSI; WGS 84 and it differ by
            less than the grid can show). Longitudes may count from 0 or from -180.

        Returns
        -------
        ndarray
            Metres, shape (n,); NaN outside the nodes, and where a node that counts is void.

        Notes
        -----
        About 60 ns a place, and 80 bytes.
        """
        rows, columns = self.values.shape
        around = columns * self.step_lon_deg >= 360.0 - 1e-9  # the globe: the last column's neighbour is the first
        u = np.mod(np.asarray(longitude, dtype=np.float64) - self.west_deg, 360.0)
        u = np.where(u > 360.0 - _ON_NODE * self.step_lon_deg, 0.0, u) / self.step_lon_deg
        v = (np.asarray(latitude, dtype=np.float64) - self.south_deg) / self.step_lat_deg
        u, v = _snapped(u), _snapped(v)
        inside = (u >= 0) & (u <= (columns if around else columns - 1)) & (v >= 0) & (v <= rows - 1)
        u, v = np.where(inside, u, 0.0), np.where(inside, v, 0.0)
        column, row = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        column = np.minimum(column, columns - 1)
        right = (column + 1) % columns if around else np.minimum(column + 1, columns - 1)
        above = np.minimum(row + 1, rows - 1)
        s, t = u - column, v - row
        total = np.zeros(u.shape)
        for weight, i, j in (
            ((1 - s) * (1 - t), row, column),
            (s * (1 - t), row, right),
            ((1 - s) * t, above, column),
            (s * t, above, right),
        ):
            total += np.where(weight > 0, weight * self.values[i, j], 0.0)  # a void without weight does not count
        return np.where(inside, total, np.nan)

    def __str__(self) -> str:
        """Say what it is and where it lies."""
        box = f"{self.west_deg:g} to {self.east_deg:g} E, {self.south_deg:g} to {self.north_deg:g} N"
        return f"{self.name} ({f'{self.model}, ' if self.model else ''}{box})"


def exact_step(rounded_deg: float) -> float:
    """Return the step that a rounded one stands for: a whole number of nodes a degree, if that rounds to it.

    GSI writes 1/60 as 0.016667; over 30 degrees that would be 60 m too far north.

    Examples
    --------
    >>> exact_step(0.016667) == 1 / 60, exact_step(0.025), exact_step(0.3)
    (True, 0.025, 0.3)
    """
    if not rounded_deg > 0:
        return rounded_deg
    whole = round(1.0 / rounded_deg)
    return 1.0 / whole if whole and abs(1.0 / whole - rounded_deg) < 1e-6 else rounded_deg


def _snapped(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places in cells, those next to a node on it."""
    nearest = np.rint(cells)
    return np.where(np.abs(cells - nearest) < _ON_NODE, nearest, cells)
