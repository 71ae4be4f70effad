from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import shapely

from tiles.store import Store
from twin.errors import StoreError
from twin.freshness import FreshnessLimits
from twin.points import Points
from twin.vertical import TP
from viewer.camera import Margins, overview, plan
from viewer.cloud import BUDGET_SOFTWARE, color_modes, deepest_lod, drawn, even_sample, in_outlines, point_colors
from viewer.content import LAYERS
from viewer.facts import Finder
from viewer.fonts import FONT_VARIABLE, find_fonts
from viewer.keys import keys
from viewer.live import Place, gauges, reading_text, time_text
from viewer.load import load_points, load_scene
from viewer.marks import gauge_head


def _value(facts: Any, name: str) -> str:
    return next(row.value_en for row in facts.rows if row.en == name)


def test_a_click_on_a_wall_tells_the_building_its_height_and_its_water(scene: Any, town: Any) -> None:
    x, y = town.bounds.xmin, town.bounds.ymin
    facts = Finder(scene).at((x + 20.0, y + 30.0, 4.0), LAYERS)
    assert (facts.kind, facts.title_en) == ("building", "Building low")
    assert _value(facts, "Height") == "6.0 m"
    assert _value(facts, "Base") == "1.00 m T.P."
    assert _value(facts, "Flood depth") == "0.60 m (0.5 m to 3 m)"
    assert Finder(scene).at((x + 90.0, y + 80.0, 32.0), LAYERS).text("ja").splitlines()[0] == "建物 tall"


def test_a_click_on_a_roof_tells_how_steep_it_is_and_where_it_faces(scene: Any, town: Any) -> None:
    x, y = town.bounds.xmin, town.bounds.ymin
    low = town.buildings[0]
    # The house of 20 x 20 m gets a roof of one slope that rises 10 m to the north.
    solid = low.solid
    tilted = solid.vertices + np.where((solid.vertices[:, 2] > 2) & (solid.vertices[:, 1] > y + 40), 10.0, 0.0)[
        :, None
    ] * [0, 0, 1]
    shed = replace(low, solids={"2.2": replace(solid, vertices=tilted)}, roof_m=17.0)
    finder = Finder(replace(scene, buildings=(shed, town.buildings[1])))
    assert _value(finder.at((x + 30.0, y + 32.0, 12.0), LAYERS), "Roof slope") == "27°, faces S"
    assert "屋根の傾き: 27° 南向き" in finder.at((x + 30.0, y + 32.0, 12.0), LAYERS).text("ja")
    assert _value(finder.at((x + 90.0, y + 80.0, 32.0), LAYERS), "Roof slope") == "flat"
    wall = finder.at((x + 20.0, y + 30.0, 4.0), LAYERS)
    assert "Roof slope" not in {row.en for row in wall.rows}


def test_a_click_on_a_point_tells_its_class_height_and_file(scene: Any) -> None:
    cloud = scene.points.points
    facts = Finder(scene).at((cloud.x[7], cloud.y[7], cloud.z[7] + 0.02), LAYERS)
    assert facts.kind == "point"
    assert _value(facts, "Class") == "High vegetation (5)"
    assert _value(facts, "Height") == f"{cloud.z[7]:.2f} m T.P."
    assert _value(facts, "From file") == "strip_07.laz"


def test_points_that_are_not_drawn_are_not_found(scene: Any) -> None:
    cloud = scene.points.points
    place = (cloud.x[7], cloud.y[7], cloud.z[7])
    assert Finder(scene).at(place, {"terrain"}).kind == "ground"
    far = np.flatnonzero(np.hypot(cloud.x - place[0], cloud.y - place[1]) > 5.0)
    assert Finder(scene).at(place, LAYERS, points=far).kind == "ground"


def test_a_click_on_a_gauge_tells_reading_datum_and_age(scene: Any) -> None:
    gauge = next(gauge for gauge in scene.gauges if gauge.observation.entity == "g1")
    head = gauge_head(gauge, scene)
    assert head is not None
    facts = Finder(scene).at(tuple(np.array(head) + scene.origin), LAYERS)
    assert facts.kind == "gauge"
    assert "2.10 m A.P." in _value(facts, "Reading")
    assert "fresh, 4 min ago" in _value(facts, "Time")
    # A.P. 2.10 m is T.P. 0.9656 m: the level in the scene's datum is told as well.
    assert _value(facts, "Above this scene's zero") == "0.97 m T.P."


def test_a_gauge_without_a_datum_has_no_level_and_says_so(scene: Any) -> None:
    gauge = next(gauge for gauge in scene.gauges if gauge.observation.entity == "g3")
    assert gauge.level_m is None
    assert "基準面不明" in reading_text(gauge, "ja")
    assert "途絶" in time_text(gauge, "ja")


