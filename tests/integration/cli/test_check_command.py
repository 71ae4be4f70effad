"""`twin check` as the people who deliver and accept use it: exit codes, lines, keys, presets, and the page."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from twin.acceptance import DeliveryReport, Finding, SourceReport, verdict_of
from twin.cli.acceptance import lines
from twin.config import preset, preset_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_an_accepted_delivery_exits_with_0_and_keeps_its_promised_keys(small_survey: Path, twin: Callable) -> None:
    answer = twin("check", small_survey, "--vertical", "TP")
    assert answer.code == 0, answer.stderr
    assert answer.result["verdict"] in {"accepted", "accepted_with_remarks"}
    assert set(answer.result) >= {"sources", "verdict", "findings", "facts", "requirements"}
    for source in answer.result["sources"]:
        assert set(source) >= {"uri", "verdict", "points", "findings", "facts"}
        for finding in source["findings"]:
            assert set(finding) >= {"rule", "severity", "message", "message_ja", "value", "limit", "unit"}
    assert "pictures" not in answer.stdout


def test_a_refused_file_makes_exit_code_1_and_stands_last_with_its_way_out(
    small_survey: Path, tmp_path: Path, twin: Callable
) -> None:
    (tmp_path / "a_broken.las").write_bytes(b"LASF" + bytes(300))
    shutil.copy(sorted(small_survey.glob("*.laz"))[0], tmp_path / "b_whole.laz")
    page = tmp_path / "reports" / "check.html"
    answer = twin("check", tmp_path, "--vertical", "TP", "--report", page)
    assert answer.code == 1
    assert [entry["uri"] for entry in answer.result["failed"]] == [str(tmp_path / "a_broken.las")]
    files = [line for line in answer.stderr.splitlines() if ".la" in line and not line.startswith(" ")]
    assert "b_whole.laz" in files[0]
    assert files[1].startswith("refused: ")
    assert answer.result["report"] == str(page)
    text = page.read_text(encoding="utf-8")
    assert text.index("1 of 2 files are refused") < text.index("What to do next")
    assert "元データから書き出し直し" in text


def test_limits_come_from_defaults_then_preset_then_set_and_say_so(small_survey: Path, twin: Callable) -> None:
    given = ("--set", "check.density_per_m2=0.001", "--set", "check.density_share=0.5")
    answer = twin("check", small_survey, "--vertical", "TP", "--preset", "gsi_pointcloud", *given)
    stated = answer.result["requirements"]
    assert stated["density_per_m2"] == {"value": 0.001, "source": "--set"}
    assert stated["control_rmse_m"]["value"] == 0.25
    assert "国土地理院" in stated["control_rmse_m"]["source"]
    assert stated["void_listed_m2"]["source"] == "default"
    assert answer.code == 0, answer.stderr


def test_a_limit_that_the_delivery_breaks_makes_exit_code_1(small_survey: Path, twin: Callable) -> None:
    answer = twin("check", small_survey, "--vertical", "TP", "--set", "check.density_per_m2=5000")
    assert answer.code == 1
    assert answer.result["verdict"] == "refused"
    assert {"density"} <= {entry.get("rule") for entry in answer.result["failed"]}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--preset", "jp_50"), "did you mean"),
        (("--set", "check.densty_per_m2=4"), "did you mean 'density_per_m2'"),
        (("--set", "chek.density_per_m2=4"), "did you mean 'check'"),
        (("--preset", "{folder}/odd.yaml"), "density_cell_m: say where it comes from"),
        (("--preset", "{folder}/wrong.yaml"), "unknown key 'limits'"),
        (("--controls", "{folder}/none.csv"), "none.csv"),
        (("--report", "{folder}"), "is a folder"),
    ],
)
def test_a_wrong_word_is_exit_code_2_and_names_the_right_one(
    small_survey: Path, tmp_path: Path, twin: Callable, arguments: tuple[str, ...], word: str
) -> None:
    (tmp_path / "odd.yaml").write_text("check: {density_cell_m: 2.0}\n")
    (tmp_path / "wrong.yaml").write_text("check: {}\nlimits: {}\n")
    answer = twin("check", small_survey, "--vertical", "TP", *(one.format(folder=tmp_path) for one in arguments))
    assert answer.code == 2, answer.stderr
    assert word in answer.stderr


@pytest.mark.parametrize("name", preset_names("acceptance"))
def test_every_preset_is_read_and_says_where_each_number_is_from(
    name: str, small_survey: Path, tmp_path: Path, twin: Callable
) -> None:
    shutil.copy(sorted(small_survey.glob("*.laz"))[0], tmp_path / "one.laz")
    answer = twin("check", tmp_path / "one.laz", "--vertical", "TP", "--preset", name)
    assert answer.code in (0, 1), answer.stderr
    content = preset("acceptance", name)
    for key, value in content["check"].items():
        stated = answer.result["requirements"][key]
        assert stated["value"] == value
        assert stated["source"].startswith(f"acceptance/{name}.yaml: ")
        assert ("not verified" in stated["source"]) == (key in content.get("unverified", {}))


def delivery(n: int) -> DeliveryReport:
    error = Finding(rule="crs", severity="error", message="names no CRS; state it with --crs")
    more = Finding(rule="vertical", severity="error", message="no datum")
    fact = Finding(rule="classes", severity="info", message="points by class")
    kinds: list[tuple[Finding, ...]] = [(fact,), (error, more, fact)]
    sources = [
        SourceReport(uri=f"{i:05d}.laz", verdict=verdict_of(kinds[i % 2]), points=10, findings=kinds[i % 2])
        for i in range(n)
    ]
    return DeliveryReport(verdict="refused", sources=tuple(sources))


def test_few_files_are_named_all_and_five_thousand_only_where_there_is_something_to_say() -> None:
    few, many = list(lines(delivery(4))), list(lines(delivery(5000)))
    assert [line.split(":")[0] for line in few if not line.startswith(" ")] == ["accepted"] * 2 + ["refused"] * 3
    assert any("no datum" in line for line in few)
    assert len(many) < 500
    assert not any(line.startswith("accepted: ") for line in many)
    assert "2,300 more files" in many[0]
    assert many[-1] == "refused: 5,000 files, 50,000 points: 2,500 accepted, 0 accepted with remarks, 2,500 refused"
    assert "--crs" in many[-2]


def test_the_page_tells_what_the_json_tells(small_survey: Path, tmp_path: Path, twin: Callable) -> None:
    page = tmp_path / "check.html"
    answer: Any = twin("check", small_survey, "--vertical", "TP", "--report", page)
    text = page.read_text(encoding="utf-8")
    for source in answer.result["sources"]:
        assert source["uri"].rsplit("/", 1)[-1] in text
    assert f"{sum(source['points'] for source in answer.result['sources']):,}" in text
    assert text.count('class="map"') >= 3
