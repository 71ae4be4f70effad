"""Writing a tile: its columns become a folder that is named by its content and never changes.

A revision waits in a folder of the job that makes it, is moved to its place, and becomes true by its manifest row
alone.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.acquisition import delivered_names
from tiles.atomic import atomic_folder, tree_checksum
from tiles.columns import dequantised, write_columns
from tiles.manifest_rows import TileRow
from twin.bounds import Bounds
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.store import Store
    from twin.tiling import TileId

__all__ = ["COORDINATES", "place_revision", "write_revision"]

COORDINATES = ("X", "Y", "Z")


def write_revision(
    store: Store, tile: TileId, columns: Mapping[str, NDArray[Any]], *, into: Path, inputs: str = ""
) -> TileRow:
    """Write columns as they rest (`tiles.columns`) into ``into/<tile>/<rev>``, whole or not at all.

    Parameters
    ----------
    store
        Where the tile belongs: its grid, scale, offset and codec.
    tile, columns, into, inputs
        As in `tiles.store.Store.write_revision`.

    Raises
    ------
    StoreError
        If there are no points, one lies outside the tile, or the disk did not keep what was written.
    """
    n_points = len(columns["X"])
    if n_points == 0:
        raise StoreError(f"tile {tile}: a tile without points is not stored")
    low, high = (_corner(store, columns, side) for side in (np.min, np.max))
    if store.grid.tile_at(low[0], low[1], tile.z) != tile or store.grid.tile_at(high[0], high[1], tile.z) != tile:
        raise StoreError(f"tile {tile}: points from {low[:2]} to {high[:2]} lie outside {store.grid.bounds(tile)}")
    waiting = into / str(tile) / "written"
    with atomic_folder(waiting, scratch=store.scratch, flush=False) as folder:
        write_columns(folder, columns, store.codec, {"tile": str(tile), "n_points": n_points})
        checksum = tree_checksum(folder)
    row = TileRow(
        tile=tile,
        rev=checksum[:16],
        n_points=n_points,
        bounds=Bounds(xmin=low[0], ymin=low[1], xmax=high[0], ymax=high[1]),
        zmin=low[2],
        zmax=high[2],
        checksum=checksum,
        columns=delivered_names(columns),
        inputs=inputs,
    )
    _move(waiting, into / str(tile) / row.rev)
    return row


def place_revision(store: Store, row: TileRow, waiting: Path) -> None:
    """Move a revision from ``waiting/<tile>/<rev>`` to its place; harmless if it stands there already.

    Raises
    ------
    StoreError
        If it is in neither place.
    """
    source, target = waiting / str(row.tile) / row.rev, store.path / store.tile_path(row)
    if source.exists():
        _move(source, target)
    elif not target.exists():
        raise StoreError(f"tile {row.tile}: its new revision {row.rev} is gone; run ingest again")


def _corner(store: Store, columns: Mapping[str, NDArray[Any]], side: Any) -> list[float]:
    return [
        float(dequantised(side(columns[name]), store.scale[axis], store.offset[axis]))
        for axis, name in enumerate(COORDINATES)
    ]


def _move(source: Path, target: Path) -> None:
    """Rename a folder named by its content; if the same stands at the target already, that one stays."""
    if target.exists():
        shutil.rmtree(source)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
