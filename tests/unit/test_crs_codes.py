"""A CRS that a file states in old words is recognised by what it does."""

from __future__ import annotations

import pytest
from pyproj import CRS

from twin.crs import parse_crs


@pytest.mark.parametrize("code", [6677, 6669, 28992, 2154, 32654])
def test_old_wkt_with_rounded_parameters_keeps_its_code(code: int) -> None:
    text = CRS.from_epsg(code).to_wkt("WKT1_GDAL").replace("333333333333", "333333333")
    assert parse_crs(text).code == f"EPSG:{code}"


def test_a_code_that_contradicts_the_parameters_is_not_believed() -> None:
    text = CRS.from_epsg(6677).to_wkt("WKT1_GDAL").replace('"latitude_of_origin",36', '"latitude_of_origin",33')
    assert 'AUTHORITY["EPSG","6677"]' in text
    found = parse_crs(text)
    assert found.code != "EPSG:6677"
    assert found.contradicts == "EPSG:6677"


def test_a_registered_system_contradicts_nothing() -> None:
    for code in (6677, 28992, 2154, 2903, 4326):
        assert parse_crs(f"EPSG:{code}").contradicts == ""
