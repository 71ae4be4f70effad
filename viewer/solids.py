"""Buildings as triangles with light baked in, and the lines along their edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tiles.faces import face_triangles
from viewer.palette import BUILDING_STOPS, ramp
from viewer.shading import facing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from twin.building import Building, Solid
    from viewer.content import FloodLayer

__all__ = ["BuildingColor", "Solids", "building_colors", "shaded", "solids"]

BuildingColor = Literal["height", "flood"]

_DRY = (226, 223, 216)
"""A dry building where colours mean flood ranks."""

_UNKNOWN = (150, 152, 158)
"""A building with no known ground around it: darker, so that it is not taken for a dry one."""

_PALE = (244, 240, 232)
"""What walls are drawn towards, plaster, where the roof carries the colour."""

_PALE_SHARE = 0.65

_STRAIGHT = 0.985
"""Cosine of the angle between two faces below which the edge between them is not drawn, 10 degrees."""

_WALL_CONTRAST = 0.6
"""How much of the sun's difference pale walls keep: in full they turn grey, and no longer look pale."""

_ROOF_CONTRAST = 1.8
"""How much more two slopes of a roof differ than in sunlight."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solids:
    """All buildings in one mesh; corners are not shared between faces, so each face has its own light."""

    vertices: NDArray[np.float32]
    """Shape (n, 3), metres from the scene's origin."""
    normals: NDArray[np.float32]
    """Shape (n, 3), unit normal of the face that each corner belongs to."""
    is_roof: NDArray[np.bool_]
    """Shape (n,): whether the face of each corner belongs to a roof."""
    rise: NDArray[np.float32]
    """Shape (n,): metres of each corner above its building's base."""
    triangles: NDArray[np.int64]
    """Shape (m, 3), counter-clockwise from outside."""
    building: NDArray[np.int32]
    """Shape (m,): position in the list of buildings of the one that each triangle belongs to."""
    vertex_building: NDArray[np.int32]
    """Shape (n,): the same for each corner."""
    edges: NDArray[np.int64]
    """Shape (k, 2): pairs of corners along the edges of roofs and walls, those left out where two faces go on nearly
    straight: an outline with many corners, or a wall cut by its neighbours, would be all lines."""


