"""One laser pulse after another: what comes back, in which order, how bright, of which class.

For each pulse of a run of scan lines `fire` aims; reaches the ground or the water; collects what stands in the way;
loses light in crowns and at wires; ends on a solid, on water and the bed below it, or on the ground; adds noise; and
keeps the pulse if all of its returns lie inside the scene. Every draw is a function of (seed, strip, pulse, purpose):
neither order nor the cut into pieces changes a byte.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from twin.points import PointClass
from twin.scene.chance import mix, normal, rough_normal, uniform
from twin.scene.compiled import cached, compiled
from twin.scene.layout import HILLS, Layout
from twin.scene.materials import (
    BIRD,
    COLOURS,
    LEAF,
    REFLECTANCE,
    ROOF_CONCRETE,
    ROOF_TILE,
    STEEL,
    WALL,
    WATER,
    WIRE,
)
from twin.scene.objects import CLASS, COS, MATERIAL, OWNER, ROD_CLASS, SIN, TINT, Objects
from twin.scene.rays import MAX_POROUS, Aim, Ray, collect, ground_hit
from twin.scene.scan import MAX_RETURNS, Returns, Scan
from twin.scene.terrain import SAND, cover_at, ground_at, is_cliff, is_water

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fire"]

_GROUND = int(PointClass.GROUND)
_LOW_VEGETATION, _MEDIUM_VEGETATION = int(PointClass.LOW_VEGETATION), int(PointClass.MEDIUM_VEGETATION)
_HIGH_VEGETATION = int(PointClass.HIGH_VEGETATION)
_WATER, _SURFACE, _SEABED = int(PointClass.WATER), int(PointClass.WATER_SURFACE), int(PointClass.SEABED)
_WIRE, _LOW_NOISE, _HIGH_NOISE = int(PointClass.WIRE), int(PointClass.LOW_NOISE), int(PointClass.HIGH_NOISE)

_RESOLUTION = 0.7
"""Least distance between two returns of one pulse, metres: half the length of a pulse of 5 ns."""
_FAINT = 0.12
"""Share of the light below which the receiver hears nothing more."""
_N_WATER = 1.333
"""Refractive index of water for green light."""
_LOW_TOP, _MEDIUM_TOP = 0.5, 1.5
"""Heights above ground that part low, medium and high vegetation, metres: IGN's LiDAR HD."""
_SUN = (-0.45, 0.45, 0.77)
"""Unit vector towards the sun: north-west, as maps are shaded."""

# Purposes of a pulse's draws; `normal` takes two counters.
_SWING, _DRIFT, _SURFACE_SEEN, _WAVE, _TINT, _BED_SEEN, _ODD, _ODD_FAR, _ERROR_U, _ERROR_V = (
    0,
    1,
    2,
    3,
    5,
    6,
    7,
    8,
    9,
    11,
)
_CROWNS, _RANGE, _SPECKLE, _SHADE = 1024, 64, 128, 256


_ECHO = 9
"""A pulse's returns while it is followed are rows of nine numbers: u, v, z; share of its energy, sunlight on the spot,
tint; class, material, building."""


@compiled
def _note(  # noqa: PLR0913 - one row of the echo table
    echo: NDArray[np.float64],
    n: int,
    place: tuple[float, float, float],
    light: tuple[float, float, float],
    cls: int,
    material: int,
    building: int,
) -> int:
    echo[n, 0], echo[n, 1], echo[n, 2] = place
    echo[n, 3], echo[n, 4], echo[n, 5] = light
    echo[n, 6], echo[n, 7], echo[n, 8] = cls, material, building
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
def _sort_by_entry(ids: NDArray[np.int64], spans: NDArray[np.float64], n: int) -> None:
    """Sort by insertion: first met first, equal entries by number."""
    for i in range(1, n):
        m, low, high = ids[i], spans[i, 0], spans[i, 1]
        j = i - 1
        while j >= 0 and (spans[j, 1] < high or (spans[j, 1] == high and ids[j] > m)):
            ids[j + 1], spans[j + 1, 0], spans[j + 1, 1] = ids[j], spans[j, 0], spans[j, 1]
            j -= 1
        ids[j + 1], spans[j + 1, 0], spans[j + 1, 1] = m, low, high


