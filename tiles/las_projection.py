"""The coordinate system of a LAS file: as OGC WKT (LAS 1.4) or as GeoTIFF keys (before).

GeoTIFF keys are read by themselves, not through a GeoTIFF library: files in circulation hold truncated, duplicated and
contradictory ones, and a reader must say which, not guess.

References
----------
OGC 19-008r4, GeoTIFF 1.1 (keys 1024, 2048, 3072, 3076, 4096, 4099); ASPRS LAS 1.4 - R15, section 2.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pyproj import CRS
from pyproj.crs import CompoundCRS

from twin.crs import parse_crs, vertical_crs
from twin.errors import CrsError
from twin.vertical import epsg_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tiles.las_header import Vlr
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["PROJECTION_USER", "GeoKeysError", "crs_text", "crs_vlrs"]

PROJECTION_USER = "LASF_Projection"
_WKT, _KEYS, _DOUBLES, _ASCII = 2112, 34735, 34736, 34737
_MODEL, _GEOGRAPHIC, _PROJECTED, _PROJECTED_UNIT, _VERTICAL, _VERTICAL_UNIT = 1024, 2048, 3072, 3076, 4096, 4099
_USER_DEFINED = 32767
_UNIT_CODES = {9001: "metre", 9002: "foot", 9003: "US survey foot"}


class GeoKeysError(CrsError):
    """GeoTIFF keys name a system and another unit than the registry gives it; one of the two is right."""

    def __init__(self, message: str, code: str, unit: str) -> None:
        super().__init__(message, code, unit)
        self.code, self.unit = code, unit

    def __str__(self) -> str:
        """Return the message alone."""
        return str(self.args[0])


def crs_text(vlrs: list[Vlr], wkt_flag: bool) -> str | None:
    """Return what a file says of its CRS, as text that `twin.crs.parse_crs` reads; None if it says nothing.

    Parameters
    ----------
    vlrs
        All variable-length records of the file, extended ones too.
    wkt_flag
        Whether the header says that WKT is used; where both kinds of record stand, it decides.

    Raises
    ------
    CrsError
        If the records contradict the format or cannot be turned into a system with certainty.
    """
    wkt = _wkt(vlrs)
    keys = [vlr for vlr in vlrs if vlr.is_a(PROJECTION_USER, _KEYS)]
    if wkt and (wkt_flag or not keys):
        return wkt
    return _from_keys(vlrs, keys[0].data) if keys else None


def _wkt(vlrs: list[Vlr]) -> str | None:
    for vlr in vlrs:
        if vlr.is_a(PROJECTION_USER, _WKT):
            text = vlr.data.split(b"\0", 1)[0].decode("utf-8", errors="replace").strip()
            if text:
                return text
    return None


def _from_keys(vlrs: list[Vlr], directory: bytes) -> str | None:
    keys = _short_keys(directory)
    if not keys:
        return None
    model = keys.get(_MODEL)
    code = keys.get(_PROJECTED) if model != 2 else keys.get(_GEOGRAPHIC)
    if code is None and model is None:
        code = keys.get(_GEOGRAPHIC)
    if code is None or code in {0, _USER_DEFINED}:
        described = _described(vlrs)
        raise CrsError(f"GeoTIFF keys name no EPSG code{described}; give the CRS with --crs")
    _check_units(code, keys)
    vertical = keys.get(_VERTICAL, 0)
    # Codes 5001-5033 of GeoTIFF 1.0 are ellipsoids; everything else from the registry of vertical systems.
    named = 1 <= vertical < _USER_DEFINED and not 5001 <= vertical <= 5033
    return f"EPSG:{code}+{vertical}" if named else f"EPSG:{code}"


def _short_keys(directory: bytes) -> dict[int, int]:
    """Read keys whose value stands in the directory itself; the first entry of a key counts."""
    if len(directory) < 8:
        raise CrsError(
            f"GeoTIFF key directory has {len(directory)} bytes, at least 8 are needed; give the CRS with --crs"
        )
    version, _, _, n_keys = struct.unpack_from("<4H", directory)
    room = len(directory) // 8 - 1
    if version != 1 or n_keys > room:
        found = f"version {version}, {n_keys} keys where {room} fit"
        raise CrsError(f"GeoTIFF key directory is broken ({found}); give the CRS with --crs")
    keys: dict[int, int] = {}
    for entry in range(n_keys):
        key, location, count, value = struct.unpack_from("<4H", directory, 8 * (entry + 1))
        if location == 0 and count == 1:
            keys.setdefault(key, value)
    return keys


def _check_units(code: int, keys: Mapping[int, int]) -> None:
    """Refuse keys that give the system's axes another unit than the registry does."""
    stated = keys.get(_PROJECTED_UNIT)
    if stated is None or stated == _USER_DEFINED:
        return
    unit = _UNIT_CODES.get(stated, f"unit {stated}")
    actual = parse_crs(f"EPSG:{code}").unit
    if unit != actual:
        message = f"GeoTIFF keys say EPSG:{code} (in {actual}) and linear unit {unit}; give the right CRS with --crs"
        raise GeoKeysError(message, f"EPSG:{code}", unit)


def _described(vlrs: list[Vlr]) -> str:
    for vlr in vlrs:
        if vlr.is_a(PROJECTION_USER, _ASCII):
            text = " ".join(vlr.data.replace(b"\0", b" ").decode("ascii", errors="replace").split())
            return f" but say {text[:80]!r}" if text else ""
    return ""


def crs_vlrs(crs: HorizontalCrs, vertical: VerticalDatum | None, point_format: int) -> list[tuple[int, bytes]]:
    """Return (record id, content) of the records that state a CRS: WKT for formats 6-10, GeoTIFF keys before.

    A vertical datum without an EPSG code (A.P., an island's own zero) cannot be stated in a LAS file and is left out.

    Raises
    ------
    CrsError
        If an old format must name a CRS that has no EPSG code.
    """
    vertical_code = epsg_of(vertical)
    if point_format >= 6:
        system = CRS.from_user_input(crs.wkt)
        if vertical_code:
            part = vertical_crs(vertical_code)
            system = CompoundCRS(f"{system.name} + {part.name}", [system, part])
        text: str = system.to_wkt("WKT1_GDAL")
        return [(_WKT, text.encode() + b"\0")]
    if not crs.code.startswith("EPSG:"):
        raise CrsError(f"CRS {crs.code!r} has no EPSG code, which point format {point_format} needs; write format 6-8")
    code = int(crs.code.removeprefix("EPSG:"))
    keys = [(_MODEL, 2 if crs.is_geographic else 1), (_GEOGRAPHIC if crs.is_geographic else _PROJECTED, code)]
    if vertical_code:
        keys.append((_VERTICAL, vertical_code))
    entries = [(1, 1, 0, len(keys)), *((key, 0, 1, value) for key, value in keys)]
    return [(_KEYS, b"".join(struct.pack("<4H", *entry) for entry in entries))]
