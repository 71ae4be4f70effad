"""The report of a real store: every point is counted, every file is told of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from pipelines.synth import write_survey
from tiles.store import Store
from twin.crs import parse_crs
from twin.scene import SceneParams
from twin.vertical import TP
from viewer.report import gather_report, write_report

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.report import ReportContent

NOW = datetime(2026, 8, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store that took a small survey and refused a file that is none."""
    folder = tmp_path_factory.mktemp("report")
    survey = write_survey(folder / "survey", SceneParams(kind="bay", n_points=20_000, seed=3))
    broken = folder / "broken & <b>.las"
    broken.write_bytes(b"LASF" + bytes(300))
    store = Store.create(folder / "store", crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=128.0)
    ingest(store, [*survey.files, broken], IngestParams(), Sequential())
    return Store.open(folder / "store")


@pytest.fixture(scope="module")
def content(store: Store) -> ReportContent:
    return gather_report(store, title={"ja": "湾", "en": "Bay"}, now=NOW, made_at=NOW)


def test_every_point_is_in_the_density_and_in_one_class(store: Store, content: ReportContent) -> None:
    total = sum(row.n_points for row in store.tiles())
    assert content.n_points == total == sum(file.n_points for file in content.deliveries)
    assert sum(entry.n_points for entry in content.classes) == total
    assert content.density is not None
    cell_m2 = content.density.frame.resolution_m**2
    assert round(float(content.density.values.astype(float).sum()) * cell_m2) == total


def test_a_refused_file_is_told_of_with_its_reason(content: ReportContent) -> None:
    refused = [file for file in content.deliveries if not file.accepted]
    assert [file.name for file in refused] == ["broken & <b>.las"]
    assert refused[0].reason


def test_parts_that_have_not_run_are_not_there(content: ReportContent) -> None:
    assert not content.is_classified
    assert content.terrain is None
    assert content.buildings is None
    assert content.floods == ()
    assert content.gauges == ()


def test_the_same_store_at_the_same_time_gives_the_same_report(content: ReportContent, store: Store) -> None:
    from viewer.report import render_page

    again = gather_report(store, title={"ja": "湾", "en": "Bay"}, now=NOW, made_at=NOW)
    assert render_page(again) == render_page(content)


def test_the_page_is_one_file(store: Store, tmp_path: Path) -> None:
    path = write_report(store, tmp_path / "deep" / "report.html", title="Bay", now=NOW)
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]
    text = path.read_text(encoding="utf-8")
    assert "broken &amp; &lt;b&gt;.las" in text
    assert "<b>.las" not in text


def test_a_report_of_an_empty_store_is_a_page_too(tmp_path: Path) -> None:
    empty = Store.create(tmp_path / "store", crs=parse_crs("EPSG:6677"), vertical=TP)
    assert write_report(empty, tmp_path / "report.html").stat().st_size > 0
