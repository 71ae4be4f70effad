"""A flood scenario over a store: read the terrain and the buildings, compute, write, record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np

from pipelines.flood.ground import prepare_ground
from pipelines.flood.inputs import checksums, read_buildings, read_terrain
from pipelines.flood.overlay import Overlay, static_overlay
from pipelines.flood.scenario import ResolvedLevel, StaticScenario, burned, resolve_level, seed_choice
from pipelines.metering import Meter
from pipelines.runs import software
from tiles.flood import STAGE, FloodResult, FloodState, write_flood
from tiles.observations import read_feeds, read_observations
from tiles.storage import remove
from twin.config import digest
from twin.errors import StageError
from twin.freshness import age_text
from twin.legend import depth_legend
from twin.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pipelines.flood.ground import BurnedBarrier
    from tiles.store import Store

__all__ = ["VERSION", "FloodSummary", "run_flood"]

VERSION = 2
"""Raised when the same inputs give another result."""

_UNKNOWN_RANK = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodSummary:
    """What a scenario came to. Areas count land, not what is water on an ordinary day."""

    run: str
    scenario: str
    path: str
    """Where the overlay is, relative to the store."""
    cells: int
    """Cells inside the survey."""
    wet_cells: int
    """Land cells under water."""
    water_cells: int
    """Cells that are sea, river or pond without the flood."""
    unknown_cells: int
    """Cells without ground height that are not water: dry or wet, nobody knows."""
    wet_area_m2: float
    volume_m3: float
    """Water over land."""
    max_depth_m: float
    """Deepest water over land."""
    buildings: int
    buildings_wet: int
    """Buildings with water at the outline."""
    buildings_above_floor: int
    """Buildings with water at least as high as the floor."""
    buildings_unknown: int
    """Buildings with no known ground around them."""
    by_rank: Mapping[str, int] = field(default_factory=dict)
    """Wet buildings by depth rank; every rank of the legend has an entry."""
    level: Mapping[str, Any] = field(default_factory=dict)
    """Water level in the store's datum and as given, its source and time."""
    seconds: float = 0.0
    skipped: bool = False
    """Whether the result was there already and nothing was done."""


def run_flood(  # noqa: PLR0913 - the inputs of the overlay
    store: Store,
    scenario: StaticScenario,
    terrain_run: str,
    buildings_run: str | None = None,
    progress: Progress | None = None,
    *,
    at: datetime | None = None,
) -> FloodSummary:
    """Compute a scenario and keep it in the store, unless the same was computed from the same inputs before.

    Parameters
    ----------
    store
        Where terrain, buildings and observations are.
    scenario
        Level, seeds, barriers.
    terrain_run, buildings_run
        Runs to build on; without buildings the table is empty.
    progress
        Who listens; counts buildings.
    at
        Moment for a gauge-driven level; the newest observation if None. The gauge must not have fallen silent then, or
        by the newest reading of its feed if None.

    Raises
    ------
    DatumError
        If the level's datum is unknown or cannot be converted to the store's.
    StageError
        If no water is found to start from, the ordinary level is above the flood's, or the gauge has not reported, or
        not lately (at the moment `at`).
    """
    observations = read_observations(store, latest=at is None, at=at) if _is_live(scenario) else []
    level = resolve_level(scenario.level, store.vertical, observations, at)
    normal = None
    if scenario.normal is not None:
        normal = resolve_level(scenario.normal, store.vertical, observations, at)
    for one in (level, normal):
        _check_age(store, one, at)
    if normal is not None and level.source == normal.source == "fixed" and normal.height_m > level.height_m:
        raise StageError(
            f"{scenario.name}: normal ({normal.height_m:g} m {store.vertical}) stands above level"
            f" ({level.height_m:g} m), so that the flood would count as ordinary water; check values and datums"
        )
    params = {**asdict(scenario), "resolved": level.as_json(), "normal": None if normal is None else normal.as_json()}
    run = digest(STAGE, VERSION, params, terrain_run, buildings_run)
    inputs = digest(checksums(store, terrain_run), checksums(store, buildings_run))
    with store.writing():
        done = store.manifest.artefacts(run).get(scenario.name)
        if done is not None and done.inputs == inputs and (store.path / done.path / "summary.json").is_file():
            store.manifest.finish_run(run, dict(done.report))  # it is the newest overlay again
            return _summary(done.report, skipped=True)
        with Meter() as meter:
            result, figures = _compute(store, scenario, (level, normal), (terrain_run, buildings_run), progress)
            lineage = {"terrain_run": terrain_run, "buildings_run": buildings_run, "software": software()}
            result.summary.update(figures, level=level.as_json(), lineage=lineage)
            path, checksum = write_flood(store, run, digest(run, inputs), result)
        facts = {**figures, "run": run, "scenario": scenario.name, "path": path, "level": level.as_json()}
        report = {**facts, **meter.figures(), "n_items": figures["buildings"], "workers": 1, "software": software()}
        # Only now: a scenario that was refused leaves no run that looks as if it were under way.
        runs = [one for one in (terrain_run, buildings_run) if one is not None]
        store.manifest.begin_run(run, STAGE, params, {"runs": runs})
        store.manifest.commit_artefact(run, scenario.name, path, checksum, inputs, report)
        store.manifest.finish_run(run, report)
        if done is not None and done.path != path:
            store.manifest.publish()
            remove(store.path / done.path)
    return _summary(report, skipped=False)


