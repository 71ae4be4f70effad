"""Single trees as LoD1 blocks: where, how high, how wide.

PLATEAU's LoD1 of a tree is its crown seen from above, pulled up from the ground to its highest point. The crown here is
the octagon of the same area about the crown's middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from shapely import Polygon

from pipelines.cityobjects.bodies import block_body
from pipelines.cityobjects.canopy import crowns, gaps_in_leaves, smoothed
from pipelines.ground.cells import cell_numbers, highest
from pipelines.objects.masks import with_gaps_filled
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.cityobjects.params import ObjectParams
    from twin.bounds import Bounds
    from twin.cityobject import CityObject
    from twin.points import Points
    from twin.raster import Raster

__all__ = ["find_trees"]

_TURNS = (np.arange(8) + 0.5) * math.pi / 4
_OCTAGON = np.column_stack([np.cos(_TURNS), np.sin(_TURNS)]) * math.sqrt(math.pi / (2 * math.sqrt(2)))
"""Corners of the octagon with the area of the unit circle."""


def find_trees(plants: Points, dtm: Raster, density: Raster, own: Bounds, params: ObjectParams) -> list[CityObject]:
    """Find the trees whose tops a tile owns.

    Parameters
    ----------
    plants
        Points of medium and high vegetation of the tile and of `ObjectParams.tree_halo_m` around it, in any order.
    dtm, density
        Bare earth in metres, NaN where void, and points per square metre, over the same area.
    own
        The tile.
    params
        Sizes.

    Returns
    -------
    list of CityObject
        Solids with `height` (highest point above the ground at the tree), `crownDiameter` (of the circle of the crown's
        area), `ground_m`, `n_points`. South to north. Whatever the tiles, the union over them is the same.

    Notes
    -----
    About 10 M cells a second. Trees under or inside another's crown are not found: in a closed wood most of them.
    """
    above = plants.z - dtm.sample(plants.x, plants.y)
    known = np.isfinite(above)
    if not known.any():
        return []
    frame = Frame.covering(own.buffered(params.tree_halo_m), params.tree_cell_m)
    x, y = np.meshgrid(*frame.centers())
    y = y[::-1]  # all grids here have row 0 in the south
    cells = cell_numbers(frame, plants.x[known], plants.y[known])
    height_mm = np.rint(np.nan_to_num(highest(cells, above[known], frame.shape))[::-1] * 1000.0).astype(np.int64)
    seen = (density.sample(x, y) > 0) | (height_mm > 0)
    height = smoothed(height_mm, seen & ~gaps_in_leaves(height_mm, params.gap_neighbours), params.tree_smoothing)
    height[~with_gaps_filled(seen, params.tree_gap_m / params.tree_cell_m)] = 0  # a crown ends with the survey
    tops, label = crowns(height, params)
    if not len(tops):
        return []
    canopy = _Canopy(
        frame=frame,
        top_m=highest(cells, plants.z[known], frame.shape)[::-1],
        n_points=np.bincount(cells[cells >= 0], minlength=label.size).reshape(label.shape)[::-1],
        n_all=np.nan_to_num(density.sample(x, y)) * params.tree_cell_m**2,
        ground_m=dtm.sample(x, y),
    )
    row, column = np.nonzero(label >= 0)
    order = np.argsort(label[row, column], kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(label[row, column], minlength=len(tops)))[:-1])
    trees = []
    for (top_row, top_column), part in zip(tops.tolist(), parts, strict=True):
        place = float(x[top_row, top_column]), float(y[top_row, top_column])
        is_mine = own.xmin <= place[0] < own.xmax and own.ymin <= place[1] < own.ymax
        if is_mine and len(part) * params.tree_cell_m**2 >= params.crown_min_m2:
            trees.append(_tree(place, row[part], column[part], canopy, params))
    return [tree for tree in trees if tree is not None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Canopy:
    """Grids of a window, row 0 in the south."""

    frame: Frame
    top_m: NDArray[np.float32]
    """Highest plant, NaN where there is none."""
    n_points: NDArray[np.int64]
    n_all: NDArray[np.float64]
    """Points of all classes."""
    ground_m: NDArray[np.float64]
    """Bare earth, NaN where unknown."""


def _tree(
    place: tuple[float, float],
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    canopy: _Canopy,
    params: ObjectParams,
) -> CityObject | None:
    """Model one crown; None if it is too low or too slender for a tree, or most of it is something else.

    Its height counts from the ground at its middle, where the trunk should be: beside a wall the ground below its edge
    may lie metres lower.
    """
    frame, n = canopy.frame, len(row)
    # Sums of global numbers are the same in every window.
    middle_row, middle_column = int(row.sum()) + n * frame.row0, int(column.sum()) + n * frame.column0
    ground = float(canopy.ground_m[middle_row // n - frame.row0, middle_column // n - frame.column0])
    top = float(np.fmax.reduce(canopy.top_m[row, column]))
    if not top - ground >= params.tree_min_height_m:  # nor if either is NaN
        return None
    radius = math.sqrt(n / math.pi) * frame.resolution_m
    n_points, n_all = int(canopy.n_points[row, column].sum()), float(canopy.n_all[row, column].sum())
    if 2 * radius < params.crown_min_share * params.crown_m(top - ground) or n_points < params.plant_share * n_all:
        return None
    middle = np.array([middle_column / n + 0.5, middle_row / n + 0.5]) * frame.resolution_m
    return block_body(
        f"tree_{round(place[0] * 1000)}_{round(place[1] * 1000)}",
        "SolitaryVegetationObject",
        Polygon(np.rint((middle + radius * _OCTAGON) * 1000.0) / 1000.0),
        (float(np.fmin(np.fmin.reduce(canopy.ground_m[row, column]), ground)), top),
        {
            "height": round(top - ground, 2),
            "crownDiameter": round(2 * radius, 2),
            "ground_m": round(ground, 3),
            "n_points": n_points,
        },
    )
