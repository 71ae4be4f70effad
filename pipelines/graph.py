"""The one file that knows Dask.

Each task reads and writes whole tiles on disk and returns a small report, so the graph is flat: no dependencies between
tasks, no arrays on the wire, and a bounded number of futures whatever the number of tiles.
"""

from __future__ import annotations

import logging
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, TypeVar

import dask
from distributed import Client, KilledWorker, LocalCluster, as_completed

from pipelines.executors import Executor
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipelines.executors import ExecutorParams

__all__ = ["DaskExecutor", "Executor", "open_dask"]

T = TypeVar("T")
R = TypeVar("R")

_TASKS_PER_WORKER = 3
"""Enough that a worker never waits for the client, few enough that the scheduler's memory stays flat."""
_RETRIES = 2
"""How often a task is tried again after its worker died; an exception raised by the task itself is final."""


@dataclass(frozen=True, slots=True)
class DaskExecutor:
    """Tasks on the workers of one Dask client."""

    client: Any
    n_workers: int

    def map_unordered(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R | Exception]]:
        """Yield results as workers finish; a task whose worker died is tried again last, alone.

        A dying worker takes along what waits on it, and the scheduler blames all of that alike. Alone, only the task
        that kills its worker does so again: one bad tile never takes its neighbours down.
        """
        queue = iter(tasks)
        pending: dict[str, T] = {}
        suspects: list[T] = []

        def submit(task: T) -> Any:
            future = self.client.submit(_attempt, function, task, pure=False, retries=_RETRIES)
            pending[future.key] = task
            return future

        results = as_completed([submit(task) for task in islice(queue, _TASKS_PER_WORKER * self.n_workers)])
        for future in results:
            task = pending.pop(future.key)
            outcome = _outcome(future)
            for following in islice(queue, 1):
                results.add(submit(following))
            if isinstance(outcome, KilledWorker):
                suspects.append(task)
            else:
                yield task, outcome
        for task in suspects:
            yield task, _outcome(submit(task))


def _outcome(future: Any) -> Any:
    try:
        return future.result()
    except Exception as error:  # the caller lists it
        return error


@contextmanager
def open_dask(params: ExecutorParams) -> Iterator[DaskExecutor]:
    """Connect to a scheduler, or start a cluster of single-threaded processes on this machine.

    Raises
    ------
    ConfigError
        If the scheduler does not answer within ten seconds.
    """
    settings = {
        "distributed.scheduler.allowed-failures": _RETRIES,
        "distributed.worker.memory.terminate": False if params.scheduler else 0.95,
        "distributed.admin.tick.limit": "30s",  # a kernel holds the interpreter for seconds; that is no fault
        "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
    }
    # Its own news of dying workers would drown ours: a task that is lost comes back as that task's failure.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(settings):
        if params.scheduler:
            with _connect(params.scheduler) as client:
                n_workers = max(1, sum(client.nthreads().values()))
                yield DaskExecutor(client, n_workers)
        else:
            with _start_cluster(params) as cluster, Client(cluster) as client:
                yield DaskExecutor(client, params.n_workers)


def _start_cluster(params: ExecutorParams) -> Any:
    """Start workers that leave Ctrl-C to this process, which ends them: a page of their tracebacks helps nobody."""
    # A child inherits the mask of the thread that starts it, and so do the workers that the cluster restarts later.
    # Ctrl-C waits here for the second that this takes.
    resource_tracker.ensure_running()  # where it starts later, it lifts the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return LocalCluster(
            n_workers=params.n_workers,
            threads_per_worker=1,
            memory_limit=params.memory_bytes,
            dashboard_address="127.0.0.1:0",  # its own free port: None would claim 8787, and so would the next
            host="127.0.0.1",
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _connect(address: str) -> Any:
    try:
        return Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise ConfigError(f"no Dask scheduler answers at {address}: {error}") from None


def _attempt(function: Callable[[T], R], task: T) -> R | Exception:
    """Return a task's own failure as a value: Dask's retries are for workers that died, not for bad tiles."""
    try:
        return function(task)
    except Exception as error:  # handed to the caller, who lists it
        return error
