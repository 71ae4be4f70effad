"""Laws of the synthetic scene: what it places, and how it is flown."""

from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import shapely
from scipy import ndimage

from twin.points import PointClass
from twin.scene import Scene, SceneParams
from twin.scene.buildings import KINDS

SMALL = 60_000


@pytest.fixture(scope="module")
def bay() -> Scene:
    return Scene.build(SceneParams(kind="bay", n_points=SMALL))


@pytest.fixture(scope="module")
def city() -> Scene:
    return Scene.build(SceneParams(kind="bay", n_points=60_000, min_edge_m=400.0))


def columns(scene: Scene) -> dict[str, bytes]:
    return {name: column.tobytes() for name, column in scene.all_points().columns().items()}


def test_same_seed_gives_same_bytes(bay: Scene) -> None:
    assert columns(Scene.build(bay.params)) == columns(bay)


def test_another_seed_gives_another_scene(bay: Scene) -> None:
    other = Scene.build(SceneParams(kind="bay", n_points=SMALL, seed=2))
    assert columns(other)["z"] != columns(bay)["z"]
    assert other.strips[0].offset_m != bay.strips[0].offset_m


def test_pieces_are_independent_of_order(bay: Scene) -> None:
    scene = Scene.build(SceneParams(kind="bay", n_points=SMALL, pulses_per_piece=9_000))
    pieces = scene.pieces()
    assert len(pieces) > 2 * len(scene.strips)
    forwards = [scene.points(piece) for piece in pieces]
    backwards = [scene.points(piece) for piece in reversed(pieces)][::-1]
    for one, two in zip(forwards, backwards, strict=True):
        assert all(np.array_equal(one.columns()[name], two.columns()[name]) for name in one.columns())


def test_the_cut_into_pieces_changes_no_byte(bay: Scene) -> None:
    assert columns(Scene.build(SceneParams(kind="bay", n_points=SMALL, pulses_per_piece=4_321))) == columns(bay)


@pytest.mark.parametrize("kind", ["bay", "hills", "island"])
@pytest.mark.parametrize("n_points", [10_000, 80_000])
def test_the_survey_has_the_points_that_were_asked_for(kind: str, n_points: int) -> None:
    scene = Scene.build(SceneParams(kind=kind, n_points=n_points))  # type: ignore[arg-type]
    points = scene.all_points()
    assert len(points) == pytest.approx(n_points, rel=0.04)
    assert scene.bounds.contains(points.x, points.y).all()


def test_the_area_grows_with_the_points_once_it_is_complete() -> None:
    edges = [SceneParams(n_points=n).edge_m for n in (10_000, 100_000, 1_100_000, 1_100_000_000)]
    assert edges == [160.0, 160.0, 316.0, 10_000.0]


@pytest.mark.parametrize("bad", [{"n_points": 10}, {"seed": -1}, {"density_per_m2": 0.0}, {"max_scan_angle_deg": 80.0}])
def test_parameters_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        SceneParams(**bad)  # type: ignore[arg-type]


def test_even_the_smallest_bay_has_every_kind_of_building() -> None:
    for seed in range(1, 6):
        scene = Scene.build(SceneParams(kind="bay", n_points=10_000, seed=seed))
        assert {building.kind for building in scene.buildings()} == set(KINDS)


def test_every_class_of_the_bay_is_there(city: Scene) -> None:
    counts = Counter(city.all_points()["classification"].tolist())
    elsewhere = {PointClass.WATER, PointClass.SUBMERGED_OBJECT, PointClass.WATER_COLUMN}
    wanted = set(PointClass) - elsewhere - {PointClass.NEVER_CLASSIFIED}
    assert set(counts) == {int(point_class) for point_class in wanted}


@pytest.mark.parametrize(("kind", "there", "missing"), [("hills", {9}, {40, 41}), ("island", {40, 41}, {9})])
def test_water_is_seen_in_the_colour_of_the_laser(kind: str, there: set[int], missing: set[int]) -> None:
    scene = Scene.build(SceneParams(kind=kind, n_points=40_000))  # type: ignore[arg-type]
    classes = set(scene.all_points()["classification"].tolist())
    assert there <= classes
    assert not missing & classes
    assert 6 in classes


