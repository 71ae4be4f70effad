"""The surveyed area: where points are, narrow gaps closed, holes filled.

It is told by coarse cells (8 x 8 cells). Occupied ones are closed by `AcceptanceParams.footprint_closing_m`, so that a
lost strip between two others belongs to the area, and what is enclosed is filled, so that voids count; the land outside
does not. Along its rim an occupied coarse cell counts only as far as its own points reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.acceptance.cells import BLOCK_CELLS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["COARSE_SIDE", "Area", "surveyed_area"]

COARSE_SIDE = 32
"""Coarse cells along a block's edge."""
_MAX_CELLS = 100_000_000
"""Coarse cells filled at once, 100 MB each of a few copies: 6 400 km2 of 1 m cells. Larger ones are filled in parts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """The surveyed part of one block, as packed 32 x 32 bits, row 0 in the south."""

    inside: NDArray[np.uint8]
    rim: NDArray[np.uint8]
    """Coarse cells inside that touch the outside."""


def surveyed_area(
    occupied: Mapping[tuple[int, int], NDArray[np.uint8]], closing_cells: float
) -> dict[tuple[int, int], Area]:
    """Return the surveyed part of each block (column, row) that has some.

    Parameters
    ----------
    occupied
        Occupied coarse cells of each block, packed.
    closing_cells
        Half of the widest gap to close, in cells.

    Notes
    -----
    One byte a coarse cell of the box around each connected group of blocks, a few times over.
    """
    reach = min(COARSE_SIDE // 2, int(np.ceil(closing_cells * COARSE_SIDE / BLOCK_CELLS)))
    result: dict[tuple[int, int], Area] = {}
    for group in _groups(set(occupied)):
        for part in _parts(sorted(group)):
            result |= _filled(part, occupied, reach)
    return dict(sorted(result.items()))


def _groups(blocks: set[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Yield groups of blocks that touch, corners and a block between included: a closing reaches no further."""
    left = set(blocks)
    for start in sorted(blocks):
        if start not in left:
            continue
        left.discard(start)
        group, open_ends = [start], [start]
        while open_ends:
            column, row = open_ends.pop()
            for near in ((column + dx, row + dy) for dx in (-2, -1, 0, 1, 2) for dy in (-2, -1, 0, 1, 2)):
                if near in left:
                    left.discard(near)
                    group.append(near)
                    open_ends.append(near)
        yield group


def _parts(group: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Yield the group, or halves of it until each fits into memory."""
    columns, rows = np.array(group).T
    width, height = np.ptp(columns) + 1, np.ptp(rows) + 1
    if width * height * COARSE_SIDE**2 <= _MAX_CELLS or len(group) == 1:
        yield group
        return
    axis = 0 if width >= height else 1
    middle = (columns.min() + columns.max()) // 2 if axis == 0 else (rows.min() + rows.max()) // 2
    for half in ([b for b in group if b[axis] <= middle], [b for b in group if b[axis] > middle]):
        yield from _parts(half)


def _filled(
    blocks: list[tuple[int, int]], occupied: Mapping[tuple[int, int], NDArray[np.uint8]], reach: int
) -> dict[tuple[int, int], Area]:
    """Close and fill one part; blocks around it may get a share of it."""
    columns, rows = np.array(blocks).T
    west, south = int(columns.min()) - 1, int(rows.min()) - 1
    width, height = int(columns.max()) - west + 2, int(rows.max()) - south + 2
    dense = np.zeros((height * COARSE_SIDE, width * COARSE_SIDE), np.uint8)
    for column, row in blocks:
        _window(dense, column - west, row - south)[:] = _unpacked(occupied[column, row])
    if reach:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        closed = cv2.morphologyEx(dense, cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        dense = np.asarray(closed, np.uint8)
    outside = dense.copy()
    cv2.floodFill(outside, None, (0, 0), 2)  # the border is empty all around: one block at least
    dense = (outside != 2).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    core = np.asarray(cv2.erode(dense, cross, borderType=cv2.BORDER_CONSTANT, borderValue=0), np.uint8)
    rim = dense & ~core
    found = {}
    for row in range(height):
        for column in range(width):
            inside = _window(dense, column, row)
            if inside.any():
                block = (column + west, row + south)
                found[block] = Area(inside=np.packbits(inside), rim=np.packbits(_window(rim, column, row)))
    return found


def _window(dense: NDArray[np.uint8], column: int, row: int) -> NDArray[np.uint8]:
    side = COARSE_SIDE
    return dense[row * side : (row + 1) * side, column * side : (column + 1) * side]


def _unpacked(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.unpackbits(packed).reshape(COARSE_SIDE, COARSE_SIDE)
