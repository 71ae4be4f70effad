"""Flood overlays at rest: ``STORE/flood/<scenario>/<revision>/``.

``rasters.zarr`` (Zarr v3, CF grid mapping, opened by xarray with its CRS) holds three arrays of one frame, (y, x) with
row 0 in the north: ``depth`` float32, metres above ground, 0 dry, NaN unknown; ``critical_level`` float32, metres above
the store's datum, the level from which a cell is reached, NaN if never; ``state`` uint8, see `FloodState`.
``buildings.parquet`` (GeoParquet) has a row a building. ``summary.json`` has the figures and their lineage.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import zarr
from pyproj import CRS
from zarr.codecs import BloscCodec

from tiles.atomic import atomic_folder, tree_checksum
from tiles.storage import fetched
from twin.errors import StoreError
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.manifest import ArtefactRow, RunRow
    from tiles.store import Store

__all__ = ["STAGE", "FloodResult", "FloodState", "flood_checksums", "flood_names", "read_flood", "write_flood"]

STAGE = "flood"
"""Stage of flood runs in the manifest."""

_CHUNK = 1024
"""Edge of a chunk, cells."""


class FloodState(IntEnum):
    """What a cell is under the scenario."""

    DRY = 0
    FLOODED = 1
    """Land under water."""
    WATER = 2
    """Sea, river or pond, also without the flood."""
    UNKNOWN = 3
    """Surveyed, but no ground height: it may be wet."""
    OUTSIDE = 4
    """Not surveyed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloodResult:
    """One scenario's overlay."""

    name: str
    """Scenario."""
    depth: Raster
    """Metres above ground; 0 dry, NaN unknown. Over permanent water, above its bed where that was measured."""
    critical_level: Raster
    """Level from which each cell is reached, metres in the raster's datum; NaN if never."""
    state: Raster
    """`FloodState` codes."""
    buildings: Any
    """GeoDataFrame: id, max_depth_m, mean_depth_m, wet_share, unknown_share, rank (0 dry, -1 unknown), above_floor."""
    summary: dict[str, Any]
    """Figures and lineage, JSON-able."""


def write_flood(store: Store, run: str, revision: str, result: FloodResult) -> tuple[str, str]:
    """Write a result under its own revision, atomically; return its path relative to the store, and its checksum.

    The manifest row that makes it true is the caller's to write.
    """
    relative = f"flood/{result.name}/{revision}"
    with atomic_folder(store.path / relative, scratch=store.scratch) as folder:
        _write_rasters(folder / "rasters.zarr", result)
        result.buildings.to_parquet(folder / "buildings.parquet", index=False)
        text = json.dumps({**result.summary, "run": run}, ensure_ascii=False, indent=2, sort_keys=True)
        (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
        return relative, tree_checksum(folder)


def flood_names(store: Store) -> list[str]:
    """Names of the scenarios that the store has results of, sorted."""
    return sorted(_newest(store))


def flood_checksums(store: Store) -> dict[str, str]:
    """Checksum of the newest result of each scenario, by its name."""
    return {name: artefact.checksum for name, (_, artefact) in sorted(_newest(store).items())}


def read_flood(store: Store, name: str | None = None) -> FloodResult:
    """Read the newest result of a scenario, or of the scenario that was run last.

    Raises
    ------
    StoreError
        If there is none, or its files are gone.
    """
    newest = _newest(store)
    if not newest or (name is not None and name not in newest):
        there = f"there are: {', '.join(sorted(newest))}" if newest else "run `twin flood` first"
        raise StoreError(f"{store.path}: no flood overlay {name or ''}; {there}")
    name = name if name is not None else list(newest)[-1]
    run, artefact = newest[name]
    place = store.path / artefact.path
    if not (place / "summary.json").is_file():
        raise StoreError(f"{place}: the files of flood run {run.run} are gone; run it again")
    with fetched(place) as folder:
        depth, critical, state = _read_rasters(folder / "rasters.zarr", store)
        return FloodResult(
            name=name,
            depth=depth,
            critical_level=critical,
            state=state,
            buildings=geopandas.read_parquet(folder / "buildings.parquet"),
            summary=json.loads((folder / "summary.json").read_text(encoding="utf-8")),
        )


def _newest(store: Store) -> dict[str, tuple[RunRow, ArtefactRow]]:
    """Newest finished run of each scenario, in the order in which they finished."""
    found: dict[str, tuple[RunRow, ArtefactRow]] = {}
    for run in store.manifest.runs():
        if run.stage == STAGE and run.state == "done":
            name = str(run.params["name"])
            found.pop(name, None)
            found[name] = (run, store.manifest.artefacts(run.run)[name])
    return found


def _write_rasters(path: Path, result: FloodResult) -> None:
    frame = result.depth.frame
    group = zarr.create_group(path, zarr_format=3, attributes={"frame": asdict(frame)})
    x, y = frame.centers()
    for name, values in (("x", x), ("y", y)):
        attributes: dict[str, Any] = {"standard_name": f"projection_{name}_coordinate", "units": "m"}
        group.create_array(name, data=values, chunks=values.shape, dimension_names=(name,), attributes=attributes)
    step, _, west, _, _, north = frame.geotransform
    mapping: dict[str, Any] = {
        "crs_wkt": CRS.from_user_input(result.depth.crs).to_wkt("WKT2_2019"),
        "GeoTransform": f"{west} {step} 0.0 {north} 0.0 {-step}",
    }
    group.create_array("spatial_ref", data=np.array(0, dtype=np.int64), dimension_names=(), attributes=mapping)
    _write_raster(group, "depth", result.depth, {"units": "m", "long_name": "depth of water above ground"})
    vertical = {"units": "m", "vertical_datum": str(result.critical_level.vertical)}
    _write_raster(group, "critical_level", result.critical_level, vertical)
    meanings = " ".join(state.name.lower() for state in FloodState)
    flags = {"flag_values": [int(state) for state in FloodState], "flag_meanings": meanings}
    _write_raster(group, "state", result.state, flags)


def _write_raster(group: zarr.Group, name: str, raster: Raster, attributes: dict[str, Any]) -> None:
    rows, columns = raster.frame.shape
    group.create_array(
        name,
        data=raster.values,
        chunks=(min(_CHUNK, rows), min(_CHUNK, columns)),
        compressors=BloscCodec(cname="zstd", clevel=5, shuffle="shuffle"),
        fill_value=np.nan if raster.values.dtype.kind == "f" else 0,
        dimension_names=("y", "x"),
        attributes={**attributes, "grid_mapping": "spatial_ref"},
    )


def _read_rasters(path: Path, store: Store) -> tuple[Raster, Raster, Raster]:
    group = zarr.open_group(path, mode="r")
    facts: Any = group.attrs["frame"]
    frame = Frame(**facts)
    crs = store.crs.code if store.crs.code.startswith("EPSG:") else store.crs.wkt
    depth, critical, state = (np.asarray(group[name]) for name in ("depth", "critical_level", "state"))
    return (
        Raster(values=depth, frame=frame, crs=crs),
        Raster(values=critical, frame=frame, crs=crs, vertical=store.vertical),
        Raster(values=state, frame=frame, crs=crs),
    )
