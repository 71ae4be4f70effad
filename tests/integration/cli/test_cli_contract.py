"""What every command promises: one JSON line, honest exit codes, one-line errors that say what to do."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROMISED = {"command", "ok", "seconds", "failed"}


@pytest.fixture
def store(tmp_path: Path, twin: Callable) -> Path:
    path = tmp_path / "store"
    answer = twin("init", path, "--crs", "EPSG:6677", "--vertical", "TP", "--tile-edge", 64)
    assert answer.code == 0, answer.stderr
    return path


def test_a_finished_command_prints_one_json_object_and_nothing_else(store: Path, twin: Callable) -> None:
    answer = twin("info", store)
    assert answer.code == 0
    assert set(answer.result) >= PROMISED | {"points", "tiles", "sources", "crs", "vertical", "bounds"}
    assert answer.result["ok"] is True
    assert len(answer.stdout.splitlines()) == 1


def test_a_missing_store_is_one_line_that_says_what_to_do(tmp_path: Path, twin: Callable) -> None:
    answer = twin("info", tmp_path / "nowhere")
    assert answer.code == 1
    assert answer.result["ok"] is False
    assert len(answer.stderr.splitlines()) == 1
    assert "twin init" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("classify", "{store}", "--set", "grund.slope=1"), "did you mean 'ground'"),
        (("classify", "{store}", "--set", "ground.slop=1"), "did you mean 'slope'"),
        (("classify", "{store}", "--set", "ground.slope=steep"), "expected float"),
        (("classify", "{store}", "--profile", "urbn"), "did you mean 'urban'"),
        (("export", "{store}", "dwg", "out.dwg"), "3dtiles"),
        (("init", "{store}2", "--area", "atlantis"), "there are"),
        (("init", "{store}2", "--vertical", "TP"), "--crs"),
        (("init", "{store}2", "--crs", "EPSG:2263", "--vertical", "TP"), "coordinates are in US survey foot"),
        (("init", "{store}2", "--crs", "EPSG:6677", "--vertical", "EPSG:6360"), "system in metres"),
        (("ingest", "{store}", "no-such-file.laz"), "no such file"),
        (("ingest", "{store}", "{store}/zarr.json", "--crs", "EPSG:99999"), "unknown CRS"),
        (("check", "{store}/zarr.json", "--crs", "EPSG:99999"), "unknown CRS"),
        (("ingest", "{store}", "{store}/zarr.json", "--memory", "10"), "at least 300 MB"),
        (("ingest", "{store}", "{store}/zarr.json", "--workers", "-3"), "one per core"),
        (("check", "{store}/zarr.json", "--vertical", "XP"), "unknown vertical datum"),
        (("snapshot", "{store}", "a.png", "--size", "big"), "1600x1000"),
        (("terrain", "{store}", "--executor", "threads", "--scheduler", "tcp://127.0.0.1:1"), "--executor dask"),
    ],
)
def test_a_wrong_word_is_a_usage_error_that_names_the_right_one(
    store: Path, twin: Callable, arguments: tuple[str, ...], word: str
) -> None:
    answer = twin(*(argument.format(store=store) for argument in arguments))
    assert answer.code == 2, answer.stderr
    assert word in answer.stderr
    assert answer.result["ok"] is False


def test_a_stage_without_its_input_names_the_command_that_makes_it(store: Path, twin: Callable) -> None:
    answer = twin("terrain", store, "--executor", "sequential")
    assert answer.code == 1
    assert "twin classify" in answer.stderr


def test_a_refused_file_is_listed_and_the_others_go_on(
    store: Path, small_survey: Path, tmp_path: Path, twin: Callable
) -> None:
    broken = tmp_path / "broken.las"
    broken.write_bytes(b"LASF" + bytes(300))
    answer = twin("ingest", store, small_survey, broken, "--executor", "sequential")
    assert answer.code == 1
    assert [entry["uri"] for entry in answer.result["refused"]] == [str(broken)]
    assert answer.result["points"] > 50_000


def test_a_file_that_is_in_already_is_named_as_skipped(store: Path, small_survey: Path, twin: Callable) -> None:
    first = sorted(small_survey.glob("*.laz"))[0]
    answers = [twin("ingest", store, first, "--executor", "sequential") for _ in range(2)]
    assert [answer.code for answer in answers] == [0, 0]
    assert [len(answer.result["skipped"]) for answer in answers] == [0, 1]
    assert answers[1].result["skipped"][0]["uri"] == str(first)
    assert answers[0].result["points"] == answers[1].result["points"]


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from twin.cli.app import build_app; build_app();"
        "heavy = {'numpy', 'zarr', 'dask', 'vtk', 'pyvista', 'shapely', 'pyproj', 'numba'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
