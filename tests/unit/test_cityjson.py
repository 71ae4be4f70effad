"""CityJSON: what we write is valid for others, and what others write we can read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import numpy as np
import pytest
import shapely
from pyproj import CRS

from pipelines.model.prism import prism
from tiles.cityjson import (
    read_cityjson,
    read_cityjsonseq,
    reference_code,
    reference_system,
    write_cityjson,
    write_cityjsonseq,
)
from tiles.cityjson.reference import COMPOUND
from twin.building import Building
from twin.crs import parse_crs
from twin.errors import FormatError
from twin.vertical import AP, TP, VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

TOKYO = parse_crs("EPSG:6677")


def make(name: str, x: float, *, hole: bool = False) -> Building:
    holes = [[(x + 4, -4), (x + 4, -6), (x + 6, -6), (x + 6, -4)]] if hole else []
    outline = shapely.orient_polygons(
        shapely.Polygon([(x, -10), (x + 10.123, -10), (x + 10.123, 0.0), (x, 0.456)], holes)
    )
    return Building(
        id=name,
        footprint=outline,
        ground_m=2.3456,
        roof_m=11.5,
        measured_height_m=9.9,
        n_points=321,
        rmse_m=0.123,
        solids={"1.2": prism(outline, 2.3456, 11.5)},
        attributes={"用途": "住宅", "share_without_data": 0.01},
    )


@pytest.fixture
def buildings() -> list[Building]:
    return [make("家-1", -8700.0), make("b2", -8650.5, hole=True)]


@pytest.fixture(scope="session")
def schemas(shared_data: Path) -> Path:
    folder = shared_data.parent / "schemas" / "cityjson" / "20"
    if not folder.is_dir():
        pytest.skip("the official CityJSON schemas do not stand beside the checkout")
    return folder


def faults(schema: Path, document: Any) -> list[str]:
    validator = jsonschema_rs.validator_for(json.loads(schema.read_text(encoding="utf-8")))
    return [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(document)]


def test_documents_follow_the_official_schema(tmp_path: Path, buildings: list[Building], schemas: Path) -> None:
    facts = write_cityjson(
        tmp_path / "a.city.json", buildings, crs=TOKYO, vertical=TP, title="町", lineage={"stage": "model"}
    )
    document = json.loads(facts.path.read_text(encoding="utf-8"))
    assert faults(schemas / "cityjson.min.schema.json", document) == []
    assert faults(schemas / "cityjson.min.schema.json", {**document, "version": "3"}), "the schema must be able to fail"
    assert (facts.buildings, facts.bytes) == (2, facts.path.stat().st_size)


def test_sequences_follow_the_official_schema(tmp_path: Path, buildings: list[Building], schemas: Path) -> None:
    write_cityjsonseq(tmp_path / "a.city.jsonl", buildings, crs=TOKYO, vertical=AP)
    head, *features = map(json.loads, (tmp_path / "a.city.jsonl").read_text(encoding="utf-8").splitlines())
    assert faults(schemas / "cityjson.min.schema.json", head) == []
    assert len(features) == 2
    for feature in features:
        assert faults(schemas / "cityjsonfeature.min.schema.json", feature) == []


# cjio runs in a process of its own: importing it makes PROJ forget what it knows of authority codes.
CJIO = """
import json, sys
from cjio import cityjson

