"""What comes back of a pulse: leaves, wires, roofs, walls, ground, water and bed, strays.

A pulse's returns while it is followed are the rows of a table of `ECHO` numbers: u, v, z; share of the pulse's energy,
sunlight on the spot, tint; class, material, building.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from twin.points import PointClass
from twin.scene.chance import mix, normal, uniform
from twin.scene.compiled import compiled
from twin.scene.layout import HILLS, Layout
from twin.scene.materials import BIRD, LEAF, ROOF_CONCRETE, ROOF_TILE, STEEL, WALL, WATER, WIRE
from twin.scene.objects import CLASS, COS, HALF_P, HALF_Q, MATERIAL, OWNER, ROD_CLASS, SIN, TINT, U, V
from twin.scene.rays import Hit, Pulse, Ray, Site, collect
from twin.scene.scan import MAX_RETURNS, Scan
from twin.scene.terrain import SAND, cover_at, grass_height, ground_at, is_water

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twin.scene.objects import Objects

__all__ = [
    "ECHO",
    "FAINT",
    "RESOLUTION",
    "Progress",
    "end_on_solid",
    "on_bed",
    "on_open_ground",
    "on_water",
    "sort_by_entry",
    "stray",
    "through_porous",
]

_GROUND = int(PointClass.GROUND)
_LOW_VEGETATION, _MEDIUM_VEGETATION = int(PointClass.LOW_VEGETATION), int(PointClass.MEDIUM_VEGETATION)
_HIGH_VEGETATION = int(PointClass.HIGH_VEGETATION)
_WATER, _SURFACE, _SEABED = int(PointClass.WATER), int(PointClass.WATER_SURFACE), int(PointClass.SEABED)
_OTHER, _SUBMERGED = int(PointClass.UNCLASSIFIED), int(PointClass.SUBMERGED_OBJECT)
_WIRE, _LOW_NOISE, _HIGH_NOISE = int(PointClass.WIRE), int(PointClass.LOW_NOISE), int(PointClass.HIGH_NOISE)

RESOLUTION = 0.7
"""Least distance between two returns of one pulse, metres: half the length of a pulse of 5 ns."""
FAINT = 0.12
"""Share of the light below which the receiver hears nothing more."""
_N_WATER = 1.333
"""Refractive index of water for green light."""
_LOW_TOP, _MEDIUM_TOP = 0.5, 1.5
"""Heights above ground that part low, medium and high vegetation, metres: IGN's LiDAR HD."""
_BEAM = 0.2
"""Width of the beam where it lands, metres: 0.5 mrad from 400 m."""
_SUN = (-0.45, 0.45, 0.77)
"""Unit vector towards the sun: north-west, as maps are shaded."""

ECHO = 9
"""Columns of a pulse's table of returns."""

# Purposes of a pulse's draws, and their counters; `normal` takes two. `twin.scene.pulses` has the others.
_SURFACE_SEEN, _WAVE, _TINT, _BED_SEEN, _ODD, _ODD_FAR, _CROWNS = 2, 3, 5, 6, 7, 8, 1024
_TURBID, _GRASS = 610, 620
_GHOSTS, _GHOST_SEEN, _GHOST_CELL = 700, 600, 12.0


class Progress(NamedTuple):
    """How far a pulse has come."""

    n: int
    """Returns so far."""
    energy: float
    """Share of the light that is left."""
    last_s: float
    """Place of the last return."""


class _Stretch(NamedTuple):
    """The part of a ray that lies in a crown."""

    floor: float
    """Where it leaves the crown, as s."""
    entry: float
    """Where it enters the crown."""
    extinction: float
    """Of the crown, per metre."""
    tint: float
    """Of the crown."""


@compiled
def note(
    echo: NDArray[np.float64],
    n: int,
    place: tuple[float, float, float],
    light: tuple[float, float, float],
    what: tuple[int, int, int],
) -> int:
    echo[n, 0], echo[n, 1], echo[n, 2] = place
    echo[n, 3], echo[n, 4], echo[n, 5] = light
    echo[n, 6], echo[n, 7], echo[n, 8] = what
    return n + 1


@compiled
def _vegetation(above: float) -> int:
    if above > _MEDIUM_TOP:
        return _HIGH_VEGETATION
    return _MEDIUM_VEGETATION if above > _LOW_TOP else _LOW_VEGETATION


@compiled
def _sunlight(nu: float, nv: float, nz: float) -> float:
    return 0.55 + 0.45 * max(0.0, nu * _SUN[0] + nv * _SUN[1] + nz * _SUN[2])


