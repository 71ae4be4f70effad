"""Nearest neighbours and local planes of the points of one building."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["least_spread", "local_planes", "neighbours"]

_PER_CELL = 3.0
"""Points per cell of the search grid; flat between 2 and 5."""


def neighbours(xyz: NDArray[np.float64], k: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Find the k nearest points of each point, in space, by rings of a horizontal grid.

    A grid because a building's points are spread evenly as seen from above; a kd-tree took twice as long. Slow where
    thousands of points stand on one spot (a bare wall without a roof).

    Parameters
    ----------
    xyz
        (n, 3) metres, n > k.
    k
        Neighbours wanted, the point itself not among them.

    Returns
    -------
    tuple
        Indices (n, k), nearest first, equal distances by index; horizontal distance in metres of the
        farthest of the k, (n,).

    Notes
    -----
    About 1.2 µs a point at k = 12.
    """
    low = xyz.min(axis=0)
    extent = np.maximum(xyz.max(axis=0) - low, 1e-3)
    cell = max(float(np.sqrt(extent[0] * extent[1] * _PER_CELL / len(xyz))), 0.05, float(extent[:2].max()) / 4096)
    index, radius = _neighbours(xyz, k, float(low[0]), float(low[1]), cell)
    return index, radius


def local_planes(xyz: NDArray[np.float64], index: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a plane to each point and its neighbours by total least squares.

    Parameters
    ----------
    xyz
        (n, 3) metres.
    index
        (n, k) from `neighbours`, k >= 3.

    Returns
    -------
    tuple
        Upward unit normals (n, 3); standard deviation of the points about their plane, corrected for
        the three fitted values, metres, (n,).

    Notes
    -----
    About 0.3 µs a point.
    """
    normals, spread = _local_planes(xyz, index)
    return normals, spread


@nb.njit(cache=True)
def _neighbours(xyz: Any, k: int, x0: float, y0: float, cell: float) -> Any:  # noqa: C901 - one loop over rings
    n = xyz.shape[0]
    column = np.empty(n, np.int32)
    row = np.empty(n, np.int32)
    columns = rows = 1
    for p in range(n):
        column[p] = int((xyz[p, 0] - x0) / cell)
        row[p] = int((xyz[p, 1] - y0) / cell)
        columns = max(columns, column[p] + 1)
        rows = max(rows, row[p] + 1)
    start = np.zeros(rows * columns + 1, np.int32)
    for p in range(n):
        start[row[p] * columns + column[p] + 1] += 1
    for c in range(rows * columns):
        start[c + 1] += start[c]
    fill = start[:-1].copy()
    member = np.empty(n, np.int32)
    for p in range(n):
        c = row[p] * columns + column[p]
        member[fill[c]] = p
        fill[c] += 1
    index = np.empty((n, k), np.int32)
    radius = np.empty(n)
    best = np.empty(k)
    who = np.empty(k, np.int32)
    for p in range(n):
        x, y, z = xyz[p, 0], xyz[p, 1], xyz[p, 2]
        found = 0
        ring = 0
        inset = min(x - x0 - column[p] * cell, (column[p] + 1) * cell - x + x0)
        inset = min(inset, y - y0 - row[p] * cell, (row[p] + 1) * cell - y + y0)
        while True:
            for j in range(max(0, row[p] - ring), min(rows, row[p] + ring + 1)):
                edge = j == row[p] - ring or j == row[p] + ring
                step = 1 if edge or ring == 0 else 2 * ring
                for i in range(column[p] - ring, column[p] + ring + 1, step):
                    if i < 0 or i >= columns:
                        continue
                    for s in range(start[j * columns + i], start[j * columns + i + 1]):
                        q = member[s]
                        if q == p:
                            continue
                        d = (xyz[q, 0] - x) ** 2 + (xyz[q, 1] - y) ** 2 + (xyz[q, 2] - z) ** 2
                        if found == k and (d > best[k - 1] or (d == best[k - 1] and q > who[k - 1])):
                            continue
                        t = found if found < k else k - 1
                        while t > 0 and (best[t - 1] > d or (best[t - 1] == d and who[t - 1] > q)):
                            best[t] = best[t - 1]
                            who[t] = who[t - 1]
                            t -= 1
                        best[t] = d
                        who[t] = q
                        found = min(found + 1, k)
            reach = inset + ring * cell
            if (found == k and best[k - 1] <= reach * reach) or ring > max(rows, columns):
                break
            ring += 1
        far = 0.0
        for t in range(k):
            q = who[t]
            index[p, t] = q
            far = max(far, (xyz[q, 0] - x) ** 2 + (xyz[q, 1] - y) ** 2)
        radius[p] = np.sqrt(far)
    return index, radius


@nb.njit(cache=True)
def _local_planes(xyz: Any, index: Any) -> Any:
    n, k = index.shape
    normals = np.empty((n, 3))
    sigma = np.empty(n)
    for p in range(n):
        x, y, z = xyz[p, 0], xyz[p, 1], xyz[p, 2]
        sx = sy = sz = sxx = sxy = sxz = syy = syz = szz = 0.0
        for t in range(k):
            q = index[p, t]
            u, v, w = xyz[q, 0] - x, xyz[q, 1] - y, xyz[q, 2] - z
            sx += u
            sy += v
            sz += w
            sxx += u * u
            sxy += u * v
            sxz += u * w
            syy += v * v
            syz += v * w
            szz += w * w
        m = k + 1.0
        spread, a, b, c = least_spread(
            sxx / m - sx * sx / m / m, sxy / m - sx * sy / m / m, sxz / m - sx * sz / m / m,
            syy / m - sy * sy / m / m, syz / m - sy * sz / m / m, szz / m - sz * sz / m / m,
        )  # fmt: skip
        normals[p, 0], normals[p, 1], normals[p, 2] = a, b, c
        sigma[p] = np.sqrt(max(spread, 0.0) * m / max(m - 3.0, 1.0))
    return normals, sigma


@nb.njit(cache=True)
def least_spread(  # noqa: PLR0913 - the six numbers of a symmetric matrix
    a: float, b: float, c: float, d: float, e: float, f: float
) -> Any:
    """Least eigenvalue of the symmetric matrix [[a, b, c], [b, d, e], [c, e, f]] and its unit vector, pointing up.

    Closed form (trigonometric), then the largest cross product of two rows; exact enough for roofs: the error of
    the eigenvalue is 1e-8 of the largest one.
    """
    q = (a + d + f) / 3.0
    p = np.sqrt(((a - q) ** 2 + (d - q) ** 2 + (f - q) ** 2 + 2.0 * (b * b + c * c + e * e)) / 6.0)
    if p < 1e-15:
        return q, 0.0, 0.0, 1.0
    aa, dd, ff, bb, cc, ee = (a - q) / p, (d - q) / p, (f - q) / p, b / p, c / p, e / p
    half = 0.5 * (aa * (dd * ff - ee * ee) - bb * (bb * ff - ee * cc) + cc * (bb * ee - dd * cc))
    least = q + 2.0 * p * np.cos(np.arccos(min(1.0, max(-1.0, half))) / 3.0 + 2.0 * np.pi / 3.0)
    aa, dd, ff = a - least, d - least, f - least
    x, y, z = b * e - c * dd, c * b - aa * e, aa * dd - b * b
    size = x * x + y * y + z * z
    u, v, w = b * ff - c * e, c * c - aa * ff, aa * e - b * c
    other = u * u + v * v + w * w
    if other > size:
        x, y, z, size = u, v, w, other
    u, v, w = dd * ff - e * e, e * c - b * ff, b * e - dd * c
    other = u * u + v * v + w * w
    if other > size:
        x, y, z, size = u, v, w, other
    if size < 1e-300:
        return least, 0.0, 0.0, 1.0
    length = np.sqrt(size)
    if z < 0.0:
        length = -length
    return least, x / length, y / length, z / length
