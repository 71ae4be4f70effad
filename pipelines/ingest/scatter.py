"""Pass two: a range of rows of one file becomes one fragment, and is counted on the way.

Points are decoded once. Each chunk is placed in the store's coordinates, sorted by quadtree node, compressed and
appended; memory is that of one chunk whatever the file's size.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from pyproj.exceptions import ProjError

from pipelines.ingest.cells import CellScheme, counted_cells
from pipelines.ingest.content import Content, count_content
from pipelines.ingest.fragments import FragmentWriter, write_fragment
from pipelines.ingest.placement import heights_of, transformer_of
from pipelines.ingest.refraction import bent_back
from pipelines.ingest.shifts import shifted
from tiles.columns import dequantised, quantised
from tiles.las_records import record_dtype
from tiles.order import stable_order
from tiles.pointfiles import ReadParams, read_header, read_rows, require_unchanged
from tiles.storage import place_of
from twin.errors import CrsError, FormatError, StoreError
from twin.tiling import TileId

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import Transformer

    from pipelines.ingest.placement import Placement
    from tiles.pointfiles import FileState, PointHeader

__all__ = ["FRAGMENT_VERSION", "ScatterTask", "node_of_cells", "scatter"]

FRAGMENT_VERSION = 2
"""Raised when the same input would give other fragments than before."""
_BLOCK_POINTS = 131_072
"""A node with more points in a chunk is written as its quarters, so that a split tile need not read its siblings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterTask:
    """One range of rows, and where its fragment goes."""

    source: str
    state: FileState
    """How the file stood on the disk when it was checked."""
    start: int
    stop: int
    """Row after the last."""
    reading: ReadParams
    header: PointHeader | None
    """What the file says of itself, where finding that out again would take long."""
    placement: Placement
    edge_m: float
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    chunk_rows: int
    fragment: str
    """Path of the fragment's file."""
    scratch: str


def scatter(task: ScatterTask) -> int:
    """Write a range's fragment unless it is there already, and return the number of its points.

    Raises
    ------
    FormatError
        If the file is broken, or changed since it was checked.
    StoreError
        If coordinates lie outside the store's range.
    """
    target = place_of(task.fragment)
    if not target.exists():
        path = Path(task.source)
        require_unchanged(path, task.state, "after it was checked")
        header = task.header or read_header(path, task.reading)
        transformer = transformer_of(task.placement)
        with write_fragment(target, _layout(header), Path(task.scratch)) as writer:
            try:
                parts = [
                    _chunk(task, header, transformer, writer, rows, records)
                    for rows, records in read_rows(header, task.start, task.stop, task.chunk_rows)
                ]
            except FormatError:
                require_unchanged(
                    path, task.state, "after it was checked"
                )  # a file that is still being copied is not a broken one
                raise
            content = Content.total(parts)
            extra = [[column.field, column.dtype, column.scale, column.offset] for column in header.extra]
            facts = {"point_format": header.point_format, "extra": extra}
            writer.finish({**facts, "content": asdict(content) if content else None})
        require_unchanged(path, task.state, "after it was checked")
    return task.stop - task.start