def _compute(
    store: Store,
    scenario: StaticScenario,
    levels: tuple[ResolvedLevel, ResolvedLevel | None],
    runs: tuple[str, str | None],
    progress: Progress | None,
) -> tuple[FloodResult, dict[str, Any]]:
    terrain, survey = read_terrain(store, runs[0])
    buildings = read_buildings(store, runs[1])
    listener = progress or Silent()
    listener.start(STAGE, max(len(buildings), 1), "buildings")
    barriers = [burned(barrier, store.vertical) for barrier in scenario.barriers]
    seeds = seed_choice(scenario.seeds)
    ground = prepare_ground(survey, seeds, barriers)
    level, normal = levels
    overlay = static_overlay(
        ground,
        terrain,
        level.height_m,
        normal_m=None if normal is None else normal.height_m,
        ordinary=prepare_ground(survey, seeds) if barriers and normal is not None else None,
        outlines=list(buildings.geometry),
    )
    table = _table(buildings, overlay, scenario)
    listener.advance(max(len(buildings), 1))
    listener.finish()
    facts = {
        "title": {"ja": scenario.title_ja, "en": scenario.title_en},
        "scenario": scenario.name,
        "barriers": _barriers(scenario, barriers),
        "legend": scenario.legend,
        "floor_m": scenario.floor_m,
        "vertical": str(store.vertical),
    }
    result = FloodResult(
        name=scenario.name,
        depth=overlay.depth,
        critical_level=overlay.critical_level,
        state=overlay.state,
        buildings=table,
        summary=facts,
    )
    return result, _figures(overlay, table, scenario)


def _barriers(scenario: StaticScenario, barriers: Sequence[BurnedBarrier]) -> list[dict[str, Any]]:
    """Return what stood in the water's way, with its height in the store's datum."""
    return [
        {"name": one.name, "state": one.state, "height_m": round(other.height_m, 4)}
        for one, other in zip(scenario.barriers, barriers, strict=True)
    ]


def _table(buildings: Any, overlay: Overlay, scenario: StaticScenario) -> Any:
    """Return the building table of the overlay, in the order of the buildings."""
    exposure = overlay.exposure
    known = np.isfinite(exposure.max_depth_m)
    rank = depth_legend(scenario.legend).rank_of(exposure.max_depth_m).astype(np.int8)
    columns = {
        "id": np.asarray(buildings["id"], dtype=object),
        "max_depth_m": exposure.max_depth_m.round(3),
        "mean_depth_m": exposure.mean_depth_m.round(3),
        "wet_share": exposure.wet_share.round(3),
        "unknown_share": exposure.unknown_share.round(3),
        "rank": np.where(known, rank, np.int8(_UNKNOWN_RANK)).astype(np.int8),
        "above_floor": known & (exposure.max_depth_m >= scenario.floor_m),
    }
    return geopandas.GeoDataFrame(columns, geometry=np.asarray(buildings.geometry), crs=buildings.crs)


def _figures(overlay: Overlay, table: Any, scenario: StaticScenario) -> dict[str, Any]:
    state, depth = overlay.state.values, overlay.depth.values
    flooded = state == FloodState.FLOODED
    cell_m2 = overlay.state.frame.resolution_m**2
    wet = depth[flooded].astype(np.float64)
    rank = np.asarray(table["rank"])
    ranks = [entry.rank for entry in depth_legend(scenario.legend).ranks]
    return {
        "cells": int((state != FloodState.OUTSIDE).sum()),
        "wet_cells": int(flooded.sum()),
        "water_cells": int((state == FloodState.WATER).sum()),
        "unknown_cells": int((state == FloodState.UNKNOWN).sum()),
        "wet_area_m2": round(float(flooded.sum()) * cell_m2, 3),
        "volume_m3": round(float(wet.sum()) * cell_m2, 3),
        "max_depth_m": round(float(wet.max()), 3) if wet.size else 0.0,
        "buildings": len(table),
        "buildings_wet": int((rank > 0).sum()),
        "buildings_above_floor": int(np.asarray(table["above_floor"]).sum()),
        "buildings_unknown": int((rank == _UNKNOWN_RANK).sum()),
        "by_rank": {str(one): int((rank == one).sum()) for one in ranks},
    }


def _summary(report: Mapping[str, Any], *, skipped: bool) -> FloodSummary:
    names = FloodSummary.__dataclass_fields__
    return FloodSummary(**{**{key: value for key, value in report.items() if key in names}, "skipped": skipped})


def _check_age(store: Store, level: ResolvedLevel | None, at: datetime | None) -> None:
    """Refuse a gauge that had fallen silent: its last stage says nothing about the water at the moment `at`."""
    if level is None or level.observed_at is None:
        return
    feed = next(record for record in read_feeds(store) if record.name == level.source.split("/", 1)[0])
    age_s = ((at or feed.last_at or level.observed_at) - level.observed_at).total_seconds()
    if age_s > feed.limits.dead_after_s:
        limit = age_text(feed.limits.dead_after_s).removesuffix(" ago")
        by = "by the newest reading of its feed" if at is None else f"by {at.isoformat()}"
        raise StageError(
            f"gauge {level.source} measured last {age_text(age_s)}, {by}, which is not believed after {limit};"
            " choose another gauge or moment"
        )


def _is_live(scenario: StaticScenario) -> bool:
    return any(level is not None and level.gauge is not None for level in (scenario.level, scenario.normal))
