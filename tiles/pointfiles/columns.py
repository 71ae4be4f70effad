"""What the columns of a text file mean: as the user says, or as the file's own heading does, never by guessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ColumnMap", "column_map", "names_in_heading"]

_SYNONYMS = {
    "x": ("x", "easting", "east", "lon", "long", "longitude", "経度"),
    "y": ("y", "northing", "north", "lat", "latitude", "緯度"),
    "z": ("z", "height", "elevation", "elev", "alt", "altitude", "h", "depth", "標高", "高さ"),
    "intensity": ("intensity", "i"),
    "classification": ("classification", "class"),
    "gps_time": ("gps_time", "gpstime", "time", "t"),
    "return_number": ("return_number", "return"),
    "number_of_returns": ("number_of_returns", "returns"),
    "point_source_id": ("point_source_id", "source", "strip"),
    "user_data": ("user_data",),
    "scan_angle": ("scan_angle", "angle"),
    "red": ("red", "r"),
    "green": ("green", "g"),
    "blue": ("blue", "b"),
    "nir": ("nir",),
}
_MEANING = {word: name for name, words in _SYNONYMS.items() for word in words}
_SKIPPED = ("", "_", "-")
_DEPTHS = ("depth", "水深")
_MOST_NAME_BYTES = 32
"""Bytes that LAS has for the name of an extra column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Which field of a line is what."""

    names: tuple[str, ...]
    """For each field x, y, z, a name of `twin.points.ATTRIBUTES`, ``extra/<name>``, or nothing for one to skip."""
    is_turned: tuple[bool, ...]
    """For each field, whether its sign is turned: a depth becomes a height."""

    @property
    def wanted(self) -> list[int]:
        """Numbers of the fields that are kept."""
        return [number for number, name in enumerate(self.names) if name]


def column_map(words: Sequence[str], where: str) -> ColumnMap:
    """Read names of columns, such as ``lon, lat, -depth, time``.

    Known words become attributes of LAS, unknown ones extra columns; an empty name, ``_`` or ``-`` skips a field; a
    minus before a name turns the sign.

    Raises
    ------
    FormatError
        If x, y or z is missing, or two columns are the same; the message begins with `where`.
    """
    names, turned = [], []
    for word in words:
        text = word.strip().strip('"').strip()
        is_turned = text.startswith("-") and text not in _SKIPPED
        text = text.removeprefix("-").strip() if is_turned else text
        names.append("" if text in _SKIPPED else _MEANING.get(text.lower(), f"extra/{text.removeprefix('extra/')}"))
        turned.append(is_turned)
    kept = [name for name in names if name]
    listed = ",".join(words)
    if missing := [axis for axis in "xyz" if axis not in kept]:
        raise FormatError(
            f"{where}: columns {listed!r} have no {' and no '.join(missing)}; name them with --columns, such as"
            " x,y,z,intensity or lon,lat,-depth"
        )
    if twice := sorted({name for name in kept if kept.count(name) > 1}):
        raise FormatError(f"{where}: columns {listed!r} name {twice[0].removeprefix('extra/')} twice")
    if long := [name for name in kept if len(name.removeprefix("extra/").encode()) > _MOST_NAME_BYTES]:
        raise FormatError(f"{where}: column name {long[0]!r} is longer than {_MOST_NAME_BYTES} bytes")
    return ColumnMap(names=tuple(names), is_turned=tuple(turned))


def names_in_heading(words: Sequence[str], where: str) -> ColumnMap | None:
    """Read a heading line; None if it does not name x, y and z.

    Raises
    ------
    FormatError
        If it speaks of a depth: whether that counts down or up only the user can say.
    """
    known = [_MEANING.get(word.strip().strip('"').strip().lower(), "") for word in words]
    if any(word.strip().strip('"').lower() in _DEPTHS for word in words) and {"x", "y"} <= set(known):
        raise FormatError(
            f"{where}: names a column depth; say with --columns whether it counts down ({_suggested(words, '-')}) or is"
            f" a height below zero already ({_suggested(words, '')})"
        )
    return column_map(words, where) if {"x", "y", "z"} <= set(known) else None


def _suggested(words: Sequence[str], sign: str) -> str:
    names = [word.strip().strip('"') for word in words]
    return ",".join(f"{sign}depth" if name.lower() in _DEPTHS else name for name in names)
