"""Reading through the door: the reader of a file's format does the work, cropping is done here for all of them."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tiles import las
from tiles.las_header import LasHeader
from tiles.las_read import CHUNK_ROWS, points_of
from tiles.las_records import record_dtype
from tiles.point_header import PointHeader, ReadParams
from tiles.pointfiles.kinds import kind_of
from twin.crs import parse_crs
from twin.errors import CrsError
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.pointfiles.reader import Reader
    from twin.crs import HorizontalCrs

__all__ = [
    "CHUNK_ROWS",
    "file_crs",
    "points_of",
    "read_header",
    "read_points",
    "read_records",
    "read_rows",
    "row_ranges",
    "without_records",
    "worth_carrying",
]

_QUICK = {"las", "ept"}
_KIND_OF_FORMAT = {"LAS": "las", "LAZ": "las", "COPC": "las", "PDAL": "pdal_reader"}


def read_header(path: Path, reading: ReadParams | None = None) -> PointHeader:
    """Read and check what a file says of itself, without keeping a point.

    Parameters
    ----------
    path
        A file of any format that is read, or the ``ept.json`` of an EPT folder.
    reading
        What the user says about it.

    Raises
    ------
    FormatError
        If it is no such file, or its sizes and counts contradict each other; the message names the file.

    Notes
    -----
    LAS, LAZ, COPC and EPT: no point is decoded. Others state no box or no count and are read through once.
    """
    reading = reading or ReadParams()
    header = _reader(kind_of(path, reading)).read_header(path, reading)
    return replace(_cropped(header, reading), reading=reading)


def file_crs(header: PointHeader) -> HorizontalCrs | None:
    """Return the CRS that a file states, or None if it states none.

    Raises
    ------
    CrsError
        If what it states cannot be understood; the message names the file.
    """
    if isinstance(header, LasHeader):
        return las.file_crs(header)
    try:
        return parse_crs(header.crs_text) if header.crs_text else None
    except CrsError as error:
        raise CrsError(f"{header.path.name}: {error}") from None


def row_ranges(header: PointHeader, step: int) -> list[tuple[int, int]]:
    """Return ranges of rows (first, after the last) for tasks that read a file side by side.

    Parameters
    ----------
    header
        From `read_header`.
    step
        Rows a task, where the format lets a task begin anywhere; else a file, or a scan of it, is one task.
    """
    selected = header.selected if header.selected is not None else ((0, header.n_points),)
    if not header.is_seekable:
        return [(start, stop) for start, stop in selected if start < stop]
    ranges: list[tuple[int, int]] = []
    for start, stop in selected:
        for first in range(start - start % step, stop, step):
            low, high = max(first, start), min(first + step, stop)
            if ranges and low // step == ranges[-1][0] // step:
                ranges[-1] = (ranges[-1][0], high)
            elif low < high:
                ranges.append((low, high))
    return ranges


def read_rows(
    header: PointHeader, start: int = 0, stop: int | None = None, chunk_rows: int = CHUNK_ROWS
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Yield (rows, records) from row `start` to before row `stop`, cropped to the bounding box.

    Parameters
    ----------
    header
        From `read_header`.
    start, stop
        Rows to read; to the last that the header promises if `stop` is None.
    chunk_rows
        At most so many records at once.

    Yields
    ------
    tuple
        Row numbers in the file, ascending, shape (n,) with n > 0, and records laid out as
        `tiles.las_records.record_dtype` of the header's point format and extra columns. Arrays are new and may be
        changed.

    Raises
    ------
    FormatError
        If the file ends early or is broken; the message names the file and the place.

    Notes
    -----
    LAZ decodes at about 1.8 M points/s on one core.
    """
    stop = header.n_points if stop is None else min(stop, header.n_points)
    if start >= stop or not _is_wanted(header, start, stop):
        return
    waiting: list[tuple[NDArray[np.int64], NDArray[Any]]] = []
    n_waiting = 0
    for first, records in _reader(_kind(header)).read_chunks(header, start, stop, chunk_rows):
        rows, kept = _inside(header, first, records)
        if waiting and n_waiting + len(rows) > chunk_rows:
            yield _joined(waiting)
            waiting, n_waiting = [], 0
        if len(rows):
            waiting.append((rows, kept))
            n_waiting += len(rows)
        if 2 * n_waiting >= chunk_rows:  # only crumbs are gathered: a full chunk waiting would double the memory
            yield _joined(waiting)
            waiting, n_waiting = [], 0
    if waiting:
        yield _joined(waiting)


