"""From an outline and its points to the best model that holds: the ladder of levels of detail.

A building never disappears: what cannot be built at the level asked for goes down one rung with the reason, and what
cannot even be a prism is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.footprints.outline import Unmodelled
from pipelines.model.lod1 import block
from pipelines.model.scan import Xyz, scan_outlines
from pipelines.validity import CODES, check_solid, volume_m3
from twin.building import Building
from twin.errors import FootprintError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.footprints.outline import Outline
    from pipelines.model.params import ModelParams
    from pipelines.model.scan import Scan
    from twin.building import Solid
    from twin.raster import Raster

__all__ = ["model_building", "model_buildings"]


def model_buildings(
    outlines: Sequence[Outline], building_points: Xyz, terrain: Raster, params: ModelParams
) -> tuple[list[Building], list[Unmodelled]]:
    """Model every outline, each on its own.

    Parameters
    ----------
    outlines
        Clean outlines in metres of the points' CRS.
    building_points
        x, y, z of the points classified as building, each of shape (n,), metres; z above the terrain's datum.
    terrain
        Ground heights, NaN where unknown; must cover the outlines and `ground_ring_m` around them.
    params
        Level asked for, rules and thresholds.

    Returns
    -------
    tuple
        Buildings in the order of the outlines, and the outlines without one, with reasons. Together they are all.

    Notes
    -----
    Nothing depends on the order of the points or on what lies outside an outline and its ring.
    """
    buildings: list[Building] = []
    failed: list[Unmodelled] = []
    for outline, scan in zip(outlines, scan_outlines(outlines, building_points, terrain, params), strict=True):
        try:
            buildings.append(model_building(outline, scan, params))
        except FootprintError as error:
            failed.append(Unmodelled(id=outline.id, reason=str(error)))
    return buildings, failed


def model_building(outline: Outline, scan: Scan, params: ModelParams) -> Building:
    """Model one outline.

    Raises
    ------
    FootprintError
        If not even a prism can be made; the message is the reason, without the outline's name.
    """
    building = block(outline, scan, params)
    _require_valid(building.solid)
    facts = {
        "volume_m3": round(volume_m3(building.solid), 3),
        "recon_mode": f"lod{building.lod}",
        "valid_codes": "",
    }
    return Building(
        id=building.id,
        footprint=building.footprint,
        ground_m=building.ground_m,
        roof_m=building.roof_m,
        measured_height_m=building.measured_height_m,
        n_points=building.n_points,
        rmse_m=building.rmse_m,
        solids=building.solids,
        attributes={**building.attributes, **facts},
    )


def _require_valid(solid: Solid) -> None:
    codes = check_solid(solid)
    if codes:
        raise FootprintError(f"the solid is not valid: {'; '.join(f'{code} {CODES[code]}' for code in codes)}")
