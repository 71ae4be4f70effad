"""A process killed at any moment loses only the work in hand: a rerun gives the bytes of an undisturbed run."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tiles.store import Store

if TYPE_CHECKING:
    from pathlib import Path

TWIN = [sys.executable, "-c", "from twin.cli import main; main()"]
SEQUENTIAL = ["--executor", "sequential"]
pytestmark = pytest.mark.slow  # every day: faults/test_kills.py


def run(*arguments: object) -> None:
    subprocess.run([*TWIN, *map(str, arguments)], check=True, capture_output=True, timeout=200)


def kill_when(seen: Path, pattern: str, *arguments: object) -> bool:
    """Start a command and kill it as soon as `pattern` matches under `seen`; tells whether it was still running."""
    process = subprocess.Popen([*TWIN, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and next(seen.glob(pattern), None) is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def contents(store: Path) -> dict[str, str]:
    """Digest of every file of a store but the manifest, whose rows are compared apart."""
    return {
        str(path.relative_to(store)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(store.rglob("*"))
        if path.is_file() and not path.name.startswith(("manifest.sqlite", ".lock"))
    }


def rows(store: Path) -> list[object]:
    """Everything that the manifest says, but times."""
    manifest = Store.open(store).manifest
    runs = [(row.run, row.stage, row.params, row.inputs, row.state) for row in manifest.runs()]
    artefacts = [
        (row.run, key, entry.path, entry.checksum, entry.inputs)
        for row in manifest.runs()
        for key, entry in manifest.artefacts(row.run).items()
    ]
    return [manifest.sources(), manifest.tiles(), runs, artefacts]


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("survey")
    run("synth", folder, "--points", 150_000)
    return folder


@pytest.fixture(scope="module")
def undisturbed(survey: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    run("init", store, "--crs", "EPSG:6677", "--vertical", "TP", "--tile-edge", 64)
    run("ingest", store, survey, *SEQUENTIAL)
    run("classify", store, *SEQUENTIAL)
    return store


# Moments: fragments are being written; tiles are being merged; tiles wait to become true; labels are being written.
@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        (".work/fragments/*", "ingest"),
        pytest.param("points/0/*", "ingest", marks=pytest.mark.slow),
        pytest.param("points/0/*/*/X/c", "ingest", marks=pytest.mark.slow),
        ("labels/*/0/*", "classify"),
    ],
)
def test_a_killed_stage_goes_on_to_the_same_bytes(
    survey: Path, undisturbed: Path, tmp_path: Path, pattern: str, command: str
) -> None:
    store = tmp_path / "store"
    run("init", store, "--crs", "EPSG:6677", "--vertical", "TP", "--tile-edge", 64)
    if command == "classify":
        run("ingest", store, survey, *SEQUENTIAL)
    sources = [survey] if command == "ingest" else []
    assert kill_when(store, pattern, command, store, *sources, *SEQUENTIAL), "it ended before it could be killed"
    run("ingest", store, survey, *SEQUENTIAL)
    run("classify", store, *SEQUENTIAL)
    assert contents(store) == contents(undisturbed)
    assert rows(store) == rows(undisturbed)
