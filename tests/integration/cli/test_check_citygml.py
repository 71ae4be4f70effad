"""`twin check` of a city model: PLATEAU's rules, exit codes, and what is printed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_delivery_without_faults_is_accepted(tmp_path: Path, twin: Callable[..., Any], shared_data: Path) -> None:
    folder = tmp_path / "udx" / "bldg"
    folder.mkdir(parents=True)
    shutil.copy(shared_data / "plateau" / "koshigaya_bldg_flood_attrs.gml", folder / "53396677_bldg_6697_op.gml")
    answer = twin("check", tmp_path)
    assert (answer.code, answer.result["verdict"]) == (0, "accepted"), answer.stderr
    assert [source["findings"] for source in answer.result["sources"]] == [[]]


def test_faults_are_listed_by_plateaus_names(twin: Callable[..., Any], shared_data: Path) -> None:
    file = shared_data / "plateau_qc" / "v4_bldg" / "L14" / "udx" / "bldg" / "input.gml"
    answer = twin("check", file)
    assert (answer.code, answer.result["verdict"]) == (1, "refused")
    assert answer.result["columns"]["LOD1 立体のエラー"] == 2
    assert answer.result["columns"]["LOD1 非水密立体"] == 1
    assert "LOD1 非水密立体: bldg_9c5b70ec" in answer.stderr


def test_models_and_surveys_are_checked_apart(tmp_path: Path, twin: Callable[..., Any], shared_data: Path) -> None:
    model = shared_data / "plateau" / "koshigaya_bldg_flood_attrs.gml"
    answer = twin("check", model, shared_data / "lidar" / "japan_yokohama_100pts.las")
    assert answer.code == 2
    assert "in two commands" in answer.stderr
