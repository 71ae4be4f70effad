"""``STORE#2019`` means that survey in every command, and no delivery lands in an epoch that nobody named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tiles.las import LasParams, read_las, write_las
from tiles.store import Store
from twin.crs import parse_crs
from twin.errors import RenderError
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEQUENTIAL = ("--executor", "sequential")
POINTS = {"2019": 6400, "2024": 3600}


def meadow(path: Path, edge_m: float, height_m: float) -> Path:
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0.25, edge_m, 0.5), np.arange(0.25, edge_m, 0.5)))
    ones = np.ones(len(x), np.uint8)
    points = Points(x=x, y=y, z=np.full(len(x), height_m)).with_attributes(return_number=ones, number_of_returns=ones)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_las(path, points, LasParams(), crs=parse_crs("EPSG:6677"), vertical=TP)
    return path


@pytest.fixture
def surveyed_twice(tmp_path: Path, twin: Callable[..., Any]) -> Path:
    """A store with the epochs 2019 and, newest, 2024."""
    store = tmp_path / "store"
    assert twin("init", store, "--area", "tokyo").code == 0
    for epoch, edge_m, height_m in (("2019", 40.0, 1.0), ("2024", 30.0, 2.0)):
        files = meadow(tmp_path / epoch / "a.laz", edge_m, height_m)
        answer = twin("ingest", store, files, "--epoch", epoch, *SEQUENTIAL)
        assert (answer.code, answer.result["epoch"], answer.result["points"]) == (0, epoch, POINTS[epoch])
    return store


def test_each_command_works_on_the_epoch_of_the_address(
    surveyed_twice: Path, tmp_path: Path, twin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = f"{surveyed_twice}#2019"
    assert twin("info", old).result["points"] == 6400
    assert twin("classify", old, *SEQUENTIAL).result["points"] == 6400
    assert twin("terrain", old, "--resolution", 1, *SEQUENTIAL).code == 0
    assert twin("model", old, *SEQUENTIAL).code == 0
    flooded = tmp_path / "high.yaml"
    flooded.write_text(
        "title: {en: High, ja: 高潮}\nlevel: {value_m: 3.0, datum: TP}\n"
        "seeds: {points: [[20.25, 20.25]]}\nlegend: flood_depth_ja\n",
        encoding="utf-8",
    )
    assert twin("flood", old, flooded).result["max_depth_m"] == 2.0
    assert twin("score", "labels", old).code == 0
    assert twin("export", old, "laz", tmp_path / "laz").result["points"] == 6400
    assert sum(len(read_las(path)) for path in (tmp_path / "laz").rglob("*.laz")) == 6400
    assert twin("report", old, tmp_path / "report.html").code == 0
    assert "store 2019" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert twin("live", "status", old).code == 0
    assert twin("verify", old).code == 0
    seen: list[Store] = []

    def look(store: Store, *place: Path, **options: Any) -> None:
        seen.append(store)
        raise RenderError("this test draws nothing")

    monkeypatch.setattr("viewer.web.serve", look)
    monkeypatch.setattr("viewer.snapshot.snapshot", look)
    twin("view", old, "--web")
    twin("snapshot", old, tmp_path / "a.png")
    assert [store.epoch for store in seen] == ["2019", "2019"]
    left = twin("flood", surveyed_twice, flooded)
    assert left.code == 1
    assert f"run `twin terrain {surveyed_twice}#2024` first" in left.stderr


def test_without_an_epoch_commands_take_the_newest_and_info_lists_all(
    surveyed_twice: Path, twin: Callable[..., Any]
) -> None:
    result = twin("info", surveyed_twice).result
    assert (result["epoch"], result["points"]) == ("2024", 3600)
    assert [(one["epoch"], one["points"], one["tiles"], one["sources"]) for one in result["epochs"]] == [
        ("2019", 6400, 1, 1),
        ("2024", 3600, 1, 1),
    ]
    assert result["epochs"][0]["first_ingest"] <= result["epochs"][1]["first_ingest"]
    assert twin("classify", surveyed_twice, *SEQUENTIAL).result["points"] == 3600


def test_a_delivery_to_a_store_of_several_epochs_must_say_which(
    surveyed_twice: Path, tmp_path: Path, twin: Callable[..., Any]
) -> None:
    more = meadow(tmp_path / "b.laz", 10.0, 3.0)
    unsaid = twin("ingest", surveyed_twice, more, *SEQUENTIAL)
    assert unsaid.code == 2
    assert "has 2 epochs (2019, 2024): say with --epoch" in unsaid.stderr
    twice = twin("ingest", f"{surveyed_twice}#2019", more, "--epoch", "2024", *SEQUENTIAL)
    assert (twice.code, "say it once" in twice.stderr) == (2, True)
    assert twin("ingest", f"{surveyed_twice}#2019", more, *SEQUENTIAL).result["points"] == 6800
    assert twin("ingest", surveyed_twice, more, "--set", "ingest.epoch=2024", *SEQUENTIAL).result["points"] == 4000


def test_an_unknown_epoch_is_told_with_those_there_are(surveyed_twice: Path, twin: Callable[..., Any]) -> None:
    answer = twin("classify", f"{surveyed_twice}#2020", *SEQUENTIAL)
    assert answer.code != 0
    assert "#2019" in answer.stderr
    assert "#2024" in answer.stderr


def test_a_corrected_file_is_refused_until_it_is_told_to_replace(tmp_path: Path, twin: Callable[..., Any]) -> None:
    store = tmp_path / "store"
    twin("init", store, "--area", "tokyo")
    twin("ingest", store, meadow(tmp_path / "a" / "a.laz", 40.0, 1.0), *SEQUENTIAL)
    new = meadow(tmp_path / "b" / "a.laz", 30.0, 1.0)
    refused = twin("ingest", store, new, *SEQUENTIAL)
    assert (refused.code, refused.result["points"]) == (1, 6400)
    assert "--replace" in refused.result["refused"][0]["reason"]
    taken = twin("ingest", store, new, "--replace", *SEQUENTIAL)
    assert (taken.code, taken.result["points"], taken.result["sources"]) == (0, 3600, 1)
    assert [one["uri"] for one in taken.result["replaced"]] == [str(tmp_path / "a" / "a.laz")]
    assert twin("info", store).result["epochs"][0]["replaced"] == 1
    assert twin("verify", store).code == 0


def test_a_project_may_name_its_epoch_as_a_year(tmp_path: Path, twin: Callable[..., Any]) -> None:
    meadow(tmp_path / "meadow.laz", 20.0, 1.0)
    project = tmp_path / "meadow.yaml"
    project.write_text(
        "name: meadow\ncrs: EPSG:6677\nvertical: TP@JGD2011\nsources: [meadow.laz]\nexports: []\n"
        "ingest: {epoch: 2024, vertical: TP@JGD2011}\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    answer = twin("run", project, "--out", out, *SEQUENTIAL)
    assert answer.code == 0, answer.stderr
    store = Store.open(out / "store")
    assert (store.epoch, str(store.vertical)) == ("2024", "TP@JGD2011")
    assert store.manifest.sources()[0].meta["vertical"] == "TP@JGD2011"
    assert store.manifest.latest_run("terrain") is not None
