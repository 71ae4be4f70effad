"""Laws of rectangles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from twin.bounds import Bounds

coordinate = st.floats(-1e6, 1e6, allow_nan=False, width=64)
length = st.floats(0, 1e4, allow_nan=False)
step = st.sampled_from([0.25, 0.5, 1.0, 2.0, 10.0, 512.0])


@st.composite
def rectangles(draw: st.DrawFn) -> Bounds:
    xmin, ymin = draw(coordinate), draw(coordinate)
    return Bounds(xmin=xmin, ymin=ymin, xmax=xmin + draw(length), ymax=ymin + draw(length))


def covers(outer: Bounds, inner: Bounds) -> bool:
    return (
        outer.xmin <= inner.xmin and outer.ymin <= inner.ymin and outer.xmax >= inner.xmax and outer.ymax >= inner.ymax
    )


@given(rectangles(), rectangles())
def test_union_covers_both_and_does_not_depend_on_order(a: Bounds, b: Bounds) -> None:
    union = a.union(b)
    assert covers(union, a)
    assert covers(union, b)
    assert union == b.union(a)


@given(rectangles(), rectangles(), rectangles())
def test_union_is_associative(a: Bounds, b: Bounds, c: Bounds) -> None:
    assert a.union(b).union(c) == a.union(b.union(c))


@given(rectangles(), step)
def test_snapped_covers_and_adds_at_most_a_step_on_each_side(bounds: Bounds, step_m: float) -> None:
    snapped = bounds.snapped(step_m)
    assert covers(snapped, bounds)
    assert all(side / step_m == round(side / step_m) for side in snapped)
    assert bounds.xmin - snapped.xmin <= step_m
    assert bounds.ymin - snapped.ymin <= step_m
    assert snapped.xmax - bounds.xmax <= step_m
    assert snapped.ymax - bounds.ymax <= step_m


@given(rectangles(), step)
def test_snapping_twice_is_snapping_once(bounds: Bounds, step_m: float) -> None:
    assert bounds.snapped(step_m).snapped(step_m) == bounds.snapped(step_m)


@given(rectangles(), rectangles())
def test_intersection_is_mutual_and_an_inner_point_proves_it(a: Bounds, b: Bounds) -> None:
    assert a.intersects(b) == b.intersects(a)
    x, y = np.array([max(a.xmin, b.xmin)]), np.array([max(a.ymin, b.ymin)])
    shares_a_point = bool(a.contains(x, y)[0] and b.contains(x, y)[0])
    if shares_a_point:
        assert a.intersects(b)
    if a.intersects(b) and min(a.width_m, a.height_m, b.width_m, b.height_m) > 0:
        assert shares_a_point


@given(rectangles(), st.floats(0, 100))
def test_a_halo_covers_on_all_four_sides(bounds: Bounds, margin_m: float) -> None:
    grown = bounds.buffered(margin_m)
    assert covers(grown, bounds)
    assert grown.width_m == pytest.approx(bounds.width_m + 2 * margin_m, abs=1e-6)
    assert grown.height_m == pytest.approx(bounds.height_m + 2 * margin_m, abs=1e-6)


@given(rectangles())
def test_a_rectangle_owns_its_south_west_corner_and_not_its_north_east(bounds: Bounds) -> None:
    assume(bounds.width_m > 0)
    assume(bounds.height_m > 0)
    inside = bounds.contains(np.array([bounds.xmin, bounds.xmax]), np.array([bounds.ymin, bounds.ymax]))
    assert inside.tolist() == [True, False]


@given(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=20))
def test_around_is_the_smallest_closed_box(points: list[tuple[float, float]]) -> None:
    x, y = np.array(points).T
    assert tuple(Bounds.around(x, y)) == (x.min(), y.min(), x.max(), y.max())


def test_no_points_have_no_bounds() -> None:
    with pytest.raises(ValueError, match="no points"):
        Bounds.around(np.empty(0), np.empty(0))


@pytest.mark.parametrize("sides", [(1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 1.0, 0.0), (float("nan"), 0.0, 1.0, 1.0)])
def test_backward_and_endless_sides_are_refused(sides: tuple[float, float, float, float]) -> None:
    xmin, ymin, xmax, ymax = sides
    with pytest.raises(ValueError, match="bounds"):
        Bounds(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)
