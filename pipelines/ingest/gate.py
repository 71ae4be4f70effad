"""The gate: what is taken and what is refused, decided in one place for `twin check` and `twin ingest`.

Nothing is guessed. A file that states no CRS, no vertical datum, feet or degrees is refused with a sentence that says
which option states or converts it. A fault that leaves the points right is a remark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from tiles.las import file_crs, read_header
from twin.crs import HorizontalCrs, parse_crs, to_wgs84
from twin.errors import CrsError, DatumError, FormatError
from twin.vertical import VerticalDatum, convert_height

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.ingest.params import IngestParams
    from tiles.las import LasHeader

__all__ = ["Examination", "Finding", "Placement", "Severity", "examine", "place", "same_crs"]

Severity = Literal["info", "warning", "error"]

_METRIC_TWIN = {"EPSG:6360": "EPSG:5703", "EPSG:8228": "EPSG:5703", "EPSG:5702": "EPSG:7968"}
"""Vertical systems in feet, and the system of the same datum in metres (EPSG registry)."""
_PLURAL = {"degree": "degrees", "foot": "feet", "US survey foot": "US survey feet"}
_MAX_ROWS = 0xFFFFFFFF
"""Rows that the ``source_index`` column can number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth saying of a file."""

    rule: str
    """Short name of the rule, such as ``crs``."""
    severity: Severity
    """``error`` refuses the file, ``warning`` is a remark, ``info`` is a fact."""
    message: str
    """A sentence that begins with the file's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How coordinates of a file become coordinates of the store."""

    source_wkt: str = ""
    """CRS to reproject from; empty if the file is in the store's CRS."""
    target_wkt: str = ""
    height_factor: float = 1.0
    """Metres in the file's unit of height."""
    height_shift_m: float = 0.0
    """Metres to add after that, from the file's datum to the store's."""

    @property
    def changes_height(self) -> bool:
        """Whether heights differ between file and store."""
        return self.height_factor != 1.0 or self.height_shift_m != 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What is known of a file before its points are read."""

    header: LasHeader | None
    """None if it is no readable LAS file."""
    crs: HorizontalCrs | None
    vertical: VerticalDatum | None
    """What heights are above once they are in metres."""
    findings: tuple[Finding, ...]
    height_factor: float = 1.0
    """Metres in the file's unit of height."""

    @property
    def refusal(self) -> str | None:
        """Why the file is refused, or None."""
        return next((finding.message for finding in self.findings if finding.severity == "error"), None)


def examine(path: Path, params: IngestParams) -> Examination:
    """Check a file's header and what it states, without reading points."""
    try:
        header = read_header(path)
    except FormatError as error:
        finding = Finding(rule="format", severity="error", message=str(error))
        return Examination(header=None, crs=None, vertical=None, findings=(finding,))
    findings = [
        Finding(rule="header", severity="warning", message=f"{path.name}: {remark}") for remark in header.remarks
    ]
    if header.n_points == 0:
        empty = Finding(rule="empty", severity="warning", message=f"{path.name}: holds no points")
        return Examination(header=header, crs=None, vertical=None, findings=(*findings, empty))
    if header.n_points > _MAX_ROWS:
        message = (
            f"{path.name}: {header.n_points} points; more than {_MAX_ROWS} in one file cannot be numbered, split it"
        )
        findings.append(Finding(rule="size", severity="error", message=message))
    crs, given = _crs(header, params, findings)
    if crs is not None:
        findings += _place_on_earth(header, crs)
    vertical, factor = _vertical(header, crs, given, params, findings) if crs else (None, 1.0)
    return Examination(header=header, crs=crs, vertical=vertical, findings=tuple(findings), height_factor=factor)


def place(examined: Examination, crs: HorizontalCrs, vertical: VerticalDatum, convert: bool) -> Placement:
    """Say how an accepted file comes into a store with this CRS and datum.

    Raises
    ------
    CrsError
        If the file is in another CRS and conversion was not asked for, or PROJ knows no accurate way.
    DatumError
        If heights are above another datum and no offset between the two is on record.
    """
    if examined.header is None or examined.crs is None or examined.vertical is None:
        return Placement()
    name = examined.header.path.name
    same = same_crs(examined.crs, crs)
    if not same and not convert:
        raise CrsError(f"{name}: in {examined.crs.code}, the store is in {crs.code}; convert on request with --convert")
    try:
        shift = convert_height(0.0, examined.vertical, vertical)
    except DatumError as error:
        raise DatumError(f"{name}: {error}") from None
    if shift and not convert:
        stated = f"heights above {examined.vertical}, the store's above {vertical}"
        raise DatumError(f"{name}: {stated}; convert on request with --convert")
    if same:
        return Placement(height_factor=examined.height_factor, height_shift_m=shift)
    return Placement(
        source_wkt=examined.crs.wkt,
        target_wkt=crs.wkt,
        height_factor=examined.height_factor,
        height_shift_m=shift,
    )


def same_crs(first: HorizontalCrs, second: HorizontalCrs) -> bool:
    """Whether two systems give a place the same easting and northing; axis order in the definition does not count."""
    if first.code == second.code and first.code.startswith("EPSG:"):
        return True
    a, b = CRS.from_user_input(first.wkt), CRS.from_user_input(second.wkt)
    if a.equals(b, ignore_axis_order=True):
        return True
    # Old WKT spells names its own way; PROJ finds the registered system with the same parameters.
    codes = [system.to_epsg(min_confidence=70) for system in (a, b)]
    return codes[0] is not None and codes[0] == codes[1]


