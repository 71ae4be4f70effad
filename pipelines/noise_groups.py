"""Small groups of noise: ghosts below ground that was also hit, and bodies that float in the air or deep below.

*Ghosts*: light that takes a way round comes back late, so its points lie below the ground, in patches of a few square
metres; other pulses hit the true ground in the very same cells. A cell is a ghost's if its lowest points lie under an
empty gap, what lies above the gap is a thin surface at the height of the ground around, and the ground lies higher all
around. A stairwell or light well fails: within it no pulse hits the higher surface. An alley fails: along it the ground
goes on. A forest floor fails: crowns are not thin. Known to be missed: ghosts where *no* pulse saw the true ground, and
ghosts no deeper than a slope falls over four cells.

*Floating bodies* (birds, puffs of smoke, deep multipath): a group of few voxels with nothing around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.voxels import Voxels

__all__ = ["GHOST_REACH_CELLS", "GhostParams", "floating", "ghosts"]

GHOST_REACH_CELLS = 7
"""Cells over which a point can change whether another is a ghost: a ring of 4, its neighbours by 2, its own cell."""
_BIN_M = 0.25
_BINS = 64
_INNER, _RING = 2, 4
"""A group's half width, and the outer radius of the ring around it, which begins one cell beyond the group; cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GhostParams:
    """How ghosts are looked for in cells of one size."""

    cell_m: float
    """Edge of a cell, metres."""
    gap_m: float
    """Least empty height between a ghost and the surface above it, metres."""
    most: int
    """Points of the largest group."""


def ghosts(
    cells: NDArray[np.int32], shape: tuple[int, int], z: NDArray[np.float64], params: GhostParams
) -> NDArray[np.bool_]:
    """Say which points are ghosts below the ground.

    Parameters
    ----------
    cells
        Flat cell (row-major) of each point on a grid of `shape`, -1 for points that have no part; shape (n,).
    z
        Heights in metres, shape (n,).

    Notes
    -----
    Six passes over the points, about 60 ns each point in all; 60 bytes a cell.
    """
    low, mask, over = _occupied(cells, z, shape[0] * shape[1])
    top, upper = _gaps(low, mask, over, params.gap_m)
    top[top - low > 0.5 + params.cell_m] = np.nan
    n_low, n_up, n_thin = _thin(cells, z, top, upper, 0.3 + params.cell_m)
    surface = ~np.isnan(top) & (n_thin >= 2) & (2 * n_thin >= n_up)
    limits = (0.5 * params.gap_m, 0.5 + params.cell_m, params.most)
    cut = _cuts((low, top, upper, n_low), surface, shape, limits)
    return np.asarray((cells >= 0) & (z <= cut[np.maximum(cells, 0)]))


@numba.njit(cache=True)
def _occupied(cells: Any, z: Any, n_cells: int) -> Any:
    """Lowest height of each cell, the bins above it that hold points, and the lowest point above all bins."""
    low, over = np.full(n_cells, np.inf), np.full(n_cells, np.inf)
    mask = np.zeros(n_cells, np.uint64)
    for p in range(z.size):
        c = cells[p]
        if c >= 0 and z[p] < low[c]:
            low[c] = z[p]
    for p in range(z.size):
        c = cells[p]
        if c >= 0:
            above = z[p] - low[c]
            if above < _BINS * _BIN_M:
                mask[c] |= np.uint64(1) << np.uint64(above / _BIN_M)
            elif z[p] < over[c]:
                over[c] = z[p]
    return low, mask, over


@numba.njit(cache=True)
def _gaps(low: Any, mask: Any, over: Any, gap_m: float) -> Any:
    """Top of the lowest group and bottom of what lies above the first wide gap, NaN where there is no such gap."""
    top, upper = np.full(low.size, np.nan), np.full(low.size, np.nan)
    need = int(np.ceil(gap_m / _BIN_M))
    for c in range(low.size):
        if mask[c] == 0:
            continue
        last = 0
        for k in range(1, _BINS + 1):
            if k < _BINS and not (mask[c] >> np.uint64(k)) & np.uint64(1):
                continue
            if k == _BINS and over[c] == np.inf:
                break
            if k - last - 1 >= need:
                top[c] = low[c] + (last + 1) * _BIN_M
                upper[c] = low[c] + k * _BIN_M if k < _BINS else over[c]
                break
            last = k
    return top, upper


@numba.njit(cache=True)
def _thin(cells: Any, z: Any, top: Any, upper: Any, thin_m: float) -> Any:
    """Points below and above the gap of each cell, and of the latter those in a thin layer."""
    n_low = np.zeros(top.size, np.int64)
    n_up, n_thin = np.zeros(top.size, np.int64), np.zeros(top.size, np.int64)
    for p in range(z.size):
        c = cells[p]
        if c >= 0 and z[p] > top[c]:
            n_up[c] += 1
            n_thin[c] += z[p] < upper[c] + thin_m
        elif c >= 0:
            n_low[c] += 1
    return n_low, n_up, n_thin


