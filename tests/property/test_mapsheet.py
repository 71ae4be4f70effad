"""Laws of map sheets: names and ground fit each other, and sheets tile a zone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from twin.mapsheet import LEVELS, MapSheet, SheetLevel, parse_sheet, sheet_at, zone_of

levels = st.sampled_from(sorted(LEVELS))
zones = st.integers(1, 19)
easting = st.floats(-160_000, 160_000, exclude_max=True, allow_nan=False)
northing = st.floats(-480_000, 300_000, exclude_max=True, allow_nan=False)


@st.composite
def sheets(draw: st.DrawFn) -> MapSheet:
    level = draw(levels)
    split = 40_000 // LEVELS[level][0]
    row, column = draw(st.integers(0, 26 * split - 1)), draw(st.integers(0, 8 * split - 1))
    return MapSheet(zone=draw(zones), level=level, row=row, column=column)


@given(sheets())
def test_a_name_is_read_back_as_the_sheet_it_was_built_from(sheet: MapSheet) -> None:
    assert parse_sheet(sheet.name) == sheet
    assert parse_sheet(sheet.name.lower()) == sheet


@given(zones, easting, northing, levels)
def test_each_point_lies_in_the_sheet_found_for_it(zone: int, x: float, y: float, level: SheetLevel) -> None:
    sheet = sheet_at(zone, x, y, level)
    assert sheet.bounds.contains(np.array([x]), np.array([y])).all()
    west, south, east, north = sheet.bounds
    assert sheet_at(zone, west, south, level) == sheet
    if east < 160_000:
        assert sheet_at(zone, east, south, level).column == sheet.column + 1
    if north < 300_000:
        assert sheet_at(zone, west, north, level).row == sheet.row - 1


@given(sheets())
def test_a_sheet_lies_inside_its_parent(sheet: MapSheet) -> None:
    parent = sheet.parent
    if parent is None:
        assert sheet.level == 50000
        return
    assert sheet.name.startswith(parent.name)
    inner, outer = sheet.bounds, parent.bounds
    assert outer.xmin <= inner.xmin < inner.xmax <= outer.xmax
    assert outer.ymin <= inner.ymin < inner.ymax <= outer.ymax


@pytest.mark.parametrize("level", sorted(LEVELS))
def test_sheets_cover_a_sheet_of_level_50000_without_gap_or_overlap(level: SheetLevel) -> None:
    whole = parse_sheet("09LD")
    assert whole is not None
    width, height = LEVELS[level]
    west, south, east, north = (round(side) for side in whole.bounds)
    middles = [(x, y) for x in range(west + width // 2, east, width) for y in range(south + height // 2, north, height)]
    found = {sheet_at(9, x, y, level) for x, y in middles}
    assert len(found) == len({sheet.name for sheet in found}) == len(middles) == (40_000 // width) ** 2
    assert sum(sheet.bounds.width_m * sheet.bounds.height_m for sheet in found) == 40_000 * 30_000


@pytest.mark.parametrize(
    ("name", "level", "bounds"),
    [  # Project-PLATEAU/libplateau, test_standard_map_grid.cpp: x east, z north
        ("08JE", 50000, (0, 0, 40_000, 30_000)),
        ("08NA", 50000, (-160_000, -120_000, -120_000, -90_000)),
        ("08FA", 50000, (-160_000, 120_000, -120_000, 150_000)),
        ("08JE54", 5000, (16_000, 12_000, 20_000, 15_000)),
        ("08NA54", 5000, (-144_000, -108_000, -140_000, -105_000)),
        ("08JE541", 2500, (16_000, 13_500, 18_000, 15_000)),
        ("08NA542", 2500, (-142_000, -106_500, -140_000, -105_000)),
        ("08JE640E", 1000, (19_200, 11_400, 20_000, 12_000)),
        ("08NA542B", 1000, (-143_200, -106_800, -142_400, -106_200)),
        ("08JE6421", 500, (16_400, 11_100, 16_800, 11_400)),
        ("08NA5476", 500, (-141_600, -107_400, -141_200, -107_100)),
    ],
)
def test_sheets_lie_where_the_plateau_project_says(name: str, level: int, bounds: tuple[int, ...]) -> None:
    sheet = parse_sheet(name)
    assert sheet is not None
    assert (sheet.level, tuple(sheet.bounds)) == (level, bounds)


@pytest.mark.parametrize(
    ("name", "latitude", "longitude"),
    [  # the same source, by latitude and longitude
        ("08JE", 36.0935, 138.8013),
        ("08KD", 35.7532, 138.0981),
        ("08KC", 35.7978, 137.8043),
        ("08JE54", 36.1125, 138.6911),
        ("08EE554", 37.4669, 138.7544),
        ("08JE640E", 36.1053, 138.7151),
    ],
)
def test_places_lie_in_the_sheets_that_the_plateau_project_names(name: str, latitude: float, longitude: float) -> None:
    sheet = parse_sheet(name)
    assert sheet is not None
    plane = Transformer.from_crs(CRS.from_epsg(6668), CRS.from_epsg(6668 + sheet.zone), always_xy=True)
    assert sheet_at(sheet.zone, *plane.transform(longitude, latitude), sheet.level) == sheet


@pytest.mark.parametrize(
    ("name", "sheet"),
    [
        ("09LD353.las", "09LD353"),
        ("09ld3534_gr.laz", "09LD3534"),
        ("2024/09LD35/org_09LD3534-02.copc.laz", "09LD3534"),
        ("C:\\survey\\09LD350A.las", "09LD350A"),
        ("09LD.las", "09LD"),
        ("09LD3534_09LD3534.las", "09LD3534"),
    ],
)
def test_the_sheet_in_a_file_name_is_found(name: str, sheet: str) -> None:
    found = parse_sheet(name)
    assert found is not None
    assert found.name == sheet


@pytest.mark.parametrize(
    "name",
    [
        "test_semis_2023_0299_6802_LA93_IGN69.laz",
        "C_37EN1.laz",
        "strip_12AB_0007.las",
        "09LD355.las",  # level 2500 counts to 4
        "09LI35.las",  # columns end at H
        "20LD35.las",  # zones end at XIX
        "00LD35.las",
        "109LD35.las",
        "09LD35341.las",
        "09LD355A.las",  # level 1000 counts to 4
        "09LD35_09LD36.las",  # two sheets name no single one
        "USGS_LPC_18TWL850145.las",
        "invalid",
        "09",
        "09AE09111",
        "09ZZ09",
        "",
    ],
)
def test_a_foreign_name_is_no_sheet(name: str) -> None:
    assert parse_sheet(name) is None


@given(st.text(max_size=30))
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = parse_sheet(text)
    assert found is None or found.name in text.upper()


@pytest.mark.parametrize(("x", "y"), [(160_000.0, 0.0), (-160_001.0, 0.0), (0.0, 300_000.0), (0.0, -480_001.0)])
def test_a_point_beyond_the_letters_is_an_error(x: float, y: float) -> None:
    with pytest.raises(ValueError, match="has no sheet"):
        sheet_at(9, x, y, 500)


def test_zones_are_those_that_the_registry_names() -> None:
    numerals = [
        "I",
        "II",
        "III",
        "IV",
        "V",
        "VI",
        "VII",
        "VIII",
        "IX",
        "X",
        "XI",
        "XII",
        "XIII",
        "XIV",
        "XV",
        "XVI",
        "XVII",
        "XVIII",
        "XIX",
    ]
    for first in (6669, 2443, 30161):
        for index in range(19):
            assert CRS.from_epsg(first + index).name.endswith(f"Plane Rectangular CS {numerals[index]}")
            assert zone_of(f"EPSG:{first + index}") == index + 1
    for code in ("EPSG:6688", "EPSG:6668", "EPSG:2154", "JGD2011", "EPSG:", "ESRI:6677"):
        assert zone_of(code) is None
