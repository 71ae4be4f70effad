"""Whether given outlines lie where the points see the walls: an offset of all of them, reported and never applied.

Each building says, for each direction of its walls, how far its points end beyond the wall on one side and short of the
wall on the other. Half the difference is the offset that way; eaves that hang over on both sides cancel. Walls at which
another building stands say nothing and are left out, so a row of houses tells across, not along. The offset that agrees
with most buildings (least absolute deviations) is that of the delivery.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import shapely

from pipelines.footprints.regularise import directions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from shapely import Polygon

    from pipelines.footprints.outline import Outline

__all__ = ["ALIGNMENT_REACH_M", "Alignment", "Sighting", "alignment_of", "combined", "sample_of"]

Sighting = tuple[float, float]
"""A direction, radians, counter-clockwise from x, and how far along it the points lie from the outline, metres."""

REMARK_M = 0.3
"""Offset from which on it is told: that of a careful map at 1:500; walls and eaves differ by more, but on all sides."""
_MOST = 2000
"""Buildings that are asked: the median of 2 000 is known to a few centimetres."""
ALIGNMENT_REACH_M = 3.0
"""How far beyond a wall points are looked for, metres; a larger offset is another place, not an offset."""
_STRIP_M = 1.0
_LEAST_WALL_M = 3.0
_CORNER_M = 0.5
_LEAST_STRIPS = 2
_CLEAR_M = 1.0
_PARALLEL = math.cos(math.radians(10.0))
_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How the points lie to a delivery of outlines; add it to the outlines to bring them onto the points."""

    dx_m: float
    """East, metres."""
    dy_m: float
    """North, metres."""
    n: int
    """Sightings: at most two a building."""
    spread_m: float
    """Median distance of the sightings from this offset, times 1.48 (a standard deviation without outliers)."""

    @property
    def is_significant(self) -> bool:
        """Whether it is larger than `REMARK_M`, and than three times its own uncertainty."""
        size = math.hypot(self.dx_m, self.dy_m)
        return size > max(REMARK_M, 3 * 1.25 * self.spread_m / math.sqrt(max(self.n, 1)))

    @property
    def message(self) -> str:
        """Sentence for people; empty if there is nothing to tell."""
        if not self.is_significant:
            return ""
        return (
            f"the building points lie {math.hypot(self.dx_m, self.dy_m):.2f} m from the given outlines"
            f" ({self.dx_m:+.2f} m east, {self.dy_m:+.2f} m north; {self.n} sightings, spread {self.spread_m:.2f} m);"
            " the outlines were used as they are: check their CRS and epoch, or move them and run again"
        )


def sample_of(outlines: Iterable[Outline]) -> list[str]:
    """Return the ids of the outlines to ask: all, or 2 000 of them spread by a hash of their ids, sorted."""
    ranked = sorted((crc32(outline.id.encode()), outline.id) for outline in outlines)
    return sorted(name for _, name in ranked[:_MOST])


def alignment_of(outline: Polygon, xy: NDArray[np.float64]) -> list[Sighting]:
    """Ask one building.

    Parameters
    ----------
    outline
        Given, counter-clockwise, metres.
    xy
        Building points within 3 m of it, shape (n, 2), and any others; in any order.

    Returns
    -------
    list of Sighting
        None to two.
    """
    xmin, ymin, xmax, ymax = outline.bounds
    low, high = np.array([xmin, ymin]) - ALIGNMENT_REACH_M, np.array([xmax, ymax]) + ALIGNMENT_REACH_M
    near = ((xy >= low) & (xy <= high)).all(axis=1)
    points = xy[near]
    found: list[Sighting] = []
    for axis in directions(outline)[:1].tolist():
        for angle in (axis, axis + math.pi / 2):
            sides = [_end_of_side(outline, points, turned) for turned in (angle, angle + math.pi)]
            if sides[0] is not None and sides[1] is not None:
                found.append((angle, (sides[0] - sides[1]) / 2))
    return found


def combined(sightings: Sequence[Sighting]) -> Alignment | None:
    """Find the offset that agrees with most sightings; None if there are fewer than four, or all look one way.

    Sightings may come in any order. Least absolute deviations by reweighted least squares, 50 rounds.
    """
    if len(sightings) < 4:
        return None
    angle, along = np.array(sorted(sightings)).T
    look = np.column_stack([np.cos(angle), np.sin(angle)])
    weight = np.ones(len(angle))
    offset = np.zeros(2)
    for _ in range(_ROUNDS):
        normal = (look * weight[:, None]).T @ look
        if np.linalg.cond(normal) > 1e3:
            return None
        offset = np.linalg.solve(normal, (look * weight[:, None]).T @ along)
        weight = 1.0 / np.maximum(np.abs(along - look @ offset), 1e-3)
    spread = 1.4826 * float(np.median(np.abs(along - look @ offset)))
    dx, dy = (round(float(value), 3) + 0.0 for value in offset)
    return Alignment(dx_m=dx, dy_m=dy, n=len(sightings), spread_m=round(spread, 3))


def _end_of_side(outline: Polygon, points: NDArray[np.float64], angle: float) -> float | None:
    """How far points end beyond the walls that look along `angle`, metres; None if no wall there stands free."""
    outward = np.array([math.cos(angle), math.sin(angle)])
    ring = shapely.get_coordinates(outline.exterior)
    edges = np.diff(ring, axis=0)
    length = np.hypot(edges[:, 0], edges[:, 1])
    normal = np.column_stack([edges[:, 1], -edges[:, 0]]) / np.maximum(length, 1e-9)[:, None]
    ends: list[float] = []
    for i in np.flatnonzero((length >= _LEAST_WALL_M) & (normal @ outward >= _PARALLEL)):
        away = points - ring[i]
        beyond, along = away @ normal[i], away @ edges[i] / length[i]
        near = (along >= _CORNER_M) & (along < length[i] - _CORNER_M) & (np.abs(beyond) <= ALIGNMENT_REACH_M)
        ends.extend(_strip_ends(along[near], beyond[near]))
    if len(ends) < _LEAST_STRIPS:
        return None
    end = float(np.median(ends))
    # Where the neighbour's roof goes on, the outermost point lies at the end of what is looked at.
    return end if end < ALIGNMENT_REACH_M - _CLEAR_M else None


def _strip_ends(along: NDArray[np.float64], beyond: NDArray[np.float64]) -> list[float]:
    """Outermost point of each strip, metres."""
    strip = (along / _STRIP_M).astype(np.int64)
    order = np.lexsort((beyond, strip))
    ends: list[float] = beyond[order[np.flatnonzero(np.diff(strip[order], append=-1))]].tolist()
    return ends
