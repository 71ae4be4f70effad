"""Where a file's points come to lie in a store: which conversion, and whether they land where its CRS is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from twin.crs import to_wgs84
from twin.errors import CrsError, DatumError
from twin.vertical import convert_height

if TYPE_CHECKING:
    from pipelines.ingest.gate import Examination
    from pipelines.ingest.shifts import Shift
    from tiles.pointfiles import PointHeader
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["Placement", "area_missed", "centre_of", "middle_of", "place", "same_crs", "stray_remark", "transformer_of"]


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
    shifts: tuple[Shift, ...] = ()
    """What strips of the file are moved by at the end, on request."""

    @property
    def changes_height(self) -> bool:
        """Whether heights differ between file and store."""
        return self.height_factor != 1.0 or self.height_shift_m != 0.0


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
    found = Placement(
        source_wkt=examined.crs.wkt,
        target_wkt=crs.wkt,
        height_factor=examined.height_factor,
        height_shift_m=shift,
    )
    try:
        transformer_of(found)
    except ProjError:
        raise CrsError(
            f"{name}: PROJ knows no accurate way from {examined.crs.code} to {crs.code}; convert the file first,"
            " or make a store for that place"
        ) from None
    return found


def transformer_of(placement: Placement) -> Transformer | None:
    """Return the way from the file's CRS to the store's, x before y; never an inaccurate one.

    Raises
    ------
    ProjError
        If there is none; `place` has refused such a file.
    """
    if not placement.source_wkt:
        return None
    return Transformer.from_crs(
        CRS.from_user_input(placement.source_wkt),
        CRS.from_user_input(placement.target_wkt),
        always_xy=True,
        allow_ballpark=False,
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


def middle_of(header: PointHeader) -> tuple[float, float]:
    """Return the middle of the box that a header states, in file units."""
    x, y = ((low + high) / 2 for low, high in zip(header.mins[:2], header.maxs[:2], strict=True))
    return x, y


def centre_of(header: PointHeader, placement: Placement) -> tuple[float, float]:
    """Return the middle of the box that a header states, in the store's CRS; not finite if it cannot be converted."""
    x, y = middle_of(header)
    transformer = transformer_of(placement)
    if transformer is not None:
        x, y = transformer.transform(x, y)
    return float(x), float(y)


def area_missed(crs: HorizontalCrs, x: float, y: float) -> str:
    """Return the area where a CRS is used if (x, y) lies more than a degree outside it; empty if not, or unknown."""
    area = CRS.from_user_input(crs.code if crs.code.startswith("EPSG:") else crs.wkt).area_of_use
    if area is None or not (np.isfinite(x) and np.isfinite(y)):
        return ""
    longitude, latitude = to_wgs84(crs.wkt).transform(x, y)
    is_inside = area.west - 1 <= longitude <= area.east + 1 and area.south - 1 <= latitude <= area.north + 1
    return "" if is_inside else str(area.name)


def stray_remark(header: PointHeader, placement: Placement, crs: HorizontalCrs) -> str | None:
    """Return a remark on a file that conversion puts where the store's CRS is not used; distances are wrong there."""
    if not placement.source_wkt:
        return None
    x, y = centre_of(header, placement)
    area = area_missed(crs, x, y)
    if not area:
        return None
    return (
        f"{header.path.name}: converted to {crs.code} it lies at ({x:.3f}, {y:.3f}), outside the area where that is"
        f" used ({area}); does it belong into this store?"
    )
