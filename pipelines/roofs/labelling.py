"""The plane of every face of a roof's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

from pipelines.roofs.arrangement import faces_at
from pipelines.roofs.mincut import expand

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.roofs.arrangement import Arrangement
    from pipelines.roofs.params import RoofParams
    from pipelines.roofs.planes import RoofPlanes

__all__ = ["assign_planes", "face_costs", "lost_planes"]

_UNITS_PER_M2 = 1_000_000.0
"""Costs are whole millionths of a square metre, so that cuts are exact."""
_AWAY_M = 3.0
"""Distance from a plane's own points at which an empty face counts fully as not its own, metres."""
_AWAY_WEIGHT = 0.5
"""What such a square metre costs, square metres: less than a square metre of misfit, of which there are points."""
_OFF_M = 0.2
"""Distance from the roof at which a point is not explained by it, metres."""
_FORBIDDEN = 10.0
"""Cost of a plane beyond the height guard, times the face's area and added to it."""


def assign_planes(
    arrangement: Arrangement, xyz: NDArray[np.float64], planes: RoofPlanes, params: RoofParams
) -> NDArray[np.int32]:
    """Choose the plane of each face so that it fits the points with few and low steps between planes.

    Each face pays for the misfit of the points above it, as an area; each edge between faces of different planes pays
    by its length and the step there. The least sum is sought by alpha expansion, each expansion an exact minimum
    cut in whole numbers. A plane is not extended where it would rise above its own highest point or sink below its own
    lowest by more than `guard_m`: no towers over empty places. Faces without points take what is near and fits their
    neighbours.

    Parameters
    ----------
    arrangement
        Faces, in the frame of the points.
    xyz
        (n, 3) metres.
    planes
        At least one plane, and the plane of each point.
    params
        Weights.

    Returns
    -------
    (faces,) index of a plane.

    Notes
    -----
    About 0.3 ms for 1 500 points, five planes and ten faces; time grows with points times planes and with faces
    times planes.

    References
    ----------
    Boykov, Veksler and Zabih, Fast approximate energy minimization via graph cuts, PAMI 2001.
    """
    cost = face_costs(arrangement, xyz, planes, params)
    label: NDArray[np.int32] = cost.argmin(axis=1).astype(np.int32)
    inner = np.flatnonzero((arrangement.edge_faces >= 0).all(axis=1))
    inner = inner[arrangement.edge_faces[inner, 0] != arrangement.edge_faces[inner, 1]]
    if planes.n_planes > 1 and len(inner):
        ends = arrangement.vertices_m[arrangement.edges[inner]]
        length = arrangement.edge_length_m[inner] * _UNITS_PER_M2
        heights = ends @ planes.coefficients[:, :2].T + planes.coefficients[:, 2]
        between = (params.edge_weight_m * length, heights, params.step_weight_m * length, params.step_cap_m)
        pairs = np.ascontiguousarray(arrangement.edge_faces[inner])
        expand(np.rint(cost * _UNITS_PER_M2).astype(np.int64), pairs, between, label, params.max_sweeps)
    return label


def lost_planes(
    arrangement: Arrangement, label: NDArray[np.int32], xyz: NDArray[np.float64], planes: RoofPlanes
) -> tuple[NDArray[np.int64], float]:
    """Find planes whose points lie off the roof that was made of them.

    Parameters
    ----------
    arrangement, label
        Faces and the plane of each.
    xyz, planes
        Points and their planes.

    Returns
    -------
    tuple
        Planes of which more than half of the points lie further from their faces' planes than noise explains; and the
        mean distance of all points in planes, at most one metre each, metres along z.
    """
    own = np.flatnonzero(planes.label >= 0)
    face = faces_at(arrangement, xyz[own, :2])
    own, face = own[face >= 0], face[face >= 0]
    if not len(own):
        return np.empty(0, np.int64), 0.0
    a, b, c = planes.coefficients[label[face]].T
    off = np.minimum(np.abs(xyz[own, 2] - a * xyz[own, 0] - b * xyz[own, 1] - c), 1.0)
    far = np.bincount(planes.label[own], off > max(4.0 * planes.noise_m, _OFF_M), minlength=planes.n_planes)
    count = np.bincount(planes.label[own], minlength=planes.n_planes)
    return np.flatnonzero(2 * far > count), float(off.mean())


