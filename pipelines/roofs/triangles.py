"""The last resort for a face that cannot be flat: triangles without new corners and without flat ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pieces", "triangulate"]

Ring = tuple[int, ...]


def pieces(xy: NDArray[np.int64], rings: list[NDArray[np.int64]]) -> list[tuple[Ring, ...]]:
    """Cut a polygon whose rings touch each other into polygons whose rings do not.

    A hole that touches the outer ring in one corner is valid, but few triangulators and no reader of OBJ survive it.

    Parameters
    ----------
    xy
        Places in plan, shape (n, 2) int64.
    rings
        Indices into `xy`: the outer ring counter-clockwise, then holes clockwise.

    Returns
    -------
    list
        Polygons of the same corners, by as few cuts as that takes.
    """
    every, times = np.unique(np.concatenate(rings), return_counts=True)
    if times.max() == 1:
        return [tuple(tuple(ring.tolist()) for ring in rings)]
    whole = _polygon(xy, rings)
    parts = shapely.get_parts(shapely.make_valid(whole))
    parts = parts[shapely.area(parts) > 0]
    if len(parts) == 1:
        chord = _chord(xy, rings, set(every[times > 1].tolist()))
        if chord is None:
            return triangulate(xy, rings)
        lines = [xy[[a, b]] for ring in rings for a, b in zip(ring, np.roll(ring, -1), strict=True)]
        parts = shapely.get_parts(shapely.polygonize(shapely.linestrings([*lines, xy[list(chord)]])))
        parts = parts[shapely.contains(whole, shapely.point_on_surface(parts))]
    number = {tuple(xy[v].tolist()): int(v) for v in every}
    found: list[tuple[Ring, ...]] = []
    for part in shapely.orient_polygons(parts):
        boundary = [shapely.get_coordinates(ring)[:-1].astype(np.int64) for ring in (part.exterior, *part.interiors)]
        found += pieces(xy, [np.array([number[x, y] for x, y in ring.tolist()]) for ring in boundary])
    return found


def _chord(xy: NDArray[np.int64], rings: list[NDArray[np.int64]], shared: set[int]) -> tuple[int, int] | None:
    """Shortest edge of a triangulation that joins two rings and no corner that they share."""
    ring_of = {v: r for r, ring in enumerate(rings) for v in ring.tolist()}
    best, least = None, np.inf
    for (triangle,) in triangulate(xy, rings):
        for a, b in zip(triangle, triangle[1:] + triangle[:1], strict=True):
            length = float(np.sum((xy[a] - xy[b]) ** 2))
            if length < least and ring_of[a] != ring_of[b] and not {a, b} & shared:
                best, least = (a, b), length
    return best


def _polygon(xy: NDArray[np.int64], rings: list[NDArray[np.int64]]) -> shapely.Polygon:
    return shapely.Polygon(xy[rings[0]], [xy[ring] for ring in rings[1:]])


def triangulate(xy: NDArray[np.int64], rings: list[NDArray[np.int64]]) -> list[tuple[Ring, ...]]:
    """Cut a polygon into triangles that use every corner.

    GEOS makes a constrained Delaunay triangulation; flat triangles at corners on straight edges are flipped away.

    Parameters
    ----------
    xy
        Places in plan, shape (n, 2) int64.
    rings
        Indices into `xy`: the outer ring counter-clockwise, then holes clockwise.

    Returns
    -------
    list
        Triangles, counter-clockwise, as faces of one ring; empty if there are none that use every corner.
    """
    number = {tuple(xy[v].tolist()): int(v) for ring in rings for v in ring}
    whole = shapely.make_valid(_polygon(xy, rings))
    cut = shapely.get_parts(shapely.constrained_delaunay_triangles(whole))
    if len(cut) == 0:
        return []
    corners = shapely.get_coordinates(cut).astype(np.int64).reshape(-1, 4, 2)[:, :3]
    triangles = np.array([[number.get((x, y), -1) for x, y in triangle] for triangle in corners.tolist()])
    if triangles.min() < 0:
        return []
    if not _flip(xy, triangles) or len(np.unique(triangles)) < len(number):
        return []
    return [(tuple(triangle),) for triangle in triangles.tolist()]


@nb.njit(cache=True)
def _flip(xy: Any, triangles: Any) -> bool:
    """Orient triangles and flip edges until none is flat; whether that succeeded. O(n^2) a pass."""
    n = len(triangles)
    for t in range(n):
        if _area2(xy, triangles[t]) < 0:
            triangles[t, 1], triangles[t, 2] = triangles[t, 2], triangles[t, 1]
    for _ in range(n):
        flat = -1
        for t in range(n):
            if _area2(xy, triangles[t]) <= 0 and _flip_longest(xy, triangles, t):
                flat = t
        if flat < 0:
            break
    least = 1
    for t in range(n):
        least = min(least, _area2(xy, triangles[t]))
    return least > 0


@nb.njit(cache=True)
def _area2(xy: Any, t: Any) -> int:
    a, b, c = xy[t[0]], xy[t[1]], xy[t[2]]
    return int((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


@nb.njit(cache=True)
def _flip_longest(xy: Any, triangles: Any, t: int) -> bool:
    """Replace a flat triangle and its neighbour on the longest side by two others."""
    longest, at = -1.0, 0
    for k in range(3):
        p, q = triangles[t, k], triangles[t, (k + 1) % 3]
        length = float(xy[p, 0] - xy[q, 0]) ** 2 + float(xy[p, 1] - xy[q, 1]) ** 2
        if length > longest:
            longest, at = length, k
    p, q, tip = triangles[t, at], triangles[t, (at + 1) % 3], triangles[t, (at + 2) % 3]
    for other in range(len(triangles)):
        for k in range(3):
            a, b = triangles[other, k], triangles[other, (k + 1) % 3]
            if other != t and ((a == p and b == q) or (a == q and b == p)):
                far = triangles[other, (k + 2) % 3]
                triangles[t, 0], triangles[t, 1], triangles[t, 2] = tip, b, far
                triangles[other, 0], triangles[other, 1], triangles[other, 2] = a, tip, far
                return True
    return False
