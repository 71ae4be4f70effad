"""The real case: two touching AHN3 tiles, labelled and turned into terrain, whole and in 64 m tiles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from pipelines.classify import classify_profile
from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from pipelines.quality.scores import confusion, score_class, score_ground
from pipelines.runs import run_tiled
from pipelines.terrain import RASTERS, TerrainStage
from tiles.rasters import open_raster, read_raster
from tiles.store import Store
from twin.crs import parse_crs
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.slow]

Table = NDArray[np.float64]
FILES = ("delft_ahn3_a.laz", "delft_ahn3_b.laz")


def made_store(path: Path, data: Path, edge_m: float, files: tuple[str, ...] = FILES) -> tuple[Store, str, str]:
    nap = VerticalDatum.parse("EPSG:5709")
    store = Store.create(path, crs=parse_crs("EPSG:28992"), vertical=nap, tile_edge_m=edge_m)
    ingest(store, [data / "lidar" / name for name in files], IngestParams(crs="EPSG:7415"), Sequential())
    labels = run_tiled(store, classify_profile("urban"), Sequential())
    terrain = run_tiled(store, TerrainStage(labels_run=labels.run), Sequential())
    assert not labels.failed
    assert not terrain.failed
    return store, labels.run, terrain.run


def table_of(store: Store, run: str) -> Table:
    """Source, row, label, confidence, delivered class, x, y of each point, in the order of the delivered files."""
    parts = []
    for row in store.tiles():
        points = store.read_tile(row.tile, ("source", "source_index", "classification"))
        labels = store.read_labels(run, row.tile)
        columns = (points["source"], points["source_index"], *labels, points["classification"], points.x, points.y)
        parts.append(np.stack(columns, axis=1))
    table = np.concatenate(parts)
    return table[np.lexsort((table[:, 1], table[:, 0]))]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> tuple[Store, str, str]:
    return made_store(tmp_path_factory.mktemp("whole") / "store", shared_data, 1024.0)


@pytest.fixture(scope="module")
def labelled(whole: tuple[Store, str, str]) -> Table:
    return table_of(whole[0], whole[1])


def test_ground_agrees_with_the_delivered_class_2(labelled: Table) -> None:
    truth, found = labelled[:, 4].astype(np.uint8), labelled[:, 2].astype(np.uint8)
    assert len(labelled) == 848_942
    assert score_ground(confusion(truth, found)).kappa > 95.5


def test_buildings_agree_with_the_delivered_class_6_inside_the_block_of_footprints(
    labelled: Table, shared_data: Path
) -> None:
    features = json.loads((shared_data / "vector" / "delft_bgt_buildings.geojson").read_text())["features"]
    block = shapely.union_all([shapely.geometry.shape(f["geometry"]).buffer(0) for f in features]).convex_hull
    inside = shapely.contains_xy(block, labelled[:, 5], labelled[:, 6])
    truth, found = labelled[inside, 4].astype(np.uint8), labelled[inside, 2].astype(np.uint8)
    score = score_class(confusion(truth, found), (6,))
    assert score.n_true > 80_000
    assert score.f1 > 93.5


@pytest.mark.parametrize("files", [FILES[1:], FILES])
def test_64_m_tiles_give_the_labels_and_the_terrain_of_one_tile_point_by_point(
    files: tuple[str, ...], tmp_path: Path, shared_data: Path
) -> None:
    one, *one_runs = made_store(tmp_path / "one", shared_data, 1024.0, files)
    many, *many_runs = made_store(tmp_path / "many", shared_data, 64.0, files)
    assert len(many.tiles()) > 5
    np.testing.assert_array_equal(table_of(many, many_runs[0]), table_of(one, one_runs[0]))
    for name in RASTERS:
        whole, parts = (
            read_raster(store, run, name, one.bounds) for store, run in ((one, one_runs[1]), (many, many_runs[1]))
        )
        assert whole.frame == parts.frame
        np.testing.assert_array_equal(whole.values, parts.values)


def test_terrain_is_opened_by_xarray_with_its_crs_and_lies_where_ground_points_lie(
    whole: tuple[Store, str, str],
) -> None:
    store, labels, terrain = whole
    dtm = open_raster(store, terrain, "dtm")
    assert dtm.attrs["vertical_datum"] == "EPSG:5709"
    assert "Amersfoort" in dtm.coords["spatial_ref"].attrs["crs_wkt"]
    cloud = store.read_tile(store.tiles()[0].tile, ("classification",))
    ground = (cloud["classification"] == 2) & (store.read_labels(labels, store.tiles()[0].tile)[0] == 2)
    off_edges = (cloud.x % 0.5 > 0.01) & (cloud.y % 0.5 > 0.01)
    pick = np.flatnonzero(ground & off_edges)[::97]
    x, y = cloud.x[pick], cloud.y[pick]
    column = np.argmin(abs(dtm["x"].values[:, None] - x), axis=0)
    row = np.argmin(abs(dtm["y"].values[:, None] - y), axis=0)
    heights = dtm.values[row, column]
    np.testing.assert_array_equal(heights, read_raster(store, terrain, "dtm").sample(x, y))
    assert np.median(abs(heights - cloud.z[pick])) < 0.03
