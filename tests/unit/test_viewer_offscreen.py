from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from twin.errors import RenderError
from viewer import offscreen
from viewer.offscreen import CHOICE_VARIABLE, EGL, OSMESA, X11, Libraries, candidates

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(CHOICE_VARIABLE, "")  # so that it is put back as it was, whatever the code under test does
    monkeypatch.delenv(CHOICE_VARIABLE)
    for remembered in (offscreen._working_window, offscreen._draws):
        remembered.cache_clear()
    draws = offscreen._draws
    yield
    offscreen._working_window.cache_clear()
    draws.cache_clear()


def _libraries(monkeypatch: pytest.MonkeyPatch, **present: bool) -> None:
    found = Libraries(**{"egl": False, "osmesa": False, "x11": False, "display": False, **present})
    monkeypatch.setattr(offscreen, "find_libraries", lambda: found)
    monkeypatch.setattr(sys, "platform", "linux")


def test_an_x_window_is_tried_only_where_there_is_a_display() -> None:
    assert candidates(Libraries(egl=False, osmesa=False, x11=True, display=False)) == []
    assert candidates(Libraries(egl=True, osmesa=True, x11=True, display=True)) == [EGL, OSMESA, X11]


def test_a_machine_without_any_library_is_told_which_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _libraries(monkeypatch)
    with pytest.raises(RenderError, match="apt-get install libosmesa6"):
        offscreen.prepare()
    assert CHOICE_VARIABLE not in os.environ


def test_osmesa_alone_is_chosen_explicitly(monkeypatch: pytest.MonkeyPatch) -> None:
    _libraries(monkeypatch, osmesa=True)
    monkeypatch.setattr(offscreen, "_draws", lambda name: name)
    offscreen.prepare()
    assert os.environ[CHOICE_VARIABLE] == OSMESA


def test_egl_that_crashes_gives_way_to_osmesa(monkeypatch: pytest.MonkeyPatch) -> None:
    _libraries(monkeypatch, egl=True, osmesa=True)
    monkeypatch.setattr(offscreen, "_draws", lambda name: "" if name == EGL else name)
    offscreen.prepare()
    assert os.environ[CHOICE_VARIABLE] == OSMESA


def test_egl_without_a_driver_or_osmesa_is_an_error_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    _libraries(monkeypatch, egl=True)
    monkeypatch.setattr(offscreen, "_draws", lambda name: "")
    with pytest.raises(RenderError, match="vtkEGLRenderWindow"):
        offscreen.prepare()


@pytest.mark.parametrize(
    "program",
    ["import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "import no_such_module", "print('DREW nothing')"],
    ids=["crash", "import error", "empty picture"],
)
def test_a_probe_that_fails_in_any_way_is_no_picture(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(offscreen, "_PROBE", program)
    assert offscreen._draws(EGL) == ""


def test_a_probe_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offscreen, "_PROBE", "import time; time.sleep(60)")
    monkeypatch.setattr(offscreen, "_PROBE_TIMEOUT_S", 0.5)
    assert offscreen._draws(EGL) == ""


def test_a_window_without_a_display_is_an_error_that_names_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    _libraries(monkeypatch, x11=True)
    with pytest.raises(RenderError, match="twin view --web"):
        offscreen.prepare_desktop()


def test_looking_for_libraries_does_not_import_vtk() -> None:
    code = (
        "import sys; from viewer.offscreen import find_libraries; find_libraries(); print('vtkmodules' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
