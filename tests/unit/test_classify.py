"""Classification on small worlds with known truth, and on input that is hardly any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from pipelines.classify import ClassifyParams, classify_points, classify_profile
from pipelines.learned import LearnedParams
from pipelines.objects.masks import drop_small, fill_small_holes
from pipelines.objects.voxels import build_voxels, neighbour_counts, voxel_shapes
from twin.bounds import Bounds
from twin.config import preset_names
from twin.errors import ConfigError
from twin.points import PointClass, Points

Floats = NDArray[np.float64]


def cloud(x: Floats, y: Floats, z: Floats, number: int | Floats = 1, of: int | Floats = 1) -> Points:
    full = np.ones(len(x), np.uint8)
    rounded = (np.rint(axis * 1000) / 1000 for axis in (x, y, z))
    points = Points(**dict(zip("xyz", rounded, strict=True)))
    return points.with_attributes(
        return_number=(full * np.asarray(number)).astype(np.uint8),
        number_of_returns=(full * np.asarray(of)).astype(np.uint8),
    )


def meadow(edge_m: float, per_m2: float, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(seed)
    n = int(edge_m**2 * per_m2)
    x, y = rng.uniform(0, edge_m, (2, n))
    return x, y, 0.05 * x + rng.normal(0, 0.02, n)


def labels_of(points: Points, params: ClassifyParams | None = None) -> NDArray[np.uint8]:
    label, confidence = classify_points(points, points.bounds, params or ClassifyParams())
    assert label.dtype == confidence.dtype == np.uint8
    assert confidence.max(initial=0) <= 100
    return label


@pytest.mark.parametrize("name", preset_names("profiles"))
def test_every_profile_names_only_parameters_that_exist(name: str) -> None:
    stage = classify_profile(name)
    assert stage.halo_m >= stage.steps.reach_m


def test_an_unknown_profile_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="urban"):
        classify_profile("urbane")


def test_a_house_a_tree_and_the_ground_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    x, y, z = meadow(80, 12)
    house = (abs(x - 25) < 8) & (abs(y - 40) < 6)
    z[house] += 6 + 0.4 * abs(y[house] - 40)
    crown = np.hypot(x - 60, y - 40) < 5
    through = crown & (rng.random(len(x)) < 0.3)
    z[crown & ~through] += rng.uniform(3, 10, (crown & ~through).sum())
    label = labels_of(cloud(x, y, z, of=np.where(crown, 2, 1), number=np.where(through, 2, 1)))
    assert (label[house] == PointClass.BUILDING).mean() > 0.97
    assert (label[crown & ~through] == PointClass.HIGH_VEGETATION).mean() > 0.95
    assert (label[~house & ~crown] == PointClass.GROUND).mean() > 0.99
    assert (label[~house] == PointClass.BUILDING).mean() < 0.002


def test_a_dike_is_ground_and_a_bridge_over_water_is_a_bridge() -> None:
    rng = np.random.default_rng(5)
    n = 120 * 120 * 12
    x, y = rng.uniform(0, 120, (2, n))
    z = 4 - np.clip(abs(abs(x - 60) - 16) - 2, 0, None) * 0.5
    inside = abs(x - 60) < 14
    z = np.where(inside, -2.0, np.maximum(z, 0.0))
    deck = (abs(y - 60) < 4) & (abs(x - 60) < 16)
    z = np.where(deck, 4.0, z) + rng.normal(0, 0.02, n)
    label = labels_of(cloud(x, y, z), ClassifyParams(learned=LearnedParams(enabled=False)))
    crest = (abs(abs(x - 60) - 16) < 2) & ~deck & (abs(y - 60) > 8)
    assert (label[crest] == PointClass.GROUND).mean() > 0.95
    span = deck & (abs(x - 60) < 13)
    assert (label[span] == PointClass.BRIDGE).mean() > 0.8
    assert (label[span] == PointClass.GROUND).mean() < 0.02


@pytest.mark.parametrize("half_m", [3.6, 4.0, 4.3, 4.6])
def test_the_edge_of_a_bridge_and_its_railing_are_no_building(half_m: float) -> None:
    rng = np.random.default_rng(8)
    n = 100 * 100 * 12
    x, y = rng.uniform(0, 100, (2, n))
    z = np.where(abs(x - 50) < 14, -2.0, 4.0 - np.clip(abs(x - 50) - 16, 0, 8) * 0.5)
    deck = (abs(y - 50) < half_m) & (abs(x - 50) < 15)
    railing = deck & (abs(y - 50) > half_m - 0.3)
    z = np.where(railing, 5.0, np.where(deck, 4.0, z)) + rng.normal(0, 0.02, n)
    label = labels_of(cloud(x, y, z))
    assert not (label == PointClass.BUILDING).any()
    assert (label[deck & (abs(x - 50) < 13)] == PointClass.BRIDGE).mean() > 0.9


def test_see_through_water_has_a_surface_and_a_bed_and_a_low_street_stays_dry() -> None:
    rng = np.random.default_rng(6)
    n = 100 * 100 * 12
    x, y = rng.uniform(0, 100, (2, n))
    bank = np.clip((x - 40) * 0.5, -3.0, 3.0)
    ground = np.where(x > 60, 0.02, bank)
    wet = ground < 0
    surface = wet & (rng.random(n) < 0.5)
    z = np.where(surface, 0.0, ground) + rng.normal(0, 0.02, n)
    label = labels_of(cloud(x, y, z, number=np.where(wet & ~surface, 2, 1), of=np.where(wet, 2, 1)))
    deep = wet & (ground < -0.6)
    assert (label[deep & surface] == PointClass.WATER_SURFACE).mean() > 0.98
    assert (label[deep & ~surface] == PointClass.SEABED).mean() > 0.98
    assert not np.isin(label[x > 60], (PointClass.WATER_SURFACE, PointClass.SEABED)).any()


def test_stray_points_are_noise_and_nothing_else_is() -> None:
    x, y, z = meadow(90, 4)
    stray = np.zeros(len(x), bool)
    stray[[100, 2000, 5000, 9000]] = True
    z[stray] += [-30.0, 60.0, -500.0, 850.0]
    label = labels_of(cloud(x, y, z))
    expected = [PointClass.LOW_NOISE, PointClass.HIGH_NOISE, PointClass.LOW_NOISE, PointClass.HIGH_NOISE]
    assert label[stray].tolist() == expected
    assert not np.isin(label[~stray], (PointClass.LOW_NOISE, PointClass.HIGH_NOISE)).any()


def test_a_cloud_layer_800_m_up_is_noise_as_a_whole() -> None:
    x, y, z = meadow(60, 6)
    layer = np.random.default_rng(7).random(len(x)) < 0.3
    z[layer] += 800
    label = labels_of(cloud(x, y, z))
    assert (label[layer] == PointClass.HIGH_NOISE).all()
    assert (label[~layer] == PointClass.GROUND).mean() > 0.99


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10])
def test_a_handful_of_points_gets_labels(n: int) -> None:
    x, y = np.random.default_rng(n).uniform(0, 500, (2, n))
    points = cloud(x, y, np.full(n, 7.25))
    label, _ = classify_points(points, Bounds(xmin=0, ymin=0, xmax=500, ymax=500), ClassifyParams())
    assert (label == PointClass.UNCLASSIFIED).all(), "too alone to be told"
    assert len(label) == n


def test_one_height_no_returns_a_wide_hole_and_all_water_are_no_trouble() -> None:
    x, y, z = meadow(400, 0.5)
    flat = cloud(x, y, np.zeros_like(z), number=0, of=0)
    assert (labels_of(flat) == PointClass.GROUND).all()
    hole = np.hypot(x - 200, y - 200) < 150
    assert (labels_of(cloud(x[~hole], y[~hole], z[~hole])) == PointClass.GROUND).mean() > 0.99
    walls = cloud(np.full(3000, 5.0), y[:3000], z[:3000] * 5 + np.linspace(0, 30, 3000))
    assert len(labels_of(walls)) == 3000
    rng = np.random.default_rng(8)
    bed = rng.random(len(x)) < 0.5
    sea = cloud(x, y, np.where(bed, -4 + 0.01 * x, 0.0), number=np.where(bed, 2, 1), of=2)
    label = labels_of(sea)
    assert set(np.unique(label)) <= {1, 2, 3, 4, 5, 6, 40, 41}
    assert not np.isnan(label).any()


def test_multibeam_ground_is_seabed_under_its_profile() -> None:
    x, y, z = meadow(60, 3)
    label = labels_of(cloud(x, y, z - 40), classify_profile("seabed").steps)
    assert (label == PointClass.SEABED).mean() > 0.99


@given(seed=st.integers(0, 1000))
def test_voxel_shapes_are_those_of_a_covariance_and_ignore_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 60))
    x, y, z = (np.rint(rng.uniform(-3, 3, n) * rng.uniform(0.05, 1) * 1000) / 1000 for _ in range(3))
    order = rng.permutation(n)
    voxels, shuffled = build_voxels(x, y, z, 1.0), build_voxels(x[order], y[order], z[order], 1.0)
    shape, again = voxel_shapes(voxels), voxel_shapes(shuffled)
    here, there = voxels.of_point[order], shuffled.of_point
    for name in ("n_points", "thickness_m", "width_m", "steepness"):
        np.testing.assert_array_equal(getattr(shape, name)[here], getattr(again, name)[there])
    np.testing.assert_array_equal(neighbour_counts(voxels), shape.n_points)
    cell = np.stack([np.floor(axis) for axis in (x, y, z)], axis=1)
    for p in range(0, n, 7):
        near = (abs(cell - cell[p]) <= 1).all(axis=1)
        v = voxels.of_point[p]
        assert shape.n_points[v] == near.sum()
        if near.sum() >= 4:
            values, vectors = np.linalg.eigh(np.cov(np.stack([x, y, z])[:, near], bias=True))
            spread = np.sqrt(np.maximum(values, 0))
            assert shape.thickness_m[v] == pytest.approx(spread[0], abs=2e-3)
            assert shape.width_m[v] == pytest.approx(spread[1], abs=2e-3)
            if values[1] > values[0] + 1e-2:
                assert shape.steepness[v] == pytest.approx(np.hypot(*vectors[:2, 0]), abs=0.02)


@given(seed=st.integers(0, 500), least=st.integers(1, 12))
def test_small_parts_and_small_holes_are_counted_as_scipy_does(seed: int, least: int) -> None:
    mask = np.random.default_rng(seed).random((14, 16)) < 0.5
    label, n = ndimage.label(mask)
    sizes = np.bincount(label.ravel(), minlength=n + 1)
    expected = mask & (sizes[label] >= least)
    np.testing.assert_array_equal(drop_small(mask, least), expected)
    np.testing.assert_array_equal(fill_small_holes(~mask, least - 1), ~expected)
