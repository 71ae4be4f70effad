"""The store: a folder of tiles in one CRS, with heights above one datum, and a manifest that says what is true.

::

    STORE/zarr.json                        format, version, CRS, datum, scale, offset, tile edge, codec profile
    STORE/manifest.sqlite                  epochs, sources, tiles, runs, artefacts
    STORE/points/<z>/<x>_<y>/<rev>/        the columns of one tile (`tiles.columns`)
    STORE/labels/<run>/<z>/<x>_<y>/        label u8, confidence u8, in the tile's order
    STORE/.lock, STORE/.work/              one writer at a time, and what it has in hand

A tile's points are ordered by level of detail, then by a coarse cell in Morton order, then by source and row. Revisions
are named by their content and never change.

An area that is surveyed again becomes a new epoch beside the old one: other tiles, labels and rasters of the same grid.
An open store is one of its epochs (`tiles.address` says how it is chosen).
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles import lock, revisions
from tiles import storage as stored
from tiles.address import checked_epoch, chosen_epoch, join_address, split_address
from tiles.atomic import atomic_folder, tree_checksum
from tiles.columns import canonical, quantised, read_columns, write_columns
from tiles.manifest import Manifest, TileRow
from tiles.revisions import COORDINATES
from tiles.storage import ObjectPath, place_of
from tiles.storage.scratch import scratch_folder
from tiles.store_root import FORMAT, FORMAT_VERSION, default_offset, read_root, write_root
from tiles.tile_points import read_points, read_points_inside
from twin.crs import HorizontalCrs, parse_crs, require_metres, require_metric_heights
from twin.errors import StoreError
from twin.points import Points
from twin.tiling import TileGrid
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from tiles.codecs import CodecProfile
    from tiles.storage import Place
    from twin.bounds import Bounds
    from twin.tiling import TileId

__all__ = ["FORMAT_VERSION", "Store"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An epoch of an open store; small, immutable and picklable: the state is on the disk."""

    path: Place
    """Folder of this machine, or prefix of an object store."""
    crs: HorizontalCrs
    """Horizontal CRS of every coordinate in the store, in metres."""
    vertical: VerticalDatum
    """What every stored height is above."""
    grid: TileGrid
    scale: tuple[float, float, float]
    """Metres in one count of X, Y, Z."""
    offset: tuple[float, float, float]
    """Coordinates in metres of count 0."""
    codec: CodecProfile
    manifest: Manifest
    is_offset_open: bool = False
    """Whether the first delivery may still choose the offset, because no one reaches everywhere its CRS is used."""

    @staticmethod
    def create(  # noqa: PLR0913 - the facts that a store is made of
        uri: str | Path,
        *,
        crs: HorizontalCrs,
        vertical: VerticalDatum,
        tile_edge_m: float = 512.0,
        scale_m: float = 0.001,
        offset: tuple[float, float, float] | None = None,
        codec: CodecProfile = "compact",
    ) -> Store:
        """Make an empty store.

        Parameters
        ----------
        uri
            Folder to make, or prefix ``s3://bucket/prefix`` in a bucket that is there.
        crs, vertical
            What coordinates and heights refer to.
        tile_edge_m
            Edge of a level-0 tile; a power of two keeps quadtree edges exact.
        scale_m
            Metres in one stored count; a millimetre is finer than any airborne survey and reaches 2 147 km.
        offset
            Coordinates of count 0. If None: 0, or where that is too far the middle of the CRS's area of use in whole
            100 km; if even that cannot reach everywhere (a UTM zone is 9 000 km long), the first delivery chooses.
        codec
            Compression profile (`tiles.codecs`).

        Raises
        ------
        StoreError
            If something else stands there already.
        UnitError
            If the CRS does not count in metres.
        DatumError
            If heights above the datum do not count up in metres.
        """
        path = place_of(uri)
        if split_address(uri)[1] is not None:
            raise StoreError(f"{uri}: a store begins without epochs; the first delivery of one makes it (--epoch)")
        require_metres(crs, str(path))
        require_metric_heights(vertical, str(path))
        if any(not name.startswith("manifest.sqlite") for name in stored.names_in(path)):
            raise StoreError(f"{path} exists and is not empty; choose another place, or open it as a store")
        Manifest.create(path / "manifest.sqlite")
        attributes = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "crs": crs.wkt,
            "crs_code": crs.code,
            "vertical": {"datum": vertical.name, "epoch": vertical.epoch},
            "scale": [scale_m] * 3,
            "offset": offset or default_offset(crs, scale_m),
            "tile_edge_m": tile_edge_m,
            "codec": codec,
        }
        write_root(path, attributes)
        return Store.open(path)

    @staticmethod
    def open(uri: str | Place, *, new_epoch: bool = False) -> Store:
        """Open a store for reading; writers also take `writing`.

        Parameters
        ----------
        uri
            Its folder or prefix; as text also with an epoch, ``STORE#2024``. Without one it is the newest that has
            points: the one whose first delivery became true last.
        new_epoch
            Also take an epoch that had no delivery yet.

        Raises
        ------
        StoreError
            If there is none, it is of a version that this program does not know, or it has no such epoch.
        """
        place, epoch = split_address(uri)
        path = place_of(place)
        attributes = read_root(path)
        if isinstance(path, Path) and not (path / "manifest.sqlite").is_file():
            raise StoreError(f"{path}: a store without its manifest.sqlite; restore that file")
        vertical = attributes["vertical"]
        return Store(
            path=path,
            crs=parse_crs(attributes["crs"]),
            vertical=VerticalDatum(vertical["datum"], vertical["epoch"]),
            grid=TileGrid(edge_m=attributes["tile_edge_m"]),
            scale=tuple(attributes["scale"]),
            offset=tuple(attributes["offset"] or (0.0, 0.0, 0.0)),
            is_offset_open=attributes["offset"] is None,
            codec=attributes["codec"],
            manifest=chosen_epoch(Manifest(path / "manifest.sqlite"), path, epoch, new_epoch=new_epoch),
        )

    # Epochs ------------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> str:
        """Survey epoch that is open; empty for the unnamed one."""
        return self.manifest.epoch or ""

    @property
    def address(self) -> str:
        """Text from which `open` makes this very epoch again, also in another process and when newer ones came."""
        place = str(self.path)
        is_plain = not self.epoch and "#" not in place and not any(self.manifest.epoch_names())
        return place if is_plain else join_address(place, self.epoch)

    def at_epoch(self, epoch: str) -> Store:
        """Return another epoch of this store, also one that had no delivery yet.

        Raises
        ------
        StoreError
            If the name is no short word.
        """
        return replace(self, manifest=self.manifest.of_epoch(checked_epoch(epoch)))

    # Reading -----------------------------------------------------------------------------------------------------

    def tiles(self) -> list[TileRow]:
        """Return the tiles that exist, in order of their addresses."""
        return self.manifest.tiles()

    @property
    def bounds(self) -> Bounds:
        """Smallest box around all points.

        Raises
        ------
        StoreError
            If the store is empty.
        """
        rows = self.tiles()
        if not rows:
            raise StoreError(f"{self.address}: no points yet; run `twin ingest {self.address} FILES` first")
        box = rows[0].bounds
        for row in rows[1:]:
            box = box.union(row.bounds)
        return box

    def read_tile(self, tile: TileId, columns: Sequence[str] | None = None) -> Points:
        """Return a tile's points in stored order.

        Parameters
        ----------
        tile
            Its address.
        columns
            Attributes to read beside x, y, z; all the tile has if None. One that the tile lacks is an error.

        Raises
        ------
        StoreError
            If there is no such tile or column.
        """
        return read_points(self._current(), self._row(tile), columns)

    def read_window(self, bounds: Bounds, columns: Sequence[str] | None = ()) -> Points:
        """Return every point inside the half-open `bounds`, tile after tile."""
        rows = self.manifest.tiles_near(bounds)
        store = self._current()
        return Points.concatenate([read_points_inside(store, row, bounds, columns, None) for row in rows])

    def read_with_halo(
        self, tile: TileId, halo_m: float, columns: Sequence[str] | None = (), labels_run: str | None = None
    ) -> tuple[Points, int]:
        """Return a tile's points and its neighbours' within `halo_m`, and how many are the tile's own.

        The tile's own points come first, in stored order; then the others, tile after tile.

        Parameters
        ----------
        tile
            Its address.
        halo_m
            Width of the halo in metres on all four sides; the outer window is half-open.
        columns
            Attributes to read; all if None.
        labels_run
            Also read that run's labels, as the attribute ``label``.
        """
        own, store = self._row(tile), self._current()
        first = read_points(store, own, columns)
        if labels_run is not None:
            first = first.with_attributes(label=self.read_labels(labels_run, tile)[0])
        window = self.grid.with_halo(tile, halo_m)
        near = [row for row in self.manifest.tiles_near(window) if row.tile != tile]
        others = [read_points_inside(store, row, window, columns, labels_run) for row in near]
        return Points.concatenate([first, *others]), own.n_points

    def read_labels(self, run: str, tile: TileId) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return a run's (label, confidence) of a tile's points, in stored order.

        Raises
        ------
        StoreError
            If that run did not label that tile.
        """
        columns = read_columns(self.path / self.labels_path(run, tile), ("label", "confidence"))
        return columns["label"], columns["confidence"]

    def tile_path(self, row: TileRow) -> str:
        """Where a tile's revision is, relative to the store."""
        return f"points/{row.tile}/{row.rev}"

    @staticmethod
    def labels_path(run: str, tile: TileId) -> str:
        """Where a run's labels of a tile are, relative to the store."""
        return f"labels/{run}/{tile}"

    # Writing -----------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the store's only writer, and remove what a writer that died left unfinished.

        Raises
        ------
        StoreError
            If another process writes to this store now.
        """
        if isinstance(self.path, ObjectPath):
            with stored.writing_shared(self.path / "manifest.sqlite", self.path / ".lock", str(self.path)):
                self.sweep()
                yield
            return
        with lock.exclusive(self.path / ".lock", str(self.path)):
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.sweep()
            yield
            shutil.rmtree(self.scratch, ignore_errors=True)
            if (self.path / ".work").is_dir() and not any((self.path / ".work").iterdir()):
                (self.path / ".work").rmdir()

    def with_offset(self, offset: tuple[float, float, float]) -> Store:
        """Choose the coordinates of count 0, once, before the first tile; returns the store as it is then.

        Raises
        ------
        StoreError
            If the offset is fixed or there are tiles already.
        """
        if not self.is_offset_open or self.manifest.of_epoch(None).tiles():
            raise StoreError(f"{self.path}: the offset is fixed")
        write_root(self.path, {**read_root(self.path), "offset": offset})
        return Store.open(self.path).at_epoch(self.epoch)

    @property
    def scratch(self) -> Path:
        """Folder for temporary names on the store's own file system; for an object store, on this machine."""
        return scratch_folder() if isinstance(self.path, ObjectPath) else self.path / ".work" / "tmp"

    def write_tile(self, tile: TileId, points: Points) -> TileRow:
        """Write a new revision of a tile, in the order given; it becomes true by `Manifest.commit_tiles`.

        Raises
        ------
        StoreError
            If there are no points, one lies outside the tile, or a column's name is unknown.
        """
        coordinates = {
            name: quantised(values, self.scale[axis], self.offset[axis], "xyz"[axis])
            for axis, (name, values) in enumerate(zip(COORDINATES, (points.x, points.y, points.z), strict=True))
        }
        into = self.scratch / "ready"
        row = self.write_revision(tile, coordinates | canonical(points.attributes), into=into)
        self.place_revision(row, into)
        return row

    def write_revision(
        self, tile: TileId, columns: Mapping[str, NDArray[Any]], *, into: Place, inputs: str = ""
    ) -> TileRow:
        """Write columns as they rest (`tiles.columns`) into ``into/<tile>/<rev>``, whole or not at all.

        It survives the death of this process; before its row is committed, `os.sync` makes it survive a power cut.

        Parameters
        ----------
        tile
            Address.
        columns
            X, Y, Z and attributes, in the order in which they shall stand.
        into
            Folder on the store's file system where the revision waits for `place_revision`. In an object store it goes
            to its place at once, and the folder keeps a mark of it.
        inputs
            Digest of what it was made from.

        Raises
        ------
        StoreError
            If there are no points, one lies outside the tile, or the disk did not keep what was written.
        """
        return revisions.write_revision(self, tile, columns, into=into, inputs=inputs)

    def place_revision(self, row: TileRow, waiting: Place) -> None:
        """Move a revision from ``waiting/<tile>/<rev>`` to its place; harmless if it stands there already."""
        revisions.place_revision(self, row, waiting)

    def write_labels(self, run: str, tile: TileId, label: NDArray[np.uint8], confidence: NDArray[np.uint8]) -> str:
        """Write a run's labels of one tile, in stored order, and return their checksum.

        Raises
        ------
        StoreError
            If their number is not the tile's number of points.
        """
        row = self._row(tile)
        if not len(label) == len(confidence) == row.n_points:
            raise StoreError(f"tile {tile}: {len(label)} labels for {row.n_points} points")
        columns = {"label": label.astype(np.uint8), "confidence": confidence.astype(np.uint8)}
        with atomic_folder(self.path / self.labels_path(run, tile), scratch=self.scratch) as folder:
            write_columns(folder, columns, self.codec, {"tile": str(tile), "run": run, "rev": row.rev})
            return tree_checksum(folder)

    def sweep(self) -> None:
        """Remove folders and files that no row of any epoch refers to any more; only the holder of `writing` may."""
        revisions.sweep(self)

    # -------------------------------------------------------------------------------------------------------------

    def _current(self) -> Store:
        """Return the store with the offset that the first delivery may have chosen since this one was opened."""
        return Store.open(self.path).at_epoch(self.epoch) if self.is_offset_open else self

    def _row(self, tile: TileId) -> TileRow:
        row = self.manifest.tile(tile)
        if row is None:
            raise StoreError(f"{self.address}: no tile {tile}")
        return row
