"""Point clouds as columns, and what a sensor may say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.observation import Observation
from twin.points import ATTRIBUTES, PointClass, Points


def cloud(n: int, start: int = 0, **attributes: np.ndarray) -> Points:
    x = np.arange(start, start + n, dtype=np.float64)
    return Points(x=x, y=-x, z=x / 2, attributes=attributes)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        cloud(3, intensity=np.zeros(2, np.uint16))


@given(st.lists(st.integers(0, 5), max_size=5))
def test_joined_parts_keep_their_order_and_count(sizes: list[int]) -> None:
    starts = np.cumsum([0, *sizes])
    parts = [cloud(n, int(start)) for n, start in zip(sizes, starts, strict=False)]
    whole = Points.concatenate(parts)
    assert len(whole) == sum(sizes)
    assert whole.x.tolist() == list(range(sum(sizes)))


def test_an_attribute_that_a_part_lacks_is_zero_there_and_keeps_its_type() -> None:
    red = np.array([7, 8], np.uint16)
    whole = Points.concatenate([cloud(1), cloud(2, red=red)])
    assert whole["red"].tolist() == [0, 7, 8]
    assert whole["red"].dtype == np.uint16


@given(st.lists(st.integers(0, 9), max_size=20))
def test_taking_takes_every_column_alike(index: list[int]) -> None:
    taken = cloud(10, user_data=np.arange(10, dtype=np.uint8)).take(np.array(index, np.int64))
    assert taken["user_data"].tolist() == index == taken.x.tolist()


def test_attributes_are_added_and_replaced_without_touching_the_original() -> None:
    before = cloud(2, user_data=np.array([1, 1], np.uint8))
    after = before.with_attributes(user_data=np.array([2, 2], np.uint8), intensity=np.array([3, 3], np.uint16))
    assert before["user_data"].tolist() == [1, 1]
    assert after["user_data"].tolist() == [2, 2]
    assert list(after.columns()) == ["x", "y", "z", "user_data", "intensity"]
    with pytest.raises(KeyError):
        _ = before["intensity"]


def test_classes_are_those_of_the_las_specification() -> None:
    assert {code: PointClass(code).name for code in (2, 6, 7, 9, 17, 18, 40, 41)} == {
        2: "GROUND",
        6: "BUILDING",
        7: "LOW_NOISE",
        9: "WATER",
        17: "BRIDGE",
        18: "HIGH_NOISE",
        40: "SEABED",
        41: "WATER_SURFACE",
    }
    assert all(0 <= code <= np.iinfo(ATTRIBUTES["classification"]).max for code in PointClass)


def test_an_observation_without_a_time_zone_is_refused() -> None:
    now = datetime(2026, 8, 1, 12, tzinfo=UTC)
    said = Observation(
        feed="gauges",
        entity="g1",
        kind="Gauge",
        quantity="stage",
        value=1.0,
        unit="m",
        observed_at=now,
        received_at=now,
    )
    for name in ("observed_at", "received_at"):
        with pytest.raises(ValueError, match=f"gauges/g1: {name} has no time zone"):
            replace(said, **{name: now.replace(tzinfo=None)})
