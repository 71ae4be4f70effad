"""The same files give the same store: whatever the workers, the order, the cuts, or when the job was killed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import laspy
import numpy as np
import pytest

from pipelines.executors import Sequential, Threads
from pipelines.ingest import IngestParams, IngestSummary, ingest
from tiles import manifest as manifest_module
from tiles.las import LasParams, read_las, write_las
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.errors import StageError, StoreError
from twin.points import ATTRIBUTES, Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twin.tiling import TileId

CRS = parse_crs("EPSG:6677")
PARAMS = IngestParams(crs="EPSG:6677", vertical="TP", max_tile_points=900, rows_per_task=400, chunk_rows=150)


def cloud(n: int, seed: int, width_m: float = 60.0) -> Points:
    random = np.random.default_rng(seed)
    x, y = (random.integers(0, int(width_m * 1000), n) * 0.001 - 10.0 for _ in range(2))
    attributes = {
        "classification": random.integers(0, 20, n).astype(np.uint8),
        "gps_time": np.sort(random.uniform(0, 1e6, n)),
        "intensity": random.integers(0, 999, n).astype(np.uint16),
    }
    return Points(x=x, y=y, z=random.integers(0, 9000, n) * 0.001, attributes=attributes)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three overlapping strips, one with colour, in different formats."""
    folder = tmp_path_factory.mktemp("delivery")
    strips = [cloud(1100, 1), cloud(700, 2), cloud(500, 3, width_m=9.0)]
    red = {"red": np.arange(500, dtype=np.uint16), "extra/score": np.arange(500, dtype=np.float32)}
    layouts = [
        LasParams(point_format=6),
        LasParams(point_format=1),
        LasParams(point_format=7, extra=(("extra/score", "<f4"),)),
    ]
    paths = [folder / name for name in ("a.laz", "b.las", "c.laz")]
    for path, strip, layout in zip(paths, [*strips[:2], strips[2].with_attributes(**red)], layouts, strict=True):
        write_las(path, strip, layout, crs=CRS, vertical=TP)
    return paths


def make(path: Path, sources: list[Path], executor: Any = None, params: IngestParams = PARAMS) -> Store:
    store = Store.create(path, crs=CRS, vertical=TP, tile_edge_m=64.0)
    ingest(store, sources, params, executor or Sequential())
    return store