@compiled
def _solid_normal(
    solids: NDArray[np.float64], planes: NDArray[np.float64], m: int, face: int
) -> tuple[float, float, float]:
    c, s = solids[m, COS], solids[m, SIN]
    if face < 4:
        sign = 1.0 if face % 2 == 0 else -1.0
        return (sign * c, sign * s, 0.0) if face < 2 else (-sign * s, sign * c, 0.0)
    sp, sq = planes[m, face - 4, 0], planes[m, face - 4, 1]
    norm = 1.0 / math.sqrt(1.0 + sp * sp + sq * sq)
    return -(sp * c - sq * s) * norm, -(sp * s + sq * c) * norm, norm


@compiled
def sort_by_entry(pulse: Pulse, n: int) -> None:
    """Sort the first `n` crowns and rods by insertion: first met first, equal entries by number."""
    ids, spans = pulse.ids, pulse.spans
    for i in range(1, n):
        m, low, high = ids[i], spans[i, 0], spans[i, 1]
        j = i - 1
        while j >= 0 and (spans[j, 1] < high or (spans[j, 1] == high and ids[j] > m)):
            ids[j + 1], spans[j + 1, 0], spans[j + 1, 1] = ids[j], spans[j, 0], spans[j, 1]
            j -= 1
        ids[j + 1], spans[j + 1, 0], spans[j + 1, 1] = m, low, high


@compiled
def _through_crown(
    lay: Layout, ray: Ray, stretch: _Stretch, state: tuple[Progress, int], pulse: Pulse
) -> tuple[Progress, int]:
    """Let light fall through a crown: free paths are exponential (Beer and Lambert).

    State: the pulse's progress and the counter of its draws.
    """
    (n, energy, last_s), draw = state
    s = min(stretch.entry, last_s - RESOLUTION)
    while n < MAX_RETURNS - 2 and energy > FAINT:
        s += math.log(1.0 - uniform(pulse.key, draw)) / stretch.extinction
        share = 0.25 + 0.65 * uniform(pulse.key, draw + 1)
        draw += 2
        if s <= stretch.floor:
            break
        u, v, z = ray.gu + s * ray.uu, ray.gv + s * ray.uv, ray.gz + s * ray.uz
        above = z - ground_at(lay, u, v)
        if above < 0.05:
            break
        light = (energy * share, 0.65 + 0.35 * s / max(stretch.entry, 0.1), stretch.tint)
        n = note(pulse.echo, n, (u, v, z), light, (_vegetation(above), LEAF, 0))
        energy *= 1.0 - share
        last_s = s
        s -= RESOLUTION
    return Progress(n, energy, last_s), draw


@compiled
def through_porous(site: Site, ray: Ray, hit: Hit, pulse: Pulse) -> Progress:
    """Note the returns of crowns and rods above the first solid."""
    crowns, rods, ids, spans = site.objects.crowns, site.objects.rods, pulse.ids, pulse.spans
    n_solids, n_crowns = site.objects.solids.shape[0], crowns.shape[0]
    n, energy, last_s, draw = 0, 1.0, 1e9, _CROWNS
    for k in range(hit.n_porous):
        if energy < FAINT or n >= MAX_RETURNS - 2:
            break
        crown = ids[k] - n_solids
        s = spans[k, 1]
        if crown < n_crowns:
            stretch = _Stretch(max(spans[k, 0], hit.s), s, crowns[crown, 5], crowns[crown, 6])
            (n, energy, last_s), draw = _through_crown(
                site.lay, ray, stretch, (Progress(n, energy, last_s), draw), pulse
            )
        elif s > hit.s and last_s - s > RESOLUTION:
            cls = int(rods[crown - n_crowns, ROD_CLASS])
            share = 0.25 if cls == _WIRE else 0.55
            place = (ray.gu + s * ray.uu, ray.gv + s * ray.uv, ray.gz + s * ray.uz)
            n = note(pulse.echo, n, place, (energy * share, 0.8, 0.5), (cls, WIRE if cls == _WIRE else STEEL, 0))
            energy *= 1.0 - share
            last_s = s
    return Progress(n, energy, last_s)


@compiled
def _on_solid(objects: Objects, ray: Ray, hit: Hit, progress: Progress, pulse: Pulse) -> int:
    solids, m = objects.solids, hit.solid
    nu, nv, nz = _solid_normal(solids, objects.planes, m, hit.face)
    material = int(solids[m, MATERIAL])
    if hit.face < 4 and ROOF_TILE <= material <= ROOF_CONCRETE:
        material = WALL
    facing = max(0.15, nu * ray.uu + nv * ray.uv + nz * ray.uz)
    place = (ray.gu + hit.s * ray.uu, ray.gv + hit.s * ray.uv, ray.gz + hit.s * ray.uz)
    light = (progress.energy * facing, _sunlight(nu, nv, nz), solids[m, TINT])
    return note(pulse.echo, progress.n, place, light, (int(solids[m, CLASS]), material, int(solids[m, OWNER])))


