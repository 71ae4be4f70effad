"""Words on a picture: title, keys, labels of gauges, scale and north, drawn after the fact with PIL.

VTK drops text silently when its font lacks a character; here the font is known, and text that it cannot draw is never
asked of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from viewer.palette import ramp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.fonts import Fonts
    from viewer.keys import Key

__all__ = ["Captions", "Label", "ScaleBar", "draw_captions", "draw_keys", "nice_length"]

_INK, _SOFT, _PAPER = (33, 38, 45), (92, 100, 110), (255, 255, 255, 226)
_SCENE_COST = 450.0
"""Pixels (of a picture 1000 high) that a card goes further away rather than cover the scene."""

_SHADOW = (30, 40, 50, 38)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A card beside a point of the picture."""

    x: float
    """Pixels from the left."""
    y: float
    """Pixels from the top."""
    lines: tuple[str, ...]
    """The first is bold."""
    color: str
    """Of the stripe that tells the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleBar:
    """How long a stretch of ground is in the picture's middle, and where north is."""

    length_m: float
    pixels: float
    north: tuple[float, float]
    """Direction of north in the picture, pixels right and down; any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captions:
    """Everything that is written on one picture."""

    title: str
    subtitle: tuple[str, ...]
    keys: tuple[Key, ...]
    labels: tuple[Label, ...]
    scale: ScaleBar | None
    footer: str
    sky: NDArray[np.bool_] | None = None
    """Shape (height, width): where the picture shows nothing; cards like to be there."""


def nice_length(length_m: float) -> float:
    """Return the longest of 1, 2, 5 times a power of ten that does not exceed `length_m`.

    Examples
    --------
    >>> nice_length(170.0), nice_length(99.0), nice_length(0.3)
    (100.0, 50.0, 0.2)
    """
    power = 10.0 ** math.floor(math.log10(length_m))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= length_m * (1 + 1e-9))


def draw_captions(picture: NDArray[np.uint8], captions: Captions, fonts: Fonts) -> Image.Image:
    """Return the picture, shape (height, width, 3), with its captions; sizes follow the picture's height."""
    image = Image.fromarray(picture).convert("RGBA")
    pen = _Pen(image, fonts, image.height / 1000.0)
    pen.title(captions)
    pen.keys(captions.keys)
    pen.labels(captions.labels, captions.sky)
    if captions.scale is not None:
        pen.scale(captions.scale)
    pen.footer(captions.footer)
    return pen.image.convert("RGB")


def draw_keys(keys: tuple[Key, ...], fonts: Fonts, height: int) -> Image.Image:
    """Return the keys alone on a clear ground, RGBA, at their size in a picture `height` pixels high."""
    pen = _Pen(Image.new("RGBA", (height, height)), fonts, height / 1000.0)
    pen.keys(keys)
    box = pen.image.getbbox()
    return pen.image if box is None else pen.image.crop(box)


