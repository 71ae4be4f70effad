from __future__ import annotations

from typing import TYPE_CHECKING

import mapbox_earcut
import numpy as np
import pytest
import shapely
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, affinity

from pipelines.roofs.arrangement import Arrangement, arrange
from pipelines.roofs.extrude import extrude, extrude_counted
from pipelines.roofs.shape import ShapeParams
from pipelines.validity import DEFAULT, STRICT, check_solid, volume_m3
from twin.errors import RoofError

if TYPE_CHECKING:
    from twin.building import Solid

_KINDS = {
    "box": shapely.box(0, 0, 12, 8),
    "L": Polygon([(0, 0), (14, 0), (14, 5), (6, 5), (6, 11), (0, 11)]),
    "courtyard": shapely.box(0, 0, 15, 14) - shapely.box(4, 4, 10, 9),
    "nearly straight": Polygon([(0, 0), (3, 0.002), (7, -0.003), (12, 0), (12, 8), (6, 8.004), (0, 8)]),
}


def _case(kind: str, turn: float, seed: int) -> tuple[Arrangement, np.ndarray, np.ndarray]:
    """A partition, its labels and its planes: level, almost level, steep, and almost equal ones, above 3 m."""
    rng = np.random.default_rng(seed)
    outline = shapely.set_precision(affinity.rotate(_KINDS[kind], turn, origin=(7, 6)), 1e-4)
    segments = rng.uniform(-4, 18, (rng.integers(1, 12), 2, 2))
    arrangement = arrange(outline, segments)
    planes = np.column_stack([rng.normal(0, 0.3, (6, 2)), rng.uniform(20, 24, 6)])
    planes[0, :2] = 0
    planes[2] = planes[1] + [0, 0, rng.choice([0, 1e-4, 0.001, 0.002, 0.01, 0.05])]
    planes[4, :2] = -planes[3, :2]
    labels = rng.integers(0, 6, arrangement.n_faces)
    if seed % 2:
        labels = (arrangement.inside_m @ planes[:, :2].T + planes[:, 2]).argmin(axis=1)
    return arrangement, labels, planes


def _mesh(solid: Solid) -> trimesh.Trimesh:
    """Triangles of all faces, each cut in the plane where it is widest."""
    triangles = []
    for face in solid.faces:
        xyz = solid.vertices[[v for ring in face for v in ring]]
        following = np.concatenate([np.roll(np.arange(len(ring)), -1) for ring in face]).astype(int)
        start = np.cumsum([0, *map(len, face)])
        following += np.repeat(start[:-1], np.diff(start))
        normal = np.cross(xyz - xyz.mean(axis=0), xyz[following] - xyz.mean(axis=0)).sum(axis=0)
        drop = int(np.abs(normal).argmax())
        flat = np.delete(xyz, drop, axis=1)
        found = mapbox_earcut.triangulate_float64(flat, start[1:].astype(np.uint32)).reshape(-1, 3)
        corners = np.array([v for ring in face for v in ring])[found]
        for a, b, c in corners:
            n = np.cross(solid.vertices[b] - solid.vertices[a], solid.vertices[c] - solid.vertices[a])
            triangles.append((a, b, c) if n @ normal >= 0 else (a, c, b))
    return trimesh.Trimesh(solid.vertices, triangles, process=False)


def _volume_below(arrangement: Arrangement, labels: np.ndarray, planes: np.ndarray) -> float:
    total = 0.0
    for f in range(arrangement.n_faces):
        polygon = arrangement.polygon(f)
        total += polygon.area * float(planes[labels[f]] @ [polygon.centroid.x, polygon.centroid.y, 1])
    return total


_cases = given(kind=st.sampled_from(sorted(_KINDS)), turn=st.floats(0, 90), seed=st.integers(0, 10_000))


@settings(max_examples=60, deadline=None)
@_cases
def test_every_solid_is_closed_oriented_and_flat_to_a_millimetre(kind: str, turn: float, seed: int) -> None:
    arrangement, labels, planes = _case(kind, turn, seed)
    solid = extrude(arrangement, labels, planes, 0.0)
    assert check_solid(solid, STRICT) == ()
    assert check_solid(solid, DEFAULT) == ()
    assert len(np.unique(np.rint(solid.vertices * 1e4), axis=0)) == len(solid.vertices)


