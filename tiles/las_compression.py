"""What LASzip's own tables promise, checked before the decoder believes it.

The decoder allocates what a file says: as many chunks as its table counts, as many bytes as a layer of a chunk claims.
One wrong byte makes that gigabytes, and a failed allocation ends the process. Here every promise is compared with the
bytes that are really there.

References
----------
LASzip specification 1.4 r2 (2019): LASzip record, chunk table, layered chunks of point formats 6 to 10.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import lazrs

from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiles.las_header import LasHeader

__all__ = ["check_compression", "decoding"]

_LAYERED = 3
_POINT14, _RGB14, _RGBNIR14, _WAVE14, _BYTE14 = 10, 11, 12, 13, 14
_LAYERS = {_POINT14: 9, _RGB14: 1, _RGBNIR14: 2, _WAVE14: 1}


def check_compression(header: LasHeader, stream: IO[bytes], start: int = 0, stop: int | None = None) -> None:
    """Check the tables of a compressed file, and the chunks that hold rows from `start` to before `stop`.

    Raises
    ------
    FormatError
        If a table promises more than the file holds; the message names the file.

    Notes
    -----
    One small read for each chunk of 50 000 points.
    """
    name = header.path.name
    items = _items(header)
    if sum(size for _, size in items) != header.record_length:
        described = sum(size for _, size in items)
        raise FormatError(
            f"{name}: LASzip record describes {described} bytes a point, the header {header.record_length}"
        )
    table = _table_offset(header, stream)
    stream.seek(table)
    _, n_chunks = struct.unpack("<II", stream.read(8))
    if n_chunks > table - header.point_offset:
        raise FormatError(f"{name}: its chunk table promises {n_chunks} chunks, more than there are bytes")
    layered = struct.unpack_from("<H", header.laszip)[0] == _LAYERED
    n_layers = sum(_LAYERS.get(kind, size) for kind, size in items) if layered else 0
    for at, size in _chunks(header, stream, table, (start, header.n_points if stop is None else stop)):
        if layered:
            _check_layers(header, stream, (at, size), n_layers)


@contextmanager
def decoding(header: LasHeader, first: int) -> Iterator[None]:
    """Turn the decoder's errors, and its panics, into ours; `first` is the row that was to be read."""
    try:
        yield
    except FormatError:
        raise
    except (lazrs.LazrsError, OSError, ValueError, RuntimeError) as error:
        raise _broken(header, first, error) from None
    except BaseException as error:
        # A Rust panic derives from BaseException, so that `except Exception` lets it pass.
        if type(error).__name__ != "PanicException":
            raise
        raise _broken(header, first, error) from None


def _broken(header: LasHeader, first: int, error: BaseException) -> FormatError:
    line = " ".join(str(error).split())[:120]
    return FormatError(
        f"{header.path.name}: compressed points break off after row {first} of {header.n_points} ({line})"
    )


def _items(header: LasHeader) -> list[tuple[int, int]]:
    """Return (kind, bytes) of the parts of a record."""
    data = header.laszip
    n_items = struct.unpack_from("<H", data, 32)[0] if len(data) >= 34 else 0
    if len(data) < 34 + 6 * n_items or n_items == 0:
        raise FormatError(f"{header.path.name}: its LASzip record is broken ({len(data)} bytes)")
    return [struct.unpack_from("<HH", data, 34 + 6 * item) for item in range(n_items)]


def _table_offset(header: LasHeader, stream: IO[bytes]) -> int:
    """Return the byte at which the chunk table begins."""
    stream.seek(header.point_offset)
    start = stream.read(8)
    if len(start) < 8:
        raise FormatError(f"{header.path.name}: the file ends where its points begin")
    table = int(struct.unpack("<q", start)[0])
    if table == -1:  # written by a stream that could not go back: the offset stands at the very end
        stream.seek(header.size - 8)
        table = int(struct.unpack("<q", stream.read(8))[0])
    if not header.point_offset + 8 <= table <= header.size - 8:
        where = f"byte {table} of {header.size}"
        raise FormatError(f"{header.path.name}: its chunk table should stand at {where}; the file was cut off")
    return table


def _chunks(header: LasHeader, stream: IO[bytes], table: int, rows: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield (place, bytes) of the chunks that hold some of the rows."""
    stream.seek(header.point_offset)
    vlr = lazrs.LazVlr(header.laszip)
    row, at = 0, header.point_offset + 8
    for n_rows, size in lazrs.read_chunk_table(stream, vlr):
        if at + size > table:
            raise FormatError(f"{header.path.name}: its chunks are larger than the file; the chunk table is broken")
        if row + n_rows > rows[0] and row < rows[1]:
            yield at, size
        row, at = row + n_rows, at + size
    if row < header.n_points:
        raise FormatError(f"{header.path.name}: its chunks hold {row} points, the header promises {header.n_points}")
    if vlr.uses_variable_size_chunks() and row != header.n_points:
        raise FormatError(f"{header.path.name}: its chunks hold {row} points, the header promises {header.n_points}")


def _check_layers(header: LasHeader, stream: IO[bytes], chunk: tuple[int, int], n_layers: int) -> None:
    """Check that the layers of a chunk fit into it."""
    at, size = chunk
    first = header.record_length + 4  # one plain point, and the number of points
    if size < first + 4 * n_layers:
        raise FormatError(f"{header.path.name}: a chunk of {size} bytes at byte {at} is too short; the file is broken")
    stream.seek(at + first)
    layers = struct.unpack(f"<{n_layers}I", stream.read(4 * n_layers))
    if first + 4 * n_layers + sum(layers) > size:
        raise FormatError(
            f"{header.path.name}: the layers of the chunk at byte {at} are larger than it; the file is broken"
        )
