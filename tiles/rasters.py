"""Rasters at rest: ``STORE/rasters/<run>/``, one Zarr v3 group a run, one array a raster, one chunk a level-0 tile.

::

    zarr.json                 frame, tile edge, vertical datum
    x, y                      cell centres in metres; y runs from north to south
    spatial_ref               CF grid mapping: CRS as WKT2, GeoTransform
    <name>/c/<row>/<column>   one chunk, all cells of one level-0 tile, row 0 in the north

No shards: a task owns whole chunks, and a chunk is one file that is written once, whole, under a temporary name. When
the area grows, chunks move to their new numbers as they are, without being decoded.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from tiles import zarr_codecs as _codecs  # noqa: F401 - importing it makes Zarr single-threaded below the executor
from tiles.atomic import atomic_folder, temporary_folder, tree_checksum
from tiles.raster_moves import finish_move, move_chunks, replace_rasters
from tiles.storage import ObjectPath, zarr_errors, zarr_store
from twin.errors import StoreError
from twin.raster import Frame, Raster
from twin.tiling import TileId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import xarray
    from numpy.typing import NDArray

    from tiles.store import Store
    from twin.bounds import Bounds

__all__ = [
    "create_rasters",
    "open_raster",
    "raster_block_path",
    "raster_frame",
    "raster_names",
    "raster_path",
    "read_raster",
    "shared_files",
    "tile_frame",
    "write_raster_block",
]

_COORDINATES = ("x", "y", "spatial_ref")


def raster_path(run: str, name: str = "") -> str:
    """Where a run's rasters are, or one of them, relative to the store."""
    return f"rasters/{run}/{name}" if name else f"rasters/{run}"


def tile_frame(store: Store, tile: TileId, resolution_m: float) -> Frame:
    """Cells of one level-0 tile.

    Raises
    ------
    StoreError
        If the tile's edge is no whole number of cells.
    """
    edge = store.grid.edge_at(tile.z)
    cells = round(edge / resolution_m)
    if abs(cells * resolution_m - edge) > 1e-9:
        raise StoreError(f"a tile of {edge} m is no whole number of cells of {resolution_m} m; choose 1, 0.5 or 0.25 m")
    return Frame(column0=tile.x * cells, row0=tile.y * cells, rows=cells, columns=cells, resolution_m=resolution_m)


def create_rasters(
    store: Store, run: str, rasters: Mapping[str, tuple[Any, Mapping[str, Any]]], resolution_m: float
) -> None:
    """Make room for a run's rasters over all tiles of the store; harmless when repeated.

    Parameters
    ----------
    store
        Where to.
    run
        Name of the run.
    rasters
        For each name its dtype and its attributes (``units``, ``long_name``, ``flag_values``...). Attribute
        ``is_height`` marks values above the store's datum. No data is NaN for floats and 0 for integers.
    resolution_m
        Edge of a cell; the tile's edge must be a whole number of cells.
    """
    frame = _area_frame(store, resolution_m)
    target, beside = store.path / raster_path(run), store.path / f".work/rasters/{run}"
    if isinstance(target, ObjectPath) and isinstance(beside, ObjectPath):
        finish_move(target, beside)
    there = (target / "zarr.json").is_file()
    before = raster_frame(store, run) if there else frame
    if there and before == frame:
        return
    # Rasters of an object store that are there already are replaced step by step, not as one folder.
    in_steps = there and isinstance(target, ObjectPath)
    making = temporary_folder(target) if in_steps else atomic_folder(target, scratch=store.scratch)
    with making as folder:
        group = _create_group(folder, store, frame)
        cells = round(store.grid.edge_m / resolution_m)
        for name, (dtype, attributes) in rasters.items():
            datum = {"vertical_datum": str(store.vertical)} if attributes.get("is_height") else {}
            group.create_array(
                name,
                shape=frame.shape,
                dtype=dtype,
                chunks=(cells, cells),
                compressors=BloscCodec(cname="zstd", clevel=5, shuffle="shuffle"),
                fill_value=np.nan if np.dtype(dtype).kind == "f" else 0,
                dimension_names=("y", "x"),
                attributes={**attributes, **datum, "grid_mapping": "spatial_ref"},
            )
        if isinstance(target, ObjectPath):
            if in_steps and isinstance(beside, ObjectPath):
                replace_rasters(target, beside, folder, (before, frame), cells)
        elif there:
            move_chunks(target, folder, (before, frame), cells)


