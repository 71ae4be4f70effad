"""Points in E57 files, scan by scan, each turned and moved to where its scanner stood (ASTM E2807).

Points that the scanner marked as invalid are left out. A scan is a stream that cannot be entered in the middle, so one
scan is one task; several run side by side. Decoding is libE57, by `pye57`, an optional dependency (extra ``e57``).
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tiles.point_header import PointHeader
from tiles.pointfiles.records import Extent, counting, records_of
from twin.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tiles.point_header import ReadParams

__all__ = ["E57Header", "Scan", "read_chunks", "read_header"]

_PIECE_ROWS = 250_000
"""Points decoded at once: 20 MB."""
_CARTESIAN = ("cartesianX", "cartesianY", "cartesianZ")
_SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
_COLOURS = {"colorRed": "red", "colorGreen": "green", "colorBlue": "blue"}
_INVALID = ("cartesianInvalidState", "sphericalInvalidState")
_KEPT = {"intensity", "timeStamp", "returnIndex", "returnCount", *_COLOURS, *_INVALID, *_CARTESIAN, *_SPHERICAL}
_GPS_BILLION = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the file says of one scan."""

    number: int
    first: int
    """Row of its first point, counted over all scans."""
    n_points: int
    fields: tuple[str, ...]
    rotation: tuple[tuple[float, float, float], ...]
    """Rows of the matrix that turns its points."""
    translation: tuple[float, float, float]
    """Where its scanner stood."""
    intensity: tuple[float, float]
    """Least and greatest intensity that it can have."""
    colour: tuple[float, float]
    started: float
    """GPS seconds at its begin; 0 if it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class E57Header(PointHeader):
    """What a reading of the coordinates found."""

    scans: tuple[Scan, ...]


def read_header(path: Path, reading: ReadParams) -> PointHeader:
    """Read a file's scans, and their coordinates once for their box.

    Raises
    ------
    FormatError
        If it is no E57 file, holds no scans with coordinates, or is broken.
    ConfigError
        If `pye57` is not installed.
    """
    del reading
    with _opened(path) as (image, library):
        scans = _scans(path, image, library)
        crs_text = _text(image.root(), "coordinateMetadata").strip()
        extent, n_invalid = Extent(), 0
        for scan in scans:
            for _, columns, good in _pieces(image, library, scan, (*_CARTESIAN, *_SPHERICAL, *_INVALID)):
                n_invalid += int(np.count_nonzero(~good))
                extent.add(_placed(scan, columns, good))
    low, high = extent.box()
    scale, offset = counting(path.name, low, high)
    has_colour = any(_has_colour(scan) for scan in scans)
    left = sorted({name for scan in scans for name in scan.fields} - _KEPT)
    return E57Header(
        path=path,
        size=path.stat().st_size,
        file_format="E57",
        point_format=7 if has_colour else 6,
        n_points=sum(scan.n_points for scan in scans),
        scale=scale,
        offset=offset,
        mins=low,
        maxs=high,
        standard_gps_time=any("timeStamp" in scan.fields for scan in scans) and all(scan.started > 0 for scan in scans),
        crs_text=crs_text,
        notes=tuple(_notes(scans, n_invalid, left, scale[0])),
        selected=tuple((scan.first, scan.first + scan.n_points) for scan in scans if scan.n_points),
        is_seekable=False,
        scans=scans,
    )


def read_chunks(
    header: PointHeader, start: int, stop: int, chunk_rows: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Yield (rows, records)."""
    e57 = cast("E57Header", header)
    with _opened(e57.path) as (image, library):
        for scan in e57.scans:
            if scan.first >= stop or scan.first + scan.n_points <= start:
                continue
            for first, columns, good in _pieces(image, library, scan, tuple(_KEPT)):
                rows = scan.first + first + np.arange(len(good))
                good &= (rows >= start) & (rows < stop)
                axes, attributes = _placed(scan, columns, good), _attributes(scan, columns, good)
                for at in range(0, int(good.sum()), chunk_rows):
                    part = slice(at, at + chunk_rows)
                    yield (
                        rows[good][part],
                        records_of(
                            e57,
                            {name: column[part] for name, column in axes.items()},
                            {name: column[part] for name, column in attributes.items()},
                        ),
                    )
                if scan.first + first + len(good) >= stop:
                    break


