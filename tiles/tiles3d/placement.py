"""Where a point of a projected CRS stands on the Earth, to better than a tenth of a millimetre.

Every vertex takes its own way: (x, y) to longitude and latitude, with the height to Earth-centred coordinates, then
into a local east-north-up frame, all in float64. One affine transform for a whole tile would be off by centimetres
(convergence, scale and the Earth's curvature change over a kilometre).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.crs import HorizontalCrs, require_metres, to_wgs84
from twin.errors import CrsError, DatumError

if TYPE_CHECKING:
    from twin.vertical import VerticalDatum

__all__ = ["Frame", "Heights", "Placement"]

_SEMI_MAJOR_M = 6378137.0
_FLATTENING = 1.0 / 298.257223563
_ECC2 = _FLATTENING * (2.0 - _FLATTENING)
"""WGS 84 (NIMA TR8350.2): semi-major axis, flattening, first eccentricity squared."""

Frame = NDArray[np.float64]
"""Shape (4, 4), rigid: takes local east, north, up (metres) to EPSG:4978. Rows and columns as in mathematics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heights:
    """What the heights that are drawn were measured from.

    3D Tiles know only heights above the ellipsoid. Survey heights are above a geoid-like zero tens of metres off it, so
    the difference is either given or openly left out.

    Raises
    ------
    DatumError
        If ellipsoidal heights are given a separation, which would move them twice.
    """

    vertical: VerticalDatum
    """Datum of the heights that come in."""
    geoid_separation_m: float | None = None
    """Height of the datum's zero above the WGS 84 ellipsoid, metres, one number for the area; take it from the
    national geoid model (Tokyo has about +37 m, Delft about +44 m). None: not known, and drawn as if it were 0."""

    def __post_init__(self) -> None:
        if self.vertical.name == "ellipsoidal" and self.geoid_separation_m not in (None, 0.0):
            raise DatumError(
                f"heights are ellipsoidal already, but a geoid separation of {self.geoid_separation_m} m is given; "
                "drop it"
            )
        if self.geoid_separation_m is not None and not math.isfinite(self.geoid_separation_m):
            raise DatumError(f"geoid separation must be a finite number of metres: {self.geoid_separation_m}")

    @property
    def added_m(self) -> float:
        """What is added to a height before it is drawn, metres."""
        return self.geoid_separation_m or 0.0

    def statement(self) -> dict[str, str | float | None]:
        """Return what a reader of the export must know about its heights, for ``asset.extras``."""
        if self.vertical.name == "ellipsoidal":
            note = "heights are ellipsoidal and drawn as such"
        elif self.geoid_separation_m is None:
            note = (
                f"heights are orthometric above {self.vertical} and are drawn as if they were ellipsoidal: no geoid "
                f"separation was given, so everything stands off by the geoid's height here"
            )
        else:
            note = (
                f"heights in attributes are orthometric above {self.vertical}; for drawing, the geoid separation of "
                f"{self.geoid_separation_m} m was added"
            )
        return {
            "vertical_datum": str(self.vertical),
            "geoid_separation_m": self.geoid_separation_m,
            "heights": note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The way from one projected CRS and its heights to the Earth.

    Raises
    ------
    UnitError
        If the CRS does not count in metres.
    """

    crs: HorizontalCrs
    """CRS of x and y."""
    heights: Heights
    """Datum of z, and what is added to draw it."""

    def __post_init__(self) -> None:
        require_metres(self.crs, "3D Tiles export")

    def ecef(self, x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Earth-centred coordinates (EPSG:4978).

        Parameters
        ----------
        x, y
            Projected coordinates in metres, shape (n,).
        z
            Heights in metres above the datum, shape (n,).

        Returns
        -------
        Shape (n, 3), metres.

        Raises
        ------
        CrsError
            If a point has no place on the Earth in this CRS.
        """
        longitude, latitude = to_wgs84(self.crs.wkt).transform(x, y)
        lon, lat = np.radians(np.asarray(longitude)), np.radians(np.asarray(latitude))
        height = np.asarray(z, dtype=np.float64) + self.heights.added_m
        normal = _SEMI_MAJOR_M / np.sqrt(1.0 - _ECC2 * np.sin(lat) ** 2)
        out = np.empty((len(lon), 3))
        out[:, 0] = (normal + height) * np.cos(lat) * np.cos(lon)
        out[:, 1] = (normal + height) * np.cos(lat) * np.sin(lon)
        out[:, 2] = (normal * (1.0 - _ECC2) + height) * np.sin(lat)
        if not np.isfinite(out).all():
            bad = int(np.flatnonzero(~np.isfinite(out).all(axis=1))[0])
            raise CrsError(f"no place on the Earth for x={x[bad]}, y={y[bad]}, z={z[bad]} in {self.crs.code}")
        return out

    def frame(self, x: float, y: float, z: float = 0.0) -> Frame:
        """Return the east-north-up frame that stands at (x, y) and height `z` above the datum."""
        longitude, latitude = to_wgs84(self.crs.wkt).transform(x, y)
        lon, lat = math.radians(longitude), math.radians(latitude)
        sin_lon, cos_lon, sin_lat, cos_lat = math.sin(lon), math.cos(lon), math.sin(lat), math.cos(lat)
        frame = np.identity(4)
        frame[:3, 0] = -sin_lon, cos_lon, 0.0
        frame[:3, 1] = -sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat
        frame[:3, 2] = cos_lat * cos_lon, cos_lat * sin_lon, sin_lat
        frame[:3, 3] = self.ecef(np.array([x]), np.array([y]), np.array([z]))[0]
        return frame

    def local(
        self, frame: Frame, x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return east, north, up in `frame`, shape (n, 3), metres."""
        rotated: NDArray[np.float64] = (self.ecef(x, y, z) - frame[:3, 3]) @ frame[:3, :3]
        return rotated
