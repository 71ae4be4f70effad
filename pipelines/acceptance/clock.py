"""GPS times against what the header says they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from twin.acceptance import Finding

if TYPE_CHECKING:
    from pipelines.acceptance.totals import FileTotals
    from pipelines.ingest.content import Content
    from tiles.pointfiles import PointHeader

__all__ = ["date_of", "time_findings"]

_WEEK_S = 604_800.0
_ADJUSTED_S = 1e9
"""Adjusted standard GPS time counts seconds since 1980-01-06 less this (LAS 1.4 R15, global encoding)."""
_GPS_ZERO = datetime(1980, 1, 6, tzinfo=UTC)
_FULL_S = 7e8
"""Seconds since 1980 are more since 2002; adjusted ones will be in 2033."""
_YEARS = (1993, 2100)
"""Airborne laser scanning began in the first; adjusted times beyond these are not times of a survey."""


def date_of(adjusted_s: float) -> datetime | None:
    """Return the date and time of adjusted standard GPS time, leap seconds aside (18 s in 2017); None if impossible."""
    try:
        moment = _GPS_ZERO + timedelta(seconds=adjusted_s + _ADJUSTED_S)
    except (OverflowError, ValueError):
        return None
    return moment if _YEARS[0] <= moment.year <= _YEARS[1] else None


def time_findings(file: FileTotals, header: PointHeader, content: Content) -> list[Finding]:
    """Say what kind of time a file has, whether it can be, and in which order its points come."""
    name = file.name
    if content.gps is None or file.total("n_zero_time") == content.n_points:
        message = f"{name}: the points have no GPS time"
        return [Finding(rule="gps_time", severity="info", message=message, message_ja=f"{name}: GPS時刻がない")]
    first, last = content.gps
    found = [_kind(name, header.standard_gps_time, first, last)]
    zeros = file.total("n_zero_time")
    if zeros:
        found.append(
            Finding(
                rule="gps_time",
                severity="warning",
                message=f"{name}: {zeros} of {content.n_points} points have the GPS time 0",
                message_ja=f"{name}: {content.n_points} 点のうち {zeros} 点のGPS時刻が0である",
                value=float(zeros),
                limit=0.0,
            )
        )
    back = file.n_back
    if back:
        found.append(
            Finding(
                rule="time_order",
                severity="info",
                message=f"{name}: {back} of {content.n_points} points are older than the one before them",
                message_ja=f"{name}: {content.n_points} 点のうち {back} 点で時刻が前の点より戻る",
                value=float(back),
            )
        )
    return found


def _kind(name: str, is_standard: bool, first: float, last: float) -> Finding:
    span = f"{first:.3f} to {last:.3f} s"
    if not is_standard and (first < 0 or last > _WEEK_S):
        # From 1995 on, seconds since 1980 are more than any adjusted time that a survey of today has.
        is_full, words = first >= _FULL_S, ("seconds since 1980", "adjusted standard time")
        start = date_of(first - _ADJUSTED_S if is_full else first)
        guess = f"; as {words[not is_full]} they begin on {start:%Y-%m-%d}" if start else ""
        return Finding(
            rule="gps_time",
            severity="warning",
            message=f"{name}: the header says seconds of the week, the times are {span}{guess}",
            message_ja=f"{name}: ヘッダは週秒とするが、GPS時刻は {first:.3f}~{last:.3f} で週秒ではない",
            value=last,
            limit=_WEEK_S,
            unit="s",
        )
    if is_standard and first >= 0 and last <= _WEEK_S:
        return Finding(
            rule="gps_time",
            severity="warning",
            message=f"{name}: the header says adjusted standard time, the times {span} look like seconds of the week",
            message_ja=f"{name}: ヘッダは調整標準GPS時刻とするが、GPS時刻 {first:.3f}~{last:.3f} は週秒とみられる",
            value=last,
            limit=_WEEK_S,
            unit="s",
        )
    if not is_standard:
        return Finding(
            rule="gps_time",
            severity="info",
            message=f"{name}: GPS time in seconds of the week, {span}; the week is not stated",
            message_ja=f"{name}: GPS時刻は週秒 {first:.3f}~{last:.3f}(週番号の記載なし)",
        )
    start, end = date_of(first), date_of(last)
    if start is None or end is None:
        return Finding(
            rule="gps_time",
            severity="warning",
            message=f"{name}: GPS times {span} are no adjusted standard times of a survey",
            message_ja=f"{name}: GPS時刻 {first:.3f}~{last:.3f} は調整標準GPS時刻としてあり得ない",
            value=last,
            unit="s",
        )
    return Finding(
        rule="gps_time",
        severity="info",
        message=f"{name}: measured from {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} (GPS time)",
        message_ja=f"{name}: 計測時刻 {start:%Y-%m-%d %H:%M:%S}~{end:%Y-%m-%d %H:%M:%S}(GPS時刻)",
    )
