"""Parameters of the rules of see-through water, and how far they reach."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WaterParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterParams:
    """Parameters of the water rules."""

    cell_m: float = 2.0
    """Cell of the water grids, metres (ours: a few points each at 1 point per square metre)."""
    level_range_m: float = 0.30
    """Greatest range of the tops in 3 x 3 cells of a water surface, metres (ours: ripples, 2 cm of ranging noise and
    strips that differ by some centimetres)."""
    min_depth_m: float = 0.40
    """Depth from which a return counts as below the surface, metres (green lasers part surface and bed from 0.3 m)."""
    max_depth_m: float = 60.0
    """Depth beyond which it does not, metres (light returns from no deeper, even in clear sea)."""
    deep_share: float = 0.10
    """Least share of returns below the surface in 3 x 3 cells of see-through water (ours; roofs have none)."""
    level_reach_m: float = 16.0
    """Way within which turbid water is connected to see-through water and takes its level, metres."""
    level_match_m: float = 0.15
    """Greatest difference from that level, metres."""
    wave_m: float = 0.40
    """Greatest height of waves about the level, metres, where the water is seen through (ours: a moderate breeze)."""
    shore_m: float = 4.0
    """Width of the strip along open water in which points at its level are water and ground below it bed, metres."""
    bed_without_surface: bool = False
    """Whether all ground is seabed, also where no surface was seen above it (multibeam sonar sees none)."""
    dry_reach_m: float = 64.0
    """Way from open water within which `bed_without_surface` leaves ground above its level dry, metres."""
    rock_m: float = 24.0
    """Way from a rock in the sea to the water around it, metres; 0 looks for none (ours: stacks and islets that the
    ground filter takes for houses; ships become rocks too)."""
    min_edge_m: float = 6.0
    """Edge of the square that must fit into see-through water, metres (ours: a roof's edge is narrower)."""

    @property
    def reach_m(self) -> float:
        """Greatest distance from which a point can change another point's label of sea or bed."""
        cells = 2 + self.edge_cells + 2 * self.cells(self.level_reach_m) + 2 + self.shore_cells
        if self.bed_without_surface:
            cells = max(cells, 2 + self.edge_cells + self.cells(self.dry_reach_m))
        return (cells + 2) * self.cell_m

    @property
    def edge_cells(self) -> int:
        """Edge of the square that must fit into water, in whole odd cells."""
        return 2 * (round(self.min_edge_m / self.cell_m) // 2) + 1

    @property
    def shore_cells(self) -> int:
        """Width of the shore in whole cells."""
        return self.cells(self.shore_m)

    def cells(self, length_m: float) -> int:
        """Whole cells of a length in metres, at least one."""
        return max(1, round(length_m / self.cell_m))
