"""Running a stage over a store: what is to do, what is done already, and the record of it.

A run is named by its stage, version, parameters and input runs, so the same request finds the same run. Each tile's
artefact remembers a digest of everything it was made from; a tile is done again only when that changed. The manifest is
written here, by the client alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.conditions import SeesStore, software
from pipelines.ledger import Ledger
from pipelines.metering import Meter
from pipelines.nearby import Nearby
from pipelines.worker import TileTask, run_tile_task
from tiles.manifest import ArtefactRow
from tiles.rasters import raster_block_path
from twin.config import digest
from twin.errors import StageError, ends_everything
from twin.progress import Progress, Silent
from twin.tiling import TileId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pipelines.executors import Executor
    from pipelines.worker import TileStage
    from tiles.manifest import RunRow
    from tiles.store import Store

__all__ = ["RunSummary", "latest_run", "run_id", "run_once", "run_tiled", "software"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What came of a stage."""

    run: str
    stage: str
    n_done: int
    """Tiles worked on now."""
    n_skipped: int
    """Tiles that were done already, from the same inputs."""
    failed: tuple[Mapping[str, str], ...] = ()
    """``{"tile", "reason"}`` of each tile that could not be done."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    """Figures of the whole run: seconds, cpu_seconds, peak_mb, points, and what the stage counted."""


def run_id(stage: TileStage, epoch: str = "") -> str:
    """Return the name under which a stage's results for a survey epoch are kept."""
    return digest(stage.name, stage.version, stage.params(), stage.input_runs, *([epoch] if epoch else []))


def latest_run(store: Store, stage: str) -> str:
    """Return the newest finished run of a stage in the store's epoch.

    Raises
    ------
    StageError
        If there is none; the message says which command makes one.
    """
    row = store.manifest.latest_run(stage)
    if row is None:
        where = store.address
        raise StageError(f"{where}: nothing from stage {stage!r} yet; run `twin {stage} {where}` first")
    return row.run


def run_tiled(
    store: Store, stage: TileStage, executor: Executor, progress: Progress | None = None, *, redo: bool = False
) -> RunSummary:
    """Bring a stage up to date over the whole store, as its only writer; `redo` does every tile again.

    Raises
    ------
    StoreError
        If another process writes to the store.
    ClusterError
        If a worker elsewhere cannot see the store, or there is none left.
    OSError
        If the disk is full: going on would only fail every tile after this one.
    """
    with store.writing():
        executor.require(SeesStore.of(store))
        run = run_id(stage, store.epoch)
        wanted = _inputs(store, stage, stage.units(store))
        has_lost = _forget_lost_tiles(store, run, wanted)
        done = {} if redo else store.manifest.artefacts(run)
        todo = [key for key, inputs in wanted.items() if key not in done or done[key].inputs != inputs]
        previous = _finished(store, run)
        if not todo and not has_lost and previous is not None:
            store.manifest.finish_run(run, dict(previous.figures))  # it is the newest run of its stage again
            return RunSummary(run=run, stage=stage.name, n_done=0, n_skipped=len(wanted), counts=previous.figures)
        store.manifest.begin_run(run, stage.name, dict(stage.params()), {"runs": list(stage.input_runs)})
        with Meter() as meter:
            stage.prepare(store, run)
            where = store.address
            tasks = [TileTask(stage, where, run, TileId.parse(key)) for key in todo]
            reports, failed = _work(store, tasks, wanted, executor, progress or Silent())
            everything = {key: row.report for key, row in store.manifest.artefacts(run).items() if key in wanted}
            counts = dict(stage.finish(store, run, everything))
        figures = {
            **counts,
            **_costs(reports, everything),
            "seconds": round(meter.seconds, 3),
            "workers": executor.n_workers,
            "failed": failed,
            "software": software(),
        }
        store.manifest.finish_run(run, figures)
    return RunSummary(
        run=run,
        stage=stage.name,
        n_done=len(reports),
        n_skipped=len(wanted) - len(todo),
        failed=tuple(failed),
        counts=figures,
    )


def _forget_lost_tiles(store: Store, run: str, wanted: Mapping[str, str]) -> bool:
    """Take away what a run made of tiles that were split or lost all their points; returns whether there was any."""
    lost = {key: row for key, row in store.manifest.artefacts(run).items() if key not in wanted and _tile_of(key)}
    garbage = []
    for key, row in lost.items():
        blocks = row.report.get("rasters", {})
        garbage += [raster_block_path(store, run, name, TileId.parse(key)) for name in blocks] if blocks else [row.path]
    if lost:
        store.manifest.forget_artefacts(run, lost, filter(None, garbage))
        store.sweep()
    return bool(lost)


