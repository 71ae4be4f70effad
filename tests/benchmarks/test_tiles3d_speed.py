"""How fast 3D Tiles are written: one core, the files' bytes in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tiles.tiles3d.placement import Heights, Placement
from tiles.tiles3d.pointglb import Cloud, cloud_glb
from tiles.tiles3d.solids import mesh_of
from twin.building import Solid
from twin.crs import parse_crs
from twin.vertical import TP

N_POINTS = 40_000
N_SOLIDS = 1000
ROUNDS = 3


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    """Points of a gentle slope of 128 x 128 m in zone IX, metres, shape (n, 3)."""
    rng = np.random.default_rng(0)
    x, y = 128.0 * rng.random((2, N_POINTS))
    return np.stack([x - 8000.0, y - 36000.0, 2.0 + 0.1 * x + 0.02 * rng.random(N_POINTS)], axis=1)


def test_placing_points_on_the_earth(benchmark: Any, places: np.ndarray) -> None:
    placement = Placement(crs=parse_crs("EPSG:6677"), heights=Heights(vertical=TP))
    frame = placement.frame(-7936.0, -35936.0)
    local = benchmark.pedantic(placement.local, (frame, *places.T), rounds=ROUNDS)
    assert np.abs(local[:, :2]).max() < 70.0


def test_encoding_a_glb_of_points(benchmark: Any, places: np.ndarray) -> None:
    cloud = Cloud(
        positions=places - places.mean(axis=0),
        colours=np.full((N_POINTS, 3), 90, dtype=np.uint8),
        classes=np.full(N_POINTS, 2, dtype=np.uint8),
        intensity=(1000 + 50 * np.sin(places[:, 0])).astype(np.uint16),
    )
    data, _ = benchmark.pedantic(cloud_glb, (cloud,), rounds=ROUNDS)
    assert len(data) < 8 * N_POINTS


def test_triangulating_prisms(benchmark: Any) -> None:
    ring = np.array([[0, 0], [12, 0], [12, 9], [7, 9], [7, 4], [0, 4]], dtype=float)
    n = len(ring)
    vertices = np.concatenate([np.column_stack([ring, np.full(n, z)]) for z in (2.0, 12.0)])
    walls = tuple(((i, (i + 1) % n, (i + 1) % n + n, i + n),) for i in range(n))
    faces = (*walls, (tuple(range(n - 1, -1, -1)),), (tuple(range(n, 2 * n)),))
    solid = Solid(vertices=vertices, faces=faces, semantics=(*["WallSurface"] * n, "GroundSurface", "RoofSurface"))
    mesh = benchmark.pedantic(mesh_of, ([solid] * N_SOLIDS, [vertices] * N_SOLIDS), rounds=ROUNDS)
    assert len(mesh.triangles) == N_SOLIDS * (2 * n + 2 * (n - 2))
