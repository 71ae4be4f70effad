"""The whole job, as the client runs it: check, scatter, plan, merge, commit.

Everything in hand lies under ``STORE/.work`` until one transaction makes it true, so a delivery is in the store whole
or not at all. A job that was killed goes on where it stopped: finished fragments and tiles are found by names that are
digests of what they were made from.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pipelines.ingest.admission import Admission, AdmissionTask, admit
from pipelines.ingest.cells import CellScheme
from pipelines.ingest.content import content_findings, content_of
from pipelines.ingest.fragments import open_fragment
from pipelines.ingest.merge import CountTask, MergeTask, count_cells, merge
from pipelines.ingest.plan import plan_tiles
from pipelines.ingest.scatter import FRAGMENT_VERSION, ScatterTask, centre_of, scatter
from pipelines.metering import Meter
from tiles.atomic import tree_checksum
from tiles.manifest import SourceRow, TileRow
from twin.config import digest
from twin.errors import StageError, StoreError, TwinError
from twin.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipelines.executors import Executor
    from pipelines.ingest.params import IngestParams
    from pipelines.ingest.plan import PlannedTile
    from tiles.store import Store

__all__ = ["INGEST_VERSION", "IngestSummary", "ingest"]

INGEST_VERSION = 1
"""Raised when the same sources would give other tiles than before."""
_TEMPORARY_BYTES = 36
"""Most bytes that a point takes on the disk while it is in hand (measured: 12 to 20)."""
_MAX_SOURCES = 65_536
"""Files that the ``source`` column can number."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSummary:
    """What came of a delivery."""

    run: str
    """Name of the run; empty if there was nothing to do."""
    points: int
    """Points added now."""
    tiles: int
    """Tiles written now."""
    sources: int
    """Files added now."""
    refused: tuple[Mapping[str, str], ...] = ()
    """``{"uri", "reason"}`` of files that were not taken."""
    skipped: tuple[Mapping[str, str], ...] = ()
    """``{"uri", "reason"}`` of files whose very bytes are in the store, or in the delivery, already."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """CPU time of all tasks."""
    peak_mb: float = 0.0
    """Largest memory of a task's process."""


def ingest(
    store: Store,
    sources: Sequence[str | Path],
    params: IngestParams,
    executor: Executor,
    progress: Progress | None = None,
) -> IngestSummary:
    """Bring survey files into a store.

    Parameters
    ----------
    store
        An open store; this job is its only writer until it returns.
    sources
        LAS, LAZ or COPC files. Their order does not matter: they are numbered by name, then by digest.
    params
        What the files lack, and sizes of work.
    executor
        Where tasks run; the result does not depend on it.
    progress
        Listens in points.

    Raises
    ------
    StoreError
        If another process writes to the store, or the disk has too little room.
    StageError
        If a tile could not be made; nothing is committed then, and a rerun goes on from there.
    """
    with store.writing():
        return _Job(store, params, executor, progress or Silent()).run([str(source) for source in sources])


