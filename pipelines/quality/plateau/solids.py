"""Faults of solids and between them: rules L14 (closed, well bounded), L-bldg-01 (overlap) and L-bldg-02 (parts)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipelines.quality.plateau.faces import area_vector
from pipelines.validity import check_solid
from twin.building import Solid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["Shell", "groups_of_touching", "overlapping_outlines", "overlapping_shells", "shell_fault", "shell_of"]

_TOUCHING_M = 0.01
"""Neighbours may share a wall: what overlaps by no more is that wall, metres."""
_LEAST_AREA_M2 = 0.01
"""Overlap of two outlines that counts, square metres."""
_FIRST_OF_SHELLS = 300
"""val3dity's codes of shells and solids begin here; those of faces are told by the faces' own rules."""


class Shell:
    """Faces of one solid with shared corners."""

    def __init__(self, faces: Sequence[Sequence[NDArray[np.float64]]]) -> None:
        rings = [ring for face in faces for ring in face]
        self.points, index = np.unique(np.concatenate(rings), axis=0, return_inverse=True)
        at, flat = 0, index.reshape(-1).tolist()
        self.faces: list[list[list[int]]] = []
        for face in faces:
            corners = []
            for ring in face:
                corners.append(_open(flat[at : at + len(ring)]))
                at += len(ring)
            self.faces.append(corners)

    @property
    def low(self) -> float:
        """Lowest height, metres."""
        return float(self.points[:, 2].min())

    @property
    def high(self) -> float:
        """Highest height, metres."""
        return float(self.points[:, 2].max())

    def plan(self) -> shapely.Geometry:
        """Return what it covers seen from above."""
        plans = [shapely.Polygon(self.points[face[0], :2]) for face in self.faces if len(face[0]) >= 3]
        kept = [plan.buffer(0) for plan in plans if plan.area > 0]
        return shapely.union_all(kept)

    def heights_at(self, x: float, y: float) -> list[float]:
        """Return where a plumb line enters and leaves it, upwards."""
        found = []
        place = shapely.Point(x, y)
        for face in self.faces:
            rings = [self.points[ring] for ring in face if len(ring) >= 3]
            if not rings:
                continue
            normal = area_vector(rings[0])
            plan = shapely.Polygon(rings[0][:, :2], [ring[:, :2] for ring in rings[1:]])
            if abs(normal[2]) > 1e-9 * float(np.abs(normal).sum()) and plan.contains(place):
                base = rings[0].mean(axis=0)
                found.append(float(base[2] - (normal[0] * (x - base[0]) + normal[1] * (y - base[1])) / normal[2]))
        return sorted(found)


def shell_of(faces: Sequence[Sequence[NDArray[np.float64]]]) -> Shell | None:
    """Return the shell of a solid's faces; None if there are none."""
    return Shell(faces) if faces else None


def shell_fault(shell: Shell) -> str:
    """Return ``SurfaceNotClosed``, ``InvalidSolidBoundaries``, or nothing.

    Closed means that each edge has as many faces as an even number; the boundary is good if each edge is run once each
    way, the solid is not inside out, and none of val3dity's faults of shells is in it.
    """
    directed = Counter(
        (ring[i - 1], ring[i]) for face in shell.faces for ring in face if len(ring) >= 3 for i in range(len(ring))
    )
    undirected: Counter[tuple[int, int]] = Counter()
    for (a, b), count in directed.items():
        undirected[min(a, b), max(a, b)] += count
    if any(count % 2 for count in undirected.values()):
        return "SurfaceNotClosed"
    if any(count != 1 or directed[b, a] != 1 for (a, b), count in directed.items()):
        return "InvalidSolidBoundaries"
    faces = tuple(tuple(tuple(ring) for ring in face if len(ring) >= 3) for face in shell.faces if len(face[0]) >= 3)
    solid = Solid(vertices=shell.points - shell.points[0], faces=faces, semantics=("",) * len(faces))
    return "InvalidSolidBoundaries" if any(code >= _FIRST_OF_SHELLS for code in check_solid(solid)) else ""


def overlapping_outlines(outlines: Sequence[shapely.Geometry]) -> Iterator[tuple[int, int]]:
    """Yield pairs of outlines that share more than a seam, by index."""
    for i, j in _near(outlines):
        shared = shapely.intersection(outlines[i], outlines[j]).buffer(-_TOUCHING_M)
        if shared.area > _LEAST_AREA_M2:
            yield i, j


def overlapping_shells(shells: Sequence[Shell]) -> Iterator[tuple[int, int]]:
    """Yield pairs of solids that share room, by index.

    Looked for along plumb lines through the triangles of what both cover in plan, so two that only meet in a place
    between all of them are missed; none is found that is not there.
    """
    plans = [shell.plan() for shell in shells]
    for i, j in _near(plans):
        one, other = shells[i], shells[j]
        if min(one.high, other.high) - max(one.low, other.low) <= _TOUCHING_M:
            continue
        shared = shapely.intersection(plans[i], plans[j]).buffer(-_TOUCHING_M)
        if shared.area > _LEAST_AREA_M2 and any(_share_room(one, other, x, y) for x, y in _probes(shared)):
            yield i, j


def groups_of_touching(shells: Sequence[Shell]) -> list[list[int]]:
    """Return the groups of solids that hang together, each by index, in order of their first."""
    group = list(range(len(shells)))
    plans = [shell.plan() for shell in shells]
    for i in range(len(shells)):
        for j in range(i):
            apart = max(shells[i].low, shells[j].low) - min(shells[i].high, shells[j].high)
            if apart <= _TOUCHING_M and shapely.distance(plans[i], plans[j]) <= _TOUCHING_M:
                old, new = max(group[i], group[j]), min(group[i], group[j])
                group = [new if one == old else one for one in group]
    return [[i for i in range(len(shells)) if group[i] == first] for first in dict.fromkeys(group)]


def _near(shapes: Sequence[shapely.Geometry]) -> list[tuple[int, int]]:
    own = np.array(list(shapes), dtype=object)
    first, second = shapely.STRtree(own).query(own, predicate="intersects")
    return sorted((i, j) for i, j in zip(first.tolist(), second.tolist(), strict=True) if i < j)


def _probes(shared: shapely.Geometry) -> list[tuple[float, float]]:
    """Places inside: one for each triangle of its corners, and one that is surely in each part."""
    places = [part.representative_point() for part in shapely.get_parts(shared)]
    places += [part.centroid for part in shapely.get_parts(shapely.delaunay_triangles(shared))]
    return [(place.x, place.y) for place in places if shared.contains(place)]


def _share_room(one: Shell, other: Shell, x: float, y: float) -> bool:
    first, second = one.heights_at(x, y), other.heights_at(x, y)
    spans = [list(zip(heights[::2], heights[1::2], strict=False)) for heights in (first, second)]
    return any(min(a[1], b[1]) - max(a[0], b[0]) > _TOUCHING_M for a in spans[0] for b in spans[1])


def _open(ring: list[int]) -> list[int]:
    """Drop the closing point, and points that repeat the one before."""
    kept = [corner for i, corner in enumerate(ring) if i == 0 or corner != ring[i - 1]]
    while len(kept) > 1 and kept[-1] == kept[0]:
        kept.pop()
    return kept
