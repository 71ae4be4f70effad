"""The stage: a scene's layers as actors of one PyVista plotter, switched and recoloured together.

Picture, window and page all use this one, so a layer looks the same everywhere. Import it only after
`viewer.offscreen.prepare` or `prepare_desktop`: it loads VTK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyvista as pv

from viewer.cloud import BUDGET_MOVING, drawn, point_colors
from viewer.fonts import find_fonts
from viewer.ground import draped_ground, draped_water, skirt, water_walls
from viewer.live import STATE_COLORS, reading_text
from viewer.marks import gauge_head
from viewer.shading import facing
from viewer.solids import Solids, building_colors, shaded, solids

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from viewer.camera import Camera
    from viewer.cloud import PointColor
    from viewer.content import Gauge, LayerName, SceneContent
    from viewer.ground import Drape, TerrainColor, Walls
    from viewer.solids import BuildingColor

__all__ = ["Look", "Stage"]

_SKY_LOW, _SKY_HIGH = "#f3f2ee", "#b9d0e4"
_EDGE_COLOR = "#5a4f48"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How layers are coloured and how large marks are."""

    terrain: TerrainColor = "elevation"
    points: PointColor = "class"
    buildings: BuildingColor = "height"
    scale: float = 1.0
    """Pixels of the drawing in one pixel of the result; lines and points grow with it."""
    point_size: float = 3.0
    """Width of a point in pixels of the result."""
    budget: int = 400_000
    """Points to draw at most."""
    labels: bool = False
    """Whether live things carry their reading and its age; a picture writes them itself, where they fit."""


