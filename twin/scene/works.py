"""What engineers built beside houses: bridge, gate, power line, lamps; and the cars in the streets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twin.points import PointClass
from twin.scene.buildings import Prism
from twin.scene.chance import key_of, mix, stream, uniform
from twin.scene.compiled import cached, compiled
from twin.scene.layout import BAY, CLIFF, HILLS, Layout
from twin.scene.materials import CAR, DECK, ROOF_CONCRETE
from twin.scene.objects import Objects, RodRow, SolidRow, clear_of_solids
from twin.scene.terrain import ASPHALT, QUAY_SLOPE, cover_at, ground_at, ground_of, is_water, street_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.scene.town import Lot

__all__ = ["Works", "build_works", "cars", "lamps", "line_v", "wrecks"]

_ARMS = ((0.70, 3.6), (0.83, 3.2), (0.96, 2.6))
"""Cross-arms of a tower: share of its height, half length in metres."""


class Works(NamedTuple):
    """Solids and rods of a scene's works."""

    solids: list[SolidRow]
    rods: list[RodRow]


def canal_inner(lay: Layout) -> float:
    """Half width of the canal between the dikes' inner edges, metres."""
    return lay.canal_half + (lay.crest + 2.6) / QUAY_SLOPE


def canal_centre(lay: Layout, v: float) -> float:
    """Return u of the canal's centre line at a given v."""
    return lay.canal_u + 0.06 * (v - lay.bridge_v)


def line_v(lay: Layout) -> float:
    """Return v of the power line, which runs along u."""
    return (0.86 if lay.kind == BAY else 0.9 if lay.kind in (HILLS, CLIFF) else 0.46) * lay.edge


def build_works(lay: Layout) -> Works:
    """Return the fixed works of a scene."""
    solids = [*_bridge(lay), *_gate(lay)] if lay.kind == BAY else []
    return Works(solids, _power_line(lay))


