"""How fast ground and the whole classification are; bounds are wide, for loaded machines, and figures are printed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.classify import ClassifyParams, classify_points
from pipelines.ground import SmrfParams, find_ground, ground_frame_step_m
from twin.points import Points
from twin.raster import Frame

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def town() -> Points:
    """A million points at 16 a square metre: streets, houses and crowns."""
    rng = np.random.default_rng(0)
    x, y = np.rint(rng.uniform(0, 250, (2, 1_000_000)) * 1000) / 1000
    z = 0.02 * x + rng.normal(0, 0.02, len(x))
    house = ((x % 25) < 12) & ((y % 25) < 10)
    crown = ((x % 25) > 18) & ((y % 25) > 15)
    z[house] += 7.0
    z[crown] += rng.uniform(0, 9, crown.sum())
    ones = np.ones(len(x), np.uint8)
    return Points(x=x, y=y, z=np.rint(z * 1000) / 1000, attributes={"return_number": ones, "number_of_returns": ones})


def rate_per_s(work: Callable[[], object], n: int) -> float:
    """Points a second of processor time, after a first call that compiles."""
    work()
    begun = time.process_time()
    work()
    return n / (time.process_time() - begun)


def test_the_ground_filter_does_more_than_a_million_points_a_second(town: Points) -> None:
    params = SmrfParams()
    frame = Frame.covering(town.bounds.buffered(1).snapped(ground_frame_step_m(params)), params.cell_m)
    rate = rate_per_s(lambda: find_ground(town.x, town.y, town.z, frame, params), len(town))
    print(f"SMRF: {rate / 1e6:.2f} M points/s of processor time")
    assert rate > 1e6


def test_the_whole_classification_does_more_than_200_000_points_a_second(town: Points) -> None:
    rate = rate_per_s(lambda: classify_points(town, town.bounds, ClassifyParams()), len(town))
    print(f"classification: {rate / 1e6:.2f} M points/s of processor time")
    assert rate > 2e5
