"""The ground of a scene as an exact function of place: land, street, dike, seabed. No buildings, no water surface.

Compiled, because every ray asks it several times; the same function is the truth that results are held against.
Slopes stay below the steepest ray (65 degrees from the horizontal) except at cliffs, which `is_cliff` announces.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from twin.scene.coast import cliff_ground, gorge_distance, shore_distance
from twin.scene.compiled import cached, compiled
from twin.scene.earthworks import work_cover, worked
from twin.scene.layout import BAY, HIGHRISE, HILLS, ISLAND, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cover_at", "edges_of", "grid_of", "ground_at", "ground_of", "is_cliff", "is_water", "water_of"]

BLOCK_U, BLOCK_V, STREET = 66.0, 52.0, 7.0
"""Pitch of the streets along u and v, and their width, metres."""
TERRACE_STEP, TERRACE_SLOPE, TERRACE_FLAT = 4.5, 0.30, 0.88
"""Hills: height of a terrace, mean slope of the terraced quarter, share of a terrace that is level; walls between."""
DIKE_CREST = 4.5
"""Width of a dike's crest, metres."""
QUAY_SLOPE = 1.5
"""Rise of the canal's revetment per metre."""

ASPHALT, YARD, GRASS, CONCRETE, SAND, ROCK, SOIL = 0, 1, 2, 3, 4, 5, 6
"""What covers the ground; indexes the tables of `twin.scene.materials`."""


@compiled
def smoothstep(t: float) -> float:
    """Cubic from 0 at t <= 0 to 1 at t >= 1."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@compiled
def canal_distance(lay: Layout, u: float, v: float) -> float:
    """Distance from the canal's centre line, round at its head; it runs 3.4 degrees off north."""
    across = u - (lay.canal_u + 0.06 * (v - lay.bridge_v))
    beyond = v - lay.canal_end_v
    return math.hypot(across, beyond) if beyond > 0.0 else abs(across)


@compiled
def coast_distance(lay: Layout, u: float, v: float) -> float:
    """Distance inland from the seaward edge of the sea dike's crest, negative at sea."""
    return v - lay.coast_v - 2.0 * math.sin(u / 41.0 + lay.phases[0])


@compiled
def street_distance(lay: Layout, u: float, v: float) -> float:
    """Distance from the nearest street's edge, negative on the street."""
    across = u - (lay.canal_u if lay.kind == BAY else lay.centre_u)
    du = abs(across) - lay.street_u
    du = abs(du - BLOCK_U * math.floor(du / BLOCK_U + 0.5)) if du > -BLOCK_U / 2.0 else -du
    dv = v - lay.street_v
    dv = abs(dv - BLOCK_V * math.floor(dv / BLOCK_V + 0.5))
    return min(du, dv) - STREET / 2.0


@compiled
def _hill_distance(lay: Layout, u: float, v: float) -> float:
    return math.hypot(max(0.0, v - lay.hill_v), max(0.0, lay.hill_u - u))


@compiled
def _bay_land(lay: Layout, u: float, v: float, inland: float) -> float:
    low = 0.35 + 0.22 * math.sin(u / 53.0 + lay.phases[1]) + 0.18 * math.sin(v / 41.0 + lay.phases[2])
    d = _hill_distance(lay, u, v)
    if d <= 0.0:
        return low - 0.12 * smoothstep(-street_distance(lay, u, v) / 0.4 + 0.5)
    k = 2.0 * math.pi / lay.wavelength
    roll = math.sin(k * (0.8 * u + 0.6 * v) + lay.phases[3]) + 0.5 * math.sin(
        2.3 * k * (0.5 * u - 0.87 * v) + lay.phases[4]
    )
    hill = lay.relief * (1.0 - math.exp(-d / 70.0)) + 0.12 * lay.relief * roll * (1.0 - math.exp(-((d / 50.0) ** 2)))
    kerb = 0.12 * smoothstep(-street_distance(lay, u, v) / 0.4 + 0.5) * smoothstep(1.0 - d / 20.0)
    return low + hill * smoothstep((inland - 10.0) / 30.0) - kerb


@compiled
def channel_v(lay: Layout, u: float) -> float:
    """Return v of the dredged channel's centre line."""
    return 0.085 * lay.edge + 0.02 * lay.edge * math.sin(2.0 * math.pi * u / lay.edge + lay.phases[7])


