"""One block, all files and strips together: density, voids, overlaps, repeated points, stray heights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from pipelines.acceptance.block_figures import MAP_LAYERS, N_COUNTS, BlockFigures
from pipelines.acceptance.cells import BLOCK_CELLS, CELL_DTYPE, WATER
from pipelines.acceptance.footprint import COARSE_SIDE
from pipelines.acceptance.identity import count_duplicates, repeats_between
from pipelines.acceptance.overlap import comparable_heights, compare
from pipelines.acceptance.pieces import read_cells, read_hashes
from pipelines.acceptance.voids import find_voids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.acceptance.block_figures import BlockPart, BlockRules, BlockTask
    from pipelines.acceptance.footprint import Area

__all__ = ["reduce_blocks"]

_MAX_STRIPS = 64
"""Strips of a block that are compared, those with most points first: 1.3 MB each."""
_BUCKET_HASHES = 8_000_000
"""Hashes compared at once: 64 MB, and as much again three times while they are sorted and joined."""
_N_CELLS = BLOCK_CELLS * BLOCK_CELLS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Surveyed:
    """All points of a block together; arrays of shape (rows, columns), row 0 in the south."""

    counts: NDArray[np.int64]
    inside: NDArray[np.bool_]
    """Cells of the surveyed area."""
    water: NDArray[np.bool_]
    """Cells with points of class water."""
    lowest: NDArray[np.int32]
    """Lowest height, mm; the greatest integer without points."""
    highest: NDArray[np.int32]

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Surveyed cells, water aside."""
        return self.inside & ~self.water


def reduce_blocks(task: BlockTask) -> list[BlockFigures]:
    """Reduce each block of a task.

    Notes
    -----
    Memory: about 250 MB for repeated points, however dense a block is; 40 bytes for each cell, strip and chunk of rows
    of a block, and 21 bytes a cell and strip, 85 MB at most.
    """
    return [_reduce(part, task) for part in task.parts]


def _reduce(part: BlockPart, task: BlockTask) -> BlockFigures:
    figures = BlockFigures(block=part.block)
    _repeats(figures, part, task)
    if not task.rules.is_metric or part.area is None:
        return figures
    cells, strips, files = _read(part, task)
    surveyed = _surveyed(cells, part.area)
    layers = _Layers(task.rules.map_factor)
    _density(figures, task.rules, surveyed, layers)
    _by_file(figures, task.rules, surveyed, cells, files)
    _voids(figures, task.rules, surveyed, layers)
    _overlaps(figures, task.rules, cells, strips, layers)
    strays = _strays(surveyed.lowest, surveyed.highest, task.rules.low_mm, task.rules.high_mm)
    figures.n_low, figures.n_high = map(int, strays)
    figures.layers = layers.sums
    return figures


def _surveyed(cells: NDArray[Any], area: Area) -> _Surveyed:
    counts = np.bincount(cells["cell"], weights=cells["points"], minlength=_N_CELLS).astype(np.int64)
    counts = counts.reshape(BLOCK_CELLS, BLOCK_CELLS)
    lowest, highest, bits = _extremes(cells["cell"], cells["points"], cells["low"], cells["high"], cells["bits"])
    inside = _inside(area, counts > 0)
    return _Surveyed(counts=counts, inside=inside, water=bits & WATER != 0, lowest=lowest, highest=highest)


