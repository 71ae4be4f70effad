"""The parts of the benchmark: each runs commands, and returns plain figures that the page is made of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costs import Cost, measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from inputs import Delivery, Inputs

__all__ = ["PARTS", "Bench", "Sizes", "install_py3dtiles"]

_PROBES = Path(__file__).with_name("probes.py")
_MILLION = 1_000_000
PY3DTILES = "py3dtiles[las]==12.*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large the inputs are."""

    real_copies: int
    """Tiles of Delft (0.64 M points each) in the delivery that rates are measured on."""
    scene_points: int
    """Points of one synthetic scene."""
    many_copies: int
    """Scenes in the large delivery; 0 leaves it out."""
    tasks: int
    """Tiles of ten points that the scheduler's memory is measured with."""
    crumbs: tuple[int, int]
    """Tiles of ten points that are really ingested: few, and many."""
    rounds: int
    """Runs of each command; the median counts."""


@dataclass(slots=True, kw_only=True)
class Bench:
    """Where and with what to measure."""

    folder: Path
    inputs: Inputs
    sizes: Sizes
    say: Callable[[str], None]
    py3dtiles: Path | None
    """The peer's program, or None."""
    n_runs: int = field(default=0)

    def run(self, label: str, command: list[str]) -> Cost:
        """Measure one command."""
        self.n_runs += 1
        cost = measure(
            command, log=self.folder / "logs" / f"{self.n_runs:03d}.log", env={"TWIN_BENCH_SCRATCH": str(self.folder)}
        )
        figures = f"{cost.cpu_s:.1f} s CPU, {cost.wall_s:.1f} s, client {cost.peak_client_mb:.0f} MB"
        self.say(f"  {label}: {figures}, workers {cost.peak_worker_mb:.0f} MB, others {cost.others_cores:.2f} cores")
        return cost

    def probe(self, name: str, *arguments: str) -> Cost:
        """Measure one of our probes."""
        return self.run(
            f"{name} {arguments[-1] if arguments else ''}"[:60], [sys.executable, str(_PROBES), name, *arguments]
        )

    def store(self, delivery: Delivery, codec: str = "compact") -> Path:
        """Make a fresh, empty store for a delivery."""
        path = self.folder / "store"
        shutil.rmtree(path, ignore_errors=True)
        self.probe("create", str(path), delivery.crs, delivery.vertical, codec)
        return path

    def ingest(self, delivery: Delivery, workers: int, codec: str = "compact") -> tuple[Cost, Path]:
        """Ingest a delivery into a fresh store; all its points must arrive."""
        store = self.store(delivery, codec)
        command = [*self.inputs.twin, "ingest", str(store), str(delivery.folder), *delivery.options]
        command += ["--workers", str(workers), "--executor", "dask", "--json", "--progress", "none"]
        os.sync()  # what came before must not be paid for now
        cost = self.run(
            f"twin ingest of {delivery.name}, {delivery.n_points / _MILLION:.1f} M, {workers} workers", command
        )
        if cost.answer["points"] != delivery.n_points:
            raise RuntimeError(f"{cost.answer['points']} of {delivery.n_points} points arrived")
        return cost, store

    def check(self, delivery: Delivery) -> Cost:
        """Check a delivery."""
        command = [*self.inputs.twin, "check", str(delivery.folder), *delivery.options, "--json", "--progress", "none"]
        return self.run(f"twin check of {delivery.name}", [*command, "--workers", "1"])

    def convert(self, delivery: Delivery) -> Cost:
        """Let py3dtiles convert a delivery to 3D Tiles with one worker."""
        out = self.folder / "py3dtiles"
        shutil.rmtree(out, ignore_errors=True)
        command = [str(self.py3dtiles), "convert", *map(str, delivery.files), "--out", str(out), "--jobs", "1"]
        cost = self.run(f"py3dtiles convert of {delivery.name}", command)
        shutil.rmtree(out, ignore_errors=True)
        return cost

    def rates_input(self) -> Delivery:
        """Return real tiles, or the scene where there are none."""
        return self.inputs.delft(self.sizes.real_copies) or self.inputs.scene(self.sizes.scene_points)


def throughput(bench: Bench) -> dict[str, Any]:
    """Ingest with one worker and with two, check, and the peer, in turns on the same files."""
    delivery = bench.rates_input()
    costs: dict[str, list[Cost]] = {"one": [], "two": [], "check": [], "py3dtiles": []}
    passes: list[dict[str, float]] = []
    for _ in range(bench.sizes.rounds):
        cost, store = bench.ingest(delivery, 1)
        costs["one"].append(cost)
        passes.append(_passes(store))
        costs["check"].append(bench.check(delivery))
        costs["two"].append(bench.ingest(delivery, 2)[0])
        if bench.py3dtiles is not None:
            costs["py3dtiles"].append(bench.convert(delivery))
    return {
        **_facts(delivery),
        **{name: [cost.as_dict() for cost in several] for name, several in costs.items()},
        "passes": passes[-1],
        "py3dtiles_version": _version(bench.py3dtiles) if bench.py3dtiles else "",
    }


