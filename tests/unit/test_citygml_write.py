"""CityGML as PLATEAU wants it: valid by the official schemas, closed after conversion, and the same model when read."""

from __future__ import annotations

import random
import re
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from pipelines.model.prism import prism
from tiles.citygml import CityGmlParams, read_buildings, write_citygml
from twin.building import Building, Solid
from twin.cityobject import CityObject, Tin
from twin.crs import parse_crs
from twin.errors import ConfigError, CrsError, DatumError, FormatError
from twin.region_mesh import mesh_at
from twin.vertical import AP, ELLIPSOIDAL, TP, VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

TOKYO = parse_crs("EPSG:6677")
RD = parse_crs("EPSG:28992")


def house(name: str, x: float, y: float, **attributes: Any) -> Building:
    """Ten metres by six with a gable roof along x, on a grid of 0.1 mm; as LoD1 a block, as LoD2 the roof."""
    x, y, z = round(x, 4), round(y, 4), 3.2571
    corners = [(0, 0, 0), (10, 0, 0), (10, 6, 0), (0, 6, 0), (0, 0, 5), (10, 0, 5), (10, 6, 5), (0, 6, 5)]
    corners += [(0, 3, 7.3333), (10, 3, 7.3333)]
    faces = [(3, 2, 1, 0), (0, 1, 5, 4), (2, 3, 7, 6), (1, 2, 6, 9, 5), (3, 0, 4, 8, 7), (4, 5, 9, 8), (6, 7, 8, 9)]
    gable = Solid(
        vertices=np.round(np.array(corners) + np.array([x, y, z]), 4),
        faces=tuple((face,) for face in faces),
        semantics=("GroundSurface", *["WallSurface"] * 4, "RoofSurface", "RoofSurface"),
    )
    outline = shapely.Polygon([tuple(corner[:2]) for corner in gable.vertices[:4]])
    return Building(
        id=name,
        footprint=outline,
        ground_m=z,
        roof_m=9.42,
        measured_height_m=7.25,
        n_points=900,
        rmse_m=0.04,
        solids={"1.2": prism(outline, z, 9.42), "2.2": gable},
        attributes={"recon_mode": "lod2.2", "rmse_all_m": 0.051, "n_roof_planes": 2, **attributes},
    )


@pytest.fixture
def pair() -> list[Building]:
    """Two that share a wall, the second with a yard."""
    first, second = house('家 <1> & "q"', -8712.3457, -35711.1234), house("b2", -8702.3457, -35711.1234)
    yard = shapely.Polygon(
        second.footprint.exterior.coords, [[(x - 8700, y - 35709) for x, y in [(0, 0), (0, 1), (1, 1), (1, 0)]]]
    )
    return [first, replace(second, footprint=yard, solids={"1.2": prism(yard, 3.2571, 9.42)})]


def files(folder: Path) -> list[Path]:
    return sorted((folder / "udx" / "bldg").iterdir())


def back(folder: Path, crs: Any = TOKYO, datum: Any = None) -> list[Building]:
    return [building for path in files(folder) for building in read_buildings(path, crs, datum)]


def assert_same_shape(read: Building, written: Building) -> None:
    """Bit by bit; vertices may stand in another order."""
    chosen = {level[0]: written.solids[level] for level in sorted(written.solids, reverse=True)[:1]} | {
        "1": written.solids["1.2"]
    }
    for level, solid in chosen.items():
        again = read.solids[level]
        assert again.semantics == solid.semantics
        for face, original in zip(again.faces, solid.faces, strict=True):
            for ring, other in zip(face, original, strict=True):
                assert np.array_equal(again.vertices[list(ring)], solid.vertices[list(other)])
        assert len(again.vertices) == len(np.unique(solid.vertices, axis=0))
    assert read.footprint.normalize().equals_exact(written.footprint.normalize(), 0.0)


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_what_is_read_is_what_was_written(pair: list[Building], tmp_path: Path, version: Any) -> None:
    facts = write_citygml(tmp_path, pair, crs=TOKYO, vertical=TP, params=CityGmlParams(version=version))
    read = back(tmp_path)
    assert (facts.buildings, facts.files, facts.bytes) == (2, 1, files(tmp_path)[0].stat().st_size)
    by_place = sorted(read, key=lambda building: building.footprint.bounds)
    for again, original in zip(by_place, pair, strict=True):
        assert_same_shape(again, original)
        assert again.measured_height_m == original.measured_height_m
        assert (again.n_points, again.rmse_m, again.ground_m, again.roof_m) == (900, 0.04, 3.2571, 9.42)
        assert {key: again.attributes[key] for key in ("recon_mode", "rmse_all_m", "n_roof_planes")} == {
            "recon_mode": "lod2.2",
            "rmse_all_m": 0.051,
            "n_roof_planes": 2,
        }


