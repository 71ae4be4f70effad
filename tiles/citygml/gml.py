"""Pieces of GML as text. GML 3.2 wants a ``gml:id`` on every geometry, GML 3.1 only where something refers to it."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tiles.citygml.placing import Face

__all__ = ["Ids", "composite", "element", "escaped", "multi_surface", "polygon", "quoted", "refer", "solid"]

_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Signs that XML 1.0 does not have, not even as references."""


class Ids:
    """Identifiers of one building's parts: UUIDs that depend on the building's and on their order alone."""

    def __init__(self, building: uuid.UUID, *, everywhere: bool) -> None:
        self.everywhere = everywhere
        """Whether every geometry needs one: GML 3.2, whose solids also have shells for composites."""
        self._building = building
        self._count: dict[str, int] = {}

    def new(self, kind: str) -> str:
        """Return the next identifier of a kind, such as ``roof_...``."""
        count = self._count.get(kind, 0)
        self._count[kind] = count + 1
        return f"{kind}_{uuid.uuid5(self._building, f'{kind}/{count}')}"

    def attribute(self, kind: str) -> str:
        """Return a ``gml:id`` for a geometry that nothing refers to, if the version wants one."""
        return f' gml:id="{self.new(kind)}"' if self.everywhere else ""


def element(name: str, text: object, **attributes: str) -> str:
    """Return an element with text, escaped."""
    marks = "".join(f" {key}={quoted(value)}" for key, value in attributes.items())
    return f"<{name}{marks}>{escaped(text)}</{name}>"


def escaped(text: object) -> str:
    """Return what may stand between tags; signs that XML does not have become question marks."""
    return escape(_NOT_IN_XML.sub("?", str(text)))


def quoted(text: str) -> str:
    """Return an attribute's value in its quotes."""
    return quoteattr(_NOT_IN_XML.sub("?", text))


def polygon(rings: Sequence[str], identifier: str) -> str:
    """Return a polygon; `identifier` is its ``gml:id`` as an attribute, or nothing."""
    inner = "".join(f"<gml:interior>{_ring(ring)}</gml:interior>" for ring in rings[1:])
    return f"<gml:Polygon{identifier}><gml:exterior>{_ring(rings[0])}</gml:exterior>{inner}</gml:Polygon>"


def multi_surface(polygons: Iterable[str], ids: Ids) -> str:
    """Return polygons as a ``gml:MultiSurface``."""
    return f"<gml:MultiSurface{ids.attribute('ms')}>{_members(polygons)}</gml:MultiSurface>"


def composite(faces: Iterable[Face], ids: Ids) -> str:
    """Return a closed solid whose faces are written in place."""
    return solid((_member(polygon(face.rings, ids.attribute("poly"))) for face in faces), ids)


def solid(members: Iterable[str], ids: Ids) -> str:
    """Return a solid of surface members."""
    shell = "\n".join(members)
    outer = "CompositeSurface" if not ids.everywhere else "Shell"
    return (
        f"<gml:Solid{ids.attribute('solid')}><gml:exterior><gml:{outer}{ids.attribute('shell')}>\n{shell}\n"
        f"</gml:{outer}></gml:exterior></gml:Solid>"
    )


def refer(identifier: str) -> str:
    """Return a surface member that refers to a polygon."""
    return f'<gml:surfaceMember xlink:href="#{identifier}"/>'


def _members(polygons: Iterable[str]) -> str:
    return "\n".join(_member(text) for text in polygons)


def _member(text: str) -> str:
    return f"<gml:surfaceMember>{text}</gml:surfaceMember>"


def _ring(positions: str) -> str:
    return f"<gml:LinearRing><gml:posList>{positions}</gml:posList></gml:LinearRing>"
