"""What colours mean: the keys that belong to the layers on show, in Japanese and English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.cloud import drawn
from viewer.live import STATE_COLORS, datum_text
from viewer.palette import BUILDING_STOPS, PERMANENT_WATER, class_colors, spread

if TYPE_CHECKING:
    from collections.abc import Collection

    from viewer.cloud import PointColor
    from viewer.content import SceneContent
    from viewer.solids import BuildingColor

__all__ = ["Key", "KeyRow", "keys"]

_MAX_CLASSES = 9

_STATES = (("fresh", "最新", "fresh"), ("stale", "遅延", "late"), ("dead", "途絶", "no longer reporting"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One colour and its meaning."""

    color: str
    """``#rrggbb``."""
    ja: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The key of one layer: either rows of colours, or a continuous ramp with numbers."""

    ja: str
    en: str
    rows: tuple[KeyRow, ...] = ()
    stops: tuple[tuple[float, str], ...] = ()
    """Value and colour from low to high, for a ramp."""
    unit: str = ""


def keys(
    content: SceneContent, shown: Collection[str], points: PointColor = "class", buildings: BuildingColor = "height"
) -> list[Key]:
    """Return the keys of the layers `shown`, in the order of their importance to a reader."""
    found: list[Key | None] = [
        _flood(content) if "flood" in shown else None,
        _buildings(content) if "buildings" in shown and buildings == "height" else None,
        _classes(content, shown) if "points" in shown and points == "class" else None,
        _terrain(content) if "terrain" in shown else None,
        _states(content) if "gauges" in shown else None,
    ]
    return [key for key in found if key is not None]


def _flood(content: SceneContent) -> Key | None:
    flood = content.flood
    if flood is None:
        return None
    present = set(np.unique(flood.legend.rank_of(flood.depth.values)).tolist()) | {0}
    deepest = max(present)
    rows = [KeyRow(color=r.color, ja=r.name_ja, en=r.name_en) for r in flood.legend.ranks if r.rank <= max(deepest, 3)]
    if flood.permanent is not None and flood.permanent.any():
        rows.append(KeyRow(color=PERMANENT_WATER, ja="海・川", en="sea, river"))
    return Key(ja=flood.legend.title_ja, en=flood.legend.title_en, rows=tuple(rows))


def _buildings(content: SceneContent) -> Key | None:
    if not content.buildings:
        return None
    tallest = max(building.measured_height_m for building in content.buildings)
    stops = [stop for index, stop in enumerate(BUILDING_STOPS) if index < 2 or BUILDING_STOPS[index - 1][0] < tallest]
    return Key(ja="建物の高さ", en="Building height", stops=tuple(stops), unit="m")


def _classes(content: SceneContent, shown: Collection[str]) -> Key | None:
    if content.points is None:
        return None
    labels = content.points.points["label"]
    seen = drawn(labels, shown, content.points.points.attributes.get("modelled"))
    counts = np.bincount(labels[seen], minlength=256)
    common = [entry for entry in class_colors() if counts[entry.code] > 0.0005 * len(labels)]
    rows = tuple(KeyRow(color=entry.color, ja=entry.name_ja, en=entry.name_en) for entry in common[:_MAX_CLASSES])
    return Key(ja="点の分類", en="Point classes", rows=rows) if rows else None


def _terrain(content: SceneContent) -> Key | None:
    if content.terrain is None:
        return None
    datum = datum_text(content.vertical)
    stops = tuple(spread(content.terrain.heights.values))
    return Key(ja="標高", en="Ground height", stops=stops, unit=f"m {datum}")


def _states(content: SceneContent) -> Key | None:
    states = {gauge.freshness.state for gauge in content.gauges}
    rows = tuple(KeyRow(color=STATE_COLORS[state], ja=ja, en=en) for state, ja, en in _STATES if state in states)
    return Key(ja="観測の鮮度", en="Live readings", rows=rows) if rows else None
