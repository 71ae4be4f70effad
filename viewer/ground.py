"""The ground as a drawable block: a mesh of modest size under a picture of full resolution.

The shape of the ground is smooth, its colours are not: so heights are thinned to a vertex budget and the colours ride
on top as a texture. A skirt closes the sides, and the area reads as a solid piece of land.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from viewer.palette import PERMANENT_WATER, ramp, rgb, spread
from viewer.shading import cast_shadow, facing, fill_gaps, hillshade, sky_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.raster import Frame
    from viewer.content import FloodLayer, TerrainLayer

__all__ = ["Drape", "TerrainColor", "Walls", "draped_ground", "draped_water", "skirt", "water_walls"]

TerrainColor = Literal["elevation", "hillshade"]

_VERTEX_BUDGET = 160_000
"""Vertices of a draped mesh: 400 by 400, some 0.1 s a frame in software."""

_TEXTURE_PIXELS = 2_400_000
"""Pixels of a texture: more than a picture of the whole area can show."""

_PAPER = "#dedede"
"""Ground without colour, where only its relief should speak."""

_EARTH = "#b0a08e"
"""The cut sides of the ground."""

_WALL_SHADE = 0.78
"""Brightness of the water's cut sides against its surface."""

_SHORE_CELLS = 2
"""Thinned cells by which the water's mesh reaches under the shore, so that its texture alone draws the waterline."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drape:
    """A quad mesh with a picture laid over it."""

    vertices: NDArray[np.float32]
    """Shape (n, 3), metres from the scene's origin."""
    quads: NDArray[np.int64]
    """Shape (m, 4), indices of vertices, counter-clockwise from above."""
    uv: NDArray[np.float32]
    """Shape (n, 2): place of each vertex on the picture, from its south-west corner."""
    image: NDArray[np.uint8]
    """Shape (rows, columns, 3 or 4), row 0 in the north."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walls:
    """Upright faces along the cut sides of the ground or the water."""

    vertices: NDArray[np.float32]
    """Shape (4 m, 3), metres from the scene's origin."""
    quads: NDArray[np.int64]
    """Shape (m, 4)."""
    colors: NDArray[np.uint8]
    """Shape (m, 3), lit."""


def draped_ground(
    terrain: TerrainLayer, origin: tuple[float, float, float], color: TerrainColor = "elevation"
) -> Drape:
    """Build the ground; time and memory go with the cells of the raster once, then with the budgets."""
    frame = terrain.heights.frame
    heights, step = _thinned(terrain.heights.values, math.sqrt(_TEXTURE_PIXELS))
    surface = heights
    if terrain.surface is not None:
        surface, _ = _thinned(terrain.surface.values, math.sqrt(_TEXTURE_PIXELS))
    image = _ground_image(heights, surface, frame.resolution_m * step, color)
    return _drape(terrain.heights.values, frame, origin, (image, step))


def draped_water(
    terrain: TerrainLayer, flood: FloodLayer, origin: tuple[float, float, float], opacity: float = 0.74
) -> Drape | None:
    """Build the water surface, coloured by rank of depth, permanent water in its own blue; None if all is dry.

    The mesh carries the level of the nearest wet cell a little under the shore; the texture is clear where it is dry.
    """
    depth = np.nan_to_num(flood.depth.values, nan=0.0)
    wet = depth > 0
    permanent = np.zeros_like(wet) if flood.permanent is None else flood.permanent
    known = wet & np.isfinite(terrain.heights.values)
    if not known.any():
        return None
    level = np.where(known, terrain.heights.values + depth, np.nan)
    if (permanent & ~known).any():  # a river whose bed nobody measured lies as high as the water beside it
        level = np.where(known | permanent, fill_gaps(level), np.nan)
    step = _step(depth.shape, math.sqrt(_TEXTURE_PIXELS))
    thin = (slice(None, None, step), slice(None, None, step))
    table = _water_table(flood)
    index = np.where(permanent[thin], len(table) - 1, flood.legend.rank_of(depth[thin]))
    image: NDArray[np.uint8] = table[index]
    image[..., 3] = np.where(index > 0, round(opacity * 255), 0)
    return _drape(level, flood.depth.frame, origin, (image, step), grow=_SHORE_CELLS)


