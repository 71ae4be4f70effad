"""The one file that knows Dask.

Each task reads and writes whole tiles on disk and returns a small report, so the graph is flat: no dependencies between
tasks, no arrays on the wire, and a bounded number of futures whatever the number of tiles.

A worker that dies costs a repetition, a scheduler that dies or a cluster without workers costs one sentence: the client
looks at both whenever no result came for a second.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import resource_tracker
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import dask
from distributed import Client, KilledWorker, LocalCluster, get_worker

from pipelines.conditions import SameEnvironment, SameFolder
from pipelines.executors import Executor
from twin.errors import ClusterError, ConfigError

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
_LOOK_S = 1.0
"""After so long without a result the client looks whether there is anybody left who could send one."""
_ANSWER_S = 30.0
"""A scheduler that does not answer for so long is given up."""
_RESTART = "what was finished stays; start it again and run the same command, it goes on from there"


class DaskExecutor:
    """Tasks on the workers of one Dask client; workers may come and go."""

    def __init__(self, client: Any, params: ExecutorParams) -> None:
        self._client, self._params = client, params
        self._n_workers = 0 if params.scheduler else params.n_workers
        self._looked_at = self._seen_at = time.monotonic()
        self._conditions: dict[type, Callable[[], None]] = {}

    @property
    def n_workers(self) -> int:
        """How many tasks run at once, as far as the client has seen."""
        return max(1, self._n_workers)

    def require(self, condition: Callable[[], None]) -> None:
        """Hold every worker of a foreign cluster to a condition, those that join later too; a later one replaces it."""
        if not self._params.scheduler:
            return  # our own processes on this machine
        self._conditions[type(condition)] = condition
        outcomes = self._client.run(_fulfil, (condition,), on_error="return")
        for address, outcome in sorted(outcomes.items()):
            if isinstance(outcome, Exception):
                raise _unfit(address, outcome)

    def map_unordered(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[tuple[T, R | Exception]]:
        """Yield results as workers finish; a task whose worker died is tried again last, alone.

        A dying worker takes along what waits on it, and the scheduler blames all of that alike. Alone, only the task
        that kills its worker does so again: one bad tile never takes its neighbours down.

        Raises
        ------
        ClusterError
            If the scheduler is gone, there are no workers for longer than ``worker_wait_s``, or one is unfit.
        """
        queue = iter(tasks)
        finished: SimpleQueue[Any] = SimpleQueue()
        pending: dict[str, tuple[Any, T]] = {}
        conditions = tuple(self._conditions.values())

        def submit(task: T) -> None:
            future = self._client.submit(_attempt, conditions, function, task, pure=False, retries=_RETRIES)
            pending[future.key] = (future, task)
            future.add_done_callback(finished.put)

        def fill() -> None:
            while len(pending) < _TASKS_PER_WORKER * self.n_workers:
                task = next(queue, _END)
                if task is _END:
                    return
                submit(task)  # type: ignore[arg-type]

        suspects: list[T] = []
        self._seen_at = time.monotonic()
        fill()
        while pending:
            future = self._next(finished, fill)
            _, task = pending.pop(future.key)
            outcome = self._outcome(future)
            fill()
            if isinstance(outcome, KilledWorker):
                suspects.append(task)
            else:
                yield task, outcome
        for task in suspects:
            submit(task)
            yield task, self._outcome(self._next(finished, lambda: None))
            pending.clear()

    def _next(self, finished: SimpleQueue[Any], fill: Callable[[], None]) -> Any:
        """Return the next finished future; while there is none, see to it that there can be one."""
        while True:
            try:
                future = finished.get(timeout=_LOOK_S)
            except Empty:
                future = None
            if time.monotonic() - self._looked_at > _LOOK_S:
                self._look()
                fill()  # workers may have joined
            if future is not None:
                return future

    @property
    def _scheduler(self) -> str:
        return f"the Dask scheduler {f'at {self._params.scheduler}' if self._params.scheduler else 'of this process'}"

    def _gone(self, error: BaseException | None = None) -> ClusterError:
        """Return the one sentence for a lost scheduler, whoever noticed it: the look, the future or the connection."""
        why = f" ({error})" if error is not None and str(error) else ""
        return ClusterError(f"{self._scheduler} is gone{why}; {_RESTART}")

    def _look(self) -> None:
        """Count the workers; raise if there is nobody to wait for."""
        if self._client.status != "running":
            raise self._gone()
        try:
            answer = self._client.sync(self._client.scheduler.ncores, callback_timeout=_ANSWER_S)
            n_workers = sum(answer.values())
        except (OSError, CancelledError) as error:
            raise self._gone(error) from None
        self._looked_at = time.monotonic()
        if n_workers:
            self._seen_at = self._looked_at
        if n_workers and self._params.scheduler:
            self._n_workers = n_workers
        if self._looked_at - self._seen_at > self._params.worker_wait_s:
            raise ClusterError(
                f"{self._scheduler} has had no workers for {self._params.worker_wait_s:g} s; what was finished"
                " stays; start workers and run the same command, it goes on from there"
            )

    def _outcome(self, future: Any) -> Any:
        try:
            outcome = self._result(future)
        except CancelledError:  # nobody here cancels: the connection that the future lived on is gone
            raise self._gone() from None
        except ClusterError:
            raise
        except Exception as error:  # the caller lists it
            return error
        if isinstance(outcome, _Unfit):
            raise _unfit(outcome.worker, outcome.error)
        return outcome

    def _result(self, future: Any) -> Any:
        """Fetch a report, made anew by another worker if the one that held it died meanwhile."""
        while True:
            try:
                return future.result(timeout=_ANSWER_S)
            except TimeoutError:
                self._look()

    def wait_for_workers(self, tell: Callable[[str], None]) -> None:
        """Wait until a foreign cluster has a worker."""
        wait_s = self._params.worker_wait_s
        self._look()
        if not self._n_workers:
            tell(f"waiting up to {wait_s:g} s for workers at {self._params.scheduler}")
        while not self._n_workers:
            time.sleep(min(_LOOK_S, wait_s / 10))
            self._look()


_END = object()


@dataclass(frozen=True, slots=True)
class _Unfit:
    """What a worker answers that must not work on this job."""

    worker: str
    error: Exception


def _unfit(worker: str, error: Exception) -> ClusterError:
    if isinstance(error, ImportError) or str(error).startswith(("ImportError(", "ModuleNotFoundError(")):
        return ClusterError(
            f"worker {worker} cannot load this program ({error}); install it in the worker's environment"
        )
    return ClusterError(f"worker {worker}: {error}")


@contextmanager
def open_dask(params: ExecutorParams, tell: Callable[[str], None]) -> Iterator[DaskExecutor]:
    """Connect to a scheduler, or start a cluster of single-threaded processes on this machine.

    Raises
    ------
    ConfigError
        If the scheduler does not answer within ten seconds.
    ClusterError
        If it has no workers within ``worker_wait_s``, or they run another environment than this process.
    """
    settings = {
        "distributed.scheduler.allowed-failures": _RETRIES,
        "distributed.worker.memory.terminate": False if params.scheduler else 0.95,
        "distributed.admin.tick.limit": "30s",  # a kernel holds the interpreter for seconds; that is no fault
        # Dask samples what its workers do a hundred times a second: nobody looks, and it took a fifth of their CPU.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.system-monitor.gil.enabled": False,
        "distributed.admin.tick.interval": "500ms",
        "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
    }
    _silence()
    with dask.config.set(settings):
        if params.scheduler:
            with _connect(params.scheduler) as client:
                executor = DaskExecutor(client, params)
                executor.wait_for_workers(tell)
                executor.require(SameEnvironment.of_this_process())
                executor.require(SameFolder(str(Path.cwd())))
                yield executor
        else:
            with _start_cluster(params) as cluster, Client(cluster) as client:
                yield DaskExecutor(client, params)


def _silence() -> None:
    """Keep Dask's own news to itself: it would drown ours, and what it is about comes back as a failure anyway.

    Dying workers are told by `distributed`. A stop (Ctrl-C, SIGTERM) that arrives while Dask waits for its own answer
    makes it cancel a question that it has not asked yet, which its event loop tells as a traceback.
    """
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _start_cluster(params: ExecutorParams) -> Any:
    """Start workers that leave Ctrl-C to this process, which ends them: a page of their tracebacks helps nobody."""
    # A child inherits the mask of the thread that starts it, and so do the workers that the cluster restarts later.
    # Ctrl-C waits here for the second that this takes.
    _start_tracker()  # where it starts later, it lifts the mask
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


def _start_tracker() -> None:
    """Start the process that cleans up after killed workers, told not to warn of it: that is what it is for."""
    silence = "ignore::UserWarning:multiprocessing.resource_tracker"
    sys.warnoptions.append(silence)  # handed on to the processes started now
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(silence)


def _connect(address: str) -> Any:
    try:
        return Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise ConfigError(f"no Dask scheduler answers at {address}: {error}") from None


def _attempt(conditions: tuple[Callable[[], None], ...], function: Callable[[T], R], task: T) -> R | Exception | _Unfit:
    """Return a task's own failure as a value: Dask's retries are for workers that died, not for bad tiles."""
    try:
        _fulfil(conditions)
    except Exception as error:  # stops the job
        return _Unfit(get_worker().address, error)
    try:
        return function(task)
    except Exception as error:  # handed to the caller, who lists it
        return error


@lru_cache(maxsize=64)
def _fulfil(conditions: tuple[Callable[[], None], ...]) -> None:
    """Check conditions once in this process; what is raised is not remembered."""
    for condition in conditions:
        condition()
