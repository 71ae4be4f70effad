"""A report's content as one HTML file: pictures and styles inside, nothing from outside, every text escaped."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tiles.atomic import write_text
from viewer.live import STATE_COLORS, reading_text, time_text
from viewer.palette import BUILDING_STOPS, PERMANENT_WATER
from viewer.report import maps
from viewer.report.gather import gather_report
from viewer.report.model_view import view_quality
from viewer.report.pages import data_uri, datum, environment, gradient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tiles.store import Store
    from viewer.report.content import Buildings, Flood, ReportContent

__all__ = ["render_page", "write_report"]

_TALLEST_LISTED = 15
_MOST_WITHOUT_LISTED = 30
_SNAPSHOT_WIDTH = 1800
_HEIGHT_CLASSES_M = (0.0, 3.0, 6.0, 10.0, 15.0, 31.0, 60.0, float("inf"))
"""Edges of the height table: storeys of about three metres, then the old 31 m limit and the 60 m of a high-rise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """One row of a table with a bar."""

    label: str
    n: int
    share: float
    color: str


def write_report(
    store: Store,
    out: Path,
    *,
    title: str | Mapping[str, str] = "",
    snapshot: Path | None = None,
    now: datetime | None = None,
) -> Path:
    """Write the report of a store; returns its path.

    Parameters
    ----------
    store
        What to report on.
    out
        HTML file to write; its folder is made.
    title
        Name of the place, or names by language (``ja``, ``en``).
    snapshot
        Picture to put on top; none if None or if the file is not there.
    now
        The moment to judge the freshness of live data at; the clock if None.
    """
    content = gather_report(store, title=title, now=now)
    picture = snapshot.read_bytes() if snapshot is not None and snapshot.is_file() else None
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, render_page(content, picture))
    return out


def render_page(content: ReportContent, snapshot: bytes | None = None) -> str:
    """Return the page; `snapshot` is a picture that Pillow can read."""
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            content=content,
            snapshot=data_uri(_as_jpeg(snapshot)) if snapshot else "",
            pictures=_pictures(content),
            quality=view_quality(content.quality),
            heights=_height_bars(content.buildings),
            building_stops=BUILDING_STOPS,
            tallest=_tallest(content.buildings),
            reasons=_reasons(content.buildings),
            without=() if content.buildings is None else content.buildings.without_model[:_MOST_WITHOUT_LISTED],
            floods=[_flood_view(flood, content) for flood in content.floods],
            gauges=[_gauge_view(gauge) for gauge in content.gauges],
            water=PERMANENT_WATER,
            most_seconds=max((stage.seconds or 0.0 for stage in content.stages), default=0.0),
        )
    )


def _pictures(content: ReportContent) -> dict[str, dict[str, Any]]:
    """Draw what there is: name to picture and colour stops."""
    pictures: dict[str, dict[str, Any]] = {}
    if content.class_map is not None:
        pictures["classes"] = {"uri": data_uri(maps.class_picture(content.class_map))}
    if content.density is not None:
        pictures["density"] = _with_ramp(*maps.density_map(content.density))
    if content.terrain is not None:
        pictures["terrain"] = _with_ramp(*maps.terrain_map(content.terrain))
    if content.buildings is not None and content.buildings.ids and content.bounds is not None:
        picture = maps.building_map(content.buildings, content.bounds, content.terrain)
        pictures["buildings"] = {"uri": data_uri(picture)}
    return pictures


def _with_ramp(picture: bytes, stops: Sequence[tuple[float, str]]) -> dict[str, Any]:
    return {"uri": data_uri(picture), "low": stops[0][0], "high": stops[-1][0], "ramp": gradient(stops)}


def _flood_view(flood: Flood, content: ReportContent) -> dict[str, Any]:
    """Lay out one overlay: its picture, its level in words, its rows by rank."""
    summary = flood.summary
    level: Mapping[str, Any] = summary.get("level", {})
    by_rank = {int(rank): int(n) for rank, n in summary.get("by_rank", {}).items()}
    most = max(by_rank.values(), default=0)
    ranks = [
        {"rank": rank, "n": by_rank.get(rank.rank, 0), "share": by_rank.get(rank.rank, 0) / most if most else 0.0}
        for rank in flood.legend.ranks
    ]
    return {
        "flood": flood,
        "uri": data_uri(maps.flood_map(flood, content.terrain)),
        "summary": summary,
        "level": level,
        "given_datum": datum(str(level.get("given_datum", ""))),
        "offset_m": float(level.get("offset_m", 0.0)),
        "barriers": summary.get("barriers", ()),
        "floor_m": summary.get("floor_m"),
        "ranks": ranks,
        "names": {rank.rank: rank for rank in flood.legend.ranks},
    }


def _gauge_view(gauge: Any) -> dict[str, Any]:
    observation = gauge.observation
    return {
        "name": observation.name or observation.entity,
        "kind": observation.kind,
        "reading": (reading_text(gauge, "ja"), reading_text(gauge, "en")),
        "time": (time_text(gauge, "ja"), time_text(gauge, "en")),
        "level_m": gauge.level_m,
        "color": STATE_COLORS[gauge.freshness.state],
        "word": (gauge.freshness.text_ja.partition("・")[0], gauge.freshness.text_en.partition(",")[0]),
    }


def _height_bars(buildings: Buildings | None) -> list[_Bar]:
    """Count buildings by measured height."""
    if buildings is None or not buildings.ids:
        return []
    edges = _HEIGHT_CLASSES_M
    counts = [int(((buildings.height_m >= low) & (buildings.height_m < high)).sum()) for low, high in pairwise(edges)]
    labels = [f"≥ {low:g} m" if np.isinf(high) else f"{low:g}–{high:g} m" for low, high in pairwise(edges)]
    most = max(*counts, 1)
    return [_Bar(label=label, n=n, share=n / most, color="") for label, n in zip(labels, counts, strict=True)]


def _tallest(buildings: Buildings | None) -> list[dict[str, Any]]:
    if buildings is None:
        return []
    order = sorted(range(len(buildings.ids)), key=lambda i: (-buildings.height_m[i], buildings.ids[i]))
    return [
        {
            "id": buildings.ids[i],
            "lod": buildings.lods[i],
            "height_m": float(buildings.height_m[i]),
            "ground_m": float(buildings.ground_m[i]),
            "rmse_m": float(buildings.rmse_m[i]),
            "n_points": int(buildings.n_points[i]),
            "area_m2": float(buildings.outlines[i].area),
        }
        for i in order[:_TALLEST_LISTED]
    ]


def _reasons(buildings: Buildings | None) -> list[tuple[str, int]]:
    """Count the reasons for having no model, most frequent first."""
    counts = Counter(reason for _, reason in buildings.without_model) if buildings is not None else Counter()
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _as_jpeg(picture: bytes) -> bytes:
    """Return the snapshot in a size for a page."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    if image.width > _SNAPSHOT_WIDTH:
        image = image.resize(
            (_SNAPSHOT_WIDTH, round(image.height * _SNAPSHOT_WIDTH / image.width)), Image.Resampling.LANCZOS
        )
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88, optimize=True)
    return stream.getvalue()
