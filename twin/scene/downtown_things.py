"""What stands in a downtown: towers on podiums, halls, decks, cranes, roof gardens, poles with cables, cars, trees."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from twin.points import PointClass
from twin.scene.buildings import BuildingSpec, Prism
from twin.scene.chance import stream
from twin.scene.downtown import AVENUE_M, Block, Plan, Street, place
from twin.scene.materials import CAR, DECK
from twin.scene.objects import Objects, RodRow, SolidRow, clear_of_solids
from twin.scene.terrain import ground_of

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from twin.scene.layout import Layout

__all__ = ["downtown_buildings", "downtown_cars", "downtown_decks", "downtown_rods", "downtown_trees"]

_BRIDGE, _OTHER = int(PointClass.BRIDGE), int(PointClass.UNCLASSIFIED)
_WIRE, _TOWER = int(PointClass.WIRE), int(PointClass.TOWER)
_STOREY = 3.8


def _level(lay: Layout, u: float, v: float) -> float:
    return float(ground_of(lay, np.array([u]), np.array([v]))[0])


def downtown_buildings(lay: Layout, plan: Plan, seed: int) -> list[tuple[BuildingSpec, float]]:
    """Return the buildings, each with the ground at its centre."""
    out: list[tuple[BuildingSpec, float]] = []
    for rank, block in enumerate(plan.blocks):
        rng = stream(seed, 32, rank)
        for p, q, half_p, half_q, kind in _lots(block, rng):
            u, v = place(lay, plan, p, q)
            ground = _level(lay, u, v)
            out.append((_design(kind, (u, v, plan.angle, half_p, half_q), ground, rng), ground))
    return out


def _lots(block: Block, rng: Generator) -> list[tuple[float, float, float, float, str]]:
    """Centre, half lengths and kind of each building of a block."""
    back = float(rng.uniform(1.5, 4.0))
    half_p, half_q = block.half_p - back, block.half_q - back
    if block.use in ("hall", "tower"):
        return [(block.p, block.q, half_p, half_q, block.use)]
    if block.use == "slab":
        return [(block.p, block.q, half_p, min(half_q, 9.0), "slab")]
    if block.use not in ("cluster", "low"):
        return []
    # Rows of neighbours with alleys of 0.8 to 2.5 metres between.
    n_p, n_q = (
        max(1, round(2.0 * half_p / rng.uniform(13.0, 24.0))),
        max(1, round(2.0 * half_q / rng.uniform(16.0, 28.0))),
    )
    step_p, step_q = 2.0 * half_p / n_p, 2.0 * half_q / n_q
    kinds = ["flat", "flat", "penthouse", "stepped"] if block.use == "cluster" else ["flat", "gabled", "penthouse"]
    return [
        (
            block.p - half_p + (i + 0.5) * step_p,
            block.q - half_q + (j + 0.5) * step_q,
            0.5 * step_p - float(rng.uniform(0.4, 1.3)),
            0.5 * step_q - float(rng.uniform(0.4, 1.3)),
            f"{block.use}:{rng.choice(kinds)}",
        )
        for i in range(n_p)
        for j in range(n_q)
    ]


def _design(kind: str, box: tuple[float, float, float, float, float], ground: float, rng: Generator) -> BuildingSpec:
    if kind == "tower":
        podium = ground + _STOREY * float(rng.integers(2, 6)) + 1.0
        return BuildingSpec("tower", *box, podium, float(rng.uniform(45.0, 175.0)), float(rng.uniform(0.5, 0.75)))
    if kind == "hall":
        return BuildingSpec("hall", *box, ground + float(rng.uniform(11.0, 19.0)), float(rng.uniform(0.04, 0.16)), 0.5)
    if kind == "slab":
        return BuildingSpec("flat", *box, ground + 3.1 * float(rng.integers(10, 20)), 2.8, 0.4)
    use, shape = kind.split(":")
    storeys = float(rng.integers(5, 17) if use == "cluster" else rng.integers(2, 6))
    rise = {"gabled": float(rng.uniform(0.3, 0.6)), "stepped": _STOREY}.get(shape, 2.8)
    name = {"flat": "flat", "gabled": "gabled", "penthouse": "penthouse", "stepped": "stepped"}[shape]
    return BuildingSpec(name, *box, ground + 3.3 * storeys + 0.5, rise, float(rng.uniform(0.36, 0.5)))  # type: ignore[arg-type]


def _slab(
    lay: Layout, plan: Plan, ends: tuple[tuple[float, float, float], tuple[float, float, float]], half: float
) -> list[SolidRow]:
    """Return a deck from end to end, each (p, q, height of the carriageway), with parapets of a metre."""
    (p0, q0, z0), (p1, q1, z1) = ends
    length = math.hypot(p1 - p0, q1 - q0)
    turn = math.atan2(q1 - q0, p1 - p0)
    u, v = place(lay, plan, 0.5 * (p0 + p1), 0.5 * (q0 + q1))
    rise, top = (z1 - z0) / length, 0.5 * (z0 + z1)
    angle = plan.angle + turn
    bottom = min(z0, z1) - 1.4
    deck = Prism(u, v, angle, 0.5 * length + 0.2, half, bottom, ((rise, 0.0, top),))
    rows = [deck]
    for side in (-1.0, 1.0):
        du, dv = -math.sin(angle) * side * (half - 0.15), math.cos(angle) * side * (half - 0.15)
        rows.append(Prism(u + du, v + dv, angle, 0.5 * length + 0.2, 0.15, bottom, ((rise, 0.0, top + 1.0),)))
    return [(row, _BRIDGE, DECK, 0, 0.5) for row in rows]


def downtown_decks(lay: Layout, plan: Plan, seed: int) -> list[SolidRow]:
    """Return the expressway with its piers and ramp, the pedestrian decks, and the avenue's deck over the underpass."""
    rng = stream(seed, 33)
    avenue = next(street for street in plan.streets if street.width == AVENUE_M)
    rows = [*_expressway(lay, plan, avenue, rng), *_walkways(lay, plan, rng)]
    # The avenue crosses the underpass on a deck that is flush with the street.
    p, q = plan.underpass.centre, avenue.centre
    half = 0.5 * AVENUE_M - 2.0
    top = _level(lay, *place(lay, plan, p - 6.5, q))
    tilt = (_level(lay, *place(lay, plan, p + 6.5, q)) - top) / 13.0
    deck = Prism(*place(lay, plan, p, q), plan.angle, 5.6, half, top - 1.0, ((tilt, 0.0, top + 6.5 * tilt),))
    return [*rows, (deck, _BRIDGE, DECK, 0, 0.4)]


