"""Processes die in the middle of every stage: what survives goes on, and what does not is made up by a rerun."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

slow = [pytest.mark.slow, pytest.mark.timeout(120)]

# What a stage has just written when it is in the middle of its work, by the stage: something has come, more is to come.
MOMENTS = {
    "scatter": ("ingest", ".work/fragments/*"),
    "merge": ("ingest", ".work/staged/*/*"),
    "classify": ("classify", "labels/*/0/*"),
    "terrain": ("terrain", "rasters/*/dtm/c/*/*"),
    "model": ("model", "buildings/*/0/*.jsonl"),
    "flood": ("flood", ".work/tmp/.twin-tmp-*"),
}


def prepared(lab: Any, stage: str, path: Path) -> Path:
    """Return a store in which all stages before one are done."""
    before = lab.stages(stage)[:-1]
    store: Path = lab.copy(before[-1], path) if before else lab.new_store(path)
    return store


def seen(store: Path, moment: str) -> Callable[[], bool]:
    """Return a look at whether a stage is in the middle of its work."""
    known = set(store.glob(MOMENTS[moment][1]))
    return lambda: any(path not in known for path in store.glob(MOMENTS[moment][1]))


def gone(processes: list[psutil.Process]) -> bool:
    """Whether processes end within seconds."""
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not alive


@pytest.mark.parametrize(
    "moment", ["merge", *[pytest.param(name, marks=slow) for name in ("scatter", "classify", "terrain", "model")]]
)
def test_a_killed_worker_costs_nothing(tmp_path: Path, lab: Any, start: Any, moment: str) -> None:
    stage = MOMENTS[moment][0]
    store = prepared(lab, stage, tmp_path / "store")
    command = start(*lab.command(stage, store), "--workers", 2)
    assert command.until(seen(store, moment))
    workers = command.workers()
    workers[0].kill()
    answer = command.end()
    assert (answer.code, answer.stderr) == (0, "")
    assert "failed" not in answer.stdout
    assert lab.contents(store) == lab.contents(lab.finished(stage))
    assert gone(workers)


@pytest.mark.parametrize(
    "moment",
    ["scatter", *[pytest.param(name, marks=slow) for name in ("merge", "classify", "terrain", "model", "flood")]],
)
def test_a_killed_client_leaves_no_workers_and_a_rerun_gives_the_same_bytes(
    tmp_path: Path, lab: Any, start: Any, moment: str
) -> None:
    stage = MOMENTS[moment][0]
    store = prepared(lab, stage, tmp_path / "store")
    options = () if stage == "flood" else ("--workers", 2)  # an overlay is one piece of work, done by the client
    command = start(*lab.command(stage, store), *options)
    assert command.until(seen(store, moment))
    workers = command.workers()
    assert len(workers) == (0 if stage == "flood" else 2)
    command.process.kill()
    assert command.end().code == -signal.SIGKILL
    assert gone(workers)
    lab.run(*lab.command(stage, store), "--executor", "sequential")
    assert lab.contents(store) == lab.contents(lab.finished(stage))


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("format_name", ["laz", "3dtiles", "cityjson", "cog", "gpkg"])
def test_a_killed_export_leaves_a_store_that_exports(tmp_path: Path, lab: Any, start: Any, format_name: str) -> None:
    store = lab.copy("model", tmp_path / "store")
    out, expected = tmp_path / "killed" / "export", tmp_path / "whole" / "export"
    out.parent.mkdir()
    expected.parent.mkdir()
    lab.run("export", store, format_name, expected)
    command = start("export", store, format_name, out)
    command.until(lambda: next(out.parent.iterdir(), None) is not None)
    command.process.kill()
    command.end()
    lab.run("export", store, format_name, out)
    assert digests(out) == digests(expected)
    assert lab.run("verify", store).code == 0


def digests(path: Path) -> dict[str, bytes]:
    """Bytes of a file, or of all files of a folder."""
    files = [path] if path.is_file() else [entry for entry in path.rglob("*") if entry.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGINT", marks=slow)])
def test_a_stopped_command_says_so_and_leaves_no_workers(tmp_path: Path, lab: Any, start: Any, name: str) -> None:
    code, word = {"SIGTERM": (143, "terminated"), "SIGINT": (130, "interrupted")}[name]
    store = lab.new_store(tmp_path / "store")
    command = start(*lab.command("ingest", store), "--workers", 2)
    assert command.until(seen(store, "scatter"))
    workers = command.workers()
    began = time.monotonic()
    command.process.send_signal(signal.Signals[name])
    answer = command.end()
    assert answer.code == code
    assert answer.stderr.strip() == f"twin ingest: {word}; what was finished stays, a rerun goes on from there"
    assert time.monotonic() - began < 20
    assert gone(workers)
    lab.run(*lab.command("ingest", store), "--executor", "sequential")
    assert lab.contents(store) == lab.contents(lab.finished("ingest"))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_scheduler_that_dies_ends_the_command_with_a_sentence_and_a_rerun_finishes(
    tmp_path: Path, lab: Any, start: Any, cluster: Any
) -> None:
    store = lab.new_store(tmp_path / "store")
    cluster.add_worker("--no-nanny")
    command = start(*lab.command("ingest", store), "--scheduler", cluster.address)
    assert command.until(seen(store, "merge"))
    cluster.processes[0].kill()
    answer = command.end()
    assert answer.code == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"twin ingest: the Dask scheduler {cluster.address} is gone; what was finished stays")
    port = int(cluster.address.rpartition(":")[2])
    cluster.start_scheduler(port)
    cluster.add_worker("--no-nanny")
    lab.run(*lab.command("ingest", store), "--scheduler", cluster.address)
    assert lab.contents(store) == lab.contents(lab.finished("ingest"))


def test_a_lock_is_refused_while_its_owner_lives_and_free_when_it_died(tmp_path: Path, lab: Any, start: Any) -> None:
    store = lab.new_store(tmp_path / "store")
    first = start(*lab.command("ingest", store), "--executor", "sequential")
    assert first.until(seen(store, "scatter"))
    first.process.send_signal(signal.SIGSTOP)
    second = lab.run(*lab.command("ingest", store), "--executor", "sequential", code=1)
    assert f"is being written by process {first.process.pid} on " in second.stderr
    assert "wait for it to end, then try again" in second.stderr
    first.process.kill()
    first.end()
    lab.run(*lab.command("ingest", store), "--executor", "sequential")
    assert lab.contents(store) == lab.contents(lab.finished("ingest"))
