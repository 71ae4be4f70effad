"""Outlines as rows of straight walls: each a line that the points place, each corner where two lines meet.

A wall is put where the points end, not where the cells do: in strips a metre wide across it, the outermost point of
each strip, the median over the strips, plus the gap that points of this density leave to an edge on average; or on the
line that the points of a scanned wall draw. A tree that leans over a few strips moves neither.
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

__all__ = ["Walls", "on_grid", "settle", "turned_axes"]

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
_REACH_CELLS = 2
"""Cells by which a wall may move: one that a point touches at its far corner, and the tolerance of the rough line."""
_ON_M = 2e-3
_MOVES = 2
"""Times that walls are put to their points: joined walls lie between the two, and see theirs only from nearer."""
_PARALLEL = float(np.sin(np.radians(12.0)))
"""Walls that meet at less than this (sine of the angle) are one wall: their corner would run away along them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walls:
    """What decides where walls stand."""

    points: NDArray[np.float64]
    """Near the walls, shape (n, 2), metres, sorted by x."""
    density: float
    """Points per square metre."""
    cell_m: float
    """Cell that the rough outline was drawn with; a wall moves at most three of them."""
    jog_m: float
    """Shorter walls are left out."""
    cut_m: float | None = None
    """Vertical and horizontal edges on multiples of this, counted from `origin`, are cuts and no walls: they stay."""
    origin: tuple[float, float] = (0.0, 0.0)
    """Place in the points' system from which the cuts are counted, metres."""

    @property
    def gap_m(self) -> float:
        """Mean distance from an edge to the outermost point of a strip, at most one cell."""
        return min(1.0 / (self.density * _STRIP_M), self.cell_m) if self.density else 0.0


