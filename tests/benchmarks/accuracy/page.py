"""The page: what was asked, what was reached, on which file, and how each figure is defined."""

from __future__ import annotations

import math
import os
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from calibration import reliability_tables
from table import mean_of
from targets import verdicts
from texts import KEPT_APART, METHODS

from twin import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["render", "with_foreign_sections"]

_FOREIGN = re.compile(r"<!-- begin ([^>]+?) -->.*?<!-- end \1 -->", re.DOTALL)
"""What another program keeps on the page between its markers."""
_EXPLAINED = Path(__file__).with_name("explained.md")
_PACKAGES = ("numpy", "numba", "scipy", "opencv-python-headless", "lightgbm")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    title: str
    key: str
    decimals: int = 1
    factor: float = 1.0


_GROUND = (
    _Column(title="type I", key="type1"),
    _Column(title="type II", key="type2"),
    _Column(title="total", key="total", decimals=2),
    _Column(title="kappa", key="kappa"),
)
_BUILDINGS = (
    _Column(title="building precision", key="building_precision"),
    _Column(title="recall", key="building_recall"),
    _Column(title="F1", key="building_f1"),
    _Column(title="IoU", key="building_iou"),
)
_OBJECTS = tuple(
    _Column(title=f"{least} m² {title}", key=f"objects_{least}_{key}", decimals=decimals)
    for least in (50, 10)
    for title, key, decimals in (("true", "true", 0), ("precision", "precision", 1), ("recall", "recall", 1))
)
_OTHERS = (
    _Column(title="vegetation F1", key="vegetation_f1"),
    _Column(title="water IoU", key="water_iou"),
    _Column(title="bridge IoU", key="bridge_iou"),
)
_SEABED = (
    _Column(title="seabed F1", key="seabed_f1"),
    _Column(title="recall", key="seabed_recall"),
    _Column(title="IoU", key="seabed_iou"),
    _Column(title="seabed RMSE, m", key="bed_rmse", decimals=2),
    _Column(title="water IoU", key="water_iou"),
    _Column(title="submerged object F1", key="wreck_f1"),
)
_SCENES = (
    _Column(title="kappa", key="kappa"),
    _Column(title="building F1", key="building_f1"),
    _Column(title="vegetation F1", key="vegetation_f1"),
    _Column(title="water IoU", key="water_iou"),
    _Column(title="bridge IoU", key="bridge_iou"),
    _Column(title="seabed agreement", key="seabed_agreement"),
    _Column(title="DTM RMSE, m", key="dtm_rmse", decimals=3),
    _Column(title="at cliffs, m", key="cliff_rmse", decimals=2),
    _Column(title="seabed RMSE, m", key="bed_rmse", decimals=2),
    _Column(title="buildings >= 50 m²", key="buildings_50", decimals=0),
    _Column(title="lost", key="lost_50", decimals=0),
)


def render(results: Sequence[Mapping[str, Any]], pictures: Path, speeds: Mapping[str, Any] | None = None) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    results
        Figures of every case and variant.
    pictures
        Folder of the maps of errors, which the page names.
    speeds
        What `speeds.measured_speeds` returned, if it was asked.
    """
    lines = [
        "# Accuracy",
        "",
        *wrap(
            "Made by `make accuracy` (`python tests/benchmarks/accuracy --out docs/accuracy.md`); do not edit. Figures"
            " are in per cent unless a unit is given. *Learned* is the second stage, with a model that never saw the"
            " region of the file: the command trains one for each region left out.",
            width=120,
        ),
        "",
        *wrap(f"Version {__version__}, {_now()}. {_machine()}.", width=120),
        "",
        "## What was asked and what was reached",
        "",
        "| metric | asked | reached | holds |",
        "|---|---|---|---|",
        *verdicts(results, speeds),
        "",
        *_section("ISPRS filter test", results, "isprs", _GROUND),
        *_section("Dense labelled files: ground and buildings", results, "dense", (*_GROUND, *_BUILDINGS)),
        *_section("The same: buildings as objects, and other classes", results, "dense", (*_OBJECTS, *_OTHERS)),
        *_section("Thin tiles of 1 km", results, "sparse", (*_GROUND, *_BUILDINGS, *_OBJECTS[:3], *_OTHERS)),
        *_section("Seabed", results, "seabed", (_SCENES[5], *_SEABED)),
        *_section("Synthetic scenes", results, "synthetic", _SCENES),
        *_speeds(speeds),
        "## Confidence",
        "",
        *reliability_tables(results),
        "",
        "## Where it is wrong",
        "",
        f"Maps of the errors of every file lie in `build/accuracy/{pictures.name}` once the command has run.",
        "",
        *_explained(),
        "## How the figures are made",
        "",
        METHODS,
        "",
        "## Training, development and test",
        "",
        KEPT_APART,
        "",
    ]
    return "\n".join(lines)


def with_foreign_sections(page: str, old: str) -> str:
    """Return a page made anew with what others had put between their markers on the old one, at its end.

    Examples
    --------
    >>> with_foreign_sections("new\\n", "old <!-- begin x -->kept<!-- end x --> old")
    'new\\n\\n<!-- begin x -->kept<!-- end x -->\\n'
    """
    return page + "".join(f"\n{found.group(0)}\n" for found in _FOREIGN.finditer(old))


def _section(title: str, results: Sequence[Mapping[str, Any]], group: str, columns: Sequence[_Column]) -> Iterator[str]:
    """Yield one table: a line for each case and variant, means below."""
    rows = [result for result in results if result["group"] == group]
    shown = [column for column in columns if any(_known(row, column) for row in rows)]
    if not rows:
        return
    yield from (f"## {title}", "")
    head = ["file", "", "points", *(column.title for column in shown)]
    yield "| " + " | ".join(head) + " |"
    yield "|---|---|" + "---:|" * (len(head) - 2)
    for row in rows:
        cells = [row["name"], row["variant"], f"{row['points']:,}", *(_cell(row, column) for column in shown)]
        yield "| " + " | ".join(cells) + " |"
    for variant in dict.fromkeys(row["variant"] for row in rows):
        same = [row for row in rows if row["variant"] == variant and row["kind"] != "mosaic"]
        mean = mean_of(same, [column.key for column in shown])
        yield "| **mean** | " + " | ".join([variant, "", *(_cell(mean, column) for column in shown)]) + " |"
    yield ""


def _speeds(speeds: Mapping[str, Any] | None) -> Iterator[str]:
    if not speeds:
        return
    told = (
        f"Million points a CPU second of one core, median of three rounds, on {speeds['points']:,} points of Delft:"
        " copies of one file side by side."
    )
    yield from ("## Speed", "", *wrap(told, width=120), "", "| what | M points/s |", "|---|---:|")
    for name, rate in speeds["rates"].items():
        yield f"| {name} | {rate:.2f} |"
    yield ""


def _known(row: Mapping[str, Any], column: _Column) -> bool:
    value = row.get(column.key)
    return value is not None and not math.isnan(value)


def _cell(row: Mapping[str, Any], column: _Column) -> str:
    return f"{row[column.key] * column.factor:,.{column.decimals}f}" if _known(row, column) else "–"


def _explained() -> Iterator[str]:
    """Yield what a person who looked at the pictures wrote."""
    if _EXPLAINED.is_file():
        yield from (_EXPLAINED.read_text(encoding="utf-8").strip(), "")


def _machine() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    versions = [f"{name} {_version(name)}" for name in _PACKAGES if _version(name)]
    cores = len(os.sched_getaffinity(0))
    return f"Machine: {model}, {cores} cores; python {platform.python_version()}, {', '.join(versions)}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
