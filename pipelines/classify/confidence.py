"""How sure each label is: a per cent that is near the share of such labels that turn out right.

Four signs speak for or against a label: the margin that the step which gave it had, how much of what lies around has
the same label, how far from the ground's tolerance the point is, and, where the learned stage took part, its odds. Each
sign is cut into a few classes; a class adds a whole number of tenths of log odds, and the sum is a per cent. So it is
exact in any order of points, and nothing hides in it: the tables below are all there is.

The tables are fitted, region by region, to labelled files by ``python tests/benchmarks/accuracy --calibrate``; how well
they hold on a region that they were not fitted on is shown in docs/accuracy.md. They cannot know what no sign shows: a
field that is taken for a roof as a whole looks sure of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.classify.confidence_tables import AGREEMENT_TENTHS, LIFT_TENTHS, MARGIN_TENTHS, ODDS_TENTHS
from pipelines.ground.cells import box_sum, cell_numbers, count
from twin.points import PointClass
from twin.raster import Frame
from twin.review import DOUBTFUL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from twin.bounds import Bounds
    from twin.points import Points

__all__ = [
    "AGREEMENT",
    "GROUPS",
    "LIFT",
    "MARGIN",
    "ODDS",
    "ConfidenceParams",
    "Signs",
    "per_cent",
    "read_signs",
    "summed_up",
    "together",
]

GROUPS: Mapping[str, tuple[int, ...]] = {
    "ground": (PointClass.GROUND,),
    "building": (PointClass.BUILDING,),
    "vegetation": (PointClass.LOW_VEGETATION, PointClass.MEDIUM_VEGETATION, PointClass.HIGH_VEGETATION),
    "unclassified": (PointClass.NEVER_CLASSIFIED, PointClass.UNCLASSIFIED),
    "water": (PointClass.WATER, PointClass.SEABED, PointClass.WATER_SURFACE, PointClass.SUBMERGED_OBJECT),
    "other": (PointClass.LOW_NOISE, PointClass.HIGH_NOISE, PointClass.WIRE, PointClass.TOWER, PointClass.BRIDGE),
}
"""Labels that share a table."""

MARGIN = (55, 65, 75, 85, 95)
"""Edges of the classes of a step's own margin, per cent."""
AGREEMENT = (20, 40, 60, 80, 95)
"""Edges of the classes of agreement around, per cent; a point that is as good as alone has a class of its own, 0."""
LIFT = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.5, 5.0)
"""Edges of the classes of height above the ground in tolerances; a point without ground in reach has class 0."""
ODDS = (20, 40, 60, 70, 80, 90, 95, 98)
"""Edges of the classes of the learned stage's odds for the label, per cent; without that stage the class is 0."""

_ALONE = 2
"""Points around, itself included, up to which agreement says nothing."""
_LOWEST, _HIGHEST = 5, 99
"""Nothing is surer or less sure than this, per cent: the tables rest on a few million points of few places."""

Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceParams:
    """What each sign adds, tenths of log odds; rows are `GROUPS` in their order, columns the sign's classes."""

    cell_m: float = 1.0
    """Edge of a cell, metres; around a point are 3 x 3 cells (ours: as far as a hedge is wide)."""
    margin: Table = MARGIN_TENTHS
    """By the margin of the step that gave the label (`MARGIN`); fitted, see above."""
    agreement: Table = AGREEMENT_TENTHS
    """By the share of points around with a label of the same group (`AGREEMENT`); fitted."""
    lift: Table = LIFT_TENTHS
    """By the height above the ground (`LIFT`); fitted."""
    odds: Table = ODDS_TENTHS
    """By the learned stage's odds (`ODDS`); fitted."""

    def __post_init__(self) -> None:
        for name, edges in (("margin", MARGIN), ("agreement", AGREEMENT), ("lift", LIFT), ("odds", ODDS)):
            n_classes = len(edges) + (1 if name == "margin" else 2)
            if [len(row) for row in getattr(self, name)] != [n_classes] * len(GROUPS):
                raise ValueError(f"{name} needs {len(GROUPS)} rows of {n_classes} whole numbers")
        if self.cell_m <= 0:
            raise ValueError(f"cell_m must be positive: {self.cell_m}")

    @property
    def reach_m(self) -> float:
        """Greatest distance from which another point's label changes a confidence."""
        return 2.0 * self.cell_m


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signs:
    """Classes of the signs of n points; all of shape (n,)."""

    group: NDArray[np.uint8]
    """Row of `GROUPS`."""
    margin: NDArray[np.uint8]
    agreement: NDArray[np.uint8]
    lift: NDArray[np.uint8]
    odds: NDArray[np.uint8]

    def at(self, index: NDArray[np.intp], n: int) -> Signs:
        """Return signs of n points: these at `index`, the lowest class elsewhere."""
        spread = {}
        for name in ("group", "margin", "agreement", "lift", "odds"):
            spread[name] = np.zeros(n, np.uint8)
            spread[name][index] = getattr(self, name)
        return Signs(**spread)