model = cityjson.reader(open(sys.argv[1], encoding="utf-8"))
facts = {"version": model.get_version(), "epsg": model.get_epsg(), "n": model.number_city_objects_level1()}
facts["vertices"] = len(model.j["vertices"])
model.remove_orphan_vertices()
facts["used"] = len(model.j["vertices"])
facts["stated"], facts["computed"] = model.get_bbox(), model.calculate_bbox()
part = model.subset(["b2"])
part.remove_orphan_vertices()
facts["part"], facts["part_west"] = len(part.j["vertices"]), part.calculate_bbox()[0]
print(json.dumps(facts))
"""


def test_cjio_reads_the_same_model(tmp_path: Path, buildings: list[Building]) -> None:
    write_cityjson(tmp_path / "a.city.json", buildings, crs=TOKYO, vertical=TP)
    command = [sys.executable, "-c", CJIO, str(tmp_path / "a.city.json")]
    facts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (facts["version"], facts["epsg"], facts["n"]) == ("2.0", 10170, 2)
    assert facts["vertices"] == facts["used"], "every vertex is used"
    expected = pytest.approx([-8700, -10, 2.3456, -8650.5 + 10.123, 0.456, 11.5], abs=1e-9)
    assert facts["stated"] == expected
    assert facts["computed"] == expected
    assert facts["part"] == 16
    assert facts["part_west"] == pytest.approx(-8650.5, abs=1e-9)


@pytest.mark.parametrize("write", [write_cityjson, write_cityjsonseq])
def test_what_is_written_is_read_back_exactly(tmp_path: Path, buildings: list[Building], write: Any) -> None:
    write(tmp_path / "a", buildings, crs=TOKYO, vertical=TP)
    again = read_cityjson(tmp_path / "a")
    assert [b.id for b in again] == [b.id for b in buildings]
    for was, now in zip(buildings, again, strict=True):
        np.testing.assert_array_equal(was.solid.vertices, now.solid.vertices)
        assert (was.solid.faces, was.solid.semantics) == (now.solid.faces, now.solid.semantics)
        assert shapely.normalize(was.footprint) == shapely.normalize(now.footprint)
        for name in ("lod", "ground_m", "roof_m", "measured_height_m", "n_points", "rmse_m", "attributes"):
            assert getattr(was, name) == getattr(now, name), name


def test_same_buildings_give_same_bytes(tmp_path: Path, buildings: list[Building]) -> None:
    for name in ("a", "b"):
        write_cityjson(tmp_path / name, iter(buildings), crs=TOKYO, vertical=TP)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("write", [write_cityjson, write_cityjsonseq])
def test_a_city_without_buildings_is_a_file_too(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "a", [], crs=TOKYO, vertical=TP)
    assert read_cityjson(tmp_path / "a") == []


def test_compound_codes_are_what_epsg_says() -> None:
    for (horizontal, vertical), code in COMPOUND.items():
        parts = CRS.from_epsg(code).sub_crs_list
        assert f"EPSG:{parts[0].to_epsg()}" == horizontal
        assert VerticalDatum.parse(f"EPSG:{parts[1].to_epsg()}").name == vertical


def test_heights_above_another_datum_are_not_called_compound(tmp_path: Path) -> None:
    assert reference_system(TOKYO, AP) == "https://www.opengis.net/def/crs/EPSG/0/6677"
    write_cityjson(tmp_path / "a", [make("a", 0.0)], crs=TOKYO, vertical=AP)
    assert json.loads((tmp_path / "a").read_text())["metadata"]["verticalDatum"] == "AP"
    assert reference_code(tmp_path / "a") == "EPSG:6677"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("hello", "line 1: not JSON"),
        ("[1, 2]", "no CityJSON"),
        ('{"type": "CityJSON", "vertices": [1]}', "triples"),
        (
            '{"type": "CityJSON", "vertices": [[0,0,0]], "CityObjects": {"x": {"type": "Building", "geometry":'
            ' [{"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]]]}]}}}',
            "'x'",
        ),
    ],
)
def test_what_is_no_cityjson_is_refused_by_name(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(FormatError, match=says) as caught:
        read_cityjson(tmp_path / "bad.json")
    assert "bad.json" in str(caught.value)


@pytest.mark.real
def test_models_of_other_tools_are_read(shared_data: Path) -> None:
    delft = read_cityjson(shared_data / "cityjson" / "delft_3dfier_output.city.json")
    assert len(delft) == 160
    assert all(b.footprint.is_valid and b.footprint.area > 4 for b in delft)
    assert reference_code(shared_data / "cityjson" / "delft_3dfier_output.city.json") == "EPSG:7415"

    japanese = read_cityjson(shared_data / "cityjson" / "japanese.city.json")
    assert {b.lod for b in japanese} == {"2"}
    assert sum("parent" in b.attributes for b in japanese) == 0
    assert japanese[0].measured_height_m == 13.4
    assert japanese[0].attributes["大字・町コード"] == "29"
    assert set(japanese[0].solid.semantics) == {"GroundSurface", "RoofSurface", "WallSurface"}

    rotterdam = read_cityjson(shared_data / "cityjson" / "rotterdam_subset.city.json")
    assert len(rotterdam) == 16
    assert all(b.attributes["surfaces_only"] for b in rotterdam)


def test_a_sequence_is_read_one_building_at_a_time(tmp_path: Path, buildings: list[Building]) -> None:
    write_cityjsonseq(tmp_path / "a", buildings, crs=TOKYO, vertical=TP)
    with (tmp_path / "a").open("a") as stream:
        stream.write("torn")
    stream = read_cityjsonseq(tmp_path / "a")
    assert [next(stream).id, next(stream).id] == ["家-1", "b2"]
    with pytest.raises(FormatError, match="line 4"):
        next(stream)
