"""A downtown in plan: streets of many widths, blocks between them, and what each block is used for."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twin.scene.chance import stream
from twin.scene.earthworks import KEEP, WALL_RISE, Earthwork
from twin.scene.terrain import ASPHALT, CONCRETE, GRASS, SOIL, ground_of

if TYPE_CHECKING:
    from numpy.random import Generator

    from twin.scene.layout import Layout

__all__ = ["AVENUE_M", "UNDERPASS_M", "Block", "Plan", "Street", "downtown_works", "place", "plan_downtown"]

AVENUE_M = 36.0
"""Width of the avenue that carries the expressway."""
UNDERPASS_M = 5.5
"""Depth of the underpass: clearance of 4.5 m and the deck."""
_GRADE = 0.085
"""Slope of the underpass's ramps: city streets go up to 8 or 9 per cent."""


class Street(NamedTuple):
    """A straight street in the grid's frame: p along the avenue, q to its left, from the scene's centre."""

    centre: float
    """q of a street along p, p of one along q."""
    width: float
    along_p: bool


class Block(NamedTuple):
    """A rectangle between streets, in the grid's frame, and its use."""

    p: float
    q: float
    half_p: float
    half_q: float
    use: str


class Plan(NamedTuple):
    """Where everything of a downtown goes."""

    angle: float
    """Direction of the avenue, radians from east."""
    streets: list[Street]
    blocks: list[Block]
    underpass: Street
    """Street across the avenue that dives below it."""


def place(lay: Layout, plan: Plan, p: float, q: float) -> tuple[float, float]:
    """Return (u, v) of a place in the grid's frame."""
    c, s = math.cos(plan.angle), math.sin(plan.angle)
    return lay.centre_u + p * c - q * s, lay.centre_v + p * s + q * c


def plan_downtown(lay: Layout, seed: int) -> Plan:
    """Draw streets and blocks; a hall, a sunken plaza, a building site and a park always find a block."""
    rng = stream(seed, 30)
    reach = 0.75 * lay.edge
    angle = float(rng.uniform(-0.5, 0.5))
    across = _lines(rng, reach, (46.0, 80.0), (8.0, 9.0, 12.0, 20.0), 16.0)
    along = _lines(rng, reach, (36.0, 60.0), (7.0, 8.0, 10.0, 16.0), AVENUE_M)
    streets = [Street(c, w, False) for c, w in across] + [Street(c, w, True) for c, w in along]
    plan = Plan(angle, streets, [], Street(across[0][0], across[0][1], False))
    spans_p, spans_q = _spans(across), _spans(along)
    whole = [Block(*_box(one, two), "") for two in spans_q for one in spans_p]
    inside = [block for block in whole if _fits(lay, plan, block)]
    inside.sort(key=lambda block: math.hypot(block.p, block.q))
    blocks = _assign(lay, plan, inside, rng)
    for block in whole:
        if block not in inside:
            for part in _cut_to_fit(lay, plan, block, 2):
                use = str(rng.choice(["tower", "cluster", "low"])) if min(part.half_p, part.half_q) > 11.0 else "low"
                blocks.append(part._replace(use=use))
    return plan._replace(blocks=blocks)


def _lines(
    rng: Generator, reach: float, pitch: tuple[float, float], widths: tuple[float, ...], first: float
) -> list[tuple[float, float]]:
    """Return centre and width of parallel streets, outwards from the first one near the centre."""
    lines = [(float(rng.uniform(-0.12, 0.12)) * reach, first)]
    for side in (-1.0, 1.0):
        edge = lines[0][0] + side * 0.5 * first
        while abs(edge) < reach:
            width = float(rng.choice(widths))
            edge += side * float(rng.uniform(*pitch))
            lines.append((edge + side * 0.5 * width, width))
            edge += side * width
    return lines


