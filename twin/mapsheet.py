"""Map sheets of Japan's plane rectangular zones (国土基本図図郭): their names, and the ground that each covers.

A zone is cut into sheets of 40 km x 30 km named by two letters: rows ``A`` to ``T`` from 300 km north of the origin
southwards, columns ``A`` to ``H`` from 160 km west of it eastwards. Each is cut 10 x 10 (level 5000), and those
2 x 2 (level 2500), 5 x 5 (level 1000), 10 x 10 (level 500) or 20 x 20 (level 250); all count from the north-west.

References
----------
作業規程の準則 付録7 公共測量標準図式, article 84 (names and divisions); the values in the tests of PLATEAU's SDK
(Project-PLATEAU/libplateau, ``test_standard_map_grid.cpp``) agree with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from twin.bounds import Bounds

__all__ = ["LEVELS", "MapSheet", "SheetLevel", "parse_sheet", "sheet_at", "zone_of"]

SheetLevel = Literal[50000, 5000, 2500, 1000, 500, 250]
"""Denominator of the map's scale (地図情報レベル)."""

LEVELS: Final[dict[SheetLevel, tuple[int, int]]] = {
    50000: (40_000, 30_000),
    5000: (4_000, 3_000),
    2500: (2_000, 1_500),
    1000: (800, 600),
    500: (400, 300),
    250: (200, 150),
}
"""Level to width (west to east) and height (south to north) of a sheet in metres."""

_WEST_M, _NORTH_M = -160_000, 300_000
_COLUMNS, _ROWS = 8, 26
"""Letters in use. The rule's table ends at row ``T``, 300 km south of the origin; rows ``U`` to ``Z`` go on in the same
way, as is done for the islands of zone IX south of Miyakejima."""