def node_of_cells(cells: NDArray[np.int64], scheme: CellScheme, limit: int) -> tuple[NDArray[np.int64], list[TileId]]:
    """Group cells into the largest quadtree nodes with at most `limit` points each.

    Parameters
    ----------
    cells
        Column, row and points of each cell, shape (m, 3), `scheme.split` halvings below level 0.
    scheme
        Cells of the grid.
    limit
        Points; a single cell may have more.

    Returns
    -------
    tuple
        Number of the node of each cell, shape (m,), and the nodes, coarse ones first, then by column and row.
    """
    level = np.full(len(cells), -1)
    for z in range(scheme.split + 1):
        shift = scheme.split - z
        _, inverse = np.unique(cells[:, :2] >> shift, axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
        totals = np.bincount(inverse, weights=cells[:, 2])[inverse]
        level[(level < 0) & ((totals <= limit) | (z == scheme.split))] = z
    shifts = scheme.split - level
    keys = np.column_stack([level, cells[:, 0] >> shifts, cells[:, 1] >> shifts])
    nodes, numbers = np.unique(keys, axis=0, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64), [TileId(*map(int, node)) for node in nodes]


def _chunk(  # noqa: PLR0913 - one step of `scatter`
    task: ScatterTask,
    header: PointHeader,
    transformer: Transformer | None,
    writer: FragmentWriter,
    rows: NDArray[np.int64],
    records: NDArray[Any],
) -> Content:
    """Count, place, sort and write one chunk."""
    content = count_content(records, header.point_format)
    counts = _placed(task, header, transformer, records)
    x, y = (dequantised(counts[axis], task.scale[axis], task.offset[axis]) for axis in (0, 1))
    scheme = CellScheme.of(task.edge_m)
    numbers, cells = counted_cells(*scheme.indices(x, y, scheme.split))
    writer.add_cells(cells)
    node_of_cell, nodes = node_of_cells(cells, scheme, _BLOCK_POINTS)
    node_of_point = node_of_cell[numbers]
    order = stable_order(node_of_point, len(nodes))
    for axis, name in enumerate("XYZ"):
        records[name] = counts[axis]
    full = _with_rows(records, order, rows, _layout(header))
    ends = np.cumsum(np.bincount(node_of_point, minlength=len(nodes)))
    for node, start, end in zip(nodes, np.r_[0, ends[:-1]], ends, strict=True):
        writer.add_block(node, full[start:end])
    return content


def _with_rows(
    records: NDArray[Any], order: NDArray[np.int64], rows: NDArray[np.int64], layout: np.dtype[Any]
) -> NDArray[Any]:
    """Return records in another order, each with its row; copied as bytes, a dozen times faster than by NumPy."""
    full = np.empty(len(records), layout)
    _gather(_as_bytes(records), _as_bytes(rows.astype("<u4")), _as_bytes(full), order)
    return full


def _as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return values.view(np.uint8).reshape(len(values), -1)


@numba.njit(cache=True, nogil=True)
def _gather(
    records: NDArray[np.uint8], rows: NDArray[np.uint8], full: NDArray[np.uint8], order: NDArray[np.int64]
) -> None:
    """Fill `full` with the bytes of records and rows, joined and reordered; shapes (n, s), (n, 4), (n, s + 4)."""
    size = records.shape[1]
    for i in range(order.size):
        record, row, out = records[order[i]], rows[order[i]], full[i]
        for j in range(size):
            out[j] = record[j]
        for j in range(row.size):
            out[size + j] = row[j]


def _placed(
    task: ScatterTask, header: PointHeader, transformer: Transformer | None, records: NDArray[Any]
) -> list[NDArray[np.int32]]:
    """Return X, Y, Z in counts of the store."""
    x, y, z = (records[name] * header.scale[axis] + header.offset[axis] for axis, name in enumerate("XYZ"))
    if transformer is not None:
        try:
            x, y = transformer.transform(x, y, errcheck=True)
        except ProjError as error:
            raise CrsError(f"{header.path.name}: coordinates cannot be converted ({error})") from None
    z = heights_of(task.placement, (x, y, z), header.path.name)
    if task.placement.refraction is not None:
        x, y, z = bent_back((x, y, z), records, header.point_format, task.placement.refraction, header.path.name)
    if task.placement.shifts:
        x, y, z = shifted((x, y, z), records["point_source_id"], task.placement.shifts)
    try:
        return [quantised(values, task.scale[i], task.offset[i], "xyz"[i]) for i, values in enumerate((x, y, z))]
    except StoreError as error:
        raise StoreError(f"{header.path.name}: {error}") from None


def _layout(header: PointHeader) -> np.dtype[Any]:
    own = record_dtype(header.point_format, header.dtype_extra)
    return np.dtype([*((name, own.fields[name][0]) for name in own.names or ()), ("row", "<u4")])  # type: ignore[index]
