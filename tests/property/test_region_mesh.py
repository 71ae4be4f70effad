"""Laws of regional meshes: codes and ground fit each other, and a building lies where PLATEAU's check finds it."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from twin.region_mesh import RegionMesh, mesh_at, mesh_of, parse_mesh

if TYPE_CHECKING:
    from pathlib import Path

counts = st.integers(0, 7999)
meshes = st.builds(lambda row, column: RegionMesh(row=row, column=column), counts, counts)
share = st.floats(0.001, 0.999)


@given(meshes)
def test_a_code_is_read_back_as_its_mesh(mesh: RegionMesh) -> None:
    assert parse_mesh(mesh.code) == mesh


@given(meshes, share, share)
def test_each_place_lies_in_the_mesh_found_for_it(mesh: RegionMesh, along: float, up: float) -> None:
    west, south, east, north = mesh.bounds
    assert mesh_at(west + along * (east - west), south + up * (north - south)) == mesh
    assert mesh_at(west, south) == mesh


@pytest.mark.parametrize(
    ("longitude", "latitude", "code"),
    [  # codes as PLATEAU's files and the statistics bureau's publications have them
        (139.7671, 35.6812, "53394611"),  # Tokyo station
        (139.7185, 35.6789, "53394517"),  # the stadium in PLATEAU's sample of Shinjuku
        (137.0702, 36.6542, "54377085"),  # PLATEAU's check of a building in the wrong file
        (141.3545, 43.0628, "64414278"),  # Sapporo
        (127.6809, 26.2124, "39272554"),  # Naha
    ],
)
def test_known_places_have_their_known_codes(longitude: float, latitude: float, code: str) -> None:
    assert mesh_at(longitude, latitude).code == code


@pytest.mark.parametrize("code", ["5339461", "533946111", "53398011", "53394911", "5339461x"])
def test_what_is_no_code_is_none(code: str) -> None:
    assert parse_mesh(code) is None


@pytest.mark.parametrize("place", [(99.9, 35.0), (139.0, 66.7), (139.0, -0.1), (float("nan"), 35.0)])
def test_there_are_no_meshes_elsewhere(place: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no "):
        mesh_at(*place)


@given(meshes.filter(lambda mesh: mesh.column < 7999 and mesh.row < 7999), st.floats(-0.4, 0.4))
def test_the_larger_share_counts_and_of_equal_ones_the_lower_code(mesh: RegionMesh, shift: float) -> None:
    west, south, east, north = mesh.bounds
    width, height = (east - west) / 4, (north - south) / 4
    middle = east + (0.0 if abs(shift) < 0.01 else shift) * width
    found = mesh_of(shapely.box(middle - width, south + height, middle + width, south + 2 * height))
    assert found == (RegionMesh(row=mesh.row, column=mesh.column + 1) if middle > east else mesh)


def test_plateaus_check_finds_the_same_meshes_and_areas(shared_data: Path) -> None:
    for folder in sorted((shared_data / "plateau_qc" / "v4_bldg").glob("Z-bldg-03*")):
        (gml,) = folder.glob("udx/bldg/*.gml")
        (table,) = folder.glob("02*図郭不正.csv")
        for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
            text = gml.read_text(encoding="utf-8").partition(row["gml_id"])[2]
            numbers = [float(word) for word in re.search(r"<gml:posList>(.*?)</gml:posList>", text, re.S)[1].split()]  # type: ignore[index]
            outline = shapely.Polygon(list(zip(numbers[1::3], numbers[0::3], strict=True)))
            assert mesh_of(outline).code == row["meshcode"]
            areas = json.loads(row["mesh2area"])
            assert len(areas) == int(row["meshcount"])
