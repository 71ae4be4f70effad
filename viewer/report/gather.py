"""A report's content from a store: the newest finished run of each stage, and everything that came in."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS

from tiles.buildings import building_table, read_without_model
from tiles.flood import FloodState, flood_names, read_flood
from tiles.observations import read_feeds
from tiles.rasters import read_raster
from tiles.storage import ObjectPath
from twin import __version__
from twin.bounds import Bounds
from twin.legend import depth_legend
from twin.raster import Frame, Raster
from viewer.load import load_scene
from viewer.palette import class_colors
from viewer.report.content import (
    Buildings,
    ClassCount,
    Delivery,
    FeedCount,
    Flood,
    ReportContent,
    StageFigures,
    Terrain,
    WetBuilding,
)
from viewer.report.model_facts import gather_quality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tiles.flood import FloodResult
    from tiles.manifest import RunRow, SourceRow
    from tiles.storage import Place
    from tiles.store import Store
    from twin.points import Points
    from viewer.content import Gauge

__all__ = ["gather_report"]

_SAMPLE = 600_000
"""Points to draw the class map from, at most."""
_COUNT_CELL_M, _COUNT_CELLS = 2.0, 1000
"""Least cell in metres, and most cells along a side, of a density that is counted here."""
_FILLED = 1
"""Value of raster ``dtm_fill`` where the ground was filled from around."""
_DEEPEST_LISTED = 15
_GREY = "#9a9a9a"


def gather_report(
    store: Store, *, title: str | Mapping[str, str] = "", now: datetime | None = None, made_at: datetime | None = None
) -> ReportContent:
    """Read what a report tells.

    Parameters
    ----------
    store
        Where from; its CRS and datum are the report's.
    title
        Name of the place, or names by language (``ja``, ``en``); the store's folder if empty.
    now
        The moment to judge the freshness of live data at, with a time zone; the clock if None.
    made_at
        When the report is made, with a time zone; the clock if None.

    Notes
    -----
    Memory grows with the cells of the terrain rasters; of the points, a sample is read.
    """
    clock = datetime.now(UTC).astimezone()
    moment = now or clock
    names = {"ja": title, "en": title} if isinstance(title, str) else dict(title)
    fallback = names.get("en") or names.get("ja") or _folder_name(store.path)
    tiles = store.tiles()
    points, gauges = _seen(store, moment) if tiles else (None, ())
    terrain_run = store.manifest.latest_run("terrain")
    return ReportContent(
        title_ja=names.get("ja") or fallback,
        title_en=names.get("en") or fallback,
        made_at=made_at or clock,
        now=moment,
        crs_code=store.crs.code,
        crs_name=CRS.from_wkt(store.crs.wkt).name,
        vertical=str(store.vertical),
        store_facts={
            "tile edge": f"{store.grid.edge_m:g} m",
            "scale": f"{store.scale[0]:g} m",
            **({"epoch": store.epoch} if store.epoch else {}),
        },
        n_points=sum(row.n_points for row in tiles),
        n_tiles=len(tiles),
        bounds=store.bounds if tiles else None,
        software={"twin": __version__},
        deliveries=tuple(_delivery(row) for row in store.manifest.sources()),
        density=_density(store, terrain_run) if tiles else None,
        density_has_noise=terrain_run is None,
        is_classified=store.manifest.latest_run("classify") is not None,
        classes=_classes(store),
        class_map=None if points is None else _class_map(points, store.crs.code),
        terrain=_terrain(store, terrain_run),
        buildings=_buildings(store),
        quality=gather_quality(store) if tiles else None,
        floods=tuple(_flood(read_flood(store, name), store) for name in flood_names(store)),
        gauges=gauges,
        feeds=_feeds(store),
        stages=tuple(_stage(row) for row in store.manifest.runs()),
    )


def _folder_name(place: Place) -> str:
    return place.name if isinstance(place, ObjectPath) else place.resolve().name


def _seen(store: Store, now: datetime) -> tuple[Points | None, tuple[Gauge, ...]]:
    """Return a labelled sample of the points, and the live things."""
    scene = load_scene(store, layers=("gauges", "points"), budget=_SAMPLE, now=now)
    return None if scene.points is None else scene.points.points, scene.gauges


def _delivery(row: SourceRow) -> Delivery:
    meta = row.meta
    remarks = meta.get("remarks", ())
    return Delivery(
        name=Path(row.uri).name,
        accepted=row.state == "done",
        n_points=row.n_points,
        size=row.size,
        reason=row.reason,
        crs=str(meta.get("crs") or ""),
        vertical=str(meta.get("vertical") or ""),
        las=f"LAS {meta['las']}, PF {meta['point_format']}" if "las" in meta and "point_format" in meta else "",
        kind=str(meta.get("kind") or ""),
        remarks=(remarks,) if isinstance(remarks, str) else tuple(str(remark) for remark in remarks),
        digest=row.digest,
    )


def _classes(store: Store) -> tuple[ClassCount, ...]:
    """Count points by class: ours if there are any, else as delivered."""
    row = store.manifest.latest_run("classify")
    if row is not None:
        counts = Counter({int(code): int(n) for code, n in row.figures.get("classes", {}).items()})
    else:
        counts = Counter()
        for source in store.manifest.sources():
            counts.update({int(code): int(n) for code, n in source.meta.get("classes", {}).items()})
    legend = {entry.code: entry for entry in class_colors()}
    found = []
    for code, n_points in counts.items():
        entry = legend.get(code)
        found.append(
            ClassCount(
                code=code,
                name_ja=f"クラス {code}" if entry is None else entry.name_ja,
                name_en=f"Class {code}" if entry is None else entry.name_en,
                color=_GREY if entry is None else entry.color,
                n_points=n_points,
            )
        )
    return tuple(sorted(found, key=lambda entry: (-entry.n_points, entry.code)))


def _density(store: Store, terrain: RunRow | None) -> Raster:
    """Return the density of the terrain run; without one, count every point of the store in cells of 2 m or more."""
    if terrain is not None:
        return read_raster(store, terrain.run, "density", store.bounds)
    box = store.bounds
    longest = max(box.width_m, box.height_m, 1.0)
    resolution_m = max(_COUNT_CELL_M, 2.0 ** math.ceil(math.log2(longest / _COUNT_CELLS)))
    frame = Frame.covering(box, resolution_m)
    counts = np.zeros(frame.shape, np.int64)
    for tile in store.tiles():
        points = store.read_tile(tile.tile, ())
        row, column, inside = frame.cells_of(points.x, points.y)
        np.add.at(counts, (row[inside], column[inside]), 1)
    return Raster(values=(counts / resolution_m**2).astype(np.float32), frame=frame, crs=store.crs.code)


def _class_map(points: Points, crs: str) -> Raster | None:
    """Class of the highest point in each cell; cells are as fine as the sample allows, about three points each."""
    if len(points) == 0:
        return None
    box = points.bounds
    area_m2 = max(box.width_m * box.height_m, 1.0)
    wanted_m = math.sqrt(3.0 * area_m2 / len(points))
    resolution_m = 2.0 ** math.ceil(math.log2(max(wanted_m, 0.25)))
    frame = Frame.covering(Bounds(xmin=box.xmin, ymin=box.ymin, xmax=box.xmax, ymax=box.ymax), resolution_m)
    row, column, inside = frame.cells_of(points.x, points.y)
    values = np.full(frame.shape, -1, np.int16)
    order = np.argsort(points.z, kind="stable")
    order = order[inside[order]]
    values[row[order], column[order]] = points["label"][order]  # the last write wins: the highest
    return Raster(values=values, frame=frame, crs=crs)


def _terrain(store: Store, row: RunRow | None) -> Terrain | None:
    if row is None:
        return None
    heights, fill = (read_raster(store, row.run, name, store.bounds) for name in ("dtm", "dtm_fill"))
    cells = int(row.figures.get("cells", 0))
    return Terrain(
        heights=heights,
        cells=cells,
        void_share=float(row.figures.get("void_share", 0.0)),
        filled_share=float((fill.values == _FILLED).sum() / cells) if cells else 0.0,
    )


def _buildings(store: Store) -> Buildings | None:
    row = store.manifest.latest_run("model")
    if row is None:
        return None
    table = building_table(store, row.run)
    share = row.figures.get("valid_share")
    return Buildings(
        ids=tuple(str(name) for name in table["id"]),
        outlines=tuple(table.geometry),
        lods=tuple(str(lod) for lod in table["lod"]),
        height_m=np.asarray(table["measured_height_m"], dtype=np.float64),
        ground_m=np.asarray(table["ground_m"], dtype=np.float64),
        rmse_m=np.asarray(table["rmse_m"], dtype=np.float64),
        n_points=np.asarray(table["n_points"], dtype=np.int64),
        valid_share=None if share is None else float(share),
        without_model=tuple((entry["id"], entry["reason"]) for entry in read_without_model(store, row.run)),
    )


def _flood(result: FloodResult, store: Store) -> Flood:
    title = result.summary.get("title", {})
    state = result.state.values
    table = result.buildings
    return Flood(
        title_ja=str(title.get("ja") or result.name),
        title_en=str(title.get("en") or result.name),
        depth=result.depth,
        flooded=state == FloodState.FLOODED,
        permanent=state == FloodState.WATER,
        unknown=state == FloodState.UNKNOWN,
        legend=depth_legend(str(result.summary.get("legend", "flood_depth_ja"))),
        is_current=_is_current(store, result.summary),
        summary=result.summary,
        wettest=_wettest(table, _heights(store, result.summary)),
        outlines=tuple(table.geometry),
        ranks=np.asarray(table["rank"], dtype=np.int8),
    )


def _is_current(store: Store, summary: Mapping[str, Any]) -> bool:
    lineage = summary.get("lineage", {})
    newest = {stage: store.manifest.latest_run(stage) for stage in ("terrain", "model")}
    runs = {stage: None if row is None else row.run for stage, row in newest.items()}
    return lineage.get("terrain_run") == runs["terrain"] and lineage.get("buildings_run") in (None, runs["model"])


def _heights(store: Store, summary: Mapping[str, Any]) -> dict[str, float]:
    """Measured height of each building that the overlay was computed with."""
    run = summary.get("lineage", {}).get("buildings_run")
    if run is None:
        return {}
    table = building_table(store, str(run))
    return dict(zip(map(str, table["id"]), map(float, table["measured_height_m"]), strict=True))


def _wettest(table: Any, heights: Mapping[str, float]) -> tuple[WetBuilding, ...]:
    """Return buildings in the water, the deepest first; ties by id."""
    wet = table[table["rank"] > 0]
    rows = [
        WetBuilding(
            id=str(row.id),
            max_depth_m=float(row.max_depth_m),
            mean_depth_m=float(row.mean_depth_m),
            rank=int(row.rank),
            above_floor=bool(row.above_floor),
            height_m=heights.get(str(row.id)),
        )
        for row in wet.itertuples(index=False)
    ]
    return tuple(sorted(rows, key=lambda row: (-row.max_depth_m, row.id))[:_DEEPEST_LISTED])


def _feeds(store: Store) -> tuple[FeedCount, ...]:
    return tuple(
        FeedCount(
            title_ja=feed.title_ja,
            title_en=feed.title_en,
            received=feed.received,
            stored=feed.stored,
            dropped=feed.dropped,
            quarantined=feed.quarantined,
            last_at=feed.last_at,
        )
        for feed in read_feeds(store)
    )


def _stage(row: RunRow) -> StageFigures:
    figures = row.figures
    points = figures.get("points_now") or figures.get("n_points") or figures.get("points")
    items = figures.get("n_items") or figures.get("buildings")
    return StageFigures(
        stage=row.stage,
        run=row.run,
        state=row.state,
        what=str(row.params.get("name") or row.params.get("format") or ""),
        started_at=row.started_at,
        finished_at=row.finished_at,
        seconds=_number(figures.get("seconds")),
        cpu_seconds=_number(figures.get("cpu_seconds")),
        peak_mb=_number(figures.get("peak_mb")),
        workers=figures.get("workers"),
        items=points or items,
        unit="points" if points else "items",
        failed=tuple(figures.get("failed", ())),
        params=row.params,
        inputs=row.inputs,
        software=figures.get("software", {}),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
