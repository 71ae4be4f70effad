"""Which tiles a delivery makes: counts of cells become quadtree leaves, and each leaf becomes one merge task."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from twin.tiling import TileId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from pipelines.ingest.cells import CellScheme
    from tiles.manifest import TileRow

__all__ = ["PlannedTile", "leaves", "plan_tiles"]

K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTile:
    """One tile to make."""

    tile: TileId
    n_points: int
    fragments: tuple[int, ...]
    """Numbers of the fragments that have points in it, ascending."""
    existing: tuple[TileRow, ...]
    """Tiles of the store whose points it takes over."""


def plan_tiles(
    fragments: Sequence[NDArray[np.int64]],
    existing: Sequence[tuple[TileRow, NDArray[np.int64]]],
    scheme: CellScheme,
    max_points: int,
) -> list[PlannedTile]:
    """Return the tiles to make, in order of their addresses; tiles that stay as they are do not appear.

    Parameters
    ----------
    fragments
        Column, row and points of the cells of each fragment, shape (m, 3) each.
    existing
        The same for every tile of the store in the level-0 tiles that change, without points that leave it.
    scheme
        Cells of the grid.
    max_points
        A tile with more is split, down to one cell.
    """
    new = _by_root(enumerate(fragments), scheme)
    old = _by_root(existing, scheme)
    lessened = {row.tile for row, cells in existing if cells[:, 2].sum() != row.n_points}
    planned: list[PlannedTile] = []
    for root in sorted({*new, *old}):
        everything = np.concatenate([cells for _, cells in [*new[root], *old[root]]])
        for leaf in leaves(root, everything, scheme, max_points):
            numbers = tuple(number for number, cells in new[root] if _within(cells, leaf, scheme).any())
            rows = tuple(row for row, cells in old[root] if _within(cells, leaf, scheme).any())
            if not numbers and [row.tile for row in rows] == [leaf] and leaf not in lessened:
                continue
            n_points = int(everything[_within(everything, leaf, scheme), 2].sum())
            planned.append(PlannedTile(tile=leaf, n_points=n_points, fragments=numbers, existing=rows))
    return sorted(planned, key=lambda entry: entry.tile)


def leaves(root: TileId, cells: NDArray[np.int64], scheme: CellScheme, max_points: int) -> Iterator[TileId]:
    """Yield the largest tiles under `root` that hold at most `max_points`, or are a single cell; empty ones never."""
    inside = cells[_within(cells, root, scheme)]
    if len(inside) == 0:
        return
    if inside[:, 2].sum() <= max_points or root.z == scheme.split:
        yield root
        return
    for child in root.children:
        yield from leaves(child, inside, scheme, max_points)


def _within(cells: NDArray[np.int64], tile: TileId, scheme: CellScheme) -> NDArray[np.bool_]:
    shift = scheme.split - tile.z
    inside: NDArray[np.bool_] = (cells[:, 0] >> shift == tile.x) & (cells[:, 1] >> shift == tile.y)
    return inside


def _by_root(
    counted: Iterable[tuple[K, NDArray[np.int64]]], scheme: CellScheme
) -> defaultdict[TileId, list[tuple[K, NDArray[np.int64]]]]:
    """Sort cells into level-0 tiles, keeping the order of their owners."""
    roots: defaultdict[TileId, list[tuple[K, NDArray[np.int64]]]] = defaultdict(list)
    for owner, cells in counted:
        places = cells[:, :2] >> scheme.split
        order = np.lexsort((places[:, 1], places[:, 0]))
        places = places[order]
        starts = np.flatnonzero(np.any(np.diff(places, axis=0) != 0, axis=1)) + 1
        for group in np.split(order, starts) if len(order) else ():
            x, y = (cells[group[0], :2] >> scheme.split).tolist()
            roots[TileId(0, x, y)].append((owner, cells[group]))
    return roots