@compiled
def grass_height(lay: Layout, u: float, v: float, depth: float) -> float:
    """Height of the sea grass in metres, 0 where none grows: meadows in the light of 1 to 5 metres of water."""
    patch = math.sin(u / 9.0 + lay.phases[3]) * math.sin(v / 6.0 + lay.phases[4])
    return min(0.6, 0.2 + 0.6 * (patch - 0.1)) if patch > 0.1 and 0.9 < depth < 5.0 else 0.0


@compiled
def _islet_reach(lay: Layout, u: float, v: float) -> float:
    """Distance inland from the islet's foot, negative at sea."""
    du, dv = u - lay.centre_u, v - lay.centre_v
    r = math.hypot(du, dv)
    if r > 1.5 * lay.radius:
        return lay.radius - r
    phi = math.atan2(dv, du)
    wave = 0.10 * math.sin(3.0 * phi + lay.phases[4]) + 0.05 * math.sin(7.0 * phi + lay.phases[7])
    return lay.radius * (1.0 + wave) - r


@compiled
def _seabed(lay: Layout, u: float, v: float, inland: float) -> float:
    ripple = 0.15 * math.sin(u / 7.0 + lay.phases[5]) * math.sin(v / 9.0 + lay.phases[6])
    bed = -1.5 - 5.0 * (1.0 - math.exp(inland / 60.0)) + ripple
    if lay.channel > 0.0:
        # Sides of 1 in 1.5; the channel passes the islet.
        away = max(abs(v - channel_v(lay, u)) - 0.018 * lay.edge - 1.0, _islet_reach(lay, u, v) + 12.0, 0.0)
        bed = min(bed, -lay.channel + 0.67 * away)
    return bed


@compiled
def _bay_ground(lay: Layout, u: float, v: float) -> float:
    inland = coast_distance(lay, u, v)
    canal = canal_distance(lay, u, v)
    inner = lay.canal_half + (lay.crest + 2.6) / QUAY_SLOPE
    if inland < 0.0:
        ground = max(_seabed(lay, u, v, inland), lay.crest + 0.67 * inland)
        reach = _islet_reach(lay, u, v)
        if reach > -1.0:
            dome = 1.5 * smoothstep(reach / lay.radius)
            ground += (lay.top + dome - ground) * smoothstep(reach / 4.0)
    else:
        ground = _bay_land(lay, u, v, inland)
        ground = max(ground, lay.crest - 0.5 * max(0.0, inland - 5.0))
        ground = max(ground, lay.crest - 0.5 * max(0.0, canal - inner - DIKE_CREST))
        aside = max(0.0, abs(v - lay.bridge_v) - 4.0)
        ground = max(ground, lay.deck - max(0.0, canal - inner - 1.0) / 12.0 - 0.67 * aside)
    return min(ground, -2.6 + QUAY_SLOPE * max(0.0, canal - lay.canal_half))


@compiled
def _rolling(lay: Layout, u: float, v: float) -> float:
    k = 2.0 * math.pi / lay.wavelength
    return 40.0 + lay.relief * (
        0.55 * math.sin(k * (0.8 * u + 0.6 * v) + lay.phases[0])
        + 0.30 * math.sin(1.6 * k * (0.35 * u - 0.94 * v) + lay.phases[1])
        + 0.11 * math.sin(3.2 * k * (0.95 * u + 0.31 * v) + lay.phases[2])
        + 0.03 * math.sin(9.0 * k * (0.2 * u + 0.98 * v) + lay.phases[3])
    )


@compiled
def quarter_weight(lay: Layout, u: float, v: float) -> float:
    """Share of the terraced quarter's plane in the ground of the hills: 1 inside, 0 outside."""
    return smoothstep((lay.radius - math.hypot(u - lay.centre_u, v - lay.centre_v)) / (0.35 * lay.radius))


@compiled
def quarter_height(lay: Layout, u: float, v: float) -> float:
    """Height of the terraced quarter before it is cut into terraces; it rises to the north-north-east."""
    return lay.top + TERRACE_SLOPE * (0.26 * (u - lay.centre_u) + 0.9656 * (v - lay.centre_v))


@compiled
def _hills_ground(lay: Layout, u: float, v: float) -> float:
    ground = _rolling(lay, u, v)
    weight = quarter_weight(lay, u, v)
    if weight <= 0.0:
        return ground
    level = quarter_height(lay, u, v) / TERRACE_STEP
    step = math.floor(level)
    terrace = TERRACE_STEP * (step + smoothstep((level - step - TERRACE_FLAT) / (1.0 - TERRACE_FLAT)))
    return ground + (terrace - ground) * weight


