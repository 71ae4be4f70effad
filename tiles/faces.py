"""Faces of solids as triangles, for whatever draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mapbox_earcut
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["face_triangles"]


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
