"""The real case as its user runs it: one project file from two deliveries to labels, model, exports and picture."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from tiles.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("delft") / "out"


@pytest.fixture
def delft(place: Path, checkout: Path, shared_data: Path, twin: Callable[..., Any]) -> Path:
    """Run the project once; whoever comes later finds everything done."""
    if (place / "report.html").is_file():
        return place
    project = checkout / "config" / "areas" / "delft.yaml"
    assert (project.parent / "../../../shared/data").resolve() == shared_data.resolve()
    answer = twin("run", project, "--out", place)
    assert (answer.code, answer.result["failed"]) == (0, []), answer.stderr
    return place


def test_the_store_holds_every_delivered_point_as_it_was_written(delft: Path, twin: Callable[..., Any]) -> None:
    assert twin("info", delft / "store").result["points"] == 848_942
    assert twin("verify", delft / "store").result["problems"] == 0


def test_ground_and_buildings_agree_with_the_delivered_classes_however_these_are_read(
    delft: Path, shared_data: Path, tmp_path: Path, twin: Callable[..., Any]
) -> None:
    plain = twin("score", "labels", delft / "store").result
    assert plain["points"] == 848_942
    assert plain["ground"]["kappa"] >= 90.0
    assert plain["objects"]["50"]["true"] >= 15
    assert min(plain["objects"]["50"]["precision"], plain["objects"]["50"]["recall"]) >= 90.0
    block = shared_data / "vector" / "delft_bgt_buildings.geojson"
    assert twin("score", "labels", delft / "store", "--within", block).result["classes"]["6"]["f1"] >= 90.0

    picture = tmp_path / "errors.png"
    told = ("--map", "26=17", "--same", "1,3,4,5", "--ignore", "9", "--ground", "2,17", "--picture", picture)
    answer = twin("score", "labels", delft / "store", *told)
    assert answer.code == 0, answer.stderr
    read = answer.result
    assert read["points"] == plain["points"] - sum(plain["confusion"]["9"].values())
    assert sum(read["confusion"]["17"].values()) == sum(plain["confusion"]["26"].values())
    assert set(read["confusion"]) == {"1", "2", "6", "17"}
    assert read["overall"]["accuracy"] > 90.0 > plain["overall"]["accuracy"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert twin("score", "labels", delft / "store", "--map", "26").code == 2


def test_the_city_model_follows_the_official_schema_and_lists_what_it_lacks(delft: Path, shared_data: Path) -> None:
    document = json.loads((delft / "exports" / "delft.city.json").read_text(encoding="utf-8"))
    figures = Store.open(delft / "store").manifest.latest_run("model").figures
    kinds = Counter(entry["type"] for entry in document["CityObjects"].values())
    assert kinds["Building"] == figures["buildings"] >= 150
    assert kinds["TINRelief"] == 4
    assert kinds["WaterBody"] >= 3
    assert 300 < kinds["SolitaryVegetationObject"] < 800
    assert kinds["Bridge"] >= 3, "three are on the map"
    assert figures["buildings"] + figures["n_without_model"] == 160
    assert figures["valid_share"] == 1.0
    schema = shared_data.parent / "schemas" / "cityjson" / "20" / "cityjson.min.schema.json"
    if not schema.is_file():
        pytest.skip("the official CityJSON schemas do not stand beside the checkout")
    validator = jsonschema_rs.validator_for(json.loads(schema.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(document)] == []


def test_every_glb_passes_the_khronos_validator(delft: Path, validate_gltf: Callable[[Path], Any]) -> None:
    report = validate_gltf(delft / "exports" / "3dtiles")
    assert report["files"] > 10
    assert report["errors"] == report["warnings"] == []


@pytest.mark.slow
def test_cesium_loads_and_draws_the_tileset(delft: Path, draw_in_cesium: Callable[..., Any], tmp_path: Path) -> None:
    wish = {"folder": str(delft / "exports" / "3dtiles"), "width": 400, "height": 300, "range_m": 350, "max_error": 4}
    (seen,) = draw_in_cesium([{**wish, "screenshot": str(tmp_path / "delft.png")}])
    assert seen["failed"] == seen["console_errors"] == seen["strayed"] == []
    assert seen["drawn_middle"] > 0.5
    assert seen["n_colours"] > 4


def test_the_picture_and_the_report_are_there(delft: Path) -> None:
    report = (delft / "report.html").read_text(encoding="utf-8")
    assert "848,942" in report
    assert "delft_ahn3_a.laz" in report
    assert "デルフト" in report
