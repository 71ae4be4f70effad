"""The plane of a face, its vertices in that plane, and how far they are from it."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

__all__ = ["lay_flat", "normals_apart"]

_SWEEPS = 12


@nb.njit(cache=True)
def _smallest_axis(m: Any) -> Any:
    """Eigenvector of the smallest eigenvalue of a symmetric 3 x 3 matrix (overwritten), by Jacobi's rotations."""
    axes = np.eye(3)
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
    return axes[:, np.argmin(np.diag(m))].copy()


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
    origin = points[corners[0]]
    local = np.empty((n, 3))
    for k in range(n):
        for axis in range(3):
            local[k, axis] = points[corners[k], axis] - origin[axis]
    mean = np.zeros(3)
    for k in range(n):
        mean += local[k]
    mean /= n
    spread = np.zeros((3, 3))
    for k in range(n):
        local[k] -= mean
        for i in range(3):
            for j in range(3):
                spread[i, j] += local[k, i] * local[k, j]
    normal = _smallest_axis(spread)
    u = np.zeros(3)
    u[np.argmin(np.abs(normal))] = 1.0
    u -= normal * (u * normal).sum()
    u /= np.sqrt((u * u).sum())
    v = np.cross(normal, u)
    uv = np.empty((n, 2))
    bulge = 0.0
    for k in range(n):
        uv[k, 0], uv[k, 1] = (local[k] * u).sum(), (local[k] * v).sum()
        bulge = max(bulge, abs((local[k] * normal).sum()))
    area = 0.0
    for k in range(n_outer):
        after = k + 1 if k + 1 < n_outer else 0
        area += uv[k, 0] * uv[after, 1] - uv[k, 1] * uv[after, 0]
    if area < 0.0:
        uv[:, 1] *= -1.0
    return uv, bulge


@nb.njit(cache=True)
def normals_apart(points: Any, triangles: Any) -> float:
    """Largest angle between the normals of two triangles, radians; triangles without area have none.

    Notes
    -----
    Pairs are compared only if one normal is farther than half the answer could matter from the largest triangle's.
    """
    n = len(triangles)
    normals = np.empty((n, 3))
    n_kept, largest, most = 0, 0, 0.0
    for t in range(n):
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        normal = np.cross((b - a).astype(np.float64), (c - a).astype(np.float64))
        length = np.sqrt((normal * normal).sum())
        if length == 0.0:
            continue
        normals[n_kept] = normal / length
        if length > most:
            most, largest = length, n_kept
        n_kept += 1
    reach = 0.0
    for t in range(n_kept):
        reach = max(reach, _angle(normals[t], normals[largest]))
    if 2.0 * reach <= _NO_MATTER or n_kept < 3:
        return 2.0 * reach if n_kept > 2 else reach
    worst = reach
    for t in range(n_kept):
        for s in range(t):
            worst = max(worst, _angle(normals[t], normals[s]))
    return worst


_NO_MATTER = np.radians(1.0)
"""Angles below are not computed exactly, radians."""


@nb.njit(cache=True)
def _angle(a: Any, b: Any) -> float:
    across = np.cross(a, b)
    return float(np.arctan2(np.sqrt((across * across).sum()), (a * b).sum()))
