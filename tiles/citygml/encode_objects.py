"""Terrain, bridges, water and trees as text: CityGML 2.0 with i-UR 3.2, or CityGML 3.0 with i-UR 4.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiles.citygml.encode import generic, gml_id_of
from tiles.citygml.gml import Ids, composite, element, multi_surface, polygon
from tiles.citygml.placing import Face
from twin.cityobject import Tin

if TYPE_CHECKING:
    import uuid

    from tiles.citygml.params import CityGmlParams
    from tiles.citygml.placing import Laid
    from twin.cityobject import CityObject

__all__ = ["THEMES", "encode_object", "theme_of"]

THEMES = {"Bridge": ("brid", 8), "SolitaryVegetationObject": ("veg", 8), "WaterBody": ("wtr", 6), "Tin": ("dem", 6)}
"""Prefix of each kind, which is its folder too, and how many digits of a mesh's code its files have: those of the
second level for what is large."""
_LISTS = "../../codelists/"
_OWN_PLACE = frozenset({"height", "crownDiameter", "trunkDiameter"})


def theme_of(item: CityObject | Tin) -> tuple[str, int]:
    """Return folder and digits of the mesh of an object's file."""
    return THEMES["Tin" if isinstance(item, Tin) else item.kind]


def encode_object(item: CityObject | Tin, laid: Laid, identity: uuid.UUID, params: CityGmlParams) -> str:
    """Return an object as a ``core:cityObjectMember``.

    Parameters
    ----------
    item
        The object: a bridge or tree as a solid, water as a surface, terrain as a TIN, all LoD1.
    laid
        Its coordinates.
    identity
        Its UUID.
    params
        Version and facts.
    """
    ids = Ids(identity, everywhere=params.version == "3.0")
    text = _relief(item, laid, ids, params) if isinstance(item, Tin) else _object(item, laid, ids, params)
    prefix, _ = theme_of(item)
    kind = "ReliefFeature" if isinstance(item, Tin) else item.kind
    start = f'<core:cityObjectMember>\n<{prefix}:{kind} gml:id="{gml_id_of(item.id, prefix, identity)}">\n'
    return f"{start}{text}</{prefix}:{kind}>\n</core:cityObjectMember>\n"


def _object(item: CityObject, laid: Laid, ids: Ids, params: CityGmlParams) -> str:
    prefix, _ = theme_of(item)
    faces = [
        Face(kind or "", tuple(" ".join(laid.corners[i] for i in (*ring, ring[0])) for ring in face))
        for kind, face in zip(item.semantics, item.faces, strict=True)
    ]
    shape = composite(faces, ids) if item.is_solid else _surfaces(faces, ids)
    head = _created(params) + generic(item.attributes, params, _OWN_PLACE)
    sizes = _sizes(item) if item.kind == "SolitaryVegetationObject" else ""
    quality = _quality(prefix, params)
    if params.version == "2.0" and item.kind == "SolitaryVegetationObject":  # its quality is that of any plant
        return f"{head}{quality}{sizes}<veg:lod1Geometry>{shape}</veg:lod1Geometry>\n"
    if params.version == "2.0":
        kind = "lod1Solid" if item.is_solid else "lod1MultiSurface"
        return f"{head}<{prefix}:{kind}>{shape}</{prefix}:{kind}>\n{quality}"
    if item.is_solid:
        return f"{head}{quality}<core:lod1Solid>{shape}</core:lod1Solid>\n{sizes}"
    surface = f'<wtr:WaterSurface gml:id="{ids.new("srf")}"><core:lod1MultiSurface>{shape}</core:lod1MultiSurface>'
    return f"{head}{quality}<core:boundary>{surface}</wtr:WaterSurface></core:boundary>\n"


def _relief(item: Tin, laid: Laid, ids: Ids, params: CityGmlParams) -> str:
    corners = laid.corners
    triangles = "\n".join(
        "<gml:Triangle><gml:exterior><gml:LinearRing><gml:posList>"
        f"{corners[a]} {corners[b]} {corners[c]} {corners[a]}"
        "</gml:posList></gml:LinearRing></gml:exterior></gml:Triangle>"
        for a, b, c in item.triangles.tolist()
    )
    created = _created(params)
    surface = (
        f"<gml:TriangulatedSurface{ids.attribute('tin')}><gml:trianglePatches>\n{triangles}\n</gml:trianglePatches>"
        "</gml:TriangulatedSurface>"
    )
    component = (
        f'<dem:reliefComponent><dem:TINRelief gml:id="{ids.new("dem")}">\n{created}<dem:lod>1</dem:lod>\n'
        f"<dem:tin>{surface}</dem:tin></dem:TINRelief></dem:reliefComponent>\n"
    )
    head = created + generic(item.attributes, params, ())
    quality = _quality("dem", params)
    if params.version == "2.0":
        return f"{head}<dem:lod>1</dem:lod>\n{component}{quality}"
    return f"{head}{quality}<dem:lod>1</dem:lod>\n{component}"


def _surfaces(faces: list[Face], ids: Ids) -> str:
    return multi_surface([polygon(face.rings, ids.attribute("poly")) for face in faces], ids)


def _created(params: CityGmlParams) -> str:
    time = "" if params.version == "2.0" else "T00:00:00+09:00"
    return element("core:creationDate", params.created + time) + "\n" if params.created else ""


def _sizes(item: CityObject) -> str:
    """Return height and crown diameter of a tree."""
    facts: dict[str, Any] = {name: item.attributes.get(name) for name in ("height", "trunkDiameter", "crownDiameter")}
    return "".join(
        element(f"veg:{name}", f"{value:g}", uom="m") + "\n" for name, value in facts.items() if value is not None
    )


def _quality(prefix: str, params: CityGmlParams) -> str:
    space = "uro" if params.version == "2.0" else "urc"
    lists = {"geometrySrcDescLod1": params.survey, "thematicSrcDesc": "100"}
    inner = "".join(
        element(f"{space}:{name}", code, codeSpace=f"{_LISTS}DataQualityAttribute_{name.removesuffix('Lod1')}.xml")
        for name, code in lists.items()
    )
    attribute = f"<{space}:DataQualityAttribute>{inner}</{space}:DataQualityAttribute>"
    if params.version == "2.0":
        return f"<uro:{prefix}DataQualityAttribute>{attribute}</uro:{prefix}DataQualityAttribute>\n"
    return f"<core:adeOfAbstractCityObject>{attribute}</core:adeOfAbstractCityObject>\n"
