"""What a building model is compared with: another model, the truth of a synthetic scene, or outlines with heights."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipelines.validity import volume_m3
from tiles.citygml import is_citygml, read_buildings, read_system
from tiles.cityjson import read_cityjson, reference_code
from tiles.vectors import read_shapes
from twin.crs import parse_crs
from twin.errors import CrsError, FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapely import Polygon

    from twin.building import Building
    from twin.crs import HorizontalCrs

__all__ = ["Reference", "crs_of_model", "read_reference", "reference_of"]

_SAMPLE_M = 0.25
_OUTLINES = "truth_footprints.geojson"
_HEIGHT_COLUMNS = ("roof_m", "ground_m")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """One building as somebody else knows it, in the store's CRS and datum."""

    id: str
    footprint: Polygon
    roof_m: float
    """Height of an LoD1 roof, metres; NaN if unknown."""
    ground_m: float
    """Height of its base, metres; NaN if unknown."""
    volume_m3: float = math.nan
    """Volume of its solid, cubic metres; NaN if unknown or if it is not closed."""


def reference_of(building: Building) -> Reference:
    """Return what is compared of a building: outline, base, roof, and the volume of its best solid."""
    volume = volume_m3(building.solid)
    return Reference(
        id=building.id,
        footprint=building.footprint,
        roof_m=building.roof_m,
        ground_m=building.ground_m,
        volume_m3=volume if volume > 0 and not building.attributes.get("surfaces_only") else math.nan,
    )


def crs_of_model(path: Path) -> HorizontalCrs:
    """Return the CRS that a CityJSON or CityGML file names.

    Raises
    ------
    CrsError
        If it names none, or one that counts degrees.
    """
    if path.is_file() and is_citygml(path):
        return read_system(path).crs
    code = reference_code(path)
    if code is None:
        raise CrsError(f"{path}: names no reference system, so it cannot be compared; score it against a store")
    return parse_crs(code)


def read_reference(path: Path, crs: HorizontalCrs) -> list[Reference]:
    """Read reference buildings.

    Parameters
    ----------
    path
        ``truth.json`` of a synthetic survey, with its outlines beside it (the roof is the median of its planes),
        CityJSON or CityJSONSeq, or CityGML (of these the roof is the highest vertex, so compare LoD1 with LoD1), or a
        vector file of outlines whose columns `roof_m` and `ground_m`, if it has them, are heights.
    crs
        CRS of the store. Vector files and CityGML are reprojected; the others must be in it. Heights are taken to be
        above the store's datum.

    Raises
    ------
    CrsError
        If a model or a truth is in another CRS.
    FormatError
        If the file is none of these, or empty.
    """
    suffixes = path.suffixes
    if suffixes[-1:] in ([".json"], [".jsonl"]):
        truth = _truth(path) if suffixes[-1] == ".json" else None
        found = _from_cityjson(path, crs) if truth is None else _from_truth(path, truth, crs)
    elif path.is_file() and is_citygml(path):
        found = [reference_of(building) for building in read_buildings(path, crs)]
    else:
        shapes = [shape for shape in read_shapes(path, crs) if shape.geometry is not None]
        found = [
            Reference(id=shape.id, footprint=part, roof_m=roof, ground_m=ground)
            for shape in shapes
            for roof, ground in [tuple(float(shape.attributes.get(name, np.nan)) for name in _HEIGHT_COLUMNS)]
            for part in shapely.get_parts(shapely.make_valid(shape.geometry))
            if part.geom_type == "Polygon"
        ]
    if not found:
        raise FormatError(f"{path}: no buildings to compare with")
    return found


def _truth(path: Path) -> Mapping[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    is_truth = isinstance(content, dict) and content.get("format") == "twin-scene-truth"
    return content if is_truth else None


def _from_truth(path: Path, truth: Mapping[str, Any], crs: HorizontalCrs) -> list[Reference]:
    _check_crs(path, parse_crs(truth["crs"]).code, crs)
    outlines = {shape.id: shape.geometry for shape in read_shapes(path.with_name(_OUTLINES), crs)}
    return [_of_truth(building, outlines[building["id"]]) for building in truth["buildings"]]


def _of_truth(building: Mapping[str, Any], footprint: Polygon) -> Reference:
    faces = [shapely.Polygon(plane["outline"], plane["holes"]) for plane in building["roof_planes"]]
    anchor = np.asarray(building["anchor"], float)
    heights = []
    ground_m = float(building["ground_m"])
    volume = 0.0
    for plane, face in zip(building["roof_planes"], faces, strict=True):
        centre = face.centroid  # a plane's mean over a face is its height at the centroid
        mean = plane["a"] * (centre.x - anchor[0]) + plane["b"] * (centre.y - anchor[1]) + plane["c"]
        volume += face.area * (mean - ground_m)
        xmin, ymin, xmax, ymax = face.bounds
        x, y = (
            grid.ravel()
            for grid in np.meshgrid(
                np.arange(xmin + _SAMPLE_M / 2, xmax, _SAMPLE_M), np.arange(ymin + _SAMPLE_M / 2, ymax, _SAMPLE_M)
            )
        )
        on = shapely.contains_xy(face, x, y)
        heights.append(plane["a"] * (x[on] - anchor[0]) + plane["b"] * (y[on] - anchor[1]) + plane["c"])
    roof = float(np.median(np.concatenate(heights)))
    return Reference(id=building["id"], footprint=footprint, roof_m=roof, ground_m=ground_m, volume_m3=volume)


def _from_cityjson(path: Path, crs: HorizontalCrs) -> list[Reference]:
    code = reference_code(path)
    if code is not None:
        _check_crs(path, parse_crs(code).code, crs)
    return [reference_of(building) for building in read_cityjson(path) if not building.footprint.is_empty]


def _check_crs(path: Path, code: str, crs: HorizontalCrs) -> None:
    if code != crs.code:
        raise CrsError(f"{path}: coordinates are in {code}, the store is in {crs.code}; convert the file first")