def face_costs(
    arrangement: Arrangement, xyz: NDArray[np.float64], planes: RoofPlanes, params: RoofParams
) -> NDArray[np.float64]:
    """Return what each plane costs at each face, (faces, planes) square metres."""
    face = faces_at(arrangement, xyz[:, :2])
    misfit, count, own = _misfits(xyz, planes.label, face, planes.coefficients, (arrangement.n_faces, params.misfit_m))
    covered = np.minimum(arrangement.area_m2, count * planes.spacing_m**2)
    cost = misfit / np.maximum(count, 1)[:, None] * covered[:, None]
    empty = arrangement.area_m2 - covered
    bare = np.flatnonzero(empty > 0.5 * arrangement.area_m2)
    away = _nearest(xyz, planes.label, arrangement.inside_m[bare], planes.n_planes)
    cost[bare] += _AWAY_WEIGHT * empty[bare, None] * np.minimum(away / _AWAY_M, 1.0)
    beyond = _beyond(arrangement, xyz, planes, params.guard_m) & (2 * own <= count[:, None])
    cost += np.where(beyond, _FORBIDDEN * (1.0 + arrangement.area_m2[:, None]), 0.0)
    return np.asarray(cost)


def _beyond(
    arrangement: Arrangement, xyz: NDArray[np.float64], planes: RoofPlanes, guard_m: float
) -> NDArray[np.bool_]:
    """Tell where a plane would leave the heights of its own points, (faces, planes)."""
    low, high = _height_range(xyz, planes.label, planes.n_planes)
    corner = arrangement.vertices_m[arrangement.corners]
    z = corner @ planes.coefficients[:, :2].T + planes.coefficients[:, 2]
    first = arrangement.ring_start[arrangement.face_start[:-1]]
    highest = np.maximum.reduceat(z, first, axis=0)
    lowest = np.minimum.reduceat(z, first, axis=0)
    return np.asarray((highest > high + guard_m) | (lowest < low - guard_m))


@nb.njit(cache=True)
def _misfits(xyz: Any, label: Any, face: Any, coefficients: Any, sizes: Any) -> Any:
    faces, full = sizes
    planes = len(coefficients)
    misfit = np.zeros((faces, planes))
    own = np.zeros((faces, planes), np.int64)
    count = np.zeros(faces, np.int64)
    for p in range(label.size):
        f = face[p]
        if f < 0 or label[p] < 0:
            continue
        count[f] += 1
        own[f, label[p]] += 1
        for m in range(planes):
            off = xyz[p, 2] - coefficients[m, 0] * xyz[p, 0] - coefficients[m, 1] * xyz[p, 1] - coefficients[m, 2]
            misfit[f, m] += min(abs(off) / full, 1.0)
    return misfit, count, own


@nb.njit(cache=True)
def _nearest(xyz: Any, label: Any, places: Any, planes: int) -> Any:
    """Distance from each place to the nearest point of each plane, (places, planes) metres."""
    away = np.full((len(places), planes), np.inf)
    for i in range(len(places)):
        for p in range(label.size):
            if label[p] >= 0:
                d = (xyz[p, 0] - places[i, 0]) ** 2 + (xyz[p, 1] - places[i, 1]) ** 2
                if d < away[i, label[p]]:
                    away[i, label[p]] = d
    return np.sqrt(away)


@nb.njit(cache=True)
def _height_range(xyz: Any, label: Any, planes: int) -> Any:
    low, high = np.full(planes, np.inf), np.full(planes, -np.inf)
    for p in range(label.size):
        if label[p] >= 0:
            low[label[p]] = min(low[label[p]], xyz[p, 2])
            high[label[p]] = max(high[label[p]], xyz[p, 2])
    return low, high
