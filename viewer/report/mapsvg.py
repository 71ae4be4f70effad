"""A `MapPicture` as an SVG: cells as one small PNG, with frame, scale bar and north; its legend as plain values.

Cells are drawn as they are, without smoothing, so that one empty cell stays one empty cell. The colours are told apart
with every common colour blindness, and in print: sequential ones darken steadily, diverging ones go from blue to brown.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape
from PIL import Image

from twin.bounds import Bounds
from twin.raster import Frame
from viewer.palette import ramp, rgb
from viewer.report.pages import data_uri, gradient

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.acceptance import MapPicture

__all__ = ["CLASS_COLORS", "DIVERGING", "SEQUENTIAL", "MapView", "crop", "draw_map", "north_and_scale", "scale_bar"]

SEQUENTIAL = ("#fbe08a", "#b7d38a", "#6fb9a3", "#3a8fa3", "#2b5f8e", "#272a5f")
"""Few to many."""
DIVERGING = ("#1b4f8a", "#6fa8cf", "#f1efe8", "#e3a057", "#8f4700")
"""Below to above zero."""
CLASS_COLORS = ("#dfe4e2", "#d55e00", "#56b4e9", "#e6a000", "#009e73", "#0a4f80", "#cc79a7", "#f0e442")
"""Quiet for the first class, then Okabe and Ito's set (Color Universal Design, 2008)."""

_STEPS = 63
_NOTHING = 255
_SIZE, _SMALL_SIZE = (520, 560), (240, 240)
"""Width, and greatest height, on paper."""
_RING = 0.04
"""Share of a side within which cells share a ring."""
_SPARSE = 0.002
"""Share of cells below which nothing would be seen without rings."""
_SMALL_CELLS = 128
"""Cells along a side of a small picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapView:
    """A map ready for a page."""

    svg: Markup
    ramp: str = ""
    """CSS gradient of the legend; empty for classes."""
    low: str = ""
    high: str = ""
    middle: str = ""
    is_sparse: bool = False
    """Whether so few cells hold anything that rings show where."""
    keys: tuple[tuple[str, str, str], ...] = ()
    """Colour, Japanese and English name of each class."""


def draw_map(picture: MapPicture, *, small: bool = False) -> MapView:
    """Draw a map.

    Parameters
    ----------
    picture
        What to draw; north is its first row.
    small
        For a row of pictures: thinned to 128 cells a side, without corner coordinates.

    Notes
    -----
    About 5 ms for 300 x 300 cells.
    """
    values = _thinned(picture.values, _SMALL_CELLS) if small else np.asarray(picture.values)
    if picture.kind == "classes":
        indices, palette, legend = _classes(picture, values)
    else:
        indices, palette, legend = _continuous(picture, values)
    used = indices != _NOTHING
    is_sparse = bool(0 < used.sum() < _SPARSE * used.size)
    rings = _rings(used) if is_sparse else []
    svg = _framed(picture, data_uri(_png(indices, palette), "png"), rings, small)
    return MapView(svg=svg, is_sparse=is_sparse, **legend)


def crop(picture: MapPicture, box: tuple[float, float, float, float], least: int = 16) -> MapPicture | None:
    """Cut a box (xmin, ymin, xmax, ymax) out of a map, in the whole map's colours.

    Returns
    -------
    MapPicture or None
        None if the box has fewer than `least` cells along its longer side: nothing would be seen.
    """
    frame = picture.frame
    inside = Frame.covering(Bounds(xmin=box[0], ymin=box[1], xmax=box[2], ymax=box[3]), frame.resolution_m)
    column0, row0 = max(inside.column0, frame.column0), max(inside.row0, frame.row0)
    columns = min(inside.column0 + inside.columns, frame.column0 + frame.columns) - column0
    rows = min(inside.row0 + inside.rows, frame.row0 + frame.rows) - row0
    if columns < 1 or rows < 1 or max(columns, rows) < least:
        return None
    top, left = frame.row0 + frame.rows - (row0 + rows), column0 - frame.column0
    low, high = picture.low, picture.high
    if picture.kind != "classes":
        low, high = _range(picture, _known(picture.values))
    return replace(
        picture,
        frame=Frame(column0=column0, row0=row0, rows=rows, columns=columns, resolution_m=frame.resolution_m),
        values=picture.values[top : top + rows, left : left + columns],
        low=low,
        high=high,
    )


def scale_bar(width_m: float) -> tuple[float, str]:
    """Return a round length of about a fifth of `width_m`, and its name.

    Examples
    --------
    >>> scale_bar(1200.0), scale_bar(40_000.0)
    ((200.0, '200 m'), (5000.0, '5 km'))
    """
    goal = max(width_m, 1e-6) / 5.0
    power = 10.0 ** math.floor(math.log10(goal))
    length = max(step * power for step in (1, 2, 5) if step * power <= goal * (1 + 1e-12))
    return length, f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"


def _continuous(
    picture: MapPicture, values: NDArray[Any]
) -> tuple[NDArray[np.uint8], list[tuple[int, int, int]], dict[str, Any]]:
    """Cut values into colour steps; cells without a value are see-through."""
    known = np.isfinite(values) if values.dtype.kind == "f" else values != _NOTHING
    low, high = _range(picture, _known(values))
    colors = DIVERGING if picture.kind == "diverging" else SEQUENTIAL
    stops = [(low + (high - low) * i / (len(colors) - 1), color) for i, color in enumerate(colors)]
    scaled = (np.where(known, values, low).astype(np.float64) - low) / (high - low)
    indices = np.clip(np.rint(scaled * (_STEPS - 1)), 0, _STEPS - 1).astype(np.uint8)
    indices[~known] = _NOTHING
    table = ramp(np.linspace(low, high, _STEPS), stops)
    middle = "0" if picture.kind == "diverging" else ""
    words = {"ramp": gradient(stops), "low": _short(low), "high": _short(high), "middle": middle}
    return indices, [(int(r), int(g), int(b)) for r, g, b in table], words


def _classes(
    picture: MapPicture, values: NDArray[Any]
) -> tuple[NDArray[np.uint8], list[tuple[int, int, int]], dict[str, Any]]:
    """Give each labelled value its colour, in the order of the labels; others are see-through."""
    indices = np.full(values.shape, _NOTHING, np.uint8)
    palette, keys = [], []
    for i, (value, (english, japanese)) in enumerate(picture.labels.items()):
        color = CLASS_COLORS[i % len(CLASS_COLORS)]
        indices[values == value] = i
        palette.append(rgb(color))
        keys.append((color, japanese, english))
    return indices, palette, {"keys": tuple(keys)}


def _known(values: NDArray[Any]) -> NDArray[np.float64]:
    known = np.isfinite(values) if values.dtype.kind == "f" else values != _NOTHING
    return np.asarray(values[known], np.float64)


def _range(picture: MapPicture, known: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the colours: those given, else those of the middle 98 % of the values."""
    ends = np.percentile(known, [1.0, 99.0]) if known.size else np.array([0.0, 1.0])
    low = float(ends[0]) if picture.low is None else picture.low
    high = float(ends[1]) if picture.high is None else picture.high
    if picture.kind == "diverging":
        high = max(abs(low), abs(high)) if picture.high is None else abs(picture.high)
        low = -high
    return (low, high) if high > low else (low, low + 1.0)


