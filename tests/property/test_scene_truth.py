"""The points of a synthetic scene agree with its truth, but for the noise and the strips' offsets that it states."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.points import PointClass, Points
from twin.scene import Scene, SceneParams
from twin.scene.compose import compose
from twin.scene.layout import origin_of

KINDS = ("bay", "hills", "island", "highrise", "cliff")


@pytest.fixture(scope="module", params=KINDS)
def surveyed(request: pytest.FixtureRequest) -> tuple[Scene, Points]:
    """Return a scene, and its points with every strip's offset taken back."""
    scene = Scene.build(SceneParams(kind=request.param, n_points=200_000, min_edge_m=260.0))
    points = scene.all_points()
    offsets = np.array([(0.0, 0.0, 0.0), *(strip.offset_m for strip in scene.strips)])[points["point_source_id"]]
    moved = Points(
        x=points.x - offsets[:, 0], y=points.y - offsets[:, 1], z=points.z - offsets[:, 2], attributes=points.attributes
    )
    return scene, moved


def of_class(points: Points, *classes: PointClass) -> Points:
    return points.take(np.isin(points["classification"], [int(one) for one in classes]))


def normal_residual(scene: Scene, points: Points) -> np.ndarray:
    """Distance to the ground square to it, for gentle ground; shape (n,)."""
    step = 0.25
    slope_x = (scene.ground(points.x + step, points.y) - scene.ground(points.x - step, points.y)) / (2 * step)
    slope_y = (scene.ground(points.x, points.y + step) - scene.ground(points.x, points.y - step)) / (2 * step)
    return (points.z - scene.ground(points.x, points.y)) / np.sqrt(1 + slope_x**2 + slope_y**2)


def test_ground_points_lie_on_the_ground_within_the_noise(surveyed: tuple[Scene, Points]) -> None:
    scene, points = surveyed
    residual = normal_residual(scene, of_class(points, PointClass.GROUND))
    assert abs(residual.mean()) < 0.003
    assert 0.017 < residual.std() < 0.026
    assert np.quantile(np.abs(residual), 0.999) < 0.1


def test_seabed_points_lie_on_the_bed_under_the_water(surveyed: tuple[Scene, Points]) -> None:
    scene, points = surveyed
    bed = of_class(points, PointClass.SEABED)
    assert (len(bed) > 0) is (scene.params.kind not in ("hills", "highrise"))
    if len(bed):
        residual = normal_residual(scene, bed)
        assert abs(residual.mean()) < 0.003
        assert residual.std() < 0.03
        assert (bed.z < scene.water_level_m).mean() > 0.999
        assert scene.is_water(bed.x, bed.y).mean() > 0.995


def test_water_surface_points_lie_at_the_water_level(surveyed: tuple[Scene, Points]) -> None:
    scene, points = surveyed
    surface = of_class(points, PointClass.WATER, PointClass.WATER_SURFACE)
    if scene.params.kind == "highrise":
        assert len(surface) == 0
        return
    assert len(surface) > 200
    assert abs(np.mean(surface.z) - scene.water_level_m) < 0.005
    assert np.abs(surface.z - scene.water_level_m).max() < 0.16
    assert scene.is_water(surface.x, surface.y).mean() > 0.99


def test_roof_points_lie_on_their_plane_and_walls_on_the_outline(surveyed: tuple[Scene, Points]) -> None:
    scene, points = surveyed
    shingles, walls = 0, 0
    for number, building in enumerate(scene.buildings(), 1):
        own = points.take(points["extra/building"] == number)
        assert (own["classification"] == PointClass.BUILDING).all()
        spots = shapely.points(own.x, own.y)
        assert shapely.distance(building.footprint, spots).max(initial=0.0) < 0.15
        inside = np.zeros(len(own), bool)
        for plane in building.roof_planes:
            core = shapely.contains(plane.polygon.buffer(-0.15), spots)
            residual = own.z[core] - (plane.a * own.x[core] + plane.b * own.y[core] + plane.c)
            assert np.abs(residual).max(initial=0.0) < 0.15 * np.hypot(1.0, np.hypot(plane.a, plane.b))
            inside |= core
        shingles += int(inside.sum())
        edges = shapely.union_all([plane.polygon.boundary for plane in building.roof_planes])
        rest = ~inside
        assert shapely.distance(edges, spots[rest]).max(initial=0.0) < 0.3
        walls += int((own.z[rest] < building.eaves_m - 1.0).sum())
    assert shingles > 1_000
    assert walls > 100


