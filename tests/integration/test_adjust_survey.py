"""A survey with crooked strips: the shifts are found, stay a proposal, and straighten the store when asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.adjust import AdjustStage
from pipelines.executors import Sequential, Threads
from pipelines.ingest import IngestParams, ingest, write_shifts
from pipelines.runs import run_tiled
from pipelines.synth import write_survey
from tiles.store import Store
from twin.crs import parse_crs
from twin.errors import ConfigError
from twin.scene import SceneParams
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

CRS = parse_crs("EPSG:6677")


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crooked")
    write_survey(folder, SceneParams(kind="bay", n_points=300_000, strip_offset_m=0.1))
    return folder


def stored(path: Path, survey: Path, shifts: str = "") -> Store:
    store = Store.create(path, crs=CRS, vertical=TP, tile_edge_m=128.0)
    summary = ingest(store, sorted(survey.glob("*.laz")), IngestParams(shifts=shifts), Sequential())
    assert summary.refused == ()
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, survey: Path) -> Store:
    return stored(tmp_path_factory.mktemp("store") / "hills.twin", survey)


@pytest.fixture(scope="module")
def found(store: Store) -> dict[str, Any]:
    return dict(run_tiled(store, AdjustStage(), Sequential()).counts)


def test_the_shifts_are_those_that_the_survey_was_made_with(survey: Path, found: dict[str, Any]) -> None:
    made = {
        strip["point_source_id"]: np.array(strip["offset_m"])
        for strip in json.loads((survey / "truth.json").read_text(encoding="utf-8"))["strips"]
    }
    mean = np.mean(list(made.values()), axis=0)
    shifts = {entry["strip"]["point_source_id"]: np.array(entry["shift_m"]) for entry in found["strips"]}
    assert shifts.keys() == made.keys()
    for strip, shift in shifts.items():
        np.testing.assert_allclose(shift, mean - made[strip], atol=0.015)


def test_the_store_is_not_touched_until_it_is_asked_for(store: Store, found: dict[str, Any]) -> None:
    assert found["rms_before_m"] > 0.05
    assert store.manifest.latest_run("adjust") is not None
    again = run_tiled(store, AdjustStage(), Sequential())
    assert again.n_done == 0


def test_with_the_shifts_the_strips_fit(tmp_path: Path, survey: Path, found: dict[str, Any]) -> None:
    write_shifts(tmp_path / "shifts.json", found["strips"], CRS)
    straight = stored(tmp_path / "straight.twin", survey, str(tmp_path / "shifts.json"))
    counts = run_tiled(straight, AdjustStage(), Sequential()).counts
    assert counts["rms_before_m"] < 0.012
    assert np.abs([entry["shift_m"] for entry in counts["strips"]]).max() < 0.008
    assert all(len(row.meta["shifts"]) == len(found["strips"]) for row in straight.manifest.sources())


def test_the_result_does_not_depend_on_the_executor(
    tmp_path: Path, survey: Path, found: dict[str, Any], store: Store
) -> None:
    other = stored(tmp_path / "other.twin", survey)
    counts = run_tiled(other, AdjustStage(), Threads(2)).counts
    assert [counts[key] for key in ("strips", "pairs")] == [found[key] for key in ("strips", "pairs")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "not a list of shifts"),
        ('{"format": "twin-shifts", "version": 9, "strips": []}', "knows"),
        ('{"format": "twin-shifts", "version": 1, "crs": "EPSG:2154", "strips": []}', "EPSG:2154"),
        ('{"format": "twin-shifts", "version": 1, "crs": "EPSG:6677", "strips": [{"strip": {}}]}', "neither"),
    ],
)
def test_a_list_that_is_none_refuses_the_files(tmp_path: Path, survey: Path, content: str, said: str) -> None:
    (tmp_path / "shifts.json").write_text(content, encoding="utf-8")
    store = Store.create(tmp_path / "s.twin", crs=CRS, vertical=TP)
    with pytest.raises(ConfigError, match=said):
        ingest(store, sorted(survey.glob("*.laz")), IngestParams(shifts=str(tmp_path / "shifts.json")), Sequential())
    assert store.tiles() == []
