"""From a partition whose faces have planes to one closed solid, valid by construction.

Everything happens in plan and in integers of 0.1 mm: neighbours of one plane become one face, corners in which walls
would touch in a line are repaired, edges along which two planes change sides are split, heights that nearly agree
are made to agree. Then each face is lifted, and each edge between two heights becomes a wall with every level at its
ends as a corner, so that no T-junction can arise.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.roofs.agreeing import agree
from pipelines.roofs.junctions import repair_junctions
from pipelines.roofs.lifting import split_crossings
from pipelines.roofs.noding import INNER, OUTLINE
from pipelines.roofs.settling import settle
from pipelines.roofs.shape import STEPS_PER_M, ShapeParams
from pipelines.roofs.tidying import compact, dissolve
from pipelines.roofs.tracing import assemble
from pipelines.roofs.triangles import pieces, triangulate
from pipelines.roofs.walls import levels_of, outer_walls, step_walls
from twin.building import Solid
from twin.errors import RoofError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pipelines.roofs.arrangement import Arrangement

__all__ = ["Extrusion", "extrude", "extrude_counted"]

_STRAIGHT_STEPS = 20.0
"""A corner between the same two planes goes if it lies this near to the straight edge, steps (2 mm)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extrusion:
    """A solid and what it took to make it."""

    solid: Solid
    """Local metres, on the grid of 0.1 mm."""
    n_repaired: int
    """Corners cut off because walls would have touched in a line there."""
    n_triangulated: int
    """Faces of the roof that had to be split into triangles because they cannot be flat."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plan:
    """Edges between faces of different planes, with heights."""

    xy: NDArray[np.int64]
    ends: NDArray[np.int64]
    sides: NDArray[np.int64]
    z: NDArray[np.int64]
    fixed: NDArray[np.bool_]
    planes: NDArray[np.float64]
    n_repaired: int


def extrude(
    arrangement: Arrangement,
    face_plane: ArrayLike,
    coefficients: ArrayLike,
    base_m: float,
    params: ShapeParams | None = None,
) -> Solid:
    """Raise a roof over its plan and close it with walls and a floor.

    Parameters
    ----------
    arrangement
        Partition of the outline.
    face_plane
        Shape (faces,): plane of each face.
    coefficients
        Shape (m, 3): z = a x + b y + c in local metres.
    base_m
        Height of the floor, metres; a roof that reaches below `least_height_m` above it is lifted to that.
    params
        Tolerances of welding, size of repairs.

    Returns
    -------
    Solid
        Local metres; one ground face (with the courtyards as holes), a roof face for each connected part of one plane,
        a wall for each edge of the outline and for each edge within that has a step.

    Raises
    ------
    RoofError
        Code 303 where walls touch in a line and nothing can be cut off, 203 where a face is neither flat nor can be
        split into triangles.

    Notes
    -----
    About 0.5 ms for 20 faces.
    """
    return extrude_counted(arrangement, face_plane, coefficients, base_m, params).solid


def extrude_counted(
    arrangement: Arrangement,
    face_plane: ArrayLike,
    coefficients: ArrayLike,
    base_m: float,
    params: ShapeParams | None = None,
) -> Extrusion:
    """Like `extrude`, and count the repairs."""
    params = params or ShapeParams()
    planes = np.array(coefficients, dtype=np.float64).reshape(-1, 3)
    label = np.asarray(face_plane, dtype=np.int64)
    _check(arrangement, label, planes, base_m)
    planes[:, 2] *= STEPS_PER_M
    base = round(base_m * STEPS_PER_M)
    plan = _plan(arrangement, label, planes, base, params)
    return _solid(plan, base, params)


def _check(arrangement: Arrangement, label: NDArray[np.int64], planes: NDArray[np.float64], base_m: float) -> None:
    if len(label) != arrangement.n_faces:
        raise RoofError(0, f"{len(label)} labels for {arrangement.n_faces} faces; give one plane for each face")
    if label.min() < 0 or label.max() >= len(planes):
        raise RoofError(0, f"labels {label.min()}..{label.max()} for {len(planes)} planes; every face needs a plane")
    if not (np.isfinite(planes).all() and np.isfinite(base_m)):
        raise RoofError(0, "a plane or the base has no finite height; leave that plane out")


def _plan(
    arrangement: Arrangement, label: NDArray[np.int64], planes: NDArray[np.float64], base: int, params: ShapeParams
) -> _Plan:
    """Merge equal neighbours, repair corners, split edges that cross in height."""
    sides = np.where(arrangement.edge_faces >= 0, label[arrangement.edge_faces], -1)
    differ = sides[:, 0] != sides[:, 1]
    xy, ends, sides = arrangement.vertices.copy(), arrangement.edges[differ], sides[differ]
    reach, join = params.settle_m * STEPS_PER_M, params.join_m * STEPS_PER_M
    for last in (False, True):
        alive = np.ones(len(ends), np.bool_)
        settle((xy, ends, sides, alive), arrangement.fixed, planes, reach, join)
        ends, sides = ends[alive], sides[alive]
        if not last:  # what is settled in most of its planes tells how far the others are off
            planes = agree(xy, (ends, sides), arrangement.fixed, planes, (reach, params.agree_m * STEPS_PER_M))
    kind = np.where(sides[:, 1] < 0, OUTLINE, INNER).astype(np.int8)
    ends, _, kept = dissolve(xy, ends, kind, arrangement.fixed, _STRAIGHT_STEPS)
    xy, ends, fixed, _ = compact(xy, ends, arrangement.fixed)
    sides = sides[kept]

    graph, count = _with_room(xy, ends, sides)
    floor = base + params.least_height_m * STEPS_PER_M
    gap = params.weld_m * STEPS_PER_M
    repaired = repair_junctions(graph, count, planes, (floor, gap, params.corner_m * STEPS_PER_M))
    if repaired < 0:
        x, y = graph[0][-1 - repaired] / STEPS_PER_M
        raise RoofError(303, f"walls touch in one line at x {x:.2f} m, y {y:.2f} m; use a simpler roof")
    z, crossing = split_crossings(graph, count, planes, floor, np.full(len(graph[0]), gap))
    if crossing:
        raise RoofError(306, f"{crossing} edges have crossing planes and no room for a corner; use a simpler roof")
    alive = graph[3][: count[1]]
    return _Plan(
        xy=graph[0][: count[0]],
        ends=graph[1][: count[1]][alive],
        sides=graph[2][: count[1]][alive],
        z=z[alive],
        fixed=np.concatenate([fixed, np.zeros(count[0] - len(fixed), np.bool_)]),
        planes=planes,
        n_repaired=repaired,
    )


def _with_room(
    xy: NDArray[np.int64], ends: NDArray[np.int64], sides: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]], NDArray[np.int64]]:
    """Arrays with room for what is put in, and how much of them is in use."""
    n, m = len(xy), len(ends)
    more = 2 * m + 8 * n + 64
    graph = (
        np.concatenate([xy, np.zeros((more, 2), np.int64)]),
        np.concatenate([ends, np.zeros((more, 2), np.int64)]),
        np.concatenate([sides, np.full((more, 2), -1, np.int64)]),
        np.concatenate([np.ones(m, np.bool_), np.zeros(more, np.bool_)]),
    )
    return graph, np.array([n, m])


def _solid(plan: _Plan, base: int, params: ShapeParams) -> Extrusion:
    """Lift the faces, put up the walls, lay the floor."""
    kind = np.where(plan.sides[:, 1] < 0, OUTLINE, INNER).astype(np.int8)
    halves, ring_start, face_start, _, _ = assemble(plan.xy, plan.ends, kind)
    corners = plan.ends.reshape(-1)[halves]
    heights = plan.z[halves // 2, halves % 2, halves % 2]
    first, levels = levels_of(plan.ends, plan.z, plan.fixed, base)
    number = _numbers(first, levels, corners, heights)
    floor = base + params.least_height_m * STEPS_PER_M
    roof: list[tuple[tuple[int, ...], ...]] = []
    n_triangulated = 0
    for f in range(len(face_start) - 1):
        starts = ring_start[face_start[f] : face_start[f + 1] + 1]
        part = slice(starts[0], starts[-1])
        plane = plan.planes[plan.sides[halves[starts[0]] // 2, halves[starts[0]] % 2]]
        exact = plan.xy[corners[part]] @ plane[:2] + plane[2]
        if exact.max() < floor:
            exact = np.full(len(exact), floor)  # lifted as a whole
        rings = [corners[a:b] for a, b in itertools.pairwise(starts)]
        if np.abs(heights[part] - exact).max() > params.bend_m * STEPS_PER_M:
            cut = _triangles(plan.xy, rings)
            n_triangulated += 1
        else:
            cut = pieces(plan.xy, rings) if len(rings) > 1 else [(tuple(rings[0].tolist()),)]
        solid_vertex = dict(zip(corners[part].tolist(), number[part].tolist(), strict=True))
        roof += [tuple(tuple(solid_vertex[v] for v in ring) for ring in face) for face in cut]
    walls: list[tuple[tuple[int, ...], ...]] = []
    for wall_corners, wall_start in (
        outer_walls(plan.ends, plan.z, plan.fixed, first, levels),
        step_walls(plan.ends, plan.z, first, levels),
    ):
        walls += [(tuple(wall_corners[a:b].tolist()),) for a, b in itertools.pairwise(wall_start)]
    ground = _ground(plan, first)
    n_levels = np.diff(first)
    vertices = np.column_stack([np.repeat(plan.xy, n_levels, axis=0), levels]) / STEPS_PER_M
    solid = Solid(
        vertices=vertices,
        faces=(ground, *roof, *walls),
        semantics=("GroundSurface", *["RoofSurface"] * len(roof), *["WallSurface"] * len(walls)),
    )
    return Extrusion(solid=solid, n_repaired=plan.n_repaired, n_triangulated=n_triangulated)


def _numbers(
    first: NDArray[np.int64], levels: NDArray[np.int64], corners: NDArray[np.int64], heights: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Solid vertices of plan vertices at their heights."""
    low = int(min(levels.min(), 0))
    span = int(levels.max()) - low + 1
    key = np.repeat(np.arange(len(first) - 1), np.diff(first)) * span + (levels - low)
    return np.searchsorted(key, corners * span + (heights - low))


