"""What an ingest may take: memory of a worker, whatever the survey's size, and disk while it works."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles.las import LasParams, open_las_writer
from tiles.store import Store
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP, VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMISE_MB = 1500
"""Of one worker, for tiles of up to 4 million points."""
PROMISE_BYTES = 36
"""Of the disk, for each point in hand."""
PIECE = 250_000

MEASURE = """
import json, sys
from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles.store import Store
source, store, sizes = sys.argv[1:]
params = IngestParams(crs="EPSG:6677", vertical="TP", **json.loads(sizes))
done = ingest(Store.open(store), [source], params, Sequential())
print(json.dumps({"points": done.points, "tiles": done.tiles, "peak_mb": done.peak_mb}))
"""


def survey(path: Path, n: int, width_m: float) -> None:
    """One file with every column of point format 8, as noisy as numbers can be; rows run from south to north."""
    with open_las_writer(path, LasParams(point_format=8), crs=None) as writer:
        for first in range(0, n, PIECE):
            row = np.arange(first, min(first + PIECE, n))
            random = np.random.default_rng(first)
            names = ("intensity", "red", "green", "blue", "nir")
            columns = {name: random.integers(0, 65536, row.size).astype(np.uint16) for name in names}
            columns |= {"gps_time": 3e8 + row * 1e-6, "classification": (row % 7).astype(np.uint8)}
            x, z = random.uniform(0, width_m, row.size), random.normal(30, 3, row.size)
            writer.write(Points(x=x, y=row / n * width_m, z=z, attributes=columns))


def peak_mb(folder: Path, n: int, width_m: float, **sizes: int) -> float:
    """The largest memory of a fresh process that ingests such a survey."""
    source, store = folder / f"{n}.las", folder / f"store{n}"
    survey(source, n, width_m)
    Store.create(store, crs=parse_crs("EPSG:6677"), vertical=TP)
    command = [sys.executable, "-c", MEASURE, str(source), str(store), json.dumps(sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["points"] == n
    source.unlink()
    return float(figures["peak_mb"])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_survey(tmp_path: Path) -> None:
    # A fortieth of the real sizes of work: 0.3 and 0.9 million points instead of 12 and 36.
    sizes = {"max_tile_points": 100_000, "rows_per_task": 100_000, "chunk_rows": 100_000}
    small = peak_mb(tmp_path, 300_000, 400.0, **sizes)
    large = peak_mb(tmp_path, 900_000, 400.0 * 3**0.5, **sizes)
    assert large < small + 20  # megabytes; uncut, the large one takes 100 more


@pytest.mark.slow
def test_a_worker_keeps_its_promise_at_tiles_of_four_million_points(tmp_path: Path) -> None:
    full = peak_mb(tmp_path, 4_000_000, 511.0)
    assert full <= PROMISE_MB
    assert peak_mb(tmp_path, 10_000_000, 1000.0) <= full + 50
    assert peak_mb(tmp_path, 20_000_000, 1400.0) <= full + 50


class Disk:
    """A listener that weighs the working folder whenever something is done."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.most = folder, 0

    def start(self, stage: str, total: int, unit: str) -> None:
        self._weigh()

    def advance(self, n: int) -> None:
        self._weigh()

    def finish(self) -> None:
        self._weigh()

    def _weigh(self) -> None:
        self.most = max(self.most, sum(path.stat().st_size for path in self._files()))

    def _files(self) -> Iterator[Path]:
        return (path for path in self.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("pattern", "crs"), [("delft_*.laz", "EPSG:28992"), ("reunion_*.laz", "EPSG:2975")])
def test_work_in_hand_takes_less_disk_than_is_asked_for_before(
    tmp_path: Path, shared_data: Path, pattern: str, crs: str
) -> None:
    vertical = "ellipsoidal"
    store = Store.create(tmp_path / "s", crs=parse_crs(crs), vertical=VerticalDatum.parse(vertical), codec="portable")
    disk = Disk(store.path / ".work")
    done = ingest(
        store,
        sorted((shared_data / "lidar").glob(pattern)),
        IngestParams(crs=crs, vertical=vertical),
        Sequential(),
        disk,
    )
    assert done.points > 50_000
    assert 5 < disk.most / done.points <= PROMISE_BYTES
