"""The numbers that were asked for, and whether they are reached."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    _Rows = Sequence[Mapping[str, Any]]

__all__ = ["verdicts"]


def verdicts(results: _Rows, speeds: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Yield the rows of the first table: metric, asked, reached, holds."""
    files = [row for row in results if row["kind"] != "mosaic"]
    isprs = [row for row in files if row["group"] == "isprs"]
    fixed = [row for row in isprs if row["variant"] == "urban"]
    yield from _filter_test("ISPRS samples here, one fixed setting, mean", fixed, 4.0, 87.0)
    for variant in dict.fromkeys(row["variant"] for row in isprs if row["variant"] != "urban"):
        rows = [row for row in isprs if row["variant"] == variant]
        yield from _filter_test(f"the same, `auto`{_with(variant)}, without any input", rows, 3.5, 88.0)
    for variant in dict.fromkeys(row["variant"] for row in files if row["group"] != "isprs"):
        yield from _files([row for row in files if row["variant"] == variant], _with(variant))
    yield from _speeds(speeds["rates"] if speeds else {})


def _speeds(rates: Mapping[str, float]) -> Iterator[str]:
    ours = next((rate for name, rate in rates.items() if name.startswith("SMRF")), None)
    cloth = next((rate for name, rate in rates.items() if name.startswith("CSF")), None)
    if ours is not None:
        yield _row("SMRF alone, per core", ">= 5 M points/s", f"{ours:.1f}", ours >= 5.0)
    if ours is not None and cloth is not None:
        yield _row("the same against CSF of pip", ">= 10 x", f"{ours / cloth:.0f} x ({cloth:.2f})", ours >= 10 * cloth)
    for name, rate in rates.items():
        if name.startswith("whole"):
            yield _row(f"{name}, per core", ">= 0.3 M points/s", f"{rate:.2f}", rate >= 0.3)


def _files(rows: _Rows, told: str) -> Iterator[str]:
    dense = [row for row in rows if row["group"] == "dense"]
    kappa, worst = _mean(dense, "kappa"), _least(dense, "kappa")
    asked = ">= 96.5 mean, none below 94"
    yield _row(
        f"ground kappa, dense files{told}", asked, f"{kappa:.1f}, least {worst:.1f}", kappa >= 96.5, worst >= 94.0
    )
    f1, iou, precision = (_mean(dense, f"building_{key}") for key in ("f1", "iou", "precision"))
    reached = f"{f1:.1f} / {iou:.1f}, precision {precision:.1f}"
    asked = ">= 93 / 87, precision >= 95"
    yield _row(
        f"building F1 / IoU, dense files, mean{told}", asked, reached, f1 >= 93.0, iou >= 87.0, precision >= 95.0
    )
    precision, recall = _pooled(dense)
    reached = f"{precision:.1f} / {recall:.1f}"
    yield _row(
        f"building objects >= 50 m², dense, pooled{told}", ">= 95 / 95", reached, precision >= 95.0, recall >= 95.0
    )
    for name, asked_iou in (("water", 80.0), ("bridge", 50.0)):
        iou = _pooled_iou(rows, (9, 41) if name == "water" else (17,))
        title = f"{name} IoU, all labelled files and scenes, pooled{told}"
        yield _row(title, f">= {asked_iou:.0f}", f"{iou:.1f}", iou >= asked_iou)
    scenes = [row for row in rows if row["group"] == "synthetic"]
    beds = [row for row in rows if "seabed_agreement" in row]
    if beds:
        worst = _least(beds, "seabed_agreement")
        which = ", ".join(f"{row['name']} {row['seabed_agreement']:.1f}" for row in beds)
        yield _row(f"seabed agreement, each scene and Florida{told}", ">= 95", which, worst >= 95.0)
    if scenes:
        rmse, cliff = _most(scenes, "dtm_rmse"), _most(scenes, "cliff_rmse")
        reached = f"{rmse:.2f} m worst, cliff edges {cliff:.2f} m worst"
        yield _row(f"scenes: DTM RMSE{told}", "<= 0.20 m, cliff edges <= 0.5 m", reached, rmse <= 0.2, cliff <= 0.5)
        lost, n = (sum(row.get(key, 0) for row in scenes) for key in ("lost_50", "buildings_50"))
        yield _row(f"scenes: buildings >= 50 m² lost{told}", "none", f"{lost} of {n}", lost == 0)


def _filter_test(title: str, rows: _Rows, most_total: float, least_kappa: float) -> Iterator[str]:
    if rows:
        total, kappa = _mean(rows, "total"), _mean(rows, "kappa")
        asked = f"total <= {most_total:.1f}, kappa >= {least_kappa:.0f}"
        yield _row(title, asked, f"{total:.2f}, {kappa:.1f}", total <= most_total, kappa >= least_kappa)


def _row(title: str, asked: str, reached: str, *holds: bool) -> str:
    return f"| {title} | {asked} | {reached} | {'yes' if all(holds) else '**no**'} |"


def _with(variant: str) -> str:
    return {"learned": " with the learned stage", "rules": ", rules alone", "auto": ", rules alone"}.get(variant, "")


def _values(rows: _Rows, key: str) -> list[float]:
    return [row[key] for row in rows if key in row and not math.isnan(row[key])]


def _mean(rows: _Rows, key: str) -> float:
    values = _values(rows, key)
    return sum(values) / len(values) if values else math.nan


def _least(rows: _Rows, key: str) -> float:
    return min(_values(rows, key), default=math.nan)


def _most(rows: _Rows, key: str) -> float:
    return max(_values(rows, key), default=math.nan)


def _pooled(rows: _Rows) -> tuple[float, float]:
    """Precision and recall of all objects of 50 square metres together."""
    found, true = (sum(row.get(f"objects_50_{key}", 0) for row in rows) for key in ("found", "true"))
    right, recalled = (
        sum(
            row[f"objects_50_{share}"] / 100.0 * row[f"objects_50_{of}"]
            for row in rows
            if row.get(f"objects_50_{of}", 0) > 0
        )
        for share, of in (("precision", "found"), ("recall", "true"))
    )
    return (100.0 * right / found if found else math.nan), (100.0 * recalled / true if true else math.nan)


def _pooled_iou(rows: _Rows, codes: tuple[int, ...]) -> float:
    """IoU over the points of all cases whose truth knows the class."""
    both = either = 0
    for row in rows:
        if any(true in codes for true, _, _ in row["confusion"]):
            both += sum(n for true, code, n in row["confusion"] if true in codes and code in codes)
            either += sum(n for true, code, n in row["confusion"] if true in codes or code in codes)
    return 100.0 * both / either if either else math.nan
