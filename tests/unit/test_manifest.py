"""The manifest remembers, in order, and changes as a whole or not at all."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tiles.manifest import Manifest, SourceRow, TileRow
from twin.bounds import Bounds
from twin.errors import StoreError
from twin.tiling import TileId

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Manifest.create(tmp_path / "manifest.sqlite")


def row(x: int, y: int, rev: str = "a") -> TileRow:
    box = Bounds(xmin=x * 10.0, ymin=y * 10.0, xmax=x * 10 + 9.0, ymax=y * 10 + 9.0)
    return TileRow(tile=TileId(0, x, y), rev=rev, n_points=5, bounds=box, zmin=-1.5, zmax=2.0, columns=("lod",))


def source(number: int) -> SourceRow:
    return SourceRow(
        id=number, uri=f"{number}.las", digest=str(number), size=9, n_points=5, state="done", meta={"a": [1]}
    )


def test_rows_come_back_as_they_were_put_in(manifest: Manifest) -> None:
    rows, sources = [row(0, 0), row(-3, 7)], [source(0), source(1)]
    manifest.commit_tiles(rows, sources=sources)
    assert manifest.tiles() == sorted(rows, key=lambda entry: entry.tile)
    assert manifest.sources() == sources
    assert manifest.tile(TileId(0, -3, 7)) == rows[1]
    assert manifest.tile(TileId(1, -3, 7)) is None


def test_tiles_near_a_box_are_those_whose_points_touch_it(manifest: Manifest) -> None:
    manifest.commit_tiles([row(x, y) for x in range(4) for y in range(4)])
    near = manifest.tiles_near(Bounds(xmin=9.0, ymin=12.0, xmax=10.0, ymax=15.0))
    assert [entry.tile for entry in near] == [TileId(0, 0, 1), TileId(0, 1, 1)]


def test_a_commit_that_fails_changes_nothing(manifest: Manifest) -> None:
    manifest.commit_tiles([row(0, 0)], sources=[source(0)])
    manifest.stage_tiles([row(5, 5)])
    with pytest.raises(sqlite3.IntegrityError):
        manifest.commit_tiles([row(1, 1)], removed=[TileId(0, 0, 0)], sources=[source(1), source(0)])
    assert [entry.tile for entry in manifest.tiles()] == [TileId(0, 0, 0)]
    assert [entry.id for entry in manifest.sources()] == [0]
    assert len(manifest.staged_tiles()) == 1


def test_a_broken_manifest_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "manifest.sqlite"
    path.write_bytes(b"no database, but long enough to be looked at" * 40)
    with pytest.raises(StoreError, match=r"manifest\.sqlite: file is not a database; restore") as caught:
        Manifest(path).tiles()
    assert "\n" not in str(caught.value)


def test_a_refused_file_is_listed_until_it_is_taken(manifest: Manifest) -> None:
    refused = SourceRow(id=-1, uri="0.las", digest="", size=3, n_points=0, state="refused", reason="no CRS")
    manifest.commit_tiles([], sources=[refused])
    assert [(entry.uri, entry.reason) for entry in manifest.sources()] == [("0.las", "no CRS")]
    manifest.commit_tiles([], sources=[source(0)])
    assert [entry.state for entry in manifest.sources()] == ["done"]


def test_the_latest_run_is_the_one_that_finished_last(manifest: Manifest) -> None:
    for name in ("a", "b"):
        manifest.begin_run(name, "classify", {"p": 1}, {"runs": []})
    assert manifest.latest_run("classify") is None
    manifest.finish_run("b", {"points": 3})
    manifest.finish_run("a", {"points": 4})
    latest = manifest.latest_run("classify")
    assert latest is not None
    assert (latest.run, latest.figures) == ("a", {"points": 4})
    manifest.finish_run("b", {})
    assert [entry.run for entry in manifest.runs()] == ["a", "b"]
    with pytest.raises(StoreError, match="never begun"):
        manifest.finish_run("c", {})


def test_artefacts_of_a_run_are_replaced_by_key(manifest: Manifest) -> None:
    manifest.begin_run("r", "terrain", {}, {})
    for checksum in ("1", "2"):
        manifest.commit_artefact("r", "0/1_2", "rasters/r", checksum, ["x"], {"cells": 4})
    (artefact,) = manifest.artefacts("r").values()
    assert (artefact.checksum, artefact.inputs, artefact.report) == ("2", ["x"], {"cells": 4})
    assert manifest.artefacts("other") == {}


def test_each_epoch_sees_its_own_rows_and_what_belongs_to_all(manifest: Manifest) -> None:
    old, new = manifest.of_epoch("2019"), manifest.of_epoch("2024")
    old.commit_tiles([row(0, 0, "o")], sources=[source(0)])
    new.commit_tiles([row(0, 0, "n"), row(1, 0, "n")], sources=[source(0)])
    old.begin_run("r", "classify", {}, {})
    manifest.of_epoch(None).begin_run("f", "live", {}, {})
    for run in ("r", "f"):
        manifest.finish_run(run, {})
    assert [[entry.rev for entry in one.tiles()] for one in (old, new, manifest)] == [["o"], ["n", "n"], []]
    assert old.tile(TileId(0, 1, 0)) is None
    assert [[entry.run for entry in one.runs()] for one in (old, new)] == [["r", "f"], ["f"]]
    assert (new.latest_run("classify"), manifest.of_epoch(None).latest_run("classify")) == (None, old.runs()[0])
    assert len(manifest.of_epoch(None).tiles()) == 3
    assert manifest.epoch_names() == ["2019", "2024"]
    with pytest.raises(StoreError, match="say which"):
        manifest.of_epoch(None).commit_tiles([row(2, 0)])


def test_a_source_that_takes_a_number_leaves_the_other_as_lineage(manifest: Manifest) -> None:
    manifest.commit_tiles([], sources=[source(0), source(1)])
    coming = replace(source(1), digest="new", uri="1.las")
    manifest.commit_tiles([], sources=[coming])
    assert manifest.sources() == [source(0), coming]
    (gone,) = manifest.replaced_sources()
    assert replace(gone, replaced_at="") == replace(source(1), state="replaced", replaced_by="new")
    assert gone.replaced_at
