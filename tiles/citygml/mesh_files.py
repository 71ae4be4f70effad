"""The files of a delivery, one a mesh, while objects come in any order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.citygml.params import CityGmlParams
    from tiles.citygml.placing import Laid, Placed

__all__ = ["MeshFiles"]

_OGC = "http://www.opengis.net/citygml/"
_IUR = "https://www.geospatial.jp/iur/"
_SHARED = {"xlink": "http://www.w3.org/1999/xlink", "xsi": "http://www.w3.org/2001/XMLSchema-instance"}
_NAMESPACES = {
    "2.0": {
        "core": f"{_OGC}2.0",
        "bldg": f"{_OGC}building/2.0",
        "brid": f"{_OGC}bridge/2.0",
        "dem": f"{_OGC}relief/2.0",
        "veg": f"{_OGC}vegetation/2.0",
        "wtr": f"{_OGC}waterbody/2.0",
        "gen": f"{_OGC}generics/2.0",
        "gml": "http://www.opengis.net/gml",
        "uro": f"{_IUR}uro/3.2",
        **_SHARED,
    },
    "3.0": {
        "core": f"{_OGC}3.0",
        "bldg": f"{_OGC}building/3.0",
        "brid": f"{_OGC}bridge/3.0",
        "dem": f"{_OGC}relief/3.0",
        "veg": f"{_OGC}vegetation/3.0",
        "wtr": f"{_OGC}waterbody/3.0",
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
        "brid": f"{_OFFICIAL}citygml/bridge/2.0/bridge.xsd",
        "dem": f"{_OFFICIAL}citygml/relief/2.0/relief.xsd",
        "veg": f"{_OFFICIAL}citygml/vegetation/2.0/vegetation.xsd",
        "wtr": f"{_OFFICIAL}citygml/waterbody/2.0/waterBody.xsd",
        "gen": f"{_OFFICIAL}citygml/generics/2.0/generics.xsd",
        "gml": f"{_OFFICIAL}gml/3.1.1/base/gml.xsd",
    },
    "3.0": {
        "uro": "../../schemas/iur/uro/4.0/urbanObject.xsd",
        "urc": "../../schemas/iur/urc/4.0/urbanCore.xsd",
        "core": f"{_OFFICIAL}citygml/3.0/core.xsd",
        "bldg": f"{_OFFICIAL}citygml/building/3.0/building.xsd",
        "brid": f"{_OFFICIAL}citygml/bridge/3.0/bridge.xsd",
        "dem": f"{_OFFICIAL}citygml/relief/3.0/relief.xsd",
        "veg": f"{_OFFICIAL}citygml/vegetation/3.0/vegetation.xsd",
        "wtr": f"{_OFFICIAL}citygml/waterbody/3.0/waterBody.xsd",
        "con": f"{_OFFICIAL}citygml/construction/3.0/construction.xsd",
        "gen": f"{_OFFICIAL}citygml/generics/3.0/generics.xsd",
        "gml": f"{_OFFICIAL}gml/3.2.1/gml.xsd",
    },
}


@dataclass(slots=True)
class _Extent:
    lower: tuple[float, float, float]
    upper: tuple[float, float, float]

    def add(self, other: _Extent) -> None:
        self.lower = _each(min, self.lower, other.lower)
        self.upper = _each(max, self.upper, other.upper)


class MeshFiles:
    """What is written mesh by mesh: text appended to one file, and where each building stands in another."""

    def __init__(self, folder: Path, params: CityGmlParams) -> None:
        self._folder = folder
        self._version = params.version
        self._extents: dict[str, _Extent] = {}

    @property
    def themes(self) -> list[str]:
        """Folders that something belongs to, sorted."""
        return sorted({key.partition("_")[2] for key in self._extents})

    def add(self, theme: str, placed: Placed | Laid, digits: int, identifier: str, text: str) -> None:
        """Append an object to the file of its mesh; `digits` is how much of the mesh's code the file has."""
        key = f"{placed.mesh[:digits]}_{theme}"
        extent = _Extent(placed.lower, placed.upper)
        if key in self._extents:
            self._extents[key].add(extent)
        else:
            self._extents[key] = extent
        content = text.encode()
        with (self._folder / f"{key}.text").open("ab") as stream:
            start = stream.tell()
            stream.write(content)
        with (self._folder / f"{key}.index").open("a", encoding="ascii") as stream:
            stream.write(f"{identifier} {start} {len(content)}\n")

    def finish(self, theme: str, target: Path, srs_name: str, code: int) -> list[int]:
        """Write the files of a theme, each in order of id, and return their sizes."""
        sizes = []
        for key in sorted(key for key in self._extents if key.endswith(f"_{theme}")):
            path = target / f"{key}_{code}_op.gml"
            self._assemble(key, path, srs_name)
            sizes.append(path.stat().st_size)
            for part in self._folder.glob(f"{key}.*"):
                part.unlink()
        return sizes

    def _assemble(self, key: str, path: Path, srs_name: str) -> None:
        lines = (self._folder / f"{key}.index").read_text(encoding="ascii").splitlines()
        rows = sorted((name, int(start), int(size)) for name, start, size in (line.split() for line in lines))
        for one, other in pairwise(rows):
            if one[0] == other[0]:
                raise FormatError(f"two objects are {one[0]}: ids must differ within a model")
        with path.open("wb") as out, (self._folder / f"{key}.text").open("rb") as text:
            out.write(_head(self._version, srs_name, self._extents[key]).encode())
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
