"""How sure a label is: signs by hand, per cents by the logistic curve, and no dependence on order or window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.classify.confidence import (
    AGREEMENT,
    GROUPS,
    LIFT,
    MARGIN,
    ODDS,
    ConfidenceParams,
    per_cent,
    read_signs,
    summed_up,
    together,
)
from twin.bounds import Bounds
from twin.points import Points

WINDOW = Bounds(xmin=0.0, ymin=0.0, xmax=30.0, ymax=30.0)


def tables(**rows: dict[int, int]) -> ConfidenceParams:
    """Tables of zeros but for some classes of each sign, the same for every group."""
    sizes = {"margin": len(MARGIN) + 1, "agreement": len(AGREEMENT) + 2, "lift": len(LIFT) + 2, "odds": len(ODDS) + 2}
    made = {name: tuple(rows.get(name, {}).get(k, 0) for k in range(size)) for name, size in sizes.items()}
    return ConfidenceParams(**{name: (row,) * len(GROUPS) for name, row in made.items()})


def cloud(rng: np.random.Generator, n: int) -> tuple[Points, np.ndarray, np.ndarray, np.ndarray]:
    x, y = np.rint(rng.uniform(0, 30, (2, n)) * 1000) / 1000
    label = rng.choice(np.array([1, 2, 5, 6, 9, 17], np.uint8), n)
    lift = rng.normal(0, 2, n).astype(np.float32)
    lift[rng.random(n) < 0.1] = np.nan
    return Points(x=x, y=y, z=np.zeros(n)), label, rng.integers(0, 101, n).astype(np.uint8), lift


def test_agreement_is_the_share_of_like_labels_in_nine_cells() -> None:
    x = np.array([0.5, 0.6, 1.5, 1.6, 2.5, 2.6, 9.5])
    label = np.array([6, 6, 6, 2, 2, 5, 6], np.uint8)
    points = Points(x=x, y=np.full(7, 0.5), z=np.zeros(7))
    signs = read_signs(points, label, np.full(7, 80, np.uint8), np.zeros(7, np.float32), WINDOW, ConfidenceParams())
    shares = [75, 75, 50, 100 / 3, 50, 25]  # of 4, 4, 6, 6, 4, 4 points around; the last one is alone
    expected = [int(np.searchsorted(AGREEMENT, share, side="right")) + 1 for share in shares]
    assert list(signs.agreement) == [*expected, 0]


@given(sums=st.lists(st.integers(-80, 80), min_size=1, max_size=4))
def test_a_per_cent_is_the_logistic_curve_of_the_sum_of_the_signs(sums: list[int]) -> None:
    points, label, _, lift = cloud(np.random.default_rng(1), 3)
    params = tables(**{name: dict.fromkeys(range(12), value) for name, value in zip(NAMES, sums, strict=False)})
    found = per_cent(read_signs(points, label, np.full(3, 90, np.uint8), lift, WINDOW, params), params)
    expected = np.clip(100.0 / (1.0 + np.exp(-np.clip(sum(sums), -60, 60) / 10.0)), 5, 99)
    assert np.all(abs(found - expected) <= 0.5)


NAMES = ("margin", "agreement", "lift", "odds")


@given(seed=st.integers(0, 1000))
def test_confidences_do_not_depend_on_the_order_of_points_nor_on_the_window(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, label, margin, lift = cloud(rng, 600)
    params = ConfidenceParams()
    whole = per_cent(read_signs(points, label, margin, lift, WINDOW, params), params)
    core = Bounds(xmin=7.3, ymin=8.1, xmax=15.2, ymax=16.9)
    window = core.buffered(params.reach_m)
    part = rng.permutation(np.flatnonzero(window.contains(points.x, points.y)))
    signs = read_signs(points.take(part), label[part], margin[part], lift[part], window, params)
    own = core.contains(points.x[part], points.y[part])
    np.testing.assert_array_equal(per_cent(signs, params)[own], whole[part][own])


def test_odds_are_those_of_the_label_that_was_given() -> None:
    label = np.array([2, 6, 5, 1, 9, 17], np.uint8)
    points = Points(x=np.arange(6.0), y=np.zeros(6), z=np.zeros(6))
    odds = {name: np.full(6, value, np.uint8) for name, value in (("ground", 96), ("building", 1), ("vegetation", 2))}
    nothing = np.zeros(6, np.uint8), np.zeros(6, np.float32), WINDOW, ConfidenceParams()
    classes = {value: int(np.searchsorted(ODDS, value, side="right")) + 1 for value in (96, 1, 2)}
    signs = read_signs(points, label, *nothing, odds)
    assert list(signs.odds) == [classes[96], classes[1], classes[2], classes[1], classes[96], 0]
    assert not read_signs(points, label, *nothing).odds.any()


def test_tables_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="lift needs 6 rows of 10"):
        ConfidenceParams(lift=((1, 2, 3),))


@given(seed=st.integers(0, 1000), cut=st.integers(0, 50))
def test_tiles_add_up_to_the_confidence_of_the_whole(seed: int, cut: int) -> None:
    confidence = np.random.default_rng(seed).integers(5, 100, 50).astype(np.uint8)
    whole = together([summed_up(confidence)])
    parts = together([summed_up(confidence[:cut]), summed_up(confidence[cut:])])
    assert parts["mean"] == pytest.approx(confidence.mean(), abs=0.01)
    assert parts["doubtful"] == pytest.approx(100.0 * np.mean(confidence < 60), abs=0.01)
    assert whole == pytest.approx(parts, abs=0.011)
    assert together([]) == {"mean": None, "doubtful": None}