class Stage:
    """A plotter with the scene on it."""

    def __init__(self, content: SceneContent, *, size: tuple[int, int], look: Look, off_screen: bool = True) -> None:
        self.content = content
        self.look = look
        self.fonts = find_fonts()
        self.plotter = cast("Any", pv.Plotter(off_screen=off_screen, window_size=list(size), lighting="none"))
        # Without a graphics card multi-sampling makes point clouds eight times slower; pictures are drawn larger.
        self.plotter.render_window.SetMultiSamples(0)
        self.plotter.set_background(_SKY_LOW, top=_SKY_HIGH)
        self.actors: dict[LayerName, list[Any]] = {name: [] for name in content.layers}
        self.solids: Solids | None = None
        self.shown: set[LayerName] = set(content.layers)
        self.points_index: NDArray[np.int64] = np.empty(0, np.int64)
        self._in_motion = False
        self._build()

    def show(self, layers: Collection[str]) -> None:
        """Show these layers and hide the others; points that a shown layer models better go with it."""
        before = set(self.shown)
        self.shown = {name for name in self.content.layers if name in layers}
        for name, actors in self.actors.items():
            for actor in actors:
                actor.SetVisibility(name in self.shown)
        if before != self.shown and "points" in self.shown:
            self._set_points()
        elif "points" in self.actors:
            self._show_points()

    def paint(self, look: Look) -> None:
        """Recolour; only layers whose colours change are rebuilt."""
        old, self.look = self.look, look
        if look.terrain != old.terrain and "terrain" in self.actors:
            self._set_terrain()
        if look.buildings != old.buildings and "buildings" in self.actors:
            self._set_buildings()
        if (look.points, look.budget) != (old.points, old.budget) and "points" in self.actors:
            self._set_points()
        self.show(self.shown)

    def renew_gauges(self, content: SceneContent) -> None:
        """Take another scene's gauges; everything else stays as it is."""
        self.content = content
        if "gauges" in self.actors:
            self._set_gauges()

    def aim(self, camera: Camera) -> None:
        """Look through `camera`."""
        view = self.plotter.camera
        view.position, view.focal_point, view.up = camera.position, camera.focus, camera.up
        view.view_angle = camera.view_angle_deg
        self.plotter.reset_camera_clipping_range()

    def moving(self, active: bool) -> None:
        """Draw fewer points while the camera moves, all of them when it rests."""
        if active == self._in_motion or len(self.actors.get("points", [])) < 2:
            return
        self._in_motion = active
        self._show_points()

    def image(self) -> NDArray[np.uint8]:
        """Draw and return the picture, shape (height, width, 3), top row first."""
        self.plotter.render()
        picture: NDArray[np.uint8] = np.asarray(self.plotter.screenshot(None, return_img=True))[..., :3]
        return picture

    def sky(self) -> NDArray[np.bool_]:
        """Where the last picture shows nothing, shape (height, width), top row first."""
        depth = np.asarray(self.plotter.get_image_depth(fill_value=np.nan, reset_camera_clipping_range=False))
        empty: NDArray[np.bool_] = np.isnan(depth)
        return empty

    def to_screen(self, point: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
        """Where a point of the scene (metres from its origin) lies: pixels from the upper left corner."""
        renderer = self.plotter.renderer
        renderer.SetWorldPoint(*(float(value) for value in point), 1.0)
        renderer.WorldToDisplay()
        x, y, _ = renderer.GetDisplayPoint()
        return x, self.plotter.window_size[1] - y

    def close(self) -> None:
        """Give the window and its memory back."""
        self.plotter.close()

    # -----------------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        for name, build in (
            ("terrain", self._set_terrain),
            ("buildings", self._set_buildings),
            ("points", self._set_points),
            ("flood", self._set_flood),
            ("gauges", self._set_gauges),
        ):
            if name in self.actors:
                build()

    def _replace(self, name: LayerName, actors: list[Any]) -> None:
        for actor in self.actors[name]:
            self.plotter.remove_actor(actor, reset_camera=False, render=False)
        for actor in actors:
            actor.SetVisibility(name in self.shown)
        self.actors[name] = actors

    def _add(self, mesh: pv.DataSet, **options: Any) -> Any:
        return self.plotter.add_mesh(
            mesh, lighting=False, reset_camera=False, render=False, show_scalar_bar=False, **options
        )

    def _drape(self, drape: Drape) -> Any:
        mesh = _faces(drape.vertices, drape.quads)
        mesh.active_texture_coordinates = drape.uv
        texture = pv.Texture(drape.image)
        texture.interpolate = True
        texture.mipmap = True
        return self._add(mesh, texture=texture)

    def _set_terrain(self) -> None:
        terrain = self.content.terrain
        if terrain is None:
            return
        drape = draped_ground(terrain, self.content.origin, self.look.terrain)
        base_m = float(np.nanmin(terrain.heights.values)) - max(4.0, 0.015 * self.content.size_m)
        walls = self._walls(skirt(drape, base_m - self.content.origin[2]))
        self._replace("terrain", [self._drape(drape), walls])

    def _walls(self, walls: Walls) -> Any:
        mesh = _faces(walls.vertices, walls.quads)
        mesh.cell_data["rgb"] = walls.colors
        # From behind they would shine through the water.
        return self._add(mesh, scalars="rgb", rgb=True, culling="back")

    def _set_flood(self) -> None:
        terrain, flood = self.content.terrain, self.content.flood
        water = draped_water(terrain, flood, self.content.origin) if terrain and flood else None
        if terrain is None or flood is None or water is None:
            return
        surface = self._drape(water)
        surface.ForceTranslucentOn()
        walls = water_walls(water, terrain, flood, self.content.origin)
        self._replace("flood", [surface, *([self._walls(walls)] if len(walls.quads) else [])])

    def _set_buildings(self) -> None:
        if self.solids is None:
            self.solids = solids(self.content.buildings, self.content.origin)
        mesh = _faces(self.solids.vertices, self.solids.triangles)
        colors = building_colors(self.content.buildings, self.look.buildings, self.content.flood)
        mesh.point_data["rgb"] = shaded(self.solids, colors, pale_walls=self.look.buildings == "height")
        body = self._add(mesh, scalars="rgb", rgb=True)
        # Faces step back a little so that lines on them are not half swallowed.
        body.mapper.SetResolveCoincidentTopologyToPolygonOffset()
        body.mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(1.0, 1.0)
        lines = np.column_stack([np.full(len(self.solids.edges), 2), self.solids.edges])
        outline = pv.PolyData(self.solids.vertices, lines=lines.ravel())
        edges = self._add(outline, color=_EDGE_COLOR, line_width=0.6 * self.look.scale, opacity=1.0)
        edges.PickableOff()
        self._replace("buildings", [body, edges])

    def _set_points(self) -> None:
        layer = self.content.points
        if layer is None:
            return
        self.points_index = np.flatnonzero(
            drawn(layer.points["label"], self.shown, layer.points.attributes.get("modelled"))
        )
        step = -(-len(self.points_index) // max(self.look.budget, 1))
        self.points_index = self.points_index[:: max(step, 1)]
        cloud = layer.points.take(self.points_index)
        if len(cloud) == 0:
            self._replace("points", [])
            return
        xyz = np.column_stack([cloud.x, cloud.y, cloud.z]) - self.content.origin
        mesh = pv.PolyData(xyz.astype(np.float32))
        mesh.point_data["rgb"] = point_colors(cloud, self.look.points)
        size = self.look.point_size * self.look.scale
        options = {"scalars": "rgb", "rgb": True, "style": "points", "point_size": size}
        actors = [self._add(mesh, **options)]
        stride = -(-len(cloud) // BUDGET_MOVING)
        if stride > 1:
            few = pv.PolyData(mesh.points[::stride])
            few.point_data["rgb"] = mesh.point_data["rgb"][::stride]
            actors.append(self._add(few, **options))
        self._replace("points", actors)
        self._show_points()

    def _show_points(self) -> None:
        """Show all points, or the few for a moving camera."""
        actors, visible = self.actors["points"], "points" in self.shown
        for index, actor in enumerate(actors):
            actor.SetVisibility(visible and (len(actors) == 1 or self._in_motion == (index == 1)))

    def _set_gauges(self) -> None:
        actors: list[Any] = []
        heads: dict[tuple[float, float, float], str] = {}
        for gauge in self.content.gauges:
            head = gauge_head(gauge, self.content)
            if head is not None:
                actors.extend(self._mark(gauge, head))
                heads[head] = self._label(gauge)
        if self.look.labels and heads:
            actors.append(self._label_actor(heads))
        self._replace("gauges", actors)

    def _label(self, gauge: Gauge) -> str:
        observation, japanese = gauge.observation, self.fonts.japanese
        name = observation.name if observation.name and (japanese or observation.name.isascii()) else observation.entity
        language = "ja" if japanese else "en"
        return f"{name}\n{reading_text(gauge, language)}\n{gauge.freshness.text(language)}"

    def _label_actor(self, heads: dict[tuple[float, float, float], str]) -> Any:
        lift = (0.0, 0.0, 0.014 * self.content.size_m)  # clear of the head, whose colour is the state
        return self.plotter.add_point_labels(
            np.array(list(heads)) + lift,
            list(heads.values()),
            font_file=str(self.fonts.regular),
            font_size=13,
            text_color="#21262d",
            shape_color="white",
            shape_opacity=0.85,
            margin=5,
            show_points=False,
            always_visible=True,
            reset_camera=False,
            render=False,
        )

    def _mark(self, gauge: Gauge, head: tuple[float, float, float]) -> list[Any]:
        color = STATE_COLORS[gauge.freshness.state]
        foot = (head[0], head[1], gauge.ground_m - self.content.origin[2])
        radius = 0.006 * self.content.size_m
        pole = pv.Tube(pointa=foot, pointb=head, radius=0.16 * radius, n_sides=12)
        ball = pv.Sphere(radius=radius, center=head, theta_resolution=24, phi_resolution=24)
        lit = np.clip(np.array(pv.Color(color).int_rgb) * facing(ball.point_normals)[:, None], 0, 255)
        ball.point_data["rgb"] = lit.astype(np.uint8)
        return [self._add(pole, color="#3c4248"), self._add(ball, scalars="rgb", rgb=True)]


def _faces(vertices: NDArray[np.float32], faces: NDArray[np.int64]) -> Any:
    mesh: Any = pv.PolyData
    return mesh.from_regular_faces(vertices, faces)
