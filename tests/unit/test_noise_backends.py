"""Noise is found whoever counts the neighbours, and a tile's noise is that of the whole area."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial import cKDTree

from pipelines.noise import NoiseParams, find_noise
from pipelines.noise_open3d import lonely_points
from twin.bounds import Bounds
from twin.errors import ConfigError
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

missing = importlib.util.find_spec("open3d") is None
every_backend = pytest.mark.parametrize(
    "backend",
    ["voxels", pytest.param("open3d", marks=pytest.mark.skipif(missing, reason="open3d-cpu is not installed"))],
)
EDGE_M = 64.0


def scene() -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """A slope at 4 points a square metre with ten birds and ten points of multipath: xyz (n, 3), and what is noise."""
    random = np.random.default_rng(11)
    x, y = random.uniform(0, EDGE_M, (2, 16_000))
    ground = np.column_stack([x, y, 0.05 * x])
    spots = np.stack(np.meshgrid(np.arange(4.0, 64, 14), [16.0, 48.0]), -1).reshape(-1, 2)[:10]
    birds = np.column_stack([spots, np.full(len(spots), 40.0)])
    multipath = np.column_stack([spots[:, ::-1] + 1.0, np.full(len(spots), -9.0)])
    truth = np.r_[
        np.zeros(len(ground), np.uint8), np.full(len(birds), 18, np.uint8), np.full(len(multipath), 7, np.uint8)
    ]
    return np.round(np.vstack([ground, birds, multipath]), 3), truth


def noise_of(xyz: NDArray[np.float64], backend: str, window: Bounds) -> NDArray[np.uint8]:
    frame = Frame.covering(window.snapped(16.0), 1.0)
    return find_noise(*xyz.T, frame, NoiseParams(backend=backend))  # type: ignore[arg-type]


@every_backend
def test_birds_and_multipath_are_noise_and_the_ground_is_not(backend: str) -> None:
    xyz, truth = scene()
    assert np.array_equal(noise_of(xyz, backend, Bounds(xmin=0, ymin=0, xmax=EDGE_M, ymax=EDGE_M)), truth)


@every_backend
def test_a_part_with_its_reach_has_the_noise_of_the_whole(backend: str) -> None:
    xyz, _ = scene()
    whole = noise_of(xyz, backend, Bounds(xmin=0, ymin=0, xmax=EDGE_M, ymax=EDGE_M))
    core = Bounds(xmin=16, ymin=16, xmax=48, ymax=48)
    window = core.buffered(NoiseParams().reach_m).snapped(16.0)
    near, inside = window.contains(xyz[:, 0], xyz[:, 1]), core.contains(xyz[:, 0], xyz[:, 1])
    part = np.zeros(len(xyz), np.uint8)
    part[near] = noise_of(xyz[near], backend, window)
    assert np.array_equal(part[inside], whole[inside])


@every_backend
def test_the_order_of_points_does_not_matter(backend: str) -> None:
    xyz, _ = scene()
    order, window = np.random.default_rng(0).permutation(len(xyz)), Bounds(xmin=0, ymin=0, xmax=EDGE_M, ymax=EDGE_M)
    assert np.array_equal(noise_of(xyz, backend, window)[order], noise_of(xyz[order], backend, window))


@pytest.mark.skipif(missing, reason="open3d-cpu is not installed")
def test_neighbours_are_counted_as_a_tree_of_scipy_counts_them() -> None:
    xyz = np.round(np.random.default_rng(2).uniform(0, 30, (4000, 3)), 3)
    counts = cKDTree(xyz).query_ball_point(xyz, 1.5, return_length=True)
    for most in (1, 2, 4):
        assert np.array_equal(lonely_points(list(xyz.T), 1.5, most), counts <= most)


def test_a_machine_without_open3d_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(ConfigError, match=r"open3d-cpu.*libGL"):
        noise_of(scene()[0], "open3d", Bounds(xmin=0, ymin=0, xmax=EDGE_M, ymax=EDGE_M))
