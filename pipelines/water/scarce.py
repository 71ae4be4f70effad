"""Canals, rivers and ponds as infrared lasers see them: hardly a pulse comes back, and those that do are level.

Away from the nadir water throws the light away; below the aircraft it returns every pulse. So water is where far fewer
points are than around, what is there is level to centimetres and nothing nearby lies lower; from there its level
spreads over cells that return more. A shadow is scarce too, but shows the ground of its street in full beside it.

Known to fail on water without any return, which has no points to label; on streams narrower than about 3 m; and on
still ponds that lie below the aircraft as a whole and return everything, which are taken for ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.ground import climb
from pipelines.ground.cells import cell_numbers, count, lowest
from pipelines.objects.masks import grow, open_mask, with_gaps_filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.water.inland import InlandWaterParams
    from twin.points import Points
    from twin.raster import Frame

__all__ = ["inland_water"]

_CM = 100.0
"""Heights are summed in whole centimetres: their squares stay exact in doubles."""


def inland_water(
    points: Points,
    is_ground: NDArray[np.bool_],
    frame: Frame,
    params: InlandWaterParams,
    given: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return which points lie on water that gives few returns or is connected to such.

    Parameters
    ----------
    points
        Points without noise, n of them.
    is_ground
        Which of them the ground filter took, shape (n,); no other point becomes water.
    frame
        Cells of ``params.cell_m`` that hold the points.
    given
        Cells within outlines of water, if there are any, shape ``frame.shape``. There level ground that is the lowest
        around is water however many pulses it returns.

    Returns
    -------
    A mask of shape (n,), right wherever every point within ``params.reach_m`` is given.

    Notes
    -----
    About 0.1 microseconds a point at 10 points per square metre on one core.
    """
    cells = cell_numbers(frame, points.x, points.y)
    n = count(cells, frame.shape)
    scarce, inside = _scarce(n, params)
    low = lowest(cells[is_ground], points.z[is_ground], frame.shape)
    low = np.where(np.isnan(low), np.float32(np.inf), low)
    floor = _lowest_around(low, params.cells(params.lowest_radius_m))
    inner = ~grow(~scarce, 1) if given is None else ~grow(~scarce, 1) | given
    level_cm, is_level = _level(points, is_ground & inner.ravel()[cells], cells, low, params)
    at_floor = low <= floor + 2 * params.match_m
    around = params.cells(params.compare_radius_m)
    outnumbers = _box(scarce, around) >= _box(at_floor & ~scarce, around)
    proven = scarce & outnumbers if given is None else (scarce & outnumbers) | given
    found = proven & is_level & (level_cm / _CM <= floor + params.above_lowest_m)
    level_m = _spread(points, cells, np.where(found, level_cm, np.nan), inside, params).ravel()[cells]
    with np.errstate(invalid="ignore"):
        return np.asarray(is_ground & (np.abs(points.z - level_m) <= params.match_m))


def _scarce(n: NDArray[np.int64], params: InlandWaterParams) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Cells whose squares hold far fewer points than around, and cells inside the survey."""
    inside = with_gaps_filled(n > 0, params.survey_gap_m / params.cell_m)
    radius = params.cells(params.density_radius_m)
    # Per cell that has a point beside it: thin surveys leave cells empty by chance.
    density = _box(n, radius) / np.maximum(_box(_box(n > 0, 1) > 0, radius), 1.0)
    scarce = np.zeros(n.shape, bool)
    for share, edge, expected in zip(params.scarcity, params.scarce_radii, params.min_expected, strict=True):
        area = _box(inside, edge)
        tells = inside & (area >= 0.6 * (2 * edge + 1) ** 2) & (density * area >= expected)
        scarce |= open_mask(tells & (_box(n, edge) <= share * density * area), 3)
    return scarce, inside


def _level(
    points: Points,
    chosen: NDArray[np.bool_],
    cells: NDArray[np.int32],
    low: NDArray[np.float32],
    params: InlandWaterParams,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean height around each cell of chosen points close to the lowest, whole centimetres, and where they agree."""
    radius = params.cells(params.level_radius_m)
    bottom = _lowest_around(low, radius).ravel()[cells]
    use = chosen & (points.z <= bottom + params.level_band_m)
    z_cm, at = np.rint(points.z[use] * _CM), cells[use]
    size, shape = low.size, low.shape
    sums = [np.bincount(at, weights=weight, minlength=size).reshape(shape) for weight in (None, z_cm, z_cm * z_cm)]
    n, s, ss = (_box(total, radius) for total in sums)
    known = np.maximum(n, 1.0)
    variance = (n * ss - s * s) / known**2
    agree = (n >= 3) & (variance <= (params.deviation_m * _CM) ** 2)
    return np.rint(s / known), np.asarray(agree)


def _spread(
    points: Points,
    cells: NDArray[np.int32],
    found_cm: NDArray[np.float64],
    inside: NDArray[np.bool_],
    params: InlandWaterParams,
) -> NDArray[np.float64]:
    """Level of the water found and of what is connected to it at the same height, metres, NaN elsewhere."""
    reach, found = params.cells(params.spread_m), ~np.isnan(found_cm)
    n_found = _box(found, reach)
    mean_m = _box(np.where(found, found_cm, 0.0), reach) / np.maximum(n_found, 1.0) / _CM
    level = np.where(n_found > 0, mean_m, np.nan)
    with np.errstate(invalid="ignore"):
        above = points.z - level.ravel()[cells]
        # Crowns, cables and decks over the water leave it what it is.
        off = (np.abs(above) > params.match_m) & (above < 2.0)
        at = np.abs(above) <= params.match_m
    bank = count(cells, level.shape, off) > params.bank_share * count(cells, level.shape, at)
    seeds = found & ~bank
    wet = seeds | climb(np.zeros(level.shape, np.float32), seeds, open_mask(~bank & inside, 3), 1.0, reach)
    return np.where(wet, level, np.nan)


def _box(values: NDArray[np.generic], radius: int) -> NDArray[np.float64]:
    """Sum over the square around each cell; exact, because the values are whole and the sums below 2**53."""
    edge = (2 * radius + 1, 2 * radius + 1)
    whole = np.asarray(values, np.float64)
    return np.asarray(cv2.boxFilter(whole, -1, edge, normalize=False, borderType=cv2.BORDER_CONSTANT))


def _lowest_around(low: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Lowest value in the square around each cell, inf where there is none."""
    edge = 2 * radius + 1
    return np.asarray(cv2.erode(low, np.ones((edge, edge), np.uint8)), np.float32)
