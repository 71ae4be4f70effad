"""A binary tree over things on a map: what matters most stays at the top, every thing is in exactly one node.

The tree serves points and buildings alike. Its cells are halves of halves of one given cell, so they are anchored
globally and do not depend on the order in which things come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Node", "build_tree", "quadtree_cell"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """Some things, and below it the less important ones of the same cell."""

    key: str
    """Path from the top: ``r``, then 0 for the west or south half and 1 for the other."""
    index: NDArray[np.int64]
    """Positions of this node's own things, most important first."""
    children: tuple[Node, ...]
    """None, one or two; together they hold everything of the cell that is not here."""

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, top first."""
        yield self
        for child in self.children:
            yield from child.walk()


def build_tree(
    x: NDArray[np.float64], y: NDArray[np.float64], order: NDArray[np.int64], cell: Bounds, capacity: int
) -> Node:
    """Arrange things so that each node holds about `capacity` of them.

    A node holds between half of `capacity` and one and a half times it, unless halving left fewer. Halves instead of
    quarters keep the last nodes large: quarters leave many small files, which cost twice the bytes.

    Parameters
    ----------
    x, y
        Places in metres, shape (n,).
    order
        Positions of all things to arrange, most important first.
    cell
        The cell of the top; its longer side is halved first.
    capacity
        Wanted number of things a node, at least 1.

    Notes
    -----
    Time n log n; memory a few index arrays of length n. The depth is bounded: every inner node keeps some things.
    """
    return _build("r", x, y, order, cell, max(capacity, 1))


def _build(  # noqa: PLR0913 - one step of a recursion, not a public face
    key: str, x: NDArray[np.float64], y: NDArray[np.float64], order: NDArray[np.int64], cell: Bounds, capacity: int
) -> Node:
    n_own = own_count(len(order), capacity)
    own, rest = order[:n_own], order[n_own:]
    children = []
    if len(rest):
        low, high, in_high = _halves(cell, x[rest], y[rest])
        for digit, half, members in (("0", low, rest[~in_high]), ("1", high, rest[in_high])):
            if len(members):
                children.append(_build(key + digit, x, y, members, half, capacity))
    return Node(key=key, index=own, children=tuple(children))


def own_count(n: int, capacity: int) -> int:
    """Return how many of `n` things the top node keeps, so that its children are not left with crumbs."""
    if n <= capacity + capacity // 2:
        return n
    return min(capacity, n - capacity)


def _halves(cell: Bounds, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Bounds, Bounds, NDArray[np.bool_]]:
    middle_x, middle_y = cell.center
    if cell.width_m >= cell.height_m:
        west = Bounds(xmin=cell.xmin, ymin=cell.ymin, xmax=middle_x, ymax=cell.ymax)
        east = Bounds(xmin=middle_x, ymin=cell.ymin, xmax=cell.xmax, ymax=cell.ymax)
        return west, east, x >= middle_x
    south = Bounds(xmin=cell.xmin, ymin=cell.ymin, xmax=cell.xmax, ymax=middle_y)
    north = Bounds(xmin=cell.xmin, ymin=middle_y, xmax=cell.xmax, ymax=cell.ymax)
    return south, north, y >= middle_y


def quadtree_cell(bounds: Bounds, edge_m: float = 512.0) -> Bounds:
    """Return the smallest cell of the global quadtree that holds `bounds`, or four of them side by side at an axis.

    Cells of this tree never cross the CRS's axes; an area that does (Tokyo in zone IX lies on both sides of x = 0) gets
    the square of the four cells that meet there.
    """
    for level in range(64):
        edge = edge_m * 2.0**level
        columns = np.floor(np.array([bounds.xmin, bounds.xmax]) / edge)
        rows = np.floor(np.array([bounds.ymin, bounds.ymax]) / edge)
        straddles = columns[0] == -1 and columns[1] == 0, rows[0] == -1 and rows[1] == 0
        if (columns[0] == columns[1] or straddles[0]) and (rows[0] == rows[1] or straddles[1]):
            x0, y0 = float(columns[0]) * edge, float(rows[0]) * edge
            return Bounds(
                xmin=x0,
                ymin=y0,
                xmax=(float(columns[1]) + 1.0) * edge,
                ymax=(float(rows[1]) + 1.0) * edge,
            )
    raise ValueError(f"no cell holds {tuple(bounds)}")
