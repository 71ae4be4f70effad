"""Columns in acquisition order come back in the tile's order, whatever that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.acquisition import ACQUISITION, PLACE
from tiles.codecs import CHUNK_POINTS, chunk_length
from tiles.columns import read_columns, write_columns
from tiles.order import places_in_tile
from twin.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


def place_of(n: int, edge: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    cells = (random.integers(0, edge, n).astype(np.uint16) for _ in range(2))
    return dict(zip(PLACE, (random.integers(0, 8, n).astype(np.uint8), *cells), strict=True))


def by_numpy(place: dict[str, np.ndarray]) -> np.ndarray:
    """The recipe of docs/store.md."""
    lod, column, row = (place[name].astype("u8") for name in PLACE)
    morton = sum((((column >> b) & 1) << 2 * b) | (((row >> b) & 1) << 2 * b + 1) for b in range(16))
    return np.lexsort((morton, lod))


@given(n=st.integers(0, 300), edge=st.sampled_from([1, 2, 5, 200, 256, 2048]), seed=st.integers(0, 9))
def test_the_documented_sort_gives_the_tiles_order(n: int, edge: int, seed: int) -> None:
    place = place_of(n, edge, seed)
    np.testing.assert_array_equal(places_in_tile(place), by_numpy(place))


@pytest.mark.parametrize("profile", ["compact", "portable"])
def test_columns_in_acquisition_order_are_read_in_the_tiles(tmp_path: Path, profile: str) -> None:
    n = CHUNK_POINTS + 5000
    place = place_of(n, 256, 1)
    time = np.sort(np.random.default_rng(2).uniform(3e8, 3.1e8, n))
    order = by_numpy(place)
    columns = {"lod": place["lod"][order], "X": np.arange(n, dtype=np.int32), ACQUISITION + "gps_time": time}
    columns |= {ACQUISITION + name: values for name, values in place.items()}
    write_columns(tmp_path / "tile", columns, profile, {})  # type: ignore[arg-type]
    read = read_columns(tmp_path / "tile", ("gps_time", "lod", "X"))
    assert list(read) == ["gps_time", "lod", "X"]
    np.testing.assert_array_equal(read["gps_time"], time[order])
    np.testing.assert_array_equal(read["lod"], place["lod"][order])
    second = np.array([False, True])
    part = read_columns(tmp_path / "tile", ("gps_time", "X"), second)
    start = chunk_length(n)
    np.testing.assert_array_equal(part["gps_time"], time[order][start:])
    np.testing.assert_array_equal(part["X"], np.arange(start, n))


def test_a_tile_without_provenance_keeps_its_own_order(tmp_path: Path) -> None:
    time = np.array([3.0, 1.0, 2.0])
    write_columns(tmp_path / "tile", {"X": np.zeros(3, np.int32), "gps_time": time}, "compact", {})
    np.testing.assert_array_equal(read_columns(tmp_path / "tile", ["gps_time"])["gps_time"], time)
    with pytest.raises(StoreError, match="no column 'scan_angle'"):
        read_columns(tmp_path / "tile", ["scan_angle"])
