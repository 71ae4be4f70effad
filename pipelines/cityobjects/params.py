"""What the stage ``objects`` may be told, and what every number is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.relief.params import ReliefParams

__all__ = ["ObjectParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectParams:
    """Parameters of terrain triangles, single trees, bridges and water.

    Raises
    ------
    ValueError
        If a length is not positive, or the tolerance below the grid of the coordinates.
    """

    tolerance_m: float = 0.15
    """Largest vertical distance of a cell of the terrain raster from the triangles, metres; see
    `pipelines.relief.ReliefParams`."""

    tree_cell_m: float = 0.5
    """Cell of the canopy heights, metres, anchored at the CRS origin: a crown of 3 m has 28 cells."""
    tree_min_height_m: float = 2.5
    """Least height of a single tree above ground, metres; lower plants are shrubs and hedges (ours)."""
    tree_smoothing: int = 4
    """Times that neighbouring cells are averaged before tops are looked for; each adds a quarter square cell of
    variance: 4 are 0.5 m, less than a crown and more than a branch (ours)."""
    tree_gap_m: float = 4.0
    """Widest gap between points across which a crown goes on, metres (ours: two points on a crown at 0.3 a m2)."""
    gap_neighbours: int = 6
    """Of its 8 neighbours, how many hold plants round a cell that is a gap in a crown and no ground beside it (ours:
    5 and 6 do equally well)."""
    crown_base_m: float = 2.515
    """Expected crown diameter of a low tree, metres (Popescu and Wynne 2004, pines and deciduous trees together)."""
    crown_growth: float = 0.009
    """Growth of that diameter with the square of the height, 1 / m (the same). A top is the highest within it."""
    crown_max_m: float = 12.0
    """Farthest that a cell of a crown lies from its top, metres (ours: crowns of 24 m are rare in cities)."""
    crown_share: float = 0.4
    """Cells lower than this share of the tree's height are not its crown (ours: trunks, shrubs below)."""
    crown_min_m2: float = 2.0
    """Least area of a crown, square metres (ours: poles and chance returns are smaller)."""
    crown_min_share: float = 0.4
    """Least crown diameter as a share of the expected one (ours: lamps, aerials and balconies are more slender)."""
    plant_share: float = 0.3
    """Least share of plants among the returns within a crown (ours: on a roof or a wall the rest is building; through
    a crown in leaf less than half of the light reaches the ground)."""

    bridge_min_m2: float = 12.0
    """Least area of a bridge, square metres (ours; PLATEAU takes 2.5 m by 1.0 m, which points labelled by rules do not
    show reliably)."""
    bridge_min_points: int = 20
    """Points labelled bridge that an outline needs (ours)."""
    bridge_top_dropped: float = 0.01
    """Share of a bridge's highest points that are left out as birds, wires and lamps (ours; PLATEAU takes the highest
    point, railings and roofs included)."""
    bridge_extent_m: float = 128.0
    """A bridge longer than this along x or y is cut along the block grid, metres: what a tile must see."""
    bridge_below_m: float = 4.0
    """Width of the ring round a bridge in which the ground or the water below it is looked for, metres."""

    water_min_m2: float = 25.0
    """Least area of a water body, square metres (ours; Japanese maps of 1:2500 begin at 12.5)."""
    water_block_m: float = 128.0
    """Edge of the blocks into which longer water is cut, metres, anchored at the CRS origin: what a tile must see."""
    water_gap_m: float = 32.0
    """Widest gap between points across which water still lies inside the survey, metres (that of the terrain)."""
    water_simplify_m: float = 0.5
    """Largest shift of a bank when its steps are straightened, metres: one cell of the terrain."""

    def __post_init__(self) -> None:
        ReliefParams(tolerance_m=self.tolerance_m)  # refuses what cannot be kept
        positive = ("tree_cell_m", "tree_min_height_m", "crown_max_m", "bridge_extent_m", "water_block_m")
        for name in positive:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")

    @property
    def top_reach_m(self) -> float:
        """Farthest that something higher keeps a peak from being a top, metres."""
        return self.crown_max_m / 2

    def crown_m(self, height_m: float) -> float:
        """Return the expected crown diameter of a tree, metres."""
        return self.crown_base_m + self.crown_growth * height_m**2

    @property
    def water_halo_m(self) -> float:
        """What a tile must see round itself for its water, metres: a body, a block beside it, and the survey's gaps."""
        return 2 * self.water_block_m + self.water_gap_m + 1.0

    @property
    def tree_halo_m(self) -> float:
        """What a tile must see round itself for its trees, metres.

        From a top to a cell of its crown, from there to what the cell may climb to, the disc that makes a top, and the
        smoothing.
        """
        reach = 2 * self.crown_max_m + self.top_reach_m + self.tree_gap_m + self.tree_cell_m * (self.tree_smoothing + 4)
        return math.ceil(reach)
