"""What the commands that show and hand out do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.runs import latest_run, run_once
from twin.errors import ConfigError, RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tiles.flood import FloodResult
    from tiles.store import Store
    from twin.cli.session import Session

__all__ = ["FORMATS", "export", "moment", "report", "snapshot"]


def moment(text: str) -> datetime | None:
    """Read a time with its zone, or nothing.

    Raises
    ------
    ConfigError
        If the text is no time or names no zone.
    """
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"time {text!r}: write ISO 8601, such as 2025-10-01T15:00:00+09:00") from None
    if parsed.tzinfo is None:
        raise ConfigError(f"time {text!r} has no zone; write 2025-10-01T15:00:00+09:00 or ...Z")
    return parsed


def export(
    session: Session, store: Store, format_name: str, out: Path, *, geoid_separation_m: float | None = None
) -> None:
    """Write one format from the newest runs.

    Raises
    ------
    ConfigError
        If the format is unknown; the message lists those there are.
    """
    if format_name not in FORMATS:
        raise ConfigError(f"unknown format {format_name!r}: choose one of {', '.join(sorted(FORMATS))}")
    facts = {
        "format": format_name,
        "out": str(out.resolve()),
        "geoid_separation_m": geoid_separation_m,
        "inputs": _inputs(store),
    }
    with store.writing():
        summary = run_once(
            store, "export", facts, [out], lambda: FORMATS[format_name](session, store, out, geoid_separation_m)
        )
    counts = {key: value for key, value in summary.counts.items() if key in ("files", "bytes", "points", "buildings")}
    session.count(format=format_name, **counts)
    text = f"{out}, {counts['files']} files, {counts['bytes'] / 1e6:.1f} MB"
    session.tell(f"export {format_name}", text, summary.counts["seconds"], skipped=not summary.n_done)


def snapshot(
    session: Session,
    store: Store,
    out: Path,
    *,
    layers: str = "",
    size: tuple[int, int] = (1600, 1000),
    now: str = "",
    title: str = "",
) -> bool:
    """Draw one picture; returns whether this machine could, and says what it lacks if not.

    Without live readings, or at a stated time, it depends on the store alone and is not drawn again while it stands.
    """
    from viewer.snapshot import snapshot as draw

    names: Any = [name.strip() for name in layers.split(",") if name.strip()] or None
    inputs = _inputs(store)
    ages = now or (datetime.now(UTC).isoformat() if "live" in inputs["runs"] else "")
    facts = {"out": str(out.resolve()), "layers": layers, "size": size, "title": title, "now": ages, "inputs": inputs}

    def body() -> dict[str, Any]:
        made = draw(store, out, layers=names, size=size, now=moment(now), title=title or None)
        return {"path": str(made.path), "width": made.width, "height": made.height, "layers": list(made.layers)}

    try:
        with store.writing():
            summary = run_once(store, "snapshot", facts, [out], body)
    except RenderError as error:
        session.say(f"no picture: {error}")
        session.count(path=None, reason=str(error))
        return False
    session.count(**{key: summary.counts[key] for key in ("path", "width", "height", "layers")})
    text = f"{out}, layers {', '.join(summary.counts['layers'])}"
    session.tell("snapshot", text, summary.counts["seconds"], skipped=not summary.n_done)
    return True


def report(
    session: Session,
    store: Store,
    out: Path,
    *,
    snapshot_png: Path | None = None,
    now: str = "",
    title: str | Mapping[str, str] = "",
) -> None:
    """Write the report."""
    from viewer.report import write_report

    named = title or f"{store.path.name} {store.epoch}".strip()
    path = write_report(store, out, title=named, snapshot=snapshot_png, now=moment(now))
    session.count(path=str(path))
    session.tell("report", str(path))


_STAGES = ("classify", "terrain", "model", "flood", "live")


def _inputs(store: Store) -> dict[str, Any]:
    """Everything an export can depend on: the tiles' revisions, the newest runs' artefacts, every flood overlay."""
    from tiles.flood import flood_checksums
    from twin.config import digest

    newest = {stage: store.manifest.latest_run(stage) for stage in _STAGES}
    runs = {stage: row.run for stage, row in newest.items() if row is not None}
    artefacts = {
        run: sorted((key, row.checksum) for key, row in store.manifest.artefacts(run).items()) for run in runs.values()
    }
    points = [(str(row.tile), row.rev) for row in store.tiles()]
    feeds = [row.params for row in store.manifest.runs() if row.stage == "live"]
    return {"runs": runs, "digest": digest(points, artefacts, flood_checksums(store), feeds)}


def _lineage(store: Store) -> dict[str, Any]:
    from pipelines.runs import software

    sources = [
        {"uri": Path(row.uri).name, "digest": row.digest} for row in store.manifest.sources() if row.state == "done"
    ]
    return {"sources": sources, "runs": _inputs(store)["runs"], "software": software()}


def _buildings(store: Store) -> Any:
    from tiles.buildings import read_buildings

    return read_buildings(store, latest_run(store, "model"))


def _sized(path: Path, **counts: int) -> dict[str, int]:
    return {"files": 1, "bytes": path.stat().st_size, **counts}


def _cityjson(session: Session, store: Store, out: Path, _: float | None) -> Mapping[str, Any]:
    from tiles.cityjson import write_cityjson

    facts = write_cityjson(
        out, _buildings(store), crs=store.crs, vertical=store.vertical, title=out.stem, lineage=_lineage(store)
    )
    return _sized(out, buildings=facts.buildings)


def _cityjsonseq(session: Session, store: Store, out: Path, _: float | None) -> Mapping[str, Any]:
    from tiles.cityjson import write_cityjsonseq

    facts = write_cityjsonseq(
        out, _buildings(store), crs=store.crs, vertical=store.vertical, title=out.stem, lineage=_lineage(store)
    )
    return _sized(out, buildings=facts.buildings)


def _tiles3d(session: Session, store: Store, out: Path, geoid_separation_m: float | None) -> Mapping[str, Any]:
    from tiles.tiles3d import BuildingTileParams, PointTileParams, export_buildings, export_points

    labels = store.manifest.latest_run("classify")
    params = PointTileParams(geoid_separation_m=geoid_separation_m, without_classes=(7, 18))
    parts = [export_points(out, store, labels.run if labels else None, params, session.progress)]
    if store.manifest.latest_run("model") is not None and (buildings := _buildings(store)):
        solid = BuildingTileParams(geoid_separation_m=geoid_separation_m, extra=_flood_facts(store))
        parts.append(export_buildings(out, buildings, store.crs, store.vertical, solid, session.progress))
    totals = {key: sum(getattr(part, key) or 0 for part in parts) for key in ("files", "bytes", "points", "buildings")}
    return {**totals, "files": totals["files"] + 1, "bytes": totals["bytes"] + (out / "tileset.json").stat().st_size}


def _flood_facts(store: Store) -> dict[str, dict[str, Any]]:
    """Depth and rank of each building in the newest overlay."""
    from tiles.flood import flood_names, read_flood

    if not flood_names(store):
        return {}
    result = read_flood(store)
    return {
        str(row["id"]): {
            "floodScenario": result.name,
            "floodDepth": float(row["max_depth_m"]),
            "floodRank": int(row["rank"]),
        }
        for _, row in result.buildings.iterrows()
    }


def _cog(session: Session, store: Store, out: Path, _: float | None) -> Mapping[str, Any]:
    from tiles.cog import write_cog
    from tiles.flood import flood_names, read_flood
    from tiles.rasters import read_raster

    out.mkdir(parents=True, exist_ok=True)
    run = latest_run(store, "terrain")
    rasters = {name: read_raster(store, run, name) for name in ("dtm", "dsm", "hag", "density")}
    floods = {f"flood_{name}": read_flood(store, name) for name in flood_names(store)}
    rasters |= {name: result.depth for name, result in floods.items()}
    for name, raster in rasters.items():
        tags = _flood_tags(floods[name]) if name in floods else {}
        unit = "1/m2" if name == "density" else "m"
        write_cog(out / f"{name}.tif", raster, description=name, unit=unit, tags=tags)
    return {"files": len(rasters), "bytes": sum((out / f"{name}.tif").stat().st_size for name in rasters)}


def _gpkg(session: Session, store: Store, out: Path, _: float | None) -> Mapping[str, Any]:
    from tiles.buildings import building_table
    from tiles.flood import flood_names, read_flood
    from tiles.vectors import write_gpkg

    table = building_table(store, latest_run(store, "model"))
    layers = {"buildings": table.assign(vertical_datum=str(store.vertical))}
    for name in flood_names(store):
        result = read_flood(store, name)
        level = _water_level(result)
        layers[f"flood_{name}"] = result.buildings.assign(
            water_level_m=level["height_m"], vertical_datum=str(store.vertical), title=result.summary["title"]["en"]
        )
    write_gpkg(out, layers)
    return _sized(out, buildings=len(table))


def _water_level(result: FloodResult) -> Mapping[str, Any]:
    """Return the level of an overlay in the store's datum and as given."""
    level: Mapping[str, Any] = result.summary["level"]
    return level


