"""Control points with known offsets, in every order and spelling; files named by map sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.acceptance.controls import order_axes, read_controls
from twin.errors import ConfigError
from twin.mapsheet import sheet_at
from twin.points import Points

if TYPE_CHECKING:
    from pathlib import Path

WEST, SOUTH = -5_960.0, -35_100.0
BOX = (WEST, SOUTH, WEST + 60, SOUTH + 40)
PLACES = [(WEST + 10.3, SOUTH + 8.7), (WEST + 30.1, SOUTH + 20.2), (WEST + 55.5, SOUTH + 31.9)]
ERRORS = [0.10, -0.02, 0.04]
"""Delivered surface minus control height of each place."""


def height(x: float, y: float) -> float:
    return 20.0 + 0.02 * (x - WEST) - 0.01 * (y - SOUTH)


def written(path: Path, *, header: str = "", north_first: bool = False, mark: str = ",") -> str:
    """Write the control points, and one far outside of the delivery but inside its box of thirty metres more."""
    rows = [header] if header else []
    for i, ((x, y), error) in enumerate(zip(PLACES, ERRORS, strict=True)):
        pair = (y, x) if north_first else (x, y)
        rows.append(mark.join([f"{pair[0]:.3f}", f"{pair[1]:.3f}", f"{height(x, y) - error:.3f}", f"T{i + 1}"]))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("header", "north_first", "mark", "axes"),
    [
        ("", False, ",", "xy"),
        ("", True, ",", "yx"),
        ("X,Y,H,name", True, ",", "yx"),
        ("E;N;H;name", False, ";", "xy"),
        ("easting\tnorthing\televation\tid", False, "\t", "xy"),
        ("# checked in the field", True, " ", "yx"),
    ],
)
def test_known_offsets_come_back_whatever_the_order_of_the_columns(  # noqa: PLR0913 - three fixtures
    strip: Any, deliver: Any, judge: Any, tmp_path: Path, header: str, north_first: bool, mark: str, axes: str
) -> None:
    path = written(tmp_path / "controls.csv", header=header, north_first=north_first, mark=mark)
    report = judge(deliver({"a.las": strip(BOX, 1)}), controls=path)
    facts = report.facts["controls"]
    assert (facts["axes"], facts["n"], facts["without_points"]) == (axes, 3, 0)
    assert [point["dz_m"] for point in facts["points"]] == pytest.approx(ERRORS, abs=0.006)
    assert [point["method"] for point in facts["points"]] == ["plane"] * 3
    assert facts["rmse_m"] == pytest.approx(np.sqrt(np.mean(np.square(ERRORS))), abs=0.005)
    assert facts["max_m"] == pytest.approx(0.10, abs=0.006)
    assert report.verdict == "accepted"


def test_limits_on_control_points_are_judged(strip: Any, deliver: Any, judge: Any, tmp_path: Path) -> None:
    files, path = deliver({"a.las": strip(BOX, 1)}), written(tmp_path / "c.csv")
    for limits, verdict in (
        ({"control_rmse_m": 0.08, "control_max_m": 0.12}, "accepted"),
        ({"control_rmse_m": 0.05}, "refused"),
        ({"control_max_m": 0.09}, "refused"),
    ):
        assert judge(files, controls=path, **limits).verdict == verdict


def test_ground_hidden_under_trees_is_found_without_classes(
    strip: Any, deliver: Any, judge: Any, tmp_path: Path
) -> None:
    cloud = strip(BOX, 1)
    z = cloud.z + np.where(np.arange(len(cloud)) % 3 == 0, 6.0, 0.0)
    classes = np.ones(len(cloud), np.uint8)
    trees = Points(x=cloud.x, y=cloud.y, z=z, attributes={**cloud.attributes, "classification": classes})
    report = judge(deliver({"a.las": trees}), controls=written(tmp_path / "c.csv"))
    assert [point["dz_m"] for point in report.facts["controls"]["points"]] == pytest.approx(ERRORS, abs=0.02)


def test_a_point_without_data_is_listed_and_does_not_count(
    strip: Any, deliver: Any, judge: Any, tmp_path: Path
) -> None:
    x, y = PLACES[1]
    files = deliver({"a.las": strip(BOX, 1, hole=(x - 5, y - 5, x + 5, y + 5))})
    report = judge(files, controls=written(tmp_path / "c.csv"), control_rmse_m=1.0)
    facts = report.facts["controls"]
    assert (facts["n"], facts["without_points"], facts["points"][1]["dz_m"]) == (2, 1, None)
    (finding,) = (finding for finding in report.findings if finding.rule == "control_points")
    assert (finding.severity, finding.value) == ("warning", 1.0)
    assert "T2" in finding.message


def test_an_order_that_could_be_either_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("10,12,3.5\n14,11,3.6\n")
    controls = read_controls(path)
    assert [point.name for point in controls.points] == ["1", "2"]
    with pytest.raises(ConfigError, match=r"whichever column is the easting.*control_axes=xy or yx"):
        order_axes(controls, [(0.0, 0.0, 20.0, 20.0)], "auto")
    assert order_axes(controls, [(0.0, 0.0, 20.0, 20.0)], "yx") == ("yx", "as stated")
    with pytest.raises(ConfigError, match="none of 2 control points lies inside"):
        order_axes(controls, [(100.0, 0.0, 120.0, 20.0)], "auto")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no control point in it"),
        ("x,y,h\n", "no control point in it"),
        ("a,b,c\n1,2,3\n", "are not x, y, h"),
        ("1,2,3\n1,two,3\n", "row 2: 'two' is no number"),
        ("1,2,3\n1,2\n", "row 2: '' is no number"),
    ],
)
def test_what_is_no_file_of_control_points_is_told_by_row(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        read_controls(tmp_path / "c.csv")


def test_japanese_headers_in_a_japanese_encoding_are_read(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes("点名,X座標,Y座標,標高\n新点1,-35091.3,-5949.7,20.1\n".encode("cp932"))
    (point,) = read_controls(tmp_path / "c.csv").points
    assert (point.name, point.first, point.second, point.height_m) == ("新点1", -35_091.3, -5_949.7, 20.1)


def test_points_outside_the_sheet_that_the_name_states_are_counted(strip: Any, deliver: Any, judge: Any) -> None:
    sheet = sheet_at(9, WEST, SOUTH, 500)
    bounds = sheet.bounds
    inside = strip((bounds.xmax - 60, bounds.ymin, bounds.xmax, bounds.ymin + 40), 1)
    across = strip((bounds.xmax - 57, bounds.ymin, bounds.xmax + 3, bounds.ymin + 40), 1)
    files = deliver({f"{sheet.name}.las": inside, f"{sheet.name}_b.las": across, "other.las": inside})
    good, bad, other = judge(files, sheet_scheme="auto").sources
    found = [next(f for f in source.findings if f.rule == "sheet") for source in (good, bad, other)]
    assert [finding.severity for finding in found] == ["info", "error", "info"]
    assert found[1].value == 3 * 40 * 4
    assert sheet.name in found[1].message_ja
    strict = judge(files, sheet_scheme="gsi500").sources[2]
    assert next(f for f in strict.findings if f.rule == "sheet").severity == "error"
    assert not [f for source in judge(files).sources for f in source.findings if f.rule == "sheet"]


def test_a_sheet_of_another_zone_is_refused(strip: Any, deliver: Any, judge: Any) -> None:
    name = sheet_at(8, WEST, SOUTH, 500).name
    (source,) = judge(deliver({f"{name}.las": strip(BOX, 1)}), sheet_scheme="auto").sources
    assert source.verdict == "refused"
    assert "is of zone 8, the coordinates are of zone 9" in source.findings[0].message
