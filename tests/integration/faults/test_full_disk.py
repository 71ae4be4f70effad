"""A disk that fills up in the middle of any stage: one sentence, a store that is still valid, and a rerun that ends."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles.store import Store
from tiles.verify import verify_store
from twin.cli.app import build_app
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BALLAST = "ballast"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 24 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> None:
    """Take all the room that is left."""
    with (disk / BALLAST).open("ab", buffering=0) as stream:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    stream.write(bytes(size))
            except OSError:
                continue


def make_room(disk: Path) -> None:
    (disk / BALLAST).unlink()


class Filling(Sequential):
    """Runs tasks one after the other, and fills the disk after some of them."""

    def __init__(self, disk: Path, after: int) -> None:
        object.__setattr__(self, "disk", disk)
        object.__setattr__(self, "left", [after])
        super().__init__()

    def map_unordered(self, function: Any, tasks: Any) -> Iterator[Any]:
        for outcome in super().map_unordered(function, tasks):
            self.left[0] -= 1  # type: ignore[attr-defined]
            if self.left[0] == 0:  # type: ignore[attr-defined]
                fill(self.disk)  # type: ignore[attr-defined]
            yield outcome


@pytest.fixture
def twin(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    """Run a command in this process; returns its exit code and what it said on standard error."""

    def run(*arguments: object) -> tuple[int, list[str]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            build_app()(prog_name="twin", args=[*map(str, arguments)])
        return int(end.value.code or 0), capsys.readouterr().err.splitlines()

    return run


# Tasks of four files: 4 checks, 4 ranges, 9 tiles. The disk is full after a check, after a range, after a tile.
@pytest.mark.parametrize("after", [4, 6, 11])
def test_a_disk_that_fills_during_ingest(disk: Path, lab: Any, after: int) -> None:
    store = Store.open(lab.new_store(disk / "store"))
    files, params = sorted(lab.survey.rglob("*.la[sz]")), IngestParams()
    with pytest.raises(StoreError, match=r"make room") as told:
        ingest(store, files, params, Filling(disk, after))
    assert "\n" not in str(told.value)
    assert store.tiles() == []
    assert [problem.reason for problem in verify_store(store)] == []
    make_room(disk)
    ingest(store, files, params, Sequential())
    assert lab.contents(store.path) == lab.contents(lab.finished("ingest"))


@pytest.mark.parametrize(
    "stage", [pytest.param(name, marks=pytest.mark.slow) for name in ("classify", "terrain", "model", "flood")]
)
def test_a_disk_that_fills_during_a_later_stage(
    disk: Path, lab: Any, twin: Any, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = lab.copy(lab.stages(stage)[-2], disk / "store")
    executor = ("--executor", "sequential")
    if stage == "flood":
        executor = ()
        fill(disk)
    else:
        monkeypatch.setattr("pipelines.executors.Sequential", lambda: Filling(disk, 3))
    code, lines = twin(*lab.command(stage, store), *executor)
    assert (code, len(lines)) == (1, 1), lines
    assert "make room" in lines[0]
    monkeypatch.undo()
    make_room(disk)
    assert twin("verify", store) == (0, [])
    assert twin(*lab.command(stage, store), *executor) == (0, [])
    assert lab.contents(store) == lab.contents(lab.finished(stage))


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["laz", "3dtiles", "cityjson", "cityjsonseq", "cog", "gpkg", "gltf", "obj"])
def test_a_disk_that_fills_during_an_export(disk: Path, lab: Any, twin: Any, tmp_path: Path, format_name: str) -> None:
    store = lab.copy("flood", tmp_path / "store")
    fill(disk)
    with (disk / BALLAST).open("r+b") as stream:
        stream.truncate((disk / BALLAST).stat().st_size - 8192)
    code, lines = twin("export", store, format_name, disk / "out")
    assert (code, len(lines)) == (1, 1), lines
    make_room(disk)
    assert twin("export", store, format_name, disk / "out") == (0, [])
    assert twin("verify", store) == (0, [])


def test_a_store_that_became_read_only_is_one_sentence(disk: Path, lab: Any, twin: Any) -> None:
    store = lab.copy("ingest", disk / "store")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    code, lines = twin("classify", store, "--executor", "sequential")
    assert code == 1
    assert len(lines) == 1
    assert "Read-only file system" in lines[0] or "cannot be written" in lines[0]
    assert twin("info", store)[0] == 0
    assert twin("verify", store)[0] == 0
