"""JGD2024 heights, in force in Japan since April 2025, which PROJ has known since its database of April 2026 only.

The codes are in a table, so that files and options may name them whatever PROJ is installed. Horizontally nothing
changed: JGD2024 has the datum and the codes of JGD2011 under a new name (EPSG:6668, EPSG:6669 and on).

References: EPSG dataset 12.055 (2026-04-21): 11317 JGD2024 (vertical) height, 11318 with EPSG:6668, 11319 and on with
the plane rectangular zones from I to XIII, 11336 with zone XIV.
"""

from __future__ import annotations

from typing import Final

__all__ = ["HEIGHT", "HEIGHT_NAME", "HEIGHT_WKT", "HEIGHT_WKT_BY_NAME", "compound_code", "horizontal_code"]

HEIGHT: Final = 11317
"""EPSG code of JGD2024 (vertical) height."""
HEIGHT_NAME: Final = "JGD2024 (vertical) height"
"""What it is called where a code cannot be kept."""
HEIGHT_WKT_BY_NAME: Final = (
    f'VERTCRS["{HEIGHT_NAME}",VDATUM["Japanese Geodetic Datum 2024 (vertical)"],CS[vertical,1],'
    'AXIS["gravity-related height (H)",up,LENGTHUNIT["metre",1]]]'
)
"""Its WKT2 without a code, for formats whose readers drop a system with a code that they do not know (GeoTIFF); and
without the epoch that anchors it (2024.415), which older PROJ does not read."""
HEIGHT_WKT: Final = HEIGHT_WKT_BY_NAME.removesuffix("]") + f',ID["EPSG",{HEIGHT}]]'
"""Its WKT2 with its code."""

_ZONE_1, _N_ZONES, _WITH_ZONE_1 = 6669, 13, 11319
_HORIZONTAL_OF: Final = {
    11318: 6668,
    **{_WITH_ZONE_1 + i: _ZONE_1 + i for i in range(_N_ZONES)},
    11336: 6682,
}
_COMPOUND_OF: Final = {flat: compound for compound, flat in _HORIZONTAL_OF.items()}


def horizontal_code(compound: int) -> int | None:
    """Return the EPSG code of the horizontal part of a compound system with JGD2024 heights, or None if it is none.

    Examples
    --------
    >>> horizontal_code(11327), horizontal_code(6697)
    (6677, None)
    """
    return _HORIZONTAL_OF.get(compound)


def compound_code(horizontal: int) -> int | None:
    """Return the EPSG code of a horizontal system with JGD2024 heights, or None if the registry has none.

    Examples
    --------
    >>> compound_code(6677), compound_code(28992)
    (11327, None)
    """
    return _COMPOUND_OF.get(horizontal)
