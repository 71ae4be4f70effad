"""Reading CityGML building by building, coordinates in the CRS that is asked for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tiles.citygml.decode import all_attributes, buildings_in, decode, outline_of
from tiles.citygml.frame import frame_of
from tiles.citygml.references import References
from tiles.citygml.scan import members, read_header
from tiles.vectors import Shape
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from tiles.citygml.decode import BuildingElement
    from tiles.citygml.frame import Frame
    from tiles.citygml.scan import Header
    from twin.building import Building
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["is_citygml", "read_buildings", "read_outlines", "read_system"]

_SNIFF_BYTES = 65_536


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
    One member of the file is in memory at a time; about 10 MB/s. References are sought in the member first; only where
    one leads out of it the file is read twice more, and the polygons that others refer to are kept.
    """
    for found, frame in _elements(path, crs, vertical):
        with _one_alone(refused):
            building = decode(found, frame)
            if building is not None:
                yield building


def read_outlines(
    path: Path, crs: HorizontalCrs | None = None, refused: list[FormatError] | None = None
) -> Iterator[Shape]:
    """Yield the outline and the attributes of each building, also of those without a body, in the file's order.

    Parameters
    ----------
    path, crs, refused
        As `read_buildings`.

    Yields
    ------
    Shape
        Outline as the file has it in LoD0, else told from the highest level's ground faces; None if there is neither,
        as for a building that consists of parts. Attributes as `read_buildings`, with ``measuredHeight``.

    Raises
    ------
    FormatError, CrsError
        As `read_buildings`.
    """
    for found, frame in _elements(path, crs, None):
        with _one_alone(refused):
            outline = outline_of(found, frame)
            if outline is None:
                building = decode(found, frame)
                outline = None if building is None else building.footprint
            yield Shape(id=found.id, geometry=outline, attributes=all_attributes(found))


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
    path: Path, crs: HorizontalCrs | None, vertical: VerticalDatum | None
) -> Iterator[tuple[BuildingElement, Frame]]:
    header: list[Header] = []
    frame: Frame | None = None
    references = References(path)
    for member in members(path, header):
        for found in buildings_in(member, references.within(member), str(path)):
            if frame is None:
                frame = frame_of(header[0], crs, vertical, str(path), _first_system(member))
            yield found, frame


def _first_system(member: Element) -> str:
    """Return the reference system that a member's own geometry names."""
    return next((element.attrib["srsName"] for element in member.iter() if "srsName" in element.attrib), "")
