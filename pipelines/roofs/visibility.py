"""Which planes are seen from above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["from_above"]


def from_above(
    xyz: NDArray[np.float64], label: NDArray[np.int32], n_planes: int, cell_m: float, hidden_m: float
) -> NDArray[np.bool_]:
    """Tell which planes have at least half of their points on top.

    Balconies, floors behind glass and the ground below an overhang are planes too, but no roof: other planes' points
    lie over them in the same cell.

    Parameters
    ----------
    xyz, label, n_planes
        Points (n, 3), their planes (n,), number of planes.
    cell_m
        Edge of the cells, metres.
    hidden_m
        How far below the highest plane point of its cell a point is hidden, metres.

    Returns
    -------
    (n_planes,)
    """
    return np.asarray(_from_above(xyz, label, n_planes, cell_m, hidden_m))


@nb.njit(cache=True)
def _from_above(xyz: Any, label: Any, n_planes: int, cell: float, hidden: float) -> Any:
    n = label.size
    x0 = y0 = np.inf
    for p in range(n):
        x0, y0 = min(x0, xyz[p, 0]), min(y0, xyz[p, 1])
    columns = rows = 1
    for p in range(n):
        columns = max(columns, int((xyz[p, 0] - x0) / cell) + 1)
        rows = max(rows, int((xyz[p, 1] - y0) / cell) + 1)
    top = np.full((rows, columns), -np.inf)
    for p in range(n):
        if label[p] >= 0:
            j, i = int((xyz[p, 1] - y0) / cell), int((xyz[p, 0] - x0) / cell)
            top[j, i] = max(top[j, i], xyz[p, 2])
    below = np.zeros(n_planes, np.int64)
    count = np.zeros(n_planes, np.int64)
    for p in range(n):
        if label[p] >= 0:
            j, i = int((xyz[p, 1] - y0) / cell), int((xyz[p, 0] - x0) / cell)
            count[label[p]] += 1
            if xyz[p, 2] < top[j, i] - hidden:
                below[label[p]] += 1
    return 2 * below <= count
