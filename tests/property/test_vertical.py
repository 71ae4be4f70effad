"""Laws of vertical datums: recorded offsets round trip, everything else is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import DatumError, TwinError
from twin.vertical import AP, ELLIPSOIDAL, TP, YP, VerticalDatum, convert_height

heights = st.floats(-500, 4000, allow_nan=False)
tidal = st.sampled_from([TP, AP, YP])
places = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("height_m", "source", "target", "expected_m"),
    [
        (2.10, AP, TP, 0.9656),
        (0.0, AP, TP, -1.1344),
        (0.0, YP, TP, -0.8402),
        (5.0, TP, AP, 6.1344),
        (0.0, AP, YP, -0.2942),
    ],
)
def test_recorded_zeros_agree_with_the_published_tables(
    height_m: float, source: VerticalDatum, target: VerticalDatum, expected_m: float
) -> None:
    assert convert_height(height_m, source, target) == pytest.approx(expected_m, abs=1e-9)


@given(heights, tidal, tidal)
def test_a_height_survives_there_and_back(height_m: float, source: VerticalDatum, target: VerticalDatum) -> None:
    back = convert_height(convert_height(height_m, source, target), target, source)
    assert back == pytest.approx(height_m, abs=1e-9)


@given(heights, tidal, tidal, tidal)
def test_a_detour_changes_nothing(height_m: float, a: VerticalDatum, b: VerticalDatum, c: VerticalDatum) -> None:
    direct = convert_height(height_m, a, c)
    assert convert_height(convert_height(height_m, a, b), b, c) == pytest.approx(direct, abs=1e-9)


@given(st.lists(heights, min_size=1, max_size=10), tidal, tidal)
def test_an_array_converts_as_its_elements_do(
    column: list[float], source: VerticalDatum, target: VerticalDatum
) -> None:
    converted = convert_height(np.array(column), source, target)
    assert converted.tolist() == [convert_height(value, source, target) for value in column]


@given(heights, st.sampled_from([ELLIPSOIDAL, VerticalDatum("local:Oshima"), VerticalDatum("EPSG:5709")]), tidal)
def test_datums_without_a_recorded_offset_are_never_mixed(
    height_m: float, foreign: VerticalDatum, known: VerticalDatum
) -> None:
    with pytest.raises(DatumError, match="no offset"):
        convert_height(height_m, foreign, known)
    with pytest.raises(DatumError, match="no offset"):
        convert_height(height_m, known, foreign)
    assert convert_height(height_m, foreign, foreign) == height_m


@pytest.mark.parametrize(("source", "target"), [(None, TP), (TP, None), (None, None)])
def test_an_unknown_datum_is_an_error_where_a_number_would_be_compared(
    source: VerticalDatum | None, target: VerticalDatum | None
) -> None:
    with pytest.raises(DatumError, match="without a vertical datum"):
        convert_height(1.0, source, target)


def test_epochs_that_contradict_each_other_are_refused_and_a_missing_one_is_not() -> None:
    old, new = VerticalDatum("TP", "JGD2011"), VerticalDatum("TP", "JGD2024")
    with pytest.raises(DatumError, match="different epochs"):
        convert_height(1.0, old, new)
    assert convert_height(1.0, old, TP) == 1.0
    assert convert_height(1.0, AP, new) == pytest.approx(-0.1344)


@given(st.sampled_from(["TP", "AP", "YP"]), st.booleans(), st.booleans(), st.sampled_from(["", " ", "\t"]))
def test_people_may_write_the_dots_and_small_letters(name: str, dots: bool, small: bool, space: str) -> None:
    text = f"{name[0]}.{name[1]}." if dots else name
    assert VerticalDatum.parse(space + (text.lower() if small else text) + space) == VerticalDatum(name)


@given(st.one_of(st.sampled_from(["TP", "AP", "YP", "ellipsoidal", "EPSG:5709"]), places.map("local:".__add__)))
def test_a_name_survives_its_text(name: str) -> None:
    datum = VerticalDatum.parse(name)
    assert VerticalDatum.parse(str(datum)) == datum == VerticalDatum(name)


def test_the_epsg_name_of_tokyo_peil_is_tokyo_peil() -> None:
    assert VerticalDatum.parse("epsg:6695") == TP


@pytest.mark.parametrize("text", ["", "MSL", "local:", "EPSG:", "T P", "sea level", "EPSG:67x"])
def test_a_name_that_means_nothing_certain_is_refused(text: str) -> None:
    with pytest.raises(DatumError, match="unknown vertical datum") as caught:
        VerticalDatum.parse(text)
    assert isinstance(caught.value, TwinError)
    assert isinstance(caught.value, ValueError)


@given(st.one_of(st.sampled_from(["TP", "ellipsoidal", "EPSG:5709"]), places.map("local:".__add__)), places)
def test_a_datum_with_its_geoid_survives_its_text(name: str, epoch: str) -> None:
    datum = VerticalDatum.parse(name, epoch)
    assert VerticalDatum.parse(str(datum)) == datum == VerticalDatum(name, epoch)


@pytest.mark.parametrize(
    ("text", "epoch"), [("TP@", ""), ("TP@JGD2011", "JGD2024"), ("@JGD2011", ""), ("XX@JGD2011", "")]
)
def test_half_a_datum_or_two_geoids_are_refused(text: str, epoch: str) -> None:
    with pytest.raises(DatumError, match="vertical datum"):
        VerticalDatum.parse(text, epoch)
