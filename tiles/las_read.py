"""Reading points of LAS, LAZ and COPC files: any range of rows, in chunks of bounded memory.

A COPC file is a LAZ file whose chunks are octree nodes; its rows come in the order in which they stand.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

import lazrs
import numpy as np

from tiles.las_chunks import FromChunk, chunk_of_row
from tiles.las_compression import check_compression, decoding
from tiles.las_extra import extra_values
from tiles.las_header import read_header
from tiles.las_projection import GeoKeysError, crs_text
from tiles.las_records import record_dtype, unpack
from twin.crs import HorizontalCrs, parse_crs
from twin.errors import CrsError, FormatError
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.las_header import LasHeader
    from tiles.point_header import PointHeader

__all__ = ["CHUNK_ROWS", "file_crs", "points_of", "read_las", "read_records"]

CHUNK_ROWS = 1_000_000
"""Rows decoded at once: 30 to 60 MB of records."""
_BUFFER_BYTES = 1 << 16


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
        source = _Compressed(header, stream, start, stop) if header.is_compressed else _Plain(header, stream, start)
        for first in range(start, stop, chunk_rows):
            n_rows = min(chunk_rows, stop - first)
            records = np.empty(n_rows, dtype)
            source.fill(records.view(np.uint8), first)
            yield first, records


def points_of(header: PointHeader, records: NDArray[Any]) -> Points:
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

    def __init__(self, header: LasHeader, stream: IO[bytes], start: int, stop: int) -> None:
        self._header = header
        with decoding(header, start):
            check_compression(header, stream, start, stop)
            stream.seek(header.point_offset)
            vlr = lazrs.LazVlr(header.laszip)
            if start and vlr.uses_variable_size_chunks():
                self._decoder = self._from_chunk(stream, vlr, start)
                return
            self._decoder = lazrs.LasZipDecompressor(stream, header.laszip)
            if start:
                self._decoder.seek(start)

    def _from_chunk(self, stream: IO[bytes], vlr: lazrs.LazVlr, start: int) -> lazrs.LasZipDecompressor:
        """Return a decoder that stands at row `start` of a file whose chunks differ in size."""
        table = lazrs.read_chunk_table(stream, vlr)
        number, first = chunk_of_row(table, start)
        source = io.BufferedReader(FromChunk(self._header, stream, table, number), _BUFFER_BYTES)
        decoder = lazrs.LasZipDecompressor(source, self._header.laszip)
        for _ in range(first, start, CHUNK_ROWS):
            n_rows = min(CHUNK_ROWS, start - first)
            decoder.decompress_many(np.empty(n_rows * self._header.record_length, np.uint8))
            first += n_rows
        return decoder

    def fill(self, buffer: NDArray[np.uint8], first: int) -> None:
        """Fill `buffer` with the next records."""
        with decoding(self._header, first):
            self._decoder.decompress_many(buffer)
