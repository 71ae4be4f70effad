"""Numbering the different keys of a chunk's points in one pass: blocks, and seconds.

Keys come in long runs of the same one, and there are few different ones, so a small table in the cache beats a sort of
all points by far. A kernel asks `number_of` where a key differs from the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["FULL", "number_of", "numbered"]

FULL = -1
"""What `number_of` returns if the table must grow."""
_CAPACITY = 1 << 12


@numba.njit(cache=True, nogil=True)
def number_of(key: Any, keys: Any, numbers: Any, n_keys: Any) -> Any:
    """Return the number of a key, which is `n_keys` if it is new, or `FULL` if more than half the places are taken.

    Parameters
    ----------
    key
        Not negative.
    keys, numbers
        The table, shape (capacity,), a power of two: keys, -1 where a place is free, and their numbers.
    n_keys
        Keys in it.
    """
    last = keys.size - 1
    at = (key * np.int64(0x1E3779B97F4A7C15) >> 20) & last
    while keys[at] != key:
        if keys[at] < 0:
            if 2 * (n_keys + 1) > keys.size:
                return FULL
            keys[at] = key
            numbers[at] = n_keys
            return n_keys
        at = (at + 1) & last
    return numbers[at]


def numbered(
    fill: Callable[[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]], tuple[Any, ...]],
    n_points: int,
    capacity: int = _CAPACITY,
) -> tuple[NDArray[np.int64], NDArray[np.int32], tuple[Any, ...]]:
    """Give each key its number in the order of keys, with a table that grows until it suffices.

    Parameters
    ----------
    fill
        Called with an empty table (keys, numbers) and the array to fill with the number of each point's key; returns
        the number of keys, or `FULL`, and whatever else it found.
    n_points
        Points.
    capacity
        Places in the table to begin with; a power of two.

    Returns
    -------
    tuple
        Keys, sorted, shape (m,); the number of each point's key among them, shape (n,); and what else `fill` found.
    """
    number = np.empty(n_points, np.int32)
    while True:
        keys, numbers = np.full(capacity, -1, np.int64), np.zeros(capacity, np.int32)
        n_keys, *found = fill(keys, numbers, number)
        if n_keys != FULL:
            break
        capacity *= 4
    used = np.flatnonzero(keys >= 0)
    order = np.argsort(keys[used])
    rank = np.empty(n_keys, np.int32)
    rank[numbers[used[order]]] = np.arange(n_keys, dtype=np.int32)
    return keys[used[order]], rank[number], tuple(found)
