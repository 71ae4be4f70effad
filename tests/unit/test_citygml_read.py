"""CityGML is read as others wrote it: PLATEAU's files against what can be measured on their text, broken ones told."""

from __future__ import annotations

import gc
import re
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from pyproj import Geod

from tiles.citygml import is_citygml, read_buildings, read_outlines, read_system
from tiles.vectors import read_shapes
from twin.crs import parse_crs
from twin.errors import CrsError, DatumError, FormatError
from twin.vertical import AP, TP

if TYPE_CHECKING:
    from pathlib import Path

    from twin.building import Building, Solid

TOKYO = parse_crs("EPSG:6677")
RD = "urn:ogc:def:crs,crs:EPSG::28992,crs:EPSG::5709"
PLATEAU = "http://www.opengis.net/def/crs/EPSG/0/6697"
ROOT = (
    '<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:gml="http://www.opengis.net/gml"'
    ' xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:gen="http://www.opengis.net/citygml/generics/2.0"'
    ' xmlns:uro="https://www.geospatial.jp/iur/uro/3.1" xmlns:xlink="http://www.w3.org/1999/xlink">'
)
BOX = {  # a unit cube's faces, corners in x, y, z, counter-clockwise from outside
    "floor": "0 0 0 0 1 0 1 1 0 1 0 0 0 0 0",
    "top": "0 0 1 1 0 1 1 1 1 0 1 1 0 0 1",
    "south": "0 0 0 1 0 0 1 0 1 0 0 1 0 0 0",
    "east": "1 0 0 1 1 0 1 1 1 1 0 1 1 0 0",
    "north": "1 1 0 0 1 0 0 1 1 1 1 1 1 1 0",
    "west": "0 1 0 0 0 0 0 0 1 0 1 1 0 1 0",
}


def polygon(numbers: str, name: str = "", kind: str = "posList") -> str:
    named = f' gml:id="{name}"' if name else ""
    return (
        f"<gml:Polygon{named}><gml:exterior><gml:LinearRing><gml:{kind}>{numbers}</gml:{kind}></gml:LinearRing>"
        "</gml:exterior></gml:Polygon>"
    )


def members_of(pieces: list[str]) -> str:
    return "".join(f"<gml:surfaceMember>{piece}</gml:surfaceMember>" for piece in pieces)


def multi_surface(pieces: list[str]) -> str:
    return f"<gml:MultiSurface>{members_of(pieces)}</gml:MultiSurface>"


def solid(pieces: list[str], level: int = 1) -> str:
    shell = f"<gml:CompositeSurface>{members_of(pieces)}</gml:CompositeSurface>"
    return f"<bldg:lod{level}Solid><gml:Solid><gml:exterior>{shell}</gml:exterior></gml:Solid></bldg:lod{level}Solid>"


def building(content: str, name: str = "b1") -> str:
    return f'<core:cityObjectMember><bldg:Building gml:id="{name}">{content}</bldg:Building></core:cityObjectMember>'


def document(*buildings: str, srs: str = RD, root: str = ROOT) -> str:
    envelope = (
        f'<gml:boundedBy><gml:Envelope srsName="{srs}" srsDimension="3"><gml:lowerCorner>85000 446000 0'
        "</gml:lowerCorner><gml:upperCorner>85001 446001 9</gml:upperCorner></gml:Envelope></gml:boundedBy>"
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n{envelope}\n' + "\n".join(buildings) + "\n</core:CityModel>"
    )


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def put(text: str) -> Path:
        path = tmp_path / "model.gml"
        path.write_text(text, encoding="utf-8")
        return path

    return put


def volume(solid: Solid) -> float:
    """Sum of signed tetrahedra over fans: exact for flat faces without holes."""
    total = 0.0
    for face in solid.faces:
        ring = solid.vertices[list(face[0])] - solid.vertices[0]
        total += sum(float(np.dot(ring[0], np.cross(ring[i], ring[i + 1]))) for i in range(1, len(ring) - 1)) / 6
    return total


def edges_without_partner(solid: Solid) -> int:
    directed = [(r[i - 1], r[i]) for face in solid.faces for r in face for i in range(len(r))]
    return len(set(directed) - {(b, a) for a, b in directed})


