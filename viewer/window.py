"""The desktop window: layers on keys and switches, a click tells what a thing is.

=======  ==========================================
``1-5``  show or hide terrain, points, buildings, flood, gauges
``c``    colour points by class, height, intensity, delivered colour
``b``    colour buildings by height or by flood depth
``h``    the whole area again
``n``    straight down, north up
``q``    close
=======  ==========================================
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from viewer import offscreen
from viewer.camera import overview, plan
from viewer.captions import draw_keys
from viewer.cloud import BUDGET_DESKTOP, color_modes
from viewer.content import LAYERS
from viewer.facts import Finder
from viewer.fonts import find_fonts
from viewer.keys import keys
from viewer.words import LAYER_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tiles.store import Store
    from viewer.content import LayerName, SceneContent
    from viewer.facts import Facts
    from viewer.stage import Stage

__all__ = ["SceneWindow", "view"]

_SWITCH_PIXELS = 26


def view(
    store: Store,
    *,
    layers: Sequence[LayerName] | None = None,
    size: tuple[int, int] = (1400, 900),
    budget: int = BUDGET_DESKTOP,
    now: datetime | None = None,
) -> None:
    """Open a window on a store and return when it is closed.

    Parameters
    ----------
    store
        What to look at; it is only read.
    layers
        Layers shown at first; all if None. Every layer can be switched on later.
    size
        Width and height in pixels.
    budget
        Points to draw at most.
    now
        The moment that the freshness of live readings is judged at; the clock if None.

    Raises
    ------
    RenderError
        If there is no display here, or nothing to draw on it with.
    StoreError
        If there is nothing in the store.
    """
    from viewer.load import load_scene

    offscreen.prepare_desktop()
    window = SceneWindow(load_scene(store, budget=budget, now=now), size=size, budget=budget)
    if layers is not None:
        window.show(layers)
    window.run()


class SceneWindow:
    """A stage with keys, switches and a line of facts."""

    def __init__(
        self, content: SceneContent, *, size: tuple[int, int], budget: int = BUDGET_DESKTOP, off_screen: bool = False
    ) -> None:
        from viewer.hands import Hands
        from viewer.stage import Look, Stage

        self.content = content
        look = Look(buildings="flood" if content.flood is not None else "height", budget=budget, labels=True)
        self.stage: Stage = Stage(content, size=size, look=look, off_screen=off_screen)
        self.fonts = find_fonts()
        self.language = "ja" if self.fonts.japanese else "en"
        self.facts: Facts | None = None
        self.hands = Hands(self.stage, Finder(content), self.tell)
        self._switches: dict[LayerName, Any] = {}
        self._key_card: Any = None
        self.stage.aim(overview(content, size))
        self._furnish()

    def run(self) -> None:
        """Show the window until it is closed."""
        self.stage.plotter.show(title=f"Twin - {self.content.title}", auto_close=True)

    def show(self, layers: Sequence[LayerName]) -> None:
        """Show these layers and hide the others."""
        self.stage.show(layers)
        for name, switch in self._switches.items():
            switch.GetRepresentation().SetState(int(name in self.stage.shown))
        self._renew()

    def toggle(self, layer: LayerName) -> None:
        """Show a hidden layer, or hide a shown one."""
        if layer in self.content.layers:
            self.show([name for name in self.content.layers if (name in self.stage.shown) != (name == layer)])

    def recolor_points(self) -> None:
        """Go to the next colouring of points that this cloud has data for."""
        if self.content.points is None:
            return
        modes = color_modes(self.content.points.points)
        current = self.stage.look.points
        mode = modes[(modes.index(current) + 1) % len(modes)] if current in modes else modes[0]
        self.stage.paint(replace(self.stage.look, points=mode))
        self._renew()

    def recolor_buildings(self) -> None:
        """Colour buildings by height, or by flood depth if there is an overlay."""
        by_height = self.stage.look.buildings == "flood" or self.content.flood is None
        self.stage.paint(replace(self.stage.look, buildings="height" if by_height else "flood"))
        self._renew()

    def tell(self, facts: Facts) -> None:
        """Write what was clicked into the lower left corner."""
        self.facts = facts
        self._write(facts.text(self.language), "facts", "lower_left", 12)
        self.stage.plotter.render()

    # -----------------------------------------------------------------------------------------------------------------

    def _furnish(self) -> None:
        plotter = self.stage.plotter
        plotter.enable_terrain_style(mouse_wheel_zooms=True, shift_pans=True)
        self.hands.attach(plotter.iren.interactor)
        size = tuple(plotter.window_size)
        for number, name in enumerate(LAYERS, start=1):
            plotter.add_key_event(str(number), lambda name=name: self.toggle(name))
        plotter.add_key_event("c", self.recolor_points)
        plotter.add_key_event("b", self.recolor_buildings)
        plotter.add_key_event("h", lambda: self._aim(overview(self.content, size)))
        plotter.add_key_event("n", lambda: self._aim(plan(self.content, size)))
        self._write(self.content.title, "title", "upper_edge", 16)
        for row, name in enumerate(self.content.layers):
            self._add_switch(name, row)
        self._renew()
        plotter.render_window.AddObserver("WindowResizeEvent", lambda *_: self._renew())

    def _aim(self, camera: Any) -> None:
        self.stage.aim(camera)
        self.stage.plotter.render()

    def _renew(self) -> None:
        """Explain the colours that are on show now, and draw."""
        from viewer.overlay import image_card

        plotter, look = self.stage.plotter, self.stage.look
        if self._key_card is not None:
            plotter.remove_actor(self._key_card, reset_camera=False, render=False)
        explained = keys(self.content, self.stage.shown, look.points, look.buildings)
        width, height = plotter.window_size
        self._key_card = image_card(draw_keys(tuple(explained), self.fonts, height), right=width - 14, top=height - 14)
        plotter.renderer.AddViewProp(self._key_card)
        plotter.render()

    def _add_switch(self, name: LayerName, row: int) -> None:
        plotter = self.stage.plotter
        y = plotter.window_size[1] - 60 - row * (_SWITCH_PIXELS + 10)

        def switch(state: bool) -> None:
            if state != (name in self.stage.shown):
                self.toggle(name)

        self._switches[name] = plotter.add_checkbox_button_widget(
            switch, value=True, position=(14, y), size=_SWITCH_PIXELS, color_on="#2f6f9f", color_off="#c9ced4"
        )
        number = LAYERS.index(name) + 1
        label = f"{number}  {LAYER_NAMES[name][0 if self.language == 'ja' else 1]}"
        self._write(label, f"switch-{name}", (14 + _SWITCH_PIXELS + 10, y + 3), 11)

    def _write(self, text: str, name: str, position: Any, size: int) -> None:
        self.stage.plotter.add_text(
            text,
            name=name,
            position=position,
            font_size=size,
            color="#21262d",
            font_file=str(self.fonts.regular),
            render=False,
        )
