"""The same command on a foreign Dask cluster: the same bytes, and one sentence when the cluster cannot do it."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.conditions import SameEnvironment, SeesStore
from pipelines.executors import ExecutorParams, open_executor
from twin.errors import ClusterError


def slowly(task: int) -> int:
    time.sleep(0.2)
    return os.getpid()


@pytest.mark.parametrize("last", ["ingest", pytest.param("flood", marks=[pytest.mark.slow, pytest.mark.timeout(240)])])
def test_a_foreign_cluster_makes_the_bytes_of_a_sequential_run(
    tmp_path: Path, lab: Any, cluster: Any, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = lab.new_store(tmp_path / "store")
    monkeypatch.chdir(tmp_path)  # the workers run elsewhere, and find what is meant
    cluster.add_worker("--no-nanny")
    for stage in lab.stages(last):
        lab.run(*lab.command(stage, Path("store")), "--scheduler", cluster.address, "--wait", 60)
        if stage == "ingest":
            cluster.add_worker("--no-nanny")
    assert lab.contents(store) == lab.contents(lab.finished(last))


def test_a_cluster_without_workers_is_told_after_the_stated_time(cluster: Any) -> None:
    params = ExecutorParams(scheduler=cluster.address, worker_wait_s=1.0)
    told: list[str] = []
    began = time.monotonic()
    with (
        pytest.raises(ClusterError, match=r"has had no workers for 1 s.*start workers"),
        open_executor(params, told.append),
    ):
        pass
    assert time.monotonic() - began < 20
    assert told == [f"waiting up to 1 s for workers at {cluster.address}"]


@pytest.mark.slow
def test_workers_that_join_later_take_part_and_the_last_to_leave_is_noticed(cluster: Any) -> None:
    first = cluster.add_worker("--no-nanny")
    with open_executor(ExecutorParams(scheduler=cluster.address, worker_wait_s=30.0)) as executor:
        cluster.add_worker("--no-nanny")
        by_process = [pid for _, pid in executor.map_unordered(slowly, range(60))]
        assert len(set(by_process)) == 2
        assert executor.n_workers == 2
        for worker in (first, *cluster.processes[1:]):
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        executor._params = ExecutorParams(scheduler=cluster.address, worker_wait_s=2.0)
        with pytest.raises(ClusterError, match="no workers for 2 s"):
            list(executor.map_unordered(slowly, range(4)))


def test_a_scheduler_that_dies_is_one_sentence_soon(cluster: Any) -> None:
    cluster.add_worker("--no-nanny")
    with open_executor(ExecutorParams(scheduler=cluster.address, worker_wait_s=60.0)) as executor:
        results = executor.map_unordered(slowly, range(1000))
        next(results)
        threading.Timer(0.5, cluster.processes[0].kill).start()
        began = time.monotonic()
        with pytest.raises(ClusterError, match=r"scheduler at tcp://\S+ is gone.*; what was finished stays"):
            list(results)
        assert time.monotonic() - began < 20


def test_an_environment_of_other_versions_is_refused_by_name() -> None:
    here = SameEnvironment.of_this_process()
    here()
    other = SameEnvironment(tuple((name, "0.1" if name == "numpy" else version) for name, version in here.versions))
    with pytest.raises(
        ClusterError, match=r"numpy is \S+, the client's is 0\.1; give workers the client's environment"
    ):
        other()
    with pytest.raises(ClusterError, match="no-such-library is missing"):
        SameEnvironment((("no-such-library", "1.0"),))()


def test_a_worker_without_this_program_is_refused_by_name(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "pipelines.py").write_text("raise ModuleNotFoundError('not here')\n")
    cluster.add_worker("--no-nanny", PYTHONPATH=str(tmp_path), PYTHONSAFEPATH="1")
    with (
        pytest.raises(ClusterError, match=r"worker tcp://\S+ cannot load this program .*install it"),
        open_executor(ExecutorParams(scheduler=cluster.address, worker_wait_s=60.0)),
    ):
        pass


@pytest.mark.slow
def test_a_worker_that_does_not_see_the_store_is_refused_by_name(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.conditions._PATIENCE_S", 0.0)
    (tmp_path / "store").mkdir()
    unseen = SeesStore(str(tmp_path / "absent"), str(tmp_path / "absent" / "mark"))
    namesake = SeesStore(str(tmp_path / "store"), str(tmp_path / "store" / "mark"))
    with pytest.raises(ClusterError, match=r"there is no such folder.*file system that all workers share"):
        unseen()
    with pytest.raises(ClusterError, match="a folder of that name is another one"):
        namesake()
    cluster.add_worker("--no-nanny")
    with open_executor(ExecutorParams(scheduler=cluster.address, worker_wait_s=60.0)) as executor:
        with pytest.raises(ClusterError, match=r"worker tcp://\S+ does not see the store"):
            executor.require(unseen)
        # A worker that joined after that check is held to it with its first task.
        with pytest.raises(ClusterError, match=r"worker tcp://\S+ does not see the store"):
            list(executor.map_unordered(slowly, range(3)))