def test_plateaus_solids_are_closed_and_as_large_as_their_text_says(shared_data: Path) -> None:
    path = shared_data / "plateau" / "koshigaya_bldg_flood_attrs.gml"
    read = list(read_buildings(path, TOKYO))
    roof_edges = re.findall(
        r"<bldg:lod0RoofEdge>.*?<gml:posList>(.*?)</gml:posList>", path.read_text("utf-8"), re.DOTALL
    )
    assert len(read) == len(roof_edges) == 5
    ellipsoid = Geod(ellps="GRS80")
    for found, text in zip(read, roof_edges, strict=True):
        lat, lon, _ = np.array(text.split(), dtype=float).reshape(-1, 3).T
        area, _ = ellipsoid.polygon_area_perimeter(lon, lat)
        # The map's scale is 0.9999, so areas on it are 2e-4 smaller than on the ground, nearly everywhere in the zone.
        assert found.footprint.area == pytest.approx(abs(area), rel=3e-4)
        assert found.solid.vertices[:, 2].min() == found.ground_m
        assert volume(found.solid) == pytest.approx(found.footprint.area * (found.roof_m - found.ground_m), rel=1e-4)
        assert edges_without_partner(found.solid) == 0


def test_a_plateau_building_keeps_what_the_city_knows_of_it(shared_data: Path) -> None:
    (found,) = read_buildings(shared_data / "plateau" / "shinjuku_bldg_lod2.gml", TOKYO)
    assert found.id == "bldg_77ca1a15-3b35-4386-8f86-152ed71c4c64"
    assert found.measured_height_m == 16.1
    facts = found.attributes
    assert (facts["class"], facts["usage"], facts["storeysAboveGround"]) == ("3002", "422", 3)
    assert (facts["buildingID"], facts["city"]) == ("13104-bldg-57513", "13104")
    assert facts["大字・町コード"] == "125"
    quality = next(entry for entry in facts["uro"] if entry["type"] == "DataQualityAttribute")
    assert quality["values"]["geometrySrcDescLod2"]["value"] == "112"
    assert [entry["values"]["key"]["value"] for entry in facts["uro"] if entry["type"] == "KeyValuePairAttribute"] == [
        str(code) for code in range(100, 107)
    ]


def test_lod2_gets_its_faces_meaning_through_the_references(shared_data: Path) -> None:
    path = shared_data / "plateau" / "shinjuku_bldg_lod2.gml"
    (found,) = read_buildings(path, TOKYO)
    text = path.read_text("utf-8")
    for kind in ("GroundSurface", "WallSurface", "RoofSurface"):
        assert found.solids["2"].semantics.count(kind) == text.count(f"<bldg:{kind} ")
    assert len(found.solids["2"].faces) == text.count("xlink:href=")
    assert edges_without_partner(found.solids["1"]) == 0


def test_outlines_come_without_bodies_too(shared_data: Path, write) -> None:  # type: ignore[no-untyped-def]
    path = shared_data / "plateau" / "koshigaya_bldg_flood_attrs.gml"
    outlines = list(read_outlines(path, TOKYO))
    assert [outline for _, outline, _ in outlines] == [found.footprint for found in read_buildings(path, TOKYO)]
    assert outlines[0][2]["measuredHeight"] == 4.4
    flat = f"<bldg:lod0RoofEdge>{multi_surface([polygon(BOX['floor'])])}</bldg:lod0RoofEdge>"
    path = write(document(building(flat, "only-flat"), building("", "nothing")))
    assert list(read_buildings(path)) == []
    assert [(name, outline is None) for name, outline, _ in read_outlines(path)] == [
        ("only-flat", False),
        ("nothing", True),
    ]


def one(path: Path) -> Building:
    (found,) = read_buildings(path)
    return found


