"""Pictures of a doubtful place: its points from above and in a cut, coloured by class, the doubtful ones marked."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from twin.review import DOUBTFUL
from viewer.fonts import find_fonts
from viewer.palette import class_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.bounds import Bounds
    from twin.points import Points

__all__ = ["VIEW_M", "Cut", "draw_cut", "draw_plan", "find_cut"]

VIEW_M = 44.0
"""Edge of the square that is shown, metres."""
_SCALE = 11
"""Pixels a metre."""
_SIZE = round(VIEW_M * _SCALE)
_STRIP_M = 2.0
"""Width of the strip whose points the cut shows, metres."""
_LEAST_HEIGHT_M, _MOST_HEIGHT_PX = 8.0, 380
_EDGE_PX, _LEFT_PX = 26, 46
_PAPER, _INK, _SOFT = (255, 255, 255), (38, 36, 31), (111, 107, 97)
_PALE = 0.62
"""How far the colours of sure points go towards white."""
_DIRECTIONS = tuple(math.radians(angle) for angle in (0.0, 45.0, 90.0, 135.0))
_NOISE = (7, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A line through a place, from A to B."""

    x: float
    """Middle, metres."""
    y: float
    angle: float
    """Direction from A to B, radians from east towards north."""

    def along(self, points: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distance of points along the line from its middle, and across it, metres, shape (n,)."""
        dx, dy = points.x - self.x, points.y - self.y
        c, s = math.cos(self.angle), math.sin(self.angle)
        return dx * c + dy * s, dy * c - dx * s


def find_cut(points: Points, x: float, y: float) -> Cut:
    """Return the line through a place that meets most doubtful points: west to east, or one of three others."""
    doubtful = points.take(points["confidence"] < DOUBTFUL)
    best, most = Cut(x=x, y=y, angle=0.0), -1
    for angle in _DIRECTIONS:
        cut = Cut(x=x, y=y, angle=angle)
        along, across = cut.along(doubtful)
        met = int(((abs(across) <= _STRIP_M / 2) & (abs(along) <= VIEW_M / 2)).sum())
        if met > most:
            best, most = cut, met
    return best


def draw_plan(points: Points, cut: Cut, judged: Bounds) -> bytes:
    """Draw the points from above, the highest on top.

    Parameters
    ----------
    points
        Points around the place with ``label`` and ``confidence``.
    cut
        Where the cut runs; its middle is the picture's.
    judged
        The cell that was judged.
    """
    column = (points.x - cut.x + VIEW_M / 2) * _SCALE
    row = (cut.y + VIEW_M / 2 - points.y) * _SCALE
    sheet = Image.fromarray(_painted(points, (row, column), points.z, (_SIZE, _SIZE)))
    pen = ImageDraw.Draw(sheet)
    west, south, east, north = judged
    corners = [
        ((x - cut.x + VIEW_M / 2) * _SCALE, (cut.y + VIEW_M / 2 - y) * _SCALE)
        for x, y in ((west, north), (east, south))
    ]
    pen.rectangle([*corners[0], *corners[1]], outline=_SOFT, width=1)
    c, s, half = math.cos(cut.angle), math.sin(cut.angle), _SIZE / 2
    for side in (-_STRIP_M / 2 * _SCALE, _STRIP_M / 2 * _SCALE):
        ends = [(half + t * c + side * s, half - t * s + side * c) for t in (-0.48 * _SIZE, 0.48 * _SIZE)]
        pen.line([ends[0], ends[1]], fill=_INK, width=1)
    for name, t in (("A", -0.455 * _SIZE), ("B", 0.455 * _SIZE)):
        _lettered(pen, (half + t * c, half - t * s), name)
    _bar(pen, (12, _SIZE - 14), 10.0)
    return _png(sheet)


def draw_cut(points: Points, cut: Cut) -> bytes:
    """Draw the strip of points along a cut from the side, heights as long as lengths unless the place is too high."""
    along, across = cut.along(points)
    near = (abs(across) <= _STRIP_M / 2) & (abs(along) <= VIEW_M / 2)
    strip, along = points.take(near), along[near]
    low, high = _height_range(strip)
    scale = min(_SCALE, _MOST_HEIGHT_PX / (high - low))
    height = max(1, round((high - low) * scale))
    row, column = (high - strip.z) * scale, (along + VIEW_M / 2) * _SCALE
    picture = _painted(strip, (row, column), -across[near], (height, _SIZE))
    sheet = Image.new("RGB", (_SIZE + _LEFT_PX, height + 2 * _EDGE_PX), _PAPER)
    sheet.paste(Image.fromarray(picture), (_LEFT_PX, _EDGE_PX))
    pen, fonts = ImageDraw.Draw(sheet), find_fonts()
    pen.rectangle([_LEFT_PX, _EDGE_PX, _LEFT_PX + _SIZE - 1, _EDGE_PX + height], outline=_SOFT)
    step = next(value for value in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0) if (high - low) / value <= 6)
    for level in np.arange(math.ceil(low / step) * step, high, step):
        at = _EDGE_PX + (high - level) * scale
        pen.line([(_LEFT_PX - 4, at), (_LEFT_PX, at)], fill=_INK)
        pen.text((_LEFT_PX - 7, at), f"{level:g}".replace("-", "−"), font=fonts.sized(12), fill=_INK, anchor="rm")
    pen.text((4, 4), "m", font=fonts.sized(12), fill=_SOFT)
    for name, at in (("A", _LEFT_PX + 12), ("B", _LEFT_PX + _SIZE - 12)):
        _lettered(pen, (at, _EDGE_PX / 2), name)
    _bar(pen, (_LEFT_PX + 4, height + _EDGE_PX + 16), 10.0)
    return _png(sheet)


def _painted(
    points: Points,
    at: tuple[NDArray[np.float64], NDArray[np.float64]],
    depth: NDArray[np.float64],
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    """Paint points as squares, those of greater depth last, doubtful ones over all and with a dark rim."""
    doubtful = points["confidence"] < DOUBTFUL
    colors = class_table()[points["label"]].astype(np.float64)
    colors[~doubtful] += (255.0 - colors[~doubtful]) * _PALE
    order = np.lexsort((np.arange(len(points)), depth, doubtful))
    half = _half_px(len(points), shape)
    layers = np.full(shape, -1, np.int64)
    row, column = (np.floor(axis[order]).astype(np.int64) for axis in at)
    n, rim = len(points), doubtful[order]
    # Rims lie under all doubtful points: a dense patch of them keeps its colour and gets one outline.
    for reach, chosen, lift in ((half, ~rim, 0), (half + 1, rim, n), (half, rim, 2 * n)):
        layer = np.flatnonzero(chosen) + lift
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                r, c = row[chosen] + dy, column[chosen] + dx
                inside = (r >= 0) & (r < shape[0]) & (c >= 0) & (c < shape[1])
                np.maximum.at(layers, (r[inside], c[inside]), layer[inside])
    plain = np.rint(colors[order]).astype(np.uint8)
    table = np.vstack([plain, np.full_like(plain, 20), plain, [(250, 249, 246)]]).astype(np.uint8)
    return np.asarray(table[layers])  # -1, where there is no point, takes the last row


def _half_px(n_points: int, shape: tuple[int, int]) -> int:
    """Half edge of a square so that squares about cover what the points cover."""
    spacing = math.sqrt(shape[0] * shape[1] / max(1, n_points))
    return min(4, max(1, round(spacing / 2.4)))


def _height_range(points: Points) -> tuple[float, float]:
    """Lowest and highest level to show, metres: all but noise and the last two per mille, and a little room."""
    z = points.z[~np.isin(points["label"], _NOISE)]
    low, high = (float(value) for value in np.quantile(z, [0.002, 0.998])) if z.size else (0.0, 1.0)
    middle, half = (low + high) / 2, max(high - low + 1.5, _LEAST_HEIGHT_M) / 2
    return middle - half, middle + half


def _lettered(pen: ImageDraw.ImageDraw, at: tuple[float, float], letter: str) -> None:
    x, y = at
    pen.ellipse([x - 10, y - 10, x + 10, y + 10], fill=_INK)
    pen.text((x, y), letter, font=find_fonts().sized(14, bold=True), fill=_PAPER, anchor="mm")


def _bar(pen: ImageDraw.ImageDraw, at: tuple[float, float], length_m: float) -> None:
    x, y = at
    pen.rectangle([x - 4, y - 12, x + length_m * _SCALE + 44, y + 10], fill=_PAPER)
    pen.rectangle([x, y - 2, x + length_m * _SCALE, y + 3], fill=_INK)
    pen.text((x + length_m * _SCALE + 6, y), f"{length_m:g} m", font=find_fonts().sized(12), fill=_INK, anchor="lm")


def _png(sheet: Image.Image) -> bytes:
    stream = io.BytesIO()
    sheet.quantize(128, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