def water_walls(water: Drape, terrain: TerrainLayer, flood: FloodLayer, origin: tuple[float, float, float]) -> Walls:
    """Close the water at the area's border, from its surface down to the ground: there it is cut, not ashore."""
    edges = _open_edges(water)
    ends = water.vertices[edges].astype(np.float64)
    border = flood.depth.frame.bounds
    on_border = np.zeros(len(edges), dtype=bool)
    for axis, sides in ((0, (border.xmin, border.xmax)), (1, (border.ymin, border.ymax))):
        for side in sides:
            on_border |= (np.abs(ends[:, :, axis] + origin[axis] - side) < 1e-3).all(axis=1)
    edges, ends = edges[on_border], ends[on_border]
    middle = ends.mean(axis=1) + np.array(origin)
    # A little inside, because the border's own coordinates belong to the cells beyond it.
    center = np.array([*border.center, 0.0])
    inside = middle + (center - middle) * 1e-6
    depth = np.nan_to_num(flood.depth.sample(inside[:, 0], inside[:, 1]))
    ground = terrain.heights.sample(inside[:, 0], inside[:, 1])
    index = _color_index(flood, depth, inside)
    wet = (index > 0) & np.isfinite(ground)
    top, low = ends[wet], ends[wet].copy()
    low[:, :, 2] = np.minimum(low[:, :, 2], ground[wet, None] - origin[2])
    vertices = np.concatenate([top[:, ::-1], low], axis=1).reshape(-1, 3).astype(np.float32)
    colors = np.asarray(_water_table(flood)[index[wet], :3] * _WALL_SHADE, dtype=np.uint8)
    return Walls(vertices=vertices, quads=np.arange(len(vertices), dtype=np.int64).reshape(-1, 4), colors=colors)


def skirt(drape: Drape, base_m: float) -> Walls:
    """Return the walls from the mesh's open edges down to `base_m` (metres from the scene's origin)."""
    top = drape.vertices[_open_edges(drape)]
    low = top.copy()
    low[:, :, 2] = base_m
    vertices = np.concatenate([top[:, ::-1], low], axis=1).reshape(-1, 3)
    quads = np.arange(len(vertices), dtype=np.int64).reshape(-1, 4)
    across = np.cross(vertices[1::4] - vertices[0::4], vertices[2::4] - vertices[1::4]).astype(np.float64)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    colors = np.asarray(np.clip(np.array(rgb(_EARTH)) * facing(across)[:, None], 0, 255), dtype=np.uint8)
    return Walls(vertices=vertices, quads=quads, colors=colors)