def _read(part: BlockPart, task: BlockTask) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32]]:
    """Return the cells with strip and file of each."""
    cells, strips, files = [np.empty(0, CELL_DTYPE)], [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for number in np.unique(part.index["piece"]):
        path, file, strip_of = task.pieces[int(number)]
        for own in read_cells(path, part.index[part.index["piece"] == number]):
            cells.append(own)
            strips.append(strip_of[own["label"]])
            files.append(np.full(own.size, file, np.int32))
    return np.concatenate(cells), np.concatenate(strips), np.concatenate(files)


def _repeats(figures: BlockFigures, part: BlockPart, task: BlockTask) -> None:
    """Count repeated points, a share of all hashes at a time: equal ones fall into the same."""
    stride, n_buckets = task.rules.stride, 1 + int(part.index["n_hashes"].sum()) // _BUCKET_HASHES
    for bucket in range(n_buckets):
        hashes: dict[int, list[NDArray[np.uint64]]] = {}
        for number in np.unique(part.index["piece"]):
            path, file, _ = task.pieces[int(number)]
            own = read_hashes(path, part.index[part.index["piece"] == number], bucket, n_buckets)
            hashes.setdefault(file, []).extend(own)
        joined = {file: np.concatenate(parts) for file, parts in sorted(hashes.items())}
        del hashes
        for file, found in joined.items():
            repeated = count_duplicates(found) * stride
            if repeated:
                figures.repeats[file] = figures.repeats.get(file, 0) + repeated
        for pair, n in repeats_between(joined).items():
            figures.between[pair] = figures.between.get(pair, 0) + n * stride


def _inside(area: Area, occupied: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the surveyed cells; in a coarse cell on the rim, those in the box of its occupied ones."""
    side = BLOCK_CELLS // COARSE_SIDE
    inside, rim = (
        np.unpackbits(packed).reshape(COARSE_SIDE, COARSE_SIDE).astype(np.bool_) for packed in (area.inside, area.rim)
    )
    whole = np.repeat(np.repeat(inside, side, 0), side, 1)
    if not rim.any():
        return whole
    fine = occupied.reshape(COARSE_SIDE, side, COARSE_SIDE, side)
    spans = []
    for axis in (3, 1):
        line = fine.any(axis=axis, keepdims=True)
        along = 4 - axis
        from_low = np.maximum.accumulate(line, axis=along)
        from_high = np.flip(np.maximum.accumulate(np.flip(line, along), axis=along), along)
        spans.append(from_low & from_high)
    box = (spans[0] & spans[1]).reshape(whole.shape)
    on_rim = np.repeat(np.repeat(rim, side, 0), side, 1)
    return whole & (~on_rim | box)


class _Layers:
    """A block's part of the maps."""

    def __init__(self, factor: int) -> None:
        self.factor = min(factor, BLOCK_CELLS)
        self.side = BLOCK_CELLS // self.factor
        self.sums = np.zeros((len(MAP_LAYERS), self.side, self.side), np.int64)

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Add up a value of each cell."""
        blocks = values.reshape(self.side, self.factor, self.side, self.factor)
        self.sums[MAP_LAYERS.index(name)] += blocks.sum(axis=(1, 3), dtype=np.int64)

    def numbers(self, step: int) -> NDArray[np.int64]:
        """Return the map cell (row * 256 + column) of the south-western corner of each square of `step` cells."""
        along = np.arange(0, BLOCK_CELLS, step) // self.factor
        return along[:, None] * BLOCK_CELLS + along[None, :]


def _density(figures: BlockFigures, rules: BlockRules, surveyed: _Surveyed, layers: _Layers) -> None:
    counts, inside, judged = surveyed.counts, surveyed.inside, surveyed.judged
    figures.histogram = np.bincount(np.minimum(counts[judged], N_COUNTS - 1), minlength=N_COUNTS)
    figures.n_cells = int(np.count_nonzero(inside))
    figures.n_water = figures.n_cells - int(np.count_nonzero(judged))
    layers.add("cells", inside)
    layers.add("points", np.where(inside, counts, 0))
    layers.add("low", judged & (counts < rules.least_points))
    layers.add("empty", judged & (counts == 0))


def _by_file(
    figures: BlockFigures,
    rules: BlockRules,
    surveyed: _Surveyed,
    cells: NDArray[Any],
    files: NDArray[np.int32],
) -> None:
    """Count for each file the surveyed cells of the coarse cells that it occupies within its own box, and all points.

    A neighbour's points in a cell that both share count in both, so that a density is the ground's, not the file's:
    cutting a survey into other files changes none. What lies beyond a file's outermost points is not held against it.
    """
    judged, side = surveyed.judged, BLOCK_CELLS // COARSE_SIDE
    is_low = judged & (surveyed.counts < rules.least_points)
    measured = cells["points"] > 0
    for file in np.flatnonzero(np.bincount(files)):
        own = cells["cell"][measured & (files == file)]
        if not own.size:
            continue
        row, column = own >> 8, own & 255
        mask = np.zeros((COARSE_SIDE, COARSE_SIDE), np.bool_)
        mask[row // side, column // side] = True
        box = np.s_[int(row.min()) : int(row.max()) + 1, int(column.min()) : int(column.max()) + 1]
        around = judged[box] & mask.repeat(side, axis=0).repeat(side, axis=1)[box]
        n_points = int(surveyed.counts[box][around].sum())
        figures.by_file[int(file)] = (int(around.sum()), int((is_low[box] & around).sum()), n_points)


def _voids(figures: BlockFigures, rules: BlockRules, surveyed: _Surveyed, layers: _Layers) -> None:
    step, side = rules.void_factor, BLOCK_CELLS // rules.void_factor
    squares = (side, step, side, step)
    occupied = (surveyed.counts > 0).reshape(squares).any(axis=(1, 3))
    empty = np.asarray(surveyed.inside.reshape(squares).all(axis=(1, 3)) & ~occupied)
    low = surveyed.lowest.reshape(squares).min(axis=(1, 3))
    water = np.asarray(surveyed.water.reshape(squares).any(axis=(1, 3)))
    # Water cells without other points are no void: they were measured.
    corner = (figures.block[0] * side, figures.block[1] * side)
    least = max(1, int(rules.void_m2 / (rules.cell_m * step) ** 2))
    figures.voids = find_voids(empty, low, water, corner, least, layers.numbers(step))


def _overlaps(
    figures: BlockFigures, rules: BlockRules, cells: NDArray[Any], strips: NDArray[np.int32], layers: _Layers
) -> None:
    """Compare each pair of strips that meet in the block."""
    found, local, sizes = np.unique(strips, return_inverse=True, return_counts=True)
    if found.size > _MAX_STRIPS:
        figures.n_strips_left_out = found.size - _MAX_STRIPS
        largest = np.sort(np.argsort(-sizes, kind="stable")[:_MAX_STRIPS])
        kept = np.isin(local, largest)
        cells, local = cells[kept], np.searchsorted(largest, local[kept])
        found = found[largest]
    heights, sums, squares, present = _spread(cells, local, found.size)
    layers.add("strips", present.sum(axis=0, dtype=np.int64))
    if not rules.has_strips:
        return
    means = [
        comparable_heights(heights[i], sums[i], squares[i], rules.spread_mm, rules.relief_mm) for i in range(found.size)
    ]
    total, count = (np.zeros((BLOCK_CELLS, BLOCK_CELLS), dtype) for dtype in (np.int64, np.int32))
    for i in range(found.size):
        for j in range(i + 1, found.size):
            pair = compare(means[i], means[j], total, count)
            if pair is not None:
                figures.pairs[int(found[i]), int(found[j])] = pair
    layers.add("difference", total)
    layers.add("compared", count)


@numba.njit(cache=True, nogil=True)
def _spread(cells: Any, strip: Any, n_strips: int) -> Any:
    """Return heights, their sums and squares, and whether there are points, of every cell of each strip."""
    shape = (n_strips, BLOCK_CELLS, BLOCK_CELLS)
    heights, sums, squares = np.zeros(shape, np.int32), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    present = np.zeros(shape, np.bool_)
    for k in range(cells.size):
        s, i, j = strip[k], cells[k].cell >> 8, cells[k].cell & 255
        heights[s, i, j] += cells[k].heights
        sums[s, i, j] += cells[k].sum
        squares[s, i, j] += cells[k].square
        if cells[k].points > 0:
            present[s, i, j] = True
    return heights, sums, squares, present


@numba.njit(cache=True, nogil=True)
def _extremes(cell: Any, points: Any, low: Any, high: Any, bits: Any) -> Any:
    """Return lowest and highest height (mm) of each cell, and its bits; extreme integers where there is no point."""
    shape = (BLOCK_CELLS, BLOCK_CELLS)
    lowest = np.full(shape, 2147483647, np.int32)
    highest = np.full(shape, -2147483648, np.int32)
    every = np.zeros(shape, np.uint8)
    for k in range(cell.size):
        i, j = cell[k] >> 8, cell[k] & 255
        every[i, j] |= bits[k]
        if points[k] > 0:
            lowest[i, j] = min(lowest[i, j], low[k])
            highest[i, j] = max(highest[i, j], high[k])
    return lowest, highest, every


@numba.njit(cache=True, nogil=True)
def _strays(lowest: Any, highest: Any, low_mm: float, high_mm: float) -> Any:
    """Count cells far below or above all eight neighbours; where points are few, a gap in a canopy would be one."""
    n_low, n_high = 0, 0
    rows, columns = lowest.shape
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            if lowest[i, j] == 2147483647:
                continue
            near, floor, roof = 0, 2147483647, -2147483648
            for a in range(i - 1, i + 2):
                for b in range(j - 1, j + 2):
                    if (a != i or b != j) and lowest[a, b] != 2147483647:
                        near += 1
                        floor = min(floor, lowest[a, b])
                        roof = max(roof, highest[a, b])
            if near < 8:
                continue
            if float(floor) - float(lowest[i, j]) > low_mm:
                n_low += 1
            if float(highest[i, j]) - float(roof) > high_mm:
                n_high += 1
    return n_low, n_high
