"""Decks that a walker gets onto at both ends, and what only looks like one: small worlds with known truth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.classify import ClassifyParams, classify_points
from twin.points import PointClass, Points

Floats = NDArray[np.float64]


def labels_of(x: Floats, y: Floats, z: Floats) -> NDArray[np.uint8]:
    ones = np.ones(len(x), np.uint8)
    x, y, z = (np.rint(axis * 1000) / 1000 for axis in (x, y, z))
    points = Points(x=x, y=y, z=z, attributes={"return_number": ones, "number_of_returns": ones})
    return classify_points(points, points.bounds, ClassifyParams())[0]


def field(seed: int, edge_m: float = 110.0, per_m2: float = 12.0) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    n = int(edge_m**2 * per_m2)
    x, y = rng.uniform(0, edge_m, (2, n))
    return x, y, rng.normal(0, 0.02, n)


def share(label: NDArray[np.uint8], where: NDArray[np.bool_], code: int) -> float:
    return float((label[where] == code).mean())


@pytest.mark.parametrize(("half_m", "rise_m"), [(1.25, 0.0), (4.0, 1.5), (7.0, 0.5)])
def test_footbridges_arches_and_streets_over_a_canal_are_bridges(half_m: float, rise_m: float) -> None:
    x, y, z = field(1)
    canal = abs(x - 55) < 10
    along = (x - 55) / 12
    deck = (abs(y - 55) < half_m) & (abs(along) < 1)
    z = z + np.where(deck, rise_m * (1 - along**2), np.where(canal, -2.5, 0.0))
    label = labels_of(x, y, z)
    assert share(label, deck & (abs(x - 55) < 9), PointClass.BRIDGE) > 0.9
    assert share(label, ~canal & ~deck, PointClass.BRIDGE) < 0.01
    assert share(label, canal & ~deck, PointClass.BRIDGE) < 0.03


def test_a_street_over_water_that_returns_nothing_is_a_bridge_and_the_quays_beside_it_are_ground() -> None:
    x, y, z = field(2)
    rng = np.random.default_rng(3)
    canal, deck = abs(x - 55) < 8, abs(y - 55) < 5
    water = canal & ~deck
    z = z + np.where(water, -1.6, 0.0)
    seen = ~water | (rng.random(len(x)) < 0.01)
    x, y, z, canal, deck = x[seen], y[seen], z[seen], canal[seen], deck[seen]
    label = labels_of(x, y, z)
    assert share(label, canal & deck, PointClass.BRIDGE) > 0.8
    quay = (abs(x - 55) > 8) & (abs(y - 55) > 12)
    assert not (label[quay] == PointClass.BRIDGE).any()


def test_a_viaduct_is_known_by_the_street_seen_below_its_edge_and_a_long_house_by_its_walls() -> None:
    rng = np.random.default_rng(4)
    x, y, z = field(4, 130.0, 10.0)
    slant = 0.35 * rng.choice((-1.0, 1.0), len(x))
    top = 9.0
    # Two strips look from either side: where a slanting ray meets the level of the roof or deck decides.
    over = y + slant * top
    deck, house = abs(over - 95) < 7, (abs(over - 35) < 7)
    under = (abs(y - 95) < 7) & ~deck
    wall = ~house & (abs(y - 35) < 7)
    z = z + np.where(deck | house, top, 0.0)
    y = np.where(deck | house, over, y)
    down = np.where(wall, (7 - abs(y - 35)) / 0.35, 0.0)
    z, y = np.where(wall, np.clip(down, 0, top), z), np.where(wall, 35 + 7 * np.sign(y - 35), y)
    label = labels_of(x, y, z)
    inner = (x > 30) & (x < 100)
    assert share(label, deck & inner, PointClass.BRIDGE) > 0.9
    assert share(label, under & inner, PointClass.GROUND) > 0.95
    assert not (label[house | wall] == PointClass.BRIDGE).any()
    assert share(label, house & inner, PointClass.BUILDING) > 0.9


def test_a_dam_a_quay_and_a_dike_stay_ground() -> None:
    x, y, z = field(5)
    dam = abs(x - 55) < 5
    level = np.where(x < 55, -2.0, -6.0)
    assert not (labels_of(x, y, z + np.where(dam, 0.0, level)) == PointClass.BRIDGE).any()
    dike = np.clip(4.0 - 0.5 * np.clip(abs(x - 55) - 2, 0, None), 0.0, None)
    label = labels_of(x, y, z + dike)
    assert not (label == PointClass.BRIDGE).any()
    assert share(label, dike > 3.5, PointClass.GROUND) > 0.9
    assert not (labels_of(x, y, z - np.where(x + 3 * np.sin(y / 9) < 55, 0.0, 2.5)) == PointClass.BRIDGE).any()
