"""The second look at a filtered cloud: odds of ground, building and vegetation for points in doubt.

Trees learn what lies low and is no ground (cars, hedges, kerbs, sills), and what the openings took away and is ground
(dikes, terraces, banks). They have seen few surveys, so the filter's word counts: they must be sure to take ground
away, never do so where the surface is so steep that height above it means little, and give back only what lies close to
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.learned.cells import CELL_M
from pipelines.learned.features import FeatureSource
from pipelines.learned.model import load_model
from pipelines.learned.trees import per_cent
from twin.raster import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.learned.features import Filtered
    from pipelines.learned.model import Model
    from pipelines.learned.params import LearnedParams
    from twin.bounds import Bounds

__all__ = ["Odds", "in_doubt", "is_standing", "look_again"]

_SURE, _NEVER = 100, 0
_CLEAR = 60
"""Odds of a building, per cent, from which vegetation is not asked for."""
_RISE_M = 4.0 * CELL_M
"""Distance between the middles of the outer cells that the rise of the surface is taken over, metres."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Odds:
    """What the trees say of n points, in per cent; what is left to 100 is anything else."""

    ground: NDArray[np.uint8]
    """Odds of bare ground, shape (n,); 100 or 0 where the filter is not in doubt."""
    building: NDArray[np.uint8]
    """Odds of a building, shape (n,); 0 below ``standing_m``."""
    vegetation: NDArray[np.uint8]
    """Odds of vegetation, shape (n,); 0 below ``standing_m`` and where a building is clearly likelier."""
    in_doubt: NDArray[np.bool_]
    """Whether ground was asked for at all, shape (n,)."""
    is_ground: NDArray[np.bool_]
    """The filter's ground, corrected where it was in doubt, shape (n,)."""


def look_again(
    points: Filtered, core: Bounds, params: LearnedParams, model: Model | None = None, standing: Bounds | None = None
) -> Odds:
    """Look again at what the ground filter said.

    Parameters
    ----------
    points
        Points without noise around `core`, and what the filter found, n of them.
    core
        Where odds are wanted; right there if all points within ``params.reach_m`` are given. Outside, the filter's
        labels stay and odds are 0.
    params
        Limits.
    model
        A model in memory, to ask instead of the one that ``params.model`` names.
    standing
        Where odds of buildings and vegetation are wanted, if not in all of `core`; 0 elsewhere.

    Raises
    ------
    ConfigError, FormatError
        If the model of ``params.model`` is missing, broken or of other features.

    Notes
    -----
    About 1.2 microseconds a point on one core at 15 points per square metre, half of it for the shapes.
    """
    n = len(points)
    odds = Odds(
        ground=np.where(points.is_ground, _SURE, _NEVER).astype(np.uint8),
        building=np.zeros(n, np.uint8),
        vegetation=np.zeros(n, np.uint8),
        in_doubt=np.zeros(n, np.bool_),
        is_ground=points.is_ground.copy(),
    )
    near = core.contains(points.x, points.y)
    if not near.any():
        return odds
    standing_near = near if standing is None else standing.contains(points.x, points.y)
    model = model or load_model(params.model)
    window = core.buffered(params.reach_m).snapped(CELL_M)
    source = FeatureSource.of(points, Frame.covering(window, CELL_M))
    odds.in_doubt[:] = in_doubt(source, params) & near
    doubtful = np.flatnonzero(odds.in_doubt)
    tops, top_of = source.highest_of_voxels(is_standing(points, params), standing_near)
    rows = source.rows(np.concatenate([doubtful, tops]))
    odds.ground[doubtful] = per_cent(model.heads["ground"].sums(rows[: len(doubtful)]))
    building, vegetation = _standing_odds(model, rows[len(doubtful) :])
    odds.building[:] = np.where(top_of >= 0, building[top_of], 0)
    odds.vegetation[:] = np.where(top_of >= 0, vegetation[top_of], 0)
    _correct(odds, source, params)
    return odds


def in_doubt(source: FeatureSource, params: LearnedParams) -> NDArray[np.bool_]:
    """Which points may be what the filter did not say: those near the surface with something around, shape (n,)."""
    points = source.filtered
    relief = source.column("highest_1") - source.column("lowest_1")
    sure = relief < params.sure_relief_m
    return np.where(points.is_ground, ~sure, np.abs(_height(points)) <= _give_back_m(points, params))


def is_standing(points: Filtered, params: LearnedParams) -> NDArray[np.bool_]:
    """Which points stand clear of the ground, shape (n,)."""
    height = _height(points)
    return (height > params.standing_m) & np.isfinite(height)


def _standing_odds(model: Model, rows: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Odds of building and of vegetation; the latter is asked only where it can still be the likelier, else 0.

    One of them more stands behind the rows, 0, for the points that no row stands for.
    """
    building, vegetation = np.zeros(len(rows) + 1, np.uint8), np.zeros(len(rows) + 1, np.uint8)
    building[:-1] = per_cent(model.heads["building"].sums(rows))
    open_ = np.flatnonzero(building[:-1] < _CLEAR)
    vegetation[open_] = np.minimum(per_cent(model.heads["vegetation"].sums(rows[open_])), 100 - building[open_])
    return building, vegetation


def _height(points: Filtered) -> NDArray[np.float32]:
    return np.nan_to_num(points.height_m, nan=np.inf)


def _give_back_m(points: Filtered, params: LearnedParams) -> NDArray[np.float32]:
    limit: NDArray[np.float32] = np.maximum(
        np.float32(params.give_back_m), np.float32(params.give_back_tolerances) * points.tolerance_m
    )
    return limit


def _correct(odds: Odds, source: FeatureSource, params: LearnedParams) -> None:
    """Take ground away where the trees are sure of it, give it back close to the surface."""
    points = source.filtered
    level = source.column("rise_2") <= params.max_slope * _RISE_M
    taken = points.is_ground & (odds.ground < params.take_below) & level
    given = (
        ~points.is_ground
        & (odds.ground > params.give_above)
        & (np.abs(_height(points)) <= _give_back_m(points, params))
    )
    odds.is_ground[odds.in_doubt & taken] = False
    odds.is_ground[odds.in_doubt & given] = True
