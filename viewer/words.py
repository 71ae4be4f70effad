"""Names that people read in the window and on the page, in Japanese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viewer.content import LayerName

__all__ = ["COLOR_NAMES", "LAYER_NAMES"]

LAYER_NAMES: dict[LayerName, tuple[str, str]] = {
    "terrain": ("地形", "Terrain"),
    "points": ("点群", "Points"),
    "buildings": ("建物", "Buildings"),
    "flood": ("浸水", "Flood"),
    "gauges": ("観測", "Live"),
}

COLOR_NAMES: dict[str, tuple[str, str]] = {
    "class": ("分類", "class"),
    "elevation": ("標高", "height"),
    "intensity": ("反射強度", "intensity"),
    "rgb": ("撮影色", "true colour"),
    "height": ("高さ", "height"),
    "flood": ("浸水深", "flood depth"),
}
