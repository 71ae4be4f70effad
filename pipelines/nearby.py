"""Finding the tiles around a window without looking at all of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Generic, TypeVar

from twin.tiling import TileId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.bounds import Bounds
    from twin.tiling import TileGrid

__all__ = ["Nearby"]

T = TypeVar("T")


class Nearby(Generic[T]):
    """Things that belong to tiles of any level, kept by the level-0 tile around them.

    Parameters
    ----------
    grid
        Squares of the tiles.
    things
        (tile, thing); a thing of no tile concerns the whole area.

    Notes
    -----
    A search costs what is found, whatever the number of tiles: a hundred thousand tiles that each ask for their
    neighbours take seconds, not hours.
    """

    def __init__(self, grid: TileGrid, things: Iterable[tuple[TileId | None, T]]) -> None:
        self._grid = grid
        self._things = list(things)
        self._everywhere: list[int] = []
        self._by_root: defaultdict[TileId, list[int]] = defaultdict(list)
        for number, (tile, _) in enumerate(self._things):
            if tile is None:
                self._everywhere.append(number)
            else:
                self._by_root[TileId(0, tile.x >> tile.z, tile.y >> tile.z)].append(number)

    def to(self, window: Bounds) -> list[T]:
        """Return the things of all tiles that share area with `window`, in the order in which they were given."""
        roots = self._grid.tiles_over(window)
        numbers = [*self._everywhere, *(number for root in roots for number in self._by_root.get(root, ()))]
        found = [self._things[number] for number in sorted(numbers)]
        return [thing for tile, thing in found if tile is None or self._grid.bounds(tile).intersects(window)]
