"""Outlines of buildings and of water that somebody delivers: evidence for the rules, never truth.

An outline is older or younger than the survey, drawn at the walls or at the eaves, and shifted by decimetres. So it
lowers a bar or raises one; the points decide. The files are read once, by the client, cleaned, and laid into the store
in its own CRS with a spatial index: a worker on another machine sees them, and a tile reads its window alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from tiles.atomic import atomic_path, tree_checksum
from tiles.storage import fetched
from tiles.vectors import read_shapes, read_window, write_gpkg
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.store import Store
    from twin.bounds import Bounds
    from twin.raster import Frame

__all__ = [
    "Evidence",
    "EvidenceFile",
    "cells_within",
    "evidence_file",
    "evidence_path",
    "lay_evidence",
    "read_evidence",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A file of polygons, named by its content."""

    path: Path
    digest: str
    """Of the file's bytes: a changed file is another run, the same one from another folder is not."""
    crs: str | None = None
    """CRS of the file where it does not say, or says it wrongly."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Polygons that touch a window, valid, in metres of the points' CRS; None where no file was given."""

    footprints: NDArray[np.object_] | None = None
    """Outlines of buildings, shape (n,)."""
    water: NDArray[np.object_] | None = None
    """Outlines of water, shape (n,)."""


def evidence_file(path: Path, crs: str | None = None) -> EvidenceFile:
    """Name a file of polygons by its content.

    Raises
    ------
    FormatError
        If there is no such file.
    """
    if not path.is_file():
        raise FormatError(f"{path}: no such file of outlines")
    return EvidenceFile(path=path, digest=tree_checksum(path), crs=crs)


def lay_evidence(store: Store, run: str, files: Mapping[str, EvidenceFile]) -> None:
    """Clean the files' polygons and write them into a run's folder, one layer for each name in `files`.

    Raises
    ------
    FormatError, CrsError
        If a file cannot be read, holds no polygon, or does not say its CRS.
    """
    import geopandas  # slow to import, and only needed where files are given

    layers = {}
    for name, file in files.items():
        shapes = read_shapes(file.path, store.crs, crs=file.crs)
        polygons = _polygons(np.array([shape.geometry for shape in shapes], dtype=object))
        if not len(polygons):
            raise FormatError(f"{file.path}: no polygon among {len(shapes)} shapes; outlines must be areas")
        layers[name] = geopandas.GeoDataFrame(geometry=polygons, crs=store.crs.wkt)
    if layers:
        with atomic_path(store.path / evidence_path(run), scratch=store.scratch) as path:
            write_gpkg(path, layers)


def evidence_path(run: str) -> str:
    """Where a run's evidence is, relative to the store."""
    return f"labels/{run}/evidence.gpkg"


def read_evidence(store: Store, run: str, names: tuple[str, ...], window: Bounds) -> Evidence:
    """Read the polygons of a run that touch a window; `names` are those that `lay_evidence` was given."""
    if not names:
        return Evidence()
    with fetched(store.path / evidence_path(run)) as path:
        return Evidence(**{name: read_window(path, name, window) for name in names})


def cells_within(polygons: NDArray[np.object_], frame: Frame) -> NDArray[np.bool_]:
    """Return which cells have their centre in a polygon, shape ``frame.shape``.

    The same in every frame: centres are those of the global grid.
    """
    x, y = frame.centers()
    found = np.zeros(frame.shape, bool)
    for polygon in polygons:
        xmin, ymin, xmax, ymax = polygon.bounds
        columns = slice(*np.searchsorted(x, (xmin, xmax)))
        rows = slice(frame.rows - int(np.searchsorted(y[::-1], ymax)), frame.rows - int(np.searchsorted(y[::-1], ymin)))
        grid = np.meshgrid(x[columns], y[rows])
        shapely.prepare(polygon)
        found[rows, columns] |= shapely.contains_xy(polygon, grid[0], grid[1])
    return found


def _polygons(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the valid polygons that a list of shapes consists of; what is no area is left out."""
    parts = shapely.get_parts(shapely.make_valid(geometries[~shapely.is_missing(geometries)]))
    # Collections that repair leaves (a polygon and a line) take a second round.
    parts = shapely.get_parts(parts)
    chosen = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > 0.0)
    return np.asarray(parts[chosen], dtype=object)
