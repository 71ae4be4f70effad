"""Faults of what a building says of itself: identifiers, city, usage (C-bldg-01, C05, L-bldg-04, L-bldg-05)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Identity", "city_fault", "fact_faults", "identity", "read_codes"]

Identity = tuple[str, str, str]
"""``uro:buildingID``, ``uro:branchID``, ``uro:partID``; empty where there is none."""
_NUMBER = re.compile(r"\d{5}-bldg-\d+")
_UUID_ID = re.compile(r"bldg_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NEEDS = {
    "majorUsage2": "majorUsage",
    "orgUsage2": "orgUsage",
    "detailedUsage2": "detailedUsage",
    "detailedUsage3": "detailedUsage2",
    "secondFloorUsage": "groundFloorUsage",
    "thirdFloorUsage": "secondFloorUsage",
    "basementSecondUsage": "basementFirstUsage",
}
"""A second usage needs a first one."""


def identity(facts: Mapping[str, Any]) -> Identity:
    """Return what identifies a building in its city."""
    building, branch, part = (str(facts.get(key, "")) for key in ("buildingID", "branchID", "partID"))
    return building, branch, part


def fact_faults(name: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield rule and message of each fault in a building's attributes.

    Parameters
    ----------
    name
        ``gml:id``.
    facts
        Attributes as `tiles.citygml` reads them.
    """
    if not _UUID_ID.fullmatch(name):
        yield "L-id", f"{name!r} is not bldg_ and a UUID"
    if not facts.get("creationDate"):
        yield "C05", "core:creationDate is missing"
    number = facts.get("buildingID")
    if number is not None and not _NUMBER.fullmatch(str(number)):
        yield "T-number", f"uro:buildingID {number!r} is not five digits, -bldg- and a number"
    missing = [
        f"{year}: uro:{key} without uro:{first}"
        for year, usage in _usages(facts)
        for key, first in _NEEDS.items()
        if key in usage and first not in usage
    ]
    if missing:
        yield "L-bldg-04,05", ", ".join(missing)


def city_fault(code: str, names: Mapping[str, str]) -> str:
    """Return what is wrong with a municipality's code by the list of codes, or nothing.

    A city with wards is not named itself: its code is to be that of the ward.

    Parameters
    ----------
    code
        Five digits.
    names
        Name of each code, from `read_codes`.
    """
    own = names.get(code)
    if own is None:
        return f"{code} is in no list of municipalities"
    wards = [other for other in names.values() if other != own and other.startswith(own) and other.endswith("区")]
    return f"{code} {own} has wards: write the ward's code" if wards and own.endswith("市") else ""


def read_codes(path: Path) -> dict[str, str]:
    """Read a code list of GML (``Common_localPublicAuthorities.xml``): name of each code."""
    found = {}
    for definition in ElementTree.parse(path).iter():
        if definition.tag.endswith("}Definition"):
            parts = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in definition}
            found[parts.get("name", "")] = parts.get("description", "")
    return found


def _usages(facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in facts.get("uro", ()):
        if entry["type"] == "BuildingDetailAttribute" and isinstance(entry["values"], dict):
            yield str(entry["values"].get("surveyYear", "")), entry["values"]
