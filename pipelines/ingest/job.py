"""The whole job, as the client runs it: check, scatter, plan, merge, commit.

Everything in hand lies under ``STORE/.work`` until one transaction makes it true, so a delivery is in the store whole
or not at all. A job that was killed goes on where it stopped: finished fragments and tiles are found by names that are
digests of what they were made from.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.conditions import SeesStore
from pipelines.ingest.admission import Admission, AdmissionTask, admit, conversions
from pipelines.ingest.cells import CellScheme
from pipelines.ingest.fragments import open_fragment
from pipelines.ingest.lineage import numbers_of, refused_row, source_rows, why_skipped
from pipelines.ingest.merge import CountTask, MergeTask, count_cells, merge
from pipelines.ingest.placement import centre_of
from pipelines.ingest.plan import plan_tiles
from pipelines.ingest.replacing import doubtful_columns, is_apart, matched, roots_of
from pipelines.ingest.scatter import ScatterTask, scatter
from pipelines.ingest.shifts import read_shifts
from pipelines.ingest.workspace import Workspace
from pipelines.ledger import Ledger
from pipelines.passes import Passes
from tiles.storage import place_of
from twin.config import digest
from twin.errors import StageError, StoreError
from twin.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipelines.executors import Executor
    from pipelines.ingest.params import IngestParams
    from pipelines.ingest.plan import PlannedTile
    from tiles.manifest import SourceRow, TileRow
    from tiles.store import Store
    from twin.tiling import TileId

    Fragments = Mapping[str, Sequence[ScatterTask]]
    """Tasks of each file, by the file's digest."""

__all__ = ["INGEST_VERSION", "IngestSummary", "ingest"]

INGEST_VERSION = 2
"""Raised when the same sources would give other tiles than before."""


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
    epoch: str = ""
    """Survey epoch that they went into."""
    replaced: tuple[Mapping[str, str], ...] = ()
    """``{"uri", "digest", "replaced_by"}`` of files whose places others took now."""
    refused: tuple[Mapping[str, str], ...] = ()
    """``{"uri", "reason"}`` of files that were not taken."""
    skipped: tuple[Mapping[str, str], ...] = ()
    """``{"uri", "reason"}`` of files whose very bytes are in the store, or in the delivery, already."""
    remarks: tuple[Mapping[str, str], ...] = ()
    """``{"uri", "message"}`` of what is odd about files that were taken all the same."""
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
    """Bring survey files into an epoch of a store.

    Parameters
    ----------
    store
        An open store; this job is its only writer until it returns. The files go into the epoch that it is open at,
        unless `params` name another.
    sources
        Files of points in any format that is read. Their order does not matter: they are numbered by name, then by
        digest.
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
    ConfigError
        If the file of shifts, a grid or a table of datums cannot be used.
    StageError
        If a tile could not be made; nothing is committed then, and a rerun goes on from there.
    """
    if params.epoch:
        store = store.at_epoch(params.epoch)
    try:
        with store.writing():
            executor.require(SeesStore.of(store))
            job = _Job(store, params, Passes(executor, progress or Silent()))
            return job.run([str(source) for source in sources])
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StoreError(
            f"{store.address}: the disk is full; make room and run it again, it goes on from there"
        ) from None