@dataclass(slots=True, kw_only=True, eq=False)
class _Lines:
    """Walls of one ring in order; the building lies to the left of each."""

    angle: NDArray[np.float64]
    """Direction, radians."""
    offset: NDArray[np.float64]
    """Distance of the line from the origin towards the outside (to the right), metres."""
    weight: NDArray[np.float64]
    """Length, metres."""
    fixed: NDArray[np.bool_]
    """Whether it is a cut that must stay."""

    def taken(self, keep: NDArray[np.bool_]) -> _Lines:
        return _Lines(
            angle=self.angle[keep], offset=self.offset[keep], weight=self.weight[keep], fixed=self.fixed[keep]
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Edge:
    """Points near one wall."""

    strips: NDArray[np.float64]
    """Outermost point of each strip, shape (strips, 2): position along the wall, distance outward, metres."""
    beyond: NDArray[np.float64]
    """Distance outward of every point near it, metres."""


def settle(rough: Polygon, axes: NDArray[np.float64] | None, walls: Walls) -> Polygon | None:
    """Return the polygon of straight walls near `rough`, or None if too few are left for one.

    Parameters
    ----------
    rough
        Outline in the system of the points, outer ring counter-clockwise, holes clockwise.
    axes
        Directions that walls may follow, or cross at right angles, radians; None lets each follow its own points.
    walls
        Points and sizes.
    """
    shell = _ring(rough.exterior, axes, walls)
    if shell is None:
        return None
    holes = [hole for hole in (_ring(ring, axes, walls) for ring in rough.interiors) if hole is not None]
    return Polygon(shell, holes)


def turned_axes(rough: Polygon, axes: NDArray[np.float64], walls: Walls) -> NDArray[np.float64]:
    """Return the directions as the points along the longest walls show them, radians."""
    slopes: list[list[float]] = [[] for _ in axes]
    weights: list[list[float]] = [[] for _ in axes]
    for ring in (rough.exterior, *rough.interiors):
        lines = _reduced(_lines_of(ring, axes, walls), walls.jog_m)
        if lines is None:
            continue
        for i, edge in enumerate(_edges(lines, walls)):
            if len(edge.strips) >= _LEAST_SLOPE_STRIPS and not lines.fixed[i]:
                axis = int(np.argmin(np.abs(_quarter(lines.angle[i] - axes))))
                slopes[axis].append(-_slope(edge.strips))
                weights[axis].append(float(len(edge.strips)) ** 3)  # its variance falls with the cube of the length
    turns = [np.arctan(np.average(s, weights=w)) if s else 0.0 for s, w in zip(slopes, weights, strict=True)]
    turned: NDArray[np.float64] = axes + np.array(turns)
    return turned


def _ring(ring: LinearRing, axes: NDArray[np.float64] | None, walls: Walls) -> NDArray[np.float64] | None:
    """Corners of one settled ring, shape (n, 2)."""
    lines = _reduced(_lines_of(ring, axes, walls), walls.jog_m)
    for _ in range(_MOVES):
        if lines is None:
            return None
        _move(lines, walls, turn=axes is None)
        lines = _reduced(lines, walls.jog_m / 2)
    return None if lines is None else _corners(lines)


def _lines_of(ring: LinearRing, axes: NDArray[np.float64] | None, walls: Walls) -> _Lines:
    """Edges of a ring as lines, along the nearest axis if there are axes."""
    xy = shapely.get_coordinates(ring)
    edges, middle = np.diff(xy, axis=0), (xy[1:] + xy[:-1]) / 2
    own = np.arctan2(edges[:, 1], edges[:, 0])
    fixed = on_grid(xy, walls.cut_m, walls.origin)
    angle = own.copy()
    if axes is not None:
        quarters = (axes[:, None] + np.arange(4) * (np.pi / 2)).ravel()
        away = np.abs(_wrapped(own[:, None] - quarters))
        angle = np.where(fixed, own, quarters[np.argmin(away, axis=1)])
    offset = (_outward(angle) * middle).sum(axis=1)
    return _Lines(angle=angle, offset=offset, weight=np.hypot(edges[:, 0], edges[:, 1]), fixed=fixed)


def on_grid(ring: NDArray[np.float64], cut_m: float | None, origin: tuple[float, float]) -> NDArray[np.bool_]:
    """Whether each edge of a ring, its vertices shape (n, 2), is a cut; see `Walls`."""
    if cut_m is None:
        return np.zeros(len(ring) - 1, np.bool_)
    on = np.abs((ring + origin + cut_m / 2) % cut_m - cut_m / 2) < _ON_M
    still = np.abs(np.diff(ring, axis=0)) < _ON_M
    return np.asarray(np.any(on[1:] & on[:-1] & still, axis=1))


def _outward(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([np.sin(angle), -np.cos(angle)])


def _wrapped(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    wrapped: NDArray[np.float64] = (angle + np.pi) % (2 * np.pi) - np.pi
    return wrapped


def _quarter(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles up to the next right angle, -pi/4..pi/4."""
    quarter: NDArray[np.float64] = (angle + np.pi / 4) % (np.pi / 2) - np.pi / 4
    return quarter


def _corners(lines: _Lines) -> NDArray[np.float64]:
    """Corner i lies between wall i and wall i + 1; not finite where they are parallel."""
    normal = _outward(lines.angle)
    following, offset = np.roll(normal, -1, axis=0), np.roll(lines.offset, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / (normal[:, 0] * following[:, 1] - normal[:, 1] * following[:, 0])
        x = (lines.offset * following[:, 1] - offset * normal[:, 1]) * inverse
        y = (offset * normal[:, 0] - lines.offset * following[:, 0]) * inverse
    return np.column_stack([x, y])


def _reduced(lines: _Lines, jog_m: float) -> _Lines | None:
    """Join walls of one direction and drop those shorter than `jog_m`, shortest first; None if under three are left."""
    while True:
        if len(lines.angle) < 3:
            return None
        turn = _wrapped(np.roll(lines.angle, -1) - lines.angle)
        parallel = np.flatnonzero(np.abs(np.sin(turn)) < _PARALLEL)
        if len(parallel):
            # The shortest pair first: where several meet nearly straight, order would decide otherwise.
            weight = lines.weight + np.roll(lines.weight, -1)
            i = int(parallel[np.argmin(weight[parallel])])
            lines = _one_wall(lines, i, (i + 1) % len(lines.angle), opposed=bool(abs(turn[i]) > np.pi / 2))
            continue
        corners = _corners(lines)
        along = np.column_stack([np.cos(lines.angle), np.sin(lines.angle)])
        length = ((corners - np.roll(corners, 1, axis=0)) * along).sum(axis=1)
        shortest = int(np.argmin(length))
        if length[shortest] >= jog_m:
            lines.weight = length
            return lines
        lines.weight = np.maximum(length, 1e-3)
        lines = lines.taken(np.arange(len(length)) != shortest)


def _one_wall(lines: _Lines, i: int, j: int, *, opposed: bool) -> _Lines:
    """Put two neighbours on one line between them; of two that run back on each other the longer stays."""
    keep = np.ones(len(lines.angle), np.bool_)
    if opposed or lines.fixed[i] != lines.fixed[j]:
        stays_i = lines.fixed[i] or (not lines.fixed[j] and lines.weight[i] >= lines.weight[j])
        keep[j if stays_i else i] = False
        return lines.taken(keep)
    share = lines.weight[j] / (lines.weight[i] + lines.weight[j])
    lines.angle[i] += share * float(_wrapped(lines.angle[j : j + 1] - lines.angle[i])[0])
    lines.offset[i] += share * (lines.offset[j] - lines.offset[i])
    lines.weight[i] += lines.weight[j]
    keep[j] = False
    return lines.taken(keep)


def _move(lines: _Lines, walls: Walls, *, turn: bool) -> None:
    """Put each wall where its points end, and along them if it may turn."""
    reach = _REACH_CELLS * walls.cell_m
    corners = _corners(lines)
    middle = (corners + np.roll(corners, 1, axis=0)) / 2
    for i, edge in enumerate(_edges(lines, walls)):
        if lines.fixed[i] or len(edge.strips) < _LEAST_STRIPS:
            continue
        shift = float(np.clip(_end_of(edge, walls), -reach, reach))
        if turn and len(edge.strips) >= _LEAST_SLOPE_STRIPS:
            outward = _outward(lines.angle[i : i + 1])[0]
            lines.angle[i] -= np.arctan(_slope(edge.strips))
            lines.offset[i] = float(_outward(lines.angle[i : i + 1])[0] @ (middle[i] + shift * outward))
        else:
            lines.offset[i] += shift


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


def _edges(lines: _Lines, walls: Walls) -> Iterator[_Edge]:
    """Yield the points near each wall."""
    corners = _corners(lines)
    starts = np.roll(corners, 1, axis=0)
    outward = _outward(lines.angle)
    reach = _REACH_CELLS * walls.cell_m
    west = np.searchsorted(walls.points[:, 0], np.minimum(starts[:, 0], corners[:, 0]) - reach)
    east = np.searchsorted(walls.points[:, 0], np.maximum(starts[:, 0], corners[:, 0]) + reach)
    for i in range(len(lines.angle)):
        length = float(np.hypot(*(corners[i] - starts[i])))
        away = walls.points[west[i] : east[i]] - starts[i]
        beyond = away @ outward[i]
        along = away @ np.array([-outward[i, 1], outward[i, 0]])
        corner = min(_CORNER_M, length / 4)
        near = (along >= corner) & (along < length - corner) & (np.abs(beyond) <= reach)
        yield _Edge(strips=_strips(along[near], beyond[near]), beyond=beyond[near])


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
