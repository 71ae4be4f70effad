"""Points to sparse cells: what a chunk of points leaves behind in each block, strip and cell.

A cell is `AcceptanceParams.density_cell_m` wide and anchored at the origin of the CRS; a block is 256 x 256 cells. All
sums are of whole millimetres, so that they do not depend on the order in which chunks, files and workers add them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from pipelines.acceptance.numbering import FULL, number_of, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BLOCK_CELLS",
    "CELL_DTYPE",
    "GROUND",
    "HEIGHT",
    "LAST",
    "NOISE",
    "WATER",
    "CellGrid",
    "Placed",
    "block_of_key",
    "place_points",
    "point_bits",
    "summarise",
]

BLOCK_CELLS = 256
"""Cells along a block's edge: 65 536 cells are numbered by two bytes, and their sums fit a core's cache."""
HEIGHT, LAST, WATER, GROUND, NOISE = 1, 2, 4, 8, 16
"""Bits of a point: counts for heights, is a last return, water, ground, noise or withheld."""
_GREATEST_MM = 10_000_000
"""Heights beyond 10 km are noise for sums: squares of more would not fit into 64 bits."""
_HALF = 1 << 21
"""Blocks on either side of the origin: 2^21 x 256 m reaches around any planet."""

CELL_DTYPE = np.dtype(
    {
        "names": ["sum", "square", "low", "high", "points", "heights", "cell", "label", "bits"],
        "formats": ["<i8", "<i8", "<i4", "<i4", "<i4", "<i4", "<u2", "<u2", "u1"],
        "offsets": [0, 8, 16, 20, 24, 28, 32, 34, 36],
        "itemsize": 40,
    },
    align=True,
)
"""One cell of one strip: sums of heights and of their squares (mm, mm2) over `heights` last returns, least and greatest
height of all `points` that are not noise, the cell (row * 256 + column, row 0 in the south), the strip's label in its
task, and the bits WATER, GROUND and NOISE that occur."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellGrid:
    """From a file's counts to cells and millimetres."""

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    cell: float
    """Edge of a cell in file units."""
    height_factor: float = 1.0
    """Metres in the file's unit of height."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """Where the points of a chunk lie; arrays of shape (n,) unless stated."""

    keys: NDArray[np.int64]
    """Sorted keys of block and label, shape (m,)."""
    slot: NDArray[np.int32]
    """Number of each point's key."""
    cell: NDArray[np.uint16]
    height_mm: NDArray[np.int32]


def place_points(records: NDArray[Any], grid: CellGrid, labels: NDArray[np.int32], capacity: int = 1 << 12) -> Placed:
    """Find the block, label and cell of each point.

    Parameters
    ----------
    records
        LAS records, shape (n,).
    grid
        Cells, and units of the file.
    labels
        Strip label of each point, below 65 536, shape (n,).
    capacity
        Places in the table of blocks to begin with; a power of two, doubled as needed.
    """
    x, y, z = (np.ascontiguousarray(records[name]) for name in "XYZ")
    cell, height_mm = np.empty(x.size, np.uint16), np.empty(x.size, np.int32)
    constants = np.array([*grid.scale, *grid.offset, 1.0 / grid.cell, 1000.0 * grid.height_factor])

    def fill(keys: NDArray[np.int64], numbers: NDArray[np.int32], slot: NDArray[np.int32]) -> tuple[int]:
        return (_place(x, y, z, labels, constants, keys, numbers, slot, cell, height_mm),)

    keys, slot, _ = numbered(fill, x.size, capacity)
    return Placed(keys=keys, slot=slot, cell=cell, height_mm=height_mm)


