"""Labels do not depend on how an area is cut into tiles, nor on the order of points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.classify import ClassifyStage, classify_points
from twin.points import Points
from twin.tiling import TileGrid

if TYPE_CHECKING:
    from twin.bounds import Bounds


def random_town(seed: int, edge_m: float, corner: tuple[float, float]) -> Points:
    """Rolling ground with boxes, crowns, water in two ways, holes and noise, in whole millimetres."""
    rng = np.random.default_rng(seed)
    n = int(rng.uniform(1.0, 4.0) * edge_m**2)
    x, y = rng.uniform(0, edge_m, (2, n))
    z = 3 * np.sin(x / rng.uniform(15, 60)) + 2 * np.cos(y / rng.uniform(15, 60)) + rng.normal(0, 0.03, n)
    of = np.ones(n, np.uint8)
    for _ in range(rng.integers(1, int(edge_m / 8))):
        cx, cy = rng.uniform(0, edge_m, 2)
        w, h, tall = rng.uniform(2, 45), rng.uniform(2, 45), rng.uniform(0.3, 30)
        box = (abs(x - cx) < w / 2) & (abs(y - cy) < h / 2)
        kind = rng.integers(0, 6)
        if kind <= 1:
            z[box] = z[box].max(initial=0) + tall + rng.normal(0, 0.02, box.sum())
        elif kind == 2:
            z[box] += rng.uniform(0, tall, box.sum())
            of[box] = rng.integers(1, 4, box.sum())
        elif kind == 3:
            z[box] = np.where(rng.random(box.sum()) < 0.5, -4 + rng.normal(0, 0.02, box.sum()), z[box] - 9)
        elif kind == 4:
            z[box] = -3 + rng.normal(0, 0.02, box.sum())
            x[box & (rng.random(n) < 0.8)] = 0.001
        else:
            x[box], y[box] = rng.uniform(0, edge_m, (2, box.sum()))
    stray = rng.random(n) < 0.002
    z[stray] += rng.uniform(-400, 900, stray.sum())
    number = np.minimum(rng.integers(1, 4, n), of).astype(np.uint8)
    x, y, z = (np.rint((v + o) * 1000) / 1000 for v, o in ((x, corner[0]), (y, corner[1]), (z, 0.0)))
    return Points(x=x, y=y, z=z, attributes={"return_number": number, "number_of_returns": of})


def labels_in_tile(points: Points, core: Bounds, stage: ClassifyStage, rng: np.random.Generator) -> np.ndarray:
    """Labels and confidences inside `core`, from the points within the halo, given in an order of their own."""
    window = core.buffered(stage.halo_m).contains(points.x, points.y)
    order = rng.permutation(np.flatnonzero(window))
    result = np.zeros((len(points), 2), np.uint8)
    result[order] = np.stack(classify_points(points.take(order), core, stage.steps), axis=1)
    return result[core.contains(points.x, points.y)]


@settings(max_examples=3)
@given(seed=st.integers(0, 2**32 - 1), column=st.integers(-3, 3), row=st.integers(-3, 3))
def test_tiles_of_any_size_with_halo_give_the_labels_of_the_whole(seed: int, column: int, row: int) -> None:
    points = random_town(seed, 430.0, (column * 512.0 + 77.0, row * 512.0 - 30.0))
    stage = ClassifyStage()
    rng = np.random.default_rng(seed)
    whole = np.stack(classify_points(points, points.bounds.buffered(1.0), stage.steps), axis=1)
    for edge_m in (32.0, 64.0, 128.0):
        grid = TileGrid(edge_m=edge_m)
        place = rng.integers(0, len(points))
        core = grid.bounds(grid.tile_at(points.x[place], points.y[place]))
        own = core.contains(points.x, points.y)
        np.testing.assert_array_equal(labels_in_tile(points, core, stage, rng), whole[own])
