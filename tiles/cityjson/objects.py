"""Terrain, bridges, water and trees as CityObjects, beside buildings in one document or sequence; and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.cityjson.encode import city_object
from tiles.cityjson.sheets import sheets
from twin.building import Building
from twin.cityobject import CityObject, Tin
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from tiles.cityjson.encode import Vertices
    from tiles.storage import Place

__all__ = ["Item", "city_item", "corners_of", "read_objects"]

Item = Building | CityObject | Tin
"""Whatever a city model holds."""

_KINDS = ("Bridge", "WaterBody", "SolitaryVegetationObject")


def corners_of(item: Item) -> NDArray[np.float64]:
    """Return the vertices of an item, shape (n, 3), metres; of a building those of its highest level."""
    return item.solid.vertices if isinstance(item, Building) else item.vertices


def city_item(item: Item, vertices: Vertices) -> dict[str, Any]:
    """Return the CityObject of an item; its vertices go to `vertices`."""
    if isinstance(item, Building):
        return city_object(item, vertices)
    index = vertices.indices(item.vertices)
    if isinstance(item, Tin):
        corners = np.asarray(index)[item.triangles][:, None, :]
        surfaces = [
            {"type": "CompositeSurface", "lod": item.lod, "boundaries": corners[sheet].tolist()}
            for sheet in sheets(item.triangles)
        ]
        return {"type": "TINRelief", "attributes": dict(item.attributes), "geometry": surfaces}
    return {"type": item.kind, "attributes": dict(item.attributes), "geometry": [_faces(item, index)]}


def _faces(item: CityObject, index: list[int]) -> dict[str, Any]:
    shell = [[[index[corner] for corner in ring] for ring in face] for face in item.faces]
    geometry: dict[str, Any] = {
        "type": "Solid" if item.is_solid else "MultiSurface",
        "lod": item.lod,
        "boundaries": [shell] if item.is_solid else shell,
    }
    kinds = [kind for kind in dict.fromkeys(item.semantics) if kind is not None]
    if kinds:
        values = [None if kind is None else kinds.index(kind) for kind in item.semantics]
        surfaces = [{"type": kind} for kind in kinds]
        geometry["semantics"] = {"surfaces": surfaces, "values": [values] if item.is_solid else values}
    return geometry


def read_objects(path: Place) -> Iterator[CityObject | Tin]:
    """Yield what a CityJSONSeq file of ours holds beside buildings, in the file's order.

    Raises
    ------
    FormatError
        If a line is not JSON or an object is not as `city_item` writes it; the message has the line's number.
    """
    with path.open(encoding="utf-8") as lines:
        transform: Mapping[str, Any] = {}
        for number, line in enumerate(lines, start=1):
            try:
                content = json.loads(line)
                transform = content.get("transform", transform)
                steps = np.asarray(content["vertices"], np.float64).reshape(-1, 3)
                vertices = np.round(steps * np.asarray(transform["scale"]) + np.asarray(transform["translate"]), 4)
                for name, entry in content["CityObjects"].items():
                    if entry["type"] == "TINRelief":
                        yield _tin(name, entry, vertices)
                    elif entry["type"] in _KINDS:
                        yield _object(name, entry, vertices)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise FormatError(f"{path}, line {number}: not a city object as CityJSON has it: {error!r}") from None


def _tin(name: str, entry: Mapping[str, Any], vertices: NDArray[np.float64]) -> Tin:
    surfaces = entry["geometry"]
    triangles = np.concatenate([np.asarray(surface["boundaries"], np.int32).reshape(-1, 3) for surface in surfaces])
    return Tin(
        id=name, vertices=vertices, triangles=triangles, lod=surfaces[0]["lod"], attributes=entry.get("attributes", {})
    )


def _object(name: str, entry: Mapping[str, Any], vertices: NDArray[np.float64]) -> CityObject:
    geometry = entry["geometry"][0]
    is_solid = geometry["type"] == "Solid"
    shell = geometry["boundaries"][0] if is_solid else geometry["boundaries"]
    semantics: tuple[str | None, ...] = (None,) * len(shell)
    if "semantics" in geometry:
        kinds = [surface["type"] for surface in geometry["semantics"]["surfaces"]]
        values = geometry["semantics"]["values"]
        semantics = tuple(None if value is None else kinds[value] for value in (values[0] if is_solid else values))
    return CityObject(
        id=name,
        kind=entry["type"],
        lod=geometry["lod"],
        vertices=vertices,
        faces=tuple(tuple(tuple(ring) for ring in face) for face in shell),
        semantics=semantics,
        is_solid=is_solid,
        attributes=entry.get("attributes", {}),
    )
