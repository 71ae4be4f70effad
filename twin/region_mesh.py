"""Japan's regional meshes (地域メッシュ, JIS X 0410) of the third level: about a square kilometre each, cut in degrees.

The first level is 40' of latitude by 1 degree; eight by eight of the second make it, and ten by ten of the third make
one of those: 30" by 45". A mesh owns its southern and western edge.

References
----------
JIS X 0410. What lies in several meshes: PLATEAU 3D都市モデル標準作業手順書, 5.4.1.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely import Polygon

from twin.bounds import Bounds

__all__ = ["RegionMesh", "mesh_at", "mesh_of", "parse_mesh"]

_ROWS_PER_DEGREE: Final = 120
_COLUMNS_PER_DEGREE: Final = 80
_WEST_DEG: Final = 100
_FIRST, _SECOND = 80, 10
"""Third-level meshes along one side of a mesh of the first and of the second level."""
_LIMIT = 100 * _FIRST
"""Two digits for the first level end at 66 degrees 40' north and 200 degrees east."""
_ON_EDGE = 1e-7
"""Share of a mesh within which a coordinate lies on its edge: 0.1 mm, what is lost in writing degrees."""
_AREA_DIGITS = 2
_GRS80_A_M, _GRS80_E2 = 6_378_137.0, 0.006694380022900788


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RegionMesh:
    """One third-level mesh; they sort as their codes do within a mesh of the first level."""

    row: int
    """Meshes between the equator and its southern edge."""
    column: int
    """Meshes between 100 degrees east and its western edge."""

    def __post_init__(self) -> None:
        if not (0 <= self.row < _LIMIT and 0 <= self.column < _LIMIT):
            raise ValueError("no regional mesh there: they cover 0 to 66.6 degrees north, 100 to 200 degrees east")

    @property
    def code(self) -> str:
        """Eight digits.

        Examples
        --------
        >>> mesh_at(139.7671, 35.6812).code
        '53394611'
        """
        (p, row), (u, column) = divmod(self.row, _FIRST), divmod(self.column, _FIRST)
        (q, r), (v, w) = divmod(row, _SECOND), divmod(column, _SECOND)
        return f"{p:02d}{u:02d}{q}{v}{r}{w}"

    @property
    def bounds(self) -> Bounds:
        """Degrees: x is the longitude, y the latitude."""
        return Bounds(
            xmin=_WEST_DEG + self.column / _COLUMNS_PER_DEGREE,
            ymin=self.row / _ROWS_PER_DEGREE,
            xmax=_WEST_DEG + (self.column + 1) / _COLUMNS_PER_DEGREE,
            ymax=(self.row + 1) / _ROWS_PER_DEGREE,
        )


def parse_mesh(code: str) -> RegionMesh | None:
    """Read a code of eight digits; None if it is none.

    Examples
    --------
    >>> parse_mesh("53394611").bounds
    Bounds(xmin=139.7625, ymin=35.675, xmax=139.775, ymax=35.68333333333333)
    >>> parse_mesh("53394811") is None
    True
    """
    match = re.fullmatch(r"(\d\d)(\d\d)([0-7])([0-7])(\d)(\d)", code)
    if match is None:
        return None
    p, u, q, v, r, w = map(int, match.groups())
    return RegionMesh(row=p * _FIRST + q * _SECOND + r, column=u * _FIRST + v * _SECOND + w)


def mesh_at(longitude: float, latitude: float) -> RegionMesh:
    """Return the mesh that a place lies in, degrees.

    Raises
    ------
    ValueError
        If there is none.
    """
    return RegionMesh(
        row=_count(latitude * _ROWS_PER_DEGREE), column=_count((longitude - _WEST_DEG) * _COLUMNS_PER_DEGREE)
    )


def mesh_of(outline: Polygon) -> RegionMesh:
    """Return the mesh whose file holds a building: that with the largest share of its outline, seen from above.

    Shares are compared in square metres rounded to two decimals, and of equal ones the lower code counts, as PLATEAU's
    working procedure has it.

    Parameters
    ----------
    outline
        Degrees: x is the longitude, y the latitude. A geographic system of Japan; JGD2011 and JGD2024 agree.

    Raises
    ------
    ValueError
        If it is empty, or lies where there are no meshes.
    """
    if outline.is_empty:
        raise ValueError("an empty outline lies in no mesh")
    west, south, east, north = outline.bounds
    first, last = mesh_at(west, south), mesh_at(east, north)
    if first == last:
        return first
    across = [
        RegionMesh(row=row, column=column)
        for row in range(first.row, last.row + 1)
        for column in range(first.column, last.column + 1)
    ]
    boxes = [shapely.box(*mesh.bounds) for mesh in across]
    degrees = shapely.area(shapely.intersection(np.array(boxes, dtype=object), outline))
    areas = np.round(degrees * _square_metres((south + north) / 2), _AREA_DIGITS)
    return min((mesh for mesh, area in zip(across, areas, strict=True) if area == areas.max()), key=lambda m: m.code)


def _count(meshes: float) -> int:
    """Whole meshes; a place a hair before an edge lies on it."""
    if not math.isfinite(meshes):
        raise ValueError("no place on the earth")
    nearest = round(meshes)
    return nearest if abs(meshes - nearest) < _ON_EDGE else math.floor(meshes)


def _square_metres(latitude: float) -> float:
    """Return the area of a square degree at a latitude on the ellipsoid."""
    phi = math.radians(latitude)
    sine = math.sin(phi)
    bend = 1.0 - _GRS80_E2 * sine * sine
    meridian = _GRS80_A_M * (1.0 - _GRS80_E2) / (bend * math.sqrt(bend))
    parallel = _GRS80_A_M * math.cos(phi) / math.sqrt(bend)
    return meridian * parallel * math.radians(1.0) * math.radians(1.0)
