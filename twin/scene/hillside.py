"""Earthworks of steep land: roads in cuts and on fills, a dam, terraces with retaining walls, a quarry, sea stacks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twin.scene.buildings import BuildingKind, BuildingSpec, Prism
from twin.scene.chance import stream
from twin.scene.earthworks import KEEP, WALL_RISE, Earthwork
from twin.scene.materials import DECK
from twin.scene.terrain import ASPHALT, GRASS, ROCK, YARD, ground_of

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from twin.scene.layout import Layout
    from twin.scene.objects import SolidRow

__all__ = ["Road", "cliff_houses", "cliff_works", "hill_works", "road_decks"]

_STATION_M = 8.0
_SPAN_M = 6.0
"""A road more than this above the ground goes on a bridge, metres."""
_HOUSES: tuple[BuildingKind, ...] = ("gabled", "hipped", "flat", "shed", "gabled", "penthouse")


class Road(NamedTuple):
    """A road as stations: places, heights of the carriageway, and the natural ground below."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    level: NDArray[np.float64]
    ground: NDArray[np.float64]
    half: float
    """Half width, metres."""


def _road(lay: Layout, ends: tuple[float, float, float, float], window_m: float, half: float) -> Road:
    """Lay a road straight from (u, v) to (u, v); its height is the ground's, smoothed over `window_m`."""
    length = math.hypot(ends[2] - ends[0], ends[3] - ends[1])
    t = np.linspace(0.0, 1.0, max(2, round(length / _STATION_M)) + 1)
    u, v = ends[0] + t * (ends[2] - ends[0]), ends[1] + t * (ends[3] - ends[1])
    # Without the gorge: a road does not dive into it.
    level = ground_of(lay._replace(canal_u=-1e6), u, v)
    for _ in range(2):
        n = max(1, round(window_m / _STATION_M / 2.0))
        padded = (
            np.pad(level, n, mode="reflect", reflect_type="odd") if level.size > n else np.pad(level, n, mode="edge")
        )
        level = np.convolve(padded, np.full(2 * n + 1, 1.0 / (2 * n + 1)), mode="valid")
    return Road(u, v, level, ground_of(lay, u, v), half)


def _bed(road: Road, cut: float, fill: float) -> list[Earthwork]:
    """Cut and fill the road's bed piece by piece, but where a bridge carries it."""
    works = []
    drops = 0.5 * ((road.level - road.ground)[1:] + (road.level - road.ground)[:-1])
    for k in range(road.u.size - 1):
        if drops[k] > _SPAN_M:
            continue
        abutment = (drops[max(0, k - 3) : k + 4] > _SPAN_M).any()
        du, dv = float(road.u[k + 1] - road.u[k]), float(road.v[k + 1] - road.v[k])
        length = math.hypot(du, dv)
        works.append(
            Earthwork(
                float(road.u[k]) + 0.5 * du, float(road.v[k]) + 0.5 * dv, math.atan2(dv, du), 0.5 * length + 0.05,
                road.half, 0.5 * float(road.level[k] + road.level[k + 1]), cut, 4.0 if abutment else fill, ASPHALT,
                float(road.level[k + 1] - road.level[k]) / length,
            )
        )  # fmt: skip
    return works


def road_decks(road: Road) -> list[SolidRow]:
    """Return the bridges that carry a road over gaps, with parapets, and a pier in each second span."""
    rows: list[Prism] = []
    for k in range(road.u.size - 1):
        drop = 0.5 * float((road.level - road.ground)[k : k + 2].sum())
        if drop <= _SPAN_M:
            continue
        du, dv = float(road.u[k + 1] - road.u[k]), float(road.v[k + 1] - road.v[k])
        length, angle = math.hypot(du, dv), math.atan2(dv, du)
        u, v, top = (float(line[k] + line[k + 1]) / 2.0 for line in (road.u, road.v, road.level))
        rise = float(road.level[k + 1] - road.level[k]) / length
        # Each deck is half a metre wider than the bed, and reaches over the abutment.
        rows.append(Prism(u, v, angle, 0.5 * length + 0.6, road.half + 0.5, top - 1.2, ((rise, 0.0, top),)))
        for side in (-1.0, 1.0):
            q = side * (road.half + 0.35)
            at = (u - q * math.sin(angle), v + q * math.cos(angle))
            rows.append(Prism(*at, angle, 0.5 * length + 0.6, 0.15, top - 1.2, ((rise, 0.0, top + 1.0),)))
        if k % 3 == 1:
            rows.append(Prism(u, v, angle, 0.8, 0.8 * road.half, float(road.ground[k]) - 6.0, ((0.0, 0.0, top - 1.1),)))
    return [(row, 17, DECK, 0, 0.5) for row in rows]


def hill_works(lay: Layout, seed: int) -> list[Earthwork]:
    """Return a forest road, a street between retaining walls and a dam for the hills."""
    rng = stream(seed, 40)
    edge = lay.edge
    at, slant = float(rng.uniform(0.14, 0.2)) * edge, float(rng.uniform(-0.08, 0.08)) * edge
    forest = _road(lay, (0.0, at, edge, at + slant), 60.0, 2.6)
    at = float(rng.uniform(0.1, 0.16)) * edge
    walled = _road(lay, (at, 0.0, at + slant, edge), 40.0, 3.0)
    return [*_bed(forest, 2.0, 0.9), *_bed(walled, WALL_RISE, WALL_RISE), *_dam(lay)]


def cliff_road(lay: Layout) -> Road:
    """Return the coast road: through the spur in a cut, over the gorge on a bridge."""
    return _road(lay, (0.0, lay.street_v, lay.edge, lay.street_v + 0.06 * lay.edge), 70.0, 3.5)


