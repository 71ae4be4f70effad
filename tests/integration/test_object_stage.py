"""The stage ``objects`` over a store: any tiling gives the same objects, the ground has no gaps, others can read it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import numpy as np
import pytest
import shapely
import trimesh
from scipy.spatial import cKDTree

from pipelines.cityobjects import ObjectParams, ObjectStage, given_water
from pipelines.executors import Sequential
from pipelines.runs import run_tiled
from pipelines.terrain import TerrainStage
from pipelines.validity import check_solid
from tiles.cityjson import write_cityjson
from tiles.cityjson.objects import read_objects
from tiles.cityobjects import iter_objects
from tiles.rasters import read_raster
from tiles.store import Store
from tiles.verify import verify_store
from twin.building import Solid
from twin.cityobject import CityObject, Tin
from twin.crs import parse_crs
from twin.errors import FormatError
from twin.scene import Scene, SceneParams
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.runs import RunSummary
    from twin.points import Points

LABELS = "truth"
RULES = ObjectParams(water_block_m=64.0, bridge_extent_m=64.0)
"""Small reaches, so that small tiles do not each see the whole scene."""


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene.build(SceneParams(kind="bay", n_points=220_000, seed=231, density_per_m2=8.0))


@pytest.fixture(scope="module")
def points(scene: Scene) -> Points:
    return scene.all_points()


def make_store(path: Path, points: Points, edge: float, order: int = 0) -> Store:
    """A store whose labels are the truth, with its terrain."""
    store = Store.create(path, crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=edge)
    if order:
        points = points.take(np.random.default_rng(order).permutation(len(points)))
    points = replace(points, attributes={"return_number": points["return_number"], "label": points["classification"]})
    with store.writing():
        rows = []
        for tile in store.grid.tiles_over(points.bounds.buffered(1.0)):
            inside = points.take(store.grid.bounds(tile).contains(points.x, points.y))
            if len(inside):
                cloud = replace(inside, attributes={"return_number": inside["return_number"]})
                rows.append((store.write_tile(tile, cloud), inside["label"]))
        store.manifest.commit_tiles([row for row, _ in rows])
        for row, label in rows:
            store.write_labels(LABELS, row.tile, label, np.full(len(label), 200, np.uint8))
    return store


def model(store: Store, **options: Any) -> RunSummary:
    terrain = run_tiled(store, TerrainStage(labels_run=LABELS), Sequential())
    stage = ObjectStage(**{"rules": RULES, "labels_run": LABELS, "terrain_run": terrain.run, **options})
    return run_tiled(store, stage, Sequential())


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, points: Points) -> dict[str, tuple[Store, RunSummary]]:
    made = {}
    for name, edge, order in (("whole", 512.0, 0), ("tiled", 64.0, 7)):
        store = make_store(tmp_path_factory.mktemp("objects") / name, points, edge, order)
        made[name] = store, model(store)
    return made


def objects_of(store: Store, run: str) -> list[CityObject]:
    return sorted((item for item in iter_objects(store, run) if isinstance(item, CityObject)), key=lambda o: o.id)


def facts(item: CityObject) -> tuple[object, ...]:
    return item.id, item.kind, item.vertices.tolist(), item.faces, item.semantics, dict(item.attributes)


def test_every_tiling_and_every_order_of_points_gives_the_same_objects(
    stores: dict[str, tuple[Store, RunSummary]],
) -> None:
    whole, tiled = (objects_of(store, summary.run) for store, summary in stores.values())
    assert [facts(item) for item in tiled] == [facts(item) for item in whole]
    assert {item.kind for item in whole} == {"Bridge", "WaterBody", "SolitaryVegetationObject"}
    assert stores["whole"][1].counts["by_kind"] == stores["tiled"][1].counts["by_kind"]


def test_the_ground_of_all_tiles_is_one_surface_without_gaps(stores: dict[str, tuple[Store, RunSummary]]) -> None:
    """Joined by equal coordinates, an edge with one triangle lies on the survey's side or at a hole, never between."""
    store, summary = stores["tiled"]
    tins = [item for item in iter_objects(store, summary.run, ["TINRelief"]) if isinstance(item, Tin)]
    assert len(tins) > 4
    start = np.cumsum([0, *(len(tin.vertices) for tin in tins)])
    corners, index = np.unique(np.concatenate([tin.vertices for tin in tins]), axis=0, return_inverse=True)
    triangles = index[np.concatenate([tin.triangles + first for tin, first in zip(tins, start, strict=False)])]
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    once = np.unique(edges, axis=0, return_counts=True)
    rim = corners[once[0][once[1] == 1]]
    assert once[1].max() == 2
    terrain = store.manifest.latest_run("terrain")
    assert terrain is not None
    dtm = read_raster(store, terrain.run, "dtm")
    middle = rim[:, :, :2].mean(axis=1)
    shifts = [(i * 0.5, j * 0.5) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    around = [dtm.sample(*(middle + shift).T) for shift in shifts]
    assert np.isnan(around).any(axis=0).all(), "an edge inside known ground has a triangle on one side only"


def test_no_cell_of_the_terrain_is_farther_from_the_ground_than_stated(
    stores: dict[str, tuple[Store, RunSummary]],
) -> None:
    store, summary = stores["whole"]
    terrain = store.manifest.latest_run("terrain")
    assert terrain is not None
    dtm = read_raster(store, terrain.run, "dtm")
    x, y = np.meshgrid(*dtm.frame.centers())
    for tin in iter_objects(store, summary.run, ["TINRelief"]):
        assert isinstance(tin, Tin)
        mesh = trimesh.Trimesh(tin.vertices, tin.triangles, process=False)
        low, high = mesh.bounds[:, :2]
        inside = np.isfinite(dtm.values) & (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1])
        chosen = np.nonzero(inside.ravel())[0][::37]
        place = np.column_stack([x.ravel()[chosen], y.ravel()[chosen]])
        corners = tin.vertices[tin.triangles]
        boxes = shapely.STRtree(shapely.polygons(corners[:, :, :2]))
        which, triangle = boxes.query(shapely.points(place), predicate="intersects")
        a, b, c = (corners[triangle, k] for k in range(3))
        normal = np.cross(b - a, c - a)
        z = a[:, 2] - ((place[which] - a[:, :2]) * normal[:, :2]).sum(axis=1) / normal[:, 2]
        assert np.abs(z - dtm.values.ravel()[chosen[which]]).max() <= RULES.tolerance_m
        assert len(np.unique(which)) > 0.98 * len(chosen)


