"""One ``bldg:Building`` as a `Building`: its solids by level, what each face is, its outline."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely import Polygon

from tiles.citygml.attributes import attributes_of, measured_height
from tiles.citygml.geometry import surfaces_of
from tiles.citygml.scan import gml_id, line_of, local
from tiles.silhouette import facing, seen_from_above
from twin.building import Building, Solid
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from tiles.citygml.frame import Frame
    from tiles.citygml.geometry import Surface

__all__ = ["BuildingElement", "buildings_in", "decode", "outline_of"]

_BODY = re.compile(r"lod([1-4])(Solid|MultiSurface|Geometry)$")
_OUTLINE = ("lod0RoofEdge", "lod0FootPrint", "lod0MultiSurface")
_NESTED = frozenset({"consistsOfBuildingPart", "buildingPart"})
_BOUNDARY = frozenset({"boundedBy", "boundary"})
_SURFACE_KINDS = re.compile(r"[A-Z][A-Za-z]*(Surface)$")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuildingElement:
    """A building or building part in the file, and how its references are found."""

    element: Element
    resolve: Callable[[str], Element | None]
    where: str
    """File, line and ``gml:id``, for messages."""
    parent: str = ""
    """``gml:id`` of the building that it is a part of."""
    id: str = field(default="")


def buildings_in(member: Element, resolve: Callable[[str], Element | None], file: str) -> Iterator[BuildingElement]:
    """Yield the buildings and building parts of a member, each before its parts."""
    if local(member) not in ("Building", "BuildingPart"):
        return
    name = gml_id(member)
    yield from _with_parts(member, resolve, file, "" if local(member) == "Building" else name)


def _with_parts(
    element: Element, resolve: Callable[[str], Element | None], file: str, parent: str
) -> Iterator[BuildingElement]:
    name = gml_id(element) or f"line-{line_of(element)}"
    where = f"{file}, line {line_of(element)}, {local(element)} {name}"
    yield BuildingElement(element=element, resolve=resolve, where=where, parent=parent, id=name)
    for holder in element:
        if local(holder) in _NESTED:
            for part in holder:
                yield from _with_parts(part, resolve, file, name)


def decode(found: BuildingElement, frame: Frame) -> Building | None:
    """Read one building; None if it has no surface above LoD0, as one that consists of parts.

    Raises
    ------
    FormatError
        If its geometry cannot be read; the message has file, line and ``gml:id``.
    """
    bodies, kinds = _bodies(found)
    if not bodies:
        return None
    solids: dict[str, Solid] = {}
    for level in sorted(bodies):
        solid = _solid(bodies[level].surfaces, kinds, frame, found.where)
        if solid is not None:
            solids[level] = solid
    if not solids:
        return None
    best = solids[max(solids)]
    attributes = _attributes(found) | ({} if bodies[max(solids)].closed else {"surfaces_only": True})
    ground = _figure(attributes, "ground_m", float(best.vertices[:, 2].min()))
    roof = _figure(attributes, "roof_m", float(best.vertices[:, 2].max()))
    height = measured_height(found.element)
    outline = outline_of(found, frame)
    return Building(
        id=found.id,
        footprint=_from_faces(best) if outline is None else outline,
        ground_m=ground,
        roof_m=roof,
        measured_height_m=roof - ground if height is None else height,
        n_points=int(_figure(attributes, "n_points", 0)),
        rmse_m=_figure(attributes, "rmse_m", np.nan),
        solids=solids,
        attributes=attributes,
    )


def _figure(attributes: dict[str, Any], name: str, otherwise: float) -> float:
    """Take a figure that our own files have as a generic attribute; a foreign one of that name may be anything."""
    value = attributes.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    del attributes[name]
    return float(value)


def outline_of(found: BuildingElement, frame: Frame) -> Polygon | None:
    """Return the outline that the file has (LoD0), counter-clockwise in the frame's CRS; None if it has none.

    The roof's edge goes before the footprint on the ground: that is what a survey from the air sees.
    """
    for name in _OUTLINE:
        holders = [child for child in found.element if local(child) == name]
        if not holders and name == "lod0MultiSurface":
            holders = [child for _, surface in _boundaries(found.element) for child in surface if local(child) == name]
        faces = []
        for holder in holders:
            for surface in surfaces_of(holder, found.resolve, found.where):
                rings = [_plan(ring, frame, found.where) for ring in surface.rings]
                faces.append([ring for ring in rings if len(ring) >= 3])
        faces = [face for face in faces if face]
        if faces:
            outline = seen_from_above(faces)
            if not outline.is_empty:
                return outline
    return None


def all_attributes(found: BuildingElement) -> dict[str, Any]:
    """Return what the file says of a building, its measured height too."""
    height = measured_height(found.element)
    return _attributes(found) | ({} if height is None else {"measuredHeight": height})


@dataclass(slots=True, eq=False)
class _Body:
    """Surfaces of one level."""

    surfaces: list[Surface]
    closed: bool
    """Whether the file calls them a solid."""


def _bodies(found: BuildingElement) -> tuple[dict[str, _Body], Mapping[int, str]]:
    """Surfaces of each level: the solid if there is one, else the building's own, else its boundaries'."""
    bodies: dict[str, _Body] = {}
    kinds: dict[int, str] = {}
    loose: dict[str, list[Surface]] = {}
    for kind, boundary in _boundaries(found.element):
        for child in boundary:
            match = _BODY.match(local(child))
            if match is None:
                continue
            pieces = list(surfaces_of(child, found.resolve, found.where))
            kinds.update((id(piece.source), kind) for piece in pieces)
            loose.setdefault(match[1], []).extend(pieces)
    for child in found.element:
        match = _BODY.match(local(child))
        if match is None or (match[2] != "Solid" and match[1] in bodies and bodies[match[1]].closed):
            continue
        pieces = list(surfaces_of(child, found.resolve, found.where))
        if pieces:
            bodies[match[1]] = _Body(pieces, match[2] == "Solid")
    for level, pieces in loose.items():
        if pieces and level not in bodies:
            bodies[level] = _Body(pieces, closed=False)
    return bodies, kinds


def _boundaries(element: Element) -> Iterator[tuple[str, Element]]:
    """Kind and element of each boundary surface."""
    for child in element:
        if local(child) in _BOUNDARY:
            for surface in child:
                if _SURFACE_KINDS.match(local(surface)):
                    yield local(surface), surface


def _solid(surfaces: list[Surface], kinds: Mapping[int, str], frame: Frame, where: str) -> Solid | None:
    """Share the vertices of all faces; None if no face has an area."""
    rings = [ring for surface in surfaces for ring in surface.rings]
    given = np.concatenate(rings)
    distinct, first = np.unique(given, axis=0, return_inverse=True)
    vertices, second = np.unique(_metres(distinct, frame, where), axis=0, return_inverse=True)
    corners = second.reshape(-1)[first.reshape(-1)].tolist()
    faces: list[tuple[tuple[int, ...], ...]] = []
    semantics: list[str] = []
    at = 0
    for surface in surfaces:
        face = []
        for ring in surface.rings:
            face.append(_without_repeats(corners[at : at + len(ring)]))
            at += len(ring)
        if len(face[0]) < 3:
            continue
        faces.append(tuple(ring for ring in face if len(ring) >= 3))
        semantics.append(kinds.get(id(surface.source)) or facing(vertices[list(face[0])]))
    if not faces:
        return None
    used, renamed = _only_used(faces)
    return Solid(vertices=vertices[used], faces=renamed, semantics=tuple(semantics))


def _only_used(
    faces: list[tuple[tuple[int, ...], ...]],
) -> tuple[NDArray[np.int64], tuple[tuple[tuple[int, ...], ...], ...]]:
    used = np.unique([corner for face in faces for ring in face for corner in ring])
    index = {old: new for new, old in enumerate(used.tolist())}
    return used, tuple(tuple(tuple(index[corner] for corner in ring) for ring in face) for face in faces)


def _without_repeats(ring: list[int]) -> tuple[int, ...]:
    """Drop the closing point, and points that repeat the one before."""
    kept = [corner for i, corner in enumerate(ring) if i == 0 or corner != ring[i - 1]]
    while len(kept) > 1 and kept[-1] == kept[0]:
        kept.pop()
    return tuple(kept)


def _plan(ring: NDArray[np.float64], frame: Frame, where: str) -> NDArray[np.float64]:
    return _metres(ring, frame, where)[:, :2]


def _metres(points: NDArray[np.float64], frame: Frame, where: str) -> NDArray[np.float64]:
    try:
        return frame.metres(points)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None


def _attributes(found: BuildingElement) -> dict[str, Any]:
    return attributes_of(found.element) | ({"parent": found.parent} if found.parent else {})


def _from_faces(solid: Solid) -> Polygon:
    """Outline from the ground faces seen from above, else from all faces."""
    rings = [[solid.vertices[list(ring), :2] for ring in face] for face in solid.faces]
    ground = [face for face, kind in zip(rings, solid.semantics, strict=True) if kind == "GroundSurface"]
    outline = seen_from_above(ground)
    return shapely.orient_polygons(outline if not outline.is_empty else seen_from_above(rings))
