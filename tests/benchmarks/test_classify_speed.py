"""How fast ground and the whole classification are: a million points of a town on one core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.classify import ClassifyParams, classify_points
from pipelines.ground import SmrfParams, find_ground, ground_frame_step_m
from twin.points import PointClass, Points
from twin.raster import Frame

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


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


def repeated(benchmark: BenchmarkFixture, work: Any) -> Any:
    """Run a few times after one that compiles; the table is in seconds a million points."""
    return benchmark.pedantic(work, rounds=5, warmup_rounds=1)


def test_ground_filter(benchmark: BenchmarkFixture, town: Points) -> None:
    params = SmrfParams()
    frame = Frame.covering(town.bounds.buffered(1).snapped(ground_frame_step_m(params)), params.cell_m)
    ground = repeated(benchmark, lambda: find_ground(town.x, town.y, town.z, frame, params))
    assert ground.is_ground.mean() > 0.4


@pytest.mark.slow
def test_whole_classification(benchmark: BenchmarkFixture, town: Points) -> None:
    label, _ = repeated(benchmark, lambda: classify_points(town, town.bounds, ClassifyParams()))
    assert (label == PointClass.BUILDING).mean() > 0.1
