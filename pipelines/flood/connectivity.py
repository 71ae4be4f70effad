"""From which water level on each cell belongs to the sea.

The *critical level* of a cell is the lowest level at which an unbroken way of lower cells leads from the water to it:
the minimum over all ways of the highest ground on the way. It is found for every cell in one pass from the water
outwards, always from the lowest rim first, and then answers every level: a cell is reached at level L if and only if
its critical level is at most L. A low street behind a dike has the dike's crest as its critical level.

Heights are whole millimetres, so the queue has one bucket a level and nothing is rounded inside the kernel: the answer
is exactly that of labelling the connected cells at each level. Survey heights are good to centimetres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from twin.errors import StageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["UNREACHED", "WALL", "critical_levels", "flood_depth", "to_millimetres"]

WALL = np.int32(2**31 - 1)
"""Ground that no water level passes: cells whose height is unknown."""
UNREACHED = WALL
"""Critical level of a cell that no level reaches."""

_HIGHEST_SPAN_MM = 20_000_000
"""Highest minus lowest ground that the level table is made for: 20 km, more than the Earth has."""


def to_millimetres(height_m: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """Round heights in metres to whole millimetres; NaN becomes `WALL`. Shape and datum as `height_m`."""
    out = np.full(height_m.shape, WALL, dtype=np.int32)
    known = np.isfinite(height_m)
    out[known] = np.rint(height_m[known].astype(np.float64) * 1000.0).astype(np.int32)
    return out


def critical_levels(ground_mm: NDArray[np.int32], seeds: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Lowest water level at which each cell is connected to a seed over 4-neighbours.

    Seeds are water, whatever their ground says: they stand at the lowest level of all and every level starts there.

    Parameters
    ----------
    ground_mm
        Shape (rows, columns), ground height in millimetres of any one datum; `WALL` where unknown.
    seeds
        Shape (rows, columns), cells of the sea or the river.

    Returns
    -------
    critical_mm
        Shape (rows, columns), millimetres of the same datum; `UNREACHED` for walls and for what only walls surround.

    Raises
    ------
    StageError
        If there is no seed, or the ground spans more than 20 km (a unit mistake).

    Notes
    -----
    Time grows linearly with cells (a bucket queue, not a heap); memory is about 21 bytes a cell. The answer does not
    depend on the order in which cells are visited.

    References
    ----------
    Barnes, Lehman, Mulla 2014, "Priority-flood", Computers & Geosciences 62, for the way from the rim inwards.
    """
    if ground_mm.shape != seeds.shape:
        raise ValueError(f"ground has shape {ground_mm.shape}, seeds {seeds.shape}")
    if not seeds.any():
        raise StageError("no cell is water to start from; give seeds that lie on the sea or the river")
    known = ground_mm[(ground_mm != WALL) & ~seeds]
    lowest, highest = (int(known.min()), int(known.max())) if known.size else (0, 0)
    if highest - lowest > _HIGHEST_SPAN_MM:
        raise StageError(f"ground spans {(highest - lowest) / 1e6:.0f} km in height; is it in metres?")
    rows, columns = ground_mm.shape
    if (rows + 2) * (columns + 2) >= 2**31:
        raise StageError(f"{rows} x {columns} cells are more than one pass can hold; use a coarser terrain")
    ground = np.pad(ground_mm, 1, constant_values=WALL).ravel()
    critical = np.full(ground.size, UNREACHED, dtype=np.int32)
    _spread(ground, np.pad(seeds, 1).ravel(), critical, columns + 2, lowest, highest)
    return np.ascontiguousarray(critical.reshape(rows + 2, columns + 2)[1:-1, 1:-1])


def flood_depth(ground_mm: NDArray[np.int32], critical_mm: NDArray[np.int32], level_mm: int) -> NDArray[np.float32]:
    """Depth of water over the ground at one level, metres; 0 where dry, NaN where the ground is unknown.

    A crest that the level just reaches lets water pass: the safe side of a millimetre.
    """
    reached = (critical_mm <= level_mm) & (critical_mm != UNREACHED)
    depth = np.where(reached, np.maximum(np.int64(level_mm) - ground_mm, 0), 0) / 1000.0
    depth[ground_mm == WALL] = np.nan
    return depth.astype(np.float32)


@numba.njit(cache=True)
def _spread(  # noqa: PLR0913 - compiled code takes plain arrays and numbers
    ground: NDArray[np.int32],
    seeds: NDArray[np.bool_],
    critical: NDArray[np.int32],
    width: int,
    lowest: int,
    highest: int,
) -> None:
    """Fill `critical`; arrays are flat with a rim of walls one cell wide, so neighbours need no bounds check."""
    n_levels = highest - lowest + 1
    head = np.full(n_levels, np.int32(-1), dtype=np.int32)  # one linked list of cells a millimetre
    following = np.empty(ground.size, dtype=np.int32)
    wall = ground[0]
    for cell in range(ground.size):
        if seeds[cell]:
            critical[cell] = lowest
            following[cell] = head[0]
            head[0] = cell
    level = 0
    while level < n_levels:
        cell = head[level]
        if cell < 0:
            level += 1
            continue
        head[level] = following[cell]
        for step in (-1, 1, -width, width):
            other = cell + step
            # The first way to a cell is its lowest: cells leave the queue in rising order.
            if critical[other] != wall or ground[other] == wall:
                continue
            reached = max(level, ground[other] - lowest)
            critical[other] = reached + lowest
            following[other] = head[reached]
            head[reached] = other
