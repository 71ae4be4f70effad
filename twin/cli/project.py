"""Running a project file: every stage in order, each from what is in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from twin.cli import stages
from twin.cli.sources import expand_sources
from twin.errors import ConfigError
from twin.project import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelines.executors import Executor
    from tiles.store import Store
    from twin.cli.session import Session
    from twin.project import Project

__all__ = ["create_store", "run_project"]


def create_store(path: str | Path, facts: Mapping[str, Any]) -> Store:
    """Make an empty store from an area's facts: ``crs``, ``vertical``, and optionally ``tile_edge_m``."""
    from tiles.store import Store

    from twin.crs import parse_crs, require_metres
    from twin.vertical import VerticalDatum

    return Store.create(
        path,
        crs=require_metres(parse_crs(str(facts["crs"])), f"store {path}"),
        vertical=VerticalDatum.parse(str(facts["vertical"])),
        tile_edge_m=float(facts.get("tile_edge_m", 512.0)),
    )


def run_project(session: Session, project: Project, out: Path, from_stage: str = "") -> None:
    """Do all stages of a project into `out`: ``store/``, ``exports/``, ``snapshot.png``, ``report.html``.

    Raises
    ------
    ConfigError
        If `from_stage` is no stage.
    """
    from tiles.store import Store

    if from_stage and from_stage not in STAGES:
        raise ConfigError(f"--from {from_stage!r}: choose one of {', '.join(STAGES)}")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "store"
    if not (path / "zarr.json").exists():
        create_store(path, {"crs": project.crs, "vertical": project.vertical, "tile_edge_m": project.tile_edge_m})
    _write_merged(session, project, out)
    redo = set(STAGES[STAGES.index(from_stage) :]) if from_stage else set()
    stages.remember(session, project, redo)
    with session.executor() as executor:
        _derive(session, project, Store.open(path), executor)
    _hand_out(session, project, Store.open(path), out)


def _derive(session: Session, project: Project, store: Store, executor: Executor) -> None:
    sources = expand_sources(project.sources, project.path.parent)
    stages.ingest(session, store, executor, sources, project.ingest)
    stages.classify(session, store, executor, profile=project.profile)
    stages.terrain(session, store, executor)
    footprints = str(project.at(project.footprints)) if project.footprints else ""
    stages.model(session, store, executor, footprints=footprints)
    for feed, recording in project.feeds.items():
        stages.replay(session, store, project.at(recording), feed)
    for scenario in project.scenarios:
        local = project.at(scenario)
        stages.flood(session, store, str(local) if local.is_file() else scenario)


def _hand_out(session: Session, project: Project, store: Store, out: Path) -> None:
    names = {"cityjson": f"{project.name}.city.json", "cityjsonseq": f"{project.name}.city.jsonl"}
    for format_name in project.exports:
        target = out / "exports" / names.get(format_name, format_name)
        stages.export(session, store, format_name, target, geoid_separation_m=project.geoid_separation_m)
    picture = out / "snapshot.png"
    drawn = stages.snapshot(session, store, picture, now=project.now, title=project.title)
    stages.report(
        session, store, out / "report.html", snapshot_png=str(picture) if drawn else "", now=project.now, title=project.title
    )


def _write_merged(session: Session, project: Project, out: Path) -> None:
    """Write the merged configuration beside the result."""
    settings = stages.settings_for(session, project.profile, project)
    merged = {
        stage: {key: value for layer in settings.layers for key, value in layer.stages.get(stage, {}).items()}
        for stage in sorted({stage for layer in settings.layers for stage in layer.stages})
    }
    facts = {name: getattr(project, name) for name in project.__slots__ if name not in {"path", "stages"}}
    text = yaml.safe_dump({**_plain(facts), "stages": _plain(merged)}, allow_unicode=True, sort_keys=True)
    (out / "project.merged.yaml").write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value
