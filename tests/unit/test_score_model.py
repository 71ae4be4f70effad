"""Scores of a building model: right on cases that can be worked out by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from pipelines.model.prism import prism
from pipelines.quality.models import score_model
from pipelines.quality.references import Reference, crs_of_model, read_reference, reference_of
from tiles.citygml import write_citygml
from tiles.cityjson import write_cityjson
from twin.building import Building
from twin.crs import parse_crs
from twin.errors import CrsError, FormatError
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

TOKYO = parse_crs("EPSG:6677")


def modelled(name: str, x: float, roof: float = 10.0, width: float = 10.0) -> Building:
    outline = shapely.box(x, 0, x + width, 10)
    return Building(
        id=name, footprint=outline, ground_m=1.0, roof_m=roof, measured_height_m=roof - 1, n_points=9,
        rmse_m=0.1, solids={"1.2": prism(shapely.orient_polygons(outline), 1.0, roof)},
    )  # fmt: skip


def building(name: str, x: float, roof: float = 10.0, width: float = 10.0) -> Reference:
    return reference_of(modelled(name, x, roof, width))


def reference(name: str, x: float, roof: float = 10.0) -> Reference:
    return Reference(
        id=name, footprint=shapely.box(x, 0, x + 10, 10), roof_m=roof, ground_m=1.0, volume_m3=100 * (roof - 1)
    )


def outlines(path: Path, properties: dict[str, object]) -> None:
    square = shapely.geometry.mapping(shapely.box(0, 0, 10, 10))
    feature = {"type": "Feature", "properties": properties, "geometry": square}
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6677"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))


def test_a_model_agrees_with_itself() -> None:
    score = score_model([building("a", 0), building("b", 20)], [reference("x", 0), reference("y", 20)])
    assert (score.iou_median, score.height_rmse_m, score.height_bias_m, score.n_matched) == (1.0, 0.0, 0.0, 2)
    assert score.covered_share == 1.0
    assert (score.volume_bias_share, score.volume_rms_share) == (0.0, 0.0)


def test_half_a_building_and_a_missing_one_count_as_they_are() -> None:
    found = [building("a", 0, roof=12.0), building("b", 22, roof=9.0), building("extra", 300)]
    truth = [reference("x", 0), reference("y", 20), reference("z", 100)]
    score = score_model(found, truth)
    assert score.iou_median == pytest.approx(80 / 120, abs=1e-4)  # of 1, 2/3 and 0
    assert score.n_matched == 2
    assert score.height_rmse_m == pytest.approx(np.sqrt((4 + 1) / 2), abs=1e-4)
    assert score.height_bias_m == 0.5
    assert score.volume_bias_share == pytest.approx((2 / 9 - 1 / 9) / 2, abs=1e-4)
    assert score.covered_share == pytest.approx(180 / 300, abs=1e-4)
    assert score.unmatched == ("z",)


def test_one_block_over_a_terrace_covers_it_but_matches_nothing() -> None:
    score = score_model([building("block", 0, width=40)], [reference(str(i), 10 * i) for i in range(4)])
    assert (score.covered_share, score.n_matched, score.iou_median) == (1.0, 0, 0.25)
    assert score.height_rmse_m is None


def test_an_empty_model_scores_nothing() -> None:
    score = score_model([], [reference("x", 0)])
    assert (score.iou_median, score.n_matched, score.covered_share) == (0.0, 0, 0.0)
    assert json.dumps(score.as_dict())


def test_another_model_is_a_reference(tmp_path: Path) -> None:
    write_cityjson(tmp_path / "a.city.json", [modelled("a", 0)], crs=TOKYO, vertical=TP)
    (item,) = read_reference(tmp_path / "a.city.json", TOKYO)
    assert (item.id, item.roof_m, item.ground_m, item.footprint.area) == ("a", 10.0, 1.0, 100.0)
    with pytest.raises(CrsError, match="EPSG:6677"):
        read_reference(tmp_path / "a.city.json", parse_crs("EPSG:28992"))


def test_a_citys_citygml_is_a_reference(tmp_path: Path) -> None:
    own = [modelled("a", 0.0), modelled("b", 20.0, roof=12.0)]
    write_citygml(tmp_path, own, crs=TOKYO, vertical=TP)
    (path,) = tmp_path.rglob("*.gml")
    found = read_reference(path, TOKYO)
    assert sorted((one.footprint.bounds, one.roof_m, one.ground_m) for one in found) == [
        (building.footprint.bounds, building.roof_m, building.ground_m) for building in own
    ]
    assert sorted(one.volume_m3 for one in found) == pytest.approx([900.0, 1100.0])
    with pytest.raises(CrsError, match="degree"):
        crs_of_model(path)


def test_the_truth_of_a_gable_roof_is_its_median_height(tmp_path: Path) -> None:
    # Eaves at 5 m, ridge at 9 m along y = 5: half of the roof lies below 7 m.
    planes = [
        {"a": 0.0, "b": 0.8, "c": 5.0 + 0.8 * 5, "outline": [[0, 0], [10, 0], [10, 5], [0, 5], [0, 0]], "holes": []},
        {"a": 0.0, "b": -0.8, "c": 9.0, "outline": [[0, 5], [10, 5], [10, 10], [0, 10], [0, 5]], "holes": []},
    ]
    item = {"id": "h", "ground_m": 2.0, "anchor": [0, 5], "roof_planes": planes}
    content = {"format": "twin-scene-truth", "crs": "EPSG:6677", "buildings": [item]}
    (tmp_path / "truth.json").write_text(json.dumps(content))
    outlines(tmp_path / "truth_footprints.geojson", {"id": "h"})
    (found,) = read_reference(tmp_path / "truth.json", TOKYO)
    assert found.roof_m == pytest.approx(7.0, abs=0.05)
    assert found.volume_m3 == pytest.approx(100.0 * (7.0 - 2.0))
    assert found.footprint.area == pytest.approx(100.0)


def test_outlines_with_heights_are_a_reference(tmp_path: Path) -> None:
    outlines(tmp_path / "a.geojson", {"id": "a", "roof_m": 8.5})
    (item,) = read_reference(tmp_path / "a.geojson", TOKYO)
    assert item.roof_m == 8.5
    assert np.isnan(item.ground_m)


def test_a_reference_without_buildings_is_an_error(tmp_path: Path) -> None:
    write_cityjson(tmp_path / "a.city.json", [], crs=TOKYO, vertical=TP)
    with pytest.raises(FormatError, match="no buildings"):
        read_reference(tmp_path / "a.city.json", TOKYO)
