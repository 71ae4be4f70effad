"""Laws of exported buildings, read back by pygltflib and trimesh, placed by PROJ."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import trimesh

from tiles.tiles3d import BuildingTileParams, export_buildings
from twin.building import Building, Solid
from twin.crs import parse_crs
from twin.errors import FormatError, StageError
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ZONE_9 = parse_crs("EPSG:6677")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_building_is_in_exactly_one_tile(
    export: Path, town: list[Building], contents_of: Callable[..., Any], table_of: Callable[..., Any]
) -> None:
    contents = contents_of(export / "buildings" / "tileset.json")
    assert len(contents) > 4
    found = Counter(name for content in contents for name in table_of(content)["id"])
    assert found == Counter(building.id for building in town)


def test_every_vertex_stands_where_proj_puts_it_and_belongs_to_its_building(
    export: Path,
    town: list[Building],
    contents_of: Callable[..., Any],
    table_of: Callable[..., Any],
    true_ecef: Callable[..., Any],
) -> None:
    by_id = {building.id: building for building in town}
    for content in contents_of(export / "tileset.json"):
        if "_FEATURE_ID_0" not in content.attributes:
            continue
        names, feature, drawn = table_of(content)["id"], content.attributes["_FEATURE_ID_0"], content.ecef()
        assert set(feature.tolist()) == set(range(len(names)))
        for number, name in enumerate(names):
            want = true_ecef(by_id[name].solid.vertices)
            off = np.linalg.norm(drawn[feature == number][:, None] - want[None], axis=2)
            assert off.min(axis=1).max() < 0.001
            assert off.min(axis=0).max() < 0.001


def test_solids_stay_closed_keep_their_volume_and_are_shaded_outwards(
    export: Path, town: list[Building], contents_of: Callable[..., Any], table_of: Callable[..., Any]
) -> None:
    by_id = {building.id: building for building in town}
    for content in contents_of(export / "buildings" / "tileset.json"):
        places, triangles = content.positions(), content.indices.reshape(-1, 3)
        normals = content.attributes["NORMAL"][:, [0, 2, 1]] * [1, -1, 1]
        a, b, c = (places[triangles[:, i]] for i in range(3))
        area = np.cross(b - a, c - a)
        facing = area / np.linalg.norm(area, axis=1, keepdims=True)
        assert (np.sum(facing[:, None] * normals[triangles], axis=2) > 0.999).all()
        for number, name in enumerate(table_of(content)["id"]):
            own = triangles[content.attributes["_FEATURE_ID_0"][triangles[:, 0]] == number]
            mesh = trimesh.Trimesh(places, own, process=False)
            mesh.merge_vertices(digits_vertex=4)
            building = by_id[name]
            true_volume = building.footprint.area * building.measured_height_m
            assert mesh.is_watertight
            assert mesh.volume == pytest.approx(true_volume, rel=1e-3)  # the zone's scale is 0.9999 along each axis


def test_trimesh_reads_a_glb_as_it_is(export: Path, contents_of: Callable[..., Any]) -> None:
    for content in contents_of(export / "buildings" / "tileset.json"):
        scene = trimesh.load(content.path)
        (mesh,) = scene.geometry.values()
        assert len(mesh.faces) == len(content.indices) // 3


def test_facts_keep_their_types_and_missing_ones_are_missing(
    export: Path, town: list[Building], contents_of: Callable[..., Any], table_of: Callable[..., Any]
) -> None:
    by_id = {building.id: building for building in town}
    n_seen = 0
    for content in contents_of(export / "buildings" / "tileset.json"):
        table = table_of(content)
        for i, name in enumerate(table["id"]):
            building = by_id[name]
            n_seen += 1
            assert table["measuredHeight"][i] == building.measured_height_m
            assert table["groundHeight"][i] == building.ground_m
            assert table["roofHeight"][i] == building.roof_m
            assert table["lod"][i] == "1.2"
            assert table["nPoints"][i] == building.n_points
            assert table["usage"][i] == building.attributes.get("usage")
            assert table["storeys"][i] == building.attributes.get("storeys")
            assert table["rmse"][i] == (None if np.isnan(building.rmse_m) else building.rmse_m)
    assert n_seen == len(town)


def test_all_tiles_carry_one_schema(export: Path, contents_of: Callable[..., Any]) -> None:
    contents = contents_of(export / "buildings" / "tileset.json")
    schemas = {json.dumps(c.gltf.extensions["EXT_structural_metadata"]["schema"], sort_keys=True) for c in contents}
    assert len(schemas) == 1


def test_further_facts_come_by_id(
    town: list[Building], contents_of: Callable[..., Any], table_of: Callable[..., Any], tmp_path: Path
) -> None:
    params = BuildingTileParams(extra={town[3].id: {"floodDepth": 0.75, "floodRank": 2}})
    export_buildings(tmp_path, town, ZONE_9, TP, params)
    (content,) = contents_of(tmp_path / "tileset.json")
    table = table_of(content)
    wet = [(name, *facts) for name, *facts in zip(table["id"], table["floodDepth"], table["floodRank"], strict=True)]
    assert [row for row in wet if row[1] is not None] == [(town[3].id, 0.75, 2)]


def test_a_column_without_a_value_in_a_tile_takes_no_bytes_there(
    town: list[Building], contents_of: Callable[..., Any], table_of: Callable[..., Any], tmp_path: Path
) -> None:
    params = BuildingTileParams(buildings_per_tile=30, extra={b.id: {"note": ""} for b in town} | {"x": {"note": "a"}})
    export_buildings(tmp_path, town, ZONE_9, TP, params)
    for content in contents_of(tmp_path / "tileset.json"):
        schema = content.gltf.extensions["EXT_structural_metadata"]["schema"]["classes"]["building"]["properties"]
        assert "note" in schema
        assert "note" not in table_of(content)


def test_large_buildings_come_first_and_errors_never_grow_downwards(export: Path, tiles_of: Callable[..., Any]) -> None:
    tileset = json.loads((export / "buildings" / "tileset.json").read_text())

    def check(tile: dict[str, Any]) -> None:
        for child in tile.get("children", []):
            assert child["geometricError"] <= tile["geometricError"]
            check(child)
        if not tile.get("children"):
            assert tile["geometricError"] == 0.0

    check(tileset["root"])
    assert tileset["geometricError"] > tileset["root"]["geometricError"]
    assert any(tile.get("children") for _, tile, _ in tiles_of(export / "buildings" / "tileset.json"))


def test_the_same_buildings_in_any_order_give_the_same_bytes(town: list[Building], tmp_path: Path) -> None:
    params = BuildingTileParams(buildings_per_tile=30)
    export_buildings(tmp_path / "a", town, ZONE_9, TP, params)
    export_buildings(tmp_path / "b", town[::-1], ZONE_9, TP, params)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_a_geoid_separation_lifts_what_is_drawn_and_not_what_is_told(
    town: list[Building],
    contents_of: Callable[..., Any],
    table_of: Callable[..., Any],
    true_ecef: Callable[..., Any],
    tmp_path: Path,
) -> None:
    export_buildings(tmp_path, town[:1], ZONE_9, TP, BuildingTileParams(geoid_separation_m=36.7))
    (content,) = contents_of(tmp_path / "tileset.json")
    want = true_ecef(np.add(town[0].solid.vertices, [0, 0, 36.7]))
    assert np.linalg.norm(content.ecef()[:, None] - want[None], axis=2).min(axis=1).max() < 0.001
    assert table_of(content)["groundHeight"] == [town[0].ground_m]


def test_an_export_says_what_its_heights_are(town: list[Building], export: Path, tmp_path: Path) -> None:
    extras = json.loads((export / "buildings" / "tileset.json").read_text())["asset"]["extras"]
    assert extras["vertical_datum"] == "TP"
    assert extras["geoid_separation_m"] is None
    assert "orthometric above TP" in extras["heights"]
    assert "as if they were ellipsoidal" in extras["heights"]
    export_buildings(tmp_path, town[:1], ZONE_9, TP, BuildingTileParams(geoid_separation_m=36.7))
    told = json.loads((tmp_path / "buildings" / "tileset.json").read_text())["asset"]["extras"]
    assert "36.7 m" in told["heights"]


def test_a_building_without_anything_to_draw_fails_alone(town: list[Building], tmp_path: Path) -> None:
    empty = Building(
        id="empty",
        footprint=town[0].footprint,
        ground_m=0.0,
        roof_m=0.0,
        measured_height_m=0.0,
        n_points=0,
        rmse_m=0.0,
        solids={"1.2": Solid(vertices=np.zeros((0, 3)), faces=(), semantics=())},
    )
    summary = export_buildings(tmp_path, [town[0], empty], ZONE_9, TP)
    assert (summary.buildings, summary.left_out) == (1, ("empty",))


def test_a_foreign_folder_is_never_replaced(town: list[Building], tmp_path: Path) -> None:
    (tmp_path / "buildings").mkdir()
    (tmp_path / "buildings" / "thesis.txt").write_text("years of work")
    with pytest.raises(FormatError, match="no 3D Tiles export of ours"):
        export_buildings(tmp_path, town, ZONE_9, TP)
    assert (tmp_path / "buildings" / "thesis.txt").read_text() == "years of work"


def test_a_failed_export_leaves_the_earlier_one_whole(
    town: list[Building], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_buildings(tmp_path, town, ZONE_9, TP)
    before = bytes_of(tmp_path)

    class Full:
        def start(self, stage: str, total: int, unit: str) -> None: ...
        def finish(self) -> None: ...
        def advance(self, n: int) -> None:
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        export_buildings(tmp_path, town[:50], ZONE_9, TP, progress=Full())
    assert bytes_of(tmp_path) == before


def test_nothing_to_export_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no buildings to export"):
        export_buildings(tmp_path / "out", [], ZONE_9, TP)
    assert not (tmp_path / "out").exists()
