"""Solids to triangles: every face flat-shaded, with the number of its building and the colour of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tiles.faces import face_triangles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from twin.building import Solid

__all__ = ["SURFACES", "Mesh", "mesh_of"]

SURFACES = ("GroundSurface", "WallSurface", "RoofSurface", "WaterSurface", "Vegetation", "Terrain")
"""Kinds of faces that have a colour; the last two are ours, for what CityGML gives no meaning to."""

_FLAT = 1e-9
"""Faces whose normal's length (twice their area, square metres) is below this are lines or points and are left out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mesh:
    """Triangles with vertices of their own per face; n vertices, m triangles."""

    positions: NDArray[np.float64]
    """Shape (n, 3), metres, in the frame of the vertices that came in."""
    normals: NDArray[np.float64]
    """Shape (n, 3), unit length, outward."""
    feature: NDArray[np.int64]
    """Shape (n,): which solid, by its place in the input."""
    surface: NDArray[np.int64]
    """Shape (n,): index into `SURFACES`."""
    vertex: NDArray[np.int64]
    """Shape (n,): which vertex of the input it is, counted through all solids."""
    following: NDArray[np.int64]
    """Shape (n,): the next corner along the same ring."""
    triangles: NDArray[np.int64]
    """Shape (m, 3), counter-clockwise seen from outside."""


def mesh_of(solids: Sequence[Solid], places: Sequence[NDArray[np.float64]]) -> Mesh:
    """Triangulate solids.

    Parameters
    ----------
    solids
        Faces and their kinds.
    places
        Per solid its vertices where they are to be drawn, shape (n_vertices, 3), metres.

    Notes
    -----
    Triangles and plain quadrangles, which are nearly all faces of a city, are cut all at once; the others one by one by
    ear clipping, in the plane across the largest part of their normal.
    """
    faces = _flattened(solids, places)
    normals = _area_vectors(faces)
    length = np.linalg.norm(normals, axis=1)
    kept = length > _FLAT
    triangles = [_plain_triangles(faces, normals, kept)]
    for number in np.flatnonzero(kept & ~_is_plain(faces, normals)).tolist():
        start, stop = faces.starts[number], faces.starts[number + 1]
        corners = face_triangles(faces.positions[start:stop], faces.ring_ends[number], normals[number])
        triangles.append(corners + start)
    counts = np.diff(faces.starts)
    used = np.repeat(kept, counts)
    renumbered = np.cumsum(used) - 1
    unit = normals / np.where(kept, length, 1.0)[:, None]
    return Mesh(
        positions=faces.positions[used],
        normals=np.repeat(unit, counts, axis=0)[used],
        feature=np.repeat(faces.solid, counts)[used],
        surface=np.repeat(faces.surface, counts)[used],
        vertex=faces.vertex[used],
        following=renumbered[faces.following[used]],
        triangles=renumbered[np.concatenate(triangles)],
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Faces:
    """All faces of all solids, n corners in m faces, one after the other."""

    positions: NDArray[np.float64]
    """Corners, shape (n, 3)."""
    vertex: NDArray[np.int64]
    """Which vertex of the input each corner is, shape (n,)."""
    following: NDArray[np.int64]
    """The next corner along the same ring, shape (n,)."""
    starts: NDArray[np.int64]
    """Where each face begins, and where the last ends; shape (m + 1,)."""
    outer: NDArray[np.int64]
    """Corners of the outer ring, which comes first; shape (m,)."""
    ring_ends: Sequence[NDArray[np.int64]]
    """Per face where its rings end, counted from its own start."""
    solid: NDArray[np.int64]
    """Shape (m,)."""
    surface: NDArray[np.int64]
    """Index into `SURFACES`, shape (m,)."""


def _flattened(solids: Sequence[Solid], places: Sequence[NDArray[np.float64]]) -> _Faces:
    corners: list[int] = []
    sizes: list[int] = []
    outer: list[int] = []
    ring_ends: list[NDArray[np.int64]] = []
    rings: list[int] = []
    first = 0
    for solid, place in zip(solids, places, strict=True):
        for face in solid.faces:
            lengths = [len(ring) for ring in face]
            corners.extend(first + vertex for ring in face for vertex in ring)
            sizes.append(sum(lengths))
            rings.extend(lengths)
            outer.append(lengths[0])
            ring_ends.append(np.cumsum(lengths))
        first += len(place)
    vertex = np.array(corners, dtype=np.int64)
    kinds = [_surface(kind) for solid in solids for kind in solid.semantics]
    return _Faces(
        positions=np.concatenate([np.empty((0, 3)), *places])[vertex],
        vertex=vertex,
        following=_following(np.array(rings, dtype=np.int64)),
        starts=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64),
        outer=np.array(outer, dtype=np.int64),
        ring_ends=ring_ends,
        solid=np.repeat(np.arange(len(solids)), [len(solid.faces) for solid in solids]),
        surface=np.array(kinds, dtype=np.int64),
    )


