"""Running a project file: every stage in order, each from what is in the store."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from twin.cli import derive, exports, live, outputs
from twin.cli.objects import objects
from twin.cli.sources import expand_sources
from twin.errors import ConfigError, TwinError
from twin.project import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelines.executors import Executor
    from tiles.store import Store
    from twin.cli.session import Session
    from twin.config import Settings
    from twin.project import Project

__all__ = ["create_store", "ingest_options", "run_project"]


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
    if from_stage and from_stage not in STAGES:
        raise ConfigError(f"--from {from_stage!r}: choose one of {', '.join(STAGES)}")
    settings = derive.layered(session.overrides(), project.profile, project.layer())
    out.mkdir(parents=True, exist_ok=True)
    _write_merged(project, settings, out / "project.merged.yaml")
    path = out / "store"
    if not (path / "zarr.json").exists():
        create_store(path, {"crs": project.crs, "vertical": project.vertical, "tile_edge_m": project.tile_edge_m})
    store = derive.delivery_epoch(path, derive.ingest_params(session, ingest_options(project)))
    with session.executor() as executor:
        _derive(session, project, _Job(store, executor, settings, from_stage))
    _overlay(session, project, store)
    _hand_out(session, project, store, settings, out)


@dataclass(frozen=True, slots=True)
class _Job:
    """What the tiled stages of a project have in common."""

    store: Store
    executor: Executor
    settings: Settings
    from_stage: str

    def redo(self, stage: str) -> bool:
        """Whether the user asked for this stage again."""
        return bool(self.from_stage) and STAGES.index(stage) >= STAGES.index(self.from_stage)


def _derive(session: Session, project: Project, job: _Job) -> None:
    told = ingest_options(project)
    reading = derive.ingest_params(session, told).reading
    sources = expand_sources(project.sources, project.path.parent, reading)
    derive.ingest(session, job.store, job.executor, sources, told)
    footprints, water = (str(project.at(file)) if file else "" for file in (project.footprints, project.water))
    derive.classify(session, job.store, job.executor, job.settings, footprints, water, redo=job.redo("classify"))
    derive.terrain(session, job.store, job.executor, job.settings, redo=job.redo("terrain"))
    derive.model(session, job.store, job.executor, job.settings, footprints, redo=job.redo("model"))
    objects(session, job.store, job.executor, job.settings, water, redo=job.redo("objects"))


def ingest_options(project: Project) -> dict[str, Any]:
    """Return a project's options of ingest; grids and tables of datums that lie beside the project file are found."""
    told = dict(project.ingest)
    grids = told.get("geoid", [])
    if isinstance(grids, str | list | tuple) and grids:
        told["geoid"] = [_beside(project, str(grid)) for grid in ([grids] if isinstance(grids, str) else grids)]
    if isinstance(told.get("datums"), str):
        told["datums"] = _beside(project, told["datums"])
    return told


def _beside(project: Project, text: str) -> str:
    """Return ``FILE`` or ``DATUM=FILE`` with the file as seen from here, if it lies beside the project file."""
    datum, equals, file = text.rpartition("=")
    there = project.at(file)
    return f"{datum}{equals}{there}" if file and there.is_file() else text


def _overlay(session: Session, project: Project, store: Store) -> None:
    for feed, recording in project.feeds.items():
        live.replay(session, store, project.at(recording), feed)
    for scenario in project.scenarios:
        local = project.at(scenario)
        derive.flood(session, store, str(local) if local.is_file() else scenario, project.now)


def _hand_out(session: Session, project: Project, store: Store, settings: Settings, out: Path) -> None:
    (out / "exports").mkdir(exist_ok=True)
    for format_name in project.exports:
        kind = exports.FORMATS.get(format_name)
        target = out / "exports" / (f"{project.name}{kind.ending}" if kind and kind.ending else format_name)
        try:
            exports.export(
                session,
                store,
                format_name,
                target,
                geoid_separation_m=project.geoid_separation_m,
                settings=settings,
            )
        except ConfigError:
            raise
        except TwinError as error:  # one format that cannot be written fails alone
            session.fail([{"export": format_name, "reason": str(error)}])
    title = project.title.get("ja", "") + (" " if len(project.title) > 1 else "") + project.title.get("en", "")
    picture = out / "snapshot.png"
    drawn = outputs.snapshot(session, store, picture, now=project.now, title=title)
    outputs.report(
        session,
        store,
        out / "report.html",
        snapshot_png=picture if drawn else None,
        now=project.now,
        title=project.title,
    )


def _write_merged(project: Project, settings: Settings, path: Path) -> None:
    """Write the configuration as it is after all layers, beside the result."""
    stages = {
        name: dataclasses.asdict(settings.params(name, kind)) for name, kind in sorted(derive.parameter_kinds().items())
    }
    facts = {f.name: getattr(project, f.name) for f in dataclasses.fields(project) if f.name not in {"path", "stages"}}
    text = yaml.safe_dump(_plain({**facts, "stages": stages}), allow_unicode=True, sort_keys=False)
    path.write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    """Return YAML's own types."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value