@compiled
def _past_edge(site: Site, ray: Ray, hit: Hit) -> Ray:
    """Return the ray of the part of the beam that passes outside a roof's edge; `ray` itself if no edge is near."""
    lay, solids, m, s = site.lay, site.objects.solids, hit.solid, hit.s
    c, sine = solids[m, COS], solids[m, SIN]
    du, dv = ray.gu + s * ray.uu - solids[m, U], ray.gv + s * ray.uv - solids[m, V]
    p, q = du * c + dv * sine, dv * c - du * sine
    near_p, near_q = solids[m, HALF_P] - abs(p) < 0.5 * _BEAM, solids[m, HALF_Q] - abs(q) < 0.5 * _BEAM
    if ray.wet or not (near_p or near_q):
        return ray
    over_p, over_q = (math.copysign(_BEAM, p), 0.0) if near_p else (0.0, math.copysign(_BEAM, q))
    u, v = ray.gu + over_p * c - over_q * sine, ray.gv + over_p * sine + over_q * c
    ground = ground_at(lay, u, v)
    return Ray(u, v, ground, ray.uu, ray.uv, ray.uz, is_water(lay, u, v, ground), ground)


@compiled
def on_ground(lay: Layout, ray: Ray, progress: Progress, pulse: Pulse) -> int:
    """Note the return of the bare ground."""
    light = (progress.energy * ray.uz, 0.95, uniform(pulse.key, _TINT))
    what = (_GROUND, cover_at(lay, ray.gu, ray.gv, ray.gz), 0)
    return note(pulse.echo, progress.n, (ray.gu, ray.gv, ray.gz), light, what)


@compiled
def ghost_depth(scan: Scan, ray: Ray, pulse: Pulse) -> float:
    """Return how much too long the way of a pulse is, 0 for most: specular patches, each seen by one strip only.

    Light that bounces between paving and a facade arrives late. The geometry is the strip's, so a patch's ghosts lie
    together, within some decimetres of one depth.
    """
    cell_u, cell_v = math.floor(ray.gu / _GHOST_CELL), math.floor(ray.gv / _GHOST_CELL)
    cell = mix(mix(scan.key, _GHOSTS), int(cell_v) * 100_003 + int(cell_u))
    if uniform(cell, 0) >= scan.ghosts:
        return 0.0
    du = ray.gu - (cell_u + 0.2 + 0.6 * uniform(cell, 1)) * _GHOST_CELL
    dv = ray.gv - (cell_v + 0.2 + 0.6 * uniform(cell, 2)) * _GHOST_CELL
    if math.hypot(du, dv) > 0.3 + 1.5 * uniform(cell, 3) or uniform(pulse.key, _GHOST_SEEN) > 0.6:
        return 0.0
    return 1.2 + 19.0 * uniform(cell, 4) ** 2 + 0.4 * uniform(pulse.key, _GHOST_SEEN + 1)


@compiled
def on_open_ground(site: Site, scan: Scan, ray: Ray, progress: Progress, pulse: Pulse) -> int:
    """Note the return of the ground, or its ghost below."""
    late = ghost_depth(scan, ray, pulse) if scan.ghosts > 0.0 else 0.0
    if late <= 0.0:
        return on_ground(site.lay, ray, progress, pulse)
    place = (ray.gu - late * ray.uu, ray.gv - late * ray.uv, ray.gz - late * ray.uz)
    return note(pulse.echo, progress.n, place, (0.3 * progress.energy, 0.6, 0.5), (_LOW_NOISE, ROOF_CONCRETE, 0))


@compiled
def end_on_solid(site: Site, ray: Ray, hit: Hit, progress: Progress, pulse: Pulse) -> int:
    """Note the return of a solid and, at a roof's edge, of what the rest of the beam finds below.

    Writes over the crowns and rods of the pulse.
    """
    n = _on_solid(site.objects, ray, hit, progress, pulse)
    rest = _past_edge(site, ray, hit)
    if hit.face < 4 or rest.gu == ray.gu or rest.wet or n >= MAX_RETURNS:
        return n
    pulse.echo[n - 1, 3] *= 0.6
    below = collect(site.objects, rest, pulse)
    if below.s > hit.s - RESOLUTION:
        return n
    dimmed = Progress(n, 0.4 * progress.energy, hit.s)
    if below.solid >= 0:
        return _on_solid(site.objects, rest, below, dimmed, pulse)
    return on_ground(site.lay, rest, dimmed, pulse)