@compiled
def _land(lay: Layout, aim: Aim, high: float) -> Ray:
    """Follow a ray from the sensor to the ground, or to the water where that comes first."""
    t = (aim.z - lay.water) / -aim.dz
    u, v = aim.u + t * aim.du, aim.v + t * aim.dv
    ground = ground_at(lay, u, v)
    # Banks are flatter than rays, so but for cliffs nothing can stand above the ray where it meets the water.
    wet = is_water(lay, u, v, ground) and not is_cliff(lay, u, v)
    gu, gv, gz = u, v, lay.water
    if not wet:
        gu, gv, gz = ground_hit(lay, aim, high)
        wet = is_water(lay, gu, gv, gz)
        if wet:
            gu, gv, gz = u, v, lay.water
    return Ray(gu, gv, gz, -aim.du, -aim.dv, -aim.dz, wet, ground)


@compiled
def _through_crown(  # noqa: PLR0913 - see `twin.scene.rays` on tables
    lay: Layout,
    crowns: NDArray[np.float64],
    ray: Ray,
    crown: int,
    span: tuple[float, float],
    state: tuple[int, float, float, int],
    key: np.uint64,
    echo: NDArray[np.float64],
) -> tuple[int, float, float, int]:
    """Let light fall through a crown: free paths are exponential (Beer and Lambert).

    State: returns so far, light left, place of the last return, counter of draws.
    """
    n, energy, last_s, draw = state
    floor, entry = span
    s = min(entry, last_s - _RESOLUTION)
    while n < MAX_RETURNS - 2 and energy > _FAINT:
        s += math.log(1.0 - uniform(key, draw)) / crowns[crown, 5]
        share = 0.25 + 0.65 * uniform(key, draw + 1)
        draw += 2
        if s <= floor:
            break
        u, v, z = ray.gu + s * ray.uu, ray.gv + s * ray.uv, ray.gz + s * ray.uz
        above = z - ground_at(lay, u, v)
        if above < 0.05:
            break
        light = (energy * share, 0.65 + 0.35 * s / max(entry, 0.1), crowns[crown, 6])
        n = _note(echo, n, (u, v, z), light, _vegetation(above), LEAF, 0)
        energy *= 1.0 - share
        last_s = s
        s -= _RESOLUTION
    return n, energy, last_s, draw


@compiled
def _through_porous(  # noqa: PLR0913 - see `twin.scene.rays` on tables
    lay: Layout,
    n_solids: int,
    crowns: NDArray[np.float64],
    rods: NDArray[np.float64],
    ray: Ray,
    solid_s: float,
    ids: NDArray[np.int64],
    spans: NDArray[np.float64],
    n_porous: int,
    key: np.uint64,
    echo: NDArray[np.float64],
) -> tuple[int, float, float]:
    """Note the returns of crowns and rods above `solid_s`; return their number, the light left, the last s."""
    n, energy, last_s, draw = 0, 1.0, 1e9, _CROWNS
    for k in range(n_porous):
        if energy < _FAINT or n >= MAX_RETURNS - 2:
            break
        crown = ids[k] - n_solids
        s = spans[k, 1]
        if crown < crowns.shape[0]:
            span = (max(spans[k, 0], solid_s), s)
            n, energy, last_s, draw = _through_crown(
                lay, crowns, ray, crown, span, (n, energy, last_s, draw), key, echo
            )
        elif s > solid_s and last_s - s > _RESOLUTION:
            cls = int(rods[crown - crowns.shape[0], ROD_CLASS])
            share = 0.25 if cls == _WIRE else 0.55
            place = (ray.gu + s * ray.uu, ray.gv + s * ray.uv, ray.gz + s * ray.uz)
            n = _note(echo, n, place, (energy * share, 0.8, 0.5), cls, WIRE if cls == _WIRE else STEEL, 0)
            energy *= 1.0 - share
            last_s = s
    return n, energy, last_s


@compiled
def _on_solid(  # noqa: PLR0913 - see `twin.scene.rays` on tables
    solids: NDArray[np.float64],
    planes: NDArray[np.float64],
    ray: Ray,
    hit: tuple[float, int, int],
    energy: float,
    n: int,
    echo: NDArray[np.float64],
) -> int:
    s, m, face = hit
    nu, nv, nz = _solid_normal(solids, planes, m, face)
    material = int(solids[m, MATERIAL])
    if face < 4 and ROOF_TILE <= material <= ROOF_CONCRETE:
        material = WALL
    facing = max(0.15, nu * ray.uu + nv * ray.uv + nz * ray.uz)
    place = (ray.gu + s * ray.uu, ray.gv + s * ray.uv, ray.gz + s * ray.uz)
    light = (energy * facing, _sunlight(nu, nv, nz), solids[m, TINT])
    return _note(echo, n, place, light, int(solids[m, CLASS]), material, int(solids[m, OWNER]))


