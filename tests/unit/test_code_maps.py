"""True codes in other people's words."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.quality.labels import CodeMap, parse_codes
from twin.errors import ConfigError


def test_codes_are_translated_and_ignored_by_what_the_file_says() -> None:
    codes = CodeMap.parse(["26=40", "4 = 41"], "7, 18")
    truth = np.array([2, 26, 4, 7, 18, 40], np.uint8)
    np.testing.assert_array_equal(codes.of(truth), [2, 40, 41, 7, 18, 40])
    np.testing.assert_array_equal(codes.counts(truth), [True, True, True, False, False, True])
    assert CodeMap.parse().counts(truth).all()


def test_classes_that_count_as_one_are_joined_on_both_sides() -> None:
    codes = CodeMap.parse(["26=17"], same=["1,3,4,5", "9,41"])
    np.testing.assert_array_equal(codes.of(np.array([4, 26, 41, 6], np.uint8)), [1, 17, 9, 6])
    np.testing.assert_array_equal(codes.joined(np.array([4, 26, 41, 6], np.uint8)), [1, 26, 9, 6])


def test_a_table_of_older_codes_goes_by_its_name_and_pairs_go_over_it() -> None:
    truth = np.array([2, 26, 27, 29], np.uint8)
    np.testing.assert_array_equal(CodeMap.parse(["noaa_topobathy"]).of(truth), [2, 40, 41, 43])
    np.testing.assert_array_equal(CodeMap.parse(["noaa_topobathy", "29=40"]).of(truth), [2, 40, 41, 40])
    np.testing.assert_array_equal(CodeMap.parse(["jalbtcx"]).of(truth), [2, 26, 27, 40])
    with pytest.raises(ConfigError, match=r"'noaa'.*tables jalbtcx, noaa_topobathy"):
        CodeMap.parse(["noaa"])


@pytest.mark.parametrize("text", ["26", "26=", "x=2", "300=2", "2=-1"])
def test_what_is_no_pair_of_codes_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="--map"):
        CodeMap.parse([text])


def test_a_list_of_codes_names_the_option_that_is_wrong() -> None:
    assert parse_codes("", "--ground") == ()
    with pytest.raises(ConfigError, match=r"--ground 'grass'"):
        parse_codes("2,grass", "--ground")