def test_footprints_are_valid_and_covered_by_their_roof_planes(city: Scene) -> None:
    for building in city.buildings():
        assert building.footprint.is_valid
        assert building.footprint.exterior.is_ccw
        assert building.footprint.area > 30
        faces = [plane.polygon for plane in building.roof_planes]
        assert sum(face.area for face in faces) == pytest.approx(building.footprint.area, abs=0.1)
        assert shapely.union_all(faces).symmetric_difference(building.footprint).area < 0.1
        assert building.ground_m < building.eaves_m <= building.ridge_m


def test_roof_planes_number_as_the_kind_says(city: Scene) -> None:
    planes = {kind: {len(b.roof_planes) for b in city.buildings() if b.kind == kind} for kind in KINDS}
    assert planes["flat"] == planes["shed"] == {1}
    assert planes["gabled"] == planes["row"] == {2}
    assert planes["hipped"] == {4}
    assert planes["l_shaped"] == {5}, "a cross gable parts one slope of the main roof in two"
    assert planes["penthouse"] == {2}
    assert planes["stepped"] == planes["highrise"] == {3}


def test_courtyards_have_a_hole_and_towers_are_high(city: Scene) -> None:
    for building in city.buildings():
        assert len(building.footprint.interiors) == (building.kind == "courtyard")
        if building.kind == "highrise":
            assert building.ridge_m - building.ground_m > 40


def test_rows_share_their_walls_and_others_stand_apart(city: Scene) -> None:
    rows = [building for building in city.buildings() if building.kind == "row"]
    shared = [a.footprint.intersection(b.footprint) for a, b in itertools.combinations(rows, 2)]
    assert sum(wall.length > 5 for wall in shared) >= 2 * len(rows) // 3
    others = [building.footprint for building in city.buildings() if building.kind != "row"]
    assert all(a.distance(b) > 0.5 for a, b in itertools.combinations(others, 2))


def test_the_dike_stands_above_the_streets_behind_it(city: Scene) -> None:
    height = {name: float(city.ground(np.array([x]), np.array([y]))[0]) for name, (x, y) in city.places.items()}
    assert height["sea_dike"] == pytest.approx(2.6, abs=0.01)
    assert height["canal_dike"] == pytest.approx(2.6, abs=0.01)
    assert height["low_street"] < 1.0
    assert height["low_street_west"] < 1.0
    assert height["open_water"] < -3.0
    assert height["canal"] == pytest.approx(-2.6, abs=0.01)
    assert height["islet"] > 8.0
    assert height["hill"] > 10.0


@pytest.mark.parametrize("edge_m", [160.0, 350.0, 1_000.0])
@pytest.mark.parametrize(("level_m", "wet"), [(1.0, False), (1.8656, False), (2.5, False), (2.7, True), (3.0, True)])
def test_low_streets_stay_dry_until_the_dike_is_overtopped(edge_m: float, level_m: float, wet: bool) -> None:
    scene = Scene.build(SceneParams(kind="bay", n_points=10_000, min_edge_m=edge_m))
    x, y = np.meshgrid(*(low + 0.5 + np.arange(int(edge_m)) for low in scene.origin))
    parts, _ = ndimage.label(scene.ground(x, y) <= level_m, structure=np.ones((3, 3)))

    def part(name: str) -> int:
        column, row = (int(value - low) for value, low in zip(scene.places[name], scene.origin, strict=True))
        return int(parts[row, column])

    assert part("open_water") == part("canal") > 0
    assert (part("low_street") == part("open_water")) is wet
    assert (part("low_street_west") == part("open_water")) is wet


