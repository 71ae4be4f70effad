"""What the browser page says and does: its state, its controls, its layout.

The picture is drawn on the server and sent as images, so the page works on any device and no graphics card is needed
on either side. Everything on the page comes from the server itself: no fonts, scripts or tiles from elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import client, html
from trame.widgets import vtk as vtk_widgets
from trame.widgets import vuetify3 as vuetify

from viewer.camera import overview, plan
from viewer.cloud import color_modes
from viewer.facts import Finder
from viewer.hands import Hands
from viewer.keys import keys
from viewer.live import STATE_COLORS, datum_text, reading_text, time_text
from viewer.stage import Look, Stage
from viewer.words import COLOR_NAMES, LAYER_NAMES

if TYPE_CHECKING:
    from viewer.camera import Camera
    from viewer.content import Gauge, SceneContent
    from viewer.facts import Facts
    from viewer.keys import Key

__all__ = ["ScenePage"]

_START_SIZE = (1000, 700)
"""Size of the view until the browser tells its own."""

_STYLE = """
html, body { overflow: hidden !important; }
body, .v-application { font-family: "Noto Sans JP", "Hiragino Sans", "Yu Gothic UI", "Meiryo", "Noto Sans CJK JP",
  sans-serif !important; }
.side { position: absolute; top: 0; right: 0; bottom: 0; width: 340px; overflow-y: auto; background: #fbfaf8;
  border-left: 1px solid #dfe3e8; padding: 18px 18px 28px; color: #21262d; font-size: 14px; }
.stagebox { position: absolute; top: 0; left: 0; bottom: 0; right: 340px; background: #dfe8f0; }
.side h1 { font-size: 24px; line-height: 1.25; margin: 0 0 2px; }
.side h2 { font-size: 13px; letter-spacing: .04em; color: #5c646e; margin: 20px 0 6px; font-weight: 600; }
.soft { color: #5c646e; font-size: 12.5px; }
.row { display: flex; align-items: center; gap: 8px; margin: 3px 0; }
.row > span:last-child { min-width: 0; }
.chip { width: 20px; height: 14px; border-radius: 3px; border: 1px solid rgba(0,0,0,.28); flex: none; }
.dot { width: 12px; height: 12px; border-radius: 50%; flex: none; }
.card { background: #fff; border: 1px solid #e3e6ea; border-radius: 8px; padding: 10px 12px; margin: 6px 0; }
.card table { border-collapse: collapse; width: 100%; }
.card td { padding: 2px 0; vertical-align: top; }
.card td:first-child { color: #5c646e; padding-right: 10px; white-space: nowrap; }
.ramp { height: 14px; border-radius: 3px; }
.ends { display: flex; justify-content: space-between; }
.side select { border: 1px solid #c9ced4; border-radius: 6px; padding: 4px 8px; background: #fff; width: 100%; }
.side button.plain { border: 1px solid #c9ced4; border-radius: 6px; padding: 4px 10px; background: #fff;
  margin-right: 6px; }
.side label.row { cursor: pointer; }
@media (max-width: 760px) { .side { top: 55%; width: 100%; border-left: 0; } .stagebox { right: 0; bottom: 45%; } }
"""


class ScenePage:
    """One scene on one page; all browsers that open it share the view."""

    def __init__(self, server: Any, content: SceneContent, *, budget: int) -> None:
        self.server, self.content = server, content
        look = Look(buildings="flood" if content.flood is not None else "height", budget=budget, labels=True)
        self.stage = Stage(content, size=_START_SIZE, look=look)
        self.stage.plotter.enable_terrain_style(mouse_wheel_zooms=True, shift_pans=True)
        self.hands = Hands(self.stage, Finder(content), self.tell)
        self._touched = False
        self._attach()
        self._fill()
        self._lay_out()
        server.state.change("shown", "point_color", "building_color")(self._changed)
        server.controller.on_server_ready.add(self._ready)

    def tell(self, facts: Facts) -> None:
        """Show what was clicked."""
        self.server.state.facts = _facts_state(facts)
        self.server.state.flush()

    def refresh(self, gauges: tuple[Gauge, ...]) -> None:
        """Take newer readings: their marks, their list and their ages."""
        self.content = replace(self.content, gauges=gauges)
        self.stage.renew_gauges(self.content)
        self.hands.finder = Finder(self.content)
        self.server.state.gauges = [_gauge_state(gauge) for gauge in gauges]
        self.server.state.flush()
        self.push()

    def push(self) -> None:
        """Draw and send the picture."""
        self.stage.plotter.render()
        self.server.controller.view_update()

    # -----------------------------------------------------------------------------------------------------------------

    def _attach(self) -> None:
        interactor = self.stage.plotter.render_window.GetInteractor()
        self.hands.attach(interactor)
        interactor.GetInteractorStyle().AddObserver("EndInteractionEvent", self._moved)
        # The browser decides the shape of the picture; until somebody moves the camera, it goes with that shape.
        self.stage.plotter.render_window.AddObserver("WindowResizeEvent", self._resized)

    def _moved(self, *_: Any) -> None:
        self._touched = True

    def _resized(self, *_: Any) -> None:
        if not self._touched:
            self._aim_overview()

    def _aim_overview(self) -> None:
        width, height = self.stage.plotter.render_window.GetSize()
        if width > 0 and height > 0:
            self.stage.aim(overview(self.content, (width, height)))

    def _ready(self, **_: Any) -> None:
        # Only now: a camera set before the server runs is moved again when the view is bound to it.
        self._aim_overview()
        self.push()

    def _look(self, camera: Camera) -> None:
        self.stage.aim(camera)
        self.push()

    def _whole(self) -> None:
        self._touched = False
        width, height = self.stage.plotter.render_window.GetSize()
        self._look(overview(self.content, (width, height)))

    def _plan(self) -> None:
        self._touched = True
        width, height = self.stage.plotter.render_window.GetSize()
        self._look(plan(self.content, (width, height)))

    def _changed(self, shown: list[str], point_color: Any, building_color: Any, **_: Any) -> None:
        if not self.server.running:
            return
        self.stage.show(shown)
        self.stage.paint(replace(self.stage.look, points=point_color, buildings=building_color))
        self.server.state.keys = self._keys()
        self.push()

    def _keys(self) -> list[dict[str, Any]]:
        look = self.stage.look
        return [_key_state(key) for key in keys(self.content, self.stage.shown, look.points, look.buildings)]

    def _fill(self) -> None:
        content, state = self.content, self.server.state
        state.trame__title = f"{content.title} - Twin"
        state.trame__favicon = None
        state.shown = list(content.layers)
        state.layers = [
            {"name": name, "ja": LAYER_NAMES[name][0], "en": LAYER_NAMES[name][1]} for name in content.layers
        ]
        state.point_color, state.building_color = self.stage.look.points, self.stage.look.buildings
        modes = color_modes(content.points.points) if content.points is not None else ()
        state.point_colors = [_choice(mode) for mode in modes]
        state.building_colors = [_choice(mode) for mode in (("flood", "height") if content.flood else ("height",))]
        state.gauges = [_gauge_state(gauge) for gauge in content.gauges]
        state.keys = self._keys()
        state.facts = None

    def _lay_out(self) -> None:
        with VAppLayout(self.server) as layout:
            client.Style(_STYLE)
            with vuetify.VMain():
                with html.Div(classes="stagebox"):
                    view = vtk_widgets.VtkRemoteView(
                        self.stage.plotter.render_window,
                        ref="scene",
                        interactive_ratio=0.6,
                        interactive_quality=60,
                        still_ratio=1,
                        still_quality=94,
                    )
                    self.server.controller.view_update = view.update
                with html.Div(classes="side"):
                    self._heading()
                    self._controls()
                    self._clicked()
                    self._live()
                    self._legend()
            self.layout = layout

    def _heading(self) -> None:
        content = self.content
        html.H1(content.title)
        datum = datum_text(content.vertical)
        html.Div(f"{content.crs.code} ・ 高さの基準 / heights above {datum}", classes="soft")
        if content.flood is not None:
            html.Div(f"{content.flood.title_ja} / {content.flood.title_en}", classes="soft")

    def _controls(self) -> None:
        html.H2("表示するもの  Layers")
        with html.Label(v_for="layer in layers", key="layer.name", classes="row"):
            html.Input(type="checkbox", v_model="shown", value=("layer.name",), id=("`layer-${layer.name}`",))
            html.Span("{{ layer.ja }} {{ layer.en }}")
        for state, choices, ja, en in (
            ("point_color", "point_colors", "点の色", "Point colour"),
            ("building_color", "building_colors", "建物の色", "Building colour"),
        ):
            with html.Div(v_if=f"{choices}.length > 1"):
                html.H2(f"{ja}  {en}")
                with html.Select(v_model=state, id=state):
                    html.Option("{{ c.ja }} {{ c.en }}", v_for=f"c in {choices}", key="c.name", value=("c.name",))
        with html.Div(style="margin-top: 14px"):
            html.Button("全体 Whole area", classes="plain", id="whole", click=self._whole)
            html.Button("真上 From above", classes="plain", id="plan", click=self._plan)

    def _clicked(self) -> None:
        html.H2("これは何？  What is this?")
        html.Div("図の中をクリックしてください。 Click in the picture.", v_if="!facts", classes="soft")
        with html.Div(v_if="facts", classes="card", id="facts", style=("`border-left: 5px solid ${facts.color}`",)):
            html.B("{{ facts.ja }}")
            html.Div("{{ facts.en }}", classes="soft", v_if="facts.ja !== facts.en")
            with html.Table(), html.Tbody():  # noqa: SIM117
                with html.Tr(v_for="row in facts.rows", key="row.en"):
                    html.Td("{{ row.ja }}<br><span class=soft>{{ row.en }}</span>")
                    with html.Td():
                        html.Div("{{ row.value_ja }}")
                        html.Div("{{ row.value_en }}", classes="soft", v_if="row.value_ja !== row.value_en")

    def _live(self) -> None:
        with html.Div(v_if="gauges.length", id="gauges"):
            html.H2("いまの観測  Live readings")
            with html.Div(v_for="g in gauges", key="g.id", classes="card"):
                with html.Div(classes="row"):
                    html.Span(classes="dot", style=("`background: ${g.color}`",))
                    html.B("{{ g.name }}")
                html.Div("{{ g.reading_ja }}")
                html.Div("{{ g.time_ja }}", classes="soft")
                html.Div("{{ g.reading_en }}, {{ g.time_en }}", classes="soft")

    def _legend(self) -> None:
        with html.Div(v_for="key in keys", key="key.en"):
            html.H2("{{ key.ja }}  {{ key.en }}")
            with html.Div(v_for="row in key.rows", key="row.en", classes="row"):
                html.Span(classes="chip", style=("`background: ${row.color}`",))
                html.Span("{{ row.ja }} {{ row.en }}")
            with html.Div(v_if="key.gradient"):
                html.Div(classes="ramp", style=("`background: linear-gradient(to right, ${key.gradient})`",))
                with html.Div(classes="ends soft"):
                    html.Span("{{ key.low }}")
                    html.Span("{{ key.high }}")


def _choice(mode: str) -> dict[str, str]:
    ja, en = COLOR_NAMES[mode]
    return {"name": mode, "ja": ja, "en": en}


def _facts_state(facts: Facts) -> dict[str, Any]:
    rows = [{"ja": r.ja, "en": r.en, "value_ja": r.value_ja, "value_en": r.value_en} for r in facts.rows]
    return {"kind": facts.kind, "ja": facts.title_ja, "en": facts.title_en, "color": facts.color, "rows": rows}


def _gauge_state(gauge: Gauge) -> dict[str, str]:
    observation = gauge.observation
    return {
        "id": f"{observation.feed}/{observation.entity}/{observation.quantity}",
        "name": observation.name or observation.entity,
        "state": gauge.freshness.state,
        "color": STATE_COLORS[gauge.freshness.state],
        "reading_ja": reading_text(gauge, "ja"),
        "reading_en": reading_text(gauge, "en"),
        "time_ja": time_text(gauge, "ja"),
        "time_en": time_text(gauge, "en"),
    }


def _key_state(key: Key) -> dict[str, Any]:
    values = [value for value, _ in key.stops]
    digits = 1 if values and values[-1] - values[0] < 20 else 0
    return {
        "ja": key.ja,
        "en": key.en,
        "rows": [{"color": row.color, "ja": row.ja, "en": row.en} for row in key.rows],
        "gradient": ", ".join(color for _, color in key.stops),
        "low": f"{values[0]:.{digits}f}" if values else "",
        "high": f"{values[-1]:.{digits}f} {key.unit}" if values else "",
    }
