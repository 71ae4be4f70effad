"""What the deriving commands do: one function a stage, shared by the commands and the project runner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.runs import latest_run, run_tiled
from twin.cli.outputs import moment
from twin.config import Layer, Settings, preset
from twin.errors import ConfigError, StageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipelines.executors import Executor
    from pipelines.ingest import IngestParams
    from pipelines.runs import RunSummary
    from tiles.manifest import RunRow
    from tiles.store import Store
    from twin.cli.session import Session

__all__ = [
    "adjust",
    "bytes_per_point",
    "classify",
    "contents",
    "cost",
    "delivery_epoch",
    "epochs",
    "flood",
    "ingest",
    "ingest_params",
    "layered",
    "model",
    "parameter_kinds",
    "review",
    "terrain",
    "told_once",
]

_LISTED = 3
"""Files named one by one that share a reason."""


def parameter_kinds() -> dict[str, type]:
    """Return the parameter dataclasses by the names that presets, project files and ``--set`` use for them."""
    from pipelines.acceptance.params import AcceptanceParams
    from pipelines.adjust import AdjustParams
    from pipelines.cityobjects import ObjectParams
    from pipelines.classify import STAGES
    from pipelines.ingest import IngestParams
    from pipelines.model import ModelParams
    from pipelines.roofs.params import RoofParams
    from pipelines.terrain import TerrainParams
    from tiles.citygml import CityGmlParams

    return {
        **STAGES,
        "adjust": AdjustParams,
        "check": AcceptanceParams,
        "citygml": CityGmlParams,
        "ingest": IngestParams,
        "model": ModelParams,
        "objects": ObjectParams,
        "roofs": RoofParams,
        "terrain": TerrainParams,
    }


def layered(overrides: Settings, profile: str = "", project: Layer | None = None) -> Settings:
    """Return all layers of a job, weakest first: profile preset, project file, ``--set``.

    Raises
    ------
    ConfigError
        If a layer speaks of a stage that does not exist.
    """
    settings = Settings()
    if profile:
        settings = settings.with_layer(Layer(where=f"profiles/{profile}.yaml", stages=preset("profiles", profile)))
    for layer in ([project] if project else []) + list(overrides.layers):
        settings = settings.with_layer(layer)
    if settings.layers:  # to know all stages is to load them: half a second that most commands need not spend
        settings.check_stages(parameter_kinds())
    return settings


def ingest_params(session: Session, options: Mapping[str, Any]) -> IngestParams:
    """Return what a delivery is told, from options over ``--set``; `options` are fields of ``IngestParams``."""
    from pipelines.ingest import IngestParams

    given = Layer(where="options", stages={"ingest": options})
    return layered(session.overrides()).with_layer(given).params("ingest", IngestParams)


def delivery_epoch(address: str | Path, params: IngestParams) -> Store:
    """Return a store at the epoch that a delivery goes into: as asked for, or the only one there is.

    Raises
    ------
    ConfigError
        If two epochs are asked for, or none and there are several.
    """
    from tiles.address import split_address
    from tiles.store import Store

    store, (place, chosen) = Store.open(address, new_epoch=True), split_address(address)
    if params.epoch and chosen not in (None, params.epoch):
        raise ConfigError(f"{address} is one epoch, --epoch {params.epoch} another; say it once")
    if params.epoch:
        return store.at_epoch(params.epoch)
    names = store.manifest.epoch_names()
    if chosen is None and len(names) > 1:
        there = ", ".join(name or "one without a name" for name in names)
        raise ConfigError(
            f"{place} has {len(names)} epochs ({there}): say with --epoch which of them the files are of, or name a new"
            f" one; {place}# is the one without a name"
        )
    return store


def ingest(
    session: Session, store: Store, executor: Executor, sources: Sequence[Path], options: Mapping[str, Any]
) -> None:
    """Turn files into tiles; `options` are fields of ``IngestParams`` and stand above all settings."""
    from pipelines.ingest import ingest as run

    summary = run(store, sources, ingest_params(session, options), executor, session.progress)
    session.failed.extend(summary.refused)
    for line in told_once(summary.refused):
        session.say(f"refused: {line}")
    for remark in summary.remarks:
        session.say(f"remark: {remark['message']}")
    for change in summary.replaced:
        session.say(f"replaced: {change['uri']} ({change['digest'][:8]}) by {change['replaced_by'][:8]}")
    for line in told_once(summary.skipped):
        session.say(f"skipped: {line}")
    session.count(
        **contents(store),
        refused=list(summary.refused),
        skipped=list(summary.skipped),
        remarks=list(summary.remarks),
        replaced=list(summary.replaced),
        points_now=summary.points,
    )
    if summary.sources:
        session.tell(
            f"ingest{f' {store.epoch}' if store.epoch else ''}",
            f"{summary.points:,} points of {summary.sources} files in {summary.tiles} tiles",
            summary.seconds,
        )
    elif not store.tiles():
        raise StageError(f"{store.address}: none of the {len(sources)} sources could be taken, so the store is empty")
    else:
        session.tell("ingest", "nothing to do, every source that can be taken is in the store")


def told_once(files: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield a line for each file, ``{"uri", "reason"}``, or one for all that share a reason if they are many."""
    alike: dict[str, list[str]] = {}
    for file in files:
        reason = file["reason"].removeprefix(f"{Path(file['uri']).name}: ")
        alike.setdefault(reason, []).append(file["uri"])
    for reason, uris in alike.items():
        if len(uris) > _LISTED:
            yield f"{len(uris):,} files, the first {uris[0]}: {reason}"
        else:
            yield from (f"{uri}: {reason}" for uri in uris)