def decode(bench: Bench) -> dict[str, Any]:
    """Read x, y, z of the same points from the store and, with laspy, from their LAZ files, in turns."""
    delivery = bench.inputs.scene(bench.sizes.scene_points)
    _, store = bench.ingest(delivery, 2)
    ours, theirs = [], []
    for _ in range(bench.sizes.rounds):
        ours.append(bench.probe("decode-store", str(store)).answer)
        theirs.append(bench.probe("decode-laspy", *map(str, delivery.files)).answer)
    if {answer["points"] for answer in (*ours, *theirs)} != {delivery.n_points}:
        raise RuntimeError("not all points were decoded")
    return {**_facts(delivery), "store": ours, "laspy": theirs}


def size(bench: Bench) -> dict[str, Any]:
    """Bytes of stores of real surveys without colour, in both profiles; the first is what the limit is asked for."""
    inputs = bench.inputs
    real = [
        inputs.originals("French suburb, 28 points/m2", "fr_occitanie_urban_*.laz", "EPSG:2154", "EPSG:5720"),
        inputs.originals(
            "island of Réunion, 24 points/m2, not in flight order", "reunion*.laz", "EPSG:2975", "EPSG:5758"
        ),
        inputs.originals("Delft (AHN3), 15 points/m2", "delft_*.laz", "EPSG:28992", "EPSG:5709"),
    ]
    surveys = []
    for delivery in [each for each in real if each is not None] or [inputs.scene(bench.sizes.scene_points)]:
        found = {}
        for codec in ("compact", "portable"):
            _, store = bench.ingest(delivery, 1, codec)
            found[codec] = bench.probe("size", str(store)).answer
        surveys.append({**_facts(delivery), **found})
    return {"surveys": surveys}


def scale(bench: Bench) -> dict[str, Any]:
    """Ingest one scene, then many, then one again, with two workers."""
    one = bench.inputs.scene(bench.sizes.scene_points)
    few = [bench.ingest(one, 2)[0].as_dict()]
    if not bench.sizes.many_copies:
        return {**_facts(one), "one": few, "many": None}
    many = bench.inputs.scenes(bench.sizes.scene_points, bench.sizes.many_copies)
    cost = bench.ingest(many, 2)[0]
    few.append(bench.ingest(one, 2)[0].as_dict())
    return {**_facts(one), "one": few, "many": {**_facts(many), **cost.as_dict()}}


def scheduler(bench: Bench) -> dict[str, Any]:
    """Memory of the client, with its scheduler, while very many small tiles go by."""
    cost = bench.probe("tasks", str(bench.sizes.tasks), "2")
    crumbs = []
    for number in bench.sizes.crumbs:
        delivery = bench.inputs.crumbs(number)
        ingested, store = bench.ingest(delivery, 2)
        tiles = bench.probe("size", str(store)).answer["tiles"]
        crumbs.append({**_facts(delivery), **ingested.as_dict(), "tiles": tiles})
    return {"tasks": cost.answer, "crumbs": crumbs}


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "throughput": throughput,
    "decode": decode,
    "size": size,
    "scale": scale,
    "scheduler": scheduler,
}
"""By name, in the order in which they run."""


def _facts(delivery: Delivery) -> dict[str, Any]:
    return {
        "input": delivery.name,
        "points": delivery.n_points,
        "files": len(delivery.files),
        "input_bytes_per_point": delivery.bytes_per_point,
    }


def _version(py3dtiles: Path) -> str:
    """Return the version of the peer."""
    script = "from importlib.metadata import version; print(version('py3dtiles'))"
    return subprocess.check_output([py3dtiles.with_name("python"), "-c", script], text=True).strip()


def _passes(store: Path) -> dict[str, float]:
    """Return CPU seconds of each pass of the last ingest."""
    from tiles.store import Store

    run = Store.open(store).manifest.latest_run("ingest")
    return dict(run.figures.get("passes", {})) if run else {}


def install_py3dtiles(folder: Path, say: Callable[[str], None]) -> Path | None:
    """Return py3dtiles, installed in an environment of its own; None where it cannot be had."""
    program = folder / "py3dtiles" / "bin" / "py3dtiles"
    if not program.is_file():
        say(f"installing {PY3DTILES} into {folder} ...")
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder / "py3dtiles")], check=True)
            pip = [str(program.with_name("pip")), "install", "--quiet", PY3DTILES]
            subprocess.run(pip, check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"py3dtiles cannot be had: {error}")
            return None
    return program