def _notes(scans: tuple[Scan, ...], n_invalid: int, left: list[str], scale: float) -> Iterator[str]:
    yield f"{len(scans)} scans, numbered from 1 as point source; coordinates are counted in {scale:g}"
    if n_invalid:
        yield f"{n_invalid} points are invalid, as the scanner says, and are left out"
    if left:
        yield f"not kept: {', '.join(left)}"


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield the open image file and the library; what the library raises becomes our errors."""
    try:
        from pye57 import libe57
    except ImportError:
        raise ConfigError(
            f"{path.name}: E57 is read by pye57, which is not installed; install city-twin[e57], or pip install pye57"
        ) from None
    image = None
    try:
        if not path.is_file():
            raise FormatError(f"{path.name}: cannot be read: no such file")
        image = libe57.ImageFile(str(path), "r")
        yield image, libe57
    except libe57.E57Exception as error:
        raise FormatError(f"{path.name}: not a sound E57 file ({' '.join(str(error).split())[:160]})") from None
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path.name}: not a sound E57 file ({' '.join(str(error).split())[:160]})") from None
    finally:
        if image is not None and image.isOpen():
            image.close()


def _scans(path: Path, image: Any, library: Any) -> tuple[Scan, ...]:
    root = image.root()
    if not root.isDefined("data3D"):
        raise FormatError(f"{path.name}: holds no scans")
    data, scans, first = root["data3D"], [], 0
    for number in range(len(data)):
        node = data[number]
        if not node.isDefined("points"):
            continue
        prototype = library.StructureNode(node["points"].prototype())
        fields = tuple(prototype.get(place).elementName() for place in range(prototype.childCount()))
        if not (set(_CARTESIAN) <= set(fields) or set(_SPHERICAL) <= set(fields)):
            raise FormatError(f"{path.name}: scan {number + 1} has no coordinates, only {', '.join(fields)}")
        n_points = int(node["points"].childCount())
        if n_points < 0 or n_points > 64 * path.stat().st_size + 64:  # a point of less than a bit there is not
            raise FormatError(f"{path.name}: scan {number + 1} promises {n_points} points, more than the file can hold")
        rotation, translation = _pose(path, node)
        scans.append(
            Scan(
                number=number,
                first=first,
                n_points=n_points,
                fields=fields,
                rotation=rotation,
                translation=translation,
                intensity=_limits(node, prototype, "intensityLimits", "intensity", "intensity"),
                colour=_limits(node, prototype, "colorLimits", "colorRed", "colorRed"),
                started=_number(node, "acquisitionStart", "dateTimeValue", default=0.0),
            )
        )
        first += n_points
    if not first:
        raise FormatError(f"{path.name}: holds no points")
    return tuple(scans)


def _pose(path: Path, node: Any) -> tuple[tuple[tuple[float, float, float], ...], tuple[float, float, float]]:
    """Return the rotation as a matrix, and the translation."""
    w, x, y, z = (_number(node, "pose", "rotation", part, default=float(part == "w")) for part in "wxyz")
    length = math.sqrt(w * w + x * x + y * y + z * z)
    move = tuple(_number(node, "pose", "translation", part, default=0.0) for part in "xyz")
    if not (math.isfinite(length) and length > 0 and all(math.isfinite(part) for part in move)):
        raise FormatError(f"{path.name}: the pose of a scan is no rotation and translation")
    w, x, y, z = w / length, x / length, y / length, z / length
    matrix = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return matrix, cast("tuple[float, float, float]", move)


def _limits(node: Any, prototype: Any, where: str, what: str, field: str) -> tuple[float, float]:
    """Return the least and greatest value of a field: as the scan says, else as its field's type does."""
    low = _number(node, where, f"{what}Minimum", default=math.nan)
    high = _number(node, where, f"{what}Maximum", default=math.nan)
    if math.isfinite(low) and math.isfinite(high) and low < high:
        return low, high
    if prototype.isDefined(field):
        part = prototype[field]
        low, high = (
            (part.scaledMinimum(), part.scaledMaximum())
            if hasattr(part, "scaledMinimum")
            else (part.minimum(), part.maximum())
        )
        if math.isfinite(low) and math.isfinite(high) and low < high < 1e30:
            return float(low), float(high)
    return 0.0, 1.0


