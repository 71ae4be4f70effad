"""Ground that an opening took for an object gets back where the ground beside it leads on to it.

An opening by flat disks takes off whatever is convex: the crest of a hill, the rim of a terrace, the upper end of a
slope at the survey's edge. It takes off houses and hedges as well, and no threshold on the loss parts the two. What
parts them is the way in: on to a crest the plane through the ground beside it leads, on to a roof it does not. So cells
whose loss is large for bare earth but small for a building are asked again, ring by ring, and join the ground where
they lie close to that plane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rejoin"]

_LEAST_CELLS = 3
"""Ground cells that a plane needs."""
_STIFFNESS = 0.25
"""Variance in cells squared added along both axes: a plane through cells in a row is level across the row."""
_STEEPEST = 1.0
"""Slope at which planes are cut off, rise over run: steeper than bare earth lies (loose rock stops near 0.8)."""


def rejoin(
    low: NDArray[np.float32],
    ground: NDArray[np.bool_],
    asked: NDArray[np.bool_],
    tolerance_m: tuple[NDArray[np.float32], float],
    reach: tuple[int, int, float],
) -> NDArray[np.bool_]:
    """Return the asked cells that join the ground.

    Parameters
    ----------
    low
        Lowest height of each cell, metres, NaN where void, shape (rows, cols).
    ground
        Cells of known ground.
    asked
        Cells that may join.
    tolerance_m
        Greatest distance from the plane on level ground, metres, by cell, and what is added per unit of its slope.
    reach
        Half edge of the square in which ground cells count, and the number of rings, both in cells; the edge of a cell
        in metres.

    Returns
    -------
    Shape (rows, cols). A cell depends on those within half edge times rings along each axis.

    Notes
    -----
    Each ring looks at ``(2 * half edge + 1) ** 2`` cells around the asked cells that its forerunner came near.
    """
    joined = ground.astype(np.uint8)
    candidates = asked & ~ground & ~np.isnan(low)
    _rejoin(low, joined, np.argwhere(candidates).astype(np.int32), tolerance_m, reach)
    return np.asarray((joined > 0) & candidates)


@numba.njit(cache=True)
def _rejoin(low: Any, joined: Any, asked: Any, tolerance_m: Any, reach: Any) -> None:
    radius, rings, cell_m = reach
    level_m, gain = tolerance_m
    n, ring = len(asked), 0
    close = np.zeros(n, np.bool_)
    last = np.zeros(low.shape, np.int16)
    while ring < rings and n:
        n_close = 0
        for k in range(n):
            i, j = asked[k]
            close[k] = False
            if ring == 0 or _touched(last, i, j, radius, ring):
                off_m, slope = _off_plane(low, joined, (i, j), radius, _STEEPEST * cell_m)
                close[k] = abs(off_m) <= level_m[i, j] + gain * slope / cell_m
                n_close += close[k]
        ring += 1
        if n_close == 0:
            break
        kept = 0
        for k in range(n):
            i, j = asked[k]
            if close[k]:
                joined[i, j], last[i, j] = 1, ring
            else:
                asked[kept, 0], asked[kept, 1] = i, j
                kept += 1
        n = kept


@numba.njit(cache=True)
def _touched(last: Any, i: int, j: int, radius: int, ring: int) -> bool:
    """Whether a cell of the square joined in the ring before: if none did, the plane is what it was."""
    for a in range(max(0, i - radius), min(last.shape[0], i + radius + 1)):
        for b in range(max(0, j - radius), min(last.shape[1], j + radius + 1)):
            if last[a, b] == ring:
                return True
    return False


@numba.njit(cache=True)
def _off_plane(low: Any, joined: Any, cell: Any, radius: int, steepest: float) -> Any:
    """Height of a cell over the plane through the ground around it, and the plane's slope per cell."""
    i, j = cell
    here, n = low[i, j], 0
    sx, sy, sz, sxx, sxy, syy, sxz, syz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for a in range(max(0, i - radius), min(low.shape[0], i + radius + 1)):
        for b in range(max(0, j - radius), min(low.shape[1], j + radius + 1)):
            if joined[a, b]:
                x, y, z = b - j, a - i, low[a, b] - here
                n += 1
                sx, sy, sz = sx + x, sy + y, sz + z
                sxx, sxy, syy = sxx + x * x, sxy + x * y, syy + y * y
                sxz, syz = sxz + x * z, syz + y * z
    if n < _LEAST_CELLS:
        return np.inf, 0.0
    mx, my, mz = sx / n, sy / n, sz / n
    cxx, cyy, cxy = sxx / n - mx * mx + _STIFFNESS, syy / n - my * my + _STIFFNESS, sxy / n - mx * my
    cxz, cyz = sxz / n - mx * mz, syz / n - my * mz
    determinant = cxx * cyy - cxy * cxy
    east, south = (cxz * cyy - cyz * cxy) / determinant, (cyz * cxx - cxz * cxy) / determinant
    slope = np.hypot(east, south)
    share = min(1.0, steepest / max(slope, 1e-9))
    return mz - share * (east * mx + south * my), share * slope