def adjust(session: Session, store: Store, executor: Executor, settings: Settings, out: Path | None = None) -> None:
    """Say how flight strips fit, and write the shifts that would bring them together; the store stays as it is."""
    from pipelines.adjust import AdjustParams, AdjustStage
    from pipelines.ingest import write_shifts

    stage = AdjustStage(steps=settings.params("adjust", AdjustParams))
    summary = run_tiled(store, stage, executor, session.progress)
    counts = summary.counts
    session.count(**{key: counts[key] for key in ("strips", "pairs", "alone", "rms_before_m", "rms_after_m")})
    for entry in counts["strips"]:
        session.say(
            f"{_strip_name(entry['strip'])}: " + ", ".join(map(_shift, "xyz", entry["shift_m"], entry["sigma_m"]))
        )
    for strip in counts["alone"]:
        session.say(f"{_strip_name(strip)}: sees no plane together with another strip")
    text = (
        f"{len(counts['strips'])} strips, {counts['rms_before_m']:.3f} m from each other, {counts['rms_after_m']:.3f} m"
    )
    _tell(session, summary, f"{text} with the shifts")
    if out is not None:
        write_shifts(out, counts["strips"], store.crs)
        session.say(f"{out}: give it to `twin ingest --shifts` to apply them")


def _strip_name(strip: Mapping[str, Any]) -> str:
    file = f"file {Path(strip['file']).name}" if "file" in strip else ""
    number = strip.get("point_source_id", strip.get("id"))
    return " ".join(part for part in (file, f"strip {number}" if number is not None else "") if part)


def _shift(axis: str, shift: float, sigma: float | None) -> str:
    return f"{axis} not determined" if sigma is None else f"{axis} {shift:+.3f} m"


def classify(
    session: Session,
    store: Store,
    executor: Executor,
    settings: Settings,
    footprints: str = "",
    water: str = "",
    *,
    redo: bool = False,
) -> None:
    """Label every tile; `footprints` and `water` are files of polygons, as evidence."""
    from pipelines.classify import classify_stage, evidence_file

    given = (evidence_file(Path(file)) if file else None for file in (footprints, water))
    summary = run_tiled(store, classify_stage(settings, *given), executor, session.progress, redo=redo)
    counts = summary.counts
    sure = counts.get("confidence") or {}
    session.count(points=counts["points"], classes=counts["classes"], confidence=sure)
    told = f"{counts['points']:,} points, classes {_listed(counts['classes'])}"
    if sure.get("mean") is not None:
        told += f"; confidence {sure['mean']:.0f} % on average, {sure['doubtful']:.1f} % of the points below 60 %"
    _tell(session, summary, told)


