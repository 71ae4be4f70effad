"""LoD1.2: one prism over an outline, with heights by PLATEAU's rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pipelines.model.prism import on_grid, prism
from twin.building import Building
from twin.errors import FootprintError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.footprints.outline import Outline
    from pipelines.model.params import ModelParams
    from pipelines.model.scan import Scan

__all__ = ["LOD1_HEIGHT_TYPE", "block", "roof_heights"]

LOD1_HEIGHT_TYPE = 2
"""PLATEAU's code for an LoD1 height taken as the median of the points (``uro:lod1HeightType``)."""


def block(outline: Outline, scan: Scan, params: ModelParams) -> Building:
    """Put a prism on an outline.

    The base is the lowest ground in the outline, the roof the median of its roof points: robust against
    chimneys, aerials and trees that hang over, and the rule that PLATEAU's LoD1 follows. Points on walls are left out:
    a tower has more of them than roof points, and they would halve its height. A tower on a podium comes
    out at the height of whichever fills more of the outline; LoD1.3 exists for that.

    Raises
    ------
    FootprintError
        If there are too few points, no ground, or no height; the message is the reason, without the outline's name.

    Notes
    -----
    About 0.2 ms. The solid is not checked here.
    """
    roof_z = scan.roof_z
    if len(roof_z) < params.min_points:
        raise FootprintError(f"{len(roof_z)} building points in the outline, fewer than {params.min_points}")
    if math.isnan(scan.ground_m):
        raise FootprintError("no ground is known in the outline or around it")
    roof, top = roof_heights(roof_z, params.top_share_dropped)
    height = roof - scan.ground_m
    if height < params.min_height_m:
        raise FootprintError(f"the roof is {height:.2f} m above ground, less than {params.min_height_m:g} m")
    base_m, roof_m = on_grid(scan.ground_m), on_grid(roof)
    area_m2 = float(outline.polygon.area)
    facts = {
        "lod1HeightType": LOD1_HEIGHT_TYPE,
        "area_m2": round(area_m2, 3),
        "density_per_m2": round(len(scan.xyz) / area_m2, 3),
        "n_roof_points": len(roof_z),
        "share_without_data": round(scan.empty_share, 4),
    }
    return Building(
        id=outline.id,
        footprint=outline.polygon,
        ground_m=base_m,
        roof_m=roof_m,
        measured_height_m=round(on_grid(top) - base_m, 4),
        n_points=len(scan.xyz),
        rmse_m=round(float(np.sqrt(np.mean((roof_z - roof_m) ** 2))), 4),
        solids={"1.2": prism(outline.polygon, base_m, roof_m)},
        attributes={**outline.attributes, **facts},
    )


def roof_heights(heights: NDArray[np.float64], top_share_dropped: float) -> tuple[float, float]:
    """Median height, and the highest after the top share is dropped.

    Parameters
    ----------
    heights
        Sorted, at least one, metres.
    top_share_dropped
        0..1; PLATEAU says 0.05.

    Examples
    --------
    >>> roof_heights(np.arange(100.0), 0.05)
    (49.5, 94.0)
    """
    n = len(heights)
    kept = max(1, n - math.floor(n * top_share_dropped))
    return float((heights[(n - 1) // 2] + heights[n // 2]) / 2), float(heights[kept - 1])
