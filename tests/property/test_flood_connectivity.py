from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from pipelines.flood.connectivity import UNREACHED, WALL, critical_levels, flood_depth, to_millimetres

shapes = st.tuples(st.integers(1, 14), st.integers(1, 14))


@st.composite
def terrains(draw):
    shape = draw(shapes)
    ground = draw(hnp.arrays(np.int32, shape, elements=st.integers(-6, 6) | st.just(int(WALL))))
    seeds = draw(hnp.arrays(np.bool_, shape, elements=st.sampled_from([False, False, False, True])))
    seeds[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    return ground, seeds


def labelled(ground, seeds, level):
    passable = ((ground <= level) & (ground != WALL)) | seeds
    bodies, _ = ndimage.label(passable)
    return np.isin(bodies, np.unique(bodies[seeds]))


@given(terrains(), st.integers(-7, 7))
def test_one_pass_equals_labelling_at_every_level(terrain, level):
    ground, seeds = terrain
    known = ground[(ground != WALL) & ~seeds]
    level = max(level, int(known.min()) if known.size else 0)  # seeds stand at the lowest ground: nothing lies below
    critical = critical_levels(ground, seeds)
    np.testing.assert_array_equal((critical <= level) & (critical != UNREACHED), labelled(ground, seeds, level))


@given(terrains())
def test_no_cell_is_reached_below_its_own_ground(terrain):
    ground, seeds = terrain
    critical = critical_levels(ground, seeds)
    land = ~seeds & (ground != WALL)
    assert np.all(critical[land] >= ground[land])
    assert np.all(critical[(ground == WALL) & ~seeds] == UNREACHED)


@given(terrains(), st.integers(-6, 6), st.integers(0, 5))
def test_a_higher_level_never_leaves_a_cell_less_deep(terrain, level, rise):
    ground, seeds = terrain
    critical = critical_levels(ground, seeds)
    low, high = flood_depth(ground, critical, level), flood_depth(ground, critical, level + rise)
    np.testing.assert_array_equal(np.isnan(low), ground == WALL)
    known = ~np.isnan(low)
    assert np.all(high[known] >= low[known])


@given(terrains(), st.integers(0, 3))
def test_the_answer_turns_with_the_terrain(terrain, quarter):
    ground, seeds = terrain
    turned = critical_levels(np.rot90(ground, quarter).copy(), np.rot90(seeds, quarter).copy())
    np.testing.assert_array_equal(turned, np.rot90(critical_levels(ground, seeds), quarter))


@given(terrains(), st.integers(-1_000_000, 1_000_000))
def test_a_shift_of_the_datum_shifts_the_answer(terrain, shift):
    ground, seeds = terrain
    moved = np.where(ground == WALL, WALL, ground + np.int32(shift)).astype(np.int32)
    critical, shifted = critical_levels(ground, seeds), critical_levels(moved, seeds)
    land = ~seeds | ((ground != WALL) & seeds).any()
    expected = np.where(critical == UNREACHED, UNREACHED, critical + np.int32(shift))
    known = (ground != WALL) & ~seeds
    if known.any():
        np.testing.assert_array_equal(shifted[land], expected[land])


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-500, 9000)))
def test_millimetres_are_half_a_millimetre_off_at_most(heights):
    assert np.all(np.abs(to_millimetres(heights) / 1000.0 - heights) <= 0.0005 + 1e-9)


def test_unknown_ground_becomes_a_wall():
    assert to_millimetres(np.array([np.nan, 1.0], dtype=np.float32)).tolist() == [WALL, 1000]