def review(session: Session, store: Store, executor: Executor, out: Path, n_places: int) -> None:
    """Write where the newest labels are most doubtful: a page with pictures, and the places as GeoJSON beside it."""
    from pipelines.quality.doubt import find_doubt
    from viewer.report.review import write_review

    found = find_doubt(store, latest_run(store, "classify"), n_places, executor, session.progress)
    page, places = write_review(store, found, out)
    session.count(review=str(page), places=[place.as_dict() for place in found.places])
    session.say(f"review: {len(found.places)} places to look at in {page}, and in {places} for a map")


def terrain(session: Session, store: Store, executor: Executor, settings: Settings, *, redo: bool = False) -> None:
    """Derive the rasters from the newest labels."""
    from pipelines.terrain import TerrainParams, TerrainStage

    params = settings.params("terrain", TerrainParams)
    stage = TerrainStage(steps=params, labels_run=latest_run(store, "classify"))
    summary = run_tiled(store, stage, executor, session.progress, redo=redo)
    counts = summary.counts
    shore = counts["shore_step"]
    session.count(**{key: counts[key] for key in ("cells", "resolution_m", "void_share", "shore_step")})
    told = (
        f"; step between land and bed at the shore: median {shore['median_m']:.2f} m, 95 % within"
        f" {shore['p95_m']:.2f} m, {shore['not_blended_share']:.0%} too large to be blended"
        if shore["cells"]
        else ""
    )
    _tell(
        session,
        summary,
        f"{counts['cells']:,} cells of {counts['resolution_m']:g} m, {counts['void_share']:.1%} void{told}",
    )


def model(
    session: Session,
    store: Store,
    executor: Executor,
    settings: Settings,
    footprints: str = "",
    *,
    redo: bool = False,
) -> None:
    """Reconstruct buildings from the newest labels and terrain."""
    from pipelines.model import ModelParams
    from pipelines.model.stage import ModelStage, footprint_file
    from pipelines.roofs.params import RoofParams

    stage = ModelStage(
        rules=settings.params("model", ModelParams),
        roofs=settings.params("roofs", RoofParams),
        labels_run=latest_run(store, "classify"),
        terrain_run=latest_run(store, "terrain"),
        footprints=footprint_file(Path(footprints)) if footprints else None,
    )
    summary = run_tiled(store, stage, executor, session.progress, redo=redo)
    counts = summary.counts
    keys = ("buildings", "by_lod", "valid_share", "rmse_median_m", "without_model", "alignment")
    session.count(**{key: counts[key] for key in keys})
    if counts["alignment"] and counts["alignment"]["message"]:
        session.say(f"remark: {counts['alignment']['message']}")
    missing = f", {counts['n_without_model']} without a model" if counts["n_without_model"] else ""
    _tell(session, summary, f"{counts['buildings']:,} buildings{missing}, {counts['valid_share']:.1%} valid")


def flood(session: Session, store: Store, scenario: str, now: str = "") -> None:
    """Compute one scenario over the newest terrain and buildings, at a stated time if it follows a gauge."""
    from pipelines.flood import load_scenario, run_flood

    loaded = load_scenario(scenario)
    buildings = store.manifest.latest_run("model")
    buildings_run = buildings.run if buildings else None
    summary = run_flood(store, loaded, latest_run(store, "terrain"), buildings_run, session.progress, at=moment(now))
    session.count(
        scenario=loaded.name,
        cells=summary.cells,
        wet_cells=summary.wet_cells,
        max_depth_m=summary.max_depth_m,
        buildings_wet=summary.buildings_wet,
        by_rank=dict(summary.by_rank),
        mass_error=None,
        level=dict(summary.level),
    )
    wet = f"{summary.wet_area_m2:,.0f} m² under water, at most {summary.max_depth_m:.2f} m deep"
    text = f"{wet}, {summary.buildings_wet} of {summary.buildings} buildings"
    session.tell(f"flood {loaded.name}", text, summary.seconds, skipped=summary.skipped)