@dataclass(slots=True)
class _Job:
    """One ingest under way."""

    store: Store
    params: IngestParams
    passes: Passes
    refused: dict[str, SourceRow] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    gives_way: dict[str, SourceRow] = field(default_factory=dict)
    """Files in the store whose places others take, by the digest of the one that does."""

    @property
    def work(self) -> Workspace:
        """Everything in hand."""
        return Workspace(self.store, self.params)

    def run(self, sources: Sequence[str]) -> IngestSummary:
        """Do it all."""
        started = time.perf_counter()
        fresh = self._fresh(self._admitted(sources))
        self._choose_offset(fresh)
        fragments = {admission.digest: self.work.ranges(admission) for admission in fresh}
        self.work.keep_fragments(task for tasks in fragments.values() for task in tasks)
        self.work.require_room(fresh)
        taken = self._scattered(fresh, fragments)
        if not taken:
            self.work.reclaim(set())  # what a killed job with other files had made
            self.store.manifest.commit_tiles([], sources=self.refused.values(), settled=self._settled(sources))
            self.work.clean()
            return self._summary("", [], [], started)
        self.gives_way = {one.digest: self.gives_way[one.digest] for one in taken if one.digest in self.gives_way}
        run = self._run_name([admission.digest for admission in taken])
        first = 1 + max((row.id for row in self.store.manifest.sources()), default=-1)
        rows = source_rows(taken, fragments, numbers_of(taken, self.gives_way, first), self.params)
        self.store.manifest.begin_run(run, "ingest", asdict(self.params), {"sources": [row.digest for row in rows]})
        numbered = [(row.id, task.fragment) for row in rows for task in fragments[row.digest]]
        planned, emptied = self._planned(numbered)
        tiles = self._merged(planned, numbered)
        summary = self._summary(run, rows, tiles, started)
        gone = {*emptied, *(old for entry in planned for old in entry.existing)}
        self._commit(rows, sorted(gone, key=lambda row: row.tile), tiles, summary)
        return summary

    def _run_name(self, taken: Sequence[str]) -> str:
        """Name the run by all that determines it: what came, whose place it took, and where."""
        replaced = {new: old.digest for new, old in self.gives_way.items()}
        where = [part for part in (self.store.epoch, replaced) if part]
        return digest("ingest", INGEST_VERSION, self.params, taken, *where)

    def _admitted(self, sources: Sequence[str]) -> list[Admission]:
        """Pass one: look at every file's header."""
        conversions(self.params)  # a grid that cannot be read is told once, not for each file
        shifts = read_shifts(Path(self.params.shifts), self.store.crs) if self.params.shifts else ()
        address = self.store.address
        tasks = [AdmissionTask(source=source, store=address, params=self.params, shifts=shifts) for source in sources]
        admitted = []
        for task, outcome in self.passes.run("check", admit, tasks, lambda _: 1, "files"):
            if isinstance(outcome, Exception):
                self.refused[task.source] = refused_row(task.source, outcome)
            else:
                admitted.append(outcome)
        return sorted(admitted, key=lambda admission: (Path(admission.source).name, admission.digest, admission.source))

    def _fresh(self, admitted: Sequence[Admission]) -> list[Admission]:
        """Return the files whose bytes are not in the epoch, each once, unless they may not replace what is in."""
        present = [row for row in self.store.manifest.sources() if row.state == "done"]
        known = {row.digest: row.uri for row in present}
        fresh = []
        for admission in admitted:
            if admission.digest in known:
                self.skipped[admission.source] = why_skipped(admission.source, known[admission.digest])
            else:
                known[admission.digest] = admission.source
                fresh.append(admission)
        rivals = [row for row in present if not is_apart(row, self.params.bbox)]
        self.gives_way, unwanted = matched(fresh, rivals, self.params.replace)
        self.refused |= {source: refused_row(source, StoreError(reason)) for source, reason in unwanted.items()}
        return [admission for admission in fresh if admission.source not in unwanted]

    def _settled(self, sources: Iterable[str]) -> set[str]:
        """Return names no longer to be listed as refused: bytes that are in, and other spellings of a path in hand."""
        places = {Path(source).absolute() for source in sources}
        listed = (row.uri for row in self.store.manifest.sources() if row.state == "refused")
        return {*self.skipped, *(uri for uri in listed if Path(uri).absolute() in places)}

    def _choose_offset(self, fresh: Sequence[Admission]) -> None:
        """Let the first delivery of a store with an open offset choose it: the middle of its files, in whole 100 km."""
        placed = [admission for admission in fresh if admission.header.n_selected]
        if not placed or not self.store.is_offset_open or self.store.tiles():
            return
        centres = np.array([centre_of(admission.header, admission.placement) for admission in placed])
        finite = centres[np.isfinite(centres).all(axis=1)]
        x, y = np.round(np.median(finite, axis=0) / 100_000) * 100_000 if len(finite) else (0.0, 0.0)
        self.store = self.store.with_offset((float(x), float(y), 0.0))

    def _scattered(self, fresh: Sequence[Admission], fragments: Fragments) -> list[Admission]:
        """Pass two: write all fragments; a file of which one range fails is refused whole."""
        tasks = [task for admission in fresh for task in fragments[admission.digest]]
        tasks.sort(key=lambda task: task.start - task.stop)  # large ones first, as in the merge
        failures: dict[str, dict[int, Exception]] = {}
        for task, outcome in self.passes.run("scatter", scatter, tasks, lambda task: task.stop - task.start):
            if isinstance(outcome, Exception):
                failures.setdefault(task.source, {})[task.start] = outcome
        for source, errors in failures.items():
            self.refused[source] = refused_row(source, errors[min(errors)])
        return [admission for admission in fresh if admission.source not in failures]

    def _planned(self, numbered: Sequence[tuple[int, str]]) -> tuple[list[PlannedTile], list[TileRow]]:
        """Decide on tiles from the counts of new and old points; also return the tiles that lose all they had."""
        scheme = CellScheme.of(self.store.grid.edge_m)
        cells = [open_fragment(place_of(path)).cells for _, path in numbered]
        places = [np.unique(part[:, :2] >> scheme.split, axis=0) for part in cells if len(part)]
        roots = {(x, y) for part in places for x, y in part.tolist()}
        roots |= {place for row in self.gives_way.values() for place in roots_of(row)}
        old = [row for row in self.store.tiles() if (row.tile.x >> row.tile.z, row.tile.y >> row.tile.z) in roots]
        counted: dict[TileRow, Any] = {}
        address = self.store.address
        tasks = [CountTask(store=address, row=row, replaced=self._numbers_replaced()) for row in old]
        for task, outcome in self.passes.run("count", count_cells, tasks, lambda task: task.row.n_points):
            if isinstance(outcome, Exception):
                raise outcome
            counted[task.row] = outcome
        planned = plan_tiles(cells, [(row, counted[row]) for row in old], scheme, self.params.max_tile_points)
        return planned, [row for row in old if not len(counted[row])]

    def _numbers_replaced(self) -> tuple[int, ...]:
        return tuple(sorted(row.id for row in self.gives_way.values()))

    def _merged(self, planned: Sequence[PlannedTile], numbered: Sequence[tuple[int, str]]) -> list[TileRow]:
        """Pass three: make all tiles that an interrupted job has not made already."""
        address, doubtful = self.store.address, self._doubtful()
        tasks = [self._merge_task(entry, numbered, address, doubtful) for entry in planned]
        finished = self.work.reclaim({(task.tile, task.inputs) for task in tasks})
        todo = [task for task in tasks if task.tile not in finished]
        todo.sort(key=lambda task: -task.n_points)  # large ones first: at the end no worker waits long for another
        failures: dict[TileId, Exception] = {}
        with Ledger(self.store.manifest.stage_tiles) as staged:
            for task, outcome in self.passes.run("merge", merge, todo, lambda task: task.n_points):
                if isinstance(outcome, Exception):
                    failures[task.tile] = outcome
                else:
                    staged.add(outcome)
                    finished[task.tile] = outcome
        if failures:
            tile = min(failures)
            raise StageError(
                f"{len(failures)} of {len(tasks)} tiles could not be made, the first is {tile}: {failures[tile]};"
                " nothing was added, a rerun goes on from here"
            ) from failures[tile]
        return [finished[task.tile] for task in tasks]

    def _doubtful(self) -> Mapping[str, tuple[int, ...]]:
        """Return the columns that tiles may lose with the files that give way."""
        gone = {row.id: row for row in self.gives_way.values()}
        present = [row for row in self.store.manifest.sources() if row.state == "done"]
        return doubtful_columns(gone.values(), [row for row in present if row.id not in gone])

    def _merge_task(
        self,
        entry: PlannedTile,
        numbered: Sequence[tuple[int, str]],
        address: str,
        doubtful: Mapping[str, tuple[int, ...]],
    ) -> MergeTask:
        fragments = tuple(numbered[number] for number in entry.fragments)
        names = [(source, place_of(path).name) for source, path in fragments]
        old = [(str(row.tile), row.rev) for row in entry.existing]
        replaced = self._numbers_replaced()
        return MergeTask(
            store=address,
            tile=entry.tile,
            n_points=entry.n_points,
            fragments=fragments,
            existing=entry.existing,
            staging=str(self.work.staged),
            inputs=digest(INGEST_VERSION, str(entry.tile), entry.n_points, names, old, self.store.codec, replaced),
            replaced=replaced,
            doubtful=doubtful,
        )

    def _commit(
        self,
        rows: Sequence[SourceRow],
        gone: Sequence[TileRow],
        tiles: Sequence[TileRow],
        summary: IngestSummary,
    ) -> None:
        """Make it true in one transaction, then clean up; `gone` are revisions that give way to `tiles`, or to none."""
        for row in tiles:
            self.store.place_revision(row, self.work.staged)
        os.sync()  # once for all tiles, before the manifest says that they are there
        new = {row.tile for row in tiles}
        self.store.manifest.commit_tiles(
            tiles,
            removed=[old.tile for old in gone if old.tile not in new],
            sources=[*rows, *self.refused.values()],
            settled=self._settled([*(row.uri for row in rows), *self.refused]),
            garbage=[self.store.tile_path(old) for old in gone],
            finished=(summary.run, self._figures(summary)),
        )
        self.store.sweep()
        self.work.clean()

    def _figures(self, summary: IngestSummary) -> dict[str, Any]:
        return {
            "points": summary.points,
            "tiles": summary.tiles,
            "sources": summary.sources,
            "refused": len(summary.refused),
            "replaced": [dict(one) for one in summary.replaced],
            "seconds": summary.seconds,
            "cpu_seconds": summary.cpu_seconds,
            "peak_mb": summary.peak_mb,
            "workers": self.passes.executor.n_workers,
            "passes": self.passes.by_name,
        }

    def _summary(self, run: str, rows: Sequence[SourceRow], tiles: Sequence[TileRow], started: float) -> IngestSummary:
        return IngestSummary(
            run=run,
            points=sum(row.n_points for row in rows),
            tiles=len(tiles),
            sources=len(rows),
            epoch=self.store.epoch,
            replaced=tuple(
                {"uri": old.uri, "digest": old.digest, "replaced_by": new}
                for new, old in sorted(self.gives_way.items(), key=lambda entry: entry[1].id)
                if rows
            ),
            refused=tuple({"uri": uri, "reason": self.refused[uri].reason} for uri in sorted(self.refused)),
            skipped=tuple({"uri": uri, "reason": self.skipped[uri]} for uri in sorted(self.skipped)),
            remarks=tuple({"uri": row.uri, "message": remark} for row in rows for remark in row.meta["remarks"]),
            seconds=round(time.perf_counter() - started, 3),
            cpu_seconds=round(self.passes.cpu_seconds, 3),
            peak_mb=self.passes.peak_mb,
        )
