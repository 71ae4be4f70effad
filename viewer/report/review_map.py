"""The overview of a review: how doubtful each part of the area is, and where its places lie."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from PIL import Image

from viewer.palette import ramp, rgb
from viewer.report.mapsvg import north_and_scale
from viewer.report.pages import data_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from twin.raster import Raster
    from twin.review import DoubtPlace

__all__ = ["DOUBT_STOPS", "draw_overview"]

DOUBT_STOPS = ((0.0, "#f3f1ea"), (5.0, "#f6d9a8"), (15.0, "#e58a4b"), (30.0, "#b1302a"), (60.0, "#5b0f2c"))
"""Doubtful points of a cell in per cent, and its colour: pale to dark, so that it reads in grey too."""
_WIDTH, _MOST_HEIGHT = 1040.0, 640.0
_MOST_CELLS = 1200
_NOTHING = 255
_PAPER = "#dcdad3"


def draw_overview(doubt: Raster, places: Sequence[DoubtPlace]) -> Markup:
    """Return an SVG of the whole area with numbered places that lead to their pictures."""
    bounds = doubt.frame.bounds
    scale = min(_WIDTH / bounds.width_m, _MOST_HEIGHT / bounds.height_m)
    width, height = bounds.width_m * scale, bounds.height_m * scale
    left = (_WIDTH - width) / 2
    parts = [
        f'<svg viewBox="-1 -1 {_WIDTH + 2:.0f} {height + 34:.1f}" role="img" aria-label="places">',
        f'<image href="{_picture(doubt.values)}" x="{left:.1f}" y="0" width="{width:.1f}" height="{height:.1f}"'
        ' preserveAspectRatio="none" style="image-rendering:pixelated"/>',
        f'<rect x="{left:.1f}" y="0" width="{width:.1f}" height="{height:.1f}" class="frame"/>',
    ]
    for place in reversed(places):  # the first place on top
        x, y = left + (place.x - bounds.xmin) * scale, (bounds.ymax - place.y) * scale
        parts.append(
            f'<a href="#place-{place.rank}"><circle cx="{x:.1f}" cy="{y:.1f}" r="11" class="mark"/>'
            f'<text x="{x:.1f}" y="{y + 4:.1f}" class="middle number">{place.rank}</text></a>'
        )
    parts += [north_and_scale(left, width, height, bounds.width_m), "</svg>"]
    return Markup("".join(parts))


def _picture(share: NDArray[np.uint8]) -> Markup:
    """Colour the cells; a large area shows the most doubtful cell of each block."""
    step = max(1, math.ceil(max(share.shape) / _MOST_CELLS))
    rows, columns = (-(-length // step) for length in share.shape)
    padded = np.full((rows * step, columns * step), _NOTHING, np.int64)
    padded[: share.shape[0], : share.shape[1]] = share
    padded[padded == _NOTHING] = -1
    worst = padded.reshape(rows, step, columns, step).max(axis=(1, 3))
    colors = ramp(worst, DOUBT_STOPS)
    colors[worst < 0] = rgb(_PAPER)
    stream = io.BytesIO()
    Image.fromarray(colors).quantize(64, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return data_uri(stream.getvalue(), "png")
