"""Buildings of parts: what is stated of the whole, and what of each part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["with_parts"]

_MEASURED = {"measuredHeight", "ground_m", "roof_m", "n_points", "rmse_m"}
"""Of the whole alone: a part's are told from its own geometry."""


def with_parts(objects: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects of a document, those buildings joined that are one body in one part.

    A building without a body of its own and with one part becomes one object: its id and outline, the part's body, the
    attributes of both. Parts of others take their building's attributes beside their own.
    """
    only = {name: part for name, item in objects.items() if (part := _only_part(item, objects)) is not None}
    taken = set(only.values())
    for name, item in objects.items():
        if name in taken:
            continue
        if name in only:
            yield name, _joined(item, objects[only[name]])
        elif item.get("type") == "BuildingPart" and (parent := _parent(item, objects)) is not None:
            above = {key: value for key, value in (parent.get("attributes") or {}).items() if key not in _MEASURED}
            yield name, {**item, "attributes": above | (item.get("attributes") or {})}
        else:
            yield name, item


def _only_part(item: Mapping[str, Any], objects: Mapping[str, Any]) -> str | None:
    """Return the name of the part that is a building's whole body, or None."""
    if item.get("type") != "Building" or _has_body(item):
        return None
    children = [name for name in item.get("children") or () if objects.get(name, {}).get("type") == "BuildingPart"]
    return children[0] if len(children) == 1 and not objects[children[0]].get("children") else None


def _has_body(item: Mapping[str, Any]) -> bool:
    return any(str(geometry.get("lod", ""))[:1] != "0" for geometry in item.get("geometry") or ())


def _joined(whole: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    attributes = (whole.get("attributes") or {}) | (part.get("attributes") or {})
    geometry = [*(whole.get("geometry") or ()), *(part.get("geometry") or ())]
    return {"type": "Building", "attributes": attributes, "geometry": geometry}


def _parent(item: Mapping[str, Any], objects: Mapping[str, Any]) -> Mapping[str, Any] | None:
    names = [name for name in item.get("parents") or () if name in objects]
    parent: Mapping[str, Any] | None = objects[names[0]] if names else None
    return parent
