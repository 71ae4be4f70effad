"""What a thing is that somebody points at: a place in the scene in, a small table of facts out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely
from scipy.spatial import cKDTree

from viewer.live import STATE_COLORS, datum_text, reading_text, time_text
from viewer.marks import gauge_head
from viewer.palette import class_colors
from viewer.roof import compass, roof_at

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from twin.building import Building
    from viewer.content import Gauge, SceneContent

__all__ = ["NOTHING", "Fact", "Facts", "Finder"]

Kind = Literal["building", "point", "gauge", "ground", "nothing"]

_GAUGE_REACH = 0.012
"""How near to a mark a click must be, as a share of the scene's size: twice the radius of its head."""

_WALL_REACH_M = 0.3
"""How far outside its outline a building may be hit: single precision and the thickness of lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a table, in both languages."""

    ja: str
    en: str
    value_ja: str
    value_en: str

    def text(self, language: str) -> str:
        """Return name and value in ``ja`` or ``en``."""
        return f"{self.ja}: {self.value_ja}" if language == "ja" else f"{self.en}: {self.value_en}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one thing."""

    kind: Kind
    title_ja: str
    title_en: str
    rows: tuple[Fact, ...] = ()
    color: str = "#5c646e"

    def text(self, language: str) -> str:
        """Return the whole table, one fact a line."""
        title = self.title_ja if language == "ja" else self.title_en
        return "\n".join([title, *(row.text(language) for row in self.rows)])


class Finder:
    """Answers what stands at a place of one scene; indices are built when first needed."""

    def __init__(self, content: SceneContent) -> None:
        self.content = content
        self._cloud: tuple[NDArray[np.int64] | None, cKDTree] | None = None

    def at(
        self,
        place: tuple[float, float, float],
        shown: Collection[str],
        points: NDArray[np.int64] | None = None,
        reach_m: float = 0.5,
    ) -> Facts:
        """Tell what is at a place that was seen on the screen.

        Parameters
        ----------
        place
            x, y and height in metres, in the store's CRS and datum (not from the scene's origin).
        shown
            Layers that are visible; nothing else is found.
        points
            Which points of the cloud are drawn; all if None.
        reach_m
            Half the width of a drawn point where it was hit.
        """
        gauge = self._gauge(place) if "gauges" in shown else None
        if gauge is not None:
            return _gauge_facts(gauge, self.content)
        point = self._point(place, points, reach_m) if "points" in shown else None
        building = self._building(place) if "buildings" in shown else None
        # A wall is hit exactly and a point only nearly, unless it is the point itself that was hit.
        if building is not None and (point is None or point[1] > 0.25 * reach_m):
            return self._building_facts(building, place)
        if point is not None:
            return self._point_facts(point[0])
        return self._ground_facts(place) if {"terrain", "flood"} & set(shown) else NOTHING

    # -----------------------------------------------------------------------------------------------------------------

    @cached_property
    def _outlines(self) -> shapely.STRtree:
        return shapely.STRtree([building.footprint for building in self.content.buildings])

    def _tree(self, drawn: NDArray[np.int64] | None) -> tuple[cKDTree, NDArray[np.int64]] | None:
        layer = self.content.points
        if layer is None:
            return None
        index = np.arange(len(layer.points)) if drawn is None else drawn
        if index.size == 0:
            return None
        if self._cloud is None or self._cloud[0] is not drawn:
            cloud = layer.points
            self._cloud = (drawn, cKDTree(np.column_stack([cloud.x[index], cloud.y[index], cloud.z[index]])))
        return self._cloud[1], index

    def _gauge(self, place: tuple[float, float, float]) -> Gauge | None:
        best, reach = None, _GAUGE_REACH * self.content.size_m
        for gauge in self.content.gauges:
            head = gauge_head(gauge, self.content)
            if head is None:
                continue
            distance = float(np.linalg.norm(np.array(head) + self.content.origin - np.array(place)))
            if distance < reach:
                best, reach = gauge, distance
        return best

    def _point(
        self, place: tuple[float, float, float], drawn: NDArray[np.int64] | None, reach_m: float
    ) -> tuple[int, float] | None:
        tree = self._tree(drawn)
        if tree is None:
            return None
        distance, position = tree[0].query(place, distance_upper_bound=reach_m)
        return (int(tree[1][position]), float(distance)) if np.isfinite(distance) else None

    def _building(self, place: tuple[float, float, float]) -> int | None:
        spot = shapely.Point(place[0], place[1])
        for position in sorted(self._outlines.query(spot, predicate="dwithin", distance=_WALL_REACH_M).tolist()):
            building = self.content.buildings[position]
            top = float(building.solid.vertices[:, 2].max())
            if building.ground_m + 0.05 <= place[2] <= top + _WALL_REACH_M:
                return int(position)
        return None

    def _building_facts(self, position: int, place: tuple[float, float, float]) -> Facts:
        content, building = self.content, self.content.buildings[position]
        datum = datum_text(content.vertical)
        rows = [
            _fact("高さ", "Height", f"{building.measured_height_m:.1f} m"),
            _fact("地盤高", "Base", f"{building.ground_m:.2f} m {datum}"),
            _fact("屋根高", "Roof", f"{building.roof_m:.2f} m {datum}"),
        ]
        if content.flood is not None:
            rows.append(self._depth(content.flood.depth_by_building.get(building.id, 0.0)))
        rows.extend(_roof_rows(building, place))
        rows.append(_fact("モデル", "Model", f"LoD{building.lod}, RMSE {building.rmse_m:.2f} m"))
        rows.append(_fact("点数", "Points", f"{building.n_points:,}"))
        return Facts(
            kind="building",
            title_ja=f"建物 {building.id}",
            title_en=f"Building {building.id}",
            rows=tuple(rows),
            color="#b1634f",
        )

    def _point_facts(self, index: int) -> Facts:
        layer = self.content.points
        if layer is None:
            return NOTHING
        cloud = layer.points
        code = int(cloud["label"][index])
        entry = next((entry for entry in class_colors() if entry.code == code), None)
        names = (entry.name_ja, entry.name_en) if entry else (f"分類 {code}", f"class {code}")
        rows = [
            Fact(ja="分類", en="Class", value_ja=f"{names[0]} ({code})", value_en=f"{names[1]} ({code})"),
            _fact("高さ", "Height", f"{cloud.z[index]:.2f} m {datum_text(self.content.vertical)}"),
        ]
        ground = self._ground(cloud.x[index], cloud.y[index])
        if ground is not None:
            rows.append(_fact("地上高", "Above ground", f"{cloud.z[index] - ground:.2f} m"))
        if "intensity" in cloud.attributes:
            rows.append(_fact("反射強度", "Intensity", str(int(cloud["intensity"][index]))))
        if "source" in cloud.attributes:
            rows.append(_fact("元ファイル", "From file", layer.sources.get(int(cloud["source"][index]), "?")))
        color = entry.color if entry else "#969696"
        return Facts(kind="point", title_ja="計測点", title_en="Survey point", rows=tuple(rows), color=color)

    def _ground_facts(self, place: tuple[float, float, float]) -> Facts:
        ground, water = self._ground(place[0], place[1]), self._open_water(place[0], place[1])
        if ground is None and not water:
            return NOTHING
        datum = datum_text(self.content.vertical)
        rows = [] if ground is None else [_fact("標高", "Height", f"{ground:.2f} m {datum}")]
        if water:  # what is water every day is not flooded, however deep
            return Facts(kind="ground", title_ja="海・川", title_en="Sea or river", rows=tuple(rows), color="#4d93b8")
        if self.content.flood is not None:
            depth = float(self.content.flood.depth.sample(np.array([place[0]]), np.array([place[1]]))[0])
            rows.append(self._depth(depth))
        return Facts(kind="ground", title_ja="地面", title_en="Ground", rows=tuple(rows), color="#a08a6a")

    def _open_water(self, x: float, y: float) -> bool:
        """Whether it is sea, river or pond without any flood."""
        flood = self.content.flood
        if flood is None or flood.permanent is None:
            return False
        row, column, inside = flood.depth.frame.cells_of(np.array([x]), np.array([y]))
        return bool(inside[0]) and bool(flood.permanent[row[0], column[0]])

    def _ground(self, x: float, y: float) -> float | None:
        terrain = self.content.terrain
        if terrain is None:
            return None
        height = float(terrain.heights.sample(np.array([x]), np.array([y]))[0])
        return height if np.isfinite(height) else None

    def _depth(self, depth_m: float) -> Fact:
        flood = self.content.flood
        if flood is None or not depth_m > 0:
            unknown = not np.isfinite(depth_m)
            ja, en = ("不明", "unknown") if unknown else ("浸水なし", "dry")
            return Fact(ja="浸水深", en="Flood depth", value_ja=ja, value_en=en)
        rank = flood.legend.ranks[int(flood.legend.rank_of(depth_m)) - 1]
        return Fact(
            ja="浸水深",
            en="Flood depth",
            value_ja=f"{depth_m:.2f} m（{rank.name_ja}）",
            value_en=f"{depth_m:.2f} m ({rank.name_en})",
        )


