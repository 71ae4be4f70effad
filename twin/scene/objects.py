"""Everything that stands on the ground, as three tables and a grid that finds them by place.

Prisms are solid (roofs, cars, decks), ellipsoids let part of the light through (crowns, shrubs), rods are thin (wires,
lattice, poles). The grid is a compressed row list: cells of `CELL` metres, each with the objects that touch it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.scene.buildings import Prism

__all__ = ["CELL", "Objects", "Rods", "Solids", "assemble", "clear_of_solids", "no_crowns", "rods_of", "solids_of"]

CELL = 8.0
"""Edge of a grid cell in metres: about a house's width; smaller cells repeat objects, larger ones test too many."""


class Solids(NamedTuple):
    """Prisms by column."""

    place: NDArray[np.float64]
    """Shape (n, 8): u, v, cos, sin, half_p, half_q, bottom, highest point."""
    planes: NDArray[np.float64]
    """Shape (n, 4, 3): sp, sq, top."""
    n_planes: NDArray[np.int64]
    point_class: NDArray[np.uint8]
    material: NDArray[np.uint8]
    owner: NDArray[np.int32]
    """Building that the prism is part of, counted from 1; 0 for none."""
    tint: NDArray[np.float64]
    """Colour's place in its material's range, 0 to 1."""


class Rods(NamedTuple):
    """Thin straight pieces by column."""

    ends: NDArray[np.float64]
    """Shape (n, 6): u, v, z of both ends."""
    point_class: NDArray[np.uint8]


class Objects(NamedTuple):
    """All objects of a scene, ready for compiled code.

    Numbering: solids first, then ellipsoids, then rods.
    """

    solids: Solids
    crowns: NDArray[np.float64]
    """Shape (n, 7): u, v, z of the centre, horizontal and vertical radius, extinction per metre, tint."""
    rods: Rods
    start: NDArray[np.int64]
    """First entry of each cell in `member`; shape (cells + 1,)."""
    member: NDArray[np.int32]
    ceiling: NDArray[np.float64]
    """Highest point of any object in each cell, -inf where there is none."""
    side: int
    """Cells along u and along v."""
    top: float
    """Highest point of all."""


def solids_of(rows: list[tuple[Prism, int, int, int, float]]) -> Solids:
    """Turn (prism, point class, material, owner, tint) into columns."""
    n = len(rows)
    place, planes = np.zeros((n, 8)), np.zeros((n, 4, 3))
    count = np.zeros(n, np.int64)
    for i, (prism, *_) in enumerate(rows):
        top = _peak(prism)
        place[i] = (
            prism.u, prism.v, math.cos(prism.angle), math.sin(prism.angle), prism.half_p, prism.half_q, prism.bottom, top,
        )  # fmt: skip
        count[i] = len(prism.planes)
        planes[i, : count[i]] = prism.planes
    return Solids(
        place,
        planes,
        count,
        np.array([row[1] for row in rows], np.uint8),
        np.array([row[2] for row in rows], np.uint8),
        np.array([row[3] for row in rows], np.int32),
        np.array([row[4] for row in rows], np.float64),
    )


def _peak(prism: Prism) -> float:
    """Return a height that no point of the roof exceeds: the lowest plane's highest corner."""
    return min(top + abs(sp) * prism.half_p + abs(sq) * prism.half_q for sp, sq, top in prism.planes)


def rods_of(rows: list[tuple[tuple[float, float, float], tuple[float, float, float], int]]) -> Rods:
    """Turn (end, end, point class) into columns."""
    ends = np.array([[*first, *second] for first, second, _ in rows], np.float64).reshape(-1, 6)
    return Rods(ends, np.array([row[2] for row in rows], np.uint8))


def assemble(edge_m: float, solids: Solids, crowns: NDArray[np.float64], rods: Rods) -> Objects:
    """Index the tables by place; cost and memory are linear in the number of objects and cells."""
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
        solids, crowns, rods, start.astype(np.int64), index[order].astype(np.int32), ceiling, side,
        float(tops.max(initial=-1e9)),
    )  # fmt: skip


def _boxes(solids: Solids, crowns: NDArray[np.float64], rods: Rods) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(umin, vmin, umax, vmax) and the top of every object, in the numbering of `Objects`."""
    u, v, c, s, p, q, _, top = solids.place.T
    reach_u, reach_v = np.abs(c) * p + np.abs(s) * q, np.abs(s) * p + np.abs(c) * q
    solid = np.column_stack([u - reach_u, v - reach_v, u + reach_u, v + reach_v])
    radius = crowns[:, 3:4]
    crown = np.hstack([crowns[:, :2] - radius, crowns[:, :2] + radius])
    first, second = rods.ends[:, :3], rods.ends[:, 3:]
    low, high = np.minimum(first, second) - 0.2, np.maximum(first, second) + 0.2
    rod = np.hstack([low[:, :2], high[:, :2]])
    return np.vstack([solid, crown, rod]), np.concatenate([top, crowns[:, 2] + crowns[:, 4], high[:, 2]])


def no_crowns() -> NDArray[np.float64]:
    """Return an empty table of ellipsoids."""
    return np.empty((0, 7))


@njit(cache=True)
def clear_of_solids(objects: Objects, u: NDArray[np.float64], v: NDArray[np.float64], gap: float) -> NDArray[np.bool_]:
    """Whether each place, shape (n,), is at least `gap` metres (at most a cell) from every solid's outline."""
    out = np.ones(u.size, np.bool_)
    place = objects.solids.place
    n_solids = place.shape[0]
    for i in range(u.size):
        i0, i1 = max(0, int((u[i] - gap) // CELL)), min(objects.side - 1, int((u[i] + gap) // CELL))
        j0, j1 = max(0, int((v[i] - gap) // CELL)), min(objects.side - 1, int((v[i] + gap) // CELL))
        for j in range(j0, j1 + 1):
            for k in range(objects.start[j * objects.side + i0], objects.start[j * objects.side + i1 + 1]):
                m = objects.member[k]
                if m >= n_solids:
                    continue
                du, dv = u[i] - place[m, 0], v[i] - place[m, 1]
                p, q = du * place[m, 2] + dv * place[m, 3], dv * place[m, 2] - du * place[m, 3]
                if abs(p) < place[m, 4] + gap and abs(q) < place[m, 5] + gap:
                    out[i] = False
    return out