def contents(store: Store) -> dict[str, Any]:
    """Return what is in a store, by the names of the JSON result."""
    tiles = store.tiles()
    return {
        "points": sum(row.n_points for row in tiles),
        "tiles": len(tiles),
        "sources": sum(1 for row in store.manifest.sources() if row.state == "done"),
        "crs": store.crs.code,
        "vertical": str(store.vertical),
        "epoch": store.epoch,
        "bounds": [round(side, 3) for side in store.bounds] if tiles else None,
    }


def converted_heights(store: Store) -> list[dict[str, Any]]:
    """Return how heights of files came to the store's datum, with how many files each way took; none as they were."""
    ways: dict[str, dict[str, Any]] = {}
    for row in store.manifest.sources():
        way = row.meta.get("heights") if row.state == "done" else None
        if way:
            entry = ways.setdefault(json.dumps(way, sort_keys=True), {**way, "sources": 0})
            entry["sources"] += 1
    return [ways[key] for key in sorted(ways)]


def height_lines(ways: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for people about each of `converted_heights`."""
    for way in ways:
        counted = "depths" if way.get("depths") else "heights"
        shift = f" {way['shift_m']:+.4f} m" if way["shift_m"] else ""
        grids = [f"{grid['model']} ({grid['file']}, {grid['digest'][:8]})" for grid in way["grids"]]
        by = f" by {', '.join(grids)}" if grids else ""
        ends = f"from {way['from']} to {way['to']}" if way["from"] else "turned over"
        yield f"{counted} {ends}{shift}{by}: {way['sources']} source(s)"


def bytes_per_point(store: Store) -> dict[str, float]:
    """Return the bytes that each column takes at rest, divided by the store's points; largest first."""
    from tiles.sizes import column_bytes

    n_points = max(1, sum(row.n_points for row in store.tiles()))
    return {name: round(size / n_points, 4) for name, size in column_bytes(store).items()}


def epochs(store: Store) -> list[dict[str, Any]]:
    """Return the survey epochs of a store, the oldest first, by the names of the JSON result."""
    return [
        {
            "epoch": row.name,
            "points": row.n_points,
            "tiles": row.n_tiles,
            "sources": row.n_sources,
            "first_ingest": row.begun_at,
            "last_ingest": row.changed_at,
            "replaced": len(store.manifest.of_epoch(row.name).replaced_sources()),
        }
        for row in store.manifest.epochs()
    ]


def cost(row: RunRow) -> dict[str, Any]:
    """Return what a run was and what it cost; a rate only where it worked on points."""
    figures = row.figures
    points = int(figures.get("points_now", figures.get("points")) or 0)
    cpu_seconds = float(figures.get("cpu_seconds") or 0.0)
    return {
        "run": row.run,
        "stage": row.stage,
        "state": row.state,
        "seconds": float(figures.get("seconds") or 0.0),
        "cpu_seconds": cpu_seconds,
        "points_per_cpu_second": round(points / cpu_seconds) if points and cpu_seconds else None,
        "peak_mb": float(figures.get("peak_mb") or 0.0),
    }


def _tell(session: Session, summary: RunSummary, text: str) -> None:
    session.fail(summary.failed)
    if summary.failed and not summary.counts["tiles"]:
        raise StageError(f"{summary.stage}: no tile could be done, so there is nothing for later stages to build on")
    if summary.n_done == 0 and not summary.failed:
        session.tell(summary.stage, f"nothing to do, all is there from the same inputs: {text}")
    else:
        session.tell(summary.stage, text, float(summary.counts["seconds"]))


def _listed(classes: Mapping[str, int]) -> str:
    return ", ".join(f"{code}: {n:,}" for code, n in sorted(classes.items(), key=lambda entry: int(entry[0])))
