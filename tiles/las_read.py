"""Reading points of LAS, LAZ and COPC files: any range of rows, in chunks of bounded memory.

A COPC file is a LAZ file whose chunks are octree nodes; its rows come in the order in which they stand.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import lazrs
import numpy as np

from tiles.las_compression import check_compression
from tiles.las_extra import extra_values
from tiles.las_header import read_header
from tiles.las_projection import GeoKeysError, crs_text
from tiles.las_records import record_dtype, unpack
from twin.crs import HorizontalCrs, parse_crs
from twin.errors import CrsError, FormatError
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.las_header import LasHeader

__all__ = ["CHUNK_ROWS", "file_crs", "points_of", "read_las", "read_records"]

CHUNK_ROWS = 1_000_000
"""Rows decoded at once: 30 to 60 MB of records."""


def file_crs(header: LasHeader) -> HorizontalCrs | None:
    """Return the CRS that a file states, or None if it states none.

    Raises
    ------
    CrsError
        If what it states cannot be understood; the message names the file.
    """
    try:
        text = crs_text(list(header.vlrs), header.uses_wkt)
        return parse_crs(text) if text else None
    except GeoKeysError as error:
        raise GeoKeysError(f"{header.path.name}: {error}", error.code, error.unit) from None
    except CrsError as error:
        raise CrsError(f"{header.path.name}: {error}") from None


def read_records(
    header: LasHeader, start: int = 0, stop: int | None = None, chunk_rows: int = CHUNK_ROWS
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (first row, records) from row `start` to before row `stop`.

    Parameters
    ----------
    header
        From `tiles.las_header.read_header`.
    start, stop
        Rows to read; to the last that the header promises if `stop` is None.
    chunk_rows
        At most so many records at once.

    Yields
    ------
    tuple
        Row number of the first record, and records laid out as `tiles.las_records.record_dtype` of the file's point
        format and extra columns. Each array is new and may be changed.

    Raises
    ------
    FormatError
        If the file ends early or its compressed points are broken; the message names the file and the row.

    Notes
    -----
    LAZ decodes at about 1.8 M points/s on one core.
    """
    stop = header.n_points if stop is None else min(stop, header.n_points)
    if start >= stop:
        return
    dtype = record_dtype(header.point_format, header.dtype_extra)
    with header.path.open("rb") as stream:
        source = _Compressed(header, stream, start) if header.is_compressed else _Plain(header, stream, start)
        for first in range(start, stop, chunk_rows):
            n_rows = min(chunk_rows, stop - first)
            records = np.empty(n_rows, dtype)
            source.fill(records.view(np.uint8), first)
            yield first, records


def points_of(header: LasHeader, records: NDArray[Any]) -> Points:
    """Return records as points in file units, with every attribute and extra column."""
    x, y, z = (records[name] * header.scale[i] + header.offset[i] for i, name in enumerate("XYZ"))
    attributes = unpack(records, header.point_format) | extra_values(records, header.extra)
    return Points(x=x, y=y, z=z, attributes=attributes)


def read_las(path: Path) -> Points:
    """Return all points of a file at once, in file units; for truth files and small deliveries.

    Raises
    ------
    FormatError
        If the file is not what its header promises.
    """
    header = read_header(path)
    return Points.concatenate([points_of(header, records) for _, records in read_records(header)])


class _Plain:
    """Uncompressed points."""

    def __init__(self, header: LasHeader, stream: IO[bytes], start: int) -> None:
        self._header, self._stream = header, stream
        stream.seek(header.point_offset + start * header.record_length)

    def fill(self, buffer: NDArray[np.uint8], first: int) -> None:
        """Fill `buffer` with the next records."""
        n_read = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        if n_read != buffer.nbytes:
            row = first + n_read // self._header.record_length
            raise FormatError(f"{self._header.path.name}: the file ends at point {row} of {self._header.n_points}")


class _Compressed:
    """Points compressed by LASzip, on one thread: parallelism is over files and row ranges."""

    def __init__(self, header: LasHeader, stream: IO[bytes], start: int) -> None:
        self._header = header
        self._guarded(start, lambda: self._open(stream, start))

    def _open(self, stream: IO[bytes], start: int) -> None:
        check_compression(self._header, stream, start)
        stream.seek(self._header.point_offset)
        self._decoder = lazrs.LasZipDecompressor(stream, self._header.laszip)
        if start:
            self._decoder.seek(start)

    def fill(self, buffer: NDArray[np.uint8], first: int) -> None:
        """Fill `buffer` with the next records."""
        self._guarded(first, lambda: self._decoder.decompress_many(buffer))

    def _guarded(self, first: int, action: Callable[[], None]) -> None:
        """Run a decoder's step; its errors and its panics both become ours."""
        try:
            action()
        except FormatError:
            raise
        except (lazrs.LazrsError, OSError, ValueError, RuntimeError) as error:
            raise self._broken(first, error) from None
        except BaseException as error:
            # A Rust panic derives from BaseException, so that `except Exception` lets it pass.
            if type(error).__name__ != "PanicException":
                raise
            raise self._broken(first, error) from None

    def _broken(self, first: int, error: BaseException) -> FormatError:
        line = " ".join(str(error).split())[:120]
        n_points = self._header.n_points
        return FormatError(
            f"{self._header.path.name}: compressed points break off after row {first} of {n_points} ({line})"
        )
