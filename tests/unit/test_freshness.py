from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from twin.freshness import FreshnessLimits, age_text, freshness
from twin.observation import Observation

NOW = datetime(2025, 10, 1, 6, 0, tzinfo=UTC)


def observed(age_s):
    return Observation(
        feed="f", entity="e", kind="k", quantity="stage", value=1.0, unit="m",
        observed_at=NOW - timedelta(seconds=age_s), received_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("age_s", "state"),
    [(0, "fresh"), (900, "fresh"), (901, "stale"), (7200, "stale"), (7201, "dead"), (-300, "fresh"), (-301, "stale")],
)
def test_age_counts_from_the_measurement(age_s, state):
    verdict = freshness(observed(age_s), NOW, FreshnessLimits())
    assert verdict.state == state
    assert verdict.age_s == age_s


def test_the_texts_say_state_and_age_in_both_languages():
    verdict = freshness(observed(5400), NOW, FreshnessLimits())
    assert verdict.text("en") == "late, 1 h 30 min ago"
    assert verdict.text("ja") == "遅延・1時間30分前"


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (0, "0 s ago"),
        (59, "59 s ago"),
        (61, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (90000, "1 d 1 h ago"),
    ],
)
def test_ages_are_said_in_their_largest_units(age_s, text):
    assert age_text(age_s) == text


def test_a_present_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        freshness(observed(0), datetime(2025, 10, 1), FreshnessLimits())


def test_limits_out_of_order_are_refused():
    with pytest.raises(ValueError, match="in order"):
        FreshnessLimits(stale_after_s=100, dead_after_s=50)