def read_records(
    header: PointHeader, start: int = 0, stop: int | None = None, chunk_rows: int = CHUNK_ROWS
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (row of the first record, records); as `read_rows`, for those who do not ask where every point stood."""
    for rows, records in read_rows(header, start, stop, chunk_rows):
        yield int(rows[0]), records


def without_records(header: PointHeader) -> PointHeader:
    """Return a header without the records that only its reader needs, small enough to keep one for each file."""
    return header.bare()


def worth_carrying(header: PointHeader) -> PointHeader | None:
    """Return the header if a task had better be given it; None if reading it again from the file is quick."""
    return None if _kind(header) in _QUICK else header


def read_points(path: Path, reading: ReadParams | None = None) -> Points:
    """Return all points of a file at once, in file units; for truth files and small deliveries.

    Raises
    ------
    FormatError
        If the file is not what its header promises.
    """
    header = read_header(path, reading)
    parts = [points_of(header, records) for _, records in read_records(header)]
    return Points.concatenate(parts or [points_of(header, _no_records(header))])


def _no_records(header: PointHeader) -> NDArray[Any]:
    return np.empty(0, record_dtype(header.point_format, header.dtype_extra))


def _kind(header: PointHeader) -> str:
    return _KIND_OF_FORMAT.get(header.file_format, header.file_format.lower())


def _reader(kind: str) -> Reader:
    """Return a format's reader; only then are the libraries that it needs imported."""
    return cast("Reader", import_module(f"tiles.pointfiles.{kind}"))


def _cropped(header: PointHeader, reading: ReadParams) -> PointHeader:
    """Return a header that speaks of the points in the bounding box, as far as can be known without reading them."""
    box = reading.bbox
    if box is None:
        return header
    low, high = np.array(header.mins), np.array(header.maxs)
    low[:2], high[:2] = np.maximum(low[:2], (box.xmin, box.ymin)), np.minimum(high[:2], (box.xmax, box.ymax))
    cropped = replace(header, n_by_return=(), mins=tuple(low.tolist()), maxs=tuple(high.tolist()))
    # A header's box is rounded to its counts, and some to less; one that is off by more than this would be a lie.
    slack = max(1.0, 0.01 * max(header.maxs[axis] - header.mins[axis] for axis in (0, 1)))
    if np.any(low[:2] > high[:2] + slack):
        remark = "the box that it states does not touch the bounding box asked for; nothing is read"
        return replace(cropped, mins=header.mins, maxs=header.maxs, selected=(), remarks=(*header.remarks, remark))
    return cropped


def _inside(
    header: PointHeader, first: int | NDArray[np.int64], records: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    rows = np.arange(first, first + len(records)) if isinstance(first, int) else first
    box = header.reading.bbox
    if box is None:
        return rows, records
    x, y = (records[name] * header.scale[axis] + header.offset[axis] for axis, name in enumerate("XY"))
    inside = np.flatnonzero(box.contains(x, y))
    return rows[inside], records[inside]


def _is_wanted(header: PointHeader, start: int, stop: int) -> bool:
    return header.selected is None or any(low < stop and start < high for low, high in header.selected)


def _joined(parts: list[tuple[NDArray[np.int64], NDArray[Any]]]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([records for _, records in parts])
