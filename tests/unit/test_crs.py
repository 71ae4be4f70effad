"""Reference systems: the unit is known, compounds are split, nothing is guessed."""

from __future__ import annotations

import time

import pytest
from pyproj import CRS

from twin.crs import HorizontalCrs, parse_crs, require_metres, require_metric_heights, to_wgs84
from twin.errors import CrsError, DatumError, UnitError
from twin.vertical import TP, VerticalDatum


@pytest.mark.parametrize("code", ["EPSG:6677", "EPSG:28992", "EPSG:2154", "EPSG:32654"])
def test_a_projected_code_is_kept_and_counts_metres(code: str) -> None:
    crs = parse_crs(code)
    assert (crs.code, crs.unit, crs.unit_m, crs.vertical) == (code, "metre", 1.0, None)
    assert require_metres(crs, "a.laz") is crs


@pytest.mark.parametrize("code", ["EPSG:4326", "EPSG:6668", "EPSG:6697"])
def test_degrees_are_recognised_and_refused(code: str) -> None:
    crs = parse_crs(code)
    assert crs.is_geographic
    assert not crs.is_metric
    with pytest.raises(UnitError, match=r"a\.laz: coordinates are in degree"):
        require_metres(crs, "a.laz")


@pytest.mark.parametrize(
    ("code", "unit", "unit_m"), [("EPSG:2263", "US survey foot", 1200 / 3937), ("EPSG:2994", "foot", 0.3048)]
)
def test_both_kinds_of_feet_are_recognised_and_refused(code: str, unit: str, unit_m: float) -> None:
    crs = parse_crs(code)
    assert crs.unit == unit
    assert crs.unit_m == pytest.approx(unit_m, rel=1e-12)
    with pytest.raises(UnitError, match="foot"):
        require_metres(crs, "a.laz")


def test_feet_of_height_under_metres_of_place_are_refused_too() -> None:
    crs = parse_crs("EPSG:2991+6360")
    assert crs.is_metric
    assert crs.height_unit_m == pytest.approx(1200 / 3937)
    with pytest.raises(UnitError, match=r"a\.laz: heights are in US survey foot"):
        require_metres(crs, "a.laz")


@pytest.mark.parametrize(
    ("datum", "word"),
    [
        ("EPSG:6360", "counts in US survey foot"),
        ("EPSG:6677", "not a vertical system"),
        ("EPSG:5831", "downwards"),
        ("EPSG:99999", "not a vertical system that PROJ knows"),
    ],
)
def test_a_store_has_heights_that_count_up_in_metres(datum: str, word: str) -> None:
    with pytest.raises(DatumError, match=word) as caught:
        require_metric_heights(VerticalDatum.parse(datum), "city")
    assert str(caught.value).startswith("city: ")
    assert require_metric_heights(TP, "city") == TP


@pytest.mark.parametrize(
    ("code", "horizontal", "vertical"),
    [("EPSG:7415", "EPSG:28992", VerticalDatum("EPSG:5709")), ("EPSG:6677+6695", "EPSG:6677", TP)],
)
def test_a_compound_system_is_split(code: str, horizontal: str, vertical: VerticalDatum) -> None:
    crs = parse_crs(code)
    assert (crs.code, crs.vertical) == (horizontal, vertical)
    assert crs.wkt == parse_crs(horizontal).wkt


def test_the_wkt_says_the_same_as_the_code() -> None:
    crs = parse_crs("EPSG:6677")
    assert parse_crs(crs.wkt) == crs
    assert CRS.from_wkt(crs.wkt) == CRS.from_epsg(6677)


@pytest.mark.parametrize("text", ["nonsense", "EPSG:1", "", "EPSG:4978", "EPSG:6695"])
def test_what_is_no_horizontal_system_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(CrsError, match="give") as caught:
        parse_crs(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_system_without_a_code_keeps_its_name() -> None:
    text = "+proj=lcc +lat_1=43 +lat_2=45 +lat_0=41 +lon_0=-120 +datum=WGS84 +units=m"
    crs = parse_crs(text)
    assert isinstance(crs, HorizontalCrs)
    assert crs.is_metric
    assert ":" not in crs.code


def test_longitude_comes_first_whatever_the_axis_order_of_the_system() -> None:
    # The origin of zone IX is 36 N, 139 50' E by its law; its axes are (north, east).
    longitude, latitude = to_wgs84(parse_crs("EPSG:6677").wkt).transform(0.0, 0.0)
    assert longitude == pytest.approx(139 + 50 / 60, abs=1e-6)
    assert latitude == pytest.approx(36.0, abs=1e-6)


def test_what_only_looks_like_wkt_is_refused_without_a_search() -> None:
    wkt, began = CRS.from_epsg(6677).to_wkt(), time.process_time()
    with pytest.raises(CrsError, match="WKT does not begin so"):
        parse_crs("X" + wkt)
    assert time.process_time() - began < 0.5
    assert parse_crs("  " + wkt).code == parse_crs(CRS.from_epsg(6677).to_json()).code == "EPSG:6677"
