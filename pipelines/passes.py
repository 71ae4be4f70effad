"""Running one pass of a job's tasks: progress, what it costs, and which failures stop everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pipelines.metering import Meter
from twin.errors import ends_everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipelines.executors import Executor
    from twin.progress import Progress

__all__ = ["Passes", "batches"]

_BATCHES_PER_WORKER = 20
"""Batches of equal size leave a worker idle for at most a twentieth of its time at the end."""
_MOST_IN_BATCH = 64
"""Sending a task costs about 5 ms, a crumb takes 3: at 64 the sending no longer counts."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Passes:
    """All passes of one job, and what they cost so far."""

    executor: Executor
    progress: Progress
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    """Largest memory of a task's process."""
    by_name: dict[str, float] = field(default_factory=dict)
    """CPU seconds of each pass."""

    def run(
        self, name: str, function: Callable[[T], R], tasks: Sequence[T], size: Callable[[T], int], unit: str = "points"
    ) -> Iterator[tuple[T, R | Exception]]:
        """Yield (task, result or failure) as tasks finish; `size` counts a task in `unit` for the progress.

        Raises
        ------
        OSError
            If the disk is full, or the object store gone: going on would only fail everything that follows.
        """
        self.progress.start(name, sum(map(size, tasks)), unit)
        lost: list[T] = []
        for task, outcome in self._outcomes(name, function, batches(tasks, size, self.executor.n_workers), lost):
            yield task, outcome
            self.progress.advance(size(task))
        for task, outcome in self._outcomes(name, function, [(task,) for task in lost], []):
            yield task, outcome
            self.progress.advance(size(task))
        self.progress.finish()

    def _outcomes(
        self, name: str, function: Callable[[T], R], work: Sequence[tuple[T, ...]], lost: list[T]
    ) -> Iterator[tuple[T, R | Exception]]:
        """Yield (task, result or failure); tasks that went down together with their worker go into `lost`."""
        for batch, answer in self.executor.map_unordered(partial(_measured, function), work):
            if not isinstance(answer, Exception):
                outcomes, figures = answer
                self._add(name, figures)
            elif len(batch) > 1 and not ends_everything(answer):
                lost += batch  # one of them may have killed the worker: each is tried again alone
                continue
            else:
                outcomes = [answer]
            for task, outcome in zip(batch, outcomes, strict=False):
                if isinstance(outcome, Exception) and ends_everything(outcome):
                    raise outcome
                yield task, outcome

    def _add(self, name: str, figures: dict[str, float]) -> None:
        self.cpu_seconds += figures["cpu_seconds"]
        self.peak_mb = max(self.peak_mb, figures["peak_mb"])
        self.by_name[name] = round(self.by_name.get(name, 0.0) + figures["cpu_seconds"], 3)


def batches(tasks: Sequence[T], size: Callable[[T], int], n_workers: int) -> list[tuple[T, ...]]:
    """Group small tasks that follow each other, so that thousands of crumbs do not cost more to send than to do.

    Enough batches remain that all workers end at about the same time; a task of that size or more stays alone.
    """
    wanted = _BATCHES_PER_WORKER * n_workers
    most, limit = min(_MOST_IN_BATCH, len(tasks) // wanted), sum(map(size, tasks)) / wanted
    grouped: list[tuple[T, ...]] = []
    batch: list[T] = []
    total = 0
    for task in tasks:
        if batch and (len(batch) >= most or total + size(task) > limit):
            grouped.append(tuple(batch))
            batch, total = [], 0
        batch.append(task)
        total += size(task)
    return [*grouped, tuple(batch)] if batch else grouped


def _measured(function: Callable[[T], R], batch: tuple[T, ...]) -> tuple[list[R | Exception], dict[str, float]]:
    """Run the tasks of a batch and say what they cost together; stop early at what ends everything."""
    outcomes: list[R | Exception] = []
    with Meter() as meter:
        for task in batch:
            try:
                outcomes.append(function(task))
            except Exception as error:  # a task's own failure is its outcome
                outcomes.append(error)
                if ends_everything(error):
                    break
    return outcomes, meter.figures()
