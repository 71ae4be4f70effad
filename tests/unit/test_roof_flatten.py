from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipelines.roofs.arrangement import Arrangement, arrange
from pipelines.roofs.extrude import extrude
from pipelines.roofs.flatten import flatten
from pipelines.roofs.shape import ShapeParams
from pipelines.validity import check_solid, volume_m3


def _points(arrangement: Arrangement, labels: np.ndarray, planes: np.ndarray, n: int = 2000) -> np.ndarray:
    xy = np.random.default_rng(3).uniform(0, (30, 10), (n, 2))
    faces = [arrangement.polygon(i) for i in range(arrangement.n_faces)]
    label = np.zeros(n, int)
    for f, polygon in enumerate(faces):
        label[shapely.contains_xy(polygon, xy)] = labels[f]
    return np.column_stack([xy, (planes[label] * np.column_stack([xy, np.ones(n)])).sum(axis=1)])


@pytest.fixture
def church() -> tuple[Arrangement, np.ndarray, np.ndarray]:
    """A tower of 25 m, a gabled nave of 8 to 10 m, an annex of 4 m, from west to east."""
    arrangement = arrange(shapely.box(0, 0, 30, 10), [[[6, -1], [6, 11]], [[24, -1], [24, 11]], [[6, 5], [24, 5]]])
    x, y = arrangement.inside_m.T
    labels = np.where(x < 6, 0, np.where(x > 24, 3, np.where(y < 5, 1, 2)))
    planes = np.array([[0, 0, 25], [0, 0.4, 8], [0, -0.4, 12], [0, 0, 4.0]])
    return arrangement, labels, planes


def test_blocks_within_a_storey_become_one_and_others_stay(church) -> None:
    arrangement, labels, planes = church
    blocks, levels = flatten(arrangement, labels, planes, _points(arrangement, labels, planes))
    assert sorted(levels[:, 2]) == pytest.approx([4, 9, 25], abs=0.05)
    assert (levels[:, :2] == 0).all()
    assert blocks[labels == 1].tolist() == blocks[labels == 2].tolist()
    solid = extrude(arrangement, blocks, levels, 0.0)
    assert check_solid(solid) == ()
    assert volume_m3(solid) == pytest.approx(6 * 10 * 25 + 18 * 10 * 9 + 6 * 10 * 4, rel=0.005)


def test_blocks_are_not_chained_over_more_than_a_storey() -> None:
    lines = [[[x, -1], [x, 11]] for x in (6, 12, 18, 24)]
    arrangement = arrange(shapely.box(0, 0, 30, 10), lines)
    labels = np.argsort(np.argsort(arrangement.inside_m[:, 0]))
    planes = np.array([[0, 0, 4 + 2.0 * i] for i in range(5)])  # stairs of 2 m: no two blocks are 3 m apart
    _, levels = flatten(arrangement, labels, planes, _points(arrangement, labels, planes))
    assert 1 < len(levels) < 5
    assert np.diff(np.sort(levels[:, 2])).min() >= 3


def test_the_height_is_the_median_or_the_70th_percentile(church) -> None:
    arrangement, labels, planes = church
    points = _points(arrangement, labels, planes)
    nave = (points[:, 0] > 6) & (points[:, 0] < 24)
    _, levels = flatten(arrangement, labels, planes, points, ShapeParams(block_height="p70"))
    assert sorted(levels[:, 2])[1] == pytest.approx(np.percentile(points[nave, 2], 70), abs=1e-9)


def test_the_order_of_points_changes_nothing(church) -> None:
    arrangement, labels, planes = church
    points = _points(arrangement, labels, planes)
    one = flatten(arrangement, labels, planes, points)
    other = flatten(arrangement, labels, planes, points[::-1])
    assert one[0].tolist() == other[0].tolist()
    assert one[1].tolist() == other[1].tolist()


def test_a_block_without_points_has_the_height_of_its_plane(church) -> None:
    arrangement, labels, planes = church
    _, levels = flatten(arrangement, labels, planes, np.empty((0, 3)))
    assert sorted(levels[:, 2]) == pytest.approx([4, 9, 25], abs=1.1)