def _expressway(lay: Layout, plan: Plan, avenue: Street, rng: Generator) -> list[SolidRow]:
    reach, step = 0.75 * lay.edge, 14.0
    above, half = float(rng.uniform(9.0, 14.0)), float(rng.uniform(7.5, 9.5))
    swing, wave = float(rng.uniform(0.0, 4.0)), float(rng.uniform(90.0, 200.0))
    stations = np.arange(-reach, reach + step, step)
    inside = [abs(p) < reach for p in stations]
    side = avenue.centre + swing * np.sin(2.0 * math.pi * stations / wave)
    u, v = (np.array(axis) for axis in zip(*(place(lay, plan, p, avenue.centre) for p in stations), strict=True))
    ground = ground_of(lay, u.clip(0, lay.edge), v.clip(0, lay.edge))
    # The deck follows the ground's trend, not its bumps nor the underpass.
    trend = np.polynomial.Polynomial.fit(stations, ground, 2)(stations)
    deck = trend + above
    rows: list[SolidRow] = []
    for k in range(len(stations) - 1):
        ends = ((stations[k], side[k], deck[k]), (stations[k + 1], side[k + 1], deck[k + 1]))
        rows.extend(_slab(lay, plan, ends, half))
        if k % 2 == 0 and inside[k]:
            spot = place(lay, plan, stations[k], side[k])
            column = Prism(*spot, plan.angle, 1.1, 1.4, deck[k] - above - 9.0, ((0.0, 0.0, deck[k] - 1.2),))
            beam = Prism(*spot, plan.angle, 1.0, 0.8 * half, deck[k] - 3.0, ((0.0, 0.0, deck[k] - 1.2),))
            rows.extend((part, _BRIDGE, DECK, 0, 0.6) for part in (column, beam))
    return [*rows, *_ramp(lay, plan, (stations, side, deck), half)]


