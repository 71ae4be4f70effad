"""What a report tells, as plain values: tests fill one by hand, `viewer.report.gather` fills one from a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray
    from shapely import Polygon

    from twin.bounds import Bounds
    from twin.legend import DepthLegend
    from twin.raster import Raster
    from viewer.content import Gauge
    from viewer.report.model_facts import ModelQuality

__all__ = [
    "Buildings",
    "ClassCount",
    "Delivery",
    "FeedCount",
    "Flood",
    "ReportContent",
    "StageFigures",
    "Terrain",
    "WetBuilding",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file that was handed in."""

    name: str
    accepted: bool
    n_points: int
    size: int
    """Bytes."""
    reason: str = ""
    """Why it was refused."""
    crs: str = ""
    """CRS that its coordinates were taken in."""
    vertical: str = ""
    """Datum that its heights were taken in."""
    las: str = ""
    """Version and point format."""
    kind: str = ""
    """How it was flown or driven: aerial, drone, mobile, bathymetry, multibeam."""
    remarks: tuple[str, ...] = ()
    """Faults that leave the points right."""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """Points of one class."""

    code: int
    name_ja: str
    name_en: str
    color: str
    """``#rrggbb``, as on the map."""
    n_points: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terrain:
    """The bare ground."""

    heights: Raster
    """Metres above the store's datum, NaN where void."""
    cells: int
    """Cells inside the survey."""
    void_share: float
    """Share of them without ground."""
    filled_share: float
    """Share of them filled from around."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Buildings:
    """The city model, in columns over n buildings sorted by id."""

    ids: tuple[str, ...]
    outlines: tuple[Polygon, ...]
    lods: tuple[str, ...]
    height_m: NDArray[np.float64]
    """Measured height above ground, shape (n,)."""
    ground_m: NDArray[np.float64]
    """Lowest ground, metres above the store's datum, shape (n,)."""
    rmse_m: NDArray[np.float64]
    """Distance of the points to the modelled roof, shape (n,)."""
    n_points: NDArray[np.int64]
    """Building points inside the outline, shape (n,)."""
    valid_share: float | None
    """Share with a valid solid; None if nobody checked."""
    without_model: tuple[tuple[str, str], ...]
    """(id, reason) of each outline that has no model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WetBuilding:
    """One building in the water."""

    id: str
    max_depth_m: float
    mean_depth_m: float
    rank: int
    above_floor: bool
    height_m: float | None
    """Measured height above ground; None without a model."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flood:
    """One overlay."""

    title_ja: str
    title_en: str
    depth: Raster
    """Metres above ground, NaN unknown."""
    flooded: NDArray[np.bool_]
    """Land under water, on the same frame."""
    permanent: NDArray[np.bool_]
    """Sea, river or pond as always."""
    unknown: NDArray[np.bool_]
    """Land of unknown height that may be wet."""
    legend: DepthLegend
    is_current: bool
    """Whether it was computed on the terrain and buildings that are shown."""
    summary: Mapping[str, Any]
    """Figures: level, wet_area_m2, max_depth_m, buildings_wet, by_rank ..."""
    wettest: tuple[WetBuilding, ...]
    """Buildings with the deepest water, deepest first."""
    outlines: tuple[Polygon, ...]
    """All buildings."""
    ranks: NDArray[np.int8]
    """Depth rank of each outline: 0 dry, -1 unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCount:
    """What a live feed sent."""

    title_ja: str
    title_en: str
    received: int
    stored: int
    dropped: int
    quarantined: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFigures:
    """One run of one stage: its cost and its lineage."""

    stage: str
    run: str
    state: str
    what: str = ""
    """Which of several: the scenario, the feed, the format."""
    started_at: str
    finished_at: str
    seconds: float | None
    cpu_seconds: float | None
    peak_mb: float | None
    """Mebibytes."""
    workers: int | None
    items: int | None
    """Points, or things if the stage works on no points."""
    unit: str
    """``points`` or ``items``."""
    failed: tuple[Mapping[str, str], ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """Items a second of wall time."""
        return self.items / self.seconds if self.items and self.seconds else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportContent:
    """All that a report tells. A part whose stage has not run is None or empty, and the page says so."""

    title_ja: str
    title_en: str
    made_at: datetime
    """When the report was made, with a time zone."""
    now: datetime
    """The moment that freshness is judged at, with a time zone."""
    crs_code: str
    crs_name: str
    vertical: str
    """The store's vertical datum."""
    store_facts: Mapping[str, str]
    """Format, version, tile edge, scale."""
    n_points: int
    n_tiles: int
    bounds: Bounds | None
    software: Mapping[str, str]
    """Version of this engine."""
    deliveries: tuple[Delivery, ...] = ()
    density: Raster | None = None
    """Points per square metre."""
    density_has_noise: bool = False
    """Whether noise counts there, because nobody has told it apart yet."""
    is_classified: bool = False
    """Whether the classes are ours; otherwise they are those delivered."""
    classes: tuple[ClassCount, ...] = ()
    """Most points first."""
    class_map: Raster | None = None
    """ASPRS code of the highest point of each cell, -1 where there is none."""
    terrain: Terrain | None = None
    buildings: Buildings | None = None
    quality: ModelQuality | None = None
    """How well the buildings fit their points."""
    floods: tuple[Flood, ...] = ()
    """Newest last."""
    gauges: tuple[Gauge, ...] = ()
    feeds: tuple[FeedCount, ...] = ()
    stages: tuple[StageFigures, ...] = ()
    """In the order in which they ran."""
