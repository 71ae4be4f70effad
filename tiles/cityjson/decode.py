"""One CityObject as a `Building`: what is missing is told from the geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.silhouette import facing, seen_from_above
from twin.building import Building, Solid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from shapely import Polygon

__all__ = ["building_of", "outline_of"]

Faces = list[list[list[int]]]

_SURFACES = {"MultiSurface", "CompositeSurface", "Solid", "MultiSolid", "CompositeSolid"}


def building_of(name: str, item: Mapping[str, Any], vertices: NDArray[np.float64]) -> Building | None:
    """Read one Building or BuildingPart; None if it has no surface above LoD0.

    Parameters
    ----------
    name
        Id of the object.
    item
        The CityObject.
    vertices
        All vertices of its document, shape (n, 3), metres.

    Raises
    ------
    ValueError
        If its shape is that of a geometry template, which is not followed.
    """
    _refuse_templates(item)
    geometries = [g for g in item.get("geometry", []) if g.get("type") in _SURFACES and g.get("boundaries")]
    flat = [g for g in geometries if str(g.get("lod", ""))[:1] == "0"]
    bodies = [g for g in geometries if str(g.get("lod", ""))[:1] != "0"]
    if not bodies:
        return None
    # Of two bodies of one level the solid counts, and of two alike the first.
    order = sorted(range(len(bodies)), key=lambda i: (bodies[i]["type"].endswith("Solid"), -i))
    by_lod = {str(bodies[i]["lod"]): bodies[i] for i in order}
    solids = {lod: _solid(by_lod[lod], vertices) for lod in sorted(by_lod)}
    best, solid = by_lod[max(by_lod)], solids[max(by_lod)]
    attributes = dict(item.get("attributes") or {})
    if item.get("parents"):
        attributes["parent"] = item["parents"][0]
    if not best["type"].endswith("Solid"):
        attributes["surfaces_only"] = True
    ground = float(attributes.pop("ground_m", solid.vertices[:, 2].min()))
    roof = float(attributes.pop("roof_m", solid.vertices[:, 2].max()))
    return Building(
        id=name,
        footprint=_outline(flat, solid, vertices),
        ground_m=ground,
        roof_m=roof,
        measured_height_m=float(attributes.pop("measuredHeight", roof - ground)),
        n_points=int(attributes.pop("n_points", 0)),
        rmse_m=float(attributes.pop("rmse_m", np.nan)),
        solids=solids,
        attributes=attributes,
    )


def outline_of(item: Mapping[str, Any], vertices: NDArray[np.float64]) -> Polygon | None:
    """Return what an object covers in plan: its LoD0 or what its surfaces cover; None if it has no surfaces."""
    _refuse_templates(item)
    geometries = [g for g in item.get("geometry", []) if g.get("type") in _SURFACES and g.get("boundaries")]
    if not geometries:
        return None
    flat = [g for g in geometries if str(g.get("lod", ""))[:1] == "0"]
    body = max(geometries, key=lambda g: str(g.get("lod", "")))
    return _outline(flat, _solid(body, vertices), vertices)


def _refuse_templates(item: Mapping[str, Any]) -> None:
    kinds = [geometry.get("type") for geometry in item.get("geometry", [])]
    if "GeometryInstance" in kinds and not _SURFACES.intersection(kinds):
        raise ValueError(
            "its shape is a copy of a geometry template, which is not read here; "
            "write the file without templates and try again"
        )


def _faces(geometry: Mapping[str, Any]) -> Faces:
    """All faces, of all shells and solids."""
    boundaries: Any = geometry["boundaries"]
    depth = {"Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}.get(geometry["type"], 0)
    for _ in range(depth):
        boundaries = [face for part in boundaries for face in part]
    faces: Faces = boundaries
    return faces


def _solid(geometry: Mapping[str, Any], vertices: NDArray[np.float64]) -> Solid:
    faces = _faces(geometry)
    used = np.unique([corner for face in faces for ring in face for corner in ring])
    if used[0] < 0:
        raise IndexError(f"vertex {used[0]}")
    own = vertices[used]
    index = {int(old): new for new, old in enumerate(used)}
    renamed = tuple(tuple(tuple(index[corner] for corner in ring) for ring in face) for face in faces)
    return Solid(vertices=own, faces=renamed, semantics=_semantics(geometry, renamed, own))


def _semantics(
    geometry: Mapping[str, Any], faces: tuple[tuple[tuple[int, ...], ...], ...], vertices: NDArray[np.float64]
) -> tuple[str, ...]:
    """Say what each face is: as the file says, else by where it looks."""
    given = geometry.get("semantics") or {}
    values: Any = given.get("values") or []
    while any(isinstance(value, list) for value in values):
        values = [entry for value in values for entry in (value if isinstance(value, list) else [value])]
    if len(values) != len(faces):
        values = [None] * len(faces)
    kinds = [surface["type"] for surface in given.get("surfaces", [])]
    return tuple(
        kinds[value] if value is not None else facing(vertices[list(face[0])])
        for face, value in zip(faces, values, strict=True)
    )


def _outline(flat: list[Mapping[str, Any]], solid: Solid, vertices: NDArray[np.float64]) -> Polygon:
    """LoD0 if the file has it, else the ground faces seen from above, else all faces seen from above."""
    if flat:
        return seen_from_above([[vertices[ring, :2] for ring in face] for face in _faces(flat[0])])
    rings = [[solid.vertices[list(ring), :2] for ring in face] for face in solid.faces]
    ground = [face for face, kind in zip(rings, solid.semantics, strict=True) if kind == "GroundSurface"]
    outline = seen_from_above(ground)
    return outline if not outline.is_empty else seen_from_above(rings)
