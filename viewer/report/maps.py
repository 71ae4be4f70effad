"""Pictures of rasters and outlines, as JPEG bytes.

No words are drawn but the scale bar's: names and legends stand in the page, where every browser has the fonts for them.
North is up and a metre is as long east as north.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from twin.bounds import Bounds
from viewer.palette import BUILDING_STOPS, PERMANENT_WATER, class_table, ramp, rgb, spread
from viewer.shading import fill_gaps, hillshade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from shapely import Polygon

    from twin.raster import Raster
    from viewer.report.content import Buildings, Flood, Terrain

__all__ = ["DENSITY_COLORS", "building_map", "class_picture", "density_map", "flood_map", "shrunk", "terrain_map"]

DENSITY_COLORS = ("#f2f0e6", "#b9d7c4", "#6fb3b0", "#3a82a0", "#2b4d80", "#271f4f")
"""Few to many points: one hue after another, each darker, so that it also reads in grey."""

_WIDTH_IN, _DPI = 6.0, 150
_LEAST_HEIGHT_IN, _MOST_HEIGHT_IN = 2.0, 7.5
_MOST_CELLS = 1000
"""Cells along the longer side of a picture; more would not be seen at its size."""
_WATER_ALPHA = 215
"""Opacity of flood water, of 255: the relief shines through, the official colours stay what they are."""
_PAPER = "#eceae4"
"""Where nothing is known."""
_INK = "#33312c"

_Layer = tuple[NDArray[np.uint8], Bounds]
"""A picture, shape (rows, columns, 3 or 4), and what it covers."""


def density_map(density: Raster) -> tuple[bytes, list[tuple[float, str]]]:
    """Draw points per square metre; return the picture and its colour stops."""
    values, _ = shrunk(density, least_m=2.0)
    seen = values[values > 0]
    top = float(np.percentile(seen, 98.0)) if seen.size else 1.0
    stops = [(top * i / (len(DENSITY_COLORS) - 1), color) for i, color in enumerate(DENSITY_COLORS)]
    picture = ramp(values, stops)
    picture[~(values > 0)] = rgb(_PAPER)
    bounds = density.frame.bounds
    return _drawn(bounds, [(picture, bounds)]), stops


def class_picture(class_map: Raster) -> bytes:
    """Draw the class of the highest point of each cell."""
    table = np.vstack([class_table(), [rgb(_PAPER)]]).astype(np.uint8)
    bounds = class_map.frame.bounds
    return _drawn(bounds, [(table[class_map.values], bounds)])  # -1 takes the last row


def terrain_map(terrain: Terrain) -> tuple[bytes, list[tuple[float, str]]]:
    """Draw the ground in colours of height under an afternoon sun; return the picture and its colour stops."""
    values, resolution_m = shrunk(terrain.heights)
    stops = spread(values)
    bounds = terrain.heights.frame.bounds
    return _drawn(bounds, [(_relief(values, resolution_m, stops), bounds)]), stops


def building_map(buildings: Buildings, bounds: Bounds, terrain: Terrain | None) -> bytes:
    """Draw outlines in colours of height, over the relief if there is one."""
    colors = ramp(buildings.height_m, BUILDING_STOPS) / 255.0
    return _drawn(bounds, _backdrop(terrain), outlines=buildings.outlines, colors=colors)


def flood_map(flood: Flood, terrain: Terrain | None) -> bytes:
    """Draw depth ranks in their official colours over the relief; buildings take the colour of their own rank."""
    depth, _ = shrunk(flood.depth, reduce="max", where=flood.flooded)
    flooded = np.isfinite(depth) & (depth > 0)
    permanent, unknown = (_share(mask, flood.depth) > 0.5 for mask in (flood.permanent, flood.unknown))
    table = flood.legend.colors()[:, :3]
    water = np.zeros((*depth.shape, 4), np.uint8)
    water[unknown] = _hatch(unknown)
    water[permanent] = (*rgb(PERMANENT_WATER), 255)
    water[flooded, :3] = table[flood.legend.rank_of(depth)[flooded]]
    water[flooded, 3] = _WATER_ALPHA
    fills = np.vstack([table, [rgb("#c9c9c9")]])  # -1, unknown, takes the last row
    fills[0] = rgb("#ffffff")
    colors = fills[flood.ranks.astype(np.intp)] / 255.0
    bounds = flood.depth.frame.bounds
    return _drawn(bounds, [*_backdrop(terrain), (water, bounds)], outlines=flood.outlines, colors=colors)


def shrunk(
    raster: Raster, *, least_m: float = 0.0, reduce: str = "mean", where: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.float64], float]:
    """Reduce a raster to at most about a thousand cells a side, blocks at a time; NaN cells do not count.

    Parameters
    ----------
    raster
        What to reduce.
    least_m
        Least edge of a cell of the result, metres.
    reduce
        ``mean``, or ``max`` for what must not get lost between cells.
    where
        Cells that count; all if None.

    Returns
    -------
    values, resolution_m
        NaN where no cell of the block counts.
    """
    step = max(
        1, math.ceil(max(raster.frame.shape) / _MOST_CELLS), math.ceil(least_m / raster.frame.resolution_m - 1e-9)
    )
    values = np.asarray(raster.values, dtype=np.float64)
    if where is not None:
        values = np.where(where, values, np.nan)
    blocks = _blocks(values, step, np.nan)
    known = np.isfinite(blocks)
    n_known = known.sum(axis=(1, 3))
    if reduce == "max":
        result = np.where(known, blocks, -np.inf).max(axis=(1, 3))
    else:
        result = np.where(known, blocks, 0.0).sum(axis=(1, 3)) / np.maximum(n_known, 1)
    return np.where(n_known > 0, result, np.nan), raster.frame.resolution_m * step


def _blocks(values: NDArray[Any], step: int, fill: float) -> NDArray[Any]:
    """Cut an array into blocks of `step` cells a side: shape (rows, step, columns, step), padded in the south-east."""
    rows, columns = (-(-length // step) for length in values.shape)
    padded = np.full((rows * step, columns * step), fill, dtype=values.dtype)
    padded[: values.shape[0], : values.shape[1]] = values
    return padded.reshape(rows, step, columns, step)


def _share(mask: NDArray[np.bool_], like: Raster) -> NDArray[np.float64]:
    """Share of each shrunk cell that `mask` takes."""
    step = max(1, math.ceil(max(like.frame.shape) / _MOST_CELLS))
    return np.asarray(_blocks(mask.astype(np.float64), step, 0.0).mean(axis=(1, 3)))


def _relief(values: NDArray[np.float64], resolution_m: float, stops: Sequence[tuple[float, str]]) -> NDArray[np.uint8]:
    light = hillshade(fill_gaps(values), resolution_m)
    picture: NDArray[np.uint8] = np.clip(ramp(values, stops) * light[..., None], 0, 255).astype(np.uint8)
    picture[~np.isfinite(values)] = rgb(_PAPER)
    return picture


def _backdrop(terrain: Terrain | None) -> list[_Layer]:
    """Return the relief in quiet greys, on which colours stand out; nothing without a terrain."""
    if terrain is None:
        return []
    values, resolution_m = shrunk(terrain.heights)
    return [(_relief(values, resolution_m, [(0.0, "#e4e2dc"), (1.0, "#e4e2dc")]), terrain.heights.frame.bounds)]


def _hatch(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour the cells of `mask` in diagonals, so that unknown land is not mistaken for dry; shape (n, 4)."""
    row, column = np.nonzero(mask)
    dark = ((row + column) // 3) % 2 == 0
    return np.where(dark[:, None], (*rgb("#a9a69c"), 255), (*rgb("#e4e2dc"), 255)).astype(np.uint8)


def _drawn(
    bounds: Bounds,
    layers: Sequence[_Layer],
    *,
    outlines: Sequence[Polygon] = (),
    colors: NDArray[np.float64] | None = None,
) -> bytes:
    """Draw pictures one over the other, outlines on them, and a scale bar; `bounds` is what is shown."""
    wanted = _WIDTH_IN * bounds.height_m / max(bounds.width_m, 1e-9)
    figure = Figure(
        figsize=(_WIDTH_IN, min(max(wanted, _LEAST_HEIGHT_IN), _MOST_HEIGHT_IN)), dpi=_DPI, facecolor=_PAPER
    )
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    for picture, (west, south, east, north) in layers:
        axes.imshow(picture, extent=(west, east, south, north), interpolation="antialiased", zorder=0)
    if outlines:
        rings = [np.asarray(outline.exterior.coords)[:, :2] for outline in outlines]
        width = 0.7 if len(rings) < 1000 else 0.2
        axes.add_collection(PolyCollection(rings, facecolors=colors, edgecolors=_INK, linewidths=width, zorder=1))
    axes.set_xlim(bounds.xmin, bounds.xmax)
    axes.set_ylim(bounds.ymin, bounds.ymax)
    axes.set_aspect("equal")
    _scale_bar(axes, bounds)
    stream = io.BytesIO()
    figure.savefig(stream, format="jpeg", pil_kwargs={"quality": 90, "subsampling": 0, "optimize": True})
    return stream.getvalue()


def _scale_bar(axes: Axes, bounds: Bounds) -> None:
    """Draw a bar of a round length, about a fifth of the width."""
    goal = bounds.width_m / 5.0
    power = 10.0 ** math.floor(math.log10(max(goal, 1e-3)))
    length = max(step * power for step in (1, 2, 5) if step * power <= goal)
    x, y = bounds.xmin + 0.03 * bounds.width_m, bounds.ymin + 0.03 * bounds.width_m
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    for color, width in (("#ffffff", 5.0), (_INK, 2.2)):  # a light rim, for dark ground
        axes.plot([x, x + length], [y, y], color=color, linewidth=width, solid_capstyle="butt", zorder=3)
    box = {"facecolor": "#ffffff", "alpha": 0.75, "edgecolor": "none", "pad": 1.5}
    axes.text(
        x + length / 2, y + 0.012 * bounds.width_m, label,
        ha="center", va="bottom", fontsize=9, color=_INK, bbox=box, zorder=3,
    )  # fmt: skip
