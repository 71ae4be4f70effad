"""Laws of property tables: a type holds for all rows, and keys are such that readers accept them."""

from __future__ import annotations

import math

import pytest

from tiles.tiles3d.metadata import settle_properties
from tiles.tiles3d.placement import Heights
from twin.errors import DatumError
from twin.vertical import ELLIPSOIDAL, TP


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int"),
        ([1, 2.5], "float"),
        ([True, False], "int"),
        ([2**40], "float"),
        ([1, "a"], "string"),
        ([None, 3], "int"),
        ([math.nan, 3], "int"),
        (["住宅"], "string"),
    ],
)
def test_a_column_has_the_narrowest_type_that_holds_all_rows(values: list[object], kind: str) -> None:
    (found,) = settle_properties([{"a": value} for value in values], {})
    assert found.kind == kind


def test_a_column_without_a_value_is_left_out() -> None:
    assert settle_properties([{"a": None}, {"a": math.nan}], {}) == ()


def test_keys_are_plain_and_unique_and_the_names_survive() -> None:
    found = settle_properties([{"uro:depth": 1, "uro-depth": 2, "3d": 3, "用途": "x"}], {})
    assert [p.source for p in found] == ["uro:depth", "uro-depth", "3d", "用途"]
    keys = [p.key for p in found]
    assert len(set(keys)) == 4
    assert all(key.isascii() and key.isidentifier() for key in keys)


def test_ellipsoidal_heights_take_no_geoid_separation() -> None:
    assert Heights(vertical=ELLIPSOIDAL).statement()["heights"] == "heights are ellipsoidal and drawn as such"
    with pytest.raises(DatumError, match="ellipsoidal already"):
        Heights(vertical=ELLIPSOIDAL, geoid_separation_m=36.7)
    with pytest.raises(DatumError, match="finite"):
        Heights(vertical=TP, geoid_separation_m=math.inf)
