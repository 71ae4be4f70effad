"""The gate: what is taken and what is refused, decided in one place for `twin check` and `twin ingest`.

Nothing is guessed. A file that states no CRS, no vertical datum, feet or degrees is refused with a sentence that says
which option states or converts it. A fault that leaves the points right is a remark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.ingest.placement import area_missed, middle_of, same_crs
from tiles.las import GeoKeysError
from tiles.pointfiles import file_crs, read_header
from twin.acceptance import Finding
from twin.crs import HorizontalCrs, parse_crs, vertical_unit
from twin.errors import CrsError, DatumError, FormatError
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.ingest.params import IngestParams
    from tiles.pointfiles import PointHeader

__all__ = ["Examination", "examine", "metric_datum"]

_METRIC_TWIN = {"EPSG:6360": "EPSG:5703", "EPSG:8228": "EPSG:5703", "EPSG:5702": "EPSG:7968"}
"""Vertical systems in feet, and the system of the same datum in metres (EPSG registry)."""
_PLURAL = {"degree": "degrees", "foot": "feet", "US survey foot": "US survey feet"}
_MAX_ROWS = 0xFFFFFFFF
"""Rows that the ``source_index`` column can number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What is known of a file before its points are read."""

    header: PointHeader | None
    """None if it is no readable file of points."""
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
        header = read_header(path, params.reading)
    except FormatError as error:
        finding = Finding(rule="format", severity="error", message=str(error))
        return Examination(header=None, crs=None, vertical=None, findings=(finding,))
    findings = [
        Finding(rule="header", severity="warning", message=f"{path.name}: {remark}") for remark in header.remarks
    ]
    if header.n_selected == 0:
        empty = Finding(rule="empty", severity="warning", message=f"{path.name}: holds no points{_where(params)}")
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


def _where(params: IngestParams) -> str:
    return " in the bounding box" if params.bbox is not None else ""


def metric_datum(vertical: VerticalDatum) -> tuple[VerticalDatum, float]:
    """Return the datum in metres that corresponds to `vertical`, and the metres in one unit of `vertical`.

    Raises
    ------
    DatumError
        If its unit is not metres and no metric system of the same datum is on record, or its axis points down.
    """
    if not vertical.name.startswith("EPSG:"):
        return vertical, 1.0
    factor, unit = vertical_unit(vertical)
    if np.isclose(factor, 1.0):
        return vertical, 1.0
    twin_name = _METRIC_TWIN.get(vertical.name)
    if twin_name is None:
        raise DatumError(f"{vertical.name} is in {unit}, and no metric system of its datum is on record")
    return VerticalDatum(twin_name, vertical.epoch), factor


def _place_on_earth(header: PointHeader, crs: HorizontalCrs) -> list[Finding]:
    """Say if the header's box lies where its CRS is not used; most often x and y are swapped, or the CRS is wrong."""
    x, y = middle_of(header)
    area = area_missed(crs, x, y)
    if not area:
        return []
    name, place = header.path.name, f"({x:.3f}, {y:.3f})"
    if not area_missed(crs, y, x):
        message = (
            f"{name}: x and y look swapped: {place} is outside the area of {crs.code}, ({y:.3f}, {x:.3f}) is in it"
        )
    else:
        message = f"{name}: {place} is outside the area where {crs.code} is used ({area}); is the CRS right?"
    return [Finding(rule="area", severity="warning", message=message)]


def _crs(
    header: PointHeader, params: IngestParams, findings: list[Finding]
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
        if isinstance(error, GeoKeysError) and given.code != error.code and given.unit != error.unit:
            message = f"{error}; --crs {given.code} (in {given.unit}) agrees with neither"
            findings.append(Finding(rule="crs", severity="error", message=message))
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
    header: PointHeader,
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
        stated = f"the file's heights are above {datum.name}, --vertical says {option.name}"
        message = f"{name}: {stated}; correct the one that is wrong, or leave out --vertical for this file"
        findings.append(Finding(rule="vertical", severity="error", message=message))
    try:
        metric, factor = metric_datum(VerticalDatum(datum.name, params.epoch or datum.epoch))
    except DatumError as error:
        findings.append(Finding(rule="vertical", severity="error", message=f"{name}: {error}"))
        return datum, 1.0
    if crs.vertical is None and crs.height_unit != "metre":
        factor = crs.height_unit_m  # a vertical part without a registered datum still states its unit
    elif crs.vertical is None and crs.is_foot:
        findings += _unit_of_heights(name, datum, factor)
    if factor != 1.0 and not params.convert:
        message = f"{name}: heights are in feet ({datum.name}), not metres; convert on request with --convert"
        findings.append(Finding(rule="units", severity="error", message=message))
    return metric, factor


def _unit_of_heights(name: str, datum: VerticalDatum, factor: float) -> list[Finding]:
    """Judge heights whose unit only the given datum states, in a file whose coordinates are in feet."""
    if not datum.name.startswith("EPSG:"):
        message = (
            f"{name}: coordinates are in feet, and {datum.name} does not say whether heights are too; state a system"
            " that does, such as --vertical EPSG:8228 (feet) or --vertical EPSG:5703 (metres)"
        )
        return [Finding(rule="units", severity="error", message=message)]
    if factor != 1.0:
        return []
    message = (
        f"{name}: coordinates are in feet, heights are taken as metres, as {datum.name} says;"
        " if they are feet too, state the datum's system in feet, such as --vertical EPSG:8228"
    )
    return [Finding(rule="units", severity="warning", message=message)]