@dataclass(slots=True)
class _Job:
    """One ingest under way."""

    store: Store
    params: IngestParams
    executor: Executor
    progress: Progress
    refused: dict[str, SourceRow] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    cost: _Cost = field(default_factory=lambda: _Cost())

    @property
    def work(self) -> Path:
        """Folder of everything in hand."""
        return self.store.path / ".work"

    def run(self, sources: Sequence[str]) -> IngestSummary:
        """Do it all."""
        started = time.perf_counter()
        fresh = self._fresh(self._admitted(sources))
        self._choose_offset(fresh)
        fragments = {admission.digest: self._ranges(admission) for admission in fresh}
        self._remove_other_fragments(fragments)
        self._require_room(fresh)
        taken = self._scattered(fresh, fragments)
        if not taken:
            self._finish_without_points()
            return self._summary("", [], [], started)
        run = digest("ingest", INGEST_VERSION, self.params, [admission.digest for admission in taken])
        rows = self._source_rows(taken, fragments)
        self.store.manifest.begin_run(run, "ingest", asdict(self.params), {"sources": [row.digest for row in rows]})
        planned = self._planned(rows, fragments)
        tiles = self._merged(rows, fragments, planned)
        summary = self._summary(run, rows, tiles, started)
        self._commit(rows, planned, tiles, summary)
        return summary

    # Pass one ----------------------------------------------------------------------------------------------------

    def _admitted(self, sources: Sequence[str]) -> list[Admission]:
        tasks = [AdmissionTask(source=source, store=str(self.store.path), params=self.params) for source in sources]
        self.progress.start("check", len(tasks), "files")
        admitted = []
        for task, outcome in self.executor.map_unordered(admit, tasks):
            if isinstance(outcome, Exception):
                self._refuse(task.source, outcome)
            else:
                admitted.append(outcome)
            self.progress.advance(1)
        self.progress.finish()
        return sorted(admitted, key=lambda admission: (Path(admission.source).name, admission.digest, admission.source))

    def _fresh(self, admitted: Sequence[Admission]) -> list[Admission]:
        """Return the files whose bytes are not in the store, each once."""
        known = {row.digest: row.uri for row in self.store.manifest.sources() if row.state == "done"}
        fresh = []
        for admission in admitted:
            if admission.digest in known:
                self.skipped[admission.source] = f"the same bytes as {known[admission.digest]}, which are in already"
            else:
                known[admission.digest] = admission.source
                fresh.append(admission)
        return fresh

    def _choose_offset(self, fresh: Sequence[Admission]) -> None:
        """Let the first delivery of a store with an open offset choose it: the middle of its files, in whole 100 km."""
        placed = [admission for admission in fresh if admission.header.n_points]
        if not placed or not self.store.is_offset_open or self.store.tiles():
            return
        centres = np.array([centre_of(admission.header, admission.placement) for admission in placed])
        finite = centres[np.isfinite(centres).all(axis=1)]
        x, y = np.round(np.median(finite, axis=0) / 100_000) * 100_000 if len(finite) else (0.0, 0.0)
        self.store = self.store.with_offset((float(x), float(y), 0.0))

    def _require_room(self, fresh: Sequence[Admission]) -> None:
        needed = _TEMPORARY_BYTES * sum(admission.header.n_points for admission in fresh)
        free = shutil.disk_usage(self.store.path).free
        if needed > free:
            raise StoreError(
                f"{self.store.path}: needs {needed / 1e9:.1f} GB while it works, the disk has {free / 1e9:.1f} GB free;"
                " make room or ingest fewer files at once"
            )

    # Pass two ----------------------------------------------------------------------------------------------------

    def _ranges(self, admission: Admission) -> list[ScatterTask]:
        """Cut a file into tasks, each with a fragment named by all that determines it."""
        store, step = self.store, self.params.rows_per_task
        tasks = []
        for start in range(0, admission.header.n_points, step):
            stop = min(start + step, admission.header.n_points)
            facts = (admission.digest, start, stop, asdict(admission.placement), store.grid.edge_m)
            name = digest(FRAGMENT_VERSION, *facts, store.scale, store.offset, self.params.chunk_rows)
            tasks.append(
                ScatterTask(
                    source=admission.source,
                    size=admission.size,
                    modified_ns=admission.modified_ns,
                    start=start,
                    stop=stop,
                    placement=admission.placement,
                    edge_m=store.grid.edge_m,
                    scale=store.scale,
                    offset=store.offset,
                    chunk_rows=self.params.chunk_rows,
                    fragment=str(self.work / "fragments" / f"{name}.frag"),
                    scratch=str(store.scratch),
                )
            )
        return tasks

    def _remove_other_fragments(self, wanted: Mapping[str, Sequence[ScatterTask]]) -> None:
        """Remove what an interrupted job with other files left."""
        keep = {task.fragment for tasks in wanted.values() for task in tasks}
        for path in (self.work / "fragments").glob("*"):
            if str(path) not in keep:
                path.unlink()

    def _scattered(self, fresh: Sequence[Admission], fragments: Mapping[str, Sequence[ScatterTask]]) -> list[Admission]:
        """Write all fragments; a file of which one range fails is refused whole."""
        tasks = [task for admission in fresh for task in fragments[admission.digest]]
        failures: dict[str, tuple[int, Exception]] = {}
        for task, outcome in self._metered("scatter", scatter, tasks, sum(task.stop - task.start for task in tasks)):
            if isinstance(outcome, Exception):
                _raise_if_disk_is_full(outcome)
                failures[task.source] = min(failures.get(task.source, (task.start, outcome)), (task.start, outcome))
            self.progress.advance(task.stop - task.start)
        self.progress.finish()
        for source, (_, error) in failures.items():
            self._refuse(source, error)
        return [admission for admission in fresh if admission.source not in failures]

    def _source_rows(
        self, taken: Sequence[Admission], fragments: Mapping[str, Sequence[ScatterTask]]
    ) -> list[SourceRow]:
        """Give each file that is taken a number, after those in the store, and describe it."""
        first = 1 + max((row.id for row in self.store.manifest.sources()), default=-1)
        if first + len(taken) > _MAX_SOURCES:
            raise StoreError(f"{self.store.path}: a store numbers at most {_MAX_SOURCES} files; begin another store")
        return [
            SourceRow(
                id=first + index,
                uri=admission.source,
                digest=admission.digest,
                size=admission.size,
                n_points=admission.header.n_points,
                state="done",
                meta=self._meta(admission, [task.fragment for task in fragments[admission.digest]]),
            )
            for index, admission in enumerate(taken)
        ]

    def _meta(self, admission: Admission, fragments: Sequence[str]) -> dict[str, Any]:
        header = admission.header
        content = content_of([open_fragment(Path(path)).meta["content"] for path in fragments])
        findings = content_findings(header, content) if content else []
        low, high = content.box(header) if content else ((), ())
        return {
            "las": f"{header.version[0]}.{header.version[1]}",
            "point_format": header.point_format,
            "crs": admission.crs,
            "vertical": admission.vertical,
            "converted": bool(admission.placement.source_wkt or admission.placement.changes_height),
            "kind": self.params.kind,
            "epoch": self.params.epoch or "",
            "box": [*low, *high],
            "standard_gps_time": header.standard_gps_time,
            "extra": [column.field for column in header.extra],
            "remarks": [*admission.remarks, *(finding.message for finding in findings)],
            **(content.as_json() if content else {}),
        }

    # Pass three --------------------------------------------------------------------------------------------------

    def _planned(self, rows: Sequence[SourceRow], fragments: Mapping[str, Sequence[ScatterTask]]) -> list[PlannedTile]:
        """Decide on tiles from the counts of new and old points."""
        scheme = CellScheme.of(self.store.grid.edge_m)
        cells = [open_fragment(Path(path)).cells for _, path in _numbered(rows, fragments)]
        places = [np.unique(part[:, :2] >> scheme.split, axis=0) for part in cells if len(part)]
        roots = {(x, y) for part in places for x, y in part.tolist()}
        old = [row for row in self.store.tiles() if (row.tile.x >> row.tile.z, row.tile.y >> row.tile.z) in roots]
        counted: dict[TileRow, Any] = {}
        tasks = [CountTask(store=str(self.store.path), row=row) for row in old]
        for task, outcome in self._metered("count", count_cells, tasks, sum(row.n_points for row in old)):
            if isinstance(outcome, Exception):
                raise outcome
            counted[task.row] = outcome
            self.progress.advance(task.row.n_points)
        self.progress.finish()
        return plan_tiles(cells, [(row, counted[row]) for row in old], scheme, self.params.max_tile_points)

    def _merged(
        self,
        rows: Sequence[SourceRow],
        fragments: Mapping[str, Sequence[ScatterTask]],
        planned: Sequence[PlannedTile],
    ) -> list[TileRow]:
        """Make all tiles that an interrupted job has not made already."""
        numbered = _numbered(rows, fragments)
        tasks = [self._merge_task(entry, numbered) for entry in planned]
        finished = self._staged({(task.tile, task.inputs) for task in tasks})
        todo = [task for task in tasks if task.tile not in finished]
        failures: list[tuple[str, Exception]] = []
        for task, outcome in self._metered("merge", merge, todo, sum(task.n_points for task in todo)):
            if isinstance(outcome, Exception):
                _raise_if_disk_is_full(outcome)
                failures.append((str(task.tile), outcome))
            else:
                self.store.manifest.stage_tile(outcome)
                finished[task.tile] = outcome
            self.progress.advance(task.n_points)
        self.progress.finish()
        if failures:
            tile, error = min(failures, key=lambda entry: entry[0])
            raise StageError(
                f"{len(failures)} of {len(tasks)} tiles could not be made, the first is {tile}: {error};"
                " nothing was added, a rerun goes on from here"
            ) from error
        return [finished[task.tile] for task in tasks]

    def _merge_task(self, entry: PlannedTile, numbered: Sequence[tuple[int, str]]) -> MergeTask:
        fragments = tuple(numbered[number] for number in entry.fragments)
        names = [(source, Path(path).name) for source, path in fragments]
        old = [(str(row.tile), row.rev) for row in entry.existing]
        return MergeTask(
            store=str(self.store.path),
            tile=entry.tile,
            n_points=entry.n_points,
            fragments=fragments,
            existing=entry.existing,
            staging=str(self.work / "staged"),
            inputs=digest(INGEST_VERSION, str(entry.tile), entry.n_points, names, old, self.store.codec),
        )

    def _staged(self, wanted: set[tuple[Any, str]]) -> dict[Any, TileRow]:
        """Return the tiles that an interrupted job made of the same inputs, and forget those of others."""
        staged = self.store.manifest.staged_tiles()
        usable = [row for row in staged if (row.tile, row.inputs) in wanted and self._is_there(row)]
        other = [row for row in staged if row not in usable]
        self.store.manifest.discard_staged(other, [self.store.tile_path(row) for row in other])
        self.store.sweep()
        keep = {(str(row.tile), row.rev) for row in usable}
        for path in (self.work / "staged").glob("*/*/*"):
            if (f"{path.parent.parent.name}/{path.parent.name}", path.name) not in keep:
                shutil.rmtree(path)
        return {row.tile: row for row in usable}

    def _is_there(self, row: TileRow) -> bool:
        """Whether a staged revision is on the disk, byte by byte: it may not have survived a power cut."""
        places = (self.work / "staged" / str(row.tile) / row.rev, self.store.path / self.store.tile_path(row))
        return any(place.is_dir() and tree_checksum(place) == row.checksum for place in places)

    # The end -----------------------------------------------------------------------------------------------------

    def _commit(
        self,
        rows: Sequence[SourceRow],
        planned: Sequence[PlannedTile],
        tiles: Sequence[TileRow],
        summary: IngestSummary,
    ) -> None:
        """Make it true in one transaction, then clean up."""
        for row in tiles:
            self.store.place_revision(row, self.work / "staged")
        os.sync()  # once for all tiles, before the manifest says that they are there
        replaced = {old for entry in planned for old in entry.existing}
        new = {row.tile for row in tiles}
        self.store.manifest.commit_tiles(
            tiles,
            removed=sorted(old.tile for old in replaced if old.tile not in new),
            sources=[*rows, *self.refused.values()],
            garbage=[self.store.tile_path(old) for old in sorted(replaced, key=lambda row: row.tile)],
            finished=(summary.run, self._figures(summary)),
        )
        self.store.sweep()
        self._clean()

    def _finish_without_points(self) -> None:
        self.store.manifest.commit_tiles([], sources=self.refused.values())
        self._clean()

    def _clean(self) -> None:
        for name in ("fragments", "staged"):
            shutil.rmtree(self.work / name, ignore_errors=True)

    def _figures(self, summary: IngestSummary) -> dict[str, Any]:
        return {
            "points": summary.points,
            "tiles": summary.tiles,
            "sources": summary.sources,
            "refused": len(summary.refused),
            "seconds": summary.seconds,
            "cpu_seconds": summary.cpu_seconds,
            "peak_mb": summary.peak_mb,
            "workers": self.executor.n_workers,
            "passes": self.cost.passes,
        }

    def _summary(self, run: str, rows: Sequence[SourceRow], tiles: Sequence[TileRow], started: float) -> IngestSummary:
        return IngestSummary(
            run=run,
            points=sum(row.n_points for row in rows),
            tiles=len(tiles),
            sources=len(rows),
            refused=tuple({"uri": uri, "reason": self.refused[uri].reason} for uri in sorted(self.refused)),
            skipped=tuple({"uri": uri, "reason": self.skipped[uri]} for uri in sorted(self.skipped)),
            seconds=round(time.perf_counter() - started, 3),
            cpu_seconds=round(self.cost.cpu_seconds, 3),
            peak_mb=self.cost.peak_mb,
        )

    def _refuse(self, source: str, error: Exception) -> None:
        """List a file that is not taken; what is no fault of the file keeps its kind in the reason."""
        reason = str(error) if isinstance(error, TwinError) else f"{Path(source).name}: {type(error).__name__}: {error}"
        size = Path(source).stat().st_size if Path(source).is_file() else 0
        self.refused[source] = SourceRow(
            id=-1, uri=source, digest="", size=size, n_points=0, state="refused", reason=" ".join(reason.split())
        )

    def _metered(
        self, stage: str, function: Callable[[T], R], tasks: Sequence[T], n_points: int
    ) -> Iterator[tuple[T, R | Exception]]:
        """Run tasks of one pass and add up what they cost."""
        self.progress.start(stage, n_points, "points")
        for task, outcome in self.executor.map_unordered(partial(_measured, function), tasks):
            if isinstance(outcome, Exception):
                yield task, outcome
                continue
            result, figures = outcome
            self.cost.add(stage, figures)
            yield task, result


@dataclass(slots=True)
class _Cost:
    """What tasks cost so far."""

    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    passes: dict[str, float] = field(default_factory=dict)
    """CPU seconds of each pass."""

    def add(self, stage: str, figures: Mapping[str, float]) -> None:
        """Add one task's figures."""
        self.cpu_seconds += figures["cpu_seconds"]
        self.peak_mb = max(self.peak_mb, figures["peak_mb"])
        self.passes[stage] = round(self.passes.get(stage, 0.0) + figures["cpu_seconds"], 3)


def _measured(function: Callable[[T], R], task: T) -> tuple[R, dict[str, float]]:
    """Run one task and say what it cost."""
    with Meter() as meter:
        result = function(task)
    return result, meter.figures()


def _numbered(rows: Iterable[SourceRow], fragments: Mapping[str, Sequence[ScatterTask]]) -> list[tuple[int, str]]:
    """Return (source number, fragment) in order of source and row."""
    return [(row.id, task.fragment) for row in rows for task in fragments[row.digest]]


def _raise_if_disk_is_full(error: Exception) -> None:
    """Stop at once where going on would only fail everything that follows."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        raise error
