"""What the water does to each building.

The terrain under a building is filled, not measured, so depth is read from the ground *around* it: the cells that the
outline passes through and their four neighbours. Of these, the deepest wet cell counts, which is the water level minus
the lowest wet ground that touches the building. Canal cells beside a house are water already and do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from twin.raster import Frame

__all__ = ["Exposure", "building_exposure"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """One entry a building, in the order of the outlines."""

    max_depth_m: NDArray[np.float64]
    """Level minus the lowest wet ground touching the building, metres; 0 if dry, NaN if no cell around it is known."""
    mean_depth_m: NDArray[np.float64]
    """Mean depth over the wet cells around the building, metres; 0 if dry, NaN if unknown."""
    wet_share: NDArray[np.float64]
    """Wet cells over known land cells around the building, 0 to 1; NaN if unknown."""
    unknown_share: NDArray[np.float64]
    """Cells around the building whose ground is unknown, or that lie outside the terrain, over all cells but water."""


def building_exposure(
    outlines: Sequence[shapely.Polygon | shapely.MultiPolygon],
    depth_m: NDArray[np.float32],
    water: NDArray[np.bool_],
    frame: Frame,
) -> Exposure:
    """Read the depth around each outline.

    Parameters
    ----------
    outlines
        Footprints in the frame's CRS; courtyards count as outside, so water in them touches the building.
    depth_m
        Shape (rows, columns), metres above ground, 0 dry, NaN unknown.
    water
        Shape (rows, columns), cells that are water without the flood.
    frame
        Cells of both.

    Notes
    -----
    Time grows with the cells in the outlines' boxes: about 10 microseconds for a house on 0.5 m cells.
    """
    coordinates, ring_of, building_of_ring = _flatten(outlines)
    out = np.empty((len(outlines), 4), dtype=np.float64)
    _read_rings(
        coordinates / frame.resolution_m - np.array([frame.column0, frame.row0], dtype=np.float64),
        np.searchsorted(ring_of, np.arange(building_of_ring.size + 1)),
        np.searchsorted(building_of_ring, np.arange(len(outlines) + 1)),
        depth_m[::-1],  # rows northwards, as coordinates grow
        water[::-1],
        out,
    )
    return Exposure(max_depth_m=out[:, 0], mean_depth_m=out[:, 1], wet_share=out[:, 2], unknown_share=out[:, 3])


def _flatten(outlines: Sequence[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Coordinates (n, 2), the ring of each, and the building of each ring; both in rising order."""
    if len(outlines) == 0:
        return np.empty((0, 2)), np.empty(0, np.int64), np.empty(0, np.int64)
    parts, building_of_part = shapely.get_parts(np.asarray(outlines, dtype=object), return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    coordinates, ring_of = shapely.get_coordinates(rings, return_index=True)
    return coordinates, ring_of.astype(np.int64), building_of_part[part_of_ring].astype(np.int64)


@numba.njit(cache=True)
def _read_rings(  # noqa: PLR0913 - compiled code takes plain arrays
    xy: NDArray[np.float64],
    ring_start: NDArray[np.int64],
    building_start: NDArray[np.int64],
    depth: NDArray[np.float32],
    water: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:
    """Fill `out` (n, 4); `xy` counts in cells from the south-west corner of the arrays, whose rows run northwards."""
    for building in range(building_start.size - 1):
        first = ring_start[building_start[building]]
        last = ring_start[building_start[building + 1]]
        if first == last:
            out[building] = (np.nan, np.nan, np.nan, 1.0)
            continue
        left = int(np.floor(xy[first:last, 0].min())) - 1
        bottom = int(np.floor(xy[first:last, 1].min())) - 1
        width = int(np.floor(xy[first:last, 0].max())) + 2 - left
        height = int(np.floor(xy[first:last, 1].max())) + 2 - bottom
        touched = np.zeros((height, width), dtype=np.bool_)
        for ring in range(building_start[building], building_start[building + 1]):
            for i in range(ring_start[ring], ring_start[ring + 1] - 1):
                _touch(touched, xy[i, 0] - left, xy[i, 1] - bottom, xy[i + 1, 0] - left, xy[i + 1, 1] - bottom)
        _summarise(touched, left, bottom, depth, water, out[building])


@numba.njit(cache=True)
def _touch(touched: NDArray[np.bool_], x0: float, y0: float, x1: float, y1: float) -> None:
    """Mark every cell that a segment passes through, row by row."""
    if y1 < y0:
        x0, y0, x1, y1 = x1, y1, x0, y0
    for row in range(int(np.floor(y0)), int(np.floor(y1)) + 1):
        if y1 > y0:
            enter = min(max((row - y0) / (y1 - y0), 0.0), 1.0)
            leave = min(max((row + 1 - y0) / (y1 - y0), 0.0), 1.0)
        else:
            enter, leave = 0.0, 1.0
        xa, xb = x0 + enter * (x1 - x0), x0 + leave * (x1 - x0)
        for column in range(int(np.floor(min(xa, xb))), int(np.floor(max(xa, xb))) + 1):
            touched[row, column] = True


@numba.njit(cache=True)
def _summarise(  # noqa: PLR0913 - compiled code takes plain arrays and numbers
    touched: NDArray[np.bool_],
    left: int,
    bottom: int,
    depth: NDArray[np.float32],
    water: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:
    """Reduce the touched cells and their four neighbours; the box has a rim of one cell for them."""
    rows, columns = touched.shape
    n_wet, n_dry, n_unknown, deepest, total = 0, 0, 0, 0.0, 0.0
    for r in range(rows):
        for c in range(columns):
            near = (
                touched[r, c]
                or (r > 0 and touched[r - 1, c])
                or (r + 1 < rows and touched[r + 1, c])
                or (c > 0 and touched[r, c - 1])
                or (c + 1 < columns and touched[r, c + 1])
            )
            if not near:
                continue
            row, column = bottom + r, left + c
            if row < 0 or column < 0 or row >= depth.shape[0] or column >= depth.shape[1]:
                n_unknown += 1
            elif water[row, column]:
                continue
            elif np.isnan(depth[row, column]):
                n_unknown += 1
            elif depth[row, column] > 0:
                n_wet += 1
                deepest = max(deepest, float(depth[row, column]))
                total += depth[row, column]
            else:
                n_dry += 1
    known = n_wet + n_dry
    out[0] = deepest if known else np.nan
    out[1] = total / n_wet if n_wet else (0.0 if known else np.nan)
    out[2] = n_wet / known if known else np.nan
    out[3] = n_unknown / (known + n_unknown) if known + n_unknown else 1.0