NOTHING = Facts(kind="nothing", title_ja="何もありません", title_en="Nothing here")


def _roof_rows(building: Building, place: tuple[float, float, float]) -> list[Fact]:
    """Slope of the roof face that was hit, if it was a roof."""
    roof = roof_at(building, place)
    if roof is None:
        return []
    if roof.azimuth_deg is None:
        return [Fact(ja="屋根の傾き", en="Roof slope", value_ja="平ら", value_en="flat")]
    ja, en = compass(roof.azimuth_deg)
    slope = f"{roof.slope_deg:.0f}°"
    return [Fact(ja="屋根の傾き", en="Roof slope", value_ja=f"{slope} {ja}向き", value_en=f"{slope}, faces {en}")]


def _fact(ja: str, en: str, value: str) -> Fact:
    return Fact(ja=ja, en=en, value_ja=value, value_en=value)


def _gauge_facts(gauge: Gauge, content: SceneContent) -> Facts:
    observation = gauge.observation
    rows = [
        Fact(ja="値", en="Reading", value_ja=reading_text(gauge, "ja"), value_en=reading_text(gauge, "en")),
        Fact(ja="観測", en="Time", value_ja=time_text(gauge, "ja"), value_en=time_text(gauge, "en")),
    ]
    if gauge.level_m is not None and observation.vertical != content.vertical:
        level = f"{gauge.level_m:.2f} m {datum_text(content.vertical)}"
        rows.append(_fact("この図の基準では", "Above this scene's zero", level))
    rows.append(_fact("配信", "Feed", f"{observation.feed} / {observation.entity}"))
    name = observation.name or observation.entity
    return Facts(
        kind="gauge", title_ja=name, title_en=name, rows=tuple(rows), color=STATE_COLORS[gauge.freshness.state]
    )
