"""Laws of the tree: nothing is lost or doubled, and what matters most is on top."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tiles.manifest import TileRow
from tiles.tiles3d.overview import Cell, overview_forest
from tiles.tiles3d.tree import Node, build_tree, quadtree_cell
from twin.bounds import Bounds
from twin.tiling import TileId

places = st.lists(st.tuples(st.floats(-3e4, 3e4), st.floats(-3e4, 3e4)), min_size=1, max_size=300)


def grown(xy: list[tuple[float, float]], capacity: int) -> tuple[Node, np.ndarray, np.ndarray]:
    x, y = np.array(xy).T
    order = np.random.default_rng(len(xy)).permutation(len(xy))
    return build_tree(x, y, order, quadtree_cell(Bounds.around(x, y)), capacity), x, order


@given(places, st.integers(1, 40))
def test_every_thing_is_in_exactly_one_node(xy: list[tuple[float, float]], capacity: int) -> None:
    tree, x, _ = grown(xy, capacity)
    held = np.concatenate([node.index for node in tree.walk()])
    assert sorted(held.tolist()) == list(range(len(x)))


@given(places, st.integers(1, 40))
def test_nodes_are_neither_crowded_nor_empty_and_have_their_own_names(
    xy: list[tuple[float, float]], capacity: int
) -> None:
    tree, _, _ = grown(xy, capacity)
    nodes = list(tree.walk())
    assert all(1 <= len(node.index) <= capacity + capacity // 2 for node in nodes)
    assert all(2 * len(node.index) >= capacity for node in nodes if node.children)
    assert len({node.key for node in nodes}) == len(nodes)


@given(places, st.integers(1, 40))
def test_nothing_below_matters_more_than_what_is_above(xy: list[tuple[float, float]], capacity: int) -> None:
    tree, x, order = grown(xy, capacity)
    rank = np.empty(len(x), dtype=int)
    rank[order] = np.arange(len(x))
    for node in tree.walk():
        for child in node.children:
            assert rank[node.index].max() < min(rank[inner.index].min() for inner in child.walk())


@given(places)
def test_the_cell_holds_everything_and_is_cut_from_the_global_quadtree(xy: list[tuple[float, float]]) -> None:
    bounds = Bounds.around(*np.array(xy).T)
    cell = quadtree_cell(bounds)
    assert cell.xmin <= bounds.xmin <= bounds.xmax < cell.xmax
    assert cell.ymin <= bounds.ymin <= bounds.ymax < cell.ymax
    for low, high in ((cell.xmin, cell.xmax), (cell.ymin, cell.ymax)):
        assert low % 512 == high % 512 == 0
        assert low == -high or low % (high - low) == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-20, 20), st.integers(-20, 20)), min_size=1, max_size=60, unique=True
    )
)
def test_overviews_hold_every_store_tile_once_and_are_never_many_at_the_top(
    addresses: list[tuple[int, int, int]],
) -> None:
    tiles = [TileId(*address) for address in addresses]
    # tiles of a store never overlap
    tiles = [t for t in tiles if not any(t != other and t.is_within(other) for other in tiles)]
    box = Bounds(xmin=0, ymin=0, xmax=1, ymax=1)
    rows = [TileRow(tile=t, rev="", n_points=5, bounds=box, zmin=0, zmax=1) for t in tiles]
    tops = overview_forest(rows)

    def leaves(cell: Cell) -> list[TileId]:
        return [t for child in cell.children for t in leaves(child)] if cell.children else [cell.tiles[0].tile]

    assert sorted(t for top in tops for t in leaves(top)) == sorted(tiles)
    assert len(tops) <= 4
