"""Whether a file's points lie in the map sheet that its name states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.acceptance import Finding
from twin.bounds import Bounds
from twin.mapsheet import parse_sheet, zone_of

if TYPE_CHECKING:
    from pipelines.acceptance.params import AcceptanceParams
    from pipelines.acceptance.totals import FileTotals

__all__ = ["sheet_bounds", "sheet_findings"]


def sheet_bounds(file: FileTotals, params: AcceptanceParams) -> Bounds | None:
    """Return the box of the sheet that a file's name states, tolerance included; None if names are not judged."""
    sheet = parse_sheet(file.name) if params.sheet_scheme else None
    crs = file.intake.examined.crs if file.intake else None
    if sheet is None or crs is None or zone_of(crs.code) != sheet.zone:
        return None
    box, more = sheet.bounds, params.sheet_tolerance_m
    return Bounds(xmin=box.xmin - more, ymin=box.ymin - more, xmax=box.xmax + more, ymax=box.ymax + more)


def sheet_findings(file: FileTotals, params: AcceptanceParams) -> list[Finding]:
    """Say whether the name is a sheet's, of the file's zone, and whether points lie outside of it."""
    if not params.sheet_scheme:
        return []
    sheet = parse_sheet(file.name)
    if sheet is None:
        severity = "info" if params.sheet_scheme == "auto" else "error"
        return [
            Finding(
                rule="sheet",
                severity=severity,  # type: ignore[arg-type]
                message=f"{file.name}: the name states no map sheet",
                message_ja=f"{file.name}: ファイル名から図郭を読み取れない",
            )
        ]
    crs = file.intake.examined.crs if file.intake else None
    zone = zone_of(crs.code) if crs is not None else None
    if zone is None:
        return []
    if zone != sheet.zone:
        return [
            Finding(
                rule="sheet",
                severity="error",
                message=f"{file.name}: sheet {sheet.name} is of zone {sheet.zone}, the coordinates are of zone {zone}",
                message_ja=f"{file.name}: 図郭 {sheet.name} は第{sheet.zone}系だが、座標は第{zone}系である",
            )
        ]
    outside = file.total("n_outside")
    if not outside:
        return [
            Finding(
                rule="sheet",
                severity="info",
                message=f"{file.name}: all points lie in map sheet {sheet.name}",
                message_ja=f"{file.name}: 全点が図郭 {sheet.name} の内にある",
                value=0.0,
                limit=0.0,
            )
        ]
    return [
        Finding(
            rule="sheet",
            severity="error",
            message=f"{file.name}: {outside} points lie outside map sheet {sheet.name}",
            message_ja=f"{file.name}: 図郭 {sheet.name} の外に {outside} 点がある",
            value=float(outside),
            limit=0.0,
        )
    ]
