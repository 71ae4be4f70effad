"""Where tasks run: here and now, on threads, or on Dask; the tasks are the same.

A task is a small picklable value and the function a top-level one, so that the whole product also runs step by step in
a debugger (`Sequential`). Arrays never travel through an executor: they meet on disk.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Executor", "ExecutorKind", "ExecutorParams", "Sequential", "Threads", "open_executor"]

T = TypeVar("T")
R = TypeVar("R")
ExecutorKind = Literal["sequential", "threads", "dask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorParams:
    """How much of which machine to use."""

    kind: ExecutorKind = "dask"
    """``sequential`` for a debugger, ``threads`` for small jobs, ``dask`` for processes and clusters."""
    workers: int = 0
    """Number of workers; 0 means one per core."""
    memory_bytes: int = 4_000_000_000
    """Memory that one worker may use; Dask restarts a worker that exceeds it. A tile of 4 million points with the halo
    around it is classified in 3 GB; all other stages take less than 1.5 GB."""
    scheduler: str = ""
    """Address of a running Dask scheduler, such as ``tcp://127.0.0.1:8786``; empty starts workers on this machine."""
    worker_wait_s: float = 120.0
    """Seconds to wait for a worker where there is none: a container's image is pulled in about a minute."""

    @property
    def n_workers(self) -> int:
        """Workers after resolving 0 to the cores that this process may use."""
        if self.workers > 0:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Executor(Protocol):
    """Runs tasks and hands back results as they finish."""

    @property
    def n_workers(self) -> int:
        """How many tasks run at once."""

    def map_unordered(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R | Exception]]:
        """Yield (task, result) in the order of completion; a task that raised yields its exception.

        Tasks are drawn lazily, a few per worker, so neither side holds a long queue.
        """

    def require(self, condition: Callable[[], None]) -> None:
        """Let no worker of another machine work that does not fulfil a condition (`pipelines.conditions`).

        Raises
        ------
        ClusterError
            If one that is there does not; one that joins later stops the job when it is given its first task.
        """


@dataclass(frozen=True, slots=True)
class Sequential:
    """One task after the other in this thread."""

    n_workers: int = 1

    def map_unordered(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R | Exception]]:
        """Yield results in the order of the tasks."""
        for task in tasks:
            yield task, _attempt(function, task)

    def require(self, condition: Callable[[], None]) -> None:
        """Do nothing: this process is the client."""


@dataclass(frozen=True, slots=True)
class Threads:
    """A pool of threads in this process."""

    n_workers: int

    def map_unordered(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R | Exception]]:
        """Yield results as threads finish, with at most two tasks a thread under way."""
        queue = iter(tasks)
        with ThreadPoolExecutor(self.n_workers) as pool:
            running: dict[Future[Any], T] = {
                pool.submit(_attempt, function, task): task for task in islice(queue, 2 * self.n_workers)
            }
            while running:
                finished = deque(wait(running, return_when=FIRST_COMPLETED).done)
                for future in finished:
                    task = running.pop(future)
                    for following in islice(queue, 1):
                        running[pool.submit(_attempt, function, following)] = following
                    yield task, future.result()

    def require(self, condition: Callable[[], None]) -> None:
        """Do nothing: this process is the client."""


@contextmanager
def open_executor(params: ExecutorParams, tell: Callable[[str], None] = lambda _: None) -> Iterator[Executor]:
    """Start an executor and stop it at the end; `tell` hears what it waits for.

    Raises
    ------
    ConfigError
        If the kind is unknown, or a scheduler is named for another kind than Dask, or does not answer.
    ClusterError
        If the scheduler has no workers, or they cannot do this work.
    """
    if params.scheduler and params.kind != "dask":
        raise ConfigError(f"--scheduler {params.scheduler} needs --executor dask, not {params.kind}")
    if params.kind == "sequential":
        yield Sequential()
    elif params.kind == "threads":
        yield Threads(params.n_workers)
    elif params.kind == "dask":
        from pipelines.graph import open_dask

        with open_dask(params, tell) as executor:
            yield executor
    else:
        raise ConfigError(f"unknown executor {params.kind!r}: choose sequential, threads or dask")


def _attempt(function: Callable[[T], R], task: T) -> R | Exception:
    """Run one task; its failure is a value, because one bad tile must not stop the others."""
    try:
        return function(task)
    except Exception as error:  # every kind of failure is handed to the caller, who lists it
        return error
