"""The benchmark of survey scale measures what it says: tried on processes and files whose figures are known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import laspy
import numpy as np
import pytest

from tiles.las import write_las
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def harness(checkout: Path) -> Path:
    return checkout / "tests" / "benchmarks" / "survey_scale"


@pytest.fixture
def evaluate(harness: Path, checkout: Path) -> Callable[[str], Any]:
    """Run lines of Python among the benchmark's own modules and return the JSON they print."""

    def run(lines: str) -> Any:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), str(harness)])}
        done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_cpu_and_memory_of_a_child_are_counted(evaluate: Callable[[str], Any], tmp_path: Path) -> None:
    grandchild = "import time; x = bytearray(200_000_000)\nwhile time.process_time() < 0.5: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    cost = evaluate(
        "import json, sys; from pathlib import Path; from costs import measure\n"
        f"cost = measure([sys.executable, '-c', {child!r}], log=Path({str(tmp_path / 'log')!r}))\n"
        "print(json.dumps(cost.as_dict()))"
    )
    assert 0.5 <= cost["cpu_s"] < 3.0
    assert cost["peak_worker_mb"] > 190
    assert cost["peak_client_mb"] < 100


def test_a_failing_command_is_not_a_measurement(evaluate: Callable[[str], Any], tmp_path: Path) -> None:
    message = evaluate(
        "import json, sys; from pathlib import Path; from costs import measure\n"
        "try:\n"
        "    command = [sys.executable, '-c', 'raise SystemExit(\"no such thing\")']\n"
        f"    measure(command, log=Path({str(tmp_path / 'log')!r}))\n"
        "except RuntimeError as error:\n"
        "    print(json.dumps(str(error)))"
    )
    assert "exit status 1" in message
    assert "no such thing" in message


def test_shifted_copies_hold_the_same_points_elsewhere(evaluate: Callable[[str], Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y, z = rng.uniform([[-8000.0], [-36000.0], [0.0]], [[-7950.0], [-35970.0], [9.0]], (3, 500))
    original = tmp_path / "one.laz"
    write_las(original, Points(x=x, y=y, z=z), crs=parse_crs("EPSG:6677"), vertical=TP)
    made = evaluate(
        "import json; from pathlib import Path; from inputs import _mosaic\n"
        f"print(json.dumps([str(p) for p in _mosaic((Path({str(original)!r}),), Path({str(tmp_path / 'many')!r}), 5)]))"
    )
    seen = set()
    for path in made:
        las = laspy.read(path)
        assert np.allclose(las.header.mins[:2], [las.x.min(), las.y.min()], atol=1e-6)
        assert np.allclose(las.header.maxs[:2], [las.x.max(), las.y.max()], atol=1e-6)
        east, north = las.x[0] - laspy.read(original).x[0], las.y[0] - laspy.read(original).y[0]
        assert np.allclose([east % 50.0, north % 30.0], 0.0, atol=1e-6)
        seen |= set(zip(np.round(las.x, 3), np.round(las.y, 3), np.round(las.z, 3), strict=True))
    assert len(seen) == 5 * 500


def _cost(wall_s: float, cpu_s: float, worker_mb: float) -> dict[str, float]:
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "peak_client_mb": 200.0,
        "peak_worker_mb": worker_mb,
        "others_cores": 0.0,
    }


def test_the_page_is_made_of_what_was_measured_and_judges_it(harness: Path, tmp_path: Path) -> None:
    facts = {"input": "a tile", "points": 10_000_000, "files": 1, "input_bytes_per_point": 4.0}
    names = ("processor", "cores", "memory", "system", "python", "twin")
    packages = ("numpy", "zarr", "numcodecs", "dask", "laspy", "lazrs", "numba")
    machine = dict.fromkeys((*names, *packages), "7")
    about = {"date": "2026-01-01 00:00 UTC", "seconds": 60.0, "others_cores": 0.1, "machine": machine}
    throughput = {
        "one": [_cost(30.0, 20.0, 1200.0), _cost(31.0, 22.0, 1300.0), _cost(90.0, 21.0, 1250.0)],
        "two": [_cost(20.0, 23.0, 1200.0)],
        "check": [_cost(5.0, 5.0, 0.0)],
        "py3dtiles": [],
        "py3dtiles_version": "",
        "passes": {"merge": 9.0},
    }
    stored = {"compact": {"points": 100, "bytes": 560}, "portable": {"points": 100, "bytes": 700}}
    size = {"surveys": [{**facts, **stored}, {**facts, **stored, "input": "another tile"}]}
    folder = tmp_path / "tiny" / "results"
    folder.mkdir(parents=True)
    for name, part in {"throughput": throughput, "size": size}.items():
        (folder / f"{name}.json").write_text(json.dumps({**facts, **part, **about}))
    page = tmp_path / "page.md"
    command = [sys.executable, str(harness), "--tiny", "--no-peers", "--parts", "throughput,size"]
    done = subprocess.run([*command, "--work", str(tmp_path), "--out", str(page)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {cells[1]: (cells[3], cells[4]) for line in page.read_text().splitlines() if (cells := _cells(line))}
    assert rows["ingest, LAZ to store with LOD and all checks, per core"][0].startswith("0.48 M points/s")
    assert rows["2 workers against 1"] == ("1.55 x (31.0 s to 20.0 s)", "**no**")
    assert rows["`twin check` against ingest, per core"] == ("4.2 x (2.00 M points/s)", "yes")
    assert rows["bytes per point without colour, compact: a tile"] == ("5.60 (LAZ: 4.00)", "**no**")
    assert rows["bytes per point without colour, portable: a tile"][1] == "yes"
    assert rows["the same: another tile"] == ("5.60 compact, 7.00 portable (LAZ: 4.00)", "**no**")
    assert rows["peak memory of a worker, tiles up to 4 M points"] == ("1.36 GB", "yes")
    assert rows["the same against py3dtiles 12, same files, same run"] == ("", "not measured")


def _cells(line: str) -> list[str]:
    cells = [cell.strip() for cell in line.split("|")]
    return cells if len(cells) == 6 else []
