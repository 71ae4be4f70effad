"""The outline of one building whose points were cut out of a survey, walls and all, with nothing around it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Polygon

from pipelines.footprints.components import building_mask, component
from pipelines.footprints.outline import mean_width_m, repair
from pipelines.footprints.regularise import outline_of
from twin.bounds import Bounds
from twin.errors import FootprintError
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.footprints.params import FootprintParams

__all__ = ["outline_of_points"]

_LEAST_POINTS = 5
_NARROWEST_M = 1.0
"""Least mean width, metres: a wire or a wall alone is narrower."""
_WIDEST_CELLS = 3.0
"""Cells grow to at most this many of `cell_m` where points are sparse."""


def outline_of_points(xyz: NDArray[np.float64], params: FootprintParams) -> Polygon:
    """Draw the outline of a single building.

    Cells are as fine as the points allow: the same building may be scanned with 2 or with 30 points per square metre,
    and there is no tiling that a cell would have to fit. Only the largest connected part is drawn.

    Parameters
    ----------
    xyz
        Points of the building, roof and walls, shape (n, 3), metres; in any order, in any CRS in metres.
    params
        Sizes of derived outlines.

    Returns
    -------
    shapely.Polygon
        Valid, counter-clockwise, on the 1 mm grid.

    Raises
    ------
    FootprintError
        If there are too few points, or what they cover is too small.

    Notes
    -----
    About 3 ms for 1 500 points.
    """
    xy = xyz[np.lexsort((xyz[:, 2], xyz[:, 1], xyz[:, 0])), :2]
    if len(xy) < _LEAST_POINTS:
        raise FootprintError(f"{len(xy)} points show no outline; {_LEAST_POINTS} are the least")
    origin = np.floor(xy.min(axis=0))
    local = xy - origin
    fitted = dataclasses.replace(params, cell_m=_cell_m(local, params), max_extent_m=np.inf)
    frame = Frame.covering(Bounds.around(local[:, 0], local[:, 1]).buffered(fitted.mask_margin_m), fitted.cell_m)
    # What is a cell or two wide may be the whole building where points are few; wires were cut away before.
    mask = building_mask(local[:, 0], local[:, 1], frame, fitted, thin=True)
    patch = component(mask, frame)
    if patch is None:
        raise FootprintError("no cell holds points")
    outline = shapely.transform(outline_of(patch, local, fitted), lambda c: c + origin)
    part = max(repair(outline, params), key=lambda part: part.area)
    if mean_width_m(part) < _NARROWEST_M:
        raise FootprintError(f"the points lie in a line, {mean_width_m(part):.1f} m wide: they show no outline")
    return part


def _cell_m(xy: NDArray[np.float64], params: FootprintParams) -> float:
    """Cell that holds about two points of the roof: walls seen from above are lines and count only once a metre."""
    metre = np.unique(np.floor(xy), axis=0, return_counts=True)[1]
    density = float(np.median(metre))
    return float(np.clip(np.sqrt(2.0 / density), params.cell_m, _WIDEST_CELLS * params.cell_m))
