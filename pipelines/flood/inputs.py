"""What a scenario reads from a store: the terrain as surveyed, and the outlines of buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import geopandas
import numpy as np

from pipelines.flood.ground import Survey
from pipelines.objects.masks import with_gaps_filled
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

_WATER_GAP_M = 3.0
"""Narrowest gap without returns that may be water, metres (ours: a ditch)."""

_WATER_GAP_SPACINGS = 4.0
"""The same in mean distances between points: chance leaves a square of that edge empty once in ten million."""


def read_terrain(store: Store, run: str) -> tuple[Raster, Survey]:
    """Return the terrain of the surveyed box, and what the survey says there."""
    box = store.bounds.buffered(_MARGIN_M)
    terrain, water, density = (read_raster(store, run, name, box) for name in ("dtm", "water", "density"))
    gap_cells = _survey_gap_m(store, run) / terrain.frame.resolution_m
    inside = with_gaps_filled(density.values > 0, gap_cells) | np.isfinite(terrain.values)
    survey = Survey(
        dtm_m=terrain.values,
        water=water.values > 0,
        inside=inside,
        gaps=_gaps(density.values, inside, terrain.frame.resolution_m),
        frame=terrain.frame,
    )
    return terrain, survey


def _survey_gap_m(store: Store, run: str) -> float:
    """Return the widest gap between points that the terrain run counted as inside the survey, metres."""
    row = next((row for row in store.manifest.runs() if row.run == run), None)
    return _GAP_M if row is None else float(row.params.get("survey_gap_m", _GAP_M))


def _gaps(density: NDArray[np.floating[Any]], inside: NDArray[np.bool_], resolution_m: float) -> NDArray[np.bool_]:
    """Cells of gaps without any return that are too wide to be chance: nothing answered there, as water does not."""
    mean = float(density[inside].mean(dtype=np.float64)) if inside.any() else 0.0
    if mean == 0.0:
        return np.zeros(inside.shape, np.bool_)
    width_m = max(_WATER_GAP_M, _WATER_GAP_SPACINGS / mean**0.5)
    square = np.ones((2 * round(width_m / resolution_m / 2) + 1,) * 2, np.uint8)
    empty = (density == 0) & inside
    wide = cv2.morphologyEx(empty.astype(np.uint8), cv2.MORPH_OPEN, square, borderValue=0)
    return np.asarray((cv2.dilate(wide, square) > 0) & empty)


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
