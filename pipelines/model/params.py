"""What the model stage may be told, and what every number is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipelines.footprints.params import FootprintParams

__all__ = ["ModelParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParams(FootprintParams):
    """Parameters of buildings, and of the outlines below them; those of roofs are `pipelines.roofs.RoofParams`.

    Raises
    ------
    ValueError
        If a length, an area or a share is out of its range.
    """

    lod: Literal["1.2", "1.3", "2.2"] = "2.2"
    """Level of detail to build: 1.2 is one prism over each outline, 1.3 has blocks of several heights, 2.2 has roofs.
    Lower levels are kept beside it (Biljecki et al. 2016)."""
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

    def __post_init__(self) -> None:
        FootprintParams.__post_init__(self)
        for name in ("min_points", "coverage_cell_m"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
        if not 0 <= self.top_share_dropped < 1:
            raise ValueError(f"top_share_dropped must be in 0..1: {self.top_share_dropped}")