def tree(store: Store) -> dict[str, str]:
    """Digest of every file but the manifest's, by name."""
    return {
        str(path.relative_to(store.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.path.rglob("*"))
        if path.is_file() and not path.name.startswith("manifest.sqlite")
    }


def rows(store: Store) -> dict[str, Any]:
    """All rows of the manifest, timings aside."""
    timings = {"seconds", "cpu_seconds", "peak_mb", "passes", "workers"}
    runs = [
        (
            run.run,
            run.stage,
            run.params,
            run.inputs,
            run.state,
            {k: v for k, v in run.figures.items() if k not in timings},
        )
        for run in store.manifest.runs()
    ]
    return {
        "tiles": store.tiles(),
        "sources": store.manifest.sources(),
        "runs": runs,
        "staged": store.manifest.staged_tiles(),
        "garbage": store.manifest.garbage(),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, delivery: list[Path]) -> Store:
    return make(tmp_path_factory.mktemp("undisturbed") / "s", delivery)


def test_every_delivered_column_is_in_the_store(undisturbed: Store, delivery: list[Path]) -> None:
    stored = Points.concatenate([undisturbed.read_tile(row.tile) for row in undisturbed.tiles()])
    for number, path in enumerate(delivery):
        mine = stored.take(stored["source"] == number)
        mine = mine.take(np.argsort(mine["source_index"]))
        expected = read_las(path)
        np.testing.assert_array_equal(mine["source_index"], np.arange(len(expected)))
        for name, column in expected.columns().items():
            np.testing.assert_allclose(mine.columns()[name], column, rtol=0, atol=1e-9, err_msg=name)
    first = stored.take(stored["source"] == 0)
    assert not first["red"].any()
    assert not first["extra/score"].any()


def test_points_stand_by_level_then_place_then_source(undisturbed: Store) -> None:
    for row in undisturbed.tiles():
        points = undisturbed.read_tile(row.tile)
        assert (np.diff(points["lod"].astype(int)) >= 0).all()
        cell = np.stack([points["lod"], points.x // 2, points.y // 2], axis=1)
        same = (cell[1:] == cell[:-1]).all(axis=1)
        later = points["source"].astype(np.int64) << 32 | points["source_index"]
        assert (np.diff(later)[same] > 0).all()


def test_nothing_of_the_work_stays_behind(undisturbed: Store) -> None:
    assert sorted(path.name for path in undisturbed.path.iterdir()) == [
        ".lock",
        "manifest.sqlite",
        "points",
        "zarr.json",
    ]
    assert verify_store(undisturbed) == []


@pytest.mark.parametrize("change", ["threads", "order", "cuts"])
def test_the_result_does_not_depend_on(change: str, tmp_path: Path, undisturbed: Store, delivery: list[Path]) -> None:
    if change == "threads":
        other = make(tmp_path / "s", delivery, Threads(3))
    elif change == "order":
        other = make(tmp_path / "s", delivery[::-1])
    else:
        cuts = IngestParams(crs="EPSG:6677", vertical="TP", max_tile_points=900, rows_per_task=77, chunk_rows=50)
        other = make(tmp_path / "s", delivery, params=cuts)
    assert tree(other) == tree(undisturbed)


def test_two_deliveries_make_the_same_tiles_as_one(tmp_path: Path, undisturbed: Store, delivery: list[Path]) -> None:
    store = make(tmp_path / "s", delivery[:1])
    ingest(store, delivery[1:], PARAMS, Sequential())
    assert tree(store) == tree(undisturbed)
    assert [row.uri for row in store.manifest.sources()] == [str(path) for path in delivery]


def test_a_second_delivery_leaves_other_tiles_alone(tmp_path: Path, delivery: list[Path]) -> None:
    store = make(tmp_path / "s", delivery[:2])
    before = {row.tile: row.rev for row in store.tiles()}
    ingest(store, delivery[2:], PARAMS, Sequential())
    after = {row.tile: row.rev for row in store.tiles()}
    added = read_las(delivery[2]).bounds
    far = [tile for tile in before if not store.grid.bounds(tile).intersects(added)]
    assert far
    assert all(after[tile] == before[tile] for tile in far)


def test_a_rerun_does_nothing_and_says_so(undisturbed: Store, delivery: list[Path]) -> None:
    before, had = tree(undisturbed), rows(undisturbed)
    summary = ingest(undisturbed, delivery, PARAMS, Sequential())
    assert (summary.points, summary.tiles, summary.sources, summary.run) == (0, 0, 0, "")
    assert [entry["uri"] for entry in summary.skipped] == [str(path) for path in delivery]
    assert {entry["reason"] for entry in summary.skipped} == {"in the store already"}
    assert tree(undisturbed) == before
    assert rows(undisturbed) == had


class Killed(BaseException):
    """What a test raises where the process is to die; nothing may catch it."""


def killed_in_a_child(job: Callable[[], None], patch: Callable[[Callable[[], None]], None], nth: int) -> bool:
    """Run `job` in a forked process that kills itself at the n-th call of what `patch` hooks; True if it did."""
    child = os.fork()
    if child == 0:
        calls = [0]

        def count() -> None:
            calls[0] += 1
            if calls[0] == nth:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            patch(count)
            job()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def before(owner: Any, name: str) -> Callable[[Callable[[], None]], None]:
    """Hook that counts before every call of a function."""

    def patch(count: Callable[[], None]) -> None:
        original = getattr(owner, name)

        def counted(*args: Any, **keywords: Any) -> Any:
            count()
            return original(*args, **keywords)

        setattr(owner, name, counted)

    return patch


KILLS = {
    "flushing a fragment": (before(os, "fsync"), [1, 5]),
    "renaming a file or folder": (before(Path, "rename"), [2, 9, 12]),
    "writing the manifest": (before(manifest_module, "writing"), [1, 4, 7]),
    "cleaning up": (before(shutil, "rmtree"), [3, 4]),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks itself to be killed")
@pytest.mark.parametrize("moment", KILLS)
def test_kill_9_and_a_rerun_give_the_bytes_of_an_undisturbed_run(
    tmp_path: Path, moment: str, undisturbed: Store, delivery: list[Path]
) -> None:
    patch, calls = KILLS[moment]
    deaths = 0
    for nth in calls:
        store = Store.create(tmp_path / str(nth), crs=CRS, vertical=TP, tile_edge_m=64.0)
        deaths += killed_in_a_child(lambda store=store: ingest(store, delivery, PARAMS, Sequential()), patch, nth)  # type: ignore[misc]
        ingest(store, delivery, PARAMS, Sequential())
        assert tree(store) == tree(undisturbed)
        assert rows(store) == rows(undisturbed)
        assert not (store.path / ".work").exists()
    assert deaths >= len(calls) - 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks itself to be killed")
def test_a_rerun_with_other_files_forgets_what_the_killed_job_made(tmp_path: Path, delivery: list[Path]) -> None:
    alone = make(tmp_path / "alone", delivery[1:])
    for nth in (4,):
        store = Store.create(tmp_path / str(nth), crs=CRS, vertical=TP, tile_edge_m=64.0)
        patch = before(manifest_module, "writing")
        assert killed_in_a_child(lambda store=store: ingest(store, delivery, PARAMS, Sequential()), patch, nth)  # type: ignore[misc]
        ingest(store, delivery[1:], PARAMS, Sequential())
        assert tree(store) == tree(alone)


def test_finished_work_is_not_done_again(tmp_path: Path, delivery: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP, tile_edge_m=64.0)
    made: list[TileId] = []
    original = Store.write_revision

    def counted(self: Store, tile: TileId, *args: Any, **keywords: Any) -> Any:
        if len(made) == 2:
            raise StoreError("the disk is tired")
        made.append(tile)
        return original(self, tile, *args, **keywords)

    monkeypatch.setattr(Store, "write_revision", counted)
    with pytest.raises(StageError, match=r"the disk is tired; nothing was added, a rerun goes on from here"):
        ingest(store, delivery, PARAMS, Sequential())
    assert store.tiles() == []
    first = list(made)
    made.clear()
    monkeypatch.setattr(
        Store, "write_revision", lambda self, tile, *a, **k: made.append(tile) or original(self, tile, *a, **k)
    )
    ingest(store, delivery, PARAMS, Sequential())
    assert not set(first) & set(made)
    assert set(first) | set(made) == {row.tile for row in store.tiles()}


def test_two_ingests_at_once_are_refused(tmp_path: Path, delivery: list[Path]) -> None:
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP)
    with store.writing(), pytest.raises(StoreError, match="is being written by"):
        ingest(store, delivery, PARAMS, Sequential())


def broken(folder: Path, delivery: list[Path]) -> list[Path]:
    """Bad files of several kinds, cut from good ones."""
    cut = folder / "cut.laz"
    cut.write_bytes(delivery[0].read_bytes()[:-2000])
    text = folder / "text.las"
    text.write_text("1 2 3\n" * 100)
    bare = folder / "bare.las"
    write_las(bare, cloud(10, 9), crs=parse_crs("EPSG:6676"), vertical=TP)
    return [cut, text, bare]


def test_bad_files_are_listed_and_the_others_are_taken(
    tmp_path: Path, undisturbed: Store, delivery: list[Path]
) -> None:
    bad = broken(tmp_path, delivery)
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP, tile_edge_m=64.0)
    told = IngestParams(vertical="TP", max_tile_points=900, rows_per_task=400, chunk_rows=150)
    summary: IngestSummary = ingest(store, [*bad, *delivery], told, Sequential())
    assert tree(store) == tree(undisturbed)
    reasons = {Path(entry["uri"]).name: entry["reason"] for entry in summary.refused}
    assert sorted(reasons) == ["bare.las", "cut.laz", "text.las"]
    assert all(reason.startswith(name) and "\n" not in reason for name, reason in reasons.items())
    assert "convert on request with --convert" in reasons["bare.las"]
    assert [row.uri for row in store.manifest.sources() if row.state == "refused"] == sorted(map(str, bad))


def test_a_file_that_breaks_in_the_middle_leaves_nothing(tmp_path: Path, delivery: list[Path]) -> None:
    content = bytearray(delivery[0].read_bytes())
    middle = len(content) - 6000
    content[middle : middle + 3000] = bytes(3000)
    (tmp_path / "broken.laz").write_bytes(content)
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP, tile_edge_m=64.0)
    summary = ingest(store, [tmp_path / "broken.laz"], PARAMS, Sequential())
    if summary.refused:  # zeros may decode to wrong points, which no reader can know
        assert store.tiles() == []
        assert not (store.path / "points").exists()
    else:
        assert sum(row.n_points for row in store.tiles()) == 1100


def test_a_file_that_changes_after_the_check_is_refused(
    tmp_path: Path, delivery: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "v.laz"
    shutil.copy(delivery[0], victim)

    class Meddler(Sequential):
        def map_unordered(self, function: Any, tasks: Any) -> Iterator[Any]:
            for outcome in super().map_unordered(function, tasks):
                yield outcome
                os.utime(victim, ns=(1, 1))

    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP)
    summary = ingest(store, [victim], PARAMS, Meddler())
    assert [entry["reason"] for entry in summary.refused] == [
        "v.laz: changed after it was checked; deliver it again when it is complete"
    ]


def test_a_file_that_shrinks_after_the_check_is_called_changed_not_broken(
    tmp_path: Path, delivery: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "v.laz"
    shutil.copy(delivery[0], victim)

    class Meddler(Sequential):
        def map_unordered(self, function: Any, tasks: Any) -> Iterator[Any]:
            for outcome in super().map_unordered(function, tasks):
                yield outcome
                os.truncate(victim, 4000)

    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP)
    summary = ingest(store, [victim], PARAMS, Meddler())
    assert [entry["reason"].partition(";")[0] for entry in summary.refused] == ["v.laz: changed after it was checked"]


def test_a_full_disk_is_one_sentence_and_a_rerun_finishes(
    tmp_path: Path, delivery: list[Path], undisturbed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP, tile_edge_m=64.0)

    def full(task: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.ingest.job.scatter", full)
        with pytest.raises(StoreError, match="s: the disk is full; make room and run it again"):
            ingest(store, delivery, PARAMS, Sequential())
    assert store.tiles() == []
    ingest(store, delivery, PARAMS, Sequential())
    assert tree(store) == tree(undisturbed)


def test_a_refusal_is_forgotten_when_the_same_bytes_are_in(tmp_path: Path, delivery: list[Path]) -> None:
    bare, copy = tmp_path / "bare.las", tmp_path / "copy.las"
    write_las(bare, cloud(10, 9), crs=CRS)
    shutil.copy(bare, copy)
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP)
    ingest(store, [bare], IngestParams(), Sequential())
    assert [row.state for row in store.manifest.sources()] == ["refused"]
    ingest(store, [copy], PARAMS, Sequential())
    assert ingest(store, [bare], PARAMS, Sequential()).skipped
    assert [row.uri for row in store.manifest.sources()] == [str(copy)]


def test_a_refused_file_is_listed_once_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_las(tmp_path / "bare.las", cloud(10, 9), crs=CRS)
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP)
    for spelling in (Path("bare.las"), tmp_path / "bare.las"):
        ingest(store, [spelling], IngestParams(), Sequential())
    assert [row.uri for row in store.manifest.sources()] == [str(tmp_path / "bare.las")]
    ingest(store, [Path("bare.las")], PARAMS, Sequential())
    assert [(row.state, row.uri) for row in store.manifest.sources()] == [("done", "bare.las")]


