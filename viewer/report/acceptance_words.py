"""What an acceptance report calls things, Japanese first: verdicts, rules with the way out of each, requirements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from twin.acceptance import Severity, Verdict

__all__ = [
    "AUXILIARY",
    "COUNTED",
    "FACTS",
    "REQUIREMENTS",
    "RULES",
    "SEVERITIES",
    "SHARE_RULES",
    "VERDICTS",
    "RuleWords",
    "rule_words",
]

Pair = tuple[str, str]
"""Japanese, English."""

VERDICTS: Final[dict[Verdict, Pair]] = {
    "accepted": ("合格", "Accepted"),
    "accepted_with_remarks": ("合格（指摘あり）", "Accepted with remarks"),
    "refused": ("不合格", "Refused"),
}
SEVERITIES: Final[dict[Severity, Pair]] = {
    "error": ("不合格", "Refuses"),
    "warning": ("指摘", "Remark"),
    "info": ("参考", "Fact"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWords:
    """A rule as people know it."""

    name: Pair
    way: Pair = ("", "")
    """What the contractor does about it; empty if there is nothing to do."""


_ADJUST: Final[Pair] = (
    "コース間の調整（ボアサイト・軌跡）をやり直してください。ずれは twin adjust で求められます。",
    "Adjust the strips again: boresight and trajectory; twin adjust measures the shifts.",
)
_HEIGHTS: Final[Pair] = (
    "標高の調整と、標高の基準・ジオイドモデルを確かめてください。",
    "Check the adjustment of heights, their datum, and the geoid model.",
)

RULES: Final[dict[str, RuleWords]] = {
    "format": RuleWords(
        name=("ファイル形式", "File format"),
        way=(
            "元データから書き出し直し、再納品してください。",
            "Write the file again from the original and deliver it anew.",
        ),
    ),
    "header": RuleWords(
        name=("ヘッダー", "Header"),
        way=("ヘッダーを正しい値で書き直してください。", "Write the header anew with right values."),
    ),
    "empty": RuleWords(
        name=("空のファイル", "Empty file"),
        way=("範囲外のファイルなら納品から除いてください。", "Leave it out if there is nothing to survey."),
    ),
    "size": RuleWords(
        name=("ファイルの大きさ", "File size"),
        way=("ファイルを分割してください。", "Split the file."),
    ),
    "crs": RuleWords(
        name=("平面座標系", "Coordinate reference system"),
        way=(
            "ファイルに座標系を書き込むか、--crs で指定してください（例 --crs EPSG:6677）。",
            "Write the CRS into the files, or state it with --crs, such as --crs EPSG:6677.",
        ),
    ),
    "vertical": RuleWords(
        name=("標高の基準", "Vertical datum"),
        way=(
            "標高の基準をファイルに書き込むか、--vertical で指定してください（例 --vertical TP）。",
            "Write the vertical datum into the files, or state it with --vertical, such as --vertical TP.",
        ),
    ),
    "units": RuleWords(
        name=("座標の単位", "Units"),
        way=(
            "メートルの座標系で納品するか、--convert で変換を指定してください。",
            "Deliver in a CRS in metres, or ask for conversion with --convert.",
        ),
    ),
    "area": RuleWords(
        name=("位置", "Place"),
        way=(
            "座標系の系番号と、X・Y の順序を確かめてください。",
            "Check the zone of the CRS and the order of x and y.",
        ),
    ),
    "systems": RuleWords(
        name=("座標系・標高基準の混在", "Several reference systems"),
        way=(
            "系番号と標高の基準を確かめ、一つに揃えるか、分けて納品してください。",
            "Check zone and height datum; deliver all files in one, or apart.",
        ),
    ),
    "axes": RuleWords(
        name=("X・Yの入れ替わり", "Swapped axes"),
        way=("X・Yの順序を確かめ、書き出し直してください。", "Check the order of x and y, and write the files again."),
    ),
    "box": RuleWords(
        name=("ヘッダーの範囲", "Header's box"),
        way=("ヘッダーの範囲を点に合わせて書き直してください。", "Write the header's box as the points have it."),
    ),
    "returns": RuleWords(
        name=("リターン別点数", "Points by return"),
        way=("ヘッダーのリターン別点数を書き直してください。", "Write the header's counts by return anew."),
    ),
    "scale": RuleWords(
        name=("座標の分解能", "Coordinate step"),
        way=("0.01 m 以下の分解能で書き出してください。", "Write coordinates in steps of 0.01 m or less."),
    ),
    "point_format": RuleWords(name=("点の形式", "Point format")),
    "classes": RuleWords(
        name=("分類", "Classes"),
        way=(
            "仕様で定められた分類コードに直してください。",
            "Use the class codes of the LAS specification or of the contract.",
        ),
    ),
    "density": RuleWords(
        name=("点密度", "Point density"),
        way=(
            "不足する範囲を再計測するか、発注者と協議してください。",
            "Fly the thin places again, or agree with the client.",
        ),
    ),
    "empty_cells": RuleWords(
        name=("欠測率", "Share of empty cells"),
        way=("欠測範囲を再計測してください。", "Survey the empty places again."),
    ),
    "voids": RuleWords(
        name=("欠測範囲", "Voids"),
        way=(
            "欠測範囲を再計測するか、水部などの理由を示してください。",
            "Survey the voids again, or give their reason.",
        ),
    ),
    "strays": RuleWords(
        name=("孤立点", "Stray points"),
        way=("飛び点を除くか、クラス 7・18 に分類してください。", "Remove stray points, or class them 7 or 18."),
    ),
    "strips": RuleWords(
        name=("飛行コース", "Flight strips"),
        way=("ポイントソースIDにコース番号を入れてください。", "Write the strip's number as point source id."),
    ),
    "overlap": RuleWords(name=("コース間較差", "Strip differences"), way=_ADJUST),
    "overlap_rmse": RuleWords(name=("コース間較差（RMS）", "Strip differences, RMSE"), way=_ADJUST),
    "overlap_median": RuleWords(name=("コース間較差（中央値）", "Strip differences, median"), way=_ADJUST),
    "control_axes": RuleWords(name=("検証点の座標の順序", "Axes of the control points")),
    "control_points": RuleWords(
        name=("検証点", "Control points"),
        way=(
            "計測範囲内の、周囲に点のある検証点を用いてください。",
            "Use control points inside the survey that have points around them.",
        ),
    ),
    "control_rmse": RuleWords(name=("検証点との較差（RMS）", "Control points, RMSE"), way=_HEIGHTS),
    "control_max": RuleWords(name=("検証点との較差（最大）", "Control points, greatest difference"), way=_HEIGHTS),
    "gps_time": RuleWords(
        name=("GPS時刻", "GPS time"),
        way=("時刻の種別（週秒・標準時）を確かめてください。", "Check the kind of time: week seconds or standard."),
    ),
    "time_order": RuleWords(name=("GPS時刻の順序", "Order of GPS time")),
    "gps_gap": RuleWords(
        name=("GPS時刻の空白", "Gap of GPS time"),
        way=("欠落した区間の点を補ってください。", "Deliver the points of the missing span."),
    ),
    "duplicates": RuleWords(
        name=("重複点", "Duplicate points"),
        way=("重複点を除いて書き出し直してください。", "Write the file again without the repeated points."),
    ),
    "noise": RuleWords(
        name=("ノイズ", "Noise"),
        way=("ノイズを除いて書き出し直してください。", "Write the file again without the noise."),
    ),
    "withheld": RuleWords(name=("除外の印のある点", "Withheld points")),
    "required_classes": RuleWords(
        name=("必要な分類", "Required classes"),
        way=("要求された分類コードで分類し直してください。", "Classify with the codes that are asked for."),
    ),
    "sheet": RuleWords(
        name=("図郭名", "Map sheet"),
        way=("ファイル名の図郭と点の範囲を合わせてください。", "Make the sheet that the name states fit the points."),
    ),
}


REQUIREMENTS: Final[dict[str, tuple[str, str, str]]] = {
    "density_per_m2": ("点密度（以上）", "point density, at least", "点/m²"),
    "density_cell_m": ("密度を数える格子間隔", "cell that points are counted in", "m"),
    "density_share": ("点密度を満たす格子の割合（以上）", "share of cells that reach the density, at least", "%"),
    "empty_share": ("欠測率（以下）", "share of empty cells, at most", "%"),
    "void_area_m2": ("一つの欠測範囲の面積（以下）", "area of one void, at most", "m²"),
    "required_classes": ("必要な分類コード", "classes that must occur", ""),
    "overlap_rmse_m": ("コース間較差のRMS（以下）", "strip differences, RMSE at most", "m"),
    "overlap_median_m": ("コース間較差の中央値（絶対値、以下）", "strip differences, absolute median at most", "m"),
    "controls": ("検証点ファイル", "file of control points", ""),
    "control_rmse_m": ("検証点との較差のRMS（以下）", "control points, RMSE at most", "m"),
    "control_max_m": ("検証点との較差の最大（以下）", "control points, greatest difference at most", "m"),
    "sheet_scheme": ("図郭名の規則", "naming by map sheets", ""),
    "gps_gap_s": ("コース内のGPS時刻の空白（以下）", "gap of GPS time within a strip, at most", "s"),
    "noise_share": ("ノイズの割合（以下）", "share of noise, at most", "%"),
    "duplicates_share": ("重複点の割合（以下）", "share of duplicate points, at most", "%"),
}
"""Parameter of the check: name in Japanese and English, unit; shares are shown in percent."""


AUXILIARY: Final[dict[str, tuple[str, ...]]] = {
    "density_cell_m": ("density_per_m2", "empty_share"),
    "density_share": ("density_per_m2",),
}
"""Requirements that mean something only beside one of others."""

COUNTED: Final[dict[str, Pair]] = {
    "systems": ("種類", "kinds"),
    "strays": ("格子", "cells"),
    "axes": ("ファイル", "files"),
    "strips": ("コース", "strips"),
    "control_points": ("点", "points"),
    "required_classes": ("クラス", "classes"),
}
"""What figures without a unit count."""

SHARE_RULES: Final = frozenset({"density", "empty_cells", "duplicates", "noise"})
"""Rules whose figure is a share of 1 unless it has a unit."""

FACTS: Final[dict[str, Pair]] = {
    "format": ("形式", "format"),
    "point_format": ("点フォーマット", "point format"),
    "scale": ("座標の刻み", "coordinate steps"),
    "offset": ("オフセット", "offset"),
    "crs": ("座標系", "CRS"),
    "vertical": ("標高基準", "vertical datum"),
    "bytes": ("容量（バイト）", "bytes"),
    "classes": ("クラス別点数", "points by class"),
    "returns": ("リターン別点数", "points by return"),
    "gps_time": ("GPS時刻", "GPS time"),
    "box": ("範囲", "box"),
    "strips": ("コース", "strips"),
    "cells": ("計測格子数", "surveyed cells"),
    "cells_below_density": ("密度不足の格子数", "cells below the density"),
    "density_per_m2": ("点密度（点/m²）", "points per m²"),
    "duplicates": ("重複点", "duplicate points"),
    "duplicates_between_files": ("ファイル間の重複点", "points in several files"),
    "greatest_scan_angle_deg": ("最大スキャン角（度）", "greatest scan angle, degrees"),
    "time_runs_back": ("時刻の逆行", "times that run back"),
    "name": ("名称", "name"),
    "files": ("ファイル数", "files"),
    "points": ("点数", "points"),
    "cell_m": ("格子間隔（m）", "cell, m"),
    "surveyed_m2": ("計測面積（m²）", "surveyed area, m²"),
    "water_m2": ("水部面積（m²）", "water, m²"),
    "judged_m2": ("判定面積（m²）", "judged area, m²"),
    "empty_share": ("欠測率", "share of empty cells"),
    "voids_m2": ("欠測面積（m²）", "voids, m²"),
    "voids": ("欠測範囲", "voids"),
}
"""Facts by their key: Japanese, English; others go by their key."""


def rule_words(rule: str) -> RuleWords:
    """Return what a rule is called; one that is not known here goes by its own name."""
    plain = rule.replace("_", " ")
    return RULES.get(rule) or RuleWords(name=(plain, plain))
