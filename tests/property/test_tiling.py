"""Laws of tiles: ownership is a partition, addresses round trip, halos are mutual."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.bounds import Bounds
from twin.tiling import TileGrid, TileId

coordinate = st.floats(-1e5, 1e5, allow_nan=False)
index = st.integers(-2000, 2000)
level = st.integers(0, 4)
tiles = st.builds(TileId, level, index, index)
grids = st.builds(TileGrid, edge_m=st.sampled_from([64.0, 100.0, 512.0]))
corners = st.tuples(coordinate, coordinate)
clouds = st.lists(st.tuples(st.floats(0, 90), st.floats(0, 90)), min_size=1, max_size=30)


def around(center: float, reach_m: float) -> st.SearchStrategy[float]:
    return st.floats(center - reach_m, center + reach_m, allow_nan=False)


@given(tiles)
def test_an_address_survives_its_text(tile: TileId) -> None:
    assert TileId.parse(str(tile)) == tile


@pytest.mark.parametrize("text", ["", "0/1", "0/1_2_3", "-1/0_0", "0/1.5_2", "a/b_c", " 0/0_0", "0/0_0\n"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a tile address"):
        TileId.parse(text)


@given(tiles)
def test_the_four_children_know_their_parent_and_share_out_its_square(tile: TileId) -> None:
    grid = TileGrid(edge_m=512.0)
    children = tile.children
    assert len(set(children)) == 4
    assert all(child.parent == tile and child.is_within(tile) and not tile.is_within(child) for child in children)
    boxes = [grid.bounds(child) for child in children]
    assert sum(box.width_m * box.height_m for box in boxes) == grid.edge_at(tile.z) ** 2
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert boxes[0].union(boxes[1]).union(boxes[2]).union(boxes[3]) == grid.bounds(tile)


def test_the_whole_has_no_parent() -> None:
    with pytest.raises(ValueError, match="no parent"):
        _ = TileId(0, 3, 4).parent


@given(grids, corners, clouds, level)
def test_every_point_lands_in_exactly_one_tile(
    grid: TileGrid, corner: tuple[float, float], cloud: list[tuple[float, float]], z: int
) -> None:
    x, y = np.array(cloud).T + np.array(corner)[:, None]
    owners = [grid.tile_at(float(px), float(py), z) for px, py in zip(x, y, strict=True)]
    columns, rows = grid.columns_rows(x, y, z)
    assert [(owner.x, owner.y) for owner in owners] == list(zip(columns.tolist(), rows.tolist(), strict=True))
    candidates = set(grid.tiles_over(Bounds.around(x, y), z))
    for px, py, owner in zip(x, y, owners, strict=True):
        edge = grid.edge_at(z)
        neighbours = [TileId(z, owner.x + dx, owner.y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        holders = [tile for tile in neighbours if grid.bounds(tile).contains(np.array([px]), np.array([py]))[0]]
        assert holders == [owner]
        # The closure of the cloud's box may end on an edge: then the owner begins just past it.
        assert owner in candidates or px % edge == 0 or py % edge == 0


@given(tiles, st.data())
def test_a_point_in_a_child_is_a_point_of_the_parent(tile: TileId, data: st.DataObject) -> None:
    grid = TileGrid(edge_m=512.0)
    box = grid.bounds(tile)
    x, y = data.draw(around(box.center[0], box.width_m)), data.draw(around(box.center[1], box.height_m))
    deep, shallow = grid.tile_at(x, y, tile.z + 1), grid.tile_at(x, y, tile.z)
    assert deep.parent == shallow


@given(grids, tiles, st.floats(0.5, 200.0), st.data())
def test_halos_are_mutual(grid: TileGrid, tile: TileId, halo_m: float, data: st.DataObject) -> None:
    """If B reaches into A's halo, A reaches into B's: what one tile reads, the other's owner knows of."""
    dx, dy = data.draw(st.integers(-3, 3)), data.draw(st.integers(-3, 3))
    other = TileId(tile.z, tile.x + dx, tile.y + dy)
    reaches = grid.with_halo(tile, halo_m).intersects(grid.bounds(other))
    assert reaches == grid.with_halo(other, halo_m).intersects(grid.bounds(tile))


@given(grids, tiles, st.floats(0.0, 50.0), st.data())
def test_a_halo_sees_every_neighbour_within_reach_on_every_side(
    grid: TileGrid, tile: TileId, halo_m: float, data: st.DataObject
) -> None:
    """For any owned point, everything within `halo_m` of it lies in the tile's window. No side is forgotten."""
    box = grid.bounds(tile)
    fraction = st.floats(0, 1, exclude_max=True)
    px, py = box.xmin + data.draw(fraction) * box.width_m, box.ymin + data.draw(fraction) * box.height_m
    angle = data.draw(st.floats(0, 2 * np.pi))
    reach = 0.999 * halo_m
    qx, qy = np.array([px + reach * np.cos(angle)]), np.array([py + reach * np.sin(angle)])
    window = grid.with_halo(tile, halo_m)
    assert window.contains(np.array([px]), np.array([py]))[0]
    assert window.contains(qx, qy)[0]


@given(grids, tiles)
def test_tiles_over_a_tiles_own_square_is_that_tile_alone(grid: TileGrid, tile: TileId) -> None:
    assert list(grid.tiles_over(grid.bounds(tile), tile.z)) == [tile]


@given(grids, coordinate, coordinate, st.floats(0, 300), st.floats(0, 300), level)
def test_tiles_over_is_sorted_gapless_and_covers(  # noqa: PLR0913 - one strategy each
    grid: TileGrid, x: float, y: float, width_m: float, height_m: float, z: int
) -> None:
    bounds = Bounds(xmin=x, ymin=y, xmax=x + width_m, ymax=y + height_m)
    found = list(grid.tiles_over(bounds, z))
    assert found == sorted(set(found), key=lambda tile: (tile.y, tile.x))
    union = grid.bounds(found[0])
    for tile in found[1:]:
        union = union.union(grid.bounds(tile))
    assert union.xmin <= bounds.xmin
    assert union.ymin <= bounds.ymin
    assert union.xmax >= bounds.xmax
    assert union.ymax >= bounds.ymax
    if bounds.width_m > 0 and bounds.height_m > 0:
        assert all(grid.bounds(tile).intersects(bounds) for tile in found)


@pytest.mark.parametrize("edge_m", [0.0, -1.0, float("nan"), float("inf")])
def test_a_tile_has_a_real_edge(edge_m: float) -> None:
    with pytest.raises(ValueError, match="tile edge"):
        TileGrid(edge_m=edge_m)
