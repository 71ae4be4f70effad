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
        Polygons of the same corners without holes: triangles joined, along their longest edges first, as long as no
        ring passes a corner twice.
    """
    if len(np.unique(np.concatenate(rings))) == sum(map(len, rings)):
        return [tuple(tuple(ring.tolist()) for ring in rings)]
    parts = [dict(zip(t, t[1:] + t[:1], strict=True)) for (t,) in triangulate(xy, rings)]
    if not parts:
        return [tuple(tuple(ring.tolist()) for ring in rings)]
    owner = {edge: k for k, part in enumerate(parts) for edge in part.items()}
    inner = [(a, b) for a, b in owner if a < b and (b, a) in owner]
    for a, b in sorted(inner, key=lambda edge: (-int(((xy[edge[0]] - xy[edge[1]]) ** 2).sum()), edge)):
        low, high = sorted((owner[a, b], owner[b, a]))
        whole = _united(parts[low], parts[high]) if low != high else None
        if whole is not None:
            parts[low], parts[high] = whole, {}
            owner.update(dict.fromkeys(whole.items(), low))
    return [(_walk(part),) for part in parts if part]


def _united(one: dict[int, int], other: dict[int, int]) -> dict[int, int] | None:
    """Both rings (corner to corner) as one, or nothing if that one would pass a corner twice."""
    edges = [(a, b) for a, b in one.items() if other.get(b) != a]
    edges += [(a, b) for a, b in other.items() if one.get(b) != a]
    whole = dict(edges)
    return whole if len(whole) == len(edges) == len(_walk(whole)) else None


def _walk(ring: dict[int, int]) -> Ring:
    """Corners of a ring in their order."""
    first = next(iter(ring))
    corners = [first]
    while ring[corners[-1]] != first:
        corners.append(ring[corners[-1]])
    return tuple(corners)


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
