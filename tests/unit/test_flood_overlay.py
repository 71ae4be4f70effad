from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipelines.flood.exposure import building_exposure
from pipelines.flood.ground import BurnedBarrier, SeedChoice, Survey, prepare_ground
from pipelines.flood.overlay import static_overlay
from tiles.flood import FloodState
from twin.errors import StageError
from twin.raster import Frame, Raster
from twin.vertical import AP, TP, convert_height

SEA = np.s_[:, :4]


def frame_of(shape):
    return Frame(column0=-40, row0=-900, rows=shape[0], columns=shape[1], resolution_m=0.5)


def raster(dtm):
    return Raster(values=dtm, frame=frame_of(dtm.shape), crs="EPSG:6677", vertical=TP)


def sea_of(dtm):
    water = np.zeros(dtm.shape, dtype=bool)
    water[SEA] = True
    return water


def survey_of(dtm, water, inside=None, gaps=None):
    inside = np.ones(dtm.shape, dtype=bool) if inside is None else inside
    return Survey(dtm_m=dtm, water=water, inside=inside, gaps=gaps, frame=frame_of(dtm.shape))


def flooded(dtm, level_m, *, water=None, inside=None, choice=None, barriers=(), **more):  # noqa: PLR0913
    water = sea_of(dtm) if water is None else water
    ground = prepare_ground(survey_of(dtm, water, inside), choice or SeedChoice(min_area_m2=5.0), barriers)
    return static_overlay(ground, raster(dtm), level_m, **more)


def dike(gap_m=None):
    """Sea in the west at -1 m, a dike of 2.6 m, streets at 0.5 m behind it; a gap's sill in the middle of the dike."""
    dtm = np.full((20, 30), 0.5)
    dtm[SEA] = -1.0
    dtm[:, 10] = 2.6
    if gap_m is not None:
        dtm[10, 10] = gap_m
    return dtm


def test_streets_behind_a_dike_stay_dry_until_it_is_overtopped():
    below, above = flooded(dike(), 2.599), flooded(dike(), 2.601)
    assert np.all(below.depth.values[:, 11:] == 0)
    np.testing.assert_allclose(above.depth.values[:, 11:], 2.101, atol=1e-6)
    np.testing.assert_allclose(above.critical_level.values[:, 11:], 2.6, atol=1e-6)


def test_a_gap_in_the_dike_lets_water_in_from_its_sill_on():
    assert np.all(flooded(dike(1.2), 1.19).depth.values[:, 11:] == 0)
    np.testing.assert_allclose(flooded(dike(1.2), 1.3).depth.values[:, 11:], 0.8, atol=1e-6)


def test_water_does_not_slip_through_a_corner():
    dtm = dike()
    dtm[:10, 10], dtm[:10, 11] = 0.5, 2.6  # the dike steps sideways: its cells touch at a corner only
    assert np.all(flooded(dtm, 2.0).depth.values[:, 12:] == 0)


def test_a_bowl_fills_from_its_sill_to_the_level():
    y, x = np.mgrid[0:41, 0:61]
    r2 = (x - 36.0) ** 2 + (y - 20.0) ** 2
    dtm = np.where(r2 <= 15**2, r2 / 15**2 * 3.0, 3.0)  # a paraboloid, 0 m in the middle, 3 m at the rim
    dtm[SEA] = -1.0
    dtm[20, 4:25] = 1.5  # a channel: the sill
    assert np.all(flooded(dtm, 1.499).depth.values[:, 25:] == 0)
    depth = flooded(dtm, 2.0).depth.values
    inside = (r2 <= 14**2) & (x > 24)
    np.testing.assert_allclose(depth[inside], np.maximum(2.0 - dtm[inside], 0.0), atol=6e-4)
    volume = depth[r2 <= 15**2].sum() * 0.25
    exact = np.pi * 2.0**2 * (15 * 0.5) ** 2 / 3.0 / 2.0  # of a paraboloid of rim 3 m, filled to 2 m
    assert volume == pytest.approx(exact, rel=0.02)


def test_one_datum_taken_for_another_floods_the_street():
    surge_m = 3.0  # above A.P.
    level = convert_height(surge_m, AP, TP)
    assert level == pytest.approx(1.8656)
    assert np.all(flooded(dike(), level).depth.values[:, 11:] == 0)
    assert np.all(flooded(dike(), surge_m).depth.values[:, 11:] > 2)


