"""Right-angled outlines as rows of walls: alternately along x and along y, each at one offset.

A wall is put where the points end, not where the cells do: in strips a metre wide across it, the outermost point of
each strip, the median over the strips, plus the gap that points of this density leave to an edge on average; or on the
line that the points of a scanned wall draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Polygon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely import LinearRing

__all__ = ["Walls", "settle", "tilt"]

_STRIP_M = 1.0
_LEAST_STRIPS = 2
_LEAST_SLOPE_STRIPS = 4
_CORNER_M = 0.5
"""Points this near to a corner belong to the wall round the corner too, so they are left out, metres."""
_LINE_M = 0.25
_LINE_TIMES = 2.0
_LINE_LEAST = 5
"""Points within `_LINE_M` of the outermost are a scanned wall if they are this many times, and this many more than,
what the roof behind them lets expect. The width covers the offset between strips and the noise of a facade."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walls:
    """What decides where walls stand."""

    points: NDArray[np.float64]
    """Shape (n, 2), metres, turned so that walls run along the axes."""
    area_m2: float
    """Area that the points cover; with their number it gives the density."""
    cell_m: float
    """Cell that the rough outline was drawn with; a wall moves at most two of them."""
    jog_m: float
    """Shorter jogs between parallel walls are straightened."""

    @property
    def gap_m(self) -> float:
        """Mean distance from an edge to the outermost point of a strip, at most one cell."""
        density = len(self.points) / self.area_m2
        return min(1.0 / (density * _STRIP_M), self.cell_m) if density else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Edge:
    """One wall of a rough outline and the points near it."""

    axis: int
    """0 if it runs along x, 1 along y."""
    outward: float
    """Sign of the outside along the other axis."""
    strips: NDArray[np.float64]
    """Outermost point of each strip, shape (strips, 2): position along the wall, distance outward, metres."""
    beyond: NDArray[np.float64]
    """Distance outward of every point near it, metres."""


def settle(rough: Polygon, walls: Walls) -> Polygon | None:
    """Return the right-angled polygon near `rough`, or None if a ring has too few walls for one.

    Parameters
    ----------
    rough
        Outline in the turned system of the points, outer ring counter-clockwise, holes clockwise.
    walls
        Points and sizes.
    """
    shell = _ring(rough.exterior, walls)
    if shell is None:
        return None
    holes = [hole for hole in (_ring(ring, walls) for ring in rough.interiors) if hole is not None]
    return Polygon(shell, holes)


def _ring(ring: LinearRing, walls: Walls) -> NDArray[np.float64] | None:
    """Corners of one settled ring, shape (n, 2)."""
    rows = _rows(shapely.get_coordinates(ring)[:-1])
    rows = None if rows is None else _without_jogs(rows, walls.jog_m)
    if rows is None:
        return None
    offsets, along_x = rows
    moved = _moved(offsets, along_x, walls)
    rows = _without_jogs((moved, along_x), walls.jog_m / 2)
    return None if rows is None else _corners(*rows)


def _rows(xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool] | None:
    """Merge edges of one direction; returns the walls' offsets and whether the first runs along x.

    A wall along x has its y as offset, one along y its x; they alternate, so an even number of them closes a ring.
    """
    edges = np.roll(xy, -1, axis=0) - xy
    middle = xy + edges / 2
    flat = np.abs(edges[:, 0]) >= np.abs(edges[:, 1])
    length = np.hypot(edges[:, 0], edges[:, 1])
    turns = np.flatnonzero(flat != np.roll(flat, 1))
    if len(turns) < 4:
        return None
    order = (np.arange(len(xy)) + turns[0]) % len(xy)  # begin where a wall begins
    group = np.cumsum(np.isin(order, turns)) - 1
    value = np.where(flat, middle[:, 1], middle[:, 0])[order]
    weight = np.maximum(length[order], 1e-9)
    offsets = np.bincount(group, value * weight) / np.bincount(group, weight)
    return offsets, bool(flat[order[0]])


def _corners(offsets: NDArray[np.float64], along_x: bool) -> NDArray[np.float64]:
    """Corner i lies between wall i and wall i + 1."""
    following = np.roll(offsets, -1)
    runs_along_x = (np.arange(len(offsets)) % 2 == 0) == along_x
    return np.column_stack([np.where(runs_along_x, following, offsets), np.where(runs_along_x, offsets, following)])