def _costs(reports: Mapping[str, Mapping[str, Any]], everything: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Sum what the tiles of now cost, and count what all tiles hold."""
    return {
        "cpu_seconds": round(sum(float(report["cpu_seconds"]) for report in reports.values()), 3),
        "peak_mb": max((float(report["peak_mb"]) for report in reports.values()), default=0.0),
        "points": sum(int(report.get("points", 0)) for report in everything.values()),
        "points_now": sum(int(report.get("points", 0)) for report in reports.values()),
        "tiles": len(everything),
        "tiles_now": len(reports),
    }


def _finished(store: Store, run: str) -> RunRow | None:
    """Return the record of a run that was finished before, if it was."""
    return next((row for row in store.manifest.runs() if row.run == run and row.state == "done"), None)


def _done_at(store: Store, facts: Mapping[str, Any]) -> list[RunRow]:
    """Return the finished runs of any epoch with the same ``out``, in the order in which they finished."""
    rows = store.manifest.of_epoch(None).runs()
    return [row for row in rows if row.state == "done" and row.params.get("out") == facts.get("out")]


def _work(
    store: Store, tasks: Sequence[TileTask], wanted: Mapping[str, str], executor: Executor, progress: Progress
) -> tuple[dict[str, Mapping[str, Any]], list[dict[str, str]]]:
    """Run the tasks, commit their artefacts as they come, and sort out the failures."""
    reports: dict[str, Mapping[str, Any]] = {}
    failed: list[dict[str, str]] = []
    run = tasks[0].run if tasks else ""
    if tasks:
        progress.start(tasks[0].stage.name, len(tasks), "tiles")
    with Ledger(partial(store.manifest.commit_artefacts, run)) as committed:
        for task, outcome in executor.map_unordered(run_tile_task, tasks):
            key = str(task.tile)
            if isinstance(outcome, Exception) and ends_everything(outcome):
                raise outcome
            if isinstance(outcome, Exception):
                failed.append({"tile": key, "reason": f"{type(outcome).__name__}: {outcome}"})
            else:
                reports[key] = outcome
                committed.add(_artefact(key, wanted[key], outcome))
            progress.advance(1)
    progress.finish()
    return reports, sorted(failed, key=lambda entry: entry["tile"])


def _artefact(key: str, inputs: str, outcome: Mapping[str, Any]) -> ArtefactRow:
    """Return what lasts of a tile's outcome."""
    report = {name: value for name, value in outcome.items() if name not in {"path", "checksum"}}
    return ArtefactRow(key=key, path=outcome["path"], checksum=outcome["checksum"], inputs=inputs, report=report)


def _inputs(store: Store, stage: TileStage, units: list[TileId]) -> dict[str, str]:
    """Digest, for each unit, of every tile revision and input artefact within its halo."""
    tiles = Nearby(store.grid, [(row.tile, (str(row.tile), row.rev)) for row in store.tiles()])
    artefacts = [(run, row) for run in sorted(set(stage.input_runs)) for row in store.manifest.artefacts(run).values()]
    upstream = Nearby(store.grid, [(_tile_of(row.key), (run, row.key, row.checksum)) for run, row in artefacts])
    wanted = {}
    for unit in units:
        window = store.grid.with_halo(unit, stage.halo_m)
        wanted[str(unit)] = digest(tiles.to(window), upstream.to(window))
    return wanted


def _tile_of(key: str) -> TileId | None:
    """Return the tile that an artefact's key names; None for an artefact of the whole area."""
    try:
        return TileId.parse(key)
    except ValueError:
        return None


def run_once(
    store: Store, stage: str, facts: Mapping[str, Any], outputs: Sequence[Path], body: Callable[[], Mapping[str, Any]]
) -> RunSummary:
    """Do a job on the whole epoch, unless its outputs are still there and were made last from the same facts.

    A file that another job with the same ``out`` wrote since does not count: it holds the other job's answer.
    """
    run = digest(stage, facts, *([store.epoch] if store.epoch else []))
    previous = next((row for row in reversed(_done_at(store, facts)) if row.stage == stage), None)
    if previous is not None and previous.run == run and all(path.exists() for path in outputs):
        store.manifest.finish_run(run, dict(previous.figures))
        return RunSummary(run=run, stage=stage, n_done=0, n_skipped=1, counts=previous.figures)
    with Meter() as meter:
        counts = dict(body())
    store.manifest.begin_run(run, stage, dict(facts), {})  # only now: a job that failed leaves no trace of a run
    figures = {**counts, **meter.figures(), "workers": 1, "software": software()}
    store.manifest.finish_run(run, figures)
    return RunSummary(run=run, stage=stage, n_done=1, n_skipped=0, counts=figures)
