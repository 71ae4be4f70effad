"""Verification sees every byte of the rasters, although many tiles share their folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.classify import classify_profile
from pipelines.executors import Sequential
from pipelines.runs import run_tiled
from pipelines.terrain import TerrainStage
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "store", crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=64.0)
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0.25, 128, 0.5), np.arange(0.25, 64, 0.5)))
    ones = np.ones(len(x), np.uint8)
    with made.writing():
        for column in (0, 1):
            own = np.floor(x / 64) == column
            points = Points(x=x[own], y=y[own], z=0.01 * x[own]).with_attributes(
                return_number=ones[own], number_of_returns=ones[own]
            )
            made.manifest.commit_tiles([made.write_tile(made.grid.tile_at(column * 64 + 1, 1), points)])
    labels = run_tiled(made, classify_profile("urban"), Sequential())
    run_tiled(made, TerrainStage(labels_run=labels.run), Sequential())
    return made


def test_an_untouched_store_has_no_problems_and_one_flipped_byte_is_one(store: Store) -> None:
    assert verify_store(store) == []
    chunk = next(iter(sorted(store.path.glob("rasters/*/dtm/c/0/1"))))
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    problems = verify_store(store)
    assert [problem.path for problem in problems] == [str(chunk.relative_to(store.path))]


def test_a_run_that_counts_files_in_its_figures_is_no_problem(store: Store) -> None:
    """Exports say how many files they wrote; only checksums of what a run's tiles share are compared."""
    store.manifest.begin_run("export", "export", {}, {})
    store.manifest.finish_run("export", {"files": 3})
    assert verify_store(store) == []