def test_the_same_bytes_twice_are_one_source(tmp_path: Path, delivery: list[Path]) -> None:
    copy = tmp_path / "copy.laz"
    shutil.copy(delivery[0], copy)
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP)
    summary = ingest(store, [delivery[0], copy], PARAMS, Sequential())
    assert (summary.points, summary.sources, len(summary.skipped)) == (1100, 1, 1)


def test_duplicate_points_are_kept(tmp_path: Path) -> None:
    points = Points.concatenate([cloud(100, 5), cloud(100, 5)])
    write_las(tmp_path / "a.las", points, crs=CRS, vertical=TP)
    store = make(tmp_path / "s", [tmp_path / "a.las"])
    assert sum(row.n_points for row in store.tiles()) == 200


def test_an_empty_file_is_taken_with_nothing(tmp_path: Path) -> None:
    write_las(tmp_path / "empty.las", Points.concatenate([]), crs=CRS, vertical=TP)
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP)
    summary = ingest(store, [tmp_path / "empty.las"], PARAMS, Sequential())
    assert (summary.refused, summary.sources, summary.points, store.tiles()) == ((), 1, 0, [])
    assert [entry["message"] for entry in summary.remarks] == ["empty.las: holds no points"]
    assert store.manifest.sources()[0].meta["remarks"] == ["empty.las: holds no points"]


