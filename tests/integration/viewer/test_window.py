from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SESSION = """
import json, sys
from datetime import datetime
import numpy as np
from viewer.offscreen import prepare_desktop
prepare_desktop()
from tiles.store import Store
from viewer.load import load_scene
from viewer.window import SceneWindow

scene = load_scene(Store.open(sys.argv[1]), now=datetime.fromisoformat(sys.argv[2]))
window = SceneWindow(scene, size=(700, 500))
plotter = window.stage.plotter
plotter.show(interactive=False, auto_close=False)
hand = plotter.iren.interactor
told = {"window": plotter.render_window.GetClassName()}
pictures = {"start": window.stage.image().astype(int)}

def press(key):
    hand.SetKeySym(key)
    hand.KeyPressEvent()
    pictures[key] = window.stage.image().astype(int)

def click(place, drag=0):
    x, y = window.stage.to_screen(np.array(place) - scene.origin)
    x, y = round(x), plotter.window_size[1] - round(y)
    hand.SetEventInformation(x, y, 0, 0, chr(0), 0, None)
    hand.LeftButtonPressEvent()
    hand.SetEventInformation(x + drag, y, 0, 0, chr(0), 0, None)
    if drag:
        hand.MouseMoveEvent()
    hand.LeftButtonReleaseEvent()
    return None if window.facts is None else window.facts.text("en")

west, south = scene.bounds.xmin, scene.bounds.ymin
told["dragged"] = click((west + 90, south + 72, 32.0), drag=60)
press("h")
told["clicked"] = click((west + 90, south + 72, 32.0))
told["pixels"] = int(len(np.unique(pictures["start"].reshape(-1, 3), axis=0)))
for key in ("3", "3", "b", "c", "n"):
    before = window.stage.image().astype(int)
    press(key)
    told.setdefault("changed", []).append([key, float((np.abs(pictures[key] - before).max(axis=2) > 8).mean())])
told["shown"] = sorted(window.stage.shown)
told["colours"] = [window.stage.look.buildings, window.stage.look.points]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """Start a display that nobody sees; without one the test is skipped."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("Xvfb is not installed: no display to open a window on")
    reader, writer = os.pipe()
    arguments = [program, "-displayfd", str(writer), "-screen", "0", "1000x800x24", "-nolisten", "tcp"]
    with subprocess.Popen(arguments, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as stream:
            number = stream.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        yield f":{number}"
        server.terminate()


@pytest.fixture(scope="module")
def session(display: str, store_path: Path, scene: Any) -> dict[str, Any]:
    """What one user saw who dragged, clicked and pressed keys in a window."""
    environment = {key: value for key, value in os.environ.items() if key != "VTK_DEFAULT_OPENGL_WINDOW"}
    done = subprocess.run(
        [sys.executable, "-c", _SESSION, str(store_path), scene.now.isoformat()],
        env={**environment, "DISPLAY": display},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if "RenderError" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def test_a_window_opens_on_the_display_with_the_scene_in_it(session: dict[str, Any]) -> None:
    assert session["window"] == "vtkXOpenGLRenderWindow"
    assert session["pixels"] > 1000


def test_a_click_tells_what_was_clicked_and_a_drag_tells_nothing(session: dict[str, Any]) -> None:
    assert session["dragged"] is None
    assert session["clicked"].startswith("Building tall\nHeight: 30.0 m")


def test_keys_switch_layers_and_colours(session: dict[str, Any]) -> None:
    changed = dict(map(tuple, session["changed"]))
    assert changed["3"] > 0.005
    assert changed["c"] > 0.002
    assert changed["n"] > 0.1
    assert session["shown"] == ["buildings", "flood", "gauges", "points", "terrain"]
    assert session["colours"] == ["height", "elevation"]
