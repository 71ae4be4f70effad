"""Points that repeat another, within a file and across files.

Two points are the same if place (to a thousandth of a cell), time and return agree. Each becomes a hash of 64 bits;
those of one block meet in one task, so a delivery of any size is compared in the memory of a block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipelines.acceptance.cells import CellGrid

__all__ = ["count_duplicates", "point_hashes", "repeats_between"]


def point_hashes(records: NDArray[Any], grid: CellGrid) -> NDArray[np.uint64]:
    """Return a hash of each point's place, time and return, shape (n,)."""
    names = records.dtype.names or ()
    time = np.ascontiguousarray(records["gps_time"]) if "gps_time" in names else np.zeros(len(records))
    constants = np.array([*grid.scale, *grid.offset]) / (grid.cell * 1e-3)
    constants[[2, 5]] *= grid.cell * grid.height_factor  # heights to whole millimetres
    x, y, z, returns = (np.ascontiguousarray(records[name]) for name in ("X", "Y", "Z", "returns"))
    return _mixed(x, y, z, returns, time.view(np.uint64), constants)  # type: ignore[no-any-return]


def count_duplicates(hashes: NDArray[np.uint64]) -> int:
    """Return how many entries repeat an earlier one; `hashes` has shape (n,) and is sorted in place."""
    hashes.sort()
    return int(np.count_nonzero(hashes[1:] == hashes[:-1]))


def repeats_between(by_file: Mapping[int, NDArray[np.uint64]]) -> dict[tuple[int, int], int]:
    """Count the points of each file that an earlier file has as well.

    Parameters
    ----------
    by_file
        Hashes of each file, by the file's number; sorted.

    Returns
    -------
    dict
        (Earlier file, later file): points of the later one that the earlier one has; only pairs with some. A point in
        three files counts for the second and the third, each against the first.
    """
    numbers = sorted(by_file)
    if len(numbers) < 2:
        return {}
    unique = [_distinct(by_file[number]) for number in numbers]
    together = np.concatenate(unique)
    together.sort()
    repeated = _distinct(together[1:][together[1:] == together[:-1]])
    if not repeated.size:
        return {}
    first = np.full(repeated.size, -1)
    found: dict[tuple[int, int], int] = {}
    for number, hashes in zip(numbers, unique, strict=True):
        has = np.isin(repeated, hashes, assume_unique=True)
        for earlier, n in zip(*np.unique(first[has & (first >= 0)], return_counts=True), strict=True):
            found[int(earlier), number] = int(n)
        first[has & (first < 0)] = number
    return found


def _distinct(ordered: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return each value of a sorted array once; NumPy's own way hashes them again, ten times slower."""
    return ordered[np.r_[np.full(min(1, ordered.size), True), ordered[1:] != ordered[:-1]]]


@numba.njit(cache=True, nogil=True)
def _mixed(x: Any, y: Any, z: Any, returns: Any, time: Any, constants: Any) -> Any:  # noqa: PLR0913 - a kernel
    sx, sy, sz, ox, oy, oz = constants
    result = np.empty(x.size, np.uint64)
    factor, shift = np.uint64(0xBF58476D1CE4E5B9), np.uint64(29)
    for i in range(x.size):
        qx = np.int64(min(max(np.rint(x[i] * sx + ox), -9e18), 9e18))
        qy = np.int64(min(max(np.rint(y[i] * sy + oy), -9e18), 9e18))
        qz = np.int64(min(max(np.rint(z[i] * sz + oz), -9e15), 9e15))
        h = np.uint64(qx) * np.uint64(0x9E3779B97F4A7C15)
        h = (h ^ (h >> shift) ^ np.uint64(qy)) * factor
        h = (h ^ (h >> shift) ^ (np.uint64(qz) << np.uint64(8)) ^ np.uint64(returns[i])) * factor
        h = (h ^ (h >> shift) ^ time[i]) * factor
        result[i] = h ^ (h >> np.uint64(32))
    return result
