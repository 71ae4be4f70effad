"""A scene from a store: which runs to show, and how much of them.

The newest finished run of each stage is shown; a flood overlay comes with the very terrain that it was computed on.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from tiles.buildings import iter_buildings_by_id
from tiles.codecs import chunk_length
from tiles.columns import dequantised, read_columns
from tiles.flood import FloodState, flood_names, read_flood
from tiles.observations import read_feeds, read_observations
from tiles.rasters import open_raster, raster_frame
from tiles.storage import ObjectPath, zarr_errors
from twin.errors import StoreError
from twin.legend import depth_legend
from twin.points import Points
from twin.raster import Frame, Raster
from viewer.cloud import BUDGET_SOFTWARE, deepest_lod, drawn, even_sample, in_outlines
from viewer.content import LAYERS, FloodLayer, PointsLayer, SceneContent, TerrainLayer
from viewer.live import Place, gauges

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from tiles.manifest import TileRow
    from tiles.store import Store
    from twin.bounds import Bounds
    from twin.building import Building
    from viewer.content import Gauge

__all__ = ["load_gauges", "load_points", "load_scene"]

_OPTIONAL = ("intensity", "red", "green", "blue", "source")
_MAX_CELLS = 16_000_000
"""Cells of a raster to hold: 4 km by 4 km at a metre; a larger area is thinned, since no screen shows more."""

_PLAIN_NAMES = {"store", "out", "data", "twin"}


def load_scene(
    store: Store,
    *,
    layers: Collection[str] | None = None,
    budget: int = BUDGET_SOFTWARE,
    now: datetime | None = None,
    final: bool = False,
) -> SceneContent:
    """Read what the asked layers need; a layer that the store has nothing for stays empty.

    Parameters
    ----------
    store
        Where from.
    layers
        Names of `LAYERS`; all if None.
    budget
        Points to read at most.
    now
        The moment to judge freshness at; readings after it are left out. The clock if None.
    final
        Whether the layers stay as they are, as in a picture: then the budget goes to points that are really drawn.

    Raises
    ------
    StoreError
        If the store has no points, or a layer's name is unknown.

    Notes
    -----
    Time and memory grow with the cells of the terrain raster and with the budget, not with the points in the store.
    """
    wanted = _checked(layers)
    moment = now or datetime.now(UTC).astimezone()
    rows = store.tiles()
    flood = _flood(store) if "flood" in wanted else None
    terrain = _terrain(store, None if flood is None else flood[1]) if wanted & {"terrain", "flood", "gauges"} else None
    if flood is not None and (terrain is None or terrain.heights.frame != flood[0].depth.frame):
        raise StoreError(f"{store.path}: the flood overlay does not fit its terrain; run `twin flood` again")
    lowest = min((row.zmin for row in rows), default=0.0)
    if terrain is not None and np.isfinite(terrain.heights.values).any():
        lowest = float(np.nanmin(terrain.heights.values))
    buildings = _buildings(store) if "buildings" in wanted else ()
    fixed = _present(wanted, terrain, buildings, flood is not None) if final else ()
    points = load_points(store, budget, fixed, buildings) if "points" in wanted else None
    return SceneContent(
        title=f"{_title(store.path)} {store.epoch}".strip(),
        crs=store.crs,
        vertical=store.vertical,
        bounds=store.bounds,
        zmin_m=lowest,
        zmax_m=_top(rows, points, buildings),
        now=moment,
        data_from=_data_from(store),
        terrain=terrain,
        points=points,
        buildings=buildings,
        flood=None if flood is None else flood[0],
        gauges=_gauges(store, terrain, lowest, moment) if "gauges" in wanted else (),
    )


def load_points(
    store: Store, budget: int, beside: Collection[str] = (), buildings: Sequence[Building] = ()
) -> PointsLayer:
    """Read the coarsest levels of detail that fit the budget, tile after tile; the same points every time.

    Levels come first in a tile, so only the first chunks of its coordinates are decoded.

    Parameters
    ----------
    store
        Where from.
    budget
        Points to read at most.
    beside
        Layers that will be shown all the time: points that they show better are neither read nor counted.
    buildings
        Modelled buildings; points of others are kept apart (attribute ``modelled``).
    """
    classify = store.manifest.latest_run("classify")
    run = None if classify is None else classify.run
    rows = store.tiles()
    columns = [_levels_and_labels(store, row, run) for row in rows]
    counts: Counter[int] = Counter()
    for level, label in columns:
        values, times = np.unique(level[drawn(label, beside)] if beside else level, return_counts=True)
        counts.update(dict(zip(values.tolist(), times.tolist(), strict=True)))
    deepest = deepest_lod(counts, budget)
    outlines = [building.footprint for building in buildings]
    clouds = []
    for row, (level, label) in zip(rows, columns, strict=True):
        count = int(np.count_nonzero(level <= deepest))
        cloud = _read_first(store, row, count).with_attributes(label=label[:count])
        cloud = cloud.with_attributes(modelled=in_outlines(cloud, outlines))
        clouds.append(cloud.take(drawn(cloud["label"], beside, cloud["modelled"])) if beside else cloud)
    return PointsLayer(
        points=even_sample(Points.concatenate(clouds), budget),
        n_total=sum(row.n_points for row in rows),
        lod=deepest,
        sources={row.id: Path(row.uri).name for row in store.manifest.sources() if row.state == "done"},
        classified=run is not None,
    )


def _levels_and_labels(store: Store, row: TileRow, run: str | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Level of detail and class of each point of a tile: our own class, or else the delivered one."""
    folder = store.path / store.tile_path(row)
    level = read_columns(folder, ("lod",))["lod"]
    if run is not None:
        return level, read_columns(store.path / store.labels_path(run, row.tile), ("label",))["label"]
    if "classification" in row.columns:
        return level, read_columns(folder, ("classification",))["classification"]
    return level, np.zeros(row.n_points, np.uint8)


