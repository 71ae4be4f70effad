"""One model, many formats: what each says of a building is the same, in tools that we did not write."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import numpy as np
import pygltflib
import pytest
import pyvista
import trimesh

from tiles.cityjson import write_cityjson
from tiles.mesh import MeshFacts, write_glb, write_obj
from tiles.tiles3d import export_buildings
from twin.building import Building, Solid
from twin.cityobject import CityObject, Tin
from twin.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

COLOURS = {
    "GroundSurface": (120, 116, 110),
    "WallSurface": (214, 207, 194),
    "RoofSurface": (186, 96, 74),
    "WaterSurface": (79, 147, 184),
    "Vegetation": (104, 146, 84),
    "Terrain": (190, 186, 164),
}


def closed(vertices: NDArray[Any], triangles: NDArray[Any]) -> trimesh.Trimesh:
    mesh = trimesh.Trimesh(vertices, triangles, process=False)
    mesh.merge_vertices(digits_vertex=3)
    return mesh


def from_glb(path: Path) -> dict[str, trimesh.Trimesh]:
    scene = trimesh.load(path)
    by_node: dict[str, list[trimesh.Trimesh]] = {}
    names = {node["name"] for node in json_chunk(path)["nodes"] if "mesh" in node}
    for node in scene.graph.nodes_geometry:
        place, geometry = scene.graph[node]
        name = next(n for n in names if node == n or node.startswith(f"{n}_"))
        part = scene.geometry[geometry].copy()
        part.apply_transform(place)
        by_node.setdefault(name, []).append(part)
    return {name: trimesh.util.concatenate(parts) for name, parts in by_node.items()}


def json_chunk(path: Path) -> Any:
    raw = path.read_bytes()
    return json.loads(raw[20 : 20 + int.from_bytes(raw[12:16], "little")])


def from_obj(path: Path) -> dict[str, trimesh.Trimesh]:
    scene = trimesh.load(path, split_objects=True, group_material=False, process=False)
    return dict(scene.geometry)


def test_every_building_has_its_volume_and_is_closed_in_obj_and_gltf(
    street: list[Building], where: dict[str, Any], tmp_path: Path
) -> None:
    write_glb(tmp_path / "city.glb", street, **where)
    write_obj(tmp_path / "city.obj", street, **where)
    drawn, plain = from_glb(tmp_path / "city.glb"), from_obj(tmp_path / "city.obj")
    assert len(drawn) == len(plain) == len(street)
    for building in street:
        for mesh in (drawn[building.id], plain[building.id.replace(" ", "_")]):
            solid = closed(mesh.vertices, mesh.faces)
            assert solid.is_watertight
            assert solid.volume == pytest.approx(building.attributes["volume_m3"], rel=1e-5)


def test_every_building_has_its_volume_in_3d_tiles(
    street: list[Building], where: dict[str, Any], tmp_path: Path
) -> None:
    export_buildings(tmp_path, street, where["crs"], where["vertical"])
    (glb,) = (tmp_path / "buildings" / "content").glob("*.glb")
    (mesh,) = trimesh.load(glb).geometry.values()
    whole = closed(mesh.vertices, mesh.faces)
    assert whole.is_watertight
    true = sum(building.attributes["volume_m3"] for building in street)
    assert whole.volume == pytest.approx(true, rel=1e-3)  # the zone's scale is 0.9999 along each axis


def test_gltf_adds_its_origins_up_to_the_places_of_the_store(
    street: list[Building], where: dict[str, Any], tmp_path: Path
) -> None:
    write_glb(tmp_path / "city.glb", street, **where)
    gltf = pygltflib.GLTF2().load_binary(str(tmp_path / "city.glb"))
    origin = np.array(gltf.asset.extras["origin"])
    assert gltf.asset.extras["crs"] == "EPSG:6677"
    assert gltf.asset.extras["verticalDatum"] == "TP"
    drawn = from_glb(tmp_path / "city.glb")
    for building in street:
        x, up, south = drawn[building.id].vertices.T
        places = np.column_stack([x, -south, up]) + origin
        off = np.linalg.norm(places[:, None] - building.solid.vertices[None], axis=2)
        assert off.min(axis=1).max() < 1e-4
        assert off.min(axis=0).max() < 1e-4


def test_triangles_lie_on_the_faces_of_their_kind(
    street: list[Building], where: dict[str, Any], tmp_path: Path
) -> None:
    write_obj(tmp_path / "city.obj", street, **where)
    x0, y0, z0 = json.loads((tmp_path / "city.origin.json").read_text())["origin"]
    kind, vertices, areas = "", [], dict.fromkeys(COLOURS, 0.0)
    for line in (tmp_path / "city.obj").read_text().splitlines():
        word, *rest = line.split()
        if word == "v":
            vertices.append(np.add(np.array(rest, dtype=float), [x0, y0, z0]))
        elif word == "usemtl":
            kind = rest[0]
        elif word == "f":
            a, b, c = (vertices[int(i) - 1] for i in rest)
            normal = np.cross(b - a, c - a)
            areas[kind] += float(np.linalg.norm(normal)) / 2
            if kind == "GroundSurface":
                assert normal[2] < 0
                assert abs(normal[:2]).max() < 1e-9
            elif kind == "WallSurface":
                assert abs(normal[2]) < 1e-6 * np.linalg.norm(normal)
            else:
                assert normal[2] > 0
    assert areas["GroundSurface"] == pytest.approx(sum(b.footprint.area for b in street), rel=1e-6)
    # By hand: gable 2 x 50, court 265, step 24 + 24, pyramid 16 and four trapezia 12 and 4 m wide and 4 sqrt 2 high
    assert areas["RoofSurface"] == pytest.approx(2 * (100 + 265 + 48 + 16 + 4 * 8 * 4 * 2**0.5), rel=1e-6)


def test_khronos_finds_no_fault_in_the_gltf_nor_in_the_tiles(
    street: list[Building], where: dict[str, Any], tmp_path: Path, validate_gltf: Callable[[Path], Any]
) -> None:
    write_glb(tmp_path / "city.glb", street, **where)
    export_buildings(tmp_path, street, where["crs"], where["vertical"])
    report = validate_gltf(tmp_path)
    assert (report["files"], report["errors"], report["warnings"]) == (2, [], [])
    assert "UNUSED_OBJECT" not in validate_gltf(tmp_path / "city.glb")["infos"]


def test_gltf_nodes_carry_the_facts_of_their_building(
    street: list[Building], where: dict[str, Any], tmp_path: Path
) -> None:
    write_glb(tmp_path / "city.glb", street, **where)
    nodes = [node for node in json_chunk(tmp_path / "city.glb")["nodes"] if "mesh" in node]
    assert [node["name"] for node in nodes] == sorted(b.id for b in street)
    for node, building in zip(nodes, sorted(street, key=lambda b: b.id), strict=True):
        assert node["extras"]["id"] == building.id
        assert node["extras"]["lod"] == "2.2"
        assert node["extras"]["用途"] == "住宅"
        assert "missing" not in node["extras"]


def test_vtk_reads_both_with_all_their_triangles(street: list[Building], where: dict[str, Any], tmp_path: Path) -> None:
    write_glb(tmp_path / "city.glb", street, **where)
    write_obj(tmp_path / "city.obj", street, **where)
    plain = pyvista.read(tmp_path / "city.obj")
    drawn = pyvista.read(tmp_path / "city.glb").combine().extract_surface(algorithm=None)
    # corners of all rings minus two, and two more for each hole
    n_true = sum(sum(map(len, face)) - 2 + 2 * (len(face) - 1) for b in street for face in b.solid.faces)
    assert plain.n_cells == drawn.n_cells == n_true
    assert plain.area == pytest.approx(drawn.area, rel=1e-5)


def test_materials_are_the_colours_of_the_surfaces(
    street: list[Building], where: dict[str, Any], tmp_path: Path
) -> None:
    write_obj(tmp_path / "city.obj", street, **where)
    blocks = (tmp_path / "city.mtl").read_text().split("newmtl ")[1:]
    told = {block.split()[0]: np.array(block.split()[2:5], dtype=float) * 255 for block in blocks}
    assert {kind: tuple(np.rint(colour).astype(int)) for kind, colour in told.items()} == COLOURS


@pytest.mark.parametrize("write", [write_obj, write_glb])
def test_order_does_not_matter_and_no_buildings_are_an_error(
    street: list[Building], where: dict[str, Any], tmp_path: Path, write: Callable[..., MeshFacts]
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = write(tmp_path / "a" / "city", street, **where)
    second = write(tmp_path / "b" / "city", street[::-1], **where)
    assert [path.read_bytes() for path in first.files] == [path.read_bytes() for path in second.files]
    with pytest.raises(StageError, match="no buildings"):
        write(tmp_path / "c", [], **where)


def test_a_building_without_area_is_left_out_alone(
    street: list[Building], where: dict[str, Any], tmp_path: Path
) -> None:
    line = Solid(vertices=np.zeros((3, 3)), faces=(((0, 1, 2),),), semantics=("RoofSurface",))
    broken = replace(street[0], id="a line", solids={"2.2": line})
    write_glb(tmp_path / "a.glb", [broken, *street], **where)
    write_glb(tmp_path / "b.glb", street, **where)
    assert len(from_glb(tmp_path / "a.glb")) == len(from_glb(tmp_path / "b.glb")) == len(street)


def test_cityjson_holds_the_same_solids(street: list[Building], where: dict[str, Any], tmp_path: Path) -> None:
    write_cityjson(tmp_path / "city.city.json", street, **where)
    document = json.loads((tmp_path / "city.city.json").read_text())
    transform = document["transform"]
    xyz = np.array(document["vertices"]) * transform["scale"] + transform["translate"]
    for building in street:
        solid = document["CityObjects"][building.id]["geometry"][-1]
        middle = xyz[[corner for face in solid["boundaries"][0] for ring in face for corner in ring]].mean(axis=0)
        # Each ring as a fan from its first corner; holes run the other way round, so they take away what they cover.
        volume = sum(
            float(np.dot(xyz[ring[0]] - middle, np.cross(xyz[a] - middle, xyz[b] - middle))) / 6
            for face in solid["boundaries"][0]
            for ring in face
            for a, b in pairwise(ring)
        )
        assert volume == pytest.approx(building.attributes["volume_m3"], rel=1e-6)


def test_cityjson_of_roofs_follows_the_official_schema(
    street: list[Building], where: dict[str, Any], tmp_path: Path, shared_data: Path
) -> None:
    schema = shared_data.parent / "schemas" / "cityjson" / "20" / "cityjson.min.schema.json"
    if not schema.is_file():
        pytest.skip("the official CityJSON schemas do not stand beside the checkout")
    validator = jsonschema_rs.validator_for(json.loads(schema.read_text(encoding="utf-8")))
    write_cityjson(tmp_path / "a.city.json", street, **where)
    document = json.loads((tmp_path / "a.city.json").read_text())
    assert [error.message for error in validator.iter_errors(document)] == []
    surfaces = document["CityObjects"][street[0].id]["geometry"][-1]["semantics"]["surfaces"]
    assert "slope_deg" in surfaces[-1]
    surfaces[-1]["type"] = "Roof"
    assert not validator.is_valid(document), "the schema must see surfaces"


@pytest.mark.parametrize("name", ["city.obj", "city.glb"])
def test_a_courtyard_stays_open_and_a_roof_is_where_it_was(
    street: list[Building], where: dict[str, Any], tmp_path: Path, name: str
) -> None:
    house = street[1]
    (write_obj if name.endswith("obj") else write_glb)(tmp_path / name, [house], **where)
    up = 2 if name.endswith("obj") else 1
    block = pyvista.read(tmp_path / name)
    mesh = block if up == 2 else block.combine().extract_surface(algorithm=None)
    x, y = house.solid.vertices[0, :2] - np.floor(house.footprint.bounds[:2])

    def struck(east: float, north: float) -> list[float]:
        """Heights at which a plumb line meets the mesh."""
        ends = [(east, north, z) if up == 2 else (east, z, -north) for z in (100.0, -100.0)]
        return sorted(mesh.ray_trace(*ends)[0][:, up].tolist())

    assert struck(x + 8.1, y + 7.2) == []
    assert struck(x + 2.1, y + 2.2) == pytest.approx([1.5, 13.25], abs=1e-4)


def test_terrain_and_trees_stand_beside_the_buildings(
    street: list[Building], where: dict[str, Any], tmp_path: Path, validate_gltf: Callable[[Path], Any]
) -> None:
    x, y = street[0].solid.vertices[0, :2]
    ground = Tin(
        id="relief_0_0_0",
        vertices=np.array([(x - 40, y - 40, 1.0), (x + 40, y - 40, 2.0), (x + 40, y + 40, 3.0), (x - 40, y + 40, 2.0)]),
        triangles=np.array([(0, 1, 2), (0, 2, 3)], dtype=np.int32),
        attributes={"tolerance_m": 0.1},
    )
    crown = np.array([(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (0, 0, 2), (0, 0, -1)]) * 3.0 + [x - 20, y, 8.0]
    sides = [((i, (i + 1) % 4, 4),) for i in range(4)] + [(((i + 1) % 4, i, 5),) for i in range(4)]
    tree = CityObject(
        id="tree",
        kind="SolitaryVegetationObject",
        lod="1",
        vertices=crown,
        faces=tuple(sides),
        semantics=(None,) * 8,
        is_solid=True,
        attributes={"height": 12.0},
    )
    facts = write_glb(tmp_path / "city.glb", [tree, ground, *street], **where)
    assert (facts.buildings, facts.objects) == (8, 2)
    drawn = from_glb(tmp_path / "city.glb")
    assert closed(drawn["tree"].vertices, drawn["tree"].faces).volume == pytest.approx(9 * 2 * 9 / 3, rel=1e-5)
    assert drawn["relief_0_0_0"].area == pytest.approx(6400, rel=1e-3)
    told = {node["name"]: node["extras"] for node in json_chunk(tmp_path / "city.glb")["nodes"] if "mesh" in node}
    assert told["tree"] == {"type": "SolitaryVegetationObject", "id": "tree", "lod": "1", "height": 12.0}
    assert told["relief_0_0_0"]["tolerance_m"] == 0.1
    write_obj(tmp_path / "city.obj", [tree, ground, *street], **where)
    used = {line.split()[1] for line in (tmp_path / "city.obj").read_text().splitlines() if line.startswith("usemtl")}
    assert used == set(COLOURS) - {"WaterSurface"}
    report = validate_gltf(tmp_path)
    assert (report["errors"], report["warnings"]) == ([], [])
