"""Earthworks: cuts, fills, terraces, pits and paving, laid one after another over a landscape's own ground.

Each is a level or sloping platform with a rectangular or rounded core. Around the core the ground may stay above a
cut's face and below a fill's face, both planes of a given rise per metre; a rise of 5 is a wall. A grid finds the
earthworks by place, so that a city of them costs a ray no more than the few that are near.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twin.scene.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.scene.layout import Layout

__all__ = ["KEEP", "WALL_RISE", "Earthwork", "index_works", "work_cover", "worked"]

KEEP = -1.0
"""As `cut` or `fill`: the ground is not cut, or not filled, at all."""
WALL_RISE = 5.0
"""Rise of a wall per metre: retaining walls lean 1 in 5 to 1 in 10; below the steepest that a ray is walked for."""
_CELL = 8.0
_HEIGHT_M = 24.0
"""Greatest cut or fill that is followed to its end, metres."""
_U, _V, _COS, _SIN, _HALF_P, _HALF_Q, _RADIUS, _TOP, _RISE, _CUT, _FILL, _COVER, _REACH = range(13)


class Earthwork(NamedTuple):
    """One platform; lengths in metres, local frame, heights above T.P."""

    u: float
    v: float
    angle: float
    half_p: float
    half_q: float
    top: float
    """Height at the centre."""
    cut: float
    """Rise per metre of the face above the platform; `KEEP` where higher ground stays."""
    fill: float
    """Fall per metre of the face below the platform; `KEEP` where lower ground stays."""
    cover: int = -1
    """What covers the platform; -1 for what was there."""
    rise: float = 0.0
    """Slope along p."""
    radius: float = 0.0
    """Rounds the rectangle: its core reaches this far beyond it."""


def index_works(
    edge: float, works: list[Earthwork]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32]]:
    """Return the earthworks as a table of shape (n, 13), and each grid cell's members as a compressed row list."""
    side = max(1, math.ceil(edge / _CELL))
    table = np.zeros((len(works), 13))
    cells: list[NDArray[np.int64]] = []
    owners: list[NDArray[np.int64]] = []
    centre = (np.arange(side) + 0.5) * _CELL
    for m, work in enumerate(works):
        gentle = min([rise for rise in (work.cut, work.fill) if rise > 0.0], default=math.inf)
        reach = _HEIGHT_M / gentle
        table[m] = (
            work.u, work.v, math.cos(work.angle), math.sin(work.angle), work.half_p, work.half_q, work.radius,
            work.top, work.rise, work.cut, work.fill, work.cover, reach,
        )  # fmt: skip
        du, dv = np.meshgrid(centre - work.u, centre - work.v)
        p = np.abs(du * table[m, _COS] + dv * table[m, _SIN]) - work.half_p
        q = np.abs(dv * table[m, _COS] - du * table[m, _SIN]) - work.half_q
        near = np.hypot(p.clip(0.0), q.clip(0.0)) <= work.radius + reach + 0.72 * _CELL
        cells.append(np.flatnonzero(near))
        owners.append(np.full(len(cells[-1]), m))
    cell = np.concatenate([*cells, np.zeros(0, np.int64)])
    owner = np.concatenate([*owners, np.zeros(0, np.int64)])
    order = np.argsort(cell, kind="stable")
    start = np.searchsorted(cell[order], np.arange(side * side + 1))
    return table, start.astype(np.int64), owner[order].astype(np.int32)


@compiled
def _outside(works: NDArray[np.float64], m: int, u: float, v: float) -> tuple[float, float]:
    """Distance from the core of earthwork m, 0 inside, and the height of its platform at the nearest place."""
    du, dv = u - works[m, _U], v - works[m, _V]
    p, q = du * works[m, _COS] + dv * works[m, _SIN], dv * works[m, _COS] - du * works[m, _SIN]
    half = works[m, _HALF_P]
    over_p, over_q = max(0.0, abs(p) - half), max(0.0, abs(q) - works[m, _HALF_Q])
    away = math.hypot(over_p, over_q) if over_p > 0.0 and over_q > 0.0 else over_p + over_q
    return max(0.0, away - works[m, _RADIUS]), works[m, _TOP] + works[m, _RISE] * min(max(p, -half), half)


@compiled
def _cell(edge: float, u: float, v: float) -> int:
    side = max(1, math.ceil(edge / _CELL))
    i, j = math.floor(u / _CELL), math.floor(v / _CELL)
    return min(max(j, 0), side - 1) * side + min(max(i, 0), side - 1)


@compiled
def worked(lay: Layout, u: float, v: float, ground: float) -> float:
    """Return the height of the ground after all earthworks, in their order."""
    works, start, member = lay.works, lay.works_start, lay.works_member
    if works.shape[0] == 0:
        return ground
    cell = _cell(lay.edge, u, v)
    for k in range(start[cell], start[cell + 1]):
        m = member[k]
        cut, fill = works[m, _CUT], works[m, _FILL]
        if cut < 0.0 and fill < 0.0:
            continue
        away, top = _outside(works, m, u, v)
        if away > works[m, _REACH]:
            continue
        if cut >= 0.0:
            ground = min(ground, top + cut * away)
        if fill >= 0.0:
            ground = max(ground, top - fill * away)
    return ground


@compiled
def work_cover(lay: Layout, u: float, v: float) -> int:
    """Return what the last earthwork here is covered with, -1 where there is none."""
    works, start, member = lay.works, lay.works_start, lay.works_member
    cover = -1
    if works.shape[0] == 0:
        return cover
    cell = _cell(lay.edge, u, v)
    for k in range(start[cell], start[cell + 1]):
        m = member[k]
        if works[m, _COVER] >= 0.0 and _outside(works, m, u, v)[0] <= 0.0:
            cover = int(works[m, _COVER])
    return cover