def _spans(lines: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the free spans between neighbouring streets."""
    ordered = sorted(lines)
    return [(a + 0.5 * wa, b - 0.5 * wb) for (a, wa), (b, wb) in itertools.pairwise(ordered)]


def _box(one: tuple[float, float], two: tuple[float, float]) -> tuple[float, float, float, float]:
    return 0.5 * sum(one), 0.5 * sum(two), 0.5 * (one[1] - one[0]), 0.5 * (two[1] - two[0])


def _cut_to_fit(lay: Layout, plan: Plan, block: Block, times: int) -> list[Block]:
    """Return the quarters, or quarters of quarters, of a block at the scene's edge that lie inside."""
    half_p, half_q = 0.5 * block.half_p, 0.5 * block.half_q
    if min(half_p, half_q) < 6.0:
        return []
    out = []
    for i, j in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        part = Block(block.p + i * half_p, block.q + j * half_q, half_p, half_q, block.use)
        if _fits(lay, plan, part):
            out.append(part)
        elif times > 1:
            out.extend(_cut_to_fit(lay, plan, part, times - 1))
    return out


def _fits(lay: Layout, plan: Plan, block: Block) -> bool:
    corners = [
        place(lay, plan, block.p + i * block.half_p, block.q + j * block.half_q) for i in (-1, 1) for j in (-1, 1)
    ]
    return all(3.0 < value < lay.edge - 3.0 for corner in corners for value in corner)


def _assign(lay: Layout, plan: Plan, blocks: list[Block], rng: Generator) -> list[Block]:
    """Give each block its use; the hall takes two neighbours and the street between."""
    left = list(blocks)
    out = []
    pair = _pair(left)
    if pair:
        one, two = pair
        left = [block for block in left if block not in pair]
        low, high = min(one.p - one.half_p, two.p - two.half_p), max(one.p + one.half_p, two.p + two.half_p)
        out.append(Block(0.5 * (low + high), one.q, 0.5 * (high - low), one.half_q, "hall"))
    firsts = ["plaza", "tower", "site", "cluster", "park", "slab"]
    for rank, block in enumerate(left):
        use = firsts[rank] if rank < len(firsts) else str(rng.choice(["tower", "cluster", "slab", "low"], p=_SHARES))
        out.append(block._replace(use=use))
    return out


_SHARES = (0.42, 0.3, 0.13, 0.15)


def _pair(blocks: list[Block]) -> tuple[Block, Block] | None:
    """Return the most central neighbours of a row that are together longer than 105 metres, else the longest."""
    best: tuple[float, tuple[Block, Block]] | None = None
    for one in blocks:
        for two in blocks:
            gap = two.p - two.half_p - one.p - one.half_p
            if one.q == two.q and 0.0 < gap < 30.0:
                length = 2.0 * (one.half_p + two.half_p) + gap
                rank = max(0.0, 112.0 - length) * 1e3 + 2.0 * length + math.hypot(0.5 * (one.p + two.p), one.q)
                if best is None or rank < best[0]:
                    best = rank, (one, two)
    return best[1] if best else None


def downtown_works(lay: Layout, plan: Plan, seed: int) -> list[Earthwork]:
    """Return paving, the park's mound, the underpass, sunken plaza and excavation, as earthworks in order."""
    rng = stream(seed, 31)
    works = [_paved(lay, plan, street) for street in plan.streets]
    for block in plan.blocks:
        u, v = place(lay, plan, block.p, block.q)
        level = _ground(lay, u, v)
        platform = Earthwork(u, v, plan.angle, block.half_p, block.half_q, level, WALL_RISE, WALL_RISE, CONCRETE)
        if block.use == "park":
            works.append(platform._replace(cut=KEEP, fill=KEEP, cover=GRASS))
            mound = platform._replace(
                half_p=3.0, half_q=2.0, top=level + 4.0, cut=KEEP, fill=0.4, cover=SOIL, radius=3.0
            )
            works.append(mound)
        elif block.use == "plaza":
            works.extend(_plaza(platform, 5.0 + 1.5 * float(rng.random())))
        elif block.use == "site":
            works.extend(_site(platform, 7.0 + 5.0 * float(rng.random())))
    return [*works, *_underpass(lay, plan)]


def _ground(lay: Layout, u: float, v: float) -> float:
    return float(ground_of(lay, np.array([u]), np.array([v]))[0])


def _paved(lay: Layout, plan: Plan, street: Street) -> Earthwork:
    u, v = place(lay, plan, *((0.0, street.centre) if street.along_p else (street.centre, 0.0)))
    angle = plan.angle + (0.0 if street.along_p else 0.5 * math.pi)
    half = 0.5 * street.width - (2.5 if street.width > 11.0 else 0.8)
    return Earthwork(u, v, angle, 1.5 * lay.edge, half, 0.0, KEEP, KEEP, ASPHALT)


def _plaza(platform: Earthwork, deep: float) -> list[Earthwork]:
    """Sink a court into the block, with walls on three sides and a flight of stairs on the fourth."""
    half_p, half_q = 0.55 * platform.half_p, 0.6 * platform.half_q
    court = platform._replace(half_p=half_p, half_q=half_q, top=platform.top - deep, cut=WALL_RISE, fill=KEEP)
    run = 0.5 * deep / 0.55
    c, s = math.cos(platform.angle), math.sin(platform.angle)
    stairs = court._replace(
        u=platform.u + (half_p + run) * c, v=platform.v + (half_p + run) * s, half_p=run, half_q=4.0,
        top=platform.top - 0.5 * deep, rise=0.55,
    )  # fmt: skip
    return [court, stairs]


def _site(platform: Earthwork, deep: float) -> list[Earthwork]:
    """Dig a pit with sheet piles around, and heap soil beside it."""
    pit = platform._replace(
        half_p=0.7 * platform.half_p, half_q=0.7 * platform.half_q, top=platform.top - deep, fill=KEEP, cover=SOIL
    )
    c, s = math.cos(platform.angle), math.sin(platform.angle)
    aside = 0.35 * platform.half_p
    heap = pit._replace(
        u=platform.u + aside * c,
        v=platform.v + aside * s,
        half_p=0.5,
        half_q=0.5,
        top=pit.top + 3.5,
        cut=KEEP,
        fill=0.75,
    )
    return [pit, heap]


def _underpass(lay: Layout, plan: Plan) -> list[Earthwork]:
    """Lead the street across below the avenue: two ramps and a level floor between walls."""
    avenue = next(street for street in plan.streets if street.width == AVENUE_M)
    p, q = plan.underpass.centre, avenue.centre
    angle = plan.angle + 0.5 * math.pi
    level = _ground(lay, *place(lay, plan, p, q))
    floor = 0.5 * AVENUE_M + 2.0
    works = [Earthwork(*place(lay, plan, p, q), angle, floor, 4.0, level - UNDERPASS_M, WALL_RISE, KEEP, ASPHALT)]
    for side in (-1.0, 1.0):
        mouth = _ground(lay, *place(lay, plan, p, q + side * (floor + 70.0)))
        run = (mouth - level + UNDERPASS_M) / _GRADE
        if run <= 5.0:
            continue
        u, v = place(lay, plan, p, q + side * (floor + 0.5 * run))
        middle = level - UNDERPASS_M + 0.5 * run * _GRADE
        works.append(Earthwork(u, v, angle, 0.5 * run, 4.0, middle, WALL_RISE, KEEP, ASPHALT, side * _GRADE))
    return works