def wrecks(lay: Layout, seed: int) -> list[SolidRow]:
    """Return a hull with a deckhouse, and a field of blocks of two metres, on the bed of the bay: class 43."""
    rng = stream(seed, 44)
    u, v, turn = 0.72 * lay.edge, 0.11 * lay.edge, float(rng.uniform(-0.6, 0.6))
    spots = [(u, v, turn, 7.0, 2.2, 2.0), (u - 2.0 * math.cos(turn), v - 2.0 * math.sin(turn), turn, 2.0, 1.4, 3.0)]
    for k in range(12):
        u, v = (0.42 + 0.02 * (k % 4)) * lay.edge, (0.05 + 0.02 * (k // 4)) * lay.edge
        spots.append(
            (u + float(rng.uniform(-1, 1)), v + float(rng.uniform(-1, 1)), float(rng.uniform(0, 1.5)), 1.0, 1.0, 1.6)
        )
    beds = _levels(lay, [(u, v, 0.0) for u, v, *_ in spots])
    rows = []
    for (u, v, angle, half_p, half_q, high), bed in zip(spots, beds, strict=True):
        top = min(bed + high, lay.water - 0.6)
        rows.append(Prism(u, v, angle, half_p, half_q, bed - 2.0, ((0.0, 0.0, top),)))
    return [(row, int(PointClass.SUBMERGED_OBJECT), ROOF_CONCRETE, 0, 0.3) for row in rows]


def _bridge(lay: Layout) -> list[SolidRow]:
    half = canal_inner(lay) + 1.5
    camber = 0.4
    top = lay.deck + camber
    slope = camber / half
    roof = ((-slope, 0.0, top), (slope, 0.0, top))
    rail = ((-slope, 0.0, top + 1.0), (slope, 0.0, top + 1.0))
    bridge = int(PointClass.BRIDGE)
    deck = Prism(lay.canal_u, lay.bridge_v, 0.0, half, 4.0, lay.deck - 0.8, roof)
    rails = [Prism(lay.canal_u, lay.bridge_v + side * 3.85, 0.0, half, 0.15, lay.deck - 0.8, rail) for side in (-1, 1)]
    return [(part, bridge, DECK, 0, 0.5) for part in (deck, *rails)]


def _gate(lay: Layout) -> list[SolidRow]:
    """Two piers, a raised leaf and the machine deck across the canal's mouth; other structure, class 1."""
    v = lay.coast_v + 2.5
    u, half = canal_centre(lay, v), canal_inner(lay)
    other = int(PointClass.UNCLASSIFIED)
    piers = [Prism(u + side * (half + 0.8), v, 0.0, 1.5, 2.0, -6.0, ((0.0, 0.0, 9.0),)) for side in (-1, 1)]
    leaf = Prism(u, v, 0.0, half, 0.4, 4.8, ((0.0, 0.0, 8.2),))
    deck = Prism(u, v, 0.0, half + 2.3, 1.6, 9.0, ((0.0, 0.0, 10.0),))
    return [(part, other, ROOF_CONCRETE, 0, 0.3) for part in (*piers, leaf, deck)]


def _power_line(lay: Layout) -> list[RodRow]:
    start, end = (0.34 * lay.edge, 0.66 * lay.edge) if not _across(lay) else (0.07 * lay.edge, 0.93 * lay.edge)
    n = max(2, math.ceil((end - start) / 110.0) + 1)
    height = min(26.0, 12.0 + 0.045 * lay.edge)
    v = line_v(lay)
    u = np.linspace(start, end, n)
    base = ground_of(lay, u, np.full(n, v))
    rods = [rod for k in range(n) for rod in _tower(float(u[k]), v, float(base[k]), height)]
    for k in range(n - 1):
        for share, arm in _ARMS:
            for side in (-1, 1):
                first = (float(u[k]), v + side * arm, float(base[k]) + share * height - 0.8)
                second = (float(u[k + 1]), v + side * arm, float(base[k + 1]) + share * height - 0.8)
                rods.extend(_wire(first, second))
    return rods


def _across(lay: Layout) -> bool:
    return lay.kind in (BAY, HILLS, CLIFF)


def _wire(first: tuple[float, float, float], second: tuple[float, float, float]) -> list[RodRow]:
    """Hang a wire with a sag of 3 per cent, as straight pieces of about 4 metres."""
    span = math.dist(first, second)
    n = max(2, math.ceil(span / 4.0))
    ends = []
    for k in range(n + 1):
        t = k / n
        u, v, z = (a + (b - a) * t for a, b in zip(first, second, strict=True))
        ends.append((u, v, z - 0.12 * span * t * (1.0 - t)))
    return [(ends[k], ends[k + 1], int(PointClass.WIRE)) for k in range(n)]


def _tower(u: float, v: float, base: float, height: float) -> list[RodRow]:
    """Build a lattice tower: four legs, crossed braces on each face, three cross-arms."""
    tower = int(PointClass.TOWER)
    levels = 5

    def corner(k: int, level: int) -> tuple[float, float, float]:
        half = 2.2 - 1.7 * level / levels
        du, dv = ((1, 1), (-1, 1), (-1, -1), (1, -1))[k % 4]
        return u + du * half, v + dv * half, base - 0.3 + (height + 0.3) * level / levels

    rods: list[RodRow] = [(corner(k, 0), corner(k, levels), tower) for k in range(4)]
    for level in range(levels):
        for k in range(4):
            rods.append((corner(k, level), corner(k + 1, level + 1), tower))
            rods.append((corner(k + 1, level), corner(k, level + 1), tower))
    for share, arm in _ARMS:
        z = base + share * height
        rods.append(((u, v - arm, z), (u, v + arm, z), tower))
    return rods


def cars(lay: Layout, seed: int, standing: Objects, parks: list[Lot]) -> list[SolidRow]:
    """Park cars along the kerbs and in the car parks; on terraces, where the hills have no streets."""
    places, chance = _kerb_places(lay, seed, standing), stream(seed, 11)
    for lot in parks:
        n = int(lot.along_u // 3.0)
        places.extend(
            (lot.u + (i - 0.5 * (n - 1)) * 2.8, lot.v + side * 5.5, 0.5 * math.pi)
            for side in (-1, 1)
            for i in range(n)
            if chance.random() < 0.7
        )
    rows: list[SolidRow] = []
    for (u, v, angle), z, tint in zip(places, _levels(lay, places), chance.random(len(places)).tolist(), strict=True):
        body = Prism(u, v, angle, 2.2, 0.88, z - 0.3, ((0.0, 0.0, z + 0.85),))
        cabin = Prism(u - 0.2 * math.cos(angle), v - 0.2 * math.sin(angle), angle, 1.2, 0.8, z, ((0.0, 0.0, z + 1.45),))
        rows.extend((part, int(PointClass.UNCLASSIFIED), CAR, 0, tint) for part in (body, cabin))
    return rows


def lamps(lay: Layout, seed: int, standing: Objects) -> list[RodRow]:
    """Set lamp posts (smart poles), 6 m tall, at the kerbs: other objects, class 1."""
    spots = _spots(lay, key_of(seed, 13), 24.0, 0.35, 0.9)
    spots = spots[clear_of_solids(standing, spots[:, 0], spots[:, 1], 0.6)]
    rods: list[RodRow] = []
    for (u, v, _), z in zip(spots.tolist(), _levels(lay, spots.tolist()), strict=True):
        rods.append(((u, v, z), (u, v, z + 6.0), int(PointClass.UNCLASSIFIED)))
    return rods


def _kerb_places(lay: Layout, seed: int, standing: Objects) -> list[tuple[float, float, float]]:
    spots = _spots(lay, key_of(seed, 14), 9.0, -2.0, -1.3)
    spots = spots[clear_of_solids(standing, spots[:, 0], spots[:, 1], 2.5)]
    return [(u, v, angle) for u, v, angle in spots.tolist()]


def _levels(lay: Layout, places: list[tuple[float, float, float]]) -> list[float]:
    table = np.array(places, np.float64).reshape(-1, 3)
    return [float(z) for z in ground_of(lay, table[:, 0].copy(), table[:, 1].copy())]


@cached
def _spots(lay: Layout, key: np.uint64, pitch: float, nearest: float, farthest: float) -> NDArray[np.float64]:
    """Return at most one place in each square of `pitch` metres whose distance from a street's edge lies in a range.

    Rows are u, v, and the street's direction.
    """
    side = int(lay.edge / pitch)
    out = np.empty((side * side, 3))
    n = 0
    for cell in range(side * side):
        place = mix(key, cell)
        for attempt in range(6):
            u = (cell % side + 0.5 * uniform(place, 2 * attempt) + 0.25) * pitch
            v = (cell // side + 0.5 * uniform(place, 2 * attempt + 1) + 0.25) * pitch
            distance = street_distance(lay, u, v)
            if distance < nearest or distance > farthest or lay.kind == HILLS:
                continue
            street = cover_at(lay, u, v, ground_at(lay, u, v)) == ASPHALT if farthest < 0.0 else _beside(lay, u, v)
            if street:
                along_v = abs(street_distance(lay, u + 0.2, v) - street_distance(lay, u - 0.2, v)) > 0.1
                out[n, 0], out[n, 1], out[n, 2] = u, v, 0.5 * math.pi if along_v else 0.0
                n += 1
                break
    return out[:n].copy()


@compiled
def _beside(lay: Layout, u: float, v: float) -> bool:
    """Whether asphalt lies within two metres."""
    for du, dv in ((2.0, 0.0), (-2.0, 0.0), (0.0, 2.0), (0.0, -2.0)):
        ground = ground_at(lay, u + du, v + dv)
        if cover_at(lay, u + du, v + dv, ground) == ASPHALT and not is_water(lay, u, v, ground):
            return True
    return False
