"""How fast coordinates are decoded, beside laspy's selective decoder on the same points, and how fast files come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import laspy
import numpy as np
import pytest

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles.columns import read_columns
from tiles.store import Store
from twin.crs import parse_crs
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

N_POINTS = 405_937
VERTICAL = "EPSG:5720"


@pytest.fixture(scope="module")
def files(shared_data: Path) -> list[Path]:
    """Six LAZ files of a suburb, point format 8."""
    return sorted((shared_data / "lidar").glob("fr_occitanie_urban_*.laz"))


def ingested(folder: Path, files: list[Path]) -> Store:
    vertical = VerticalDatum.parse(VERTICAL)
    store = Store.create(folder, crs=parse_crs("EPSG:2154"), vertical=vertical)
    ingest(store, files, IngestParams(vertical=VERTICAL), Sequential())
    return Store.open(store.path)


def selected(files: list[Path]) -> list[np.ndarray]:
    """X, Y, Z by laspy, which leaves the other layers of a LAZ file packed."""
    wanted = laspy.DecompressionSelection.XY_RETURNS_CHANNEL | laspy.DecompressionSelection.Z
    columns = []
    for path in files:
        with laspy.open(path, laz_backend=laspy.LazBackend.Lazrs, decompression_selection=wanted) as reader:
            points = reader.read()
            columns += [np.asarray(points.X), np.asarray(points.Y), np.asarray(points.Z)]
    return columns


@pytest.mark.parametrize("way", ["store", "laspy"])
def test_coordinates_of_one_core(
    benchmark: BenchmarkFixture, files: list[Path], tmp_path_factory: pytest.TempPathFactory, way: str
) -> None:
    store = ingested(tmp_path_factory.mktemp("town") / "s", files)
    folders = [store.path / store.tile_path(row) for row in store.tiles()]

    def by_store() -> list[np.ndarray]:
        return [column for folder in folders for column in read_columns(folder, "XYZ").values()]

    work: Any = by_store if way == "store" else lambda: selected(files)
    columns = benchmark.pedantic(work, rounds=10, warmup_rounds=1)
    assert sum(len(column) for column in columns) == 3 * N_POINTS


def test_ingest_of_one_core(
    benchmark: BenchmarkFixture, files: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = benchmark.pedantic(lambda: ingested(tmp_path_factory.mktemp("in") / "s", files), rounds=3, warmup_rounds=1)
    assert sum(row.n_points for row in store.tiles()) == N_POINTS
