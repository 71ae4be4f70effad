"""Horizontal reference systems: which one, in which unit, and never a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from pyproj import CRS, Proj, Transformer
from pyproj.exceptions import CRSError

from twin import jgd2024
from twin.errors import CrsError, DatumError, UnitError
from twin.vertical import ELLIPSOIDAL, VerticalDatum

__all__ = [
    "HorizontalCrs",
    "parse_crs",
    "require_metres",
    "require_metric_heights",
    "to_wgs84",
    "vertical_crs",
    "vertical_unit",
]

_CODE = re.compile(r"\s*EPSG:(\d+)(?:\+(\d+))?\s*", re.IGNORECASE)

_WKT_KEYWORDS = frozenset({
    "BASEGEODCRS", "BASEGEOGCRS", "BOUNDCRS", "COMPD_CS", "COMPOUNDCRS", "DERIVEDPROJCRS", "ENGCRS", "ENGINEERINGCRS",
    "FITTED_CS", "GEOCCS", "GEODCRS", "GEODETICCRS", "GEOGCRS", "GEOGCS", "GEOGRAPHICCRS", "LOCAL_CS", "PROJCRS",
    "PROJCS", "PROJECTEDCRS", "TIMECRS", "VERTCRS", "VERTICALCRS", "VERT_CS",
})  # fmt: skip
"""What WKT of a reference system begins with, versions 1 and 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizontalCrs:
    """A horizontal CRS and what its coordinates count in."""

    wkt: str
    """WKT2:2019 of the horizontal part."""
    code: str
    """``EPSG:6677`` where an authority code is certain, else the CRS's name."""
    unit: str
    """``metre``, ``degree``, ``foot`` or ``US survey foot``."""
    unit_m: float
    """Metres in one unit along x and y; for degrees, radians in one degree (meaningless as a length)."""
    vertical: VerticalDatum | None = None
    """Datum of the vertical part, if the CRS is compound and names one."""
    height_unit: str = "metre"
    """Unit of the vertical part; ``metre`` if there is none."""
    height_unit_m: float = 1.0
    """Metres in one unit of the vertical part."""
    vertical_code: str = ""
    """What the vertical part is called in the registry, such as ``EPSG:6695``; empty if it has no code there."""

    @property
    def contradicts(self) -> str:
        """Authority code that a projected definition names without doing what that code says; empty if none."""
        crs = CRS.from_user_input(self.wkt)
        named = _named_code(crs)
        return named if crs.is_projected and named != self.code else ""

    @property
    def is_metric(self) -> bool:
        """Whether coordinates are metres."""
        return self.unit == "metre"

    @property
    def is_foot(self) -> bool:
        """Whether coordinates are feet of any kind."""
        return "foot" in self.unit.lower()

    @property
    def is_geographic(self) -> bool:
        """Whether coordinates are degrees."""
        return self.unit == "degree"


@lru_cache(maxsize=64)
def parse_crs(text: str) -> HorizontalCrs:
    """Read an authority code, WKT or PROJ string; compound systems are split, and so is a third axis of heights.

    Codes of JGD2024 heights are read whatever PROJ is installed.

    Raises
    ------
    CrsError
        If PROJ does not know it or it has no horizontal part.
    """
    keyword, bracket, _ = text.partition("[")
    if bracket and "{" not in keyword and keyword.strip().upper() not in _WKT_KEYWORDS:
        # PROJ would take it for a name, and compare it with every name that it knows: seconds of work.
        raise CrsError(f"unknown CRS {_short(text)!r} (WKT does not begin so); give one such as EPSG:6677")
    newer = _with_jgd2024(text)
    if newer is not None:
        return newer
    try:
        return _described(CRS.from_user_input(text))
    except CRSError as error:  # some definitions are read, and then cannot be written
        reason = _short(str(error).rpartition("proj_create: ")[2].removesuffix(")"))
        raise CrsError(f"unknown CRS {_short(text)!r} ({reason}); give one such as EPSG:6677") from None


def _with_jgd2024(text: str) -> HorizontalCrs | None:
    """Read ``EPSG:11327``, or ``EPSG:6677+11317``, from our own table; None if the text names no JGD2024 heights."""
    match = _CODE.fullmatch(text)
    if match is None:
        return None
    flat = int(match[1]) if match[2] == str(jgd2024.HEIGHT) else jgd2024.horizontal_code(int(match[1]))
    if flat is None or (match[2] is not None and match[2] != str(jgd2024.HEIGHT)):
        return None
    code = f"EPSG:{jgd2024.HEIGHT}"
    return replace(parse_crs(f"EPSG:{flat}"), vertical=VerticalDatum.parse(code), vertical_code=code)


def _described(crs: CRS) -> HorizontalCrs:
    vertical, height_axis, vertical_code = None, None, ""
    if crs.is_compound:
        crs, vertical_part = crs.sub_crs_list[0], crs.sub_crs_list[1]
        vertical_code = _vertical_code(vertical_part)
        vertical = VerticalDatum.parse(vertical_code) if vertical_code else None
        height_axis = next(iter(vertical_part.axis_info), None)
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if len(crs.axis_info) == 3 and (crs.is_projected or crs.is_geographic):
        # A third axis counts from the ellipsoid; what is above a geoid has a vertical part of its own.
        vertical, height_axis = ELLIPSOIDAL, crs.axis_info[2]
        crs = crs.to_2d()
    if not (crs.is_projected or crs.is_geographic):
        raise CrsError(f"CRS {crs.name!r} is neither projected nor geographic; give a projected one such as EPSG:6677")
    axis = crs.axis_info[0]
    return HorizontalCrs(
        wkt=crs.to_wkt("WKT2_2019"),
        code=_registered_code(crs) or crs.name,
        unit=_unit_name(axis.unit_name),
        unit_m=float(axis.unit_conversion_factor),
        vertical=vertical,
        height_unit=_unit_name(height_axis.unit_name) if height_axis else "metre",
        height_unit_m=float(height_axis.unit_conversion_factor) if height_axis else 1.0,
        vertical_code=vertical_code,
    )