def _ramp(
    lay: Layout, plan: Plan, line: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], half: float
) -> list[SolidRow]:
    """Lead a lane of 6 metres down beside the expressway at 8 per cent until it meets the street."""
    stations, side, deck = line
    lateral = half + 3.1
    start = float(stations[len(stations) // 3])
    height = float(np.interp(start, stations, deck))
    rows: list[SolidRow] = []
    for k in range(20):
        p0, p1 = start + 10.0 * k, start + 10.0 * (k + 1)
        q0, q1 = (float(np.interp(p, stations, side)) + lateral for p in (p0, p1))
        z0, z1 = height - 0.8 * k, height - 0.8 * (k + 1)
        u, v = place(lay, plan, p1, q1)
        if not (0.0 < u < lay.edge and 0.0 < v < lay.edge) or z0 < _level(lay, u, v) + 0.2:
            break
        rows.extend(_slab(lay, plan, ((p0, q0, z0), (p1, q1, z1)), 3.0))
    return rows


def _walkways(lay: Layout, plan: Plan, rng: Generator) -> list[SolidRow]:
    """Lay pedestrian decks in front of the hall and across the streets beside it, 6 metres up."""
    hall = next((block for block in plan.blocks if block.use == "hall"), None)
    if hall is None:
        return []
    u, v = place(lay, plan, hall.p, hall.q)
    top = _level(lay, u, v) + 6.3
    toward = -1.0 if hall.q > 0.0 else 1.0
    front = hall.q + toward * hall.half_q
    rows = []
    street = min((s for s in plan.streets if s.along_p), key=lambda s: abs(s.centre - front))
    far = street.centre + toward * (0.5 * street.width + 2.0)
    for share in (-0.6, 0.1, 0.7):
        p = hall.p + share * hall.half_p
        rows.extend(_slab(lay, plan, ((p, front - toward * 3.5, top), (p, far, top)), float(rng.uniform(2.0, 6.0))))
    along = front - toward * 1.2
    ends = ((hall.p - 0.6 * hall.half_p, along, top), (hall.p + 0.7 * hall.half_p, along, top))
    return [*rows, *_slab(lay, plan, ends, 2.8)]


def downtown_rods(lay: Layout, plan: Plan, seed: int, buildings: list[tuple[BuildingSpec, float]]) -> list[RodRow]:
    """Return cranes at the building site, masts on towers, and a narrow street's poles with their cables."""
    rng = stream(seed, 34)
    rods: list[RodRow] = []
    for block in plan.blocks:
        if block.use == "site":
            for sign in (-1.0, 1.0):
                u, v = place(lay, plan, block.p + sign * 0.5 * block.half_p, block.q + sign * 0.4 * block.half_q)
                rods.extend(_crane((u, v, _level(lay, u, v)), float(rng.uniform(45.0, 95.0)), rng))
    for spec, _ in buildings:
        if spec.kind == "tower" and rng.random() < 0.5:
            top = spec.eaves + spec.rise + 5.0
            aside = 0.3 * (1.0 - spec.share) * spec.half_p
            u, v = spec.u + aside * math.cos(spec.angle), spec.v + aside * math.sin(spec.angle)
            rods.append(((u, v, top), (u, v, top + float(rng.uniform(6.0, 22.0))), _OTHER))
    narrow = min((s for s in plan.streets if s.along_p), key=lambda s: (s.width, abs(s.centre)))
    return [*rods, *_cables(lay, plan, narrow)]


def _crane(foot: tuple[float, float, float], height: float, rng: Generator) -> list[RodRow]:
    """Build a tower crane: a square mast of lattice, a jib of 40 metres and a counter jib."""
    u, v, z = foot
    turn, top = float(rng.uniform(0.0, 2.0 * math.pi)), z + height
    corners = [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]
    rods: list[RodRow] = [((u + a, v + b, z), (u + a, v + b, top), _OTHER) for a, b in corners]
    for k in range(int(height / 3.0)):
        (a0, b0), (a1, b1) = corners[k % 4], corners[(k + 1) % 4]
        rods.append(((u + a0, v + b0, z + 3.0 * k), (u + a1, v + b1, z + 3.0 * (k + 1)), _OTHER))
    c, s = math.cos(turn), math.sin(turn)
    for lift, start, end in ((0.0, -12.0, 42.0), (1.4, -12.0, 38.0)):
        rods.append(((u + start * c, v + start * s, top + lift), (u + end * c, v + end * s, top + lift), _OTHER))
    rods.append(((u, v, top), (u, v, top + 7.0), _OTHER))
    rods.append(((u, v, top + 7.0), (u + 38.0 * c, v + 38.0 * s, top + 1.4), _OTHER))
    return rods


def _cables(lay: Layout, plan: Plan, street: Street) -> list[RodRow]:
    """Set poles of 12 metres along one kerb, 30 metres apart, with three wires between neighbours."""
    reach, q = 0.7 * lay.edge, street.centre + 0.5 * street.width - 0.6
    spots = [place(lay, plan, p, q) for p in np.arange(-reach, reach, 30.0)]
    spots = [(u, v) for u, v in spots if 0.0 < u < lay.edge and 0.0 < v < lay.edge]
    feet = [(u, v, _level(lay, u, v)) for u, v in spots]
    rods: list[RodRow] = [((u, v, z), (u, v, z + 12.0), _TOWER) for u, v, z in feet]
    for (u0, v0, z0), (u1, v1, z1) in itertools.pairwise(feet):
        for lift in (9.2, 10.4, 11.6):
            ends = [
                (u0 + t * (u1 - u0), v0 + t * (v1 - v0), z0 + t * (z1 - z0) + lift - 2.4 * t * (1.0 - t))
                for t in np.linspace(0.0, 1.0, 6).tolist()
            ]
            rods.extend((a, b, _WIRE) for a, b in itertools.pairwise(ends))
    return rods


def downtown_cars(lay: Layout, plan: Plan, seed: int, standing: Objects) -> list[SolidRow]:
    """Put cars and buses into the streets, on the ground only."""
    rng = stream(seed, 35)
    rows: list[SolidRow] = []
    for street in plan.streets:
        n = int(1.4 * lay.edge / 11.0)
        along = (np.arange(n) - 0.5 * n) * 11.0 + rng.uniform(-3.0, 3.0, n)
        lane = rng.choice([-1.0, 1.0], n) * max(1.6, 0.5 * street.width - 4.5) * rng.uniform(0.5, 1.0, n)
        taken, big, tint = rng.random(n) < 0.45, rng.random(n) < 0.08, rng.random(n)
        across = street.centre + lane
        p, q = (along, across) if street.along_p else (across, along)
        c, s = math.cos(plan.angle), math.sin(plan.angle)
        u, v = lay.centre_u + p * c - q * s, lay.centre_v + p * s + q * c
        inside = (u > 2) & (v > 2) & (u < lay.edge - 2) & (v < lay.edge - 2) & taken
        u, v, big, tint = u[inside], v[inside], big[inside], tint[inside]
        free = clear_of_solids(standing, u, v, 3.5)
        level = ground_of(lay, u, v)
        angle = plan.angle + (0.0 if street.along_p else 0.5 * math.pi)
        for k in np.flatnonzero(free):
            half, high = (5.4, 3.1) if big[k] else (2.2, 1.5)
            body = Prism(
                u[k], v[k], angle, half, 0.9 if half < 3 else 1.25, level[k] - 0.4, ((0.0, 0.0, level[k] + high),)
            )
            rows.append((body, _OTHER, CAR, 0, float(tint[k])))
    return rows


def downtown_trees(
    lay: Layout, plan: Plan, seed: int, standing: Objects, buildings: list[tuple[BuildingSpec, float]]
) -> NDArray[np.float64]:
    """Return crowns along wide streets, in the park, and in gardens on podium roofs; shape (n, 7)."""
    rng = stream(seed, 36)
    rows = []
    c, s = math.cos(plan.angle), math.sin(plan.angle)
    for street in plan.streets:
        if street.width < 13.0:
            continue
        along = np.arange(-0.75 * lay.edge, 0.75 * lay.edge, 9.0)
        for side in (-1.0, 1.0):
            p, q = along, np.full(along.size, street.centre + side * (0.5 * street.width - 1.4))
            rows.append(np.column_stack((p, q) if street.along_p else (q, p)))
    for block in plan.blocks:
        if block.use == "park":
            n = int(4.0 * block.half_p * block.half_q / 28.0)
            spread = rng.uniform(-1.0, 1.0, (n, 2)) * (block.half_p, block.half_q)
            rows.append(spread + np.array([block.p, block.q]))
    pq = np.vstack(rows)
    u, v = lay.centre_u + pq[:, 0] * c - pq[:, 1] * s, lay.centre_v + pq[:, 0] * s + pq[:, 1] * c
    keep = (u > 1) & (v > 1) & (u < lay.edge - 1) & (v < lay.edge - 1) & (rng.random(u.size) < 0.85)
    u, v = u[keep], v[keep]
    keep = clear_of_solids(standing, u, v, 1.2)
    u, v = u[keep], v[keep]
    street_trees = _crowns(u, v, ground_of(lay, u, v), rng, (5.0, 9.0))
    gardens = [_garden(spec, rng) for spec, _ in buildings if spec.kind == "tower" and rng.random() < 0.6]
    return np.vstack([street_trees, *gardens])


def _crowns(
    u: NDArray[np.float64], v: NDArray[np.float64], foot: NDArray[np.float64], rng: Generator, tall: tuple[float, float]
) -> NDArray[np.float64]:
    n = u.size
    height = rng.uniform(*tall, n)
    half = 0.36 * height
    return np.column_stack(
        [u, v, foot + height - half, 0.3 * height + 0.4, half, rng.uniform(0.35, 0.7, n), rng.random(n)]
    )


def _garden(spec: BuildingSpec, rng: Generator) -> NDArray[np.float64]:
    """Plant trees of 2 to 5 metres on the free strip of a podium's roof."""
    n = int(spec.half_p * spec.half_q * 4.0 / 40.0)
    p, q = rng.uniform(-0.95, 0.95, n) * spec.half_p, rng.uniform(-0.95, 0.95, n) * spec.half_q
    aside = 0.3 * (1.0 - spec.share) * spec.half_p
    free = (np.abs(p - aside) > spec.share * spec.half_p + 1.5) | (np.abs(q) > spec.share * spec.half_q + 1.5)
    p, q = p[free], q[free]
    c, s = math.cos(spec.angle), math.sin(spec.angle)
    return _crowns(spec.u + p * c - q * s, spec.v + p * s + q * c, np.full(p.size, spec.eaves), rng, (2.0, 5.0))
