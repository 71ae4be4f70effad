"""The gate: what is taken and what is refused, decided in one place for `twin check` and `twin ingest`.

Nothing is guessed. A file that states no CRS, no vertical datum, feet or degrees is refused with a sentence that says
which option states or converts it. A fault that leaves the points right is a remark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.ingest.placement import area_missed, middle_of, same_crs
from tiles.las import GeoKeysError
from tiles.pointfiles import file_crs, read_header
from twin.acceptance import Finding
from twin.crs import HorizontalCrs, parse_crs, vertical_unit
from twin.errors import ConfigError, CrsError, DatumError, FormatError
from twin.vertical import ELLIPSOIDAL, VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.ingest.params import IngestParams
    from tiles.pointfiles import PointHeader
    from twin.acceptance import Severity


__all__ = ["Examination", "examine", "metric_datum"]

_METRIC_TWIN = {"EPSG:6360": "EPSG:5703", "EPSG:8228": "EPSG:5703", "EPSG:5702": "EPSG:7968"}
"""Vertical systems in feet, and the system of the same datum in metres (EPSG registry)."""
_PLURAL = {"degree": "degrees", "foot": "feet", "US survey foot": "US survey feet"}
_MAX_ROWS = 0xFFFFFFFF
"""Rows that the ``source_index`` column can number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What is known of a file before its points are read."""

    header: PointHeader | None
    """None if it is no readable file of points."""
    crs: HorizontalCrs | None
    vertical: VerticalDatum | None
    """What heights are above once they are in metres."""
    findings: tuple[Finding, ...]
    height_factor: float = 1.0
    """Metres in the file's unit of height."""

    @property
    def refusal(self) -> str | None:
        """Why the file is refused, or None."""
        return next((finding.message for finding in self.findings if finding.severity == "error"), None)


def examine(path: Path, params: IngestParams) -> Examination:
    """Check a file's header and what it states, without reading points."""
    try:
        header = read_header(path, params.reading)
    except (FormatError, ConfigError) as error:
        japanese = f"{path.name}：ファイルを読み取れません（{_bare(path, error)}）"
        finding = Finding(rule="format", severity="error", message=str(error), message_ja=japanese)
        return Examination(header=None, crs=None, vertical=None, findings=(finding,))
    findings = [
        _said(path.name, "header", "warning", remark, f"ヘッダーに誤りがあります（{remark}）")
        for remark in header.remarks
    ]
    findings += [Finding(rule="reading", severity="info", message=f"{path.name}: {note}") for note in header.notes]
    if header.n_selected == 0:
        empty = _said(path.name, "empty", "warning", f"holds no points{_where(params)}", "取り込む点が1つもありません")
        return Examination(header=header, crs=None, vertical=None, findings=(*findings, empty))
    if header.n_points > _MAX_ROWS:
        message = f"{header.n_points} points; more than {_MAX_ROWS} in one file cannot be numbered, split it"
        japanese = f"{header.n_points}点あり、1ファイルの上限{_MAX_ROWS}点を超えています。分割してください"
        findings.append(_said(path.name, "size", "error", message, japanese))
    crs, given = _crs(header, params, findings)
    if crs is not None:
        # Where only the user says what the coordinates are, a place that cannot be is no survey of that system.
        file_says = crs is not given or any(finding.rule == "crs" for finding in findings)
        findings += _place_on_earth(header, crs, is_sure=file_says or params.anywhere)
    vertical, factor = _vertical(header, crs, given, params, findings) if crs else (None, 1.0)
    return Examination(header=header, crs=crs, vertical=vertical, findings=tuple(findings), height_factor=factor)


def _where(params: IngestParams) -> str:
    return " in the bounding box" if params.bbox is not None else ""


def metric_datum(vertical: VerticalDatum) -> tuple[VerticalDatum, float]:
    """Return the datum in metres that corresponds to `vertical`, and the metres in one unit of `vertical`.

    Raises
    ------
    DatumError
        If its unit is not metres and no metric system of the same datum is on record, or its axis points down.
    """
    if not vertical.name.startswith("EPSG:"):
        return vertical, 1.0
    factor, unit = vertical_unit(vertical)
    if np.isclose(factor, 1.0):
        return vertical, 1.0
    twin_name = _METRIC_TWIN.get(vertical.name)
    if twin_name is None:
        raise DatumError(f"{vertical.name} is in {unit}, and no metric system of its datum is on record")
    return VerticalDatum(twin_name, vertical.epoch), factor


