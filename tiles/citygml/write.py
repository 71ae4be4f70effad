"""Writing a delivery of CityGML as PLATEAU wants it: one file a regional mesh, never more than a building in memory.

::

    OUT/udx/bldg/53394517_bldg_6697_op.gml

The schemas (``../../schemas``) and code lists (``../../codelists``) that the files name belong to a delivery's package
and are not written here.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiles.atomic import atomic_folder
from tiles.citygml.encode import encode, identity_of
from tiles.citygml.params import CityGmlParams
from tiles.citygml.placing import placing
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tiles.citygml.placing import Placed
    from twin.building import Building
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["CityGmlFacts", "write_citygml"]

_OGC = "http://www.opengis.net/citygml/"
_IUR = "https://www.geospatial.jp/iur/"
_SHARED = {"xlink": "http://www.w3.org/1999/xlink", "xsi": "http://www.w3.org/2001/XMLSchema-instance"}
_NAMESPACES = {
    "2.0": {
        "core": f"{_OGC}2.0",
        "bldg": f"{_OGC}building/2.0",
        "gen": f"{_OGC}generics/2.0",
        "gml": "http://www.opengis.net/gml",
        "uro": f"{_IUR}uro/3.2",
        **_SHARED,
    },
    "3.0": {
        "core": f"{_OGC}3.0",
        "bldg": f"{_OGC}building/3.0",
        "con": f"{_OGC}construction/3.0",
        "gen": f"{_OGC}generics/3.0",
        "gml": "http://www.opengis.net/gml/3.2",
        "urc": f"{_IUR}urc/4.0",
        "uro": f"{_IUR}uro/4.0",
        **_SHARED,
    },
}
_OFFICIAL = "http://schemas.opengis.net/"
_SCHEMAS = {
    "2.0": {
        "uro": "../../schemas/iur/uro/3.2/urbanObject.xsd",
        "core": f"{_OFFICIAL}citygml/2.0/cityGMLBase.xsd",
        "bldg": f"{_OFFICIAL}citygml/building/2.0/building.xsd",
        "gen": f"{_OFFICIAL}citygml/generics/2.0/generics.xsd",
        "gml": f"{_OFFICIAL}gml/3.1.1/base/gml.xsd",
    },
    "3.0": {
        "uro": "../../schemas/iur/uro/4.0/urbanObject.xsd",
        "urc": "../../schemas/iur/urc/4.0/urbanCore.xsd",
        "core": f"{_OFFICIAL}citygml/3.0/core.xsd",
        "bldg": f"{_OFFICIAL}citygml/building/3.0/building.xsd",
        "con": f"{_OFFICIAL}citygml/construction/3.0/construction.xsd",
        "gen": f"{_OFFICIAL}citygml/generics/3.0/generics.xsd",
        "gml": f"{_OFFICIAL}gml/3.2.1/gml.xsd",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CityGmlFacts:
    """What was written."""

    files: int
    bytes: int
    buildings: int


def write_citygml(
    out: Path,
    buildings: Iterable[Building],
    *,
    crs: HorizontalCrs,
    vertical: VerticalDatum,
    params: CityGmlParams | None = None,
) -> CityGmlFacts:
    """Write buildings as the files of a delivery.

    A building belongs to the mesh with the largest share of its outline (`twin.region_mesh.mesh_of`). LoD0 is its
    outline at height 0 (``lod0RoofEdge``), LoD1 its plainest block, LoD2 its finest roof with the surfaces that the
    solid refers to. Within a file buildings stand in order of their ``gml:id``, so the same model gives the same bytes
    in whatever order it comes. A building part that was read is written as a building.

    Parameters
    ----------
    out
        Folder of the delivery; what stands in its ``udx/bldg`` is replaced, atomically.
    buildings
        In any order; ids must differ.
    crs, vertical
        What their coordinates and heights are in, metres.
    params
        What the delivery must say; PLATEAU's standard 5 without a city's code if None.

    Returns
    -------
    CityGmlFacts
        Number of files, buildings and bytes.

    Raises
    ------
    CrsError, DatumError
        If coordinates or heights cannot be brought to what is written (`tiles.citygml.placing.placing`), or a building
        lies where there are no meshes.
    FormatError
        If two buildings have one identifier.

    Notes
    -----
    Disk: twice the result, for a while. Memory: one building, and the addresses of those in one mesh.
    """
    params = params or CityGmlParams()
    with atomic_folder(out / "udx" / "bldg") as folder, tempfile.TemporaryDirectory() as scratch:
        files = _Files(Path(scratch), params)
        n = 0
        way = None
        for building in buildings:
            way = way or placing(crs, vertical, building.footprint.bounds, params.crs)
            identity = identity_of(building, f"{crs.code}/{params.city}")
            placed = way.place(building)
            files.add(placed, f"bldg_{identity}", encode(building, placed, identity, params))
            n += 1
        written = [] if way is None else files.finish(folder, way.srs_name, way.code)
    return CityGmlFacts(files=len(written), bytes=sum(written), buildings=n)


@dataclass(slots=True)
class _Extent:
    lower: tuple[float, float, float]
    upper: tuple[float, float, float]

    def add(self, placed: Placed) -> None:
        self.lower = _each(min, self.lower, placed.lower)
        self.upper = _each(max, self.upper, placed.upper)


class _Files:
    """What is written mesh by mesh: text appended to one file, and where each building stands in another."""

    def __init__(self, folder: Path, params: CityGmlParams) -> None:
        self._folder = folder
        self._version = params.version
        self._extents: dict[str, _Extent] = {}

    def add(self, placed: Placed, identifier: str, text: str) -> None:
        """Append a building to its mesh."""
        mesh = placed.mesh
        if mesh in self._extents:
            self._extents[mesh].add(placed)
        else:
            self._extents[mesh] = _Extent(placed.lower, placed.upper)
        content = text.encode()
        with (self._folder / f"{mesh}.text").open("ab") as stream:
            start = stream.tell()
            stream.write(content)
        with (self._folder / f"{mesh}.index").open("a", encoding="ascii") as stream:
            stream.write(f"{identifier} {start} {len(content)}\n")

    def finish(self, target: Path, srs_name: str, code: int) -> list[int]:
        """Write the files of all meshes in order of id and return their sizes."""
        sizes = []
        for mesh in sorted(self._extents):
            path = target / f"{mesh}_bldg_{code}_op.gml"
            self._assemble(mesh, path, srs_name)
            sizes.append(path.stat().st_size)
            for part in self._folder.glob(f"{mesh}.*"):
                part.unlink()
        return sizes

    def _assemble(self, mesh: str, path: Path, srs_name: str) -> None:
        lines = (self._folder / f"{mesh}.index").read_text(encoding="ascii").splitlines()
        rows = sorted((name, int(start), int(size)) for name, start, size in (line.split() for line in lines))
        for one, other in pairwise(rows):
            if one[0] == other[0]:
                raise FormatError(f"two buildings are {one[0]}: ids must differ within a model")
        with path.open("wb") as out, (self._folder / f"{mesh}.text").open("rb") as text:
            out.write(_head(self._version, srs_name, self._extents[mesh]).encode())
            for _, start, size in rows:
                text.seek(start)
                out.write(text.read(size))
            out.write(b"</core:CityModel>\n")


def _head(version: str, srs_name: str, extent: _Extent) -> str:
    spaces = _NAMESPACES[version]
    declared = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in spaces.items())
    located = " ".join(f"{spaces[prefix]} {place}" for prefix, place in _SCHEMAS[version].items())
    lower, upper = (" ".join(map(repr, corner)) for corner in (extent.lower, extent.upper))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<core:CityModel{declared} xsi:schemaLocation="{located}">\n'
        f'<gml:boundedBy><gml:Envelope srsName="{srs_name}" srsDimension="3"><gml:lowerCorner>{lower}'
        f"</gml:lowerCorner><gml:upperCorner>{upper}</gml:upperCorner></gml:Envelope></gml:boundedBy>\n"
    )


def _each(
    choose: Any, one: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float, float]:
    return choose(one[0], other[0]), choose(one[1], other[1]), choose(one[2], other[2])