@numba.njit(cache=True)
def _cuts(levels: Any, surface: Any, shape: Any, limits: Any) -> Any:
    """Height of each cell up to which its points are ghosts, -inf for most."""
    low, top, upper, n_low = levels
    clear_m, slack_m, most = limits
    rows, columns = shape
    cut = np.full(low.size, -np.inf)
    for c in range(low.size):
        if not surface[c]:
            continue
        row, column = c // columns, c % columns
        if not _lies_below_its_ring(low, (row, column), shape, (top[c] + clear_m, upper[c], slack_m)):
            continue
        # In a real low place some cells hold nothing higher; in a ghost's patch few do.
        alike, pure, group = 0, 0, 0
        for j in range(max(0, row - _INNER), min(rows, row + _INNER + 1)):
            for i in range(max(0, column - _INNER), min(columns, column + _INNER + 1)):
                other = j * columns + i
                if low[other] < top[c] + 0.5:
                    alike += surface[other]
                    pure += not surface[other]
                    group += n_low[other]
        if 3 * pure > alike or group > most:
            continue
        for j in range(max(0, row - _INNER), min(rows, row + _INNER + 1)):
            for i in range(max(0, column - _INNER), min(columns, column + _INNER + 1)):
                other = j * columns + i
                if other == c or (low[other] < top[c] + 0.5 and not surface[other]):
                    cut[other] = max(cut[other], top[c] + (0.0 if other == c else 0.5))
    return cut


@numba.njit(cache=True)
def _lies_below_its_ring(low: Any, place: Any, shape: Any, heights: Any) -> bool:
    """Whether the ground is higher all around a cell, and on average where the cell's own surface is.

    Heights: what the ring must reach, the surface above the gap, and how far ring and surface may differ.
    """
    rows, columns = shape
    row, column = place
    reach, upper, slack_m = heights
    pairs, known, level = 0, 0, 0
    for dj in range(_RING + 1):
        for di in range(-_RING, _RING + 1):
            if max(dj, abs(di)) <= _INNER or (dj == 0 and di < 0):
                continue
            pairs += 1
            j0, i0, j1, i1 = row + dj, column + di, row - dj, column - di
            if min(j0, j1, i0, i1) < 0 or max(j0, j1) >= rows or max(i0, i1) >= columns:
                continue
            one, two = low[j0 * columns + i0], low[j1 * columns + i1]
            if one == np.inf or two == np.inf:
                continue
            if min(one, two) < reach:
                return False
            known += 1
            middle = 0.5 * (one + two)
            level += abs(middle - upper) <= slack_m
    return known * 5 >= pairs * 2 and 4 * level >= 3 * known


def floating(
    voxels: Voxels, around: NDArray[np.int64], most: int, gaps: tuple[int, int], passed_over: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    """Say which voxels belong to a floating body of at most `most` points; shape (n_voxels,).

    A body floats if it lies within 2 voxels of this one, sideways and up and down, and nothing else lies within 3
    voxels sideways and, with `gaps`, so many voxels below and above. Voxels that are `passed_over`, shape
    (n_voxels,), are as if they were empty.

    Parameters
    ----------
    around
        Points in the 27 voxels around each voxel, as `neighbour_counts` gives them; shape (n_voxels,).

    Notes
    -----
    49 columns a voxel, but only for voxels with few points around.
    """
    n = voxels.moments[:, 0].copy()
    if passed_over is not None:
        n[passed_over] = 0
    looked_at = (n > 0) & (around <= most)
    return np.asarray(_floating(voxels.shape, (voxels.start, voxels.layer, n), looked_at, most, gaps))


@numba.njit(cache=True)
def _floating(shape: Any, tables: Any, looked_at: Any, most: int, gaps: Any) -> Any:
    start, layer, n = tables
    rows, columns = shape
    down, up = gaps
    body = np.zeros(layer.size, np.bool_)
    for c in range(rows * columns):
        row, column = c // columns, c % columns
        for v in range(start[c], start[c + 1]):
            if not looked_at[v]:
                continue
            total, alone = 0, True
            for j in range(max(0, row - 3), min(rows, row + 4)):
                for i in range(max(0, column - 3), min(columns, column + 4)):
                    aside = max(abs(j - row), abs(i - column))
                    for u in range(start[j * columns + i], start[j * columns + i + 1]):
                        rise = layer[u] - layer[v]
                        if n[u] > 0 and -down <= rise <= up:
                            if aside <= 2 and abs(rise) <= 2:
                                total += n[u]
                            else:
                                alone = False
                                break
                    if not alone:
                        break
                if not alone:
                    break
            body[v] = alone and total <= most
    return body