@pytest.fixture(scope="session")
def is_valid(shared_data: Path) -> Callable[[Path, str], list[str]]:
    """The official schemas, offline: what is wrong with a file."""
    etree = pytest.importorskip("lxml.etree", reason="lxml is the oracle here")
    folder = shared_data.parent / "schemas" / "citygml"
    if not folder.is_dir():
        pytest.skip("no schemas beside the data")
    routes = [
        (r"https?://schemas\.opengis\.net/citygml/(?:[a-z]+/)?([123]\.0)/([A-Za-z]+\.xsd)$", r"citygml/\1/\2"),
        (r"https?://schemas\.opengis\.net/gml/3\.1\.1/(base|smil)/(.+)$", r"gml/3.1/\1/\2"),
        (r"https?://schemas\.opengis\.net/gml/3\.2\.1/(.+)$", r"gml/3.2/\1"),
        (r"https?://www\.w3\.org/2001/xml\.xsd$", r"xml/xml.xsd"),
        (r"https?://www\.w3\.org/1999/xlink\.xsd$", r"xlink/xlinks.xsd"),
    ]

    class Local(etree.Resolver):  # type: ignore[misc,name-defined]
        def resolve(self, url: str, _: Any, context: Any) -> Any:
            for pattern, place in routes:
                if re.match(pattern, url) and (folder / re.sub(pattern, place, url)).exists():
                    return self.resolve_filename(str(folder / re.sub(pattern, place, url)), context)
            return None

    def compiled(version: str) -> Any:
        extension = folder / "iur" / "uro" / {"2.0": "3.2", "3.0": "4.0"}[version] / "urbanObject.xsd"
        parts = [*sorted((folder / "citygml" / version).glob("*.xsd")), extension]
        imports = {}
        for part in parts:
            space = re.search(r'targetNamespace="([^"]+)"', part.read_text(encoding="utf-8"))
            assert space is not None
            imports.setdefault(space[1], part)
        lines = "".join(
            f'<xs:import namespace="{key}" schemaLocation="{value.as_uri()}"/>' for key, value in imports.items()
        )
        parser = etree.XMLParser(no_network=True)
        parser.resolvers.add(Local())
        text = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x">{lines}</xs:schema>'
        return etree.XMLSchema(etree.fromstring(text, parser))

    schemas: dict[str, Any] = {}

    def check(path: Path, version: str) -> list[str]:
        schema = schemas.setdefault(version, None) or schemas.update({version: compiled(version)}) or schemas[version]
        schema.validate(etree.parse(str(path)))
        return [f"{error.line}: {error.message}" for error in schema.error_log]

    return check


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_files_are_valid_by_the_official_schemas(
    pair: list[Building], tmp_path: Path, is_valid: Callable[[Path, str], list[str]], shared_data: Path, version: Any
) -> None:
    plateau = shared_data / "plateau"
    theirs = [
        building
        for name in ("shinjuku_bldg_lod2.gml", "koshigaya_bldg_flood_attrs.gml")
        for building in read_buildings(plateau / name, TOKYO)
    ]
    remodelled = replace(pair[1], id=theirs[0].id + "x", attributes={**theirs[0].attributes, **pair[1].attributes})
    params = CityGmlParams(version=version, city="13104", created="2025-10-01")
    write_citygml(tmp_path, [*pair, *theirs, remodelled], crs=TOKYO, vertical=TP, params=params)
    assert len(files(tmp_path)) == 3
    assert [fault for path in files(tmp_path) for fault in is_valid(path, version)] == []


