"""What outlines may be told, and what every number is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FootprintParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintParams:
    """Parameters of given and of derived outlines.

    Raises
    ------
    ValueError
        If a length or an area is out of its range.
    """

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

    corner_m2: float = 0.5
    """Area that one more number in an outline (a wall, a direction) must explain to be worth it, square metres: half of
    a jog of `jog_m` squared."""
    step_m: float = 0.25
    """Least step between touching roofs that tells them apart, metres: five times the noise of a point."""
    valley_slope: float = 0.2
    """Least slope of a roof along a gable, and of two roofs towards a valley between them, metres per metre: 11
    degrees, below any tiled roof."""
    least_wall_m: float = 3.0
    """Shortest line of steps that may be a wall between houses, metres: longer than a dormer is deep."""
    unit_area_m2: float = 25.0
    """Least area of a house between party walls, square metres: 3 m by 8 m."""
    annex_area_m2: float = 40.0
    """Least area of a house whose gable, but not the neighbour's, shows the wall, square metres: smaller ones are
    annexes and garages."""

    def __post_init__(self) -> None:
        for name in ("min_area_m2", "min_width_m", "cell_m", "max_extent_m", "block_m"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")

    @property
    def mask_margin_m(self) -> float:
        """How far closing, opening and hole filling of the mask reach, metres.

        A hole of n cells reaches at most n cells, and so does a speck; closing and opening reach their radius each,
        twice; local density is counted five cells around.
        """
        hole_cells = self.derived_min_hole_m2 / self.cell_m**2
        return (2 * hole_cells + 10) * self.cell_m + 4 * (self.closing_m + self.cell_m)

    @property
    def halo_m(self) -> float:
        """What a tile must see around itself to decide about every derived outline that it owns, metres."""
        return self.max_extent_m + self.block_m + self.mask_margin_m
