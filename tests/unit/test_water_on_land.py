"""Water as infrared lasers see it, and what looks like it: small worlds with known truth."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from pipelines.classify import ClassifyParams, classify_points
from pipelines.classify.evidence import Evidence
from twin.points import PointClass, Points

Floats = NDArray[np.float64]


def labels_of(x: Floats, y: Floats, z: Floats, water: shapely.Geometry | None = None) -> NDArray[np.uint8]:
    ones = np.ones(len(x), np.uint8)
    x, y, z = (np.rint(axis * 1000) / 1000 for axis in (x, y, z))
    points = Points(x=x, y=y, z=z, attributes={"return_number": ones, "number_of_returns": ones})
    evidence = Evidence(water=None if water is None else np.array([water], dtype=object))
    return classify_points(points, points.bounds, ClassifyParams(), evidence)[0]


def field(edge_m: float, per_m2: float, seed: int) -> tuple[Floats, Floats, Floats, np.random.Generator]:
    rng = np.random.default_rng(seed)
    n = int(edge_m**2 * per_m2)
    x, y = rng.uniform(0, edge_m, (2, n))
    return x, y, rng.normal(0, 0.02, n), rng


@pytest.mark.parametrize(("per_m2", "width_m"), [(12.0, 8.0), (3.0, 24.0)])
def test_a_canal_that_returns_one_pulse_in_twenty_is_water_and_its_quays_are_not(per_m2: float, width_m: float) -> None:
    x, y, z, rng = field(120, per_m2, 1)
    across = abs((x - 60) * np.cos(0.4) + (y - 60) * np.sin(0.4))
    canal = across < width_m / 2
    z[canal] -= 1.5
    seen = ~canal | (rng.random(len(x)) < 0.05)
    x, y, z, canal = x[seen], y[seen], z[seen], canal[seen]
    label = labels_of(x, y, z)
    assert (label[canal] == PointClass.WATER).mean() > 0.85
    assert not (label[~canal] == PointClass.WATER).any()


def test_the_bright_patch_below_the_aircraft_is_water_with_the_dark_canal_around_it() -> None:
    x, y, z, rng = field(120, 12, 2)
    canal = abs(x - 60) < 15
    patch = canal & (np.hypot(x - 60, y - 60) < 6)
    z[canal] -= 1.5
    seen = ~canal | patch | (rng.random(len(x)) < 0.02)
    x, y, z, canal, patch = x[seen], y[seen], z[seen], canal[seen], patch[seen]
    label = labels_of(x, y, z)
    assert (label[patch] == PointClass.WATER).mean() > 0.95
    assert not (label[~canal] == PointClass.WATER).any()


def test_a_level_square_a_shadow_on_it_and_the_end_of_the_survey_are_no_water() -> None:
    x, y, z, rng = field(140, 8, 3)
    z[abs(x - 70) > 40] += 1.0
    shadow = (abs(x - 70) < 5) & (abs(y - 60) < 8)
    ragged = y + 6 * np.sin(x / 5) < 125
    seen = ragged & (~shadow | (rng.random(len(x)) < 0.08))
    label = labels_of(x[seen], y[seen], z[seen])
    assert not (label == PointClass.WATER).any()


def test_a_pond_that_returns_every_pulse_is_water_where_an_outline_says_so_and_a_bank_within_it_is_not() -> None:
    x, y, z, _ = field(100, 8, 4)
    distance = np.hypot(x - 50, y - 50)
    z += np.clip(0.3 * (distance - 15), 0, 1.5)
    outline = shapely.Point(50, 50).buffer(19)
    label = labels_of(x, y, z, outline)
    assert (label[distance < 14] == PointClass.WATER).mean() > 0.97
    assert not (label[distance > 16.5] == PointClass.WATER).any()
    assert not (labels_of(x, y, z - 0.05 * x, outline) == PointClass.WATER).any()
