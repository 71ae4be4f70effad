"""A store gives back what was written, and only what its manifest says is true."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyproj import CRS, Transformer

from tiles.manifest import SourceRow
from tiles.store import Store
from tiles.verify import verify_store
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.errors import StoreError, UnitError
from twin.points import Points
from twin.tiling import TileId
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

EDGE = 64.0


def make(path: Path, codec: str = "compact") -> Store:
    crs = parse_crs("EPSG:6677")
    return Store.create(path, crs=crs, vertical=TP, tile_edge_m=EDGE, codec=codec)  # type: ignore[arg-type]


def cloud(n: int, seed: int = 0) -> Points:
    random = np.random.default_rng(seed)
    x, y = (random.integers(-100_000, 100_000, n) * 0.001 for _ in range(2))
    attributes = {
        "classification": random.integers(0, 20, n).astype(np.uint8),
        "gps_time": random.uniform(0, 1e6, n),
        "extra/depth (m)": random.normal(size=n).astype(np.float32),
    }
    return Points(x=x, y=y, z=random.integers(-9000, 9000, n) * 0.001, attributes=attributes)


def fill(store: Store, points: Points) -> None:
    columns, rows = store.grid.columns_rows(points.x, points.y)
    with store.writing():
        made = [
            store.write_tile(TileId(0, x, y), points.take((columns == x) & (rows == y)))
            for x, y in sorted(set(zip(columns.tolist(), rows.tolist(), strict=True)))
        ]
        store.manifest.commit_tiles(made)


@pytest.fixture(scope="module")
def points() -> Points:
    return cloud(3000)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, points: Points) -> Store:
    made = make(tmp_path_factory.mktemp("stores") / "s")
    fill(made, points)
    return made


def test_opening_gives_the_facts_it_was_made_with(store: Store) -> None:
    again = pickle.loads(pickle.dumps(Store.open(store.path)))
    assert again == store
    assert again.crs.code == "EPSG:6677"
    assert again.vertical == TP
    assert again.grid.edge_m == EDGE


@pytest.mark.parametrize("codec", ["compact", "portable"])
def test_a_tile_comes_back_in_its_order_with_every_column(tmp_path: Path, codec: str) -> None:
    store = make(tmp_path / "s", codec)
    points = cloud(400).take(np.ones(400, bool))
    inside = (points.x >= 0) & (points.x < EDGE) & (points.y >= 0) & (points.y < EDGE)
    points = points.take(inside)
    fill(store, points)
    read = store.read_tile(TileId(0, 0, 0))
    assert set(read.attributes) == set(points.attributes)
    for name, column in points.columns().items():
        expected = read.columns()[name]
        assert expected.dtype == column.dtype
        np.testing.assert_allclose(expected, column, rtol=0, atol=1e-9 if name in "xyz" else 0)


def test_rows_describe_their_tiles(store: Store, points: Points) -> None:
    rows = store.tiles()
    assert [row.tile for row in rows] == sorted(row.tile for row in rows)
    assert sum(row.n_points for row in rows) == len(points)
    for row in rows:
        read = store.read_tile(row.tile, ())
        assert row.bounds == read.bounds
        assert (row.zmin, row.zmax) == (read.z.min(), read.z.max())
    assert store.bounds == points.bounds


def test_a_window_holds_exactly_the_points_inside(store: Store, points: Points) -> None:
    window = Bounds(xmin=-30.0, ymin=-70.0, xmax=64.0, ymax=12.5)
    read = store.read_window(window, ("gps_time",))
    assert sorted(read["gps_time"]) == sorted(points["gps_time"][window.contains(points.x, points.y)])


@pytest.mark.parametrize("halo_m", [0.0, 5.0, 200.0])
def test_a_halo_puts_own_points_first_and_loses_none(store: Store, points: Points, halo_m: float) -> None:
    tile = TileId(0, 0, -1)
    read, n_owned = store.read_with_halo(tile, halo_m, ("gps_time",))
    own = store.read_tile(tile, ("gps_time",))
    assert n_owned == len(own)
    np.testing.assert_array_equal(read["gps_time"][:n_owned], own["gps_time"])
    window = store.grid.with_halo(tile, halo_m)
    assert sorted(read["gps_time"]) == sorted(points["gps_time"][window.contains(points.x, points.y)])


def test_only_chunks_with_points_inside_are_needed(tmp_path: Path) -> None:
    n = 200_000
    x = np.linspace(0.0, 63.9, n).round(3)
    points = Points(
        x=x, y=np.zeros(n), z=np.arange(n) * 0.001, attributes={"user_data": (np.arange(n) % 256).astype("u1")}
    )
    store = make(tmp_path / "s")
    fill(store, points)
    window = Bounds(xmin=40.0, ymin=-1.0, xmax=41.0, ymax=1.0)
    read, inside = store.read_window(window, ("user_data",)), window.contains(points.x, points.y)
    np.testing.assert_allclose(read.z, points.z[inside], atol=1e-9)
    np.testing.assert_array_equal(read["user_data"], points["user_data"][inside])


def test_labels_follow_the_points(tmp_path: Path) -> None:
    store, points = make(tmp_path / "s"), cloud(1000)
    fill(store, points)
    for row in store.tiles():
        codes = store.read_tile(row.tile, ("classification",))["classification"]
        store.write_labels("r1", row.tile, codes + np.uint8(100), np.full(row.n_points, 9, np.uint8))
    read, _ = store.read_with_halo(TileId(0, 0, 0), 20.0, ("classification",), labels_run="r1")
    np.testing.assert_array_equal(read["label"], read["classification"] + np.uint8(100))
    label, confidence = store.read_labels("r1", TileId(0, 0, 0))
    assert label.dtype == confidence.dtype == np.uint8
    assert set(confidence.tolist()) == {9}


def test_labels_must_be_as_many_as_points(store: Store) -> None:
    with pytest.raises(StoreError, match="1 labels for"):
        store.write_labels("r", TileId(0, 0, 0), np.zeros(1, np.uint8), np.zeros(1, np.uint8))


def test_a_written_tile_is_not_there_until_its_row_is(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    one = Points(x=np.array([1.0]), y=np.array([1.0]), z=np.array([1.0]))
    with store.writing():
        row = store.write_tile(TileId(0, 0, 0), one)
        assert store.tiles() == []
        with pytest.raises(StoreError, match="no tile 0/0_0"):
            store.read_tile(TileId(0, 0, 0))
        store.manifest.commit_tiles([row])
    assert [found.tile for found in store.tiles()] == [TileId(0, 0, 0)]


def test_points_outside_their_tile_are_refused(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    for x in (-0.001, EDGE):
        with pytest.raises(StoreError, match="outside"):
            store.write_tile(TileId(0, 0, 0), Points(x=np.array([x]), y=np.array([0.0]), z=np.array([0.0])))


def test_coordinates_beyond_32_bits_are_refused(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    with pytest.raises(StoreError, match=r"x = 3000000\.000 lies outside the store's range"):
        store.write_tile(TileId(0, 46875, 0), Points(x=np.array([3e6]), y=np.array([0.0]), z=np.array([0.0])))


def test_unknown_columns_are_refused(tmp_path: Path) -> None:
    point = Points(x=np.zeros(1), y=np.zeros(1), z=np.zeros(1), attributes={"colour": np.zeros(1)})
    with pytest.raises(StoreError, match="colour"):
        make(tmp_path / "s").write_tile(TileId(0, 0, 0), point)


def test_a_store_is_not_made_over_something_else(tmp_path: Path, store: Store) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        make(tmp_path)
    with pytest.raises(StoreError, match="not empty"):
        make(store.path)


def test_a_store_counts_in_metres(tmp_path: Path) -> None:
    for code in ("EPSG:4326", "EPSG:2903"):
        with pytest.raises(UnitError):
            Store.create(tmp_path / "s", crs=parse_crs(code), vertical=TP)


def test_what_is_no_store_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here"):
        Store.open(tmp_path / "absent")
    (tmp_path / "zarr.json").write_text('{"attributes": {"format": "other"}}')
    with pytest.raises(StoreError, match="no store of this program"):
        Store.open(tmp_path)
    (tmp_path / "zarr.json").write_text('{"attributes": {"format": "twin-store", "version": 99}}')
    with pytest.raises(StoreError, match="version 99"):
        Store.open(tmp_path)


def test_a_second_writer_is_refused_and_a_released_lock_is_free(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    with store.writing(), pytest.raises(StoreError, match="is being written by process"), store.writing():
        pass
    with store.writing():
        pass
    assert (store.path / ".lock").read_bytes() == b""


def test_a_writer_removes_what_a_dead_one_left(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    left = store.scratch / ".twin-tmp-dead"
    left.mkdir(parents=True)
    with store.writing():
        assert not left.exists()
    assert not (store.path / ".work").exists()


def test_no_write_ahead_log_stays_behind(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    fill(store, cloud(50))
    store.tiles()
    assert sorted(path.name for path in store.path.iterdir()) == [".lock", "manifest.sqlite", "points", "zarr.json"]


def test_the_same_points_give_the_same_bytes(tmp_path: Path) -> None:
    stores = [make(tmp_path / name) for name in "ab"]
    for store in stores:
        fill(store, cloud(500))
    assert stores[0].tiles() == stores[1].tiles()


def test_verify_finds_one_flipped_bit_anywhere(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    points = cloud(300)
    fill(store, points.take(store.grid.bounds(TileId(0, 0, 0)).contains(points.x, points.y)))
    row = store.tiles()[0]
    checksum = store.write_labels("r1", row.tile, *(np.ones(row.n_points, np.uint8) for _ in range(2)))
    store.manifest.begin_run("r1", "classify", {}, {})
    store.manifest.commit_artefact("r1", str(row.tile), store.labels_path("r1", row.tile), checksum, "", {})
    assert verify_store(store) == []
    files = sorted(path for name in ("points", "labels") for path in (store.path / name).rglob("*") if path.is_file())
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        for at in (0, len(content) - 1):
            path.write_bytes(content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :])
            problems = verify_store(store)
            assert [str(path.relative_to(store.path)).startswith(problem.path) for problem in problems] == [True]
            assert problems[0].reason == "changed since it was written"
        path.write_bytes(content)
    files[0].unlink()
    assert len(verify_store(store)) == 1


def test_verify_counts_points(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    row = store.write_tile(TileId(0, 0, 0), Points(x=np.zeros(2), y=np.zeros(2), z=np.zeros(2)))
    source = SourceRow(id=0, uri="a.las", digest="d", size=1, n_points=3, state="done")
    store.manifest.commit_tiles([row], sources=[source])
    assert [problem.reason for problem in verify_store(store)] == ["sources brought 3 points, the tiles hold 2"]


@pytest.mark.parametrize("code", ["EPSG:6677", "EPSG:6669", "EPSG:2154", "EPSG:28992", "EPSG:27700"])
def test_a_new_store_reaches_everywhere_its_crs_is_used(tmp_path: Path, code: str) -> None:
    crs = parse_crs(code)
    store = Store.create(tmp_path / "s", crs=crs, vertical=TP)
    area = CRS.from_user_input(code).area_of_use
    assert area is not None
    way = Transformer.from_crs(CRS.from_epsg(4326), CRS.from_user_input(code), always_xy=True)
    xmin, ymin, xmax, ymax = way.transform_bounds(area.west, area.south, area.east, area.north)
    for x, y in ((xmin, ymin), (xmax, ymax)):
        tile = store.grid.tile_at(x, y)
        row = store.write_tile(tile, Points(x=np.array([x]), y=np.array([y]), z=np.array([3776.0])))
        assert abs(row.bounds.xmin - x) < 0.001