def _following(ring_sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each corner the next one of its ring, rings standing one after the other."""
    ends = np.cumsum(ring_sizes)
    following = np.arange(1, ring_sizes.sum() + 1)
    following[ends - 1] = ends - ring_sizes
    return following


def _surface(kind: str) -> int:
    """Return the place of a kind of face in `SURFACES`; kinds that we never write ourselves are drawn as walls."""
    return SURFACES.index(kind if kind in SURFACES else "WallSurface")


def _area_vectors(faces: _Faces) -> NDArray[np.float64]:
    """Return per face the area vector of its outer ring (Newell): along the normal, twice the area long; (m, 3)."""
    n_faces = len(faces.outer)
    if n_faces == 0:
        return np.empty((0, 3))
    starts = faces.starts[:-1]
    face = np.repeat(np.arange(n_faces), np.diff(faces.starts))
    place = np.arange(len(face)) - starts[face]
    following = starts[face] + np.where(place + 1 == faces.outer[face], 0, place + 1)
    following = np.minimum(following, len(face) - 1)  # of holes' corners, which do not count
    centered = faces.positions - faces.positions[starts[face]]  # coordinates of kilometres would cost digits
    parts = np.cross(centered, faces.positions[following] - faces.positions[starts[face]])
    parts[place >= faces.outer[face]] = 0.0
    total: NDArray[np.float64] = np.add.reduceat(parts, starts, axis=0)
    return total


def _quarter(faces: _Faces, chosen: NDArray[np.int64], corners: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the area vectors of the triangles that three corners make in each chosen face."""
    a, b, c = (faces.positions[faces.starts[chosen] + corner] for corner in corners)
    crossed: NDArray[np.float64] = np.cross(b - a, c - a)
    return crossed


def _is_plain(faces: _Faces, normals: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which faces are triangles, or quadrangles that the diagonal from their first corner cuts well; shape (m,)."""
    sizes = np.diff(faces.starts)
    plain: NDArray[np.bool_] = (sizes == 3) & (faces.outer == 3)
    four = np.flatnonzero((sizes == 4) & (faces.outer == 4))
    if len(four):
        halves = [_quarter(faces, four, corners) for corners in ((0, 1, 2), (0, 2, 3))]
        plain[four] = np.all([np.sum(half * normals[four], axis=1) > 0 for half in halves], axis=0)
    return plain


def _plain_triangles(faces: _Faces, normals: NDArray[np.float64], kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cut the plain ones among the kept faces; shape (k, 3), corners by their place in `faces`."""
    plain = np.flatnonzero(kept & _is_plain(faces, normals))
    starts = faces.starts[plain]
    four = starts[np.diff(faces.starts)[plain] == 4]
    return np.concatenate([starts[:, None] + [0, 1, 2], four[:, None] + [0, 2, 3]])
