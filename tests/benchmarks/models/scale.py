"""The stage as a city runs it: the same bytes whatever the workers and tiles, and memory that does not grow."""

from __future__ import annotations

import hashlib
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from field import COPY_M, CRS, TERRAIN_RUN, copies_of, make_store, survey_of, write_outlines

from pipelines.executors import ExecutorParams, Sequential, open_executor
from pipelines.model import ModelParams
from pipelines.model.stage import ModelStage, footprint_file
from pipelines.runs import run_tiled
from tiles.buildings import iter_buildings, read_buildings
from tiles.cityjson import write_cityjsonseq
from tiles.store import Store
from twin.crs import parse_crs
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cases import Case

__all__ = ["run_bytes", "run_memory"]

_WAYS = ((1, 512.0), (4, 512.0), (1, 200.0))
"""Workers and tile edge in metres of each way to run."""


def run_bytes(found: Sequence[Case], work: Path, say: Callable[[str], None], lod: str) -> dict[str, Any]:
    """Run the stage over the same buildings in several ways, and digest the CityJSONSeq of each.

    Given outlines and derived ones; buildings are written in order of id, because tiles of another edge come in
    another order.
    """
    points, outlines = survey_of(found)
    folder = _emptied(work / "bytes")
    write_outlines(folder / "outlines.gpkg", outlines)
    digests: dict[str, list[str]] = {"given": [], "derived": []}
    for workers, edge in _WAYS:
        say(f"workers {workers}, tiles of {edge:g} m")
        store = make_store(folder / f"store_{workers}_{edge:g}", [points], edge)
        for name in digests:
            stage = _stage(folder / "outlines.gpkg" if name == "given" else None, lod)
            run = _run(store, stage, workers)
            path = folder / f"{name}_{workers}_{edge:g}.city.jsonl"
            write_cityjsonseq(path, read_buildings(store, run), crs=parse_crs(CRS), vertical=TP)
            digests[name].append(hashlib.sha256(path.read_bytes()).hexdigest())
    return {
        "ways": [f"{workers} worker{'s' * (workers > 1)}, {edge:g} m" for workers, edge in _WAYS],
        "buildings": len(outlines),
        "digests": digests,
        "equal": all(len(set(each)) == 1 for each in digests.values()),
    }


def run_memory(found: Sequence[Case], n: int, work: Path, say: Callable[[str], None], lod: str) -> dict[str, Any]:
    """Run the stage in a process of its own over copies of some buildings, and read the peak of its memory.

    Once over a fifth of them and once over all, to see what grows.

    The process reads all outlines, models every tile and makes the table of the run: a worker of many does less.

    Parameters
    ----------
    found
        Buildings of up to six rows of the field; they are repeated to the north.
    n
        How many buildings in the larger run, about.
    work, say, lod
        Folder, progress, level of detail.
    """
    return {name: _memory_of(found, count, work / "memory", say, lod) for name, count in (("few", n // 5), ("many", n))}


def _memory_of(found: Sequence[Case], n: int, folder: Path, say: Callable[[str], None], lod: str) -> dict[str, Any]:
    _emptied(folder)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        made = pool.submit(_write_copies, tuple(found), n, folder).result()
    say(f"survey of {made} outlines written; modelling")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        result = pool.submit(_modelled_alone, folder, lod).result()
    shutil.rmtree(folder)
    return result


def _write_copies(found: Sequence[Case], n: int, folder: Path) -> int:
    points, outlines = survey_of(found)
    copies = max(1, round(n / len(outlines)))
    make_store(folder / "store", copies_of(points, copies), 512.0)
    every = {
        f"{name}-{k}": shapely.transform(outline, lambda xy, k=k: xy + np.array([0.0, COPY_M * k]))
        for k in range(copies)
        for name, outline in outlines.items()
    }
    write_outlines(folder / "outlines.gpkg", every)
    return len(every)


def _modelled_alone(folder: Path, lod: str) -> dict[str, Any]:
    before, started = _peak_mb(), time.process_time()
    store = Store.open(folder / "store")
    run = _run(store, _stage(folder / "outlines.gpkg", lod), 1)
    spent = time.process_time() - started
    made = sum(1 for _ in iter_buildings(store, run))
    return {
        "buildings": made, "before_mb": round(before), "peak_mb": round(_peak_mb()), "cpu_seconds": round(spent, 1),
        "per_second": round(made / spent, 1),
    }  # fmt: skip


def _stage(outlines: Path | None, lod: str) -> ModelStage:
    given = None if outlines is None else footprint_file(outlines)
    rules = ModelParams(lod=lod)  # type: ignore[arg-type]
    return ModelStage(rules=rules, labels_run=None, terrain_run=TERRAIN_RUN, footprints=given)


def _run(store: Store, stage: ModelStage, workers: int) -> str:
    if workers == 1:
        summary = run_tiled(store, stage, Sequential())
    else:
        with open_executor(ExecutorParams(kind="dask", workers=workers, memory_bytes=1_500_000_000)) as executor:
            summary = run_tiled(store, stage, executor)
    if summary.failed:
        raise RuntimeError(f"{len(summary.failed)} tiles failed: {summary.failed[0]}")
    return summary.run


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _peak_mb() -> float:
    """Return the peak of this process; `getrusage` would tell that of its parent if it was higher."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024.0