def _triangles(xy: NDArray[np.int64], rings: list[NDArray[np.int64]]) -> list[tuple[tuple[int, ...], ...]]:
    found = triangulate(xy, rings)
    if len(found) == 0:
        x, y = xy[rings[0][0]] / STEPS_PER_M
        raise RoofError(203, f"the roof face at x {x:.2f} m, y {y:.2f} m cannot be flat; use a simpler roof")
    return found


def _ground(plan: _Plan, first: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """Floor: the outline's rings backwards, the outer one first, at the lowest level of their vertices."""
    outer = plan.sides[:, 1] < 0
    follow: dict[int, int] = dict(zip(plan.ends[outer, 1].tolist(), plan.ends[outer, 0].tolist(), strict=True))
    if len(follow) < outer.sum():
        raise RoofError(303, "the outline touches itself in a corner; cut it in two or move that corner")
    rings: list[tuple[float, tuple[int, ...]]] = []
    while follow:
        v, after = follow.popitem()
        ring = [v]
        while after != v:
            ring.append(after)
            after = follow.pop(after)
        ring = [v for v in ring if plan.fixed[v]]
        d = plan.xy[ring] - plan.xy[ring[0]]
        area2 = float(np.sum(d[:, 0] * np.roll(d[:, 1], -1) - np.roll(d[:, 0], -1) * d[:, 1]))
        rings.append((area2, tuple(first[ring].tolist())))
    rings.sort()  # the outer ring runs clockwise here: its area is the most negative
    return tuple(ring for _, ring in rings)
