"""From a patch of cells to an outline as people build: straight walls, few directions, right angles where they are.

The cells only say where the building is; where each wall stands is measured on the points along it. That recovers
half a cell on every side, which is what separates an overlap of 0.85 from one of 0.95 on a house. Of several outlines,
from a rectangle to a free polygon, the one with the shortest description stays: its walls and directions, and what it
leaves unexplained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Polygon

from pipelines.footprints.walls import Walls, on_grid, settle, turned_axes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipelines.footprints.components import Patch
    from pipelines.footprints.params import FootprintParams

__all__ = ["directions", "outline_of", "patch_polygon"]

_ANGLE_STEP_DEG = 1.0
_ANGLE_WIDTH_DEG = 6.0
_ANGLE_APART_DEG = 12.0
_LEAST_SHARE = 0.15
"""A direction counts if this share of the outline's length follows it or crosses it at right angles."""
_MOST_DIRECTIONS = 3
_TURNS = 2
"""Times that the directions are measured again on the points; they settle after one or two."""
_BAND_M = 4.0
_RECTANGLE, _MORE = 5.0, 1.8
"""Numbers of a rectangle, and how many more any other outline has, but for a rectangle in another direction."""
_SAME_TURN = float(np.sin(np.radians(6.0)))
_NOISE_M = 0.15
"""Points up to this far outside are noise of the scan, metres."""
_TURN_COST, _CHOICE_COST = 0.85, 0.13
"""What a direction and one bit cost beside the place of a wall, which takes 7.6 bits (20 m to 0.1 m): 90 degrees to 1
degree take 6.5."""
_LEAST_OVERLAP = 0.7
"""Overlap (intersection over union) with the cells below which a fitted outline is not believed."""


def outline_of(patch: Patch, xy: NDArray[np.float64], params: FootprintParams) -> Polygon:
    """Draw the outline of one patch.

    Parameters
    ----------
    patch
        Cells of the building.
    xy
        Its points, shape (n, 2), metres; in any order.
    params
        Cell, jog and hole sizes.

    Returns
    -------
    shapely.Polygon
        Metres of the points' CRS; may be invalid in odd cases, so repair it. The simplified edge of the cells where
        no fitted outline is near them.
    """
    origin = np.array([patch.column0, patch.row0]) * params.cell_m
    cells = shapely.transform(patch_polygon(patch, params), lambda c: c - origin)
    rough = cells.simplify(1.5 * params.cell_m)
    points = xy[np.lexsort((xy[:, 1], xy[:, 0]))] - origin
    walls = Walls(
        points=points[~_is_deep(rough, points)],
        density=len(points) / rough.area,
        cell_m=params.cell_m,
        jog_m=params.jog_m,
        cut_m=params.block_m if patch.is_block else None,
        origin=(float(origin[0]), float(origin[1])),
    )
    seen, weight_m2 = _thinned(points, rough.area)
    best, least = rough, np.inf
    for candidate, n_numbers in _candidates(rough, walls):
        # What comes later has at least two numbers more.
        if least <= params.corner_m2 * (_RECTANGLE + _MORE):
            break
        if not candidate.is_valid or _overlap(candidate, cells) < _LEAST_OVERLAP:
            continue
        kept = candidate.buffer(_NOISE_M, join_style="mitre")
        outside = np.count_nonzero(~shapely.contains_xy(kept, seen[:, 0], seen[:, 1])) * weight_m2
        length = outside + candidate.difference(cells).area + params.corner_m2 * n_numbers
        if length < least:
            best, least = candidate, length
    return shapely.transform(best, lambda c: c + origin)


