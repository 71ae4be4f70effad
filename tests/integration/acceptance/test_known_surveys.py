"""What a check says of surveys whose truth is known: density, holes, ponds, strips, repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from twin.acceptance import MapPicture
from twin.points import Points

if TYPE_CHECKING:
    from twin.acceptance import Finding

WEST, SOUTH = -5_960.0, -35_100.0
LEFT, RIGHT = (WEST, SOUTH, WEST + 100, SOUTH + 60), (WEST + 60, SOUTH, WEST + 160, SOUTH + 60)
ALL = (WEST, SOUTH, WEST + 160, SOUTH + 60)


def said(report: Any, rule: str) -> Finding:
    """Return what was said of the delivery by a rule."""
    found = [finding for finding in report.findings if finding.rule == rule]
    assert found, f"nothing about {rule}"
    return found[0]


@pytest.fixture
def overlapping(strip: Any, deliver: Any) -> Any:
    """Two strips in two files, the second 5 cm too high, over each other for 40 m."""
    return deliver({"a.las": strip(LEFT, 1), "b.las": strip(RIGHT, 2, dz=0.05, seed=1)})


def test_a_strip_that_lies_too_high_is_found_by_that_much(overlapping: Any, judge: Any) -> None:
    report = judge(overlapping, overlap_rmse_m=0.03, overlap_median_m=0.1)
    (pair,) = report.facts["groups"][0]["pairs"]
    assert pair["strips"] == ["1", "2"]
    assert pair["median_m"] == pytest.approx(0.05, abs=0.002)
    assert pair["mean_m"] == pytest.approx(0.05, abs=0.001)
    # The mean of four returns of 1 cm each: a cell is good to 5 mm, a difference to 7 mm; slope within the cell adds.
    assert pair["rmse_m"] == pytest.approx(np.hypot(0.05, 0.0075), abs=0.002)
    assert 38 * 56 <= pair["n"] <= 40 * 60
    finding = said(report, "overlap_rmse")
    assert (finding.severity, finding.limit, report.verdict) == ("error", 0.03, "refused")
    assert not [finding for finding in report.findings if finding.rule == "overlap_median"]


def test_the_map_of_differences_shows_the_same_where_strips_overlap(overlapping: Any, judge: Any) -> None:
    report = judge(overlapping)
    assert report.verdict == "accepted"
    picture = next(p for p in report.pictures if isinstance(p, MapPicture) and p.name == "overlap")
    rows, columns = np.nonzero(np.isfinite(picture.values))
    x, _ = picture.frame.centers()
    assert WEST + 60 < x[columns].min() < WEST + 64
    assert WEST + 96 < x[columns].max() < WEST + 100
    assert np.nanmedian(picture.values) == pytest.approx(0.05, abs=0.003)
    assert len(rows) > 2000


@pytest.mark.parametrize(("asked", "share"), [(4.0, 1.0), (5.0, 0.25), (8.0, 0.25), (9.0, 0.0)])
def test_density_counts_all_strips_and_files_in_a_cell(
    overlapping: Any, judge: Any, asked: float, share: float
) -> None:
    report = judge(overlapping, density_per_m2=asked, density_share=0.5)
    finding = said(report, "density")
    assert finding.value == pytest.approx(share, abs=1e-12)
    assert finding.severity == ("error" if share < 0.5 else "info")
    facts = report.facts["groups"][0]
    assert facts["surveyed_m2"] == 160 * 60
    assert facts["density_per_m2"] == pytest.approx(2 * 100 * 60 * 4 / (160 * 60))


def test_the_density_of_a_file_does_not_depend_on_how_small_the_files_are(strip: Any, deliver: Any, judge: Any) -> None:
    tiles = [
        (WEST + 20 * i, SOUTH + 20 * j, WEST + 20 * i + 20, SOUTH + 20 * j + 20) for i in range(3) for j in range(3)
    ]
    report = judge(deliver({f"{i}.las": strip(box, 1, seed=i) for i, box in enumerate(tiles)}))
    assert [source.facts["density_per_m2"] for source in report.sources] == [4.0] * 9


def test_a_gap_beside_a_file_is_not_held_against_it(strip: Any, deliver: Any, judge: Any) -> None:
    west = (WEST, SOUTH, WEST + 43, SOUTH + 60)
    east = (WEST + 50, SOUTH, WEST + 100, SOUTH + 60)  # both begin or end within a square that the gap lies in too
    report = judge(deliver({"a.las": strip(west, 1), "b.las": strip(east, 1, seed=1)}), density_per_m2=4.0)
    assert [source.facts["cells"] for source in report.sources] == [43 * 60, 50 * 60]
    assert [source.facts["cells_below_density"] for source in report.sources] == [0, 0]
    assert said(report, "density").severity == "error"  # the delivery as a whole has it


def test_a_share_and_its_limit_are_both_in_percent(strip: Any, deliver: Any, judge: Any) -> None:
    finding = said(judge(deliver({"a.las": strip(ALL, 1)}), empty_share=0.15), "empty_cells")
    assert finding.message.startswith("0.00% of the cells")
    assert finding.message.endswith("; at most 15% is asked for")
    assert finding.message_ja.endswith("(許容 15%)")


def test_a_hole_is_found_with_its_area_across_the_border_of_blocks(strip: Any, deliver: Any, judge: Any) -> None:
    hole = (-5_893.0, SOUTH + 20, -5_883.0, SOUTH + 28)
    files = deliver({"a.las": strip(ALL, 1, hole=hole)})
    report = judge(files, void_area_m2=50.0)
    (void,) = report.facts["groups"][0]["voids"]
    assert (void["area_m2"], void["is_water"], tuple(void["box"])) == (80.0, False, hole)
    assert (said(report, "voids").severity, said(report, "voids").value) == ("error", 80.0)
    assert said(judge(files, void_area_m2=80.1), "voids").severity == "info"
    empty = said(judge(files, empty_share=0.001), "empty_cells")
    assert (empty.severity, empty.value) == ("error", pytest.approx(80 / (160 * 60)))
    picture = next(p for p in report.pictures if p.name == "coverage")
    assert np.count_nonzero(picture.values == 3) == 80


def test_a_pond_is_no_void_whether_its_rim_is_classed_as_water_or_only_lies_low(
    strip: Any, deliver: Any, judge: Any
) -> None:
    pond = (WEST + 80, SOUTH + 20, WEST + 100, SOUTH + 40)
    cloud = strip(ALL, 1, hole=pond)
    near = (abs(cloud.x - WEST - 90) < 11) & (abs(cloud.y - SOUTH - 30) < 11)
    codes = np.where(near, 9, 2).astype(np.uint8)
    classed = Points(x=cloud.x, y=cloud.y, z=cloud.z, attributes={**cloud.attributes, "classification": codes})
    shore = Points(x=cloud.x, y=cloud.y, z=np.where(near, 20.0, cloud.z), attributes=cloud.attributes)
    for points in (classed, shore):
        report = judge(deliver({"a.las": points}), void_area_m2=50.0, empty_share=0.0)
        assert report.verdict == "accepted"
        facts = report.facts["groups"][0]
        assert (facts["voids_m2"], facts["voids_with_water_m2"]) == (0.0, 400.0)
        assert said(report, "voids").message_ja.endswith("含めると 1 か所、計 400 m²)")
    assert judge(deliver({"a.las": cloud}), void_area_m2=50.0).verdict == "refused"


def test_a_lost_strip_between_two_others_is_a_void_but_the_land_outside_is_none(
    strip: Any, deliver: Any, judge: Any
) -> None:
    far = (WEST + 130, SOUTH, WEST + 160, SOUTH + 60)
    files = deliver({"a.las": strip(LEFT, 1), "b.las": strip(far, 2)})
    (void,) = judge(files).facts["groups"][0]["voids"]
    # At its open ends the disc of 48 m rounds it off, and the outermost coarse cells are cut.
    assert 30 * (60 - 2 * 16) <= void["area_m2"] <= 30 * 60
    assert judge(files, footprint_closing_m=0.0).facts["groups"][0]["voids"] == []


def test_points_that_repeat_are_counted_within_and_between_files(
    strip: Any, deliver: Any, judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = strip(LEFT, 1)
    doubled = Points.concatenate([cloud, cloud.take(slice(0, 30))])
    files = deliver({"a.las": doubled, "again.laz": cloud, "c.las": strip(RIGHT, 2, seed=1)})
    report = judge(files)
    facts = report.facts["groups"][0]
    assert (facts["duplicates"], facts["duplicates_between_files"]) == (30, len(cloud))
    assert said(report, "duplicates").severity == "warning"
    again = next(source for source in report.sources if source.uri.endswith("again.laz"))
    assert f"{len(cloud)} of {len(cloud)} points are in a.las as well" in again.findings[0].message
    monkeypatch.setattr("pipelines.acceptance.block._BUCKET_HASHES", 5000)  # as in a block too dense for one sorting
    assert judge(files).facts["groups"][0] == facts
    assert judge(files, duplicates_share=0.01).verdict == "refused"
    assert judge(files, duplicates_share=1.0).verdict == "accepted"


def test_strips_are_told_by_time_where_ids_say_nothing(strip: Any, deliver: Any, judge: Any) -> None:
    def renamed(points: Points, ids: int) -> Points:
        named = {**points.attributes, "point_source_id": np.full(len(points), ids, np.uint16)}
        return Points(x=points.x, y=points.y, z=points.z, attributes=named)

    both = Points.concatenate([renamed(strip(LEFT, 1), 0), renamed(strip(RIGHT, 2, dz=0.05, seed=1), 0)])
    west, east = both.take(np.flatnonzero(both.x < WEST + 80)), both.take(np.flatnonzero(both.x >= WEST + 80))
    for ids in (None, (7, 7), (7, 8)):  # none, one for all, and a number for each file
        parts = (west, east) if ids is None else (renamed(west, ids[0]), renamed(east, ids[1]))
        facts = judge(deliver({"w.las": parts[0], "e.las": parts[1]})).facts["groups"][0]
        assert facts["strip_rule"] == "time"
        assert [entry["name"] for entry in facts["strips"]] == ["#1", "#2"]
        assert facts["pairs"][0]["median_m"] == pytest.approx(0.05, abs=0.002)


def test_an_id_used_again_hours_later_is_another_strip(strip: Any, deliver: Any, judge: Any) -> None:
    first, second = strip(LEFT, 1), strip(RIGHT, 1, seed=1)
    later = Points(
        x=second.x,
        y=second.y,
        z=second.z,
        attributes={**second.attributes, "gps_time": second.attributes["gps_time"] + 86_400},
    )
    third = strip(RIGHT, 2)
    facts = judge(deliver({"a.las": Points.concatenate([first, later, third])})).facts["groups"][0]
    assert [entry["name"] for entry in facts["strips"]] == ["1/1", "1/2", "2"]
    assert [entry["points"] for entry in facts["strips"]] == [len(first), len(later), len(third)]


def test_a_gap_within_a_strip_is_measured(strip: Any, deliver: Any, judge: Any) -> None:
    cloud = strip(ALL, 1)
    time = cloud.attributes["gps_time"].copy()
    time[len(time) // 2 :] += 7.0
    gapped = Points(x=cloud.x, y=cloud.y, z=cloud.z, attributes={**cloud.attributes, "gps_time": time})
    files = deliver({"a.las": gapped, "b.las": strip(ALL, 2)})
    assert said(judge(files, gps_gap_s=5.0), "gps_gap").severity == "error"
    assert said(judge(files, gps_gap_s=8.0), "gps_gap").severity == "info"


@pytest.mark.parametrize(
    ("standard", "shift", "word"),
    [
        (True, 0.0, "measured from 2021-03-17"),
        (False, 0.0, "the header says seconds of the week"),
        (True, -3.0e8, "look like seconds of the week"),
        (False, -3.0e8, "the week is not stated"),
        (False, 1.0e9, "as seconds since 1980 they begin on 2021-03-17"),
    ],
)
def test_times_that_are_not_what_the_header_says_are_a_remark(  # noqa: PLR0913 - three fixtures
    strip: Any, deliver: Any, judge: Any, standard: bool, shift: float, word: str
) -> None:
    cloud = strip(LEFT, 1)
    time = cloud.attributes["gps_time"] + shift
    moved = Points(x=cloud.x, y=cloud.y, z=cloud.z, attributes={**cloud.attributes, "gps_time": time})
    (source,) = judge(deliver({"a.las": moved}, standard_gps_time=standard)).sources
    (finding,) = (finding for finding in source.findings if finding.rule == "gps_time")
    assert word in finding.message
    assert finding.message_ja
    assert finding.severity == ("info" if standard == (shift == 0.0) and shift < 1 else "warning")


def test_required_classes_and_noise_are_judged(strip: Any, deliver: Any, judge: Any) -> None:
    cloud = strip(LEFT, 1)
    codes = cloud.attributes["classification"].copy()
    codes[:100], codes[100:150] = 7, 31
    files = deliver(
        {"a.las": Points(x=cloud.x, y=cloud.y, z=cloud.z, attributes={**cloud.attributes, "classification": codes})}
    )
    report = judge(files, required_classes=(2, 6), noise_share=0.001)
    assert (said(report, "required_classes").severity, said(report, "required_classes").value) == ("error", 1.0)
    severities = {finding.rule: finding.severity for finding in report.sources[0].findings}
    assert (severities["noise"], severities["classes"]) == ("error", "info")
    assert "not asked for: 31" in " ".join(finding.message for finding in report.sources[0].findings)
    assert judge(files, required_classes=(2, 31), noise_share=0.01).verdict == "accepted"


def test_a_stray_point_far_below_is_told_until_it_is_classed_as_noise(strip: Any, deliver: Any, judge: Any) -> None:
    cloud = strip(LEFT, 1)
    z = cloud.z.copy()
    z[5050] -= 30.0
    low = Points(x=cloud.x, y=cloud.y, z=z, attributes=cloud.attributes)
    assert said(judge(deliver({"a.las": low})), "strays").value == 1.0
    codes = cloud.attributes["classification"].copy()
    codes[5050] = 7
    clean = Points(x=cloud.x, y=cloud.y, z=z, attributes={**cloud.attributes, "classification": codes})
    assert not [f for f in judge(deliver({"a.las": clean})).findings if f.rule == "strays"]
