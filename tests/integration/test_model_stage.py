"""The model stage over a store: any tiling gives the same city, and every outline is modelled or named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from shapely import Polygon, affinity

from pipelines.executors import Sequential
from pipelines.model import ModelParams, check_solid
from pipelines.model.stage import ModelStage, footprint_file
from pipelines.runs import run_tiled
from tiles.buildings import building_table, iter_buildings, read_buildings, read_without_model
from tiles.rasters import create_rasters, tile_frame, write_raster_block
from tiles.store import Store
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.errors import CrsError
from twin.points import Points
from twin.tiling import TileId
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RULES = ModelParams(max_extent_m=40.0, block_m=32.0)
AREA = Bounds(xmin=-6144.0, ymin=-35840.0, xmax=-5888.0, ymax=-35584.0)  # 256 m, whole tiles of every edge used here


def ground(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """A plane that rises to the east, T.P. metres."""
    return np.round(3.0 + 0.01 * (x - AREA.xmin) + 0.0 * y, 3)


def houses() -> dict[str, tuple[Polygon, float]]:
    rng = np.random.default_rng(8)
    outlines = {}
    for i in range(20):
        x, y = AREA.xmin + 20 + 50 * (i % 5), AREA.ymin + 20 + 58 * (i // 5)
        box = shapely.box(x, y, x + rng.uniform(9, 18), y + rng.uniform(9, 18))
        outlines[f"h{i:02d}"] = (affinity.rotate(box, rng.uniform(0, 90)), float(rng.uniform(8, 30)))
    return outlines


def survey() -> Points:
    rng = np.random.default_rng(9)
    x, y = np.round(rng.uniform((AREA.xmin, AREA.ymin), (AREA.xmax, AREA.ymax), (260_000, 2)), 3).T
    z, label = ground(x, y), np.full(len(x), 2, np.uint8)
    for outline, roof in houses().values():
        on = shapely.contains_xy(outline, x, y)
        z[on], label[on] = np.round(roof + rng.normal(0, 0.03, on.sum()), 3), 6
    return Points(x=x, y=y, z=z, attributes={"classification": label})


def make_store(path: Path, points: Points, edge: float) -> Store:
    """A store with points, and a terrain run whose `dtm` is the true ground."""
    store = Store.create(path, crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=edge)
    with store.writing():
        rows = []
        for tile in store.grid.tiles_over(AREA):
            inside = store.grid.bounds(tile).contains(points.x, points.y)
            rows.append(store.write_tile(tile, points.take(inside)))
        store.manifest.commit_tiles(rows)
        create_rasters(store, "ground", {"dtm": (np.float32, {"is_height": True})}, 0.5)
        for tile in store.grid.tiles_over(AREA):
            x, y = np.meshgrid(*tile_frame(store, tile, 0.5).centers())
            write_raster_block(store, "ground", "dtm", tile, ground(x, y))
    return store


@pytest.fixture(scope="module")
def points() -> Points:
    return survey()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, points: Points) -> Store:
    return make_store(tmp_path_factory.mktemp("model") / "store", points, 128.0)


@pytest.fixture(scope="module")
def footprints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shapes = {name: outline for name, (outline, _) in houses().items()}
    shapes["bow"] = Polygon([(0, 0), (1, 1), (2, 2)])
    shapes["again"] = shapes["h03"]
    shapes["yard"] = shapely.box(AREA.xmin + 1, AREA.ymin + 1, AREA.xmin + 9, AREA.ymin + 9)
    shapes["far"] = shapely.box(0, 0, 20, 20)
    features = [
        {"type": "Feature", "properties": {"id": name, "use": "住宅"}, "geometry": shapely.geometry.mapping(shape)}
        for name, shape in shapes.items()
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6677"}}
    path = tmp_path_factory.mktemp("outlines") / "footprints.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    return path


def stage(footprints: Path | None = None) -> ModelStage:
    given = None if footprints is None else footprint_file(footprints)
    return ModelStage(rules=RULES, labels_run=None, terrain_run="ground", footprints=given)


def facts(store: Store, run: str) -> list[tuple[object, ...]]:
    return [
        (b.id, b.footprint.wkb, b.ground_m, b.roof_m, b.measured_height_m, b.n_points, b.rmse_m, dict(b.attributes),
         b.solid.vertices.tolist(), b.solid.faces)
        for b in read_buildings(store, run)
    ]  # fmt: skip


def test_every_given_outline_is_modelled_or_named(store: Store, footprints: Path) -> None:
    summary = run_tiled(store, stage(footprints), Sequential())
    assert summary.failed == ()
    buildings = {b.id: b for b in read_buildings(store, summary.run)}
    without = {entry["id"]: entry["reason"] for entry in read_without_model(store, summary.run)}
    assert set(buildings) | set(without) == {*houses(), "bow", "again", "yard", "far"}
    assert not set(buildings) & set(without)
    assert "nothing is left" in without["bow"]
    assert without["h03"] == "the outline repeats that of again"
    assert "0 building points" in without["yard"]
    assert without["far"] == "the outline lies outside the survey"
    for name, (outline, roof) in houses().items():
        if name in buildings:
            found = buildings[name]
            assert found.roof_m == pytest.approx(roof, abs=0.02)
            lowest = ground(np.array([outline.bounds[0]]), np.zeros(1))[0]
            assert found.ground_m == pytest.approx(lowest, abs=0.02)
            assert found.attributes["use"] == "住宅"
            assert check_solid(found.solid) == ()
    counts = summary.counts
    assert (counts["buildings"], counts["by_lod"], counts["valid_share"]) == (20, {"2.2": 20}, 1.0)
    assert counts["rmse_median_m"] == pytest.approx(0.03, abs=0.005)
    assert counts["n_without_model"] == 4


def test_a_second_run_does_nothing(store: Store, footprints: Path) -> None:
    first = run_tiled(store, stage(footprints), Sequential())
    second = run_tiled(store, stage(footprints), Sequential())
    assert (second.n_done, second.run) == (0, first.run)
    assert second.counts["buildings"] == 20


def test_the_table_says_what_the_features_say(store: Store, footprints: Path) -> None:
    run = run_tiled(store, stage(footprints), Sequential()).run
    table = building_table(store, run)
    buildings = read_buildings(store, run)
    assert table["id"].tolist() == [b.id for b in buildings] == sorted(table["id"])
    assert table.crs.to_epsg() == 6677
    assert table["roof_m"].tolist() == [b.roof_m for b in buildings]
    np.testing.assert_allclose(table.geometry.area, table["area_m2"], atol=1e-3)


@pytest.mark.parametrize("mode", ["derived", "given"])
def test_any_tiling_gives_the_same_city(
    tmp_path: Path, points: Points, store: Store, mode: str, footprints: Path
) -> None:
    job = stage(footprints if mode == "given" else None)
    coarse = run_tiled(store, job, Sequential())
    fine_store = make_store(tmp_path / "fine", points, 64.0)
    fine = run_tiled(fine_store, job, Sequential())
    assert coarse.counts["tiles"] == 4
    assert fine.counts["tiles"] == 16
    assert facts(fine_store, fine.run) == facts(store, coarse.run)
    assert len(facts(store, coarse.run)) == 20
    assert fine.counts["alignment"] == coarse.counts["alignment"]
    assert (coarse.counts["alignment"] is None) == (mode == "derived")
    assert read_without_model(fine_store, fine.run) == read_without_model(store, coarse.run)
    tables = [s.path / "buildings" / r.run / "attributes.parquet" for s, r in ((store, coarse), (fine_store, fine))]
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_derived_outlines_find_the_houses(store: Store) -> None:
    run = run_tiled(store, stage(), Sequential()).run
    found = read_buildings(store, run)
    for outline, roof in houses().values():
        best = max(found, key=lambda b: b.footprint.intersection(outline).area)
        overlap = best.footprint.intersection(outline).area / best.footprint.union(outline).area
        assert overlap > 0.8
        assert best.roof_m == pytest.approx(roof, abs=0.05)
        assert best.id.startswith("b_-")


def test_a_window_of_the_city_holds_what_touches_it(store: Store, footprints: Path) -> None:
    run = run_tiled(store, stage(footprints), Sequential()).run
    window = Bounds(xmin=AREA.xmin, ymin=AREA.ymin, xmax=AREA.xmin + 60, ymax=AREA.ymin + 60)
    box = shapely.box(*window)
    expected = {b.id for b in read_buildings(store, run) if shapely.box(*b.footprint.bounds).intersects(box)}
    assert {b.id for b in iter_buildings(store, run, window)} == expected
    assert 0 < len(expected) < 20


def delivery(path: Path, shapes: dict[str, Polygon]) -> Path:
    features = [
        {"type": "Feature", "properties": {"id": name}, "geometry": shapely.geometry.mapping(shape)}
        for name, shape in shapes.items()
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6677"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    return path


def test_outlines_that_all_lie_elsewhere_stop_the_stage_with_what_to_do(store: Store, tmp_path: Path) -> None:
    # Northing first, as the plane systems of Japan define it.
    shapes = {name: shapely.transform(shape, lambda c: c[:, ::-1]) for name, (shape, _) in houses().items()}
    with pytest.raises(CrsError, match=r"none of its 20 outlines lies in the survey .* swapped"):
        run_tiled(store, stage(delivery(tmp_path / "swapped.geojson", shapes)), Sequential())


def test_the_offset_of_the_outlines_is_reported_and_not_applied(store: Store, tmp_path: Path) -> None:
    moved = {name: affinity.translate(shape, -0.7, 0.4) for name, (shape, _) in houses().items()}
    summary = run_tiled(store, stage(delivery(tmp_path / "moved.geojson", moved)), Sequential())
    found = summary.counts["alignment"]
    assert (found["dx_m"], found["dy_m"]) == pytest.approx((0.7, -0.4), abs=0.1)
    assert "0.8" in found["message"]
    for building in read_buildings(store, summary.run):
        assert building.footprint.symmetric_difference(moved[building.id]).area < 0.1


def test_footprints_in_an_unknown_crs_stop_the_stage_before_it_starts(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry":'
        ' {"type": "Polygon", "coordinates": [[[-6000, -35800], [-5990, -35800], [-5990, -35790], [-6000, -35800]]]}}]}'
    )
    with pytest.raises(CrsError, match=r"a\.geojson"):
        run_tiled(store, stage(path), Sequential())


def test_a_tile_is_named_by_its_owner_alone(store: Store, footprints: Path) -> None:
    run = run_tiled(store, stage(footprints), Sequential()).run
    owners: dict[str, list[str]] = {}
    for key, artefact in store.manifest.artefacts(run).items():
        assert TileId.parse(key)
        for line in (store.path / artefact.path).read_text(encoding="utf-8").splitlines()[1:]:
            owners.setdefault(json.loads(line)["id"], []).append(key)
    assert len(owners) == 20
    assert all(len(tiles) == 1 for tiles in owners.values())
