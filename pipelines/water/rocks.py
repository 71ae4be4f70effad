"""Rocks in the sea: what stands there is no house."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from pipelines.ground.cells import cell_numbers, count
from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.water.params import WaterParams
    from twin.points import Points
    from twin.raster import Frame

__all__ = ["find_rocks"]


def find_rocks(
    points: Points, code: NDArray[np.uint8], chosen: NDArray[np.bool_], frame: Frame, params: WaterParams
) -> NDArray[np.bool_]:
    """Return which of the chosen points stand in the sea: whichever way one goes, water comes before land.

    Parameters
    ----------
    points
        Points without noise, n of them.
    code
        ASPRS code of each: 2 is land, 40 and 41 are sea.
    chosen
        Which to ask for (those taken for buildings), shape (n,).
    frame
        Cells of ``params.cell_m`` that hold the points.

    Returns
    -------
    A mask of shape (n,), right wherever codes within ``params.rock_m`` and two cells are given.
    """
    if params.rock_m <= 0:
        return np.zeros(len(points), bool)
    cells = cell_numbers(frame, points.x, points.y)
    sea = count(cells, frame.shape, (code == PointClass.WATER_SURFACE) | (code == PointClass.SEABED))
    land = count(cells, frame.shape, code == PointClass.GROUND)
    asked = count(cells, frame.shape, chosen) > 0
    kind = np.where(land > sea, 2, np.where(sea > 0, 1, 0)).astype(np.uint8)
    rock = np.asarray(_in_the_sea(kind, asked, params.cells(params.rock_m)))
    return np.asarray(chosen & rock.ravel()[cells])


@numba.njit(cache=True)
def _in_the_sea(kind: Any, asked: Any, n_cells: int) -> Any:
    """Whether, of the eight ways from a cell, six meet sea and none meets land first."""
    rows, columns = kind.shape
    found = np.zeros(kind.shape, np.bool_)
    for i in range(rows):
        for j in range(columns):
            n_sea, n_land = 0, 0
            for k in range(9):
                for t in range(1, n_cells + 1 if asked[i, j] and k != 4 else 1):
                    a, b = i + t * (k // 3 - 1), j + t * (k % 3 - 1)
                    if 0 <= a < rows and 0 <= b < columns and kind[a, b]:
                        n_sea += kind[a, b] == 1
                        n_land += kind[a, b] == 2
                        break
            found[i, j] = n_sea >= 6 and n_land == 0
    return found