def _read_first(store: Store, row: TileRow, count: int) -> Points:
    """Read the first `count` points of a tile with what a viewer needs of them."""
    chunks: NDArray[np.bool_] = np.arange(0, row.n_points, chunk_length(row.n_points)) < count
    names = [name for name in _OPTIONAL if name in row.columns]
    columns = read_columns(store.path / store.tile_path(row), ("X", "Y", "Z", *names), chunks)
    x, y, z = (
        dequantised(columns.pop(name)[:count], store.scale[axis], store.offset[axis])
        for axis, name in enumerate(("X", "Y", "Z"))
    )
    return Points(x=x, y=y, z=z, attributes={name: column[:count] for name, column in columns.items()})


def _terrain(store: Store, run: str | None) -> TerrainLayer | None:
    latest = store.manifest.latest_run("terrain")
    run = run or (None if latest is None else latest.run)
    if run is None:
        return None
    frame = raster_frame(store, run)
    part, rows, columns = _part(frame, store.bounds)
    with zarr_errors(store.path):
        heights, surface = (
            Raster(
                values=np.asarray(open_raster(store, run, name).isel(y=rows, x=columns).values, dtype=np.float32),
                frame=part,
                crs=store.crs.code,
                vertical=store.vertical,
            )
            for name in ("dtm", "dsm")
        )
    return TerrainLayer(heights=heights, surface=surface)


def _part(frame: Frame, bounds: Bounds) -> tuple[Frame, slice, slice]:
    """Thin and crop a frame of whole tiles to `bounds`: the new frame, and its rows and columns in the old one.

    Every 2nd, 4th, ... cell is taken until `_MAX_CELLS` are left; cells of the new frame are anchored globally too.
    """
    step = 1
    while bounds.width_m * bounds.height_m / (frame.resolution_m * step) ** 2 > _MAX_CELLS:
        step *= 2
    part = Frame.covering(bounds, frame.resolution_m * step)
    fine = Frame(
        column0=part.column0 * step,
        row0=part.row0 * step,
        rows=part.rows * step,
        columns=part.columns * step,
        resolution_m=frame.resolution_m,
    )
    rows, columns = frame.window_of(fine)
    return part, slice(rows.start, rows.stop, step), slice(columns.start, columns.stop, step)


