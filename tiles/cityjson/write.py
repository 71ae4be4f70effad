"""Writing CityJSON: one document, or one line a building; neither holds more than one building at a time."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.atomic import atomic_path
from tiles.cityjson.encode import SCALE_M, Vertices, dumps, ground_corner
from tiles.cityjson.objects import city_item, corners_of
from tiles.cityjson.reference import reference_system
from twin.building import Building

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tiles.cityjson.objects import Item
    from tiles.storage import Place
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["ModelFacts", "write_cityjson", "write_cityjsonseq"]

_VERSION = "2.0"
_SPOOL_BYTES = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What was written."""

    path: Place
    buildings: int
    bytes: int
    objects: int = 0
    """CityObjects that are no buildings."""


def write_cityjson(  # noqa: PLR0913 - what a model is, and where it goes
    path: Path,
    items: Iterable[Item],
    *,
    crs: HorizontalCrs,
    vertical: VerticalDatum,
    title: str = "",
    lineage: Any = None,
) -> ModelFacts:
    """Write a CityJSON 2.0 document.

    Each building has its solid and its outline as LoD0. Vertices are shared within a building, not between
    neighbours: that keeps memory flat, and a validator that warns of duplicates is right but harmless.

    Parameters
    ----------
    path
        File to create or replace, atomically.
    items
        Buildings, terrain and other objects, in the order to write; ids must differ.
    crs, vertical
        What their coordinates and heights are in, metres. Where the two together have an EPSG code
        it is the `referenceSystem`; else that is the horizontal code, and `verticalDatum` tells the rest.
    title
        For people.
    lineage
        JSON-able account of where the model came from.

    Returns
    -------
    ModelFacts
        Number of buildings, of other objects, and bytes.
    """
    n = n_buildings = 0
    extent = _Extent()
    translate = (0.0, 0.0, 0.0)
    n_vertices = 0
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as out,
        tempfile.SpooledTemporaryFile(_SPOOL_BYTES, "w+", encoding="utf-8") as spool,
    ):
        out.write(f'{{"type":"CityJSON","version":"{_VERSION}","CityObjects":{{')
        for item in items:
            translate = _corner(item) if n == 0 else translate
            vertices = Vertices(translate, first=n_vertices)
            out.write(f"{',' if n else ''}\n{dumps(item.id)}:{dumps(city_item(item, vertices))}")
            rows = vertices.rows()
            spool.write(("," if n_vertices else "") + ",".join(map(dumps, rows)))
            n_vertices += len(rows)
            extent.add(item)
            n += 1
            n_buildings += isinstance(item, Building)
        out.write('},\n"vertices":[')
        spool.seek(0)
        shutil.copyfileobj(spool, out)
        metadata = _metadata(crs, vertical, title, lineage) | extent.metadata()
        out.write(f'],\n"transform":{dumps(_transform(translate))},"metadata":{dumps(metadata)}}}\n')
    return ModelFacts(path=path, buildings=n_buildings, objects=n - n_buildings, bytes=path.stat().st_size)


def write_cityjsonseq(  # noqa: PLR0913 - as above
    path: Place,
    items: Iterable[Item],
    *,
    crs: HorizontalCrs,
    vertical: VerticalDatum,
    title: str = "",
    lineage: Any = None,
    translate: tuple[float, float, float] | None = None,
    scratch: Path | None = None,
) -> ModelFacts:
    """Write CityJSONSeq: a header line, then one feature a line; parameters as for `write_cityjson`.

    `translate` is the origin of the integers in metres; by default it lies at the first building. `scratch` is the
    folder for the temporary name (`tiles.atomic`).
    """
    n = n_buildings = 0
    with (
        atomic_path(path, scratch=scratch) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as out,
    ):
        metadata = _metadata(crs, vertical, title, lineage)
        for item in items:
            translate = _corner(item) if translate is None else translate
            if n == 0:
                out.write(dumps(_header(translate, metadata)) + "\n")
            vertices = Vertices(translate)
            objects = {item.id: city_item(item, vertices)}
            feature = {"type": "CityJSONFeature", "id": item.id, "CityObjects": objects}
            out.write(dumps({**feature, "vertices": vertices.rows()}) + "\n")
            n += 1
            n_buildings += isinstance(item, Building)
        if n == 0:
            out.write(dumps(_header(translate or (0.0, 0.0, 0.0), metadata)) + "\n")
        out.flush()
        size = temporary.stat().st_size
    return ModelFacts(path=path, buildings=n_buildings, objects=n - n_buildings, bytes=size)


def _corner(item: Item) -> tuple[float, float, float]:
    """Return whole metres south-west of an item, as an origin for integers."""
    if isinstance(item, Building):
        return ground_corner(item)
    x, y = np.floor(item.vertices[:, :2].min(axis=0)).tolist()
    return x, y, 0.0


def _header(translate: tuple[float, float, float], metadata: dict[str, Any]) -> dict[str, Any]:
    head = {"type": "CityJSON", "version": _VERSION, "transform": _transform(translate), "metadata": metadata}
    return {**head, "CityObjects": {}, "vertices": []}


def _transform(translate: tuple[float, float, float]) -> dict[str, Any]:
    return {"scale": [SCALE_M] * 3, "translate": list(translate)}


def _metadata(crs: HorizontalCrs, vertical: VerticalDatum, title: str, lineage: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"title": title} if title else {}
    uri = reference_system(crs, vertical)
    facts |= {"referenceSystem": uri} if uri else {"crsWkt": crs.wkt}
    facts["verticalDatum"] = str(vertical)
    return facts | ({"lineage": lineage} if lineage is not None else {})


class _Extent:
    """Box around everything written so far."""

    def __init__(self) -> None:
        self._low = np.full(3, np.inf)
        self._high = np.full(3, -np.inf)

    def add(self, item: Item) -> None:
        corners = corners_of(item)
        self._low = np.minimum(self._low, corners.min(axis=0))
        self._high = np.maximum(self._high, corners.max(axis=0))

    def metadata(self) -> dict[str, Any]:
        if not np.isfinite(self._low).all():
            return {}
        return {"geographicalExtent": [round(float(value), 4) for value in (*self._low, *self._high)]}
