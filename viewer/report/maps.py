"""Pictures of rasters and outlines, as PNG bytes.

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

from viewer.palette import BUILDING_STOPS, PERMANENT_WATER, class_table, ramp, rgb, spread
from viewer.shading import fill_gaps, hillshade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from shapely import Polygon

    from twin.bounds import Bounds
    from twin.raster import Raster
    from viewer.report.content import Buildings, Flood, Terrain

__all__ = ["DENSITY_COLORS", "building_map", "class_picture", "density_map", "flood_map", "shrunk", "terrain_map"]

DENSITY_COLORS = ("#f2f0e6", "#b9d7c4", "#6fb3b0", "#3a82a0", "#2b4d80", "#271f4f")
"""Few to many points: one hue after another, each darker, so that it also reads in grey."""

_WIDTH_IN, _DPI = 6.0, 150
_LEAST_HEIGHT_IN, _MOST_HEIGHT_IN = 2.0, 7.5
_MOST_CELLS = 1000
"""Cells along the longer side of a picture; more would not be seen at its size."""
_PAPER = "#eceae4"
"""Where nothing is known."""
_INK = "#33312c"


def density_map(terrain: Terrain) -> tuple[bytes, list[tuple[float, str]]]:
    """Draw points per square metre; return the picture and its colour stops."""
    values, _ = shrunk(terrain.density, least_m=2.0)
    seen = values[values > 0]
    top = float(np.percentile(seen, 98.0)) if seen.size else 1.0
    stops = [(top * i / (len(DENSITY_COLORS) - 1), color) for i, color in enumerate(DENSITY_COLORS)]
    picture = ramp(values, stops)
    picture[~(values > 0)] = rgb(_PAPER)
    return _png(terrain.density.frame.bounds, picture), stops


def class_picture(class_map: Raster) -> bytes:
    """Draw the class of the highest point of each cell."""
    table = np.vstack([class_table(), [rgb(_PAPER)]]).astype(np.uint8)
    return _png(class_map.frame.bounds, table[class_map.values])  # -1 takes the last row


def terrain_map(terrain: Terrain) -> tuple[bytes, list[tuple[float, str]]]:
    """Draw the ground in colours of height under an afternoon sun; return the picture and its colour stops."""
    values, resolution_m = shrunk(terrain.heights)
    stops = spread(values)
    return _png(terrain.heights.frame.bounds, _relief(values, resolution_m, stops)), stops


def building_map(buildings: Buildings, bounds: Bounds, terrain: Terrain | None) -> bytes:
    """Draw outlines in colours of height, over the relief if there is one."""
    colors = ramp(buildings.height_m, BUILDING_STOPS) / 255.0
    return _png(bounds, _backdrop(terrain), outlines=buildings.outlines, colors=colors, image_bounds=_extent(terrain))


def flood_map(flood: Flood, terrain: Terrain | None) -> bytes:
    """Draw depth ranks in their official colours over the relief; buildings take the colour of their own rank."""
    depth, _ = shrunk(flood.depth, reduce="max", where=flood.flooded)
    flooded = np.isfinite(depth) & (depth > 0)
    permanent, unknown = (_share(mask, flood.depth) > 0.5 for mask in (flood.permanent, flood.unknown))
    table = flood.legend.colors()[:, :3]
    picture = _same_shape(_backdrop(terrain), depth.shape)
    picture[unknown] = _hatch(picture[unknown], unknown)
    picture[permanent] = rgb(PERMANENT_WATER)
    picture[flooded] = np.rint(0.85 * table[flood.legend.rank_of(depth)[flooded]] + 0.15 * picture[flooded])
    fills = np.vstack([table, [rgb("#c9c9c9")]])  # -1, unknown, takes the last row
    fills[0] = rgb("#ffffff")
    colors = fills[flood.ranks.astype(np.intp)] / 255.0
    return _png(flood.depth.frame.bounds, picture, outlines=flood.outlines, colors=colors)


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


def _backdrop(terrain: Terrain | None) -> NDArray[np.uint8]:
    """Return the relief in quiet greys, on which colours stand out."""
    if terrain is None:
        return np.full((1, 1, 3), rgb(_PAPER), np.uint8)
    values, resolution_m = shrunk(terrain.heights)
    return _relief(values, resolution_m, [(0.0, "#e4e2dc"), (1.0, "#e4e2dc")])


def _extent(terrain: Terrain | None) -> Bounds | None:
    return None if terrain is None else terrain.heights.frame.bounds


def _same_shape(picture: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return `picture` if it has the shape, else plain paper: the overlay may be of another frame than the terrain."""
    if picture.shape[:2] == shape:
        return picture
    return np.full((*shape, 3), rgb(_PAPER), np.uint8)


def _hatch(colors: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Darken every other diagonal, so that unknown land is not mistaken for dry."""
    row, column = np.nonzero(mask)
    dark = ((row + column) // 3) % 2 == 0
    return np.where(dark[:, None], np.array(rgb("#a9a69c")), colors).astype(np.uint8)


def _png(
    bounds: Bounds,
    picture: NDArray[np.uint8],
    *,
    outlines: Sequence[Polygon] = (),
    colors: NDArray[np.float64] | None = None,
    image_bounds: Bounds | None = None,
) -> bytes:
    """Draw a picture that covers `bounds` (or `image_bounds`), outlines on it, and a scale bar."""
    wanted = _WIDTH_IN * bounds.height_m / max(bounds.width_m, 1e-9)
    figure = Figure(
        figsize=(_WIDTH_IN, min(max(wanted, _LEAST_HEIGHT_IN), _MOST_HEIGHT_IN)), dpi=_DPI, facecolor=_PAPER
    )
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    west, south, east, north = image_bounds or bounds
    axes.imshow(picture, extent=(west, east, south, north), interpolation="antialiased", zorder=0)
    if outlines:
        rings = [np.asarray(outline.exterior.coords)[:, :2] for outline in outlines]
        width = 0.5 if len(rings) < 3000 else 0.15
        axes.add_collection(PolyCollection(rings, facecolors=colors, edgecolors=_INK, linewidths=width, zorder=1))
    axes.set_xlim(bounds.xmin, bounds.xmax)
    axes.set_ylim(bounds.ymin, bounds.ymax)
    axes.set_aspect("equal")
    _scale_bar(axes, bounds)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
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
