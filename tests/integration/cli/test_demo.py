"""The whole job on the built-in scene, small: everything is there, and a second call does nothing again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tiles.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def demo(tmp_path: Path, twin: Callable) -> tuple[Path, object]:
    out = tmp_path / "demo"
    answer = twin("demo", out, "--points", 60_000, "--executor", "sequential")
    assert answer.code in (0, 1), answer.stderr
    return out, answer


def test_the_demo_leaves_what_it_promises_and_a_rerun_does_nothing(demo: tuple[Path, object], twin: Callable) -> None:
    out, answer = demo
    assert answer.result["failed"] == []
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "高潮" in report
    assert 'src="http' not in report
    model = json.loads((out / "exports" / "demo.city.json").read_text(encoding="utf-8"))
    assert (model["type"], model["version"]) == ("CityJSON", "2.0")
    assert len(model["CityObjects"]) > 3
    assert (out / "exports" / "3dtiles" / "tileset.json").exists()
    store = Store.open(out / "store")
    before = {row.run: row.figures for row in store.manifest.runs()}
    again = twin("demo", out, "--points", 60_000, "--executor", "sequential")
    assert again.code == answer.code
    said = again.stderr
    for stage in ("ingest", "classify", "terrain", "model", "live", "flood", "export"):
        lines = [line for line in said.splitlines() if line.startswith(stage)]
        assert lines, said
        assert all("nothing to do" in line for line in lines), said
    assert {row.run: row.figures for row in store.manifest.runs()} == before


@pytest.mark.slow
def test_a_demo_of_another_size_replaces_the_earlier_one(demo: tuple[Path, object], twin: Callable) -> None:
    out, _ = demo
    answer = twin("demo", out, "--points", 40_000, "--executor", "sequential")
    points = sum(row.n_points for row in Store.open(out / "store").tiles())
    assert answer.result["failed"] == []
    assert 35_000 < points < 45_000