def _is_deep(rough: Polygon, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether points lie so far inside that no wall can come near them; they would only cost time."""
    inner = rough.buffer(-_BAND_M, join_style="mitre")
    if inner.is_empty:
        return np.zeros(len(points), np.bool_)
    shapely.prepare(inner)
    return np.asarray(shapely.contains_xy(inner, points[:, 0], points[:, 1]))


def _thinned(points: NDArray[np.float64], area_m2: float) -> tuple[NDArray[np.float64], float]:
    """One point of each square as large as a point's share of the area, and the area that each stands for.

    A scanned wall has many points and little area: what an outline leaves out is counted in square metres.
    """
    share = max(float(np.sqrt(area_m2 / max(len(points), 1))), 1e-3)
    column, row = np.floor(points / share).astype(np.int64).T
    _, first = np.unique(column * 1_000_003 + row, return_index=True)
    return points[first], area_m2 / max(len(first), 1)


def _candidates(rough: Polygon, walls: Walls) -> Iterator[tuple[Polygon, float]]:
    """Yield outlines and how many numbers describe each, simple ones first."""
    found = directions(rough, walls.cut_m, walls.origin)
    if walls.cut_m is None:
        box = shapely.minimum_rotated_rectangle(rough)
        if isinstance(box, Polygon):
            box = shapely.orient_polygons(box)
            edge = np.diff(shapely.get_coordinates(box), axis=0)[0]
            own = np.arctan2(edge[1], edge[0]) % (np.pi / 2)
            turns = [angle for angle in found[:1] if abs(np.sin(2 * (angle - own))) > _SAME_TURN]
            for angle in [own, *turns]:
                yield from _fitted(box, np.array([angle]), walls)
    for n in range(1, len(found) + 1):
        yield from _fitted(rough, found[:n], walls)
    yield from _fitted(rough, None, walls)


def _fitted(rough: Polygon, axes: NDArray[np.float64] | None, walls: Walls) -> Iterator[tuple[Polygon, float]]:
    if axes is not None:
        for _ in range(_TURNS):
            axes = turned_axes(rough, axes, walls)
    fitted = settle(rough, axes, walls)
    if fitted is not None:
        n_walls = len(shapely.get_coordinates(fitted)) - 1 - len(fitted.interiors)
        # At right angles a wall is one number; with more directions it must be said which, and freely turned another.
        each = 1.0 + _TURN_COST if axes is None else 1.0 + _CHOICE_COST * np.log2(2 * len(axes) - 1)
        yield fitted, n_walls * each + (0 if axes is None else len(axes))


def directions(
    outline: Polygon, cut_m: float | None = None, origin: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Directions of walls in radians in 0..pi/2, the one with the longest walls first; at most three.

    Parameters
    ----------
    outline
        In metres.
    cut_m, origin
        Edges on multiples of this, counted from there, are cuts and no walls; see `Walls`.
    """
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(outline)]
    edges = np.concatenate([np.diff(ring, axis=0)[~on_grid(ring, cut_m, origin)] for ring in rings])
    length = np.hypot(edges[:, 0], edges[:, 1])
    angle = np.degrees(np.arctan2(edges[:, 1], edges[:, 0])) % 90.0
    steps = np.arange(0.0, 90.0, _ANGLE_STEP_DEG)
    away = np.abs((angle - steps[:, None] + 45.0) % 90.0 - 45.0)
    weight = (length * np.maximum(0.0, 1.0 - away / _ANGLE_WIDTH_DEG)).sum(axis=1)
    found: list[float] = []
    while len(found) < _MOST_DIRECTIONS and weight.max() > 0 and weight.max() >= _LEAST_SHARE * length.sum():
        best = int(np.argmax(weight))
        near = away[best] <= _ANGLE_WIDTH_DEG / 2
        turned = (angle[near] - steps[best] + 45.0) % 90.0 - 45.0
        mean = np.average(turned, weights=length[near]) if length[near].sum() > 0 else 0.0
        found.append(float(np.radians(steps[best] + mean)))
        apart = np.abs((steps - steps[best] + 45.0) % 90.0 - 45.0)
        weight[apart < _ANGLE_APART_DEG] = 0.0
    return np.array(found)


def patch_polygon(patch: Patch, params: FootprintParams) -> Polygon:
    """Return the union of a patch's cells, holes below `derived_min_hole_m2` closed; metres."""
    edge = np.diff(np.pad(patch.cells, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(edge == 1)
    _, stop = np.nonzero(edge == -1)  # in the same order: runs of a row alternate between start and stop
    west, east, south = patch.column0 + start, patch.column0 + stop, patch.row0 + row
    step = params.cell_m
    covered = shapely.union_all(shapely.box(west * step, south * step, east * step, (south + 1) * step))
    shell = max(shapely.get_parts(covered), key=lambda part: part.area)
    holes = [ring for ring in shell.interiors if Polygon(ring).area > params.derived_min_hole_m2]
    return shapely.orient_polygons(Polygon(shell.exterior, holes))


def _overlap(a: Polygon, b: Polygon) -> float:
    union = a.union(b).area
    return float(a.intersection(b).area / union) if union else 0.0
