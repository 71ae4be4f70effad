"""Things that stand on the bed: wrecks, blocks, piles. Solid ones stop the light, so there is no bed below them.

Haze and fish hang everywhere around, and the bed shines through them; a thing is where many returns lie well above the
bed, many more than around, and hardly any on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.ground.cells import box_sum, count
from pipelines.objects.masks import grow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.raster import Frame

__all__ = ["THING_REACH_CELLS", "find_things"]

THING_REACH_CELLS = 4
"""Half edge of the square that a cell is compared with, in cells of 2 m."""
_LEAST, _MORE, _FEWER = 3, 2.5, 0.3
"""Returns of a cell of a thing, how many times more they are than around, and the share of the bed's left there."""


def find_things(
    cells: NDArray[np.int32], high: NDArray[np.bool_], bed: NDArray[np.bool_], frame: Frame
) -> NDArray[np.bool_]:
    """Return which of the points high above the bed are of solid things, shape (n,).

    Parameters
    ----------
    cells
        Cell of each point, shape (n,).
    high, bed
        Which points lie under water well above the bed, and which on it.
    """
    n_high, n_bed = count(cells, frame.shape, high), count(cells, frame.shape, bed)
    size = (2 * THING_REACH_CELLS + 1) ** 2
    around_high, around_bed = box_sum(n_high, THING_REACH_CELLS), box_sum(n_bed, THING_REACH_CELLS)
    solid = (n_high >= _LEAST) & (size * n_high >= _MORE * around_high) & (size * n_bed <= _FEWER * around_bed)
    # One cell of many returns is a swarm of fish as well; a thing has a neighbour.
    solid &= box_sum(solid.astype(np.int64), 1) >= 2
    # Its rim shares cells with the bed beside it.
    found: NDArray[np.bool_] = high & grow(solid, 1).ravel()[cells]
    return found