@settings(max_examples=40, deadline=None)
@_cases
def test_vertices_are_farther_apart_than_val3dity_joins_them(kind: str, turn: float, seed: int) -> None:
    solid = extrude(*_case(kind, turn, seed), 0.0)
    apart = np.linalg.norm(solid.vertices[:, None] - solid.vertices[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.0011


@settings(max_examples=40, deadline=None)
@_cases
def test_the_volume_is_the_integral_of_the_roof_over_the_outline(kind: str, turn: float, seed: int) -> None:
    arrangement, labels, planes = _case(kind, turn, seed)
    made = extrude_counted(arrangement, labels, planes, 0.0, ShapeParams(agree_m=1e-9, settle_m=1e-9))
    cut = made.n_repaired * 0.2**2 * 10  # small triangles given to another plane
    expected = _volume_below(arrangement, labels, planes)
    assert volume_m3(made.solid) == pytest.approx(expected, abs=cut + 0.002 * arrangement.area_m2.sum())


@settings(max_examples=20, deadline=None)
@_cases
def test_trimesh_finds_the_solid_watertight_too(kind: str, turn: float, seed: int) -> None:
    arrangement, labels, planes = _case(kind, turn, seed)
    solid = extrude(arrangement, labels, planes, 0.0)
    assert volume_m3(solid) == pytest.approx(_mesh(solid).volume, rel=1e-4)
    used = {
        tuple(sorted(edge))
        for face in solid.faces
        for ring in face
        for edge in zip(ring, ring[1:] + ring[:1], strict=False)
    }
    assert len(used) * 2 == sum(len(ring) for face in solid.faces for ring in face)


def test_a_gable_on_a_box_has_two_roof_faces_and_four_walls() -> None:
    arrangement = arrange(shapely.box(0, 0, 10, 8), [[[-1, 4], [11, 4]]])
    planes = [[0, 0.5, 4], [0, -0.5, 8]]
    south = arrangement.inside_m[:, 1] < 4
    solid = extrude(arrangement, np.where(south, 0, 1), planes, 0.0)
    assert solid.semantics.count("RoofSurface") == 2
    assert solid.semantics.count("WallSurface") == 4
    assert (len(solid.vertices), len(solid.faces[0][0])) == (10, 4)  # the floor has the corners of the outline alone
    assert volume_m3(solid) == pytest.approx(10 * 8 * 5)


def test_hips_that_miss_the_corners_by_centimetres_end_in_them_without_a_wall() -> None:
    """Four planes of a hipped roof with errors of a survey: flat faces, four walls, each corner common to two faces."""
    planes = np.array([[0, 0.5, 4.01], [0.5, 0, 4.0], [0, -0.5, 7.98], [-0.505, 0, 9.03]])
    west, east = (4.0, 4.0), (6.0, 4.02)
    corners = [(0, 0), (10, 0), (10, 8), (0, 8)]
    hips = [[corners[0], west], [corners[3], west], [corners[1], east], [corners[2], east], [west, east]]
    arrangement = arrange(shapely.box(0, 0, 10, 8), hips)
    labels = (arrangement.inside_m @ planes[:, :2].T + planes[:, 2]).argmin(axis=1)
    made = extrude_counted(arrangement, labels, planes, 0.0)
    assert check_solid(made.solid, STRICT) == ()
    assert made.n_triangulated == 0
    assert made.solid.semantics.count("RoofSurface") == made.solid.semantics.count("WallSurface") == 4
    roof = _volume_below(arrangement, labels, planes)
    assert volume_m3(made.solid) == pytest.approx(roof, abs=ShapeParams().agree_m * 80)


def test_four_planes_that_miss_each_other_by_centimetres_meet_in_one_point() -> None:
    planes = np.array([[0, 0.5, 4.0], [0, -0.5, 8.01], [0.4, 0, 3.99], [-0.4, 0, 8.0]])
    arrangement = arrange(shapely.box(0, 0, 10, 8), [[[0, 0], [10, 8]], [[0, 8], [10, 0]]])
    labels = (arrangement.inside_m @ planes[:, :2].T + planes[:, 2]).argmin(axis=1)
    made = extrude_counted(arrangement, labels, planes, 0.0)
    assert check_solid(made.solid, STRICT) == ()
    assert (len(made.solid.vertices), len(made.solid.faces)) == (9, 9)


def test_faces_of_one_plane_become_one_and_the_outline_gets_its_edges_back() -> None:
    arrangement = arrange(shapely.box(0, 0, 10, 8), [[[3, -1], [3, 9]], [[-1, 4], [11, 4]]])
    solid = extrude(arrangement, [0] * arrangement.n_faces, [[0, 0, 5]], 0.0)
    assert (len(solid.vertices), len(solid.faces)) == (8, 6)


@pytest.mark.parametrize("high", [0, 1])
def test_high_low_high_low_around_a_corner_is_repaired(high: int) -> None:
    arrangement = arrange(shapely.box(0, 0, 10, 8), [[[5, -1], [5, 9]], [[-1, 4], [11, 4]]])
    x, y = arrangement.inside_m.T
    chess = ((x > 5) ^ (y > 4)).astype(int)
    made = extrude_counted(arrangement, chess ^ high, [[0, 0, 5], [0, 0, 9]], 0.0)
    assert made.n_repaired == 1
    assert check_solid(made.solid) == ()
    assert volume_m3(made.solid) == pytest.approx(10 * 8 * 7, abs=4 * 0.02 + 1e-6)


def test_walls_that_meet_in_one_line_at_the_outline_are_repaired() -> None:
    outline = Polygon([(0, 0), (10, 0), (10, 8), (0, 8)])
    arrangement = arrange(outline, [[[0, 0], [10, 5]], [[0, 0], [6, 8]]])
    order = np.argsort(np.arctan2(*arrangement.inside_m.T[::-1]))
    labels = np.empty(3, int)
    labels[order] = [0, 1, 0]  # high, low, high from the corner at the origin
    made = extrude_counted(arrangement, labels, [[0, 0, 9], [0, 0, 5]], 0.0)
    assert made.n_repaired == 1
    assert check_solid(made.solid) == ()


def test_planes_that_change_sides_along_an_edge_are_split_there() -> None:
    arrangement = arrange(shapely.box(0, 0, 10, 8), [[[5, -1], [5, 9]]])
    west = arrangement.inside_m[:, 0] < 5
    solid = extrude(arrangement, np.where(west, 0, 1), [[0, 0.5, 4], [0, -0.5, 8]], 0.0)
    assert check_solid(solid) == ()
    assert [5.0, 4.0, 6.0] in solid.vertices.tolist()


def test_a_courtyard_and_a_hole_in_the_roof_are_holes_of_faces() -> None:
    square = [[1, 1], [3, 1], [3, 3], [1, 3]]
    arrangement = arrange(_KINDS["courtyard"], [[square[i - 1], square[i]] for i in range(4)])
    labels = (arrangement.area_m2 < 10).astype(int)
    solid = extrude(arrangement, labels, [[0, 0, 5], [0, 0, 7]], 0.0)
    assert check_solid(solid) == ()
    rings = [len(face) for face in solid.faces]
    assert rings[0] == 2  # the floor around the courtyard
    assert sorted(n for n, kind in zip(rings, solid.semantics, strict=True) if kind == "RoofSurface") == [1, 3]


def test_a_roof_below_its_base_is_lifted_above_it() -> None:
    arrangement = arrange(shapely.box(0, 0, 10, 8), [])
    solid = extrude(arrangement, [0], [[0.5, 0, -1]], 0.0)
    assert check_solid(solid) == ()
    assert solid.vertices[:, 2].min() == 0
    assert sorted(np.unique(solid.vertices[:, 2]))[1] == pytest.approx(0.1)


def test_wrong_labels_and_planes_are_refused_with_a_sentence() -> None:
    arrangement = arrange(shapely.box(0, 0, 10, 8), [])
    with pytest.raises(RoofError, match="one plane for each face"):
        extrude(arrangement, [0, 0], [[0, 0, 5]], 0.0)
    with pytest.raises(RoofError, match="needs a plane"):
        extrude(arrangement, [1], [[0, 0, 5]], 0.0)
    with pytest.raises(RoofError, match="finite"):
        extrude(arrangement, [0], [[0, np.nan, 5]], 0.0)


def test_a_face_whose_holes_touch_each_other_and_the_eaves_is_cut_into_rings_without_holes() -> None:
    squares = [[(0, 0), (3, 1), (4, 4), (1, 3)], [(4, 4), (6, 4), (6, 6), (4, 6)]]  # one hangs on the outline's corner
    lines = [[square[i - 1], square[i]] for square in squares for i in range(4)]
    arrangement = arrange(shapely.box(0, 0, 10, 8), lines)
    labels = (arrangement.area_m2 < 20).astype(int)
    made = extrude_counted(arrangement, labels, [[0, 0, 5], [0, 0, 7]], 0.0)
    assert check_solid(made.solid, STRICT) == ()
    for face, kind in zip(made.solid.faces, made.solid.semantics, strict=True):
        corners = [v for ring in face for v in ring]
        assert kind != "RoofSurface" or len(set(corners)) == len(corners)
    assert volume_m3(made.solid) == pytest.approx(10 * 8 * 5 + 2 * (8 + 4), abs=0.1)
