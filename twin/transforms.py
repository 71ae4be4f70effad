"""From one horizontal CRS to another: by the best way that PROJ knows, or not at all.

PROJ prefers an answer to an error: where a grid is missing it takes the next best way, in the end none at all (Tokyo
Datum taken for JGD2011 is 450 m off), and says so in a warning at most. Points and outlines are never moved like that.
Showing a place on a map is another thing: see `twin.crs.to_wgs84`.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS, Transformer
from pyproj.crs import CompoundCRS
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import AreaOfInterest, TransformerGroup

from twin.crs import to_wgs84, vertical_crs
from twin.errors import CrsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.crs import HorizontalCrs

__all__ = ["accurate_transformer", "known_geoid_grids"]

_SAME_M = 0.005
"""Ways whose stated accuracies differ by less are equally good: PROJ's database gives them in centimetres."""
_MARGIN_DEG = 0.01
"""A kilometre around the box, so that one of a single point has an area."""
Box = tuple[float, float, float, float]


def accurate_transformer(
    source: HorizontalCrs, target: HorizontalCrs, box: Box, *, accept_m: float = 0.0
) -> Transformer:
    """Return the best way from one CRS to another around a place, x before y.

    Parameters
    ----------
    source, target
        Systems.
    box
        Where: xmin, ymin, xmax, ymax in `source`, in its unit. Ways are valid in areas, and so are grids.
    accept_m
        Accuracy, as PROJ's database states it, of a way that is good enough although a better one is known whose grid
        is not installed; 0 accepts the best only.

    Raises
    ------
    CrsError
        If PROJ knows no way but pretending that datums are the same, or a better one than it can go; the message names
        the missing grid.

    Notes
    -----
    20 ms the first time, then kept.
    """
    return _best(source.wkt, target.wkt, f"{source.code} to {target.code}", _degrees(source, box), accept_m)


def known_geoid_grids(crs: HorizontalCrs, vertical_code: int, most: int = 2) -> tuple[str, ...]:
    """Return the files that PROJ would take to lead from the ellipsoid of a CRS to a vertical system, best first.

    For saying what is missing; none is opened, and the names are those of https://cdn.proj.org. Takes up to 5 s.
    """
    try:
        flat = CRS.from_user_input(crs.wkt).geodetic_crs
        upright = vertical_crs(vertical_code)
    except CRSError:
        return ()
    if flat is None or not upright.is_vertical:
        return ()
    flat = flat.to_2d()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # as in `_ways`
        compound = CompoundCRS(f"{flat.name} + {upright.name}", [flat, upright])
        group = TransformerGroup(flat.to_3d(), compound, always_xy=True, allow_ballpark=False)
    missing = group.unavailable_operations
    named = [(operation.accuracy, [grid.short_name for grid in operation.grids]) for operation in missing]
    single = [(accuracy if accuracy >= 0 else np.inf, grids[0]) for accuracy, grids in named if len(grids) == 1]
    single.sort(key=lambda entry: entry[0])
    return tuple(dict.fromkeys(grid for _, grid in single))[:most]


def _degrees(source: HorizontalCrs, box: Box) -> Box:
    """Return the box in degrees, wide enough; the whole globe if it lies nowhere."""
    xmin, ymin, xmax, ymax = box
    try:
        west, south, east, north = to_wgs84(source.wkt).transform_bounds(xmin, ymin, xmax, ymax, densify_pts=3)
    except ProjError:
        return (-180.0, -90.0, 180.0, 90.0)
    if not np.isfinite([west, south, east, north]).all() or west > east:
        return (-180.0, -90.0, 180.0, 90.0)
    low = max(west - _MARGIN_DEG, -180.0), max(south - _MARGIN_DEG, -90.0)
    return (*low, min(east + _MARGIN_DEG, 180.0), min(north + _MARGIN_DEG, 90.0))


@lru_cache(maxsize=64)
def _best(source: str, target: str, way: str, degrees: Box, accept_m: float) -> Transformer:
    group = _ways(CRS.from_user_input(source), CRS.from_user_input(target), degrees)
    better = [operation for operation in group.unavailable_operations if operation.accuracy >= 0]
    missing = min(better, key=lambda operation: operation.accuracy, default=None)
    best = group.transformers[0] if group.transformers else None
    if best is None and missing is None:
        raise CrsError(f"PROJ knows no accurate way from {way}")
    stated = best.accuracy if best is not None and best.accuracy >= 0 else np.inf
    if best is None or (missing is not None and missing.accuracy + _SAME_M < stated and stated > accept_m):
        needed = _grids(missing.grids) if missing is not None else "a grid"
        next_best = f"; without it {stated:g} m" if np.isfinite(stated) else "; without it there is no accurate way"
        raise CrsError(
            f"the best way from {way} there needs {needed}, not installed here{next_best} - put what is missing into a"
            " folder that PROJ searches (PROJ_DATA), or convert the file with a tool that has it"
        )
    return Transformer.from_pipeline(best.definition)  # the same way; but that of a group is for one thread only


def _ways(source: CRS, target: CRS, degrees: Box) -> TransformerGroup:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the best is missing: said as an error, with its grid
        return TransformerGroup(
            source, target, always_xy=True, area_of_interest=AreaOfInterest(*degrees), allow_ballpark=False
        )


def _grids(grids: Iterable[object]) -> str:
    names = []
    for grid in grids:
        url = str(getattr(grid, "url", ""))
        names.append(f"{getattr(grid, 'short_name', '')}{f' ({url})' if url else ''}")
    return " and ".join(names)
