"""Buildings counted as objects: by hand, against scipy's labelling, and the same however the area is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipelines.quality.objects import ObjectParams, ObjectTally, cell_for, score_objects

EIGHT = np.ones((3, 3), int)


def cloud_of(
    mask: np.ndarray, rng: np.random.Generator, per_cell: int = 5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and flag of points that fill each cell of 1 m; row 0 is the south."""
    row, column = (axis.ravel().repeat(per_cell) for axis in np.indices(mask.shape))
    x, y = column + rng.random(row.size), row + rng.random(row.size)
    return x - 3.0, y + 7.0, mask[row, column]


def boxes(shape: tuple[int, int], *corners: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for row, column, height, width in corners:
        mask[row : row + height, column : column + width] = True
    return mask


def test_a_hall_a_house_half_found_and_a_shed_invented_by_hand() -> None:
    rng = np.random.default_rng(0)
    hall, house, shed = (2, 2, 20, 10), (2, 20, 8, 8), (30, 30, 4, 4)
    truth = boxes((40, 40), hall, house)
    found = boxes((40, 40), hall, (2, 20, 3, 8), shed)  # 24 of the house's 64 square metres
    x, y, is_true = cloud_of(truth, rng)
    is_found = found[(np.floor(y) - 7).astype(int), (np.floor(x) + 3).astype(int)]
    tally = ObjectTally(ObjectParams(cell_m=1.0))
    tally.add(x, y, is_true, is_found)
    small, large = tally.scores()[10.0], tally.scores()[50.0]
    assert (small.n_true, small.n_recalled, small.n_found, small.n_right) == (2, 1, 3, 2)
    assert (large.n_true, large.n_recalled, large.n_found, large.n_right) == (2, 1, 1, 1)
    assert (large.precision, large.recall) == (100.0, 50.0)
    missed, invented = tally.wrong(10.0)
    assert (missed.kind, missed.area_m2, missed.covered) == ("missed", 64.0, pytest.approx(24 / 64))
    assert (invented.kind, invented.x, invented.y) == ("false", 32.0 - 3.0, 32.0 + 7.0)


@given(seed=st.integers(0, 10_000), filled=st.floats(0.1, 0.7))
def test_objects_are_those_that_scipy_labels(seed: int, filled: float) -> None:
    rng = np.random.default_rng(seed)
    truth, found = rng.random((2, 24, 31)) < filled
    x, y, is_true = cloud_of(truth, rng, per_cell=1)
    score = score_objects(x, y, is_true, found.ravel(), ObjectParams(min_areas_m2=(3.0,)))[3.0]
    for mask, other, counts in (
        (truth, found, (score.n_true, score.n_recalled)),
        (found, truth, (score.n_found, score.n_right)),
    ):
        label, n = ndimage.label(mask, EIGHT)
        area = ndimage.sum_labels(mask, label, np.arange(1, n + 1))
        covered = ndimage.sum_labels(other, label, np.arange(1, n + 1))
        assert counts == ((area >= 3).sum(), ((area >= 3) & (2 * covered >= area)).sum())


@given(seed=st.integers(0, 10_000), edge=st.sampled_from([4, 8, 16]))
def test_tiles_give_the_objects_of_the_whole(seed: int, edge: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = (ndimage.binary_opening(rng.random((40, 40)) < 0.7) for _ in range(2))
    x, y, is_true = cloud_of(truth, rng)
    is_found = found.ravel().repeat(5)
    whole, tiled = ObjectTally(ObjectParams()), ObjectTally(ObjectParams())
    whole.add(x, y, is_true, is_found)
    tiles = np.floor(x / edge) * 1000 + np.floor(y / edge)
    for tile in rng.permutation(np.unique(tiles)):
        own = tiles == tile
        tiled.add(x[own], y[own], is_true[own], is_found[own])
    assert tiled.scores() == whole.scores()
    assert tiled.wrong(1.0) == whole.wrong(1.0)


def test_without_buildings_shares_are_undefined_and_cells_grow_with_thin_surveys() -> None:
    nothing = score_objects(np.zeros(0), np.zeros(0), np.zeros(0, bool), np.zeros(0, bool))
    assert np.isnan(nothing[50.0].precision)
    assert np.isnan(nothing[50.0].recall)
    assert [cell_for(density) for density in (400.0, 4.0, 1.0, 0.25)] == [1.0, 1.0, 2.0, 4.0]
