"""Areas of a mask as outlines, each owned by one tile: the tools that draw buildings, for bridges and water."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.footprints.components import patches
from pipelines.footprints.outline import Outline, Unmodelled, repair
from pipelines.footprints.regularise import outline_of, patch_polygon
from twin.errors import FootprintError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from shapely import Polygon

    from pipelines.footprints.components import Patch
    from pipelines.footprints.params import FootprintParams
    from twin.bounds import Bounds
    from twin.raster import Frame

__all__ = ["bank_outlines", "deck_outlines"]


def deck_outlines(
    mask: NDArray[np.bool_], frame: Frame, xy: NDArray[np.float64], own: Bounds, params: FootprintParams
) -> tuple[list[Outline], list[Unmodelled]]:
    """Draw what a tile owns of a mask with straight edges that follow the points.

    Parameters
    ----------
    mask
        Cells, shape of the frame, row 0 in the south; right `FootprintParams.halo_m` round the tile.
    xy
        Points that made the mask, shape (n, 2), metres.
    """
    row, column, inside = frame.cells_of(xy[:, 0], xy[:, 1])
    row = frame.rows - 1 - row

    def draw(patch: Patch) -> Polygon:
        top, left = patch.row0 - frame.row0, patch.column0 - frame.column0
        height, width = patch.cells.shape
        near = inside & (row >= top) & (row < top + height) & (column >= left) & (column < left + width)
        at = np.nonzero(near)[0]
        return outline_of(patch, xy[at[patch.cells[row[at] - top, column[at] - left]]], params)

    return _drawn(mask, frame, own, params, draw, "bridge")


def bank_outlines(
    mask: NDArray[np.bool_], frame: Frame, own: Bounds, params: FootprintParams, shift_m: float
) -> tuple[list[Outline], list[Unmodelled]]:
    """Draw what a tile owns of a mask along its cells, their steps straightened by at most `shift_m`."""

    def draw(patch: Patch) -> Polygon:
        rough = patch_polygon(patch, params)
        return rough.simplify(shift_m)

    return _drawn(mask, frame, own, params, draw, "water")


def _drawn(  # noqa: PLR0913 - one loop for both kinds
    mask: NDArray[np.bool_],
    frame: Frame,
    own: Bounds,
    params: FootprintParams,
    draw: Callable[[Patch], Polygon],
    prefix: str,
) -> tuple[list[Outline], list[Unmodelled]]:
    """Draw each patch; one that cannot be drawn fails alone."""
    outlines: list[Outline] = []
    failed: list[Unmodelled] = []
    for patch in patches(mask, frame, own, params):
        row, column = patch.anchor
        name = f"{prefix}_{round((column + 0.5) * params.cell_m * 1000)}_{round((row + 0.5) * params.cell_m * 1000)}"
        facts = {"outline": "derived-block" if patch.is_block else "derived"}
        try:
            parts = repair(draw(patch), params)
        except FootprintError as error:
            failed.append(Unmodelled(id=name, reason=str(error)))
            continue
        for number, part in enumerate(parts, start=1):
            own_name = name if number == 1 else f"{name}/{number}"
            outlines.append(Outline(id=own_name, polygon=part, attributes=facts))
    return outlines, failed
