"""Parameters of the terrain rasters, and how far they reach."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.ground.filling import fill_reach_cells

__all__ = ["TerrainParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerrainParams:
    """Parameters of the terrain rasters."""

    resolution_m: float = 0.5
    """Edge of a cell, metres (GSI's survey of Japan delivers 0.5 m; 1 m for less than 4 points a square metre)."""
    fill_m: float = 32.0
    """Edge of the coarsest cell that ground is filled from, metres: halls of about that width are bridged (ours)."""
    void_m: float = 32.0
    """Farthest that ground is interpolated from a measured cell, metres; void beyond (ours: half a large hall)."""
    survey_gap_m: float = 32.0
    """Widest gap between points that still counts as inside the survey, metres (ours: as wide as the filling)."""
    bed_m: float = 3.0
    """Distance from a measured bed up to which water keeps a filled one, metres (ours: bed points 1-2 m apart)."""
    water_growth_m: float = 8.0
    """How far the water mask grows into cells without any point, metres (ours: half a canal of few returns)."""
    surface_fill_m: float = 2.0
    """Edge of the coarsest cell that the surface model is filled from, metres (ours: shadows of that width)."""

    aerial_sigma_m: float = 0.10
    """Standard deviation of heights of a survey from the air, metres, and of land whose survey is not known (ASPRS
    10 cm class)."""
    drone_sigma_m: float = 0.05
    """The same of a survey by drone, metres (data sheets, with ground control)."""
    mobile_sigma_m: float = 0.05
    """The same of a survey by van, metres (data sheets, with ground control)."""
    bathymetry_sigma_m: float = 0.13
    """The same of a green laser, metres, and of a bed whose survey is not known (IHO S-44 special order: 0.25 m at
    95 %)."""
    multibeam_sigma_m: float = 0.13
    """The same of a multibeam sonar, metres (IHO S-44 special order)."""
    roughness_m: float = 0.05
    """Least standard deviation of the heights in a cell, metres: what a few points cannot show of it (ours)."""
    shore_m: float = 6.0
    """Widest strip without a return between land and bed that is still one shore, metres (ours: green lasers see no bed
    in the first 0.2 m of water, 3 to 5 m of beach)."""
    blend_m: float = 10.0
    """Width over which land and bed are drawn together on each side of the shore, metres (ours)."""
    fit_m: float = 8.0
    """Half edge of the square in which the step at the shore is measured, metres (ours)."""
    blend_deviations: float = 3.0
    """Largest step that is taken for an error and blended, in standard deviations of both heights; a larger one is a
    quay or a wrong datum: it is reported, not hidden."""

    def __post_init__(self) -> None:
        if self.resolution_m <= 0 or self.fill_m < self.resolution_m:
            raise ValueError("resolution_m must be positive and fill_m no smaller than it")

    def sigma_m(self, kind: str) -> float:
        """Return the standard deviation that a kind of survey declares, metres; one from the air if it is unknown."""
        declared = {
            "drone": self.drone_sigma_m,
            "mobile": self.mobile_sigma_m,
            "bathymetry": self.bathymetry_sigma_m,
            "multibeam": self.multibeam_sigma_m,
        }
        return declared.get(kind, self.aerial_sigma_m)

    @property
    def fill_levels(self) -> int:
        """Levels of the filling pyramid."""
        return max(0, round(math.log2(self.fill_m / self.resolution_m)))

    @property
    def surface_levels(self) -> int:
        """Levels of the surface model's filling pyramid."""
        return max(0, round(math.log2(max(self.surface_fill_m, self.resolution_m) / self.resolution_m)))

    @property
    def step_m(self) -> float:
        """Multiple of which a window's edges must be, so that the pyramids are anchored globally."""
        return self.resolution_m * (1 << max(self.fill_levels, self.surface_levels))

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change a cell."""
        fill = fill_reach_cells(max(self.fill_levels, self.surface_levels)) * self.resolution_m
        water = self.water_growth_m + self.bed_m + 2 * self.resolution_m
        shore = self.blend_m + self.shore_m + self.fit_m + 2 * self.resolution_m
        filled = shore + max(fill, self.void_m + self.resolution_m)
        return max(filled, self.survey_gap_m + self.resolution_m, water) + self.resolution_m