def test_the_schema_check_finds_what_is_wrong(
    pair: list[Building], tmp_path: Path, is_valid: Callable[[Path, str], list[str]]
) -> None:
    write_citygml(tmp_path, pair, crs=TOKYO, vertical=TP)
    (path,) = files(tmp_path)
    path.write_text(path.read_text("utf-8").replace("bldg:measuredHeight", "bldg:tallness"), "utf-8")
    assert is_valid(path, "2.0") != []


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_plateaus_own_buildings_survive_being_read_and_written(shared_data: Path, tmp_path: Path, version: Any) -> None:
    for name in ("shinjuku_bldg_lod2.gml", "koshigaya_bldg_flood_attrs.gml"):
        source = shared_data / "plateau" / name
        read = {building.id: building for building in read_buildings(source, TOKYO)}
        out = tmp_path / name
        write_citygml(out, read.values(), crs=TOKYO, vertical=TP, params=CityGmlParams(version=version))
        again = {building.id: building for building in back(out)}
        assert again.keys() == read.keys()
        for key, building in read.items():
            for level, solid in building.solids.items():
                assert np.array_equal(again[key].solids[level].vertices, solid.vertices)
                assert again[key].solids[level].faces == solid.faces
                assert again[key].solids[level].semantics == solid.semantics
            was, now = dict(building.attributes), dict(again[key].attributes)
            kinds = [sorted(entry["type"] for entry in facts.pop("uro")) for facts in (was, now)]
            assert kinds[0] == kinds[1]
            assert now.pop("creationDate")[:10] == was.pop("creationDate")
            assert now == was
            if version == "2.0":
                assert again[key].attributes == building.attributes or name.startswith("koshigaya")


def test_files_are_those_of_the_meshes_and_name_their_system(tmp_path: Path) -> None:
    to_degrees = Transformer.from_crs("EPSG:6677", "EPSG:6668", always_xy=True)
    places = [(-8712.0, -35711.0), (-7000.0, -35711.0), (-8712.0, -34500.0)]
    write_citygml(tmp_path, [house(f"b{i}", x, y) for i, (x, y) in enumerate(places)], crs=TOKYO, vertical=TP)
    codes = [mesh_at(*to_degrees.transform(x, y)).code for x, y in places]
    assert [path.name for path in files(tmp_path)] == sorted(f"{code}_bldg_6697_op.gml" for code in codes)
    for path in files(tmp_path):
        head = path.read_text("utf-8")[:4000]
        assert 'srsName="http://www.opengis.net/def/crs/EPSG/0/6697" srsDimension="3"' in head
        south, west, low = map(float, re.search(r"<gml:lowerCorner>(.*?)<", head)[1].split())  # type: ignore[index]
        assert mesh_at(west, south).code == path.name[:8]
        assert low == 0.0


def test_latitude_comes_first_and_rings_run_counter_clockwise_seen_from_outside(tmp_path: Path) -> None:
    write_citygml(tmp_path, [house("b", -8712.0, -35711.0)], crs=TOKYO, vertical=TP)
    (path,) = files(tmp_path)
    text = path.read_text("utf-8")
    edge = re.search(r"<bldg:lod0RoofEdge>.*?<gml:posList>(.*?)<", text)
    assert edge is not None
    lat, lon, height = np.array(edge[1].split(), dtype=float).reshape(-1, 3).T
    assert 35.6 < lat.mean() < 35.7
    assert 139.7 < lon.mean() < 139.8
    assert not height.any()
    assert shapely.LinearRing(np.column_stack([lon, lat])).is_ccw
    assert (lat[0], lon[0]) == (lat[-1], lon[-1])


