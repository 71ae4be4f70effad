"""Terrain rasters: what they hold, whatever the tiling, and what becomes of them when the area grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.classify import classify_points, classify_profile
from pipelines.terrain import FILLED, MEASURED, RASTERS, VOID, TerrainParams, TerrainStage, derive_terrain
from tiles.atomic import tree_checksum
from tiles.rasters import create_rasters, open_raster, raster_block_path, raster_frame, read_raster, write_raster_block
from tiles.store import Store
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.errors import StoreError
from twin.points import PointClass, Points
from twin.raster import Frame
from twin.scene import Scene, SceneParams
from twin.tiling import TileId
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RUN, LABELS = "terrain-run", "labels-run"


def labelled_cloud(seed: int, edge_m: float, per_m2: float) -> Points:
    """A slope with random patches of every class that matters, some of them without points."""
    rng = np.random.default_rng(seed)
    n = int(edge_m**2 * per_m2)
    x, y = rng.uniform(0, edge_m, (2, n))
    z = 0.1 * x + rng.normal(0, 0.05, n)
    label, kept = np.full(n, 2, np.uint8), np.ones(n, bool)
    for code in rng.choice([0, 1, 5, 6, 7, 9, 17, 18, 40, 41], 12):
        cx, cy, w, h = (*rng.uniform(0, edge_m, 2), *rng.uniform(3, edge_m / 3, 2))
        patch = (abs(x - cx) < w / 2) & (abs(y - cy) < h / 2)
        label[patch & (rng.random(n) < 0.8)] = max(int(code), 1)
        kept[patch] &= code != 0
    x, y, z = (np.rint(axis[kept] * 1000) / 1000 for axis in (x, y, z))
    number = rng.integers(0, 3, n).astype(np.uint8)[kept]
    return Points(x=x, y=y, z=z, attributes={"label": label[kept], "return_number": number})


def stored(path: Path, points: Points, tiles: list[TileId], edge_m: float) -> Store:
    store = Store.create(path, crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=edge_m)
    put(store, points, tiles)
    return store


def put(store: Store, points: Points, tiles: list[TileId]) -> None:
    rows, labels = [], {}
    for tile in tiles:
        own = points.take(store.grid.bounds(tile).contains(points.x, points.y))
        if len(own):
            rows.append(
                store.write_tile(
                    tile, Points(x=own.x, y=own.y, z=own.z).with_attributes(return_number=own["return_number"])
                )
            )
            labels[tile] = own["label"]
    store.manifest.commit_tiles(rows)
    for tile, label in labels.items():
        store.write_labels(LABELS, tile, label, label)


def worked(store: Store) -> dict[str, NDArray[np.float64]]:
    stage = TerrainStage(labels_run=LABELS, steps=TerrainParams(resolution_m=1.0))
    stage.prepare(store, RUN)
    for tile in stage.units(store):
        stage.run_tile(store, RUN, tile)
    area = Bounds(xmin=0, ymin=0, xmax=128, ymax=128)
    return {name: read_raster(store, RUN, name, area).values for name in RASTERS}


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), resolution=st.sampled_from([0.5, 1.0]))
def test_a_window_with_its_halo_gives_the_terrain_of_the_whole(seed: int, resolution: float) -> None:
    points = labelled_cloud(seed, 230.0, 0.8)
    params = TerrainParams(resolution_m=resolution)
    stage = TerrainStage(labels_run="", steps=params)
    rng = np.random.default_rng(seed)

    def frame_of(box: Bounds) -> Frame:
        return Frame.covering(box.snapped(params.step_m), resolution)

    all_cells = frame_of(points.bounds.buffered(80))
    whole = derive_terrain(points, all_cells, params)
    for edge_m in (32.0, 64.0):
        west, south = rng.integers(0, int(230 / edge_m), 2) * edge_m
        core = Bounds(xmin=west, ymin=south, xmax=west + edge_m, ymax=south + edge_m)
        window = core.buffered(stage.halo_m)
        order = rng.permutation(np.flatnonzero(window.contains(points.x, points.y)))
        frame, own = frame_of(window), Frame.covering(core, resolution)
        part = derive_terrain(points.take(order), frame, params)
        for name, values in part.items():
            np.testing.assert_array_equal(values[frame.window_of(own)], whole[name][all_cells.window_of(own)])


def test_split_tiles_and_small_tiles_give_the_terrain_of_one_tile(tmp_path: Path) -> None:
    points = labelled_cloud(11, 128.0, 2.0)
    one = worked(stored(tmp_path / "one", points, [TileId(0, 0, 0)], 128.0))
    quarters = [*TileId(0, 0, 0).children[1:], *TileId(1, 0, 0).children]
    split = worked(stored(tmp_path / "split", points, quarters, 128.0))
    small = worked(stored(tmp_path / "small", points, [TileId(0, x, y) for x in range(4) for y in range(4)], 32.0))
    for name in RASTERS:
        np.testing.assert_array_equal(split[name], one[name])
        np.testing.assert_array_equal(small[name], one[name])


def test_flags_say_what_was_measured_filled_and_void() -> None:
    points = labelled_cloud(3, 200.0, 3.0)
    hole = (abs(points.x - 100) < 45) & (abs(points.y - 100) < 45)
    points = points.take(~hole).with_attributes(label=np.full((~hole).sum(), 2, np.uint8))
    frame = Frame.covering(Bounds(xmin=-32, ymin=-32, xmax=256, ymax=256), 1.0)
    rasters = derive_terrain(points, frame, TerrainParams(resolution_m=1.0))
    dtm, flags = rasters["dtm"], rasters["dtm_fill"]
    np.testing.assert_array_equal(np.isnan(dtm), flags == VOID)
    x, _ = np.meshgrid(*frame.centers())
    assert abs(dtm - 0.1 * x)[flags == MEASURED].max() < 0.4
    assert np.sqrt(np.mean((dtm - 0.1 * x)[flags == FILLED] ** 2)) < 0.3
    middle = frame.rows - 1 - 132, 132
    assert flags[middle] == VOID
    assert not rasters["inside"][0].any()
    np.testing.assert_allclose(rasters["density"].sum(), len(points))


def test_water_without_a_bed_is_void_and_water_with_one_has_it() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 96, (2, 40_000))
    wet = abs(x - 48) < 12
    bed = wet & (y < 48) & (rng.random(len(x)) < 0.5)
    label = np.select([bed, wet], [PointClass.SEABED, PointClass.WATER_SURFACE], PointClass.GROUND).astype(np.uint8)
    z = np.select([bed, wet], [-3.0, 0.0], 2.0)
    cloud = Points(x=x, y=y, z=z, attributes={"label": label, "return_number": np.ones(len(x), np.uint8)})
    frame = Frame.covering(Bounds(xmin=0, ymin=0, xmax=96, ymax=96), 1.0)
    rasters = derive_terrain(cloud, frame, TerrainParams(resolution_m=1.0))
    south, north = frame.rows - 1 - 20, frame.rows - 1 - 75
    assert rasters["water"][:, 40:56].all()
    assert not rasters["water"][:, :34].any()
    np.testing.assert_allclose(rasters["dtm"][south, 40:56], -3.0)
    assert np.isnan(rasters["dtm"][north, 40:56]).all()
    np.testing.assert_allclose(rasters["dsm"][north, 40:56], 0.0)
    np.testing.assert_allclose(rasters["hag"][north, :34], 0.0)


def test_rasters_keep_their_chunks_when_the_area_grows(tmp_path: Path) -> None:
    points = labelled_cloud(5, 128.0, 2.0)
    store = stored(tmp_path / "store", points, [TileId(0, 1, 1)], 64.0)
    create_rasters(store, RUN, RASTERS, 1.0)
    block = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    written = write_raster_block(store, RUN, "dtm", TileId(0, 1, 1), block)
    before = raster_block_path(store, RUN, "dtm", TileId(0, 1, 1))
    put(store, points, [TileId(0, 0, 0), TileId(0, 0, 1)])
    create_rasters(store, RUN, RASTERS, 1.0)
    assert raster_frame(store, RUN).shape == (128, 128)
    box = store.grid.bounds(TileId(0, 1, 1))
    np.testing.assert_array_equal(read_raster(store, RUN, "dtm", box).values, block)
    assert np.isnan(read_raster(store, RUN, "dtm", store.grid.bounds(TileId(0, 0, 0))).values).all()
    after = raster_block_path(store, RUN, "dtm", TileId(0, 1, 1))
    assert before != after
    assert tree_checksum(store.path / after) == written[1]
    opened = open_raster(store, RUN, "dtm")
    assert float(opened.sel(x=64.5, y=127.5)) == 0.0
    assert opened.attrs["vertical_datum"] == "TP"


def test_wrong_blocks_names_and_resolutions_are_refused_in_a_sentence(tmp_path: Path) -> None:
    store = stored(tmp_path / "store", labelled_cloud(5, 64.0, 1.0), [TileId(0, 0, 0)], 64.0)
    with pytest.raises(StoreError, match="no rasters of run"):
        read_raster(store, RUN, "dtm")
    with pytest.raises(StoreError, match="no whole number of cells"):
        create_rasters(store, RUN, RASTERS, 0.3)
    create_rasters(store, RUN, RASTERS, 1.0)
    with pytest.raises(StoreError, match="block of"):
        write_raster_block(store, RUN, "dtm", TileId(0, 0, 0), np.zeros((3, 3), np.float32))
    with pytest.raises(StoreError, match="outside the area"):
        write_raster_block(store, RUN, "dtm", TileId(0, 9, 9), np.zeros((64, 64), np.float32))
    with pytest.raises(StoreError, match="there are: density, dsm, dtm"):
        open_raster(store, RUN, "slope")


def test_the_dike_stands_in_the_terrain_of_the_bay_and_the_bridge_does_not() -> None:
    scene = Scene.build(SceneParams(kind="bay", n_points=280_000))
    points = scene.all_points()
    label, _ = classify_points(points, points.bounds, classify_profile("urban").steps)
    params = TerrainParams(resolution_m=1.0)
    frame = Frame.covering(points.bounds.buffered(1).snapped(params.step_m), 1.0)
    rasters = derive_terrain(points.with_attributes(label=label), frame, params)
    x, y = (axis.ravel() for axis in np.meshgrid(*frame.centers()))
    truth = scene.ground(x, y).reshape(frame.shape)
    wet = scene.is_water(x, y).reshape(frame.shape)
    area = scene.bounds.contains(x, y).reshape(frame.shape) & rasters["inside"]
    error = abs(rasters["dtm"] - truth)
    land = area & ~wet
    assert np.nanmedian(error[land]) < 0.05
    assert np.nanquantile(error[land & (rasters["dtm_fill"] == MEASURED)], 0.98) < 0.35
    low_land = land & (truth > 1.5) & (truth < 4.0)
    assert np.nanquantile(error[low_land], 0.95) < 0.5
    assert np.nanquantile(error[area & wet], 0.95) < 0.5
    found = rasters["water"] > 0
    assert (found & wet & area).sum() / ((found | wet) & area).sum() > 0.93
