"""Where a laser's ray meets the scene.

A ray is followed upwards from the place G where it reaches the ground: ``P(s) = G + s * U`` with U the unit vector
towards the sensor. What has the largest s was met first. Prisms are clipped exactly as convex bodies.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.scene.layout import Layout
from twin.scene.objects import CELL, Objects, Solids
from twin.scene.terrain import ground_at, is_cliff

__all__ = ["MAX_POROUS", "collect", "ellipsoid_span", "ground_hit", "prism_hit"]

MAX_POROUS = 48
"""Crowns and rods that one ray may touch; a closed wood needs about ten."""
_STEEPEST = 6.0
"""Rise of the steepest cliff per metre."""
_ROD_REACH = 0.10
"""Half the beam's width on the ground in metres: a wire this near the ray sends light back."""


@njit
def ground_hit(
    lay: Layout, su: float, sv: float, sz: float, du: float, dv: float, dz: float, high: float
) -> tuple[float, float, float]:
    """Place (u, v, z) where a ray from (su, sv, sz) along (du, dv, dz), dz < 0, meets the ground; z is the ground's.

    `high` is a height that no ground exceeds. Gentle ground takes a few secant steps; near cliffs the ray is walked
    from above, so that the first crossing is found.
    """
    t0 = (sz - high) / -dz
    z = ground_at(lay, su + t0 * du, sv + t0 * dv)
    t = (sz - z) / -dz
    u, v = su + t * du, sv + t * dv
    if not is_cliff(lay, u, v):
        last_t, last_gap = t0, high - z
        for _ in range(8):
            z = ground_at(lay, u, v)
            gap = sz + t * dz - z
            if abs(gap) < 4e-3:
                return u, v, z
            if abs(gap - last_gap) < 1e-12:
                break
            step = gap * (t - last_t) / (gap - last_gap)
            last_t, last_gap = t, gap
            t -= step
            u, v = su + t * du, sv + t * dv
    return _walk(lay, su, sv, sz, du, dv, dz, high)


@njit
def _walk(
    lay: Layout, su: float, sv: float, sz: float, du: float, dv: float, dz: float, high: float
) -> tuple[float, float, float]:
    """Step by what is surely free: the gap closes no faster than the ray sinks plus the steepest ground rises."""
    closing = -dz + _STEEPEST * math.hypot(du, dv)
    above = (sz - high) / -dz
    below = above
    for _ in range(1000):
        gap = sz + below * dz - ground_at(lay, su + below * du, sv + below * dv)
        if gap <= 0.0:
            break
        above = below
        below += max(gap / closing, 0.01)
    for _ in range(4):
        t = 0.5 * (above + below)
        if sz + t * dz > ground_at(lay, su + t * du, sv + t * dv):
            above = t
        else:
            below = t
    u, v = su + below * du, sv + below * dv
    return u, v, ground_at(lay, u, v)


@njit
def prism_hit(
    solids: Solids, m: int, gu: float, gv: float, gz: float, uu: float, uv: float, uz: float
) -> tuple[float, int]:
    """Return s where the ray enters prism m from above, and through what: 0 to 3 a wall, 4 + k roof plane k.

    A miss is s = -1.
    """
    place = solids.place
    c, s = place[m, 2], place[m, 3]
    p0 = (gu - place[m, 0]) * c + (gv - place[m, 1]) * s
    q0 = (gv - place[m, 1]) * c - (gu - place[m, 0]) * s
    up, uq = uu * c + uv * s, uv * c - uu * s
    low, high, face = 0.0, 1e9, 4
    for side in range(4):
        start = p0 if side < 2 else q0
        slope = up if side < 2 else uq
        half = place[m, 4] if side < 2 else place[m, 5]
        if side % 2 == 1:
            start, slope = -start, -slope
        if slope > 0.0:
            if (half - start) / slope < high:
                high, face = (half - start) / slope, side
        elif slope < 0.0:
            low = max(low, (half - start) / slope)
        elif start > half:
            return -1.0, 0
    low = max(low, (place[m, 6] - gz) / uz)
    for k in range(solids.n_planes[m]):
        sp, sq, top = solids.planes[m, k, 0], solids.planes[m, k, 1], solids.planes[m, k, 2]
        gap = gz - (top + sp * p0 + sq * q0)
        slope = uz - sp * up - sq * uq
        # A ray is always steeper than a roof, so slope > 0.
        if -gap / slope < high:
            high, face = -gap / slope, 4 + k
    return (high, face) if high > low else (-1.0, 0)


