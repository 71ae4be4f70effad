"""Depth ranks: which class a water depth falls in, what people call it, and its colour.

A legend is a preset in ``config/legends``; maps, tables, the viewer and exported tiles all read the same one, so a
colour never means two depths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.config import preset
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["DepthLegend", "DepthRank", "depth_legend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthRank:
    """One class of depth: ``lower_m <= depth < upper_m`` (rank 1 starts above zero)."""

    rank: int
    """1 for the shallowest; 0 is dry and has no entry."""
    lower_m: float
    """Depth where the rank begins, inside it."""
    upper_m: float
    """Depth where the next rank begins; infinity for the deepest."""
    color: str
    """``#rrggbb``, sRGB."""
    name_ja: str
    name_en: str

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green, blue, 0 to 255, sRGB."""
        value = int(self.color[1:], 16)
        return value >> 16, (value >> 8) & 255, value & 255

    def name(self, language: str = "en") -> str:
        """Return the name in ``ja`` or ``en``."""
        return self.name_ja if language == "ja" else self.name_en


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthLegend:
    """Ranks of one legend, shallowest first, without gaps.

    Raises
    ------
    ConfigError
        If the ranks are not numbered from 1 or do not join.
    """

    name: str
    title_ja: str
    title_en: str
    source: str
    """Where the thresholds and colours are published."""
    ranks: tuple[DepthRank, ...]

    def __post_init__(self) -> None:
        edges = [(one.upper_m, two.lower_m) for one, two in zip(self.ranks, self.ranks[1:], strict=False)]
        if [rank.rank for rank in self.ranks] != list(range(1, len(self.ranks) + 1)) or any(a != b for a, b in edges):
            raise ConfigError(f"legend {self.name}: ranks must count from 1 and join without gaps")

    def rank_of(self, depth_m: NDArray[np.floating[Any]] | float) -> NDArray[np.uint8]:
        """Rank of each depth; 0 where dry (zero, negative or NaN); shape as `depth_m`.

        Examples
        --------
        >>> depth_legend("flood_depth_ja").rank_of(np.array([0.0, 0.2, 0.5, 2.999, 3.0, 25.0])).tolist()
        [0, 1, 2, 2, 3, 6]
        """
        depth = np.asarray(depth_m, dtype=np.float64)
        starts = np.array([rank.lower_m for rank in self.ranks[1:]])
        rank = np.searchsorted(starts, depth, side="right") + 1
        return np.where(depth > 0, rank, 0).astype(np.uint8)

    def colors(self) -> NDArray[np.uint8]:
        """Colour table indexed by rank, shape (ranks + 1, 4), RGBA; rank 0 is transparent."""
        rows = [(0, 0, 0, 0), *((*rank.rgb, 255) for rank in self.ranks)]
        return np.array(rows, dtype=np.uint8)


def depth_legend(name: str) -> DepthLegend:
    """Read a legend preset by its name, such as ``flood_depth_ja``.

    Raises
    ------
    ConfigError
        If there is no such preset or it lacks a key.
    """
    return _parse(name, preset("legends", name))


def _parse(name: str, content: Mapping[str, Any]) -> DepthLegend:
    try:
        entries = content["ranks"]
        ranks = tuple(
            DepthRank(
                rank=int(entry["rank"]),
                lower_m=float(entry["lower_m"]),
                upper_m=math.inf if entry["upper_m"] is None else float(entry["upper_m"]),
                color=str(entry["color"]),
                name_ja=str(entry["name"]["ja"]),
                name_en=str(entry["name"]["en"]),
            )
            for entry in entries
        )
        title = content["title"]
        return DepthLegend(
            name=name, title_ja=title["ja"], title_en=title["en"], source=str(content["source"]), ranks=ranks
        )
    except KeyError as error:
        raise ConfigError(f"legends/{name}.yaml: key {error.args[0]!r} is missing") from None
