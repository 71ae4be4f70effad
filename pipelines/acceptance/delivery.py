"""The whole check, as the client runs it: look at headers, scan all points once, reduce block by block, judge.

Nothing is written but scratch files, which go with the check. A file that cannot be read to its end is refused and
listed; what was read of it counts for nothing.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.acceptance.block import reduce_blocks
from pipelines.acceptance.block_figures import BlockRules
from pipelines.acceptance.cells import BLOCK_CELLS
from pipelines.acceptance.control_findings import ControlsUsed, control_findings
from pipelines.acceptance.controls import measure, order_axes, read_controls
from pipelines.acceptance.file_findings import file_report
from pipelines.acceptance.footprint import COARSE_SIDE, surveyed_area
from pipelines.acceptance.group_findings import group_findings
from pipelines.acceptance.intake import IntakeTask, look_at
from pipelines.acceptance.nearby import NEAR_DTYPE
from pipelines.acceptance.params import AcceptanceParams
from pipelines.acceptance.planning import block_tasks, box_of, by_system, hash_stride, is_metric, scan_tasks
from pipelines.acceptance.scan import scan
from pipelines.acceptance.strips import find_strips
from pipelines.acceptance.together import together_findings
from pipelines.acceptance.totals import FileTotals, GroupTotals, MapGrid
from pipelines.acceptance.verdicts import Judged, worst_first
from pipelines.acceptance.voids import VoidJoiner
from pipelines.executors import Sequential
from pipelines.ingest.params import IngestParams
from pipelines.passes import Passes
from twin.acceptance import DeliveryReport, SourceReport, verdict_of
from twin.errors import StageError
from twin.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipelines.acceptance.controls import ControlResult, Controls
    from pipelines.acceptance.footprint import Area
    from pipelines.acceptance.params import ControlAxes
    from pipelines.acceptance.planning import System
    from pipelines.executors import Executor
    from twin.progress import Progress

__all__ = ["check_delivery", "check_source"]

_VOID_CELL_POINTS = 2.5
"""Points that a cell of voids holds on average: chance alone leaves one in twelve empty, and few of those connect."""
_VOID_CELLS = 8
"""Cells that a void has at least where points are so few that cells are larger: small groups of them are chance."""


def check_delivery(  # noqa: PLR0913 - the public face; every argument is named
    sources: Sequence[str | Path],
    *,
    ingest: IngestParams,
    params: AcceptanceParams,
    executor: Executor,
    progress: Progress | None = None,
    scratch: Path,
) -> DeliveryReport:
    """Inspect the files of a delivery, each by itself and all together.

    Parameters
    ----------
    sources
        Files of points of any format that is read; the result does not depend on their order, but reports come in it.
    ingest
        What ingest would be told of files that do not say it themselves, and sizes of work.
    params
        What to judge by.
    executor
        Where tasks run; the result does not depend on it.
    progress
        Listens in files, points and blocks.
    scratch
        Folder for what scans leave for the blocks, about 12 bytes a point; all workers must see it. Nothing stays.

    Raises
    ------
    ConfigError
        If the file of control points cannot be used.
    StageError
        If the scratch disk is full, or a block could not be reduced.

    Notes
    -----
    Each point is decoded once. A worker needs the memory of one chunk (`IngestParams.chunk_rows`) or of one block with
    all its strips, below 0.6 GB; the client some kilobytes a file and block.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="check-", dir=scratch))
    try:
        return _Check(ingest, params, Passes(executor, progress or Silent()), folder).run([str(s) for s in sources])
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StageError(f"{scratch}: the disk is full; a check needs about 12 bytes a point there") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_source(
    path: str | Path, *, crs: str | None = None, vertical: str | None = None, params: IngestParams | None = None
) -> SourceReport:
    """Inspect one file here and now, without limits to judge by; `crs` and `vertical` go before `params`."""
    given = params or IngestParams()
    told = replace(given, crs=crs or given.crs, vertical=vertical or given.vertical)
    with tempfile.TemporaryDirectory() as scratch:
        report = check_delivery(
            [path], ingest=told, params=AcceptanceParams(), executor=Sequential(), scratch=Path(scratch)
        )
    return report.sources[0]