def solids(buildings: Sequence[Building], origin: tuple[float, float, float]) -> Solids:
    """Triangulate every face; a face that has no area is left out."""
    parts: list[_Face] = []
    owners: list[int] = []
    n_vertices = 0
    for position, building in enumerate(buildings):
        faces = _faces(building.solid, np.asarray(origin), n_vertices)
        n_vertices += len(building.solid.vertices)
        parts.extend(faces)
        owners.extend([position] * len(faces))
    lengths = np.array([len(part.corners) for part in parts], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    corners = np.concatenate([part.corners for part in parts]) if parts else np.empty((0, 3))
    owner = np.array(owners, dtype=np.int32)
    counts = np.array([len(part.triangles) for part in parts], dtype=np.int64)
    base = np.array([building.ground_m for building in buildings], dtype=np.float64)
    vertex_building = np.repeat(owner, lengths)
    normals = np.repeat(np.array([part.normal for part in parts]).reshape(-1, 3), lengths, axis=0)
    vertex = np.concatenate([part.vertex for part in parts]) if parts else np.empty(0, np.int64)
    return Solids(
        vertices=corners.astype(np.float32),
        normals=normals.astype(np.float32),
        is_roof=np.repeat(np.array([part.is_roof for part in parts], dtype=bool), lengths),
        rise=(corners[:, 2] + origin[2] - base[vertex_building]).astype(np.float32),
        triangles=_joined([part.triangles for part in parts], starts, 3),
        building=np.repeat(owner, counts),
        vertex_building=vertex_building,
        edges=_creases(_joined([part.edges for part in parts], starts, 2), vertex, normals),
    )


def building_colors(
    buildings: Sequence[Building], color: BuildingColor, flood: FloodLayer | None = None
) -> NDArray[np.uint8]:
    """Colour of each building, shape (n, 3): by measured height, or by the rank of the water around it."""
    if color == "flood" and flood is not None:
        depth = np.array([flood.depth_by_building.get(building.id, 0.0) for building in buildings])
        rank = flood.legend.rank_of(depth)
        table = flood.legend.colors()[:, :3].copy()
        table[0] = _DRY
        colors: NDArray[np.uint8] = table[rank]
        colors[np.isnan(depth)] = _UNKNOWN
        return colors
    return ramp(np.array([building.measured_height_m for building in buildings]), BUILDING_STOPS)


def shaded(mesh: Solids, colors: NDArray[np.uint8], *, pale_walls: bool = False) -> NDArray[np.uint8]:
    """Colour of each corner, shape (n, 3): the building's, lit by its face, darker towards the foot of the walls.

    With `pale_walls` the colour is the roof's, and walls have a hint of it. Slopes of a roof then differ more than the
    sun alone would make them, so that its shape is seen from afar; where colours are ranks, these must be told apart on
    any slope instead.
    """
    light = facing(mesh.normals)
    foot = np.where(mesh.is_roof, 1.0, 0.80 + 0.20 * np.clip(mesh.rise / 8.0, 0.0, 1.0))
    own = colors[mesh.vertex_building].astype(np.float32)
    if pale_walls:
        own = np.where(mesh.is_roof[:, None], own, own + _PALE_SHARE * (np.array(_PALE) - own))
        level = float(facing(np.array([[0.0, 0.0, 1.0]]))[0])
        slope = level * np.clip(1.0 + _ROOF_CONTRAST * (light / level - 1.0), 0.55, 1.2)
        light = np.where(mesh.is_roof, slope, 1.0 + _WALL_CONTRAST * (light - 1.0))
    return np.asarray(np.clip(own * (light * foot)[:, None], 0, 255), dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    corners: NDArray[np.float64]
    vertex: NDArray[np.int64]
    normal: NDArray[np.float64]
    is_roof: bool
    triangles: NDArray[np.int64]
    edges: NDArray[np.int64]


def _faces(solid: Solid, origin: NDArray[np.float64], first_vertex: int) -> list[_Face]:
    """Return the faces that can be seen; vertices are counted from `first_vertex`."""
    vertices = solid.vertices - origin
    found = []
    for rings, semantics in zip(solid.faces, solid.semantics, strict=True):
        if semantics == "GroundSurface":  # never seen: it lies in the ground
            continue
        numbers = np.array([vertex for ring in rings for vertex in ring]) + first_vertex
        face = _face([vertices[list(ring)] for ring in rings], numbers, semantics == "RoofSurface")
        if face is not None:
            found.append(face)
    return found


def _face(rings: list[NDArray[np.float64]], vertex: NDArray[np.int64], is_roof: bool) -> _Face | None:
    outer = rings[0]
    # Newell's normal: right for rings that are not quite flat; its length is twice the area.
    normal = np.cross(outer - outer[0], np.roll(outer, -1, axis=0) - outer[0]).sum(axis=0)
    length = float(np.linalg.norm(normal))
    if length < 1e-6:
        return None
    normal /= length
    corners = np.concatenate(rings)
    ends = np.cumsum([len(ring) for ring in rings])
    return _Face(corners, vertex, normal, is_roof, face_triangles(corners, ends, normal), _ring_edges(ends))


def _ring_edges(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    pairs = []
    start = 0
    for end in ends.tolist():
        ring = np.arange(start, end)
        pairs.append(np.column_stack([ring, np.roll(ring, -1)]))
        start = end
    return np.concatenate(pairs)


def _creases(edges: NDArray[np.int64], vertex: NDArray[np.int64], normals: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return each edge once, without those that two faces share which go on nearly straight."""
    if not len(edges):
        return edges
    ends = np.sort(vertex[edges], axis=1)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    same = (np.diff(ends[order], axis=0) == 0).all(axis=1)
    first = np.concatenate([[True], ~same])
    shared = np.flatnonzero(same)  # in order: an edge and the one after it are the same
    a, b = edges[order[shared], 0], edges[order[shared + 1], 0]
    flat = np.einsum("ij,ij->i", normals[a], normals[b]) > _STRAIGHT
    kept = first.copy()
    kept[shared[flat]] = False
    found: NDArray[np.int64] = edges[np.sort(order[kept])]
    return found


def _joined(parts: list[NDArray[np.int64]], starts: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    if not parts:
        return np.empty((0, width), dtype=np.int64)
    return np.concatenate([part + start for part, start in zip(parts, starts[:-1], strict=True)])