@compiled
def volcano_reach(lay: Layout, u: float, v: float) -> float:
    """Distance inland from the volcanic island's shore, negative at sea."""
    du, dv = u - lay.centre_u, v - lay.centre_v
    r = math.sqrt(du * du + dv * dv)
    if r < 1e-6:
        return lay.radius
    # Two and five lobes, by the angle's sine and cosine: cheaper than the angle itself.
    c, s = du / r, dv / r
    c2, s2 = c * c - s * s, 2.0 * s * c
    c4, s4 = c2 * c2 - s2 * s2, 2.0 * s2 * c2
    wave = 0.07 * (s2 * lay.lobes[0] + c2 * lay.lobes[1])
    wave += 0.04 * ((s4 * c + c4 * s) * lay.lobes[2] + (c4 * c - s4 * s) * lay.lobes[3])
    return lay.radius * (1.0 + wave * (1.0 - harbour_weight(lay, u, v))) - r


@compiled
def harbour_weight(lay: Layout, u: float, v: float) -> float:
    """1 in the gentle southern sector of the volcanic island, 0 where its coast is a cliff."""
    du, dv = u - lay.centre_u, v - lay.centre_v
    r = math.sqrt(du * du + dv * dv)
    return smoothstep((-dv / max(r, 1e-6) - 0.50) / 0.27) * smoothstep((r / lay.radius - 0.15) / 0.25)


@compiled
def in_harbour_town(lay: Layout, u: float, v: float) -> bool:
    """Whether the place lies on the plain behind the harbour."""
    return v < lay.centre_v - 0.25 * lay.radius and harbour_weight(lay, u, v) > 0.6 and volcano_reach(lay, u, v) > 8.0


@compiled
def _cone(lay: Layout, u: float, v: float) -> float:
    """Height of the volcano above the island's plateau, with its crater; it stands in the island's north."""
    r = math.hypot(u - lay.centre_u, v - lay.centre_v - 0.22 * lay.radius)
    foot, rim = 0.52 * lay.radius, 0.12 * lay.radius
    lift = max(0.0, 1.0 - max(r, rim) / foot)
    return lay.relief * lift * math.sqrt(lift) - max(0.0, rim - max(r, 0.4 * rim)) * 0.8


@compiled
def _island_ground(lay: Layout, u: float, v: float) -> float:
    reach = volcano_reach(lay, u, v)
    away = max(0.0, -reach)
    bed = -3.0 - 20.0 * (1.0 - math.exp(-away / 120.0)) + 0.2 * math.sin(u / 8.0 + lay.phases[5]) * math.sin(v / 6.0)
    if reach < -4.0:
        return bed
    gentle = harbour_weight(lay, u, v)
    roll = math.sin(u / 31.0 + lay.phases[2]) * math.sin(v / 27.0 + lay.phases[3])
    cliff = lay.top + 0.08 * lay.top * roll
    shore = 2.4 + 0.05 * max(0.0, reach) + 0.1 * roll
    coast = cliff + (shore - cliff) * gentle
    width = 5.0 + 13.0 * gentle
    return bed + (coast + _cone(lay, u, v) - bed) * smoothstep((reach + 2.0) / width)


@compiled
def _downtown_ground(lay: Layout, u: float, v: float) -> float:
    """Return the ground below a downtown before it was built: a slope of one per cent, and a scarp in some."""
    low = lay.top + 0.01 * (0.6 * u + 0.8 * v) + 0.5 * math.sin(u / 61.0 + lay.phases[0]) * math.sin(v / 47.0)
    across = (u - lay.centre_u) * math.cos(lay.phases[1]) + (v - lay.centre_v) * math.sin(lay.phases[1])
    return low + lay.relief * smoothstep(across / 60.0 + 0.5)


@compiled
def ground_at(lay: Layout, u: float, v: float) -> float:
    """Height of the ground at one place, metres above T.P."""
    if lay.kind == BAY:
        return _bay_ground(lay, u, v)
    if lay.kind == ISLAND:
        return _island_ground(lay, u, v)
    if lay.kind == HILLS:
        return worked(lay, u, v, _hills_ground(lay, u, v))
    return worked(lay, u, v, _downtown_ground(lay, u, v) if lay.kind == HIGHRISE else cliff_ground(lay, u, v))


@compiled
def is_cliff(lay: Layout, u: float, v: float) -> bool:
    """Whether the ground near the place may be steeper than a ray."""
    if lay.kind == BAY:
        return abs(math.hypot(u - lay.centre_u, v - lay.centre_v) - lay.radius) < 0.2 * lay.radius + 12.0
    if lay.kind != ISLAND:
        return True
    off = math.hypot(u - lay.centre_u, v - lay.centre_v) - lay.radius
    return abs(off) < 0.11 * lay.radius + 14.0 and abs(volcano_reach(lay, u, v)) < 14.0


