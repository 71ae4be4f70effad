"""Polygons from vector files, CityJSON and CityGML, in the CRS that is wanted; tables to GeoPackage.

A file tells its CRS or the caller does; it is never guessed. GeoJSON without a CRS is WGS 84 by its standard, and is
refused where its coordinates cannot be degrees.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import CRS

from tiles import citygml
from tiles.atomic import atomic_path
from tiles.cityjson import is_cityjson, read_outlines
from twin.crs import parse_crs
from twin.errors import ConfigError, CrsError, FormatError
from twin.transforms import accurate_transformer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import geopandas
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from twin.bounds import Bounds
    from twin.crs import HorizontalCrs

__all__ = ["ID_FIELDS", "Shape", "read_shapes", "read_window", "write_gpkg"]

ID_FIELDS = ("id", "gml_id", "building_id", "identificatie", "lokaalid", "globalid", "fid")
"""Columns tried as the id, in this order and in any case, if the caller names none; the first with different values."""
_ACCEPT_M = 0.5
"""Accuracy of a conversion that is good enough for outlines although a better one is known whose grid is missing: they
are drawn for maps of 1:2500 at best, and are evidence beside the points. Points are held to the best."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """One row of a vector file."""

    id: str
    """From the id column; several rows may share one. Empty if the file has no such column."""
    geometry: BaseGeometry | None
    """As delivered, valid or not, in the CRS asked for; None if the bytes could not be read."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """The other columns that hold a value, JSON-able."""
    fault: str = ""
    """Why it could not be read, if the reader knows; the geometry is None then."""


def read_shapes(
    path: Path, wanted: HorizontalCrs, *, crs: str | None = None, id_field: str | None = None, layer: str | None = None
) -> list[Shape]:
    """Read all rows of a layer.

    Parameters
    ----------
    path
        Any file that GDAL reads, or CityJSON or CityGML (such as PLATEAU's), whose buildings are the rows.
    wanted
        CRS to return the coordinates in.
    crs
        CRS of the file, where it does not say or says it wrongly; authority code or WKT.
    id_field
        Column with the ids; see `ID_FIELDS`.
    layer
        Name of the layer; the first if None.

    Returns
    -------
    list of Shape
        In the file's order.

    Raises
    ------
    FormatError
        If GDAL cannot read it, or it holds no geometries.
    CrsError
        If the CRS is missing, unknown, or contradicts the coordinates; or PROJ knows no accurate way to the one wanted.
    ConfigError
        If `id_field` is no column of the file.
    """
    if path.is_file() and citygml.is_citygml(path):
        return _of_citygml(path, wanted, crs or "", id_field)
    meta, geometries, columns = _read(path, layer)
    stated = crs or meta["crs"]
    if not stated:
        raise CrsError(f"{path}: the file does not say its CRS; give it, such as EPSG:6677")
    source = parse_crs(stated)
    _check_degrees(path, source, geometries)
    geometries = _in_crs(geometries, source, wanted)
    names = [str(name) for name in meta["fields"]]
    table = dict(zip(names, columns, strict=True))
    key = _id_column(path, table, id_field)
    ids = [_text(value) for value in table[key]] if key else [""] * len(geometries)
    rest = [name for name in names if name != key]
    faults = meta.get("faults") or [""] * len(geometries)
    return [
        Shape(
            id=name,
            geometry=geometry,
            attributes={other: value for other in rest if (value := _plain(table[other][i])) is not None},
            fault=faults[i],
        )
        for i, (name, geometry) in enumerate(zip(ids, geometries, strict=True))
    ]


def _of_citygml(path: Path, wanted: HorizontalCrs, crs: str, id_field: str | None) -> list[Shape]:
    """Return the buildings of a CityGML file; their ids are its ``gml:id`` unless an attribute is asked for.

    One that cannot be read is a row without a geometry.
    """
    refused: list[FormatError] = []
    rows = list(citygml.read_outlines(path, wanted, refused, crs))
    if id_field is not None and not any(id_field in facts for _, _, facts in rows):
        known = ", ".join(sorted({name for _, _, facts in rows for name in facts})[:20])
        raise ConfigError(f"{path}: no attribute {id_field!r}; there are {known}")
    return [
        Shape(
            id=name if id_field is None else _text(facts.get(id_field)),
            geometry=outline,
            attributes=facts,
            fault="" if outline is not None else _fault(name, refused),
        )
        for name, outline, facts in rows
    ]


def _fault(name: str, refused: list[FormatError]) -> str:
    """Return what the reader said of one building."""
    told = (" ".join(str(error).split()) for error in refused)
    return next((sentence[:300] for sentence in told if f" {name}:" in sentence or f" {name}," in sentence), "")


def read_window(path: Path, layer: str, window: Bounds) -> NDArray[np.object_]:
    """Read the geometries of a layer whose boxes touch a window, in the file's own CRS and order.

    Parameters
    ----------
    path
        A file of ours (`write_gpkg`): its index finds a window without reading the rest.
    layer
        Name of the layer.
    window
        In the file's CRS.
    """
    from pyogrio import raw

    _, _, geometry, _ = raw.read(path, layer=layer, columns=[], bbox=tuple(window), force_2d=True)
    return np.asarray(shapely.from_wkb(geometry), dtype=object)


def write_gpkg(path: Path, layers: Mapping[str, geopandas.GeoDataFrame]) -> int:
    """Write tables as layers of a GeoPackage, atomically, and return its size in bytes.

    The same tables give the same bytes.
    """
    import pyogrio  # heavy, and not needed to read what others imported already

    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z"})
    try:
        with atomic_path(path) as temporary:
            named = temporary.with_name(temporary.name + ".gpkg")  # GDAL warns of any other ending
            for number, (layer, table) in enumerate(layers.items()):
                pyogrio.write_dataframe(table, named, layer=layer, driver="GPKG", append=number > 0)
            named.replace(temporary)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    return path.stat().st_size


def _read(path: Path, layer: str | None) -> tuple[dict[str, Any], list[BaseGeometry | None], list[Any]]:
    from pyogrio import raw
    from pyogrio.errors import DataLayerError, DataSourceError

    if not path.is_file():
        raise FormatError(f"{path}: no such file")
    if is_cityjson(path):
        return _city_table(path)
    try:
        meta, _, geometry, columns = raw.read(path, layer=layer, force_2d=True)
    except (DataSourceError, DataLayerError, ValueError) as error:
        raise FormatError(f"{path}: not a vector file that GDAL reads: {' '.join(str(error).split())[:160]}") from None
    if geometry is None:
        raise FormatError(f"{path}: a table without geometries")
    return meta, list(shapely.from_wkb(geometry, on_invalid="ignore")), list(columns)


def _city_table(path: Path) -> tuple[dict[str, Any], list[BaseGeometry | None], list[Any]]:
    """Return the buildings of a CityJSON file as GDAL would return a layer."""
    code, rows = read_outlines(path)
    names = sorted({name for row in rows for name in row.attributes} - {"id"})
    columns = [[row.attributes.get(name) for row in rows] for name in names]
    outlines: list[BaseGeometry | None] = [row.plan for row in rows]
    meta = {"crs": code, "fields": ["id", *names], "faults": [row.fault for row in rows]}
    return meta, outlines, [[row.id for row in rows], *columns]


def _check_degrees(path: Path, source: HorizontalCrs, geometries: list[BaseGeometry | None]) -> None:
    if not source.is_geographic:
        return
    largest = np.abs(shapely.get_coordinates([g for g in geometries if g is not None])).max(initial=0.0)
    if largest > 360:
        raise CrsError(
            f"{path}: CRS {source.code} counts in degrees, but a coordinate is {largest:.0f}; give the true CRS"
        )


def _in_crs(
    geometries: list[BaseGeometry | None], source: HorizontalCrs, wanted: HorizontalCrs
) -> list[BaseGeometry | None]:
    have, want = CRS.from_wkt(source.wkt), CRS.from_wkt(wanted.wkt)
    if have.equals(want, ignore_axis_order=True):
        return geometries
    known = [geometry for geometry in geometries if geometry is not None and not geometry.is_empty]
    if not known:
        return geometries
    xmin, ymin, xmax, ymax = map(float, shapely.total_bounds(known))
    transformer = accurate_transformer(source, wanted, (xmin, ymin, xmax, ymax), accept_m=_ACCEPT_M)

    def moved(xy: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

    return list(shapely.transform(np.array(geometries, dtype=object), moved))


def _id_column(path: Path, table: Mapping[str, Any], wanted: str | None) -> str | None:
    if wanted is not None:
        if wanted not in table:
            raise ConfigError(f"{path}: no column {wanted!r} for ids; there are: {', '.join(table)}")
        return wanted
    lowered = {name.lower(): name for name in table}
    for name in ID_FIELDS:
        if name in lowered:
            counts = Counter(map(_text, table[lowered[name]]))
            if "" not in counts and max(counts.values(), default=0) == 1:
                return lowered[name]
    return None


def _text(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; None for what is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value != value or value == "":
        return None
    return value if isinstance(value, str | bool | int | float) else str(value)
