"""What the downtown, the cliffs, the hills and the variants of the bay's sea promise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from scipy import ndimage

from twin.points import PointClass, Points
from twin.scene import Scene, SceneFeature, SceneParams
from twin.scene.compose import compose
from twin.scene.layout import origin_of

ALL = ("bay", "hills", "island", "highrise", "cliff")


def scene_of(kind: str, seed: int = 100, n_points: int = 60_000, **more: object) -> Scene:
    return Scene.build(SceneParams(kind=kind, seed=seed, n_points=n_points, **more))  # type: ignore[arg-type]


def unflown(kind: str, seed: int, features: tuple[SceneFeature, ...] = ()) -> Scene:
    """Return a scene without its survey, which costs most."""
    params = SceneParams(kind=kind, seed=seed, n_points=1_000, features=features)  # type: ignore[arg-type]
    layout, town, objects = compose(params)
    return Scene(params=params, origin=origin_of(params), layout=layout, town=town, objects=objects, strips=())


def of_class(points: Points, code: PointClass) -> Points:
    return points.take(points["classification"] == code)


@pytest.fixture(scope="module")
def downtown() -> tuple[Scene, Points]:
    scene = scene_of("highrise", n_points=150_000)
    return scene, scene.all_points()


@pytest.fixture(scope="module")
def cliffs() -> tuple[Scene, Points]:
    scene = scene_of("cliff", n_points=100_000)
    return scene, scene.all_points()


@pytest.mark.parametrize("kind", ["highrise", "cliff"])
def test_the_same_seed_gives_the_same_bytes(kind: str) -> None:
    one, two = (scene_of(kind, n_points=20_000).all_points().columns() for _ in range(2))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


@pytest.mark.parametrize("kind", ALL)
def test_seeds_give_different_layouts(kind: str) -> None:
    built = [compose(SceneParams(kind=kind, seed=seed, n_points=1_000, min_edge_m=330.0)) for seed in (100, 101, 200)]  # type: ignore[arg-type]
    places = [[(round(spec.u), round(spec.v)) for spec, _ in town.buildings] for _, town, _ in built]
    assert all(places)
    for i, one in enumerate(places):
        for two in places[i + 1 :]:
            assert len(set(one) & set(two)) < 0.5 * max(len(one), len(two))


@pytest.mark.parametrize("kind", ["hills", "highrise", "cliff"])
def test_buildings_stand_apart_inside_the_area_and_on_no_edge(kind: str) -> None:
    for seed in (100, 203):
        scene = unflown(kind, seed)
        outlines = [building.footprint for building in scene.buildings() if building.kind != "row"]
        assert len(outlines) >= 5
        area = shapely.box(*scene.bounds)
        assert all(outline.is_valid and area.contains(outline) for outline in outlines)
        tree = shapely.STRtree(outlines)
        pairs = tree.query(outlines, predicate="dwithin", distance=0.3)
        assert (pairs[0] == pairs[1]).all(), "no two buildings touch"


def test_a_downtown_has_towers_and_a_hall_of_a_hundred_metres() -> None:
    for seed in (100, 101, 200):
        buildings = list(unflown("highrise", seed).buildings())
        heights = [b.ridge_m - b.ground_m for b in buildings if b.kind == "tower"]
        assert heights
        assert 55.0 < min(heights) <= max(heights) < 215.0
        hall = next(b for b in buildings if b.kind == "hall")
        sides = sorted(shapely.length(shapely.LineString([a, b])) for a, b in _edges(hall.footprint))
        assert sides[-1] > 95.0


def _edges(outline: shapely.Polygon) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    ring = shapely.minimum_rotated_rectangle(outline).exterior.coords
    return list(itertools.pairwise(ring))


def test_decks_hang_over_the_streets_and_pits_are_open(downtown: tuple[Scene, Points]) -> None:
    scene, points = downtown
    deck = of_class(points, PointClass.BRIDGE)
    above = deck.z - scene.ground(deck.x, deck.y)
    assert len(deck) > 0.02 * len(points)
    assert (above > 5.0).mean() > 0.7
    assert scene.covered(deck.x, deck.y, 0.3).mean() > 0.99
    # A pit: ground that open sky lies over, well below the ground 40 metres around.
    ground = of_class(points, PointClass.GROUND)
    grid = scene.ground(*np.meshgrid(*(low + np.arange(2.0, scene.layout.edge, 4.0) for low in scene.origin)))
    around = ndimage.percentile_filter(grid, 80, size=21)
    low = (around - grid) > 4.0
    column, row = ((axis - low_side) // 4 for axis, low_side in zip((ground.x, ground.y), scene.origin, strict=True))
    assert low[row.astype(int), column.astype(int)].sum() > 300


def test_multipath_comes_in_groups_below_the_ground(downtown: tuple[Scene, Points]) -> None:
    scene, points = downtown
    low = of_class(points, PointClass.LOW_NOISE)
    depth = scene.ground(low.x, low.y) - low.z
    assert (depth > 0.8).mean() > 0.9
    assert depth.max() > 8.0
    cells, counts = np.unique(np.floor(np.column_stack([low.x, low.y]) / 4.0), axis=0, return_counts=True)
    assert len(cells) > 20
    assert (counts >= 2).sum() > 5


def test_canyons_see_fewer_pulses_than_squares(downtown: tuple[Scene, Points]) -> None:
    scene, points = downtown
    ground = of_class(points, PointClass.GROUND)
    open_sky = scene.layout.edge**2 - sum(b.footprint.area for b in scene.buildings())
    assert len(ground) / open_sky < 0.8 * len(points) / scene.layout.edge**2


def test_cliffs_drop_to_the_sea_and_are_announced(cliffs: tuple[Scene, Points]) -> None:
    scene, points = cliffs
    u = np.arange(10.0, scene.layout.edge - 10.0, 2.0)
    drop = np.array([np.ptp(_profile(scene, value)) for value in u])
    assert np.median(drop) > 15.0
    assert drop.max() < 80.0
    ground = of_class(points, PointClass.GROUND)
    near = scene.near_edge(ground.x, ground.y)
    assert 0.01 < near.mean() < 0.4
    step = np.abs(scene.ground(ground.x, ground.y + 0.25) - scene.ground(ground.x, ground.y - 0.25))
    assert step[~near].max() < 1.5, "what is not announced is no cliff"


def _profile(scene: Scene, u: float) -> np.ndarray:
    v = np.arange(scene.layout.coast_v - 25.0, scene.layout.coast_v + 45.0, 0.5)
    return scene.ground(np.full(v.size, scene.origin[0] + u), scene.origin[1] + v)


def test_stacks_stand_in_the_sea_and_houses_near_the_edge() -> None:
    near, stacks = 0, 0
    for seed in (100, 101, 102):
        scene = unflown("cliff", seed)
        corners = np.vstack([shapely.get_coordinates(b.footprint) for b in scene.buildings()])
        near += int(scene.near_edge(corners[:, 0], corners[:, 1], 8.0).sum())
        axis = np.arange(0.5, scene.layout.edge, 1.0)
        x, y = np.meshgrid(scene.origin[0] + axis, scene.origin[1] + axis[axis < scene.layout.coast_v - 20.0])
        stacks += ndimage.label(scene.ground(x, y) > 4.0)[1]
    assert near >= 10
    assert stacks >= 6


def test_the_road_over_the_gorge_is_a_bridge() -> None:
    for seed in (100, 200):
        scene = scene_of("cliff", seed=seed, n_points=20_000)
        points = scene.all_points()
        deck = of_class(points, PointClass.BRIDGE)
        assert len(deck) > 20
        assert (deck.z - scene.ground(deck.x, deck.y)).max() > 8.0
        assert {PointClass.WIRE, PointClass.TOWER} <= set(points["classification"].tolist())


def test_hills_are_steep_and_their_wood_dark() -> None:
    scene = scene_of("hills", n_points=150_000)
    axis = np.arange(2.0, scene.layout.edge - 2.0, 2.0)
    x, y = np.meshgrid(scene.origin[0] + axis, scene.origin[1] + axis)
    dy, dx = np.gradient(scene.ground(x, y), 2.0)
    slope = np.degrees(np.arctan(np.hypot(dx, dy)))
    assert np.quantile(slope, 0.5) > 25.0
    assert np.quantile(slope, 0.85) > 38.0
    points = scene.all_points()
    code, count = points["classification"], points["number_of_returns"].astype(int)
    first = np.flatnonzero((points["return_number"] == 1) & (code == PointClass.HIGH_VEGETATION))
    assert len(first) > 0.6 * (points["return_number"] == 1).sum()
    reached = code[first + count[first] - 1] == PointClass.GROUND
    assert 0.01 < reached.mean() < 0.07


@pytest.fixture(scope="module")
def seas() -> dict[str, tuple[Scene, Points]]:
    kinds: dict[str, tuple[SceneFeature, ...]] = {
        "plain": (),
        "all": ("turbid", "channel", "seagrass", "wreck", "no-surface"),
        "sonar": ("multibeam", "channel", "wreck"),
    }
    out = {}
    for name, features in kinds.items():
        scene = scene_of("bay", n_points=90_000, min_edge_m=300.0, features=features)
        points = scene.all_points()
        offsets = np.array([(0.0, 0.0, 0.0), *(strip.offset_m for strip in scene.strips)])[points["point_source_id"]]
        moved = Points(
            x=points.x - offsets[:, 0], y=points.y - offsets[:, 1], z=points.z - offsets[:, 2],
            attributes=points.attributes,
        )  # fmt: skip
        out[name] = scene, moved
    return out


def test_the_features_of_the_sea_leave_the_land_as_it_is(seas: dict[str, tuple[Scene, Points]]) -> None:
    (plain, _), (rich, _) = seas["plain"], seas["all"]
    axis = np.arange(0.5, 300.0, 3.0)
    x, y = np.meshgrid(plain.origin[0] + axis, plain.origin[1] + axis)
    same = plain.ground(x, y) == rich.ground(x, y)
    assert same[~plain.is_water(x, y)].all()
    assert not same.all()
    assert [b.id for b in plain.buildings()] == [b.id for b in rich.buildings()]


def test_the_dredged_channel_is_deep_with_steep_sides(seas: dict[str, tuple[Scene, Points]]) -> None:
    scene, points = seas["all"]
    bed = of_class(points, PointClass.SEABED)
    assert bed.z.min() < -10.0
    assert np.abs(bed.z - scene.ground(bed.x, bed.y)).max() < 0.6
    step = np.abs(scene.ground(bed.x, bed.y + 0.5) - scene.ground(bed.x, bed.y - 0.5))
    assert (step > 0.6).mean() > 0.05


def test_turbid_water_answers_near_its_surface_and_grass_above_its_bed(seas: dict[str, tuple[Scene, Points]]) -> None:
    scene, points = seas["all"]
    other = of_class(points, PointClass.UNCLASSIFIED)
    other = other.take(scene.is_water(other.x, other.y) & (other.z < scene.water_level_m - 0.12))
    above = other.z - scene.ground(other.x, other.y)
    grass = (above < 0.75) & (scene.water_level_m - scene.ground(other.x, other.y) > 0.9)
    assert grass.sum() > 100
    assert (above[grass] > 0.0).mean() > 0.97
    haze = scene.water_level_m - other.z[~grass]
    assert len(haze) > 1_000
    assert 0.4 < np.median(haze) < 1.0
    _, plain = seas["plain"]
    assert len(of_class(points, PointClass.SEABED)) < 0.8 * len(of_class(plain, PointClass.SEABED))


def test_wrecks_lie_on_the_bed_below_the_surface(seas: dict[str, tuple[Scene, Points]]) -> None:
    for name in ("all", "sonar"):
        scene, points = seas[name]
        wreck = of_class(points, PointClass.SUBMERGED_OBJECT)
        above = wreck.z - scene.ground(wreck.x, wreck.y)
        assert len(wreck) > 20
        assert (wreck.z < scene.water_level_m - 0.4).all()
        assert above.min() > -0.3
        assert np.median(above) > 0.8


def test_strips_without_a_surface_have_none_and_the_others_do(seas: dict[str, tuple[Scene, Points]]) -> None:
    _, points = seas["all"]
    strips = np.unique(of_class(points, PointClass.WATER_SURFACE)["point_source_id"])
    assert strips.min() == 3
    assert len(strips) >= 2


def test_a_sonar_sees_the_bed_and_nothing_else(seas: dict[str, tuple[Scene, Points]]) -> None:
    scene, points = seas["sonar"]
    assert set(points["classification"].tolist()) == {PointClass.SEABED, PointClass.SUBMERGED_OBJECT}
    bed = of_class(points, PointClass.SEABED)
    assert np.median(np.abs(bed.z - scene.ground(bed.x, bed.y))) < 0.03
    assert (points["number_of_returns"] == 1).all()


def test_features_of_the_sea_are_refused_where_there_is_no_bay() -> None:
    with pytest.raises(ValueError, match="bay"):
        SceneParams(kind="hills", features=("turbid",))