def test_a_gauge_without_a_place_is_listed_but_not_drawn(scene: Any) -> None:
    gauge = next(gauge for gauge in scene.gauges if gauge.observation.entity == "g4")
    assert gauge.x is None
    assert gauge_head(gauge, scene) is None


def test_a_gauge_outside_the_area_is_not_drawn(scene: Any) -> None:
    gauge = replace(scene.gauges[0], x=scene.bounds.xmax + 5_000.0)
    assert gauge_head(gauge, scene) is None


def test_of_one_thing_only_the_newest_reading_counts(town: Any) -> None:
    new = town.observations[0]
    old = replace(new, value=9.9, observed_at=new.observed_at - timedelta(hours=1))
    place = Place(crs=__import__("twin.crs", fromlist=["parse_crs"]).parse_crs("EPSG:6677"), vertical=TP, terrain=None,
                  floor_m=0.0)  # fmt: skip
    now = new.received_at
    found = gauges([new, old], place, now, {"water": FreshnessLimits(stale_after_s=60.0, dead_after_s=3600.0)})
    assert [gauge.observation.value for gauge in found] == [2.1]
    assert found[0].freshness.state == "stale"


def test_ground_and_water_are_told_where_nothing_stands(scene: Any, town: Any) -> None:
    facts = Finder(scene).at((town.bounds.xmin + 110.5, town.bounds.ymin + 20.5, 0.91), {"terrain", "flood"})
    assert facts.kind == "ground"
    assert _value(facts, "Height") == "0.91 m T.P."
    assert _value(facts, "Flood depth") == "0.59 m (0.5 m to 3 m)"
    assert Finder(scene).at((0.0, 0.0, 0.0), LAYERS).kind == "nothing"


def test_the_sea_is_never_called_flooded(scene: Any) -> None:
    water = scene.flood.permanent
    row, column = np.argwhere(water)[0]
    x, y = scene.flood.depth.frame.centers()
    facts = Finder(scene).at((float(x[column]), float(y[row]), -0.5), {"terrain", "flood"})
    assert facts.title_en == "Sea or river"
    assert "Flood depth" not in [fact.en for fact in facts.rows]


@pytest.mark.parametrize("size", [(1600, 1000), (700, 1100), (2400, 600)])
@pytest.mark.parametrize("shape", [(1.0, 1.0), (6.0, 1.0), (0.1, 3.0)])
def test_the_whole_area_fits_the_frame_and_touches_it(
    scene: Any, size: tuple[int, int], shape: tuple[float, float]
) -> None:
    box = scene.bounds
    bounds = replace(box, xmax=box.xmin + 100 * shape[0], ymax=box.ymin + 100 * shape[1])
    content = replace(scene, bounds=bounds)
    margins = Margins(left=0.05, right=0.2, top=0.1, bottom=0.02)
    corners = np.array(
        [(x, y, z) for x in bounds_x(bounds) for y in bounds_y(bounds) for z in (content.zmin_m, content.zmax_m)]
    ) - np.array(content.origin)
    for camera in (overview(content, size, margins), plan(content, size, margins)):
        across, down = _projected(camera, corners, size)
        assert across.min() >= 0.05 - 1e-6
        assert across.max() <= 0.8 + 1e-6
        assert down.min() >= 0.1 - 1e-6
        assert down.max() <= 0.98 + 1e-6
        slack = min(across.min() - 0.05 + 0.8 - across.max(), down.min() - 0.1 + 0.98 - down.max())
        assert slack < 1e-6


def bounds_x(bounds: Any) -> tuple[float, float]:
    return bounds.xmin, bounds.xmax


def bounds_y(bounds: Any) -> tuple[float, float]:
    return bounds.ymin, bounds.ymax


def _projected(camera: Any, points: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the picture's width from the left and of its height from the top, by a pinhole of our own."""
    forward = np.array(camera.focus) - np.array(camera.position)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, camera.up)
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    seen = points - np.array(camera.position)
    depth = seen @ forward
    assert (depth > 0).all()
    half = np.tan(np.radians(camera.view_angle_deg) / 2)
    return 0.5 + seen @ right / depth / half * size[1] / size[0] / 2, 0.5 - seen @ up / depth / half / 2


def test_the_budget_takes_whole_levels_and_the_same_points_every_time(store_path: Any) -> None:
    store = Store.open(store_path)
    some, again = load_points(store, 2500), load_points(store, 2500)
    assert some.lod == 1
    assert len(some.points) == 2000
    assert some.n_total == 5000
    assert np.array_equal(some.points.x, again.points.x)
    assert len(load_points(store, 300).points) <= 300
    assert len(load_points(store, BUDGET_SOFTWARE).points) == 5000


