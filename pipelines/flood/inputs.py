"""What a scenario reads from a store: the terrain as surveyed, and the outlines of buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import geopandas
import numpy as np

from pipelines.flood.ground import Survey
from tiles.buildings import building_table
from tiles.rasters import read_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tiles.store import Store
    from twin.raster import Raster

__all__ = ["checksums", "read_buildings", "read_terrain"]

_MARGIN_M = 1.0
"""How far the overlay reaches beyond the outermost points, metres: their cells, and the rim of the outside."""

_GAP_M = 32.0
"""Widest gap between points that is still inside the survey, metres, where the terrain run does not say."""


def read_terrain(store: Store, run: str) -> tuple[Raster, Survey]:
    """Return the terrain of the surveyed box, and what the survey says there."""
    box = store.bounds.buffered(_MARGIN_M)
    terrain, water, density = (read_raster(store, run, name, box) for name in ("dtm", "water", "density"))
    survey = Survey(
        dtm_m=terrain.values,
        water=water.values > 0,
        inside=_inside(density.values > 0, _survey_gap_m(store, run) / terrain.frame.resolution_m)
        | np.isfinite(terrain.values),
        frame=terrain.frame,
    )
    return terrain, survey


def _survey_gap_m(store: Store, run: str) -> float:
    """Return the widest gap between points that the terrain run counted as inside the survey, metres."""
    row = next((row for row in store.manifest.runs() if row.run == run), None)
    return _GAP_M if row is None else float(row.params.get("survey_gap_m", _GAP_M))


def _inside(occupied: NDArray[np.bool_], gap_cells: float) -> NDArray[np.bool_]:
    """Cells with points and the gaps between them, as the terrain stage counts them."""
    radius = max(1, round(gap_cells / 2))
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    padded = np.pad(occupied, 2 * radius).astype(np.uint8)
    closed = cv2.erode(cv2.dilate(padded, square), square)[2 * radius : -2 * radius, 2 * radius : -2 * radius]
    return np.asarray(closed > 0)


def read_buildings(store: Store, run: str | None) -> Any:
    """Return the outlines of a model run as a table with ``id``; an empty one if there is no run."""
    if run is None:
        return geopandas.GeoDataFrame({"id": []}, geometry=[], crs=store.crs.wkt)
    return building_table(store, run)


def checksums(store: Store, run: str | None) -> list[tuple[str, str]]:
    """Return the checksums of everything that a run made, by key."""
    if run is None:
        return []
    return [(key, row.checksum) for key, row in sorted(store.manifest.artefacts(run).items())]
