"""A store's own facts, in the attributes of its ``zarr.json``, and where its integer coordinates begin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS, Transformer

from tiles.atomic import write_text
from twin.config import digest
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tiles.storage import Place
    from twin.crs import HorizontalCrs

__all__ = ["FORMAT", "FORMAT_VERSION", "default_offset", "is_root_sound", "read_root", "write_root"]

FORMAT = "twin-store"
FORMAT_VERSION = 2
"""1 had no epochs, and all columns in the tile's order; it cannot be read any more."""
_SEAL = "digest"
_REACH = 2_000_000_000
"""Counts that a coordinate may be away from the offset; the rest of 32 bits is for what lies just outside."""


def default_offset(crs: HorizontalCrs, scale_m: float) -> tuple[float, float, float] | None:
    """Return coordinates of count 0 from which 32 bits reach the whole area where a CRS is used; None if none do."""
    system = CRS.from_user_input(crs.code if crs.code.startswith("EPSG:") else crs.wkt)
    area = system.area_of_use
    if area is None:
        return None
    # Ballpark is good enough here: the area is rounded to 100 km, and no point is moved by it.
    back = Transformer.from_crs(CRS.from_epsg(4326), system, always_xy=True)
    sides = back.transform_bounds(area.west, area.south, area.east, area.north, densify_pts=5)
    reach = _REACH * scale_m
    centre = []
    for low, high in (sides[::2], sides[1::2]):
        if not np.isfinite(low + high) or high - low > 2 * reach:
            return None
        centre.append(0.0 if max(-low, high) < reach else round((low + high) / 200_000) * 100_000.0)
    return centre[0], centre[1], 0.0


def write_root(path: Place, attributes: Mapping[str, Any]) -> None:
    """Write the facts, sealed with their digest; a store exists from then on."""
    write_text(path / "zarr.json", _text(attributes))


def is_root_sound(path: Place) -> bool:
    """Whether every byte of the facts is as `write_root` wrote it."""
    return (path / "zarr.json").read_bytes() == _text(read_root(path)).encode()


def _text(attributes: Mapping[str, Any]) -> str:
    facts = {name: value for name, value in attributes.items() if name != _SEAL}
    root = {"zarr_format": 3, "node_type": "group", "attributes": {**facts, _SEAL: digest(facts)}}
    return json.dumps(root, indent=2, ensure_ascii=False) + "\n"


def read_root(path: Place) -> Mapping[str, Any]:
    """Return the facts.

    Raises
    ------
    StoreError
        If there is no store, or it is of a version that this program does not know.
    """
    try:
        attributes: Mapping[str, Any] = json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"]
    except FileNotFoundError:
        raise StoreError(f"{path}: no store here; make one with `twin init {path} --area PRESET`") from None
    except StoreError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}/zarr.json cannot be read: {' '.join(str(error).split())}") from None
    if attributes.get("format") != FORMAT:
        raise StoreError(f"{path}: a Zarr group, but no store of this program")
    if attributes.get("version") != FORMAT_VERSION:
        raise StoreError(
            f"{path}: store version {attributes.get('version')}, this program reads version {FORMAT_VERSION};"
            " make a new store and ingest the survey files into it"
        )
    return attributes
