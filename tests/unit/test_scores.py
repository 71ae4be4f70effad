"""Scores of labels, by hand and by their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.quality.scores import as_report, confusion, score_class, score_ground, score_overall

codes = st.lists(st.sampled_from([1, 2, 5, 6, 9]), min_size=1, max_size=60)


def test_kappa_and_errors_of_a_table_worked_by_hand() -> None:
    # 50 ground kept, 10 lost, 5 objects taken, 35 left: agreement 0.85, chance 0.6 * 0.55 + 0.4 * 0.45 = 0.51.
    truth = np.repeat([2, 2, 6, 6], [50, 10, 5, 35]).astype(np.uint8)
    found = np.repeat([2, 1, 2, 6], [50, 10, 5, 35]).astype(np.uint8)
    score = score_ground(confusion(truth, found))
    assert score.type1 == pytest.approx(100 * 10 / 60)
    assert score.type2 == pytest.approx(100 * 5 / 40)
    assert score.total == pytest.approx(15.0)
    assert score.kappa == pytest.approx(100 * (0.85 - 0.51) / (1 - 0.51))


@given(truth=codes, seed=st.integers(0, 99))
def test_class_scores_are_set_overlaps(truth: list[int], seed: int) -> None:
    true = np.array(truth, np.uint8)
    found = np.random.default_rng(seed).permutation(true)
    score = score_class(confusion(true, found), (6, 9))
    a, b = set(np.flatnonzero(np.isin(true, (6, 9)))), set(np.flatnonzero(np.isin(found, (6, 9))))
    if a | b:
        assert score.iou == pytest.approx(100 * len(a & b) / len(a | b))
        assert score.f1 == pytest.approx(200 * len(a & b) / (len(a) + len(b)))
    else:
        assert math.isnan(score.iou)
    assert (score.n_true, score.n_found) == (len(a), len(b))


@given(truth=codes, cut=st.integers(0, 60))
def test_scores_of_parts_add_up_to_the_score_of_the_whole(truth: list[int], cut: int) -> None:
    true = np.array(truth, np.uint8)
    found = true[::-1].copy()
    parts = confusion(true[:cut], found[:cut]) + confusion(true[cut:], found[cut:])
    np.testing.assert_array_equal(parts.counts, confusion(true, found).counts)


def test_perfect_labels_score_100_and_ignored_truth_is_left_out() -> None:
    truth = np.array([2, 2, 6, 7], np.uint8)
    report = as_report(confusion(truth, np.array([2, 2, 6, 2], np.uint8)), ignored=(7,))
    assert report["ground"] == {"type1": 0.0, "type2": 0.0, "total": 0.0, "kappa": 100.0}
    assert report["classes"]["6"] == {"precision": 100.0, "recall": 100.0, "f1": 100.0, "iou": 100.0}
    assert "7" not in report["classes"]


def test_an_undefined_share_is_null_and_unequal_lengths_are_refused() -> None:
    only_ground = np.full(4, 2, np.uint8)
    assert as_report(confusion(only_ground, only_ground))["ground"]["type2"] is None
    with pytest.raises(ValueError, match="true labels"):
        confusion(only_ground, only_ground[:2])


@given(truth=codes, seed=st.integers(0, 99))
def test_kappa_of_two_classes_is_that_of_the_ground(truth: list[int], seed: int) -> None:
    true = np.where(np.array(truth) == 2, 2, 1).astype(np.uint8)
    found = np.random.default_rng(seed).permutation(true)
    accuracy, kappa = score_overall(confusion(true, found))
    ground = score_ground(confusion(true, found))
    assert accuracy == pytest.approx(100.0 - ground.total)
    assert kappa == pytest.approx(ground.kappa, nan_ok=True)
