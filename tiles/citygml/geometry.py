"""Geometry of GML as rings of coordinates: whatever nests them, whatever is referred to by xlink."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tiles.citygml.scan import gml_id, line_of, local
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

__all__ = ["Surface", "href", "surfaces_of"]

_HREF = "{http://www.w3.org/1999/xlink}href"
_POLYGONS = frozenset({"Polygon", "PolygonPatch", "Triangle", "Rectangle"})
_DEEPEST = 32
"""References behind references; more is a circle."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """One flat piece of a geometry, as written."""

    rings: tuple[NDArray[np.float64], ...]
    """The outer one first; shape (n, 3), in the order of the file's axes, the closing point included where given."""
    source: Element
    """The polygon itself, the same one wherever it is referred to."""
    reversed: bool = field(default=False)
    """Whether it is used from its back (``OrientableSurface``); `rings` are turned already."""

    @property
    def id(self) -> str:
        """``gml:id`` of the polygon; empty if it has none."""
        return gml_id(self.source)


def surfaces_of(geometry: Element, resolve: Callable[[str], Element | None], where: str) -> Iterator[Surface]:
    """Yield the surfaces of a geometry or of the property that holds it, in their order.

    Parameters
    ----------
    geometry
        A polygon, an aggregate, composite or solid, or a property such as ``lod1Solid``.
    resolve
        Finds the element of a ``gml:id``, or None.
    where
        File and building, for messages.

    Raises
    ------
    FormatError
        If coordinates are no numbers or no whole points, or a reference leads nowhere or in a circle.
    """
    dimension = int(geometry.get("srsDimension", "3")) if geometry.get("srsDimension", "3") in "23" else 3
    yield from _walk(geometry, resolve, where, (dimension, 0, False))


def href(element: Element) -> str:
    """Return the ``gml:id`` that an element refers to; empty if it refers to none in its file."""
    target = element.get(_HREF, "")
    return target[1:] if target.startswith("#") else ""


def _walk(
    element: Element, resolve: Callable[[str], Element | None], where: str, state: tuple[int, int, bool]
) -> Iterator[Surface]:
    dimension, depth, turned = state
    name = local(element)
    if element.get("srsDimension") in ("2", "3"):
        dimension = int(element.attrib["srsDimension"])
    if depth > _DEEPEST:
        raise FormatError(f"{where}: references lead in a circle at {href(element)!r}")
    if name in _POLYGONS:
        yield _surface(element, where, dimension, turned)
        return
    if name == "OrientableSurface" and element.get("orientation") == "-":
        turned = not turned
    target = href(element)
    if target:
        found = resolve(target)
        if found is None:
            raise FormatError(f"{where}: refers to #{target}, which is nowhere in the file")
        yield from _walk(found, resolve, where, (dimension, depth + 1, turned))
    for child in element:
        yield from _walk(child, resolve, where, (dimension, depth, turned))


def _surface(polygon: Element, where: str, dimension: int, turned: bool) -> Surface:
    rings = []
    for boundary in polygon:
        if local(boundary) in ("exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"):
            ring = _ring(boundary, where, dimension)
            rings.append(ring[::-1] if turned else ring)
    if not rings:
        raise FormatError(f"{_at(where, polygon)}: a polygon without a boundary")
    return Surface(rings=tuple(rings), source=polygon, reversed=turned)


def _ring(boundary: Element, where: str, dimension: int) -> NDArray[np.float64]:
    """Points of the ring in a boundary, shape (n, 3); a missing height is zero."""
    parts = [
        _points(element, where, dimension)
        for element in boundary.iter()
        if local(element) in ("posList", "pos", "coordinates")
    ]
    points = np.concatenate(parts) if parts else np.empty((0, 3))
    if not len(points):
        raise FormatError(f"{where}: a ring without coordinates")
    return points


def _points(element: Element, where: str, dimension: int) -> NDArray[np.float64]:
    text = element.text or ""
    if local(element) == "coordinates":
        words = text.replace(element.get("cs", ","), " ").replace(element.get("ts", " "), " ").split()
        dimension = (text.split() or [""])[0].count(element.get("cs", ",")) + 1
    else:
        words = text.split()
    if element.get("srsDimension") in ("2", "3"):
        dimension = int(element.attrib["srsDimension"])
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        wrong = next((word for word in words if not _is_number(word)), "")
        raise FormatError(f"{_at(where, element)}: {wrong!r} among the coordinates is no number") from None
    if not np.isfinite(values).all():
        raise FormatError(f"{_at(where, element)}: a coordinate that is not finite")
    if dimension not in (2, 3) or len(values) % dimension:
        raise FormatError(f"{_at(where, element)}: {len(values)} numbers are no points of {dimension} coordinates")
    points = values.reshape(-1, dimension)
    return points if dimension == 3 else np.column_stack([points, np.zeros(len(points))])


def _at(where: str, element: Element) -> str:
    line = line_of(element)
    return f"{where}, line {line}" if line else where


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
