"""Refraction of files that are declared uncorrected: undone while points are placed, and said in the source's record.

Nothing in a file tells whether its depths are corrected, so nobody guesses: without the declaration no point is moved.
Three things must be known. The water's level, one for all files of a call (a tide that rose between flights needs two
calls). The beam's direction: from a trajectory, or, for the depth alone, from the scan angle. And where water is: land
below the sea's level, behind a dike, would be lifted too, so an outline of the water can be given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely

from pipelines.refraction import unrefracted, water_index
from tiles.atomic import tree_checksum
from tiles.las_records import SCAN_ANGLE_UNIT_DEG, record_dtype
from twin.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.ingest.params import IngestParams
    from tiles.pointfiles import PointHeader
    from twin.crs import HorizontalCrs

__all__ = ["Refraction", "bent_back", "declared_refraction"]

_WIDEST_GAP_S = 2.0
"""Longest way between two fixes of a trajectory that is interpolated, seconds: an aircraft flies 150 m."""
_STEEPEST_DEG = 45.0
"""Beams farther from the vertical than this are no bathymetry: such an angle is a fault of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refraction:
    """How refraction is undone, by values that name a result."""

    level_m: float
    """Height of the water surface, metres above the store's datum."""
    water: Literal["sea", "fresh"]
    """Which water."""
    temperature_c: float
    """Of the water, degrees Celsius."""
    trajectory: str = ""
    """File of times and positions; empty if only the scan angle is known."""
    trajectory_digest: str = ""
    """Of its bytes."""
    area: str = ""
    """Outline of the water in the store's CRS, WKB in hexadecimal digits; empty if all that is low is water."""

    def as_json(self) -> dict[str, Any]:
        """Return what a source's record says."""
        index = water_index(self.water, self.temperature_c)
        return {
            "level_m": self.level_m,
            "phase_index": round(index.phase, 5),
            "group_index": round(index.group, 5),
            "beam": f"trajectory {Path(self.trajectory).name}" if self.trajectory else "scan angle: depths only",
            "trajectory_digest": self.trajectory_digest,
            "within_outline": bool(self.area),
        }


def declared_refraction(params: IngestParams, header: PointHeader, crs: HorizontalCrs) -> Refraction | None:
    """Return how a file's refraction is undone; None unless it is declared uncorrected.

    Raises
    ------
    ConfigError
        If the level of the water is not stated, or a file cannot be read.
    FormatError
        If the points carry neither times for the trajectory nor scan angles.
    """
    if params.refraction == "corrected":
        return None
    name = header.path.name
    if params.water_level_m is None:
        raise ConfigError(
            f"{name}: declared uncorrected for refraction, but the height of the water surface is not known; state it"
            " in the store's datum with --set ingest.water_level_m=METRES"
        )
    held = record_dtype(header.point_format, header.dtype_extra).names or ()
    if params.trajectory and "gps_time" not in held:
        raise FormatError(f"{name}: point format {header.point_format} has no GPS time to look the trajectory up by")
    return Refraction(
        level_m=params.water_level_m,
        water=params.water,
        temperature_c=params.water_temperature_c,
        trajectory=params.trajectory,
        trajectory_digest=_digest(params.trajectory) if params.trajectory else "",
        area=_outline(params.water_area, crs) if params.water_area else "",
    )


