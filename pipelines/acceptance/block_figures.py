"""What a block is measured by, and what comes of it: all that travels between the client and its workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipelines.acceptance.footprint import Area
    from pipelines.acceptance.overlap import PairSums
    from pipelines.acceptance.voids import BlockVoids

__all__ = ["MAP_LAYERS", "N_COUNTS", "BlockFigures", "BlockPart", "BlockRules", "BlockTask"]

MAP_LAYERS = ("cells", "points", "low", "empty", "strips", "difference", "compared")
"""Sums over a map cell: surveyed cells, points, cells below the density, empty cells, strips, differences (0.01 mm) and
compared cells."""
N_COUNTS = 256
"""Cells by points: the last entry stands for all that have more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRules:
    """What a block is measured by; the same for all blocks of a delivery."""

    cell_m: float
    least_points: int
    """Points from which a cell is dense enough."""
    void_factor: int
    """Cells along an edge of the cells that voids are made of; a power of two."""
    void_m2: float
    map_factor: int
    """Cells along an edge of a map cell; a power of two."""
    spread_mm: float
    relief_mm: float
    low_mm: float
    high_mm: float
    stride: int
    """Of how many hashes one was kept."""
    has_strips: bool
    """Whether strips are known, and can be compared."""
    is_metric: bool
    """Whether cells are cells of metres; only repeated points are looked for else."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockPart:
    """One block's share of the scan."""

    block: tuple[int, int]
    """Column and row."""
    area: Area | None
    index: NDArray[Any]
    """Its parts (`pieces.INDEX_DTYPE`)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockTask:
    """Some blocks, and where their parts are."""

    parts: tuple[BlockPart, ...]
    pieces: Mapping[int, tuple[str, int, NDArray[np.int32]]]
    """Piece number: path, file number, and the strip of each of its labels."""
    rules: BlockRules


@dataclass(slots=True, kw_only=True, eq=False)
class BlockFigures:
    """What the client keeps of a block until it is added up."""

    block: tuple[int, int]
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_COUNTS, np.int64))
    """Surveyed cells by number of points, those with water aside."""
    n_cells: int = 0
    """Surveyed cells."""
    n_water: int = 0
    """Surveyed cells with points of class water."""
    by_file: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """File: surveyed cells around its points and in their box, water aside, those too thin, and all points there."""
    layers: NDArray[np.int64] | None = None
    """Shape (layers, rows, columns): sums of `MAP_LAYERS`, row 0 in the south."""
    voids: BlockVoids | None = None
    pairs: dict[tuple[int, int], PairSums] = field(default_factory=dict)
    repeats: dict[int, int] = field(default_factory=dict)
    """File: points that repeat another of the same file."""
    between: dict[tuple[int, int], int] = field(default_factory=dict)
    """Earlier and later file: points of the later one that the earlier one has."""
    n_low: int = 0
    """Cells whose lowest point lies far below all around."""
    n_high: int = 0
    n_strips_left_out: int = 0