def require_metres(crs: HorizontalCrs, where: str) -> HorizontalCrs:
    """Return `crs` if its coordinates are metres, and its heights if it has some.

    Raises
    ------
    UnitError
        If they are feet or degrees; the message names `where` and the way out.
    """
    if crs.is_metric and crs.height_unit == "metre":
        return crs
    found = f"heights are in {crs.height_unit} ({crs.vertical})"
    if not crs.is_metric:
        found = f"coordinates are in {crs.unit} ({crs.code})"
    raise UnitError(f"{where}: {found}, not metres; give a projected CRS in metres, such as EPSG:6677")


def vertical_unit(vertical: VerticalDatum) -> tuple[float, str]:
    """Return the metres in one unit of heights above a datum, and the unit's name.

    Raises
    ------
    DatumError
        If the datum has a code that is no vertical system, or one that counts downwards.
    """
    if not vertical.name.startswith("EPSG:"):
        return 1.0, "metre"
    try:
        system = vertical_crs(int(vertical.name.removeprefix("EPSG:")))
    except CRSError:
        raise DatumError(f"{vertical.name} is not a vertical system that PROJ knows") from None
    if not system.is_vertical:
        raise DatumError(f"{vertical.name} is {system.name}, not a vertical system; heights need one such as TP")
    axis = system.axis_info[-1]
    if axis.direction != "up":
        raise DatumError(f"{vertical.name} counts {axis.direction}wards; heights must count up")
    return float(axis.unit_conversion_factor), _unit_name(axis.unit_name)


def require_metric_heights(vertical: VerticalDatum, where: str) -> VerticalDatum:
    """Return `vertical` if a store's heights can be above it: metres, counted up.

    Raises
    ------
    DatumError
        If it counts in feet or downwards, or is no vertical system; the message names `where`.
    """
    try:
        factor, unit = vertical_unit(vertical)
    except DatumError as error:
        raise DatumError(f"{where}: {error}") from None
    if abs(factor - 1.0) > 1e-9:
        raise DatumError(f"{where}: {vertical.name} counts in {unit}; a store needs the same datum's system in metres")
    return vertical


def vertical_crs(code: int, *, by_name: bool = False) -> CRS:
    """Return a vertical system by its EPSG code, also JGD2024 (vertical) height, which PROJ may not know.

    Parameters
    ----------
    code
        In the EPSG registry.
    by_name
        Whether one that readers may not know yet goes by its name, since they would drop an unknown code.

    Raises
    ------
    CRSError
        If there is none of that code.
    """
    if code == jgd2024.HEIGHT:
        return CRS.from_wkt(jgd2024.HEIGHT_WKT_BY_NAME if by_name else jgd2024.HEIGHT_WKT)
    return CRS.from_epsg(code)


@lru_cache(maxsize=16)
def to_wgs84(wkt: str) -> Transformer:
    """Return a transformer from (x, y) of a CRS to (longitude, latitude) of WGS 84, always in that order.

    For showing a place and for asking whether it lies where a CRS is used, which a metre does not change: unlike
    `twin.transforms.accurate_transformer` it takes the best way that is installed. For CRS of the datums in use
    (JGD2011, ETRS89, NAD83) that is within PROJ's stated 1 to 2 m, which is how far WGS 84 itself is defined.
    """
    return Transformer.from_crs(CRS.from_user_input(wkt), CRS.from_epsg(4326), always_xy=True)


def _registered_code(crs: CRS) -> str | None:
    """Return the authority code of a system that PROJ recognises, or that names a code and does what that code says.

    Old WKT rounds its parameters and leaves out axes, so PROJ is not certain; a code that the text itself names is then
    believed if both definitions unproject the same coordinates to the same place (1e-9 degrees are 0.1 mm).
    """
    authority = crs.to_authority(min_confidence=100)
    if authority is not None:
        return ":".join(authority)
    code = _named_code(crs)
    if not code or not crs.is_projected:
        return None
    try:
        registered = CRS.from_user_input(code)
    except CRSError:
        return None
    units = [system.axis_info[0].unit_conversion_factor for system in (registered, crs)]
    if not registered.is_projected or abs(units[0] - units[1]) > 1e-8:
        return None
    eastings, northings = (-50_000.0, 0.0, 300_000.0), (-40_000.0, 10_000.0, 500_000.0)
    places = [Proj(system)(eastings, northings, inverse=True) for system in (crs, registered)]
    same = all(abs(a - b) < 1e-9 for axis in zip(*places, strict=True) for a, b in zip(*axis, strict=True))
    return code if same else None


def _named_code(crs: CRS) -> str:
    named = crs.to_json_dict().get("id")
    return f"{named['authority']}:{named['code']}" if named else ""


def _vertical_code(crs: CRS) -> str:
    """Return ``EPSG:<code>`` of a vertical system that PROJ or our own table knows; empty if neither does."""
    authority = crs.to_authority(min_confidence=100)
    if authority:
        return ":".join(authority) if authority[0] == "EPSG" else ""
    ours = f"EPSG:{jgd2024.HEIGHT}"
    return ours if _named_code(crs) == ours or crs.name == jgd2024.HEIGHT_NAME else ""


def _unit_name(name: str) -> str:
    lowered = name.lower()
    if "degree" in lowered:
        return "degree"
    if lowered in {"metre", "meter"}:
        return "metre"
    return name


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:117] + "..."
