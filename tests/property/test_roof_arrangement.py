from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, affinity

from pipelines.roofs.arrangement import Arrangement, arrange, faces_at
from pipelines.roofs.shape import STEPS_PER_M, ShapeParams
from twin.errors import FootprintError

_KINDS = {
    "box": shapely.box(0, 0, 12, 8),
    "L": Polygon([(0, 0), (14, 0), (14, 5), (6, 5), (6, 11), (0, 11)]),
    "courtyard": shapely.box(0, 0, 15, 14) - shapely.box(4, 4, 10, 9),
    "notch": shapely.box(0, 0, 12, 8) - shapely.box(5, 3, 5.04, 9),
    "nearly straight": Polygon([(0, 0), (3, 0.002), (7, -0.003), (12, 0), (12, 8), (6, 8.004), (0, 8)]),
}


def _outline(kind: str, turn: float) -> Polygon:
    return shapely.set_precision(affinity.rotate(_KINDS[kind], turn, origin=(0, 0)), 1e-4)


def _segments(outline: Polygon, seed: int, n: int) -> np.ndarray:
    """Lines anywhere, along edges, almost on each other, and between corners."""
    rng = np.random.default_rng(seed)
    corners = shapely.get_coordinates(outline)
    x0, y0, x1, y1 = outline.bounds
    ends = rng.uniform((x0, y0), (x1, y1), (n, 2, 2))
    for i in range(n):
        if i % 4 == 1:
            ends[i] = corners[rng.integers(len(corners), size=2)] + rng.normal(0, 0.02, (2, 2))
        elif i % 4 == 2:
            ends[i] = ends[i - 1] + rng.normal(0, 0.03, (2, 2))
        elif i % 4 == 3:
            ends[i] += 2 * (ends[i] - ends[i].mean(axis=0))
    return ends


def _faces(arrangement: Arrangement) -> list[Polygon]:
    return [arrangement.polygon(f) for f in range(arrangement.n_faces)]


_cases = given(
    kind=st.sampled_from(sorted(_KINDS)),
    turn=st.floats(0, 90),
    seed=st.integers(0, 10_000),
    n=st.integers(0, 12),
)


@settings(max_examples=60, deadline=None)
@_cases
def test_faces_are_valid_and_cover_the_outline_without_overlap(kind: str, turn: float, seed: int, n: int) -> None:
    outline = _outline(kind, turn)
    arrangement = arrange(outline, _segments(outline, seed, n))
    faces = _faces(arrangement)
    assert all(face.is_valid for face in faces)
    grid = outline.length / STEPS_PER_M  # corners put on an edge leave it by less than a step
    assert sum(face.area for face in faces) == pytest.approx(outline.area, abs=grid)
    assert shapely.union_all(faces).area == pytest.approx(outline.area, abs=grid)
    assert arrangement.area_m2 == pytest.approx([face.area for face in faces])


@settings(max_examples=40, deadline=None)
@_cases
def test_edges_meet_only_in_their_ends(kind: str, turn: float, seed: int, n: int) -> None:
    outline = _outline(kind, turn)
    arrangement = arrange(outline, _segments(outline, seed, n))
    lines = shapely.linestrings(arrangement.vertices_m[arrangement.edges])
    first, second = shapely.STRtree(lines).query(lines, predicate="intersects")
    pairs = arrangement.edges[first[first < second]], arrangement.edges[second[first < second]]
    assert all(set(a) & set(b) for a, b in zip(*pairs, strict=True))


@settings(max_examples=40, deadline=None)
@_cases
def test_corners_of_the_outline_stay_and_all_others_keep_their_distance(
    kind: str, turn: float, seed: int, n: int
) -> None:
    outline, params = _outline(kind, turn), ShapeParams()
    arrangement = arrange(outline, _segments(outline, seed, n), params)
    given = {tuple(xy) for xy in np.rint(shapely.get_coordinates(outline) * STEPS_PER_M).astype(int)}
    assert {tuple(xy) for xy in arrangement.vertices[arrangement.fixed]} == given
    xy = arrangement.vertices_m
    apart = np.hypot(*(xy[:, None] - xy[None]).T)
    apart[np.ix_(arrangement.fixed, arrangement.fixed)] = np.inf
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > params.join_m - 2 / STEPS_PER_M


@settings(max_examples=30, deadline=None)
@_cases
def test_each_inside_point_lies_in_its_own_face(kind: str, turn: float, seed: int, n: int) -> None:
    outline = _outline(kind, turn)
    arrangement = arrange(outline, _segments(outline, seed, n))
    inside = arrangement.inside_m
    polygons = _faces(arrangement)
    assert all(p.contains(shapely.Point(xy)) for p, xy in zip(polygons, inside, strict=True))
    assert faces_at(arrangement, inside).tolist() == list(range(arrangement.n_faces))


def test_a_line_along_the_outline_never_replaces_it() -> None:
    box = shapely.box(0, 0, 20, 8)
    arrangement = arrange(
        box, [[[0, 0], [20, 0.06]], [[0.06, -1], [0.06, 9]]], ShapeParams(sliver_m=1e-6, sliver_m2=1e-9)
    )
    assert arrangement.edge_faces[:, 0].min() >= 0
    assert len(np.unique(np.sort(arrangement.edges, axis=1), axis=0)) == len(arrangement.edges)
    assert arrangement.area_m2.sum() == pytest.approx(box.area, abs=0.01)


def test_a_cross_makes_four_faces_and_a_loose_end_none() -> None:
    box = shapely.box(0, 0, 10, 10)
    cross = [[[5, -1], [5, 11]], [[-1, 4], [11, 4]]]
    assert sorted(arrange(box, cross).area_m2) == pytest.approx([20, 20, 30, 30])
    assert arrange(box, [[[5, -1], [5, 7]]]).n_faces == 1


def test_a_dormer_is_a_hole_in_the_roof_around_it() -> None:
    square = [[3, 3], [5, 3], [5, 5], [3, 5]]
    arrangement = arrange(shapely.box(0, 0, 10, 10), [[square[i - 1], square[i]] for i in range(4)])
    assert sorted(arrangement.area_m2) == pytest.approx([4, 96])
    assert sorted(np.diff(arrangement.face_start)) == [1, 2]


def test_a_courtyard_is_outside() -> None:
    arrangement = arrange(_KINDS["courtyard"], [[[7, -1], [7, 20]]])
    assert arrangement.area_m2.sum() == pytest.approx(_KINDS["courtyard"].area)
    assert faces_at(arrangement, np.array([[7.5, 6.0], [1.0, 1.0]])).tolist()[0] == -1


def test_slivers_go_to_their_neighbours() -> None:
    lines = [[[5, -1], [5, 11]], [[5.07, -1], [5.07, 11]]]
    assert arrange(shapely.box(0, 0, 10, 10), lines).n_faces == 2


def test_lines_beyond_the_most_faces_are_left_out() -> None:
    rng = np.random.default_rng(1)
    many = rng.uniform(0, 50, (300, 2, 2))
    params = ShapeParams(max_faces=60)
    assert 20 < arrange(shapely.box(0, 0, 50, 50), many, params).n_faces < 200


def test_an_outline_too_fine_for_a_solid_is_refused() -> None:
    with pytest.raises(FootprintError, match="simplify"):
        arrange(Polygon([(0, 0), (5, 0), (5, 0.001), (5, 5), (0, 5)]), [])
    touching = Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(0, 0), (4, 2), (2, 4)]])
    with pytest.raises(FootprintError, match=r"0\.0 mm from another"):
        arrange(touching, [])
    with pytest.raises(FootprintError, match="empty"):
        arrange(Polygon(), [])
