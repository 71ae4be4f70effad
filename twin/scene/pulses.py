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

from twin.scene.chance import mix, normal, rough_normal, uniform
from twin.scene.compiled import cached, compiled
from twin.scene.echoes import (
    ECHO,
    FAINT,
    RESOLUTION,
    Progress,
    end_on_solid,
    on_bed,
    on_open_ground,
    on_water,
    sort_by_entry,
    stray,
    through_porous,
)
from twin.scene.materials import COLOURS, REFLECTANCE
from twin.scene.rays import MAX_POROUS, Aim, Hit, Pulse, Ray, Site, collect, ground_hit
from twin.scene.scan import MAX_RETURNS, Returns, Scan
from twin.scene.terrain import ground_at, is_cliff, is_water

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.scene.layout import Layout

__all__ = ["fire"]

# Purposes of a pulse's draws, and their counters; `normal` takes two. `twin.scene.echoes` has the others.
_SWING, _DRIFT, _ODD, _ERROR_U, _ERROR_V, _RANGE, _SPECKLE, _SHADE = 0, 1, 7, 9, 11, 64, 128, 256


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
def _disturb(edge: float, scan: Scan, ray: Ray, n: int, pulse: Pulse) -> bool:
    """Add a pulse's errors: of range per return, of attitude per pulse, constant per strip; say if all stays inside."""
    key, echo = pulse.key, pulse.echo
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
def _may_hit(edge: float, start: float, slope: float, near: float, far: float) -> bool:
    """Whether a ray's stretch from `near` to `far` touches 0..edge along one axis."""
    first, last = start + slope * near, start + slope * far
    return max(first, last) >= 0.0 and min(first, last) <= edge


@compiled
def _answer(site: Site, scan: Scan, ray: Ray, hit: Hit, pulse: Pulse) -> int:
    """Fill the pulse's table of returns; say how many there are."""
    if scan.sonar:
        return on_bed(site, scan, ray, Progress(0, 1.0, 1e9), pulse) if ray.wet else 0
    if uniform(pulse.key, _ODD) < scan.low_noise + scan.high_noise:
        return stray(scan, ray, hit, pulse)
    progress = Progress(0, 1.0, 1e9)
    if hit.n_porous > 0:
        sort_by_entry(pulse, hit.n_porous)
        progress = through_porous(site, ray, hit, pulse)
    if progress.energy <= FAINT or progress.last_s - hit.s <= RESOLUTION:
        return progress.n
    if hit.solid >= 0:
        return end_on_solid(site, ray, hit, progress, pulse)
    if ray.wet:
        return on_water(site, scan, ray, progress, pulse)
    return on_open_ground(site, scan, ray, progress, pulse)


@cached
def fire(site: Site, scan: Scan, line0: int, line1: int, out: Returns) -> int:
    """Simulate scan lines ``line0 <= line < line1`` of a strip into `out`; return how many returns there are."""
    lay, objects = site.lay, site.objects
    ids, spans = np.empty(MAX_POROUS, np.int64), np.empty((MAX_POROUS, 2))
    echo = np.empty((MAX_RETURNS, ECHO))
    o_u, o_v, o_z, o_time, o_intensity = out.u, out.v, out.z, out.gps_time, out.intensity
    o_number, o_count, o_class, o_flags = out.return_number, out.number_of_returns, out.point_class, out.flags
    o_angle, o_colour, o_building = out.scan_angle, out.colour, out.building
    highest = max(scan.high_ground, objects.top)
    sin_look, cos_look = math.sin(scan.look), math.cos(scan.look)
    total = 0
    for line in range(line0, line1):
        for index in range(scan.pulses):
            # Aim.
            number = line * scan.pulses + index
            key = mix(scan.key, number)
            pulse = Pulse(key, ids, spans, echo)
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
            hit = collect(objects, ray, pulse)
            n = _answer(site, scan, ray, hit, pulse)
            # Disturb and write.
            if n == 0 or not _disturb(lay.edge, scan, ray, n, pulse):
                continue
            for k in range(n):
                o_u[total], o_v[total], o_z[total] = echo[k, 0], echo[k, 1], echo[k, 2]
                o_class[total], o_building[total] = int(echo[k, 6]), int(echo[k, 8])
                intensity, red, green, blue = _looks(echo, k, key)
                o_intensity[total] = intensity
                o_colour[total, 0], o_colour[total, 1], o_colour[total, 2] = red, green, blue
                o_time[total] = scan.start_s + number * scan.pulse_s
                o_number[total], o_count[total] = k + 1, n
                o_flags[total] = (64 if line % 2 == 0 else 0) | (128 if index == scan.pulses - 1 else 0)
                o_angle[total] = round(math.degrees(theta) / 0.006)
                total += 1
    return total
