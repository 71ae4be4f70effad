"""Planes shifted and tilted by millimetres, so that hips and valleys end exactly where they have to.

A corner of the outline never moves, and a hip that ends there leaves the two planes some millimetres or centimetres
apart, by errors of the planes and of the outline. Four planes that meet in a point (where the ridges of two wings
cross) do so only up to their errors too. Walls as long as the hips and as thin would stand on them. Instead the planes
are changed as little as it takes, measured at the corners of their faces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.roofs.shape import STEPS_PER_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["agree"]

_LEAST_SLOPE = 0.05
"""Planes whose slopes differ by less do not meet in a hip."""
_LEVEL = 1e-6
"""A plane of no more slope is level and stays so: it is shifted, not tilted."""
_STIFF = 1e6
"""Weight of agreement against change: what is left of a misfit of 1 cm is 10 nanometres."""


def agree(
    xy: NDArray[np.int64],
    edges: tuple[NDArray[np.int64], NDArray[np.int64]],
    fixed: NDArray[np.bool_],
    planes: NDArray[np.float64],
    reach: tuple[float, float],
) -> NDArray[np.float64]:
    """Make planes agree where edges between them end in a corner of the outline, or four of them in one point.

    Parameters
    ----------
    xy
        Vertices, shape (v, 2) steps.
    edges
        Vertices at the ends, shape (e, 2); planes left and right (e, 2), -1 outside.
    fixed
        Corners of the outline, shape (v,).
    planes
        Shape (m, 3), z = a x + b y + c in steps.
    reach
        Distance from both ends of an edge to the line in which its planes meet, up to which it is meant to be that
        line; and the most by which a plane may change anywhere on its faces: steps.

    Returns
    -------
    numpy.ndarray
        Planes, shape (m, 3); those given where nothing is to be done, or where it would take too much.

    Notes
    -----
    Least squares in the planes concerned alone: O(k^3) for k of them, 0.1 ms for four.
    """
    corner, p, q = _hip_ends(xy, edges, fixed, planes, reach[0])
    if len(corner) == 0:
        return planes
    used, number = np.unique(np.concatenate([p, q]), return_inverse=True)
    p, q = number[: len(p)], number[len(p) :]
    metres = xy / STEPS_PER_M
    k = len(used)
    moments = np.zeros((3 * k, 3 * k))
    corners_of = []
    for i, plane in enumerate(used):
        rows = _rows(metres[edges[0][(edges[1] == plane).any(axis=1)].ravel()])
        corners_of.append(rows)
        moments[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] = rows.T @ rows
    here = _rows(metres[corner])
    differ = np.zeros((len(corner), 3 * k))
    for i in range(len(corner)):
        differ[i, 3 * p[i] : 3 * p[i] + 3] = here[i]
        differ[i, 3 * q[i] : 3 * q[i] + 3] = -here[i]
    old = planes[used] / [1, 1, STEPS_PER_M]
    apart = -(differ @ old.ravel())
    free = np.repeat(np.hypot(old[:, 0], old[:, 1]) > _LEVEL, 3)
    free[2::3] = True
    stiff = _STIFF * np.trace(moments) / len(moments)
    normal = moments + stiff * (differ.T @ differ)
    flat = np.zeros(3 * k)
    flat[free] = np.linalg.solve(normal[np.ix_(free, free)], stiff * (differ[:, free].T @ apart))
    change = flat.reshape(k, 3)
    most = max(np.abs(corners @ change[i]).max() for i, corners in enumerate(corners_of))
    if not most * STEPS_PER_M <= reach[1]:
        return planes
    agreed = planes.copy()
    agreed[used] += change * [1, 1, STEPS_PER_M]
    return agreed


def _hip_ends(
    xy: NDArray[np.int64],
    edges: tuple[NDArray[np.int64], NDArray[np.int64]],
    fixed: NDArray[np.bool_],
    planes: NDArray[np.float64],
    reach: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Vertices that cannot give way in which hips and valleys end, with the planes on both sides."""
    inner = (edges[1] >= 0).all(axis=1)
    ends, sides = edges[0][inner], edges[1][inner]
    pinned = fixed | (np.bincount(ends.ravel(), minlength=len(xy)) >= 4)
    near = pinned[ends].any(axis=1)
    ends, sides = ends[near], sides[near]
    apart = planes[sides[:, 0]] - planes[sides[:, 1]]
    slope = np.hypot(apart[:, 0], apart[:, 1])
    place = xy[ends].astype(np.float64)
    off = np.abs(place[:, :, 0] * apart[:, :1] + place[:, :, 1] * apart[:, 1:2] + apart[:, 2:])
    hip = (slope >= _LEAST_SLOPE) & (off <= reach * slope[:, None]).all(axis=1)
    edge, end = np.nonzero(pinned[ends[hip]])
    return ends[hip][edge, end], sides[hip][edge, 0], sides[hip][edge, 1]


def _rows(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows x, y, 1."""
    return np.column_stack([xy, np.ones(len(xy))])
