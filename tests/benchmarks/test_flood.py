from __future__ import annotations

import numpy as np
import pytest
import shapely
from scipy.ndimage import gaussian_filter

from pipelines.flood.connectivity import critical_levels, flood_depth, to_millimetres
from pipelines.flood.exposure import building_exposure
from twin.raster import Frame

EDGE = 1000


@pytest.fixture(scope="module")
def coast():
    rng = np.random.default_rng(0)
    ground = 1.2 * gaussian_filter(rng.standard_normal((EDGE, EDGE)), 30) * 100 + np.linspace(-2, 6, EDGE)
    seeds = np.zeros((EDGE, EDGE), dtype=bool)
    seeds[:, :20] = True
    ground_mm = to_millimetres(ground)
    critical_levels(ground_mm[:30, :30], seeds[:30, :30])  # compile
    return ground_mm, seeds


def test_critical_levels_of_a_million_cells(benchmark, coast):
    critical = benchmark(critical_levels, *coast)
    benchmark.extra_info["cells"] = critical.size


def test_depth_of_a_million_cells_at_one_more_level(benchmark, coast):
    critical = critical_levels(*coast)
    depth = benchmark(flood_depth, coast[0], critical, 2000)
    assert (depth > 0).any()


def test_exposure_of_a_thousand_houses(benchmark, coast):
    depth = flood_depth(coast[0], critical_levels(*coast), 2000)
    frame = Frame(column0=0, row0=0, rows=EDGE, columns=EDGE, resolution_m=0.5)
    corners = np.random.default_rng(1).uniform(10, 470, (1000, 2))
    houses = [shapely.box(x, y, x + 9, y + 12) for x, y in corners]
    water = np.zeros(depth.shape, dtype=bool)
    building_exposure(houses[:1], depth, water, frame)
    out = benchmark(building_exposure, houses, depth, water, frame)
    assert np.isfinite(out.max_depth_m).all()
