"""What the model stage may be told, and what every number is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ModelParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParams:
    """Parameters of outlines and of LoD1.2 prisms.

    Raises
    ------
    ValueError
        If a length, an area or a share is out of its range.
    """

    lod: Literal["1.2"] = "1.2"
    """Level of detail to build; 1.2 is one prism over each outline."""
    min_points: int = 5
    """Building points that an outline needs; with fewer the median is a guess (3 points fix a plane, two spare)."""
    min_height_m: float = 0.5
    """Least roof above ground, metres; lower things are pavement or mislabelled ground (noise is 0.05-0.15)."""
    ground_ring_m: float = 1.0
    """Width of the ring around an outline where ground counts too, metres: two cells of a 0.5 m terrain raster."""
    top_share_dropped: float = 0.05
    """Share of the highest points that ``measuredHeight`` ignores (PLATEAU's rule: 5 %)."""
    roof_cell_m: float = 0.5
    """Cell in which points far below the highest are walls, not roof, metres: about the spacing of the points."""
    roof_drop_m: float = 1.0
    """How far below that highest point a roof may lie within one cell, metres: a slope of 60 degrees."""
    coverage_cell_m: float = 1.0
    """Cell of the share without data, metres: one point per square metre is the least useful survey."""

    min_area_m2: float = 1.0
    """Least area of a given outline, square metres; below it no roof can be told from noise."""
    min_width_m: float = 0.25
    """Least mean width (twice the area over the perimeter) of an outline, metres: the thickness of a wall."""
    min_edge_m: float = 0.01
    """Outline vertices closer than this are merged, metres: cadastral precision."""
    min_hole_m2: float = 0.5
    """Smaller holes of a given outline are closed, square metres."""

    cell_m: float = 0.5
    """Cell of the occupancy mask of derived outlines, metres, anchored at the CRS origin."""
    closing_m: float = 0.5
    """Gaps up to twice this between building cells are closed, metres; wider alleys stay open."""
    derived_min_area_m2: float = 10.0
    """Least area of a derived outline, square metres: about a one-car garage."""
    derived_min_hole_m2: float = 8.0
    """Smaller holes of the mask are lack of points (chimney shadow, water on the roof), larger ones courtyards."""
    max_extent_m: float = 128.0
    """A derived component longer than this along x or y is cut into blocks, metres; bounds what a tile must see."""
    block_m: float = 64.0
    """Edge of those blocks, metres, anchored at the CRS origin."""
    jog_m: float = 1.0
    """Derived outlines lose jogs shorter than this, metres: two cells of the mask."""

    def __post_init__(self) -> None:
        positive = ("min_points", "coverage_cell_m", "min_area_m2", "min_width_m", "cell_m", "max_extent_m", "block_m")
        for name in positive:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
        if not 0 <= self.top_share_dropped < 1:
            raise ValueError(f"top_share_dropped must be in 0..1: {self.top_share_dropped}")

    @property
    def mask_margin_m(self) -> float:
        """How far closing, opening and hole filling of the mask reach, metres.

        A hole of n cells reaches at most n cells; closing and opening reach their radius each, twice; local density
        is counted five cells around.
        """
        hole_cells = self.derived_min_hole_m2 / self.cell_m**2
        return (hole_cells + 10) * self.cell_m + 4 * (self.closing_m + self.cell_m)

    @property
    def halo_m(self) -> float:
        """What a tile must see around itself to decide about every derived outline that it owns, metres."""
        return self.max_extent_m + self.block_m + self.mask_margin_m
