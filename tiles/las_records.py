"""Point records of LAS 1.0 to 1.4: raw bytes to columns and back, for point formats 0 to 10.

Two families exist. Formats 0-5 pack returns in three bits, the class in five and the scan angle in whole degrees;
formats 6-10 give each more room. Columns follow the newer family (`twin.points.ATTRIBUTES`), so nothing is lost on the
way in, and writing an older format refuses what it cannot hold. Waveform packets (formats 4, 5, 9, 10) are not kept.

References
----------
ASPRS, LAS Specification 1.4 - R15, 2019, tables 7 to 19.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.errors import FormatError
from twin.points import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = [
    "POINT_FORMATS",
    "SCAN_ANGLE_UNIT_DEG",
    "classes_of",
    "has_waveform",
    "pack",
    "record_dtype",
    "return_bits",
    "unpack",
    "withheld_of",
]

SCAN_ANGLE_UNIT_DEG = 0.006
"""Unit of the scan angle in formats 6 to 10; older ones count whole degrees."""

_START = [("X", "<i4"), ("Y", "<i4"), ("Z", "<i4"), ("intensity", "<u2"), ("returns", "u1")]
_LEGACY = [*_START, ("class_bits", "u1"), ("scan_angle", "i1"), ("user_data", "u1"), ("point_source_id", "<u2")]
_MODERN = [
    *_START,
    ("flags", "u1"),
    ("classification", "u1"),
    ("user_data", "u1"),
    ("scan_angle", "<i2"),
    ("point_source_id", "<u2"),
    ("gps_time", "<f8"),
]
_TIME = [("gps_time", "<f8")]
_COLOUR = [("red", "<u2"), ("green", "<u2"), ("blue", "<u2")]
_NIR = [("nir", "<u2")]
_WAVE = [("waveform", "V29")]

POINT_FORMATS: dict[int, list[tuple[str, str]]] = {
    0: _LEGACY,
    1: _LEGACY + _TIME,
    2: _LEGACY + _COLOUR,
    3: _LEGACY + _TIME + _COLOUR,
    4: _LEGACY + _TIME + _WAVE,
    5: _LEGACY + _TIME + _COLOUR + _WAVE,
    6: _MODERN,
    7: _MODERN + _COLOUR,
    8: _MODERN + _COLOUR + _NIR,
    9: _MODERN + _WAVE,
    10: _MODERN + _COLOUR + _NIR + _WAVE,
}

_SAME_IN_BOTH = ("intensity", "user_data", "point_source_id", "gps_time", "red", "green", "blue", "nir")
_LEGACY_DIRECTION, _LEGACY_EDGE = 0x40, 0x80
_LEGACY_CLASS, _LEGACY_RETURNS = 31, 7
_WITHHELD, _LEGACY_WITHHELD = 0x04, 0x80


@cache
def record_dtype(point_format: int, extra: tuple[tuple[str, str], ...] = ()) -> np.dtype[Any]:
    """Return the packed layout of one record; `extra` lists (name, NumPy type) of the bytes after the format's own.

    Examples
    --------
    >>> record_dtype(6).itemsize, record_dtype(3).itemsize
    (30, 34)
    """
    return np.dtype(POINT_FORMATS[point_format] + list(extra))


def has_waveform(point_format: int) -> bool:
    """Whether a format's records point to waveform packets."""
    return point_format in {4, 5, 9, 10}


def classes_of(records: NDArray[Any], point_format: int) -> NDArray[np.uint8]:
    """Return each record's class code, shape (n,)."""
    if point_format >= 6:
        return np.ascontiguousarray(records["classification"])
    return np.ascontiguousarray(records["class_bits"]) & np.uint8(_LEGACY_CLASS)


def withheld_of(records: NDArray[Any], point_format: int) -> NDArray[np.bool_]:
    """Return whether each record's producer withdrew it, shape (n,)."""
    field, bit = ("flags", _WITHHELD) if point_format >= 6 else ("class_bits", _LEGACY_WITHHELD)
    return np.asarray(records[field] & bit != 0)


def return_bits(point_format: int) -> int:
    """Return how many low bits of ``returns`` hold the return number; the number of returns has as many above them."""
    return 4 if point_format >= 6 else 3


