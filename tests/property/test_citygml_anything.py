"""Damaged CityGML ends in buildings or in a sentence, never in a traceback."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.quality.plateau import check_files
from tiles.citygml import read_buildings, read_outlines
from twin.crs import parse_crs
from twin.errors import TwinError

if TYPE_CHECKING:
    from pathlib import Path

TOKYO = parse_crs("EPSG:6677")
WORDS = [
    "",
    "x",
    "nan",
    "1e400",
    "-",
    "#",
    "<",
    "</gml:Polygon>",
    "<gml:Polygon/>",
    "6697",
    "2",
    "0 0 0",
    "\\x00",
    "&a;",
]


@pytest.fixture(scope="module")
def samples(shared_data: Path) -> list[str]:
    """Small files: buildings, parts, references, installations."""
    cases = shared_data / "plateau_qc" / "v4_bldg"
    names = ["C-BLDG-01", "L-bldg-02_02", "L-BLDG-06", "L14", "T-BLDG-02"]
    return [next((cases / name / "udx" / "bldg").glob("*.gml")).read_text(encoding="utf-8") for name in names]


@settings(max_examples=35, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_told_or_read_past(samples: list[str], tmp_path: Path, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(samples))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.sampled_from([0, 1, 3, 8, 200]))
        text = text[:start] + data.draw(st.sampled_from(WORDS)) + text[start + length :]
    path = tmp_path / "damaged.gml"
    path.write_text(text, encoding="utf-8")
    for read in (read_buildings, read_outlines):
        with suppress(TwinError):
            for _ in read(path, TOKYO):
                pass
    check_files([path])
