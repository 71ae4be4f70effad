"""Buildings as triangles with light baked in, and the lines along their edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tiles.tiles3d.solids import SURFACES, mesh_of
from viewer.palette import BUILDING_STOPS, ramp
from viewer.shading import facing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from twin.building import Building
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
    """Triangulate every face that can be seen; one that has no area, or lies in the ground, is left out.

    Notes
    -----
    About 0.3 ms a building of some twenty faces.
    """
    bodies = [building.solid for building in buildings]
    mesh = mesh_of(bodies, [body.vertices - np.asarray(origin) for body in bodies])
    seen = mesh.surface != SURFACES.index("GroundSurface")
    number = np.cumsum(seen) - 1
    owner = mesh.feature[seen].astype(np.int32)
    normals = mesh.normals[seen]
    triangles = number[mesh.triangles[seen[mesh.triangles[:, 0]]]]
    edges = np.column_stack([np.arange(len(owner)), number[mesh.following[seen]]])
    base = np.array([building.ground_m for building in buildings], dtype=np.float64)
    return Solids(
        vertices=mesh.positions[seen].astype(np.float32),
        normals=normals.astype(np.float32),
        is_roof=mesh.surface[seen] == SURFACES.index("RoofSurface"),
        rise=(mesh.positions[seen, 2] + origin[2] - base[owner]).astype(np.float32),
        triangles=triangles,
        building=owner[triangles[:, 0]],
        vertex_building=owner,
        edges=_creases(edges, mesh.vertex[seen], normals),
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
