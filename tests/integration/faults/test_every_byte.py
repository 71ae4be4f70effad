"""`twin verify` sees one wrong byte, one missing and one extra file, anywhere in a store with everything in it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.classify import classify_profile
from pipelines.executors import Sequential
from pipelines.live import load_feed, replay
from pipelines.live.demo_feed import DemoFeedParams, write_demo_feed
from pipelines.runs import run_tiled
from pipelines.terrain import TerrainStage
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.errors import StoreError
from twin.points import Points
from twin.scene import Scene, SceneParams
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

END = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)


@pytest.fixture(
    scope="module", params=["two tiles", pytest.param("all stages", marks=[pytest.mark.slow, pytest.mark.timeout(200)])]
)
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with points, labels, rasters and observations; with buildings and an overlay if slow."""
    folder = tmp_path_factory.mktemp("full")
    if request.param == "all stages":
        store = Store.open(request.getfixturevalue("lab").copy("flood", folder / "store"))
    else:
        store = two_tiles(folder / "store")
    scene = Scene.build(SceneParams(kind="bay", n_points=10_000))
    write_demo_feed(folder / "feed.jsonl", scene, DemoFeedParams(end=END))
    replay(store, folder / "feed.jsonl", load_feed("bay_demo"), now=END)
    return folder / "store"


def two_tiles(path: Path) -> Store:
    """Make a store of a slope over two tiles, classified, with terrain."""
    made = Store.create(path, crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=64.0)
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0.25, 128, 0.5), np.arange(0.25, 64, 0.5)))
    ones = np.ones(len(x), np.uint8)
    with made.writing():
        for column in (0, 1):
            own = np.floor(x / 64) == column
            points = Points(x=x[own], y=y[own], z=0.01 * x[own])
            points = points.with_attributes(return_number=ones[own], number_of_returns=ones[own])
            made.manifest.commit_tiles([made.write_tile(made.grid.tile_at(column * 64 + 1, 1), points)])
    labels = run_tiled(made, classify_profile("urban"), Sequential())
    run_tiled(made, TerrainStage(labels_run=labels.run), Sequential())
    return made


def reasons(store: Path) -> list[str]:
    """What verification says, also if the store cannot even be opened."""
    try:
        return [f"{problem.path} {problem.reason}" for problem in verify_store(Store.open(store))]
    except StoreError as error:
        return [str(error)]


def files(store: Path) -> list[Path]:
    skipped = ("manifest.sqlite", ".lock")
    return sorted(path for path in store.rglob("*") if path.is_file() and path.name not in skipped)


def one_of_each(store: Path) -> list[Path]:
    """Return a file of each kind: of each array of points, labels and rasters, of each table, summary and segment."""
    kinds: dict[object, Path] = {}
    for path in files(store):
        parts = path.relative_to(store).parts
        words = tuple(part for part in parts if part.isidentifier() or part.endswith((".json", ".parquet", ".zarr")))
        if parts[0] in ("buildings", "flood") or not (store / "flood").exists():  # the rest is seen in a small store
            kinds.setdefault((words, path.suffix), path)
    return list(kinds.values())


def test_one_wrong_byte_in_any_file_is_found(full: Path) -> None:
    assert reasons(full) == []
    kinds = set()
    for number, path in enumerate(one_of_each(full)):
        content = path.read_bytes()
        if not content:
            continue
        at = [0, len(content) // 2, len(content) - 1][number % 3]
        wrong = bytearray(content)
        wrong[at] ^= 1 << number % 8
        path.write_bytes(wrong)
        assert reasons(full), f"{path.relative_to(full)}: byte {at} of {len(content)}"
        path.write_bytes(content)
        kinds.add(path.relative_to(full).parts[0])
    assert kinds in ({"buildings", "flood"}, {"zarr.json", "points", "labels", "rasters", "observations"})
    assert reasons(full) == []


def test_a_missing_and_an_extra_file_are_found(full: Path) -> None:
    for path in one_of_each(full)[::3]:
        aside = full.parent / "aside"
        shutil.move(path, aside)
        assert reasons(full), path.relative_to(full)
        shutil.move(aside, path)
    for folder in sorted({path.parent for path in one_of_each(full)})[::4]:
        (folder / "extra").write_bytes(b"x")
        assert reasons(full), folder.relative_to(full)
        (folder / "extra").unlink()
    assert reasons(full) == []


def test_a_manifest_that_is_no_database_any_more_is_one_sentence(full: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(full, store)
    content = (store / "manifest.sqlite").read_bytes()
    for damage in (b"", b"no database" * 100, content[:5000], content[:100] + bytes(4000) + content[4100:]):
        (store / "manifest.sqlite").write_bytes(damage)
        (told, *_) = reasons(store)
        assert "manifest.sqlite" in told
        assert "\n" not in told


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_stages_leave_when_they_are_done_again_is_no_stranger(lab: Any, tmp_path: Path) -> None:
    store, more = lab.copy("flood", tmp_path / "store"), tmp_path / "more"
    lab.run("synth", more, "--points", 9000, "--seed", 5)
    for path in more.glob("*.la[sz]"):
        path.rename(more / f"more_{path.name}")
    lab.run("ingest", store, more, "--executor", "sequential")
    assert reasons(store) == []
    for stage in lab.stages("flood")[1:]:
        options = () if stage == "flood" else ("--executor", "sequential")
        lab.run(*lab.command(stage, store), *options)
    assert reasons(store) == []
