"""One laser pulse after another: what comes back, in which order, how bright, of which class.

The kernel's shape: for each pulse of a run of scan lines - aim; reach the ground; collect what stands in the way; lose
light in crowns and at wires; end on a solid, on water (and below it) or on the ground; add noise; keep the pulse if all
of its returns lie inside the scene. Every draw is a function of (seed, strip, pulse), so order and blocks change nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.points import PointClass
from twin.scene.chance import mix, normal, uniform
from twin.scene.layout import HILLS, Layout
from twin.scene.materials import BIRD, COLOURS, LEAF, REFLECTANCE, ROOF_CONCRETE, ROOF_METAL, ROOF_TILE, STEEL, WALL
from twin.scene.materials import WATER, WIRE
from twin.scene.objects import Objects
from twin.scene.rays import MAX_POROUS, collect, ground_hit
from twin.scene.terrain import SAND, cover_at, ground_at, is_water

__all__ = ["Returns", "Scan", "empty_returns", "fire"]

_GROUND, _BUILDING = int(PointClass.GROUND), int(PointClass.BUILDING)
_LOW, _MEDIUM, _HIGH = (
    int(c) for c in (PointClass.LOW_VEGETATION, PointClass.MEDIUM_VEGETATION, PointClass.HIGH_VEGETATION)
)
_WATER, _SURFACE, _SEABED = int(PointClass.WATER), int(PointClass.WATER_SURFACE), int(PointClass.SEABED)
_WIRE, _LOW_NOISE, _HIGH_NOISE = int(PointClass.WIRE), int(PointClass.LOW_NOISE), int(PointClass.HIGH_NOISE)

_MAX_RETURNS = 6
_RESOLUTION = 0.7
"""Least distance between two returns of one pulse, metres: about half a pulse of 5 ns."""
_N_WATER = 1.333
"""Refractive index of sea water for green light."""
_SHRUB_TOP, _LOW_TOP = 1.5, 0.5
"""Heights above ground that part high, medium and low vegetation, metres (IGN's LiDAR HD)."""
_SUN = (-0.45, 0.45, 0.77)
_BUFFER = 512


class Scan(NamedTuple):
    """How a strip is flown and sensed; plain numbers for the kernel."""

    key: int
    """Random key of the strip."""
    strip: int
    track_u: float
    first_v: float
    """Place of the first scan line on the track, local frame."""
    step_v: float
    """From line to line, negative when flying south."""
    altitude: float
    """Of the sensor above T.P."""
    pulses: int
    """Pulses of a line."""
    half_angle: float
    """Half field of view, radians."""
    look: float
    """Tilt of the scan plane towards the north, radians; negative towards the south."""
    start_s: float
    """GPS time of the first pulse."""
    pulse_s: float
    """Time between pulses."""
    offset_u: float
    offset_v: float
    offset_z: float
    """The strip's constant error."""
    range_noise: float
    position_noise: float
    low_noise: float
    high_noise: float
    high_ground: float
    """A height that no ground exceeds."""


class Returns(NamedTuple):
    """Columns that the kernel fills, in the order of GPS time; local frame."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    z: NDArray[np.float64]
    gps_time: NDArray[np.float64]
    intensity: NDArray[np.uint16]
    return_number: NDArray[np.uint8]
    number_of_returns: NDArray[np.uint8]
    point_class: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    scan_angle: NDArray[np.int16]
    colour: NDArray[np.uint16]
    """Shape (n, 3)."""
    building: NDArray[np.int32]
    """Building that was hit, counted from 1; 0 elsewhere."""


def empty_returns(n_pulses: int) -> Returns:
    """Return room for all that `n_pulses` may send back; untouched memory costs nothing."""
    n = n_pulses * _MAX_RETURNS
    f8 = [np.empty(n) for _ in range(4)]
    return Returns(
        *f8, np.empty(n, np.uint16), np.empty(n, np.uint8), np.empty(n, np.uint8), np.empty(n, np.uint8),
        np.empty(n, np.uint8), np.empty(n, np.int16), np.empty((n, 3), np.uint16), np.empty(n, np.int32),
    )  # fmt: skip


@njit
def _hit_of_light(material: int) -> float:
    return REFLECTANCE[material]  # type: ignore[no-any-return]


@njit
def _vegetation(above: float) -> int:
    return _HIGH if above > _SHRUB_TOP else (_MEDIUM if above > _LOW_TOP else _LOW)


@njit
def _lit(nu: float, nv: float, nz: float) -> float:
    """Share of sunlight on a face with a unit normal."""
    return 0.55 + 0.45 * max(0.0, nu * _SUN[0] + nv * _SUN[1] + nz * _SUN[2])


@njit
def _solid_normal(objects: Objects, m: int, face: int) -> tuple[float, float, float]:
    c, s = objects.solids.place[m, 2], objects.solids.place[m, 3]
    if face < 4:
        sign = 1.0 if face % 2 == 0 else -1.0
        return (sign * c, sign * s, 0.0) if face < 2 else (-sign * s, sign * c, 0.0)
    sp, sq = objects.solids.planes[m, face - 4, 0], objects.solids.planes[m, face - 4, 1]
    norm = 1.0 / math.sqrt(1.0 + sp * sp + sq * sq)
    return -(sp * c - sq * s) * norm, -(sp * s + sq * c) * norm, norm


@njit
def _sort_by_entry(ids: NDArray[np.int64], spans: NDArray[np.float64], n: int) -> None:
    """Insertion sort: first met first; equal entries by number."""
    for i in range(1, n):
        m, low, high = ids[i], spans[i, 0], spans[i, 1]
        j = i - 1
        while j >= 0 and (spans[j, 1] < high or (spans[j, 1] == high and ids[j] > m)):
            ids[j + 1], spans[j + 1, 0], spans[j + 1, 1] = ids[j], spans[j, 0], spans[j, 1]
            j -= 1
        ids[j + 1], spans[j + 1, 0], spans[j + 1, 1] = m, low, high


@njit(cache=True, nogil=True)
def fire(lay: Layout, objects: Objects, scan: Scan, line0: int, line1: int, out: Returns) -> int:
    """Simulate scan lines ``line0 <= line < line1`` of a strip into `out`; return how many returns there are."""
    ids, spans = np.empty(MAX_POROUS, np.int64), np.empty((MAX_POROUS, 2))
    n_solids, n_crowns = objects.solids.place.shape[0], objects.crowns.shape[0]
    # One pulse's returns: u, v, z, energy, lit; class, material, owner.
    where, what = np.empty((_MAX_RETURNS, 6)), np.empty((_MAX_RETURNS, 3), np.int64)
    green = lay.kind != HILLS
    total = 0
    for line in range(line0, line1):
        for index in range(scan.pulses):
            pulse = line * scan.pulses + index
            key = mix(scan.key, pulse)
            # Aim.
            swing = (index + 0.5 + 0.3 * (uniform(key, 0) - 0.5)) / scan.pulses * 2.0 - 1.0
            if line % 2 == 1:
                swing = -swing
            theta = scan.half_angle * swing
            du = math.sin(theta)
            dv, dz = math.cos(theta) * math.sin(scan.look), -math.cos(theta) * math.cos(scan.look)
            su, sz = scan.track_u, scan.altitude
            sv = scan.first_v + (line + index / scan.pulses + 0.3 * (uniform(key, 1) - 0.5)) * scan.step_v
            # A quick look whether the pulse can land inside at all.
            reach = (sz + 30.0) / -dz
            near = (sz - max(scan.high_ground, objects.top)) / -dz
            if max(su + du * reach, su + du * near) < 0.0 or min(su + du * reach, su + du * near) > lay.edge:
                continue
            if max(sv + dv * reach, sv + dv * near) < 0.0 or min(sv + dv * reach, sv + dv * near) > lay.edge:
                continue
            gu, gv, gz = ground_hit(lay, su, sv, sz, du, dv, dz, scan.high_ground)
            uu, uv, uz = -du, -dv, -dz
            bed_u, bed_v, bed_z = gu, gv, gz
            wet = is_water(lay, gu, gv, gz)
            if wet:
                # The ray bends at the surface: go back up to it, then down along the refracted direction.
                s = (lay.water - gz) / uz
                gu, gv, gz = gu + s * uu, gv + s * uv, lay.water
            solid_s, solid, face, n_porous = collect(objects, gu, gv, gz, uu, uv, uz, ids, spans)
            _sort_by_entry(ids, spans, n_porous)
            n = 0
            energy = 1.0
            draw = 16
            # Porous things, first met first.
            last_s = 1e9
            for k in range(n_porous):
                m = ids[k]
                if energy < 0.12 or n >= _MAX_RETURNS - 2:
                    break
                if m >= n_solids + n_crowns:
                    s = spans[k, 1]
                    if s > solid_s and last_s - s > _RESOLUTION:
                        rod = m - n_solids - n_crowns
                        cls = int(objects.rods.point_class[rod])
                        where[n, 0], where[n, 1], where[n, 2] = gu + s * uu, gv + s * uv, gz + s * uz
                        share = 0.25 if cls == _WIRE else 0.55
                        where[n, 3], where[n, 4], where[n, 5] = energy * share, 0.8, 0.5
                        what[n, 0], what[n, 1], what[n, 2] = cls, (WIRE if cls == _WIRE else STEEL), 0
                        energy *= 1.0 - share
                        last_s = s
                        n += 1
                    continue
                crown = m - n_solids
                s = min(spans[k, 1], last_s - _RESOLUTION)
                floor = max(spans[k, 0], solid_s)
                while n < _MAX_RETURNS - 2 and energy > 0.12:
                    s -= -math.log(1.0 - uniform(key, draw)) / objects.crowns[crown, 5]
                    share = 0.25 + 0.65 * uniform(key, draw + 1)
                    draw += 2
                    if s <= floor:
                        break
                    pu, pv, pz = gu + s * uu, gv + s * uv, gz + s * uz
                    above = pz - ground_at(lay, pu, pv)
                    if above < 0.05:
                        break
                    where[n, 0], where[n, 1], where[n, 2] = pu, pv, pz
                    where[n, 3], where[n, 4] = energy * share, 0.65 + 0.35 * s / max(spans[k, 1], 0.1)
                    where[n, 5] = objects.crowns[crown, 6]
                    what[n, 0], what[n, 1], what[n, 2] = _vegetation(above), LEAF, 0
                    energy *= 1.0 - share
                    last_s = s
                    s -= _RESOLUTION
                    n += 1
            # What ends the pulse.
            if energy > 0.12 or n == 0:
                if solid_s > 0.0:
                    if last_s - solid_s > _RESOLUTION or n == 0:
                        nu, nv, nz = _solid_normal(objects, solid, face)
                        material = int(objects.solids.material[solid])
                        if face < 4 and (material == ROOF_TILE or material == ROOF_METAL or material == ROOF_CONCRETE):
                            material = WALL
                        facing = max(0.15, nu * uu + nv * uv + nz * uz)
                        where[n, 0], where[n, 1], where[n, 2] = gu + solid_s * uu, gv + solid_s * uv, gz + solid_s * uz
                        where[n, 3], where[n, 4], where[n, 5] = (
                            energy * facing,
                            _lit(nu, nv, nz),
                            objects.solids.tint[solid],
                        )
                        what[n, 0], what[n, 1] = int(objects.solids.point_class[solid]), material
                        what[n, 2] = int(objects.solids.owner[solid])
                        n += 1
                elif wet:
                    # Specular water: the surface answers more often near the nadir; the bed through what it lets pass.
                    if uniform(key, 2) < (0.9 if green else 0.35) * uz ** (6 if green else 40):
                        where[n, 0], where[n, 1] = gu, gv
                        where[n, 2] = lay.water + 0.015 * math.sin(0.9 * gu + 0.4 * gv) + 0.01 * normal(key, 3)
                        where[n, 3], where[n, 4], where[n, 5] = energy * uz**8, 0.9, uniform(key, 5)
                        what[n, 0], what[n, 1], what[n, 2] = (_SURFACE if green else _WATER), WATER, 0
                        n += 1
                    depth = lay.water - bed_z
                    if green and depth > 0.25 and uniform(key, 6) < 0.92 * math.exp(-0.09 * depth):
                        bent = math.sqrt(du * du + dv * dv) / _N_WATER
                        run = bent / math.sqrt(1.0 - bent * bent) / max(1e-9, math.sqrt(du * du + dv * dv))
                        bed_u, bed_v = gu + du * run * depth, gv + dv * run * depth
                        bed_z = ground_at(lay, bed_u, bed_v)
                        for _ in range(3):
                            depth = lay.water - bed_z
                            bed_u, bed_v = gu + du * run * depth, gv + dv * run * depth
                            bed_z = ground_at(lay, bed_u, bed_v)
                        if bed_z < lay.water - 0.2:
                            where[n, 0], where[n, 1], where[n, 2] = bed_u, bed_v, bed_z
                            where[n, 3], where[n, 4], where[n, 5] = 0.7 * energy * math.exp(-0.18 * depth), 0.7, 0.4
                            what[n, 0], what[n, 1], what[n, 2] = _SEABED, SAND, 0
                            n += 1
                elif last_s > _RESOLUTION:
                    where[n, 0], where[n, 1], where[n, 2] = gu, gv, gz
                    where[n, 3], where[n, 4], where[n, 5] = energy * uz, 0.95, uniform(key, 5)
                    what[n, 0], what[n, 1], what[n, 2] = _GROUND, cover_at(lay, gu, gv, gz), 0
                    n += 1
            # Noise takes the whole pulse.
            odd = uniform(key, 7)
            if odd < scan.low_noise + scan.high_noise:
                high = odd >= scan.low_noise
                far = 20.0 + 50.0 * uniform(key, 8) if high else -(1.0 + 7.0 * uniform(key, 8) ** 2)
                s = (max(solid_s, 0.0) if high else 0.0) + far / uz
                where[0, 0], where[0, 1], where[0, 2] = gu + s * uu, gv + s * uv, gz + s * uz
                where[0, 3], where[0, 4], where[0, 5] = 0.4, 0.6, 0.5
                what[0, 0], what[0, 1], what[0, 2] = (_HIGH_NOISE if high else _LOW_NOISE), BIRD, 0
                n = 1
            if n == 0:
                continue
            # Errors: of attitude once a pulse, of range once a return; then the strip's constant one.
            eu = scan.offset_u + scan.position_noise * normal(key, 9)
            ev = scan.offset_v + scan.position_noise * normal(key, 11)
            inside = True
            for k in range(n):
                error = scan.range_noise * normal(key, 64 + 2 * k)
                where[k, 0] += eu + error * du
                where[k, 1] += ev + error * dv
                where[k, 2] += scan.offset_z + error * dz
                inside = inside and 0.0 <= where[k, 0] < lay.edge and 0.0 <= where[k, 1] < lay.edge
            if not inside:
                continue
            flags = 64 if line % 2 == 0 else 0
            if index == scan.pulses - 1:
                flags |= 128
            angle = int(round(math.degrees(theta) / 0.006))
            for k in range(n):
                i = total
                total += 1
                material = what[k, 1]
                out.u[i], out.v[i], out.z[i] = where[k, 0], where[k, 1], where[k, 2]
                out.gps_time[i] = scan.start_s + pulse * scan.pulse_s
                speckle = 1.0 + 0.08 * normal(key, 128 + 2 * k)
                light = _hit_of_light(material) * where[k, 3] * speckle
                out.intensity[i] = int(min(max(light * 40000.0, 1.0), 65535.0))
                out.return_number[i], out.number_of_returns[i] = k + 1, n
                out.point_class[i], out.flags[i] = what[k, 0], flags
                out.scan_angle[i] = angle
                out.building[i] = what[k, 2]
                shade = where[k, 4] * (1.0 + 0.03 * normal(key, 256 + 2 * k))
                for band in range(3):
                    dark, light_ = COLOURS[material, 0, band], COLOURS[material, 1, band]
                    value = min(max((dark + (light_ - dark) * where[k, 5]) * shade, 0.0), 255.0)
                    out.colour[i, band] = int(value) * 257
    return total
