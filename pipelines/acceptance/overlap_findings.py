"""What is to be said of strips: which there are, their gaps, and their heights against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.acceptance.clock import date_of
from pipelines.acceptance.overlap import PairSums
from pipelines.acceptance.times import NO_TIME
from pipelines.acceptance.verdicts import beyond
from twin.acceptance import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.acceptance.params import AcceptanceParams
    from pipelines.acceptance.totals import GroupTotals

__all__ = ["overlap_findings", "strip_facts", "strip_findings"]

_WEEK_END = 604_800
"""Seconds: earlier times are seconds of the week, which tell no date."""
_MAX_FACTS = 1000
"""Pairs of strips that the facts list, the worst ones."""
_RULES = {
    "source": ("point source ids", "ポイントソースID"),
    "time": ("gaps of GPS time", "GPS時刻の間隙"),
    "none": ("neither point source ids nor GPS time", "ポイントソースIDもGPS時刻も使えない"),
}


def strip_findings(group: GroupTotals, params: AcceptanceParams, prefix: str) -> Iterator[Finding]:
    """Say how many strips there are, by which rule, and the longest gap within one."""
    strips, (rule, rule_ja) = group.strips, _RULES[group.strips.rule]
    if strips.rule == "none":
        yield Finding(
            rule="strips",
            severity="info",
            message=f"{prefix}strips cannot be told: {rule} are there",
            message_ja=f"{prefix}コースを判別できない({rule_ja})",
        )
        return
    yield Finding(
        rule="strips",
        severity="info",
        message=f"{prefix}{len(strips)} flight strips, told by {rule}",
        message_ja=f"{prefix}コース数 {len(strips)}({rule_ja}による)",
        value=float(len(strips)),
    )
    if any(result.is_scrambled for file in group.files for result in file.results):
        yield Finding(
            rule="strips",
            severity="warning",
            message=f"{prefix}GPS times are scattered without order: strips are only as good as point source ids",
            message_ja=f"{prefix}GPS時刻が散在しており、コースの判別はポイントソースIDのみによる",
        )
    worst = int(np.argmax(strips.greatest_gap_s)) if len(strips) else 0
    gap = float(strips.greatest_gap_s[worst]) if len(strips) else 0.0
    if strips.rule == "source" and (strips.first > NO_TIME).any() and (gap > 0 or params.gps_gap_s is not None):
        limit = params.gps_gap_s
        yield Finding(
            rule="gps_gap",
            severity=beyond(gap, limit),
            message=f"{prefix}longest time without a point within a strip: {gap:.0f} s, in strip {strips.name(worst)}",
            message_ja=f"{prefix}コース内のGPS時刻の最大間隙 {gap:.0f} s(コース {strips.name(worst)})",
            value=gap,
            limit=limit,
            unit="s",
        )


def overlap_findings(group: GroupTotals, params: AcceptanceParams, prefix: str, suffix: str) -> Iterator[Finding]:
    """Judge each pair of strips; all together first, then the pairs beyond a limit, worst first."""
    judged = [(strips, pair) for strips, pair in _worst_first(group) if pair.n >= params.overlap_cells]
    if not judged:
        if len(group.strips) > 1 and group.is_metric:
            yield Finding(
                rule="overlap",
                severity="info",
                message=f"{prefix}no pair of strips has {params.overlap_cells} cells that can be compared",
                message_ja=f"{prefix}比較できる格子が {params.overlap_cells} 以上あるコースの組がない",
            )
        return
    total = _total(pair for _, pair in judged)
    worst = judged[0]
    yield Finding(
        rule="overlap",
        severity="info",
        message=f"{prefix}{len(judged)} pairs of strips compared in {total.n} cells: median {total.median_m:+.3f} m,"
        f" RMSE {total.rmse_m:.3f} m; worst pair {_names(group, worst[0])} with {worst[1].rmse_m:.3f} m",
        message_ja=f"{prefix}コース間標高較差: {len(judged)} 組・{total.n} 格子、中央値 {total.median_m:+.3f} m、RMS"
        f" {total.rmse_m:.3f} m。最大はコース {_names(group, worst[0])} の {worst[1].rmse_m:.3f} m",
        value=total.rmse_m,
        unit="m",
        picture="overlap" + suffix,
    )
    yield from _beyond_limits(group, judged, params, (prefix, suffix))
    if group.n_strips_left_out:
        yield Finding(
            rule="overlap",
            severity="info",
            message=f"{prefix}some blocks hold more strips than are compared; {group.n_strips_left_out} were left out",
            message_ja=f"{prefix}コースが多すぎる区画があり、延べ {group.n_strips_left_out} コースは比較していない",
        )


def _beyond_limits(
    group: GroupTotals,
    judged: list[tuple[tuple[int, int], PairSums]],
    params: AcceptanceParams,
    marks: tuple[str, str],
) -> Iterator[Finding]:
    prefix, suffix = marks
    told = 0
    for strips, pair in judged:
        figures = (
            ("overlap_rmse", pair.rmse_m, params.overlap_rmse_m, "RMSE", "RMS"),
            ("overlap_median", abs(pair.median_m), params.overlap_median_m, "absolute median", "中央値の絶対値"),
        )
        for rule, value, limit, what, what_ja in figures:
            if limit is None or value <= limit or told >= params.listed:
                continue
            told += 1
            yield Finding(
                rule=rule,
                severity="error",
                message=f"{prefix}strips {_names(group, strips)}: {what} {value:.3f} m over {pair.n} cells; at most"
                f" {limit:g} m is asked for",
                message_ja=f"{prefix}コース {_names(group, strips)}: 標高較差の{what_ja} {value:.3f} m({pair.n} 格子)、"
                f"許容 {limit:g} m",
                value=value,
                limit=limit,
                unit="m",
                picture="overlap" + suffix,
            )


def strip_facts(group: GroupTotals) -> dict[str, Any]:
    """Return the strips and the pairs of them, worst first, JSON-able."""
    strips = group.strips
    if strips.rule == "none":
        return {"strip_rule": "none", "strips": [], "pairs": []}
    entries = []
    for i in range(len(strips)):
        first = int(strips.first[i])
        start = date_of(first) if first > NO_TIME else None
        entries.append(
            {
                "name": strips.name(i),
                "points": int(group.strip_points[i]),
                "first_s": first if first > NO_TIME else None,
                "last_s": int(strips.last[i]) if first > NO_TIME else None,
                "begins": start.isoformat() if start and first > _WEEK_END else None,
                "greatest_gap_s": int(strips.greatest_gap_s[i]),
            }
        )
    pairs = [
        {
            "strips": [strips.name(one) for one in both],
            "n": pair.n,
            "median_m": round(pair.median_m, 4),
            "mean_m": round(pair.mean_m, 5),
            "rmse_m": round(pair.rmse_m, 5),
            "p05_m": round(pair.quantile_m(0.05), 4),
            "p95_m": round(pair.quantile_m(0.95), 4),
        }
        for both, pair in _worst_first(group)
    ]
    return {"strip_rule": strips.rule, "strips": entries, "pairs": pairs[:_MAX_FACTS]}


def _worst_first(group: GroupTotals) -> list[tuple[tuple[int, int], PairSums]]:
    return sorted(group.pairs.items(), key=lambda item: (-item[1].rmse_m, item[0]))


def _total(pairs: Iterator[PairSums]) -> PairSums:
    total: PairSums | None = None
    for pair in pairs:
        if total is None:
            total = PairSums(n=0, bins=np.zeros_like(pair.bins))
        total.add(pair)
    if total is None:
        raise ValueError("no pairs")
    return total


def _names(group: GroupTotals, strips: tuple[int, int]) -> str:
    return " / ".join(group.strips.name(one) for one in strips)
