"""Laws of writing down and of looking around: nothing is lost, little is waited for, neighbours are found exactly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.ledger import Ledger
from pipelines.nearby import Nearby
from twin.bounds import Bounds
from twin.tiling import TileGrid, TileId

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_everything_is_written_once_and_in_order_even_if_the_work_fails() -> None:
    written: list[int] = []

    def work() -> None:
        with Ledger(written.extend) as ledger:
            for number in range(100):
                ledger.add(number)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert written == list(range(100))


def test_slow_things_are_written_at_once_and_quick_ones_together() -> None:
    calls: list[int] = []

    def write(things: Sequence[int]) -> None:
        calls.append(len(things))
        time.sleep(0.002)

    with Ledger(write) as ledger:
        ledger.add(0)
        assert calls == [1]
        for number in range(1000):
            ledger.add(number)
        assert sum(calls) < 1001
        time.sleep(0.3)
        ledger.add(1)
        assert sum(calls) == 1002
    assert len(calls) < 100


def test_neighbours_are_those_of_looking_at_every_tile() -> None:
    grid, rng = TileGrid(edge_m=64.0), np.random.default_rng(0)
    levels = rng.integers(0, 4, 300)
    tiles = [TileId(int(z), *map(int, rng.integers(-5 << z, 5 << z, 2))) for z in levels]
    things = [(tile, number) for number, tile in enumerate(tiles)]
    nearby = Nearby(grid, [*things, (None, -1)])
    for tile in tiles:
        for halo_m in (0.0, 1.5, 64.0, 150.0):
            window = grid.with_halo(tile, halo_m)
            expected = [number for other, number in things if grid.bounds(other).intersects(window)]
            assert nearby.to(window) == [*expected, -1]
    assert nearby.to(Bounds(xmin=9e6, ymin=0.0, xmax=9e6 + 1, ymax=1.0)) == [-1]
