"""How many buildings were found, counted as objects and not as points.

A missed shed hardly shows in the points of a city, and a hall outweighs a street of houses. So class-6 points of either
side become cells, touching cells become objects, and an object counts as found if the other side covers enough of it.
Objects that touch are one object: a row of houses is one, on both sides alike.

Tiles are added one by one. Only areas, and the cells along the tiles' edges, are kept; objects that reach over an edge
are put together at the end, so the figures are those of the whole area.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipelines.ground.cells import cell_numbers, count
from twin.raster import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["ObjectParams", "ObjectScore", "ObjectTally", "WrongObject", "cell_for", "score_objects"]

_POINTS_A_CELL = 4
"""Points that a cell should hold, so that hardly any cell of a roof is empty: one in fifty by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectParams:
    """What an object is, and when it is found."""

    cell_m: float = 1.0
    """Edge of a cell, metres (ours: `cell_for` takes the finest that four points fall into on average)."""
    share: float = 0.5
    """Share of a cell's points that must be buildings, 0 to 1 (ours: the majority)."""
    overlap: float = 0.5
    """Share of an object's area that the other side must cover, 0 to 1 (Rutzinger, Rottensteiner, Pfeifer 2009 discuss
    50 to 70 %; ISPRS scores urban objects with 50 %)."""
    min_areas_m2: tuple[float, ...] = (10.0, 50.0)
    """Smallest areas of the objects to count, square metres; one score each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongObject:
    """An object that the other side does not have."""

    x: float
    """Centroid, metres."""
    y: float
    area_m2: float
    covered: float
    """Share of its area that the other side has, 0 to 1."""
    kind: str
    """``missed`` or ``false``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectScore:
    """Objects of at least some area."""

    n_true: int
    """True objects."""
    n_recalled: int
    """True objects that were found."""
    n_found: int
    """Found objects."""
    n_right: int
    """Found objects that are true."""

    @property
    def precision(self) -> float:
        """Share of the found objects that are true, per cent; NaN without any."""
        return 100.0 * self.n_right / self.n_found if self.n_found else math.nan

    @property
    def recall(self) -> float:
        """Share of the true objects that were found, per cent; NaN without any."""
        return 100.0 * self.n_recalled / self.n_true if self.n_true else math.nan


class ObjectTally:
    """Adds tiles and scores their objects; memory is that of one tile and of the cells along all edges."""

    def __init__(self, params: ObjectParams) -> None:
        self.params = params
        self._true, self._found = _Side(), _Side()

    def add(
        self, x: NDArray[np.float64], y: NDArray[np.float64], truth: NDArray[np.bool_], found: NDArray[np.bool_]
    ) -> None:
        """Add the points of one tile: coordinates in metres, whether each is a building; all of shape (n,).

        Tiles must not overlap, and their edges should be multiples of the cell.
        """
        if x.size == 0:
            return
        frame = _frame(x, y, self.params.cell_m)
        cells = cell_numbers(frame, x, y)
        n = np.maximum(count(cells, frame.shape), 1)
        is_true, is_found = (
            count(cells, frame.shape, side) >= np.maximum(self.params.share * n, 1) for side in (truth, found)
        )
        self._true.add(is_true, is_found, frame)
        self._found.add(is_found, is_true, frame)

    def scores(self) -> dict[float, ObjectScore]:
        """Return the score for each of ``params.min_areas_m2``."""
        cell_m2 = self.params.cell_m**2
        true, found = self._true.whole(), self._found.whole()
        out = {}
        for least in self.params.min_areas_m2:
            counts = []
            for side in (true, found):
                large = side["area"] * cell_m2 >= least
                hit = side["covered"] >= self.params.overlap * side["area"]
                counts += [int(large.sum()), int((large & hit).sum())]
            out[least] = ObjectScore(n_true=counts[0], n_recalled=counts[1], n_found=counts[2], n_right=counts[3])
        return out

    def wrong(self, least_m2: float) -> list[WrongObject]:
        """Return the missed and the false objects of at least an area, the largest first."""
        cell_m = self.params.cell_m
        out = []
        for kind, side in (("missed", self._true.whole()), ("false", self._found.whole())):
            chosen = (side["area"] * cell_m**2 >= least_m2) & (side["covered"] < self.params.overlap * side["area"])
            for i in np.flatnonzero(chosen):
                area = int(side["area"][i])
                out.append(
                    WrongObject(
                        x=(float(side["columns"][i]) / area + 0.5) * cell_m,
                        y=(float(side["rows"][i]) / area + 0.5) * cell_m,
                        area_m2=area * cell_m**2,
                        covered=float(side["covered"][i]) / area,
                        kind=kind,
                    )
                )
        return sorted(out, key=lambda item: (-item.area_m2, item.x, item.y, item.kind))


