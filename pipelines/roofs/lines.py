"""Lines that part a roof: where planes intersect, and where one stands above the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipelines.roofs.beside import continued, is_covered
from pipelines.roofs.boxes import box_sides
from pipelines.roofs.closing import close_lines, links
from pipelines.roofs.directions import Directions, outline_directions
from pipelines.roofs.steps import separate, straight_runs
from pipelines.roofs.territory import borders, outline_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely import Polygon

    from pipelines.roofs.params import RoofParams
    from pipelines.roofs.planes import RoofPlanes
    from pipelines.roofs.territory import Borders

__all__ = ["partition_lines"]

_LEAST_BEND = 0.04
"""Least difference of gradients at which the place where two planes intersect is known; 2 degrees."""
_CREASE_M = 1.5
"""Farthest from where two planes intersect that the border between their points is still taken to run there, metres."""
_FEWEST, _WRONG_SHARE = 4, 0.3
"""A step edge parts at least so many points, and has at most this share of them on the wrong side."""
_TURNS = np.radians([0.0, -1.0, 1.0, -2.0, 2.0, -3.0, 3.0, -4.5, 4.5, -6.0, 6.0])
"""Turns tried where a step edge does not run with the outline."""
_FILLED = 0.55
"""Least share of a rectangle that its points fill, for a small part of a roof to be one."""
_NO_TURN = np.zeros(1)


class _Line(NamedTuple):
    ends: NDArray[np.float64]
    """(2, 2) metres."""
    length: float
    """Length that points support, metres."""
    pair: tuple[int, int, int]
    """The two planes that it parts, -1 if several pairs; 1 if they intersect here."""


def partition_lines(
    outline: Polygon,
    xyz: NDArray[np.float64],
    planes: RoofPlanes,
    params: RoofParams,
    lost: Sequence[int] = (),
) -> NDArray[np.float64]:
    """Find the ridges, valleys and step edges of a roof, lengthened until they meet.

    Where the territories of two planes meet, they either intersect: then the line is that of the planes, far more exact
    than any point; or one stands above the other: then straight edges are laid so that they part the points, in
    the directions of the outline and of the planes where these do as well. Edges that nearly coincide become one, so
    that few lines remain. It fails at round towers (they come out as polygons of few sides) and at
    borders shorter than `min_line_m`.

    Parameters
    ----------
    outline
        Polygon in the frame of the points, metres.
    xyz
        (n, 3) metres, sorted.
    planes
        From `find_planes` on these points.
    params
        Thresholds.
    lost
        Planes that got no face of their own from the lines of a first attempt: small ones get all four sides, and
        their lines do not end at corners.

    Returns
    -------
    (k, 2, 2) segments, metres, the best supported first; none where there are less than two planes.

    Notes
    -----
    About 2 ms for a building of 1 500 points and five planes.
    """
    if planes.n_planes < 2:
        return np.empty((0, 2, 2))
    edges = outline_edges(outline)
    found = borders(edges, xyz, planes)
    if not len(found.pair):
        return np.empty((0, 2, 2))
    work = _Work(
        members=_members(xyz, planes),
        directions=outline_directions(edges),
        coefficients=planes.coefficients,
        cell_m=found.cell_m,
        spacing_m=planes.spacing_m,
        least_step_m=max(params.step_m, 3.0 * planes.noise_m),
    )
    creases: list[_Line] = []
    steps: list[_Line] = []
    for i, (u, v) in enumerate(found.pair.tolist()):
        places = found.xy[found.start[i] : found.start[i + 1]]
        line, rest = _crease(work, (u, v), places, params)
        creases.extend(line)
        steps.extend(_steps(work, (u, v), rest, params))
    kept = _few(creases, steps, edges, work, params)
    if len(lost):
        kept.extend(_missing_sides(kept, (lost, found), edges, work, params))
        kept = [line._replace(pair=(-1, -1, 0)) if set(line.pair[:2]) & set(lost) else line for line in kept]
    kept.sort(key=lambda line: (max(line.pair[:2]), -line.length, *line.ends.ravel()))
    kept = sorted(kept[: params.max_lines], key=lambda line: (-line.length, *line.ends.ravel()))
    if not kept:
        return np.empty((0, 2, 2))
    segments = np.array([line.ends for line in kept])
    shorten = found.cell_m + 0.5 * planes.spacing_m
    closed = close_lines(segments, np.array([line.pair for line in kept]), edges, shorten)
    return np.concatenate((closed, links(closed, edges, max(0.35, shorten))))


class _Work(NamedTuple):
    """What every pair of planes needs."""

    members: list[NDArray[np.float64]]
    directions: Directions
    coefficients: NDArray[np.float64]
    cell_m: float
    spacing_m: float
    least_step_m: float


def _members(xyz: NDArray[np.float64], planes: RoofPlanes) -> list[NDArray[np.float64]]:
    """Places x, y of the points of each plane."""
    order = np.argsort(planes.label, kind="stable")
    at = np.searchsorted(planes.label[order], np.arange(planes.n_planes + 1))
    return [np.ascontiguousarray(xyz[order[at[i] : at[i + 1]], :2]) for i in range(planes.n_planes)]


def _crease(
    work: _Work, pair: tuple[int, int], places: NDArray[np.float64], params: RoofParams
) -> tuple[list[_Line], NDArray[np.float64]]:
    """Line in which two planes intersect, if they do so where they meet, and the places that it does not explain."""
    a, b, c = work.coefficients[pair[0]] - work.coefficients[pair[1]]
    bend = math.hypot(a, b)
    if bend < _LEAST_BEND:
        return [], places
    normal = np.array([a, b]) / bend
    away = np.abs(places @ normal + c / bend)
    near = away <= max(1.5 * work.cell_m, work.spacing_m, min(work.least_step_m / bend, _CREASE_M))
    if near.sum() < 2:
        return [], places
    along = np.array([-normal[1], normal[0]])
    s = np.sort(places[near] @ along)
    foot = -c / bend * normal
    lines = []
    parts = np.split(s, np.flatnonzero(np.diff(s) > params.line_gap_m) + 1)
    for part in parts:
        begin, end = part[0] - 0.5 * work.cell_m, part[-1] + 0.5 * work.cell_m
        if end - begin >= params.min_line_m or (len(part) > 1 and 2 * len(part) > len(places)):
            ends = np.stack((foot + begin * along, foot + end * along))
            lines.append(_Line(ends, float(end - begin), (*pair, 1)))
    if not lines:
        return [], places
    return lines, places[~near]


def _steps(work: _Work, pair: tuple[int, int], places: NDArray[np.float64], params: RoofParams) -> list[_Line]:
    """Straight edges along which one plane stands above the other."""
    if len(places) < 3:
        return []
    angles, weights = work.directions.with_planes(work.coefficients[list(pair)])
    width = 1.2 * work.cell_m + 0.7 * work.spacing_m
    lines = []
    for which, offset, begin, end, _ in straight_runs(
        places, angles, weights, width, params.line_gap_m, params.min_line_m - work.cell_m
    ):
        turns = _NO_TURN if weights[int(which)] > 1.0 else _TURNS
        run = (angles[int(which)], offset, begin - 0.5 * work.cell_m, end + 0.5 * work.cell_m)
        one, two = work.members[pair[0]], work.members[pair[1]]
        angle, offset, wrong, n = separate(one, two, run, turns, 1.5 * width)
        if n < _FEWEST or wrong > _WRONG_SHARE * n:
            continue
        along = np.array([math.cos(angle), math.sin(angle)])
        normal = np.array([-along[1], along[0]])
        middle = 0.5 * (run[2] + run[3])
        centre = middle * np.array([math.cos(run[0]), math.sin(run[0])]) + run[1] * np.array(
            [-math.sin(run[0]), math.cos(run[0])]
        )
        centre = centre + (offset - centre @ normal) * normal
        half = 0.5 * (run[3] - run[2])
        lines.append(_Line(np.stack((centre - half * along, centre + half * along)), 2.0 * half, (*pair, 0)))
    return lines


def _missing_sides(
    kept: list[_Line],
    which: tuple[Sequence[int], Borders],
    edges: NDArray[np.float64],
    work: _Work,
    params: RoofParams,
) -> list[_Line]:
    """Close small parts of a roof on the sides where their border is too short to show (cheeks of dormers)."""
    lines: list[_Line] = []
    lost, found = which
    for plane in lost:
        xy = work.members[plane]
        if len(xy) * work.spacing_m**2 > params.box_m2:
            continue
        others = np.flatnonzero((found.pair == plane).any(axis=1))
        if not len(others):
            continue
        i = others[(found.start[others + 1] - found.start[others]).argmax()]
        pair = (int(found.pair[i, 0]), int(found.pair[i, 1]))
        angles, weights = work.directions.with_planes(work.coefficients[list(pair)])
        sides, filled = box_sides(xy, angles[weights > 1.0], work.spacing_m)
        if filled < _FILLED:
            continue
        apart = max(0.5, work.spacing_m)
        known = [line.ends for line in kept if plane in line.pair[:2] or line.pair[0] < 0]
        known_ends = np.array(known).reshape(-1, 2, 2)
        lines.extend(
            _Line(side, math.dist(*side), (*pair, 0))
            for side in sides
            if not (is_covered(side, edges, apart) or is_covered(side, known_ends, apart))
        )
    return lines


def _few(
    creases: list[_Line], steps: list[_Line], edges: NDArray[np.float64], work: _Work, params: RoofParams
) -> list[_Line]:
    """Drop steps along the outline and make one of those that nearly coincide."""
    apart = max(0.2, 0.7 * work.spacing_m)
    kept = list(creases)
    ends = np.empty((len(creases) + len(steps), 2, 2))
    for i, line in enumerate(creases):
        ends[i] = line.ends
    for line in sorted(steps, key=lambda line: (-line.length, *line.ends.ravel())):
        if is_covered(line.ends, edges, params.near_outline_m):
            continue
        i, first, last = continued(line.ends, ends[: len(kept)], apart, params.line_gap_m)
        if i < 0:
            ends[len(kept)] = line.ends
            kept.append(line)
            continue
        other = kept[i]
        length = math.dist(*other.ends)
        along = (other.ends[1] - other.ends[0]) / max(length, 1e-9)
        begin, end = min(0.0, first), max(length, last)
        pair = other.pair if other.pair[:2] == line.pair[:2] else (-1, -1, 0)
        ends[i] = np.stack((other.ends[0] + begin * along, other.ends[0] + end * along))
        kept[i] = _Line(ends[i].copy(), max(other.length, end - begin), pair)
    return kept