def test_a_cube_is_a_cube_however_it_is_written(write) -> None:  # type: ignore[no-untyped-def]
    plain = one(write(document(building(solid([polygon(text) for text in BOX.values()])))))
    assert (len(plain.solid.vertices), volume(plain.solid), edges_without_partner(plain.solid)) == (8, 1.0, 0)
    assert plain.footprint.equals(shapely.box(0, 0, 1, 1))
    assert plain.solid.semantics == ("GroundSurface", "RoofSurface", *["WallSurface"] * 4)

    triples = {name: re.findall(r"\S+ \S+ \S+", text) for name, text in BOX.items()}
    single = [
        polygon("@").replace("<gml:posList>@</gml:posList>", "".join(f"<gml:pos>{point}</gml:pos>" for point in points))
        for points in triples.values()
    ]
    commas = [polygon(" ".join(p.replace(" ", ",") for p in points), kind="coordinates") for points in triples.values()]
    backwards = [
        '<gml:OrientableSurface orientation="-"><gml:baseSurface>'
        + polygon(" ".join(points[::-1]))
        + "</gml:baseSurface></gml:OrientableSurface>"
        for points in triples.values()
    ]
    repeated = [polygon(" ".join([points[0], *points])) for points in triples.values()]
    for pieces in (single, commas, backwards, repeated):
        other = one(write(document(building(solid(pieces)))))
        assert other.solid.faces == plain.solid.faces
        assert np.array_equal(other.solid.vertices, plain.solid.vertices)


def test_a_wall_may_stand_in_the_neighbours_building(write) -> None:  # type: ignore[no-untyped-def]
    first = solid([polygon(text, name) for name, text in BOX.items()])
    moved = {
        name: re.sub(r"(\S+) (\S+) (\S+)", lambda m: f"{int(m[1]) + 1} {m[2]} {m[3]}", t) for name, t in BOX.items()
    }
    shared = '<gml:OrientableSurface orientation="-"><gml:baseSurface xlink:href="#east"/></gml:OrientableSurface>'
    second = solid([shared if name == "west" else polygon(text) for name, text in moved.items()])
    for order in ((building(first, "a"), building(second, "b")), (building(second, "b"), building(first, "a"))):
        found = {item.id: item for item in read_buildings(write(document(*order)))}
        assert (volume(found["b"].solid), edges_without_partner(found["b"].solid)) == (1.0, 0)


def test_axes_are_told_by_how_the_system_is_named(write) -> None:  # type: ignore[no-untyped-def]
    corners = "0 5 0 0 6 0 2 6 0 2 5 0 0 5 0"
    content = f"<bldg:lod1MultiSurface>{multi_surface([polygon(corners)])}</bldg:lod1MultiSurface>"
    expected = {
        "http://www.opengis.net/def/crs/EPSG/0/6677": (5.0, 0.0, 6.0, 2.0),  # the register counts northwards first
        "EPSG:6677": (0.0, 5.0, 2.0, 6.0),
        "urn:ogc:def:crs:EPSG::28992": (0.0, 5.0, 2.0, 6.0),
    }
    for system, box in expected.items():
        found = one(write(document(building(content), srs=system)))
        assert found.footprint.bounds == box
        assert found.attributes["surfaces_only"] is True


def test_heights_have_the_files_datum_and_go_to_the_one_asked_for(shared_data: Path) -> None:
    path = shared_data / "plateau" / "koshigaya_bldg_flood_attrs.gml"
    above_tp, above_ap = (next(iter(read_buildings(path, TOKYO, datum))) for datum in (TP, AP))
    assert above_ap.ground_m - above_tp.ground_m == pytest.approx(1.1344)
    with pytest.raises(CrsError, match="degree"):
        read_system(path)


def test_a_datum_that_the_file_does_not_name_cannot_be_converted(write) -> None:  # type: ignore[no-untyped-def]
    path = write(document(building(solid([polygon(text) for text in BOX.values()])), srs="urn:ogc:def:crs:EPSG::28992"))
    with pytest.raises(DatumError, match="says nothing of heights"):
        list(read_buildings(path, None, TP))