def score_objects(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    truth: NDArray[np.bool_],
    found: NDArray[np.bool_],
    params: ObjectParams | None = None,
) -> dict[float, ObjectScore]:
    """Score the buildings of one cloud as objects.

    Parameters
    ----------
    x, y
        Coordinates in metres, shape (n,).
    truth, found
        Whether each point is a building, shape (n,).
    params
        What an object is; the defaults hold from 4 points per square metre.

    Returns
    -------
    A score for each smallest area in square metres.

    References
    ----------
    Rutzinger, Rottensteiner, Pfeifer 2009, A comparison of evaluation techniques for building extraction from airborne
    laser scanning, IEEE JSTARS 2(1).
    """
    tally = ObjectTally(params or ObjectParams())
    tally.add(x, y, truth, found)
    return tally.scores()


def cell_for(density_per_m2: float) -> float:
    """Return the edge in metres of the finest cell, a power of two and 1 m or more, that holds four points on average.

    Examples
    --------
    >>> cell_for(15.0), cell_for(1.0), cell_for(0.3)
    (1.0, 2.0, 4.0)
    """
    wanted = math.sqrt(_POINTS_A_CELL / max(density_per_m2, 1e-3))
    return float(2 ** max(0, math.ceil(math.log2(wanted) - 1e-9)))


class _Side:
    """Parts of objects of one side, tile after tile."""

    def __init__(self) -> None:
        self._figures: list[NDArray[np.int64]] = []
        self._n = 0
        self._edge: dict[tuple[int, int], int] = {}
        self._pairs: list[tuple[int, int]] = []

    def add(self, mask: NDArray[np.bool_], other: NDArray[np.bool_], frame: Frame) -> None:
        """Add a tile: number the parts of its mask, and count how much of each the `other` side's mask covers."""
        n, label = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        row, column = np.nonzero(mask)
        part = label[row, column].astype(np.int64) - 1
        at_column, at_row = frame.column0 + column, frame.row0 + frame.rows - 1 - row
        sums = [np.ones_like(part), other[row, column].astype(np.int64), at_column, at_row]
        total = np.zeros((n - 1, len(sums)), np.int64)
        for k, values in enumerate(sums):
            np.add.at(total[:, k], part, values)
        self._figures.append(total)
        rim = (row == 0) | (row == frame.rows - 1) | (column == 0) | (column == frame.columns - 1)
        for key_column, key_row, number in zip(at_column[rim], at_row[rim], part[rim] + self._n, strict=True):
            key = int(key_column), int(key_row)
            if key in self._edge:
                self._pairs.append((self._edge[key], int(number)))
            self._edge[key] = int(number)
        self._n += n - 1

    def whole(self) -> Mapping[str, NDArray[np.int64]]:
        """Return the figures of whole objects: the parts that touch over tiles' edges added up."""
        parent = list(range(self._n))
        for one, two in self._touching():
            a, b = _root(parent, one), _root(parent, two)
            parent[max(a, b)] = min(a, b)
        roots = np.array([_root(parent, i) for i in range(self._n)], np.int64)
        figures = np.concatenate(self._figures) if self._figures else np.zeros((0, 4), np.int64)
        total = np.zeros_like(figures)
        np.add.at(total, roots, figures)
        kept = total[roots == np.arange(self._n)]
        return dict(zip(("area", "covered", "columns", "rows"), kept.T, strict=True))

    def _touching(self) -> list[tuple[int, int]]:
        pairs = list(self._pairs)
        for (column, row), number in self._edge.items():
            for step in ((1, -1), (1, 0), (1, 1), (0, 1)):
                other = self._edge.get((column + step[0], row + step[1]))
                if other is not None and other != number:
                    pairs.append((number, other))
        return pairs


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def _frame(x: NDArray[Any], y: NDArray[Any], cell_m: float) -> Frame:
    """Return the smallest frame that holds every point; its rim is the rim of the tile where points reach there."""
    column0, row0 = math.floor(float(x.min()) / cell_m), math.floor(float(y.min()) / cell_m)
    return Frame(
        column0=column0,
        row0=row0,
        rows=math.floor(float(y.max()) / cell_m) - row0 + 1,
        columns=math.floor(float(x.max()) / cell_m) - column0 + 1,
        resolution_m=cell_m,
    )
