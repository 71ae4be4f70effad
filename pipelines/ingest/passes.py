"""Running one pass of tasks: progress, what it costs, and which failures stop everything."""

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

__all__ = ["Passes"]

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
        for task, outcome in self.executor.map_unordered(partial(_measured, function), tasks):
            if isinstance(outcome, Exception):
                if ends_everything(outcome):
                    raise outcome
                yield task, outcome
            else:
                result, figures = outcome
                self._add(name, figures)
                yield task, result
            self.progress.advance(size(task))
        self.progress.finish()

    def _add(self, name: str, figures: dict[str, float]) -> None:
        self.cpu_seconds += figures["cpu_seconds"]
        self.peak_mb = max(self.peak_mb, figures["peak_mb"])
        self.by_name[name] = round(self.by_name.get(name, 0.0) + figures["cpu_seconds"], 3)


def _measured(function: Callable[[T], R], task: T) -> tuple[R, dict[str, float]]:
    """Run one task and say what it cost."""
    with Meter() as meter:
        result = function(task)
    return result, meter.figures()
