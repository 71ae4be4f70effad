"""Bridges: decks that a walker gets onto at both ends, and that fall off on both sides.

A deck over a canal, a road or a valley is continuous with the ground at its ends and with nothing at its sides. Both
are looked for along straight ways from each cell: across, an abrupt fall, or a void where light finds no water to
return from; along, a smooth way to ground that does not fall off. A dike has slopes for sides, a quay falls on one side
only, a house has a step at both ends. Long viaducts have no end in reach; they are known by what an oblique pulse sees:
ground below the deck's edge where a house has a wall.

Known to fail on decks wider than the reach across, on spans over unseen water longer than twice the way along, on land
left between two pits without visible walls (found as a bridge), and below about 3 points per square metre, where a void
says nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numba
import numpy as np

from pipelines.ground import climb
from pipelines.ground.cells import box_sum
from pipelines.objects.masks import close_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BridgeParams", "CellHeights", "find_decks"]

_WAYS = 16
"""Directions of ways over half a turn: 11 degrees apart, so that 20 m along a deck stay within 2 m of its axis."""
_NONE, _CONTINUES, _END = 0, 1, 2
_FOOT_CELLS = 5
"""Cells in which a fall must come to an end."""
_UNSEEN, _STAYS = -1e9, 1e9
"""Instead of a level beside a deck: a void, and no fall."""
_AROUND_M = 4.0
"""Half edge of the square in which a deck's area is asked for, metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeParams:
    """Parameters of bridges."""

    half_width_m: float = 16.0
    """Distance within which a cell of a bridge falls off on both sides, metres (ours: four lanes and pavements)."""
    way_m: float = 20.0
    """Way along the deck within which ground is looked for, metres (ours: a span of 40 m is seen as a whole)."""
    max_slope: float = 0.8
    """Steepest way along, rise over run (as an embankment's side that ground climbs)."""
    drop_m: float = 1.0
    """Least height of the fall beside it, metres (ours: the clearance of the lowest canal bridges)."""
    drop_slope: float = 1.0
    """Least slope of the fall, rise over run (banks and dikes lie below 1:1, walls and decks far above)."""
    abrupt_share: float = 0.7
    """Least share of the way down that two cells take (a hillside of 45 degrees has a third)."""
    level_m: float = 1.5
    """Greatest difference of the levels on both sides, metres (a road under a wide deck may slope; a dam has more)."""
    level_share: float = 0.25
    """The same as a share of the deck's height (valleys)."""
    lowest_m: float = 16.0
    """Half edge of the square in which something lies that much lower, metres."""
    void_m: float = 4.0
    """Length of empty cells beside a deck that is water, metres (wider than the shadow of a car)."""
    min_per_m2: float = 3.0
    """Density from which an empty cell of 1 m is no chance, points per square metre (3 expected leave 5 % empty)."""
    min_filled: float = 0.75
    """Least share of cells with points, where most around have some, from which an empty cell is no chance."""
    survey_m: float = 24.0
    """Way within which a void must end for it to lie inside the survey, metres."""
    clear_m: float = 5.0
    """Least height of a viaduct over what is seen below it, metres (Japanese roads keep 4.5 m clear, and a deck is
    0.5 m thick at least; platform roofs are lower)."""
    girder_m: float = 2.5
    """Height of railing, deck and girder, metres; returns between it and `foot_m` are a wall's."""
    wall_spread_m: float = 0.3
    """Range of heights from which these returns are a wall's, metres (a water surface has less)."""
    foot_m: float = 1.5
    """Height above the ground up to which returns are no wall, metres (cars, kerbs)."""
    open_radius_m: float = 12.0
    """Half edge of the square in which cells seen below a deck are counted, metres."""
    open_area_m2: float = 25.0
    """Least area seen below a deck there, square metres (measured on scenes: viaducts have 33 to 129, houses up to 8;
    eaves of the Delft tiles up to 25, with more wall)."""
    open_over_wall: float = 1.5
    """Least ratio of that area to that of walls (viaducts of scenes have 2 and more, Delft and LiDAR HD houses 0.9)."""
    min_area_m2: float = 12.0
    """Least area of a deck within 4 m, square metres (ours: a footbridge of 2 m over a ditch of 6 m)."""
    min_edge_m: float = 2.0
    """Edge of the square that must fit into a deck once its gaps are closed, metres (hedges and walls are narrower)."""
    rim_cells: int = 6
    """How far from what is proven the rest of a deck is looked for, and its rim from there, cells (ours: light reaches
    5 m below a deck 10 m up)."""
    slack_m: float = 0.5
    """Height above the deck's lowest point in a cell up to which points are deck, metres (pavements, joints)."""
    parapet_m: float = 1.3
    """Height above the deck up to which things at its edge belong to it, metres (Japanese railings: 1.1 m)."""

    def reach_m(self, cell_m: float, climb_m: float) -> float:
        """Greatest distance from which a point can change a point's label, metres, on cells of `cell_m`.

        `climb_m` is the reach of what ground climbs to, which is asked for at the ends of ways.
        Across from the end of a way along, or what is below; then gaps, edge and area of the deck, and its rim.
        """
        sides_m = max(self.survey_m, self.lowest_m, self.half_width_m + 9.0, climb_m)
        decided_m = max(self.way_m + sides_m, self.open_radius_m) + 2 * cell_m
        edge_cells = max(1, round(self.min_edge_m / cell_m))
        return decided_m + (2 + edge_cells + 2 * self.rim_cells + 4) * cell_m + _AROUND_M


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellHeights:
    """What is seen in each cell, all of shape (rows, cols)."""

    low: NDArray[np.float32]
    """Lowest height, metres, NaN where void."""
    high: NDArray[np.float32]
    """Highest height, metres, NaN where void."""
    n_points: NDArray[np.int64]
    """Points."""
    is_wall: NDArray[np.bool_]
    """Whether returns between foot and girder lie at several heights."""
    is_between: NDArray[np.bool_]
    """Whether there are any returns between foot and girder."""
    is_ground: NDArray[np.bool_]
    """Whether the ground filter took a point."""
    is_smooth: NDArray[np.bool_]
    """Whether what is lowest and no ground lies on a plane."""
    is_climbed: NDArray[np.bool_]
    """Whether ground climbs to it."""


