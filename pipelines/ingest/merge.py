"""Pass three: one task owns a whole tile, and makes its new revision of the old one and all fragments.

Points are brought into source order, given their levels of detail, sorted, and written. What comes out depends only on
the points and their (source, row): not on how rows were cut into fragments, nor on earlier revisions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.ingest.cells import CellScheme, counted_cells
from pipelines.ingest.fragments import Fragment, open_fragment, read_blocks
from pipelines.ingest.levels import hash_of_rows, levels_of_detail
from tiles.acquisition import ACQUIRED, ACQUISITION, PLACE
from tiles.columns import EXTRA_PREFIX, dequantised, read_columns
from tiles.las_extra import ExtraColumn, extra_values
from tiles.las_records import unpack
from tiles.order import places_in_tile
from tiles.storage import place_of
from tiles.store import Store
from twin.errors import StoreError
from twin.points import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from tiles.manifest import TileRow
    from twin.tiling import TileId

__all__ = ["CountTask", "MergeTask", "column_names", "count_cells", "merge", "ordered_columns"]

_NEVER_STORED = ("lod",)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTask:
    """One tile to make."""

    store: str
    tile: TileId
    n_points: int
    """Points that it must have in the end."""
    fragments: tuple[tuple[int, str], ...]
    """(source number, file), in order of source and row."""
    existing: tuple[TileRow, ...]
    """Tiles of the store that hold points of this one now."""
    staging: str
    """Folder in which revisions wait to become true."""
    inputs: str
    """Digest of all this."""
    replaced: tuple[int, ...] = ()
    """Numbers of sources whose points in `existing` are left out, because other files have them from now on."""
    doubtful: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Columns that `existing` may have only because of replaced sources, and the numbers of others that bring them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTask:
    """One tile of the store whose points are to be counted by cell."""

    store: str
    row: TileRow
    replaced: tuple[int, ...] = ()
    """Numbers of sources whose points do not count any more."""


def count_cells(task: CountTask) -> NDArray[np.int64]:
    """Return column, row and points of each occupied cell of a tile, shape (m, 3)."""
    store = Store.open(task.store, new_epoch=True)
    scheme = CellScheme.of(store.grid.edge_m)
    points = store.read_tile(task.row.tile, ("source",) if task.replaced else ())
    if task.replaced:
        points = points.take(~np.isin(points["source"], task.replaced))
    if not len(points):
        return np.empty((0, 3), np.int64)
    return counted_cells(*scheme.indices(points.x, points.y, scheme.split))[1]


def merge(task: MergeTask) -> TileRow:
    """Write a tile's new revision into the staging folder and return its row.

    Raises
    ------
    StoreError
        If the points found are not those that were counted, or a fragment's bytes changed.

    Notes
    -----
    Memory about 120 bytes a point: the columns twice, and one source's records.
    """
    store = Store.open(task.store, new_epoch=True)
    parts = [*_existing_parts(store, task), *_fragment_parts(store, task)]
    n_found = sum(len(part["X"]) for part in parts)
    if n_found != task.n_points:
        raise StoreError(f"tile {task.tile}: {n_found} points found, {task.n_points} were counted; run ingest again")
    columns = _joined(parts)
    del parts
    if task.replaced or len(task.existing) > 1:  # then parts interleave: what stayed comes before and after what came
        order = np.lexsort((columns["source_index"], columns["source"]))
        for name in columns:
            columns[name] = columns[name][order]
    return store.write_revision(
        task.tile, ordered_columns(columns, task.tile, store), into=place_of(task.staging), inputs=task.inputs
    )


def ordered_columns(columns: dict[str, NDArray[Any]], tile: TileId, store: Store) -> dict[str, NDArray[Any]]:
    """Return a tile's columns, given in acquisition order, as they rest (`tiles.columns`).

    Parameters
    ----------
    columns
        By source and row, with ``source`` and ``source_index``; taken apart to save memory.
    tile
        Their tile.
    store
        Scale, offset and grid.
    """
    scheme = CellScheme.of(store.grid.edge_m)
    x, y = (dequantised(columns[name], store.scale[i], store.offset[i]) for i, name in enumerate("XY"))
    bits = scheme.fine - tile.z
    fine_column, fine_row = (
        (index - (corner << bits)).astype(np.int32)
        for index, corner in zip(scheme.indices(x, y, scheme.fine), (tile.x, tile.y), strict=True)
    )
    del x, y
    hashes = hash_of_rows(columns["source"], columns["source_index"])
    level = levels_of_detail(fine_column, fine_row, hashes, 1 << bits, scheme.n_levels)
    shift = scheme.fine - scheme.order
    cells = [(index >> shift).astype(np.uint16) for index in (fine_column, fine_row)]
    place: dict[str, NDArray[Any]] = dict(zip(PLACE, [level, *cells], strict=True))
    order = places_in_tile(place)
    columns["lod"] = level
    known = ["X", "Y", "Z", *(name for name in ATTRIBUTES if name in columns and name not in ACQUIRED)]
    extra = sorted(name for name in columns if name.startswith(EXTRA_PREFIX))
    acquired = {name: columns.pop(name) for name in ACQUIRED if name in columns} | place
    stored = {name: columns.pop(name)[order] for name in (*known, *extra)}
    return stored | {ACQUISITION + name: column for name, column in acquired.items()}


def _existing_parts(store: Store, task: MergeTask) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield what the store already holds of the tile, in source order."""
    for row in task.existing:
        columns = read_columns(store.path / store.tile_path(row), ("X", "Y", "Z", *row.columns))
        inside = _inside(store, columns, task.tile) & ~np.isin(columns["source"], task.replaced)
        if task.replaced and not inside.any():
            continue
        for name in (*_NEVER_STORED, *_left_alone(columns["source"][inside], task)):
            columns.pop(name, None)
        columns = {name: column[inside] for name, column in columns.items()}
        order = np.lexsort((columns["source_index"], columns["source"]))
        yield {name: column[order] for name, column in columns.items()}


