"""GTX, the binary grids of NOAA's VDatum that PROJ reads: big-endian, rows from the south, void -88.8888."""

from __future__ import annotations

import struct

import numpy as np

from tiles.geoid.grid import GeoidGrid
from tiles.geoid.numbers import node_count
from twin.errors import FormatError

__all__ = ["is_gtx", "parse_gtx"]

_HEADER = struct.Struct(">4d2i")
_VOID = -88.8888


def is_gtx(head: bytes, n_bytes: int) -> bool:
    """Whether a file's first bytes can be a GTX header: the format has no mark, but its size must agree."""
    if len(head) < _HEADER.size:
        return False
    south, west, step_lat, step_lon, rows, columns = _HEADER.unpack_from(head)
    is_box = abs(south) <= 360 and abs(west) <= 540 and 1e-6 < step_lat < 90 and 1e-6 < step_lon < 90
    return is_box and 0 < rows < 1_000_000 and 0 < columns < 1_000_000 and n_bytes > _HEADER.size


def parse_gtx(content: bytes, name: str) -> GeoidGrid:
    """Read a grid.

    Raises
    ------
    FormatError
        If the file has not as many values as its header says.
    """
    south, west, step_lat, step_lon, rows, columns = _HEADER.unpack_from(content)
    node_count(rows, columns, len(content), name)
    expected = _HEADER.size + 4 * rows * columns
    if len(content) != expected:
        raise FormatError(
            f"{name}: {len(content):,} bytes where {rows} rows of {columns} nodes make {expected:,}; the file is"
            f" {'cut off' if len(content) < expected else 'longer than its header says'}"
        )
    values = np.frombuffer(content, ">f4", offset=_HEADER.size).astype(np.float64).reshape(rows, columns)
    values[np.abs(values - _VOID) < 1e-3] = np.nan
    return GeoidGrid(
        west_deg=west if west <= 180 else west - 360,
        south_deg=south,
        step_lon_deg=step_lon,
        step_lat_deg=step_lat,
        values=values,
        name=name,
    )
