"""PLATEAU's quality check: what its own cases are made to have is found, and what we write has nothing of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from pipelines.model.prism import prism
from pipelines.quality.plateau import RULES, check_files, title_of
from tiles.citygml import CityGmlParams, read_buildings, write_citygml
from twin.building import Building
from twin.crs import parse_crs
from twin.vertical import TP

TOKYO = parse_crs("EPSG:6677")
CODES = "L13_LOD1_03/codelists/Common_localPublicAuthorities.xml"
NOT_OURS = {"LOD3", "LOD4", "不正なcodeSpace数", "L01エラー", "L02エラー", "L04エラー", "L06エラー", "T03エラー"}
ELSEWHERE = {"L-frn-01エラー", "totalErrorCount", "C06_現われない属性等", "C07_品質属性", "C08_公共測量品質属性"}


def cases() -> list[str]:
    here = Path(__file__).resolve().parents[3] / "shared" / "data" / "plateau_qc" / "v4_bldg"
    return sorted({str(path.parent.relative_to(here)) for path in here.rglob("summary*.json")})


@pytest.mark.parametrize("case", cases() or ["none"])
def test_each_of_plateaus_cases_has_the_faults_that_it_is_made_to_have(shared_data: Path, case: str) -> None:
    root = shared_data / "plateau_qc" / "v4_bldg"
    folder = root / case
    found = Counter(fault.title for fault in check_files(sorted(folder.glob("udx/bldg/*.gml")), root / CODES))
    for summary in folder.glob("summary*.json"):
        for column in json.loads(summary.read_text(encoding="utf-8")):
            if column["name"] not in NOT_OURS | ELSEWHERE:
                assert found[column["name"]] == column["count"], column["name"]


def test_cases_without_a_summary_have_the_rows_of_their_tables(shared_data: Path) -> None:
    for folder in sorted((shared_data / "plateau_qc" / "v4_bldg").glob("Z-bldg-03*")):
        (table,) = folder.glob("02*図郭不正.csv")
        expected = sorted(re.findall(r'"(bldg_[^"]+)"', table.read_text(encoding="utf-8")))
        wrong = [fault for fault in check_files(folder.glob("udx/bldg/*.gml")) if fault.rule == "L-mesh"]
        assert sorted(fault.id for fault in wrong) == expected


def test_plateaus_own_models_have_no_fault_but_their_samples_names(shared_data: Path, tmp_path: Path) -> None:
    places = {"shinjuku_bldg_lod2.gml": 53394517, "koshigaya_bldg_flood_attrs.gml": 53396677}
    for name, mesh in places.items():
        copy = tmp_path / f"{mesh}_bldg_6697_op.gml"
        copy.write_bytes((shared_data / "plateau" / name).read_bytes())
        assert check_files([copy], shared_data / "plateau_qc" / "v4_bldg" / CODES) == []


def block(name: str, x: float, y: float, **attributes: Any) -> Building:
    outline = shapely.orient_polygons(shapely.box(x, y, x + 12.3456, y + 8.7654))
    court = [(x + 3, y + 3), (x + 3, y + 5), (x + 5, y + 5), (x + 5, y + 3)]
    outline = shapely.Polygon(outline.exterior.coords, [court])
    solid = prism(outline, 3.2571, 9.42)
    return Building(
        id=name,
        footprint=outline,
        ground_m=3.2571,
        roof_m=9.42,
        measured_height_m=6.2,
        n_points=300,
        rmse_m=0.03,
        solids={"1.2": solid, "2.2": solid},
        attributes=attributes,
    )


@pytest.fixture
def row() -> list[Building]:
    """Ten in a row over two meshes, each sharing a wall with the next."""
    return [block(f"b{i}", -8712.0 + 12.3456 * i, -35711.0) for i in range(10)] + [block("far", -7000.0, -35711.0)]


def check(folder: Path, shared_data: Path | None = None) -> list[str]:
    codes = shared_data / "plateau_qc" / "v4_bldg" / CODES if shared_data else None
    return [f"{fault.title} {fault.message}" for fault in check_files(sorted(folder.rglob("*.gml")), codes)]


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_what_we_write_has_no_fault(row: list[Building], tmp_path: Path, shared_data: Path, version: Any) -> None:
    params = CityGmlParams(version=version, city="13104", created="2025-10-01")
    write_citygml(tmp_path, row, crs=TOKYO, vertical=TP, params=params)
    assert check(tmp_path, shared_data) == []


def test_what_plateau_delivered_has_no_fault_when_written_again(shared_data: Path, tmp_path: Path) -> None:
    names = ("shinjuku_bldg_lod2.gml", "koshigaya_bldg_flood_attrs.gml")
    buildings = [found for name in names for found in read_buildings(shared_data / "plateau" / name, TOKYO)]
    write_citygml(tmp_path, buildings, crs=TOKYO, vertical=TP)
    assert check(tmp_path, shared_data) == []


def broken(row: list[Building], how: str) -> list[Building]:
    """The row with one fault."""
    first, second = row[0], row[1]
    solid = first.solids["1.2"]
    if how == "open":
        faces, kinds = solid.faces[:-1], solid.semantics[:-1]
        first = replace(first, solids={"1.2": replace(solid, faces=faces, semantics=kinds)})
    elif how == "turned":
        faces = (solid.faces[0], solid.faces[1], tuple(ring[::-1] for ring in solid.faces[2]), *solid.faces[3:])
        first = replace(first, solids={"1.2": replace(solid, faces=faces)})
    elif how == "bent":
        vertices = solid.vertices.copy()
        vertices[int(np.argmax(vertices[:, 2])), 2] += 0.2
        first = replace(first, solids={"1.2": replace(solid, vertices=vertices)})
    elif how == "shifted":
        moved = block("b1", -8712.0 + 8.0, -35711.0)
        second = moved
    elif how == "named":
        second = replace(second, attributes={"buildingID": "13104-bldg-1", "city": "13104"})
        first = replace(first, attributes={"buildingID": "13104-bldg-1", "city": "13104"})
    elif how == "numbered":
        first = replace(first, attributes={"buildingID": "house 1", "city": "99999"})
    elif how == "looking down":
        first = replace(first, footprint=shapely.orient_polygons(first.footprint, exterior_cw=True))
    return [first, second, *row[2:]]


@pytest.mark.parametrize(
    ("how", "columns"),
    [
        ("open", {"LOD1 非水密立体": 1}),
        ("turned", {"LOD1 立体のエラー": 1}),
        ("bent", {"LOD1 境界面のエラー": 1}),
        ("shifted", {"LOD0 面の交差": 1, "LOD1 立体の交差": 1, "LOD2 立体の交差": 1}),
        ("named", {"C-bldg-01 エラー": 2}),
        ("numbered", {"不正な建物ID": 1, "市区町村コードエラー": 1}),
        ("looking down", {"LOD0 面の向きエラー": 1}),
    ],
)
def test_one_fault_is_found_and_no_other(
    row: list[Building], tmp_path: Path, shared_data: Path, how: str, columns: dict[str, int]
) -> None:
    params = CityGmlParams(created="2025-10-01")
    write_citygml(tmp_path, broken(row, how), crs=TOKYO, vertical=TP, params=params)
    found = Counter(
        fault.title
        for fault in check_files(sorted(tmp_path.rglob("*.gml")), shared_data / "plateau_qc" / "v4_bldg" / CODES)
    )
    assert found == columns


def test_a_file_in_another_system_or_without_dates_is_told(row: list[Building], tmp_path: Path) -> None:
    write_citygml(tmp_path, row[:1], crs=TOKYO, vertical=TP, params=CityGmlParams(crs="EPSG:10170"))
    assert {fault.rule for fault in check_files(tmp_path.rglob("*.gml"))} == {"L05", "C05"}


def test_every_rule_has_its_column() -> None:
    assert all(title_of(rule, "1") for rule in RULES)


def test_a_file_that_cannot_be_read_fails_alone(row: list[Building], tmp_path: Path) -> None:
    write_citygml(tmp_path, row, crs=TOKYO, vertical=TP, params=CityGmlParams(created="2025-10-01"))
    (tmp_path / "udx" / "bldg" / "00000000_bldg_6697_op.gml").write_text("<not/>")
    faults = check_files(sorted(tmp_path.rglob("*.gml")))
    assert [(fault.file, fault.rule) for fault in faults] == [("00000000_bldg_6697_op.gml", "unreadable")]
