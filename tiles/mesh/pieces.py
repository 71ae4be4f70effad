"""Buildings as triangles, one by one, cut some hundred at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tiles.tiles3d.buildings import is_drawable
from tiles.tiles3d.solids import SURFACES, mesh_of
from twin.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from twin.building import Building

__all__ = ["Piece", "drawable", "pieces"]

_BATCH = 256
"""Buildings triangulated at once: enough for arrays to pay, few enough to stay at some megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """One building; n corners, which no two faces share."""

    building: Building
    positions: NDArray[np.float64]
    """Shape (n, 3), metres in the building's CRS."""
    normals: NDArray[np.float64]
    """Shape (n, 3), unit length, outward."""
    vertex: NDArray[np.int64]
    """Shape (n,): which vertex of the solid each corner is; by these the faces share them."""
    triangles: tuple[tuple[str, NDArray[np.int64]], ...]
    """Per kind of surface that there is, its triangles, shape (k, 3), by corner, counter-clockwise from outside."""


def drawable(buildings: Sequence[Building]) -> list[Building]:
    """Return the buildings that have a body, by id.

    Raises
    ------
    StageError
        If there are none.
    """
    found = sorted((b for b in buildings if is_drawable(b)), key=lambda building: building.id)
    if not found:
        raise StageError("no buildings to export; run the model stage first, or look at its list of failures")
    return found


def pieces(buildings: Sequence[Building]) -> Iterator[Piece]:
    """Yield the solid of the highest level of each building, in their order; none of those without any area."""
    for first in range(0, len(buildings), _BATCH):
        yield from _batch(buildings[first : first + _BATCH])


def _batch(batch: Sequence[Building]) -> Iterator[Piece]:
    vertices = [building.solid.vertices for building in batch]
    mesh = mesh_of([building.solid for building in batch], vertices)
    corner = np.searchsorted(mesh.feature, np.arange(len(batch) + 1))
    leading = mesh.triangles[:, 0]
    key = mesh.feature[leading] * len(SURFACES) + mesh.surface[leading]
    order = np.argsort(key, kind="stable")
    bounds = np.searchsorted(key[order], np.arange(len(batch) * len(SURFACES) + 1))
    n_before = np.cumsum([0, *map(len, vertices)])
    for number, building in enumerate(batch):
        start, stop = corner[number : number + 2]
        if start == stop:  # faces without area: nothing to see
            continue
        by_kind = bounds[number * len(SURFACES) :]
        found = [(kind, mesh.triangles[order[by_kind[i] : by_kind[i + 1]]] - start) for i, kind in enumerate(SURFACES)]
        yield Piece(
            building=building,
            positions=mesh.positions[start:stop],
            normals=mesh.normals[start:stop],
            vertex=mesh.vertex[start:stop] - n_before[number],
            triangles=tuple((kind, triangles) for kind, triangles in found if len(triangles)),
        )
