"""The name of a reference system in CityJSON: one URI for place and height together, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.jgd2024 import compound_code

if TYPE_CHECKING:
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["COMPOUND", "reference_system"]

_PLANE_RECTANGULAR_1, _ZONES_WITH_HEIGHT = 6669, 13

COMPOUND: dict[tuple[str, str], int] = {
    **{(f"EPSG:{_PLANE_RECTANGULAR_1 + i}", "TP"): 10162 + i for i in range(_ZONES_WITH_HEIGHT)},
    ("EPSG:6668", "TP"): 6697,
    ("EPSG:28992", "EPSG:5709"): 7415,
    ("EPSG:2154", "EPSG:5720"): 5698,
    ("EPSG:5490", "EPSG:5756"): 10633,
    ("EPSG:25832", "EPSG:5783"): 5555,
    ("EPSG:27700", "EPSG:5701"): 7405,
}
"""EPSG code of the compound system of a horizontal CRS and a vertical datum; T.P. is JGD2011 (vertical) height."""


def reference_system(crs: HorizontalCrs, vertical: VerticalDatum) -> str | None:
    """Return the URI of a CRS with heights, of the horizontal CRS alone, or None if it has no EPSG code.

    Examples
    --------
    >>> from twin.crs import parse_crs
    >>> from twin.vertical import TP, AP
    >>> reference_system(parse_crs("EPSG:6677"), TP)
    'https://www.opengis.net/def/crs/EPSG/0/10170'
    >>> reference_system(parse_crs("EPSG:6677"), AP)
    'https://www.opengis.net/def/crs/EPSG/0/6677'
    >>> from twin.vertical import VerticalDatum
    >>> reference_system(parse_crs("EPSG:6677"), VerticalDatum("TP", "JGD2024"))
    'https://www.opengis.net/def/crs/EPSG/0/11327'
    """
    authority, _, code = crs.code.partition(":")
    if authority != "EPSG":
        return None
    newer = compound_code(int(code)) if (vertical.name, vertical.epoch) == ("TP", "JGD2024") else None
    return f"https://www.opengis.net/def/crs/EPSG/0/{newer or COMPOUND.get((crs.code, vertical.name), code)}"
