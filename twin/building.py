"""Buildings: an outline, a solid, and what was measured of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from shapely import Polygon

__all__ = ["Building", "Solid", "Surface"]

Surface = str
"""Semantic type of a face: ``GroundSurface``, ``WallSurface`` or ``RoofSurface``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solid:
    """A closed polyhedron with shared vertices; faces are rings that run counter-clockwise seen from outside."""

    vertices: NDArray[np.float64]
    """Shape (n, 3): x, y, z in metres, CRS and datum of the store."""
    faces: tuple[tuple[tuple[int, ...], ...], ...]
    """Per face its rings, the outer one first; a ring is vertex indices, not repeated at its end."""
    semantics: tuple[Surface, ...]
    """One per face."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Building:
    """One building as modelled. Heights are in metres above the store's vertical datum."""

    id: str
    """Stable under rerun and retiling: from the given footprint, or from the derived outline's place."""
    footprint: Polygon
    """Outline (LoD0), counter-clockwise, holes clockwise."""
    ground_m: float
    """Base of the solids: lowest ground in the outline."""
    roof_m: float
    """Top of an LoD1 solid: median of the roof points."""
    measured_height_m: float
    """Highest roof point after dropping the top 5 %, above `ground_m` (PLATEAU ``measuredHeight``)."""
    n_points: int
    """Building points inside the outline."""
    rmse_m: float
    """Root mean square distance of the roof points among them (not those on walls) to the model's roof, along z."""
    solids: Mapping[str, Solid]
    """By level of detail (``1.2``, ``1.3``, ``2.0``, ``2.2``, or a foreign file's own ``1``, ``2``): at least one."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Further facts, JSON-able, by their published names."""

    @property
    def lod(self) -> str:
        """Highest level of detail there is."""
        return max(self.solids)

    @property
    def solid(self) -> Solid:
        """Solid of the highest level of detail."""
        return self.solids[self.lod]

    def up_to(self, lod: str) -> Building:
        """Return the building without the levels above one; its lowest level stays if all of them are."""
        kept = {level: solid for level, solid in self.solids.items() if level <= lod}
        lowest = min(self.solids)
        return replace(self, solids=kept or {lowest: self.solids[lowest]})

    def at_best(self) -> Building:
        """Return the building with its highest level alone: a third of the memory, for who draws one solid."""
        return replace(self, solids={self.lod: self.solid})
