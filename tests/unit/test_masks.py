"""Gaps in a survey are filled up to their stated width, and never towards the outside."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.objects.masks import with_gaps_filled


@given(width=st.integers(1, 20), gap=st.integers(1, 6))
def test_a_gap_between_two_fields_is_filled_up_to_its_stated_width(width: int, gap: int) -> None:
    mask = np.ones((30, 40 + width), np.bool_)
    mask[:, 20 : 20 + width] = False
    assert with_gaps_filled(mask, 2.0 * gap).all() == (width <= 2 * gap)


def test_nothing_is_filled_between_the_points_and_the_edge_of_the_grid() -> None:
    mask = np.zeros((20, 20), np.bool_)
    mask[5:15, 5:15] = True
    np.testing.assert_array_equal(with_gaps_filled(mask, 12.0), mask)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.01, 0.9), gap=st.integers(1, 4))
def test_a_window_gives_what_the_whole_gives_inside_its_halo(seed: int, share: float, gap: int) -> None:
    mask = np.random.default_rng(seed).random((50, 60)) < share
    whole = with_gaps_filled(mask, 2.0 * gap)
    reach = 2 * gap
    window = with_gaps_filled(mask[10:40, 15:50], 2.0 * gap)
    inner = (slice(reach, -reach), slice(reach, -reach))
    np.testing.assert_array_equal(window[inner], whole[10:40, 15:50][inner])
    assert whole[mask].all()