def bent_back(
    xyz: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    records: NDArray[Any],
    point_format: int,
    refraction: Refraction,
    name: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return true coordinates of points below the water, metres in the store's CRS and datum, shapes (n,).

    Raises
    ------
    FormatError
        If a point has no beam direction: its time is not in the trajectory, or no scan angle is written.
    """
    wet = xyz[2] < refraction.level_m
    if refraction.area and wet.any():
        outline = _area(refraction.area)
        wet[wet] = shapely.contains_xy(outline, xyz[0][wet], xyz[1][wet])
    if not wet.any():
        return xyz
    x, y, z = (values[wet] for values in xyz)
    if refraction.trajectory:
        towards = _from_trajectory((x, y, z), records["gps_time"][wet], refraction, name)
    else:
        towards = _from_scan_angle(records["scan_angle"][wet], point_format, name)
    index = water_index(refraction.water, refraction.temperature_c)
    true = unrefracted((x, y, z), towards, refraction.level_m, index)
    moved = tuple(values.copy() for values in xyz)
    for values, corrected in zip(moved, true, strict=True):
        values[wet] = corrected
    return moved[0], moved[1], moved[2]


def _from_trajectory(
    xyz: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    time_s: NDArray[np.float64],
    refraction: Refraction,
    name: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return unit vectors towards the sensor."""
    fixes = _trajectory(refraction.trajectory, refraction.trajectory_digest)
    after = np.searchsorted(fixes[:, 0], time_s)
    inside = (after > 0) & (after < len(fixes))
    at = np.clip(after, 1, len(fixes) - 1)
    if not (inside & (fixes[at, 0] - fixes[at - 1, 0] <= _WIDEST_GAP_S)).all():
        raise FormatError(
            f"{name}: points of GPS time {time_s.min():.3f} to {time_s.max():.3f} s, the trajectory"
            f" {Path(refraction.trajectory).name} runs from {fixes[0, 0]:.3f} to {fixes[-1, 0]:.3f} s, and fixes at"
            f" most {_WIDEST_GAP_S:g} s apart are needed; is it of this flight, and in the same time?"
        )
    way = [np.interp(time_s, fixes[:, 0], fixes[:, k + 1]) - xyz[k] for k in range(3)]
    length = np.sqrt(way[0] ** 2 + way[1] ** 2 + way[2] ** 2)
    east, north, up = (part / length for part in way)
    if not (up > np.cos(np.radians(_STEEPEST_DEG))).all():
        raise FormatError(
            f"{name}: the trajectory {Path(refraction.trajectory).name} passes more than {_STEEPEST_DEG:g} degrees from"
            " the vertical of some points; is it in the store's CRS and datum?"
        )
    return east, north, up


def _from_scan_angle(
    angle: NDArray[Any], point_format: int, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Only the upward part: without a trajectory nobody knows which way the beam leans, so points stay in place."""
    degrees = np.abs(angle.astype(np.float64)) * (1.0 if point_format < 6 else SCAN_ANGLE_UNIT_DEG)
    if not degrees.any():
        raise FormatError(
            f"{name}: all scan angles are 0; give the flight's trajectory with --set ingest.trajectory=FILE"
        )
    if degrees.max() > _STEEPEST_DEG:
        raise FormatError(
            f"{name}: a scan angle of {degrees.max():.1f} degrees; at most {_STEEPEST_DEG:g} is bathymetry"
        )
    nothing = np.zeros(len(degrees))
    return nothing, nothing, np.cos(np.radians(degrees))


def _digest(path: str) -> str:
    try:
        return tree_checksum(Path(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


@lru_cache(maxsize=4)
def _trajectory(path: str, digest: str) -> NDArray[np.float64]:
    """Read fixes by time: seconds, x, y, z; shape (n, 4)."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        rows = [line.replace(",", " ").split()[:4] for line in lines if line.strip()]
        if rows and any(not _is_number(word) for word in rows[0]):
            rows = rows[1:]
        fixes = np.array(rows, np.float64)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: no trajectory ({error}); wanted are lines of time, x, y, z") from None
    if fixes.ndim != 2 or fixes.shape[1] != 4 or len(fixes) < 2 or (np.diff(fixes[:, 0]) <= 0).any():
        raise ConfigError(f"{path}: no trajectory; wanted are two or more lines of time, x, y, z, times growing")
    return fixes


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _outline(path: str, crs: HorizontalCrs) -> str:
    from tiles.vectors import read_shapes

    shapes = [shape.geometry for shape in read_shapes(Path(path), crs) if shape.geometry is not None]
    if not shapes:
        raise ConfigError(f"{path}: no outline of water in it")
    return str(shapely.to_wkb(shapely.union_all(shapely.make_valid(shapes)), hex=True))


@lru_cache(maxsize=4)
def _area(wkb: str) -> Any:
    area = shapely.from_wkb(wkb)
    shapely.prepare(area)
    return area
