"""Planes made regular where it costs next to no fit: level, square to the outline, both slopes of a ridge alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pipelines.roofs.directions import Directions, outline_directions
from pipelines.roofs.growing import misfit, moments
from pipelines.roofs.planes import RoofPlanes
from pipelines.roofs.territory import outline_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import Polygon

    from pipelines.roofs.params import RoofParams

__all__ = ["make_regular"]


def make_regular(outline: Polygon, xyz: NDArray[np.float64], planes: RoofPlanes, params: RoofParams) -> RoofPlanes:
    """Level planes that are nearly level, turn the others square to the outline, and give ridges equal slopes.

    Each change is a least-squares fit under the constraint, and is only kept if the misfit that it adds (root of the
    difference of the mean squares) stays below `snap_cost_m` or half the noise.

    Parameters
    ----------
    outline
        Polygon in the frame of the points, metres.
    xyz
        (n, 3) metres.
    planes
        From `find_planes` on these points.
    params
        Largest turns and cost.

    Returns
    -------
    RoofPlanes
        The same planes in the same order with other coefficients.

    Notes
    -----
    About 20 µs a plane; works on sums over the points, not on the points.
    """
    if not planes.n_planes:
        return planes
    sums = moments(xyz, planes.label, planes.n_planes)
    directions = outline_directions(outline_edges(outline))
    allowed = max(params.snap_cost_m, 0.5 * planes.noise_m) ** 2
    coefficients = planes.coefficients.copy()
    for i in range(planes.n_planes):
        coefficients[i] = _square(sums[i], coefficients[i], directions, (params, allowed))
    _pair_slopes(sums, coefficients, allowed)
    return RoofPlanes(coefficients=coefficients, label=planes.label, noise_m=planes.noise_m, spacing_m=planes.spacing_m)


def _square(
    s: NDArray[np.float64],
    plane: NDArray[np.float64],
    directions: Directions,
    limits: tuple[RoofParams, float],
) -> NDArray[np.float64]:
    params, allowed = limits
    now = misfit(s, *plane)
    slope = math.hypot(plane[0], plane[1])
    if slope < math.tan(math.radians(params.level_deg)):
        level = np.array([0.0, 0.0, s[3] / s[0]])
        if misfit(s, *level) - now <= allowed:
            return level
    fall = math.atan2(plane[1], plane[0])
    _, turn = directions.nearest(fall)
    if slope < 0.02 or abs(turn) > math.radians(params.snap_deg):
        return plane
    turned = _along(s, fall + turn)
    return turned if misfit(s, *turned) - now <= allowed * (1.0 + slope**2) else plane


def _along(s: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Fit a plane that falls along a given direction."""
    x, y = math.cos(angle), math.sin(angle)
    n = s[0]
    mean_t, mean_z = (x * s[1] + y * s[2]) / n, s[3] / n
    spread = (x * x * s[4] + 2.0 * x * y * s[5] + y * y * s[7]) / n - mean_t**2
    slope = ((x * s[6] + y * s[8]) / n - mean_t * mean_z) / max(spread, 1e-9)
    return np.array([slope * x, slope * y, mean_z - slope * mean_t])


def _pair_slopes(sums: NDArray[np.float64], coefficients: NDArray[np.float64], allowed: float) -> None:
    """Give planes that fall in opposite directions the same slope, large planes first, each plane once."""
    slope = np.hypot(coefficients[:, 0], coefficients[:, 1])
    taken = slope < 0.05
    for i in range(len(slope)):
        if taken[i]:
            continue
        cosine = (coefficients[:, :2] @ coefficients[i, :2]) / np.maximum(slope * slope[i], 1e-12)
        alike = ~taken & (cosine < -0.9995) & (np.abs(slope - slope[i]) < 0.1)
        for j in np.flatnonzero(alike):
            pair = _joint_slope(sums[i], sums[j], coefficients[i, :2] / slope[i])
            added = [misfit(sums[k], *p) - misfit(sums[k], *coefficients[k]) for k, p in ((i, pair[0]), (j, pair[1]))]
            if max(added) <= allowed * (1.0 + slope[i] ** 2):
                coefficients[i], coefficients[j] = pair
                taken[i] = taken[j] = True
                break


def _joint_slope(
    one: NDArray[np.float64], two: NDArray[np.float64], fall: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit two planes that fall along a direction and against it with one slope."""
    above = below = 0.0
    means = []
    for s, sign in ((one, 1.0), (two, -1.0)):
        x, y = sign * fall
        mean_t, mean_z = (x * s[1] + y * s[2]) / s[0], s[3] / s[0]
        above += x * s[6] + y * s[8] - s[0] * mean_t * mean_z
        below += x * x * s[4] + 2.0 * x * y * s[5] + y * y * s[7] - s[0] * mean_t**2
        means.append((x, y, mean_t, mean_z))
    slope = above / max(below, 1e-9)
    planes = [np.array([slope * x, slope * y, z - slope * t]) for x, y, t, z in means]
    return planes[0], planes[1]
