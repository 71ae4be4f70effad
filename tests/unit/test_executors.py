"""Laws of the executors: the same tasks, the same results, wherever they run; failures are values."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest

from pipelines.executors import ExecutorParams, Sequential, open_executor
from twin.errors import ConfigError

KINDS = ["sequential", "threads", "dask"]


def doubled(task: int) -> int:
    if task == 3:
        raise ValueError("three is refused")
    if task == 99:
        os._exit(1)
    return 2 * task


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_comes_back_once_and_a_failure_stays_alone(kind: str) -> None:
    with open_executor(ExecutorParams(kind=kind, workers=2)) as executor:
        results = dict(executor.map_unordered(doubled, range(20)))
    assert isinstance(results.pop(3), ValueError)
    assert results == {task: 2 * task for task in range(20) if task != 3}


def test_a_worker_that_dies_fails_only_its_own_task() -> None:
    with open_executor(ExecutorParams(kind="dask", workers=2)) as executor:
        results = dict(executor.map_unordered(doubled, [1, 99, 2, *range(4, 12)]))
    assert isinstance(results.pop(99), Exception)
    assert results == {task: 2 * task for task in (1, 2, *range(4, 12))}


def test_a_stop_while_dask_asks_itself_something_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """The event loop is kept busy, so the stop arrives before the question is asked; distributed trips over that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    with open_executor(ExecutorParams(kind="dask", workers=1)) as executor:
        client: Any = executor._client  # type: ignore[attr-defined]
        client.loop.add_callback(time.sleep, 0.6)
        stop = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        stop.start()
        with pytest.raises(KeyboardInterrupt):
            client.sync(client.scheduler.ncores, callback_timeout=10.0)
        time.sleep(0.8)
    signal.signal(signal.SIGINT, before)
    assert not [record for record in caplog.records if record.exc_info]


def leaves_interrupts_alone(task: int) -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_an_interrupt_ends_this_process_and_workers_leave_it_alone() -> None:
    with open_executor(ExecutorParams(kind="dask", workers=1)) as executor:
        assert [result for _, result in executor.map_unordered(leaves_interrupts_alone, [0])] == [True]
        assert not leaves_interrupts_alone(0)


def test_tasks_are_drawn_lazily() -> None:
    drawn = []

    def tasks():
        for task in range(1000):
            drawn.append(task)
            yield task

    with open_executor(ExecutorParams(kind="threads", workers=2)) as executor:
        next(iter(executor.map_unordered(doubled, tasks())))
    assert len(drawn) < 20


def test_no_tasks_give_no_results() -> None:
    assert list(Sequential().map_unordered(doubled, [])) == []


@pytest.mark.parametrize(
    "params",
    [
        ExecutorParams(kind="threads", scheduler="tcp://127.0.0.1:1"),
        ExecutorParams(kind="abacus"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_started_is_a_configuration_error(params: ExecutorParams) -> None:
    with pytest.raises(ConfigError), open_executor(params):
        pass
