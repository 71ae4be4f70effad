"""What an EPT folder says of itself: ``ept.json`` and the pages of its hierarchy, with every number checked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.las_extra import ExtraColumn
from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Dimension", "Index", "read_index", "read_nodes"]

_MOST_JSON_BYTES = 1 << 28
"""Bytes of one page: five million nodes, a hundred times what writers put into one."""
_MOST_DEPTH = 30
_MOST_IN_NODE = 1 << 26
"""Points in one node, a thousand times what writers put into one."""
_KINDS = {"signed": "i", "unsigned": "u", "float": "f"}
_AXES = ("X", "Y", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One entry of the schema."""

    name: str
    dtype: str
    scale: float
    offset: float

    def extra(self) -> ExtraColumn:
        """Return it as an extra column."""
        return ExtraColumn(field=f"extra/{self.name[:32]}", dtype=self.dtype, scale=self.scale, offset=self.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What ``ept.json`` says."""

    data_type: str
    n_points: int
    schema: tuple[Dimension, ...]
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    cube: tuple[float, float, float]
    """West and south side, and edge, of the root node."""
    crs_text: str


def read_index(path: Path) -> Index:
    """Read ``ept.json``.

    Raises
    ------
    FormatError
        If it is malformed.
    """
    name = path.parent.name
    content = _json(path, name)
    try:
        schema = tuple(_dimension(entry) for entry in content["schema"])
        bounds = [float(side) for side in content["bounds"]]
        tight = [float(side) for side in content.get("boundsConforming", bounds)]
        axes = [next(part for part in schema if part.name == axis) for axis in _AXES]
        index = Index(
            data_type=str(content["dataType"]),
            n_points=int(content["points"]),
            schema=schema,
            scale=_triple([part.scale if part.scale != 1.0 else 1e-4 for part in axes]),
            offset=_triple([part.offset for part in axes]),
            low=_triple(tight[:3]),
            high=_triple(tight[3:6]),
            cube=(bounds[0], bounds[1], bounds[3] - bounds[0]),
            crs_text=_crs_text(content.get("srs") or {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration, OverflowError) as error:
        raise FormatError(f"{name}: its ept.json is not understood ({type(error).__name__}: {error})") from None
    sides = (*index.low, *index.high, *index.cube, *index.scale, *index.offset)
    if not all(map(math.isfinite, sides)) or index.cube[2] <= 0 or min(index.scale) <= 0:
        raise FormatError(f"{name}: the bounds or scales in its ept.json are no usable numbers")
    if len({part.name for part in schema}) != len(schema):
        raise FormatError(f"{name}: its schema names a dimension twice")
    return index


def read_nodes(folder: Path) -> NDArray[np.int64]:
    """Return depth, column, row, layer and points of each node that holds points, shape (n, 5), in that order.

    Raises
    ------
    FormatError
        If a page is missing or malformed, or pages come back to themselves.
    """
    pages, seen, counts = ["0-0-0-0"], set(), {}
    while pages:
        page = pages.pop()
        if page in seen:
            raise FormatError(f"{folder.name}: its hierarchy comes back to {page}")
        seen.add(page)
        content = _json(folder / "ept-hierarchy" / f"{page}.json", folder.name)
        if not isinstance(content, dict):
            raise FormatError(f"{folder.name}: page {page} of its hierarchy is no list of nodes")
        for key, count in content.items():
            node = _key(folder, key)
            if not isinstance(count, int) or not -1 <= count <= _MOST_IN_NODE:
                raise FormatError(f"{folder.name}: node {key} of its hierarchy has {str(count)[:40]} points")
            if count == -1:
                pages.append("-".join(map(str, node)))
            elif count:
                counts[node] = count
    rows = [(*node, count) for node, count in sorted(counts.items())]
    return np.array(rows, np.int64).reshape(-1, 5)


def _key(folder: Path, text: str) -> tuple[int, ...]:
    parts = text.split("-")
    if len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts):
        depth, *place = map(int, parts)
        if depth <= _MOST_DEPTH and max(place) < 1 << depth:
            return (depth, *place)
    raise FormatError(f"{folder.name}: its hierarchy names a node {text[:40]!r}")


def _dimension(entry: dict[str, Any]) -> Dimension:
    scale, offset = float(entry.get("scale", 1.0)), float(entry.get("offset", 0.0))
    if not (math.isfinite(scale) and math.isfinite(offset) and scale > 0):
        raise ValueError(f"scale {scale}, offset {offset}")
    dtype = np.dtype(f"<{_KINDS[entry['type']]}{int(entry['size'])}")
    return Dimension(name=str(entry["name"]), dtype=dtype.str.replace("|", ""), scale=scale, offset=offset)


def _crs_text(srs: dict[str, Any]) -> str:
    if srs.get("authority") and srs.get("horizontal"):
        code = f"{srs['authority']}:{srs['horizontal']}"
        return f"{code}+{srs['vertical']}" if srs.get("vertical") else code
    return str(srs.get("wkt") or "")


def _triple(values: list[float]) -> tuple[float, float, float]:
    x, y, z = values
    return x, y, z


def _json(path: Path, name: str) -> Any:
    try:
        if path.stat().st_size > _MOST_JSON_BYTES:
            raise FormatError(f"{name}: {path.name} is larger than {_MOST_JSON_BYTES >> 20} MB")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{name}: {path.name} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{name}: {path.name} is not JSON ({str(error)[:80]})") from None
