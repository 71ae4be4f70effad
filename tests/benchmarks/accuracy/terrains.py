"""How far terrain made from the found labels lies from a scene's exact ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.terrain import TerrainParams, derive_terrain
from twin.raster import Frame

if TYPE_CHECKING:
    from cases import Loaded

__all__ = ["score_terrain"]

_SUB = 5
"""Places in a cell, along each axis, at which the exact ground is asked for."""
_EDGE_RANGE_M = 0.5
"""Range of the exact ground within a cell of half a metre from which it is a cliff's edge: slopes over 45 degrees."""


def score_terrain(loaded: Loaded, found: np.ndarray) -> dict[str, Any]:
    """Return the RMSE of the DTM on land, at cliffs' edges, and under water, in metres.

    A cell stands for the mean of the exact ground in it. Where the ground falls more than 45 degrees within a cell, any
    height between its lowest and its highest is right, and the error is the distance from that range.
    """
    scene, params = loaded.scene, TerrainParams()
    assert scene is not None
    window = scene.bounds.snapped(params.step_m)
    frame = Frame.covering(window, params.resolution_m)
    points = loaded.points.with_attributes(label=found)
    rasters = derive_terrain(points, frame, params)
    x, y = (axis.ravel() for axis in np.meshgrid(*frame.centers()))
    asked = np.flatnonzero(scene.bounds.contains(x, y) & rasters["inside"].ravel())
    x, y, dtm = x[asked], y[asked], rasters["dtm"].ravel()[asked]
    steps = (np.arange(_SUB) - (_SUB - 1) / 2) / _SUB * params.resolution_m
    exact = np.stack([scene.ground(x + dx, y + dy) for dx in steps for dy in steps])
    low, high = exact.min(axis=0), exact.max(axis=0)
    edge = high - low > _EDGE_RANGE_M
    error = np.where(edge, dtm - np.clip(dtm, low, high), dtm - exact.mean(axis=0))
    wet = scene.is_water(x, y)
    near = _near(edge, asked, frame)
    known = np.isfinite(error)
    figures: dict[str, Any] = {"dtm_void": 100.0 * float((~known & ~wet).sum()) / max(1, int((~wet).sum()))}
    for name, chosen in (("dtm_rmse", ~wet & ~near), ("cliff_rmse", near & ~wet), ("bed_rmse", wet & ~near)):
        values = error[chosen & known]
        if values.size:
            figures[name] = float(np.sqrt(np.mean(values**2)))
            figures[f"{name}_p95"] = float(np.quantile(np.abs(values), 0.95))
    return figures


def _near(edge: np.ndarray, asked: np.ndarray, frame: Frame) -> np.ndarray:
    """Cells within one cell of a cliff's edge: the edge's place is uncertain by that much."""
    grid = np.zeros(frame.shape, bool)
    grid.ravel()[asked] = edge
    grown = grid.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        grown |= np.roll(grid, step, axis)
    return grown.ravel()[asked]
