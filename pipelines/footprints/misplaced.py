"""Why a whole delivery of outlines lies elsewhere than the survey: swapped axes, another zone, degrees."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from twin.bounds import Bounds
    from twin.crs import HorizontalCrs

__all__ = ["why_elsewhere"]

_LEAST_SHARE = 0.1

_CODES = (
    *range(6669, 6688), *range(2443, 2462), 6668, 4326, 3857, 28992, 2154, 31370, 27700, 2056, 3067, 3006, 25829, 25830,
    25831, 25832, 25833, 25834, 25835,
)  # fmt: skip
"""Systems that cities deliver outlines in: Japan's nineteen zones of JGD2011 and JGD2000, degrees, the web's, and the
plane systems of European countries. Zones of UTM come with the place of the survey."""


def why_elsewhere(raw: NDArray[np.float64], survey: Bounds, crs: HorizontalCrs) -> str:
    """Guess what would bring outlines over the survey.

    Parameters
    ----------
    raw
        One coordinate pair of each outline as the file has it, whatever its CRS is said to be, shape (n, 2).
    survey
        Box of the points, in `crs`.
    crs
        Of the store.

    Returns
    -------
    str
        What to do, as the end of a sentence; empty if no guess brings a tenth of the outlines over the survey.

    Notes
    -----
    About 0.3 s: of sixty systems those that are meant for the place, both orders of the axes.
    """
    target = CRS.from_wkt(crs.wkt)
    for swapped in (False, True):
        pairs = raw[:, ::-1] if swapped else raw
        for code, xy in chain([(crs.code, pairs)], _moved(pairs, survey, target)):
            if _share_within(xy, survey) >= _LEAST_SHARE:
                told = " with the two coordinates of each point swapped" if swapped else ""
                return f"they would lie in it as {code}{told}: {_advice(code, swapped=swapped)}"
    return ""


def _moved(pairs: NDArray[np.float64], survey: Bounds, target: CRS) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the pairs as each known system that is meant for the survey's place would have them, in the store's CRS."""
    for code in _codes(survey, target):
        try:
            moved = _transformer(code, target.to_wkt()).transform(pairs[:, 0], pairs[:, 1])
        except ProjError:
            continue
        yield f"EPSG:{code}", np.column_stack(moved)


@lru_cache(maxsize=128)
def _transformer(code: int, target: str) -> Transformer:
    return Transformer.from_crs(CRS.from_epsg(code), CRS.from_wkt(target), always_xy=True)


def _advice(code: str, *, swapped: bool) -> str:
    if swapped:
        return f"write the easting or longitude first and state {code} in the file"
    return f"state {code} in the file (ogr2ogr -a_srs {code})"


def _share_within(xy: NDArray[np.float64], survey: Bounds) -> float:
    with np.errstate(invalid="ignore"):
        return float(np.mean(survey.contains(xy[:, 0], xy[:, 1]))) if len(xy) else 0.0


def _codes(survey: Bounds, target: CRS) -> Iterator[int]:
    """Yield codes of systems whose area holds the survey, those of UTM's zone there last."""
    geodetic = target.geodetic_crs
    if geodetic is None:
        return
    x, y = survey.center
    longitude, latitude = Transformer.from_crs(target, geodetic, always_xy=True).transform(x, y)
    if not (np.isfinite(longitude) and np.isfinite(latitude)):
        return
    zone = int((longitude + 180.0) // 6.0) % 60 + 1
    for code in (*_CODES, (32600 if latitude >= 0 else 32700) + zone):
        area = CRS.from_epsg(code).area_of_use
        if area and area.west <= longitude <= area.east and area.south <= latitude <= area.north:
            yield code