def test_a_shared_wall_is_written_with_the_same_digits(pair: list[Building], tmp_path: Path) -> None:
    write_citygml(tmp_path, [pair[0], house("b2", -8702.3457, -35711.1234)], crs=TOKYO, vertical=TP)
    texts = files(tmp_path)[0].read_text("utf-8").split("<core:cityObjectMember>")[1:]
    corners = [
        {
            tuple(words[i : i + 3])
            for found in re.findall(r"<gml:posList>(.*?)<", text)
            for words in [found.split()]
            for i in range(0, len(words), 3)
        }
        for text in texts
    ]
    shared = corners[0] & corners[1]
    # The wall's four corners with eaves and ridge, the block's two upper ones, and two of the outline.
    assert len(shared) == 2 + 2 + 1 + 2 + 2


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_a_reader_that_does_not_snap_finds_a_closed_solid_of_the_true_volume(tmp_path: Path, version: Any) -> None:
    trimesh = pytest.importorskip("trimesh")
    write_citygml(
        tmp_path, [house("b", -8712.3457, -35711.1234)], crs=TOKYO, vertical=TP, params=CityGmlParams(version=version)
    )
    root = ElementTree.parse(files(tmp_path)[0]).getroot()
    by_id = {value: element for element in root.iter() for key, value in element.attrib.items() if key.endswith("}id")}
    (solid,) = [element for element in root.iter() if element.tag.endswith("}lod2Solid")]
    targets = [e.attrib["{http://www.w3.org/1999/xlink}href"] for e in solid.iter() if e.tag.endswith("}surfaceMember")]
    assert len(targets) == 7
    corners: dict[tuple[str, ...], int] = {}
    triangles = []
    for target in targets:
        (ring,) = [e.text.split() for e in by_id[target[1:]].iter() if e.tag.endswith("}posList") and e.text]
        points = [tuple(ring[i : i + 3]) for i in range(0, len(ring), 3)]
        assert points[0] == points[-1]
        used = [corners.setdefault(point, len(corners)) for point in points[:-1]]
        triangles += [(used[0], used[i], used[i + 1]) for i in range(1, len(used) - 1)]
    assert len(corners) == 10
    lat, lon, height = np.array(list(corners), dtype=float).T
    to_metres = Transformer.from_crs("EPSG:6668", "EPSG:6677", always_xy=True)
    vertices = np.column_stack([*to_metres.transform(lon, lat), height])
    mesh = trimesh.Trimesh(vertices - vertices[0], triangles, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(10 * 6 * 5 + 10 * 6 * 2.3333 / 2, abs=1e-3)


def test_order_and_repetition_change_no_byte(tmp_path: Path) -> None:
    buildings = [house(f"b{i}", -9000.0 + 37.123 * i, -35711.0) for i in range(40)]
    write_citygml(tmp_path / "a", buildings, crs=TOKYO, vertical=TP)
    random.Random(5).shuffle(buildings)
    write_citygml(tmp_path / "b", buildings, crs=TOKYO, vertical=TP)
    contents = [[(path.name, path.read_bytes()) for path in files(tmp_path / name)] for name in "ab"]
    assert contents[0] == contents[1]


def test_identifiers_are_stable_and_a_citys_own_are_kept(tmp_path: Path) -> None:
    own = "bldg_77ca1a15-3b35-4386-8f86-152ed71c4c64"
    buildings = [house(own, -8712.0, -35711.0), house("7", -8690.0, -35711.0)]
    write_citygml(tmp_path / "a", buildings, crs=TOKYO, vertical=TP, params=CityGmlParams(city="13104"))
    write_citygml(tmp_path / "b", buildings[1:], crs=TOKYO, vertical=TP, params=CityGmlParams(city="13104"))
    write_citygml(tmp_path / "c", buildings[1:], crs=TOKYO, vertical=TP, params=CityGmlParams(city="13105"))
    a, b, c = ({item.id: item.attributes.get("buildingID") for item in back(tmp_path / name)} for name in "abc")
    assert own in a
    assert b.items() <= a.items()
    assert not b.keys() & c.keys()
    assert all(re.fullmatch(r"13104-bldg-\d+", str(number)) for number in a.values())


def test_quality_tells_how_the_model_was_made(tmp_path: Path) -> None:
    flat = house("flat", -8690.0, -35711.0)
    flat = replace(flat, solids={"1.2": flat.solids["1.2"]})
    params = CityGmlParams(survey="110", outlines="400")
    write_citygml(tmp_path, [house("roof", -8712.0, -35711.0), flat], crs=TOKYO, vertical=TP, params=params)
    found = {}
    for building in back(tmp_path):
        (quality,) = [
            entry["values"] for entry in building.attributes["uro"] if entry["type"] == "DataQualityAttribute"
        ]
        found["2" in building.solids] = {key: value["value"] for key, value in quality.items()}
    block = {
        "geometrySrcDescLod0": "400",
        "geometrySrcDescLod1": "110",
        "thematicSrcDesc": "100",
        "lod1HeightType": "2",
    }
    assert found[False] == block
    roof = {"geometrySrcDescLod2": "110", "lodType": "2.0"}
    assert found[True] == block | roof


def test_heights_are_above_tokyo_peil_whatever_the_store_has(tmp_path: Path) -> None:
    write_citygml(tmp_path, [house("b", -8712.0, -35711.0)], crs=TOKYO, vertical=AP)
    (read,) = back(tmp_path)
    assert read.solids["1"].vertices[:, 2].min() == pytest.approx(3.2571 - 1.1344)
    (above_ap,) = back(tmp_path, datum=AP)
    assert above_ap.solids["1"].vertices[:, 2].min() == pytest.approx(3.2571)


def test_heights_of_jgd2024_are_named_so(tmp_path: Path) -> None:
    write_citygml(tmp_path, [house("b", -8712.0, -35711.0)], crs=TOKYO, vertical=VerticalDatum("TP", "JGD2024"))
    (path,) = files(tmp_path)
    assert path.name.endswith("_bldg_11318_op.gml")
    assert_same_shape(
        next(iter(read_buildings(path, TOKYO, VerticalDatum("TP", "JGD2024")))), house("b", -8712.0, -35711.0)
    )


def test_what_cannot_be_brought_to_tokyo_peil_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatumError, match=r"above TP \(EPSG:6697\), the store's are above ellipsoidal"):
        write_citygml(tmp_path, [house("b", -8712.0, -35711.0)], crs=TOKYO, vertical=ELLIPSOIDAL)
    assert list(tmp_path.rglob("*.gml")) == []