def test_a_pond_in_the_park_is_no_sea():
    dtm, water = dike(), sea_of(dike())
    water[5:8, 20:24] = True
    edge = flooded(dtm, 2.0, water=water)
    assert np.all(edge.depth.values[:, 11:] == 0)
    assert np.all(edge.state.values[5:8, 20:24] == FloodState.WATER)
    assert np.all(
        flooded(dtm, 2.0, water=water, choice=SeedChoice(water="all", min_area_m2=5.0)).depth.values[:, 11:] == 0
    )
    every = flooded(dtm, 2.0, water=water, choice=SeedChoice(water="all", min_area_m2=3.0))
    assert np.all(every.depth.values[:, 11:] > 0)


def test_seeds_choose_their_body_of_water():
    dtm, water = dike(), sea_of(dike())
    water[5:8, 20:24] = True
    frame = frame_of(dtm.shape)
    x, y = frame.centers()
    point = SeedChoice(water="none", points=((float(x[1]), float(y[3])),))
    assert np.array_equal(prepare_ground(survey_of(dtm, water), point).seeds, sea_of(dtm))
    largest = prepare_ground(survey_of(dtm, water), SeedChoice(water="largest", min_area_m2=5.0))
    assert np.array_equal(largest.seeds, sea_of(dtm))
    area = shapely.box(x[0] - 0.25, y[-1] - 0.25, x[3] + 0.25, y[0] + 0.25)
    declared = prepare_ground(survey_of(dtm, np.zeros_like(water)), SeedChoice(water="none", areas=(area,)))
    assert np.array_equal(declared.seeds, sea_of(dtm))


def test_nothing_to_start_from_is_an_error():
    dtm = dike()
    nothing = np.zeros(dtm.shape, dtype=bool)
    with pytest.raises(StageError, match="no seed"):
        prepare_ground(survey_of(dtm, nothing), SeedChoice())
    with pytest.raises(StageError, match="outside"):
        prepare_ground(survey_of(dtm, nothing), SeedChoice(points=((0.0, 0.0),)))


def test_holes_in_the_water_are_water_and_other_holes_are_unknown():
    dtm = dike(1.2)
    dtm[4:7, 2:6] = np.nan  # a hole that touches the sea
    dtm[12:14, 20:22] = np.nan  # a hole in the streets
    dtm[:2, 28:] = np.nan  # outside the survey
    water = sea_of(dtm) & np.isfinite(dtm)
    out = flooded(dtm, 2.0, water=water)
    assert np.all(out.state.values[4:7, 2:6] == FloodState.WATER)
    assert np.all(out.state.values[12:14, 20:22] == FloodState.UNKNOWN)
    assert np.all(np.isnan(out.depth.values[12:14, 20:22]))
    assert np.all(out.state.values[:2, 28:] == FloodState.UNKNOWN)


@pytest.mark.parametrize("water_grows_out", [False, True])
def test_outside_the_survey_is_no_way_around_the_dike(water_grows_out):
    dtm, water = dike(), sea_of(dike())
    inside = np.ones(dtm.shape, dtype=bool)
    inside[:2] = False
    dtm[:2] = np.nan
    water[:2] = False
    water[:2, :14] = water_grows_out  # a mask that grew beyond the last points, past the dike's end
    out = flooded(dtm, 2.0, water=water, inside=inside)
    assert np.all(out.depth.values[2:, 11:] == 0)
    assert np.all(out.state.values[:2] == FloodState.OUTSIDE)
    assert np.all(out.state.values[2:, :4] == FloodState.WATER)


def test_a_hole_at_the_edge_of_the_survey_is_unknown_even_beside_the_sea():
    dtm = dike()
    dtm[:2] = np.nan
    out = flooded(dtm, 2.0, water=sea_of(dtm) & np.isfinite(dtm))
    assert np.all(out.depth.values[2:, 11:] == 0)
    assert np.all(out.state.values[:2] == FloodState.UNKNOWN)


def test_a_declared_sea_may_reach_beyond_the_survey():
    dtm = dike(1.2)
    inside = np.ones(dtm.shape, dtype=bool)
    inside[:, :3] = False
    dtm[:, :4] = np.nan
    x, y = frame_of(dtm.shape).centers()
    area = shapely.box(x[0] - 0.25, y[-1] - 0.25, x[3] + 0.25, y[0] + 0.25)
    choice = SeedChoice(water="none", areas=(area,))
    out = flooded(dtm, 2.0, water=np.zeros(dtm.shape, dtype=bool), inside=inside, choice=choice)
    assert np.all(out.state.values[:, :4] == FloodState.WATER)
    assert np.all(out.depth.values[:, 11:] > 1.4)