def write_raster_block(store: Store, run: str, name: str, tile: TileId, values: NDArray[Any]) -> tuple[str, str]:
    """Write one chunk, and return the raster's name and the chunk's checksum.

    Parameters
    ----------
    tile
        A level-0 tile inside the area.
    values
        All of the tile's cells, row 0 in the north.

    Raises
    ------
    StoreError
        If the block has another shape than the tile, or the tile lies outside the area.
    """
    # A chunk of nothing but zeros is a result too: it is written, and verified.
    group = _group(store, run, "r+")
    array = _array(store, run, name, group).with_config({"write_empty_chunks": True})
    frame = _frame(group)
    block = tile_frame(store, tile, frame.resolution_m)
    if values.shape != block.shape:
        raise StoreError(f"raster {name}, tile {tile}: a block of {values.shape} cells for a tile of {block.shape}")
    try:
        window = frame.window_of(block)
    except ValueError:
        raise StoreError(f"raster {name}: tile {tile} lies outside the area; create the rasters again") from None
    with zarr_errors(store.path):
        array[window] = values.astype(array.dtype)
    return name, tree_checksum(store.path / _block_path(run, name, frame, block))


def raster_block_path(store: Store, run: str, name: str, tile: TileId) -> str:
    """Where the chunk of a level-0 tile is now, relative to the store; it moves when the area grows."""
    frame = raster_frame(store, run)
    return _block_path(run, name, frame, tile_frame(store, tile, frame.resolution_m))


def _block_path(run: str, name: str, frame: Frame, block: Frame) -> str:
    rows, columns = frame.window_of(block)
    return f"{raster_path(run, name)}/c/{rows.start // block.rows}/{columns.start // block.columns}"


def read_raster(store: Store, run: str, name: str, bounds: Bounds | None = None) -> Raster:
    """Read a raster, or the cells that cover `bounds` (cut to the area).

    Raises
    ------
    StoreError
        If there is no such raster, or `bounds` lies outside it.
    """
    group = _group(store, run, "r")
    array, frame = _array(store, run, name, group), _frame(group)
    part = frame if bounds is None else _cut(frame, bounds, name)
    crs = store.crs.code if store.crs.code.startswith("EPSG:") else store.crs.wkt
    vertical = store.vertical if array.attrs.get("is_height") else None
    with zarr_errors(store.path):
        values = np.asarray(array[frame.window_of(part)])
    return Raster(values=values, frame=part, crs=crs, vertical=vertical)


def open_raster(store: Store, run: str, name: str) -> xarray.DataArray:
    """Open a raster lazily with its coordinates and its CRS (CF grid mapping in ``spatial_ref``).

    Raises
    ------
    StoreError
        If there is no such raster.
    """
    import xarray as xr  # half a second that most readers do not need

    _array(store, run, name, _group(store, run, "r"))
    path = zarr_store(store.path / raster_path(run))
    array: xr.DataArray = xr.open_zarr(path, chunks=None, consolidated=False, zarr_format=3, decode_coords="all")[name]
    return array


def shared_files(store: Store, run: str) -> dict[str, str]:
    """Return what all tiles of a run share, its frame, coordinates and arrays' facts: checksums by path."""
    whole = [raster_path(run, name) for name in ("zarr.json", *_COORDINATES)]
    facts = [f"{raster_path(run, name)}/zarr.json" for name in raster_names(store, run)]
    return {path: tree_checksum(store.path / path) for path in (*whole, *facts)}


