"""Deliveries that are hardly any: each ends in labels, and never in ground far below what was surveyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.classify import ClassifyParams, classify_points
from twin.points import PointClass, Points

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]
BOTTOMS = (PointClass.GROUND, PointClass.SEABED)


def plain(edge_m: float = 60.0, per_m2: float = 4.0, seed: int = 0) -> Floats:
    """Level ground at 5 m, shape (n, 3)."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, edge_m, (2, int(edge_m**2 * per_m2)))
    return np.column_stack([x, y, 5.0 + rng.normal(0, 0.02, x.size)])


def labels_of(xyz: Floats, returns: bool = True) -> NDArray[np.uint8]:
    """Labels of a cloud; single returns, or no return numbers at all."""
    xyz = np.round(xyz, 3)
    one = np.full(len(xyz), 1 if returns else 0, np.uint8)
    points = Points(x=xyz[:, 0].copy(), y=xyz[:, 1].copy(), z=xyz[:, 2].copy()).with_attributes(
        return_number=one, number_of_returns=one
    )
    label, confidence = classify_points(points, points.bounds.buffered(1.0), ClassifyParams())
    assert label.shape == confidence.shape == (len(xyz),)
    assert confidence.max(initial=0) <= 100
    return label


def sloping(xyz: Floats) -> Floats:
    """Tilt by 8 per cent."""
    return xyz + np.column_stack([0 * xyz[:, 0], 0 * xyz[:, 0], 0.08 * xyz[:, 0]])


def with_hole() -> Floats:
    xyz = plain(edge_m=330.0, per_m2=0.5)
    return xyz[np.abs(xyz[:, :2] - 165.0).max(axis=1) > 150.0]


def of_many_densities() -> Floats:
    thin, dense = plain(edge_m=80.0, per_m2=0.2), plain(edge_m=12.0, per_m2=400.0, seed=1)
    # Level ground that returns little beside much is what water looks like: so the ground slopes.
    return sloping(np.vstack([thin, dense + np.array([30.0, 30.0, 0.0])]))


def with_a_cloud_above() -> Floats:
    cloud = plain(per_m2=1.0, seed=2)
    cloud[:, 2] = 805.0 + np.random.default_rng(3).normal(0, 8, len(cloud))
    return np.vstack([plain(), cloud])


def with_strays_below() -> Floats:
    rng = np.random.default_rng(4)
    strays = np.column_stack([rng.uniform(0, 60, (40, 2)), rng.uniform(-300, -30, 40)])
    outside = np.array([[-45.0, 30.0, -203.0], [110.0, 20.0, -298.0]])
    return np.vstack([plain(), strays, outside])


def with_extreme_heights() -> Floats:
    far = np.array([[10.0, 10.0, 2.0e6], [20.0, 30.0, -2.0e6], [40.0, 10.0, 99_999.0], [50.0, 50.0, -32_768.0]])
    return np.vstack([plain(), far])


def on_cell_borders() -> Floats:
    x, y = np.meshgrid(np.arange(0.0, 60.5, 0.5), np.arange(0.0, 60.5, 0.5))
    return np.column_stack([x.ravel(), y.ravel(), np.full(x.size, 5.0)])


def one_scan_line() -> Floats:
    x = np.linspace(0.0, 100.0, 2_000)
    return np.column_stack([x, np.full(2_000, 7.0), np.full(2_000, 5.0)])


def all_at_one_place() -> Floats:
    return sloping(np.vstack([plain(), np.full((100_000, 3), (30.0, 30.0, 5.0))]))


LAND: dict[str, Callable[[], Floats]] = {
    "one height": lambda: plain() * (1, 1, 0) + (0, 0, 5.0),
    "a hole of 300 m": with_hole,
    "0.2 to 400 points a square metre": of_many_densities,
    "a cloud layer 800 m up": with_a_cloud_above,
    "strays down to 300 m below": with_strays_below,
    "heights of two thousand kilometres": with_extreme_heights,
    "every point twice": lambda: np.repeat(plain(), 2, axis=0),
    "points on the cells' borders": on_cell_borders,
    "a single scan line": one_scan_line,
    "a hundred thousand points at one place": all_at_one_place,
}


SLOPING = ("0.2 to 400 points a square metre", "a hundred thousand points at one place")


@pytest.mark.parametrize("name", LAND)
@pytest.mark.parametrize("returns", [True, False])
def test_level_ground_is_ground_whatever_else_is_delivered(name: str, returns: bool) -> None:
    if not returns and name not in ("one height", "0.2 to 400 points a square metre"):
        pytest.skip("once is enough")
    xyz = LAND[name]()
    label = labels_of(xyz, returns=returns)
    bottom = np.isin(label, BOTTOMS)
    slope = 0.08 if name in SLOPING else 0.0
    level = np.abs(xyz[:, 2] - 5.0 - slope * xyz[:, 0]) < 0.2
    assert not bottom[~level].any()
    assert (label[level] == PointClass.GROUND).mean() > 0.95


@pytest.mark.parametrize("n", [1, 2, 3, 30])
def test_a_few_points_get_labels(n: int) -> None:
    rng = np.random.default_rng(n)
    assert len(labels_of(rng.uniform(0, 400, (n, 3)))) == n


def test_walls_alone_are_not_all_ground() -> None:
    rng = np.random.default_rng(5)
    walls = [
        np.column_stack([np.full(3_000, x), rng.uniform(0, 40, 3_000), rng.uniform(5, 45, 3_000)])
        for x in (10.0, 25.0, 40.0)
    ]
    xyz = np.vstack(walls)
    label = labels_of(xyz)
    ground = label == PointClass.GROUND
    assert ground.mean() < 0.2
    assert xyz[ground, 2].max(initial=5.0) < 20.0


def test_a_tile_that_is_all_water_has_nothing_below_it() -> None:
    rng = np.random.default_rng(6)
    xyz = plain(per_m2=1.0)
    xyz[:, 2] = 0.1 + rng.normal(0, 0.03, len(xyz))
    below = np.column_stack([rng.uniform(0, 60, (15, 2)), rng.uniform(-300.0, -20.0, 15)])
    label = labels_of(np.vstack([xyz, below]))
    assert not np.isin(label[len(xyz) :], BOTTOMS).any()
    assert set(np.unique(label[: len(xyz)])) <= {1, 2, 3, 9, 40, 41}


@pytest.mark.slow
def test_an_open_pit_300_m_deep_keeps_its_floor() -> None:
    xyz = plain(edge_m=700.0, per_m2=0.4)
    away = np.abs(xyz[:, :2] - 350.0).max(axis=1)
    xyz[:, 2] -= np.clip((320.0 - away) * 1.15, 0.0, 300.0)
    label = labels_of(xyz)
    floor = away < 45.0
    assert (label[floor] == PointClass.GROUND).mean() > 0.9
    assert (label == PointClass.LOW_NOISE).mean() < 0.001
