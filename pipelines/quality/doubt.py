"""Where labels are doubtful: the places at which a person who edits by hand should start.

Each cell of a grid is weighed by the area that would change if its labels were wrong, times what hangs on it: whether
something is ground or a building decides terrain, model and flood; whether a bush is low or medium decides nothing. The
heaviest cells become places, apart from each other, and the more places ask the same question, the less another one
weighs: twenty pictures of the same hedge teach nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tiles.store import Store
from twin.bounds import Bounds
from twin.errors import StageError, ends_everything
from twin.points import PointClass
from twin.progress import Progress, Silent
from twin.raster import Frame, Raster
from twin.review import DOUBTFUL, DoubtPlace, Review

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pipelines.executors import Executor
    from twin.points import Points
    from twin.tiling import TileId

__all__ = ["CELL_M", "DoubtTask", "TileDoubt", "choose_places", "doubt_of", "find_doubt", "tile_doubt"]

CELL_M = 16.0
"""Edge of a cell that is judged, metres (ours: a house and its garden; divides every tile)."""
_KEPT = 40
"""Cells of a tile that may become places; a tile of 512 m has 1 024."""
_LEAST_POINTS = 20
"""Points below which a cell is no place: the edge of a survey."""
_APART = (3, 2)
"""Cells between places, first wished, then allowed if there are too few: 48 m and 32 m."""
_LOOKED_AT = 50
"""Cells looked at for each place that is wanted; places among the rest would hardly weigh anything."""
_REPEATED = 0.85
"""What each further place of the same question weighs, relative to the one before (ours)."""
_NOTHING = 255
_STAKES = {
    PointClass.GROUND: 3.0,
    PointClass.BUILDING: 3.0,
    PointClass.BRIDGE: 2.0,
    PointClass.WATER: 2.0,
    PointClass.WATER_SURFACE: 2.0,
    PointClass.SEABED: 2.0,
    PointClass.UNCLASSIFIED: 1.5,
}
"""What hangs on a label of a class (ours: ground and buildings decide terrain, model and flood); 1 for all others."""


@dataclass(frozen=True, slots=True)
class DoubtTask:
    """All that travels to a worker."""

    store_uri: str
    run: str
    tile: TileId


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileDoubt:
    """What a tile adds to a review."""

    frame: Frame
    """Cells of `CELL_M` that its points lie in."""
    share: NDArray[np.uint8]
    """Doubtful points of each cell, per cent, 255 without points; shape of the frame."""
    candidates: tuple[DoubtPlace, ...]
    """Its heaviest cells, with rank 0."""
    n_points: int
    n_doubtful: int
    confidence_sum: int
    """Sum of all confidences in per cent."""


def find_doubt(store: Store, run: str, n_places: int, executor: Executor, progress: Progress | None = None) -> Review:
    """Judge all tiles of a run and choose its places.

    Parameters
    ----------
    store, run
        Labels of a finished run of ``classify``.
    n_places
        Most places to choose; small areas have fewer.
    executor
        Where tiles are judged.
    progress
        Hears of tiles.

    Raises
    ------
    StageError
        If no tile has labels of that run.
    """
    listener = progress or Silent()
    tasks = [DoubtTask(store.address, run, row.tile) for row in store.tiles()]
    listener.start("review", len(tasks), "tiles")
    found: list[tuple[str, TileDoubt]] = []
    for task, outcome in executor.map_unordered(doubt_of, tasks):
        if isinstance(outcome, Exception) and ends_everything(outcome):
            raise outcome
        if not isinstance(outcome, Exception):  # a tile that classify could not do has no labels, and was listed there
            found.append((str(task.tile), outcome))
        listener.advance(1)
    listener.finish()
    if not found:
        raise StageError(f"{store.address}: no tile has labels of run {run}; run `twin classify {store.address}` first")
    parts = [part for _, part in sorted(found, key=lambda entry: entry[0])]
    n_points = sum(part.n_points for part in parts)
    return Review(
        run=run,
        places=choose_places([place for part in parts for place in part.candidates], n_places),
        doubt=_mosaic(parts, store.crs.code),
        n_points=n_points,
        n_doubtful=sum(part.n_doubtful for part in parts),
        mean_confidence=sum(part.confidence_sum for part in parts) / max(1, n_points),
    )


def doubt_of(task: DoubtTask) -> TileDoubt:
    """Judge one tile of a store."""
    store = Store.open(task.store_uri)
    points = store.read_tile(task.tile, ())
    label, confidence = store.read_labels(task.run, task.tile)
    return tile_doubt(points, label, confidence, str(task.tile))


def tile_doubt(points: Points, label: NDArray[np.uint8], confidence: NDArray[np.uint8], tile: str) -> TileDoubt:
    """Judge the points of a tile; label and confidence in per cent have shape (n,)."""
    frame = Frame.covering(_half_open(points), CELL_M)
    row, column, _ = frame.cells_of(points.x, points.y)
    cell = row * frame.columns + column
    doubtful = confidence < DOUBTFUL
    n = np.bincount(cell, minlength=frame.rows * frame.columns)
    n_doubtful = np.bincount(cell[doubtful], minlength=n.size)
    share = np.where(n > 0, 100 * n_doubtful // np.maximum(n, 1), _NOTHING).astype(np.uint8)
    stake = np.ones(256)
    stake[list(_STAKES)] = list(_STAKES.values())
    # Whole numbers add up exactly in doubles, in any order of points.
    wrong = np.where(doubtful, (100 - confidence.astype(np.int64)) * (10.0 * stake[label]).astype(np.int64), 0)
    weight = np.bincount(cell, weights=wrong, minlength=n.size) / 1000.0 / np.maximum(n, 1) * CELL_M**2
    weight[n < _LEAST_POINTS] = 0.0
    order = np.lexsort((np.arange(n.size), -weight))[:_KEPT]
    by_cell = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[by_cell], np.arange(n.size + 1))
    places = [
        _place(points, label, confidence, by_cell[starts[k] : starts[k + 1]], (float(weight[k]), tile))
        for k in order
        if weight[k] > 0
    ]
    return TileDoubt(
        frame=frame,
        share=share.reshape(frame.shape),
        candidates=tuple(places),
        n_points=len(points),
        n_doubtful=int(doubtful.sum()),
        confidence_sum=int(confidence.sum(dtype=np.int64)),
    )


def choose_places(candidates: Iterable[DoubtPlace], n_places: int) -> tuple[DoubtPlace, ...]:
    """Return the heaviest places, apart from each other and asking different questions; ranks from 1."""
    heaviest = sorted(candidates, key=lambda place: (-place.weight, place.bounds.ymin, place.bounds.xmin))
    left = heaviest[: _LOOKED_AT * n_places]
    chosen: list[DoubtPlace] = []
    asked: dict[frozenset[int], int] = {}
    for apart in _APART:
        while len(chosen) < n_places:
            free = [place for place in left if all(_cells_between(place, other) >= apart for other in chosen)]
            if not free:
                break
            best = max(free, key=lambda place: place.weight * _REPEATED ** asked.get(frozenset(place.question), 0))
            chosen.append(best)
            asked[frozenset(best.question)] = asked.get(frozenset(best.question), 0) + 1
    ranked = sorted(chosen, key=lambda place: (-place.weight, place.bounds.ymin, place.bounds.xmin))
    return tuple(replace(place, rank=k) for k, place in enumerate(ranked, 1))


def _place(
    points: Points,
    label: NDArray[np.uint8],
    confidence: NDArray[np.uint8],
    own: NDArray[np.int64],
    judged: tuple[float, str],
) -> DoubtPlace:
    """Describe one cell by its points."""
    doubtful = own[confidence[own] < DOUBTFUL]
    # Millimetres add up exactly, so the middle does not depend on the order of points.
    x, y = (float(np.rint(axis[doubtful] * 1000.0).sum() / doubtful.size / 1000.0) for axis in (points.x, points.y))
    codes, counts = np.unique(label[doubtful], return_counts=True)
    order = np.lexsort((codes, -counts))
    labels = {int(codes[k]): int(counts[k]) for k in order}
    xmin, ymin = (float(np.floor(axis[own[0]] / CELL_M)) * CELL_M for axis in (points.x, points.y))
    return DoubtPlace(
        rank=0,
        x=x,
        y=y,
        bounds=Bounds(xmin=xmin, ymin=ymin, xmax=xmin + CELL_M, ymax=ymin + CELL_M),
        tile=judged[1],
        n_points=own.size,
        n_doubtful=doubtful.size,
        expected_wrong=float((100 - confidence[own].astype(np.int64)).sum()) / 100.0,
        labels=labels,
        question=_question(label, own, labels),
        weight=judged[0],
    )


def _question(label: NDArray[np.uint8], own: NDArray[np.int64], doubtful: dict[int, int]) -> tuple[int, int]:
    """Return the class of most doubtful points and the likeliest other: doubted too, or else the commonest around."""
    first, *others = doubtful
    if others and doubtful[others[0]] * 5 >= doubtful[first]:
        return first, others[0]
    codes, counts = np.unique(label[own], return_counts=True)
    around = [(-int(n), int(code)) for code, n in zip(codes, counts, strict=True) if code != first]
    return first, min(around)[1] if around else int(PointClass.UNCLASSIFIED)


def _cells_between(one: DoubtPlace, other: DoubtPlace) -> float:
    """Distance of two cells in cells, along the longer axis; 0 for the same one."""
    return max(abs(one.bounds.xmin - other.bounds.xmin), abs(one.bounds.ymin - other.bounds.ymin)) / CELL_M


def _mosaic(parts: list[TileDoubt], crs: str) -> Raster:
    """Lay the tiles' shares into one raster; a cell that two tiles share shows the more doubtful one."""
    frame = parts[0].frame
    for part in parts[1:]:
        frame = Frame.covering(frame.bounds.union(part.frame.bounds), CELL_M)
    doubt = np.full(frame.shape, _NOTHING, np.uint8)
    for part in parts:
        window = doubt[frame.window_of(part.frame)]
        known = part.share != _NOTHING
        window[known] = np.where(window[known] == _NOTHING, part.share[known], np.maximum(window, part.share)[known])
    return Raster(values=doubt, frame=frame, crs=crs)


def _half_open(points: Points) -> Bounds:
    """Bounds that hold the points also where one lies on the upper edge of a cell."""
    bounds = points.bounds
    return Bounds(xmin=bounds.xmin, ymin=bounds.ymin, xmax=bounds.xmax + 1e-6, ymax=bounds.ymax + 1e-6)