@compiled
def is_water(lay: Layout, u: float, v: float, ground: float) -> bool:
    """Whether open water stands over the ground; a hollow behind a dike is dry."""
    if ground >= lay.water:
        return False
    if lay.kind == BAY:
        inner = lay.canal_half + (lay.crest + 2.6) / QUAY_SLOPE
        return coast_distance(lay, u, v) < 0.0 or canal_distance(lay, u, v) < inner
    return True


@compiled
def cover_at(lay: Layout, u: float, v: float, ground: float) -> int:
    """Return what covers the ground at one place."""
    if is_water(lay, u, v, ground):
        return SAND
    if lay.kind == BAY:
        if coast_distance(lay, u, v) < 0.0 and _islet_reach(lay, u, v) > -2.0:
            return ROCK if _islet_reach(lay, u, v) < 4.5 else GRASS
        inner = lay.canal_half + (lay.crest + 2.6) / QUAY_SLOPE
        if coast_distance(lay, u, v) < 5.0 or canal_distance(lay, u, v) < inner + DIKE_CREST:
            return CONCRETE
        if canal_distance(lay, u, v) < inner + DIKE_CREST + 5.0 and abs(v - lay.bridge_v) > 4.0:
            return GRASS
        hill = _hill_distance(lay, u, v)
        if hill < 20.0 and street_distance(lay, u, v) < 0.0:
            return ASPHALT
        return YARD if hill < 12.0 else SOIL
    if lay.kind != ISLAND:
        cover = work_cover(lay, u, v)
        return cover if cover >= 0 else _natural_cover(lay, u, v)
    if volcano_reach(lay, u, v) < 6.0:
        return SAND if harbour_weight(lay, u, v) > 0.6 else ROCK
    if in_harbour_town(lay, u, v):
        return ASPHALT if street_distance(lay, u, v) < 0.0 else YARD
    return GRASS if _cone(lay, u, v) < 0.35 * lay.relief else ROCK


@compiled
def _natural_cover(lay: Layout, u: float, v: float) -> int:
    """Cover of hills, downtown and cliffs where no earthwork says otherwise."""
    if lay.kind == HIGHRISE:
        return CONCRETE
    if lay.kind == HILLS:
        if quarter_weight(lay, u, v) < 0.5:
            return SOIL
        level = quarter_height(lay, u, v) / TERRACE_STEP
        return YARD if level - math.floor(level) < TERRACE_FLAT else CONCRETE
    steep = shore_distance(lay, u, v) < 0.25 * lay.top + 12.0 or gorge_distance(lay, u, v) < 0.3 * lay.top
    return ROCK if steep else (SOIL if v > lay.hill_v else GRASS)


@cached
def ground_of(lay: Layout, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights of the ground at places of shape (n,)."""
    out = np.empty(u.size)
    for i in range(u.size):
        out[i] = ground_at(lay, u[i], v[i])
    return out


@cached
def water_of(lay: Layout, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether open water stands at places of shape (n,)."""
    out = np.empty(u.size, np.bool_)
    for i in range(u.size):
        out[i] = is_water(lay, u[i], v[i], ground_at(lay, u[i], v[i]))
    return out


@cached
def edges_of(lay: Layout, u: NDArray[np.float64], v: NDArray[np.float64], reach_m: float) -> NDArray[np.bool_]:
    """Whether the ground within `reach_m` of places of shape (n,) is steeper than 60 degrees, in 8 directions."""
    out = np.zeros(u.size, np.bool_)
    for i in range(u.size):
        for way in range(8):
            du, dv = math.cos(0.25 * math.pi * way), math.sin(0.25 * math.pi * way)
            last = ground_at(lay, u[i], v[i])
            for k in range(4):
                far = 0.25 * (k + 1) * reach_m
                height = ground_at(lay, u[i] + far * du, v[i] + far * dv)
                if abs(height - last) > 1.73 * 0.25 * reach_m:
                    out[i] = True
                    break
                last = height
    return out


def grid_of(lay: Layout, n: int) -> NDArray[np.float64]:
    """Heights on n by n places spread over the scene, shape (n, n), south row first."""
    axis = (np.arange(n) + 0.5) * (lay.edge / n)
    u, v = np.meshgrid(axis, axis)
    return ground_of(lay, u.ravel(), v.ravel()).reshape(n, n)