def unpack(records: NDArray[Any], point_format: int) -> dict[str, NDArray[Any]]:
    """Split records into attribute columns (without X, Y, Z and extra bytes).

    Parameters
    ----------
    records
        Shape (n,), of a layout whose own fields are those of `record_dtype`.
    point_format
        0 to 10.

    Returns
    -------
    dict
        Columns of shape (n,) named and typed as in `twin.points.ATTRIBUTES`.
    """
    names = records.dtype.names or ()
    columns: dict[str, NDArray[Any]] = {
        name: np.ascontiguousarray(records[name]) for name in _SAME_IN_BOTH if name in names
    }
    returns = np.ascontiguousarray(records["returns"])
    columns["classification"] = classes_of(records, point_format)
    if point_format >= 6:
        columns["return_number"], columns["number_of_returns"] = returns & 15, returns >> 4
        for name in ("flags", "scan_angle"):
            columns[name] = np.ascontiguousarray(records[name])
    else:
        columns["return_number"], columns["number_of_returns"] = returns & 7, (returns >> 3) & 7
        bits = np.ascontiguousarray(records["class_bits"])
        columns["flags"] = (bits >> 5) | (returns & (_LEGACY_DIRECTION | _LEGACY_EDGE))
        degrees = np.ascontiguousarray(records["scan_angle"])
        columns["scan_angle"] = np.rint(degrees / SCAN_ANGLE_UNIT_DEG).astype(np.int16)
    return {name: columns[name] for name in ATTRIBUTES if name in columns}


def pack(
    counts: Mapping[str, NDArray[np.int32]],
    attributes: Mapping[str, NDArray[Any]],
    point_format: int,
    extra: tuple[tuple[str, str], ...] = (),
) -> NDArray[Any]:
    """Join columns into records; an attribute that is not given is zero.

    Parameters
    ----------
    counts
        X, Y, Z in counts of the file's scale, shape (n,).
    attributes
        Columns named as in `twin.points.ATTRIBUTES`, and ``extra/<name>``.
    point_format
        0 to 3 or 6 to 8.
    extra
        Names and types of the extra bytes to write.

    Raises
    ------
    FormatError
        If a value does not fit the format: a class above 31, more than 7 returns, a scanner channel in an old format.
    """
    n_points = len(counts["X"])
    records = np.zeros(n_points, record_dtype(point_format, extra))
    for axis in "XYZ":
        records[axis] = counts[axis]
    names = records.dtype.names or ()
    for name in _SAME_IN_BOTH:
        if name in names and name in attributes:
            records[name] = attributes[name]
    zeros = np.zeros(n_points, np.uint8)
    number, total = attributes.get("return_number", zeros), attributes.get("number_of_returns", zeros)
    class_code, flags = attributes.get("classification", zeros), attributes.get("flags", zeros)
    angle = attributes.get("scan_angle", np.zeros(n_points, np.int16))
    if point_format >= 6:
        _require_at_most(15, point_format, return_number=number, number_of_returns=total)
        records["returns"] = number | (total << 4)
        records["classification"], records["flags"], records["scan_angle"] = class_code, flags, angle
    else:
        _require_at_most(7, point_format, return_number=number, number_of_returns=total)
        _require_at_most(_LEGACY_CLASS, point_format, classification=class_code)
        _require_at_most(0, point_format, overlap_flag_or_scanner_channel=flags & 0x38)
        records["returns"] = number | (total << 3) | (flags & (_LEGACY_DIRECTION | _LEGACY_EDGE))
        records["class_bits"] = class_code | ((flags & 7) << 5)
        degrees = np.rint(angle * SCAN_ANGLE_UNIT_DEG)
        records["scan_angle"] = np.clip(degrees, -128, 127).astype(np.int8)
    for name, _ in extra:
        records[name] = attributes[name]
    return records


def _require_at_most(limit: int, point_format: int, **columns: NDArray[Any]) -> None:
    for name, column in columns.items():
        if column.size and int(column.max()) > limit:
            raise FormatError(
                f"{name} {int(column.max())} does not fit point format {point_format} (at most {limit});"
                " write point format 6, 7 or 8"
            )
