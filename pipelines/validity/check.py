"""Is a solid a solid: our own check, in val3dity's codes, before anybody else finds out.

Checked are the combinatorics (each edge used once in either direction, one connected shell), flat faces and the
direction of the shell. Not checked is whether faces cut through each other: an extruded valid outline cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.building import Solid

__all__ = ["CODES", "check_solid", "volume_m3"]

CODES = {
    101: "a ring has fewer than three vertices",
    102: "a ring repeats a vertex",
    203: "a face is not flat",
    301: "too few faces",
    302: "the shell is not closed",
    303: "an edge is used more than twice or twice in one direction",
    305: "the shell is in several pieces",
    405: "the shell is inside out",
}
"""Codes that `check_solid` can give, as val3dity numbers them."""


def check_solid(solid: Solid, planarity_m: float = 0.01) -> tuple[int, ...]:
    """Return the codes of all faults found; empty for a valid solid.

    Parameters
    ----------
    solid
        Any polyhedron, of whatever level of detail.
    planarity_m
        Largest distance of a vertex to its face's mean plane, metres (val3dity's default).
    """
    if len(solid.faces) < 4:
        return (301,)
    rings = [ring for face in solid.faces for ring in face]
    if min(map(len, rings)) < 3:
        return (101,)
    corners, ring_start, face_start = _flat(solid)
    found = _faults(solid.vertices, corners, ring_start, face_start, planarity_m)
    return tuple(int(code) for code in found)


def volume_m3(solid: Solid) -> float:
    """Volume by the divergence theorem, cubic metres; negative if the shell is inside out."""
    corners, ring_start, _ = _flat(solid)
    return float(_volume(solid.vertices, corners, ring_start))


def _flat(solid: Solid) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    rings = [ring for face in solid.faces for ring in face]
    corners = np.fromiter((corner for ring in rings for corner in ring), np.int64)
    ring_start = np.zeros(len(rings) + 1, np.int64)
    np.cumsum([len(ring) for ring in rings], out=ring_start[1:])
    face_start = np.zeros(len(solid.faces) + 1, np.int64)
    np.cumsum([len(face) for face in solid.faces], out=face_start[1:])
    return corners, ring_start, face_start


@nb.njit(cache=True)
def _faults(vertices: Any, corners: Any, ring_start: Any, face_start: Any, planarity_m: float) -> Any:
    codes = np.zeros(500, np.bool_)
    n = len(vertices)
    n_edges = len(corners)
    edge = np.empty(n_edges, np.int64)
    parent = np.arange(n)
    for r in range(len(ring_start) - 1):
        for k in range(ring_start[r], ring_start[r + 1]):
            u = corners[k]
            v = corners[k + 1] if k + 1 < ring_start[r + 1] else corners[ring_start[r]]
            codes[102] |= u == v
            edge[k] = u * n + v
            _join(parent, u, v)
    for f in range(len(face_start) - 1):  # a hole belongs to its face although no edge joins the two rings
        for r in range(face_start[f], face_start[f + 1]):
            _join(parent, corners[ring_start[face_start[f]]], corners[ring_start[r]])
        codes[203] |= _bulge(vertices, corners, ring_start, face_start[f], face_start[f + 1]) > planarity_m
    edge.sort()
    for k in range(n_edges):
        if k + 1 < n_edges and edge[k] == edge[k + 1]:
            codes[303] = True
        back = (edge[k] % n) * n + edge[k] // n
        at = np.searchsorted(edge, back)
        codes[302] |= at == n_edges or edge[at] != back
    root = _root(parent, corners[0])
    for k in range(n_edges):
        codes[305] |= _root(parent, corners[k]) != root
    codes[405] = _volume(vertices, corners, ring_start) <= 0.0
    return np.flatnonzero(codes)


@nb.njit(cache=True)
def _root(parent: Any, item: int) -> int:
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@nb.njit(cache=True)
def _join(parent: Any, first: int, second: int) -> None:
    a, b = _root(parent, first), _root(parent, second)
    parent[max(a, b)] = min(a, b)


@nb.njit(cache=True)
def _bulge(vertices: Any, corners: Any, ring_start: Any, first: int, last: int) -> float:
    """Largest distance of a face's vertices to the plane through their mean with Newell's normal."""
    normal = np.zeros(3)
    mean = np.zeros(3)
    start, stop = ring_start[first], ring_start[last]
    for k in range(start, stop):
        mean += vertices[corners[k]]
    mean /= stop - start
    for r in range(first, last):
        for k in range(ring_start[r], ring_start[r + 1]):
            a = vertices[corners[k]] - mean
            b = vertices[corners[k + 1] if k + 1 < ring_start[r + 1] else corners[ring_start[r]]] - mean
            normal += np.cross(a, b)
    length = np.sqrt((normal * normal).sum())
    if length == 0.0:
        return np.inf
    worst = 0.0
    for k in range(start, stop):
        worst = max(worst, abs((normal * (vertices[corners[k]] - mean)).sum()) / length)
    return worst


@nb.njit(cache=True)
def _volume(vertices: Any, corners: Any, ring_start: Any) -> float:
    """Signed volume; rings are fanned from their first vertex, holes run backwards and so subtract."""
    origin = vertices[corners[0]]
    total = 0.0
    for r in range(len(ring_start) - 1):
        a = vertices[corners[ring_start[r]]] - origin
        for k in range(ring_start[r] + 1, ring_start[r + 1] - 1):
            b, c = vertices[corners[k]] - origin, vertices[corners[k + 1]] - origin
            total += (a * np.cross(b, c)).sum()
    return total / 6.0
