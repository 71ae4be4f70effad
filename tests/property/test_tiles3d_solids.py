"""Laws of triangulated faces: no area is lost or doubled, holes stay holes, and every triangle faces outwards."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon

from tiles.faces import face_triangles
from tiles.tiles3d.solids import mesh_of
from twin.building import Solid


def star(radii: list[float], factor: float) -> list[tuple[float, float]]:
    """A ring around (3, 5), counter-clockwise, as wild as its radii."""
    turn = 2 * np.pi / len(radii)
    return [(3 + factor * r * np.cos(i * turn), 5 + factor * r * np.sin(i * turn)) for i, r in enumerate(radii)]


def turned(flat: np.ndarray, yaw: float, tilt: float) -> np.ndarray:
    """Lift (n, 2) to a plane with any normal, far from the origin."""
    cy, sy, ct, st_ = np.cos(yaw), np.sin(yaw), np.cos(tilt), np.sin(tilt)
    turn = np.array([[1, 0, 0], [0, ct, -st_], [0, st_, ct]]) @ np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return np.column_stack([flat, np.zeros(len(flat))]) @ turn.T + [900.0, -700.0, 40.0]


@given(
    st.lists(st.floats(2.0, 20.0), min_size=3, max_size=14),
    st.booleans(),
    st.floats(0, 6.28),
    st.floats(0, 6.28),
)
def test_triangles_cover_a_face_with_its_hole_once_and_face_its_way(
    radii: list[float], has_hole: bool, yaw: float, tilt: float
) -> None:
    rings = [star(radii, 1.0)] + ([star(radii, 0.4)[::-1]] if has_hole else [])
    places = turned(np.concatenate([np.array(ring) for ring in rings]), yaw, tilt)
    first = np.cumsum([0] + [len(ring) for ring in rings])
    face = tuple(tuple(range(i, j)) for i, j in pairwise(first))
    solid = Solid(vertices=places, faces=(face,), semantics=("RoofSurface",))
    other = Solid(vertices=places + 50.0, faces=(face,), semantics=("WallSurface",))
    mesh = mesh_of([other, solid], [other.vertices, places])
    corners = mesh.triangles[mesh.feature[mesh.triangles[:, 0]] == 1]
    assert len(corners) * 2 == len(mesh.triangles)
    a, b, c = (mesh.positions[corners[:, i]] for i in range(3))
    outward = np.array([0.0, -np.sin(tilt), np.cos(tilt)])
    assert mesh.normals[corners[:, 0]] == pytest.approx(np.broadcast_to(outward, (len(corners), 3)), abs=1e-9)
    area = np.cross(b - a, c - a) @ outward / 2
    assert (area > -1e-6).all()
    assert area.sum() == pytest.approx(Polygon(rings[0], rings[1:]).area, rel=1e-9)


@given(
    st.lists(st.floats(2.0, 20.0), min_size=3, max_size=9),
    st.lists(st.integers(0, 3), min_size=9, max_size=9),
    st.booleans(),
    st.integers(0, 3),
)
def test_corners_on_straight_edges_stay_corners_of_triangles(
    radii: list[float], between: list[int], has_hole: bool, quarters: int
) -> None:
    def dense(ring: list[tuple[float, float]]) -> np.ndarray:
        corners = np.round(np.array(ring) * 64) / 64  # so that the points between them lie on the edges exactly
        pairs = zip(corners, np.roll(corners, -1, axis=0), between, strict=False)
        return np.concatenate([a + (b - a) * np.arange(n + 1)[:, None] / 4 for a, b, n in pairs])

    rings = [dense(star(radii, 1.0))] + ([dense(star(radii, 0.4))[::-1]] if has_hole else [])
    flat = np.concatenate(rings)
    axes = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]][quarters]
    ring = np.column_stack([flat, np.zeros(len(flat))])[:, axes]
    triangles = face_triangles(ring, np.cumsum([len(part) for part in rings]), np.array([0.0, 0.0, 1.0])[axes])
    assert set(triangles.ravel().tolist()) == set(range(len(flat)))
    a, b, c = (ring[triangles[:, i]] for i in range(3))
    area = np.cross(b - a, c - a) @ np.array([0.0, 0.0, 1.0])[axes] / 2
    assert (area >= 0).all()
    assert area.sum() == pytest.approx(Polygon(rings[0], rings[1:]).area, rel=1e-9)
    edges = Counter((t[i], t[(i + 1) % 3]) for t in triangles.tolist() for i in range(3))
    boundary = {edge for edge in edges if edge[::-1] not in edges}
    starts = np.cumsum([0] + [len(part) for part in rings])
    assert boundary == {
        (i, i + 1 if i + 1 < stop else start) for start, stop in pairwise(starts.tolist()) for i in range(start, stop)
    }
    assert max(edges.values()) == 1


def test_faces_without_area_are_left_out() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0.5, 0, 0]], dtype=float)
    solid = Solid(
        vertices=vertices,
        faces=(((0, 1, 2),), ((0, 3, 1),), ((0, 1, 0),)),
        semantics=("RoofSurface", "WallSurface", "WallSurface"),
    )
    mesh = mesh_of([solid], [vertices])
    assert len(mesh.triangles) == 1
    assert mesh.normals.tolist() == [[0, 0, 1]] * 3


def test_no_solids_make_an_empty_mesh() -> None:
    mesh = mesh_of([], [])
    assert mesh.positions.shape == (0, 3)
    assert mesh.triangles.shape == (0, 3)