@compiled
def _on_water(  # noqa: PLR0913 - see `twin.scene.rays` on tables
    lay: Layout, ray: Ray, energy: float, n: int, key: np.uint64, echo: NDArray[np.float64]
) -> int:
    """Answer from the surface, more often near the nadir; and from the bed, where green light gets through.

    An infrared laser (the hills) sees little of a pond and nothing below it.
    """
    green = lay.kind != HILLS
    if uniform(key, _SURFACE_SEEN) < (0.9 * ray.uz**6 if green else 0.35 * ray.uz**40):
        z = lay.water + 0.015 * math.sin(0.9 * ray.gu + 0.4 * ray.gv) + 0.01 * normal(key, _WAVE)
        light = (energy * ray.uz**8, 0.9, uniform(key, _TINT))
        n = _note(echo, n, (ray.gu, ray.gv, z), light, _SURFACE if green else _WATER, WATER, 0)
    depth = lay.water - ray.bed
    if not green or uniform(key, _BED_SEEN) > 0.92 * math.exp(-0.09 * depth):
        return n
    # Snell: the horizontal part of the direction shrinks by the refractive index.
    bent_u, bent_v = -ray.uu / _N_WATER, -ray.uv / _N_WATER
    down = math.sqrt(1.0 - bent_u * bent_u - bent_v * bent_v)
    u, v, bed = ray.gu, ray.gv, ray.bed
    for _ in range(3):
        u, v = ray.gu + bent_u / down * (lay.water - bed), ray.gv + bent_v / down * (lay.water - bed)
        bed = ground_at(lay, u, v)
    if bed < lay.water - 0.2:
        depth = lay.water - bed
        n = _note(echo, n, (u, v, bed), (0.7 * energy * math.exp(-0.18 * depth), 0.7, 0.4), _SEABED, SAND, 0)
    return n


@compiled
def _looks(echo: NDArray[np.float64], k: int, key: np.uint64) -> tuple[int, int, int, int]:
    """Intensity, red, green, blue of return k, all 16 bits."""
    material = int(echo[k, 7])
    speckle = 1.0 + 0.08 * rough_normal(key, _SPECKLE + k)
    intensity = int(min(max(REFLECTANCE[material] * echo[k, 3] * speckle * 40000.0, 1.0), 65535.0))
    shade, tint = echo[k, 4] * (1.0 + 0.03 * rough_normal(key, _SHADE + k)), echo[k, 5]
    red = (COLOURS[material, 0, 0] + COLOURS[material, 1, 0] * tint) * shade
    green = (COLOURS[material, 0, 1] + COLOURS[material, 1, 1] * tint) * shade
    blue = (COLOURS[material, 0, 2] + COLOURS[material, 1, 2] * tint) * shade
    return intensity, int(min(red, 255.0)) * 257, int(min(green, 255.0)) * 257, int(min(blue, 255.0)) * 257


@compiled
def _millimetres(value: float) -> float:
    return math.floor(value * 1000.0 + 0.5) / 1000.0


@compiled
def _disturb(  # noqa: PLR0913 - see `twin.scene.rays` on tables
    edge: float, scan: Scan, ray: Ray, key: np.uint64, n: int, echo: NDArray[np.float64]
) -> bool:
    """Add a pulse's errors: of range per return, of attitude per pulse, constant per strip; say if all stays inside."""
    error_u = scan.offset_u + scan.position_noise * normal(key, _ERROR_U)
    error_v = scan.offset_v + scan.position_noise * normal(key, _ERROR_V)
    inside = True
    for k in range(n):
        error = scan.range_noise * normal(key, _RANGE + 2 * k)
        echo[k, 0] = _millimetres(echo[k, 0] + error_u - error * ray.uu)
        echo[k, 1] = _millimetres(echo[k, 1] + error_v - error * ray.uv)
        echo[k, 2] = _millimetres(echo[k, 2] + scan.offset_z - error * ray.uz)
        inside = inside and 0.0 <= echo[k, 0] < edge and 0.0 <= echo[k, 1] < edge
    return inside


@compiled
def _noise(scan: Scan, ray: Ray, solid_s: float, key: np.uint64, echo: NDArray[np.float64]) -> int:
    """Note one stray return in the air or below the ground."""
    high = uniform(key, _ODD) >= scan.low_noise
    far = 20.0 + 50.0 * uniform(key, _ODD_FAR) + solid_s if high else -1.0 - 7.0 * uniform(key, _ODD_FAR)
    place = (ray.gu + far * ray.uu, ray.gv + far * ray.uv, ray.gz + far * ray.uz)
    return _note(echo, 0, place, (0.4, 0.6, 0.5), _HIGH_NOISE if high else _LOW_NOISE, BIRD, 0)


