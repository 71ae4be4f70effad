"""Outlines from building points, where nobody gave any.

Points mark cells, cells form patches, each patch becomes an outline, and an outline is parted where roofs end against
each other. Houses in a row under one continuous roof come out as one building: points do not show their party walls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipelines.footprints.components import Patch, building_mask, patches
from pipelines.footprints.outline import Outline, Unmodelled, repair
from pipelines.footprints.partition import houses_of
from pipelines.footprints.regularise import directions, outline_of
from twin.bounds import Bounds
from twin.errors import FootprintError
from twin.raster import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from shapely import Polygon

    from pipelines.footprints.params import FootprintParams

__all__ = ["derive_outlines"]


def derive_outlines(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64], own: Bounds, params: FootprintParams
) -> tuple[list[Outline], list[Unmodelled]]:
    """Draw the outlines that a tile owns.

    Parameters
    ----------
    x, y, z
        Building points of the tile and of `FootprintParams.halo_m` around it, shape (n,), metres; in any order.
    own
        The tile.
    params
        Sizes; see there.

    Returns
    -------
    tuple
        Outlines south to north, named by the place of their anchor cell in millimetres, and patches that no outline
        could be drawn of, with reasons. Whatever the tiles, the union over them is the same.
    """
    if len(x) == 0:
        return [], []
    frame = Frame.covering(_window(x, y, own, params), params.cell_m)
    mask = building_mask(x, y, frame, params)
    points_of = _lookup(x, y, z, frame)
    outlines: list[Outline] = []
    failed: list[Unmodelled] = []
    for patch in patches(mask, frame, own, params):
        name = _name(patch, params.cell_m)
        facts = {"outline": "derived-block" if patch.is_block else "derived"}
        try:
            parts = _parted(patch, points_of(patch), params)
        except FootprintError as error:
            failed.append(Unmodelled(id=name, reason=str(error)))
            continue
        except shapely.GEOSException as error:
            told = " ".join(str(error).split())[:100]
            failed.append(Unmodelled(id=name, reason=f"no outline could be drawn: {told}"))
            continue
        parts = [part for part in parts if part.area >= params.derived_min_area_m2] or parts[:1]
        if len(parts) > 1:
            facts |= {"block": name}
        for number, part in enumerate(parts, start=1):
            own_name = name if number == 1 else f"{name}/{number}"
            outlines.append(Outline(id=own_name, polygon=part, attributes=facts))
    return outlines, failed


def _window(x: NDArray[np.float64], y: NDArray[np.float64], own: Bounds, params: FootprintParams) -> Bounds:
    """Tile and halo, or less where the points end: beyond them nothing can change the mask."""
    window, cloud = own.buffered(params.halo_m), Bounds.around(x, y).buffered(params.mask_margin_m)
    return Bounds(
        xmin=min(max(window.xmin, cloud.xmin), window.xmax),
        ymin=min(max(window.ymin, cloud.ymin), window.ymax),
        xmax=max(min(window.xmax, cloud.xmax), window.xmin),
        ymax=max(min(window.ymax, cloud.ymax), window.ymin),
    )


def _name(patch: Patch, cell_m: float) -> str:
    row, column = patch.anchor
    return f"b_{round((column + 0.5) * cell_m * 1000)}_{round((row + 0.5) * cell_m * 1000)}"


def _parted(patch: Patch, xyz: NDArray[np.float64], params: FootprintParams) -> list[Polygon]:
    """Outlines of the houses of one patch."""
    origin = np.floor(np.array([patch.column0, patch.row0]) * params.cell_m)
    local = xyz - np.append(origin, 0.0)
    cut_m = params.block_m if patch.is_block else None
    houses = []
    for part in repair(outline_of(patch, xyz[:, :2], params), params):
        near = shapely.transform(part, lambda c: np.round(c - origin, 3))
        axes = directions(near, cut_m, (float(origin[0]), float(origin[1])))
        houses += [
            shapely.transform(house, lambda c: np.round(c + origin, 3))
            for house in houses_of(near, local, axes, params)
        ]
    return houses


def _lookup(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64], frame: Frame
) -> Callable[[Patch], NDArray[np.float64]]:
    """Return a function that gives the points of a patch, shape (n, 3)."""
    row, column, inside = frame.cells_of(x, y)
    south_row = frame.rows - 1 - row[inside]
    cell = south_row * frame.columns + column[inside]
    order = np.argsort(cell, kind="stable")
    xyz = np.column_stack([x[inside][order], y[inside][order], z[inside][order]])
    start = np.searchsorted(cell[order], np.arange(frame.rows * frame.columns + 1))
    n_columns = frame.columns

    def points_of(patch: Patch) -> NDArray[np.float64]:
        # Opening may have taken the outermost cells; blocks end where their neighbour begins.
        grow = 0 if patch.is_block else 1
        cells = _dilated(patch.cells) if grow else patch.cells
        r, c = np.nonzero(cells)
        at = (patch.row0 - frame.row0 - grow + r) * n_columns + patch.column0 - frame.column0 - grow + c
        count = start[at + 1] - start[at]
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        found: NDArray[np.float64] = xyz[np.repeat(start[at], count) + within]
        return found

    return points_of


def _dilated(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grow by one cell in all eight directions; one cell larger on each side."""
    grown = np.zeros((cells.shape[0] + 2, cells.shape[1] + 2), np.bool_)
    for r in range(3):
        for c in range(3):
            grown[r : r + cells.shape[0], c : c + cells.shape[1]] |= cells
    return grown
