"""Distances of points to a model: as trimesh finds them, and as plain geometry says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from mapbox_earcut import triangulate_float64

from pipelines.model.fit import distances_to_solid, measure_fit, roof_residuals
from pipelines.model.prism import prism
from twin.building import Solid

if TYPE_CHECKING:
    from numpy.typing import NDArray

COURTYARD = shapely.orient_polygons(
    shapely.Polygon([(0, 0), (20, 0), (20, 12), (0, 12)], [[(5, 4), (5, 8), (15, 8), (15, 4)]])
)
FAR = np.array([-38_000.0, 125_000.0, 40.0])


def gabled(at: NDArray[np.float64] | None = None) -> Solid:
    """A house of 10 x 8 m: eaves at 5 m, ridge at 8 m along x in the middle, over y = 4 m."""
    vertices = [(0, 0, 0), (10, 0, 0), (10, 8, 0), (0, 8, 0), (0, 0, 5), (10, 0, 5), (10, 8, 5), (0, 8, 5)]
    vertices += [(0, 4, 8), (10, 4, 8)]
    faces = ((3, 2, 1, 0), (4, 5, 9, 8), (8, 9, 6, 7), (0, 1, 5, 4), (1, 2, 6, 9, 5), (2, 3, 7, 6), (3, 0, 4, 8, 7))
    roofs = ("RoofSurface", "RoofSurface")
    return Solid(
        vertices=np.array(vertices, float) + (0.0 if at is None else at),
        faces=tuple((face,) for face in faces),
        semantics=("GroundSurface", *roofs, "WallSurface", "WallSurface", "WallSurface", "WallSurface"),
    )


def mesh_of(solid: Solid) -> trimesh.Trimesh:
    """Triangles by a triangulator that is not ours."""
    triangles = []
    for face in solid.faces:
        index = np.concatenate([list(ring) for ring in face])
        xyz = solid.vertices[index] - solid.vertices[index[0]]
        ring = xyz[: len(face[0])]
        normal = np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0)
        plane = np.delete(xyz, int(np.argmax(np.abs(normal))), axis=1)
        ends = np.cumsum([len(each) for each in face]).astype(np.uint32)
        triangles.append(index[triangulate_float64(plane, ends).reshape(-1, 3)])
    return trimesh.Trimesh(vertices=solid.vertices, faces=np.concatenate(triangles), process=False)


def around(solid: Solid, n: int, seed: int, reach: float = 5.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.uniform(solid.vertices.min(axis=0) - reach, solid.vertices.max(axis=0) + reach, (n, 3))


@pytest.mark.parametrize("at", [np.zeros(3), FAR], ids=["origin", "far"])
def test_distances_are_those_of_trimesh(at: NDArray[np.float64]) -> None:
    hall = shapely.affinity.rotate(shapely.box(0, 0, 330, 90), 20)
    solids = [gabled(at), prism(COURTYARD, 1.0, 9.5), prism(hall, 0.0, 12.0)]
    for seed, solid in enumerate(solids):
        points = around(solid, 150, seed)
        _, expected, _ = trimesh.proximity.closest_point_naive(mesh_of(solid), points)
        np.testing.assert_allclose(distances_to_solid(solid, points), expected, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(3, 9))
def test_any_prism_is_as_far_as_trimesh_says(seed: int, corners: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radius = rng.uniform(2, 25, corners)
    outline = shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None])
    if not outline.is_valid or outline.area < 1.0 or not outline.exterior.is_ccw:
        return
    solid = prism(outline, 0.0, float(rng.uniform(1, 30)))
    points = around(solid, 60, seed)
    _, expected, _ = trimesh.proximity.closest_point_naive(mesh_of(solid), points)
    np.testing.assert_allclose(distances_to_solid(solid, points), expected, atol=1e-6)


def test_roof_residuals_are_heights_above_the_roof() -> None:
    at = FAR
    rng = np.random.default_rng(3)
    x, y, above = rng.uniform(0, 10, 500), rng.uniform(0, 8, 500), rng.normal(0, 0.3, 500)
    z = 8.0 - 0.75 * np.abs(y - 4.0) + above
    residual = roof_residuals(gabled(at), np.column_stack([x, y, z]) + at)
    np.testing.assert_allclose(residual, above, atol=1e-9)


def test_a_place_on_a_shared_edge_has_one_roof() -> None:
    ridge = np.column_stack([np.linspace(0.0, 9.9, 50), np.full(50, 4.0), np.full(50, 8.25)])
    np.testing.assert_allclose(roof_residuals(gabled(), ridge), 0.25, atol=1e-9)


def test_a_point_beside_the_roof_has_its_distance_in_space() -> None:
    point = np.array([[12.0, 4.0, 3.0]])
    np.testing.assert_allclose(roof_residuals(gabled(), point), [2.0])


def test_wall_points_count_in_the_first_sense_only() -> None:
    walls = np.array([[3.0, 0.1, 2.0], [10.2, 3.0, 1.0]])
    roof = np.array([[2.0, 2.0, 6.5], [7.0, 5.0, 7.25 - 0.4]])
    fit = measure_fit(gabled(), np.concatenate([walls, roof]), np.array([False, False, True, True]))
    slope = 0.4 * 0.8  # 0.4 m along z on a roof of 3 in 4
    assert fit.rmse_all_m == pytest.approx(np.sqrt((0.1**2 + 0.2**2 + slope**2) / 4))
    assert fit.p95_m == pytest.approx(slope)
    assert fit.rmse_m == pytest.approx(np.sqrt(0.4**2 / 2))
    assert fit.n_points == 4


def test_the_order_of_points_changes_no_bit() -> None:
    solid, rng = prism(COURTYARD, 0.0, 7.0), np.random.default_rng(5)
    points = around(solid, 777, 4, reach=1.0)
    is_roof = points[:, 2] > 5.0
    order = rng.permutation(len(points))
    assert measure_fit(solid, points, is_roof) == measure_fit(solid, points[order], is_roof[order])
    expected = np.percentile(distances_to_solid(solid, points), 95, method="inverted_cdf")
    assert measure_fit(solid, points, is_roof).p95_m == expected


def test_no_points_is_an_error_and_no_roof_points_is_not_a_number() -> None:
    with pytest.raises(ValueError, match="no points"):
        measure_fit(gabled(), np.empty((0, 3)), np.empty(0, np.bool_))
    assert np.isnan(measure_fit(gabled(), np.zeros((1, 3)), np.zeros(1, np.bool_)).rmse_m)
