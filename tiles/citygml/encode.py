"""A building as text: CityGML 2.0 with i-UR 3.2, or CityGML 3.0 with i-UR 4.0, its elements in the schemas' order."""

from __future__ import annotations

import json
import math
import re
import uuid
from typing import TYPE_CHECKING, Any

from tiles.citygml.attributes import ADE
from tiles.citygml.extension import extension, split_hooks
from tiles.citygml.gml import Ids, composite, element, multi_surface, polygon, quoted, refer, solid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from tiles.citygml.params import CityGmlParams
    from tiles.citygml.placing import Body, Placed
    from twin.building import Building

__all__ = ["encode", "generic", "gml_id_of", "identity_of"]

_OWN_ID = re.compile(r"(?:bldg|brid|dem|veg|wtr)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)
_LISTS = "../../codelists/"
_STANDARD = frozenset({
    "class", "function", "usage", "roofType", "storeysAboveGround", "storeysBelowGround", "name", "description",
    "creationDate", "terminationDate", "yearOfConstruction", "yearOfDemolition", "dateOfConstruction",
    "dateOfDemolition", "measuredHeight", "buildingID", "branchID", "partID", "prefecture", "city", ADE,
    "surfaces_only", "lod1HeightType",
})  # fmt: skip
"""Attributes that have a place of their own, or none."""
_IDS = {"GroundSurface": "gnd", "WallSurface": "wall", "RoofSurface": "roof"}
_SURFACES = frozenset({*_IDS, "ClosureSurface", "OuterCeilingSurface", "OuterFloorSurface"})


def identity_of(name: str, place: str) -> uuid.UUID:
    """Return the UUID of an object: its own if its id is a ``gml:id`` of PLATEAU's kind, else one made from its id.

    Parameters
    ----------
    name
        Its id.
    place
        What tells it from one with the same id elsewhere: CRS and city.
    """
    match = _OWN_ID.fullmatch(name)
    return uuid.UUID(match[1]) if match else uuid.uuid5(uuid.NAMESPACE_URL, f"city-twin/{place}/{name}")


def gml_id_of(name: str, prefix: str, identity: uuid.UUID) -> str:
    """Return the ``gml:id`` of an object: its id as it is, capitals too, if it is one of PLATEAU's kind.

    Examples
    --------
    >>> identity = uuid.UUID("77ca1a15-3b35-4386-8f86-152ed71c4c64")
    >>> gml_id_of("house 7", "bldg", identity)
    'bldg_77ca1a15-3b35-4386-8f86-152ed71c4c64'
    >>> gml_id_of("bldg_77CA1A15-3B35-4386-8F86-152ED71C4C64", "bldg", identity)
    'bldg_77CA1A15-3B35-4386-8F86-152ED71C4C64'
    """
    is_kept = _OWN_ID.fullmatch(name) is not None and name.startswith(f"{prefix}_")
    return name if is_kept else f"{prefix}_{identity}"


def encode(building: Building, placed: Placed, identity: uuid.UUID, params: CityGmlParams) -> str:
    """Return a building as a ``core:cityObjectMember``.

    Parameters
    ----------
    building
        The building; of its levels the highest of each whole number is written, LoD1 as its plainest block (1.2).
    placed
        Its coordinates.
    identity
        Its UUID.
    params
        Version and facts.
    """
    writer = _encode_2 if params.version == "2.0" else _encode_3
    return f"<core:cityObjectMember>\n{writer(building, placed, identity, params)}</core:cityObjectMember>\n"


def _encode_2(building: Building, placed: Placed, identity: uuid.UUID, params: CityGmlParams) -> str:
    ids = Ids(identity, everywhere=False)
    outline = multi_surface([polygon(placed.outline, "")], ids)
    bodies = _levels(placed.bodies)
    body, bounds = "", ""
    for level, faces in bodies.items():
        is_closed = _is_closed(building, level, bodies)
        if level == "1":
            kind, text = ("Solid", composite(faces, ids)) if is_closed else ("MultiSurface", _loose(faces, ids))
            body += f"<bldg:lod1{kind}>{text}</bldg:lod1{kind}>\n"
            continue
        names, surfaces = _surfaces(faces, ids, _boundary_2(level))
        if is_closed:
            body += f"<bldg:lod{level}Solid>{solid(map(refer, names), ids)}</bldg:lod{level}Solid>\n"
        # The surfaces of LoD2 come before lod3Solid in the schema, those of LoD3 with them.
        bounds += surfaces
    parts = "".join(text for _, text in extension(building, identity, params))
    height = _height(building, '<bldg:measuredHeight uom="m">{}</bldg:measuredHeight>\n')
    split = body.find("<bldg:lod3")
    before, after = (body, "") if split < 0 else (body[:split], body[split:])
    return (
        f"{_start(building, identity)}{_names(building)}{_created(building, params, '')}"
        f"{_generic(building, params)}{_codes(building)}{height}{_storeys(building)}"
        f"<bldg:lod0RoofEdge>{outline}</bldg:lod0RoofEdge>\n{before}{bounds}{after}{parts}</bldg:Building>\n"
    )


def _encode_3(building: Building, placed: Placed, identity: uuid.UUID, params: CityGmlParams) -> str:
    ids = Ids(identity, everywhere=True)
    outline = multi_surface([polygon(placed.outline, ids.attribute("poly"))], ids)
    bodies = _levels(placed.bodies)
    body, bounds = "", ""
    for level, faces in bodies.items():
        is_closed = _is_closed(building, level, bodies)
        if level == "1" and is_closed:
            body += f"<core:lod1Solid>{composite(faces, ids)}</core:lod1Solid>\n"
            continue
        names, surfaces = _surfaces(faces, ids, _boundary_3(level))
        bounds += surfaces
        if is_closed:
            body += f"<core:lod{level}Solid>{solid(map(refer, names), ids)}</core:lod{level}Solid>\n"
    of_objects, of_buildings = split_hooks(extension(building, identity, params))
    height = _height(
        building,
        "<con:height><con:Height><con:highReference>highestPoint</con:highReference>"
        "<con:lowReference>lowestGroundPoint</con:lowReference><con:status>measured</con:status>"
        '<con:value uom="m">{}</con:value></con:Height></con:height>\n',
    )
    return (
        f"{_start(building, identity)}{_names(building)}{_created(building, params, 'T00:00:00+09:00')}"
        f"{_generic(building, params)}{of_objects}{bounds}"
        f"<core:lod0MultiSurface>{outline}</core:lod0MultiSurface>\n{body}{height}{_codes(building)}"
        f"{_storeys(building)}{of_buildings}</bldg:Building>\n"
    )


def _start(building: Building, identity: uuid.UUID) -> str:
    return f'<bldg:Building gml:id="{gml_id_of(building.id, "bldg", identity)}">\n'


def _levels(bodies: Mapping[str, Body]) -> dict[str, Body]:
    """One body of each whole level: the plainest of LoD1, which PLATEAU wants as a block, the finest of the others."""
    chosen: dict[str, Body] = {}
    for level in sorted(bodies):
        whole = level[:1]
        if whole not in "123" or (whole == "1" and "1" in chosen):
            continue
        chosen[whole] = bodies[level]
    return chosen


def _is_closed(building: Building, level: str, bodies: Mapping[str, Body]) -> bool:
    """Whether a level is a solid; a file read may have had surfaces only in its highest."""
    return not (building.attributes.get("surfaces_only") and level == max(bodies))


def _loose(faces: Body, ids: Ids) -> str:
    return multi_surface([polygon(face.rings, ids.attribute("poly")) for face in faces], ids)


def _surfaces(faces: Body, ids: Ids, boundary: Callable[[str, str, str, Ids], str]) -> tuple[list[str], str]:
    """Return the identifiers of the polygons, and the boundary surfaces that hold one each."""
    names, text = [], ""
    for face in faces:
        name = ids.new("poly")
        names.append(name)
        kind = face.kind if face.kind in _SURFACES else "WallSurface"
        text += boundary(kind, ids.new(_IDS.get(kind, "srf")), polygon(face.rings, f' gml:id="{name}"'), ids)
    return names, text


def _boundary_2(level: str) -> Callable[[str, str, str, Ids], str]:
    def boundary(kind: str, name: str, face: str, ids: Ids) -> str:
        return (
            f'<bldg:boundedBy><bldg:{kind} gml:id="{name}"><bldg:lod{level}MultiSurface>{multi_surface([face], ids)}'
            f"</bldg:lod{level}MultiSurface></bldg:{kind}></bldg:boundedBy>\n"
        )

    return boundary


def _boundary_3(level: str) -> Callable[[str, str, str, Ids], str]:
    def boundary(kind: str, name: str, face: str, ids: Ids) -> str:
        prefix = "core" if kind == "ClosureSurface" else "con"
        return (
            f'<core:boundary><{prefix}:{kind} gml:id="{name}"><core:lod{level}MultiSurface>'
            f"{multi_surface([face], ids)}</core:lod{level}MultiSurface></{prefix}:{kind}></core:boundary>\n"
        )

    return boundary


def _names(building: Building) -> str:
    facts = building.attributes
    return "".join(element(f"gml:{name}", facts[name]) + "\n" for name in ("description", "name") if facts.get(name))


def _created(building: Building, params: CityGmlParams, time: str) -> str:
    """Day of the model: of ours as stated, of one that was read as it was."""
    stated = str(building.attributes.get("creationDate", ""))[:10]
    day = params.created if params.created and ("recon_mode" in building.attributes or not stated) else stated
    return element("core:creationDate", day + time) + "\n" if day else ""


def _codes(building: Building) -> str:
    facts, text = building.attributes, ""
    for name in ("class", "function", "usage"):
        for code in str(facts.get(name) or "").split():
            text += element(f"bldg:{name}", code, codeSpace=f"{_LISTS}Building_{name}.xml") + "\n"
    if facts.get("roofType"):
        text += element("bldg:roofType", facts["roofType"], codeSpace=f"{_LISTS}Building_roofType.xml") + "\n"
    return text


def _storeys(building: Building) -> str:
    names = ("storeysAboveGround", "storeysBelowGround")
    facts = {name: building.attributes.get(name) for name in names}
    return "".join(element(f"bldg:{name}", n) + "\n" for name, n in facts.items() if isinstance(n, int))


def _height(building: Building, template: str) -> str:
    height = building.measured_height_m
    return template.format(_number(height, 3)) if math.isfinite(height) else ""


def _generic(building: Building, params: CityGmlParams) -> str:
    """Return what has no place of its own: the model's figures, and what came with the outline."""
    own = {"ground_m": building.ground_m, "roof_m": building.roof_m, "rmse_m": building.rmse_m}
    return generic({**building.attributes, "n_points": building.n_points, **own}, params, _STANDARD)


def generic(facts: Mapping[str, Any], params: CityGmlParams, without: Collection[str]) -> str:
    """Return facts as generic attributes, but those that have a place of their own; nothing if they are not wanted."""
    one = _generic_2 if params.version == "2.0" else _generic_3
    text = ""
    for name, value in facts.items() if params.generic else ():
        if name in without or value is None or (isinstance(value, float) and not math.isfinite(value)):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            text += one("string", name, said)
        elif isinstance(value, int):
            text += one("int", name, str(value))
        else:
            text += one("double", name, repr(value))
    return text


def _generic_2(kind: str, name: str, value: str) -> str:
    return f"<gen:{kind}Attribute name={quoted(name)}>{element('gen:value', value)}</gen:{kind}Attribute>\n"


def _generic_3(kind: str, name: str, value: str) -> str:
    inner = element("gen:name", name) + element("gen:value", value)
    kind = f"gen:{kind.title()}Attribute"
    return f"<core:genericAttribute><{kind}>{inner}</{kind}></core:genericAttribute>\n"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
