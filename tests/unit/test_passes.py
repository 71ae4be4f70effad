"""Small tasks travel together, and none of them fails for another."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.executors import Sequential, Threads
from pipelines.passes import Passes, batches
from twin.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

sizes = st.lists(st.integers(0, 1000), max_size=400)


@given(sizes, st.integers(1, 8))
def test_every_task_is_in_one_batch_and_in_its_place(tasks: list[int], n_workers: int) -> None:
    assert [task for batch in batches(tasks, int, n_workers) for task in batch] == tasks


@given(sizes, st.integers(1, 8))
def test_batches_are_too_small_for_a_worker_to_wait_for(tasks: list[int], n_workers: int) -> None:
    limit = sum(tasks) / (20 * n_workers)
    for batch in batches(tasks, int, n_workers):
        assert len(batch) == 1 or sum(batch) <= limit
        assert len(batch) <= 64


def test_a_few_tasks_are_not_grouped() -> None:
    assert batches(range(20), lambda _: 1, 1) == [(task,) for task in range(20)]


def third_fails(task: int) -> int:
    if task % 3 == 0:
        raise ValueError(str(task))
    return task + 1


@pytest.mark.parametrize("executor", [Sequential(), Threads(2)])
def test_a_failing_task_fails_alone(executor: Any) -> None:
    found = dict(Passes(executor, Silent()).run("check", third_fails, range(500), lambda _: 1))
    assert found.keys() == set(range(500))
    assert all(isinstance(found[task], ValueError) == (task % 3 == 0) for task in found)
    assert all(found[task] == task + 1 for task in found if task % 3)


def full_disk(task: int) -> int:
    if task == 100:
        raise OSError(errno.ENOSPC, "no room")
    return task


def test_a_full_disk_ends_the_pass() -> None:
    with pytest.raises(OSError, match="no room"):
        list(Passes(Sequential(), Silent()).run("scatter", full_disk, range(500), lambda _: 1))


class WorkerDied(Exception):  # noqa: N818 - what Dask calls KilledWorker
    pass


@dataclass
class Mortal:
    """An executor whose worker dies of task 77, and takes along what it was sent with."""

    n_workers: int = 1

    def map_unordered(self, function: Any, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        for batch in tasks:
            yield batch, WorkerDied("gone") if 77 in batch else function(batch)


def test_a_task_that_kills_its_worker_takes_no_other_along() -> None:
    found = dict(Passes(Mortal(), Silent()).run("merge", third_fails, range(500), lambda _: 1))
    assert found.keys() == set(range(500))
    assert [task for task, outcome in found.items() if isinstance(outcome, WorkerDied)] == [77]
