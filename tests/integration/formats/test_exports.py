"""`twin export` as a user runs it, over a store that holds a model."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import pytest
import shapely
import trimesh

from pipelines.model.prism import prism
from tiles.buildings import table_of, write_table, write_tile_buildings
from tiles.citygml import read_buildings
from tiles.cityjson import read_cityjson
from tiles.store import Store
from twin.cli.app import build_app
from twin.cli.export_job import Job
from twin.cli.exports import FORMATS
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twin.building import Building
    from twin.tiling import TileId


def store_of(path: Path, buildings: list[Building], where: dict[str, Any], edge_m: float) -> Path:
    """Put a point at each building, and a model run of them, into a store."""
    store = Store.create(path, crs=where["crs"], vertical=where["vertical"], tile_edge_m=edge_m)
    by_tile: dict[TileId, list[Building]] = {}
    for building in buildings:
        by_tile.setdefault(store.grid.tile_at(*building.solid.vertices[0, :2].tolist()), []).append(building)
    with store.writing():
        store.manifest.begin_run("model-1", "model", {}, {})
        for tile, members in by_tile.items():
            x, y, z = np.array([building.solid.vertices[0] for building in members]).T
            points = Points(x=x, y=y, z=z, attributes={"classification": np.full(len(x), 6, np.uint8)})
            store.manifest.commit_tiles([store.write_tile(tile, points)])
            made, checksum = write_tile_buildings(store, "model-1", tile, members)
            store.manifest.commit_artefact("model-1", str(tile), made, checksum, "", {})
        write_table(store, "model-1", table_of(buildings, store.crs.code))
        store.manifest.finish_run("model-1", {})
    return path


@pytest.fixture(scope="session")
def levels(street: list[Building]) -> list[Building]:
    """Return the street, each house as LoD1.2 and LoD2.2; the last has LoD1.2 alone."""
    both = [replace(b, solids={"1.2": prism(b.footprint, b.ground_m, b.roof_m), **b.solids}) for b in street]
    both[-1] = replace(both[-1], solids={"1.2": both[-1].solids["1.2"]})
    return both


@pytest.fixture(scope="session")
def modelled(levels: list[Building], where: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with the street in one tile."""
    return store_of(tmp_path_factory.mktemp("formats") / "street", levels, where, 512.0)


