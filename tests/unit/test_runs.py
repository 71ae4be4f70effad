"""Laws of running a stage: done work is not done again, changed inputs are, failures stay alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.executors import Sequential
from pipelines.runs import latest_run, run_once, run_tiled
from tiles.store import Store
from twin.crs import parse_crs
from twin.errors import StageError, StoreError
from twin.points import Points
from twin.tiling import TileId
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CountStage:
    """Counts a tile's points and refuses tiles of a given column."""

    factor: int = 1
    refused_column: int = -1
    halo_m: float = 10.0
    name: str = "count"
    version: int = 1
    input_runs: tuple[str, ...] = ()

    def params(self) -> Mapping[str, Any]:
        return {"factor": self.factor}

    def units(self, store: Store) -> list[TileId]:
        return [row.tile for row in store.tiles()]

    def prepare(self, store: Store, run: str) -> None:
        pass

    def run_tile(self, store: Store, run: str, tile: TileId) -> Mapping[str, Any]:
        if tile.x == self.refused_column:
            raise StoreError(f"tile {tile} is refused")
        n_points = len(store.read_tile(tile, ()))
        return {"path": "", "checksum": str(n_points), "points": n_points, "scaled": n_points * self.factor}

    def finish(self, store: Store, run: str, reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        return {"scaled": sum(report["scaled"] for report in reports.values())}


def put_points(store: Store, tile: TileId, n_points: int) -> None:
    box = store.grid.bounds(tile)
    x = box.xmin + np.linspace(1, 60, n_points)
    store_points = Points(x=x, y=np.full(n_points, box.ymin + 30.0), z=np.zeros(n_points))
    with store.writing():
        store.manifest.commit_tiles([store.write_tile(tile, store_points)])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "store", crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=64.0)
    for column, n_points in enumerate((5, 7, 9, 11)):
        put_points(made, TileId(0, column, 0), n_points)
    return made


def test_a_finished_stage_is_not_done_again(store: Store) -> None:
    first = run_tiled(store, CountStage(), Sequential())
    again = run_tiled(store, CountStage(), Sequential())
    assert (first.n_done, first.n_skipped) == (4, 0)
    assert (again.n_done, again.n_skipped) == (0, 4)
    assert again.counts["scaled"] == first.counts["scaled"] == 32


def test_only_tiles_whose_halo_saw_a_change_are_done_again(store: Store) -> None:
    run_tiled(store, CountStage(), Sequential())
    put_points(store, TileId(0, 3, 0), 12)
    again = run_tiled(store, CountStage(), Sequential())
    assert (again.n_done, again.n_skipped) == (2, 2)
    assert again.counts["points"] == 33


def test_a_failed_tile_is_listed_and_tried_again_alone(store: Store) -> None:
    broken = run_tiled(store, CountStage(refused_column=1), Sequential())
    assert [entry["tile"] for entry in broken.failed] == ["0/1_0"]
    assert broken.n_done == 3
    mended = run_tiled(store, CountStage(), Sequential())
    assert (mended.n_done, mended.failed) == (1, ())


def test_other_parameters_are_another_run_and_the_last_one_asked_for_is_the_latest(store: Store) -> None:
    one = run_tiled(store, CountStage(factor=1), Sequential())
    two = run_tiled(store, CountStage(factor=2), Sequential())
    assert one.run != two.run
    assert latest_run(store, "count") == two.run
    run_tiled(store, CountStage(factor=1), Sequential())
    assert latest_run(store, "count") == one.run


def test_redo_does_every_tile_again(store: Store) -> None:
    run_tiled(store, CountStage(), Sequential())
    assert run_tiled(store, CountStage(), Sequential(), redo=True).n_done == 4


def test_asking_for_a_stage_that_never_ran_says_which_command_makes_it(store: Store) -> None:
    with pytest.raises(StageError, match="twin terrain"):
        latest_run(store, "terrain")


def test_a_whole_store_job_runs_once_while_its_output_stands(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    calls = []

    def body() -> Mapping[str, Any]:
        calls.append(1)
        out.write_text("made")
        return {"bytes": 4}

    run_once(store, "export", {"format": "text"}, [out], body)
    skipped = run_once(store, "export", {"format": "text"}, [out], body)
    assert (skipped.n_done, skipped.counts["bytes"], len(calls)) == (0, 4, 1)
    out.unlink()
    assert run_once(store, "export", {"format": "text"}, [out], body).n_done == 1


def test_a_file_that_another_job_wrote_since_is_written_again(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store", crs=parse_crs("EPSG:6677"), vertical=TP)
    out = tmp_path / "depths.txt"
    done = []
    for level in ("4.0", "3.0", "4.0", "4.0"):

        def body(level: str = level) -> dict[str, int]:
            out.write_text(level)
            return {"files": 1}

        done.append(run_once(store, "export", {"out": str(out), "level": level}, [out], body).n_done)
        assert out.read_text() == level
    assert done == [1, 1, 1, 0]
