"""Colours: of classes, of heights, of intensity. All are sRGB bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.config import preset
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "BUILDING_STOPS",
    "PERMANENT_WATER",
    "TERRAIN_COLORS",
    "ClassColor",
    "class_colors",
    "class_table",
    "ramp",
    "rgb",
    "spread",
]

TERRAIN_COLORS = ("#8fa695", "#b9c3a4", "#dcd6b8", "#d9c3a0", "#c4a58a", "#e9e3dc")
"""Low to high ground: quiet greens and sands, so that the blues, pinks and reds of water and ranks stand out."""

PERMANENT_WATER = "#4f93b8"
"""Sea and rivers as they always are."""

BUILDING_STOPS = (
    (0.0, "#f2dfc4"),
    (10.0, "#e8c08e"),
    (20.0, "#db9d63"),
    (31.0, "#c97a4b"),
    (60.0, "#a65242"),
    (150.0, "#6d3a52"),
)
"""Colour by height in metres: 10 is three storeys, 31 the old height limit of Japanese cities, 60 a high-rise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassColor:
    """One class of the legend."""

    code: int
    """ASPRS code."""
    color: str
    """``#rrggbb``."""
    name_ja: str
    name_en: str


@lru_cache(maxsize=1)
def class_colors() -> tuple[ClassColor, ...]:
    """Read the legend of classes, in its order.

    Raises
    ------
    ConfigError
        If the preset lacks a key.
    """
    try:
        return tuple(
            ClassColor(code=int(row["code"]), color=str(row["color"]), name_ja=str(row["ja"]), name_en=str(row["en"]))
            for row in preset("legends", "classes")["classes"]
        )
    except KeyError as error:
        raise ConfigError(f"legends/classes.yaml: key {error.args[0]!r} is missing") from None


@lru_cache(maxsize=1)
def class_table() -> NDArray[np.uint8]:
    """Colour of every code, shape (256, 3); codes without an entry are grey."""
    table = np.full((256, 3), 150, dtype=np.uint8)
    for entry in class_colors():
        table[entry.code] = rgb(entry.color)
    return table


def rgb(color: str) -> tuple[int, int, int]:
    """Read ``#rrggbb``.

    Examples
    --------
    >>> rgb("#ff8000")
    (255, 128, 0)
    """
    value = int(color[1:], 16)
    return value >> 16, (value >> 8) & 255, value & 255


def ramp(values: NDArray[Any], stops: Sequence[tuple[float, str]]) -> NDArray[np.uint8]:
    """Colour each value by linear steps between stops; shape of `values` plus (3,).

    Values beyond the ends take the colour of the end, NaN takes the first.

    Examples
    --------
    >>> ramp(np.array([0.0, 0.5, 9.0]), [(0.0, "#000000"), (1.0, "#ffffff")])[:, 0].tolist()
    [0, 128, 255]
    """
    at = np.array([stop for stop, _ in stops])
    table = np.array([rgb(color) for _, color in stops], dtype=np.float64)
    known = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=float(at[0]))
    channels = [np.interp(known, at, table[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def spread(values: NDArray[Any], colors: Sequence[str] = TERRAIN_COLORS) -> list[tuple[float, str]]:
    """Lay colours evenly over the middle 96 % of `values`, so that a crane or a pit does not take the whole ramp."""
    known = np.asarray(values)[np.isfinite(values)]
    low, high = (0.0, 1.0) if known.size == 0 else (float(edge) for edge in np.percentile(known, [2.0, 98.0]))
    if high - low < 0.5:
        low, high = low - 0.25, low + 0.75
    return list(zip(np.linspace(low, high, len(colors)).tolist(), colors, strict=True))
