"""What a file says of a building besides its shape, as JSON-able values under their published names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiles.citygml.scan import LINE, local, namespace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

__all__ = ["ADE", "attributes_of", "measured_height"]

ADE = "uro"
"""Attribute that keeps the i-UR extension as it stands in the file: a list of
``{"property", "type", "values"}`` in its order, so that what a city has survives being read and written."""
_CODES = frozenset({"class", "function", "usage", "roofType"})
_COUNTS = frozenset({"storeysAboveGround", "storeysBelowGround"})
_TEXTS = frozenset(
    {"name", "description", "creationDate", "terminationDate", "yearOfConstruction", "yearOfDemolition",
     "dateOfConstruction", "dateOfDemolition"}
)  # fmt: skip
_GENERIC = {
    "stringAttribute": str, "StringAttribute": str, "uriAttribute": str, "UriAttribute": str, "dateAttribute": str,
    "DateAttribute": str, "CodeAttribute": str, "intAttribute": int, "IntAttribute": int, "doubleAttribute": float,
    "DoubleAttribute": float, "measureAttribute": float, "MeasureAttribute": float,
}  # fmt: skip
_STANDARD = ("http://www.opengis.net/", "http://www.w3.org/", "urn:oasis:")
_IDENTIFIERS = ("buildingID", "branchID", "partID", "prefecture", "city")
_UNKNOWN_HEIGHT_M = -9000.0
"""PLATEAU writes -9999 for a height that nobody knows."""


def attributes_of(building: Element) -> dict[str, Any]:
    """Return the attributes of a building or building part.

    Parameters
    ----------
    building
        ``bldg:Building`` or ``bldg:BuildingPart``.

    Returns
    -------
    dict
        ``class``, ``usage``, ``storeysAboveGround`` and the like by those names, codes as text; generic attributes by
        their own names; ``buildingID``, ``prefecture``, ``city`` of ``uro:BuildingIDAttribute``; and the whole
        extension under `ADE`. Where a standard name and a generic one clash the standard one wins.
    """
    generic: dict[str, Any] = {}
    own: dict[str, Any] = {}
    extension: list[dict[str, Any]] = []
    for child in building:
        name, text = local(child), (child.text or "").strip()
        if not namespace(child).startswith(_STANDARD):
            extension.extend(_extension(child))
        elif name.startswith("adeOf"):
            extension.extend(_hooked(child, name))
        elif name in _GENERIC:
            generic.update(_generic(child))
        elif name == "genericAttribute":
            generic.update(pair for inner in child for pair in _generic(inner))
        elif name in _COUNTS:
            own.update({name: int(text)} if text.lstrip("-").isdigit() else {})
        elif name in _CODES and text:
            own[name] = f"{own[name]} {text}" if name in own else text
        elif name in _TEXTS and text:
            own[name] = text
    found = {**generic, **_identifiers(extension), **own}
    return found | ({ADE: extension} if extension else {})


def measured_height(building: Element) -> float | None:
    """Return the measured height in metres, or None if there is none or it is the mark for unknown."""
    for child in building:
        name = local(child)
        if name == "measuredHeight":
            return _height(child.text)
        if name == "height":
            for height in child:
                parts = {local(part): part.text for part in height}
                if (parts.get("status") or "measured").strip() == "measured":
                    return _height(parts.get("value"))
    return None


def _height(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if _UNKNOWN_HEIGHT_M < value < -_UNKNOWN_HEIGHT_M else None


def _generic(element: Element) -> Iterator[tuple[str, Any]]:
    """Name and value of a generic attribute; its number as text where it is none."""
    kind = _GENERIC.get(local(element))
    parts = {local(child): (child.text or "").strip() for child in element}
    name = element.get("name", parts.get("name", ""))
    if kind is None or not name:
        return
    text = parts.get("value", "")
    try:
        yield name, kind(text)
    except ValueError:
        yield name, text


def _extension(child: Element) -> Iterator[dict[str, Any]]:
    """Entries of a property in a foreign namespace: one for each object in it, or one with its text."""
    if not len(child):
        yield {"property": local(child), "type": "", "values": _value(child)}
    for thing in child:
        yield {"property": local(child), "type": local(thing), "values": _value(thing)}


def _hooked(child: Element, name: str) -> Iterator[dict[str, Any]]:
    """Entries of CityGML 3.0, where the object stands in a hook."""
    for thing in child:
        yield {"property": name, "type": local(thing), "values": _value(thing)}


def _value(element: Element) -> Any:
    """Text of a leaf, with its code list or unit where it has one; else its children by name, in their order."""
    text = (element.text or "").strip()
    marks = {key.rpartition("}")[2]: value for key, value in element.attrib.items() if key != LINE}
    if not len(element):
        return {"value": text, **marks} if marks else text
    found: dict[str, Any] = {}
    for child in element:
        name, value = local(child), _value(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _identifiers(extension: list[dict[str, Any]]) -> dict[str, str]:
    values: Any = next((entry["values"] for entry in extension if entry["type"] == "BuildingIDAttribute"), {})
    plain = {key: values[key] for key in _IDENTIFIERS if isinstance(values, dict) and key in values}
    return {key: value["value"] if isinstance(value, dict) else str(value) for key, value in plain.items()}
