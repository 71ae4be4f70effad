"""Meaning of surfaces in CityJSON, buildings of parts, and a model of a city as outlines."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tiles.cityjson import is_cityjson, read_cityjson, write_cityjson
from tiles.surfaces import face_facts, local_corners
from tiles.vectors import read_shapes
from twin.building import Building, Solid
from twin.crs import parse_crs
from twin.errors import CrsError, FormatError
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

TOKYO = parse_crs("EPSG:6677")


def gable(ridge_deg: float, x: float = -8700.0, y: float = -36000.0) -> Solid:
    """A house of 10 x 8 m, eaves 5 m and ridge 8 m above 2 m, its ridge turned from east counter-clockwise."""
    flat = np.array([(0, 0), (10, 0), (10, 8), (0, 8), (0, 4), (10, 4)], dtype=float)
    turn = math.radians(ridge_deg)
    flat = flat @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]) + [x, y]
    low = np.column_stack([flat[:4], np.full(4, 2.0)])
    eaves = np.column_stack([flat[:4], np.full(4, 7.0)])
    ridge = np.column_stack([flat[4:], np.full(2, 10.0)])
    faces = (
        ((3, 2, 1, 0),),
        ((0, 1, 5, 4),),
        ((1, 2, 6, 9, 5),),
        ((2, 3, 7, 6),),
        ((3, 0, 4, 8, 7),),
        ((4, 5, 9, 8),),
        ((6, 7, 8, 9),),
    )
    kinds = ("GroundSurface", *["WallSurface"] * 4, "RoofSurface", "RoofSurface")
    return Solid(vertices=np.round(np.concatenate([low, eaves, ridge]), 4), faces=faces, semantics=kinds)


def house(name: str, solid: Solid) -> Building:
    return Building(
        id=name,
        footprint=shapely.orient_polygons(shapely.Polygon(solid.vertices[:4, :2])),
        ground_m=2.0,
        roof_m=8.5,
        measured_height_m=8.0,
        n_points=100,
        rmse_m=0.05,
        solids={"2.2": solid},
    )


def surfaces(path: Path, building: Building) -> tuple[list[dict[str, Any]], list[int]]:
    write_cityjson(path, [building], crs=TOKYO, vertical=TP)
    found = json.loads(path.read_text())["CityObjects"][building.id]["geometry"][-1]["semantics"]
    return found["surfaces"], found["values"][0]


@given(ridge_deg=st.floats(0.0, 359.0))
def test_water_on_a_roof_runs_along_its_azimuth(ridge_deg: float) -> None:
    solid = gable(ridge_deg)
    corners = local_corners(solid)
    for face in solid.faces[-2:]:
        found = face_facts(corners, face)
        assert found.azimuth_deg is not None
        ring = solid.vertices[list(face[0])]
        a, b, _ = np.linalg.lstsq(np.column_stack([ring[:, :2] - ring[0, :2], np.ones(4)]), ring[:, 2], rcond=None)[0]
        drop = math.radians(found.azimuth_deg)
        assert a * math.sin(drop) + b * math.cos(drop) == pytest.approx(-math.hypot(a, b), rel=1e-6)
        assert math.tan(math.radians(found.slope_deg)) == pytest.approx(math.hypot(a, b), rel=1e-6)
        assert math.hypot(a, b) == pytest.approx(0.75, abs=1e-3)
        assert found.area_m2 == pytest.approx(10 * 5, abs=0.01)


def test_every_roof_face_is_a_surface_of_its_own_and_walls_are_one(tmp_path: Path) -> None:
    found, values = surfaces(tmp_path / "a", house("a", gable(0.0)))
    assert [surface["type"] for surface in found] == ["GroundSurface", "WallSurface", "RoofSurface", "RoofSurface"]
    assert values == [0, 1, 1, 1, 1, 2, 3]
    slope = round(math.degrees(math.atan(0.75)), 2)
    roofs = [{"type": "RoofSurface", "slope_deg": slope, "azimuth_deg": a, "area_m2": 50.0} for a in (180.0, 0.0)]
    assert found[2:] == roofs


def test_a_flat_roof_has_no_azimuth_and_a_step_in_it_no_place_on_the_outline(tmp_path: Path) -> None:
    # Two blocks side by side, 5 m and 9 m high; the step between them is face 7.
    plan = [(0, 0), (4, 0), (8, 0), (8, 6), (4, 6), (0, 6)]
    low = [(x, y, 0) for x, y in plan]
    tops = [(0, 0, 5), (4, 0, 5), (4, 6, 5), (0, 6, 5), (4, 0, 9), (8, 0, 9), (8, 6, 9), (4, 6, 9)]
    faces = (
        ((5, 4, 3, 2, 1, 0),),
        ((0, 1, 7, 6),),
        ((1, 2, 11, 10, 7),),
        ((2, 3, 12, 11),),
        ((3, 4, 8, 13, 12),),
        ((4, 5, 9, 8),),
        ((5, 0, 6, 9),),
        ((7, 10, 13, 8),),
        ((6, 7, 8, 9),),
        ((10, 11, 12, 13),),
    )
    kinds = ("GroundSurface", *["WallSurface"] * 7, "RoofSurface", "RoofSurface")
    solid = Solid(vertices=np.array([*low, *tops], dtype=float), faces=faces, semantics=kinds)
    found, values = surfaces(tmp_path / "a", house("a", solid))
    walls = [surface for surface in found if surface["type"] == "WallSurface"]
    assert walls == [
        {"type": "WallSurface", "on_footprint_edge": True},
        {"type": "WallSurface", "on_footprint_edge": False},
    ]
    assert [found[value].get("on_footprint_edge") for value in values[1:8]] == [True] * 6 + [False]
    assert found[values[8]] == {"type": "RoofSurface", "slope_deg": 0.0, "area_m2": 24.0}


def parts(n_parts: int, tmp_path: Path, **more: Any) -> Path:
    """Return a file with a building of LoD0 and attributes, whose bodies are parts."""
    objects: dict[str, Any] = {}
    vertices: list[list[float]] = [[0, 0, 0], [10 * n_parts, 0, 0], [10 * n_parts, 8, 0], [0, 8, 0]]
    for i in range(n_parts):
        solid = gable(0.0, 10.0 * i, 0.0)
        shell = [[[len(vertices) + corner for corner in ring] for ring in face] for face in solid.faces]
        vertices += solid.vertices.tolist()
        geometry = [{"type": "Solid", "lod": "2.2", "boundaries": [shell]}]
        objects[f"p{i}"] = {"type": "BuildingPart", "parents": ["whole"], "geometry": geometry, "attributes": {"n": i}}
    outline = {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]}
    objects["whole"] = {
        "type": "Building",
        "children": list(objects),
        "attributes": {"measuredHeight": 8.0, "year": 1969},
        "geometry": [outline],
    }
    document = {"type": "CityJSON", "version": "2.0", "CityObjects": objects, "vertices": vertices, **more}
    (tmp_path / "parts.city.json").write_text(json.dumps(document))
    return tmp_path / "parts.city.json"


def test_a_building_whose_body_is_one_part_is_one_building(tmp_path: Path) -> None:
    (only,) = read_cityjson(parts(1, tmp_path))
    assert (only.id, only.lod, only.measured_height_m) == ("whole", "2.2", 8.0)
    assert only.attributes == {"year": 1969, "n": 0}
    assert only.footprint.area == 80.0


def test_of_several_parts_each_is_a_building_that_names_its_whole(tmp_path: Path) -> None:
    found = read_cityjson(parts(2, tmp_path))
    assert [b.id for b in found] == ["p0", "p1"]
    assert [b.attributes for b in found] == [{"year": 1969, "n": i, "parent": "whole"} for i in range(2)]
    assert [b.footprint.area for b in found] == [80.0, 80.0]


@pytest.mark.parametrize("n_parts", [1, 2])
def test_a_model_of_a_city_is_a_file_of_outlines(tmp_path: Path, n_parts: int) -> None:
    system = {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/10170"}
    path = parts(n_parts, tmp_path, metadata=system)
    assert is_cityjson(path)
    (shape,) = read_shapes(path, TOKYO)
    assert shape.id == "whole"
    assert shape.attributes == {"measuredHeight": 8.0, "year": 1969}
    assert shapely.equals(shape.geometry, shapely.box(0, 0, 10 * n_parts, 8))
    with pytest.raises(CrsError, match="does not say its CRS"):
        read_shapes(parts(n_parts, tmp_path), TOKYO)


@pytest.mark.parametrize("latitude_first", [True, False])
def test_degrees_are_understood_in_either_order(tmp_path: Path, latitude_first: bool) -> None:
    corners = [(139.70, 35.68), (139.7001, 35.68), (139.7001, 35.6801), (139.70, 35.6801)]
    vertices = [[*(place[::-1] if latitude_first else place), 3.0] for place in corners]
    outline = {"type": "MultiSurface", "lod": "0.1", "boundaries": [[[0, 1, 2, 3]]]}
    document = {
        "type": "CityJSON",
        "version": "2.0",
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/6697"},
        "CityObjects": {"b": {"type": "Building", "geometry": [outline]}},
        "vertices": vertices,
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    (shape,) = read_shapes(tmp_path / "a.json", TOKYO)
    assert shape.geometry is not None
    assert shapely.area(shape.geometry) == pytest.approx(9.05 * 11.09, rel=0.01)
    x, y = shapely.get_coordinates(shape.geometry).mean(axis=0)
    assert (round(x), round(y)) == pytest.approx((-12060, -35500), abs=40)


def test_what_was_written_as_solids_comes_back_as_the_same_outlines(tmp_path: Path) -> None:
    ours = [house("a", gable(30.0)), house("b", gable(77.0, -8600.0))]
    write_cityjson(tmp_path / "a.city.json", ours, crs=TOKYO, vertical=TP)
    shapes = read_shapes(tmp_path / "a.city.json", TOKYO)
    assert [shape.id for shape in shapes] == ["a", "b"]
    for shape, building in zip(shapes, ours, strict=True):
        assert shapely.equals(shape.geometry, building.footprint)


def test_a_building_made_from_a_template_is_refused_by_name_and_alone(tmp_path: Path) -> None:
    copy = {"type": "GeometryInstance", "template": 0, "boundaries": [0], "transformationMatrix": [1] * 16}
    path = parts(1, tmp_path, **{"geometry-templates": {"templates": [], "vertices-templates": []}})
    document = json.loads(path.read_text())
    document["CityObjects"] |= {
        "b7": {"type": "Building", "geometry": [copy]},
        "b8": {"type": "Building", "geometry": [{"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 999]]]}]},
    }
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match=r"'b7'.*geometry template"):
        read_cityjson(path)
    shapes = {shape.id: shape for shape in read_shapes(path, TOKYO, crs="EPSG:6677")}
    assert set(shapes) == {"whole", "b7", "b8"}
    assert shapes["whole"].fault == ""
    assert shapes["whole"].geometry is not None
    assert shapes["b7"].geometry is shapes["b8"].geometry is None
    assert "geometry template" in shapes["b7"].fault
    assert "999" in shapes["b8"].fault
