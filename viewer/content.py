"""What a scene shows, as plain arrays: no store, no files, no VTK.

Everything drawn, listed or clicked comes from a `SceneContent`; `viewer.load` fills one from a store, tests fill one
by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from twin.bounds import Bounds
    from twin.building import Building
    from twin.crs import HorizontalCrs
    from twin.freshness import Freshness
    from twin.legend import DepthLegend
    from twin.observation import Observation
    from twin.points import Points
    from twin.raster import Raster
    from twin.vertical import VerticalDatum

__all__ = ["LAYERS", "FloodLayer", "Gauge", "LayerName", "PointsLayer", "SceneContent", "TerrainLayer"]

LayerName = Literal["terrain", "points", "buildings", "flood", "gauges"]

LAYERS: tuple[LayerName, ...] = ("terrain", "points", "buildings", "flood", "gauges")
"""All layers, in the order they are listed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TerrainLayer:
    """The ground."""

    heights: Raster
    """Terrain heights in metres above the store's datum, NaN where there is none."""
    surface: Raster | None = None
    """Heights with buildings and trees on the same frame; only used for the shadows they throw."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointsLayer:
    """A sample of the cloud that fits the budget."""

    points: Points
    """With attribute ``label`` (ASPRS codes, u8), and of ``intensity``, ``red``, ``green``, ``blue`` and ``source``
    what there is; ``modelled`` (bool) where buildings were read: whether a point lies in a modelled outline."""
    n_total: int
    """Points in the store."""
    lod: int
    """Deepest level of detail taken."""
    sources: Mapping[int, str] = field(default_factory=dict)
    """File name of each source id."""
    classified: bool = True
    """Whether ``label`` is our own result; otherwise it is what was delivered."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloodLayer:
    """Water above the ground in one scenario."""

    name: str
    title_ja: str
    title_en: str
    depth: Raster
    """Depth in metres, 0 or NaN where dry, on the frame of the terrain."""
    legend: DepthLegend
    permanent: NDArray[np.bool_] | None = None
    """Cells that are sea, river or pond without the flood, on the same frame: drawn as water, not as a rank."""
    depth_by_building: Mapping[str, float] = field(default_factory=dict)
    """Greatest depth at each building, metres, NaN where unknown; a building that is not named is dry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A thing that reports live, where it stands, and whether it may still be believed."""

    observation: Observation
    freshness: Freshness
    x: float | None
    """Easting in the store's CRS, metres; None if the feed gives no position, and then it is listed but not drawn."""
    y: float | None
    ground_m: float
    """Height of the ground where it stands, store's datum; the lowest ground of the area where that is not known."""
    level_m: float | None
    """Water level above the store's datum, if the thing measures one and its zero is known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SceneContent:
    """All that one picture, window or page needs."""

    title: str
    """What people call the area."""
    crs: HorizontalCrs
    vertical: VerticalDatum
    bounds: Bounds
    """Horizontal extent in metres of the CRS."""
    zmin_m: float
    zmax_m: float
    now: datetime
    """The moment that freshness was judged at, with a time zone."""
    data_from: datetime | None = None
    """When the newest result in the scene was made, with a time zone."""
    terrain: TerrainLayer | None = None
    points: PointsLayer | None = None
    buildings: tuple[Building, ...] = ()
    flood: FloodLayer | None = None
    gauges: tuple[Gauge, ...] = ()

    def titled(self, title: str | None) -> SceneContent:
        """Return the same under another title; None keeps the one it has."""
        return self if title is None else replace(self, title=title)

    @property
    def origin(self) -> tuple[float, float, float]:
        """Point that drawn coordinates count from, so that single precision keeps millimetres."""
        x, y = self.bounds.center
        return float(round(x)), float(round(y)), 0.0

    @property
    def layers(self) -> tuple[LayerName, ...]:
        """Layers that have something to show."""
        present: dict[LayerName, bool] = {
            "terrain": self.terrain is not None,
            "points": self.points is not None and len(self.points.points) > 0,
            "buildings": bool(self.buildings),
            "flood": self.flood is not None,
            "gauges": bool(self.gauges),
        }
        return tuple(name for name in LAYERS if present[name])

    @property
    def size_m(self) -> float:
        """Diagonal of the area on the ground."""
        return float((self.bounds.width_m**2 + self.bounds.height_m**2) ** 0.5)