def test_solids_are_valid_and_stand_on_what_is_below(scene: Scene, stores: dict[str, tuple[Store, RunSummary]]) -> None:
    store, summary = stores["whole"]
    items = objects_of(store, summary.run)
    for item in items:
        if item.is_solid:
            named = tuple(kind or "WallSurface" for kind in item.semantics)
            assert check_solid(Solid(vertices=item.vertices, faces=item.faces, semantics=named)) == ()
            mesh = trimesh.Trimesh(
                item.vertices, [[f[0], f[i], f[i + 1]] for (f, *_) in item.faces for i in range(1, len(f) - 1)]
            )
            assert mesh.is_watertight or item.kind == "Bridge"
    bridge = max((item for item in items if item.kind == "Bridge"), key=lambda item: item.attributes["n_points"])
    assert bridge.attributes["below"] == "water"
    assert bridge.vertices[:, 2].min() == pytest.approx(scene.water_level_m, abs=0.1)
    assert bridge.attributes["deck_m"] == pytest.approx(scene.layout.deck + 0.2, abs=0.25)  # it rises by 0.4 m
    assert bridge.vertices[:, 2].max() == pytest.approx(scene.layout.deck + 1.4, abs=0.25)  # the rail
    for item in items:
        if item.kind == "WaterBody" and item.attributes["n_points"] > 20:
            assert item.attributes["level_m"] == pytest.approx(scene.water_level_m, abs=0.1)
            assert item.attributes["verticalDatum"] == "TP"


def test_water_covers_the_true_water(scene: Scene, stores: dict[str, tuple[Store, RunSummary]]) -> None:
    store, summary = stores["whole"]
    found = shapely.union_all(
        [
            shapely.Polygon(
                item.vertices[list(item.faces[0][0]), :2], [item.vertices[list(r), :2] for r in item.faces[0][1:]]
            )
            for item in objects_of(store, summary.run)
            if item.kind == "WaterBody"
        ]
    )
    box = scene.bounds
    x, y = np.meshgrid(np.arange(box.xmin + 2, box.xmax - 2, 2.0), np.arange(box.ymin + 2, box.ymax - 2, 2.0))
    truth, mine = scene.is_water(x, y), shapely.contains_xy(found, x, y)
    assert (truth & mine).sum() / (truth | mine).sum() > 0.9


