"""From an outline and its points to the best model that holds: the ladder of levels of detail.

A building never disappears: what cannot be built at the level asked for goes down one rung with the reason, and what
cannot even be a prism is listed.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipelines.footprints.outline import Unmodelled
from pipelines.model.fit import distances_to_solid, measure_fit
from pipelines.model.lod1 import block
from pipelines.model.scan import scan_outlines
from pipelines.roofs.params import RoofParams
from pipelines.roofs.reconstruct import reconstruct
from pipelines.validity import CODES, check_solid, volume_m3
from twin.errors import FootprintError, RoofError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.footprints.outline import Outline
    from pipelines.model.params import ModelParams
    from pipelines.model.scan import Scan, Xyz
    from twin.building import Building, Solid
    from twin.raster import Raster

__all__ = ["model_building", "model_buildings"]

_FAILURES = (
    FootprintError, RoofError, shapely.GEOSException, ArithmeticError, LookupError, ValueError, RecursionError,
)  # fmt: skip
"""What a single roof may die of without taking its neighbours along: no geometry that somebody draws is impossible."""

_COARSE_MERGE_M = 0.25
"""What may be joined to one plane where details failed, metres: a coarse roof may be off by a quarter of a metre."""
_FAR_M = 1.0
"""Distance at which a point lies simply elsewhere, metres."""
_NO_WORSE_M = 0.05
"""How much farther than one block a detailed model may lie from the points, metres: the noise of a survey. A level roof
and a block differ by that much whichever is right."""


def model_buildings(
    outlines: Sequence[Outline],
    building_points: Xyz,
    terrain: Raster,
    rules: ModelParams,
    roofs: RoofParams | None = None,
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
    rules
        Level asked for, rules and thresholds of blocks.
    roofs
        Roofs of LoD2.2, and blocks of LoD1.3; defaults if None.

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
    for outline, scan in zip(outlines, scan_outlines(outlines, building_points, terrain, rules), strict=True):
        try:
            buildings.append(model_building(outline, scan, rules, roofs))
        except FootprintError as error:
            failed.append(Unmodelled(id=outline.id, reason=str(error)))
    return buildings, failed


def model_building(outline: Outline, scan: Scan, rules: ModelParams, roofs: RoofParams | None = None) -> Building:
    """Model one outline at the highest level that holds, up to the level asked for.

    The rungs are LoD2.2, LoD2.0 (main planes only), LoD1.3 (level blocks) and LoD1.2 (one block). A rung holds if its
    solid is valid and lies no farther from the points than the block of LoD1.2 does, the noise aside. All that hold
    are kept.

    Raises
    ------
    FootprintError
        If not even a block can be made; the message is the reason, without the outline's name.
    """
    building = block(outline, scan, rules)
    _require_valid(building.solid)
    solids, n_planes, reason = _raised(outline, scan, building, rules.lod, roofs or RoofParams())
    raised = dataclasses.replace(building, solids=solids)
    fit = measure_fit(raised.solid, scan.xyz, scan.on_roof)
    facts: dict[str, Any] = {
        "volume_m3": round(volume_m3(raised.solid), 3),
        "recon_mode": f"lod{raised.lod}",
        "valid_codes": "",
        "rmse_all_m": round(fit.rmse_all_m, 4),
        "p95_m": round(fit.p95_m, 4),
    }
    facts |= {"n_roof_planes": n_planes} if n_planes else {}
    facts |= {"recon_reason": reason} if reason else {}
    return dataclasses.replace(raised, rmse_m=round(fit.rmse_m, 4), attributes={**building.attributes, **facts})


def _raised(
    outline: Outline, scan: Scan, building: Building, asked: str, roofs: RoofParams
) -> tuple[dict[str, Solid], int, str]:
    """Return the solids of all levels that hold, the number of roof planes, and why there are not more."""
    solids = dict(building.solids)
    if asked == "1.2":
        return solids, 0, ""
    limit_m = _misfit_m(building.solid, scan)
    reasons: dict[str, str] = {}
    n_planes = 0
    for params in (roofs, _coarse(roofs)):
        try:
            roof = reconstruct(outline.polygon, scan.xyz, building.ground_m, params)
        except _FAILURES as error:
            reasons.setdefault("2.2", _sentence(error))
            continue
        reasons |= {lod: reason for lod, reason in roof.reasons.items() if lod not in reasons}
        made = {"2.2": roof.solid, **roof.lower} if params is roofs else dict(roof.lower)
        for lod in sorted(made):
            fault = "" if lod > asked else _fault(made[lod], scan, limit_m)
            if fault:
                reasons.setdefault(lod, fault)
            elif lod <= asked:
                solids[lod] = made[lod]
        n_planes = roof.n_planes
        break
    best = max(solids)
    missing = [f"LoD{lod}: {reasons[lod]}" for lod in sorted(reasons, reverse=True) if best < lod <= asked]
    return solids, n_planes if best >= "2" else 0, "; ".join(missing)


def _coarse(roofs: RoofParams) -> RoofParams:
    """Parameters that see main planes only, for roofs whose details cannot be put together."""
    least = max(roofs.min_plane_m2, roofs.main_plane_m2)
    return dataclasses.replace(roofs, min_plane_m2=least, merge_m=max(roofs.merge_m, _COARSE_MERGE_M))


def _fault(solid: Solid, scan: Scan, limit_m: float) -> str:
    """Say what is wrong with a solid: it is not valid, or a block fits better; empty if nothing is."""
    codes = check_solid(solid)
    if codes:
        return _told(codes)
    distance_m = _misfit_m(solid, scan)
    if distance_m > limit_m + _NO_WORSE_M:
        return f"it lies {distance_m:.2f} m from the points, one block {limit_m:.2f} m"
    return ""


def _misfit_m(solid: Solid, scan: Scan) -> float:
    """Return the root mean square distance of the points, metres, where none counts more than a metre.

    A tree over the roof is far from every level, and must not choose between them.
    """
    distance = np.sort(np.minimum(distances_to_solid(solid, scan.xyz), _FAR_M))
    return float(np.sqrt(np.mean(distance * distance)))


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _told(codes: Sequence[int]) -> str:
    return f"the solid is not valid: {'; '.join(f'{code} {CODES[code]}' for code in codes)}"


def _require_valid(solid: Solid) -> None:
    codes = check_solid(solid)
    if codes:
        raise FootprintError(_told(codes))