def test_floods_cross_a_pond_whose_height_is_unknown():
    dtm, water = dike(1.2), sea_of(dike())
    dtm[:, 14:16], water[:, 14:16] = np.nan, True  # a canal across the whole area, no bed measured
    out = flooded(dtm, 2.0, water=water, choice=SeedChoice(water="largest", min_area_m2=5.0))
    assert np.all(out.depth.values[:, 16:] > 1.4)
    dry = flooded(
        dike(), 2.0, water=water & False | sea_of(dike()), choice=SeedChoice(water="largest", min_area_m2=5.0)
    )
    assert np.all(dry.depth.values[:, 16:] == 0)


@pytest.mark.parametrize(("is_open", "height_m", "behind_m"), [(False, 2.6, 0.0), (True, 0.2, 1.5), (False, 1.0, 1.5)])
def test_a_gate_decides(is_open, height_m, behind_m):
    dtm = dike(None if is_open else 0.2)
    frame = frame_of(dtm.shape)
    x, y = frame.centers()
    line = shapely.LineString([(x[10], y[8]), (x[10], y[12])])
    gate = BurnedBarrier(name="gate", geometry=line, height_m=height_m, is_open=is_open)
    np.testing.assert_allclose(flooded(dtm, 2.0, barriers=[gate]).depth.values[:, 11:], behind_m, atol=1e-6)


def test_a_closed_gate_parts_the_canal_from_the_sea():
    dtm, water = dike(), sea_of(dike())
    dtm[9:12, :], water[9:12, :] = -1.0, True  # a canal through the dike
    frame = frame_of(dtm.shape)
    x, y = frame.centers()
    line = shapely.LineString([(x[10], y[12]), (x[10], y[8])])
    gate = BurnedBarrier(name="gate", geometry=line, height_m=2.6, is_open=False)
    choice = SeedChoice(water="none", points=((float(x[0]), float(y[0])),))
    assert np.all(flooded(dtm, 2.0, water=water, choice=choice).depth.values[:8, 11:] > 1.4)
    closed = flooded(dtm, 2.0, water=water, choice=choice, barriers=[gate])
    assert np.all(closed.depth.values[:8, 11:] == 0)
    assert np.all(closed.state.values[9:12, 12:] == FloodState.WATER)


def test_a_canal_behind_an_overtopped_gate_is_water_and_no_deep_land():
    dtm = dike()
    dtm[9:12, :] = -1.0  # a canal through the dike that was never classified as water
    x, y = frame_of(dtm.shape).centers()
    line = shapely.LineString([(x[10], y[12]), (x[10], y[8])])
    gate = BurnedBarrier(name="gate", geometry=line, height_m=1.4, is_open=False)
    survey, choice = survey_of(dtm, sea_of(dtm)), SeedChoice(min_area_m2=5.0)
    out = static_overlay(
        prepare_ground(survey, choice, [gate]),
        raster(dtm),
        2.0,
        normal_m=0.1,
        ordinary=prepare_ground(survey, choice),
    )
    assert np.all(out.state.values[9:12, 11:] == FloodState.WATER)
    np.testing.assert_allclose(out.depth.values[9:12, 10], 0.6, atol=1e-6)
    assert np.all(out.state.values[9:12, 10] == FloodState.FLOODED)
    assert out.depth.values[out.state.values == FloodState.FLOODED].max() <= 1.5 + 1e-6


def test_a_barrier_that_meets_no_cell_is_an_error():
    survey = survey_of(dike(), sea_of(dike()))
    for geometry in (shapely.LineString([(139.7, 35.6), (139.8, 35.6)]), shapely.LineString()):
        gate = BurnedBarrier(name="canal gate", geometry=geometry, height_m=2.6, is_open=False)
        with pytest.raises(StageError, match="canal gate lies outside"):
            prepare_ground(survey, SeedChoice(), [gate])


def test_an_open_gate_is_a_way_where_the_survey_saw_no_ground():
    dtm = dike()
    dtm[10, 10] = np.nan
    x, y = frame_of(dtm.shape).centers()
    gate = BurnedBarrier(name="gate", geometry=shapely.Point(x[10], y[10]), height_m=0.2, is_open=True)
    assert np.all(flooded(dtm, 2.0).depth.values[:, 11:] == 0)
    np.testing.assert_allclose(flooded(dtm, 2.0, barriers=[gate]).depth.values[:, 11:], 1.5, atol=1e-6)


