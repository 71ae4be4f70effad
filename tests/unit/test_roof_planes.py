"""Laws of roof planes, the lines between them and the plane of each face."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from shapely.geometry import box

from pipelines.roofs.arrangement import arrange
from pipelines.roofs.closing import close_lines
from pipelines.roofs.labelling import assign_planes
from pipelines.roofs.lines import partition_lines
from pipelines.roofs.mincut import expand, link, minimum_cut
from pipelines.roofs.normals import local_planes, neighbours
from pipelines.roofs.params import RoofParams
from pipelines.roofs.planes import find_planes
from pipelines.roofs.territory import outline_edges

PARAMS = RoofParams()
OUTLINE = box(0.0, 0.0, 10.0, 14.0)


def sorted_points(xyz):
    return xyz[np.lexsort((xyz[:, 2], xyz[:, 1], xyz[:, 0]))]


def scan(height, n=1400, noise=0.05, seed=3, outline=OUTLINE):
    """Points over the outline at the heights of a function of x and y, with noise along z."""
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = outline.bounds
    x, y = rng.uniform(x0, x1, n), rng.uniform(y0, y1, n)
    inside = shapely.contains_xy(outline, x, y)
    x, y = x[inside], y[inside]
    return sorted_points(np.column_stack((x, y, height(x, y) + rng.normal(0.0, noise, len(x)))))


def gable(x, y):
    return 6.0 + 0.6 * (5.0 - np.abs(x - 5.0))


def box_on_flat(x, y):
    return np.where((np.abs(x - 5.0) < 1.5) & (np.abs(y - 8.0) < 2.0), 8.8, 6.0)


def wall_points(n=600, seed=5):
    rng = np.random.default_rng(seed)
    return np.column_stack((rng.normal(0.05, 0.02, n), rng.uniform(0.0, 14.0, n), rng.uniform(0.0, 5.5, n)))


def test_neighbours_are_those_of_a_full_search():
    xyz = np.random.default_rng(0).uniform(0.0, 5.0, (300, 3))
    index, radius = neighbours(xyz, 9)
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    expected = np.argsort(distance, axis=1, kind="stable")[:, :9]
    assert np.array_equal(index, expected)
    flat = np.linalg.norm(xyz[index, :2] - xyz[:, None, :2], axis=2)
    assert np.allclose(radius, flat.max(axis=1))


def test_normals_and_noise_are_those_of_the_plane():
    xyz = scan(lambda x, y: 0.5 * x - 0.2 * y + 3.0, noise=0.0)
    normals, spread = local_planes(xyz, neighbours(xyz, 12)[0])
    expected = np.array([-0.5, 0.2, 1.0]) / np.sqrt(1.29)
    assert np.abs(normals - expected).max() < 1e-6
    assert spread.max() < 1e-6
    noisy = find_planes(scan(lambda x, y: 0.0 * x, noise=0.05), PARAMS)
    assert noisy.noise_m == pytest.approx(0.05, rel=0.2)
    assert noisy.spacing_m == pytest.approx(0.1**0.5, rel=0.1)


def test_a_gable_gives_two_planes_and_one_ridge():
    xyz = scan(gable)
    planes = find_planes(xyz, PARAMS)
    assert planes.n_planes == 2
    assert np.sort(planes.coefficients[:, 0]) == pytest.approx([-0.6, 0.6], abs=0.02)
    assert np.mean(planes.label >= 0) > 0.98
    lines = partition_lines(OUTLINE, xyz, planes, PARAMS)
    assert len(lines) == 1
    ridge = lines[0][np.argsort(lines[0][:, 1])]
    assert np.abs(ridge - [[5.0, 0.0], [5.0, 14.0]]).max() < 0.1
    assert sorted(assign_planes(arrange(OUTLINE, lines, PARAMS), xyz, planes, PARAMS)) == [0, 1]


def test_the_order_of_the_points_does_not_matter():
    xyz = scan(gable)
    again = sorted_points(np.random.default_rng(8).permutation(xyz))
    one, two = find_planes(xyz, PARAMS), find_planes(again, PARAMS)
    assert np.array_equal(one.coefficients, two.coefficients)
    assert np.array_equal(partition_lines(OUTLINE, xyz, one, PARAMS), partition_lines(OUTLINE, again, two, PARAMS))


def test_a_wall_point_is_in_no_roof_plane():
    wall = wall_points()
    xyz = np.concatenate((scan(gable), wall))
    order = np.lexsort((xyz[:, 2], xyz[:, 1], xyz[:, 0]))
    planes = find_planes(xyz[order], PARAMS)
    is_wall = (order >= len(xyz) - len(wall)) & (xyz[order, 2] < 5.0)
    assert planes.n_planes == 2
    assert np.all(planes.label[is_wall] == -1)


def test_a_floor_below_the_roof_is_no_roof_plane():
    floor = scan(lambda x, y: 3.0 + 0.0 * x, n=700, seed=4)
    planes = find_planes(sorted_points(np.concatenate((scan(gable), floor))), PARAMS)
    assert planes.n_planes == 2
    assert np.abs(planes.coefficients[:, 0]).min() > 0.5


def test_few_points_make_no_plane():
    assert find_planes(scan(gable, n=6), PARAMS).n_planes == 0


def test_planes_are_capped_by_count():
    planes = find_planes(scan(gable), RoofParams(max_planes=1))
    assert planes.n_planes == 1


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.1])
def test_a_box_on_a_flat_roof_gets_four_walls_where_it_stands(angle):
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    xyz = scan(box_on_flat)
    xyz[:, :2] = xyz[:, :2] @ turn
    xyz = sorted_points(xyz)
    outline = shapely.transform(OUTLINE, lambda xy: xy @ turn)
    planes = find_planes(xyz, PARAMS)
    lines = partition_lines(outline, xyz, planes, PARAMS)
    plan = arrange(outline, lines, PARAMS)
    label = assign_planes(plan, xyz, planes, PARAMS)
    higher = shapely.union_all([plan.polygon(f) for f in np.flatnonzero(planes.coefficients[label, 2] > 7.5)])
    truth = shapely.transform(box(3.5, 6.0, 6.5, 10.0), lambda xy: xy @ turn)
    assert higher.symmetric_difference(truth).area < 0.1 * truth.area


def test_a_step_along_the_outline_is_the_outline():
    parapet = scan(lambda x, y: np.where(x < 0.25, 6.9, 6.0))
    planes = find_planes(parapet, PARAMS)
    assert len(partition_lines(OUTLINE, parapet, planes, PARAMS)) == 0


def test_lines_that_are_closed_end_on_another_line_or_on_the_outline():
    segments = np.array([[[2.0, 2.0], [2.0, 9.0]], [[3.0, 10.0], [8.0, 10.5]], [[7.0, 3.0], [4.0, 6.0]]])
    pairs = np.full((3, 3), -1)
    edges = outline_edges(OUTLINE)
    closed = close_lines(segments, pairs, edges, 0.2)
    for i, segment in enumerate(closed):
        rest = shapely.multilinestrings([*np.delete(closed, i, axis=0), *edges])
        assert shapely.distance(shapely.points(segment), rest).max() < 1e-6


def test_min_cut_equals_brute_force_on_small_graphs():
    rng = np.random.default_rng(1)
    for _ in range(60):
        n = int(rng.integers(2, 7))
        pairs = np.array(list(itertools.combinations(range(n), 2)))
        pairs = pairs[rng.random(len(pairs)) < 0.7].reshape(-1, 2)
        surplus, capacity = rng.integers(-9, 10, n), rng.integers(0, 6, 2 * len(pairs))

        def cost(sink, pairs=pairs, surplus=surplus, capacity=capacity):
            total = np.maximum(surplus, 0)[sink].sum() + np.maximum(-surplus, 0)[~sink].sum()
            for e, (i, j) in enumerate(pairs):
                total += capacity[2 * e] * (not sink[i] and sink[j]) + capacity[2 * e + 1] * (not sink[j] and sink[i])
            return total

        sink = minimum_cut(pairs, link(n, pairs), surplus.copy(), capacity.copy())
        best = min(cost(np.array(side)) for side in itertools.product([False, True], repeat=n))
        assert cost(sink) == best


def test_two_labels_are_found_exactly_as_by_brute_force():
    rng = np.random.default_rng(2)
    for _ in range(40):
        n = 6
        pairs = np.array([(i, i + 1) for i in range(n - 1)] + [(0, n - 1)])
        cost = rng.integers(0, 100, (n, 2))
        heights = rng.uniform(0.0, 2.0, (len(pairs), 2, 2))
        between = (rng.uniform(0, 40, n), heights, rng.uniform(0, 40, n), 1.0)
        label = cost.argmin(axis=1).astype(np.int32)
        found = expand(cost, pairs, between, label, 6)
        step = np.minimum(np.abs(heights[:, :, 0] - heights[:, :, 1]).mean(axis=1), 1.0)
        weight = (between[0] + between[2] * step).astype(np.int64)
        sides = (np.array(side) for side in itertools.product([0, 1], repeat=n))
        best = min(
            cost[np.arange(n), side].sum() + weight[side[pairs[:, 0]] != side[pairs[:, 1]]].sum() for side in sides
        )
        assert found == best


def test_no_plane_rises_above_an_empty_place():
    """A steep roof over one half and no points over the other: its plane would rise to 20 m there."""
    xyz = scan(lambda x, y: np.where(x < 3.0, 6.0 + 1.4 * x, 5.0))
    xyz = xyz[xyz[:, 0] < 5.0]
    planes = find_planes(xyz, PARAMS)
    assert planes.n_planes == 2
    plan = arrange(OUTLINE, partition_lines(OUTLINE, xyz, planes, PARAMS), PARAMS)
    label = assign_planes(plan, xyz, planes, PARAMS)
    for face, plane in enumerate(label):
        corners = shapely.get_coordinates(plan.polygon(face))
        top = (corners @ planes.coefficients[plane, :2] + planes.coefficients[plane, 2]).max()
        assert top < xyz[:, 2].max() + PARAMS.guard_m


def test_params_out_of_range_are_refused():
    with pytest.raises(ValueError, match="noise"):
        RoofParams(noise_floor_m=0.2)
    with pytest.raises(ValueError, match="misfit_m"):
        RoofParams(misfit_m=0.0)


def test_a_dormer_is_closed_on_all_sides():
    """Its cheeks are too short to show in the border between the points; they stand all the same."""

    def roof(x, y):
        return np.where((np.abs(y - 7.0) < 1.1) & (x > 5.0) & (x < 8.6), np.maximum(8.1, gable(x, y)), gable(x, y))

    xyz = scan(roof, n=2000)
    planes = find_planes(xyz, PARAMS)
    assert planes.n_planes == 3
    plan = arrange(OUTLINE, partition_lines(OUTLINE, xyz, planes, PARAMS), PARAMS)
    label = assign_planes(plan, xyz, planes, PARAMS)
    level = np.abs(planes.coefficients[:, 0]).argmin()
    dormer = shapely.union_all([plan.polygon(f) for f in np.flatnonzero(label == level)])
    assert dormer.symmetric_difference(box(6.5, 5.9, 8.6, 8.1)).area < 1.0
