"""Where a laser's ray meets the scene.

A ray is followed upwards from the place G where it reaches the ground: ``P(s) = G + s * U`` with U the unit vector
towards the sensor. What has the largest s was met first. Prisms are clipped exactly as convex bodies.

The tests of single objects take the tables they read, not the tuple that holds them: taking an array out of a tuple
counts references, which costs more than the intersection. What runs once a pulse takes the tuple.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from twin.scene.compiled import compiled
from twin.scene.objects import BOTTOM, CELL, COS, HALF_P, HALF_Q, N_PLANES, SIN, U, V
from twin.scene.terrain import ground_at, is_cliff

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twin.scene.layout import Layout
    from twin.scene.objects import Objects

__all__ = ["MAX_POROUS", "Aim", "Hit", "Pulse", "Ray", "Site", "collect", "ground_hit"]

MAX_POROUS = 48
"""Crowns and rods that one ray may touch; a closed wood needs about ten."""
_STEEPEST = 6.0
"""Rise of the steepest cliff per metre."""
_ROD_REACH = 0.10
"""Half the beam's width on the ground in metres: a wire this near the ray sends light back."""
_CLOSE = 4e-3
"""Metres between ray and ground at which they meet; far below the noise."""


class Aim(NamedTuple):
    """A ray seen from the sensor: place and unit direction, dz < 0; local frame, heights above T.P."""

    u: float
    v: float
    z: float
    du: float
    dv: float
    dz: float


class Ray(NamedTuple):
    """A ray seen from where it ends: place on the ground or the water, unit vector towards the sensor."""

    gu: float
    gv: float
    gz: float
    uu: float
    uv: float
    uz: float
    wet: bool
    """Whether it ends on water."""
    bed: float
    """Height of the bed straight below the place, if wet."""


class Site(NamedTuple):
    """All that a ray can meet."""

    lay: Layout
    objects: Objects


class Hit(NamedTuple):
    """What a ray meets between the ground and the sensor."""

    s: float
    """Where the first solid is; 0 if there is none."""
    solid: int
    """Its number, or -1."""
    face: int
    """0 to 3 for a wall, 4 + k for roof plane k."""
    n_porous: int
    """Crowns and rods that the ray touches: rows of `Pulse.ids` and `Pulse.spans` in use."""


class Pulse(NamedTuple):
    """One pulse while it is followed: its random key, and tables that the next one writes over."""

    key: np.uint64
    ids: NDArray[np.int64]
    """Crowns and rods touched, numbered as in `Objects`; shape (MAX_POROUS,)."""
    spans: NDArray[np.float64]
    """Where the ray leaves and enters each of them, as s; shape (MAX_POROUS, 2)."""
    echo: NDArray[np.float64]
    """Returns, shape (MAX_RETURNS, ECHO); see `twin.scene.echoes`."""


@compiled
def ground_hit(lay: Layout, aim: Aim, high: float) -> tuple[float, float, float]:
    """Place (u, v, z) where a ray meets the ground; z is the ground's.

    `high` is a height that no ground exceeds. Gentle ground takes a few secant steps; near cliffs the ray is walked
    from above, so that the first crossing is found.
    """
    last_t = (aim.z - high) / -aim.dz
    z = ground_at(lay, aim.u + last_t * aim.du, aim.v + last_t * aim.dv)
    last_gap = high - z
    t = (aim.z - z) / -aim.dz
    u, v = aim.u + t * aim.du, aim.v + t * aim.dv
    if not is_cliff(lay, u, v):
        for _ in range(8):
            z = ground_at(lay, u, v)
            gap = aim.z + t * aim.dz - z
            if abs(gap) < _CLOSE:
                return u, v, z
            if abs(gap - last_gap) < 1e-12:
                break
            step = gap * (t - last_t) / (gap - last_gap)
            last_t, last_gap = t, gap
            t -= step
            u, v = aim.u + t * aim.du, aim.v + t * aim.dv
    return _walk(lay, aim, high)


@compiled
def _walk(lay: Layout, aim: Aim, high: float) -> tuple[float, float, float]:
    """Step by what is surely free: the gap closes no faster than the ray sinks plus the steepest ground rises."""
    closing = -aim.dz + _STEEPEST * math.hypot(aim.du, aim.dv)
    above = (aim.z - high) / -aim.dz
    below = above
    for _ in range(1000):
        gap = aim.z + below * aim.dz - ground_at(lay, aim.u + below * aim.du, aim.v + below * aim.dv)
        if gap <= 0.0:
            break
        above = below
        below += max(gap / closing, 0.01)
    for _ in range(4):
        t = 0.5 * (above + below)
        if aim.z + t * aim.dz > ground_at(lay, aim.u + t * aim.du, aim.v + t * aim.dv):
            above = t
        else:
            below = t
    u, v = aim.u + below * aim.du, aim.v + below * aim.dv
    return u, v, ground_at(lay, u, v)


