"""Buildings in the store: one CityJSONSeq file a tile, one table, and a list of what has no model.

::

    STORE/buildings/<run>/<z>/<x>_<y>.city.jsonl    features that the tile owns, sorted by id
    STORE/buildings/<run>/attributes.parquet        GeoParquet: outlines with every attribute, sorted by id
    STORE/buildings/<run>/without_model.json        [{"id", "reason"}], sorted by id
"""

from __future__ import annotations

import heapq
import json
from typing import TYPE_CHECKING, Any

from tiles.atomic import atomic_path, tree_checksum, write_text
from tiles.cityjson import read_cityjsonseq, write_cityjsonseq
from tiles.storage import fetched
from twin.errors import StoreError
from twin.tiling import TileId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import geopandas

    from tiles.storage import Place
    from tiles.store import Store
    from twin.bounds import Bounds
    from twin.building import Building

__all__ = [
    "building_table",
    "buildings_folder",
    "iter_buildings",
    "iter_buildings_by_id",
    "read_buildings",
    "read_without_model",
    "shared_files",
    "table_of",
    "write_table",
    "write_tile_buildings",
    "write_without_model",
]

_MAX_OPEN = 400
"""Files held open at once; systems allow 1024 to a process unless told otherwise."""


def buildings_folder(store: Store, run: str) -> Place:
    """Folder of a model run."""
    return store.path / "buildings" / run


def write_tile_buildings(store: Store, run: str, tile: TileId, buildings: Sequence[Building]) -> tuple[str, str]:
    """Write the features that a tile owns, sorted by id; returns the path relative to the store and the checksum."""
    relative = f"buildings/{run}/{tile}.city.jsonl"
    target = store.path / relative
    corner = store.grid.bounds(tile)
    write_cityjsonseq(
        target,
        sorted(buildings, key=lambda building: building.id),
        crs=store.crs,
        vertical=store.vertical,
        translate=(corner.xmin, corner.ymin, 0.0),
        scratch=store.scratch,
    )
    return relative, tree_checksum(target)


def iter_buildings(store: Store, run: str, bounds: Bounds | None = None) -> Iterator[Building]:
    """Yield a run's buildings tile by tile, of each tile in order of id.

    Parameters
    ----------
    store, run
        Store and model run.
    bounds
        Yield only buildings whose outline's box touches these; buildings that stick out of their tile by more than
        a tile's edge may be missed then. All if None.

    Raises
    ------
    StoreError
        If a tile's file is gone.
    """
    for path in _files(store, run, bounds):
        for building in _content(store, path):
            if bounds is None or _touches(bounds, building):
                yield building


def iter_buildings_by_id(store: Store, run: str) -> Iterator[Building]:
    """Yield a run's buildings by id, whatever the tiles, holding one of each tile at a time.

    A run of more than some hundred tiles is read whole instead: a system allows only so many open files.

    Raises
    ------
    StoreError
        If a tile's file is gone.
    """
    paths = list(_files(store, run, None))
    if len(paths) > _MAX_OPEN:
        yield from read_buildings(store, run)
        return
    yield from heapq.merge(*(_content(store, path) for path in paths), key=lambda building: building.id)


def read_buildings(store: Store, run: str, bounds: Bounds | None = None) -> list[Building]:
    """Return a run's buildings sorted by id; parameters as for `iter_buildings`."""
    return sorted(iter_buildings(store, run, bounds), key=lambda building: building.id)


def table_of(buildings: Iterable[Building], crs: str) -> geopandas.GeoDataFrame:
    """Return buildings as a table sorted by id: outline and attributes, without the solid.

    Columns are the fields of `Building` and every attribute that some building has; an attribute with values of
    several types becomes text.
    """
    import geopandas as gpd

    own = ("id", "lod", "ground_m", "roof_m", "measured_height_m", "n_points", "rmse_m")
    # Of each building only its row: a city's solids together would not fit in memory.
    rows = [({name: getattr(one, name) for name in own}, dict(one.attributes), one.footprint) for one in buildings]
    rows.sort(key=lambda row: row[0]["id"])
    columns: dict[str, list[Any]] = {name: [fields[name] for fields, _, _ in rows] for name in own}
    for name in sorted({name for _, facts, _ in rows for name in facts} - set(own)):
        columns[name] = _uniform([facts.get(name) for _, facts, _ in rows])
    return gpd.GeoDataFrame(columns, geometry=[footprint for _, _, footprint in rows], crs=crs)


def write_table(store: Store, run: str, table: geopandas.GeoDataFrame) -> Place:
    """Write a run's table as GeoParquet."""
    path = buildings_folder(store, run) / "attributes.parquet"
    with atomic_path(path, scratch=store.scratch) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")
    return path


def building_table(store: Store, run: str) -> geopandas.GeoDataFrame:
    """Read a run's table.

    Raises
    ------
    StoreError
        If the run has none, because it did not finish.
    """
    import geopandas as gpd

    path = buildings_folder(store, run) / "attributes.parquet"
    if not path.is_file():
        raise StoreError(f"{path} is missing; run `twin model {store.path}`")
    with fetched(path) as file:
        return gpd.read_parquet(file)


def write_without_model(store: Store, run: str, entries: Iterable[Mapping[str, str]]) -> Place:
    """Write the list of outlines without a model."""
    path = buildings_folder(store, run) / "without_model.json"
    lines = sorted(entries, key=lambda entry: (entry["id"], entry["reason"]))
    write_text(path, json.dumps(lines, ensure_ascii=False, indent=1) + "\n", scratch=store.scratch)
    return path


def shared_files(store: Store, run: str, names: Iterable[str]) -> dict[str, str]:
    """Return what belongs to a whole run, such as its table: checksums by path; `names` are relative to its folder."""
    return {f"buildings/{run}/{name}": tree_checksum(buildings_folder(store, run) / name) for name in names}


def read_without_model(store: Store, run: str) -> list[dict[str, str]]:
    """Return ``{"id", "reason"}`` of each outline without a model, sorted by id; empty if the run wrote none."""
    try:
        text = (buildings_folder(store, run) / "without_model.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    entries: list[dict[str, str]] = json.loads(text)
    return entries


def _files(store: Store, run: str, bounds: Bounds | None) -> Iterator[Place]:
    """Yield the files of the tiles whose buildings may touch the bounds."""
    tiles = {row.tile for row in store.tiles()}
    near = None if bounds is None else bounds.buffered(store.grid.edge_m)
    for key, artefact in sorted(store.manifest.artefacts(run).items()):
        tile = _tile(key)
        if tile in tiles and (near is None or near.intersects(store.grid.bounds(tile))):
            yield store.path / artefact.path


def _content(store: Store, path: Place) -> Iterator[Building]:
    try:
        yield from read_cityjsonseq(path)
    except FileNotFoundError:
        raise StoreError(f"{path} is gone; run `twin model {store.address}` again") from None


def _tile(key: str) -> TileId | None:
    try:
        return TileId.parse(key)
    except ValueError:
        return None


def _touches(bounds: Bounds, building: Building) -> bool:
    xmin, ymin, xmax, ymax = building.footprint.bounds
    return bool(xmin < bounds.xmax and xmax >= bounds.xmin and ymin < bounds.ymax and ymax >= bounds.ymin)


def _uniform(values: list[Any]) -> list[Any]:
    """Values of one type: numbers stay numbers, a mixture becomes text, lists and mappings become JSON."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool} or kinds <= {int, float} or kinds <= {str}:
        return values
    return [
        value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values
    ]