def test_water_stands_in_sea_and_canal_but_not_in_hollows_behind_the_dike(city: Scene) -> None:
    x, y = np.meshgrid(*(low + 0.5 + np.arange(400) for low in city.origin))
    ground, water = city.ground(x, y), city.is_water(x, y)
    assert (ground[water] < city.water_level_m).all()
    for name in ("open_water", "canal"):
        assert city.is_water(*(np.array([value]) for value in city.places[name]))[0]
    assert not city.is_water(*(np.array([value]) for value in city.places["low_street"]))[0]
    assert ndimage.label(water)[1] == 1, "canal and sea are one water"


def test_gauges_stand_in_their_water_and_state_their_datum(city: Scene) -> None:
    assert {gauge.water for gauge in city.gauges} == {"canal", "sea"}
    for gauge in city.gauges:
        assert gauge.vertical.name == "AP"
        assert city.is_water(np.array([gauge.x]), np.array([gauge.y]))[0]
    (gate,) = city.gates
    assert city.is_water(np.array([gate.x]), np.array([gate.y]))[0]
    assert gate.closed_top_m > city.layout.crest


def test_returns_of_a_pulse_belong_together(city: Scene) -> None:
    for strip in city.strips:
        points = [city.points(piece) for piece in city.pieces() if piece.strip == strip.number]
        time = np.concatenate([part["gps_time"] for part in points])
        number = np.concatenate([part["return_number"] for part in points])
        count = np.concatenate([part["number_of_returns"] for part in points])
        assert (np.diff(time) >= 0).all()
        first = np.flatnonzero(np.r_[True, np.diff(time) > 0])
        length = np.diff(np.r_[first, len(time)])
        assert np.array_equal(np.repeat(length, length), count)
        assert np.array_equal(np.arange(len(time)) - np.repeat(first, length) + 1, number)


def test_strips_are_flown_in_turn_overlap_and_are_a_little_off(city: Scene) -> None:
    points = city.all_points()
    assert set(points["point_source_id"].tolist()) == {strip.number for strip in city.strips}
    cells = np.floor((points.x - city.origin[0]) / 10).astype(int) * 40 + np.floor((points.y - city.origin[1]) / 10)
    seen = np.zeros((len(city.strips) + 1, 1600), bool)
    seen[points["point_source_id"], cells.astype(int)] = True
    assert (seen.sum(axis=0) >= 1).mean() > 0.995, "but for the shadow of a tower"
    assert (seen.sum(axis=0) >= 2).mean() > 0.25
    offsets = np.array([strip.offset_m for strip in city.strips])
    assert (np.abs(offsets) < 0.15).all()
    assert (np.abs(offsets).max(axis=0) > 0.005).all()
    ends = [
        (strip.scan.start_s, strip.scan.start_s + strip.lines * strip.scan.pulses * strip.scan.pulse_s)
        for strip in city.strips
    ]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_scan_angles_and_flags_tell_the_geometry(city: Scene) -> None:
    strip = city.strips[0]
    points = Scene.build(city.params).points(city.pieces()[0])
    angle = np.radians(points["scan_angle"] * 0.006)
    assert np.abs(points["scan_angle"]).max() <= 25.0 / 0.006
    ground = points["classification"] == PointClass.GROUND
    across = points.x[ground] - city.origin[0] - strip.scan.track_u
    reach = np.tan(angle[ground]) / np.cos(strip.scan.look) * (strip.scan.altitude - points.z[ground])
    assert np.abs(across - reach).max() < 0.5
    assert set((points["flags"] & ~np.uint8(64 | 128)).tolist()) == {0}
    assert set((points["flags"] & 64).tolist()) == {0, 64}


def test_memory_of_a_piece_does_not_grow_with_the_survey() -> None:
    peaks = []
    for n_points in (50_000, 800_000):
        scene = Scene.build(SceneParams(n_points=n_points, pulses_per_piece=10_000))
        pieces = scene.pieces()
        scene.points(pieces[0])
        tracemalloc.start()
        for piece in pieces[:: max(1, len(pieces) // 8)]:
            scene.points(piece)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
    assert peaks[1] < 16e6
