"""One shell through all tests, level by level: what is broken below makes what is above meaningless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

from pipelines.validity.codes import LEVEL, N_COLUMNS
from pipelines.validity.flatness import lay_flat, normals_apart
from pipelines.validity.rings import TOUCH_STEPS, is_simple, judge_rings
from pipelines.validity.shell import cuts_itself, judge_edges, snap, volume6
from pipelines.validity.triangulate import other_triangles, triangulate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Faces = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

__all__ = ["examine"]

_FEWEST_FACES = 4
"""A tetrahedron's."""

_101, _102, _104 = LEVEL + 1, LEVEL + 2, LEVEL + 4
_203, _204 = 2 * LEVEL + 3, 2 * LEVEL + 4
_300, _301, _405 = 3 * LEVEL, 3 * LEVEL + 1, 4 * LEVEL + 5


@nb.njit(cache=True)
def _repeats(corners: Any, ring_start: Any, short: bool) -> bool:
    """Whether a ring has too few corners (if asked so) or the same vertex twice in a row."""
    for r in range(len(ring_start) - 1):
        start, stop = ring_start[r], ring_start[r + 1]
        if short:
            if stop - start < 3:
                return True
            continue
        for k in range(start, stop):
            if corners[k] == corners[k + 1 if k + 1 < stop else start]:
                return True
    return False


@nb.njit(cache=True)
def _judge_face(points: Any, corners: Any, ring_start: Any, limits: Any, found: Any) -> Any:
    """Mark a face's faults (its rings start at 0) and return its triangles as vertices; none if it has faults.

    The second array are those that others may make of it, where that makes a difference.
    """
    nothing = np.empty((0, 3), np.int64), np.empty((0, 3), np.int64)
    if _repeats(corners, ring_start, True):
        found[_101] = True
        return nothing
    if _repeats(corners, ring_start, False):
        found[_102] = True
        return nothing
    uv, bulge = lay_flat(points, corners, ring_start[1])
    if len(corners) > 3 and bulge > limits[0]:
        found[_203] = True
        return nothing
    for r in range(len(ring_start) - 1):
        found[_104] |= not is_simple(uv[ring_start[r] : ring_start[r + 1]])
    if len(ring_start) > 2 and not found[_104]:
        judge_rings(uv, corners, ring_start, found)
    for code in range(len(found)):
        if found[code]:
            return nothing
    local = triangulate(uv, ring_start)
    if len(local) == 0:
        found[_300] = True
        return nothing
    triangles = _named(local, corners)
    if len(local) > 1 and normals_apart(points, triangles, limits[2]) > limits[2]:
        found[_204] = True
    if bulge <= TOUCH_STEPS or len(local) < 2:
        return triangles, nothing[1]
    return triangles, _named(other_triangles(uv, local), corners)


@nb.njit(cache=True)
def _named(local: Any, corners: Any) -> Any:
    """Triangles by vertices instead of corners of the face."""
    triangles = np.empty((len(local), 3), np.int64)
    for t in range(len(local)):
        for k in range(3):
            triangles[t, k] = corners[local[t, k]]
    return triangles


@nb.njit(cache=True)
def _judge_faces(points: Any, faces: Any, limits: Any, found: Any) -> Any:
    """Mark the faults of all faces and return the triangles of those without, and the face of each triangle.

    The number that comes with them tells where those begin that others may make.
    """
    corners, ring_start, face_start = faces
    n_most, n = 2 * len(corners) + 2 * len(ring_start), np.zeros(2, np.int64)
    triangles, face_of = np.empty((2, n_most, 3), np.int64), np.empty((2, n_most), np.int64)
    for f in range(len(face_start) - 1):
        first, last = face_start[f], face_start[f + 1]
        rings = np.empty(last - first + 1, np.int64)
        for r in range(first, last + 1):
            rings[r - first] = ring_start[r] - ring_start[first]
        both = _judge_face(points, corners[ring_start[first] : ring_start[last]], rings, limits, found[f])
        for kind in range(2):
            own = both[kind]
            for t in range(len(own)):
                for k in range(3):
                    triangles[kind, n[kind], k] = own[t, k]
                face_of[kind, n[kind]] = f
                n[kind] += 1
    n_all = n[0] + n[1]
    triangles[0, n[0] : n_all], face_of[0, n[0] : n_all] = triangles[1, : n[1]], face_of[1, : n[1]]
    return triangles[0, :n_all].copy(), face_of[0, :n_all].copy(), n[0]


def examine(
    points: NDArray[np.int64], faces: Faces, limits: NDArray[np.float64], inward: bool
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Test one shell.

    Parameters
    ----------
    points
        Shape (n, 3): whole steps, less than 2**30 apart.
    faces
        Corners of all rings; where each ring starts; where each face's rings start.
    limits
        Planarity and snapping in steps, angle between normals in radians.
    inward
        Whether the shell bounds a cavity, so that its faces look into it.

    Returns
    -------
    tuple
        Table of faults, shape (faces, columns), and triangles, shape (t, 3), vertices after snapping: of all faces
        if none has faults.
    """
    corners, ring_start, face_start = faces
    found = np.zeros((max(len(face_start) - 1, 1), N_COLUMNS), np.bool_)
    corners = snap(points, corners, limits[1])[corners]
    triangles, face_of, n = _judge_faces(points, (corners, ring_start, face_start), limits, found)
    if len(face_start) - 1 < _FEWEST_FACES:
        found[0, _301] = True
    if not found.any():
        judge_edges(triangles[:n], face_of, len(points), found)
    if not found.any():
        cuts_itself(points, triangles, face_of, found)
    triangles = triangles[:n]
    if not found.any() and (volume6(points, triangles) > 0.0) == inward:
        found[0, _405] = True
    return found, triangles