def find_decks(cells: CellHeights, cell_m: float, params: BridgeParams) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the cells of decks, and cells beside them where light went past the deck's edge to what is below.

    Parameters
    ----------
    cells
        Heights of the cells.
    cell_m
        Edge of a cell, metres.
    params
        Parameters.

    Returns
    -------
    Two masks of shape (rows, cols), right wherever every point within ``params.reach_m`` is given.

    Notes
    -----
    About 0.2 microseconds a point at 10 points per square metre on one core.
    """
    walkable = cells.is_ground | cells.is_smooth
    low = np.where(walkable, cells.low, np.float32(np.nan))
    steps = _steps(max(params.survey_m, params.half_width_m, params.way_m), cell_m)
    sides = _between_falls(low, walkable, cells, steps, (cell_m, params))
    way = (params.max_slope * cell_m, round(params.way_m / cell_m))
    kind = np.asarray(_along(low, (walkable, cells.is_ground | cells.is_climbed, sides), steps, way))
    below, is_open = _seen_below(cells, cell_m, params)
    deep = low - _lowest(low, round(params.lowest_m / cell_m)) >= 3.0 * params.drop_m
    with_end = (kind > 2 * _CONTINUES) & (cells.is_ground | cells.is_climbed | is_open)
    without = (kind == 2 * _CONTINUES) & (is_open & ~cells.is_ground | cells.is_ground & deep)
    closed = close_mask(with_end | without, 3) & walkable
    solid = _opened(closed, max(1, round(params.min_edge_m / cell_m)))
    around = box_sum(solid.astype(np.int64), round(_AROUND_M / cell_m))
    deck = solid & (around * cell_m**2 >= params.min_area_m2)
    # What goes on without a step is deck too: over a gap any smooth cell, on ground what falls off on both sides.
    step_m, over_gap = params.max_slope * cell_m, cells.is_smooth & ~cells.is_ground & ~cells.is_climbed
    deck = deck | climb(low, deck, walkable & (sides > 0), step_m, 2)
    return deck | climb(low, deck, over_gap, step_m, params.rim_cells), below


def _steps(length_m: float, cell_m: float) -> NDArray[np.int32]:
    """Cells along each way, shape (`_WAYS`, n, 2) as (rows, cols)."""
    turn = math.pi / _WAYS * np.arange(_WAYS)
    far = np.arange(round(length_m / cell_m) + 1)
    ways = np.stack([-np.outer(np.sin(turn), far), np.outer(np.cos(turn), far)], axis=2)
    return np.asarray(np.rint(ways), np.int32)


def _between_falls(
    low: NDArray[np.float32],
    walkable: NDArray[np.bool_],
    cells: CellHeights,
    steps: NDArray[np.int32],
    scale: tuple[float, BridgeParams],
) -> NDArray[np.uint16]:
    """Ways along which a cell falls off on both sides, one bit each."""
    cell_m, params = scale
    n = cells.n_points
    radius = round(8.0 / cell_m)
    seen = n > 0
    # Where lines lie apart, cells between them are empty on land too.
    amid = box_sum(seen.astype(np.int64), 1) >= 5
    n_amid, n_seen = (box_sum(mask.astype(np.int64), radius) for mask in (amid, amid & seen))
    dense = (n_seen >= params.min_filled * n_amid) & (
        box_sum(np.where(amid, n, 0), radius) >= params.min_per_m2 * cell_m**2 * n_amid
    )
    empty = (n == 0) & dense
    with np.errstate(invalid="ignore"):
        asked = walkable & (low - _lowest(low, round(params.lowest_m / cell_m)) >= params.drop_m)
    fall = (params.drop_m, params.drop_slope * cell_m, round(params.void_m / cell_m), params.clear_m)
    limits = (*fall, params.level_m, params.level_share, params.abrupt_share)
    lengths = (round(params.half_width_m / cell_m), round(params.survey_m / cell_m))
    return np.asarray(_falls(low, (asked, empty, n > 0, cells.is_wall), steps, limits, lengths))


def _seen_below(cells: CellHeights, cell_m: float, params: BridgeParams) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Cells where light passes a deck's edge and meets nothing down to the ground; and where much of that is around."""
    with np.errstate(invalid="ignore"):
        double = cells.high - cells.low >= params.clear_m
    # A roof's edge crosses a cell as well; two by two of them mean that more than the edge is open.
    below = _opened(double & ~cells.is_between, 2)
    radius = round(params.open_radius_m / cell_m)
    n_open = box_sum(below.astype(np.int64), radius)
    n_wall = box_sum((double & cells.is_wall).astype(np.int64), radius)
    return below, (n_open * cell_m**2 >= params.open_area_m2) & (n_open >= params.open_over_wall * n_wall)