@pytest.mark.parametrize("point_format", range(11))
def test_las_to_store_to_las_keeps_every_column(tmp_path: Path, point_format: int) -> None:
    version = "1.4" if point_format >= 6 else "1.3" if point_format >= 4 else "1.2"
    random = np.random.default_rng(point_format)
    las = laspy.LasData(laspy.LasHeader(point_format=point_format, version=version))
    las.header.scales, las.header.offsets = [0.01] * 3, [100.0, -200.0, 0.0]
    las.x, las.y, las.z = (random.uniform(-50, 50, 300).round(2) for _ in range(3))
    for name in las.point_format.standard_dimension_names:
        if name not in {"X", "Y", "Z"} and not name.startswith(
            ("wavepacket", "x_t", "y_t", "z_t", "return_point_wave")
        ):
            bits = las.point_format.dimension_by_name(name).num_bits
            low, high = (-90, 90) if name == "scan_angle_rank" else (0, min(2**bits, 20000))
            las[name] = random.integers(low, high, 300)
    las.write(tmp_path / "in.las")
    store = make(tmp_path / "s", [tmp_path / "in.las"])
    stored = Points.concatenate([store.read_tile(row.tile) for row in store.tiles()])
    stored = stored.take(np.argsort(stored["source_index"]))
    written = {4: 1, 5: 3, 9: 6, 10: 8}.get(point_format, point_format)
    write_las(tmp_path / "out.las", stored, LasParams(point_format=written), crs=CRS, vertical=TP)
    back = laspy.read(tmp_path / "out.las")
    for name in back.point_format.standard_dimension_names:
        if name not in {"X", "Y", "Z"}:
            np.testing.assert_array_equal(np.asarray(back[name]), np.asarray(las[name]), err_msg=name)
    for axis in "xyz":
        np.testing.assert_allclose(np.asarray(back[axis]), np.asarray(las[axis]), rtol=0, atol=1e-6)
    assert set(stored.attributes) <= set(ATTRIBUTES)