def test_parts_are_buildings_of_their_own(write) -> None:  # type: ignore[no-untyped-def]
    body = solid([polygon(text) for text in BOX.values()], level=2)
    part = f'<bldg:BuildingPart gml:id="p">{body}</bldg:BuildingPart>'
    part = f"<bldg:consistsOfBuildingPart>{part}</bldg:consistsOfBuildingPart>"
    found = one(write(document(building(part, "whole"))))
    assert (found.id, found.attributes["parent"], list(found.solids)) == ("p", "whole", ["2"])
    rows = list(read_outlines(write(document(building(part, "whole"), building("", "next")))))
    assert [name for name, _, _ in rows] == ["whole", "next"]
    assert rows[0][1] is not None
    assert rows[0][1].equals(shapely.box(0, 0, 1, 1))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (solid([polygon("0 0 0 1 0 x 1 1 0")]), "line 4, Building b1, line 4: 'x' among the coordinates"),
        (solid([polygon("0 0 0 1 0")]), "5 numbers are no points of 3"),
        (solid([polygon("0 0 0 1 0 nan 1 1 0")]), "not finite"),
        (solid(["<gml:Polygon/>"]), "without a boundary"),
        (solid([polygon("")]), "without coordinates"),
        ('<bldg:lod2Solid xlink:href="#gone"/>', "Building b1: refers to #gone, which is nowhere"),
        ('<bldg:lod2Solid gml:id="me" xlink:href="#me"/>', "circle"),
    ],
)
def test_a_broken_building_is_told_with_its_line_and_the_others_are_read(write, content: str, says: str) -> None:  # type: ignore[no-untyped-def]
    good = building(solid([polygon(text) for text in BOX.values()]), "good")
    path = write(document(building(content), good))
    with pytest.raises(FormatError, match=re.escape(says)):
        list(read_buildings(path))
    refused: list[FormatError] = []
    assert [found.id for found in read_buildings(path, refused=refused)] == ["good"]
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (document(building(""))[:-9], "not XML"),
        ("", "not XML"),
        ("<html/>", "no CityGML: the document is a 'html'"),
        (ROOT.replace("citygml", "kml") + "</core:CityModel>", "no CityGML"),
        ('<!DOCTYPE a [<!ENTITY x "xx">]>\n' + ROOT + "&x;</core:CityModel>", "line 1: declares entities"),
        ('<?xml version="1.0" encoding="klingon"?>' + ROOT + "</core:CityModel>", "line 1"),
    ],
)
def test_what_is_no_citygml_is_refused_with_the_line(write, text: str, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FormatError, match=re.escape(says)):
        list(read_buildings(write(text)))


@pytest.mark.parametrize("srs", ["", "local", "http://www.opengis.net/def/crs/EPSG/0/999999"])
def test_a_file_without_a_known_reference_system_is_refused(write, srs: str) -> None:  # type: ignore[no-untyped-def]
    path = write(document(building(solid([polygon(text) for text in BOX.values()])), srs=srs))
    with pytest.raises(CrsError):
        list(read_buildings(path, TOKYO))


def test_memory_does_not_grow_with_the_file(write, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("tiles.citygml.scan._CHUNK_BYTES", 1 << 14)

    def peak(n: int) -> int:
        body = solid([polygon(text) for text in BOX.values()])
        path = write(document(*(building(body, f"b{i}") for i in range(n))))
        gc.collect()
        tracemalloc.start()
        count = sum(1 for _ in read_buildings(path))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == n
        return top

    peak(10)
    growth = peak(240) - peak(40)
    assert growth < 1_000_000, "200 buildings kept would cost 20 kB each, 4 MB"


def test_a_file_is_known_by_its_beginning(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert is_citygml(write(document()))
    other = tmp_path / "other.gml"
    other.write_text("<gml:FeatureCollection xmlns:gml='http://www.opengis.net/gml'/>")
    assert not is_citygml(other)


def test_as_outlines_a_broken_building_is_named(write) -> None:  # type: ignore[no-untyped-def]
    flat = f"<bldg:lod0RoofEdge>{multi_surface([polygon(BOX['floor'])])}</bldg:lod0RoofEdge>"
    broken = f"<bldg:lod0RoofEdge>{multi_surface([polygon('0 0 0 one two three')])}</bldg:lod0RoofEdge>"
    path = write(document(building(flat, "whole"), building(broken, "broken"), building("", "nothing")))
    shapes = read_shapes(path, parse_crs("EPSG:28992"))
    assert [(shape.id, shape.geometry is None) for shape in shapes] == [
        ("whole", False),
        ("broken", True),
        ("nothing", True),
    ]
    assert "'one' among the coordinates" in shapes[1].fault
    assert shapes[2].fault == ""