def _lengths(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of each wall: how far its two neighbours, which are parallel, lie apart."""
    lengths: NDArray[np.float64] = np.abs(np.roll(offsets, -1) - np.roll(offsets, 1))
    return lengths


def _without_jogs(rows: tuple[NDArray[np.float64], bool], jog_m: float) -> tuple[NDArray[np.float64], bool] | None:
    """Drop walls shorter than `jog_m`, shortest first, and put their two neighbours on one line."""
    offsets, along_x = rows
    while True:
        lengths = _lengths(offsets)
        shortest = int(np.argmin(lengths))
        if lengths[shortest] >= jog_m:
            return offsets, along_x
        n = len(offsets)
        if n <= 4:
            return None
        before, after = (shortest - 1) % n, (shortest + 1) % n
        weight = lengths[before] + lengths[after]
        share = lengths[before] / weight if weight else 0.5
        offsets[before] = share * offsets[before] + (1 - share) * offsets[after]
        keep = np.ones(n, np.bool_)
        keep[[shortest, after]] = False
        if shortest == 0 or after == 0:  # the first wall that stays is the second or the first of its kind
            along_x = along_x if np.flatnonzero(keep)[0] % 2 == 0 else not along_x
        offsets = offsets[keep]


def tilt(rough: Polygon, walls: Walls) -> float:
    """Angle in radians by which the longest walls, as the points show them, are turned against the axes."""
    slopes: list[float] = []
    weights: list[float] = []
    for ring in (rough.exterior, *rough.interiors):
        rows = _rows(shapely.get_coordinates(ring)[:-1])
        rows = None if rows is None else _without_jogs(rows, walls.jog_m)
        if rows is None:
            continue
        for edge in _edges(*rows, walls):
            if len(edge.strips) >= _LEAST_SLOPE_STRIPS:
                slope = edge.outward * _slope(edge.strips)
                slopes.append(slope if edge.axis == 0 else -slope)
                weights.append(float(len(edge.strips)) ** 3)  # a slope's variance falls with the cube of the length
    return float(np.arctan(np.average(slopes, weights=weights))) if slopes else 0.0


def _moved(offsets: NDArray[np.float64], along_x: bool, walls: Walls) -> NDArray[np.float64]:
    """Put each wall where its points end."""
    reach = 2 * walls.cell_m
    moved = offsets.copy()
    for i, edge in enumerate(_edges(offsets, along_x, walls)):
        if len(edge.strips) >= _LEAST_STRIPS:
            moved[i] += edge.outward * np.clip(_end_of(edge, walls), -reach, reach)
    return moved


def _end_of(edge: _Edge, walls: Walls) -> float:
    """Where the building ends, metres outward of the rough edge.

    A wall that was scanned is a dense line of points: the middle of that line is the wall. Otherwise the roof's
    outermost points stop short of the edge by their mean gap.
    """
    outermost = float(np.median(edge.strips[:, 1]))
    on_line = edge.beyond[edge.beyond > outermost - _LINE_M]
    behind = int(np.count_nonzero(edge.beyond > -2 * walls.cell_m)) - len(on_line)
    depth = outermost - _LINE_M + 2 * walls.cell_m
    expected = behind / depth * _LINE_M if depth > _LINE_M else np.inf
    if len(on_line) > _LINE_TIMES * expected + _LINE_LEAST:
        return float(np.median(on_line))
    return outermost + walls.gap_m


def _edges(offsets: NDArray[np.float64], along_x: bool, walls: Walls) -> Iterator[_Edge]:
    """Yield each wall with the points near it."""
    corners = _corners(offsets, along_x)
    starts = np.roll(corners, 1, axis=0)
    reach = 2 * walls.cell_m
    for i in range(len(offsets)):
        axis = 0 if (i % 2 == 0) == along_x else 1
        a, b = starts[i, axis], corners[i, axis]
        # The building lies to the left: a wall towards +x has the outside at -y, one towards +y at +x.
        outward = (-1.0 if axis == 0 else 1.0) * float(np.sign(b - a))
        along = walls.points[:, axis] - min(a, b)
        beyond = outward * (walls.points[:, 1 - axis] - offsets[i])
        corner = min(_CORNER_M, abs(b - a) / 4)
        near = (along >= corner) & (along < abs(b - a) - corner) & (np.abs(beyond) <= reach)
        yield _Edge(axis=axis, outward=outward, strips=_strips(along[near], beyond[near]), beyond=beyond[near])


def _strips(along: NDArray[np.float64], beyond: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outermost point of each strip along a wall, shape (strips, 2): position along it, distance outward."""
    strip = (along / _STRIP_M).astype(np.int64)
    order = np.lexsort((along, beyond, strip))
    last = order[np.flatnonzero(np.diff(strip[order], append=-1))]
    return np.column_stack([along[last], beyond[last]])


def _slope(strips: NDArray[np.float64]) -> float:
    """Median of the slopes between all pairs of strips (Theil-Sen): a dormer or a stray point does not turn it."""
    i, j = np.triu_indices(len(strips), 1)
    run = strips[j] - strips[i]
    return float(np.median(run[:, 1] / np.maximum(run[:, 0], 1e-9)))
