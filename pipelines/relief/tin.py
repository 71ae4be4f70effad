"""The ground of a tile as a TIN within a stated tolerance of the terrain raster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.relief.lattice import find_rims, squares
from pipelines.relief.simplify import simplify
from twin.cityobject import Tin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.relief.params import ReliefParams
    from twin.raster import Frame, Raster

__all__ = ["relief_frame", "tile_relief"]

_STEPS = 10_000
"""Steps of the 0.1 mm grid in a metre."""


def relief_frame(own: Frame) -> Frame:
    """Return the cells that a tile's TIN is told from: its own, two more east and north, one more west and south."""
    return replace(own, column0=own.column0 - 1, row0=own.row0 - 1, rows=own.rows + 3, columns=own.columns + 3)


def tile_relief(dtm: Raster, own: Frame, name: str, params: ReliefParams) -> Tin | None:
    """Triangulate a tile.

    The surface spans the centres of the tile's cells and reaches to those of its eastern and northern neighbours'
    first cells: there, on samples that both have, neighbours meet without a gap. A hole in the raster wider than a cell
    is a hole in the surface, cut along the cells' centres; ground narrower than two cells is left out.

    Parameters
    ----------
    dtm
        Heights in metres, NaN where void; what of `relief_frame` it lacks is void.
    own
        Cells of the tile.
    name
        Id of the result.
    params
        Tolerance.

    Returns
    -------
    Tin or None
        No sample of its surface is farther from it, measured along z, than the tolerance; None where all is void. Two
        neighbours have the same vertices on the side that they share.

    Notes
    -----
    Worst-first insertion into a Delaunay triangulation: about 1 M cells a second on one core, and 150 MB for 1 M cells.
    """
    frame = relief_frame(own)
    z = np.rint(_window(dtm, frame).astype(np.float64) * _STEPS)[::-1]
    around = squares(z)
    surface = np.ascontiguousarray(around[1:-1, 1:-1])
    if not surface.any():
        return None
    z = np.ascontiguousarray(z[1:-1, 1:-1])
    tolerance = params.tolerance_m * _STEPS - 1.0  # rounding to the grid takes half a step of sample and of vertex
    rims = find_rims(z, around, tolerance)
    column, row, triangles = simplify(z, surface, rims.points, rims.edges, tolerance)
    used = np.unique(triangles)
    column, row, height = column[used], row[used], z[row[used], column[used]]
    step = own.resolution_m
    x, y = (own.column0 + column + 0.5) * step, (own.row0 + row + 0.5) * step
    return Tin(
        id=name,
        vertices=np.column_stack([np.rint(x * _STEPS), np.rint(y * _STEPS), height]) / _STEPS,
        triangles=np.searchsorted(used, triangles).astype(np.int32),
        attributes={
            "tolerance_m": params.tolerance_m,
            "resolution_m": step,
            "n_samples": int(np.isfinite(z).sum()),
        },
    )


def _window(dtm: Raster, frame: Frame) -> NDArray[np.float32]:
    """Return the cells of a frame, NaN where the raster does not reach."""
    have = dtm.frame
    out = np.full(frame.shape, np.nan, np.float32)
    south, west = max(frame.row0, have.row0), max(frame.column0, have.column0)
    north = min(frame.row0 + frame.rows, have.row0 + have.rows)
    east = min(frame.column0 + frame.columns, have.column0 + have.columns)
    if south >= north or west >= east:
        return out
    part = replace(frame, row0=south, column0=west, rows=north - south, columns=east - west)
    out[frame.window_of(part)] = dtm.values[have.window_of(part)]
    return out