@compiled
def _prism_hit(solids: NDArray[np.float64], planes: NDArray[np.float64], m: int, ray: Ray) -> tuple[float, int]:
    """Return s where the ray enters prism m from above, and through what: 0 to 3 a wall, 4 + k roof plane k.

    A miss is s = -1.
    """
    c, s = solids[m, COS], solids[m, SIN]
    du, dv = ray.gu - solids[m, U], ray.gv - solids[m, V]
    p0, q0 = du * c + dv * s, dv * c - du * s
    up, uq = ray.uu * c + ray.uv * s, ray.uv * c - ray.uu * s
    low, high, face = 0.0, 1e9, 4
    for side in range(4):
        start = p0 if side < 2 else q0
        slope = up if side < 2 else uq
        half = solids[m, HALF_P] if side < 2 else solids[m, HALF_Q]
        if side % 2 == 1:
            start, slope = -start, -slope
        if slope > 0.0:
            if (half - start) / slope < high:
                high, face = (half - start) / slope, side
        elif slope < 0.0:
            low = max(low, (half - start) / slope)
        elif start > half:
            return -1.0, 0
    low = max(low, (solids[m, BOTTOM] - ray.gz) / ray.uz)
    if low >= high:
        return -1.0, 0
    for k in range(int(solids[m, N_PLANES])):
        sp, sq, top = planes[m, k, 0], planes[m, k, 1], planes[m, k, 2]
        # A ray is always steeper than a roof, so the ray leaves the half space upwards.
        at = (top + sp * p0 + sq * q0 - ray.gz) / (ray.uz - sp * up - sq * uq)
        if at < high:
            high, face = at, 4 + k
    return (high, face) if high > low else (-1.0, 0)


@compiled
def _crown_span(crowns: NDArray[np.float64], m: int, ray: Ray) -> tuple[float, float]:
    """Return s where the ray leaves and enters crown m (upper last); (0, -1) where it passes by."""
    rh, rv = crowns[m, 3], crowns[m, 4]
    a, b, c = (ray.gu - crowns[m, 0]) / rh, (ray.gv - crowns[m, 1]) / rh, (ray.gz - crowns[m, 2]) / rv
    d, e, f = ray.uu / rh, ray.uv / rh, ray.uz / rv
    square = d * d + e * e + f * f
    half = a * d + b * e + c * f
    root = half * half - square * (a * a + b * b + c * c - 1.0)
    if root <= 0.0:
        return 0.0, -1.0
    root = math.sqrt(root)
    return max(0.0, (-half - root) / square), (-half + root) / square


@compiled
def _rod_hit(rods: NDArray[np.float64], m: int, ray: Ray) -> float:
    """Return s where the ray passes rod m within the beam's reach, else -1."""
    eu, ev, ez = rods[m, 3] - rods[m, 0], rods[m, 4] - rods[m, 1], rods[m, 5] - rods[m, 2]
    wu, wv, wz = ray.gu - rods[m, 0], ray.gv - rods[m, 1], ray.gz - rods[m, 2]
    b = ray.uu * eu + ray.uv * ev + ray.uz * ez
    c = eu * eu + ev * ev + ez * ez
    d = ray.uu * wu + ray.uv * wv + ray.uz * wz
    e = eu * wu + ev * wv + ez * wz
    lean = c - b * b
    t = min(max((e - b * d) / lean, 0.0), 1.0) if lean > 1e-9 else 0.0
    s = b * t - d
    ru, rv, rz = wu + s * ray.uu - t * eu, wv + s * ray.uv - t * ev, wz + s * ray.uz - t * ez
    return s if s > 0.0 and ru * ru + rv * rv + rz * rz < _ROD_REACH * _ROD_REACH else -1.0


@compiled
def collect(objects: Objects, ray: Ray, pulse: Pulse) -> Hit:
    """Walk the grid along the ray; find the first solid, and every crown and rod that the ray touches.

    The latter fill `ids` and `spans` of the pulse.
    """
    solids, planes, crowns, rods = objects.solids, objects.planes, objects.crowns, objects.rods
    start, member, ceiling = objects.start, objects.member, objects.ceiling
    ids, spans = pulse.ids, pulse.spans
    n_solids, n_crowns, side = solids.shape[0], crowns.shape[0], objects.side
    best, best_solid, best_face, n = 0.0, -1, 0, 0
    s, s_end = 0.0, (objects.top - ray.gz) / ray.uz
    i, j = math.floor(ray.gu / CELL), math.floor(ray.gv / CELL)
    step_i, step_j = (1 if ray.uu > 0.0 else -1), (1 if ray.uv > 0.0 else -1)
    next_i = ((i + (1 if ray.uu > 0.0 else 0)) * CELL - ray.gu) / ray.uu if abs(ray.uu) > 1e-12 else 1e18
    next_j = ((j + (1 if ray.uv > 0.0 else 0)) * CELL - ray.gv) / ray.uv if abs(ray.uv) > 1e-12 else 1e18
    each_i = CELL / abs(ray.uu) if abs(ray.uu) > 1e-12 else 1e18
    each_j = CELL / abs(ray.uv) if abs(ray.uv) > 1e-12 else 1e18
    while s < s_end:
        cell = j * side + i
        if 0 <= i < side and 0 <= j < side and ceiling[cell] > ray.gz + s * ray.uz:
            for k in range(start[cell], start[cell + 1]):
                m = member[k]
                if m < n_solids:
                    at, face = _prism_hit(solids, planes, m, ray)
                    if at > best:
                        best, best_solid, best_face = at, m, face
                    continue
                if m < n_solids + n_crowns:
                    low, high = _crown_span(crowns, m - n_solids, ray)
                else:
                    high = _rod_hit(rods, m - n_solids - n_crowns, ray)
                    low = high
                known = high <= 0.0 or n >= MAX_POROUS
                for other in range(n):
                    known = known or ids[other] == m
                if not known:
                    ids[n], spans[n, 0], spans[n, 1] = m, low, high
                    n += 1
        if next_i < next_j:
            i, s = i + step_i, next_i
            next_i += each_i
        else:
            j, s = j + step_j, next_j
            next_j += each_j
    return Hit(best, best_solid, best_face, n)