def _thinned(values: NDArray[Any], most: int) -> NDArray[Any]:
    """Take every n-th cell so that at most `most` are left along a side."""
    step = max(1, math.ceil(max(values.shape) / most))
    return np.asarray(values)[::step, ::step]


def _png(indices: NDArray[np.uint8], palette: list[tuple[int, int, int]]) -> bytes:
    image = Image.frombytes("P", (indices.shape[1], indices.shape[0]), np.ascontiguousarray(indices).tobytes())
    flat = [channel for color in palette for channel in color]
    image.putpalette(flat + [0] * (768 - len(flat)))
    stream = io.BytesIO()
    image.save(stream, "PNG", transparency=_NOTHING, optimize=True)
    return stream.getvalue()


def _rings(used: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return places of rings around what there is, as shares of width and height; one for cells close together."""
    places: list[tuple[float, float]] = []
    rows, columns = used.shape
    for row, column in np.argwhere(used):
        at = ((column + 0.5) / columns, (row + 0.5) / rows)
        if all(math.dist(at, other) > _RING for other in places):
            places.append(at)
    return places


def _framed(picture: MapPicture, uri: Markup, rings: list[tuple[float, float]], small: bool) -> Markup:
    """Set the cells into a frame with a scale bar below and north at the corner."""
    bounds = picture.frame.bounds
    paper, most_height = _SMALL_SIZE if small else _SIZE
    scale = min(paper / max(bounds.width_m, 1e-9), most_height / max(bounds.height_m, 1e-9))
    width, height = max(bounds.width_m * scale, 24.0), max(bounds.height_m * scale, 24.0)
    left = (paper - width) / 2
    parts = [
        f'<svg class="map" viewBox="-1 -1 {paper + 2} {height + 34:.1f}" role="img"'
        f' aria-label="{escape(picture.title)}">',
        f'<rect x="{left:.1f}" y="0" width="{width:.1f}" height="{height:.1f}" class="nothing"/>',
        f'<image href="{uri}" x="{left:.1f}" y="0" width="{width:.1f}" height="{height:.1f}"'
        ' preserveAspectRatio="none" style="image-rendering:pixelated"/>',
        f'<rect x="{left:.1f}" y="0" width="{width:.1f}" height="{height:.1f}" class="frame"/>',
        *(f'<circle cx="{left + x * width:.1f}" cy="{y * height:.1f}" r="9" class="ring"/>' for x, y in rings),
        north_and_scale(left, width, height, bounds.width_m),
    ]
    if not small:
        corner = f"E {bounds.xmin:,.0f}–{bounds.xmax:,.0f}  N {bounds.ymin:,.0f}–{bounds.ymax:,.0f} m"
        parts.append(f'<text x="{paper / 2 + 40}" y="{height + 22:.1f}" class="soft middle">{corner}</text>')
    parts.append("</svg>")
    return Markup("".join(parts))


def north_and_scale(left: float, width: float, height: float, width_m: float) -> Markup:
    """Draw a scale bar and a north arrow below a map that is `width` wide and `height` high on paper."""
    length, label = scale_bar(width_m)
    bar = _bar(left, height + 12, length * width / max(width_m, 1e-9), label)
    return Markup(bar + _north(left + width - 8, height + 18))


def _bar(x: float, y: float, length: float, label: str) -> str:
    half = length / 2
    return (
        f'<g class="scale"><rect x="{x:.1f}" y="{y:.1f}" width="{half:.1f}" height="5" class="ink"/>'
        f'<rect x="{x + half:.1f}" y="{y:.1f}" width="{half:.1f}" height="5" class="hollow"/>'
        f'<text x="{x + length + 6:.1f}" y="{y + 8:.1f}">{label}</text></g>'
    )


def _north(x: float, y: float) -> str:
    return (
        f'<g class="north"><path d="M{x:.1f} {y - 12:.1f} l5 15 l-5 -4 l-5 4 z" class="ink"/>'
        f'<text x="{x - 18:.1f}" y="{y + 3:.1f}">N</text></g>'
    )


def _short(value: float) -> str:
    return f"{value:,.3g}".replace("-", "−") if abs(value) < 1000 else f"{value:,.0f}".replace("-", "−")
