"""Broken files, foreign units, several systems: one fails alone, and nothing stays behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.acceptance.scan import scan
from pipelines.executors import Sequential
from pipelines.ingest import IngestParams
from tiles.las import LasParams, write_las
from twin.crs import parse_crs
from twin.errors import ConfigError, FormatError, StageError
from twin.vertical import TP

WEST, SOUTH = -5_960.0, -35_100.0
BOX = (WEST, SOUTH, WEST + 40, SOUTH + 30)


@pytest.mark.slow
def test_a_broken_file_is_refused_and_the_rest_is_judged_as_if_it_were_not_there(
    strip: Any, deliver: Any, judge: Any
) -> None:
    files = deliver({"a.laz": strip(BOX, 1), "b.laz": strip(BOX, 2, seed=1), "c.laz": strip(BOX, 3, seed=2)})
    alone = judge([files[0], files[2]])
    content = bytearray(files[1].read_bytes())
    content[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
    files[1].write_bytes(content[: -len(content) // 4])
    report = judge(files, ingest=IngestParams(rows_per_task=1000, chunk_rows=500))
    assert [source.verdict for source in report.sources] == ["accepted", "refused", "accepted"]
    assert report.sources[1].findings[0].message.startswith("b.laz: ")
    assert report.sources[1].findings[0].message_ja.startswith("b.laz：ファイルを読み取れません（")
    assert report.verdict == "refused"
    assert report.facts["groups"] == alone.facts["groups"]
    assert [finding.message for finding in report.findings] == [finding.message for finding in alone.findings]


def test_a_file_that_vanishes_or_changes_between_look_and_scan_is_refused(
    strip: Any, deliver: Any, judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = deliver({"a.las": strip(BOX, 1), "b.las": strip(BOX, 2), "c.las": strip(BOX, 3)})

    def meddling(task: Any) -> Any:
        if task.source.endswith("b.las"):
            Path(task.source).unlink()
        if task.source.endswith("c.las"):
            Path(task.source).write_bytes(Path(task.source).read_bytes()[:-300])
        return scan(task)

    monkeypatch.setattr("pipelines.acceptance.delivery.scan", meddling)
    report = judge(files)
    messages = [source.findings[0].message for source in report.sources]
    assert [source.verdict for source in report.sources] == ["accepted", "refused", "refused"]
    assert "vanished while it was checked" in messages[1]
    assert "changed while it was checked" in messages[2]


def test_a_full_scratch_disk_is_one_sentence_and_leaves_nothing(
    strip: Any, deliver: Any, judge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = deliver({"a.las": strip(BOX, 1)})

    def full(task: Any) -> Any:
        Path(task.piece).write_bytes(b"some")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.acceptance.delivery.scan", full)
    with pytest.raises(StageError, match="the disk is full"):
        judge(files)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_coordinates_in_feet_are_told_and_not_judged_by_metres(strip: Any, judge: Any, tmp_path: Path) -> None:
    cloud = strip(BOX, 1)
    moved = replace(cloud, x=cloud.x + 990_000.0, y=cloud.y + 240_000.0)
    path = tmp_path / "feet.las"
    write_las(path, moved, LasParams(offset=(990_000.0, 200_000.0, 0.0)), crs=parse_crs("EPSG:2263"))
    told = IngestParams(vertical="EPSG:6360", convert=True)
    report = judge([path, path], ingest=told, density_per_m2=1000.0)
    assert report.verdict == "accepted"
    rules = {finding.rule: finding for finding in report.findings}
    assert "not known to be metres" in rules["units"].message
    assert not {"density", "voids", "overlap"} & set(rules)
    assert len(report.sources) == 1


def test_files_of_different_systems_are_never_compared(strip: Any, deliver: Any, judge: Any, tmp_path: Path) -> None:
    (first,) = deliver({"a.las": strip(BOX, 1)})
    second = tmp_path / "b.las"
    write_las(second, strip(BOX, 2, dz=3.0), crs=parse_crs("EPSG:6676"), vertical=TP)
    report = judge([first, second], overlap_rmse_m=0.1)
    assert [group["crs"] for group in report.facts["groups"]] == ["EPSG:6676", "EPSG:6677"]
    assert all(group["pairs"] == [] for group in report.facts["groups"])
    (mixed,) = [finding for finding in report.findings if finding.rule == "systems"]
    assert (mixed.severity, mixed.value, report.verdict) == ("warning", 2.0, "accepted_with_remarks")
    assert "EPSG:6676, TP: 1 file (b.las)" in mixed.message
    assert "EPSG:6677, TP: 1 ファイル(a.las)" in mixed.message_ja
    assert len({picture.name for picture in report.pictures}) == len(report.pictures)


def test_a_file_with_swapped_axes_is_seen_beside_the_others(
    strip: Any, deliver: Any, judge: Any, tmp_path: Path
) -> None:
    boxes = [(WEST + 40 * i, SOUTH, WEST + 40 * i + 20, SOUTH + 20) for i in range(3)]
    files = deliver({f"{i}.las": strip(box, 1, seed=i) for i, box in enumerate(boxes)})
    other = strip((WEST, SOUTH + 40, WEST + 20, SOUTH + 60), 1, seed=9)
    for name, points in {
        "swapped.las": replace(other, x=other.y, y=other.x),
        "elsewhere.las": replace(other, x=other.x + 9000.0),  # another place is no fault
    }.items():
        write_las(tmp_path / name, points, crs=parse_crs("EPSG:6677"), vertical=TP)
        files.append(tmp_path / name)
    (found,) = [finding for finding in judge(files).findings if finding.rule == "axes"]
    assert found.message.startswith("1 file (swapped.las) 41 km or more from the others")
    assert not [finding for finding in judge([*files[:3], files[4]]).findings if finding.rule in ("axes", "systems")]


def test_a_missing_file_of_control_points_is_told_before_points_are_read(
    strip: Any, deliver: Any, judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.acceptance.delivery.scan", lambda _: pytest.fail("points were read"))
    with pytest.raises(ConfigError, match="control points cannot be read"):
        judge(deliver({"a.las": strip(BOX, 1)}), controls="nowhere.csv")


def test_only_files_without_points_still_end_in_a_report(strip: Any, deliver: Any, judge: Any, tmp_path: Path) -> None:
    (tmp_path / "a.las").touch()
    (empty,) = deliver({"none.las": strip(BOX, 1).take(np.arange(0))})
    report = judge([tmp_path / "a.las", empty])
    assert [source.verdict for source in report.sources] == ["refused", "accepted_with_remarks"]
    assert report.facts["groups"] == []


def test_a_failing_worker_is_a_failed_check_not_a_wrong_one(
    strip: Any, deliver: Any, judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(task: Any) -> Any:
        raise FormatError("a piece is gone")

    monkeypatch.setattr("pipelines.acceptance.delivery.reduce_blocks", broken)
    with pytest.raises(StageError, match="a piece is gone"):
        judge(deliver({"a.las": strip(BOX, 1)}), executor=Sequential())