def test_a_place_without_meshes_is_refused_unless_its_own_system_is_named(tmp_path: Path) -> None:
    delft = house("b", 84900.0, 446500.0)
    nap = VerticalDatum.parse("EPSG:5709")
    with pytest.raises((CrsError, DatumError)):
        write_citygml(tmp_path, [delft], crs=RD, vertical=nap)
    write_citygml(tmp_path, [delft], crs=RD, vertical=nap, params=CityGmlParams(crs="EPSG:7415"))
    assert [path.name for path in files(tmp_path)] == ["all_bldg_7415_op.gml"]
    (read,) = back(tmp_path, crs=None)
    assert_same_shape(read, delft)


def test_two_buildings_of_one_identifier_are_refused(tmp_path: Path) -> None:
    twice: Iterable[Building] = [house("b", -8712.0, -35711.0), house("b", -8690.0, -35711.0)]
    with pytest.raises(FormatError, match="ids must differ"):
        write_citygml(tmp_path, twice, crs=TOKYO, vertical=TP)


@pytest.mark.parametrize("wrong", [{"city": "131"}, {"survey": "laser"}, {"created": "yesterday"}, {"version": "1.0"}])
def test_facts_that_a_delivery_cannot_hold_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        CityGmlParams(**wrong)


def test_any_text_survives_and_what_xml_does_not_have_is_marked(tmp_path: Path) -> None:
    odd = {"<&>'\" 名": 'a<b & "c" ]]> 字\ttab', "bad": "x\x00y\ufffez", "none": None, "list": [1, "二"], "yes": True}
    write_citygml(tmp_path, [house("b", -8712.0, -35711.0, **odd)], crs=TOKYO, vertical=TP)
    (read,) = back(tmp_path)
    assert read.attributes["<&>'\" 名"] == odd["<&>'\" 名"]
    assert read.attributes["bad"] == "x?y?z"
    assert read.attributes["list"] == '[1, "二"]'
    assert "none" not in read.attributes


def test_writing_holds_one_building_at_a_time(tmp_path: Path) -> None:
    handed_out: list[weakref.ref[Any]] = []
    most = 0

    def stream() -> Iterable[Building]:
        nonlocal most
        for i in range(20):
            most = max(most, sum(reference() is not None for reference in handed_out))
            item = house(f"b{i}", -9000.0 + 20 * i, -35711.0)
            handed_out.append(weakref.ref(item.solids["2.2"].vertices))
            yield item
            del item

    assert write_citygml(tmp_path, stream(), crs=TOKYO, vertical=TP).buildings == 20
    assert most == 1  # the one before, until the next is there