def _place_on_earth(header: PointHeader, crs: HorizontalCrs, is_sure: bool) -> list[Finding]:
    """Say if the header's box lies where its CRS is not used; most often x and y are swapped, or the CRS is wrong."""
    x, y = middle_of(header)
    area = area_missed(crs, x, y)
    if not area:
        return []
    name, place = header.path.name, f"({x:.3f}, {y:.3f})"
    if not area_missed(crs, y, x):
        message = f"x and y look swapped: {place} is outside the area of {crs.code}, ({y:.3f}, {x:.3f}) is in it"
        japanese = f"xとyが入れ替わっているようです：{place}は{crs.code}の適用範囲外ですが、入れ替えると範囲内です"
    else:
        message = f"{place} is outside the area where {crs.code} is used ({area})"
        japanese = f"{place}は{crs.code}の適用範囲（{area}）の外です"
    if is_sure:
        return [
            _said(name, "area", "warning", f"{message}; is the CRS right?", f"{japanese}。座標系を確かめてください")
        ]
    message += "; state the right one with --crs, or take it all the same with --set ingest.anywhere=true"
    japanese += "。正しい座標系を--crsで示すか、このまま受け取るなら--set ingest.anywhere=trueを指定してください"
    return [_said(name, "area", "error", message, japanese)]


def _crs(
    header: PointHeader, params: IngestParams, findings: list[Finding]
) -> tuple[HorizontalCrs | None, HorizontalCrs | None]:
    """Return the file's horizontal CRS, and the one given for it."""
    name = header.path.name
    given = parse_crs(params.crs) if params.crs else None
    stated = None
    try:
        stated = file_crs(header)
    except CrsError as error:
        if given is None:
            japanese = f"{name}：座標系の記述を読み取れません（{_bare(header.path, error)}）。--crs で指定してください"
            findings.append(Finding(rule="crs", severity="error", message=str(error), message_ja=japanese))
            return None, None
        if isinstance(error, GeoKeysError) and given.code != error.code and given.unit != error.unit:
            message = f"{error}; --crs {given.code} (in {given.unit}) agrees with neither"
            japanese = f"{name}：GeoTIFFキーが矛盾し、--crs {given.code} はどちらとも一致しません"
            findings.append(Finding(rule="crs", severity="error", message=message, message_ja=japanese))
            return None, None
        message = f"{error} - {given.code} was given and is used"
        japanese = f"{name}：座標系の記述を読み取れないため、指定された{given.code}を用います"
        findings.append(Finding(rule="crs", severity="warning", message=message, message_ja=japanese))
    crs = stated or given
    if crs is None:
        message = "names no coordinate reference system; state it with --crs, such as --crs EPSG:6677"
        japanese = "座標系が記録されていません。--crs で指定してください（例 --crs EPSG:6677）"
        findings.append(_said(name, "crs", "error", message, japanese))
        return None, None
    if stated and (broken := stated.contradicts):
        # Converting from what such a definition says would move the points without a word.
        message, japanese = (
            f"names {broken}, but its parameters are others",
            f"{broken}と称していますが、定数が異なります",
        )
        if given is None or given.code != broken:
            message += f"; if it is {broken}, state it with --crs {broken}"
            japanese += f"。{broken}で正しければ --crs {broken} で指定してください"
            findings.append(_said(name, "crs", "error", message, japanese))
        else:
            message += f"; {broken} was given and is used"
            findings.append(_said(name, "crs", "warning", message, f"{japanese}。指定された{broken}を用います"))
            crs = given
    elif stated and given and not same_crs(stated, given):
        message = f"the file says {stated.code}, --crs says {given.code}; correct the one that is wrong"
        japanese = f"ファイルは{stated.code}、--crs は{given.code}です。誤っている方を直してください"
        findings.append(_said(name, "crs", "error", message, japanese))
    if not crs.is_metric and not params.convert:
        unit = _PLURAL.get(crs.unit, crs.unit)
        message = f"coordinates are in {unit} ({crs.code}), not metres; convert on request with --convert"
        word = "度" if crs.is_geographic else "フィート" if crs.is_foot else crs.unit
        japanese = (
            f"座標の単位が{word}（{crs.code}）で、メートルではありません。変換するには --convert を付けてください"
        )
        findings.append(_said(name, "units", "error", message, japanese))
    return crs, given


