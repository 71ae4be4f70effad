"""The quadtree of overviews above the tiles of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tiles.manifest import TileRow
    from twin.bounds import Bounds

__all__ = ["Cell", "overview_forest"]

_MAX_TOPS = 4
"""Climbing stops at this many cells: the cells around the CRS's origin never share a parent."""

Address = tuple[int, int, int]
"""Level, column, row, as in `twin.tiling.TileId`, but with negative levels for cells larger than a level-0 tile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A square of the quadtree that holds at least one store tile, or is one."""

    address: Address
    tiles: tuple[TileRow, ...]
    """All store tiles inside, in order of their addresses."""
    children: tuple[Cell, ...]
    """Cells of the next level; none if this is a store tile."""

    @property
    def n_points(self) -> int:
        """Points of all tiles inside."""
        return sum(row.n_points for row in self.tiles)

    @property
    def name(self) -> str:
        """Name of the cell's files; the level is counted from the store's level 0 downwards."""
        level, column, row = self.address
        return f"{level}_{column}_{row}"

    @property
    def center(self) -> tuple[float, float, float]:
        """Middle of the points' boxes, metres: x, y, and height above the datum."""
        box: Bounds = self.tiles[0].bounds
        for row in self.tiles[1:]:
            box = box.union(row.bounds)
        low, high = min(row.zmin for row in self.tiles), max(row.zmax for row in self.tiles)
        return *box.center, (low + high) / 2


def overview_forest(rows: Sequence[TileRow]) -> tuple[Cell, ...]:
    """Return the one to four top cells that hold all `rows`, of which there is at least one."""
    level = min(row.tile.z for row in rows)
    while len({_ancestor(row, level) for row in rows}) > _MAX_TOPS:
        level -= 1
    # one more step joins the quarters of one square
    while len(tops := {_ancestor(row, level) for row in rows}) > 1 and len({_up(top) for top in tops}) < len(tops):
        level -= 1
    return _cells(tuple(sorted(rows, key=lambda row: row.tile)), level)


def _cells(rows: tuple[TileRow, ...], level: int) -> tuple[Cell, ...]:
    members: dict[Address, list[TileRow]] = {}
    for row in rows:
        members.setdefault(_ancestor(row, level), []).append(row)
    return tuple(_cell(address, tuple(inside)) for address, inside in sorted(members.items()))


def _cell(address: Address, rows: tuple[TileRow, ...]) -> Cell:
    is_tile = len(rows) == 1 and rows[0].tile.z == address[0]
    children = () if is_tile else _cells(rows, address[0] + 1)
    return Cell(address=address, tiles=rows, children=children)


def _ancestor(row: TileRow, level: int) -> Address:
    shift = row.tile.z - level
    return level, row.tile.x >> shift, row.tile.y >> shift


def _up(address: Address) -> Address:
    level, column, row = address
    return level - 1, column >> 1, row >> 1
