"""Where a file's points come to lie in a store: which conversion, and whether they land where its CRS is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS

from pipelines.ingest.geoids import HeightStep, is_covered, rise_at
from pipelines.ingest.heights import Conversions, height_way
from twin.crs import parse_crs, to_wgs84
from twin.errors import CrsError, DatumError
from twin.transforms import accurate_transformer, known_geoid_grids
from twin.vertical import ELLIPSOIDAL, VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyproj import Transformer

    from pipelines.ingest.gate import Examination
    from pipelines.ingest.heights import HeightWay
    from pipelines.ingest.refraction import Refraction
    from pipelines.ingest.shifts import Shift
    from tiles.pointfiles import PointHeader
    from twin.crs import HorizontalCrs

__all__ = [
    "Placement",
    "area_missed",
    "centre_of",
    "heights_of",
    "middle_of",
    "place",
    "same_crs",
    "stray_remark",
    "transformer_of",
]

_NOWHERE = (-np.inf, -np.inf, np.inf, np.inf)
_EARTH_M, _EARTH_FLATTENING = 6_378_137.0, 1 / 298.257
"""Half axis and flattening of GRS 80 and WGS 84 (0.1 mm apart at the poles), above which geoids are given."""
_EPOCH_OF_CODE = {"EPSG:6695": "JGD2011"}
"""What a file that names this code says of its geoid, if nobody says otherwise: it is JGD2011 (vertical) height."""
_SAMPLES = 5
"""Places along each side of a file's box that are looked up in the grids before a point is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How coordinates of a file become coordinates of the store."""

    source_wkt: str = ""
    """CRS to reproject from; empty if the file is in the store's CRS."""
    target_wkt: str = ""
    box: tuple[float, float, float, float] = _NOWHERE
    """xmin, ymin, xmax, ymax of the file, in its own CRS: where the way between the two CRS has to be a good one."""
    accept_m: float = 0.0
    """See `twin.transforms.accurate_transformer`."""
    height_factor: float = 1.0
    """Metres in the file's unit of height; negative for depths, which count down."""
    height_shift_m: float = 0.0
    """Metres to add after that, from the file's datum to the store's."""
    height_steps: tuple[HeightStep, ...] = ()
    """Grids to apply after that."""
    store_wkt: str = ""
    """The store's CRS, if there are grids: they are looked up where a point comes to lie."""
    datums: tuple[str, str] = ("", "")
    """What heights are above in the file and in the store, if they are converted."""
    shifts: tuple[Shift, ...] = ()
    """What strips of the file are moved by at the end, on request."""
    refraction: Refraction | None = None
    """How the bending of light in water is undone, where the file is declared uncorrected."""

    @property
    def changes_height(self) -> bool:
        """Whether heights differ between file and store."""
        return self.height_factor != 1.0 or self.height_shift_m != 0.0 or bool(self.height_steps)


def place(
    examined: Examination,
    crs: HorizontalCrs,
    vertical: VerticalDatum,
    convert: bool,
    means: Conversions | None = None,
) -> Placement:
    """Say how an accepted file comes into a store with this CRS and datum.

    Parameters
    ----------
    examined
        What is known of the file.
    crs, vertical
        The store's.
    convert
        Whether conversion was asked for; grids that are given ask for that of heights.
    means
        Grids and tables of offsets; the tables in ``config/datums`` if None.

    Raises
    ------
    CrsError
        If the file is in another CRS and conversion was not asked for, or PROJ knows no accurate way.
    DatumError
        If heights are above another datum, and no offset between the two is on record and no grid leads there; or the
        grids do not reach the file.
    """
    if examined.header is None or examined.crs is None or examined.vertical is None:
        return Placement()
    name, means = examined.header.path.name, means or Conversions()
    same = same_crs(examined.crs, crs)
    if not same and not convert:
        raise CrsError(f"{name}: in {examined.crs.code}, the store is in {crs.code}; convert on request with --convert")
    epoch = examined.vertical.epoch or _EPOCH_OF_CODE.get(examined.crs.vertical_code, "")
    above = VerticalDatum(examined.vertical.name, epoch)
    stated = f"heights above {above}, the store's above {vertical}"
    try:
        way = height_way(above, vertical, means)
    except DatumError as error:
        raise DatumError(f"{name}: {stated}: {error}{_hint(examined.crs, above, vertical)}") from None
    if way.shift_m and not (convert or way.steps):
        raise DatumError(f"{name}: {stated}; convert on request with --convert")
    _require_known_ellipsoid(name, examined, vertical, crs, way)
    low, high = examined.header.mins, examined.header.maxs
    found = Placement(
        source_wkt="" if same else examined.crs.wkt,
        target_wkt="" if same else crs.wkt,
        box=_NOWHERE if same else (low[0], low[1], high[0], high[1]),
        accept_m=0.0 if same else means.accept_m,
        height_factor=examined.height_factor,
        height_shift_m=way.shift_m,
        height_steps=way.steps,
        store_wkt=crs.wkt if way.steps else "",
        datums=(str(above), str(vertical)) if way.steps or way.shift_m else ("", ""),
    )
    try:
        transformer_of(found)
    except CrsError as error:
        raise CrsError(
            f"{name}: {error}; or make a store for that place, or take the less accurate way with"
            " --set ingest.accept_m=METRES"
        ) from None
    if way.steps:
        _require_cover(name, found, (low[0], low[1], high[0], high[1]))
    return found


