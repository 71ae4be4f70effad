"""The map of errors as one PNG: where labels are wrong and how, over the shaded surface, with its key and scale."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from twin.config import preset
from viewer.captions import nice_length
from viewer.fonts import find_fonts
from viewer.palette import rgb
from viewer.shading import fill_gaps, hillshade

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from twin.raster import Raster

__all__ = ["draw_errors"]

_WANTED_PX = 1000
"""Longer side of the map; cells become whole numbers of pixels."""
_PANEL_PX, _FOOT_PX, _MARGIN_PX = 330, 44, 16
_NOTHING = 255
_PAPER, _INK, _SOFT, _VOID = "#ffffff", "#26241f", "#6d6a62", "#eceae4"
_RIGHT = "#d9d7d0"


def draw_errors(kinds: Raster, surface: Raster, points_by_kind: Mapping[int, int], title: str = "") -> bytes:
    """Draw the map and return the PNG's bytes.

    Parameters
    ----------
    kinds
        Kind of error of each cell: codes of ``config/legends/label_errors.yaml``, 0 right, 255 nothing there.
    surface
        Highest point of each cell in metres, NaN where there is none; same frame.
    points_by_kind
        Points of each kind, 0 for those that are right: the key says what share they are.
    title
        What was scored; left out if empty.
    """
    legend = preset("legends", "label_errors")
    factor = max(1, round(_WANTED_PX / max(kinds.frame.shape)))
    picture = _map(kinds.values, surface, legend["kinds"]).repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = picture.shape[:2]
    sheet = Image.new("RGB", (width + _PANEL_PX, max(height + _FOOT_PX, 420)), _PAPER)
    sheet.paste(Image.fromarray(picture), (0, 0))
    pen = _Pen(sheet)
    pen.key((width + _MARGIN_PX, _MARGIN_PX), legend, points_by_kind, title)
    pen.scale((_MARGIN_PX, height + 24), kinds.frame.resolution_m / factor, width, kinds.crs)
    stream = io.BytesIO()
    few = _palette([row["color"] for row in legend["kinds"]])
    sheet.quantize(palette=few, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _palette(colors: list[str]) -> Image.Image:
    """Return an image whose palette holds the errors' colours exactly, and greys: half the bytes of true colour."""
    paper, ink = np.array(rgb(_PAPER), np.float64), np.array(rgb(_INK), np.float64)
    greys = [paper + (ink - paper) * k / 30.0 for k in range(31)]
    warm = np.array(rgb(_RIGHT)) * np.linspace(0.4, 1.18, 32)[:, None]
    flat = np.clip(np.vstack([[rgb(color) for color in (*colors, _RIGHT, _VOID)], greys, warm]), 0, 255)
    image = Image.new("P", (1, 1))
    image.putpalette(np.rint(flat).astype(np.uint8).ravel().tolist())
    return image


def _map(kinds: NDArray[np.uint8], surface: Raster, rows: list[dict[str, Any]]) -> NDArray[np.uint8]:
    """Colour the errors over the surface in light greys; shape (rows, columns, 3)."""
    light = hillshade(fill_gaps(surface.values), surface.frame.resolution_m, exaggeration=1.0)
    grey = np.clip(np.array(rgb(_RIGHT)) * light[..., None], 0, 255).astype(np.uint8)
    grey[kinds == _NOTHING] = rgb(_VOID)
    for row in rows:
        grey[kinds == row["code"]] = rgb(row["color"])
    return grey


class _Pen:
    """Writes on one sheet, in Japanese where there is a font for it."""

    def __init__(self, sheet: Image.Image) -> None:
        self._on, self._fonts = ImageDraw.Draw(sheet), find_fonts()

    def _text(self, at: tuple[float, float], text: str, size: float, *, bold: bool = False, soft: bool = False) -> None:
        self._on.text(at, text, font=self._fonts.sized(size, bold=bold), fill=_SOFT if soft else _INK)

    def key(self, at: tuple[float, float], legend: Mapping[str, Any], points: Mapping[int, int], title: str) -> None:
        """Write what the colours mean and what share of the points they are."""
        x, y = at
        total, japanese = max(1, sum(points.values())), self._fonts.japanese
        heading = legend["title"]
        for text, size, bold in ((heading["ja"], 20, True), (heading["en"], 15, False), (title, 13, False)):
            if text and (japanese or text.isascii()):
                self._text((x, y), text, size, bold=bold)
                y += 1.5 * size
        y += 8
        for entry in (*legend["kinds"], {"code": 0, "color": _RIGHT, "ja": "正しい", "en": "Right"}):
            share = f"{100.0 * points.get(entry['code'], 0) / total:.2f} %"
            self._on.rectangle((x, y + 3, x + 22, y + 21), fill=entry["color"], outline=_SOFT)
            self._text((x + 32, y), entry["ja"] if japanese else entry["en"], 15)
            self._text((x + 32, y + 19), f"{entry['en']}, {share}" if japanese else share, 12, soft=True)
            y += 46
        self._text((x, y), "点の割合 / share of points" if japanese else "share of points", 12, soft=True)

    def scale(self, at: tuple[float, float], pixel_m: float, width: int, crs: str) -> None:
        """Draw the scale bar, the way north and the CRS below a map of a width in pixels."""
        x, y = at
        length_m = nice_length(max(pixel_m * width / 4.0, 1e-3))
        length = length_m / pixel_m
        self._on.rectangle((x, y - 4, x + length / 2, y + 2), fill=_INK, outline=_INK)
        self._on.rectangle((x + length / 2, y - 4, x + length, y + 2), fill=_PAPER, outline=_INK)
        label = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
        north = "北が上 / north is up" if self._fonts.japanese else "north is up"
        self._text((x + length + 12, y - 11), f"{label}   {north}   {crs}", 14)
