"""Whether and how this machine can draw, found out before VTK gets a chance to crash.

VTK's wheels load the graphics libraries when the first window opens. Where none is installed that is a segmentation
fault, not an exception, and which library works cannot be read from its presence alone: ``libEGL`` without a driver
crashes too. So the libraries are looked up first, and each promising kind of window draws one sphere in a process of
its own. The first that comes back with a picture is the one this process uses.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache

from twin.errors import RenderError

__all__ = ["CHOICE_VARIABLE", "Libraries", "candidates", "find_libraries", "prepare", "prepare_desktop"]

CHOICE_VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"
"""Environment variable by which VTK takes its kind of window."""

EGL, OSMESA, X11 = "vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow", "vtkXOpenGLRenderWindow"

_PROBE_TIMEOUT_S = 60.0
"""A cold start of VTK on a slow disk takes some ten seconds; a driver that hangs takes for ever."""

_HOW_TO_DRAW = (
    "install a software renderer (Debian: apt-get install libosmesa6, or: apt-get install libegl1 libgl1-mesa-dri)"
)

_PROBE = """
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer
from vtkmodules.vtkRenderingCore import vtkRenderWindow, vtkWindowToImageFilter
from vtkmodules.vtkFiltersSources import vtkSphereSource
import vtkmodules.vtkRenderingOpenGL2
window, renderer, actor = vtkRenderWindow(), vtkRenderer(), vtkActor()
mapper, sphere, grab = vtkPolyDataMapper(), vtkSphereSource(), vtkWindowToImageFilter()
window.SetOffScreenRendering(1); window.SetMultiSamples(0); window.SetSize(32, 32)
mapper.SetInputConnection(sphere.GetOutputPort()); actor.SetMapper(mapper)
renderer.AddActor(actor); renderer.SetBackground(0, 0, 1); window.AddRenderer(renderer); window.Render()
grab.SetInput(window); grab.ReadFrontBufferOff(); grab.Update()
low, high = grab.GetOutput().GetPointData().GetScalars().GetRange(0)
print("DREW", window.GetClassName() if high > low else "nothing")
"""
"""Draws a white sphere on blue; the red channel varies only if the sphere really arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """Which of the libraries that VTK can draw with are on this machine."""

    egl: bool
    """``libEGL``: off-screen, on a graphics card or with Mesa's driver."""
    osmesa: bool
    """``libOSMesa``: off-screen, in software, needs nothing else."""
    x11: bool
    """``libX11`` and ``libGL``: windows on an X display."""
    display: bool
    """Whether an X display is named in the environment."""


def find_libraries() -> Libraries:
    """Look for graphics libraries without importing VTK."""
    return Libraries(
        egl=_loads("libEGL.so.1"),
        osmesa=any(_loads(f"libOSMesa.so.{version}") for version in (8, 6)),
        x11=_loads("libX11.so.6") and _loads("libGL.so.1"),
        display=bool(os.environ.get("DISPLAY")),
    )


def candidates(libraries: Libraries) -> list[str]:
    """Return the kinds of off-screen window worth trying on Linux, best first.

    EGL comes first because it finds a graphics card; an X window last because it needs somebody's display.
    """
    wanted = [(EGL, libraries.egl), (OSMESA, libraries.osmesa), (X11, libraries.x11 and libraries.display)]
    return [name for name, present in wanted if present]


def prepare() -> None:
    """Choose the off-screen window of this process; call it before anything imports VTK.

    The answer is found once per process and costs one start of VTK (about a second). A choice already made in the
    environment is kept, but it is tried all the same.

    Raises
    ------
    RenderError
        If nothing draws here; the message names the packages to install.
    """
    chosen = _working_window(os.environ.get(CHOICE_VARIABLE, ""))
    if chosen:
        os.environ[CHOICE_VARIABLE] = chosen


def prepare_desktop() -> None:
    """Make sure that a window can open on a display of this machine.

    Raises
    ------
    RenderError
        If there is no display, or no library to draw on it.
    """
    if not sys.platform.startswith("linux"):
        return
    libraries = find_libraries()
    if not libraries.display:
        raise RenderError("no display for a window (DISPLAY is not set); use `twin view --web` or `twin snapshot`")
    if not libraries.x11:
        raise RenderError("libX11 and libGL are needed for a window (Debian: apt-get install libgl1 libx11-6)")
    if not _draws(X11):
        raise RenderError(f"no window opens on display {os.environ['DISPLAY']}; use `twin view --web`")
    os.environ[CHOICE_VARIABLE] = X11


@lru_cache(maxsize=4)
def _working_window(preset: str) -> str:
    """Return the class name of a window that draws; empty where VTK's own choice is right (macOS, Windows)."""
    if preset:
        names = [preset]
    elif sys.platform.startswith("linux"):
        names = candidates(find_libraries())
    else:
        names = [""]
    for name in names:
        drawn = _draws(name)
        if drawn:
            # An EGL window without a driver turns into an OSMesa one: take what really drew.
            return drawn if name else ""
    tried = ", ".join(filter(None, names)) or "no EGL, OSMesa or X11 library found"
    raise RenderError(f"no 3D picture can be drawn on this machine ({tried}); {_HOW_TO_DRAW}")


@lru_cache(maxsize=8)
def _draws(window: str) -> str:
    """Draw one sphere in another process with this kind of window; the kind that drew it, or nothing."""
    environment = {key: value for key, value in os.environ.items() if key != CHOICE_VARIABLE}
    if window:
        environment[CHOICE_VARIABLE] = window
    try:
        result = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = result.stdout.split()
    return words[1] if result.returncode == 0 and words[:1] == ["DREW"] and words[1] != "nothing" else ""


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