@dataclass(slots=True)
class _Check:
    """One check under way."""

    ingest: IngestParams
    params: AcceptanceParams
    passes: Passes
    folder: Path

    def run(self, sources: Sequence[str]) -> DeliveryReport:
        """Do it all."""
        started = time.perf_counter()
        files = self._looked_at(sources)
        controls = read_controls(self.params.controls) if self.params.controls else None
        axes, why = self._axes(controls, files)
        self._scan(files, controls.places(axes) if controls else np.empty((0, 2)))
        systems = by_system(files)
        groups = [self._reduced(system, members) for system, members in systems]
        results = self._measured(controls, axes, files)
        about = ControlsUsed(path=controls.path, axes=axes, why=why) if controls else None
        judged = [Judged(findings=together_findings(systems))]
        judged += [group_findings(group, self.params, is_one_of_many=len(groups) > 1) for group in groups]
        judged.append(control_findings(results, about, self.params))
        group_of = {file.number: group for group in groups for file in group.files}
        reports = {file.uri: file_report(file, group_of.get(file.number), self.params) for file in files}
        points = sum(file.content.n_points for file in files if file.is_read and file.content)
        return self._report(sources, reports, judged, self._cost(points, started))

    def _report(
        self,
        sources: Sequence[str],
        reports: dict[str, SourceReport],
        judged: Sequence[Judged],
        cost: dict[str, Any],
    ) -> DeliveryReport:
        findings = worst_first(finding for part in judged for finding in part.findings)
        every = [finding for report in reports.values() for finding in report.findings]
        return DeliveryReport(
            verdict=verdict_of([*findings, *every]),
            sources=tuple(reports[source] for source in dict.fromkeys(sources)),
            findings=findings,
            pictures=tuple(picture for part in judged for picture in part.pictures),
            facts={"groups": [part.facts for part in judged[1:-1]], **judged[-1].facts, "cost": cost},
            requirements=asdict(self.params),
        )

    def _looked_at(self, sources: Sequence[str]) -> list[FileTotals]:
        """Read every header; files are numbered by name, so that numbers do not depend on how they were listed."""
        order = sorted(set(sources), key=lambda source: (Path(source).name, source))
        files = {source: FileTotals(uri=source, number=i, intake=None) for i, source in enumerate(order)}
        tasks = [IntakeTask(source=source, params=self.ingest) for source in order]
        for task, outcome in self.passes.run("headers", look_at, tasks, lambda _: 1, "files"):
            if isinstance(outcome, Exception):
                files[task.source].failure = str(outcome)
            else:
                files[task.source].intake = outcome
        return list(files.values())

    def _axes(self, controls: Controls | None, files: Sequence[FileTotals]) -> tuple[ControlAxes, str]:
        if controls is None:
            return "xy", ""
        boxes = [box for file in files if (box := box_of(file)) is not None]
        return order_axes(controls, boxes, self.params.control_axes)

    def _scan(self, files: Sequence[FileTotals], places: NDArray[np.float64]) -> None:
        """Read all points, a range of rows at a time; a file of which one range fails is refused whole."""
        tasks = scan_tasks(files, self.ingest, self.params, places, self.folder)
        failures: dict[int, dict[int, str]] = {}
        for task, outcome in self.passes.run("scan", scan, tasks, lambda task: task.stop - task.start):
            if isinstance(outcome, Exception):
                failures.setdefault(task.number, {})[task.start] = str(outcome)
            else:
                files[task.number].scans[task.start] = (task.piece, outcome)
        for number, errors in failures.items():
            files[number].failure = errors[min(errors)]

    def _reduced(self, system: System, files: list[FileTotals]) -> GroupTotals:
        """Bring the files of one system together, block by block."""
        n_points = sum(content.n_points for file in files if (content := file.content) is not None)
        labels = [(result.labels, result.label_points) for file in files for result in file.results]
        without_id = sum(int(points[own[:, 0] == 0].sum()) for own, points in labels)
        strips = find_strips([file.seconds for file in files], without_id / max(1, n_points), self.params.strip_gap_s)
        of_strip = np.zeros(max(1, len(strips)), np.int64)
        for own, points in labels:
            np.add.at(of_strip, strips.of_labels(own), points)
        group = GroupTotals(
            name=system.name,
            crs=system.crs,
            files=files,
            is_metric=all(is_metric(file) for file in files),
            strips=strips,
            strip_points=of_strip,
            cell_m=self.params.density_cell_m,
        )
        self._reduce_blocks(group, n_points)
        return group

    def _reduce_blocks(self, group: GroupTotals, n_points: int) -> None:
        occupied: dict[tuple[int, int], NDArray[np.uint8]] = {}
        for file in group.files:
            for result in file.results:
                for block, bits in result.coarse.items():
                    occupied[block] = occupied[block] | bits if block in occupied else bits
        areas: dict[tuple[int, int], Area] = {}
        occupied = {block: bits for block, bits in occupied.items() if bits.any()}
        if group.is_metric and occupied:
            areas = surveyed_area(occupied, self.params.footprint_closing_m / self.params.density_cell_m)
            group.grid = MapGrid.over(areas, group.cell_m)
        group.stride = hash_stride(group.files)
        rules = self._rules(group, n_points, sum(int(np.unpackbits(bits).sum()) for bits in occupied.values()))
        group.void_factor = rules.void_factor
        group.joiner = VoidJoiner(cell_m=rules.cell_m * rules.void_factor)
        tasks = list(block_tasks(group.files, areas, group.strips, rules))
        for _, outcome in self.passes.run("blocks", reduce_blocks, tasks, lambda task: len(task.parts), "blocks"):
            if isinstance(outcome, Exception):
                raise StageError(f"blocks of {group.name} could not be reduced: {outcome}") from outcome
            for figures in outcome:
                group.add(figures)
        group.join_voids(rules.void_m2)

    def _rules(self, group: GroupTotals, n_points: int, n_coarse: int) -> BlockRules:
        """Say by what blocks are measured; cells of voids hold enough points that chance makes none."""
        params, per_cell = self.params, n_points / max(1, n_coarse * (BLOCK_CELLS // COARSE_SIDE) ** 2)
        factor = 1
        while factor < COARSE_SIDE and per_cell * factor * factor < _VOID_CELL_POINTS:
            factor *= 2
        return BlockRules(
            cell_m=params.density_cell_m,
            least_points=params.least_points,
            void_factor=factor,
            void_m2=max(
                params.void_limit_m2, _VOID_CELLS * (factor * params.density_cell_m) ** 2 if factor > 1 else 0.0
            ),
            map_factor=group.grid.factor if group.grid else 1,
            spread_mm=params.overlap_spread_m * 1000,
            relief_mm=params.overlap_relief_m * 1000,
            low_mm=params.stray_low_m * 1000,
            high_mm=params.stray_high_m * 1000,
            stride=group.stride,
            has_strips=group.strips.rule != "none",
            is_metric=group.is_metric,
        )

    def _measured(
        self, controls: Controls | None, axes: ControlAxes, files: Sequence[FileTotals]
    ) -> list[ControlResult]:
        if controls is None:
            return []
        near = [result.near for file in files if file.is_read and is_metric(file) for result in file.results]
        return measure(controls, axes, np.concatenate([np.empty(0, NEAR_DTYPE), *near]))

    def _cost(self, points: int, started: float) -> dict[str, Any]:
        return {
            "points": points,
            "seconds": round(time.perf_counter() - started, 3),
            "cpu_seconds": round(self.passes.cpu_seconds, 3),
            "peak_mb": self.passes.peak_mb,
            "workers": self.passes.executor.n_workers,
            "passes": self.passes.by_name,
        }
