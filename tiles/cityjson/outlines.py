"""Outlines of the buildings in a CityJSON file, for whoever wants no solids: a city's own model as footprints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import CRS

from tiles.cityjson.decode import outline_of
from tiles.cityjson.read import documents, metres, reference_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely import Polygon

__all__ = ["Outline", "is_cityjson", "read_outlines"]

_SIGN = re.compile(rb'"type"\s*:\s*"CityJSON')
_LOOK_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """What one building covers in plan."""

    id: str
    plan: Polygon | None
    """None if the building has no surfaces, or cannot be read."""
    attributes: Mapping[str, Any]
    fault: str = ""
    """Why it cannot be read."""


def is_cityjson(path: Path) -> bool:
    """Tell CityJSON and its sequences from other JSON by the type they state, near the beginning or the end."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(_LOOK_BYTES)
        if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return False
        stream.seek(-min(path.stat().st_size, _LOOK_BYTES), 2)
        return _SIGN.search(head) is not None or _SIGN.search(stream.read()) is not None


def read_outlines(path: Path) -> tuple[str | None, list[Outline]]:
    """Read what each building covers in plan.

    A building of parts is one outline: its own LoD0, else the union of its parts. Without an LoD0 the outline is what
    the ground faces cover, else what all faces cover.

    Parameters
    ----------
    path
        CityJSON 1.0 to 2.0, or a sequence.

    Returns
    -------
    code
        ``EPSG:...`` of the file's reference system, or None.
    buildings
        One that is not as CityJSON has it stands among the others with its fault. x is east and y north, or longitude
        and latitude.

    Raises
    ------
    FormatError
        If it is no CityJSON.
    """
    code = reference_code(path)
    swapped = None
    found: list[Outline] = []
    for document, transform in documents(path):
        xyz = metres(path, document.get("vertices", []), transform)
        if swapped is None and len(xyz):
            swapped = code is not None and _is_latitude_first(code, xyz)
        xyz = xyz[:, [1, 0, 2]] if swapped else xyz
        found.extend(_outlines(path, document.get("CityObjects", {}), xyz))
    return code, found


def _outlines(path: Path, objects: Mapping[str, Any], xyz: NDArray[np.float64]) -> Iterator[Outline]:
    for name, item in objects.items():
        if item.get("type") not in {"Building", "BuildingPart"} or any(p in objects for p in item.get("parents") or ()):
            continue
        attributes = item.get("attributes") or {}
        try:
            yield Outline(id=name, plan=_whole(item, objects, xyz), attributes=attributes)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            fault = f"{path}: object {name!r} is not as CityJSON has it: {error}"
            yield Outline(id=name, plan=None, attributes=attributes, fault=fault)


def _whole(item: Mapping[str, Any], objects: Mapping[str, Any], xyz: NDArray[np.float64]) -> Polygon | None:
    own = outline_of(item, xyz)
    if own is not None:
        return own
    parts = [objects[child] for child in item.get("children") or () if child in objects]
    plans = [_whole(part, objects, xyz) for part in parts if part.get("type") == "BuildingPart"]
    known = [plan for plan in plans if plan is not None]
    return shapely.union_all(known) if known else None


def _is_latitude_first(code: str, xyz: NDArray[np.float64]) -> bool:
    """Whether coordinates in degrees come as latitude, longitude: only so do they lie where the system is meant for.

    The standard leaves the order to the reference system's definition, and half of the tools write longitude first
    nevertheless; in metres all of them write the easting first.
    """
    crs = CRS.from_user_input(code)
    area = crs.area_of_use
    if not crs.is_geographic or area is None:
        return False

    def within(longitude: float, latitude: float) -> bool:
        return area.west <= longitude <= area.east and area.south <= latitude <= area.north

    first, second = np.median(xyz[:, :2], axis=0).tolist()
    return within(second, first) and not within(first, second)
