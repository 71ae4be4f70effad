"""From a patch of cells to an outline as people build: straight edges, mostly at right angles.

The cells only say where the building is; where each wall stands is measured on the points along it. That recovers
half a cell on every side, which is what separates an overlap of 0.85 from one of 0.95 on a house.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Polygon

from pipelines.footprints.walls import Walls, settle, tilt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.footprints.components import Patch
    from pipelines.footprints.params import FootprintParams

__all__ = ["dominant_direction", "outline_of", "patch_polygon"]

_ANGLE_STEP_DEG = 0.5
_RIGHT_ANGLED = 0.45
"""Mean |sin 2a| of the edges against the dominant direction up to which a building is taken as right-angled: a
regular rectangle scores 0, a circle 0.64."""
_TURNS = 2
"""Times that the direction is measured again on the points; it settles after one or two."""
_LEAST_OVERLAP = 0.85
"""Overlap (intersection over union) with the cells below which the right-angled outline is not believed."""


def outline_of(patch: Patch, xy: NDArray[np.float64], params: FootprintParams) -> Polygon:
    """Draw the outline of one patch.

    Parameters
    ----------
    patch
        Cells of the building.
    xy
        Its points, shape (n, 2), metres; in any order.
    params
        Cell, jog and hole sizes.

    Returns
    -------
    shapely.Polygon
        Metres of the points' CRS; may be invalid in odd cases, so repair it. Right-angled where the building looks
        so, else the simplified edge of the cells.
    """
    cells = patch_polygon(patch, params)
    origin = np.array([patch.column0, patch.row0]) * params.cell_m
    rough = shapely.transform(cells, lambda c: c - origin).simplify(1.5 * params.cell_m)
    angle, misfit = dominant_direction(rough)
    if misfit <= _RIGHT_ANGLED and not patch.is_block:  # the cuts of a block would pass for walls
        for _ in range(_TURNS):
            turned, walls = _turned(rough, xy - origin, angle, params)
            angle += tilt(turned, walls)
        turned, walls = _turned(rough, xy - origin, angle, params)
        square = settle(turned, walls)
        if square is not None:
            straight = shapely.transform(square, lambda c: c @ _turn(angle).T + origin)
            if _overlap(straight, cells) >= _LEAST_OVERLAP:
                return straight
    return shapely.transform(rough, lambda c: c + origin)


def _turned(rough: Polygon, xy: NDArray[np.float64], angle: float, params: FootprintParams) -> tuple[Polygon, Walls]:
    """Outline and points in a system whose axes follow the walls."""
    turn = _turn(angle)
    walls = Walls(points=xy @ turn, area_m2=rough.area, cell_m=params.cell_m, jog_m=params.jog_m)
    return shapely.transform(rough, lambda c: c @ turn), walls


def _turn(angle: float) -> NDArray[np.float64]:
    """Matrix that takes row vectors into a system turned by `angle`."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def patch_polygon(patch: Patch, params: FootprintParams) -> Polygon:
    """Return the union of a patch's cells, holes below `derived_min_hole_m2` closed; metres."""
    edge = np.diff(np.pad(patch.cells, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(edge == 1)
    _, stop = np.nonzero(edge == -1)  # in the same order: runs of a row alternate between start and stop
    west, east, south = patch.column0 + start, patch.column0 + stop, patch.row0 + row
    step = params.cell_m
    covered = shapely.union_all(shapely.box(west * step, south * step, east * step, (south + 1) * step))
    shell = max(shapely.get_parts(covered), key=lambda part: part.area)
    holes = [ring for ring in shell.interiors if Polygon(ring).area > params.derived_min_hole_m2]
    return shapely.orient_polygons(Polygon(shell.exterior, holes))


def dominant_direction(polygon: Polygon) -> tuple[float, float]:
    """Direction that most edges follow or cross at right angles, and how badly the rest fits.

    Parameters
    ----------
    polygon
        In metres.

    Returns
    -------
    tuple
        Angle in radians in 0..pi/2, counter-clockwise from x, and the length-weighted mean of |sin 2(a - angle)|.
    """
    edges = np.concatenate([np.diff(shapely.get_coordinates(ring), axis=0) for ring in shapely.get_rings(polygon)])
    length = np.hypot(edges[:, 0], edges[:, 1])
    direction = np.arctan2(edges[:, 1], edges[:, 0])
    candidates = np.radians(np.arange(0.0, 90.0, _ANGLE_STEP_DEG))
    cost = (length * np.abs(np.sin(2 * (direction - candidates[:, None])))).sum(axis=1) / length.sum()
    best = int(np.argmin(cost))
    return float(candidates[best]), float(cost[best])


def _overlap(a: Polygon, b: Polygon) -> float:
    if not a.is_valid:
        return 0.0
    union = a.union(b).area
    return float(a.intersection(b).area / union) if union else 0.0
