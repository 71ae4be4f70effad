"""Nothing is lost and every byte is the same, whatever the object store does, and whoever else writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles import raster_moves
from tiles.rasters import create_rasters, raster_frame, read_raster, tile_frame, write_raster_block
from tiles.storage import ObjectPath, files_below, place_of
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.errors import StoreError, UnreachableError
from twin.points import Points
from twin.tiling import TileId
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tiles.manifest import TileRow
    from tiles.storage import Place

CRS = parse_crs("EPSG:6677")
EDGE_M = 128.0


def contents(address: str | Path) -> dict[str, bytes]:
    """Every byte of a store but the manifest, and what the manifest says of tiles and sources."""
    files = files_below(place_of(address))
    found = {
        name: file.read_bytes() for name, file in files.items() if not name.startswith(("manifest.sqlite", ".lock"))
    }
    manifest = Store.open(str(address)).manifest
    facts = [manifest.sources(), manifest.tiles(), manifest.staged_tiles(), manifest.garbage()]
    return {**found, "rows": repr(facts).encode()}


def make(address: str | Path) -> Store:
    return Store.create(address, crs=CRS, vertical=TP, tile_edge_m=EDGE_M)


def bring(address: str | Path, survey: list[Path]) -> None:
    ingest(Store.open(str(address)), survey, IngestParams(rows_per_task=8_000), Sequential())


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    from pipelines.synth import write_survey
    from twin.scene import SceneParams

    folder = tmp_path_factory.mktemp("survey")
    return list(write_survey(folder, SceneParams(kind="bay", n_points=40_000, seed=0)).files)


@pytest.fixture(scope="module")
def expected(survey: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed") / "store"
    make(folder)
    bring(folder, survey)
    return contents(folder)


def test_a_service_that_fails_now_and_then_changes_nothing(
    address: str, server: Any, survey: list[Path], expected: dict[str, bytes]
) -> None:
    server.fail(0.1, seed=3)
    make(address)
    bring(address, survey)
    server.calm()
    assert contents(address) == expected


@pytest.mark.parametrize("requests", [pytest.param(n, marks=pytest.mark.slow) for n in (3, 20, 60, 150)])
@pytest.mark.usefixtures("impatient")
def test_a_service_that_stops_is_one_sentence_and_a_rerun_goes_on(
    address: str, server: Any, survey: list[Path], expected: dict[str, bytes], requests: int
) -> None:
    make(address)
    server.stop_after = requests
    with pytest.raises(UnreachableError, match=r"the object store does not answer \(.*\); run it again") as caught:
        bring(address, survey)
    assert "\n" not in str(caught.value)
    server.calm()
    bring(address, survey)
    assert contents(address) == expected


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_the_command_line_ends_with_the_sentence_and_exit_1(
    twin: Callable[..., dict[str, Any]], address: str, server: Any, survey: list[Path]
) -> None:
    make(address)
    server.stop_after = 30
    said = twin("ingest", address, *survey, "--executor", "sequential", code=1)
    assert "the object store does not answer" in said["error"]
    assert said["failed"] == []


def test_a_client_that_is_killed_leaves_no_lock_and_no_rubbish(
    address: str, server: Any, survey: list[Path], expected: dict[str, bytes]
) -> None:
    make(address)
    server.requests.clear()
    command = [sys.executable, "-c", "from twin.cli import main; main()", "ingest", address, *map(str, survey)]
    process = subprocess.Popen([*command, "--executor", "sequential"], stdout=subprocess.DEVNULL)
    while process.poll() is None and server.requests["PUT"] < 120:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not Store.open(address).tiles(), "too late to be killed"
    bring(address, survey)
    assert contents(address) == expected


def test_a_second_writer_is_refused_and_told_who_the_first_is(
    twin: Callable[..., dict[str, Any]], address: str, survey: list[Path]
) -> None:
    store = make(address)
    with store.writing():
        said = twin("ingest", address, *survey, "--executor", "sequential", code=1)
    assert f"is being written by process {os.getpid()} on" in said["error"]
    with store.writing():
        pass


def test_a_manifest_that_somebody_else_wrote_is_not_overwritten(address: str) -> None:
    store = make(address)
    place = place_of(address) / "manifest.sqlite"
    assert isinstance(place, ObjectPath)
    theirs = place.read_bytes() + b"theirs"

    def write_while_another_writes() -> None:
        with store.writing():
            store.manifest.begin_run("run", "stage", {}, {})
            place.write(theirs)

    with pytest.raises(StoreError, match="somebody else wrote it meanwhile"):
        write_while_another_writes()
    assert place.read_bytes() == theirs
    place.write(theirs.removesuffix(b"theirs"))
    with store.writing():  # the lock was let go of
        store.manifest.begin_run("run", "stage", {}, {})
    assert [row.run for row in Store.open(address).manifest.runs()] == ["run"]


def test_readers_see_what_was_published_and_never_an_old_manifest(address: str) -> None:
    store, reader = make(address), Store.open(address)
    assert reader.manifest.runs() == []
    with store.writing():
        store.manifest.begin_run("first", "stage", {}, {})
        store.manifest.publish()
        other = subprocess.run(
            [sys.executable, "-c", READ, address], capture_output=True, text=True, check=True, timeout=60
        )
        assert other.stdout.split() == ["first"]
        store.manifest.begin_run("second", "stage", {}, {})
    assert {row.run for row in reader.manifest.runs()} == {"first", "second"}


READ = """
import sys
from tiles.store import Store
print(*[row.run for row in Store.open(sys.argv[1]).manifest.runs()])
"""


def test_a_running_job_publishes_its_manifest_every_few_seconds(address: str) -> None:
    store = make(address)
    place = place_of(address) / "manifest.sqlite"
    before = place.read_bytes()
    with store.writing():
        store.manifest.begin_run("first", "stage", {}, {})
        deadline = time.monotonic() + 10
        while place.read_bytes() == before and time.monotonic() < deadline:
            time.sleep(0.2)
        assert place.read_bytes() != before


@pytest.mark.slow
def test_verify_finds_one_flipped_byte_in_any_object(address: str, survey: list[Path]) -> None:
    make(address)
    bring(address, survey)
    store = Store.open(address)
    assert verify_store(store) == []
    row = store.tiles()[0]
    names = list(files_below(store.path / store.tile_path(row)))
    assert len(names) > 20
    for name in names[:: len(names) // 5]:
        place = store.path / store.tile_path(row) / name
        assert isinstance(place, ObjectPath)
        content = place.read_bytes()
        place.write(bytes([content[0] ^ 1]) + content[1:])
        assert [problem.path for problem in verify_store(store)] == [store.tile_path(row)]
        place.write(content)
    (store.path / store.tile_path(row) / "more").write(b"")  # type: ignore[union-attr]
    assert [problem.reason for problem in verify_store(store)] == ["changed since it was written"]


def test_a_place_that_is_not_empty_is_no_place_for_a_store(address: str) -> None:
    make(address)
    with pytest.raises(StoreError, match="exists and is not empty"):
        make(address)
    with pytest.raises(StoreError, match=f"{address}2: no store here"):
        Store.open(f"{address}2")


def tile_of(store: Store, tile: TileId) -> TileRow:
    box = store.grid.bounds(tile)
    x, y = np.array([box.xmin + 1.0]), np.array([box.ymin + 1.0])
    return store.write_tile(tile, Points(x=x, y=y, z=np.ones(1), attributes={}))


def grow(store: Store, tiles: list[TileId]) -> None:
    """Add tiles and their blocks of one raster, as a stage does after each delivery."""
    with store.writing():
        store.manifest.commit_tiles([tile_of(store, tile) for tile in tiles])
        create_rasters(store, "run", {"dtm": (np.float32, {"is_height": True})}, 1.0)
        for tile in tiles:
            values = np.full(tile_frame(store, tile, 1.0).shape, tile.x * 10 + tile.y, np.float32)
            write_raster_block(store, "run", "dtm", tile, values)


def rasters_of(store: Store) -> dict[str, bytes]:
    folder: Place = store.path / "rasters/run"
    return {name: file.read_bytes() for name, file in files_below(folder).items()}


@pytest.mark.parametrize("died_after", [None, 0, 3, 9])
def test_rasters_of_a_growing_area_keep_their_chunks_whoever_died_on_the_way(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, died_after: int | None
) -> None:
    first, more = [TileId(0, 0, 0), TileId(0, 1, 0)], [TileId(0, -1, 2)]
    folder, bucket = make(tmp_path / "store"), make(address)
    for store in (folder, bucket):
        grow(store, first)
    grow(folder, more)
    if died_after is not None:
        copies = iter(range(1000))
        copy = raster_moves.copy_object

        def dying(source: ObjectPath, target: ObjectPath) -> None:
            if next(copies) == died_after:
                raise KeyboardInterrupt
            copy(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(raster_moves, "copy_object", dying)
            with pytest.raises(KeyboardInterrupt):
                grow(bucket, more)
    grow(bucket, more)
    assert rasters_of(bucket) == rasters_of(folder)
    assert raster_frame(bucket, "run") == raster_frame(folder, "run")
    np.testing.assert_array_equal(read_raster(bucket, "run", "dtm").values, read_raster(folder, "run", "dtm").values)
    assert not list(files_below(place_of(address) / ".work"))


def test_labels_that_are_replaced_leave_nothing_of_the_old_ones(address: str) -> None:
    store, tile = make(address), TileId(0, 0, 0)
    with store.writing():
        store.manifest.commit_tiles([tile_of(store, tile)])
        one, zero = np.ones(1, np.uint8), np.zeros(1, np.uint8)
        store.write_labels("run", tile, one, one)
        store.write_labels("run", tile, zero, one)  # nothing but zeros is stored as no chunk
    assert [values.tolist() for values in store.read_labels("run", tile)] == [[0], [1]]


def test_columns_with_any_name_come_back(address: str) -> None:
    store, tile = make(address), TileId(0, 0, 0)
    name = "extra/50% of #1? (高さ)"
    with store.writing():
        points = Points(x=np.ones(2), y=np.ones(2), z=np.ones(2), attributes={name: np.array([3, 4], np.uint16)})
        store.manifest.commit_tiles([store.write_tile(tile, points)])
    assert store.read_tile(tile)[name].tolist() == [3, 4]
    assert verify_store(store) == []


def test_a_halo_reads_only_the_chunks_it_needs(address: str, server: Any) -> None:
    store = make(address)
    rng = np.random.default_rng(1)
    n = 400_000
    for tile in (TileId(0, 0, 0), TileId(0, 1, 0)):
        box = store.grid.bounds(tile)
        x = np.sort(rng.uniform(box.xmin, box.xmax - 0.001, n))
        y = rng.uniform(box.ymin, box.ymax - 0.001, n)
        points = Points(x=x, y=y, z=rng.normal(5, 1, n), attributes={"gps_time": rng.random(n)})
        with store.writing():
            store.manifest.commit_tiles([store.write_tile(tile, points)])
    server.sent = 0
    store.read_tile(TileId(0, 1, 0), ("gps_time",))
    whole = server.sent
    server.sent = 0
    store.read_with_halo(TileId(0, 0, 0), 4.0, ("gps_time",))
    assert server.sent < 1.7 * whole