def _buildings(store: Store) -> tuple[Building, ...]:
    latest = store.manifest.latest_run("model")
    return () if latest is None else tuple(building.at_best() for building in iter_buildings_by_id(store, latest.run))


def _flood(store: Store) -> tuple[FloodLayer, str | None] | None:
    """Return the overlay that was computed last, and the terrain run below it."""
    if not flood_names(store):
        return None
    result = read_flood(store)
    title = result.summary.get("title", {})
    part, rows, columns = _part(result.depth.frame, store.bounds)
    table = result.buildings
    depths = zip(table["id"].tolist(), table["max_depth_m"].tolist(), strict=True)
    layer = FloodLayer(
        name=result.name,
        title_ja=str(title.get("ja", result.name)),
        title_en=str(title.get("en", result.name)),
        depth=Raster(values=result.depth.values[rows, columns], frame=part, crs=result.depth.crs),
        legend=depth_legend(str(result.summary.get("legend", "flood_depth_ja"))),
        permanent=result.state.values[rows, columns] == FloodState.WATER,
        depth_by_building={str(name): float(depth) for name, depth in depths if depth != 0},
    )
    return layer, result.summary.get("lineage", {}).get("terrain_run")


def load_gauges(store: Store, content: SceneContent, now: datetime) -> tuple[Gauge, ...]:
    """Read the newest readings for a scene that is already loaded."""
    return _gauges(store, content.terrain, content.zmin_m, now)


def _gauges(store: Store, terrain: TerrainLayer | None, floor_m: float, now: datetime) -> tuple[Gauge, ...]:
    place = Place(
        crs=store.crs,
        vertical=store.vertical,
        terrain=None if terrain is None else terrain.heights,
        floor_m=floor_m,
    )
    limits = {feed.name: feed.limits for feed in read_feeds(store)}
    return gauges(read_observations(store, latest=True, at=now), place, now, limits)


def _present(
    wanted: set[str], terrain: TerrainLayer | None, buildings: tuple[Building, ...], flooded: bool
) -> tuple[str, ...]:
    """Return layers that will be shown beside the points."""
    there = {"terrain": terrain is not None, "buildings": bool(buildings), "flood": flooded}
    return tuple(name for name, present in there.items() if present and name in wanted)


def _checked(layers: Collection[str] | None) -> set[str]:
    unknown = sorted(set(layers or ()) - set(LAYERS))
    if unknown:
        raise StoreError(f"unknown layers {', '.join(unknown)}; there are: {', '.join(LAYERS)}")
    return set(LAYERS if layers is None else layers)


def _top(rows: list[TileRow], points: PointsLayer | None, buildings: tuple[Building, ...]) -> float:
    """Height that the scene reaches; single birds and clouds do not count."""
    roofs = [float(building.solid.vertices[:, 2].max()) for building in buildings]
    if points is None or len(points.points) == 0:
        return max(roofs, default=max((row.zmax for row in rows), default=0.0))
    return max([float(np.percentile(points.points.z, 99.9)), *roofs])


def _data_from(store: Store) -> datetime | None:
    finished = [row.finished_at for row in store.manifest.runs() if row.state == "done" and row.finished_at]
    if not finished:
        return None
    moment = datetime.fromisoformat(max(finished))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _title(place: Path | ObjectPath) -> str:
    """Name the area after its folder; a folder that only says what it is leaves that to the one above."""
    path = PurePosixPath(place.key) if isinstance(place, ObjectPath) else place.resolve()
    name = path.parent.name if path.stem.lower() in _PLAIN_NAMES else path.stem
    return name.replace("_", " ").replace("-", " ").strip().title() or "Twin"