def test_roof_edges_split_a_pulse_in_two(surveyed: tuple[Scene, Points]) -> None:
    _, points = surveyed
    roof = points["classification"] == PointClass.BUILDING
    split = roof & (points["number_of_returns"] == 2) & (points["return_number"] == 1)
    split = np.flatnonzero(split[:-1])
    assert 0.005 < len(split) / roof.sum() < 0.15
    assert (points.z[split] - points.z[split + 1] > 0.3).all()
    below = points["classification"][split + 1]
    assert np.isin(below, [PointClass.GROUND, PointClass.BUILDING, PointClass.UNCLASSIFIED, PointClass.BRIDGE]).all()
    assert (below == PointClass.GROUND).mean() > 0.25


def test_every_building_is_hit_and_no_building_point_is_homeless(surveyed: tuple[Scene, Points]) -> None:
    scene, points = surveyed
    numbers = points["extra/building"]
    assert set(np.unique(numbers[numbers > 0]).tolist()) == set(range(1, len(scene.town.buildings) + 1))
    assert np.array_equal(numbers > 0, points["classification"] == PointClass.BUILDING)


def test_vegetation_is_classed_by_its_height_and_lets_the_laser_through(surveyed: tuple[Scene, Points]) -> None:
    scene, points = surveyed
    high = of_class(points, PointClass.HIGH_VEGETATION)
    low = of_class(points, PointClass.LOW_VEGETATION)
    assert (high.z - scene.ground(high.x, high.y) > 1.2).mean() > 0.99
    assert (np.abs(low.z - scene.ground(low.x, low.y) - 0.25) < 0.5).mean() > 0.99
    last = points.take((points["return_number"] == points["number_of_returns"]) & (points["number_of_returns"] > 1))
    assert (last["classification"] == PointClass.GROUND).sum() > 1_000, "ground is seen under trees"


def test_noise_lies_off_every_surface_and_is_rare(surveyed: tuple[Scene, Points]) -> None:
    scene, points = surveyed
    low, high = of_class(points, PointClass.LOW_NOISE), of_class(points, PointClass.HIGH_NOISE)
    assert 5 < len(low) < 2e-3 * len(points)
    assert 2 < len(high) < 2e-3 * len(points)
    level = np.where(scene.is_water(low.x, low.y), scene.water_level_m, scene.ground(low.x, low.y))
    assert np.median(low.z - level) < -1.0
    assert (high.z - scene.ground(high.x, high.y)).min() > 8.0


def test_light_falls_off_and_colours_are_bounded(surveyed: tuple[Scene, Points]) -> None:
    _, points = surveyed
    many = points["number_of_returns"] >= 3
    first, last = many & (points["return_number"] == 1), many & (points["return_number"] == points["number_of_returns"])
    assert points["intensity"][first].mean() > points["intensity"][last].mean()
    assert points["intensity"].min() >= 1
    green = of_class(points, PointClass.HIGH_VEGETATION)
    assert (green["green"] > green["red"]).mean() > 0.99


@settings(max_examples=10)
@given(seed=st.integers(0, 2**63 - 1), kind=st.sampled_from(KINDS), shift=st.floats(-0.4, 0.4))
def test_ground_is_a_function_of_place_alone(seed: int, kind: str, shift: float) -> None:
    scene = _grounds(kind, seed)
    x = scene.bounds.xmin + np.linspace(1.0, scene.bounds.width_m - 1.0, 50)
    y = np.full(50, scene.bounds.center[1] + shift * scene.bounds.height_m)
    together = scene.ground(x, y)
    assert np.isfinite(together).all()
    assert np.array_equal(together[::-1], scene.ground(x[::-1].copy(), y))
    assert together[7] == scene.ground(x[7:8], y[7:8])[0]


def _grounds(kind: str, seed: int) -> Scene:
    params = SceneParams(kind=kind, n_points=1_000, seed=seed)  # type: ignore[arg-type]
    layout, town, objects = compose(params)
    return Scene(params=params, origin=origin_of(params), layout=layout, town=town, objects=objects, strips=())