def _left_alone(sources: NDArray[np.uint16], task: MergeTask) -> list[str]:
    """Return the columns that none of the sources that stay in a tile brought."""
    return [name for name, bringing in task.doubtful.items() if not np.isin(sources, bringing).any()]


def _fragment_parts(store: Store, task: MergeTask) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the columns of each block, in order of source and row."""
    for source, path in task.fragments:
        fragment = open_fragment(place_of(path))
        for records, whole in read_blocks(fragment, task.tile):
            columns = _columns_of(fragment, records, source)
            if not whole:
                inside = _inside(store, columns, task.tile)
                columns = {name: column[inside] for name, column in columns.items()}
            yield columns


def column_names(fragment: Fragment) -> tuple[str, ...]:
    """Return the columns that a file's points bring into their tiles, sorted."""
    return tuple(sorted(_columns_of(fragment, np.empty(0, fragment.dtype), 0)))


def _columns_of(fragment: Fragment, records: NDArray[Any], source: int) -> dict[str, NDArray[Any]]:
    extra = [
        ExtraColumn(field=name, dtype=dtype, scale=scale, offset=offset)
        for name, dtype, scale, offset in fragment.meta["extra"]
    ]
    return {
        **{axis: np.ascontiguousarray(records[axis]) for axis in "XYZ"},
        **unpack(records, fragment.meta["point_format"]),
        "source": np.full(len(records), source, np.uint16),
        "source_index": np.ascontiguousarray(records["row"]),
        **extra_values(records, extra),
    }


def _inside(store: Store, columns: Mapping[str, NDArray[Any]], tile: TileId) -> NDArray[np.bool_]:
    x, y = (dequantised(columns[name], store.scale[i], store.offset[i]) for i, name in enumerate("XY"))
    column, row = store.grid.columns_rows(x, y, tile.z)
    inside: NDArray[np.bool_] = (column == tile.x) & (row == tile.y)
    return inside


def _joined(parts: Sequence[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Join parts column by column; a column that a part lacks is zero there. The parts are emptied on the way."""
    lengths = [len(part["X"]) for part in parts]
    names = {name: None for part in parts for name in part}
    joined = {}
    for name in names:
        dtype = np.result_type(*[part[name].dtype for part in parts if name in part])
        pieces = [
            part.pop(name) if name in part else np.zeros(length, dtype)
            for part, length in zip(parts, lengths, strict=True)
        ]
        joined[name] = np.concatenate(pieces).astype(dtype, copy=False)
    return joined