def test_single_trees_are_found_where_they_stand(scene: Scene, stores: dict[str, tuple[Store, RunSummary]]) -> None:
    """Recall of what can be seen: a crown whose top lies inside another's is no single tree from the air."""
    store, summary = stores["whole"]
    trees = [item for item in objects_of(store, summary.run) if item.kind == "SolitaryVegetationObject"]
    middle = np.array([item.vertices[:, :2].mean(axis=0) for item in trees])
    height = np.array([item.attributes["height"] for item in trees])
    width = np.array([item.attributes["crownDiameter"] for item in trees])
    crowns = scene.objects.crowns + np.array([*scene.origin, 0, 0, 0, 0, 0])
    tall = crowns[:, 2] + crowns[:, 4] - scene.ground(crowns[:, 0], crowns[:, 1])
    crowns, tall = crowns[tall > 3.0], tall[tall > 3.0]
    far, nearest = cKDTree(crowns[:, :2]).query(middle)
    assert (far < 2.0).mean() > 0.85, "what is found is a tree"
    alone = cKDTree(crowns[:, :2]).query(crowns[:, :2], 2)[0][:, 1] > 2 * crowns[:, 3]
    back = cKDTree(middle).query(crowns[alone, :2])[0]
    assert (back < 1.5).mean() > 0.9, "what stands alone is found"
    sure = (far < 1.5) & alone[nearest]
    # At a quay wall the terrain under a crown may be the water's bed.
    assert np.quantile(np.abs(height - tall[nearest])[sure], 0.9) < 0.6
    assert np.sqrt(np.mean((width - 2 * crowns[nearest, 3])[sure] ** 2)) < 1.0


def test_files_follow_the_official_schema(
    stores: dict[str, tuple[Store, RunSummary]], shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data.parent / "schemas" / "cityjson" / "20"
    if not folder.is_dir():
        pytest.skip("the official CityJSON schemas do not stand beside the checkout")
    store, summary = stores["tiled"]
    facts = write_cityjson(tmp_path / "a.city.json", iter_objects(store, summary.run), crs=store.crs, vertical=TP)
    document = json.loads(facts.path.read_text(encoding="utf-8"))
    schema = json.loads((folder / "cityjson.min.schema.json").read_text(encoding="utf-8"))
    assert list(jsonschema_rs.validator_for(schema).iter_errors(document)) == []
    assert {entry["type"] for entry in document["CityObjects"].values()} == {
        "TINRelief",
        "Bridge",
        "WaterBody",
        "SolitaryVegetationObject",
    }
    assert (facts.buildings, facts.objects) == (0, len(document["CityObjects"]))
    assert facts.objects == summary.counts["objects"] + summary.counts["tiles"]


def test_a_rerun_does_nothing_and_every_byte_is_accounted_for(stores: dict[str, tuple[Store, RunSummary]]) -> None:
    store, summary = stores["whole"]
    again = model(store)
    assert (again.run, again.n_done) == (summary.run, 0)
    assert [problem for problem in verify_store(store) if not problem.path.startswith("labels/")] == []


def test_given_water_is_cut_levelled_and_named(
    stores: dict[str, tuple[Store, RunSummary]], scene: Scene, tmp_path: Path
) -> None:
    store, _ = stores["tiled"]
    box = scene.bounds
    shapes = {
        "sea": shapely.box(box.xmin + 3, box.ymin + 1, box.xmax - 3, box.ymin + 30),
        "bow": shapely.Polygon([(0, 0), (1, 1), (2, 2)]),
    }
    features = [
        {"type": "Feature", "properties": {"id": name}, "geometry": shapely.geometry.mapping(shape)}
        for name, shape in shapes.items()
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::6677"}}
    path = tmp_path / "water.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    summary = model(store, water=given_water(path))
    water = [item for item in objects_of(store, summary.run) if item.kind == "WaterBody"]
    assert len(water) > 2
    assert all(item.id.startswith("water_sea") for item in water)
    area = sum(shapely.Polygon(item.vertices[:, :2]).area for item in water)
    assert area == pytest.approx(shapes["sea"].area, rel=1e-3)
    assert [problem for problem in verify_store(store) if not problem.path.startswith("labels/")] == []
    assert [entry["id"] for entry in summary.counts["without_object"]] == ["bow"]
    with pytest.raises(FormatError, match="no such file"):
        given_water(tmp_path / "nothing.geojson")


def test_what_is_no_object_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.city.jsonl"
    path.write_text('{"type":"CityJSON","transform":{"scale":[1,1,1],"translate":[0,0,0]},"CityObjects":{},"vertices":[]}\n'
                    '{"CityObjects":{"b":{"type":"Bridge","geometry":[]}},"vertices":[]}\n')  # fmt: skip
    with pytest.raises(FormatError, match="line 2"):
        list(read_objects(path))