@pytest.mark.parametrize(
    ("code", "y"), [("EPSG:32635", 6_700_000.0), ("EPSG:26917", 2_900_000.0), ("EPSG:32756", 6_240_000.0)]
)
def test_a_store_of_a_long_zone_takes_its_offset_from_the_first_delivery(tmp_path: Path, code: str, y: float) -> None:
    near = cloud(50, 1)
    points = Points(x=near.x + 400_000.0, y=near.y + y, z=near.z)
    store = Store.create(tmp_path / "s", crs=parse_crs(code), vertical=TP)
    write_las(tmp_path / "a.las", points, LasParams(offset=(4e5, y, 0.0)), crs=parse_crs(code))
    summary = ingest(store, [tmp_path / "a.las"], IngestParams(vertical="TP"), Sequential())
    assert (summary.points, summary.refused) == (50, ())
    opened = Store.open(store.path)
    assert opened.offset == (400_000.0, y if y % 100_000 == 0 else round(y / 1e5) * 1e5, 0.0)
    assert not opened.is_offset_open
    read = store.read_window(opened.bounds.buffered(1.0), ("source_index",))  # opened before the offset was chosen
    np.testing.assert_allclose(read.y[np.argsort(read["source_index"])], points.y, rtol=0, atol=1e-6)
