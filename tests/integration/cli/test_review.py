"""``twin classify --review``: a page that stands alone, and places that a map program opens where they are."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import pytest
from PIL import Image
from pyproj import Transformer

from tiles.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_QUICK = ("--executor", "sequential", "--set", "learned.enabled=false")


@pytest.fixture
def store(tmp_path: Path, small_survey: Path, twin: Callable[..., Any]) -> Path:
    place = tmp_path / "store"
    assert twin("init", place, "--area", "tokyo", "--tile-edge", "512").code == 0
    assert twin("ingest", place, small_survey, "--executor", "sequential").code == 0
    return place


def test_the_most_doubtful_places_are_shown_and_opened_by_a_map(
    store: Path, tmp_path: Path, twin: Callable[..., Any]
) -> None:
    page = tmp_path / "out" / "review.html"
    answer = twin("classify", store, *_QUICK, "--review", page, "--review-places", "6")
    assert answer.code == 0, answer.stderr
    places, sure = answer.result["places"], answer.result["confidence"]
    assert 3 <= len(places) <= 6
    assert 50.0 < sure["mean"] < 100.0
    text = page.read_text(encoding="utf-8")
    assert 'lang="ja"' in text
    assert 'lang="en"' in text
    assert not re.search(r'(?:src|href)="(?!data:|#|https://(?:maps\.gsi\.go\.jp|www\.openstreetmap\.org)/)', text)
    assert re.findall(r'class="place" id="place-(\d+)"', text) == [str(place["rank"]) for place in places]
    pictures = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="(plan|cut)', text)
    assert [kind for _, kind in pictures] == ["plan", "cut"] * len(places)
    for content, _ in pictures:
        colors = np.unique(
            np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")).reshape(-1, 3), axis=0
        )
        assert len(colors) > 5

    table = pyogrio.read_dataframe(page.with_suffix(".geojson"))
    assert table.crs.to_epsg() == 4326
    opened = Store.open(store)
    back = Transformer.from_crs(4326, opened.crs.wkt, always_xy=True)
    for (_, row), place in zip(table.iterrows(), places, strict=True):
        x, y = back.transform(row.geometry.centroid.x, row.geometry.centroid.y)
        west, south, east, north = place["bounds"]
        assert abs(x - (west + east) / 2) < 0.05
        assert abs(y - (south + north) / 2) < 0.05
        assert place["doubtful"] <= place["points"]


def test_a_folder_is_no_page(store: Path, tmp_path: Path, twin: Callable[..., Any]) -> None:
    answer = twin("classify", store, "--review", tmp_path)
    assert answer.code == 2
    assert "name an HTML file" in answer.stderr
