"""Laws of ingest: every point lands in exactly one tile, none is lost, and nothing depends on how the work was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from pipelines.ingest.cells import CellScheme, counted_cells
from pipelines.ingest.levels import hash_of_rows, levels_by_grid, levels_by_sorting, levels_of_detail
from pipelines.ingest.plan import leaves
from pipelines.ingest.scatter import node_of_cells
from tiles.las import write_las
from tiles.order import stable_order
from tiles.store import Store
from twin.crs import parse_crs
from twin.points import Points
from twin.tiling import TileGrid, TileId
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CRS = parse_crs("EPSG:6677")
TOLD = {"crs": "EPSG:6677", "vertical": "TP"}


def make(path: Path, edge_m: float) -> Store:
    return Store.create(path, crs=CRS, vertical=TP, tile_edge_m=edge_m)


def everything(store: Store) -> Points:
    """All points of a store, by source and row."""
    points = Points.concatenate([store.read_tile(row.tile) for row in store.tiles()])
    return points.take(np.lexsort((points["source_index"], points["source"])))


@settings(max_examples=12)
@given(
    counts=hnp.arrays(np.int64, st.tuples(st.integers(1, 60), st.just(2)), elements=st.integers(-130_000, 130_000)),
    edge_m=st.sampled_from([32.0, 64.0, 100.0]),
    max_tile_points=st.sampled_from([3, 1000]),
    borders=st.booleans(),
)
def test_every_point_lands_in_exactly_one_tile_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    counts: np.ndarray,
    edge_m: float,
    max_tile_points: int,
    borders: bool,
) -> None:
    folder = tmp_path_factory.mktemp("law")
    xy = counts * 0.001
    if borders:  # on the edges of tiles and of quarters of tiles
        xy = np.round(xy / (edge_m / 4)) * (edge_m / 4)
    points = Points(x=xy[:, 0], y=xy[:, 1], z=np.arange(len(xy)) * 0.5)
    write_las(folder / "a.las", points, crs=None)
    store = make(folder / "s", edge_m)
    params = IngestParams(**TOLD, max_tile_points=max_tile_points, rows_per_task=40, chunk_rows=25)
    summary = ingest(store, [folder / "a.las"], params, Sequential())
    assert (summary.points, summary.refused) == (len(xy), ())
    read = everything(store)
    np.testing.assert_array_equal(read["source_index"], np.arange(len(xy)))
    np.testing.assert_allclose(read.x, points.x, rtol=0, atol=1e-9)
    np.testing.assert_allclose(read.y, points.y, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(read.z, points.z)
    tiles = [row.tile for row in store.tiles()]
    assert not any(a != b and a.is_within(b) for a in tiles for b in tiles)
    for row in store.tiles():
        own = store.read_tile(row.tile, ())
        assert store.grid.bounds(row.tile).contains(own.x, own.y).all()


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), n=st.integers(1, 3000), z=st.integers(0, 2))
def test_points_up_to_a_level_are_one_for_each_occupied_cell(seed: int, n: int, z: int) -> None:
    random = np.random.default_rng(seed)
    scheme = CellScheme.of(64.0)
    size = 1 << (scheme.fine - z)
    column, row = (random.integers(0, size, n).astype(np.int32) for _ in range(2))
    hashes = hash_of_rows(np.zeros(n, np.uint16), np.arange(n, dtype=np.uint32))
    level = levels_of_detail(column, row, hashes, size, scheme.n_levels)
    assert level.max() < scheme.n_levels
    np.testing.assert_array_equal(level, levels_by_grid(column, row, hashes, size, scheme.n_levels))
    np.testing.assert_array_equal(level, levels_by_sorting(column, row, hashes, scheme.n_levels))
    for chosen in range(scheme.n_levels - 1):
        shift = scheme.fine - scheme.split - chosen
        cells = set(zip((column >> shift).tolist(), (row >> shift).tolist(), strict=True))
        picked = level <= chosen
        held = list(zip((column[picked] >> shift).tolist(), (row[picked] >> shift).tolist(), strict=True))
        assert len(held) == len(set(held)) == len(cells)


@given(seed=st.integers(0, 1000), n=st.integers(1, 3000), spread=st.sampled_from([2, 100, 10_000_000]))
def test_cells_are_counted_and_grouped_without_loss(seed: int, n: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    column, row = (random.integers(-spread, spread, n) for _ in range(2))
    numbers, cells = counted_cells(column, row)
    assert cells[:, 2].sum() == n
    np.testing.assert_array_equal(cells[numbers, 0], column)
    np.testing.assert_array_equal(cells[numbers, 1], row)
    scheme = CellScheme.of(512.0)
    node_of_cell, nodes = node_of_cells(cells, scheme, limit=n // 4 + 1)
    sizes = np.bincount(node_of_cell, weights=cells[:, 2], minlength=len(nodes))
    for number, node in enumerate(nodes):
        members = cells[node_of_cell == number]
        shift = scheme.split - node.z
        assert {TileId(node.z, int(x) >> shift, int(y) >> shift) for x, y, _ in members} == {node}
        assert sizes[number] <= n // 4 + 1 or node.z == scheme.split


@given(keys=hnp.arrays(np.int64, st.integers(0, 200), elements=st.integers(0, 9)))
def test_counting_sort_is_a_stable_sort(keys: np.ndarray) -> None:
    np.testing.assert_array_equal(stable_order(keys, 10), np.argsort(keys, kind="stable"))


@given(seed=st.integers(0, 100), limit=st.integers(1, 50))
def test_leaves_cover_all_cells_once_and_are_as_large_as_they_may(seed: int, limit: int) -> None:
    random = np.random.default_rng(seed)
    scheme, grid = CellScheme.of(128.0), TileGrid(edge_m=128.0)
    points = random.uniform(0, 128.0, (200, 2))
    _, cells = counted_cells(*scheme.indices(points[:, 0], points[:, 1], scheme.split))
    found = list(leaves(TileId(0, 0, 0), cells, scheme, limit))
    held = [int(grid.bounds(leaf).contains(points[:, 0], points[:, 1]).sum()) for leaf in found]
    assert sum(held) == 200
    for leaf, n_points in zip(found, held, strict=True):
        assert 0 < n_points <= limit or leaf.z == scheme.split
        if leaf.z:
            assert grid.bounds(leaf.parent).contains(points[:, 0], points[:, 1]).sum() > limit
