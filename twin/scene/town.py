"""Lots between the streets, and which building stands on which."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twin.scene.buildings import KINDS, BuildingKind, BuildingSpec, design
from twin.scene.chance import stream
from twin.scene.compiled import cached, compiled
from twin.scene.layout import BAY, HILLS, Layout
from twin.scene.terrain import (
    BLOCK_U,
    BLOCK_V,
    DIKE_CREST,
    QUAY_SLOPE,
    STREET,
    TERRACE_FLAT,
    TERRACE_SLOPE,
    TERRACE_STEP,
    canal_distance,
    coast_distance,
    ground_at,
    quarter_weight,
    volcano_reach,
)

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["Lot", "Town", "build_town"]

_SETBACK = 1.5
"""Free strip along each side of a lot, metres."""
_WEIGHTS: dict[BuildingKind, float] = {
    "gabled": 0.27, "flat": 0.18, "hipped": 0.17, "l_shaped": 0.10, "stepped": 0.06, "penthouse": 0.08, "row": 0.09,
    "shed": 0.04, "courtyard": 0.01,
}  # fmt: skip
"""How often each kind stands on a lot, once every kind stands somewhere."""


class Lot(NamedTuple):
    """A free rectangle beside a street, in the local frame."""

    u: float
    v: float
    along_u: float
    along_v: float
    angle: float


class Town(NamedTuple):
    """What the lots became."""

    buildings: list[tuple[BuildingSpec, float]]
    """Each with the ground at its centre."""
    parks: list[Lot]
    car_parks: list[Lot]


def build_town(lay: Layout, seed: int) -> Town:
    """Choose the lots that can be built on and what stands there; every kind stands somewhere."""
    lots = _terrace_lots(lay) if lay.kind == HILLS else _street_lots(lay)
    table = np.array([[lot.u, lot.v, lot.along_u, lot.along_v, lot.angle] for lot in lots]).reshape(-1, 5)
    free, level = _inspect(lay, table)
    lots = [lot for lot, good in zip(lots, free, strict=True) if good]
    levels = level[free]
    town = Town([], [], [])
    for rank, use in _uses(lay, lots, seed):
        lot, ground = lots[rank], float(levels[rank])
        rng = stream(seed, 3, rank)
        if use == "park":
            town.parks.append(lot)
        elif use == "car park":
            town.car_parks.append(lot)
        else:
            town.buildings.extend(_on_lot(use, lot, ground, rng))
    return town


def _uses(lay: Layout, lots: list[Lot], seed: int) -> list[tuple[int, str]]:
    """Return (rank of the lot, kind of building or other use), one for each lot."""
    rng = stream(seed, 2)
    order = rng.permutation(len(lots)).tolist()
    uses: dict[int, str] = {}
    tall = [] if lay.kind == HILLS else _nearest(lots, 0.84 * lay.edge, lay.street_v, 1 + len(lots) // 25)
    uses.update(dict.fromkeys(tall, "highrise"))
    rest = [rank for rank in order if rank not in uses]
    firsts = [kind for kind in KINDS if kind != "highrise" and (lay.kind != HILLS or kind not in ("courtyard",))]
    uses.update(zip(rest, firsts, strict=False))
    rest = rest[len(firsts) :]
    names, weights = list(_WEIGHTS), np.array(list(_WEIGHTS.values()))
    for i, rank in enumerate(rest):
        if i == 0 or rng.random() < 0.06:
            uses[rank] = "park"
        elif i == 1 or rng.random() < 0.05:
            uses[rank] = "car park"
        else:
            uses[rank] = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return sorted(uses.items())


def _nearest(lots: list[Lot], u: float, v: float, n: int) -> list[int]:
    return sorted(range(len(lots)), key=lambda i: (math.hypot(lots[i].u - u, lots[i].v - v), i))[: min(n, 40)]


def _on_lot(use: str, lot: Lot, ground: float, rng: Generator) -> list[tuple[BuildingSpec, float]]:
    kind: BuildingKind = next(kind for kind in KINDS if kind == use)
    room = (lot.along_u - 2 * _SETBACK, lot.along_v - 2 * _SETBACK)
    turned = room[1] > room[0] if lot.angle else bool(rng.random() < 0.5)
    if turned:
        room = room[1], room[0]
    spec = design(kind, (lot.u, lot.v, ground), room, rng)
    spec = spec._replace(
        angle=spec.angle * (0.0 if lot.angle else 1.0) + lot.angle + (0.5 * math.pi if turned else 0.0)
    )
    if kind != "row":
        return [(spec, ground)]
    units = 3
    half = spec.half_p / units
    c, s = math.cos(spec.angle), math.sin(spec.angle)
    row = []
    for k in range(units):
        p = (2 * k - units + 1) * half
        lift = 3.1 * float(rng.integers(0, 2)) + 0.4 * k
        row.append((spec._replace(u=spec.u + p * c, v=spec.v + p * s, half_p=half, eaves=spec.eaves + lift), ground))
    return row


def _street_lots(lay: Layout) -> list[Lot]:
    """Three by two lots in every block of the street grid, whether they can be built on or not."""
    wide, deep = (BLOCK_U - STREET) / 3.0, (BLOCK_V - STREET) / 2.0
    middle = lay.canal_u if lay.kind == BAY else lay.centre_u
    lots = []
    reach = math.ceil(lay.edge / BLOCK_U) + 1
    rows = range(-math.ceil(lay.street_v / BLOCK_V) - 1, math.ceil((lay.edge - lay.street_v) / BLOCK_V) + 1)
    for side in (-1, 1):
        for block in range(reach):
            for row in rows:
                for i in range(3):
                    for j in range(2):
                        across = lay.street_u + block * BLOCK_U + STREET / 2.0 + (i + 0.5) * wide
                        v = lay.street_v + row * BLOCK_V + STREET / 2.0 + (j + 0.5) * deep
                        lots.append(Lot(middle + side * across, v, wide, deep, 0.0))
    return lots


def _terrace_lots(lay: Layout) -> list[Lot]:
    """Lots on the level part of each terrace of the hills, side by side along the contour."""
    pitch = TERRACE_STEP / TERRACE_SLOPE
    deep, wide = pitch * TERRACE_FLAT + 1.2, 14.5
    first = math.floor((lay.top - TERRACE_SLOPE * lay.radius) / TERRACE_STEP)
    last = math.ceil((lay.top + TERRACE_SLOPE * lay.radius) / TERRACE_STEP)
    lots = []
    for step in range(first, last + 1):
        up = ((step + 0.5 * TERRACE_FLAT) * TERRACE_STEP - lay.top) / TERRACE_SLOPE
        n = int(2 * lay.radius / wide)
        for i in range(n):
            along = (i - 0.5 * (n - 1)) * wide
            # Uphill is (0.26, 0.9656); the contour runs square to it.
            u = lay.centre_u + 0.26 * up + 0.9656 * along
            v = lay.centre_v + 0.9656 * up - 0.26 * along
            lots.append(Lot(u, v, wide, deep, -math.atan2(0.26, 0.9656)))
    return lots


@compiled
def _allowed(lay: Layout, u: float, v: float) -> bool:
    margin = 1.5
    if u < margin or v < margin or u > lay.edge - margin or v > lay.edge - margin:
        return False
    if lay.kind == BAY:
        toe = lay.canal_half + (lay.crest + 2.6) / QUAY_SLOPE + DIKE_CREST + 5.0
        return coast_distance(lay, u, v) > 10.5 and canal_distance(lay, u, v) > toe
    if lay.kind == HILLS:
        return quarter_weight(lay, u, v) > 0.98
    return v < lay.centre_v - 0.2 * lay.radius and volcano_reach(lay, u, v) > 8.0


@cached
def _inspect(lay: Layout, lots: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each lot, shape (n, 5) as `Lot`, may be built on, and the ground at its centre."""
    free, level = np.ones(lots.shape[0], np.bool_), np.zeros(lots.shape[0])
    steepest = 2.6 if lay.kind == HILLS else 3.4
    for i in range(lots.shape[0]):
        c, s = math.cos(lots[i, 4]), math.sin(lots[i, 4])
        low, high = 1e9, -1e9
        for j in range(5):
            for k in range(5):
                p, q = (j / 4.0 - 0.5) * (lots[i, 2] - 2.4), (k / 4.0 - 0.5) * (lots[i, 3] - 2.4)
                u, v = lots[i, 0] + p * c - q * s, lots[i, 1] + p * s + q * c
                if not _allowed(lay, u, v):
                    free[i] = False
                    continue
                ground = ground_at(lay, u, v)
                low, high = min(low, ground), max(high, ground)
        level[i] = ground_at(lay, lots[i, 0], lots[i, 1])
        free[i] = free[i] and high - low < steepest
    return free, level
