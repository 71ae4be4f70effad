"""From a file's reference system to the one that is wanted, and back: axes, datums, and a grid of 0.1 mm."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS
from pyproj.exceptions import ProjError

from twin.crs import HorizontalCrs, parse_crs, require_metres
from twin.errors import CrsError, DatumError, FormatError
from twin.transforms import accurate_transformer
from twin.vertical import VerticalDatum, convert_height

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyproj import Transformer

    from tiles.citygml.scan import Header

__all__ = ["Frame", "frame_of", "north_first"]

_CODES = re.compile(r"EPSG[:/]+(?:[0-9.]*[:/]+)?(\d+)", re.IGNORECASE)
_ACCEPT_M = 0.5
"""As for outlines in other files: what is drawn at 1:2500 bears half a metre where a better grid is missing."""
_DECIMALS = 4
"""Metres: solids live on a grid of 0.1 mm."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """How a file's coordinates become metres of the CRS asked for."""

    crs: HorizontalCrs
    """Of the coordinates that come out."""
    vertical: VerticalDatum | None
    """Datum of the heights that come out; None if the file names none."""
    source: str
    """What the file names, such as ``EPSG:6697``."""
    swapped: bool
    """Whether the file counts northwards first."""
    transformer: Transformer | None
    """From x, y of the file's system; None if it is the one asked for."""
    shift_m: float
    """Metres to add to heights."""

    def metres(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert points, shape (n, 3) in the order of the file's axes, to x, y, z in metres on a grid of 0.1 mm.

        Raises
        ------
        FormatError
            If they lie where the file's reference system is not defined.
        """
        first, second = points[:, 0], points[:, 1]
        x, y = (second, first) if self.swapped else (first, second)
        if self.transformer is not None:
            try:
                x, y = self.transformer.transform(x, y, errcheck=True)
            except ProjError as error:
                raise FormatError(f"coordinates are none of {self.source} ({error})") from None
        moved = np.column_stack([x, y, points[:, 2] + self.shift_m])
        if not np.isfinite(moved).all():
            raise FormatError(f"coordinates are none of {self.source}")
        rounded: NDArray[np.float64] = np.round(moved, _DECIMALS)
        return rounded


def frame_of(
    header: Header, crs: HorizontalCrs | None, vertical: VerticalDatum | None, where: str, srs_name: str = ""
) -> Frame:
    """Tell how a file's coordinates become what is asked for.

    Parameters
    ----------
    header
        Of the file.
    crs
        CRS wanted, metres; None keeps the file's own, which must count metres then.
    vertical
        Datum wanted; None keeps the file's own.
    where
        File, for messages.
    srs_name
        Reference system of the first geometry, for a file whose envelope names none.

    Raises
    ------
    CrsError
        If the file names no reference system, PROJ does not know it, or knows no accurate way.
    DatumError
        If a datum is asked for and the file's heights cannot be brought there.
    """
    written = header.srs_name or srs_name
    codes = _CODES.findall(written)
    if not codes:
        said = f"its reference system {written!r} is no EPSG code" if written else "it names no reference system"
        raise CrsError(f"{where}: {said}; a CityGML file needs one, such as http://www.opengis.net/def/crs/EPSG/0/6697")
    name = "EPSG:" + "+".join(codes[:2])
    source = parse_crs(name)
    target = require_metres(crs or source, where)
    # A code that stands alone means x before y, as old software wrote it; a URI or URN means the register's axes.
    swapped = north_first(source) and (source.is_geographic or not written.strip().upper().startswith("EPSG:"))
    same = crs is None or crs.wkt == source.wkt
    return Frame(
        crs=target,
        vertical=source.vertical if vertical is None else vertical,
        source=name,
        swapped=swapped,
        transformer=None if same else _way(source, target, header, swapped),
        shift_m=_shift(source.vertical, vertical, where),
    )


def north_first(crs: HorizontalCrs) -> bool:
    """Whether the register has the northing or latitude as the first axis.

    Examples
    --------
    >>> north_first(parse_crs("EPSG:6697")), north_first(parse_crs("EPSG:6677")), north_first(parse_crs("EPSG:28992"))
    (True, True, False)
    """
    return bool(CRS.from_user_input(crs.wkt).axis_info[0].direction.lower() == "north")


def _way(source: HorizontalCrs, target: HorizontalCrs, header: Header, swapped: bool) -> Transformer:
    corners: Sequence[float] = (*header.lower[:2], *header.upper[:2])
    if len(corners) != 4 or not np.isfinite(corners).all():
        corners = (-180.0, -90.0, 180.0, 90.0) if source.is_geographic else (0.0, 0.0, 0.0, 0.0)
    elif swapped:
        corners = (corners[1], corners[0], corners[3], corners[2])
    return accurate_transformer(source, target, (corners[0], corners[1], corners[2], corners[3]), accept_m=_ACCEPT_M)


def _shift(found: VerticalDatum | None, wanted: VerticalDatum | None, where: str) -> float:
    if wanted is None or found == wanted:
        return 0.0
    if found is None:
        raise DatumError(f"{where}: its reference system says nothing of heights, and {wanted} is asked for")
    try:
        return float(convert_height(0.0, found, wanted))
    except DatumError as error:
        raise DatumError(f"{where}: {error}") from None
