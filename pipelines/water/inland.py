"""Parameters of water on land as infrared lasers see it, and how far its rules reach."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["InlandWaterParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InlandWaterParams:
    """Parameters of canals, rivers and ponds."""

    cell_m: float = 1.0
    """Cell of the grids, metres (ours: the narrowest canals are 5 m wide)."""
    survey_gap_m: float = 24.0
    """Widest gap between points that still counts as inside the survey, metres; half of wider water counts too."""
    scarcity: tuple[float, ...] = (0.2, 0.35)
    """Share of the density around below which squares of `scarce_radii` are scarce. Water off the nadir returns
    less than a tenth; the larger square allows for chance. A square half on a quay holds half and is not scarce."""
    scarce_radii: tuple[int, ...] = (1, 2)
    """Half edges of these squares, cells beside the middle one."""
    min_expected: tuple[float, ...] = (8.0, 16.0)
    """Points a square would hold on land from which few are no chance (of 8 expected, 1 or none come once in 300)."""
    density_radius_m: float = 24.0
    """Half edge of the square that tells the density around, metres (16 to 32 score alike)."""
    lowest_radius_m: float = 16.0
    """Half edge of the square in which nothing lies lower, metres."""
    above_lowest_m: float = 0.15
    """How far water may lie above the lowest ground there, metres (ranging noise, strips; 0.3 takes shaded yards)."""
    level_radius_m: float = 4.0
    """Half edge of the square whose returns tell the level, metres."""
    level_band_m: float = 0.5
    """Height above the lowest of them up to which returns are asked, metres (above it are walls and boats)."""
    deviation_m: float = 0.08
    """Greatest standard deviation of these returns, metres (noise and strips make 2 to 3 cm; lawns more)."""
    compare_radius_m: float = 8.0
    """Half edge of the square in which scarce cells must outnumber full ones at the lowest level, metres: a street at
    the level of its own shadow is no water."""
    spread_m: float = 16.0
    """Way by which the level spreads from scarce cells over level ones, metres (all pulses return at the nadir)."""
    match_m: float = 0.10
    """Greatest difference from the level, metres (ripples and strips)."""
    bank_share: float = 0.15
    """Share of other heights in a cell from which it is a bank and no water."""

    def __post_init__(self) -> None:
        if not len(self.scarcity) == len(self.scarce_radii) == len(self.min_expected) > 0:
            raise ValueError("scarcity, scarce_radii and min_expected must be of one length, at least 1")

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's label.

        Gaps, squares, their opening, inner cells, level, comparison; the level's spread, banks, and the way back.
        """
        scarce = self.cells(self.survey_gap_m) + max(self.scarce_radii) + 2
        level = max(scarce + 1, self.cells(self.level_radius_m)) + self.cells(self.level_radius_m)
        around = self.cells(self.lowest_radius_m) + self.cells(self.compare_radius_m)
        found = max(level, scarce + self.cells(self.compare_radius_m), around, self.cells(self.density_radius_m) + 4)
        return (found + 2 * self.cells(self.spread_m) + 2 + 1) * self.cell_m

    def cells(self, length_m: float) -> int:
        """Whole cells of a length in metres, at least one."""
        return max(1, round(length_m / self.cell_m))
