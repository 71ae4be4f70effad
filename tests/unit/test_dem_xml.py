"""Elevation meshes of 基盤地図情報: cells where the file puts them, gaps as gaps, heights above T.P."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.quality.terrain import HeightDifferences
from tiles.dem_xml import DemMesh, read_dem_xml
from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path


def xml(tuples: list[str], high: str = "3 2", start: str = "0 0", system: str = "jgd2011") -> str:
    """A file as the specification lays it out, with 4 x 3 cells."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Dataset xsi:schemaLocation="http://fgd.gsi.go.jp/spec/2008/FGD_GMLSchema FGD_GMLSchema.xsd"
 xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns="http://fgd.gsi.go.jp/spec/2008/FGD_GMLSchema" gml:id="Dataset1">
<DEM gml:id="DEM001"><fid>fgoid:10-00100-15-60101-53393599</fid><type>5mメッシュ（標高）</type><mesh>53393599</mesh>
<coverage gml:id="DEM001-3"><gml:boundedBy><gml:Envelope srsName="fguuid:{system}.bl">
<gml:lowerCorner>35.6 139.7</gml:lowerCorner><gml:upperCorner>35.63 139.74</gml:upperCorner>
</gml:Envelope></gml:boundedBy><gml:gridDomain><gml:Grid dimension="2" gml:id="DEM001-4"><gml:limits><gml:GridEnvelope>
<gml:low>0 0</gml:low><gml:high>{high}</gml:high></gml:GridEnvelope></gml:limits><gml:axisLabels>x y</gml:axisLabels>
</gml:Grid></gml:gridDomain><gml:rangeSet><gml:DataBlock><gml:rangeParameters>
<gml:QuantityList uom="DEM構成点"></gml:QuantityList></gml:rangeParameters><gml:tupleList>
{chr(10).join(tuples)}
</gml:tupleList></gml:DataBlock></gml:rangeSet><gml:coverageFunction><gml:GridFunction>
<gml:sequenceRule order="+x-y">Linear</gml:sequenceRule><gml:startPoint>{start}</gml:startPoint>
</gml:GridFunction></gml:coverageFunction></coverage></DEM></Dataset>"""


PLANE = [f"地表面,{10 * row + column}.25" for row in range(3) for column in range(4)]


def mesh_of(folder: Path, text: str) -> DemMesh:
    (folder / "FG-GML-5339-35-99-DEM5A-20161001.xml").write_text(text, encoding="utf-8")
    (mesh,) = read_dem_xml(folder / "FG-GML-5339-35-99-DEM5A-20161001.xml")
    return mesh


def test_the_first_height_is_in_the_north_west(tmp_path: Path) -> None:
    mesh = mesh_of(tmp_path, xml(PLANE))
    np.testing.assert_array_equal(mesh.heights_m, 10 * np.arange(3)[:, None] + np.arange(4) + 0.25)
    assert (mesh.mesh, mesh.kind) == ("53393599", "5mメッシュ（標高）")
    assert (mesh.crs, str(mesh.vertical)) == ("EPSG:6668", "TP@JGD2011")
    assert (mesh.west_deg, mesh.south_deg, mesh.east_deg, mesh.north_deg) == (139.7, 35.6, 139.74, 35.63)


def test_heights_between_middles_of_cells_are_linear(tmp_path: Path) -> None:
    mesh = mesh_of(tmp_path, xml(PLANE))
    longitude, latitude = np.meshgrid(np.linspace(139.705, 139.735, 9), np.linspace(35.605, 35.625, 7))
    expected = 0.25 + (longitude - 139.705) * 100 + (35.625 - latitude) * 1000
    np.testing.assert_allclose(mesh.height_at(longitude, latitude), expected, atol=1e-6)
    beyond = mesh.height_at(np.array([139.701, 139.72, 140.0]), np.array([35.61, 35.6299, 35.61]))
    assert np.isnan(beyond).all()


def test_what_is_missing_is_no_height(tmp_path: Path) -> None:
    tuples = ["地表面,5.0", "海水面,-9999.", "データなし,-9999.00", "内水面,1.5"]
    mesh = mesh_of(tmp_path, xml(tuples, start="3 0", system="jgd2024"))
    assert np.isnan(mesh.heights_m).tolist() == [[True, True, True, False], [True, True, False, True], [True] * 4]
    assert [mesh.surfaces[code] for code in mesh.surface[1]] == ["海水面", "データなし", "内水面", ""]
    assert mesh.vertical.epoch == "JGD2024"
    assert np.isnan(mesh.height_at(np.array([139.73]), np.array([35.62]))).all()


def test_a_zip_holds_one_mesh_after_the_other(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("b.xml", "a.xml"):
            archive.writestr(name, xml(PLANE))
        archive.writestr("readme.txt", "no mesh")
    assert [mesh.name for mesh in read_dem_xml(tmp_path / "a.zip")] == ["a.zip: a.xml", "a.zip: b.xml"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<a/>", "no tupleList"),
        ("nothing", "not XML"),
        (xml(PLANE, system="tokyo"), "its system 'tokyo.bl' is not one of"),
        (xml(PLANE, high="2 2"), "12 heights from cell 0 on do not fit 3 x 3 cells"),
        (xml(PLANE, start="1 0"), "do not fit"),
        (xml(PLANE, start="-1 0"), "do not fit"),
        (xml(PLANE, high="99999999 99999999"), "cells is none"),
        (xml([*PLANE[:-1], "地表面,high"]), "cell 11 should be a kind of surface and a height"),
        (xml([*PLANE[:-1], "7.25"]), "cell 11 should be"),
        (xml(PLANE).replace("+x-y", "+x+y"), "run in order"),
        (xml(PLANE).replace("35.63 139.74", "35.5 139.74"), "its corners"),
        (xml(PLANE).replace("<DEM ", '<!DOCTYPE a [<!ENTITY b "c">]><DEM '), "defines entities"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason.replace("+", r"\+")):
        mesh_of(tmp_path, text)


@settings(max_examples=60)
@given(at=st.integers(0, 1900), value=st.integers(0, 255))
def test_any_wrong_byte_gives_a_mesh_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    path = tmp_path_factory.mktemp("dem") / "a.xml"
    content = bytearray(xml(PLANE).encode())
    content[at % len(content)] = value
    path.write_bytes(content)
    try:
        (mesh,) = read_dem_xml(path)
    except FormatError:
        return
    assert mesh.heights_m.shape == mesh.surface.shape


def test_differences_in_pieces_are_those_of_the_whole() -> None:
    random = np.random.default_rng(5)
    reference = random.uniform(0, 30, (40, 50))
    terrain = (reference + random.normal(0.2, 0.3, (40, 50))).astype(np.float32)
    terrain[3, :20] = np.nan
    every = HeightDifferences()
    for row in range(0, 40, 7):
        every.add(terrain[row : row + 7], reference[row : row + 7])
    truth = (terrain.astype(float) - reference)[np.isfinite(terrain)]
    figures = every.as_dict()
    assert figures["cells"] == 40 * 50 - 20
    assert figures["rmse_m"] == pytest.approx(np.sqrt(np.mean(truth**2)), abs=6e-4)
    assert figures["median_m"] == pytest.approx(np.median(truth), abs=6e-3)
    assert figures["p95_m"] == pytest.approx(np.quantile(np.abs(truth), 0.95), abs=0.02)
    assert figures["max_m"] == pytest.approx(np.abs(truth).max(), abs=6e-4)
