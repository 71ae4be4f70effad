"""Reading CityGML building by building, coordinates in the CRS that is asked for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import shapely

from tiles.citygml.decode import all_attributes, buildings_in, decode, outline_of
from tiles.citygml.frame import frame_of
from tiles.citygml.references import References
from tiles.citygml.scan import members, read_header
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from shapely import Polygon
    from shapely.geometry.base import BaseGeometry

    from tiles.citygml.decode import BuildingElement
    from tiles.citygml.frame import Frame
    from tiles.citygml.scan import Header
    from twin.building import Building
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

    Row = tuple[str, BaseGeometry | None, Mapping[str, Any]]

__all__ = ["is_citygml", "read_buildings", "read_outlines", "read_system"]

_SNIFF_BYTES = 65_536
_OF_A_MODEL = frozenset({
    "surfaces_only", "ground_m", "roof_m", "n_points", "rmse_m", "recon_mode", "recon_reason", "valid_codes",
    "rmse_all_m", "p95_m", "share_without_data", "density_per_m2", "n_roof_planes", "n_roof_points", "roof_type",
    "area_m2", "volume_m3", "outline", "lod1HeightType",
})  # fmt: skip
"""Attributes in which a model of ours tells how good it is."""


def is_citygml(path: Path) -> bool:
    """Whether a file's beginning names CityGML; reads 64 kB."""
    with path.open("rb") as stream:
        return b"//www.opengis.net/citygml/" in stream.read(_SNIFF_BYTES)


def read_system(path: Path) -> Frame:
    """Return what reference system and datum a file's coordinates are in, its own if it counts metres.

    Raises
    ------
    FormatError, CrsError
        As `read_buildings`; also if it counts degrees.
    """
    return frame_of(read_header(path), None, None, str(path))


def read_buildings(
    path: Path,
    crs: HorizontalCrs | None = None,
    vertical: VerticalDatum | None = None,
    refused: list[FormatError] | None = None,
) -> Iterator[Building]:
    """Yield the buildings and building parts that have a body, one by one in the file's order.

    Parameters
    ----------
    path
        CityGML 1.0, 2.0 or 3.0, such as PLATEAU's. Extensions of i-UR are read from any version.
    crs
        CRS to return coordinates in, metres; None keeps the file's own, which must count metres then (EPSG:6697, as
        PLATEAU has it, counts degrees).
    vertical
        Datum to return heights above; None keeps the file's (T.P. for EPSG:6697).
    refused
        Gets the error of each building that cannot be read, and the others go on; if None the first such ends it.

    Yields
    ------
    Building
        Solids by the file's levels ("1", "2"), vertices shared and on a grid of 0.1 mm; faces that collapse there are
        left out. A level without a solid is read from its surfaces, with the attribute ``surfaces_only``. What a face
        is says the file, else its direction. The outline is ``lod0RoofEdge``, else ``lod0FootPrint``, else told from
        the ground faces. A part is a building of its own with its building's id as ``parent``. Attributes: see
        `tiles.citygml.attributes`.

    Raises
    ------
    FormatError
        If it is no CityGML, or a building's coordinates or references cannot be read; with the line and ``gml:id``.
    CrsError
        If the file names no reference system, or PROJ knows no accurate way to the one asked for.
    DatumError
        If its heights cannot be brought to the datum asked for.

    Notes
    -----
    One member of the file is in memory at a time: 80 MB of process for 9 MB of PLATEAU's LOD2 and for 52 MB, at 8 MB/s.
    References are sought in the member first; only where one leads out of it the file is read twice more, and the
    polygons that others refer to are kept.
    """
    for found, frame in _elements(path, crs, vertical, ""):
        with _one_alone(refused):
            building = decode(found, frame)
            if building is not None:
                yield building


def read_outlines(
    path: Path, crs: HorizontalCrs | None = None, refused: list[FormatError] | None = None, stated: str = ""
) -> Iterator[Row]:
    """Yield id, outline and attributes of each building, also of those without a body, in the file's order.

    Parameters
    ----------
    path, crs, refused
        As `read_buildings`; one that cannot be read still has its row, without an outline.
    stated
        Reference system to take for the file's, where it names none or a wrong one, such as ``EPSG:6697``.

    Yields
    ------
    tuple
        The outline is the file's LoD0, else what its parts' outlines cover together, else what the highest level's
        ground faces cover; None if there is nothing of that. Attributes as `read_buildings`, with ``measuredHeight``,
        but without what a model of ours said of itself, which is not true of the next.

    Raises
    ------
    FormatError, CrsError
        As `read_buildings`.
    """
    whole: Row | None = None
    parts: list[Polygon] = []
    for found, frame in _elements(path, crs, None, stated):
        if not found.parent:
            if whole is not None:
                yield _with_parts(whole, parts)
            whole, parts = (found.id, None, _facts(found)), []
        with _one_alone(refused):
            outline = outline_of(found, frame)
            if outline is None:
                building = decode(found, frame)
                outline = None if building is None else building.footprint
            if outline is not None and not found.parent:
                whole = (found.id, outline, _facts(found))
            elif outline is not None:
                parts.append(outline)
    if whole is not None:
        yield _with_parts(whole, parts)


def _with_parts(whole: Row, parts: list[Polygon]) -> Row:
    name, outline, facts = whole
    return (name, shapely.union_all(parts), facts) if outline is None and parts else whole


def _facts(found: BuildingElement) -> dict[str, Any]:
    return {name: value for name, value in all_attributes(found).items() if name not in _OF_A_MODEL}


@contextmanager
def _one_alone(refused: list[FormatError] | None) -> Iterator[None]:
    """List what is wrong with one building, if somebody keeps a list."""
    try:
        yield
    except FormatError as error:
        if refused is None:
            raise
        refused.append(error)


def _elements(
    path: Path, crs: HorizontalCrs | None, vertical: VerticalDatum | None, stated: str
) -> Iterator[tuple[BuildingElement, Frame]]:
    header: list[Header] = []
    frame: Frame | None = None
    references = References(path)
    for member in members(path, header):
        for found in buildings_in(member, references.within(member), str(path)):
            if frame is None:
                head = replace(header[0], srs_name=stated) if stated else header[0]
                frame = frame_of(head, crs, vertical, str(path), _first_system(member))
            yield found, frame


def _first_system(member: Element) -> str:
    """Return the reference system that a member's own geometry names."""
    return next((element.attrib["srsName"] for element in member.iter() if "srsName" in element.attrib), "")
