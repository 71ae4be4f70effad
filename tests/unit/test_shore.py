"""Land and bed as one terrain: the step at the shore is measured, small ones vanish, walls stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import binned_statistic_2d

from pipelines.terrain import BLENDED, MEASURED, VOID, ShoreSteps, TerrainParams, derive_terrain
from pipelines.terrain.layers import cell_heights
from twin.bounds import Bounds
from twin.points import Points
from twin.raster import Frame

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

FRAME = Frame.covering(Bounds(xmin=1024, ymin=-2048, xmax=1152, ymax=-1984), 0.5)
SHORE_X = 1080.0


def beach(*, step_m: float = 0.0, fall: float = 0.08, gap_m: float = 3.0, per_m2: float = 6.0) -> Points:
    """A plane that falls eastward; bed from `gap_m` beyond the shore on, lower than it should be by `step_m`."""
    rng = np.random.default_rng(7)
    box = FRAME.bounds
    n = int((box.xmax - box.xmin) * (box.ymax - box.ymin) * per_m2)
    x, y = rng.uniform(box.xmin, box.xmax, n), rng.uniform(box.ymin, box.ymax, n)
    land, bed = x < SHORE_X, x > SHORE_X + gap_m
    kept = land | bed
    z = fall * (SHORE_X - x) + rng.normal(0, 0.02, n) - np.where(bed, step_m, 0.0)
    label = np.where(bed, 40, 2).astype(np.uint8)
    cloud = Points(x=x, y=y, z=np.rint(z * 1000) / 1000)
    return cloud.with_attributes(label=label, return_number=np.ones(n, np.uint8)).take(kept)


def steps_of(rasters: dict[str, NDArray[Any]]) -> dict[str, Any]:
    return ShoreSteps.of(rasters["shore_step"], rasters["shore_real"]).as_json()


def exact(fall: float = 0.08) -> NDArray[np.float64]:
    x, _ = np.meshgrid(*FRAME.centers())
    return fall * (SHORE_X - x)


@pytest.mark.parametrize("fall", [0.0, 0.08, 0.3])
def test_a_beach_has_no_step_however_steep_it_is(fall: float) -> None:
    rasters = derive_terrain(beach(fall=fall), FRAME, TerrainParams())
    steps = steps_of(rasters)
    assert steps["cells"] > 60
    assert steps["p95_m"] <= 0.02
    inside = ~np.isnan(rasters["dtm"])
    assert inside.mean() > 0.99
    assert np.sqrt(np.mean((rasters["dtm"] - exact(fall))[inside] ** 2)) < 0.03 + 0.2 * fall


@pytest.mark.parametrize("kind", ["", "drone"])
def test_a_small_step_is_reported_and_each_side_gives_way_by_its_variance(kind: str) -> None:
    params = TerrainParams()
    cloud = beach(step_m=0.25, gap_m=0.0)
    declared = {2: params.sigma_m(kind or "aerial"), 40: params.bathymetry_sigma_m}
    cloud = cloud.with_attributes(sigma_m=np.where(cloud["label"] == 2, declared[2], declared[40]))
    rasters = derive_terrain(cloud, FRAME, params)
    steps = steps_of(rasters)
    assert abs(steps["median_m"] - 0.25) < 0.02
    assert steps["not_blended_share"] == 0.0
    error = np.nanmean(rasters["dtm"] - exact(), axis=0)
    x, _ = FRAME.centers()
    gives_way = 0.25 * declared[2] ** 2 / (declared[2] ** 2 + declared[40] ** 2)
    beside = abs(x - SHORE_X) < 1.0
    assert abs(error[beside] + gives_way).max() < 0.05
    far = abs(x - SHORE_X) > params.blend_m + 1.0
    np.testing.assert_allclose(error[far], np.where(x[far] < SHORE_X, 0.0, -0.25), atol=0.02)
    assert not (rasters["dtm_fill"][:, abs(x - SHORE_X) < 5] == MEASURED).any()
    assert not (rasters["dtm_fill"][:, far] == BLENDED).any()


def test_a_wall_is_a_wall_and_not_blended() -> None:
    rasters = derive_terrain(beach(step_m=2.0, gap_m=0.0), FRAME, TerrainParams())
    steps = steps_of(rasters)
    assert abs(steps["median_m"] - 2.0) < 0.02
    assert steps["not_blended_share"] == 1.0
    x, _ = FRAME.centers()
    error = np.nanmean(rasters["dtm"] - exact(), axis=0)
    np.testing.assert_allclose(error[x < SHORE_X - 1], 0.0, atol=0.02)
    np.testing.assert_allclose(error[x > SHORE_X + 1], -2.0, atol=0.02)


def test_the_step_is_that_of_least_squares() -> None:
    cloud = beach(step_m=0.2, gap_m=1.0)
    params = TerrainParams()
    rasters = derive_terrain(cloud, FRAME, params)
    i, j = np.argwhere(~np.isnan(rasters["shore_step"]))[40]
    x, y = FRAME.centers()
    columns = abs(x - x[j]) <= params.fit_m + 0.1
    rows = abs(y - y[i]) <= params.fit_m + 0.1
    row_of, column_of, _ = FRAME.cells_of(cloud.x, cloud.y)
    near = rows[row_of] & columns[column_of]
    cell = row_of[near] * FRAME.columns + column_of[near]
    side = cloud["label"][near] == 2
    keys, where = np.unique(cell * 2 + side, return_inverse=True)
    mean = np.bincount(where, cloud.z[near]) / np.bincount(where)
    equations = np.stack([np.ones(len(keys)), x[keys // 2 % FRAME.columns], y[keys // 2 // FRAME.columns], keys % 2])
    solved = np.linalg.lstsq(equations.T, mean, rcond=None)[0]
    assert abs(rasters["shore_step"][i, j] - solved[3]) < 1e-6


def test_cells_are_inverse_variance_means() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 8, (2, 900))
    z, sigma = np.rint(rng.normal(-20, 1, 900) * 1000) / 1000, np.where(rng.random(900) < 0.5, 0.05, 0.2)
    frame = Frame.covering(Bounds(xmin=0, ymin=0, xmax=8, ymax=8), 1.0)
    row, column, _ = frame.cells_of(x, y)
    heights = cell_heights((row * 8 + column).astype(np.int32), z, sigma, frame, 0.05)
    bins = [np.arange(9)] * 2
    top = binned_statistic_2d(y, x, z / sigma**2, "sum", bins).statistic
    below = binned_statistic_2d(y, x, sigma**-2, "sum", bins).statistic
    spread = binned_statistic_2d(y, x, z, "std", bins).statistic
    n = binned_statistic_2d(y, x, z, "count", bins).statistic
    np.testing.assert_allclose(heights.z[::-1], top / below, atol=1e-9)
    np.testing.assert_allclose(heights.variance[::-1], n / below + spread**2 / n, rtol=1e-6)


def test_nothing_is_interpolated_farther_than_stated() -> None:
    cloud = beach(gap_m=0.0)
    hole = (abs(cloud.x - 1050) < 14) & (abs(cloud.y + 2016) < 14)
    cloud = cloud.with_attributes(label=np.where(hole, 6, cloud["label"]).astype(np.uint8))
    wide, narrow = (derive_terrain(cloud, FRAME, TerrainParams(void_m=reach)) for reach in (32.0, 6.0))
    x, y = np.meshgrid(*FRAME.centers())
    away = 14.0 - np.maximum(abs(x - 1050), abs(y + 2016))
    assert not (wide["dtm_fill"] == VOID)[away > 0].any()
    assert (narrow["dtm_fill"] == VOID)[away > 7].all()
    assert not (narrow["dtm_fill"] == VOID)[(away > 0) & (away < 5)].any()
