"""Refraction is undone exactly for a plane surface; Fermat's principle says so too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from pipelines.refraction import WaterIndex, unrefracted, water_index


def test_the_index_is_that_of_the_tables() -> None:
    """Austin and Halikas, as tabulated by Mobley: 532 nm lies between their 520 and 540 nm."""
    assert 1.3342 < water_index("fresh", 20.0).phase * 1.00028 < 1.3362
    assert 1.3405 < water_index("sea", 20.0).phase * 1.00028 < 1.3425
    assert 1.35 < water_index("fresh").group < 1.37
    assert water_index("sea", 0.0).phase > water_index("sea", 30.0).phase > water_index("fresh", 30.0).phase


@pytest.mark.parametrize("angle_deg", [0.0, 8.0, 20.0, 35.0])
def test_a_point_goes_back_to_where_light_took_the_shortest_time(angle_deg: float) -> None:
    """One index for both: the way of least time from the sensor to the point is found by search, not by Snell's law."""
    index = WaterIndex(phase=1.34, group=1.34)
    sensor, level = np.array([3.0, -7.0, 400.0]), -0.8
    bearing = 0.7
    reach = 400.8 * np.tan(np.radians(angle_deg))
    bed = np.array([sensor[0] + np.cos(bearing) * reach, sensor[1] + np.sin(bearing) * reach, level - 6.0])

    def time(place: np.ndarray) -> float:
        entry = np.array([*place, level])
        return float(np.linalg.norm(sensor - entry) + index.phase * np.linalg.norm(entry - bed))

    found = minimize(time, bed[:2], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000})
    entry = np.array([*found.x, level])
    ray = (sensor - entry) / np.linalg.norm(sensor - entry)
    apparent = entry - ray * index.group * np.linalg.norm(entry - bed)
    columns = tuple(np.array([value]) for value in apparent)
    back = unrefracted(columns, tuple(np.array([value]) for value in ray), level, index)
    np.testing.assert_allclose(np.concatenate(back), bed, atol=2e-4)


def test_straight_down_only_the_speed_counts_and_above_the_water_nothing_does() -> None:
    index = water_index("sea")
    z = np.array([-4.0, 0.3, 12.0])
    zero, one = np.zeros(3), np.ones(3)
    x, y, found = unrefracted((one, one, z), (zero, zero, one), 0.1, index)
    np.testing.assert_allclose(found, [0.1 - 4.1 / index.group, 0.3, 12.0])
    np.testing.assert_array_equal((x, y), (one, one))