@pytest.fixture
def twin(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Run ``twin ARGS --json`` and return its exit code, its answer and what it says of errors."""

    def run(*arguments: object) -> tuple[int, dict[str, Any], str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            build_app()(prog_name="twin", args=[*map(str, arguments), "--json"])
        printed = capsys.readouterr()
        return int(end.value.code or 0), json.loads(printed.out.splitlines()[-1]), printed.err

    return run


@pytest.mark.parametrize(
    ("format_name", "ending"), [("cityjson", "json"), ("cityjsonseq", "jsonl"), ("gltf", "glb"), ("obj", "obj")]
)
def test_every_format_holds_every_building_and_says_so(
    modelled: Path, tmp_path: Path, twin: Callable[..., Any], format_name: str, ending: str
) -> None:
    code, told, _ = twin("export", modelled, format_name, tmp_path / f"a.{ending}")
    n_files = 3 if format_name == "obj" else 1
    assert code == 0
    assert (told["format"], told["buildings"], told["files"]) == (format_name, 8, n_files)
    files = list(tmp_path.iterdir())
    assert (len(files), sum(path.stat().st_size for path in files)) == (told["files"], told["bytes"])


@pytest.mark.parametrize(("format_name", "ending"), [("cityjson", "json"), ("gltf", "glb"), ("obj", "obj")])
def test_other_tiles_give_the_same_bytes(
    levels: list[Building], where: dict[str, Any], tmp_path: Path, format_name: str, ending: str
) -> None:
    for edge_m in (512.0, 32.0):
        store = Store.open(store_of(tmp_path / f"tiles of {edge_m:.0f} m", levels[::-1], where, edge_m))
        assert len(list(store.tiles())) == (1 if edge_m == 512.0 else 7)
        folder = tmp_path / f"{edge_m:.0f}"
        folder.mkdir()
        FORMATS[format_name].write(Job(store=store, out=folder / f"city.{ending}"))
    assert (tmp_path / "32" / f"city.{ending}").read_bytes() == (tmp_path / "512" / f"city.{ending}").read_bytes()


def test_a_file_beside_an_export_that_was_lost_is_written_again(
    modelled: Path, tmp_path: Path, twin: Callable[..., Any]
) -> None:
    twin("export", modelled, "obj", tmp_path / "a.obj")
    (tmp_path / "a.mtl").unlink()
    assert twin("export", modelled, "obj", tmp_path / "a.obj")[0] == 0
    assert (tmp_path / "a.mtl").is_file()


def test_a_level_asked_for_is_the_highest_written(modelled: Path, tmp_path: Path, twin: Callable[..., Any]) -> None:
    assert twin("export", modelled, "cityjson", tmp_path / "all.json")[0] == 0
    assert twin("export", modelled, "cityjson", tmp_path / "low.json", "--lod", "1.3")[1]["lod"] == "1.3"
    everything, low = read_cityjson(tmp_path / "all.json"), read_cityjson(tmp_path / "low.json")
    assert {tuple(b.solids) for b in everything} == {("1.2", "2.2"), ("1.2",)}
    assert {tuple(b.solids) for b in low} == {("1.2",)}
    assert len(everything) == len(low) == 8
    twin("export", modelled, "obj", tmp_path / "low.obj", "--lod", "1.2")
    volume = trimesh.load(tmp_path / "low.obj", force="mesh").volume
    assert volume == pytest.approx(sum(b.footprint.area * (b.roof_m - b.ground_m) for b in low), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("cog", "out", "--lod", "1.2"), "no levels of detail; --lod is for 3dtiles, citygml, citygml3, cityjson"),
        (("obj", "a.obj", "--lod", "3"), "there are 1.2, 1.3, 2.0, 2.2"),
        (("gltf", "a.gltf"), "name it a.glb"),
    ],
)
def test_what_cannot_be_is_a_usage_error(
    modelled: Path, tmp_path: Path, twin: Callable[..., Any], arguments: tuple[str, ...], says: str
) -> None:
    format_name, name, *rest = arguments
    code, _, error = twin("export", modelled, format_name, tmp_path / name, *rest)
    assert code == 2
    assert says in error


def test_the_geopackage_lists_all_outlines_and_every_roof_face(
    modelled: Path, tmp_path: Path, twin: Callable[..., Any], street: list[Building]
) -> None:
    assert twin("export", modelled, "gpkg", tmp_path / "a.gpkg")[1]["buildings"] == 8
    assert len(pyogrio.read_dataframe(tmp_path / "a.gpkg", layer="buildings")) == 8
    assert pyogrio.read_info(tmp_path / "a.gpkg", layer="roof_surfaces")["geometry_type"] == "Polygon Z"
    roofs = pyogrio.read_dataframe(tmp_path / "a.gpkg", layer="roof_surfaces").set_index(["building_id", "face"])
    faces = Counter(roofs.index.get_level_values(0))
    assert faces == {b.id: b.solid.semantics.count("RoofSurface") for b in street[:-1]} | {street[-1].id: 1}
    # The gable's ridge runs along (0.8, 0.6), so water runs to (0.6, -0.8) and (-0.6, 0.8).
    gable = roofs.loc[street[0].id]
    assert gable["azimuth_deg"].tolist() == pytest.approx([143.13, 323.13], abs=0.02)
    assert gable["slope_deg"].tolist() == pytest.approx([36.87] * 2, abs=0.02)
    assert gable["area_m2"].tolist() == pytest.approx([50.0] * 2, abs=0.01)
    assert (gable["low_m"].tolist(), gable["high_m"].tolist()) == ([7.0] * 2, [10.0] * 2)
    court = roofs.loc[street[1].id]
    assert court["azimuth_deg"].isna().all()
    assert court["plan_area_m2"].tolist() == [265.0]
    assert set(shapely.get_coordinates(court.geometry.array, include_z=True)[:, 2]) == {13.25}
    by_building = roofs.groupby("building_id")["plan_area_m2"].sum()
    assert by_building.to_dict() == pytest.approx({b.id: b.footprint.area for b in street}, abs=0.01)


@pytest.mark.parametrize(("format_name", "version"), [("citygml", "2.0"), ("citygml3", "3.0")])
def test_citygml_is_a_folder_of_meshes_with_the_citys_facts(
    modelled: Path, tmp_path: Path, twin: Callable[..., Any], format_name: str, version: str
) -> None:
    code, told, error = twin("export", modelled, format_name, tmp_path / "out", "--set", "citygml.city=01100")
    assert code == 0, error
    files = sorted((tmp_path / "out" / "udx" / "bldg").iterdir())
    assert (told["buildings"], told["files"]) == (8, len(files))
    assert told["bytes"] == sum(path.stat().st_size for path in files)
    store = Store.open(modelled)
    made = store.manifest.latest_run("model")
    assert made is not None
    read = [building for path in files for building in read_buildings(path, store.crs, store.vertical)]
    assert len(read) == 8
    assert {building.attributes["city"] for building in read} == {"01100"}
    assert {building.attributes["creationDate"][:10] for building in read} == {made.finished_at[:10]}
    assert all(f"http://www.opengis.net/citygml/{version}" in path.read_text("utf-8") for path in files)
    solids = {b.footprint.bounds: b.solids for b in read}
    for building in read_cityjson_of(modelled, tmp_path, twin):
        again = solids[building.footprint.bounds]
        for level, solid in building.solids.items():
            assert {tuple(v) for v in again[level[0]].vertices.tolist()} == {tuple(v) for v in solid.vertices.tolist()}


def read_cityjson_of(modelled: Path, tmp_path: Path, twin: Callable[..., Any]) -> list[Building]:
    assert twin("export", modelled, "cityjson", tmp_path / "model.json")[0] == 0
    return read_cityjson(tmp_path / "model.json")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("citygml.city=12", "five digits"),
        ("citygml.town=13104", "unknown key citygml.town"),
        ("citygml.crs=EPSG:6677", "one system with heights"),
    ],
)
def test_facts_that_citygml_cannot_hold_are_told(
    modelled: Path, tmp_path: Path, twin: Callable[..., Any], setting: str, says: str
) -> None:
    code, _, error = twin("export", modelled, "citygml", tmp_path / "out", "--set", setting)
    assert code in (1, 2)
    assert says in error
