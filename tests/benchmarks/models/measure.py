"""Figures of one modelled building: against its points in both senses, and against the truth where it is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from kinds import height

from pipelines.model.fit import distances_to_solid, roof_residuals
from pipelines.validity import check_solid

if TYPE_CHECKING:
    from cases import Sample
    from modelling import Modelled
    from numpy.typing import NDArray

__all__ = ["figures_of", "truth_figures"]

_TRUTH_CELL_M = 0.25


def figures_of(modelled: Modelled) -> dict[str, Any]:
    """Return what can be said of any building, whether or not its truth is known.

    ``rmse_z``: vertical residual of *all* points inside the outline to the roof, walls and trees included. ``rmse_3d``,
    ``p95_3d``: distance in space of the same points to the nearest face. ``rmse_roof``: vertical residual of the points
    that lie on top.
    """
    scan, building = modelled.scan, modelled.building
    area = modelled.outline.polygon.area
    row: dict[str, Any] = {
        "id": modelled.outline.id,
        "points": len(scan.xyz),
        "area_m2": round(float(area), 2),
        "density": round(len(scan.xyz) / area, 2),
        "empty_share": round(scan.empty_share, 4),
        "lod": "none" if building is None else building.lod,
        "reason": modelled.reason,
        "cpu_ms": round(1e3 * modelled.cpu_s, 3),
    }
    if building is None or len(scan.xyz) == 0:
        return row
    solid = building.solid
    space = np.sort(distances_to_solid(solid, scan.xyz))
    along = roof_residuals(solid, scan.xyz)
    return row | {
        "rmse_z": _rms(along),
        "rmse_roof": _rms(along[scan.on_roof]) if scan.on_roof.any() else math.nan,
        "rmse_3d": _rms(space),
        "p95_3d": float(space[math.ceil(0.95 * len(space)) - 1]),
        "faces": len(solid.faces),
        "codes": " ".join(map(str, check_solid(solid))),
        "codes_lod1": " ".join(map(str, check_solid(building.solids["1.2"]))) if "1.2" in building.solids else "",
    }


def truth_figures(sample: Sample, modelled: Modelled) -> dict[str, Any]:
    """Return what only a synthetic building tells.

    ``rmse_roof`` is taken over the points that truly come from the roof, and ``rmse_truth`` compares the model's roof
    with the true one, on a grid over the outline.
    """
    survey = sample.case.survey
    row: dict[str, Any] = {
        "kind": sample.case.kind,
        "asked_density": survey.density,
        "noise_m": survey.noise_m,
        "disturbance": survey.disturbance,
        "true_planes": len(sample.built.truth.roof_planes),
    }
    if modelled.building is None:
        return row
    solid = modelled.building.solid
    xyz = sample.cloud.xyz[sample.is_roof]
    true = _true_roof(sample)
    found = roof_residuals(solid, true)
    volume = sum(_volume(face.polygon, (face.a, face.b, face.c - sample.base_m)) for face in _faces(sample))
    return row | {
        "rmse_roof": _rms(roof_residuals(solid, xyz)) if len(xyz) else math.nan,
        "rmse_truth": _rms(found),
        "planes": sum(1 for name in solid.semantics if name == "RoofSurface"),
        "true_volume_m3": round(volume, 2),
    }


def _faces(sample: Sample) -> Any:
    return sample.built.truth.roof_planes


def _true_roof(sample: Sample) -> NDArray[np.float64]:
    """Heights of the true roof on a grid, a hand's breadth inside the outline."""
    core = sample.outline.buffer(-0.05)
    xmin, ymin, xmax, ymax = core.bounds
    x, y = (
        each.ravel() for each in np.meshgrid(np.arange(xmin, xmax, _TRUTH_CELL_M), np.arange(ymin, ymax, _TRUTH_CELL_M))
    )
    inside = shapely.contains_xy(core, x, y)
    z = height(sample.built.parts, x[inside], y[inside])
    return np.column_stack([x[inside], y[inside], z])


def _volume(polygon: shapely.Polygon, plane: tuple[float, float, float]) -> float:
    middle = polygon.centroid
    return float(polygon.area * (plane[0] * middle.x + plane[1] * middle.y + plane[2]))


def _rms(values: NDArray[np.float64]) -> float:
    ordered = np.sort(values * values)
    return float(np.sqrt(np.mean(ordered)))