def test_a_seed_in_a_gap_without_returns_makes_the_gap_water_and_no_other():
    dtm = np.full((20, 30), 0.5)  # the terrain bridges two gaps from bank to bank
    gaps = np.zeros(dtm.shape, dtype=bool)
    gaps[:, 3:7] = gaps[5:9, 20:25] = True
    x, y = frame_of(dtm.shape).centers()
    choice = SeedChoice(water="none", points=((float(x[4]), float(y[10])),))
    ground = prepare_ground(survey_of(dtm, np.zeros_like(gaps), gaps=gaps), choice)
    out = static_overlay(ground, raster(dtm), 1.0)
    assert np.all(out.state.values[:, 3:7] == FloodState.WATER)
    assert np.all(out.state.values[5:9, 20:25] == FloodState.FLOODED)
    assert np.array_equal(ground.seeds, gaps & (np.arange(30) < 10))


def test_what_the_ordinary_tide_reaches_is_water():
    dtm = dike(1.2)
    dtm[:, 4:8] = 0.0  # a flat that every tide covers
    out = flooded(dtm, 2.0, normal_m=0.1)
    assert np.all(out.state.values[:, 4:8] == FloodState.WATER)
    assert np.all(out.state.values[:, 11:] == FloodState.FLOODED)


def test_depth_at_a_building_is_the_level_minus_the_lowest_ground_that_touches_it():
    dtm = dike(1.2)
    dtm += np.linspace(0, 0.4, 20)[:, None] * (np.arange(30) > 10)
    dtm[8:13, 18:23] = 1.9  # ground under the house is filled, too high: it must not matter inside
    frame = frame_of(dtm.shape)
    x, y = frame.centers()
    house = shapely.box(x[18] - 0.1, y[12] - 0.1, x[22] + 0.1, y[8] + 0.1)
    out = flooded(dtm, 2.0, outlines=[house])
    touching = dtm[7:14, 17:24].copy()
    touching[[0, 0, -1, -1], [0, -1, 0, -1]] = np.inf  # corners do not touch
    assert out.exposure.max_depth_m[0] == pytest.approx(2.0 - touching.min(), abs=6e-4)
    assert out.exposure.wet_share[0] == 1.0


def test_canal_beside_a_house_is_not_depth_at_the_house():
    depth = np.zeros((10, 10), dtype=np.float32)
    water = np.zeros((10, 10), dtype=bool)
    depth[:, :4], water[:, :4] = 3.0, True
    house = shapely.box(-18.0, -449.0, -16.5, -447.0)  # its west wall stands in the canal's edge
    frame = Frame(column0=-40, row0=-900, rows=10, columns=10, resolution_m=0.5)
    out = building_exposure([house], depth, water, frame)
    assert out.max_depth_m.tolist() == [0.0]
    assert out.unknown_share.tolist() == [0.0]


def test_a_building_on_unknown_ground_is_unknown_and_one_outside_too():
    depth = np.full((10, 10), np.nan, dtype=np.float32)
    frame = Frame(column0=0, row0=0, rows=10, columns=10, resolution_m=1.0)
    houses = [shapely.box(3, 3, 5, 5), shapely.box(100, 100, 110, 110), shapely.Polygon()]
    out = building_exposure(houses, depth, np.zeros((10, 10), dtype=bool), frame)
    assert np.all(np.isnan(out.max_depth_m))
    assert out.unknown_share.tolist() == [1.0, 1.0, 1.0]


def test_exposure_reads_the_cells_that_the_outline_touches():
    rng = np.random.default_rng(3)
    frame = Frame(column0=-7, row0=11, rows=40, columns=50, resolution_m=0.5)
    depth = np.where(rng.random(frame.shape) < 0.5, rng.random(frame.shape) * 3, 0.0).astype(np.float32)
    depth[rng.random(frame.shape) < 0.05] = np.nan
    water = rng.random(frame.shape) < 0.1
    x, y = frame.centers()
    houses = [
        shapely.Point(*rng.uniform((0, 9), (18, 22))).buffer(rng.uniform(0.3, 3), quad_segs=int(rng.integers(1, 5)))
        for _ in range(60)
    ]
    houses.append(houses[0].union(houses[1].buffer(0.2)).difference(houses[0].buffer(-0.2)))
    out = building_exposure(houses, depth, water, frame)
    cells = shapely.box(*np.meshgrid(x - 0.25, y - 0.25), *np.meshgrid(x + 0.25, y + 0.25))
    for i, house in enumerate(houses):
        touched = shapely.intersects(cells, house.boundary)
        near = np.zeros(frame.shape, dtype=bool)
        for shift in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            near |= np.roll(touched, shift, (0, 1))
        seen = depth[near & ~water]
        known = seen[~np.isnan(seen)]
        assert out.max_depth_m[i] == pytest.approx(known.max())
        assert out.wet_share[i] == pytest.approx((known > 0).mean())
