"""Readers of our exports that others wrote: the Khronos glTF validator, and CesiumJS in headless Chromium.

Both are installed by ``tests/browser/install.sh``. Where they, node or a browser are missing, tests that ask for them
skip and say why.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_S = 240
"""A software renderer on a loaded machine is slow; this only ends what hangs."""


@pytest.fixture(scope="session")
def run_node(checkout: Path) -> Callable[..., Any]:
    """Run one of the scripts of tests/browser and return the JSON it prints."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    packages = os.environ.get("TWIN_BROWSER_PACKAGES", str(checkout / "build" / "browser"))
    if not (Path(packages) / "installed.json").is_file():
        pytest.skip("the browser checks' packages are missing: run tests/browser/install.sh")

    def run(script: str, *arguments: str, **environment: str) -> Any:
        done = subprocess.run(
            [program, str(checkout / "tests" / "browser" / script), *arguments],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            env={**os.environ, "TWIN_BROWSER_PACKAGES": packages, **environment},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def validate_gltf(run_node: Callable[..., Any]) -> Callable[[Path], Any]:
    """Run the Khronos validator over all glbs below a folder: {files, errors, warnings, infos}."""
    return lambda folder: run_node("validate.mjs", str(folder))


@pytest.fixture(scope="session")
def draw_in_cesium(run_node: Callable[..., Any]) -> Callable[[list[dict[str, Any]]], Any]:
    """Draw tilesets in CesiumJS and return what was seen, one entry a view (wishes: see `tests/browser/draw.mjs`)."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("TWIN_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("chromium is not installed")

    def draw(views: list[dict[str, Any]]) -> Any:
        limit_s = str(LIMIT_S // (len(views) + 1))
        return run_node("draw.mjs", json.dumps(views), TWIN_CHROMIUM=str(found), TWIN_BROWSER_LIMIT_S=limit_s)

    return draw