def _flood_tags(result: FloodResult) -> dict[str, str]:
    """Return what a depth raster must say of itself: depth of which water, above which zero."""
    level = _water_level(result)
    return {
        "SCENARIO": result.name,
        "TITLE": result.summary["title"]["en"],
        "WATER_LEVEL_M": f"{level['height_m']:.4f}",
        "WATER_LEVEL_DATUM": str(result.summary["vertical"]),
        "WATER_LEVEL_GIVEN": f"{level['given_m']:.4f} m {level['given_datum']} ({level['source']})",
        "WATER_OBSERVED_AT": level["observed_at"] or "",
    }


def _laz(session: Session, store: Store, out: Path, _: float | None) -> Mapping[str, Any]:
    from tiles.las_export import export_laz

    labels = store.manifest.latest_run("classify")
    files = export_laz(store, out, labels.run if labels else None, session.progress)
    points = sum(row.n_points for row in store.tiles())
    return {"files": len(files), "bytes": sum(path.stat().st_size for path in files), "points": points}


FORMATS: dict[str, Callable[[Session, Store, Path, float | None], Mapping[str, Any]]] = {
    "3dtiles": _tiles3d,
    "cityjson": _cityjson,
    "cityjsonseq": _cityjsonseq,
    "cog": _cog,
    "gpkg": _gpkg,
    "laz": _laz,
}
"""Writers by format name."""