def test_a_picture_spends_its_budget_on_points_that_it_draws(store_path: Any) -> None:
    store = Store.open(store_path)
    beside = ("terrain", "buildings")
    labels = load_points(store, 700, beside).points["label"]
    assert set(labels.tolist()) == {5}
    assert len(labels) == 600  # of the tree's 3000 points, those of the first level
    assert len(load_points(store, 3000, beside).points) == 3000


def test_levels_are_added_until_the_budget_is_spent() -> None:
    assert deepest_lod({0: 5, 1: 5, 2: 5}, budget=10) == 1
    assert deepest_lod({3: 50}, budget=10) == 3
    assert deepest_lod({}, budget=10) == 0


def test_an_even_sample_never_exceeds_its_budget(scene: Any) -> None:
    for budget in (1, 7, 1000, 4999, 5000, 6000):
        assert 0 < len(even_sample(scene.points.points, budget)) <= budget


def test_points_that_another_layer_models_are_left_to_it() -> None:
    labels = np.array([2, 5, 6, 7, 9, 18, 1], np.uint8)
    assert drawn(labels, {"points"}).tolist() == [True, True, True, False, True, False, True]
    assert drawn(labels, LAYERS).tolist() == [False, True, False, False, False, False, True]


def test_a_cloud_is_only_coloured_by_what_it_carries(scene: Any) -> None:
    cloud = scene.points.points
    assert color_modes(cloud) == ("class", "elevation", "intensity")
    assert np.array_equal(point_colors(cloud, "rgb"), point_colors(cloud, "class"))
    eight_bit = cloud.with_attributes(**{name: np.full(5000, 200, np.uint16) for name in ("red", "green", "blue")})
    assert (point_colors(eight_bit, "rgb") == 200).all()
    full = cloud.with_attributes(**{name: np.full(5000, 200 << 8, np.uint16) for name in ("red", "green", "blue")})
    assert (point_colors(full, "rgb") == 200).all()


def test_a_store_gives_the_scene_that_was_put_in(store_path: Any, scene: Any, town: Any) -> None:
    loaded = load_scene(Store.open(store_path), now=scene.now)
    assert loaded.layers == LAYERS
    assert loaded.title == "Testville"
    assert np.array_equal(loaded.terrain.heights.values, town.ground)
    assert [building.id for building in loaded.buildings] == ["low", "tall"]
    assert loaded.flood.depth_by_building == {"low": 0.6}
    assert np.array_equal(loaded.flood.permanent, town.state == 2)
    assert [gauge.freshness.state for gauge in loaded.gauges] == ["fresh", "stale", "dead", "fresh"]
    assert loaded.points.sources == {0: "strip_07.laz"}


def test_a_scene_shows_only_what_was_measured_by_its_moment(store_path: Any, scene: Any) -> None:
    early = load_scene(Store.open(store_path), now=scene.now - timedelta(hours=2), layers=["gauges"])
    assert [gauge.observation.entity for gauge in early.gauges] == ["g3"]


def test_an_unknown_layer_is_named(store_path: Any) -> None:
    with pytest.raises(StoreError, match="unknown layers roads; there are: terrain"):
        load_scene(Store.open(store_path), layers=["roads"])


def test_keys_explain_exactly_the_layers_on_show(scene: Any) -> None:
    titles = [key.en for key in keys(scene, LAYERS, "class", "height")]
    assert titles == ["Inundation depth", "Building height", "Point classes", "Ground height", "Live readings"]
    assert [key.en for key in keys(scene, {"terrain"})] == ["Ground height"]
    rows = keys(scene, {"flood"})[0].rows
    assert rows[-1].en == "sea, river"


def test_a_font_without_japanese_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    import matplotlib

    latin = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
    monkeypatch.setenv(FONT_VARIABLE, latin)
    monkeypatch.setattr("viewer.fonts._folders", lambda: [tmp_path])
    find_fonts.cache_clear()
    try:
        assert not find_fonts().japanese
        assert find_fonts().regular.is_file()
    finally:
        find_fonts.cache_clear()


def test_points_of_a_building_without_a_model_stay_in_the_picture() -> None:
    points = Points(
        x=np.array([5.0, 10.5, 20.0, 5.0]), y=np.array([5.0, 5.0, 5.0, 6.0]), z=np.full(4, 9.0)
    ).with_attributes(label=np.array([6, 6, 6, 2], np.uint8))
    modelled = in_outlines(points, [shapely.box(0, 0, 10, 10)])
    assert modelled.tolist() == [True, True, False, False]
    assert drawn(points["label"], LAYERS, modelled).tolist() == [False, False, True, False]
    assert drawn(points["label"], {"points"}, modelled).tolist() == [True, True, True, True]
