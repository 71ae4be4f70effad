"""Doubtful places: the heaviest first, apart from each other, the same from any order of tiles and points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.executors import Sequential
from pipelines.quality.doubt import CELL_M, choose_places, find_doubt, tile_doubt
from tiles.store import Store
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.errors import StageError
from twin.points import Points
from twin.review import DoubtPlace
from twin.tiling import TileId
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path


def field(seed: int, edge_m: float = 128.0) -> tuple[Points, np.ndarray, np.ndarray]:
    """Sure ground; a square of doubtful roof in the west, of doubtful bushes in the east, some doubt everywhere."""
    rng = np.random.default_rng(seed)
    x, y = np.floor(rng.uniform(0, edge_m, (2, int(4 * edge_m**2))) * 1000) / 1000
    label, confidence = np.full(x.size, 2, np.uint8), np.full(x.size, 95, np.uint8)
    confidence[rng.random(x.size) < 0.01] = 50
    for west, code in ((20.0, 6), (100.0, 4)):
        square = (abs(x - west) < 6) & (abs(y - 40) < 6)
        label[square], confidence[square] = code, 30
    return Points(x=x, y=y, z=np.zeros(x.size)), label, confidence


def place(x: float, y: float, weight: float, question: tuple[int, int] = (2, 6)) -> DoubtPlace:
    bounds = Bounds(xmin=x, ymin=y, xmax=x + CELL_M, ymax=y + CELL_M)
    return DoubtPlace(
        rank=0, x=x, y=y, bounds=bounds, tile="0/0_0", n_points=100, n_doubtful=50, expected_wrong=20.0,
        labels={question[0]: 50}, question=question, weight=weight,
    )  # fmt: skip


def test_what_hangs_on_a_label_decides_where_to_start() -> None:
    found = tile_doubt(*field(0), "0/0_0")
    first, second, *_ = choose_places(found.candidates, 5)
    assert first.bounds.xmin <= 20.0 <= first.bounds.xmax
    assert first.question == (6, 2)  # a roof among ground
    assert second.bounds.xmin <= 100.0 <= second.bounds.xmax
    assert second.question[0] == 4
    assert first.weight > 2 * second.weight  # a house matters more than a bush of the same size and doubt
    assert abs(first.x - 20.0) < 4.0
    assert abs(first.y - 40.0) < 4.0
    assert first.n_doubtful == first.labels[6] + first.labels.get(2, 0)


def test_places_lie_apart_and_give_way_to_other_questions() -> None:
    row = [place(CELL_M * k, 0.0, 10.0 - 0.01 * k) for k in range(12)]
    chosen = choose_places(row, 20)
    gaps = np.diff(sorted(one.x for one in chosen))
    assert gaps.min() >= 2 * CELL_M
    assert len(chosen) >= 4
    others = [place(CELL_M * 4 * k, 200.0, 9.5, (6, 5)) for k in range(3)]
    assert {one.question for one in choose_places([*row, *others], 2)} == {(2, 6), (6, 5)}
    assert [one.rank for one in chosen] == list(range(1, len(chosen) + 1))
    assert [one.weight for one in chosen] == sorted((one.weight for one in chosen), reverse=True)


@given(seed=st.integers(0, 1000))
def test_the_order_of_points_and_of_candidates_changes_nothing(seed: int) -> None:
    points, label, confidence = field(seed, 64.0)
    order = np.random.default_rng(seed).permutation(len(points))
    one = tile_doubt(points, label, confidence, "t")
    other = tile_doubt(points.take(order), label[order], confidence[order], "t")
    np.testing.assert_array_equal(one.share, other.share)
    assert one.candidates == other.candidates
    assert choose_places(one.candidates, 4) == choose_places(reversed(other.candidates), 4)


def test_tiles_of_a_store_make_one_review(tmp_path: Path) -> None:
    points, label, confidence = field(7)
    store = Store.create(tmp_path / "s", crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=64.0)
    with pytest.raises(StageError, match="twin classify"):
        find_doubt(store, "run", 5, Sequential())
    plain = {name: np.zeros(len(points), np.uint8) for name in ("classification", "return_number", "number_of_returns")}
    marked = points.with_attributes(**plain, user_data=label, **{"extra/sure": confidence})
    with store.writing():
        for column, row in ((0, 0), (0, 1), (1, 0), (1, 1)):
            tile = TileId(0, column, row)
            own = store.grid.bounds(tile).contains(points.x, points.y)
            store.manifest.commit_tiles([store.write_tile(tile, marked.take(own))])
            rest = store.read_tile(tile, ("user_data", "extra/sure"))
            store.write_labels("run", tile, rest["user_data"], rest["extra/sure"])
    review = find_doubt(store, "run", 5, Sequential())
    whole = tile_doubt(points, label, confidence, "0/0_0")
    assert review.n_points == whole.n_points == len(points)
    assert review.n_doubtful == whole.n_doubtful == (confidence < 60).sum()
    assert review.mean_confidence == pytest.approx(confidence.mean())
    np.testing.assert_array_equal(review.doubt.values, whole.share)
    alone = choose_places(whole.candidates, 5)
    assert [(one.bounds, one.labels, one.weight) for one in review.places] == [
        (one.bounds, one.labels, one.weight) for one in alone
    ]
    assert review.places[0].tile == "0/0_0"
