"""Where roofs that touch are two: lines of steps and of valleys in the heights above a block.

Heights go to small cells in a frame turned along the walls. Left and right of every line between two columns a straight
profile is fitted to a few cells; where the two disagree on the line, roofs end against each other (a step), and where
both fall towards it, water runs between two roofs (a valley). A party wall shows either along its whole depth; a
dormer, a chimney or a tree does so for a metre or two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.footprints.params import FootprintParams

__all__ = ["END", "LEVEL", "PARTY", "StepLine", "settled", "step_lines", "turn_of"]

LEVEL = 0
"""A step between two flat roofs, or below eaves: two levels of one building, or its annex, as far as points tell."""
END = 1
"""One of two roofs ends against the line with a gable."""
PARTY = 2
"""Both do, or a valley runs along the line: two houses."""

_SIDE = 3
"""Cells of a profile on either side of a line."""
_APART = 1
"""Cells left out on either side: the wall itself may stand in them, and its points belong to neither roof."""
_TOP_M = 1.0
"""Points of a cell this far below its highest are wall, metres."""
_CLEAR_M = 0.2
"""Least difference of the roofs in a row of cells to tell whose a point is, metres."""
_LEAST_POINTS = 8
_SMOOTH = 2
"""Cells along a line on either side over which steps are averaged."""
_GAP_M = 1.0
"""Longest stretch without evidence within a line, metres: a chimney, a missing echo."""
_EVIDENT = 0.7
"""Least share of a line's length that shows a step or a valley."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepLine:
    """A straight line along which two roofs meet."""

    ends: NDArray[np.float64]
    """Shape (2, 2), metres, in the system of the points."""
    strength: float
    """Sum of what the cells along it show; longer and higher steps are stronger."""
    kind: int
    """`PARTY`, `END` or `LEVEL`."""
    is_valley: bool


def turn_of(angle: float) -> NDArray[np.float64]:
    """Matrix that takes row vectors into a system turned by `angle`, radians."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def step_lines(xyz: NDArray[np.float64], angle: float, cell_m: float, params: FootprintParams) -> list[StepLine]:
    """Find the lines along and across one direction.

    Parameters
    ----------
    xyz
        Points of the block, shape (n, 3), metres from an origin near it; in any order.
    angle
        Direction of its walls, radians, counter-clockwise from x.
    cell_m
        Cell of the heights; two points or more should fall into one.
    params
        Least step, slope and length.

    Returns
    -------
    list of StepLine
        Strongest first; of parallel lines within one profile's reach only the strongest.
    """
    turn = turn_of(angle)
    pq = xyz[:, :2] @ turn
    found: list[StepLine] = []
    for axis in (0, 1):
        across, along = pq[:, axis], pq[:, 1 - axis]
        heights, corner = _heights(across, along, xyz[:, 2], cell_m)
        for line in _lines(heights, cell_m, params):
            q = corner[1] + np.array([line[1], line[2]]) * cell_m
            ends = np.column_stack([np.full(2, corner[0] + line[0] * cell_m), q])
            ends = (ends if axis == 0 else ends[:, ::-1]) @ turn.T
            found.append(StepLine(ends=ends, strength=line[3], kind=int(line[4]), is_valley=bool(line[5])))
    return sorted(found, key=lambda line: (-line.strength, *line.ends.ravel().tolist()))


def settled(line: StepLine, xyz: NDArray[np.float64], cell_m: float) -> NDArray[np.float64]:
    """Return the ends of a line where its step stands: points on either side of it are nearest to that side's roof.

    A valley has no step and stays where it is. Shape (2, 2), metres.
    """
    along = line.ends[1] - line.ends[0]
    length = float(np.hypot(*along))
    along = along / length
    across = np.array([along[1], -along[0]])
    if line.is_valley:
        return line.ends
    away = xyz[:, :2] - line.ends[0]
    p, q = away @ across, away @ along
    near = (np.abs(p) <= (_SIDE + _APART) * cell_m) & (q >= 0) & (q < length)
    p, q, z = p[near], q[near], xyz[near, 2]
    order = np.lexsort((z, q, p))
    return line.ends + _shift(p[order], (q[order] / cell_m).astype(np.int64), z[order], cell_m) * across


def _shift(p: NDArray[np.float64], row: NDArray[np.int64], z: NDArray[np.float64], cell_m: float) -> float:
    """How far across a line its step stands, metres; points sorted by their place across."""
    n = int(row.max(initial=0)) + 1
    with np.errstate(invalid="ignore"):
        left, right = (
            np.bincount(row[side], np.round(z[side], 4), n) / np.bincount(row[side], minlength=n)
            for side in (p < -_APART * cell_m, p >= _APART * cell_m)
        )
    gap = (left - right)[row]
    reach = (_APART + 0.5) * cell_m
    inner = (np.abs(p) <= reach) & (np.abs(gap) >= _CLEAR_M)
    if np.count_nonzero(inner) < _LEAST_POINTS:
        return 0.0
    of_left = (z[inner] > ((left + right) / 2)[row][inner]) == (gap[inner] > 0)
    # Wrong if the line stands left of point i: points of the left roof from i on, points of the right one before it.
    wrong = np.append(np.cumsum(of_left[::-1])[::-1], 0) + np.append(0, np.cumsum(~of_left))
    best = np.flatnonzero(wrong == wrong.min())
    edges = np.concatenate([[-reach], p[inner], [reach]])
    return float((edges[best[0]] + edges[best[-1] + 1]) / 2)


def _heights(
    across: NDArray[np.float64], along: NDArray[np.float64], z: NDArray[np.float64], cell_m: float
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Mean height of the roof in cells, shape (along, across), NaN where there is none; and the corner in metres."""
    column, row = np.floor(across / cell_m).astype(np.int64), np.floor(along / cell_m).astype(np.int64)
    first_column, first_row = int(column.min()), int(row.min())
    shape = int(row.max()) - first_row + 1, int(column.max()) - first_column + 1
    cell = (row - first_row) * shape[1] + column - first_column
    top = np.full(shape[0] * shape[1], -np.inf)
    np.maximum.at(top, cell, z)
    roof = z > top[cell] - _TOP_M
    # Whole tenths of millimetres: a sum of integers is the same in any order of the points.
    fixed = np.round(z[roof] * 1e4).astype(np.int64)
    total = np.zeros(len(top), np.int64)
    np.add.at(total, cell[roof], fixed)
    count = np.bincount(cell[roof], minlength=len(top))
    mean = np.where(count > 0, total / np.maximum(count, 1) * 1e-4, np.nan).reshape(shape)
    return _bridged(mean), (first_column * cell_m, first_row * cell_m)


