"""What the ground filter keeps and takes off, on small worlds with known ground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.classify import classify_profile
from pipelines.ground import SmrfParams, find_ground, ground_frame_step_m
from pipelines.ground.rejoining import rejoin
from twin.bounds import Bounds
from twin.raster import Frame

Truth = tuple[np.ndarray, np.ndarray, np.ndarray]


def places(edge_m: float, per_m2: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, edge_m, (2, int(edge_m**2 * per_m2)))
    return x, y, rng


def found(xyz: Truth, params: SmrfParams) -> np.ndarray:
    x, y, z = xyz
    window = Bounds(xmin=x.min(), ymin=y.min(), xmax=x.max(), ymax=y.max()).buffered(1.0)
    frame = Frame.covering(window.snapped(ground_frame_step_m(params)), params.cell_m)
    return find_ground(x, y, z, frame, params).is_ground


@pytest.mark.parametrize("per_m2", [0.2, 1.0, 8.0])
def test_a_hilltop_and_the_upper_edge_of_a_slope_stay_ground(per_m2: float) -> None:
    x, y, rng = places(160.0, per_m2, 1)
    hill = 14.0 * np.exp(-((x - 60) ** 2 + (y - 70) ** 2) / (2 * 22.0**2))
    z = hill + 0.45 * np.clip(x - 110, 0, None) + rng.normal(0, 0.03, len(x))
    assert found((x, y, z), SmrfParams()).mean() > 0.97
    strict = found((x, y, z), SmrfParams(rejoin_rings=0))
    assert found((x, y, z), SmrfParams()).sum() > strict.sum()


def test_terraces_stay_ground_and_the_houses_on_them_do_not() -> None:
    x, y, rng = places(120.0, 4.0, 2)
    z = 1.5 * np.floor(x / 12.0) + rng.normal(0, 0.03, len(x))
    house = (abs(x % 24 - 18) < 4) & (abs(y % 30 - 15) < 6)
    z[house] += 6.0
    ground = found((x, y, z), SmrfParams())
    assert not ground[house].any()
    assert ground[~house].mean() > 0.9


def test_the_edge_of_a_cliff_stays_ground_on_both_sides() -> None:
    x, y, rng = places(120.0, 4.0, 3)
    z = np.where(x + 6 * np.sin(y / 9) < 60, 0.0, 25.0) + 0.05 * y + rng.normal(0, 0.03, len(x))
    assert found((x, y, z), SmrfParams()).mean() > 0.98


def test_a_forest_on_35_degrees_with_three_per_cent_of_light_keeps_its_ground() -> None:
    x, y, rng = places(100.0, 8.0, 4)
    slope = np.tan(np.radians(35.0)) * x
    light = rng.random(len(x)) < 0.03
    z = slope + np.where(light, rng.normal(0, 0.03, len(x)), rng.uniform(4, 16, len(x)))
    ground = found((x, y, z), SmrfParams())
    assert ground[light].mean() > 0.8
    assert ground[~light].mean() < 0.03


def test_the_floor_of_a_closed_wood_seen_in_single_cells_is_no_pit() -> None:
    x, y, rng = places(80.0, 6.0, 9)
    light = rng.random(len(x)) < 0.02
    z = 0.1 * x + np.where(light, 0.0, rng.uniform(11, 13, len(x))) + rng.normal(0, 0.03, len(x))
    ground = found((x, y, z), SmrfParams())
    assert ground[light].mean() > 0.9
    assert ground[~light].mean() < 0.01
    assert found((x, y, z), SmrfParams(pit_cells=80))[light].mean() < 0.5


def test_a_flat_and_sparse_field_is_ground_and_its_sheds_are_not() -> None:
    x, y, rng = places(200.0, 0.25, 5)
    shed = (abs(x % 50 - 25) < 5) & (abs(y % 50 - 25) < 5)
    z = np.where(shed, 3.0, 0.0) + rng.normal(0, 0.05, len(x))
    ground = found((x, y, z), SmrfParams())
    assert ground[~shed].all()
    assert not ground[shed].any()


@pytest.mark.parametrize(("profile", "wide_m"), [("auto", 44.0), ("urban", 44.0), ("highrise", 72.0)])
def test_a_hall_narrower_than_the_widest_disk_leaves_no_core(profile: str, wide_m: float) -> None:
    x, y, rng = places(160.0, 4.0, 6)
    hall = (abs(x - 80) < wide_m / 2) & (abs(y - 80) < wide_m / 2)
    z = np.where(hall, 9.0, 0.0) + 0.02 * x + rng.normal(0, 0.03, len(x))
    ground = found((x, y, z), classify_profile(profile).steps.ground)
    assert not ground[hall].any()
    assert ground[~hall].mean() > 0.99


@settings(max_examples=8)
@given(seed=st.integers(0, 500), radius=st.integers(1, 3), rings=st.integers(1, 4), void=st.floats(0.0, 0.8))
def test_cells_join_the_ground_as_they_would_in_the_whole_area(seed: int, radius: int, rings: int, void: float) -> None:
    rng = np.random.default_rng(seed)
    low = np.cumsum(rng.normal(0, 0.2, (60, 60)), axis=1).astype(np.float32)
    low[rng.random(low.shape) < void] = np.nan
    ground = (rng.random(low.shape) < 0.3) & ~np.isnan(low)
    asked, step_m = rng.random(low.shape) < 0.7, np.full(low.shape, 0.3, np.float32)
    whole = rejoin(low, ground, asked, (step_m, 0.5), (radius, rings, 1.0))
    assert not (whole & (ground | ~asked | np.isnan(low))).any()
    reach = radius * rings
    a, b = (int(v) for v in rng.integers(reach, 60 - reach - 8, 2))
    part = (slice(a - reach, a + 8 + reach), slice(b - reach, b + 8 + reach))
    cut = rejoin(low[part], ground[part], asked[part], (step_m[part], 0.5), (radius, rings, 1.0))
    np.testing.assert_array_equal(cut[reach:-reach, reach:-reach], whole[a : a + 8, b : b + 8])


def test_a_plane_leads_on_up_a_slope_and_not_on_to_a_step() -> None:
    column = np.arange(30, dtype=np.float32)
    low = np.repeat((0.4 * column)[None, :], 20, axis=0)
    low[:, 20:] += 2.5
    ground, step_m = low < 4.0, np.full(low.shape, 0.25, np.float32)
    joined = rejoin(low, ground, np.ones_like(ground), (step_m, 0.5), (3, 20, 1.0))
    assert (joined | ground)[:, :20].all()
    assert not joined[:, 20:].any()
