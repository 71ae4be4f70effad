"""What is to be said of one file, from its header, its points and its share of the delivery."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pipelines.acceptance.clock import time_findings
from pipelines.acceptance.planning import is_metric
from pipelines.acceptance.sheets import sheet_findings
from pipelines.acceptance.verdicts import beyond, worst_first
from pipelines.ingest.content import content_findings
from twin.acceptance import Finding, SourceReport, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.acceptance.params import AcceptanceParams
    from pipelines.acceptance.totals import FileTotals, GroupTotals
    from pipelines.ingest.content import Content
    from tiles.pointfiles import PointHeader
    from twin.acceptance import Severity

__all__ = ["file_report"]

_ALWAYS = {0, 1, 7, 12, 18}
"""Classes that may occur beside any required set: not classified, noise, overlap."""
_NOISE = (7, 18)


def file_report(file: FileTotals, group: GroupTotals | None, params: AcceptanceParams) -> SourceReport:
    """Return the report on a file; `group` is None if its points were not read."""
    findings = list(file.intake.examined.findings) if file.intake else []
    if file.failure:
        reason = file.failure.removeprefix(f"{file.name}: ")
        japanese = f"{file.name}：ファイルを読み取れません（{reason}）"
        findings.append(Finding(rule="format", severity="error", message=file.failure, message_ja=japanese))
    header, content = file.header, file.content if file.is_read else None
    facts: dict[str, Any] = {}
    if header is not None:
        facts = _header_facts(file, header)
    if header is not None and content is not None and group is not None:
        findings += _findings(file, header, content, group, params)
        facts |= _content_facts(file, header, content, group)
    return SourceReport(
        uri=file.uri,
        verdict=verdict_of(findings),
        points=header.n_points if header else 0,
        findings=worst_first(findings),
        facts=facts,
    )


def _odd_classes(content: Content, params: AcceptanceParams) -> list[int]:
    """Return codes that a required set does not allow; without one, codes that the specification reserves."""
    present = [code for code, n in enumerate(content.classes) if n]
    if params.required_classes:
        return [code for code in present if code not in _ALWAYS and code not in params.required_classes]
    # 40 to 45 are of the topo-bathymetric profile; 64 and above are the producer's own.
    return [code for code in present if 23 <= code < 40 or 46 <= code < 64]


def _findings(
    file: FileTotals, header: PointHeader, content: Content, group: GroupTotals, params: AcceptanceParams
) -> list[Finding]:
    return [
        *content_findings(header, content),
        *_scale(file, header, params),
        *_duplicates(file, content, group, params),
        *_returns(file, content),
        *time_findings(file, header, content),
        *_classes(file, header, content, params),
        *_noise(file, content, params),
        *_density(file, group, params),
        *sheet_findings(file, params),
    ]


def _scale(file: FileTotals, header: PointHeader, params: AcceptanceParams) -> Iterator[Finding]:
    unit_m = 1.0 if is_metric(file) else 0.0
    coarsest = max(header.scale) * unit_m
    if coarsest > params.scale_m * (1 + 1e-9):
        yield Finding(
            rule="scale",
            severity="warning",
            message=f"{file.name}: coordinates are in steps of {coarsest:g} m, coarser than {params.scale_m:g} m",
            message_ja=f"{file.name}: 座標の刻みが {coarsest:g} m で、{params.scale_m:g} m より粗い",
            value=coarsest,
            limit=params.scale_m,
            unit="m",
        )
    is_las = header.file_format in {"LAS", "LAZ", "COPC"}
    version = header.file_format + (f" {header.version[0]}.{header.version[1]}" if is_las else "")
    steps = "/".join(f"{scale:g}" for scale in header.scale)
    yield Finding(
        rule="point_format",
        severity="info",
        message=f"{file.name}: {version}, point format {header.point_format}, steps {steps}",
        message_ja=f"{file.name}: {version}、点フォーマット {header.point_format}、座標の刻み {steps}",
    )


def _duplicates(file: FileTotals, content: Content, group: GroupTotals, params: AcceptanceParams) -> Iterator[Finding]:
    about, about_ja = ("about ", "約") if group.stride > 1 else ("", "")
    own = group.repeats.get(file.number, 0)
    others = group.repeated_in.get(file.number, {})
    share = (own + sum(others.values())) / content.n_points
    severity: Severity = "warning"
    if params.duplicates_share is not None:
        severity = beyond(share, params.duplicates_share)
    facts = {"value": share, "limit": params.duplicates_share or 0.0}
    if own:
        yield Finding(
            rule="duplicates",
            severity=severity,
            message=f"{file.name}: {about}{own} of {content.n_points} points repeat another in place, time and return",
            message_ja=f"{file.name}: {content.n_points} 点のうち{about_ja} {own} 点が位置・時刻・リターンとも重複する",
            **facts,  # type: ignore[arg-type]
        )
    for other, n in sorted(others.items(), key=lambda item: (-item[1], item[0]))[: params.listed]:
        yield Finding(
            rule="duplicates",
            severity=severity,
            message=f"{file.name}: {about}{n} of {content.n_points} points are in {group.names[other]} as well",
            message_ja=f"{file.name}: {content.n_points} 点のうち{about_ja} {n} 点が {group.names[other]} にも含まれる",
            **facts,  # type: ignore[arg-type]
        )


def _returns(file: FileTotals, content: Content) -> Iterator[Finding]:
    bad = file.total("n_bad_returns")
    if bad:
        yield Finding(
            rule="returns",
            severity="warning",
            message=f"{file.name}: {bad} of {content.n_points} points have return number 0, or one above their number"
            " of returns",
            message_ja=f"{file.name}: {content.n_points} 点のうち {bad} 点のリターン番号が0、またはリターン数を超える",
            value=float(bad),
            limit=0.0,
        )
    withheld = file.total("n_withheld")
    if withheld:
        yield Finding(
            rule="withheld",
            severity="info",
            message=f"{file.name}: {withheld} points are marked as withheld and not counted",
            message_ja=f"{file.name}: 除外(withheld)の印のある点が {withheld} 点あり、数えない",
            value=float(withheld),
        )


def _classes(file: FileTotals, header: PointHeader, content: Content, params: AcceptanceParams) -> Iterator[Finding]:
    del header
    listed = ", ".join(f"{code}: {n}" for code, n in enumerate(content.classes) if n)
    yield Finding(
        rule="classes",
        severity="info",
        message=f"{file.name}: points by class {listed}",
        message_ja=f"{file.name}: クラス別点数 {listed}",
    )
    odd = _odd_classes(content, params)
    if odd:
        codes, n = ", ".join(map(str, odd)), sum(content.classes[code] for code in odd)
        what = "that are not asked for" if params.required_classes else "that the specification reserves"
        what_ja = "求めていない" if params.required_classes else "規格上予約の"
        yield Finding(
            rule="classes",
            severity="warning",
            message=f"{file.name}: {n} points have classes {what}: {codes}",
            message_ja=f"{file.name}: {what_ja}クラス {codes} の点が {n} 点ある",
            value=float(n),
            limit=0.0,
        )


def _noise(file: FileTotals, content: Content, params: AcceptanceParams) -> Iterator[Finding]:
    noise = sum(content.classes[code] for code in _NOISE)
    if noise:
        share = noise / content.n_points
        yield Finding(
            rule="noise",
            severity=beyond(share, params.noise_share),
            message=f"{file.name}: {noise} points are noise (class 7 or 18), {share:.3%}",
            message_ja=f"{file.name}: ノイズ(クラス7・18)が {noise} 点、{share:.3%}",
            value=share,
            limit=params.noise_share,
        )


def _density(file: FileTotals, group: GroupTotals, params: AcceptanceParams) -> Iterator[Finding]:
    cells, low, points = group.by_file.get(file.number, (0, 0, 0))
    if not cells:
        return
    area = cells * group.cell_m**2
    mean = points / area
    if params.density_per_m2 is None:
        yield Finding(
            rule="density",
            severity="info",
            message=f"{file.name}: {mean:.2f} points/m2 over {area:.0f} m2",
            message_ja=f"{file.name}: 点密度 {mean:.2f} 点/m²(面積 {area:.0f} m²)",
            value=mean,
            unit="points/m2",
        )
        return
    share, asked = 1 - low / cells, params.density_per_m2
    yield Finding(
        rule="density",
        severity="error" if share < params.density_share else "info",
        message=f"{file.name}: {share:.2%} of {area:.0f} m2 have {asked:g} points/m2 or more,"
        f" {params.density_share:.2%} are asked for; {mean:.2f} points/m2 on average",
        message_ja=f"{file.name}: {area:.0f} m² のうち点密度 {asked:g} 点/m² 以上は {share:.2%}"
        f"(要求 {params.density_share:.2%})、平均 {mean:.2f} 点/m²",
        value=share,
        limit=params.density_share,
    )


def _header_facts(file: FileTotals, header: PointHeader) -> dict[str, Any]:
    examined = file.intake.examined if file.intake else None
    return {
        "format": f"{header.file_format} {header.version[0]}.{header.version[1]}",
        "point_format": header.point_format,
        "scale": list(header.scale),
        "offset": list(header.offset),
        "crs": examined.crs.code if examined and examined.crs else None,
        "vertical": str(examined.vertical) if examined and examined.vertical else None,
        "bytes": header.size,
    }


def _content_facts(file: FileTotals, header: PointHeader, content: Content, group: GroupTotals) -> dict[str, Any]:
    low, high = content.box(header)
    labels = [group.strips.of_labels(result.labels) for result in file.results]
    strips = sorted({int(strip) for part in labels for strip in part})
    cells, below, points = group.by_file.get(file.number, (0, 0, 0))
    angle = max((result.greatest_angle_deg for result in file.results), default=0.0)
    return {
        **content.as_json(),
        "box": [*map(float, low), *map(float, high)],
        "strips": [group.strips.name(strip) for strip in strips] if group.strips.rule != "none" else [],
        "cells": cells,
        "cells_below_density": below,
        "density_per_m2": points / (cells * group.cell_m**2) if cells else None,
        "duplicates": group.repeats.get(file.number, 0),
        "greatest_scan_angle_deg": round(angle, 3) if math.isfinite(angle) else None,
        "time_runs_back": file.n_back,
    }
