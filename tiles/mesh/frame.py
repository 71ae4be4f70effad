"""Where the coordinates of a mesh count from, and what they mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tiles.mesh.pieces import Thing
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["LocalFrame", "MeshFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFrame:
    """Metres from an origin; heights stay heights."""

    x0: float
    """Easting of the origin in the store's CRS, whole metres."""
    y0: float
    """Northing of the origin."""
    crs: HorizontalCrs
    vertical: VerticalDatum

    @staticmethod
    def around(found: Sequence[Thing], crs: HorizontalCrs, vertical: VerticalDatum) -> LocalFrame:
        """Return the frame whose origin lies south-west of everything, at the datum's zero."""
        x0, y0 = np.min([thing.solid.vertices[:, :2].min(axis=0) for thing in found], axis=0).tolist()
        return LocalFrame(x0=float(math.floor(x0)), y0=float(math.floor(y0)), crs=crs, vertical=vertical)

    @property
    def origin(self) -> tuple[float, float, float]:
        """What to add to x, y, z."""
        return self.x0, self.y0, 0.0

    def statement(self, axes: str) -> dict[str, Any]:
        """Return what a reader must know to put the mesh back on the map, JSON-able."""
        return {
            "crs": self.crs.code,
            "verticalDatum": str(self.vertical),
            "origin": list(self.origin),
            "unit": "metre",
            "axes": axes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshFacts:
    """What was written."""

    files: tuple[Path, ...]
    """The file asked for, then those beside it."""
    buildings: int
    objects: int
    """Terrain, bridges, water and trees."""

    @staticmethod
    def of(found: Sequence[Thing], *files: Path) -> MeshFacts:
        """Count what there was to write."""
        n_buildings = sum(thing.type == "Building" for thing in found)
        return MeshFacts(files=files, buildings=n_buildings, objects=len(found) - n_buildings)
