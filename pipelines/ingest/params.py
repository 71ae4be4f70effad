"""What a delivery is, and how it is cut."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tiles.address import checked_epoch
from tiles.pointfiles import ReadParams
from twin.bounds import Bounds
from twin.crs import parse_crs, vertical_unit
from twin.errors import DatumError
from twin.vertical import VerticalDatum

__all__ = ["IngestParams", "SurveyKind"]

_GEOID_EPOCH = re.compile(r"JGD\d{4}", re.IGNORECASE)

SurveyKind = Literal["aerial", "drone", "mobile", "bathymetry", "multibeam"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestParams:
    """Facts that files may lack, what may be converted, and sizes of work.

    Raises
    ------
    CrsError, DatumError, StoreError
        If what is stated for files is nothing that this program knows, or no name of an epoch.
    """

    crs: str | None = None
    """CRS of files that name none, such as ``EPSG:6677``; a compound one also states the datum. Never guessed."""
    vertical: str | None = None
    """Vertical datum of files that name none: TP, AP, YP, ellipsoidal, ``local:<place>`` or ``EPSG:<code>``; with the
    epoch of the geoid behind the heights where it matters, such as ``TP@JGD2011``."""
    epoch: str = ""
    """Survey epoch that the files are of, such as ``2024``; if empty, the one that the store is open at."""
    replace: bool = False
    """Let a file take the place of one of the same name that is in the epoch; without it such files are refused."""
    kind: SurveyKind = "aerial"
    """How the survey was made; kept with the source."""
    convert: bool = False
    """Convert feet, degrees or another CRS into the store's; without it such files are refused."""
    geoid: tuple[str, ...] = ()
    """Grids that lead between vertical datums, each ``FILE``, ``SURFACE=FILE`` or ``BASE/SURFACE=FILE``, such as
    ``JPGEO2024.isg`` or ``EPSG:5703=us.gtx``; heights are converted through them without asking for `convert`."""
    datums: str = ""
    """YAML table of local zeros that goes before those in ``config/datums``, or the name of a preset; none if empty."""
    depths: bool = False
    """Heights in the files are depths: they count down from the zero of their datum. Nothing in a file says so."""
    accept_m: float = 0.0
    """Convert coordinates by a way of this accuracy, as PROJ's database states it in metres, although a better one is
    known whose grid is not installed; 0 takes the best only and refuses files else."""
    anywhere: bool = False
    """Take files without a CRS of their own also where the CRS stated for them is not used; else they are refused."""
    bbox: tuple[float, float, float, float] | None = None
    """Only points in this box, xmin, ymin, xmax, ymax in the files' own CRS and unit, half-open; all if None."""
    columns: str = ""
    """Columns of text files, such as ``x,y,z,intensity`` or ``lon,lat,-depth``; as the file names them if empty."""
    pdal: str = ""
    """PDAL pipeline (JSON) through which files are read; our own readers if empty."""
    bad_rows_share: float = 0.0
    """Share of rows of a text file that may be no numbers and are left out; 0 refuses the file at the first."""
    shifts: str = ""
    """File of strip shifts from `twin adjust --out`; points are moved by them. Empty moves nothing."""
    refraction: Literal["corrected", "uncorrected"] = "corrected"
    """Whether coordinates under water are true ones; uncorrected ones were computed as if all were air, and are
    corrected on the way in. Nothing in a file says so."""
    water_level_m: float | None = None
    """Height of the water surface in the store's datum, metres, when the files that are uncorrected were flown."""
    water: Literal["sea", "fresh"] = "sea"
    """Which water: its refractive index differs by half a per cent."""
    water_temperature_c: float = 15.0
    """Temperature of that water, degrees Celsius: 10 degrees change depths by less than 0.1 per cent."""
    water_area: str = ""
    """File of outlines within which points below the level are under water; everywhere if empty."""
    trajectory: str = ""
    """Text file of GPS time, x, y, z of the sensor in the store's CRS and datum; if empty the scan angle corrects
    depths alone."""
    max_tile_points: int = 4_000_000
    """A tile with more points is split into quarters: 4 million keep a worker under 1.5 GB (DESIGN section 3)."""
    rows_per_task: int = 4_000_000
    """Points that one scatter task reads; a multiple of LASzip's 50 000, so that no chunk is decoded twice."""
    chunk_rows: int = 1_000_000
    """Points decoded, sorted and written at once: about 150 MB."""

    @property
    def reading(self) -> ReadParams:
        """What of this a reader of files needs to know."""
        box = None
        if self.bbox is not None:
            box = Bounds(xmin=self.bbox[0], ymin=self.bbox[1], xmax=self.bbox[2], ymax=self.bbox[3])
        columns = tuple(name.strip() for name in self.columns.split(",")) if self.columns.strip() else ()
        return ReadParams(bbox=box, columns=columns, pdal=self.pdal, bad_rows_share=self.bad_rows_share)

    def __post_init__(self) -> None:
        if self.bbox is not None and len(self.bbox) != 4:
            raise ValueError(f"a bounding box has four sides, xmin,ymin,xmax,ymax: {self.bbox}")
        _ = self.reading
        if self.crs:
            parse_crs(self.crs)
        if self.vertical:
            vertical_unit(VerticalDatum.parse(self.vertical))
        if _GEOID_EPOCH.fullmatch(checked_epoch(self.epoch)):
            raise DatumError(
                f"epoch {self.epoch!r} is that of a geoid; write it with the datum, as in --vertical TP@{self.epoch},"
                " and the epoch of the survey as a year, such as --epoch 2024"
            )
        if not 0.0 <= self.accept_m <= 100.0:
            raise ValueError(f"accept_m is in metres, 0 to 100: {self.accept_m}")
        if not 0.0 <= self.water_temperature_c <= 30.0:
            raise ValueError(f"water_temperature_c must lie between 0 and 30: {self.water_temperature_c}")
        for name in ("max_tile_points", "rows_per_task", "chunk_rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive: {getattr(self, name)}")
