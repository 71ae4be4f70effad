"""Grids, openings, fillings and climbs, each against a slow oracle or a known answer, and each within its reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipelines.ground import climb
from pipelines.ground.cells import box_sum, cell_numbers, count, highest, lowest, sample
from pipelines.ground.filling import fill_holes, fill_reach_cells
from pipelines.ground.morphology import disk, open_heights
from twin.bounds import Bounds
from twin.raster import Frame

NAN = np.float32(np.nan)


def rough_grid(seed: int, rows: int, columns: int, void_share: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    grid = rng.normal(0, 5, (rows, columns)).astype(np.float32)
    grid[rng.random(grid.shape) < void_share] = NAN
    return grid


@given(
    x=st.lists(st.floats(-5000, 5000), min_size=1, max_size=30),
    resolution=st.sampled_from([0.25, 0.5, 1.0, 2.0]),
)
def test_cell_numbers_are_those_of_the_frame(x: list[float], resolution: float) -> None:
    east = np.array(x)
    north = east[::-1] * 0.7
    frame = Frame.covering(Bounds(xmin=-1000, ymin=-800, xmax=1200, ymax=900), resolution)
    row, column, inside = frame.cells_of(east, north)
    expected = np.where(inside, row * frame.columns + column, -1)
    np.testing.assert_array_equal(cell_numbers(frame, east, north), expected)


def test_lowest_highest_and_count_are_what_a_loop_over_cells_finds() -> None:
    rng = np.random.default_rng(1)
    cells = rng.integers(-1, 12, 200).astype(np.int32)
    z = rng.normal(size=200)
    low, high, n = lowest(cells, z, (3, 4)), highest(cells, z, (3, 4)), count(cells, (3, 4))
    for k in range(12):
        own = z[cells == k].astype(np.float32)
        assert n.flat[k] == len(own)
        if len(own):
            assert (low.flat[k], high.flat[k]) == (own.min(), own.max())
    assert np.isnan(lowest(cells[:0], z[:0], (3, 4))).all()


@given(seed=st.integers(0, 99), radius=st.integers(0, 4))
def test_box_sums_are_plain_sums(seed: int, radius: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 9, (7, 10))
    padded = np.pad(counts, radius)
    edge = 2 * radius + 1
    expected = [[padded[i : i + edge, j : j + edge].sum() for j in range(10)] for i in range(7)]
    np.testing.assert_array_equal(box_sum(counts, radius), expected)


def test_sampling_a_plane_gives_the_plane_and_voids_have_no_weight() -> None:
    frame = Frame(column0=-3, row0=5, rows=8, columns=9, resolution_m=2.0)
    centre_x, centre_y = frame.centers()
    grid = (0.3 * centre_x[None, :] - 0.2 * centre_y[:, None]).astype(np.float32)
    rng = np.random.default_rng(0)
    x, y = rng.uniform(centre_x[0], centre_x[-1], 50), rng.uniform(centre_y[-1], centre_y[0], 50)
    np.testing.assert_allclose(sample(grid, frame, x, y), 0.3 * x - 0.2 * y, atol=1e-5)
    grid[:, :] = NAN
    grid[4, 4] = 7.0
    assert sample(grid, frame, centre_x[4:5] + 0.9, centre_y[4:5])[0] == 7.0
    assert np.isnan(sample(grid, frame, centre_x[:1], centre_y[:1])[0])


@given(seed=st.integers(0, 200), radius=st.integers(1, 5))
def test_openings_of_full_grids_are_scipys(seed: int, radius: int) -> None:
    grid = rough_grid(seed, 17, 23, 0.0)
    footprint = disk(radius).astype(bool)
    eroded = ndimage.grey_erosion(grid, footprint=footprint, mode="constant", cval=np.inf)
    opened = ndimage.grey_dilation(eroded, footprint=footprint, mode="constant", cval=-np.inf)
    np.testing.assert_array_equal(open_heights(grid, radius), opened)


@given(seed=st.integers(0, 200), radius=st.integers(1, 4), void=st.floats(0.05, 0.98))
def test_openings_let_only_known_cells_take_part(seed: int, radius: int, void: float) -> None:
    grid = rough_grid(seed, 12, 15, void)
    known = np.argwhere(~np.isnan(grid))
    near = {tuple(p): [tuple(q) for q in known if ((p - q) ** 2).sum() <= radius**2] for p in known}
    floor = {p: min(grid[q] for q in near[p]) for p in near}
    opened = open_heights(grid, radius)
    assert np.isnan(opened).sum() == grid.size - len(known)
    for p in near:
        assert opened[p] == max(floor[q] for q in near[p])
        assert opened[p] <= grid[p]


def test_known_cells_are_kept_and_a_hole_in_a_plane_stays_near_it() -> None:
    row, column = np.mgrid[0:64, 0:64]
    plane = (0.1 * row + 0.05 * column).astype(np.float32)
    holed = plane.copy()
    holed[20:40, 25:45] = NAN
    filled = fill_holes(holed, 4)
    known = ~np.isnan(holed)
    np.testing.assert_array_equal(filled[known], holed[known])
    assert not np.isnan(filled).any()
    assert np.abs(filled - plane).max() < 0.8


def test_filling_invents_nothing_beyond_its_reach() -> None:
    grid = np.full((256, 256), NAN)
    grid[128, 128] = 1.0
    for levels in (1, 3, 5):
        reached = np.argwhere(~np.isnan(fill_holes(grid, levels)))
        assert np.abs(reached - 128).max() <= fill_reach_cells(levels)
    with pytest.raises(ValueError, match="no multiple"):
        fill_holes(np.zeros((10, 16), np.float32), 2)


@given(seed=st.integers(0, 300), levels=st.integers(1, 4), void=st.floats(0.3, 0.999))
def test_a_window_with_its_reach_fills_as_the_whole_does(seed: int, levels: int, void: float) -> None:
    step = 1 << levels
    whole = rough_grid(seed, 160, 160, void)
    rng = np.random.default_rng(seed)
    top, left = (int(v) * step for v in rng.integers(0, (160 - 2 * step) // step, 2))
    reach = fill_reach_cells(levels)
    assert reach % step == 0
    a, b = max(0, top - reach), max(0, left - reach)
    window = fill_holes(whole[a : top + step + reach, b : left + step + reach], levels)
    part = window[top - a : top - a + step, left - b : left - b + step]
    np.testing.assert_array_equal(part, fill_holes(whole, levels)[top : top + step, left : left + step])


def test_ground_climbs_a_dike_and_not_a_house() -> None:
    low = np.zeros((9, 60), np.float32)
    low[:, 10:16] = [0.5, 1.0, 1.5, 1.5, 1.0, 0.5]
    low[:, 30:40] = 3.0
    seeds = low == 0
    reached = climb(low, seeds, ~seeds, 0.8, 20)
    assert reached[:, 10:16].all()
    assert not reached[:, 30:40].any()
    assert climb(low, seeds, ~seeds, 0.8, 2)[:, [10, 11, 14, 15]].all()
    assert not climb(low, seeds, ~seeds, 0.8, 2)[:, 12:14].any()