def _open_edges(drape: Drape) -> NDArray[np.int64]:
    """Edges that only one quad has, shape (n, 2), in the quad's own direction."""
    edges = np.concatenate([drape.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    key = np.sort(edges, axis=1)
    _, first, count = np.unique(key[:, 0] * len(drape.vertices) + key[:, 1], return_index=True, return_counts=True)
    single: NDArray[np.int64] = edges[np.sort(first[count == 1])]
    return single


def _water_table(flood: FloodLayer) -> NDArray[np.uint8]:
    """Colours of the ranks, RGBA, and of permanent water after them."""
    return np.concatenate([flood.legend.colors(), [(*rgb(PERMANENT_WATER), 255)]]).astype(np.uint8)


def _color_index(flood: FloodLayer, depth: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.int64]:
    """Row of the colour table at each place, 0 where dry."""
    index = flood.legend.rank_of(depth).astype(np.int64)
    if flood.permanent is not None:
        row, column, inside = flood.depth.frame.cells_of(places[:, 0], places[:, 1])
        always = np.zeros(len(places), dtype=bool)
        always[inside] = flood.permanent[row[inside], column[inside]]
        index[always] = len(flood.legend.ranks) + 1
    return index


def _ground_image(
    heights: NDArray[np.float32], surface: NDArray[np.float32], cell_m: float, color: TerrainColor
) -> NDArray[np.uint8]:
    filled = fill_gaps(heights)
    top = np.maximum(np.where(np.isfinite(surface), surface, filled), filled)
    sun = 0.68 + 0.32 * cast_shadow(top, filled, cell_m)
    light = hillshade(filled, cell_m) * sky_view(top, filled, cell_m) * sun
    stops = [(0.0, _PAPER)] if color == "hillshade" else spread(heights)
    lit: NDArray[np.uint8] = np.clip(ramp(filled, stops) * light[..., None], 0, 255).astype(np.uint8)
    return lit


def _drape(
    heights: NDArray[np.floating],
    frame: Frame,
    origin: tuple[float, float, float],
    picture: tuple[NDArray[np.uint8], int],
    grow: int = 0,
) -> Drape:
    """Lay `picture` (image, raster cells per pixel) over thinned heights that reach `grow` cells into the gaps."""
    image, image_step = picture
    coarse, step = _thinned(heights, math.sqrt(_VERTEX_BUDGET))
    for _ in range(grow):
        coarse = _grown(coarse)
    rows, columns = coarse.shape
    bounds = frame.bounds
    edge = frame.resolution_m * step
    # Vertices sit in the middle of thinned cells, but the outer ones move to the area's edge: nothing is cut off.
    x = np.clip(bounds.xmin + (np.arange(columns) + 0.5) * edge, None, bounds.xmax)
    y = np.clip(bounds.ymax - (np.arange(rows) + 0.5) * edge, bounds.ymin, None)
    x[0], y[0] = bounds.xmin, bounds.ymax
    x[-1], y[-1] = bounds.xmax, bounds.ymin
    # The picture covers whole thinned pixels, so it may reach beyond the frame to the east and south.
    width_m, height_m = (pixels * image_step * frame.resolution_m for pixels in (image.shape[1], image.shape[0]))
    grid_x, grid_y = np.meshgrid(x, y)
    vertices = np.column_stack(
        [grid_x.ravel() - origin[0], grid_y.ravel() - origin[1], np.nan_to_num(coarse).ravel() - origin[2]]
    )
    uv = np.column_stack([(grid_x.ravel() - bounds.xmin) / width_m, 1.0 - (bounds.ymax - grid_y.ravel()) / height_m])
    return Drape(
        vertices=vertices.astype(np.float32),
        quads=_quads(np.isfinite(coarse)),
        uv=uv.astype(np.float32),
        image=np.ascontiguousarray(image),
    )


def _quads(known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Quads between four known neighbours, counter-clockwise seen from above."""
    rows, columns = known.shape
    index = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    full = known[:-1, :-1] & known[1:, :-1] & known[1:, 1:] & known[:-1, 1:]
    corners = (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])
    return np.stack([corner[full] for corner in corners], axis=1)


def _step(shape: tuple[int, ...], edge: float) -> int:
    """Smallest whole step that brings rows times columns below ``edge`` squared."""
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1]) / edge))


def _thinned(values: NDArray[np.floating], edge: float) -> tuple[NDArray[np.float32], int]:
    """Average blocks of cells, ignoring NaN, until the raster fits; the last blocks may be partial."""
    step = _step(values.shape, edge)
    if step == 1:
        return np.asarray(values, dtype=np.float32), 1
    rows, columns = (math.ceil(length / step) for length in values.shape)
    known = np.isfinite(values)
    row_edges, column_edges = np.arange(rows) * step, np.arange(columns) * step
    total = np.add.reduceat(np.add.reduceat(np.where(known, values, 0.0), row_edges, axis=0), column_edges, axis=1)
    count = np.add.reduceat(np.add.reduceat(known.astype(np.int32), row_edges, axis=0), column_edges, axis=1)
    with np.errstate(invalid="ignore"):
        return (total / np.where(count > 0, count, np.nan)).astype(np.float32), step


def _grown(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give NaN cells the mean of their known neighbours (eight of them)."""
    rows, columns = values.shape
    padded = np.pad(values, 1, constant_values=np.nan)
    total = np.zeros(values.shape, np.float64)
    count = np.zeros(values.shape, np.int32)
    for down in range(3):
        for right in range(3):
            near = padded[down : down + rows, right : right + columns]
            known = np.isfinite(near)
            total += np.where(known, near, 0.0)
            count += known
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(values), values, total / np.where(count > 0, count, np.nan)).astype(np.float32)
