from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVER = """
import sys
from datetime import datetime
from tiles.store import Store
from viewer.web import serve
serve(Store.open(sys.argv[1]), now=datetime.fromisoformat(sys.argv[2]), announce=lambda url: print(url, flush=True))
"""

_STEPS: list[dict[str, Any]] = [
    {"toggle": "buildings"},
    {"toggle": "buildings"},
    {"press": "plan"},
    {"click": [0.5, 0.5]},
    {"drag": [[0.5, 0.5], [0.6, 0.4]]},
    {"press": "whole"},
]


@pytest.fixture(scope="module")
def address(drawing: None, store_path: Path, scene: Any) -> Iterator[str]:
    """Serve the town's store, with the command line's own arguments in the way."""
    arguments = [sys.executable, "-c", _SERVER, str(store_path), scene.now.isoformat(), "--port", "1", "--help"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        first = server.stdout.readline().strip()
        if not first.startswith("http"):
            server.terminate()
            pytest.fail(f"the server did not start: {server.stderr.read()[-2000:]}")
        yield first
        server.terminate()


@pytest.fixture(scope="module")
def visit(address: str, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a browser saw that worked through the steps; ``shots`` are pictures of the 3D view alone."""
    node, chromium = shutil.which("node"), os.environ.get("TWIN_CHROMIUM") or shutil.which("chromium")
    packages = Path(os.environ.get("TWIN_BROWSER_PACKAGES", checkout / "build" / "browser"))
    if node is None or chromium is None:
        pytest.skip("node and chromium are needed to look at the page")
    if not (packages / "installed.json").is_file():
        pytest.skip("tests/browser/install.sh has not been run")
    shots = tmp_path_factory.mktemp("shots")
    job = {"url": address, "steps": _STEPS, "shots": str(shots), "width": 1000, "height": 560}
    done = subprocess.run(
        [node, str(checkout / "tests" / "browser" / "viewer_page.mjs"), json.dumps(job)],
        env={**os.environ, "TWIN_CHROMIUM": chromium, "TWIN_BROWSER_PACKAGES": str(packages)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    seen["shots"] = [np.asarray(Image.open(shots / f"{i}.png").convert("RGB")).astype(int) for i in range(7)]
    return seen


def _changed(one: np.ndarray, two: np.ndarray) -> float:
    """Share of pixels that differ by more than the images' compression does."""
    return float((np.abs(one - two).max(axis=2) > 24).mean())


def test_the_scene_is_in_the_view_when_the_page_opens(visit: dict[str, Any]) -> None:
    assert visit["connected"]
    start = visit["shots"][0]
    height, width = start.shape[:2]
    middle = start[height // 4 : -height // 4, width // 4 : -width // 4].reshape(-1, 3)
    assert len(np.unique(middle // 8, axis=0)) > 150
    sky = middle[:, 2] > middle[:, 0] + 12
    assert sky.mean() < 0.5


def test_switching_a_layer_changes_the_picture_and_back(visit: dict[str, Any]) -> None:
    start, without, again = visit["shots"][:3]
    assert _changed(start, without) > 0.01
    assert _changed(start, again) < 0.002


def test_a_click_shows_what_the_thing_is_in_both_languages(visit: dict[str, Any]) -> None:
    text = visit["facts"][3]
    assert "地面" in text
    assert "Ground" in text
    assert "m T.P." in text


def test_a_drag_turns_the_view_and_the_button_brings_it_back(visit: dict[str, Any]) -> None:
    shots = visit["shots"]
    assert _changed(shots[4], shots[5]) > 0.05
    assert _changed(shots[0], shots[6]) < 0.002


def test_gauges_are_listed_with_datum_and_age(visit: dict[str, Any]) -> None:
    text = visit["text"]
    assert "水位 2.10 m A.P." in text
    assert "fresh, 4 min ago" in text
    assert "water level 0.80 m (datum unknown)" in text
    assert "no longer reporting, 9 h ago" in text
    assert "移動観測" in text


def test_the_page_asks_nobody_else_and_breaks_nowhere(visit: dict[str, Any]) -> None:
    assert visit["strayed"] == []
    # The client first asks for a session launcher, which we have not: it then connects directly.
    assert [error for error in visit["errors"] if "405" not in error] == []


def test_the_secret_is_new_long_and_gone_from_the_address_bar(visit: dict[str, Any], address: str) -> None:
    secret = parse_qs(urlsplit(address).query)["secret"][0]
    assert len(secret) >= 24
    assert secret != "wslink-secret"
    assert secret not in visit["address"]


def test_only_this_machine_is_listened_to(address: str) -> None:
    assert urlsplit(address).hostname == "127.0.0.1"
    with urllib.request.urlopen(address, timeout=20) as page:
        assert page.status == 200
        assert parse_qs(urlsplit(address).query)["secret"][0] not in page.read().decode()


def test_who_lacks_the_secret_sees_no_scene(
    visit: dict[str, Any], address: str, checkout: Path, tmp_path: Path
) -> None:
    node = shutil.which("node")
    assert node is not None
    job = {"url": address.split("?")[0], "shots": str(tmp_path)}
    done = subprocess.run(
        [node, str(checkout / "tests" / "browser" / "viewer_page.mjs"), json.dumps(job)],
        env={**os.environ, "TWIN_BROWSER_LIMIT_S": "5"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    stranger = json.loads(done.stdout.strip().splitlines()[-1])
    assert not stranger["connected"]
    assert "Testville" not in stranger["text"]
