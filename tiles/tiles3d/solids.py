"""Solids to triangles: every face flat-shaded, with the number of its building and the colour of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mapbox_earcut
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from twin.building import Solid

__all__ = ["Mesh", "mesh_of"]

SURFACES = ("GroundSurface", "WallSurface", "RoofSurface")

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
    Ear clipping per face, in the plane across the largest part of its normal; about 30 microseconds a face.
    """
    positions, normals, feature, surface, triangles = [], [], [], [], []
    n_vertices = 0
    for number, (solid, place) in enumerate(zip(solids, places, strict=True)):
        for face, kind in zip(solid.faces, solid.semantics, strict=True):
            ring = place[np.concatenate([np.asarray(r, dtype=np.intp) for r in face])]
            ends = np.cumsum([len(r) for r in face])
            normal = newell(ring[: ends[0]])
            length = float(np.linalg.norm(normal))
            if length < _FLAT:
                continue
            corners = face_triangles(ring, ends, normal)
            if not len(corners):
                continue
            positions.append(ring)
            normals.append(np.broadcast_to(normal / length, ring.shape))
            feature.append(np.full(len(ring), number))
            surface.append(np.full(len(ring), SURFACES.index(kind)))
            triangles.append(corners + n_vertices)
            n_vertices += len(ring)
    return Mesh(
        positions=np.concatenate([np.empty((0, 3)), *positions]),
        normals=np.concatenate([np.empty((0, 3)), *normals]),
        feature=np.concatenate([np.empty(0, dtype=np.int64), *feature]),
        surface=np.concatenate([np.empty(0, dtype=np.int64), *surface]),
        triangles=np.concatenate([np.empty((0, 3), dtype=np.int64), *triangles]),
    )


def newell(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area vector of a ring, shape (3,): along the normal, twice the area long."""
    centered = ring - ring[0]  # coordinates of kilometres would cost digits
    total: NDArray[np.float64] = np.cross(centered, np.roll(centered, -1, axis=0)).sum(axis=0)
    return total


def face_triangles(
    ring: NDArray[np.float64], ends: NDArray[np.int64], normal: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Triangulate one face with holes.

    Parameters
    ----------
    ring
        Vertices of all rings, the outer first, shape (n, 3).
    ends
        Where each ring ends in `ring`.
    normal
        Area vector of the outer ring.

    Returns
    -------
    Shape (m, 3), indices into `ring`, counter-clockwise about `normal`.
    """
    if len(ring) == 3:
        return np.arange(3)[None, :]
    axis = int(np.argmax(np.abs(normal)))
    u, v = (axis + 1) % 3, (axis + 2) % 3  # cyclic, so that the sign of the turn is the sign of normal[axis]
    flat = np.ascontiguousarray((ring - ring[0])[:, [u, v]])
    found = mapbox_earcut.triangulate_float64(flat, ends.astype(np.uint32))
    corners = np.asarray(found, dtype=np.int64).reshape(-1, 3)
    a, b, c = flat[corners[:, 0]], flat[corners[:, 1]], flat[corners[:, 2]]
    turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    wrong = (turn < 0) != (normal[axis] < 0)
    corners[wrong] = corners[wrong][:, ::-1]
    return corners