def surroundings() -> list[CityObject | Tin]:
    """Ground of four triangles, a bridge, a pond and a tree."""
    x, y = -8900.0, -35711.0
    corners = np.array([(0, 0, 2.1), (80, 0, 2.3), (80, 80, 3.0), (0, 80, 2.2), (40, 40, 2.7)])
    corners += np.array([x, y, 0.0])
    triangles = np.array([(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)], np.int32)
    deck, crown = (prism(shapely.box(x + a, y, x + a + 9, y + 4), 4.0, 5.5) for a in (10, 40))
    pond = np.array([(x, y, 1.9), (x + 5, y, 1.9), (x + 5, y + 5, 1.9), (x, y + 5, 1.9)])
    return [
        Tin(id="relief_0_1_2", vertices=corners, triangles=triangles, attributes={"tolerance_m": 0.1}),
        CityObject(
            id="bridge_1",
            kind="Bridge",
            lod="1",
            vertices=deck.vertices,
            faces=deck.faces,
            semantics=deck.semantics,
            is_solid=True,
            attributes={"span_m": 9.0},
        ),
        CityObject(
            id="tree_1",
            kind="SolitaryVegetationObject",
            lod="1",
            vertices=crown.vertices,
            faces=crown.faces,
            semantics=(None,) * len(crown.faces),
            is_solid=True,
            attributes={"height": 7.25, "crownDiameter": 9.0, "n_points": 120},
        ),
        CityObject(
            id="pond",
            kind="WaterBody",
            lod="1",
            vertices=pond,
            faces=(((0, 1, 2, 3),),),
            semantics=("WaterSurface",),
            is_solid=False,
        ),
    ]


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_terrain_bridges_water_and_trees_have_files_of_their_own(tmp_path: Path, version: Any) -> None:
    items = [house("b", -8890.0, -35690.0), *surroundings()]
    facts = write_citygml(tmp_path, items, crs=TOKYO, vertical=TP, params=CityGmlParams(version=version))
    named = {path.parent.name: path for path in tmp_path.rglob("*.gml")}
    assert (facts.files, facts.buildings, facts.objects) == (5, 1, 4)
    assert {theme: path.name for theme, path in named.items()} == {
        "bldg": "53394518_bldg_6697_op.gml",
        "brid": "53394518_brid_6697_op.gml",
        "veg": "53394518_veg_6697_op.gml",
        "dem": "533945_dem_6697_op.gml",
        "wtr": "533945_wtr_6697_op.gml",
    }
    to_metres = Transformer.from_crs("EPSG:6668", "EPSG:6677", always_xy=True)
    texts = {theme: path.read_text("utf-8") for theme, path in named.items()}
    patches = re.findall(r"<gml:Triangle>.*?<gml:posList>(.*?)<", texts["dem"])
    lat, lon, height = np.array([patch.split() for patch in patches], dtype=float).reshape(-1, 4, 3)[:, :3].T
    read = np.stack([*to_metres.transform(lon, lat), height], axis=-1).transpose(1, 0, 2)
    relief = surroundings()[0]
    assert isinstance(relief, Tin)
    assert np.abs(read - relief.vertices[relief.triangles]).max() < 1e-4
    assert re.findall(r'<veg:(\w+) uom="m">(.*?)<', texts["veg"]) == [("height", "7.25"), ("crownDiameter", "9")]
    assert texts["brid"].count("<gml:Polygon") == 6
    assert texts["wtr"].count("<gml:Polygon") == 1


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_terrain_bridges_water_and_trees_are_valid_by_the_official_schemas(
    tmp_path: Path, is_valid: Callable[[Path, str], list[str]], version: Any
) -> None:
    params = CityGmlParams(version=version, created="2025-10-01")
    write_citygml(tmp_path, surroundings(), crs=TOKYO, vertical=TP, params=params)
    paths = sorted(tmp_path.rglob("*.gml"))
    assert len(paths) == 4
    assert [fault for path in paths for fault in is_valid(path, version)] == []
