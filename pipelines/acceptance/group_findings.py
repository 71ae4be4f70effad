"""What is to be said of the files of one CRS and datum together: density, voids, strips, classes, repeated points."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.acceptance.overlap_findings import overlap_findings, strip_facts, strip_findings
from pipelines.acceptance.pictures import group_charts, group_maps
from pipelines.acceptance.verdicts import Judged, asked, asked_ja, beyond
from twin.acceptance import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.acceptance.params import AcceptanceParams
    from pipelines.acceptance.totals import GroupTotals

__all__ = ["group_findings"]


def group_findings(group: GroupTotals, params: AcceptanceParams, *, is_one_of_many: bool) -> Judged:
    """Judge the files of one CRS and datum together; names say which if there are several such groups."""
    first = group.files[0].number
    suffix, prefix = (f"_{first}", f"{group.name}: ") if is_one_of_many else ("", "")
    judged = Judged(facts=_facts(group))
    if not group.is_metric:
        judged.findings.append(_not_metric(group, prefix))
    elif group.n_cells:
        judged.findings += [
            *_density(group, params, prefix, suffix),
            *_voids(group, params, prefix, suffix),
            *_strays(group, prefix),
        ]
        judged.pictures += group_maps(group, suffix, has_density_limit=params.density_per_m2 is not None)
    judged.pictures += group_charts(group, suffix)
    judged.findings += strip_findings(group, params, prefix)
    judged.findings += overlap_findings(group, params, prefix, suffix)
    judged.findings += [*_classes(group, params, prefix, suffix), *_repeats(group, params, prefix)]
    return judged


def _not_metric(group: GroupTotals, prefix: str) -> Finding:
    return Finding(
        rule="units",
        severity="info",
        message=f"{prefix}coordinates are not known to be metres: density, voids, strips and control points are not"
        " judged",
        message_ja=f"{prefix}座標がメートル単位と確認できないため、点密度・欠測・コース間較差・検証点は判定しない",
    )


def _density(group: GroupTotals, params: AcceptanceParams, prefix: str, suffix: str) -> Iterator[Finding]:
    judged = int(group.histogram.sum()) - group.empty_in_water
    if judged <= 0:
        return
    counts = np.arange(group.histogram.size)
    area, mean = judged * group.cell_m**2, _mean_density(group)
    empty = int(group.histogram[0]) - group.empty_in_water
    if params.density_per_m2 is not None:
        wanted, least = params.density_per_m2, params.least_points
        low = int(group.histogram[counts < least].sum()) - (group.empty_in_water if least > 0 else 0)
        share = 1 - low / judged
        yield Finding(
            rule="density",
            severity="error" if share < params.density_share else "info",
            message=f"{prefix}{share:.2%} of {area:.0f} m2 (water aside) have {wanted:g} points/m2 or more in cells of"
            f" {group.cell_m:g} m; {params.density_share:.2%} are asked for; {mean:.2f} points/m2 on average",
            message_ja=f"{prefix}水部を除く {area:.0f} m² のうち点密度 {wanted:g} 点/m² 以上の格子"
            f"({group.cell_m:g} m)は {share:.2%}(要求 {params.density_share:.2%})、平均 {mean:.2f} 点/m²",
            value=share,
            limit=params.density_share,
            picture="density" + suffix,
        )
    else:
        yield Finding(
            rule="density",
            severity="info",
            message=f"{prefix}{mean:.2f} points/m2 over {area:.0f} m2 (water aside)",
            message_ja=f"{prefix}点密度 {mean:.2f} 点/m²(水部を除く {area:.0f} m²)",
            value=mean,
            unit="points/m2",
            picture="density" + suffix,
        )
    rate = empty / judged
    yield Finding(
        rule="empty_cells",
        severity=beyond(rate, params.empty_share),
        message=f"{prefix}{rate:.2%} of the cells of {group.cell_m:g} m hold no point, water aside"
        + asked(params.empty_share, "share"),
        message_ja=f"{prefix}欠測率 {rate:.2%}(格子 {group.cell_m:g} m、水部を除く)"
        + asked_ja(params.empty_share, "share"),
        value=rate,
        limit=params.empty_share,
        picture="coverage" + suffix,
    )


def _mean_density(group: GroupTotals) -> float:
    """Return points per m2 of the surveyed area, without cells of water."""
    cells = int(group.layer("cells").sum())
    return float(group.layer("points").sum() / (max(1, cells - group.empty_in_water) * group.cell_m**2))


def _voids(group: GroupTotals, params: AcceptanceParams, prefix: str, suffix: str) -> Iterator[Finding]:
    dry = [void for void in group.voids if not void.is_water]
    wet = [void for void in group.voids if void.is_water]
    with_water = sum(void.area_m2 for void in group.voids)
    without = sum(void.area_m2 for void in dry)
    limit = group.void_least_m2
    place = ""
    if dry:
        x, y = (dry[0].box[0] + dry[0].box[2]) / 2, (dry[0].box[1] + dry[0].box[3]) / 2
        place = f"; the largest, {dry[0].area_m2:.0f} m2, around ({x:.0f}, {y:.0f})"
    place_ja = f"、最大 {dry[0].area_m2:.0f} m²" if dry else ""
    severity = "error" if dry and params.void_area_m2 is not None else "info"
    yield Finding(
        rule="voids",
        severity=severity,  # type: ignore[arg-type]
        message=f"{prefix}{len(dry)} empty regions of more than {limit:g} m2 without those taken for water,"
        f" {without:.0f} m2 ({len(group.voids)} with them, {with_water:.0f} m2){place}",
        message_ja=f"{prefix}{limit:g} m² を超える欠測 {len(dry)} か所、計 {without:.0f} m²{place_ja}(水部とみた"
        f" {len(wet)} か所を含めると {len(group.voids)} か所、計 {with_water:.0f} m²)",
        value=dry[0].area_m2 if dry else 0.0,
        limit=params.void_area_m2,
        unit="m2",
        picture="coverage" + suffix,
    )


def _strays(group: GroupTotals, prefix: str) -> Iterator[Finding]:
    if group.n_low or group.n_high:
        yield Finding(
            rule="strays",
            severity="warning",
            message=f"{prefix}{group.n_low} cells have a point far below all around, {group.n_high} one far above, that"
            " is not classed as noise",
            message_ja=f"{prefix}周囲より著しく低い点のある格子 {group.n_low}、高い点のある格子 {group.n_high}"
            "(ノイズに分類されていない)",
            value=float(group.n_low + group.n_high),
        )


def _classes(group: GroupTotals, params: AcceptanceParams, prefix: str, suffix: str) -> Iterator[Finding]:
    missing = [code for code in params.required_classes if not group.classes[code]]
    if not params.required_classes:
        return
    found = ", ".join(map(str, missing)) or "none"
    yield Finding(
        rule="required_classes",
        severity="error" if missing else "info",
        message=f"{prefix}required classes without a point: {found}",
        message_ja=f"{prefix}求めるクラスのうち点のないもの: {'、'.join(map(str, missing)) or 'なし'}",
        value=float(len(missing)),
        limit=0.0,
        picture="classes" + suffix,
    )


def _repeats(group: GroupTotals, params: AcceptanceParams, prefix: str) -> Iterator[Finding]:
    within, between = sum(group.repeats.values()), sum(group.between.values())
    if not between:
        return
    (first, second), n = max(group.between.items(), key=lambda item: (item[1], -item[0][0], -item[0][1]))
    share = (within + between) / group.n_points
    yield Finding(
        rule="duplicates",
        severity="warning" if params.duplicates_share is None else beyond(share, params.duplicates_share),
        message=f"{prefix}{between} points are in more than one file, the most, {n}, in {group.names[first]} and"
        f" {group.names[second]}; with {within} repeated within files {share:.3%} of all",
        message_ja=f"{prefix}{between} 点が複数のファイルに重複し、最多は {group.names[first]} と"
        f" {group.names[second]} の {n} 点。"
        f"ファイル内の重複 {within} 点と合わせ全体の {share:.3%}",
        value=share,
        limit=params.duplicates_share,
    )


def _facts(group: GroupTotals) -> dict[str, Any]:
    judged = int(group.histogram.sum()) - group.empty_in_water
    dry = [void for void in group.voids if not void.is_water]
    return {
        "name": group.name,
        "crs": group.crs,
        "files": len(group.files),
        "points": group.n_points,
        "classes": {str(code): int(n) for code, n in enumerate(group.classes) if n},
        "cell_m": group.cell_m,
        "surveyed_m2": group.n_cells * group.cell_m**2,
        "water_m2": (group.n_water + group.empty_in_water) * group.cell_m**2,
        "judged_m2": judged * group.cell_m**2,
        "empty_share": (int(group.histogram[0]) - group.empty_in_water) / judged if judged > 0 else None,
        "density_per_m2": _mean_density(group) if group.n_cells else None,
        "void_cell_m": group.cell_m * group.void_factor,
        "voids": [asdict(void) for void in group.voids[:100]],
        "voids_m2": sum(void.area_m2 for void in dry),
        "voids_with_water_m2": sum(void.area_m2 for void in group.voids),
        "duplicates": sum(group.repeats.values()),
        "duplicates_between_files": sum(group.between.values()),
        "stray_cells": {"low": group.n_low, "high": group.n_high},
        **strip_facts(group),
    }