def _vertical(
    header: PointHeader,
    crs: HorizontalCrs,
    given: HorizontalCrs | None,
    params: IngestParams,
    findings: list[Finding],
) -> tuple[VerticalDatum | None, float]:
    """Return what heights are above once in metres, and the metres in their unit; only file and user can say."""
    name = header.path.name
    option = VerticalDatum.parse(params.vertical) if params.vertical else (given.vertical if given else None)
    datum = crs.vertical or option
    if datum is None:
        message = "does not say what its heights are above; state it with --vertical, such as --vertical TP"
        japanese = "標高の基準が記録されていません。--vertical で指定してください（例 --vertical TP）"
        findings.append(_said(name, "vertical", "error", message, japanese))
        return None, 1.0
    if option is not None and datum.name != option.name:
        stated = f"the file's heights are above {datum.name}, --vertical says {option.name}"
        message = f"{stated}; correct the one that is wrong, or leave out --vertical for this file"
        japanese = f"ファイルの標高基準は{datum.name}、--vertical は{option.name}です。誤っている方を直してください"
        findings.append(_said(name, "vertical", "error", message, japanese))
    try:
        metric, factor = metric_datum(VerticalDatum(datum.name, _geoid_epoch(datum, option)))
    except DatumError as error:
        findings.append(_said(name, "vertical", "error", str(error), f"標高の基準を使えません（{error}）"))
        return datum, 1.0
    if crs.vertical is None and crs.height_unit != "metre":
        factor = crs.height_unit_m  # a vertical part without a registered datum still states its unit
    elif crs.vertical is None and crs.is_foot:
        findings += _unit_of_heights(name, datum, factor)
    findings += _depths(header, metric, params)
    if factor != 1.0 and not params.convert:
        message = f"heights are in feet ({datum.name}), not metres; convert on request with --convert"
        japanese = f"標高の単位がフィート（{datum.name}）です。変換するには --convert を付けてください"
        findings.append(_said(name, "units", "error", message, japanese))
    return metric, -factor if params.depths else factor


def _depths(header: PointHeader, datum: VerticalDatum, params: IngestParams) -> list[Finding]:
    """Refuse depths that count up after all, and doubt a sonar's heights above the sea: upside down it is a hill."""
    low, high = header.mins[2], header.maxs[2]
    if not np.isfinite([low, high]).all():
        return []
    if not params.depths and params.kind == "multibeam" and low > 0 and datum.name != ELLIPSOIDAL.name:
        message = (
            f"a multibeam survey that lies {low:.2f} to {high:.2f} above {datum}; if these are depths, say --depths"
        )
        japanese = f"マルチビームの測量ですが、標高が{datum}上{low:.2f}～{high:.2f}です。"
        japanese += "水深であれば--depthsを指定してください"
        return [_said(header.path.name, "vertical", "warning", message, japanese)]
    if not (params.depths and high < 0):
        return []
    message = (
        f"--depths says that its heights count down from {datum}, and all are negative ({low:.2f} to {high:.2f}): they"
        " count up already; leave out --depths for this file"
    )
    japanese = (
        f"--depthsが指定されていますが、値はすべて負（{low:.2f}～{high:.2f}）で、すでに上向きです。"
        "--depthsを外してください"
    )
    return [_said(header.path.name, "vertical", "error", message, japanese)]


def _geoid_epoch(datum: VerticalDatum, option: VerticalDatum | None) -> str:
    """Return the epoch of the geoid behind a file's heights; what is stated for it goes before."""
    return option.epoch if option is not None and option.epoch else datum.epoch


def _unit_of_heights(name: str, datum: VerticalDatum, factor: float) -> list[Finding]:
    """Judge heights whose unit only the given datum states, in a file whose coordinates are in feet."""
    if not datum.name.startswith("EPSG:"):
        message = (
            f"coordinates are in feet, and {datum.name} does not say whether heights are too; state a system"
            " that does, such as --vertical EPSG:8228 (feet) or --vertical EPSG:5703 (metres)"
        )
        japanese = (
            f"平面座標はフィートですが、{datum.name}では標高の単位が分かりません。単位の定まる系を指定してください"
        )
        return [_said(name, "units", "error", message, japanese)]
    if factor != 1.0:
        return []
    message = (
        f"coordinates are in feet, heights are taken as metres, as {datum.name} says;"
        " if they are feet too, state the datum's system in feet, such as --vertical EPSG:8228"
    )
    japanese = (
        f"平面座標はフィート、標高は{datum.name}に従いメートルとします。"
        "標高もフィートなら --vertical で指定してください（例 --vertical EPSG:8228）"
    )
    return [_said(name, "units", "warning", message, japanese)]


def _bare(path: Path, error: Exception) -> str:
    """Return an error's words without the file's name, which stands before them already."""
    return str(error).removeprefix(f"{path.name}: ")


def _said(name: str, rule: str, severity: Severity, message: str, japanese: str) -> Finding:
    """Return a finding about a file in both languages, each beginning with the file's name."""
    return Finding(rule=rule, severity=severity, message=f"{name}: {message}", message_ja=f"{name}：{japanese}")