@njit
def ellipsoid_span(
    crowns: NDArray[np.float64], m: int, gu: float, gv: float, gz: float, uu: float, uv: float, uz: float
) -> tuple[float, float]:
    """Return s where the ray leaves and enters crown m (upper last); (0, -1) where it passes by."""
    rh, rv = crowns[m, 3], crowns[m, 4]
    a, b, c = (gu - crowns[m, 0]) / rh, (gv - crowns[m, 1]) / rh, (gz - crowns[m, 2]) / rv
    d, e, f = uu / rh, uv / rh, uz / rv
    square = d * d + e * e + f * f
    half = a * d + b * e + c * f
    root = half * half - square * (a * a + b * b + c * c - 1.0)
    if root <= 0.0:
        return 0.0, -1.0
    root = math.sqrt(root)
    return max(0.0, (-half - root) / square), (-half + root) / square


@njit
def _rod_hit(
    ends: NDArray[np.float64], m: int, gu: float, gv: float, gz: float, uu: float, uv: float, uz: float
) -> float:
    """Return s where the ray passes rod m within the beam's reach, else -1."""
    eu, ev, ez = ends[m, 3] - ends[m, 0], ends[m, 4] - ends[m, 1], ends[m, 5] - ends[m, 2]
    wu, wv, wz = gu - ends[m, 0], gv - ends[m, 1], gz - ends[m, 2]
    b = uu * eu + uv * ev + uz * ez
    c = eu * eu + ev * ev + ez * ez
    d = uu * wu + uv * wv + uz * wz
    e = eu * wu + ev * wv + ez * wz
    lean = c - b * b
    t = min(max((e - b * d) / lean, 0.0), 1.0) if lean > 1e-9 else 0.0
    s = b * t - d
    ru, rv, rz = wu + s * uu - t * eu, wv + s * uv - t * ev, wz + s * uz - t * ez
    return s if s > 0.0 and ru * ru + rv * rv + rz * rz < _ROD_REACH * _ROD_REACH else -1.0


@njit
def collect(
    objects: Objects, gu: float, gv: float, gz: float, uu: float, uv: float, uz: float,
    ids: NDArray[np.int64], spans: NDArray[np.float64],
) -> tuple[float, int, int, int]:  # fmt: skip
    """Walk the grid along the ray; find the first solid, and every crown and rod that the ray touches.

    Returns s of the first solid (0: none), its number, its face, and how many rows of `ids` (shape (k,), the objects)
    and `spans` (shape (k, 2), where the ray leaves and enters them) were filled.
    """
    n_solids, n_crowns = objects.solids.place.shape[0], objects.crowns.shape[0]
    best, best_solid, best_face, n = 0.0, -1, 0, 0
    s_end = (objects.top - gz) / uz
    side = objects.side
    i, j = int(math.floor(gu / CELL)), int(math.floor(gv / CELL))
    step_i, step_j = (1 if uu > 0.0 else -1), (1 if uv > 0.0 else -1)
    next_i = ((i + (1 if uu > 0.0 else 0)) * CELL - gu) / uu if abs(uu) > 1e-12 else 1e18
    next_j = ((j + (1 if uv > 0.0 else 0)) * CELL - gv) / uv if abs(uv) > 1e-12 else 1e18
    each_i = CELL / abs(uu) if abs(uu) > 1e-12 else 1e18
    each_j = CELL / abs(uv) if abs(uv) > 1e-12 else 1e18
    s = 0.0
    while s < s_end:
        if 0 <= i < side and 0 <= j < side:
            cell = j * side + i
            if objects.ceiling[cell] > gz + s * uz:
                for k in range(objects.start[cell], objects.start[cell + 1]):
                    m = objects.member[k]
                    if m < n_solids:
                        at, face = prism_hit(objects.solids, m, gu, gv, gz, uu, uv, uz)
                        if at > best:
                            best, best_solid, best_face = at, m, face
                        continue
                    low, high = 0.0, -1.0
                    if m < n_solids + n_crowns:
                        low, high = ellipsoid_span(objects.crowns, m - n_solids, gu, gv, gz, uu, uv, uz)
                    else:
                        high = _rod_hit(objects.rods.ends, m - n_solids - n_crowns, gu, gv, gz, uu, uv, uz)
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
    return best, best_solid, best_face, n
