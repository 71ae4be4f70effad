"""How far each point lies from the nearest plane around it.

The shape of a point's own voxels says whether it lies in the middle of a plane. At ridges, eaves, dormers and parapets
those voxels hold two planes or the edge of one, and look rough; a neighbour's voxels still hold one plane alone, and
the point lies on it. So a point is judged by the best plane that any of the 27 voxels around it has found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from pipelines.objects.above_ground import PointShape
from pipelines.objects.voxels import add_shifted, build_voxels, voxel_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.above_ground import AboveGround
    from pipelines.objects.voxels import Voxels

__all__ = ["distances_to_planes", "planes_around"]

_MM = 1000.0


def planes_around(
    points: AboveGround, voxel_m: float, thickness_m: float, min_points: int
) -> tuple[PointShape, NDArray[np.float32]]:
    """Return the shape around each point and its distance from the nearest plane, at one scale; reach ``3 * voxel_m``.

    Parameters
    ----------
    points
        n points.
    voxel_m
        Edge of the voxels, metres.
    thickness_m
        Standard deviation below which the points of 3 x 3 x 3 voxels are a plane, metres.
    min_points
        Least points of a plane.

    Returns
    -------
    Shapes, and distances in metres of shape (n,), inf where no plane is around.
    """
    voxels = build_voxels(points.x, points.y, points.z, voxel_m)
    shape = voxel_shapes(voxels)
    is_plane = (shape.thickness_m < thickness_m) & (shape.n_points >= min_points)
    around = PointShape(
        n_points=shape.n_points[voxels.of_point],
        thickness_m=shape.thickness_m[voxels.of_point],
        width_m=shape.width_m[voxels.of_point],
        steepness=shape.steepness[voxels.of_point],
    )
    return around, distances_to_planes(points, voxels, is_plane)


def distances_to_planes(points: AboveGround, voxels: Voxels, is_plane: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance of each point from the nearest plane of the voxels around it.

    Parameters
    ----------
    points
        n points, those that `voxels` were built from.
    voxels
        Their voxels.
    is_plane
        Whether the points in the 3 x 3 x 3 voxels around each voxel lie on a plane, shape (n_voxels,).

    Returns
    -------
    Metres, shape (n,); inf where no voxel around has a plane. A point depends on others within three voxels' width.

    Notes
    -----
    About 3 M points a second on one core.
    """
    planes = np.zeros((len(is_plane), 4))
    _fit(voxels.shape, (voxels.start, voxels.layer, voxels.moments), voxels.size_mm, is_plane, planes)
    column = np.repeat(np.arange(len(voxels.start) - 1), np.diff(voxels.start))
    grid = (voxels.start, voxels.layer, column, voxels.of_point)
    xyz = (points.x, points.y, points.z)
    return np.asarray(_distances(voxels.shape, grid, voxels.size_mm, (is_plane, planes), xyz), np.float32)


@numba.njit(cache=True)
def _fit(shape: Any, voxels: Any, size_mm: int, is_plane: Any, planes: Any) -> None:
    """Fit the unit normal and offset of the plane around each chosen voxel, in mm from the voxel's corner."""
    start, layer, moments = voxels
    rows, columns = shape
    s = np.empty(10, np.int64)
    for c in range(rows * columns):
        for v in range(start[c], start[c + 1]):
            if not is_plane[v]:
                continue
            s[:] = 0
            for t in range(9):
                dj, di = t // 3 - 1, t % 3 - 1
                j, i = c // columns + dj, c % columns + di
                if 0 <= j < rows and 0 <= i < columns:
                    for u in range(start[j * columns + i], start[j * columns + i + 1]):
                        dk = layer[u] - layer[v]
                        if -1 <= dk <= 1:
                            add_shifted(s, moments[u], di * size_mm, dj * size_mm, dk * size_mm)
            planes[v, 0], planes[v, 1], planes[v, 2], planes[v, 3] = _plane(s)


@numba.njit(cache=True)
def _plane(s: Any) -> Any:
    """Return the unit normal of least spread and its offset; the closed form of a 3 x 3 eigenproblem."""
    n = s[0]
    mx, my, mz = s[1] / n, s[2] / n, s[3] / n
    a, b, c = s[4] / n - mx * mx, s[5] / n - mx * my, s[6] / n - mx * mz
    d, e, f = s[7] / n - my * my, s[8] / n - my * mz, s[9] / n - mz * mz
    q = (a + d + f) / 3.0
    p = np.sqrt(((a - q) ** 2 + (d - q) ** 2 + (f - q) ** 2 + 2.0 * (b * b + c * c + e * e)) / 6.0) + 1e-9
    aa, dd, ff, bb, cc, ee = (a - q) / p, (d - q) / p, (f - q) / p, b / p, c / p, e / p
    half = 0.5 * (aa * (dd * ff - ee * ee) - bb * (bb * ff - ee * cc) + cc * (bb * ee - dd * cc))
    least = q + 2.0 * p * np.cos(np.arccos(min(1.0, max(-1.0, half))) / 3.0 + 2.0 * np.pi / 3.0)
    r = ((a - least, b, c), (b, d - least, e), (c, e, f - least))
    best, normal = 0.0, (0.0, 0.0, 1.0)
    for g in range(3):
        u, w = r[g], r[(g + 1) % 3]
        x, y, z = u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]
        size = x * x + y * y + z * z
        if size > best:
            best, length = size, np.sqrt(size)
            normal = (x / length, y / length, z / length)
    return normal[0], normal[1], normal[2], normal[0] * mx + normal[1] * my + normal[2] * mz


@numba.njit(cache=True)
def _distances(shape: Any, grid: Any, size_mm: int, found: Any, xyz: Any) -> Any:
    start, layer, column, of_point = grid
    is_plane, planes = found
    x, y, z = xyz
    rows, columns = shape
    distance = np.empty(x.size, np.float32)
    for p in range(x.size):
        v = of_point[p]
        c = column[v]
        px, py, pz = np.int64(np.rint(x[p] * _MM)), np.int64(np.rint(y[p] * _MM)), np.int64(np.rint(z[p] * _MM))
        px, py, pz = px % size_mm, py % size_mm, pz % size_mm
        best = np.inf
        for t in range(9):
            dj, di = t // 3 - 1, t % 3 - 1
            j, i = c // columns + dj, c % columns + di
            if 0 <= j < rows and 0 <= i < columns:
                for u in range(start[j * columns + i], start[j * columns + i + 1]):
                    dk = layer[u] - layer[v]
                    if -1 <= dk <= 1 and is_plane[u]:
                        q = planes[u]
                        off = q[0] * (px - di * size_mm) + q[1] * (py - dj * size_mm) + q[2] * (pz - dk * size_mm)
                        best = min(best, abs(off - q[3]))
        distance[p] = best / _MM
    return distance
