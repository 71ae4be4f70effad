"""Work that is measured inside a process of its own: ``python probes.py NAME ARGUMENTS`` prints one JSON object."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

__all__: list[str] = []

_SAMPLES = 100


def create_store(path: str, crs: str, vertical: str, codec: str) -> dict[str, Any]:
    """Make an empty store."""
    from tiles.store import Store
    from twin.crs import parse_crs
    from twin.vertical import VerticalDatum

    Store.create(path, crs=parse_crs(crs), vertical=VerticalDatum.parse(vertical), codec=codec)  # type: ignore[arg-type]
    return {}


def store_size(path: str) -> dict[str, Any]:
    """Count points, and bytes of all files that hold them."""
    from tiles.store import Store

    rows = Store.open(path).tiles()
    size = sum(file.stat().st_size for file in (Path(path) / "points").rglob("*") if file.is_file())
    return {"points": sum(row.n_points for row in rows), "bytes": size, "tiles": len(rows)}


def decode_store(path: str) -> dict[str, Any]:
    """Read x, y, z of every tile as float64 metres; the first pass, which warms up, does not count."""
    from tiles.store import Store

    store = Store.open(path)
    rows = store.tiles()
    store.read_tile(rows[0].tile, ())
    started, n_points = time.process_time(), 0
    for row in rows:
        n_points += len(store.read_tile(row.tile, ()))
    return {"points": n_points, "cpu_s": time.process_time() - started}


def decode_laspy(*paths: str) -> dict[str, Any]:
    """Read x, y, z of every point as float64 metres with laspy, which is told to decode nothing else."""
    import laspy

    wanted = laspy.DecompressionSelection.base().decompress_z()
    started, n_points, lowest = time.process_time(), 0, np.inf
    for path in paths:
        with laspy.open(path, laz_backend=laspy.LazBackend.Lazrs, decompression_selection=wanted) as reader:
            for chunk in reader.chunk_iterator(1_000_000):
                x, y, z = np.array(chunk.x), np.array(chunk.y), np.array(chunk.z)
                n_points, lowest = n_points + len(x), min(lowest, x.min(), y.min(), z.min())
    return {"points": n_points, "cpu_s": time.process_time() - started}


def run_tasks(number: str, workers: str) -> dict[str, Any]:
    """Send so many tasks, each a tile of ten points, through the Dask executor, and note the memory on the way.

    The scheduler lives in this process, beside the manifest and all that a job remembers of its tiles.
    """
    from pipelines.executors import ExecutorParams, open_executor
    from pipelines.ledger import Ledger
    from tiles.store import Store
    from twin.crs import parse_crs
    from twin.points import Points
    from twin.tiling import TileId
    from twin.vertical import VerticalDatum

    n_tasks = int(number)
    places = np.arange(10.0)
    with TemporaryDirectory(dir=os.environ.get("TWIN_BENCH_SCRATCH")) as folder:
        store = Store.create(f"{folder}/s", crs=parse_crs("EPSG:6677"), vertical=VerticalDatum.parse("TP"))
        pattern = store.write_tile(TileId(0, 0, 0), Points(x=places, y=places, z=places))
        samples = []
        with (
            open_executor(ExecutorParams(kind="dask", workers=int(workers))) as executor,
            Ledger(store.manifest.stage_tiles) as ledger,
        ):
            tiles = (TileId(0, i % 400, i // 400) for i in range(n_tasks))
            started = time.perf_counter()
            for n_done, (tile, row) in enumerate(
                executor.map_unordered(lambda tile: replace(pattern, tile=tile), tiles)
            ):
                assert row.tile == tile, row
                ledger.add(row)
                if n_done % max(1, n_tasks // _SAMPLES) == 0:
                    samples.append((n_done, _resident_mb()))
            seconds = time.perf_counter() - started
    numbers, memory = (np.array(column) for column in zip(*samples, strict=True))
    settled = numbers >= numbers[-1] / 5
    slope = np.polyfit(numbers[settled], memory[settled], 1)[0] if settled.sum() > 2 else 0.0
    return {
        "tasks": n_tasks,
        "seconds": seconds,
        "kb_per_task": float(slope) * 1024,
        "first_mb": float(memory[settled][0]),
        "last_mb": float(memory[-1]),
        "samples": samples,
    }


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


PROBES = {
    "create": create_store,
    "size": store_size,
    "decode-store": decode_store,
    "decode-laspy": decode_laspy,
    "tasks": run_tasks,
}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](*sys.argv[2:])))