def raster_names(store: Store, run: str) -> list[str]:
    """Names of a run's rasters, sorted."""
    group = _group(store, run, "r")
    with zarr_errors(store.path):
        return sorted(name for name in group.array_keys() if name not in _COORDINATES)


def raster_frame(store: Store, run: str) -> Frame:
    """Cells of a run's rasters."""
    return _frame(_group(store, run, "r"))


def _frame(group: zarr.Group) -> Frame:
    facts: Any = group.attrs["frame"]
    return Frame(**facts)


def _area_frame(store: Store, resolution_m: float) -> Frame:
    """Cells of all level-0 tiles that hold points, as one rectangle."""
    tiles = {TileId(0, row.tile.x >> row.tile.z, row.tile.y >> row.tile.z) for row in store.tiles()}
    if not tiles:
        raise StoreError(f"{store.path}: no points yet; run `twin ingest {store.path} FILES` first")
    box = store.grid.bounds(min(tiles))
    for tile in tiles:
        box = box.union(store.grid.bounds(tile))
    tile_frame(store, min(tiles), resolution_m)
    return Frame.covering(box, resolution_m)


def _create_group(folder: Path, store: Store, frame: Frame) -> zarr.Group:
    """Write the group with its coordinates and its grid mapping."""
    facts = {
        "frame": asdict(frame),
        "resolution_m": frame.resolution_m,
        "tile_edge_m": store.grid.edge_m,
        "crs": store.crs.wkt,
        "transform": list(frame.geotransform),
        "vertical_datum": str(store.vertical),
    }
    group = zarr.create_group(folder, zarr_format=3, attributes=facts)
    for name, centers in zip(("x", "y"), frame.centers(), strict=True):
        attributes: dict[str, Any] = {"standard_name": f"projection_{name}_coordinate", "units": "m"}
        group.create_array(name, data=centers, chunks=centers.shape, dimension_names=(name,), attributes=attributes)
    step, _, west, _, _, north = frame.geotransform
    mapping: dict[str, Any] = {"crs_wkt": store.crs.wkt, "GeoTransform": f"{west} {step} 0.0 {north} 0.0 {-step}"}
    group.create_array("spatial_ref", data=np.array(0, np.int64), dimension_names=(), attributes=mapping)
    return group


def _group(store: Store, run: str, mode: Any) -> zarr.Group:
    path = store.path / raster_path(run)
    try:
        with zarr_errors(path):
            return zarr.open_group(zarr_store(path), mode=mode, zarr_format=3, use_consolidated=False)
    except FileNotFoundError:
        raise StoreError(
            f"{store.address}: no rasters of run {run!r}; run `twin terrain {store.address}` first"
        ) from None


def _array(store: Store, run: str, name: str, group: zarr.Group) -> zarr.Array[Any]:
    with zarr_errors(store.path):
        array = group.get(name)
    if not isinstance(array, zarr.Array) or name in _COORDINATES:
        raise StoreError(
            f"{store.path}: run {run!r} has no raster {name!r}; there are: {', '.join(raster_names(store, run))}"
        )
    return array


def _cut(frame: Frame, bounds: Bounds, name: str) -> Frame:
    """Cells of `frame` that cover `bounds`."""
    wanted = Frame.covering(bounds, frame.resolution_m)
    column0, row0 = max(wanted.column0, frame.column0), max(wanted.row0, frame.row0)
    columns = min(wanted.column0 + wanted.columns, frame.column0 + frame.columns) - column0
    rows = min(wanted.row0 + wanted.rows, frame.row0 + frame.rows) - row0
    if columns <= 0 or rows <= 0:
        raise StoreError(f"raster {name}: {tuple(bounds)} lies outside {tuple(frame.bounds)}")
    return Frame(column0=column0, row0=row0, rows=rows, columns=columns, resolution_m=frame.resolution_m)