def _number(node: Any, *names: str, default: float) -> float:
    for name in names:
        if not node.isDefined(name):
            return default
        node = node[name]
    return float(node.value())


def _text(node: Any, name: str) -> str:
    return str(node[name].value()) if node.isDefined(name) else ""


def _pieces(
    image: Any, library: Any, scan: Scan, wanted: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, NDArray[np.float64]], NDArray[np.bool_]]]:
    """Yield (first row of the scan, columns, which points are valid) of runs of points."""
    names = [name for name in scan.fields if name in wanted]
    capacity = min(_PIECE_ROWS, max(scan.n_points, 1))
    columns = {name: np.empty(capacity, np.float64) for name in names}
    buffers = library.VectorSourceDestBuffer()
    for name in names:
        buffers.append(library.SourceDestBuffer(image, name, columns[name], capacity, True, True))
    reader = image.root()["data3D"][scan.number]["points"].reader(buffers)
    first = 0
    while n_read := int(reader.read()):
        part = {name: column[:n_read] for name, column in columns.items()}
        good = np.ones(n_read, np.bool_)
        for name in (*_CARTESIAN, *_SPHERICAL):
            if name in part:
                good &= np.isfinite(part[name])
        for name in _INVALID:
            if name in part:
                good &= part[name] == 0
        yield first, part, good
        first += n_read
    reader.close()
    if first != scan.n_points:
        raise FormatError(
            f"{Path(image.fileName()).name}: scan {scan.number + 1} holds {first} points, {scan.n_points} were promised"
        )


def _placed(
    scan: Scan, columns: dict[str, NDArray[np.float64]], good: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Return x, y and z in the frame that all scans of the file share."""
    if _CARTESIAN[0] in columns:
        own = [columns[name][good] for name in _CARTESIAN]
    else:
        reach, azimuth, elevation = (columns[name][good] for name in _SPHERICAL)
        flat = reach * np.cos(elevation)
        own = [flat * np.cos(azimuth), flat * np.sin(azimuth), reach * np.sin(elevation)]
    x, y, z = own
    turned = [row[0] * x + row[1] * y + row[2] * z for row in scan.rotation]
    return {axis: turned[i] + scan.translation[i] for i, axis in enumerate("xyz")}


def _has_colour(scan: Scan) -> bool:
    return all(name in scan.fields for name in _COLOURS)


def _attributes(
    scan: Scan, columns: dict[str, NDArray[np.float64]], good: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {
        "point_source_id": np.full(int(good.sum()), min(scan.number + 1, 65535), np.uint16)
    }
    if "intensity" in columns:
        found["intensity"] = _stretched(columns["intensity"][good], scan.intensity)
    if _has_colour(scan):
        found |= {name: _stretched(columns[field][good], scan.colour) for field, name in _COLOURS.items()}
    if "timeStamp" in columns:
        # E57 counts GPS seconds since 1980, LAS the same less a billion.
        found["gps_time"] = columns["timeStamp"][good] + (scan.started - _GPS_BILLION if scan.started > 0 else 0.0)
    if "returnIndex" in columns and "returnCount" in columns:
        found["return_number"] = np.clip(columns["returnIndex"][good] + 1, 1, 15).astype(np.uint8)
        found["number_of_returns"] = np.clip(columns["returnCount"][good], 1, 15).astype(np.uint8)
    return found


def _stretched(values: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.uint16]:
    """Return values between two limits as 0 to 65 535."""
    share = np.nan_to_num((values - limits[0]) / (limits[1] - limits[0]))
    return np.rint(np.clip(share, 0.0, 1.0) * 65535).astype(np.uint16)