@compiled
def _on_ground(lay: Layout, ray: Ray, energy: float, n: int, key: np.uint64, echo: NDArray[np.float64]) -> int:  # noqa: PLR0913
    light = (energy * ray.uz, 0.95, uniform(key, _TINT))
    return _note(echo, n, (ray.gu, ray.gv, ray.gz), light, _GROUND, cover_at(lay, ray.gu, ray.gv, ray.gz), 0)


@compiled
def _may_hit(edge: float, start: float, slope: float, near: float, far: float) -> bool:
    """Whether a ray's stretch from `near` to `far` touches 0..edge along one axis."""
    first, last = start + slope * near, start + slope * far
    return max(first, last) >= 0.0 and min(first, last) <= edge


@cached
def fire(lay: Layout, objects: Objects, scan: Scan, line0: int, line1: int, out: Returns) -> int:  # noqa: PLR0913
    """Simulate scan lines ``line0 <= line < line1`` of a strip into `out`; return how many returns there are."""
    ids, spans = np.empty(MAX_POROUS, np.int64), np.empty((MAX_POROUS, 2))
    echo = np.empty((MAX_RETURNS, _ECHO))
    solids, planes, crowns, rods = objects.solids, objects.planes, objects.crowns, objects.rods
    start, member, ceiling = objects.start, objects.member, objects.ceiling
    o_u, o_v, o_z, o_time, o_intensity = out.u, out.v, out.z, out.gps_time, out.intensity
    o_number, o_count, o_class, o_flags = out.return_number, out.number_of_returns, out.point_class, out.flags
    o_angle, o_colour, o_building = out.scan_angle, out.colour, out.building
    highest = max(scan.high_ground, objects.top)
    sin_look, cos_look = math.sin(scan.look), math.cos(scan.look)
    total = 0
    for line in range(line0, line1):
        for index in range(scan.pulses):
            # Aim.
            pulse = line * scan.pulses + index
            key = mix(scan.key, pulse)
            swing = (index + 0.5 + 0.3 * (uniform(key, _SWING) - 0.5)) / scan.pulses * 2.0 - 1.0
            theta = scan.half_angle * (swing if line % 2 == 0 else -swing)
            drift = line + index / scan.pulses + 0.3 * (uniform(key, _DRIFT) - 0.5)
            cosine = math.cos(theta)
            aim = Aim(
                scan.track_u,
                scan.first_v + drift * scan.step_v,
                scan.altitude,
                math.sin(theta),
                cosine * sin_look,
                -cosine * cos_look,
            )
            near, far = (aim.z - highest) / -aim.dz, (aim.z + 30.0) / -aim.dz
            if not (_may_hit(lay.edge, aim.u, aim.du, near, far) and _may_hit(lay.edge, aim.v, aim.dv, near, far)):
                continue
            # Follow: what stands in the way, what lets light through, what ends the ray.
            ray = _land(lay, aim, scan.high_ground)
            solid_s, solid, face, n_porous = collect(
                solids, planes, crowns, rods, start, member, ceiling, objects.top, ray, ids, spans
            )
            if uniform(key, _ODD) < scan.low_noise + scan.high_noise:
                n = _noise(scan, ray, solid_s, key, echo)
            else:
                n, energy, last_s = 0, 1.0, 1e9
                if n_porous > 0:
                    _sort_by_entry(ids, spans, n_porous)
                    n, energy, last_s = _through_porous(
                        lay, solids.shape[0], crowns, rods, ray, solid_s, ids, spans, n_porous, key, echo
                    )
                if energy > _FAINT and last_s - solid_s > _RESOLUTION:
                    if solid >= 0:
                        n = _on_solid(solids, planes, ray, (solid_s, solid, face), energy, n, echo)
                    elif ray.wet:
                        n = _on_water(lay, ray, energy, n, key, echo)
                    else:
                        n = _on_ground(lay, ray, energy, n, key, echo)
            # Disturb and write.
            if n == 0 or not _disturb(lay.edge, scan, ray, key, n, echo):
                continue
            for k in range(n):
                o_u[total], o_v[total], o_z[total] = echo[k, 0], echo[k, 1], echo[k, 2]
                o_class[total], o_building[total] = int(echo[k, 6]), int(echo[k, 8])
                intensity, red, green, blue = _looks(echo, k, key)
                o_intensity[total] = intensity
                o_colour[total, 0], o_colour[total, 1], o_colour[total, 2] = red, green, blue
                o_time[total] = scan.start_s + pulse * scan.pulse_s
                o_number[total], o_count[total] = k + 1, n
                o_flags[total] = (64 if line % 2 == 0 else 0) | (128 if index == scan.pulses - 1 else 0)
                o_angle[total] = round(math.degrees(theta) / 0.006)
                total += 1
    return total
