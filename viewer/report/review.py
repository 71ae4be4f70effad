"""The review page: where a person who edits labels by hand should start, with a plan and a cut of each place.

One HTML file without anything from outside, in Japanese and English, and beside it the same places as GeoJSON, which
QGIS and other programs open.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tiles.atomic import write_text
from twin import __version__
from twin.bounds import Bounds
from twin.crs import to_wgs84
from twin.points import Points
from twin.review import DOUBTFUL
from viewer.palette import class_colors
from viewer.report.pages import data_uri, environment
from viewer.report.review_draw import VIEW_M, draw_cut, draw_plan, find_cut
from viewer.report.review_map import DOUBT_STOPS, draw_overview

if TYPE_CHECKING:
    from pathlib import Path

    from markupsafe import Markup

    from tiles.store import Store
    from twin.review import DoubtPlace, Review

__all__ = ["places_as_geojson", "render_review", "write_review"]

_JAPAN = Bounds(xmin=122.0, ymin=20.0, xmax=154.5, ymax=46.0)
"""Longitudes and latitudes within which GSI's map is the one to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """One place as the page shows it."""

    place: DoubtPlace
    names: tuple[tuple[str, str], tuple[str, str]]
    """Japanese and English name of the two classes in question."""
    parts: tuple[tuple[str, str, str, int], ...]
    """Colour, names and number of the doubtful points of each class."""
    plan: Markup
    cut: Markup
    longitude: float
    latitude: float
    link: str
    """Where the place can be seen on a public map."""


def write_review(store: Store, review: Review, out: Path) -> tuple[Path, Path]:
    """Write the page and, beside it, the places as GeoJSON; returns both paths.

    Parameters
    ----------
    store
        Where the points are read from; only the tiles around the places are.
    review
        The places.
    out
        HTML file to write; its folder is made.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_suffix(".geojson")
    write_text(out, render_review(store, review))
    write_text(beside, json.dumps(places_as_geojson(store, review), ensure_ascii=False, indent=1) + "\n")
    return out, beside


def render_review(store: Store, review: Review, *, made_at: datetime | None = None) -> str:
    """Return the page; the same store, review and moment give the same page."""
    cards = [_card(store, review, place) for place in review.places]
    used = {code for card in cards for code in card.place.labels}
    return (
        environment()
        .get_template("review.html.j2")
        .render(
            review=review,
            cards=cards,
            title=store.address,
            crs=store.crs.code,
            vertical=str(store.vertical),
            made_at=made_at or datetime.now(UTC).astimezone(),
            overview=draw_overview(review.doubt, review.places),
            stops=DOUBT_STOPS,
            legend=[entry for entry in class_colors() if entry.code in used],
            doubtful=DOUBTFUL,
            view_m=VIEW_M,
            version=__version__,
        )
    )


def places_as_geojson(store: Store, review: Review) -> dict[str, Any]:
    """Return the judged cells as polygons in WGS 84, as GeoJSON wants it, with metres of the store as properties."""
    lonlat = to_wgs84(store.crs.wkt)
    features = []
    for place in review.places:
        west, south, east, north = place.bounds
        ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        corners = [[round(value, 8) for value in lonlat.transform(x, y)] for x, y in ring]
        names = {code: entry.name_en for entry in class_colors() for code in (entry.code,)}
        asked = [names.get(code, str(code)) for code in place.question]
        features.append(
            {
                "type": "Feature",
                "properties": {**place.as_dict(), "question_text": f"{asked[0]} or {asked[1].lower()}?"},
                "geometry": {"type": "Polygon", "coordinates": [corners]},
            }
        )
    about = {"store": store.address, "run": review.run, "crs": store.crs.code, "software": f"city-twin {__version__}"}
    return {"type": "FeatureCollection", "name": "review", "about": about, "features": features}


def _card(store: Store, review: Review, place: DoubtPlace) -> _Card:
    points = _points_around(store, review.run, place)
    cut = find_cut(points, place.x, place.y)
    longitude, latitude = to_wgs84(store.crs.wkt).transform(place.x, place.y)
    named = {entry.code: entry for entry in class_colors()}

    def names(code: int) -> tuple[str, str]:
        entry = named.get(code)
        return (entry.name_ja, entry.name_en) if entry else (str(code), str(code))

    return _Card(
        place=place,
        names=(names(place.question[0]), names(place.question[1])),
        parts=tuple(
            (named[code].color if code in named else "#969696", *names(code), n) for code, n in place.labels.items()
        ),
        plan=data_uri(draw_plan(points, cut, place.bounds), "png"),
        cut=data_uri(draw_cut(points, cut), "png"),
        longitude=longitude,
        latitude=latitude,
        link=_map_link(longitude, latitude),
    )


def _points_around(store: Store, run: str, place: DoubtPlace) -> Points:
    """Read the points that the pictures show, with label and confidence, tile by tile."""
    reach = VIEW_M * 0.75  # the corners of a cut at 45 degrees, and squares that stick in from outside
    window = Bounds(xmin=place.x - reach, ymin=place.y - reach, xmax=place.x + reach, ymax=place.y + reach)
    parts = []
    done = store.manifest.artefacts(run)
    for row in store.manifest.tiles_near(window):
        if str(row.tile) not in done:
            continue
        points = store.read_tile(row.tile, ())
        label, confidence = store.read_labels(run, row.tile)
        inside = window.contains(points.x, points.y)
        parts.append(points.take(inside).with_attributes(label=label[inside], confidence=confidence[inside]))
    return Points.concatenate(parts)


def _map_link(longitude: float, latitude: float) -> str:
    if _JAPAN.xmin <= longitude <= _JAPAN.xmax and _JAPAN.ymin <= latitude <= _JAPAN.ymax:
        return f"https://maps.gsi.go.jp/#18/{latitude:.6f}/{longitude:.6f}/&base=std&ls=seamlessphoto"
    return (
        f"https://www.openstreetmap.org/?mlat={latitude:.6f}&mlon={longitude:.6f}#map=19/{latitude:.6f}/{longitude:.6f}"
    )
