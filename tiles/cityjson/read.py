"""Reading CityJSON 1.0 to 2.0 and CityJSONSeq into buildings, whoever wrote them.

Files from elsewhere lack much: a solid may be a bag of surfaces, faces may have no meaning attached, the outline may be
missing. What can be told from the geometry is told from it; what cannot stays NaN or zero.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.cityjson.decode import building_of
from tiles.cityjson.parts import with_parts
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.storage import Place
    from twin.building import Building

__all__ = ["documents", "metres", "read_cityjson", "read_cityjsonseq", "reference_code"]


def read_cityjson(path: Path) -> list[Building]:
    """Read every building and building part that has surfaces.

    Parameters
    ----------
    path
        CityJSON 1.0, 1.1 or 2.0, or CityJSONSeq (told by its lines).

    Returns
    -------
    list of Building
        In the file's order, coordinates as in the file, of each every level of detail. A building whose body is one
        part (as 3DBAG writes) is one building with its own id, outline and attributes. Of several parts each is a
        building, with its parent's id as the attribute `parent` and the parent's attributes. Objects without surfaces
        are left out.

    Raises
    ------
    FormatError
        If it is no CityJSON, or an index points nowhere.
    """
    return [building for document, transform in documents(path) for building in _buildings(path, document, transform)]


def read_cityjsonseq(path: Place) -> Iterator[Building]:
    """Yield the buildings of a CityJSONSeq file one by one.

    Raises
    ------
    FormatError
        If the first line is no CityJSON header or a line is no feature; the message has the line's number.
    """
    for document, transform in _lines(path):
        yield from _buildings(path, document, transform)


def documents(path: Path) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """Yield what holds objects and vertices, with the transform that is valid there: one document, or many features.

    Raises
    ------
    FormatError
        If it is no CityJSON.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not UTF-8 text, so no CityJSON") from None
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        yield from _lines(path)
        return
    if not isinstance(document, dict) or document.get("type") != "CityJSON":
        raise FormatError(f"{path}: JSON, but no CityJSON document")
    yield document, document.get("transform")


def _lines(path: Place) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    transform = None
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                content = json.loads(line)
            except json.JSONDecodeError as error:
                raise FormatError(f"{path}, line {number}: not JSON ({error.msg})") from None
            expected = "CityJSON" if number == 1 else "CityJSONFeature"
            if not isinstance(content, dict) or content.get("type") != expected:
                raise FormatError(f"{path}, line {number}: expected an object of type {expected}")
            transform = content.get("transform") if number == 1 else transform
            yield content, transform


def reference_code(path: Path) -> str | None:
    """Return ``EPSG:<code>`` of a CityJSON file's reference system, or None if it names none.

    Reads the whole file, or the first line of a sequence.
    """
    with path.open(encoding="utf-8") as stream:
        first = stream.readline()
        try:
            head = json.loads(first)
        except json.JSONDecodeError:
            head = json.loads(first + stream.read())
    name = str(head.get("metadata", {}).get("referenceSystem", ""))
    match = re.search(r"EPSG[:/]+(?:[0-9.]*[:/]+)?(\d+)$", name)
    return f"EPSG:{match[1]}" if match else None


def _buildings(path: Place, document: Mapping[str, Any], transform: Mapping[str, Any] | None) -> Iterator[Building]:
    vertices = metres(path, document.get("vertices", []), transform)
    for name, item in with_parts(document.get("CityObjects", {})):
        if item.get("type") not in {"Building", "BuildingPart"}:
            continue
        try:
            building = building_of(name, item, vertices)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path}: object {name!r} is not as CityJSON has it: {error}") from None
        if building is not None:
            yield building


def metres(path: Place, vertices: Any, transform: Mapping[str, Any] | None) -> NDArray[np.float64]:
    """Vertices in the file's CRS, on a 0.1 mm grid where the file has a transform, so that 0.1 + 0.2 is 0.3."""
    try:
        xyz = np.asarray(vertices, dtype=np.float64).reshape(-1, 3)
    except (TypeError, ValueError):
        raise FormatError(f"{path}: vertices are not triples of numbers") from None
    if transform is None:
        return xyz
    moved: NDArray[np.float64] = xyz * np.asarray(transform["scale"]) + np.asarray(transform["translate"])
    finest = min(float(step) for step in transform["scale"])
    return np.round(moved, 4) if finest >= 1e-4 else moved
