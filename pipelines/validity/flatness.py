"""The plane of a face, its vertices in that plane, and how far they are from it."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from pipelines.validity.predicates import normal_of

__all__ = ["lay_flat", "normals_apart"]

_SWEEPS = 12


@nb.njit(cache=True)
def _smallest_axis(m: Any) -> tuple[float, float, float]:
    """Eigenvector of the smallest eigenvalue of a symmetric 3 x 3 matrix (overwritten), by Jacobi's rotations."""
    axes = np.zeros((3, 3))
    for k in range(3):
        axes[k, k] = 1.0
    for _ in range(_SWEEPS):
        off = m[0, 1] ** 2 + m[0, 2] ** 2 + m[1, 2] ** 2
        if off <= 1e-32 * (m[0, 0] ** 2 + m[1, 1] ** 2 + m[2, 2] ** 2):
            break
        for p in range(2):
            for q in range(p + 1, 3):
                if m[p, q] == 0.0:
                    continue
                ratio = (m[q, q] - m[p, p]) / (2.0 * m[p, q])
                t = (1.0 if ratio >= 0.0 else -1.0) / (abs(ratio) + np.sqrt(ratio * ratio + 1.0))
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                for k in range(3):
                    m[k, p], m[k, q] = c * m[k, p] - s * m[k, q], s * m[k, p] + c * m[k, q]
                for k in range(3):
                    m[p, k], m[q, k] = c * m[p, k] - s * m[q, k], s * m[p, k] + c * m[q, k]
                for k in range(3):
                    axes[k, p], axes[k, q] = c * axes[k, p] - s * axes[k, q], s * axes[k, p] + c * axes[k, q]
    at = 0 if m[0, 0] <= m[1, 1] else 1
    at = at if m[at, at] <= m[2, 2] else 2
    return axes[0, at], axes[1, at], axes[2, at]


@nb.njit(cache=True)
def _across(nx: float, ny: float, nz: float) -> tuple[float, float, float]:
    """Turn the axis that the normal has least of into a unit vector square to both."""
    x, y, z = abs(nx), abs(ny), abs(nz)
    if x <= y and x <= z:
        ux, uy, uz = 0.0, -nz, ny
    elif y <= z:
        ux, uy, uz = nz, 0.0, -nx
    else:
        ux, uy, uz = -ny, nx, 0.0
    length = np.sqrt(ux * ux + uy * uy + uz * uz)
    return ux / length, uy / length, uz / length


@nb.njit(cache=True)
def lay_flat(points: Any, corners: Any, n_outer: int) -> Any:
    """Lay a face into its plane of least squares through all corners.

    Parameters
    ----------
    points
        Shape (n, 3), whole steps.
    corners
        Vertices of all rings of the face, the outer ring first.
    n_outer
        Corners of the outer ring.

    Returns
    -------
    tuple
        Shape (corners, 2): steps from the corners' mean, the outer ring counter-clockwise; largest distance of a
        corner from the plane, steps.
    """
    n = len(corners)
    origin = corners[0]
    local = np.empty((n, 3))
    mean = np.zeros(3)
    for k in range(n):
        for i in range(3):
            local[k, i] = points[corners[k], i] - points[origin, i]
            mean[i] += local[k, i] / n
    spread = np.zeros((3, 3))
    for k in range(n):
        for i in range(3):
            local[k, i] -= mean[i]
        for i in range(3):
            for j in range(3):
                spread[i, j] += local[k, i] * local[k, j]
    nx, ny, nz = _smallest_axis(spread)
    ux, uy, uz = _across(nx, ny, nz)
    vx, vy, vz = ny * uz - nz * uy, nz * ux - nx * uz, nx * uy - ny * ux
    uv = np.empty((n, 2))
    bulge = 0.0
    for k in range(n):
        x, y, z = local[k, 0], local[k, 1], local[k, 2]
        uv[k, 0], uv[k, 1] = x * ux + y * uy + z * uz, x * vx + y * vy + z * vz
        bulge = max(bulge, abs(x * nx + y * ny + z * nz))
    area = 0.0
    for k in range(n_outer):
        after = k + 1 if k + 1 < n_outer else 0
        area += uv[k, 0] * uv[after, 1] - uv[k, 1] * uv[after, 0]
    if area < 0.0:
        for k in range(n):
            uv[k, 1] = -uv[k, 1]
    return uv, bulge


@nb.njit(cache=True)
def normals_apart(points: Any, triangles: Any, limit: float) -> float:
    """Largest angle between the normals of two triangles, radians; triangles without area have none.

    All pairs are compared only if some normal is more than half the limit away from the largest triangle's; otherwise
    none can be beyond the limit, and the largest angle to that triangle is returned.
    """
    n = len(triangles)
    normals = np.empty((n, 3))
    n_kept, largest, most = 0, 0, 0.0
    for t in range(n):
        x, y, z = normal_of(points, triangles[t, 0], triangles[t, 1], triangles[t, 2])
        length = np.sqrt(x * x + y * y + z * z)
        if length == 0.0:
            continue
        normals[n_kept, 0], normals[n_kept, 1], normals[n_kept, 2] = x / length, y / length, z / length
        if length > most:
            most, largest = length, n_kept
        n_kept += 1
    reach = 0.0
    for t in range(n_kept):
        reach = max(reach, _angle(normals, t, largest))
    if 2.0 * reach <= limit or n_kept < 3:
        return reach
    for t in range(n_kept):
        for s in range(t):
            reach = max(reach, _angle(normals, t, s))
    return reach


@nb.njit(cache=True)
def _angle(normals: Any, i: int, j: int) -> float:
    ax, ay, az = normals[i, 0], normals[i, 1], normals[i, 2]
    bx, by, bz = normals[j, 0], normals[j, 1], normals[j, 2]
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    return float(np.arctan2(np.sqrt(x * x + y * y + z * z), ax * bx + ay * by + az * bz))
