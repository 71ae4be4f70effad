"""Everything that stands on the ground, as three tables and a grid that finds them by place.

Prisms are solid (roofs, cars, decks), ellipsoids let part of the light through (crowns, shrubs), rods are thin (wires,
lattice, poles). The grid is a compressed row list: cells of `CELL` metres, each with the objects that touch it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twin.scene.buildings import Prism
from twin.scene.compiled import cached

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CELL", "Objects", "RodRow", "SolidRow", "assemble", "clear_of_solids"]

CELL = 8.0
"""Edge of a grid cell in metres: about a house's width; smaller cells repeat objects, larger ones test too many."""


U, V, COS, SIN, HALF_P, HALF_Q, BOTTOM, PEAK, N_PLANES, CLASS, MATERIAL, OWNER, TINT = range(13)
"""Columns of `Objects.solids`: place, direction, half lengths, bottom, a height that nothing exceeds, how many roof
planes, point class, material, building (counted from 1; 0 for none), place in the material's range of colour."""
ROD_CLASS = 6
"""Column of `Objects.rods` with the point class."""


class Objects(NamedTuple):
    """All objects of a scene, ready for compiled code.

    Numbering: solids first, then ellipsoids, then rods.
    """

    solids: NDArray[np.float64]
    """Shape (n, 13): columns `U` to `TINT`."""
    planes: NDArray[np.float64]
    """Roof planes of the solids, shape (n, 4, 3): sp, sq, top as in `Prism`."""
    crowns: NDArray[np.float64]
    """Shape (n, 7): u, v, z of the centre, horizontal and vertical radius, extinction per metre, tint."""
    rods: NDArray[np.float64]
    """Shape (n, 7): u, v, z of both ends, point class."""
    start: NDArray[np.int64]
    """First entry of each cell in `member`; shape (cells + 1,)."""
    member: NDArray[np.int32]
    ceiling: NDArray[np.float64]
    """Highest point of any object in each cell, -inf where there is none."""
    side: int
    """Cells along u and along v."""
    top: float
    """Highest point of all."""


SolidRow = tuple[Prism, int, int, int, float]
"""Prism, point class, material, building, tint."""
RodRow = tuple[tuple[float, float, float], tuple[float, float, float], int]
"""Both ends, point class."""


def _solids_of(rows: list[SolidRow]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    solids, planes = np.zeros((len(rows), 13)), np.zeros((len(rows), 4, 3))
    for i, (prism, *facts) in enumerate(rows):
        place = (
            prism.u,
            prism.v,
            math.cos(prism.angle),
            math.sin(prism.angle),
            prism.half_p,
            prism.half_q,
            prism.bottom,
        )
        solids[i] = (*place, _peak(prism), len(prism.planes), *facts)
        planes[i, : len(prism.planes)] = prism.planes
    return solids, planes


def _rods_of(rows: list[RodRow]) -> NDArray[np.float64]:
    return np.array([[*first, *second, cls] for first, second, cls in rows], np.float64).reshape(-1, 7)


def _peak(prism: Prism) -> float:
    """Return a height that no point of the roof exceeds: the lowest plane's highest corner."""
    return min(top + abs(sp) * prism.half_p + abs(sq) * prism.half_q for sp, sq, top in prism.planes)


def assemble(
    edge_m: float, solid_rows: list[SolidRow], rod_rows: list[RodRow], crowns: NDArray[np.float64] | None = None
) -> Objects:
    """Index the objects by place; cost and memory are linear in the number of objects and cells."""
    (solids, planes), rods = _solids_of(solid_rows), _rods_of(rod_rows)
    crowns = np.empty((0, 7)) if crowns is None else crowns
    boxes, tops = _boxes(solids, crowns, rods)
    side = max(1, math.ceil(edge_m / CELL))
    cells = np.clip(np.floor(boxes / CELL).astype(np.int64), 0, side - 1)
    spans = cells[:, 2:] - cells[:, :2] + 1
    counts = spans[:, 0] * spans[:, 1]
    index = np.repeat(np.arange(len(boxes)), counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    column = cells[index, 0] + step % spans[index, 0]
    cell = (cells[index, 1] + step // spans[index, 0]) * side + column
    order = np.argsort(cell, kind="stable")
    start = np.searchsorted(cell[order], np.arange(side * side + 1))
    ceiling = np.full(side * side, -np.inf)
    np.maximum.at(ceiling, cell, tops[index])
    return Objects(
        solids, planes, crowns, rods, start.astype(np.int64), index[order].astype(np.int32), ceiling, side,
        float(tops.max(initial=-1e9)),
    )  # fmt: skip


def _boxes(
    solids: NDArray[np.float64], crowns: NDArray[np.float64], rods: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(umin, vmin, umax, vmax) and the top of every object, in the numbering of `Objects`."""
    u, v, c, s, p, q, _, top = solids[:, : PEAK + 1].T
    reach_u, reach_v = np.abs(c) * p + np.abs(s) * q, np.abs(s) * p + np.abs(c) * q
    solid = np.column_stack([u - reach_u, v - reach_v, u + reach_u, v + reach_v])
    radius = crowns[:, 3:4]
    crown = np.hstack([crowns[:, :2] - radius, crowns[:, :2] + radius])
    low, high = np.minimum(rods[:, :3], rods[:, 3:6]) - 0.2, np.maximum(rods[:, :3], rods[:, 3:6]) + 0.2
    rod = np.hstack([low[:, :2], high[:, :2]])
    return np.vstack([solid, crown, rod]), np.concatenate([top, crowns[:, 2] + crowns[:, 4], high[:, 2]])


@cached
def clear_of_solids(objects: Objects, u: NDArray[np.float64], v: NDArray[np.float64], gap: float) -> NDArray[np.bool_]:
    """Whether each place, shape (n,), is at least `gap` metres (at most a cell) from every solid's outline."""
    out = np.ones(u.size, np.bool_)
    place, start, member = objects.solids, objects.start, objects.member
    for i in range(u.size):
        i0, i1 = max(0, int((u[i] - gap) // CELL)), min(objects.side - 1, int((u[i] + gap) // CELL))
        j0, j1 = max(0, int((v[i] - gap) // CELL)), min(objects.side - 1, int((v[i] + gap) // CELL))
        for j in range(j0, j1 + 1):
            for k in range(start[j * objects.side + i0], start[j * objects.side + i1 + 1]):
                m = member[k]
                if m >= place.shape[0]:
                    continue
                du, dv = u[i] - place[m, U], v[i] - place[m, V]
                p, q = du * place[m, COS] + dv * place[m, SIN], dv * place[m, COS] - du * place[m, SIN]
                if abs(p) < place[m, HALF_P] + gap and abs(q) < place[m, HALF_Q] + gap:
                    out[i] = False
    return out
