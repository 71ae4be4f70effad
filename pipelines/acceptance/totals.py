"""Sums of a check as the client holds them: of each file, and of the files that share a CRS and datum."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.acceptance.block_figures import MAP_LAYERS, N_COUNTS
from pipelines.acceptance.cells import BLOCK_CELLS
from pipelines.acceptance.footprint import COARSE_SIDE
from pipelines.acceptance.voids import VoidJoiner
from pipelines.ingest.content import Content
from twin.raster import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipelines.acceptance.block_figures import BlockFigures
    from pipelines.acceptance.footprint import Area
    from pipelines.acceptance.intake import Intake
    from pipelines.acceptance.overlap import PairSums
    from pipelines.acceptance.scan import ScanResult
    from pipelines.acceptance.strips import StripTable
    from pipelines.acceptance.voids import Void
    from tiles.pointfiles import PointHeader

__all__ = ["FileTotals", "GroupTotals", "MapGrid"]


@dataclass(slots=True, kw_only=True, eq=False)
class FileTotals:
    """One file of the delivery."""

    uri: str
    number: int
    intake: Intake | None
    failure: str = ""
    """Why it could not be read to its end."""
    scans: dict[int, tuple[str, ScanResult]] = field(default_factory=dict)
    """First row of each range that was read: path of its piece, and its result."""

    @property
    def name(self) -> str:
        """The file's name, without folders."""
        return Path(self.uri).name

    @property
    def header(self) -> PointHeader | None:
        """Header, if it can be read."""
        return self.intake.examined.header if self.intake else None

    @property
    def is_read(self) -> bool:
        """Whether all its points were read."""
        return bool(self.scans) and not self.failure

    @property
    def results(self) -> list[ScanResult]:
        """Results in the order of rows."""
        return [self.scans[start][1] for start in sorted(self.scans)]

    @property
    def content(self) -> Content | None:
        """Counts of all points."""
        return Content.total(result.content for result in self.results if result.content is not None)

    @property
    def seconds(self) -> NDArray[np.int64]:
        """Keys of (point source id, second), sorted."""
        parts = [result.seconds for result in self.results]
        return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)

    @property
    def n_back(self) -> int:
        """Points that were measured before the point in front of them, whatever the ranges they were read in."""
        ends = [result.ends for result in self.results if result.ends is not None]
        between = sum(later[0] < earlier[1] for earlier, later in itertools.pairwise(ends))
        return self.total("n_back") + between

    def total(self, name: str) -> int:
        """Return the sum of a count of `ScanResult`."""
        return sum(getattr(result, name) for result in self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapGrid:
    """Cells of the pictures, at most some hundred a side, anchored as all cells are."""

    factor: int
    """Cells along a map cell's edge; a power of two."""
    column0: int
    row0: int
    """South-western map cell."""
    columns: int
    rows: int
    cell_m: float

    @staticmethod
    def over(areas: Mapping[tuple[int, int], Area], cell_m: float, side: int = 400) -> MapGrid:
        """Lay a map over the surveyed area; `cell_m` is the edge of a cell."""
        step = BLOCK_CELLS // COARSE_SIDE
        low, high = np.full(2, 1 << 60), np.full(2, -(1 << 60))
        for block, area in areas.items():
            rows, columns = np.nonzero(np.unpackbits(area.inside).reshape(COARSE_SIDE, COARSE_SIDE))
            corner = np.array(block) * BLOCK_CELLS
            low = np.minimum(low, corner + step * np.array([columns.min(), rows.min()]))
            high = np.maximum(high, corner + step * np.array([columns.max() + 1, rows.max() + 1]))
        factor = 1
        while max(-(-high // factor) - low // factor) > side:
            factor *= 2
        first, last = low // factor, -(-high // factor)
        return MapGrid(
            factor=factor,
            column0=int(first[0]),
            row0=int(first[1]),
            columns=int(last[0] - first[0]),
            rows=int(last[1] - first[1]),
            cell_m=cell_m,
        )

    @property
    def frame(self) -> Frame:
        """The map's cells in the CRS."""
        return Frame(
            column0=self.column0,
            row0=self.row0,
            rows=self.rows,
            columns=self.columns,
            resolution_m=self.factor * self.cell_m,
        )

    def window(self, block: tuple[int, int]) -> tuple[int, int, int]:
        """Return (row, column) of a block's first map cell in the map, and its map cells along an edge."""
        side = BLOCK_CELLS // min(self.factor, BLOCK_CELLS)
        column, row = (place * BLOCK_CELLS // self.factor for place in block)
        return row - self.row0, column - self.column0, side


@dataclass(kw_only=True, eq=False)
class GroupTotals:
    """All files of one CRS and datum together."""

    name: str
    """CRS and datum, for people."""
    crs: str
    files: list[FileTotals]
    is_metric: bool
    strips: StripTable
    strip_points: NDArray[np.int64]
    stride: int = 1
    grid: MapGrid | None = None
    cell_m: float = 1.0
    void_factor: int = 1
    void_least_m2: float = 0.0
    """Area from which a void is told of."""
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_COUNTS, np.int64))
    n_cells: int = 0
    n_water: int = 0
    n_low: int = 0
    n_high: int = 0
    n_strips_left_out: int = 0
    by_file: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    pairs: dict[tuple[int, int], PairSums] = field(default_factory=dict)
    repeats: dict[int, int] = field(default_factory=dict)
    between: dict[tuple[int, int], int] = field(default_factory=dict)
    layers: NDArray[np.int64] | None = None
    joiner: VoidJoiner = field(default_factory=lambda: VoidJoiner(cell_m=1.0))
    voids: list[Void] = field(default_factory=list)
    void_map: NDArray[np.uint8] | None = None
    """Shape (rows, columns), row 0 in the south: 1 where a void is, 2 where water is, else 0."""
    empty_in_water: int = 0
    """Empty cells within voids that are water."""

    def add(self, figures: BlockFigures) -> None:
        """Add a block; the order of blocks does not matter."""
        self.histogram += figures.histogram
        for name in ("n_cells", "n_water", "n_low", "n_high", "n_strips_left_out"):
            setattr(self, name, getattr(self, name) + getattr(figures, name))
        for file, (cells, low, points) in figures.by_file.items():
            before = self.by_file.get(file, (0, 0, 0))
            self.by_file[file] = (before[0] + cells, before[1] + low, before[2] + points)
        for file, n in figures.repeats.items():
            self.repeats[file] = self.repeats.get(file, 0) + n
        for files, n in figures.between.items():
            self.between[files] = self.between.get(files, 0) + n
        for strips, pair in figures.pairs.items():
            if strips in self.pairs:
                self.pairs[strips].add(pair)
            else:
                self.pairs[strips] = pair
        if figures.voids is not None:
            self.joiner.add(figures.block, figures.voids)
        if figures.layers is not None and self.grid is not None:
            self._paint(figures.block, figures.layers)

    def _paint(self, block: tuple[int, int], layers: NDArray[np.int64]) -> None:
        grid = self.grid
        if grid is None:
            return
        if self.layers is None:
            self.layers = np.zeros((len(MAP_LAYERS), grid.rows, grid.columns), np.int64)
        row, column, side = grid.window(block)
        to_rows, from_rows = _overlap(row, side, grid.rows)
        to_columns, from_columns = _overlap(column, side, grid.columns)
        self.layers[:, to_rows, to_columns] += layers[:, from_rows, from_columns]

    def join_voids(self, least_m2: float) -> None:
        """Join voids across blocks, and draw them."""
        self.void_least_m2 = least_m2
        self.voids, of_region = self.joiner.join(least_m2)
        if self.grid is None:
            return
        self.void_map = np.zeros((self.grid.rows, self.grid.columns), np.uint8)
        for block, numbers in of_region.items():
            self._draw(block, numbers)
        water = sum(void.area_m2 for void in self.voids if void.is_water)
        self.empty_in_water = round(water / self.cell_m**2)

    def _draw(self, block: tuple[int, int], numbers: NDArray[np.int64]) -> None:
        grid, painted = self.grid, self.joiner.blocks[block].painted
        if grid is None or self.void_map is None:
            return
        row0, column0, _ = grid.window(block)
        width = max(1, self.void_factor // grid.factor)
        for region, cell, _ in painted.tolist():
            number = int(numbers[region])
            row, column = row0 + cell // BLOCK_CELLS, column0 + cell % BLOCK_CELLS
            if number >= 0 and row >= 0 and column >= 0:
                value = 2 if self.voids[number].is_water else 1
                square = self.void_map[row : row + width, column : column + width]
                np.maximum(square, value, out=square)

    @cached_property
    def n_points(self) -> int:
        """Points of all files."""
        return sum(content.n_points for file in self.files if (content := file.content) is not None)

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """Points of each class code, shape (256,)."""
        parts = [content.classes for file in self.files if (content := file.content) is not None]
        total: NDArray[np.int64] = np.sum(np.array(parts, np.int64).reshape(-1, 256), axis=0)
        return total

    @cached_property
    def names(self) -> dict[int, str]:
        """Name of each file."""
        return {file.number: file.name for file in self.files}

    @cached_property
    def repeated_in(self) -> dict[int, dict[int, int]]:
        """For each file the points that earlier files have as well; asked for when all blocks were added."""
        found: dict[int, dict[int, int]] = {}
        for (earlier, later), n in self.between.items():
            found.setdefault(later, {})[earlier] = n
        return found

    def layer(self, name: str) -> NDArray[Any]:
        """Return sums of one of `MAP_LAYERS`, shape (rows, columns), row 0 in the south."""
        if self.layers is None:
            return np.zeros((1, 1), np.int64)
        layer: NDArray[Any] = self.layers[MAP_LAYERS.index(name)]
        return layer


def _overlap(start: int, length: int, size: int) -> tuple[slice, slice]:
    """Return slices of the map and of a part of `length` that begins at `start`."""
    low, high = max(0, start), min(size, start + length)
    return slice(low, max(low, high)), slice(low - start, max(low, high) - start)
