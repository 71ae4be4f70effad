"""A store in an object store is the same store as in a folder, artefact by artefact."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tiles.storage import files_below, place_of
from tiles.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TWIN = [sys.executable, "-c", "from twin.cli import main; main()"]
STAGES = (["classify"], ["terrain", "--resolution", "1"], ["model"])


def run(*arguments: object, code: int = 0) -> dict[str, Any]:
    """Run a command as a person would, and return its JSON."""
    done = subprocess.run(
        [*TWIN, *map(str, arguments), "--json", "--progress", "none"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def contents(address: str | Path) -> Mapping[str, bytes]:
    """Every byte of a store but the manifest, whose rows are compared apart."""
    return {
        name: file.read_bytes()
        for name, file in files_below(place_of(address)).items()
        if not name.startswith(("manifest.sqlite", ".lock"))
    }


def rows(address: str | Path) -> list[object]:
    """Everything that the manifest says, but times and costs."""
    manifest = Store.open(str(address)).manifest
    runs = [(row.run, row.stage, row.params, row.inputs, row.state) for row in manifest.runs()]
    artefacts = [
        (row.run, key, entry.path, entry.checksum, entry.inputs)
        for row in manifest.runs()
        for key, entry in manifest.artefacts(row.run).items()
    ]
    return [manifest.sources(), manifest.tiles(), runs, artefacts, manifest.staged_tiles(), manifest.garbage()]


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("survey")
    run("synth", folder, "--points", 60_000)
    return folder


def build(store: str | Path, survey: Path, *options: str) -> None:
    run("init", store, "--crs", "EPSG:6677", "--vertical", "TP")
    run("ingest", store, survey, *options)
    for stage, *arguments in STAGES:
        run(stage, store, *arguments, *options)


@pytest.fixture(scope="module")
def folder(survey: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("local") / "store"
    build(store, survey, "--executor", "sequential")
    return store


def test_all_stages_give_the_bytes_and_rows_of_a_folder(folder: Path, survey: Path, address: str) -> None:
    build(address, survey, "--executor", "sequential")
    assert contents(address) == contents(folder)
    assert rows(address) == rows(folder)
