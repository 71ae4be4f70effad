"""Writing a delivery of CityGML as PLATEAU wants it: one file a regional mesh, never more than a building in memory.

::

    OUT/udx/bldg/53394517_bldg_6697_op.gml    buildings; likewise brid (bridges) and veg (trees)
    OUT/udx/dem/533945_dem_6697_op.gml        terrain; likewise wtr (water)

The schemas (``../../schemas``) and code lists (``../../codelists``) that the files name belong to a delivery's package
and are not written here.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tiles.atomic import atomic_folder
from tiles.citygml.encode import encode, gml_id_of, identity_of
from tiles.citygml.encode_objects import encode_object, theme_of
from tiles.citygml.mesh_files import MeshFiles
from tiles.citygml.params import CityGmlParams
from tiles.citygml.placing import placing
from twin.building import Building

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.cityobject import CityObject, Tin
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["CityGmlFacts", "write_citygml"]

_THIRD_LEVEL = 8
"""Digits of a mesh's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CityGmlFacts:
    """What was written."""

    files: int
    bytes: int
    buildings: int
    objects: int = 0
    """Terrain, bridges, water and trees."""


def write_citygml(
    out: Path,
    items: Iterable[Building | CityObject | Tin],
    *,
    crs: HorizontalCrs,
    vertical: VerticalDatum,
    params: CityGmlParams | None = None,
) -> CityGmlFacts:
    """Write buildings, terrain, bridges, water and trees as the files of a delivery.

    A building belongs to the mesh with the largest share of its outline (`twin.region_mesh.mesh_of`). LoD0 is its
    outline at height 0 (``lod0RoofEdge``), LoD1 its plainest block, LoD2 its finest roof with the surfaces that the
    solid refers to. Within a file buildings stand in order of their ``gml:id``, so the same model gives the same bytes
    in whatever order it comes. A building part that was read is written as a building.

    Bridges and trees (LoD1) stand in files of third-level meshes, terrain and water in those of the second level; a
    tile's terrain is one feature, in the mesh that holds most of it.

    Parameters
    ----------
    out
        Folder of the delivery; each folder below ``udx`` that something belongs to is replaced, atomically.
    items
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
    n_buildings = n_objects = 0
    way = None
    with tempfile.TemporaryDirectory() as scratch:
        files = MeshFiles(Path(scratch), params)
        for item in items:
            way = way or placing(crs, vertical, _box(item), params.crs)
            place = f"{crs.code}/{params.city}"
            if isinstance(item, Building):
                identity = identity_of(item.id, place)
                placed = way.place(item)
                name = gml_id_of(item.id, "bldg", identity)
                files.add("bldg", placed, _THIRD_LEVEL, name, encode(item, placed, identity, params))
                n_buildings += 1
            else:
                theme, digits = theme_of(item)
                identity = identity_of(item.id, f"{place}/{theme}")
                laid = way.lay(item.vertices)
                name = gml_id_of(item.id, theme, identity)
                files.add(theme, laid, digits, name, encode_object(item, laid, identity, params))
                n_objects += 1
        sizes: list[int] = []
        for theme in files.themes or ["bldg"]:
            with atomic_folder(out / "udx" / theme) as folder:
                sizes += [] if way is None else files.finish(theme, folder, way.srs_name, way.code)
    return CityGmlFacts(files=len(sizes), bytes=sum(sizes), buildings=n_buildings, objects=n_objects)


def _box(item: Building | CityObject | Tin) -> tuple[float, float, float, float]:
    if isinstance(item, Building):
        xmin, ymin, xmax, ymax = item.footprint.bounds
        return xmin, ymin, xmax, ymax
    low, high = item.vertices.min(axis=0).tolist(), item.vertices.max(axis=0).tolist()
    return low[0], low[1], high[0], high[1]
