"""Strip adjustment finds the shifts that strips were given, and says what it cannot know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.adjust import AdjustParams, solve_shifts
from pipelines.adjust.matching import PairSums, match_pairs
from pipelines.adjust.patches import planar_patches

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARAMS = AdjustParams()
SHIFT = st.tuples(*[st.floats(-0.3, 0.3)] * 3).map(np.array)


def gable_roofs(seed: int, noise_m: float = 0.01, size_m: float = 60.0) -> NDArray[np.float64]:
    """Roofs of four directions beside streets, 10 points a square metre, shape (n, 3)."""
    random = np.random.default_rng(seed)
    xy = random.uniform(0, size_m, (round(size_m**2 * 10), 2))
    block = np.floor(xy / 12.0).astype(int)
    slope = np.array([[0.0, 0.0], [0.6, 0.0], [-0.6, 0.0], [0.0, 0.6], [0.0, -0.6]])[
        (block[:, 0] + 2 * block[:, 1]) % 5
    ]
    z = np.sum(slope * (xy % 12.0), axis=1) + random.normal(0, noise_m, len(xy))
    return np.column_stack([xy, z])


def flat_ground(seed: int) -> NDArray[np.float64]:
    cloud = gable_roofs(seed)
    cloud[:, 2] = np.random.default_rng(seed).normal(0, 0.01, len(cloud))
    return cloud


def sums_of(*strips: NDArray[np.float64], params: AdjustParams = PARAMS) -> list[PairSums]:
    xyz = np.concatenate(strips)
    strip = np.repeat(np.arange(len(strips)), [len(one) for one in strips])
    column, row = (np.floor(xyz[:, axis] / params.cell_m).astype(np.int64) + 10 for axis in (0, 1))
    return match_pairs(planar_patches(xyz, (row << 20) | column, strip, params), params)


@given(SHIFT)
def test_the_shift_between_two_strips_is_found(shift: NDArray[np.float64]) -> None:
    network = solve_shifts(sums_of(gable_roofs(1), gable_roofs(2) + shift), PARAMS.undetermined_m)
    first, second = (np.array(strip.shift_m) for strip in network.strips)
    np.testing.assert_allclose(first - second, shift, atol=0.01)
    np.testing.assert_allclose(first + second, 0.0, atol=1e-3)
    assert network.rms_after_m < 0.012


@given(SHIFT, SHIFT)
def test_three_strips_close_the_ring(one: NDArray[np.float64], two: NDArray[np.float64]) -> None:
    network = solve_shifts(sums_of(gable_roofs(1), gable_roofs(2) + one, gable_roofs(3) + two), PARAMS.undetermined_m)
    shifts = [np.array(strip.shift_m) for strip in network.strips]
    np.testing.assert_allclose(shifts[0] - shifts[1], one, atol=0.012)
    np.testing.assert_allclose(shifts[0] - shifts[2], two, atol=0.012)


def test_flat_ground_fixes_heights_and_nothing_else() -> None:
    network = solve_shifts(sums_of(flat_ground(1), flat_ground(2) + np.array([0.2, -0.1, 0.05])), PARAMS.undetermined_m)
    first, second = network.strips
    assert first.shift_m[2] - second.shift_m[2] == pytest.approx(0.05, abs=0.003)
    assert first.shift_m[:2] == second.shift_m[:2] == (0.0, 0.0)
    assert np.isinf(first.sigma_m[:2]).all()
    assert first.sigma_m[2] < 0.01


def test_strips_that_do_not_overlap_are_two_groups() -> None:
    away = np.array([500.0, 0.0, 0.0])
    shift = np.array([0.1, 0.1, 0.1])
    network = solve_shifts(
        sums_of(gable_roofs(1), gable_roofs(2) + shift, gable_roofs(3) + away, gable_roofs(4) + away - shift),
        PARAMS.undetermined_m,
    )
    assert network.groups == 2
    shifts = np.array([strip.shift_m for strip in network.strips])
    np.testing.assert_allclose(shifts[:2].sum(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(shifts[2:].sum(axis=0), 0.0, atol=1e-3)


def test_trees_and_parked_cars_do_not_count() -> None:
    random = np.random.default_rng(5)
    trees = np.column_stack([random.uniform(0, 60, 8000), random.uniform(0, 20, 8000), random.uniform(0, 6, 8000)])
    cars = gable_roofs(6)
    cars = cars[(cars[:, 0] % 12 < 2) & (cars[:, 1] % 12 < 2)] + np.array([0, 0, 0.7])
    shift = np.array([0.05, -0.08, 0.1])
    network = solve_shifts(
        sums_of(np.concatenate([gable_roofs(1), trees]), np.concatenate([gable_roofs(2), cars]) + shift),
        PARAMS.undetermined_m,
    )
    first, second = (np.array(strip.shift_m) for strip in network.strips)
    np.testing.assert_allclose(first - second, shift, atol=0.02)


def test_one_wrong_tile_hardly_matters() -> None:
    shift = np.array([0.1, 0.05, -0.1])
    tiles = [entry for seed in range(9) for entry in sums_of(gable_roofs(seed), gable_roofs(seed + 50) + shift)]
    wrong = sums_of(gable_roofs(90), gable_roofs(91) + np.array([0.9, 0.0, 0.6]))
    network = solve_shifts([*tiles, *wrong], PARAMS.undetermined_m)
    first, second = (np.array(strip.shift_m) for strip in network.strips)
    np.testing.assert_allclose(first - second, shift, atol=0.02)


def test_sums_survive_being_written() -> None:
    (entry,) = sums_of(gable_roofs(1), gable_roofs(2))
    again = PairSums.from_json(entry.as_json())
    assert again.as_json() == entry.as_json()
    np.testing.assert_array_equal(again.normals, entry.normals)


def test_no_points_give_no_pairs_and_no_pairs_no_shifts() -> None:
    assert sums_of(np.empty((0, 3)), np.empty((0, 3))) == []
    assert solve_shifts([], PARAMS.undetermined_m).strips == ()


def test_params_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="cell_m"):
        replace(PARAMS, cell_m=0.0)