def transformer_of(placement: Placement) -> Transformer | None:
    """Return the way from the file's CRS to the store's, x before y; never an inaccurate one.

    Raises
    ------
    CrsError
        If there is none; `place` has refused such a file.
    """
    if not placement.source_wkt:
        return None
    source, target = parse_crs(placement.source_wkt), parse_crs(placement.target_wkt)
    return accurate_transformer(source, target, placement.box, accept_m=placement.accept_m)


def heights_of(placement: Placement, xyz: Sequence[NDArray[np.float64]], name: str) -> NDArray[np.float64]:
    """Return heights above the store's datum.

    Parameters
    ----------
    placement
        How the file comes into the store.
    xyz
        x and y in the store's CRS, z as the file has it; shapes (n,).
    name
        Of the file, for messages.

    Raises
    ------
    DatumError
        If a grid has no value at a point.

    Notes
    -----
    Grids cost about 1 s for a million points, nearly all of it for longitude and latitude.
    """
    x, y, z = xyz
    if not placement.changes_height:
        return z
    z = z * placement.height_factor + placement.height_shift_m
    if not placement.height_steps:
        return z
    longitude, latitude = to_wgs84(placement.store_wkt).transform(x, y)
    return z + rise_at(placement.height_steps, longitude, latitude, name)


def _hint(crs: HorizontalCrs, first: VerticalDatum, second: VerticalDatum) -> str:
    """Return the names of grids between the ellipsoid and a datum of the registry, as PROJ distributes them."""
    codes = [datum.name.removeprefix("EPSG:") for datum in (first, second) if datum.name.startswith("EPSG:")]
    if ELLIPSOIDAL.name not in (first.name, second.name) or len(codes) != 1:
        return ""
    names = known_geoid_grids(crs, int(codes[0]))
    return f"; such as {' or '.join(names)} from https://cdn.proj.org" if names else ""


def _require_known_ellipsoid(
    name: str, examined: Examination, vertical: VerticalDatum, crs: HorizontalCrs, way: HeightWay
) -> None:
    """Refuse heights above an ellipsoid that the grids are not made for, such as Bessel's under Tokyo Datum."""
    if not way.steps or examined.crs is None or examined.vertical is None:
        return
    for datum, system in ((examined.vertical, examined.crs), (vertical, crs)):
        ellipsoid = CRS.from_user_input(system.wkt).ellipsoid
        if datum.name != ELLIPSOIDAL.name or ellipsoid is None:
            continue
        flattening = 1 / ellipsoid.inverse_flattening if ellipsoid.inverse_flattening else 0.0
        if abs(ellipsoid.semi_major_metre - _EARTH_M) > 0.5 or abs(flattening - _EARTH_FLATTENING) > 1e-8:
            raise DatumError(
                f"{name}: heights above the ellipsoid of {system.code} ({ellipsoid.name}), geoids are above GRS 80;"
                " convert the file to JGD2011 with its heights first"
            )


def _require_cover(name: str, placement: Placement, box: tuple[float, float, float, float]) -> None:
    """Refuse a file that lies outside the grids altogether before it is read; single points are looked at later."""
    if not np.isfinite(box).all():
        return
    x, y = (
        part.ravel()
        for part in np.meshgrid(np.linspace(box[0], box[2], _SAMPLES), np.linspace(box[1], box[3], _SAMPLES))
    )
    transformer = transformer_of(placement)
    if transformer is not None:
        x, y = transformer.transform(x, y)
    longitude, latitude = to_wgs84(placement.store_wkt).transform(x, y)
    if not is_covered(placement.height_steps, longitude, latitude).any():
        rise_at(placement.height_steps, longitude, latitude, name)


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
