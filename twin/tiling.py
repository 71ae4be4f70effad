"""Tile addresses, the grid they live on, halos and ownership.

All tile arithmetic is here. Tiles are named, never bare ``[row, column]`` pairs: swapped axes and one-sided halos
are the classic bugs of tiled pipelines, and a type with one property test makes them impossible.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["TileGrid", "TileId"]

_ADDRESS = re.compile(r"(\d+)/(-?\d+)_(-?\d+)")


@dataclass(frozen=True, slots=True, order=True)
class TileId:
    """Address of a square tile: level `z` (0 is the full edge, each level halves it), column `x`, row `y`.

    Columns grow eastwards and rows grow *northwards*, as coordinates do.
    """

    z: int
    x: int
    y: int

    def __str__(self) -> str:
        """Return the address as it stands in paths: ``z/x_y``."""
        return f"{self.z}/{self.x}_{self.y}"

    @staticmethod
    def parse(text: str) -> TileId:
        """Read ``z/x_y``.

        Raises
        ------
        ValueError
            If `text` is no address.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ValueError(f"not a tile address (z/x_y): {text!r}")
        z, x, y = (int(part) for part in match.groups())
        return TileId(z, x, y)

    @property
    def parent(self) -> TileId:
        """The tile one level up that covers this one."""
        if self.z == 0:
            raise ValueError(f"tile {self} has no parent")
        return TileId(self.z - 1, self.x >> 1, self.y >> 1)

    @property
    def children(self) -> tuple[TileId, TileId, TileId, TileId]:
        """The four quarters: south-west, south-east, north-west, north-east."""
        z, x, y = self.z + 1, 2 * self.x, 2 * self.y
        return TileId(z, x, y), TileId(z, x + 1, y), TileId(z, x, y + 1), TileId(z, x + 1, y + 1)

    def is_within(self, other: TileId) -> bool:
        """Whether this tile is `other` or lies inside it."""
        shift = self.z - other.z
        return shift >= 0 and (self.x >> shift, self.y >> shift) == (other.x, other.y)


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """Square tiles anchored at the CRS origin, so that two areas in one CRS always share a grid."""

    edge_m: float = 512.0
    """Edge of a level-0 tile in metres; a power of two keeps quadtree edges exact in binary."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.edge_m) and self.edge_m > 0):
            raise ValueError(f"tile edge must be positive: {self.edge_m}")

    def edge_at(self, z: int) -> float:
        """Edge in metres of a tile at level `z`."""
        return self.edge_m / (1 << z)

    def bounds(self, tile: TileId) -> Bounds:
        """Return the half-open square that `tile` owns."""
        edge = self.edge_at(tile.z)
        return Bounds(xmin=tile.x * edge, ymin=tile.y * edge, xmax=(tile.x + 1) * edge, ymax=(tile.y + 1) * edge)

    def with_halo(self, tile: TileId, halo_m: float) -> Bounds:
        """Return the tile's square grown by `halo_m` on all four sides."""
        return self.bounds(tile).buffered(halo_m)

    def columns_rows(
        self, x: NDArray[np.float64], y: NDArray[np.float64], z: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Column and row of the level-`z` tile that owns each point; shapes as `x`."""
        edge = self.edge_at(z)
        return np.floor(x / edge).astype(np.int64), np.floor(y / edge).astype(np.int64)

    def tile_at(self, x: float, y: float, z: int = 0) -> TileId:
        """Return the level-`z` tile that owns the point (x, y)."""
        edge = self.edge_at(z)
        return TileId(z, math.floor(x / edge), math.floor(y / edge))

    def tiles_over(self, bounds: Bounds, z: int = 0) -> Iterator[TileId]:
        """Yield the level-`z` tiles that share area with `bounds`, south to north, west to east."""
        edge = self.edge_at(z)
        for row in range(
            math.floor(bounds.ymin / edge), max(math.ceil(bounds.ymax / edge), math.floor(bounds.ymin / edge) + 1)
        ):
            for column in range(
                math.floor(bounds.xmin / edge), max(math.ceil(bounds.xmax / edge), math.floor(bounds.xmin / edge) + 1)
            ):
                yield TileId(z, column, row)