class _Pen:
    """Draws captions on one image; `unit` is one pixel of a picture 1000 high."""

    def __init__(self, image: Image.Image, fonts: Fonts, unit: float) -> None:
        self.image, self.fonts, self.unit = image, fonts, unit
        self.taken: list[tuple[float, float, float, float]] = []
        self.right = float(image.width) - 8 * unit
        self.covered: NDArray[np.int64] | None = None

    @property
    def _on(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image)

    def _width(self, text: str, size: float, *, bold: bool = False) -> float:
        return float(self.fonts.sized(size * self.unit, bold=bold).getlength(text))

    def _text(self, at: tuple[float, float], text: str, size: float, *, bold: bool = False, soft: bool = False) -> None:
        font = self.fonts.sized(size * self.unit, bold=bold)
        self._on.text(at, text, font=font, fill=_SOFT if soft else _INK, anchor="la")

    def _card(self, box: tuple[float, float, float, float]) -> None:
        """Lay a translucent rounded card with a soft shadow."""
        layer = Image.new("RGBA", self.image.size, (0, 0, 0, 0))
        pen = ImageDraw.Draw(layer)
        radius = 7 * self.unit
        shift = 2 * self.unit
        pen.rounded_rectangle((box[0], box[1] + shift, box[2], box[3] + shift), radius, fill=_SHADOW)
        pen.rounded_rectangle(box, radius, fill=_PAPER)
        self.image = Image.alpha_composite(self.image, layer)

    def title(self, captions: Captions) -> None:
        unit = self.unit
        width = max(
            self._width(captions.title, 30, bold=True), *(self._width(line, 15) for line in captions.subtitle), 0.0
        )
        height = (52 + 23 * len(captions.subtitle) + 10) * unit
        box = (22 * unit, 24 * unit, 22 * unit + width + 36 * unit, 24 * unit + height)
        self._card(box)
        self.taken.append(box)
        self._text((40 * unit, 31 * unit), captions.title, 30, bold=True)
        for row, line in enumerate(captions.subtitle):
            self._text((40 * unit, (76 + 23 * row) * unit), line, 15, soft=True)

    def keys(self, keys: tuple[Key, ...]) -> None:
        """Draw the keys one below the other against the right margin, all as wide as the widest."""
        unit = self.unit
        width = max([240 * unit, *(self._key_width(key) for key in keys)])
        top, right = 24 * unit, self.image.width - 22 * unit
        for key in keys:
            height = (48 + (24 * len(key.rows) if key.rows else 44)) * unit
            self._key(key, (right - width, top, right, top + height))
            top += height + 12 * unit
        if keys:
            self.right = right - width - 12 * unit

    def _both(self, ja: str, en: str) -> str:
        return f"{ja}  {en}" if self.fonts.japanese else en

    def _key_width(self, key: Key) -> float:
        rows = [self._width(self._both(row.ja, row.en), 14) + 64 * self.unit for row in key.rows]
        return max(self._width(self._both(key.ja, key.en), 16, bold=True) + 32 * self.unit, *rows, 0.0)

    def _key(self, key: Key, box: tuple[float, float, float, float]) -> None:
        unit = self.unit
        left, top, right, _ = box
        self._card(box)
        self._text((left + 16 * unit, top + 11 * unit), self._both(key.ja, key.en), 16, bold=True)
        for index, row in enumerate(key.rows):
            y = top + (42 + 24 * index) * unit
            swatch = (left + 16 * unit, y, left + 38 * unit, y + 15 * unit)
            self._on.rounded_rectangle(swatch, 3 * unit, fill=row.color, outline=(120, 124, 130), width=1)
            self._text((left + 48 * unit, y - 2 * unit), self._both(row.ja, row.en), 14)
        if key.stops:
            self._ramp(key, left + 16 * unit, top + 42 * unit, right - left - 32 * unit)

    def _ramp(self, key: Key, left: float, top: float, width: float) -> None:
        unit = self.unit
        positions = np.linspace(0.0, len(key.stops) - 1.0, max(2, round(width)))
        strip = ramp(positions, [(float(i), color) for i, (_, color) in enumerate(key.stops)])
        bar = Image.fromarray(np.repeat(strip[None], max(1, round(15 * unit)), axis=0))
        self.image.paste(bar, (round(left), round(top)))
        values = [value for value, _ in key.stops]
        digits = 1 if values[-1] - values[0] < 20 else 0
        for share in (0.0, 0.5, 1.0):
            value = float(np.interp(share * (len(values) - 1), range(len(values)), values))
            text = f"{value:.{digits}f}" + (f" {key.unit}" if share == 1.0 else "")
            x = left + (width - self._width(text, 13)) * share
            self._text((x, top + 20 * unit), text, 13, soft=True)

    def labels(self, labels: tuple[Label, ...], sky: NDArray[np.bool_] | None = None) -> None:
        """Put a card near each point, clear of other cards and points; lines come first, so none crosses a text."""
        reach = 9 * self.unit
        if sky is not None:
            self.covered = np.cumsum(np.cumsum(~sky, axis=0, dtype=np.int64), axis=1)
        self.taken += [(one.x - reach, one.y - reach, one.x + reach, one.y + reach) for one in labels]
        placed = [(label, self._place(label)) for label in sorted(labels, key=lambda one: (one.y, one.x))]
        for label, (left, top, right, bottom) in placed:
            end = (left if label.x < left else right, min(max(label.y, top), bottom))
            self._on.line((label.x, label.y, *end), fill=(60, 66, 72), width=max(1, round(1.4 * self.unit)))
        for label, box in placed:
            self._label(label, box)

    def _place(self, label: Label) -> tuple[float, float, float, float]:
        """Find the nearest free place for a card, right of its point or left of it, higher or lower."""
        unit = self.unit
        width = max(self._width(t, s, bold=i == 0) for i, (t, s) in enumerate(_sized(label.lines))) + 28 * unit
        height = (22 * len(label.lines) + 12) * unit
        places = []
        for away in (18.0, 70.0, 130.0, 200.0, 280.0):
            for step in range(-24, 25):
                top = label.y - height / 2 + step * height / 3
                for left in (label.x + away * unit, label.x - away * unit - width):
                    box = (left, top, left + width, top + height)
                    cost = away * unit + abs(step * height / 3) + (0.1 * unit if left < label.x else 0.0)
                    cost += _SCENE_COST * unit * self._scene_share(box)
                    places.append((cost + 1e6 * self._clash(box), box))
        chosen = min(places)[1]
        self.taken.append(chosen)
        return chosen

    def _scene_share(self, box: tuple[float, float, float, float]) -> float:
        """How much of a card lies over things rather than over the sky, 0 to 1."""
        if self.covered is None:
            return 0.0
        height, width = self.covered.shape
        left, right = (min(max(round(x), 0), width - 1) for x in (box[0], box[2]))
        top, bottom = (min(max(round(y), 0), height - 1) for y in (box[1], box[3]))
        total = self.covered
        hidden = int(total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left])
        return float(hidden / max((right - left) * (bottom - top), 1))

    def _clash(self, box: tuple[float, float, float, float]) -> float:
        """How much of a card would lie over others or outside the picture, in cards."""
        gap = 4 * self.unit
        left, top, right, bottom = box[0] - gap, box[1] - gap, box[2] + gap, box[3] + gap
        outside = left < 0 or top < 0 or right > self.right or bottom > self.image.height
        hidden = sum(left < b[2] and right > b[0] and top < b[3] and bottom > b[1] for b in self.taken)
        return float(outside) + hidden

    def _label(self, label: Label, box: tuple[float, float, float, float]) -> None:
        unit = self.unit
        left, top, _, bottom = box
        self._card(box)
        self._on.rounded_rectangle((left, top, left + 6 * unit, bottom), 3 * unit, fill=label.color)
        for row, (text, size) in enumerate(_sized(label.lines)):
            self._text((left + 16 * unit, top + (6 + 22 * row) * unit), text, size, bold=row == 0, soft=row > 1)

    def scale(self, bar: ScaleBar) -> None:
        unit = self.unit
        left, base = 40 * unit, self.image.height - 60 * unit
        text = f"{bar.length_m:g} m" if bar.length_m < 1000 else f"{bar.length_m / 1000:g} km"
        text += "（画面中央）" if self.fonts.japanese else " (at the centre)"
        width = max(bar.pixels, self._width(text, 13)) + 90 * unit
        self._card((22 * unit, base - 34 * unit, 22 * unit + width, base + 16 * unit))
        self._on.line((left, base, left + bar.pixels, base), fill=_INK, width=max(2, round(3 * unit)))
        for x in (left, left + bar.pixels):
            self._on.line((x, base - 5 * unit, x, base + 5 * unit), fill=_INK, width=max(1, round(2 * unit)))
        self._text((left, base - 26 * unit), text, 13, soft=True)
        self._north(bar.north, 22 * unit + width - 28 * unit, base - 9 * unit)

    def _north(self, north: tuple[float, float], x: float, y: float) -> None:
        length = math.hypot(*north)
        if length < 1e-9:
            return
        size = 17 * self.unit
        right, down = north[0] / length, north[1] / length
        tip = (x + right * size, y + down * size)
        tail = (x - right * size * 0.7, y - down * size * 0.7)
        side = (-down * size * 0.42, right * size * 0.42)
        self._on.polygon(
            [tip, (tail[0] + side[0], tail[1] + side[1]), (x - right * size * 0.3, y - down * size * 0.3)], fill=_INK
        )
        self._on.polygon(
            [tip, (tail[0] - side[0], tail[1] - side[1]), (x - right * size * 0.3, y - down * size * 0.3)],
            fill=(150, 156, 163),
        )
        font = self.fonts.sized(12 * self.unit, bold=True)
        self._on.text(
            (tip[0] + right * 2, tip[1] + down * 2), "N", font=font, fill=_INK, anchor="mb" if down < 0 else "mt"
        )

    def footer(self, text: str) -> None:
        unit = self.unit
        self._text((24 * unit, self.image.height - 30 * unit), text, 13, soft=True)


def _sized(lines: tuple[str, ...]) -> list[tuple[str, float]]:
    """Lines of a card with their sizes: the first is its title."""
    return [(line, 15.0 if row == 0 else 13.0) for row, line in enumerate(lines)]
