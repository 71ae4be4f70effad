"""Vector files: the CRS is known or the file is refused, and tables are read by others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Transformer

from tiles.buildings import table_of
from tiles.vectors import read_shapes, write_gpkg
from twin.building import Building, Solid
from twin.crs import parse_crs
from twin.errors import ConfigError, CrsError, FormatError

if TYPE_CHECKING:
    from pathlib import Path

RD = parse_crs("EPSG:28992")
BOX = shapely.box(85000, 447500, 85010, 447520)
NAN_SOLID = Solid(vertices=np.zeros((0, 3)), faces=(), semantics=())


def geojson(path: Path, crs: str | None, *shapes: shapely.Polygon) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"ID": f"b{i}", "n": i, "none": None},
            "geometry": shapely.geometry.mapping(s),
        }
        for i, s in enumerate(shapes)
    ]
    content: dict[str, object] = {"type": "FeatureCollection", "features": features}
    if crs:
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "shp", "sqlite", "fgb"])
def test_every_format_gives_the_same_shapes(tmp_path: Path, suffix: str) -> None:
    frame = gpd.GeoDataFrame({"id": ["x", "y"], "n": [1, 2]}, geometry=[BOX, BOX.buffer(5)], crs="EPSG:28992")
    pyogrio.write_dataframe(frame, tmp_path / f"a.{suffix}")
    shapes = sorted(read_shapes(tmp_path / f"a.{suffix}", RD), key=lambda shape: shape.id)
    assert [shape.id for shape in shapes] == ["x", "y"]
    assert shapes[1].attributes["n"] == 2
    assert shapes[0].geometry is not None
    assert shapes[0].geometry.symmetric_difference(BOX).area < 1e-6


def test_another_crs_is_reprojected_as_pyproj_does(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", "urn:ogc:def:crs:EPSG::28992", BOX)
    (shape,) = read_shapes(path, parse_crs("EPSG:32631"))
    x, y = Transformer.from_crs(28992, 32631, always_xy=True).transform(85000, 447500)
    assert shapely.get_coordinates(shape.geometry).min(axis=0) == pytest.approx([x, y], abs=1.0)
    assert shape.attributes == {"n": 0}


def test_a_geographic_compound_crs_is_told_apart_from_axis_order(tmp_path: Path) -> None:
    lon, lat = Transformer.from_crs(28992, 4326, always_xy=True).transform(*BOX.exterior.xy)
    path = geojson(tmp_path / "a.geojson", None, shapely.Polygon(np.column_stack([lon, lat])))
    (shape,) = read_shapes(path, RD)
    assert shape.geometry is not None
    assert shape.geometry.hausdorff_distance(BOX) < 0.01


def test_metres_that_claim_to_be_degrees_are_refused(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", None, BOX)
    with pytest.raises(CrsError, match="a coordinate is 447520"):
        read_shapes(path, RD)
    assert read_shapes(path, RD, crs="EPSG:28992")[0].id == "b0"


def test_a_missing_crs_is_never_guessed(tmp_path: Path) -> None:
    pyogrio.write_dataframe(gpd.GeoDataFrame({"a": [1]}, geometry=[BOX], crs="EPSG:28992"), tmp_path / "a.shp")
    (tmp_path / "a.prj").unlink()
    with pytest.raises(CrsError, match=r"a\.shp: the file does not say its CRS"):
        read_shapes(tmp_path / "a.shp", RD)
    assert len(read_shapes(tmp_path / "a.shp", RD, crs="EPSG:28992")) == 1


def test_what_is_no_vector_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.gpkg").write_text("no")
    for name in ("a.gpkg", "absent.gpkg"):
        with pytest.raises(FormatError, match=name):
            read_shapes(tmp_path / name, RD)


def test_an_id_column_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", "urn:ogc:def:crs:EPSG::28992", BOX)
    with pytest.raises(ConfigError, match="ID, n"):
        read_shapes(path, RD, id_field="bag_id")
    assert read_shapes(path, RD, id_field="n")[0].id == "0"


def building(name: str, **attributes: object) -> Building:
    return Building(
        id=name, footprint=BOX, ground_m=0.5, roof_m=9.0, measured_height_m=8.7, n_points=10, rmse_m=0.2,
        solids={"1.2": NAN_SOLID}, attributes=attributes,
    )  # fmt: skip


def test_a_table_has_one_type_a_column_and_is_sorted() -> None:
    table = table_of([building("b", use="住宅", mixed=1), building("a", mixed="x", list=[1])], "EPSG:28992")
    assert list(table["id"]) == ["a", "b"]
    assert list(table["mixed"]) == ["x", "1"]
    assert table["use"].isna().tolist() == [True, False]
    assert table["list"][0] == "[1]"


def test_geopackages_are_the_same_bytes_and_others_read_them(tmp_path: Path) -> None:
    table = table_of([building("a"), building("b", use="住宅")], "EPSG:28992")
    sizes = [write_gpkg(tmp_path / name, {"buildings": table, "flood_surge": table}) for name in ("a.gpkg", "b.gpkg")]
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    assert sizes[0] == (tmp_path / "a.gpkg").stat().st_size
    again = gpd.read_file(tmp_path / "a.gpkg", layer="buildings")
    assert len(gpd.read_file(tmp_path / "a.gpkg", layer="flood_surge")) == 2
    assert again.crs.to_epsg() == 28992
    assert again["measured_height_m"].tolist() == [8.7, 8.7]
    assert again["use"].tolist()[1] == "住宅"


@pytest.mark.real
def test_the_delivered_outlines_of_delft_are_read_alike_from_both_files(shared_data: Path) -> None:
    folder = shared_data / "vector"
    one, two = (read_shapes(folder / f"delft_bgt_buildings.{suffix}", RD) for suffix in ("geojson", "sqlite"))
    assert len(one) == len(two) == 160
    places = {shape.id: shapely.area(shape.geometry) for shape in one}
    assert places == pytest.approx({shape.id: shapely.area(shape.geometry) for shape in two})


def test_a_citys_citygml_serves_as_outlines(shared_data: Path) -> None:
    path = shared_data / "plateau" / "koshigaya_bldg_flood_attrs.gml"
    shapes = read_shapes(path, parse_crs("EPSG:6677"))
    assert len(shapes) == 5
    assert shapes[0].id == "bldg_a1aee1b4-098a-4927-a553-8caeae33ed7e"
    # In the file: 62.565 m2 for the floor; the outline is that of the roof, 69.5 m2 on the map.
    assert shapes[0].geometry is not None
    assert shapes[0].geometry.area == pytest.approx(69.5, abs=0.1)
    assert shapes[0].attributes["usage"] == "411"
    by_number = read_shapes(path, parse_crs("EPSG:6677"), id_field="buildingID")
    assert by_number[0].id == shapes[0].attributes["buildingID"]
    with pytest.raises(ConfigError, match="no attribute 'number'"):
        read_shapes(path, parse_crs("EPSG:6677"), id_field="number")
