"""Writing a tile: its columns become a folder that is named by its content and never changes.

A revision waits in a folder of the job that makes it, is moved to its place, and becomes true by its manifest row
alone. In an object store nothing can be moved: it goes to its place at once, and a mark in the job's folder says so,
for whoever removes what never became true.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.acquisition import delivered_names
from tiles.atomic import temporary_folder, tree_checksum
from tiles.columns import dequantised, write_columns
from tiles.manifest_rows import TileRow
from tiles.storage import ObjectPath, files_below, publish_folder, remove, remove_all
from twin.bounds import Bounds
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tiles.storage import Place
    from tiles.store import Store
    from twin.tiling import TileId

__all__ = ["COORDINATES", "keep_waiting", "place_revision", "sweep", "write_revision"]

COORDINATES = ("X", "Y", "Z")


def write_revision(
    store: Store, tile: TileId, columns: Mapping[str, NDArray[Any]], *, into: Place, inputs: str = ""
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
    with temporary_folder(store.path, store.scratch) as folder:
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
        _lay_by(store, row, folder, into / str(tile) / row.rev)
    return row


def _lay_by(store: Store, row: TileRow, folder: Path, waiting: Place) -> None:
    """Put a finished folder where it waits; in an object store, at its place."""
    if isinstance(store.path, ObjectPath):
        if isinstance(waiting, ObjectPath):
            waiting.write(b"")  # first the mark: what is sent after it is never forgotten
        publish_folder(folder, store.path / store.tile_path(row), fresh=True)
    elif isinstance(waiting, ObjectPath):
        raise StoreError(f"{waiting}: a folder's revisions wait on its own disk")
    else:
        _move(folder, waiting)


def keep_waiting(store: Store, staged: Place, keep: set[tuple[str, str]]) -> None:
    """Remove revisions that wait for a job which will never come, but those of (tile, revision) in `keep`."""
    waiting = {entry: tuple(name.rsplit("/", 1)) for name, entry in _waiting(staged).items()}
    doomed = {entry: which for entry, which in waiting.items() if which not in keep}
    if isinstance(store.path, ObjectPath):
        alive = keep | {(str(row.tile), row.rev) for row in store.manifest.of_epoch(None).tiles()}
        for tile, rev in set(doomed.values()) - alive:
            remove(store.path / f"points/{tile}/{rev}")
    remove_all(doomed)


def _waiting(staged: Place) -> dict[str, Place]:
    """Return what waits, by its name ``<z>/<x>_<y>/<rev>``: folders on a disk, marks in an object store."""
    if isinstance(staged, ObjectPath):
        return dict(files_below(staged))
    return {entry.relative_to(staged).as_posix(): entry for entry in sorted(staged.glob("*/*/*"))}


def place_revision(store: Store, row: TileRow, waiting: Place) -> None:
    """Move a revision from ``waiting/<tile>/<rev>`` to its place; harmless if it stands there already.

    Raises
    ------
    StoreError
        If it is in neither place.
    """
    source, target = waiting / str(row.tile) / row.rev, store.path / store.tile_path(row)
    if isinstance(target, ObjectPath):
        is_there = (target / "zarr.json").is_file()
    else:
        is_there = target.exists()
        if isinstance(source, Path) and source.exists():
            _move(source, target)
            is_there = True
    if not is_there:
        raise StoreError(f"tile {row.tile}: its new revision {row.rev} is gone; run ingest again")


def sweep(store: Store) -> None:
    """Remove what the manifest lists as garbage; only the holder of `Store.writing` may."""
    paths = store.manifest.garbage()
    if not paths:
        return
    alive = {store.tile_path(row) for row in store.manifest.of_epoch(None).tiles()}
    store.manifest.publish()  # no manifest that others read may name what is removed now
    for relative in paths:
        if relative in alive:
            continue
        folder = store.path / relative
        remove(folder)
        if isinstance(folder, Path) and folder.parent.is_dir() and not any(folder.parent.iterdir()):
            folder.parent.rmdir()
    store.manifest.forget_garbage(paths)


def _corner(store: Store, columns: Mapping[str, NDArray[Any]], side: Any) -> list[float]:
    return [
        float(dequantised(side(columns[name]), store.scale[axis], store.offset[axis]))
        for axis, name in enumerate(COORDINATES)
    ]


def _move(source: Path, target: Path) -> None:
    """Rename a folder named by its content; if the same stands at the target already, that one stays.

    A task may be repeated while the worker that was given up for dead still does it: either may come first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(source, ignore_errors=True)
