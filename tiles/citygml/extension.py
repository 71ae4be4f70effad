"""The extension i-UR of a building: who it is, how good its data are, and what a city knew of it before.

In i-UR 3 each object stands in a property of its own below the building; in i-UR 4 in one of two hooks, and what is not
about buildings alone went from ``uro`` to ``urc``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tiles.citygml.attributes import ADE
from tiles.citygml.gml import element, escaped

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from tiles.citygml.params import CityGmlParams
    from twin.building import Building

__all__ = ["extension", "split_hooks"]

_LISTS = "../../codelists/"
_AUTHORITIES = {"codeSpace": f"{_LISTS}Common_localPublicAuthorities.xml"}
_PROPERTIES = {
    "BuildingIDAttribute": "buildingIDAttribute",
    "BuildingDetailAttribute": "buildingDetailAttribute",
    "DataQualityAttribute": "bldgDataQualityAttribute",
    "KeyValuePairAttribute": "bldgKeyValuePairAttribute",
    "RiverFloodingRiskAttribute": "bldgDisasterRiskAttribute",
    "InlandFloodingRiskAttribute": "bldgDisasterRiskAttribute",
    "HighTideRiskAttribute": "bldgDisasterRiskAttribute",
    "TsunamiRiskAttribute": "bldgDisasterRiskAttribute",
    "ReservoirFloodingRiskAttribute": "bldgDisasterRiskAttribute",
    "LandSlideRiskAttribute": "bldgDisasterRiskAttribute",
}
"""Objects that both versions have, and the property of i-UR 3 that holds them."""
_OF_BUILDINGS = frozenset({"BuildingIDAttribute", "BuildingDetailAttribute"})
_WITHOUT_TEXT = frozenset({"bldgDmAttribute", "adeOfAbstractConstruction"})
"""Properties with geometry in them, which `tiles.citygml.attributes` does not keep."""
_MEDIAN_OF_POINTS = "2"
_NOT_MADE, _SURVEYED = "999", "100"
_LOD2_TYPE = "2.0"
"""What PLATEAU calls a roof cut at its ridges, valleys and steps; its 2.1 and 2.2 have balconies and chimneys apart."""
_SERIAL_DIGITS = 15
"""Of a building's number in its city, made from its UUID: two among two million are equal with a chance of 0.2 %."""


def extension(building: Building, identity: uuid.UUID, params: CityGmlParams) -> Iterator[tuple[str, str]]:
    """Yield type and text of each object of the extension, in the order in which they are written.

    What a model made from points says of its quality replaces what was said of an older one; everything else that was
    read is kept. Objects that i-UR 4 does not have are left out there.

    Parameters
    ----------
    building
        Its attributes may have `ADE`, ``buildingID`` and ``city``.
    identity
        UUID of the building.
    params
        City, survey, version.
    """
    given = [entry for entry in building.attributes.get(ADE, ()) if _is_entry(entry)]
    ours = "recon_mode" in building.attributes or building.n_points > 0
    if ours:
        yield "DataQualityAttribute", _object("DataQualityAttribute", _quality(building, given, params), params)
    for entry in given:
        kind, values = entry["type"], entry["values"]
        if kind == "BuildingIDAttribute" or (ours and kind == "DataQualityAttribute"):
            continue
        if params.version == "2.0" or kind in _PROPERTIES:
            yield kind, _object(kind, values, params, entry["property"])
    named = _identifier(building, identity, params, given)
    if named:
        yield "BuildingIDAttribute", _object("BuildingIDAttribute", named, params)


