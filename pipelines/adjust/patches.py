"""Planar patches: for each strip and cell the plane through its points, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.adjust.params import AdjustParams

__all__ = ["Patches", "planar_patches"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patches:
    """m patches, ordered by cell, then by strip."""

    cell: NDArray[np.int64]
    """Number of the cell, any that tells cells apart, shape (m,)."""
    strip: NDArray[np.int64]
    """Number of the strip, shape (m,)."""
    centre: NDArray[np.float64]
    """Centroid x, y, z in metres from a common origin, shape (m, 3)."""
    normal: NDArray[np.float64]
    """Unit normal, upwards, shape (m, 3)."""


def planar_patches(
    xyz: NDArray[np.float64], cell: NDArray[np.int64], strip: NDArray[np.int64], params: AdjustParams
) -> Patches:
    """Fit a plane to the points of each strip in each cell, and keep those that are planes.

    Parameters
    ----------
    xyz
        Points in metres from an origin nearby, shape (n, 3): covariances lose digits far from it.
    cell, strip
        Each point's cell and strip, shape (n,), not negative; strips below 2**20.
    params
        Limits.

    Notes
    -----
    The plane is that of the two larger eigenvalues of the covariance, so walls and slopes count like roofs.
    """
    keys = (cell << 20) | strip
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    starts = np.flatnonzero(np.diff(sorted_keys, prepend=-1) != 0)
    n, centre, covariance = _moments(xyz[order], starts)
    enough = n >= params.min_points
    eigenvalue, eigenvector = np.linalg.eigh(covariance[enough])
    roughness, spread = (np.sqrt(np.maximum(eigenvalue[:, i], 0.0)) for i in (0, 1))
    planar = (roughness <= params.roughness_m) & (spread >= params.spread * params.cell_m)
    normal = eigenvector[planar, :, 0]
    kept = sorted_keys[starts][enough][planar]
    return Patches(
        cell=kept >> 20,
        strip=kept & 0xFFFFF,
        centre=centre[enough][planar],
        normal=normal * np.where(normal[:, 2:] < 0, -1.0, 1.0),
    )


@numba.njit(cache=True, nogil=True)
def _moments(
    xyz: NDArray[np.float64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return number, centroid and covariance of each group of consecutive points: shapes (g,), (g, 3), (g, 3, 3)."""
    n_groups = starts.size
    n = np.zeros(n_groups, np.int64)
    centre = np.zeros((n_groups, 3))
    covariance = np.zeros((n_groups, 3, 3))
    for g in range(n_groups):
        stop = starts[g + 1] if g + 1 < n_groups else xyz.shape[0]
        n[g] = stop - starts[g]
        for i in range(starts[g], stop):
            for a in range(3):
                centre[g, a] += xyz[i, a]
        for a in range(3):
            centre[g, a] /= n[g]
        for i in range(starts[g], stop):
            for a in range(3):
                for b in range(3):
                    covariance[g, a, b] += (xyz[i, a] - centre[g, a]) * (xyz[i, b] - centre[g, b])
        for a in range(3):
            for b in range(3):
                covariance[g, a, b] /= n[g]
    return n, centre, covariance
