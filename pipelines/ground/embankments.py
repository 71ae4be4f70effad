"""Dikes, ramps and embankments: ground that a morphological filter cuts off.

An opening takes a dike for a long low house. What parts them is the way up: a house begins with a step, a dike with a
slope. So ground climbs from cell to cell over smooth surfaces, as long as no step is too high, and only a bounded
number of cells far. A flood model needs this more than anything else in the terrain: the dike keeps the street dry.

A bridge is climbed in the same way; `pipelines.objects.bridges` tells it from a dike, because a deck taken for ground
would dam the canal below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EmbankmentParams", "climb", "deck_around"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbankmentParams:
    """Parameters of the climb."""

    max_slope: float = 0.8
    """Steepest side that ground climbs, rise over run (Japanese river dikes are 1:2, revetments up to 1:1.5)."""
    max_length_m: float = 20.0
    """Longest way from the ground around, metres (one side of a dike 10 m high at 1:2)."""
    planar_share: float = 0.5
    """Share of points on a plane among those above the filtered ground from which a cell is smooth (ours)."""
    slack_m: float = 0.2
    """Height above the cell's slope up to which its points are ground, metres (ours: grass and ranging noise)."""


def climb(
    low: NDArray[np.float32],
    seeds: NDArray[np.bool_],
    smooth: NDArray[np.bool_],
    max_step_m: float,
    n_steps: int,
) -> NDArray[np.bool_]:
    """Return the smooth cells that ground reaches from `seeds`, without the seeds.

    Parameters
    ----------
    low
        Lowest height of each cell, metres, NaN where void, shape (rows, cols).
    seeds
        Cells of known ground.
    smooth
        Cells that may be climbed.
    max_step_m
        Highest step between cells that share an edge, metres.
    n_steps
        Longest way in cells; also the reach.
    """
    reached = np.where(seeds, 0, -1).astype(np.int16)
    _climb(low, reached, smooth, max_step_m, n_steps)
    return np.asarray(reached > 0)


def deck_around(low: NDArray[np.float32], bridge: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lowest and the highest deck in the 3 x 3 cells around each cell, +inf and -inf where there is none.

    A deck ends within a cell whose lowest point is the water below, so its edge has to be known by its neighbours.
    """
    square, far = np.ones((3, 3), np.uint8), np.float32(np.inf)
    bottom = cv2.erode(np.where(bridge, low, far), square)
    return np.asarray(bottom), np.asarray(cv2.dilate(np.where(bridge, low, -far), square))


@numba.njit(cache=True)
def _climb(low: Any, reached: Any, smooth: Any, max_step_m: float, n_steps: int) -> None:
    """Breadth first, ring by ring: a cell's ring is its shortest way, whatever the order of cells within a ring."""
    rows, columns = low.shape
    ring = np.empty((rows * columns, 2), np.int32)
    start, end = 0, 0
    for i in range(rows):
        for j in range(columns):
            if reached[i, j] == 0:
                ring[end] = i, j
                end += 1
    for step in range(1, n_steps + 1):
        first, start = start, end
        for k in range(first, start):
            i, j = ring[k]
            for side in range(4):
                a, b = i + (side == 0) - (side == 1), j + (side == 2) - (side == 3)
                open_cell = 0 <= a < rows and 0 <= b < columns and reached[a, b] < 0 and smooth[a, b]
                if open_cell and abs(low[a, b] - low[i, j]) <= max_step_m:
                    reached[a, b] = step
                    ring[end] = a, b
                    end += 1
