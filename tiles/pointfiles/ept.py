"""Points in an Entwine Point Tile folder (EPT), named by its ``ept.json``: only nodes that touch a box are decoded.

Rows are numbered through the nodes in order of depth, column, row and layer, so a point has the same row whatever
box it is read with. Node files of kind laszip, binary and zstandard are read.

References
----------
entwine.io, Entwine Point Tile 1.1: ept.json, hierarchy, data types.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa

from tiles import las
from tiles.columns import quantised
from tiles.las_records import pack, unpack
from tiles.point_header import PointHeader
from tiles.pointfiles.copc import merged_ranges, touches
from tiles.pointfiles.dimensions import attribute_names, attributes_of, is_extra
from tiles.pointfiles.ept_index import Index, read_index, read_nodes
from tiles.pointfiles.records import point_format_for
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.point_header import ReadParams

__all__ = ["EptHeader", "read_chunks", "read_header"]

_ENDING = {"laszip": "laz", "binary": "bin", "zstandard": "zst"}
_MOST_RATIO = 10_000
"""Times that a compressed node can grow; more is an attack on memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EptHeader(PointHeader):
    """What ``ept.json`` and the hierarchy say."""

    index: Index
    nodes: tuple[tuple[int, int, int, int, int, int], ...]
    """Depth, column, row, layer, points and first row of each node that holds points."""

    def bare(self) -> PointHeader:
        """Return the header without its nodes."""
        return replace(self, nodes=())


def read_header(path: Path, reading: ReadParams) -> PointHeader:
    """Read ``ept.json`` and the whole hierarchy; no point is decoded.

    Raises
    ------
    FormatError
        If they are malformed, contradict each other, or name a kind of data that is not read.
    """
    folder = path.parent
    index = read_index(path)
    if index.data_type not in _ENDING:
        raise FormatError(f"{folder.name}: its points are {index.data_type!r}; {', '.join(_ENDING)} are read")
    nodes = read_nodes(folder)
    firsts = np.cumsum(nodes[:, 4]) - nodes[:, 4]
    total = int(nodes[:, 4].sum())
    header = EptHeader(
        path=folder,
        size=path.stat().st_size,
        file_format="EPT",
        point_format=point_format_for(attribute_names(part.name for part in index.schema)),
        n_points=total,
        scale=index.scale,
        offset=index.offset,
        mins=index.low,
        maxs=index.high,
        standard_gps_time=False,
        extra=tuple(part.extra() for part in index.schema if is_extra(part.name)),
        crs_text=index.crs_text,
        remarks=(f"ept.json counts {index.n_points} points, its hierarchy {total}",) * (index.n_points != total),
        index=index,
        nodes=tuple(map(tuple, np.column_stack([nodes, firsts]).tolist())),
    )
    if reading.bbox is None:
        return header
    cube = (index.cube[0], index.cube[1], index.cube[2])
    near = np.flatnonzero(touches(nodes[:, :4], cube, reading.bbox, max(index.scale)))
    return replace(header, selected=merged_ranges((int(firsts[i]), int(firsts[i] + nodes[i, 4])) for i in near))


def read_chunks(header: PointHeader, start: int, stop: int, chunk_rows: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (first row, records)."""
    ept = cast("EptHeader", header)
    selected = iter(ept.selected if ept.selected is not None else ((0, ept.n_points),))
    low, high = next(selected, (0, 0))
    for *key, count, first in ept.nodes:
        while high <= first and (following := next(selected, None)):
            low, high = following
        if first + count <= max(start, low) or first >= min(stop, high):
            continue
        records = _node(ept, "-".join(map(str, key)), count)
        for at in range(max(start - first, 0), min(stop - first, count), chunk_rows):
            yield first + at, records[at : min(at + chunk_rows, stop - first)].copy()


def _node(ept: EptHeader, key: str, count: int) -> NDArray[Any]:
    """Read one node's points as records."""
    path = ept.path / "ept-data" / f"{key}.{_ENDING[ept.index.data_type]}"
    if ept.index.data_type == "laszip":
        axes, columns = _from_laszip(path)
    else:
        axes, columns = _from_packed(ept, path, count)
    if len(axes["x"]) != count:
        raise FormatError(f"{ept.path.name}: node {key} holds {len(axes['x'])} points, its hierarchy says {count}")
    counts = {axis.upper(): quantised(axes[axis], ept.scale[i], ept.offset[i], axis) for i, axis in enumerate("xyz")}
    absent = {name: np.zeros(count, dtype) for name, dtype in ept.dtype_extra if name not in columns}
    return pack(counts, {**columns, **absent}, ept.point_format, ept.dtype_extra)


def _from_laszip(path: Path) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[Any]]]:
    header = las.read_header(path)
    parts = [records for _, records in las.read_records(header)]
    if not parts:
        return dict.fromkeys("xyz", np.empty(0)), {}
    records: NDArray[Any] = np.concatenate(parts)
    axes = {axis: records[axis.upper()] * header.scale[i] + header.offset[i] for i, axis in enumerate("xyz")}
    extra = {column.field: records[column.field] for column in header.extra}
    return axes, {**unpack(records, header.point_format), **extra}


def _from_packed(
    ept: EptHeader, path: Path, count: int
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[Any]]]:
    """Read a node whose points stand one after the other, packed as the schema says."""
    dtype = np.dtype([(part.name, part.dtype) for part in ept.index.schema])
    size = count * dtype.itemsize
    try:
        content = path.read_bytes()
        if ept.index.data_type == "zstandard":
            if size > _MOST_RATIO * len(content):
                raise FormatError(f"{ept.path.name}: {path.name} cannot hold {count} points")
            content = pa.decompress(content, decompressed_size=size, codec="zstd", asbytes=True)
    except OSError as error:
        raise FormatError(f"{ept.path.name}: {path.name}: {error.strerror or error}") from None
    if len(content) != size:
        raise FormatError(f"{ept.path.name}: {path.name} has {len(content)} bytes, {count} points take {size}")
    table = np.frombuffer(content, dtype)
    where = f"{ept.path.name}: {path.name}"
    # Extra columns keep their own scale, as they do in LAS.
    named = {
        part.name: table[part.name] if is_extra(part.name) else table[part.name] * part.scale + part.offset
        for part in ept.index.schema
    }
    return {axis: named[axis.upper()] for axis in "xyz"}, attributes_of(named, ept.extra, where)