def read_signs(  # noqa: PLR0913 - one array for each sign
    points: Points,
    label: NDArray[np.uint8],
    margin: NDArray[np.uint8],
    lift: NDArray[np.float32],
    window: Bounds,
    params: ConfidenceParams,
    odds: Mapping[str, NDArray[np.uint8]] | None = None,
) -> Signs:
    """Return what speaks for and against each label.

    Parameters
    ----------
    points
        n points.
    label
        ASPRS codes, shape (n,).
    margin
        How clear the case was to the step that gave the label, per cent, shape (n,).
    lift
        Height above the ground in tolerances of the ground filter, NaN where no ground is in reach, shape (n,).
    window
        Where signs are wanted, with ``params.reach_m`` around it; points outside count as alone.
    params
        Cell of the neighbourhood.
    odds
        The learned stage's odds for ``ground``, ``building`` and ``vegetation``, per cent, each of shape (n,).
    """
    group = _group_table()[label]
    height = np.searchsorted(np.array(LIFT, np.float32), lift, side="right").astype(np.uint8) + 1
    height[np.isnan(lift)] = 0
    return Signs(
        group=group,
        margin=np.searchsorted(MARGIN, margin, side="right").astype(np.uint8),
        agreement=_agreement(points, group, window, params.cell_m),
        lift=height,
        odds=np.zeros(len(points), np.uint8) if odds is None else _odds(group, odds),
    )


def per_cent(signs: Signs, params: ConfidenceParams) -> NDArray[np.uint8]:
    """Return the confidence of each point, 5 to 99 per cent, shape (n,)."""
    total = np.zeros(signs.group.shape, np.int32)
    for name in ("margin", "agreement", "lift", "odds"):
        total += np.array(getattr(params, name), np.int32)[signs.group, getattr(signs, name)]
    made: NDArray[np.uint8] = _PER_CENT[np.clip(total, -_SPAN, _SPAN) + _SPAN]
    return made


def summed_up(confidence: NDArray[np.uint8]) -> dict[str, float]:
    """Return a tile's mean confidence, the share of doubtful points in per cent, and its number of points."""
    n = max(1, len(confidence))
    return {
        "mean": round(float(confidence.sum(dtype=np.int64)) / n, 3),
        "doubtful": round(100.0 * float((confidence < DOUBTFUL).sum()) / n, 3),
        "points": len(confidence),
    }


def together(tiles: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """Return the same for all tiles: the points' mean and share; None without any point."""
    n = sum(tile["points"] for tile in tiles)
    if not n:
        return {"mean": None, "doubtful": None}
    return {key: round(sum(tile[key] * tile["points"] for tile in tiles) / n, 2) for key in ("mean", "doubtful")}


def _agreement(points: Points, group: NDArray[np.uint8], window: Bounds, cell_m: float) -> NDArray[np.uint8]:
    """Class of the share of points in 3 x 3 cells whose label is of the same group; from whole numbers alone."""
    frame = Frame.covering(window.snapped(cell_m), cell_m)
    cells = cell_numbers(frame, points.x, points.y)
    inside = np.flatnonzero(cells >= 0)
    own = cells[inside]
    total = box_sum(count(cells, frame.shape), 1).ravel()[own]
    same = np.zeros(inside.size, np.int64)
    for k in range(len(GROUPS)):
        chosen = group[inside] == k
        if chosen.any():
            same[chosen] = box_sum(count(own[chosen], frame.shape), 1).ravel()[own[chosen]]
    found = np.zeros(len(points), np.uint8)
    found[inside] = np.where(total > _ALONE, np.searchsorted(AGREEMENT, 100 * same // total, side="right") + 1, 0)
    return found


def _odds(group: NDArray[np.uint8], odds: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Class of the odds for what each point was labelled; water lies where ground would, other labels have no odds."""
    names = list(GROUPS)
    known = {names.index(name): odds[name].astype(np.int64) for name in ("ground", "building", "vegetation")}
    known[names.index("unclassified")] = np.clip(100 - sum(known.values()), 0, 100)
    known[names.index("water")] = known[names.index("ground")]
    found = np.zeros(group.shape, np.uint8)
    for k, values in known.items():
        chosen = group == k
        found[chosen] = np.searchsorted(ODDS, values[chosen], side="right") + 1
    return found


def _group_table() -> NDArray[np.uint8]:
    """Row of `GROUPS` by ASPRS code; codes that are in none are like the rarest ones."""
    table = np.full(256, len(GROUPS) - 1, np.uint8)
    for k, codes in enumerate(GROUPS.values()):
        table[list(codes)] = k
    return table


_SPAN = 60
_PER_CENT = np.clip(np.rint(100.0 / (1.0 + np.exp(-np.arange(-_SPAN, _SPAN + 1) / 10.0))), _LOWEST, _HIGHEST).astype(
    np.uint8
)
"""Per cent by tenths of log odds."""
