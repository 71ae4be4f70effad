"""What hands do with a scene, in the window and on the page alike: click on things, move the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.vtkRenderingCore import vtkWorldPointPicker

from viewer.facts import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.facts import Facts, Finder
    from viewer.stage import Stage

__all__ = ["Hands"]

_CLICK_PIXELS = 4
"""A button that comes up this near to where it went down has clicked, not dragged."""


class Hands:
    """Watches the interactor of a stage: tells what was clicked, and thins the points while the camera moves."""

    def __init__(self, stage: Stage, finder: Finder, tell: Callable[[Facts], None]) -> None:
        self.stage, self.finder, self.tell = stage, finder, tell
        self._down: tuple[int, int] | None = None
        self._picker = vtkWorldPointPicker()

    def attach(self, interactor: Any) -> None:
        """Start watching.

        A style takes all mouse events between press and release for itself; what it lets others know is when an
        interaction ends, and a click is one that ends where it began.
        """
        interactor.AddObserver("LeftButtonPressEvent", self._press, 1.0)
        style = interactor.GetInteractorStyle()
        style.AddObserver("StartInteractionEvent", lambda *_: self.stage.moving(True))
        style.AddObserver("EndInteractionEvent", self._rest)

    def what_is_at(self, x: int, y: int) -> Facts:
        """Tell what the pixel shows; x from the left, y from the *bottom*, as VTK counts."""
        place = self._place(x, y)
        if place is None:
            return NOTHING
        reach_m = self._metres_per_pixel(place) * (0.5 * self.stage.look.point_size * self.stage.look.scale + 0.5)
        origin = np.array(self.stage.content.origin)
        found = np.array(place) + origin
        spot = (float(found[0]), float(found[1]), float(found[2]))
        return self.finder.at(spot, self.stage.shown, self.stage.points_index, reach_m)

    def _press(self, interactor: Any, _event: str) -> None:
        self._down = interactor.GetEventPosition()

    def _rest(self, style: Any, _event: str) -> None:
        self.stage.moving(False)
        self.stage.plotter.render()
        down, self._down = self._down, None
        if down is None:
            return
        x, y = style.GetInteractor().GetEventPosition()
        if max(abs(x - down[0]), abs(y - down[1])) <= _CLICK_PIXELS:
            self.tell(self.what_is_at(x, y))

    def _place(self, x: int, y: int) -> tuple[float, float, float] | None:
        """Read the depth of a pixel back into the scene; None for the sky."""
        renderer = self.stage.plotter.renderer
        if renderer.GetZ(int(x), int(y)) >= 1.0:
            return None
        self._picker.Pick(x, y, 0, renderer)
        px, py, pz = self._picker.GetPickPosition()
        return px, py, pz

    def _metres_per_pixel(self, place: tuple[float, float, float]) -> float:
        camera = self.stage.plotter.camera
        distance = float(np.linalg.norm(np.array(place) - np.array(camera.position)))
        height = self.stage.plotter.window_size[1]
        return float(2.0 * distance * np.tan(np.radians(camera.view_angle / 2)) / height)