def split_hooks(parts: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """Return the text for the hooks of CityGML 3.0: that of any city object, and that of buildings."""
    hooks = {False: "", True: ""}
    for kind, text in parts:
        hooks[kind in _OF_BUILDINGS] += text
    return hooks[False], hooks[True]


def _object(kind: str, values: Any, params: CityGmlParams, given: str = "") -> str:
    """Text of one object with what holds it."""
    if params.version == "2.0":
        name = given if given and not given.startswith("adeOf") else _PROPERTIES.get(kind, given)
        inner = _tree(values, "uro")
        return f"<uro:{name}>" + (f"<uro:{kind}>{inner}</uro:{kind}>" if kind else inner) + f"</uro:{name}>\n"
    if kind in _OF_BUILDINGS:
        dated = {**values, "surveyYear": _as_date(values["surveyYear"])} if "surveyYear" in values else values
        inner = f"<uro:{kind}>{_tree(dated, 'uro')}</uro:{kind}>"
        return f"<bldg:adeOfAbstractBuilding>{inner}</bldg:adeOfAbstractBuilding>\n"
    inner = f"<urc:{kind}>{_tree(values, 'urc')}</urc:{kind}>"
    return f"<core:adeOfAbstractCityObject>{inner}</core:adeOfAbstractCityObject>\n"


def _as_date(year: Any) -> Any:
    """Return the day that i-UR 4 wants instead of a year."""
    return f"{year}-01-01" if isinstance(year, str) and len(year) == 4 else year


def _tree(values: Any, prefix: str) -> str:
    """Text of what `tiles.citygml.attributes` keeps as mappings."""
    if not isinstance(values, Mapping):
        return escaped(values)
    text = ""
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping) and "value" in one:
                marks = {key: str(mark) for key, mark in one.items() if key != "value"}
                text += element(f"{prefix}:{name}", one["value"], **marks)
            else:
                text += f"<{prefix}:{name}>{_tree(one, prefix)}</{prefix}:{name}>"
    return text


def _coded(code: str, name: str) -> dict[str, str]:
    return {"value": code, "codeSpace": f"{_LISTS}{name}.xml"}


def _quality(building: Building, given: list[Mapping[str, Any]], params: CityGmlParams) -> dict[str, Any]:
    """Where the geometry is from; sources of attributes are kept from an older description."""
    levels = {level[0] for level in building.solids}
    older: Any = next((e["values"] for e in given if e["type"] == "DataQualityAttribute"), {})
    source = "DataQualityAttribute_geometrySrcDesc"
    found: dict[str, Any] = {"geometrySrcDescLod0": _coded(params.outlines or params.survey, source)}
    found["geometrySrcDescLod1"] = _coded(params.survey if "1" in levels else _NOT_MADE, source)
    for level in ("2", "3"):
        if level in levels:
            found[f"geometrySrcDescLod{level}"] = _coded(params.survey, source)
    sources = older.get("thematicSrcDesc", []) if isinstance(older, Mapping) else []
    measured = _coded(_SURVEYED, "DataQualityAttribute_thematicSrcDesc")
    found["thematicSrcDesc"] = sources if sources else measured
    if "2" in levels:
        found["lodType"] = _coded(_LOD2_TYPE, "Building_lodType")
    if "1" in levels:
        stated = str(building.attributes.get("lod1HeightType", _MEDIAN_OF_POINTS))
        found["lod1HeightType"] = _coded(stated, "DataQualityAttribute_lod1HeightType")
    return found


def _identifier(
    building: Building, identity: uuid.UUID, params: CityGmlParams, given: list[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Return the identifier it came with, else one made from its UUID if the city is known."""
    kept = next((e["values"] for e in given if e["type"] == "BuildingIDAttribute"), None)
    if isinstance(kept, Mapping):
        return kept
    facts = building.attributes
    city = str(facts.get("city") or params.city)
    if not city:
        return None
    number = str(facts.get("buildingID") or f"{city}-bldg-{identity.int % 10**_SERIAL_DIGITS}")
    return {
        "buildingID": number,
        **{name: str(facts[name]) for name in ("branchID", "partID") if facts.get(name) not in (None, "")},
        "prefecture": {"value": city[:2], **_AUTHORITIES},
        "city": {"value": city, **_AUTHORITIES},
    }


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, Mapping)
        and {"property", "type", "values"} <= entry.keys()
        and entry["property"] not in _WITHOUT_TEXT
    )
