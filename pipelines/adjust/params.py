"""What counts as one surface seen by two strips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["AdjustParams", "StripRule"]

StripRule = Literal["id", "file", "file_and_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustParams:
    """Sizes and limits of plane matching.

    Raises
    ------
    ValueError
        If a size is not positive.
    """

    strips: StripRule = "id"
    """What a strip is: points of one point source id, of one file, or of both; points with id 0 go by file."""
    cell_m: float = 2.0
    """Edge of the cells in which planes are fitted, metres; roofs and streets are wider, and 2 m hold 30 points of an
    airborne survey. Must divide the store's smallest tile."""
    min_points: int = 8
    """Points of a strip in a cell that define a plane; three would always fit."""
    roughness_m: float = 0.06
    """Greatest RMS distance of points from their plane, metres: twice the ranging noise of airborne lasers
    (Ussyshkin and Theriault 2011 give 0.02-0.03 m); vegetation and edges are above it."""
    spread: float = 0.15
    """Least standard deviation of points along the plane's shorter side, as a share of the cell's edge; an evenly
    covered cell has 0.29, a single scan line nearly none."""
    normal_deg: float = 5.0
    """Greatest angle between the two strips' planes, degrees."""
    reach_m: float = 1.0
    """Greatest distance between the two planes, metres; more is another surface, or a mistake that no shift mends."""
    min_patches: int = 30
    """Matched patches of two strips, in all tiles, below which they count as not overlapping: a few say more about
    the patches than about the strips."""
    undetermined_m: float = 0.01
    """Standard deviation, metres, above which a direction counts as not determined and is left as it is: on flat
    ground nothing says where a strip lies horizontally."""

    def __post_init__(self) -> None:
        for name in ("cell_m", "min_points", "roughness_m", "normal_deg", "reach_m", "undetermined_m"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