@compiled
def on_water(site: Site, scan: Scan, ray: Ray, progress: Progress, pulse: Pulse) -> int:
    """Answer from the surface, more often near the nadir; and from the bed, where green light gets through.

    An infrared laser (the hills) sees little of a pond and nothing below it.
    """
    lay, key, echo, n, energy = site.lay, pulse.key, pulse.echo, progress.n, progress.energy
    green = lay.kind != HILLS
    if uniform(key, _SURFACE_SEEN) < scan.surface * (0.9 * ray.uz**6 if green else 0.35 * ray.uz**40):
        z = lay.water + 0.015 * math.sin(0.9 * ray.gu + 0.4 * ray.gv) + 0.01 * normal(key, _WAVE)
        light = (energy * ray.uz**8, 0.9, uniform(key, _TINT))
        n = note(echo, n, (ray.gu, ray.gv, z), light, (_SURFACE if green else _WATER, WATER, 0))
    depth = lay.water - ray.bed
    if lay.turbid > 0.0 and uniform(key, _TURBID) < lay.turbid:
        # Suspended matter: thickest at the surface, nothing heard from below it in two pulses of three.
        down = 0.2 - 0.6 * math.log(1.0 - 0.99 * uniform(key, _TURBID + 1))
        if down < depth - 0.3:
            reach = down / ray.uz / _N_WATER
            place = (ray.gu - reach * ray.uu, ray.gv - reach * ray.uv, lay.water - down)
            n = note(echo, n, place, (0.4 * energy * math.exp(-0.5 * down), 0.8, 0.5), (_OTHER, WATER, 0))
        if uniform(key, _TURBID + 2) < 0.67:
            return n
    if not green or uniform(key, _BED_SEEN) > 0.92 * math.exp(-0.09 * depth):
        return n
    return on_bed(site, scan, ray, Progress(n, energy, progress.last_s), pulse)


@compiled
def on_bed(site: Site, scan: Scan, ray: Ray, progress: Progress, pulse: Pulse) -> int:
    """Answer from the bed, or from grass or a wreck upon it; light is bent at the surface, sound comes straight."""
    lay, key, n = site.lay, pulse.key, progress.n
    # Snell: the horizontal part of the direction shrinks by the refractive index.
    index = 1.0 if scan.sonar else _N_WATER
    bent_u, bent_v = -ray.uu / index, -ray.uv / index
    down = math.sqrt(1.0 - bent_u * bent_u - bent_v * bent_v)
    u, v, bed = ray.gu, ray.gv, ray.bed
    for _ in range(3):
        u, v = ray.gu + bent_u / down * (lay.water - bed), ray.gv + bent_v / down * (lay.water - bed)
        bed = ground_at(lay, u, v)
    if bed >= lay.water - 0.2:
        return n
    depth = lay.water - bed
    light = (0.7 * progress.energy * math.exp(-0.18 * depth), 0.7, 0.4)
    rising = Ray(u, v, bed, -bent_u, -bent_v, down, True, bed)
    wreck = collect(site.objects, rising, pulse)
    z = bed + wreck.s * down
    if wreck.solid >= 0 and z < lay.water - 0.1:
        place = (u - wreck.s * bent_u, v - wreck.s * bent_v, z)
        return note(pulse.echo, n, place, light, (_SUBMERGED, ROOF_CONCRETE, 0))
    grass = grass_height(lay, u, v, depth) if lay.seagrass > 0.0 else 0.0
    if grass > 0.0 and uniform(key, _GRASS) < lay.seagrass:
        up = grass * (0.4 + 0.6 * uniform(key, _GRASS + 1))
        place = (u - up / down * bent_u, v - up / down * bent_v, bed + up)
        return note(pulse.echo, n, place, light, (_OTHER, LEAF, 0))
    return note(pulse.echo, n, (u, v, bed), light, (_SEABED, SAND, 0))


@compiled
def stray(scan: Scan, ray: Ray, hit: Hit, pulse: Pulse) -> int:
    """Note one stray return in the air or below the ground."""
    high = uniform(pulse.key, _ODD) >= scan.low_noise
    way = uniform(pulse.key, _ODD_FAR)
    far = 20.0 + 50.0 * way + hit.s if high else -1.0 - 7.0 * way
    place = (ray.gu + far * ray.uu, ray.gv + far * ray.uv, ray.gz + far * ray.uz)
    return note(pulse.echo, 0, place, (0.4, 0.6, 0.5), (_HIGH_NOISE if high else _LOW_NOISE, BIRD, 0))
