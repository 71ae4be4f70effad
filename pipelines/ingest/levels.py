"""Levels of detail: which points stand for all others from afar.

Level l has cells of 16 m / 2^l. In each cell the point with the least hash is chosen, and a point's level is the
coarsest at which it is chosen. A point chosen in a coarse cell has the least hash in every finer cell around it too, so
the points up to level l are exactly one for each occupied cell of level l. The hash is of the point's source and
row: nothing depends on the order of tiles, files or workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["hash_of_rows", "levels_by_grid", "levels_by_sorting", "levels_of_detail"]

_CELLS_PER_SORTED_POINT = 32
"""Sorting a point takes about as long as passing over so many cells (measured)."""


@numba.njit(cache=True, nogil=True)
def hash_of_rows(source: NDArray[np.uint16], row: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return a different pseudo-random number for each (source, row), shape (n,).

    The finaliser of SplitMix64 is a bijection of 64 bits, so there are no ties.

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    result = np.empty(row.size, np.uint64)
    for i in range(row.size):
        h = (np.uint64(source[i]) << np.uint64(32)) | np.uint64(row[i])
        h += np.uint64(0x9E3779B97F4A7C15)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        result[i] = h ^ (h >> np.uint64(31))
    return result


def levels_of_detail(
    column: NDArray[np.int32], row: NDArray[np.int32], hashes: NDArray[np.uint64], size: int, n_levels: int
) -> NDArray[np.uint8]:
    """Return each point's level, 0 coarsest, ``n_levels - 1`` for points that no cell chose; shape (n,).

    Parameters
    ----------
    column, row
        Finest cell of each point within its tile, 0 to ``size - 1``, shape (n,).
    hashes
        Different numbers, shape (n,).
    size
        Finest cells along the tile's edge; a power of two.
    n_levels
        Levels, the remainder included; the coarsest has ``size / 2**(n_levels - 2)`` cells along the edge.

    Notes
    -----
    Many points go through a grid of all finest cells (linear time, 8 bytes a cell), few through sorting, so that a
    nearly empty tile costs next to nothing. Both give the same levels.
    """
    if hashes.size * _CELLS_PER_SORTED_POINT < size * size:
        return levels_by_sorting(column, row, hashes, n_levels)
    return levels_by_grid(column, row, hashes, size, n_levels)


def levels_by_sorting(
    column: NDArray[np.int32], row: NDArray[np.int32], hashes: NDArray[np.uint64], n_levels: int
) -> NDArray[np.uint8]:
    """Return what `levels_of_detail` returns; time n log n. Who wins a cell has won the finer ones around it."""
    level = np.full(hashes.size, n_levels - 1, np.uint8)
    candidates = np.arange(hashes.size)
    for coarser in range(n_levels - 1):
        cell = (row[candidates].astype(np.int64) >> coarser) << 32 | column[candidates] >> coarser
        order = np.lexsort((hashes[candidates], cell))
        candidates = candidates[order][np.diff(cell[order], prepend=-1) != 0]
        level[candidates] = n_levels - 2 - coarser
    return level


@numba.njit(cache=True, nogil=True)
def levels_by_grid(
    column: NDArray[np.int32], row: NDArray[np.int32], hashes: NDArray[np.uint64], size: int, n_levels: int
) -> NDArray[np.uint8]:
    """Return what `levels_of_detail` returns; time linear in points and cells."""
    least = np.full((size, size), np.uint64(0xFFFFFFFFFFFFFFFF))
    for i in range(hashes.size):
        if hashes[i] < least[row[i], column[i]]:
            least[row[i], column[i]] = hashes[i]
    level = np.full(hashes.size, n_levels - 1, np.uint8)
    for coarser in range(n_levels - 1):
        this = n_levels - 2 - coarser
        for i in range(hashes.size):
            if level[i] == this + 1 and least[row[i] >> coarser, column[i] >> coarser] == hashes[i]:
                level[i] = this
        half = (size >> coarser) // 2
        for r in range(half):
            for c in range(half):
                south = min(least[2 * r, 2 * c], least[2 * r, 2 * c + 1])
                north = min(least[2 * r + 1, 2 * c], least[2 * r + 1, 2 * c + 1])
                least[r, c] = min(south, north)
    return level
