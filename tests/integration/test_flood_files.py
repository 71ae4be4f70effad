from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import xarray

from tiles.atomic import tree_checksum
from tiles.cog import write_cog
from tiles.flood import STAGE, FloodResult, flood_names, read_flood, write_flood
from tiles.store import Store
from twin.crs import parse_crs
from twin.errors import StoreError
from twin.raster import Frame, Raster
from twin.vertical import AP, TP, VerticalDatum

FRAME = Frame(column0=-16000, row0=-72000, rows=300, columns=1100, resolution_m=0.5)


def raster(values, vertical=None):
    return Raster(values=values, frame=FRAME, crs="EPSG:6677", vertical=vertical)


@pytest.fixture
def depth():
    values = np.random.default_rng(1).random(FRAME.shape, dtype=np.float32)
    values[:10, :10] = np.nan
    return values


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store", crs=parse_crs("EPSG:6677"), vertical=TP)


def result_of(depth):
    houses = geopandas.GeoDataFrame(
        {"id": ["a"], "max_depth_m": [0.4]}, geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:6677"
    )
    return FloodResult(
        name="surge",
        depth=raster(depth),
        critical_level=raster(depth + 1, TP),
        state=raster(np.isnan(depth).astype(np.uint8) * 3),
        buildings=houses,
        summary={"title": {"ja": "高潮"}},
    )


def commit(store, run, result):
    path, checksum = write_flood(store, run, run, result)
    store.manifest.begin_run(run, STAGE, {"name": result.name}, {})
    store.manifest.commit_artefact(run, result.name, path, checksum, "", {})
    store.manifest.finish_run(run, {})
    return store.path / path


def test_an_overlay_is_read_as_it_was_written(store, depth):
    folder = commit(store, "r1", result_of(depth))
    back = read_flood(store, "surge")
    np.testing.assert_array_equal(back.depth.values, depth)
    np.testing.assert_array_equal(back.critical_level.values, depth + 1)
    assert back.depth.frame == FRAME
    assert (back.depth.vertical, back.critical_level.vertical) == (None, TP)
    assert back.buildings["id"].tolist() == ["a"]
    assert back.summary == {"title": {"ja": "高潮"}, "run": "r1"}
    assert flood_names(store) == ["surge"]
    assert store.manifest.artefacts("r1")["surge"].checksum == tree_checksum(folder)


def test_the_newest_run_of_a_scenario_counts(store, depth):
    commit(store, "r1", result_of(depth))
    commit(store, "r2", result_of(depth * 2))
    np.testing.assert_array_equal(read_flood(store).depth.values, depth * 2)
    store.manifest.finish_run("r1", {})
    np.testing.assert_array_equal(read_flood(store).depth.values, depth)


def test_the_same_overlay_has_the_same_bytes(store, depth):
    one, two = (commit(store, run, result_of(depth)) for run in ("r1", "r2"))
    for name in ("rasters.zarr", "buildings.parquet"):
        assert tree_checksum(one / name) == tree_checksum(two / name)


def test_an_overlay_that_is_missing_is_a_sentence(store, depth):
    with pytest.raises(StoreError, match="run `twin flood` first"):
        read_flood(store)
    commit(store, "r1", result_of(depth))
    with pytest.raises(StoreError, match="there are: surge"):
        read_flood(store, "storm")


def test_xarray_opens_the_rasters_with_their_coordinates_and_crs(store, depth):
    folder = commit(store, "r1", result_of(depth))
    with xarray.open_zarr(folder / "rasters.zarr", consolidated=False) as data:
        west, south = FRAME.bounds.xmin, FRAME.bounds.ymin
        assert data.depth.dims == ("y", "x")
        assert (float(data.x[0]), float(data.y[-1])) == (west + 0.25, south + 0.25)
        assert 'ID["EPSG",6677]' in data.spatial_ref.attrs["crs_wkt"]
        np.testing.assert_array_equal(data.depth.to_numpy(), depth)


@pytest.mark.parametrize(
    ("vertical", "code"), [(None, 6677), (TP, None), (AP, 6677), (VerticalDatum("EPSG:5709"), None)]
)
def test_rasterio_reads_what_we_write(tmp_path, depth, vertical, code):
    path = tmp_path / "depth.tif"
    write_cog(path, raster(depth, vertical), description="depth", unit="m", tags={"SCENARIO": "surge"})
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), depth)
        assert tuple(file.bounds) == tuple(FRAME.bounds)
        assert np.isnan(file.nodata)
        assert file.profile["tiled"]
        assert file.overviews(1)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (file.descriptions[0], file.units[0], file.tags()["SCENARIO"]) == ("depth", "m", "surge")
        assert file.tags().get("VERTICAL_DATUM") == (None if vertical is None else str(vertical))
        if code is not None:
            assert file.crs.to_epsg() == code
        else:
            assert "VERT" in file.crs.to_wkt()


def test_classes_keep_their_codes_in_every_overview(tmp_path):
    values = np.tile(np.array([0, 3], dtype=np.uint8), (FRAME.rows, FRAME.columns // 2))
    path = tmp_path / "state.tif"
    write_cog(path, raster(values))
    with rasterio.open(path, overview_level=0) as file:
        assert set(np.unique(file.read(1))) <= {0, 3}
