"""From the points and the outline of one building to its roof."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipelines.roofs.arrangement import arrange
from pipelines.roofs.extrude import extrude
from pipelines.roofs.flatten import flatten
from pipelines.roofs.hidden import fill_hidden
from pipelines.roofs.labelling import assign_planes, lost_planes
from pipelines.roofs.lines import partition_lines
from pipelines.roofs.planes import RoofPlanes, find_planes
from pipelines.roofs.regular import make_regular
from twin.building import Solid
from twin.errors import RoofError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from shapely import Polygon

    from pipelines.roofs.arrangement import Arrangement
    from pipelines.roofs.params import RoofParams

__all__ = ["Roof", "reconstruct"]

_GRID_M = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roof:
    """A building's solid with its roof, and the simpler ones made from the same plan."""

    solid: Solid
    """LoD2.2; metres in the CRS and datum of the points, on the grid of 0.1 mm."""
    lower: Mapping[str, Solid]
    """Solids of LoD2.0 and LoD1.3, those that could be made."""
    reasons: Mapping[str, str]
    """Why the others could not, by level."""
    n_planes: int
    """Roof planes that some face has."""


def reconstruct(outline: Polygon, xyz: NDArray[np.float64], base_m: float, params: RoofParams) -> Roof:
    """Model one building at LoD2.2, LoD2.0 and LoD1.3.

    Everything is worked out relative to a whole-metre origin that depends on the outline and the base alone, on sorted
    points, so a building comes out the same wherever its tile ends and however its points are ordered.

    Parameters
    ----------
    outline
        Valid polygon, perhaps with courtyards; metres, CRS of the points.
    xyz
        (n, 3) building points inside the outline, those on walls included, in any order; metres.
    base_m
        Lowest ground in the outline, metres in the points' datum.
    params
        Thresholds.

    Returns
    -------
    Roof
        Solids; whether they are valid is for `pipelines.validity` to say.

    Raises
    ------
    FootprintError
        If the outline cannot stand on a grid of 0.1 mm.
    RoofError
        If no plane is found among the points, or the faces cannot be closed to a solid.

    Notes
    -----
    About 8 ms for 1 500 points and three planes, LoD2.0 and LoD1.3 included: 3 ms for the planes, 1 to 2 ms for the
    lines. A works of 900 planes and 300 000 points takes 5 s.
    """
    x0, y0 = np.floor(outline.bounds[:2])
    origin = np.array([x0, y0, math.floor(base_m)])
    plan_outline = shapely.transform(outline, lambda xy: xy - origin[:2])
    points = _sorted(xyz - origin, params.max_points)
    planes = make_regular(plan_outline, points, find_planes(points, params), params)
    if not planes.n_planes:
        raise RoofError(0, f"no roof plane among {len(xyz)} points; {params.min_plane_points} on one plane are needed")
    filled = fill_hidden(plan_outline, points, planes, params)
    plan, label = _partition(plan_outline, *filled, params)
    base = base_m - float(origin[2])
    solid = extrude(plan, label, planes.coefficients, base, params)
    lower: dict[str, Solid] = {}
    reasons: dict[str, str] = {}
    for level, make, seen in (("2.0", _coarse, filled), ("1.3", _blocks, (points, planes))):
        try:
            faces, coefficients = make(plan, label, *seen, params)
            lower[level] = _placed(extrude(plan, faces, coefficients, base, params), origin)
        except RoofError as error:
            reasons[level] = str(error)
    return Roof(
        solid=_placed(solid, origin),
        lower=MappingProxyType(lower),
        reasons=MappingProxyType(reasons),
        n_planes=len(np.unique(label)),
    )


def _partition(
    outline: Polygon, points: NDArray[np.float64], planes: RoofPlanes, params: RoofParams
) -> tuple[Arrangement, NDArray[np.int32]]:
    """Cut the outline into faces and label them; try again with more lines if planes got lost, and keep the better."""
    plan = arrange(outline, partition_lines(outline, points, planes, params), params)
    label = assign_planes(plan, points, planes, params)
    lost, off = lost_planes(plan, label, points, planes)
    if not len(lost):
        return plan, label
    again = arrange(outline, partition_lines(outline, points, planes, params, lost.tolist()), params)
    label_again = assign_planes(again, points, planes, params)
    better = lost_planes(again, label_again, points, planes)[1] < off
    return (again, label_again) if better else (plan, label)


def _sorted(xyz: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Order finite points by x, y, z; of too many keep every n-th."""
    xyz = xyz[np.isfinite(xyz).all(axis=1)]
    xyz = np.ascontiguousarray(xyz[np.lexsort((xyz[:, 2], xyz[:, 1], xyz[:, 0]))], dtype=np.float64)
    return xyz[:: math.ceil(len(xyz) / most)] if len(xyz) > most else xyz


def _coarse(
    plan: Arrangement,
    label: NDArray[np.int32],
    points: NDArray[np.float64],
    planes: RoofPlanes,
    params: RoofParams,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Label the faces again with the large planes only: dormers, stair heads and porches go (LoD2.0)."""
    area = np.bincount(planes.label[planes.label >= 0], minlength=planes.n_planes) * planes.spacing_m**2
    n_kept = max(1, int((area >= params.main_plane_m2).sum()))
    if n_kept == planes.n_planes:
        return label, planes.coefficients
    main = RoofPlanes(
        coefficients=planes.coefficients[:n_kept],
        label=np.where(planes.label < n_kept, planes.label, -1).astype(np.int32),
        noise_m=planes.noise_m,
        spacing_m=planes.spacing_m,
    )
    return assign_planes(plan, points, main, params), main.coefficients


def _blocks(
    plan: Arrangement,
    label: NDArray[np.int32],
    points: NDArray[np.float64],
    planes: RoofPlanes,
    params: RoofParams,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Level blocks (LoD1.3), their heights from the points in planes."""
    return flatten(plan, label, planes.coefficients, points[planes.label >= 0], params)


def _placed(solid: Solid, origin: NDArray[np.float64]) -> Solid:
    vertices = np.round((solid.vertices + origin) / _GRID_M) * _GRID_M
    return Solid(vertices=vertices, faces=solid.faces, semantics=solid.semantics)
