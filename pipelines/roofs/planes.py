"""Roof planes of one building from its points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.roofs.growing import UNASSIGNED, filled, fit_height, grow, merge, moments, settle
from pipelines.roofs.normals import local_planes, neighbours
from pipelines.roofs.visibility import from_above

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.roofs.params import RoofParams

__all__ = ["RoofPlanes", "find_planes"]

_PULL = 4.0
"""How much a point follows its neighbours, in squared standard deviations; flat between 2 and 8."""
_FEW_NEIGHBOURS = 8
"""Neighbours of the second look, among few points."""
_ROUNDS = 4
"""Most rounds of settling border points and fitting again; two suffice for most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoofPlanes:
    """Planes of one roof, those with most points first."""

    coefficients: NDArray[np.float64]
    """(m, 3): a, b, c of ``z = a x + b y + c`` in the frame of the points, metres."""
    label: NDArray[np.int32]
    """(n,): plane of each point, -1 for walls, outliers and clutter."""
    noise_m: float
    """Standard deviation of the points about their planes, as estimated from the points, metres."""
    spacing_m: float
    """Mean distance between roof points, one over the root of their density, metres."""

    @property
    def n_planes(self) -> int:
        """Number of planes."""
        return len(self.coefficients)


def find_planes(xyz: NDArray[np.float64], params: RoofParams) -> RoofPlanes:
    """Find the planes that a building's points lie on.

    Planes grow from the flattest points over neighbours that are close and turned alike; walls grow too, so that their
    points are used up, and are dropped. Neighbouring planes that one plane fits are joined, points at the borders go
    to the plane that fits them best, and what lies far below other roof points (floors, balconies) is dropped. It
    fails where a roof is curved (it comes out in strips) and where a plane has fewer points than `min_plane_points`.

    Parameters
    ----------
    xyz
        (n, 3) metres, sorted by x, y, z, relative to an origin near by; walls, trees and chimneys included.
    params
        Thresholds.

    Returns
    -------
    RoofPlanes
        Perhaps without any plane.

    Notes
    -----
    About 2 µs a point. The result does not depend on the order of the points as long as they are sorted.
    """
    k = params.n_neighbours
    if len(xyz) <= k:
        return _nothing(len(xyz), params)
    index, radius = neighbours(xyz, k)
    normals, spread = local_planes(xyz, index)
    noise, spacing = _noise(spread, normals, params), _spacing(radius, normals, k)
    reach = max(params.grow_sigmas * noise, params.grow_floor_m)
    fewest = max(params.min_plane_points, math.ceil(params.min_plane_m2 / spacing**2))
    upward = math.cos(math.radians(params.wall_slope_deg))
    order = np.argsort(spread, kind="stable")
    order = order[spread[order] <= max(2.0 * noise, params.grow_floor_m)]
    angle = math.cos(math.radians(params.grow_angle_deg))
    label, n_planes = grow(xyz, index, normals, order, (reach, angle, upward, fewest))
    tolerance = max(params.merge_m, 1.5 * noise)
    for _ in range(_ROUNDS):
        label, n_planes = merge(xyz, index, label, n_planes, tolerance)
        coefficients = _fit(xyz, label, n_planes)
        changed = settle(xyz, index, label, coefficients, (noise, reach, _PULL))
        label, n_planes = _keep(label, n_planes, fewest, params.max_planes)
        if changed <= len(xyz) // 200:
            break
    label, n_planes = _second_look(xyz, label, n_planes, (noise, reach, angle, upward, fewest))
    coefficients = _fit(xyz, label, n_planes)
    settle(xyz, index, label, coefficients, (noise, reach, _PULL))
    seen = from_above(xyz, label, n_planes, max(1.5 * spacing, 0.5), params.hidden_m)
    seen &= filled(index, label, n_planes) >= params.min_filled
    label[(label >= 0) & ~np.append(seen, True)[np.maximum(label, -1)]] = UNASSIGNED
    label, n_planes = _keep(label, n_planes, fewest, params.max_planes)
    coefficients = _fit(xyz, label, n_planes)
    label = np.maximum(label, UNASSIGNED)
    return RoofPlanes(coefficients=coefficients, label=label, noise_m=noise, spacing_m=spacing)


def _second_look(
    xyz: NDArray[np.float64], label: NDArray[np.int32], n_planes: int, limits: tuple[float, float, float, float, int]
) -> tuple[NDArray[np.int32], int]:
    """Grow planes among the points that are left, with neighbours among these alone.

    The first neighbours of a small dormer's points lie on the roof behind it, and spoil its normals.
    """
    noise, reach, angle, upward, fewest = limits
    left = np.flatnonzero(label == UNASSIGNED)
    if len(left) <= max(fewest, _FEW_NEIGHBOURS):
        return label, n_planes
    rest = np.ascontiguousarray(xyz[left])
    index, _ = neighbours(rest, _FEW_NEIGHBOURS)
    normals, spread = local_planes(rest, index)
    order = np.argsort(spread, kind="stable")
    order = order[spread[order] <= max(2.0 * noise, 0.5 * reach)]
    found, n_found = grow(rest, index, normals, order, (reach, angle, upward, fewest))
    label[left[found >= 0]] = found[found >= 0] + n_planes
    return label, n_planes + n_found


def _nothing(n: int, params: RoofParams) -> RoofPlanes:
    return RoofPlanes(
        coefficients=np.empty((0, 3)),
        label=np.full(n, UNASSIGNED, np.int32),
        noise_m=params.noise_floor_m,
        spacing_m=1.0,
    )


def _noise(spread: NDArray[np.float64], normals: NDArray[np.float64], params: RoofParams) -> float:
    """Two fifths of the way up: ridges, chimneys and trees spoil more than half of some roofs' neighbourhoods."""
    roof = np.sort(spread[normals[:, 2] > 0.3])
    if not len(roof):
        return params.noise_ceiling_m
    return float(np.clip(roof[int(0.4 * len(roof))], params.noise_floor_m, params.noise_ceiling_m))


def _spacing(radius: NDArray[np.float64], normals: NDArray[np.float64], k: int) -> float:
    """Spacing of the roof points from the circle that holds the k nearest."""
    roof = np.sort(radius[normals[:, 2] > 0.5])
    if not len(roof):
        roof = np.sort(radius)
    return float(np.clip(roof[len(roof) // 2] * math.sqrt(math.pi / k), 0.05, 2.0))


def _fit(xyz: NDArray[np.float64], label: NDArray[np.int32], n_planes: int) -> NDArray[np.float64]:
    sums = moments(xyz, label, n_planes)
    return np.array([fit_height(row)[:3] for row in sums]).reshape(n_planes, 3)


def _keep(label: NDArray[np.int32], n_planes: int, fewest: int, most: int) -> tuple[NDArray[np.int32], int]:
    """Drop planes with too few points and number the rest by how many they have, equal ones by their first point."""
    count = np.bincount(label[label >= 0], minlength=n_planes)
    rank = np.argsort(-count, kind="stable")[:most]
    rank = rank[count[rank] >= fewest]
    fresh = np.full(n_planes + 2, UNASSIGNED, np.int32)
    fresh[rank] = np.arange(len(rank), dtype=np.int32)
    fresh[-2] = -2  # walls stay walls
    return fresh[label], len(rank)
