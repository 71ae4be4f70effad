"""Which rows of a COPC file may lie in a box, by the octree that stands beside its points.

A COPC file is a LAZ file whose chunks are octree nodes. Its hierarchy says which chunk is which node; here every entry
is compared with the chunk table before it is believed, and a hierarchy that does not account for every chunk is not
used: points that it forgets would be missed without a word. That a node's points lie in its cube is believed.

References
----------
COPC specification 1.0 (copc.io): info record, hierarchy pages.
"""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING, Any

import lazrs
import numpy as np

from tiles.las_compression import check_compression, decoding
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tiles.las_header import LasHeader
    from twin.bounds import Bounds

__all__ = ["merged_ranges", "rows_in_box", "touches"]

_ENTRY = np.dtype([("key", "<i4", 4), ("offset", "<u8"), ("size", "<i4"), ("count", "<i4")])
_PAGE = -1
_MAX_DEPTH = 30
"""Halvings after which a node is smaller than any count of coordinates tells apart."""


def rows_in_box(header: LasHeader, box: Bounds) -> tuple[tuple[int, int], ...]:
    """Return ranges of rows (first, after the last) of the nodes that touch a box, ascending and apart.

    Parameters
    ----------
    header
        Of a COPC file.
    box
        In the file's CRS and unit.

    Raises
    ------
    FormatError
        If the hierarchy contradicts the file: pages outside it or met twice, nodes that are no chunks, chunks that are
        no node. The message names the file.

    Notes
    -----
    Reads the hierarchy and the chunk table: about 40 bytes for each node.
    """
    data = next(vlr.data for vlr in header.vlrs if vlr.is_a("copc", 1))
    if len(data) < 56:
        raise FormatError(f"{header.path.name}: its COPC record has {len(data)} bytes, 160 are needed")
    *center, half = struct.unpack_from("<4d", data)
    with header.path.open("rb") as stream, decoding(header, 0):
        chunks = _chunks(header, stream)
        root = struct.unpack_from("<2Q", data, 40)
        entries = _entries(header, stream, root, limit=16 * (len(chunks) + 16))
    order = np.argsort(entries["offset"])
    nodes = np.column_stack([entries["offset"].astype(np.int64), entries["count"]])[order]
    if not np.array_equal(nodes, chunks[chunks[:, 1] > 0, :2]):
        raise FormatError(f"{header.path.name}: the nodes of its hierarchy are not the chunks of its points")
    cube = (center[0] - half, center[1] - half, 2 * half)
    rows = chunks[chunks[:, 1] > 0][touches(entries["key"][order], cube, box, header.scale[0])]
    return merged_ranges((first, first + count) for _, count, first in rows.tolist())


def merged_ranges(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return ranges in ascending order, those that meet joined to one."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)


def _chunks(header: LasHeader, stream: IO[bytes]) -> NDArray[np.int64]:
    """Return place, rows and first row of each chunk, shape (m, 3)."""
    check_compression(header, stream, start=header.n_points)  # the tables; layers are checked as chunks are read
    stream.seek(header.point_offset)
    table = np.array(lazrs.read_chunk_table(stream, lazrs.LazVlr(header.laszip)), np.int64).reshape(-1, 2)
    places = header.point_offset + 8 + np.cumsum(table[:, 1]) - table[:, 1]
    return np.column_stack([places, table[:, 0], np.cumsum(table[:, 0]) - table[:, 0]])


def _entries(header: LasHeader, stream: IO[bytes], root: tuple[int, int], limit: int) -> NDArray[Any]:
    """Return the entries of nodes that hold points, of all pages; at most `limit` entries are read."""
    name = header.path.name
    pages, seen, found, n_read = [root], set(), [], 0
    while pages:
        at, length = pages.pop()
        if not (0 <= at <= header.size - length and length > 0 and length % _ENTRY.itemsize == 0):
            raise FormatError(f"{name}: a page of its hierarchy should stand at byte {at} with {length} bytes")
        if at in seen:
            raise FormatError(f"{name}: its hierarchy comes back to the page at byte {at}")
        seen.add(at)
        n_read += length // _ENTRY.itemsize
        if n_read > limit:  # empty nodes and pages are allowed, a flood of them is not
            raise FormatError(f"{name}: its hierarchy lists more than {limit} nodes, far more than it has chunks")
        stream.seek(at)
        page = np.frombuffer(stream.read(length), _ENTRY)
        depth, place = page["key"][:, 0], page["key"][:, 1:]
        is_inside = np.all((place >= 0) & (place < 1 << np.clip(depth, 0, _MAX_DEPTH)[:, None]), axis=1)
        if np.any((page["count"] < _PAGE) | (depth < 0) | (depth > _MAX_DEPTH) | ~is_inside):
            raise FormatError(f"{name}: its hierarchy's page at byte {at} is broken")
        pages += [(int(entry["offset"]), int(entry["size"])) for entry in page[page["count"] == _PAGE]]
        found.append(page[page["count"] > 0])
    return np.concatenate(found)


def touches(
    keys: NDArray[np.integer[Any]], cube: tuple[float, float, float], box: Bounds, slack: float
) -> NDArray[np.bool_]:
    """Return which nodes (depth, column, row, layer), shape (n, 4), of a cube (xmin, ymin, edge) touch a box."""
    edges = cube[2] / np.exp2(keys[:, 0])
    low_x, low_y = cube[0] + keys[:, 1] * edges, cube[1] + keys[:, 2] * edges
    # Rounding to counts may put a point one count beside its node.
    touches: NDArray[np.bool_] = (
        (low_x <= box.xmax + slack)
        & (low_x + edges >= box.xmin - slack)
        & (low_y <= box.ymax + slack)
        & (low_y + edges >= box.ymin - slack)
    )
    return touches
