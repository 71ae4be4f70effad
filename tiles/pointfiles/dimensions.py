"""Names that PDAL and EPT give to what LAS knows, and columns of LAS from arrays with such names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.pointfiles.records import as_attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from tiles.las_extra import ExtraColumn

__all__ = ["attribute_names", "attributes_of", "is_extra"]

_MEANING = {
    "Intensity": "intensity", "ReturnNumber": "return_number", "NumberOfReturns": "number_of_returns",
    "Classification": "classification", "ScanAngleRank": "scan_angle", "UserData": "user_data",
    "PointSourceId": "point_source_id", "GpsTime": "gps_time", "Red": "red", "Green": "green", "Blue": "blue",
    "Infrared": "nir",
}  # fmt: skip
_FLAGS = {"Synthetic": 1, "KeyPoint": 2, "Withheld": 4, "Overlap": 8, "ScanDirectionFlag": 64, "EdgeOfFlightLine": 128}
_CHANNEL = "ScanChannel"
_UNPACKED = {"X", "Y", "Z", _CHANNEL, "ClassFlags", *_MEANING, *_FLAGS}
"""Dimensions that are no extra columns; PDAL gives the class flags once packed and once each."""


def attribute_names(dimensions: Iterable[str]) -> set[str]:
    """Return the attributes that are among some dimensions."""
    return {_MEANING[name] for name in dimensions if name in _MEANING}


def is_extra(dimension: str) -> bool:
    """Whether LAS has no place of its own for a dimension."""
    return dimension not in _UNPACKED


def attributes_of(
    dimensions: Mapping[str, NDArray[Any]], extra: Iterable[ExtraColumn], where: str
) -> dict[str, NDArray[Any]]:
    """Return attributes, as `twin.points.ATTRIBUTES` types them, and extra columns.

    Parameters
    ----------
    dimensions
        Arrays of shape (n,), named as PDAL names them; scan angles in degrees.
    extra
        Columns to keep of those that LAS has no place for.
    where
        File and place, for messages.

    Raises
    ------
    FormatError
        If a value does not fit its attribute.
    """
    columns: dict[str, NDArray[Any]] = {
        _MEANING[name]: as_attribute(_MEANING[name], values.astype(np.float64), where)
        for name, values in dimensions.items()
        if name in _MEANING
    }
    flags = np.zeros(len(dimensions["X"]), np.uint8)
    for name, bit in _FLAGS.items():
        if name in dimensions:
            flags |= ((dimensions[name] != 0) * bit).astype(np.uint8)
    if _CHANNEL in dimensions:
        flags |= ((dimensions[_CHANNEL].astype(np.uint8) & 3) << 4).astype(np.uint8)
    columns["flags"] = flags
    for column in extra:
        named = [values for name, values in dimensions.items() if f"extra/{name[:32]}" == column.field]
        if named:
            columns[column.field] = named[0]
    return columns
