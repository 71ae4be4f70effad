"""What the partition of an outline and the solid upon it may be told, and what every number is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["STEPS_PER_M", "ShapeParams"]

STEPS_PER_M = 10_000
"""Steps of the grid of all model coordinates in one metre, so a step is 0.1 mm. On a grid of 1 mm the corner where
three steep planes meet lies up to 2 mm off one of them, which breaks a planarity of 1 mm; here it is 0.2 mm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeParams:
    """Parameters from lines and labelled faces to a closed solid. Everything is bounded by counts, nothing by time.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    join_m: float = 0.05
    """Corners nearer than this to a corner or an edge become one with it, metres. Half the accuracy of a good survey in
    plan; must stay well above the 1 mm at which val3dity joins vertices. The outline never moves."""
    sliver_m: float = 0.10
    """Mean width (twice the area by the perimeter) below which a face goes to the neighbour with the longest common
    edge, metres. No survey of fewer than 100 points/m2 sees it."""
    sliver_m2: float = 0.05
    """The same by area, square metres: less than one point at 20 points/m2."""
    max_faces: int = 4_000
    """Most faces of a partition; lines that come after it is full are left out. A roof of 900 planes has
    about 2 500."""

    settle_m: float = 0.12
    """How far a corner may be moved in plan onto the line or the point where its planes meet, metres: joining moves
    corners by `join_m`, twice if it happens at both ends."""
    agree_m: float = 0.05
    """Most by which a plane may be changed on its faces, metres, so that hips and valleys end in corners of the
    outline; outlines and planes are good to about that."""
    weld_m: float = 0.0015
    """Heights at one corner that differ by less become one, metres. Above the 1 mm at which val3dity joins vertices;
    half of it is the most by which welding bends a face."""
    bend_m: float = 0.0009
    """A roof face with a corner farther than this from its plane is split into triangles, metres; below the 1 mm of
    a strict check of planarity."""
    corner_m: float = 0.20
    """Legs of the small triangle that joins two parts of a roof which touch in one corner only, metres."""
    least_height_m: float = 0.10
    """Least height of the roof above the base, metres; a lower roof is lifted to it."""

    block_step_m: float = 3.0
    """LoD1.3: neighbouring blocks whose heights differ by less become one, metres: one storey (3DBAG, PLATEAU)."""
    block_height: Literal["median", "p70"] = "median"
    """LoD1.3: height of a block among its points: the median (PLATEAU) or the 70th percentile (3DBAG)."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.join_m >= 0.005:
            raise ValueError(f"join_m must be at least 0.005: {self.join_m}")
        if not 0.001 < self.weld_m < 0.01:
            raise ValueError(f"weld_m must be between 0.001 and 0.01: {self.weld_m}")
        if self.max_faces < 1:
            raise ValueError(f"max_faces must be positive: {self.max_faces}")
        if self.block_height not in ("median", "p70"):
            raise ValueError(f"block_height is 'median' or 'p70': {self.block_height!r}")
        for name in (
            "sliver_m",
            "sliver_m2",
            "settle_m",
            "agree_m",
            "bend_m",
            "corner_m",
            "least_height_m",
            "block_step_m",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