def metric_datum(vertical: VerticalDatum) -> tuple[VerticalDatum, float]:
    """Return the datum in metres that corresponds to `vertical`, and the metres in one unit of `vertical`.

    Raises
    ------
    DatumError
        If its unit is not metres and no metric system of the same datum is on record, or its axis points down.
    """
    if not vertical.name.startswith("EPSG:"):
        return vertical, 1.0
    try:
        axis = CRS.from_epsg(int(vertical.name.removeprefix("EPSG:"))).axis_info[-1]
    except CRSError:
        raise DatumError(f"{vertical.name} is not a vertical system that PROJ knows") from None
    if axis.direction != "up":
        raise DatumError(f"{vertical.name} counts {axis.direction}wards; heights must count up")
    factor = float(axis.unit_conversion_factor)
    if np.isclose(factor, 1.0):
        return vertical, 1.0
    twin_name = _METRIC_TWIN.get(vertical.name)
    if twin_name is None:
        raise DatumError(f"{vertical.name} is in {axis.unit_name}, and no metric system of its datum is on record")
    return VerticalDatum(twin_name, vertical.epoch), factor


def _place_on_earth(header: LasHeader, crs: HorizontalCrs) -> list[Finding]:
    """Say if the header's box lies where its CRS is not used; most often x and y are swapped, or the CRS is wrong."""
    area = CRS.from_user_input(crs.code if crs.code.startswith("EPSG:") else crs.wkt).area_of_use
    x, y = ((low + high) / 2 for low, high in zip(header.mins[:2], header.maxs[:2], strict=True))
    if area is None or not (np.isfinite(x) and np.isfinite(y)):
        return []

    def is_inside(east: float, north: float) -> bool:
        longitude, latitude = to_wgs84(crs.wkt).transform(east, north)
        return bool(area.west - 1 <= longitude <= area.east + 1 and area.south - 1 <= latitude <= area.north + 1)

    if is_inside(x, y):
        return []
    name, place = header.path.name, f"({x:.3f}, {y:.3f})"
    if is_inside(y, x):
        message = (
            f"{name}: x and y look swapped: {place} is outside the area of {crs.code}, ({y:.3f}, {x:.3f}) is in it"
        )
    else:
        message = f"{name}: {place} is outside the area where {crs.code} is used ({area.name}); is the CRS right?"
    return [Finding(rule="area", severity="warning", message=message)]


def _crs(
    header: LasHeader, params: IngestParams, findings: list[Finding]
) -> tuple[HorizontalCrs | None, HorizontalCrs | None]:
    """Return the file's horizontal CRS, and the one given for it."""
    name = header.path.name
    given = parse_crs(params.crs) if params.crs else None
    stated = None
    try:
        stated = file_crs(header)
    except CrsError as error:
        if given is None:
            findings.append(Finding(rule="crs", severity="error", message=str(error)))
            return None, None
        message = f"{error} - {given.code} was given and is used"
        findings.append(Finding(rule="crs", severity="warning", message=message))
    crs = stated or given
    if crs is None:
        message = f"{name}: names no coordinate reference system; state it with --crs, such as --crs EPSG:6677"
        findings.append(Finding(rule="crs", severity="error", message=message))
        return None, None
    if stated and (broken := stated.contradicts):
        # Converting from what such a definition says would move the points without a word.
        message = f"{name}: names {broken}, but its parameters are others"
        if given is None or given.code != broken:
            message += f"; if it is {broken}, state it with --crs {broken}"
            findings.append(Finding(rule="crs", severity="error", message=message))
        else:
            message += f"; {broken} was given and is used"
            findings.append(Finding(rule="crs", severity="warning", message=message))
            crs = given
    elif stated and given and not same_crs(stated, given):
        message = f"{name}: the file says {stated.code}, --crs says {given.code}; correct the one that is wrong"
        findings.append(Finding(rule="crs", severity="error", message=message))
    if not crs.is_metric and not params.convert:
        unit = _PLURAL.get(crs.unit, crs.unit)
        message = f"{name}: coordinates are in {unit} ({crs.code}), not metres; convert on request with --convert"
        findings.append(Finding(rule="units", severity="error", message=message))
    return crs, given


def _vertical(
    header: LasHeader,
    crs: HorizontalCrs,
    given: HorizontalCrs | None,
    params: IngestParams,
    findings: list[Finding],
) -> tuple[VerticalDatum | None, float]:
    """Return what heights are above once in metres, and the metres in their unit; only file and user can say."""
    name = header.path.name
    option = VerticalDatum.parse(params.vertical) if params.vertical else (given.vertical if given else None)
    datum = crs.vertical or option
    if datum is None:
        message = f"{name}: does not say what its heights are above; state it with --vertical, such as --vertical TP"
        findings.append(Finding(rule="vertical", severity="error", message=message))
        return None, 1.0
    if option is not None and datum.name != option.name:
        message = f"{name}: the file's heights are above {datum.name}, --vertical says {option.name}"
        findings.append(Finding(rule="vertical", severity="error", message=message))
    try:
        metric, factor = metric_datum(VerticalDatum(datum.name, params.epoch or datum.epoch))
    except DatumError as error:
        findings.append(Finding(rule="vertical", severity="error", message=f"{name}: {error}"))
        return datum, 1.0
    if crs.vertical is None and crs.height_unit != "metre":
        factor = crs.height_unit_m  # a vertical part without a registered datum still states its unit
    if factor != 1.0 and not params.convert:
        message = f"{name}: heights are in feet ({datum.name}), not metres; convert on request with --convert"
        findings.append(Finding(rule="units", severity="error", message=message))
    return metric, factor
