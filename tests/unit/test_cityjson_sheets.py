"""Terrain in CityJSON: every sheet hangs together along edges and touches itself nowhere, and none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tiles.cityjson.sheets import sheets

if TYPE_CHECKING:
    from numpy.typing import NDArray


def lattice(rows: int, columns: int) -> NDArray[np.int32]:
    """Two triangles in each cell of a lattice."""
    corner = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    cells = np.stack([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)], axis=2)
    return cells.reshape(-1, 3).astype(np.int32)


def n_fans(triangles: NDArray[np.int32], corner: int) -> int:
    """Groups of triangles around a corner that hang together along edges."""
    left = [set(triangle) for triangle in triangles.tolist() if corner in triangle]
    n = 0
    while left:
        fan = left.pop()
        while grown := [triangle for triangle in left if len(triangle & fan - {corner}) > 0]:
            fan = fan.union(*grown)
            left = [triangle for triangle in left if triangle not in grown]
        n += 1
    return n


def n_pieces(triangles: NDArray[np.int32]) -> int:
    edges = [{frozenset((t[i], t[(i + 1) % 3])) for i in range(3)} for t in triangles.tolist()]
    n = 0
    while edges:
        piece = edges.pop()
        while grown := [triangle for triangle in edges if triangle & piece]:
            piece = piece.union(*grown)
            edges = [triangle for triangle in edges if triangle not in grown]
        n += 1
    return n


@given(st.lists(st.booleans(), min_size=50, max_size=50))
def test_sheets_hang_together_touch_themselves_nowhere_and_hold_every_triangle_once(kept: list[bool]) -> None:
    triangles = lattice(5, 5)[np.array(kept)]
    found = sheets(triangles)
    assert sorted(np.concatenate([*found, np.empty(0, int)]).astype(int).tolist()) == list(range(len(triangles)))
    for sheet in found:
        part = triangles[sheet]
        assert n_pieces(part) == 1
        assert {n_fans(part, corner) for corner in np.unique(part).tolist()} == {1}
    # Another order of the triangles gives the same sheets.
    turned = sheets(triangles[::-1])
    assert len(turned) == len(found)


def test_ground_without_gaps_is_one_sheet() -> None:
    assert [len(sheet) for sheet in sheets(lattice(7, 9))] == [126]


def test_two_banks_are_two_sheets() -> None:
    triangles = lattice(4, 5).reshape(4, 5, 2, 3)[:, [0, 1, 3, 4]].reshape(-1, 3)
    assert [len(sheet) for sheet in sheets(triangles)] == [16, 16]