def block_of_key(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (block column, block row, label) of keys of `Placed`."""
    mask = 2 * _HALF - 1
    return ((keys >> 16) & mask) - _HALF, (keys >> 38) - _HALF, keys & 0xFFFF


def point_bits(
    classes: NDArray[np.uint8], returns: NDArray[np.uint8], withheld: NDArray[np.bool_], shift: int
) -> NDArray[np.uint8]:
    """Return what each point counts for, shape (n,).

    Parameters
    ----------
    classes
        ASPRS codes, shape (n,).
    returns
        Return number in the low `shift` bits, number of returns in the next as many.
    withheld
        Points that their producer withdrew.
    shift
        3 for point formats 0 to 5, 4 for newer ones.
    """
    table = np.full(256, HEIGHT, np.uint8)
    table[[3, 4, 5]] = 0  # vegetation is no surface to compare
    table[[7, 18]] = NOISE
    table[[9, 41]] = WATER
    table[2] |= GROUND
    bits = table[classes]
    mask = (1 << shift) - 1
    total = (returns >> shift) & mask
    is_last = ((returns & mask) >= total) | (total == 0)
    bits[is_last] |= LAST
    bits[withheld] = NOISE
    return bits


def summarise(placed: Placed, bits: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int32]]:
    """Sum up a chunk by block, label and cell.

    Returns
    -------
    tuple
        Records of `CELL_DTYPE`, by key and then by cell; the first record of each key and the end, shape (m + 1,);
        and the order of the points in which blocks are contiguous, shape (n,).

    Notes
    -----
    Two counting sorts and one pass: about 0.05 s per million points on one core.
    """
    order = _order_by_cell(placed.slot, placed.cell, placed.keys.size)
    records = np.zeros(_count_cells(order, placed.slot, placed.cell), CELL_DTYPE)
    starts = np.zeros(placed.keys.size + 1, np.int64)
    _sum_cells(order, placed.slot, placed.cell, placed.height_mm, bits, placed.keys, records, starts)
    return records, starts, order


@numba.njit(cache=True, nogil=True)
def _place(  # noqa: PLR0913 - a kernel
    x: Any, y: Any, z: Any, labels: Any, constants: Any, keys: Any, numbers: Any, slot: Any, cell: Any, height_mm: Any
) -> Any:
    """Fill slot, cell and height of each point; return the number of keys, or `FULL` if the table is too small."""
    sx, sy, sz, ox, oy, oz, per_cell, per_mm = constants
    limit = _HALF * BLOCK_CELLS - 1.0
    last_key, last_slot, n_keys = np.int64(-1), 0, 0
    for i in range(x.size):
        # The nudge keeps a coordinate that lies on a cell's edge on one side whatever the file's scale and offset.
        cx = np.floor((x[i] * sx + ox) * per_cell + 1e-6)
        cy = np.floor((y[i] * sy + oy) * per_cell + 1e-6)
        column = np.int64(min(max(cx, -limit), limit))
        row = np.int64(min(max(cy, -limit), limit))
        key = (((row >> 8) + _HALF) << 38) | (((column >> 8) + _HALF) << 16) | np.int64(labels[i])
        if key != last_key:
            last_key, last_slot = key, number_of(key, keys, numbers, n_keys)
            if last_slot == FULL:
                return FULL
            n_keys = max(n_keys, last_slot + 1)
        slot[i] = last_slot
        cell[i] = ((row & 255) << 8) | (column & 255)
        h = np.rint((z[i] * sz + oz) * per_mm)
        height_mm[i] = np.int32(min(max(h, -2e9), 2e9))
    return n_keys


@numba.njit(cache=True, nogil=True)
def _order_by_cell(slot: Any, cell: Any, n_slots: int) -> Any:
    """Sort points by slot, then by cell, stably: two counting sorts."""
    n = slot.size
    first, second = np.empty(n, np.int32), np.empty(n, np.int32)
    counts = np.zeros(65537, np.int64)
    for i in range(n):
        counts[cell[i] + 1] += 1
    for k in range(65536):
        counts[k + 1] += counts[k]
    for i in range(n):
        c = cell[i]
        first[counts[c]] = i
        counts[c] += 1
    ends = np.zeros(n_slots + 1, np.int64)
    for i in range(n):
        ends[slot[i] + 1] += 1
    for k in range(n_slots):
        ends[k + 1] += ends[k]
    for j in range(n):
        i = first[j]
        s = slot[i]
        second[ends[s]] = i
        ends[s] += 1
    return second


@numba.njit(cache=True, nogil=True)
def _count_cells(order: Any, slot: Any, cell: Any) -> Any:
    n = 0
    last_slot, last_cell = -1, -1
    for j in range(order.size):
        i = order[j]
        if slot[i] != last_slot or cell[i] != last_cell:
            n += 1
            last_slot, last_cell = slot[i], cell[i]
    return n


@numba.njit(cache=True, nogil=True)
def _sum_cells(  # noqa: PLR0913 - a kernel
    order: Any, slot: Any, cell: Any, height_mm: Any, bits: Any, keys: Any, records: Any, starts: Any
) -> None:
    """Fill the records of all cells in order, and where each slot's begin."""
    last_slot, last_cell, k = -1, -1, -1
    for j in range(order.size):
        i = order[j]
        if slot[i] != last_slot or cell[i] != last_cell:
            k += 1
            for s in range(last_slot + 1, slot[i] + 1):
                starts[s] = k
            last_slot, last_cell = slot[i], cell[i]
            records[k].cell = cell[i]
            records[k].label = keys[slot[i]] & 0xFFFF
            records[k].low = 2147483647
            records[k].high = -2147483648
        b = bits[i]
        records[k].bits |= b & (WATER | GROUND | NOISE)
        if b & NOISE:
            continue
        records[k].points += 1
        h = np.int64(height_mm[i])
        records[k].low = min(records[k].low, h)
        records[k].high = max(records[k].high, h)
        if b & HEIGHT and b & LAST and -_GREATEST_MM <= h <= _GREATEST_MM:
            records[k].heights += 1
            records[k].sum += h
            records[k].square += h * h
    for s in range(last_slot + 1, starts.size):
        starts[s] = k + 1
