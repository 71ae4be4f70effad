"""Buildings, terrain, bridges, water and trees as triangles, one by one, cut some hundred at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.tiles3d.buildings import facts
from tiles.tiles3d.solids import SURFACES, mesh_of
from twin.building import Building, Solid
from twin.cityobject import CityObject, Tin
from twin.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Item", "Piece", "Thing", "pieces", "things"]

Item = Building | CityObject | Tin
"""Whatever a city model holds."""

_BATCH = 256
"""Solids triangulated at once: enough for arrays to pay, few enough to stay at some megabytes."""

_OF_TREES, _OF_TERRAIN = "Vegetation", "Terrain"
"""What faces are called that have no meaning of their own in CityGML."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thing:
    """One object with its faces and what is known of it."""

    id: str
    type: str
    """Class of CityGML: ``Building``, ``TINRelief``, ``Bridge``, ``WaterBody``, ``SolitaryVegetationObject``."""
    solid: Solid
    """Of a building that of its highest level; not always closed."""
    facts: Mapping[str, Any]
    """By published names."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """One thing as triangles; n corners, which no two faces share."""

    thing: Thing
    positions: NDArray[np.float64]
    """Shape (n, 3), metres in the store's CRS."""
    normals: NDArray[np.float64]
    """Shape (n, 3), unit length, outward."""
    vertex: NDArray[np.int64]
    """Shape (n,): which vertex of the solid each corner is; by these the faces share them."""
    triangles: tuple[tuple[str, NDArray[np.int64]], ...]
    """Per kind of surface that there is, its triangles, shape (k, 3), by corner, counter-clockwise from outside."""


def things(items: Iterable[Item]) -> list[Thing]:
    """Return what can be drawn, buildings by id and then the others by class and id.

    Raises
    ------
    StageError
        If there is nothing.
    """
    made = [_thing(item) for item in items]
    found = [thing for thing in made if _is_drawable(thing.solid)]
    if not found:
        raise StageError("no buildings to export; run the model stage first, or look at its list of failures")
    return sorted(found, key=lambda thing: (thing.type != "Building", thing.type, thing.id))


def pieces(found: Sequence[Thing]) -> Iterator[Piece]:
    """Yield things as triangles, in their order; none of those without any area."""
    for first in range(0, len(found), _BATCH):
        yield from _batch(found[first : first + _BATCH])


def _thing(item: Item) -> Thing:
    if isinstance(item, Building):
        return Thing(id=item.id, type="Building", solid=item.solid, facts=facts(item))
    known = {"id": item.id, "lod": item.lod, **item.attributes}
    if isinstance(item, Tin):
        faces = tuple((tuple(triangle),) for triangle in item.triangles.tolist())
        solid = Solid(vertices=item.vertices, faces=faces, semantics=(_OF_TERRAIN,) * len(faces))
        return Thing(id=item.id, type="TINRelief", solid=solid, facts=known)
    unnamed = _OF_TREES if item.kind == "SolitaryVegetationObject" else "WallSurface"
    semantics = tuple(kind or unnamed for kind in item.semantics)
    return Thing(
        id=item.id,
        type=item.kind,
        solid=Solid(vertices=item.vertices, faces=item.faces, semantics=semantics),
        facts=known,
    )


def _is_drawable(solid: Solid) -> bool:
    return bool(solid.faces) and len(solid.faces) == len(solid.semantics) and bool(np.isfinite(solid.vertices).all())


def _batch(batch: Sequence[Thing]) -> Iterator[Piece]:
    vertices = [thing.solid.vertices for thing in batch]
    mesh = mesh_of([thing.solid for thing in batch], vertices)
    corner = np.searchsorted(mesh.feature, np.arange(len(batch) + 1))
    leading = mesh.triangles[:, 0]
    key = mesh.feature[leading] * len(SURFACES) + mesh.surface[leading]
    order = np.argsort(key, kind="stable")
    bounds = np.searchsorted(key[order], np.arange(len(batch) * len(SURFACES) + 1))
    n_before = np.cumsum([0, *map(len, vertices)])
    for number, thing in enumerate(batch):
        start, stop = corner[number : number + 2]
        if start == stop:  # faces without area: nothing to see
            continue
        by_kind = bounds[number * len(SURFACES) :]
        found = [(kind, mesh.triangles[order[by_kind[i] : by_kind[i + 1]]] - start) for i, kind in enumerate(SURFACES)]
        yield Piece(
            thing=thing,
            positions=mesh.positions[start:stop],
            normals=mesh.normals[start:stop],
            vertex=mesh.vertex[start:stop] - n_before[number],
            triangles=tuple((kind, triangles) for kind, triangles in found if len(triangles)),
        )