_NAME = re.compile(
    r"(?<![0-9A-Z])(?P<zone>0[1-9]|1[0-9])(?P<row>[A-Z])(?P<column>[A-H])"
    r"(?:(?P<parent>[0-9]{2})(?P<child>[1-4]|[0-4][A-E]|[0-9]{2}|[A-T]{2})?)?(?![0-9A-Z])"
)
_FIRST_ZONES = (6669, 2443, 30161)
"""Zone I of JGD2011, of JGD2000 and of the old Tokyo datum; the zones II to XIX follow each (EPSG registry)."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class MapSheet:
    """One sheet: a zone, a level, and its place counted from the zone's north-western corner."""

    zone: int
    """Plane rectangular zone, 1 to 19."""
    level: SheetLevel
    row: int
    """Sheets of this level between it and the zone's northern edge."""
    column: int
    """Sheets of this level between it and the zone's western edge."""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"no map sheets of level {self.level}; there are {', '.join(map(str, LEVELS))}")
        split = _split(self.level)
        if not 1 <= self.zone <= 19:
            raise ValueError(f"no plane rectangular zone {self.zone}; there are 1 to 19")
        if not (0 <= self.row < _ROWS * split and 0 <= self.column < _COLUMNS * split):
            raise ValueError(f"zone {self.zone} has no sheet at row {self.row}, column {self.column} of {self.level}")

    @property
    def bounds(self) -> Bounds:
        """Ground that the sheet covers, in metres of its zone: x to the east, y to the north.

        Surveyors write X for the northing; here, as everywhere in this engine, x is the easting.
        """
        width, height = LEVELS[self.level]
        west, north = _WEST_M + self.column * width, _NORTH_M - self.row * height
        return Bounds(xmin=float(west), ymin=float(north - height), xmax=float(west + width), ymax=float(north))

    @property
    def name(self) -> str:
        """Name, such as ``09LD35`` or ``09LD3534``.

        Examples
        --------
        >>> sheet_at(9, -5_990.0, -35_360.0, 500).name
        '09LD1875'
        """
        split = _split(self.level)
        (row, down), (column, right) = divmod(self.row, split), divmod(self.column, split)
        name = f"{self.zone:02d}{_letter(row)}{_letter(column)}"
        if self.level == 50000:
            return name
        inner = split // 10
        (row, down), (column, right) = divmod(down, inner), divmod(right, inner)
        name += f"{row}{column}"
        match self.level:
            case 2500:
                return f"{name}{1 + 2 * down + right}"
            case 1000:
                return f"{name}{down}{_letter(right)}"
            case 500:
                return f"{name}{down}{right}"
            case 250:
                return f"{name}{_letter(down)}{_letter(right)}"
        return name

    @property
    def parent(self) -> MapSheet | None:
        """The sheet of level 5000 that it is cut from, or of level 50000; None for one of level 50000."""
        if self.level == 50000:
            return None
        level: SheetLevel = 50000 if self.level == 5000 else 5000
        times = _split(self.level) // _split(level)
        return MapSheet(zone=self.zone, level=level, row=self.row // times, column=self.column // times)


def parse_sheet(name: str) -> MapSheet | None:
    """Find the sheet that a name, or the name of a file, states.

    A file's name may go on after the sheet's: ``09ld3534_gr.laz``. The sheet's name must stand by itself, between signs
    that are neither letters nor digits; the short names of level 50000 count only at the very beginning, because four
    signs like ``12AB`` turn up anywhere.

    Parameters
    ----------
    name
        Any case; folders before it are ignored.

    Returns
    -------
    MapSheet or None
        None if no sheet is named, or if two different ones are.

    Examples
    --------
    >>> parse_sheet("09ld353_org.las").bounds
    Bounds(xmin=-20000.0, ymin=-42000.0, xmax=-18000.0, ymax=-40500.0)
    >>> parse_sheet("strip_12AB_0007.las") is None
    True
    """
    text = re.split(r"[\\/]", name)[-1].upper()
    found = {_sheet(match) for match in _NAME.finditer(text) if match["parent"] or match.start() == 0}
    return found.pop() if len(found) == 1 else None


def sheet_at(zone: int, x: float, y: float, level: SheetLevel) -> MapSheet:
    """Return the sheet that a point lies in; half-open to the east and north as all boxes here.

    Parameters
    ----------
    zone
        Plane rectangular zone, 1 to 19.
    x, y
        Easting and northing in metres of that zone.
    level
        Level of the sheet.

    Raises
    ------
    ValueError
        If there is no such zone or level, or the point lies beyond the letters.
    """
    if level not in LEVELS:
        raise ValueError(f"no map sheets of level {level}; there are {', '.join(map(str, LEVELS))}")
    width, height = LEVELS[level]
    column, row = int(x // width) - _WEST_M // width, _NORTH_M // height - 1 - int(y // height)
    return MapSheet(zone=zone, level=level, row=row, column=column)


def zone_of(crs_code: str) -> int | None:
    """Return the plane rectangular zone of a horizontal CRS by its code, or None.

    JGD2024 changed heights only: its plane coordinates are those of JGD2011.

    Examples
    --------
    >>> zone_of("EPSG:6677"), zone_of("EPSG:2451"), zone_of("EPSG:2154")
    (9, 9, None)
    """
    authority, _, number = crs_code.partition(":")
    if authority.upper() != "EPSG" or not number.isdecimal():
        return None
    return next((int(number) - first + 1 for first in _FIRST_ZONES if first <= int(number) < first + 19), None)


def _sheet(match: re.Match[str]) -> MapSheet:
    row, column = _number(match["row"]), _number(match["column"])
    level: SheetLevel = 50000
    if match["parent"]:
        row, column, level = row * 10 + int(match["parent"][0]), column * 10 + int(match["parent"][1]), 5000
    child = match["child"] or ""
    if len(child) == 1:
        down, right = divmod(int(child) - 1, 2)
        row, column, level = row * 2 + down, column * 2 + right, 2500
    elif child:
        level = 500 if child.isdecimal() else 250 if child.isalpha() else 1000
        times = 5000 // level
        row, column = row * times + _number(child[0]), column * times + _number(child[1])
    return MapSheet(zone=int(match["zone"]), level=level, row=row, column=column)


def _split(level: SheetLevel) -> int:
    """Return sheets of a level along one side of a sheet of level 50000."""
    return LEVELS[50000][0] // LEVELS[level][0]


def _letter(index: int) -> str:
    return chr(ord("A") + index)


def _number(sign: str) -> int:
    return int(sign) if sign.isdecimal() else ord(sign) - ord("A")
