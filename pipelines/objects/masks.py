"""Connected parts of a mask, counted only up to a bound.

Whether a part has at least N cells is decided by the N - 1 cells around any of its cells; a part's exact size is not.
So thresholds are the only question asked here, and they are small against the halo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["close_mask", "drop_small", "fill_small_holes", "grow", "open_mask", "with_gaps_filled"]


def drop_small(mask: NDArray[np.bool_], min_cells: int) -> NDArray[np.bool_]:
    """Clear the 4-connected parts of fewer than `min_cells` cells; reach `min_cells`."""
    _, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= min_cells
    large[0] = False
    kept: NDArray[np.bool_] = large[label]
    return kept


def fill_small_holes(mask: NDArray[np.bool_], max_cells: int) -> NDArray[np.bool_]:
    """Set the 4-connected gaps of at most `max_cells` cells; reach `max_cells` + 1."""
    return ~drop_small(~mask, max_cells + 1)


def open_mask(mask: NDArray[np.bool_], edge_cells: int) -> NDArray[np.bool_]:
    """Clear what a square of `edge_cells` (odd) cells does not fit into; reach `edge_cells` - 1."""
    return _morph(mask, cv2.MORPH_OPEN, edge_cells)


def close_mask(mask: NDArray[np.bool_], edge_cells: int) -> NDArray[np.bool_]:
    """Set what a square of `edge_cells` (odd) cells outside the mask does not fit into; reach `edge_cells` - 1."""
    return _morph(mask, cv2.MORPH_CLOSE, edge_cells) | mask


def with_gaps_filled(mask: NDArray[np.bool_], gap_cells: float) -> NDArray[np.bool_]:
    """Set the gaps between set cells that are at most `gap_cells` wide.

    That width counts to the nearest even number, at least 2, and is the reach too. Unlike `close_mask` this takes
    nothing to be set beyond the edge of the grid.
    """
    radius = max(1, round(gap_cells / 2))
    rim = 2 * radius
    return close_mask(np.pad(mask, rim), 2 * radius + 1)[rim:-rim, rim:-rim]


def grow(mask: NDArray[np.bool_], radius_cells: int) -> NDArray[np.bool_]:
    """Set all cells within the square of `radius_cells` around a set one."""
    return _morph(mask, cv2.MORPH_DILATE, 2 * radius_cells + 1)


def _morph(mask: NDArray[np.bool_], operation: int, edge_cells: int) -> NDArray[np.bool_]:
    kernel = np.ones((edge_cells, edge_cells), np.uint8)
    result: NDArray[np.bool_] = cv2.morphologyEx(mask.astype(np.uint8), operation, kernel).astype(bool)
    return result
