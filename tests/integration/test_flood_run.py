"""Scenarios over a store of the synthetic bay: true labels, real terrain stage, true outlines."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import geopandas
import numpy as np
import pytest
import rasterio

from pipelines.executors import Sequential
from pipelines.flood import load_scenario, run_flood
from pipelines.flood.scenario import parse_scenario
from pipelines.live import load_feed, replay
from pipelines.live.demo_feed import DemoFeedParams, write_demo_feed
from pipelines.runs import latest_run, run_tiled
from pipelines.terrain import TerrainParams, TerrainStage
from tiles.atomic import tree_checksum
from tiles.buildings import write_table
from tiles.flood import FloodState, flood_names, read_flood
from tiles.store import Store
from tiles.verify import verify_store
from twin.cli.export_job import Job
from twin.cli.exports import FORMATS
from twin.crs import parse_crs
from twin.errors import DatumError, StageError
from twin.scene import Scene, SceneParams
from twin.vertical import TP

END = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)
GAUGE = "urn:ngsi-ld:WaterObserved:gauge-"


@pytest.fixture(scope="module")
def bay():
    return Scene.build(SceneParams(kind="bay", n_points=60_000))


@pytest.fixture(scope="module")
def made(bay, tmp_path_factory):
    """Make a store with points, true labels, a 1 m terrain, and the true outlines as its model."""
    store = Store.create(tmp_path_factory.mktemp("bay") / "store", crs=parse_crs(bay.crs), vertical=TP, tile_edge_m=128)
    points = bay.all_points()
    columns, rows = store.grid.columns_rows(points.x, points.y)
    with store.writing():
        tiles = []
        for column, row in sorted(set(zip(columns.tolist(), rows.tolist(), strict=True))):
            own = points.take((columns == column) & (rows == row))
            tiles.append(store.write_tile(store.grid.tile_at(own.x[0], own.y[0]), own))
        store.manifest.commit_tiles(tiles)
        store.manifest.begin_run("truth", "classify", {}, {})
        for row in tiles:
            label = store.read_tile(row.tile, ("classification",))["classification"]
            checksum = store.write_labels("truth", row.tile, label, np.full_like(label, 100))
            path = store.labels_path("truth", row.tile)
            store.manifest.commit_artefact("truth", str(row.tile), path, checksum, "", {})
        store.manifest.finish_run("truth", {})
        houses = list(bay.buildings())
        facts = {"id": [house.id for house in houses], "ground_m": [house.ground_m for house in houses]}
        outlines = geopandas.GeoDataFrame(facts, geometry=[house.footprint for house in houses], crs=bay.crs)
        store.manifest.begin_run("model", "model", {}, {})
        path = write_table(store, "model", outlines)
        relative = path.relative_to(store.path).as_posix()
        store.manifest.commit_artefact("model", "attributes", relative, tree_checksum(path), "", {})
        store.manifest.finish_run("model", {})
    stage = TerrainStage(labels_run="truth", steps=TerrainParams(resolution_m=1.0))
    run_tiled(store, stage, Sequential())
    return store


@pytest.fixture
def store(made, tmp_path):
    shutil.copytree(made.path, tmp_path / "store")
    return Store.open(tmp_path / "store")


def flood(store, name, **more):
    scenario = load_scenario(name) if isinstance(name, str) else name
    return run_flood(store, scenario, latest_run(store, "terrain"), "model", **more)


def test_the_surge_that_the_dikes_hold_wets_no_street(store, bay):
    summary = flood(store, "surge_holding")
    out = read_flood(store, "surge_holding")
    street = tuple(np.array([value]) for value in bay.places["low_street"])
    assert out.depth.sample(*street)[0] == 0.0
    assert out.state.sample(*(np.array([value]) for value in bay.sea_seed))[0] == FloodState.WATER
    assert summary.level["height_m"] == pytest.approx(1.8656)
    assert summary.level["given_datum"] == "AP"
    assert summary.water_cells > 0.1 * summary.cells


def test_the_surge_over_the_dikes_is_as_deep_as_the_ground_is_low(store, bay):
    summary = flood(store, "surge_overtopping")
    out = read_flood(store)
    level = summary.level["height_m"]
    wet = out.state.values == FloodState.FLOODED
    x, y = np.meshgrid(*out.depth.frame.centers())
    error = out.depth.values[wet] - (level - bay.ground(x[wet], y[wet]))
    assert np.median(np.abs(error)) < 0.05
    assert summary.buildings == len(list(bay.buildings()))
    assert summary.buildings_wet == sum(summary.by_rank.values()) > 0
    assert summary.wet_cells == wet.sum()
    assert summary.max_depth_m == pytest.approx(float(out.depth.values[wet].max()), abs=1e-3)
    table = out.buildings.set_index("id")
    for house in bay.buildings():
        if house.ground_m < level - 1:
            assert table.loc[house.id, "rank"] >= 2
            assert table.loc[house.id, "above_floor"]
            assert table.loc[house.id, "max_depth_m"] == pytest.approx(level - house.ground_m, abs=0.45)


def test_doing_it_again_does_nothing_and_says_so(store):
    first = flood(store, "surge_holding")
    before = tree_checksum(store.path / first.path)
    flood(store, "surge_overtopping")
    again = flood(store, "surge_holding")
    assert again.skipped
    assert not first.skipped
    assert (again.run, again.by_rank, again.wet_cells) == (first.run, first.by_rank, first.wet_cells)
    assert tree_checksum(store.path / again.path) == before
    assert read_flood(store).name == "surge_holding"  # it is the newest overlay again
    assert flood_names(store) == ["surge_holding", "surge_overtopping"]
    assert [problem for problem in verify_store(store) if problem.path.startswith("flood")] == []


def test_two_stores_of_the_same_survey_hold_the_same_overlay(made, store, tmp_path):
    shutil.copytree(made.path, tmp_path / "other")
    other = Store.open(tmp_path / "other")
    one, two = flood(store, "surge_overtopping"), flood(other, "surge_overtopping")
    assert one.path == two.path
    for name in ("rasters.zarr", "buildings.parquet", "summary.json"):
        assert tree_checksum(store.path / one.path / name) == tree_checksum(other.path / two.path / name)


def test_a_gauge_drives_the_overlay_through_its_datum(store, bay, tmp_path):
    with pytest.raises(StageError, match="replay or record a feed first"):
        flood(store, "surge_gauge")
    write_demo_feed(tmp_path / "feed.jsonl", bay, DemoFeedParams(end=END))
    replay(store, tmp_path / "feed.jsonl", load_feed("bay_demo"), now=END)
    summary = flood(store, "surge_gauge")
    assert summary.level["height_m"] == pytest.approx(bay.water_level_m + 1.6 + 1.0, abs=1e-3)
    assert summary.level["observed_at"] == END.isoformat()
    assert summary.level["source"] == f"bay_demo/{GAUGE}sea"
    before = flood(store, "surge_gauge", at=datetime(2025, 10, 1, 4, 0, tzinfo=UTC))
    assert before.level["height_m"] < summary.level["height_m"]
    assert before.run != summary.run
    with pytest.raises(StageError, match="not believed"):
        flood(store, "surge_gauge", at=datetime(2025, 10, 1, 9, 0, tzinfo=UTC))
    content = {"title": {"en": "x"}, "level": {"gauge": f"{GAUGE}pump", "feed": "bay_demo"}}
    with pytest.raises(DatumError, match="no vertical datum"):
        flood(store, parse_scenario(content, "pump.yaml", "pump"))


def test_a_gauge_that_fell_silent_before_its_feed_drives_nothing(store, bay, tmp_path):
    write_demo_feed(tmp_path / "feed.jsonl", bay, DemoFeedParams(end=END))
    replay(store, tmp_path / "feed.jsonl", load_feed("bay_demo"), now=END)
    silent = parse_scenario({"title": {"en": "x"}, "level": {"gauge": f"{GAUGE}upstream"}}, "s.yaml", "silent")
    with pytest.raises(StageError, match="2 h 30 min ago, by the newest reading of its feed, which is not believed"):
        flood(store, silent)
    early = flood(store, silent, at=datetime(2025, 10, 1, 4, 0, tzinfo=UTC))
    assert early.level["observed_at"] == datetime(2025, 10, 1, 3, 30, tzinfo=UTC).isoformat()


def test_exports_carry_the_depths_and_say_above_which_zero_the_water_stands(store, tmp_path):
    summary = flood(store, "surge_overtopping")
    flood(store, "surge_holding")
    FORMATS["gpkg"].write(Job(store=store, out=tmp_path / "city.gpkg"))
    table = geopandas.read_file(tmp_path / "city.gpkg", layer="flood_surge_overtopping")
    expected = read_flood(store, "surge_overtopping")
    assert table["max_depth_m"].tolist() == expected.buildings["max_depth_m"].tolist()
    assert int((table["rank"] > 0).sum()) == summary.buildings_wet
    assert set(table["vertical_datum"]) == {"TP"}
    assert table["water_level_m"].to_numpy() == pytest.approx(2.8656)
    FORMATS["cog"].write(Job(store=store, out=tmp_path / "rasters"))
    with rasterio.open(tmp_path / "rasters" / "flood_surge_overtopping.tif") as file:
        np.testing.assert_array_equal(file.read(1), expected.depth.values)
        assert file.tags()["WATER_LEVEL_GIVEN"] == "4.0000 m AP (fixed)"
        assert (file.tags()["WATER_LEVEL_M"], file.tags()["WATER_LEVEL_DATUM"]) == ("2.8656", "TP")


def test_an_ordinary_level_above_the_flood_would_hide_it_and_is_refused(store):
    level, normal = {"value_m": 3.0, "datum": "AP"}, {"value_m": 3.0, "datum": "TP"}
    content = {"title": {"en": "x"}, "level": level, "normal": normal}
    with pytest.raises(StageError, match="count as ordinary water"):
        flood(store, parse_scenario(content, "swapped.yaml", "swapped"))


def test_a_scenario_that_is_refused_leaves_no_run(store):
    gate = {"name": "gate", "geometry": "LINESTRING (139.7 35.6, 139.8 35.6)", "datum": "TP", "crest_m": 3.4}
    content = {"title": {"en": "x"}, "level": {"value_m": 3.0, "datum": "AP"}, "barriers": [gate]}
    with pytest.raises(StageError, match="gate lies outside the terrain"):
        flood(store, parse_scenario(content, "far.yaml", "far"))
    assert not [row for row in store.manifest.runs() if row.stage == "flood"]


def test_without_buildings_the_table_is_empty(store):
    summary = run_flood(store, load_scenario("surge_overtopping"), latest_run(store, "terrain"))
    assert (summary.buildings, summary.buildings_wet) == (0, 0)
    assert len(read_flood(store).buildings) == 0
    assert summary.wet_cells > 0


def test_an_interrupted_run_leaves_nothing_that_counts(store, monkeypatch):
    monkeypatch.setattr("pipelines.flood.run.write_flood", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        flood(store, "surge_holding")
    monkeypatch.undo()
    assert flood_names(store) == []
    assert not flood(store, "surge_holding").skipped
    assert flood_names(store) == ["surge_holding"]