def _bridged(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill an empty cell between two along the line, which are of the same roof."""
    before, after = mean[:-2], mean[2:]
    middle = mean[1:-1]
    filled = mean.copy()
    filled[1:-1] = np.where(np.isnan(middle), (before + after) / 2, middle)
    return filled


def _lines(heights: NDArray[np.float64], cell_m: float, params: FootprintParams) -> list[tuple[float, ...]]:
    """Find lines between columns, the strongest of neighbours only.

    Each is (column, first row, last row, strength, kind, whether it is a valley).
    """
    left, right, fall_left, fall_right, step = _profiles(heights, cell_m)
    step = np.where(np.abs(step) >= 2 * params.step_m, np.abs(step), np.abs(_along(step)))
    # Both sides of a valley are equally high on its line, and on no other.
    apart = np.abs(_along(left - right))
    valley = (fall_left < -params.valley_slope) & (fall_right > params.valley_slope) & (apart < 2 * params.step_m)
    shown = np.where(step >= params.step_m, np.minimum(step, 2.0), 0.0)
    shown = np.where(valley, np.maximum(shown, 1.0 - apart), shown)
    shown = np.where(np.isnan(step), np.nan, shown)
    found = _runs(shown, max(1, round(_GAP_M / cell_m)), params.least_wall_m / cell_m)
    kept: list[tuple[float, ...]] = []
    reach = _SIDE + _APART
    for column, first, last, strength in found[np.lexsort((found[:, 0], found[:, 1], -found[:, 3]))]:
        if any(abs(column - k[0]) < reach and min(last, k[2]) > max(first, k[1]) for k in kept):
            continue
        rows = slice(int(first), int(last))
        at = int(column)
        gables = sum(_is_gable(side[rows, at], cell_m, params) for side in (left, right))
        is_valley = bool(np.mean(valley[rows, at]) >= _EVIDENT)
        kind = PARTY if is_valley else (LEVEL, END, PARTY)[gables]
        place = _lowest(at, (left - right)[rows], (fall_right - fall_left)[rows] * cell_m) if is_valley else float(at)
        kept.append((place, float(first), float(last), float(strength), float(kind), float(is_valley)))
    return kept


def _lowest(column: int, apart: NDArray[np.float64], opening: NDArray[np.float64]) -> float:
    """Return where two roofs of a valley meet, in columns: heights apart over how fast they part, twice."""
    place = float(column)
    for _ in range(2):
        at = int(np.clip(round(place), 0, apart.shape[1] - 1))
        meet = (apart[:, at] / np.where(opening[:, at] > 0, opening[:, at], np.nan))[~np.isnan(apart[:, at])]
        meet = meet[np.isfinite(meet)]
        if not len(meet):
            return place
        place = at + float(np.clip(np.median(meet), -_SIDE, _SIDE))
    return place


def _profiles(heights: NDArray[np.float64], cell_m: float) -> tuple[NDArray[np.float64], ...]:
    """Height on each line as its left and its right side have it, both slopes, and the step; NaN without a profile.

    Line i runs between columns i - 1 and i. A ridge near the line bends one of the two profiles, so a step counts only
    as far as three views of it agree: both profiles on the line, and each profile drawn on to the other side's first
    cell.
    """
    rows, columns = heights.shape
    reach = _SIDE + _APART
    wide = np.full((rows, columns + 2 * reach), np.nan)
    wide[:, reach:-reach] = heights
    at = np.arange(_SIDE) - (_SIDE - 1) / 2
    n = columns + 1
    right_cells = np.stack([wide[:, reach + _APART + k : reach + _APART + k + n] for k in range(_SIDE)])
    left_cells = np.stack([wide[:, reach - 1 - _APART - k : reach - 1 - _APART - k + n] for k in range(_SIDE)])
    to_line = (_SIDE - 1) / 2 + _APART + 0.5
    across = to_line + _APART + 0.5
    mean_left, mean_right = left_cells.mean(axis=0), right_cells.mean(axis=0)
    # Heights gained per cell away from the line, on either side.
    rise_left, rise_right = (np.tensordot(at / (at**2).sum(), cells, axes=1) for cells in (left_cells, right_cells))
    left, right = mean_left - to_line * rise_left, mean_right - to_line * rise_right
    views = np.stack(
        [
            left - right,
            mean_left - across * rise_left - right_cells[0],
            left_cells[0] - mean_right + across * rise_right,
        ]
    )
    agree = (np.sign(views) == np.sign(views[0])).all(axis=0) | np.isnan(views).any(axis=0)
    step = np.where(agree, np.sign(views[0]) * np.abs(views).min(axis=0), 0.0)
    return left, right, -rise_left / cell_m, rise_right / cell_m, step


def _along(step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average steps over a few cells along the line, as far as they are known: noise falls, a wall's step stays."""
    n = 2 * _SMOOTH + 1
    known = ~np.isnan(step)
    total, count = (
        sum(np.pad(values, ((_SMOOTH, _SMOOTH), (0, 0)))[k : k + len(step)] for k in range(n))
        for values in (np.where(known, step, 0.0), known.astype(np.float64))
    )
    return np.where(known, total / np.maximum(count, 1.0), np.nan)


def _is_gable(profile: NDArray[np.float64], cell_m: float, params: FootprintParams) -> bool:
    """Whether a roof ends against the line with a gable: it rises or falls along most of the line."""
    slope = np.abs(profile[2:] - profile[:-2]) / (2 * cell_m)
    known = slope[~np.isnan(slope)]
    return bool(len(known)) and float(np.median(known)) >= params.valley_slope


@njit(cache=True)
def _runs(shown: NDArray[np.float64], gap: int, least: float) -> NDArray[np.float64]:
    """Stretches of each column that show something, as (column, first, last, sum); NaN is unknown, 0 evidence against.

    A stretch ends where more than `gap` cells in a row show nothing; it counts if it is `least` cells long and most of
    what is known of it agrees.
    """
    rows, columns = shown.shape
    out = []
    for c in range(columns):
        first, last, total, yes, no, pending = -1, -1, 0.0, 0, 0, 0
        for r in range(rows + 1):
            value = shown[r, c] if r < rows else np.nan
            if r < rows and value > 0:
                if first < 0:
                    first, total, yes, no, pending = r, 0.0, 0, 0, 0
                last = r + 1
                total += value
                yes += 1
                no += pending
                pending = 0
            elif first >= 0:
                if r < rows and value == 0:
                    pending += 1
                if r == rows or r - last >= gap + 1:
                    if last - first >= least and yes >= _EVIDENT * (last - first):
                        out.append((float(c), float(first), float(last), total))
                    first = -1
    found = np.empty((len(out), 4))
    for i, row in enumerate(out):
        for j in range(4):
            found[i, j] = row[j]
    return found
