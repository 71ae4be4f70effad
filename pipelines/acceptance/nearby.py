"""Points around control points, picked while everything else is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from scipy.spatial import cKDTree

from pipelines.acceptance.cells import GROUND, HEIGHT, LAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.acceptance.cells import CellGrid

__all__ = ["NEAR_DTYPE", "near_points"]

NEAR_DTYPE = np.dtype([("control", "<i4"), ("dx", "<f8"), ("dy", "<f8"), ("z", "<f8"), ("ground", "?")])
"""Control point, offset from it in file units, height in metres, and whether the point is class ground."""


def near_points(  # noqa: PLR0913 - one step of `scan`
    records: NDArray[Any],
    grid: CellGrid,
    controls: NDArray[np.float64],
    radius: float,
    classes: NDArray[np.uint8],
    bits: NDArray[np.uint8],
) -> NDArray[Any]:
    """Return the last returns and ground points within `radius` of each control point, as `NEAR_DTYPE`."""
    if not len(controls):
        return np.empty(0, NEAR_DTYPE)
    x, y = (np.ascontiguousarray(records[name]) for name in "XY")
    constants = np.array([*grid.scale[:2], *grid.offset[:2], radius])
    picked = np.flatnonzero(_in_boxes(x, y, constants, *_squares(controls, radius)))
    picked = picked[(bits[picked] & HEIGHT != 0) & (bits[picked] & (LAST | GROUND) != 0)]
    if not picked.size:
        return np.empty(0, NEAR_DTYPE)
    place = np.column_stack([x[picked] * grid.scale[0] + grid.offset[0], y[picked] * grid.scale[1] + grid.offset[1]])
    found = cKDTree(controls).query_ball_point(place, radius)
    lengths = np.array([len(entry) for entry in found])
    which = np.repeat(np.arange(picked.size), lengths)
    control = np.array([number for entry in found for number in sorted(entry)], np.int64)
    result = np.empty(which.size, NEAR_DTYPE)
    result["control"] = control
    result["dx"], result["dy"] = (place[which] - controls[control]).T if which.size else ((), ())
    result["z"] = (records["Z"][picked[which]] * grid.scale[2] + grid.offset[2]) * grid.height_factor
    result["ground"] = classes[picked[which]] == 2
    return result


def _squares(controls: NDArray[np.float64], radius: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the squares of edge `radius` that hold or touch control points: sorted keys, and bounds of their rows."""
    column, row = np.floor(controls / radius).astype(np.int64).T
    around = [(row + dy) * (1 << 31) + (column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.unique(np.concatenate(around)), np.array([row.min() - 1, row.max() + 1])


@numba.njit(cache=True, nogil=True)
def _in_boxes(x: Any, y: Any, constants: Any, keys: Any, rows: Any) -> Any:
    sx, sy, ox, oy, edge = constants
    inside = np.zeros(x.size, np.bool_)
    last_key, last_found = np.int64(-(1 << 62)), False
    for i in range(x.size):
        row = np.int64(np.floor((y[i] * sy + oy) / edge))
        if row < rows[0] or row > rows[1]:
            continue
        key = row * np.int64(1 << 31) + np.int64(np.floor((x[i] * sx + ox) / edge))
        if key != last_key:
            at = np.searchsorted(keys, key)
            last_key, last_found = key, at < keys.size and keys[at] == key
        inside[i] = last_found
    return inside