def _opened(mask: NDArray[np.bool_], edge: int) -> NDArray[np.bool_]:
    """Clear what a square of `edge` cells does not fit into; unlike `open_mask` of an even edge too."""
    square = np.ones((edge, edge), np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, square).astype(bool))


def _lowest(low: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Lowest known height in the square around each cell."""
    edge = 2 * radius + 1
    known = np.where(np.isnan(low), np.float32(np.inf), low)
    return np.asarray(cv2.erode(known, np.ones((edge, edge), np.uint8)), np.float32)


@numba.njit(cache=True)
def _falls(low: Any, masks: Any, steps: Any, limits: Any, lengths: Any) -> Any:
    """Bits of the ways that fall off at both ends to about the same level, for the cells asked for."""
    asked, seen, step = masks[0], masks[1:], np.empty_like(steps[0])
    found = np.zeros(low.shape, np.uint16)
    for i in range(low.shape[0]):
        for j in range(low.shape[1]):
            for k in range(steps.shape[0] if asked[i, j] else 0):
                step[:] = steps[k]
                one = _side(low, seen, (i, j, step), limits, lengths)
                if one == _STAYS:
                    continue
                step[:] = -steps[k]
                other = _side(low, seen, (i, j, step), limits, lengths)
                if other != _STAYS:
                    apart, depth = abs(one - other), low[i, j] - max(one, other)
                    if one == _UNSEEN or other == _UNSEEN or apart <= max(limits[4], limits[5] * depth):
                        found[i, j] |= np.uint16(1 << k)
    return found


@numba.njit(cache=True)
def _side(low: Any, masks: Any, start: Any, limits: Any, lengths: Any) -> float:
    """Level below an abrupt fall without a wall on the way from a cell; or that a void inside the survey has none."""
    empty, occupied, wall = masks
    i, j, step = start
    drop, slope, void, clear = limits[:4]
    n_cells, n_survey = lengths
    top = before = low[i, j]
    last, n_empty = 0, 0
    for t in range(1, n_cells + 1):
        a, b = i + step[t, 0], j + step[t, 1]
        if not (0 <= a < low.shape[0] and 0 <= b < low.shape[1]):
            return _STAYS
        value = low[a, b]
        if value == value:
            fall = before - value
            # Over empty cells nothing tells how steep it is; land would have shown its slope.
            if fall >= slope * (t - last) or (n_empty >= 2 and fall >= 0.6 * drop):
                level = _foot(low, (i, j, step), before, t, limits[6])
                if top - level >= drop and level < _STAYS:
                    return _STAYS if top - value >= clear and wall[a, b] else level
            if n_empty >= void:
                return _UNSEEN if value <= top + drop else _STAYS
            if -fall >= drop:
                return _STAYS
            before, last, n_empty = value, t, 0
        else:
            n_empty += empty[a, b]
    for t in range(n_cells + 1, n_survey + 1 if n_empty >= void else 0):
        a, b = i + step[t, 0], j + step[t, 1]
        if 0 <= a < low.shape[0] and 0 <= b < low.shape[1] and occupied[a, b]:
            return _UNSEEN
    return _STAYS


@numba.njit(cache=True)
def _foot(low: Any, start: Any, before: float, first: int, share: float) -> float:
    """Level below a fall, whose first cell may hold a ledge; none where most of the way down is a slope."""
    i, j, step = start
    top = low[i, j]
    foot, beyond = _STAYS, _STAYS
    for t in range(first, min(first + _FOOT_CELLS, step.shape[0])):
        a, b = i + step[t, 0], j + step[t, 1]
        if 0 <= a < low.shape[0] and 0 <= b < low.shape[1] and low[a, b] == low[a, b]:
            beyond = min(beyond, low[a, b])
            if t < first + 2:
                foot = min(foot, low[a, b])
    return beyond if before - foot >= share * (top - beyond) else _STAYS


@numba.njit(cache=True)
def _along(low: Any, masks: Any, steps: Any, limits: Any) -> Any:
    """Best sum of what both ways along a cell meet, across whose direction it falls off."""
    sides, step = masks[2], np.empty_like(steps[0])
    found = np.zeros(low.shape, np.uint8)
    for i in range(low.shape[0]):
        for j in range(low.shape[1]):
            if sides[i, j]:
                for k in range(_WAYS):
                    across = False
                    for turn in range(-1, 2):
                        across = across or (sides[i, j] >> ((k + _WAYS // 2 + turn) % _WAYS)) & 1 == 1
                    if across:
                        step[:] = steps[k]
                        ahead = _way(low, masks, (i, j, step), limits)
                        step[:] = -steps[k]
                        behind = _way(low, masks, (i, j, step), limits) if ahead else _NONE
                        if ahead and behind:
                            found[i, j] = max(found[i, j], ahead + behind)
    return found


@numba.njit(cache=True)
def _way(low: Any, masks: Any, start: Any, limits: Any) -> int:
    """Tell what a way meets: ground that does not fall off on both sides, more deck, or a step that nobody takes."""
    walkable, ground, sides = masks
    i, j, step = start
    slope, n_cells = limits
    before, last = low[i, j], 0
    for t in range(1, n_cells + 1):
        a, b = i + step[t, 0], j + step[t, 1]
        if not (0 <= a < low.shape[0] and 0 <= b < low.shape[1]):
            return _NONE
        value = low[a, b]
        if value == value:
            if not walkable[a, b] or abs(before - value) > slope * (t - last):
                return _NONE
            if ground[a, b] and sides[a, b] == 0:
                return _END
            before, last = value, t
        elif t - last > 3:
            return _NONE
    return _CONTINUES