def _dam(lay: Layout) -> list[Earthwork]:
    """Close the valley whose depth over 70 metres is nearest to 10 metres."""
    best: tuple[float, Earthwork] | None = None
    chord = np.linspace(-35.0, 35.0, 36)
    for cu in np.linspace(0.25, 0.9, 12) * lay.edge:
        for cv in np.linspace(0.1, 0.9, 14) * lay.edge:
            if math.hypot(cu - lay.centre_u, cv - lay.centre_v) < lay.radius + 20.0:
                continue
            for angle in (0.0, 0.25 * math.pi, 0.5 * math.pi, 0.75 * math.pi):
                profile = ground_of(lay, cu + chord * math.cos(angle), cv + chord * math.sin(angle))
                top = float(min(profile[0], profile[-1]))
                miss = abs(top - float(profile.min()) - 10.0)
                if best is None or miss < best[0]:
                    work = Earthwork(float(cu), float(cv), angle, 35.0, 2.5, top, KEEP, 0.6, GRASS)
                    best = miss, work
    return [best[1]] if best and best[0] < 5.0 else []


def cliff_works(lay: Layout, seed: int) -> list[Earthwork]:
    """Return the earthworks of the cliff scene in order: quarry, road, terraces, building sites, stacks in the sea."""
    rng = stream(seed, 41)
    works = [*_quarry(lay), *_bed(cliff_road(lay), 2.4, 0.7), *_terraces(lay, rng)]
    works += [_site(lay, *spot) for spot in _edge_spots(lay)]
    for k in range(5):
        u = (0.08 + 0.2 * k + float(rng.uniform(0.0, 0.1))) * lay.edge
        v = lay.coast_v - float(rng.uniform(0.09, 0.17)) * lay.edge
        height, radius = float(rng.uniform(6.0, 22.0)), float(rng.uniform(0.8, 4.0))
        works.append(Earthwork(u, v, 0.0, 0.5, 0.3, height, KEEP, 4.0, ROCK, 0.0, radius))
    return works


def _quarry(lay: Layout) -> list[Earthwork]:
    """Cut three benches of 6 metres into the plateau, on the side where the gorge is not."""
    u = lay.hill_u + math.copysign(0.24 * lay.edge, lay.canal_u - lay.hill_u) * 0.75
    v = lay.street_v - 0.11 * lay.edge
    top = float(ground_of(lay, np.array([u]), np.array([v]))[0])
    return [Earthwork(u, v, 0.3, 20.0 - 4.5 * k, 13.0 - 3.5 * k, top - 6.0 * k, 4.0, KEEP, ROCK) for k in (1, 2)]


def _terraces(lay: Layout, rng: Generator) -> list[Earthwork]:
    """Cut level lots into the hillside, row above row; walls of 2 to 5 metres part them."""
    works = []
    v = lay.hill_v + 14.0
    while v < lay.edge - 12.0:
        u = 14.0
        while u < lay.edge - 14.0:
            wide = float(rng.uniform(13.0, 19.0))
            if abs(u + 0.5 * wide - lay.canal_u) > 34.0 and rng.random() < 0.7:
                works.append(_site(lay, u + 0.5 * wide, v, 0.5 * wide - 0.4, 6.2))
            u += wide
        v += 15.5
    return works


def _site(lay: Layout, u: float, v: float, half_p: float, half_q: float) -> Earthwork:
    """Return a level lot, walled above and below."""
    corners = np.array([-0.5, 0.5])
    level = ground_of(lay, np.append(u + half_p * corners, u), np.append(v + half_q * corners, v))
    return Earthwork(u, v, 0.0, half_p, half_q, float(level.mean()), WALL_RISE, WALL_RISE, YARD)


def _edge_spots(lay: Layout) -> list[tuple[float, float, float, float]]:
    """Return lots 3 to 4 metres behind the cliff's edge: centre and half lengths."""
    spots = []
    for u in np.arange(24.0, lay.edge - 20.0, 31.0).tolist():
        v = np.arange(lay.coast_v - 30.0, lay.street_v - 16.0, 0.5)
        ground = ground_of(lay, np.full(v.size, u), v)
        steep = np.flatnonzero(np.diff(ground) > 0.5)
        if steep.size and abs(u - lay.canal_u) > 36.0:
            spots.append((u, float(v[steep[-1]]) + 9.5, 7.0, 5.5))
    return spots


def cliff_houses(lay: Layout, seed: int, works: list[Earthwork]) -> list[tuple[BuildingSpec, float]]:
    """Put a house on most of the level lots, where the ground under it is level indeed."""
    rng = stream(seed, 42)
    out: list[tuple[BuildingSpec, float]] = []
    for work in works:
        if work.cover != YARD or rng.random() > 0.8:
            continue
        half_p = float(rng.uniform(0.72, 0.88)) * work.half_p
        half_q = min(float(rng.uniform(0.6, 0.82)) * work.half_q, 0.9 * half_p)
        p, q = np.meshgrid(np.linspace(-1.0, 1.0, 5) * half_p, np.linspace(-1.0, 1.0, 5) * half_q)
        ground = ground_of(lay, work.u + p.ravel(), work.v + q.ravel())
        if np.ptp(ground) > 0.3 or work.v + half_q > lay.edge - 3.0:
            continue
        kind = _HOUSES[int(rng.integers(len(_HOUSES)))]
        rise = {"flat": 2.8, "penthouse": 2.8, "shed": 0.25}.get(kind, float(rng.uniform(0.4, 0.65)))
        eaves = work.top + 3.0 * float(rng.integers(1, 4)) + 0.5
        spec = BuildingSpec(kind, work.u, work.v, 0.0, half_p, half_q, eaves, rise, 0.42)
        out.append((spec, work.top))
    return out
