"""Faces of solids as triangles, for whatever draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mapbox_earcut
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["face_triangles"]

_ON_EDGE_M = 1e-4
"""A corner nearer than this to an edge lies on it: the grid of the model's coordinates, metres."""


def face_triangles(
    ring: NDArray[np.float64], ends: NDArray[np.int64], normal: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Triangulate one face with holes, by ear clipping in the plane across the largest part of its normal.

    Parameters
    ----------
    ring
        Vertices of all rings, the outer first, shape (n, 3), metres in any right-handed frame.
    ends
        Where each ring ends in `ring`.
    normal
        Area vector of the outer ring, of any length but zero.

    Returns
    -------
    numpy.ndarray
        Shape (m, 3), indices into `ring`, counter-clockwise about `normal`. Every corner of the face is a corner of
        some triangle, those too that lie on a straight edge: a neighbour's face ends there, and would gape.
    """
    if len(ring) == 3:
        return np.arange(3)[None, :]
    axis = int(np.argmax(np.abs(normal)))
    u, v = (axis + 1) % 3, (axis + 2) % 3  # cyclic, so that the sign of the turn is the sign of normal[axis]
    flat = np.ascontiguousarray((ring - ring[0])[:, [u, v]])
    found = mapbox_earcut.triangulate_float64(flat, ends.astype(np.uint32))
    corners = np.asarray(found, dtype=np.int64).reshape(-1, 3)
    if len(corners) < len(ring) - 2 + 2 * (len(ends) - 1):
        corners = _with_all_corners(flat, corners)
    a, b, c = flat[corners[:, 0]], flat[corners[:, 1]], flat[corners[:, 2]]
    turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    # All triangles come with one turn; a sliver without area tells nothing of its own.
    return corners[:, ::-1] if (turn.sum() < 0) != (normal[axis] < 0) else corners


def _with_all_corners(flat: NDArray[np.float64], corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put back the corners on straight edges that ear clipping drops, by cutting the triangle beside each in two."""
    triangles = corners.tolist()
    for corner in np.setdiff1d(np.arange(len(flat)), corners).tolist():
        cut = _edge_through(flat, triangles, corner)
        if cut is not None:
            number, side = cut
            p, q, r = (triangles[number][(side + i) % 3] for i in range(3))
            triangles[number] = [p, corner, r]
            triangles.append([corner, q, r])
    return np.array(triangles, dtype=np.int64).reshape(-1, 3)


def _edge_through(flat: NDArray[np.float64], triangles: list[list[int]], corner: int) -> tuple[int, int] | None:
    """Return the triangle and its side that a corner lies on, between the side's ends; None if there is none."""
    x, y = flat[corner].tolist()
    for number, triangle in enumerate(triangles):
        for side in range(3):
            (px, py), (qx, qy) = flat[triangle[side]].tolist(), flat[triangle[(side + 1) % 3]].tolist()
            dx, dy = qx - px, qy - py
            square = dx * dx + dy * dy
            along = (x - px) * dx + (y - py) * dy
            across = (x - px) * dy - (y - py) * dx
            if 0 < along < square and across * across <= _ON_EDGE_M**2 * square:
                return number, side
    return None
