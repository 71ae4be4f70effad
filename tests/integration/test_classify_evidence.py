"""Outlines that somebody delivers travel to every tile, whole and in the store's CRS, and name the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from pipelines.classify import ClassifyStage, classify_stage, evidence_file
from pipelines.classify.evidence import cells_within, lay_evidence, read_evidence
from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from pipelines.runs import run_id, run_tiled
from tiles.las import LasParams, write_las
from tiles.store import Store
from tiles.verify import verify_store
from twin.bounds import Bounds
from twin.config import Settings
from twin.crs import parse_crs
from twin.errors import FormatError
from twin.points import Points
from twin.raster import Frame
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

CRS = parse_crs("EPSG:6677")
HOUSE = shapely.box(10, 10, 22, 20)
BOW = shapely.Polygon([(30, 30), (40, 40), (40, 30), (30, 40)])
EVERYWHERE = Bounds(xmin=-100, ymin=-100, xmax=200, ymax=200)


def geojson(path: Path, *shapes: shapely.Geometry) -> Path:
    """Write metres of the store as degrees, which is what GeoJSON is in by its standard."""
    back = Transformer.from_crs(6677, 4326, always_xy=True)

    def degrees(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(back.transform(xy[:, 0], xy[:, 1]))

    moved = [shapely.geometry.mapping(shapely.transform(shape, degrees)) for shape in shapes]
    features = [{"type": "Feature", "properties": {}, "geometry": shape} for shape in moved]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "store", crs=CRS, vertical=TP, tile_edge_m=64.0)
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0.25, 60, 0.5), np.arange(0.25, 60, 0.5)))
    ones = np.ones(len(x), np.uint8)
    points = Points(x=x, y=y, z=np.zeros(len(x))).with_attributes(return_number=ones, number_of_returns=ones)
    write_las(tmp_path / "a.laz", points, LasParams(), crs=CRS, vertical=TP)
    ingest(made, [tmp_path / "a.laz"], IngestParams(), Sequential())
    return made


def test_a_window_gets_the_valid_polygons_that_touch_it_in_metres_of_the_store(store: Store, tmp_path: Path) -> None:
    houses = geojson(tmp_path / "a.geojson", HOUSE, BOW, shapely.LineString([(0, 0), (5, 5)]))
    pond = geojson(tmp_path / "b.geojson", shapely.MultiPolygon([HOUSE, shapely.box(50, 50, 55, 55)]))
    lay_evidence(store, "r", {"footprints": evidence_file(houses), "water": evidence_file(pond)})
    found = read_evidence(store, "r", ("footprints", "water"), EVERYWHERE)
    assert found.footprints is not None
    assert found.water is not None
    assert len(found.footprints) == 3  # a bow tie is two triangles, a line is no area
    assert shapely.is_valid(found.footprints).all()
    assert shapely.area(found.footprints).sum() == pytest.approx(120 + 50, abs=0.01)
    assert shapely.hausdorff_distance(found.water, [HOUSE, shapely.box(50, 50, 55, 55)]).max() < 0.01
    west = read_evidence(store, "r", ("footprints",), Bounds(xmin=-5, ymin=-5, xmax=15, ymax=15))
    assert west.footprints is not None
    assert len(west.footprints) == 1
    assert west.water is None
    assert read_evidence(store, "r", (), EVERYWHERE).footprints is None


def test_what_holds_no_area_is_refused_by_name(store: Store, tmp_path: Path) -> None:
    lines = geojson(tmp_path / "lines.geojson", shapely.LineString([(0, 0), (5, 5)]))
    with pytest.raises(FormatError, match=r"lines\.geojson: no polygon among 1 shapes"):
        lay_evidence(store, "r", {"water": evidence_file(lines)})
    with pytest.raises(FormatError, match=r"absent\.gpkg"):
        evidence_file(tmp_path / "absent.gpkg")


def test_the_run_is_named_by_what_the_file_holds_and_not_by_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, two = geojson(tmp_path / "a.geojson", HOUSE), geojson(tmp_path / "other" / "b.geojson", HOUSE)
    changed = geojson(tmp_path / "c.geojson", BOW)
    names = [run_id(classify_stage(Settings(), evidence_file(file))) for file in (one, two, changed)]
    assert names[0] == names[1] != names[2]
    as_water = run_id(classify_stage(Settings(), water=evidence_file(one)))
    assert len({*names, as_water, run_id(ClassifyStage())}) == 4


def test_an_outline_over_bare_ground_builds_nothing_and_the_store_stays_whole(store: Store, tmp_path: Path) -> None:
    file = evidence_file(geojson(tmp_path / "a.geojson", HOUSE))
    summary = run_tiled(store, classify_stage(Settings(), file), Sequential())
    assert summary.failed == ()
    assert summary.counts["classes"] == {"2": 14400}
    assert verify_store(store) == []
    assert run_tiled(store, classify_stage(Settings(), file), Sequential()).n_done == 0


@given(west=st.integers(-40, 9), north=st.integers(-9, 40), r=st.floats(0.1, 15.0), size=st.sampled_from([0.5, 1.0]))
def test_cells_are_those_whose_centre_lies_inside_whatever_the_frame(
    west: int, north: int, r: float, size: float
) -> None:
    polygons = np.array([shapely.Point(3.3, -4.1).buffer(r), HOUSE], dtype=object)
    frame = Frame(column0=west, row0=north - 30, rows=30, columns=50, resolution_m=size)
    x, y = np.meshgrid(*frame.centers())
    expected = shapely.contains_xy(shapely.union_all(polygons), x, y)
    np.testing.assert_array_equal(cells_within(polygons, frame), expected)
