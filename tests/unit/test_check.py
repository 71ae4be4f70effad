"""The acceptance check says what is wrong, and refuses exactly what ingest refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.acceptance import check_source
from pipelines.acceptance.identity import count_duplicates
from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from pipelines.ingest.gate import examine, metric_datum
from pipelines.ingest.placement import Placement, place, same_crs, stray_remark
from tiles.las import LasParams, write_las
from tiles.store import Store
from twin.acceptance import Finding, SourceReport, verdict_of
from twin.crs import parse_crs
from twin.errors import CrsError, DatumError
from twin.points import Points
from twin.vertical import AP, TP, VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CRS = parse_crs("EPSG:6677")


def cloud(n: int = 400) -> Points:
    x, y = np.meshgrid(np.arange(n // 20) * 0.5, np.arange(20) * 0.5)
    attributes: dict[str, NDArray[Any]] = {"gps_time": 3e8 + np.arange(n, dtype=np.float64)}
    attributes |= {name: np.ones(n, np.uint8) for name in ("return_number", "number_of_returns")}
    return Points(x=x.ravel() - 6000.0, y=y.ravel() - 35_000.0, z=np.zeros(n), attributes=attributes)


def rules(report: SourceReport) -> dict[str, str]:
    return {finding.rule: finding.severity for finding in report.findings}


def test_a_good_file_is_accepted_with_its_facts(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", cloud(), crs=CRS, vertical=TP)
    report = check_source(tmp_path / "a.laz")
    assert (report.verdict, report.points) == ("accepted", 400)
    assert rules(report) == dict.fromkeys(("point_format", "gps_time", "classes", "density"), "info")
    assert any("4.00 points/m2" in finding.message for finding in report.findings)


def test_duplicates_are_a_remark(tmp_path: Path) -> None:
    points = Points.concatenate([cloud(), cloud().take(slice(0, 30))])
    write_las(tmp_path / "a.las", points, crs=CRS, vertical=TP)
    report = check_source(tmp_path / "a.las")
    assert report.verdict == "accepted_with_remarks"
    assert "30 of 430 points repeat another" in report.findings[0].message


def test_a_wrong_box_and_wrong_counts_are_remarks(tmp_path: Path) -> None:
    path = tmp_path / "a.las"
    write_las(path, cloud(), crs=CRS, vertical=TP)
    content = bytearray(path.read_bytes())
    content[179:187] = np.float64(99.0).tobytes()
    content[255:263] = np.uint64(7).tobytes()
    path.write_bytes(content)
    report = check_source(path)
    assert report.verdict == "accepted_with_remarks"
    messages = {finding.rule: finding.message for finding in report.findings}
    assert "x -6000.000 to 99.000 instead of -6000.000 to -5990.500" in messages["box"]
    assert "counts 7 points by return, the file holds 400" in messages["returns"]


@pytest.mark.parametrize(
    ("crs", "vertical", "given", "rule"),
    [
        (None, None, {"vertical": "TP"}, "crs"),
        (CRS, None, {}, "vertical"),
        (CRS, None, {"crs": "EPSG:6676", "vertical": "TP"}, "crs"),
        (CRS, TP, {"vertical": "AP"}, "vertical"),
        (CRS, None, {"vertical": "EPSG:6360"}, "units"),
        (parse_crs("EPSG:2263"), None, {"vertical": "EPSG:5703"}, "units"),
        (parse_crs("EPSG:4326"), None, {"vertical": "TP"}, "units"),
        (CRS, VerticalDatum("EPSG:6360"), {}, "units"),
    ],
)
def test_what_is_missing_or_contradictory_is_refused(
    tmp_path: Path, crs: object, vertical: VerticalDatum | None, given: dict[str, str], rule: str
) -> None:
    path = tmp_path / "a.las"
    write_las(path, cloud(), crs=crs, vertical=vertical)  # type: ignore[arg-type]
    report = check_source(path, **given)  # type: ignore[arg-type]
    assert report.verdict == "refused"
    assert (report.findings[0].severity, report.findings[0].rule) == ("error", rule)
    assert report.findings[0].message.startswith("a.las: ")
    store = Store.create(tmp_path / "s", crs=CRS, vertical=TP)
    summary = ingest(store, [path], IngestParams(**given), Sequential())  # type: ignore[arg-type]
    assert [entry["reason"] for entry in summary.refused] == [report.findings[0].message]


def test_swapped_axes_are_noticed(tmp_path: Path) -> None:
    crs = parse_crs("EPSG:2154")
    swapped = Points(x=np.full(5, 6_860_000.0), y=np.full(5, 650_000.0), z=np.zeros(5))
    write_las(tmp_path / "a.las", swapped, LasParams(offset=(6e6, 6e5, 0.0)), crs=crs)
    report = check_source(tmp_path / "a.las", vertical="EPSG:5720")
    assert report.verdict == "accepted_with_remarks"
    assert "x and y look swapped" in report.findings[0].message


def test_a_stated_crs_that_is_not_used_there_refuses_a_file_that_names_none(tmp_path: Path) -> None:
    write_las(tmp_path / "a.las", cloud(), crs=None)  # metres near an origin in Japan
    told = IngestParams(crs="EPSG:28992", vertical="EPSG:5709")
    report = check_source(tmp_path / "a.las", params=told)
    assert report.verdict == "refused"
    assert "--set ingest.anywhere=true" in report.findings[0].message
    assert check_source(tmp_path / "a.las", params=replace(told, anywhere=True)).verdict == "accepted_with_remarks"


@pytest.mark.parametrize(
    ("vertical", "verdict", "word"),
    [
        ("TP", "refused", "TP does not say whether heights are too"),
        ("EPSG:5703", "accepted_with_remarks", "heights are taken as metres"),
        ("EPSG:6360", "accepted", ""),
    ],
)
def test_the_unit_of_heights_beside_feet_is_never_guessed(
    tmp_path: Path, vertical: str, verdict: str, word: str
) -> None:
    here = cloud()
    here = Points(x=here.x + 990_000.0, y=here.y + 240_000.0, z=here.z, attributes=here.attributes)
    write_las(tmp_path / "a.las", here, crs=parse_crs("EPSG:2263"))
    report = check_source(tmp_path / "a.las", params=IngestParams(vertical=vertical, convert=True))
    assert report.verdict == verdict
    found = [finding.message for finding in report.findings if finding.rule == "units"]
    assert [word in message for message in found] == [True] * bool(word)


def test_a_file_converted_to_where_the_crs_is_not_used_gets_a_remark(tmp_path: Path) -> None:
    write_las(tmp_path / "a.las", cloud(), crs=CRS, vertical=TP)
    header = examine(tmp_path / "a.las", IngestParams()).header
    assert header is not None
    target = parse_crs("EPSG:6669")  # zone I, 1 000 km to the west
    strays = Placement(source_wkt=CRS.wkt, target_wkt=target.wkt)
    assert "outside the area where that is used" in (stray_remark(header, strays, target) or "")
    assert stray_remark(header, Placement(), CRS) is None


def test_no_way_between_two_systems_refuses_that_file_by_name(tmp_path: Path) -> None:
    write_las(tmp_path / "a.las", cloud(), crs=CRS, vertical=TP)
    with pytest.raises(CrsError, match=r"a\.las: PROJ knows no accurate way from EPSG:6677 to EPSG:2993"):
        place(examine(tmp_path / "a.las", IngestParams()), parse_crs("EPSG:2993"), TP, convert=True)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.laz").touch()
    assert check_source(tmp_path / "a.laz").findings[0].message.startswith("a.laz: the file is empty (0 bytes)")


def test_what_is_stated_for_files_is_known_before_any_is_opened() -> None:
    with pytest.raises(CrsError, match=r"unknown CRS 'EPSG:99999' \(crs not found: EPSG:99999\)"):
        IngestParams(crs="EPSG:99999")
    with pytest.raises(DatumError, match="unknown vertical datum"):
        IngestParams(vertical="sea level")


def test_a_compound_option_states_the_datum_too(tmp_path: Path) -> None:
    write_las(tmp_path / "a.las", cloud(), crs=None)
    examined = examine(tmp_path / "a.las", IngestParams(crs="EPSG:7415"))
    assert examined.vertical == VerticalDatum("EPSG:5709")


def test_another_datum_with_a_known_offset_is_converted_on_request(tmp_path: Path) -> None:
    write_las(tmp_path / "a.las", cloud(), crs=CRS)
    examined = examine(tmp_path / "a.las", IngestParams(vertical="AP"))
    with pytest.raises(DatumError, match="--convert"):
        place(examined, CRS, TP, convert=False)
    assert place(examined, CRS, TP, convert=True).height_shift_m == pytest.approx(-1.1344)
    with pytest.raises(DatumError, match="no offset"):
        place(examined, CRS, VerticalDatum("EPSG:5709"), convert=True)


def test_another_crs_is_refused_unless_converted(tmp_path: Path) -> None:
    write_las(tmp_path / "a.las", cloud(), crs=CRS, vertical=TP)
    examined = examine(tmp_path / "a.las", IngestParams())
    with pytest.raises(CrsError, match="the store is in EPSG:6676"):
        place(examined, parse_crs("EPSG:6676"), TP, convert=False)
    assert place(examined, parse_crs("EPSG:6676"), TP, convert=True).source_wkt


def test_one_system_in_many_spellings_is_the_same() -> None:
    plane = parse_crs("EPSG:6677")
    old = parse_crs(parse_crs("EPSG:6677").wkt.replace("JGD2011 / Japan Plane Rectangular CS IX", "zone nine"))
    assert same_crs(plane, old)
    assert not same_crs(plane, parse_crs("EPSG:6676"))
    assert not same_crs(plane, parse_crs("EPSG:2451"))  # the same plane on JGD2000, decimetres to metres away


def test_feet_of_height_have_a_metric_twin() -> None:
    datum, factor = metric_datum(VerticalDatum("EPSG:6360"))
    assert (datum.name, factor) == ("EPSG:5703", pytest.approx(1200 / 3937))
    assert metric_datum(AP) == (AP, 1.0)
    with pytest.raises(DatumError, match="downwards"):
        metric_datum(VerticalDatum("EPSG:5831"))


@given(values=st.lists(st.integers(0, 20), max_size=60))
def test_duplicates_are_all_but_the_first_of_each(values: list[int]) -> None:
    assert count_duplicates(np.array(values, np.uint64)) == len(values) - len(set(values))


def test_the_worst_finding_decides() -> None:
    one = {name: Finding(rule="r", severity=name, message="m") for name in ("info", "warning", "error")}  # type: ignore[arg-type]
    assert verdict_of([]) == "accepted"
    assert verdict_of([one["info"]]) == "accepted"
    assert verdict_of([one["info"], one["warning"]]) == "accepted_with_remarks"
    assert verdict_of([one["error"], one["warning"]]) == "refused"
