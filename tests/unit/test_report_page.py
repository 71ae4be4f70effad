"""The report as a page: whole in itself, honest about what is missing, and safe from what files are called."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from shapely import box

from twin.bounds import Bounds
from twin.legend import depth_legend
from twin.observation import Observation
from twin.raster import Frame, Raster
from twin.vertical import AP, TP
from viewer.content import Gauge
from viewer.report import ReportContent, render_page
from viewer.report.content import Buildings, ClassCount, Delivery, FeedCount, Flood, StageFigures, Terrain, WetBuilding
from viewer.report.maps import flood_map, shrunk

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
FRAME = Frame(column0=0, row0=0, rows=40, columns=60, resolution_m=0.5)
SECTIONS = ["deliveries", "points", "terrain", "buildings", "flood", "live", "stages", "lineage"]
VOID = {"meta", "img", "br", "link", "input", "hr"}


def raster(values: np.ndarray) -> Raster:
    return Raster(values=values, frame=FRAME, crs="EPSG:6677")


def empty(**parts: object) -> ReportContent:
    facts: dict[str, object] = {
        "title_ja": "試験地区",
        "title_en": "Test place",
        "made_at": NOW,
        "now": NOW,
        "crs_code": "EPSG:6677",
        "crs_name": "JGD2011 / Japan Plane Rectangular CS IX",
        "vertical": "TP",
        "store_facts": {},
        "n_points": 0,
        "n_tiles": 0,
        "bounds": None,
        "software": {"twin": "0.1.0"},
    }
    return ReportContent(**{**facts, **parts})  # type: ignore[arg-type]


def town() -> Buildings:
    return Buildings(
        ids=("low", "high"),
        outlines=(box(2, 2, 8, 8), box(12, 4, 20, 12)),
        lods=("1.2", "1.2"),
        height_m=np.array([6.5, 42.0]),
        ground_m=np.array([0.5, -0.25]),
        rmse_m=np.array([0.1, 0.2]),
        n_points=np.array([300, 900]),
        valid_share=1.0,
        without_model=(
            ("roof-1", "no building points in the outline"),
            ("roof-2", "no building points in the outline"),
        ),
    )


def surge() -> Flood:
    flooded = np.zeros(FRAME.shape, np.bool_)
    flooded[20:, :30] = True
    permanent = np.zeros(FRAME.shape, np.bool_)
    permanent[:, 50:] = True
    return Flood(
        title_ja="高潮",
        title_en="Storm surge",
        depth=raster(np.where(flooded, 3.5, 0.0)),
        flooded=flooded,
        permanent=permanent,
        unknown=np.zeros(FRAME.shape, np.bool_),
        legend=depth_legend("flood_depth_ja"),
        is_current=False,
        summary={
            "level": {
                "given_m": 2.1,
                "given_datum": "AP",
                "height_m": 0.9656,
                "source": "bay/gauge",
                "observed_at": None,
                "offset_m": 0.5,
            },
            "barriers": [{"name": "canal gate", "state": "closed", "height_m": 3.4}],
            "floor_m": 0.5,
            "wet_area_m2": 150.0,
            "max_depth_m": 3.5,
            "buildings": 2,
            "buildings_wet": 1,
            "buildings_above_floor": 1,
            "buildings_unknown": 0,
            "by_rank": {"3": 1},
        },
        wettest=(WetBuilding(id="low", max_depth_m=3.5, mean_depth_m=3.1, rank=3, above_floor=True, height_m=6.5),),
        outlines=town().outlines,
        ranks=np.array([3, 0], np.int8),
    )


def gauge() -> Gauge:
    from twin.freshness import FreshnessLimits, freshness

    said = Observation(
        feed="tide", entity="g1", kind="WaterLevelObserved", quantity="stage", value=2.1, unit="m", name="水門 <内>",
        observed_at=NOW, received_at=NOW, vertical=AP,
    )  # fmt: skip
    return Gauge(
        observation=said, freshness=freshness(said, NOW, FreshnessLimits()), x=1.0, y=2.0, ground_m=0.0, level_m=0.9656
    )


def full() -> ReportContent:
    heights = np.add.outer(np.linspace(3, 0, FRAME.rows), np.linspace(0, 1, FRAME.columns))
    labels = np.full(FRAME.shape, 2, np.int16)
    labels[0, 0] = -1
    return empty(
        n_points=12_345,
        n_tiles=2,
        bounds=Bounds(xmin=0, ymin=0, xmax=30, ymax=20),
        deliveries=(
            Delivery(name="a.laz", accepted=True, n_points=12_345, size=3_000_000, crs="EPSG:6677", vertical="TP"),
            Delivery(name="feet.las", accepted=False, n_points=0, size=9, reason="coordinates are in feet"),
        ),
        classes=(ClassCount(code=2, name_ja="地面", name_en="Ground", color="#b89b72", n_points=12_345),),
        class_map=raster(labels),
        is_classified=True,
        density=raster(np.full(FRAME.shape, 8.0)),
        terrain=Terrain(
            heights=raster(heights),
            cells=2400,
            void_share=0.25,
            filled_share=0.5,
        ),
        buildings=town(),
        floods=(surge(),),
        gauges=(gauge(),),
        feeds=(
            FeedCount(
                title_ja="潮位", title_en="Tide", received=5, stored=3, dropped=1, quarantined=1, last_at=NOW
            ),
        ),
        stages=(
            StageFigures(
                stage="ingest", what="<b>", run="0123abcd", state="done",
                started_at=NOW.isoformat(), finished_at=NOW.isoformat(),
                seconds=2.0, cpu_seconds=3.0, peak_mb=210.0, workers=2, items=12_345, unit="points",
                params={"kind": "</pre><script>"},
            ),
        ),
    )  # fmt: skip


class Page(HTMLParser):
    """Text by section, every reference, and whether tags nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.text: dict[str, str] = {}
        self.tags: dict[str, int] = {}
        self.languages: list[str] = []
        self._open: list[str] = []
        self._section = ""
        self.feed(html)
        self.close()
        assert self._open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        facts = dict(attrs)
        self.references += [str(facts[name]) for name in ("src", "href", "action", "data") if name in facts]
        if tag == "section":
            self._section = str(facts["id"])
        if tag == "span" and "lang" in facts:
            self.languages.append(str(facts["lang"]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "section":
            self._section = ""

    def handle_data(self, data: str) -> None:
        self.text[self._section] = self.text.get(self._section, "") + data


def picture(color: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 40), color).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_page(full(), picture("#123456")))


def test_the_page_asks_nobody_for_anything(page: Page) -> None:
    assert page.references
    assert all(one.startswith(("data:image/jpeg;base64,", "#")) for one in page.references)
    assert "@import" not in page.text[""]
    assert "url(" not in page.text[""]


def test_every_picture_can_be_decoded(page: Page) -> None:
    pictures = [one.partition(",")[2] for one in page.references if one.startswith("data:")]
    assert len(pictures) == 6, "snapshot, classes, density, terrain, buildings, flood"
    for text in pictures:
        Image.open(io.BytesIO(base64.b64decode(text))).load()


def test_every_japanese_text_has_its_english_one(page: Page) -> None:
    assert page.languages
    assert page.languages[0::2] == ["ja"] * (len(page.languages) // 2)
    assert page.languages[1::2] == ["en"] * (len(page.languages) // 2)


def test_one_title_for_both_languages_shows_in_each() -> None:
    page = Page(render_page(empty(title_ja="Delft", title_en="Delft")))
    assert page.languages == Page(render_page(empty())).languages[2:], "no pair of which one half would be hidden"
    assert "Delft" in page.text[""]


def test_a_page_of_an_empty_store_says_of_each_part_that_it_has_not_run() -> None:
    page = Page(render_page(empty()))
    assert set(SECTIONS) <= set(page.text)
    for name, command in [
        ("deliveries", "twin ingest"),
        ("points", "twin classify"),
        ("terrain", "twin terrain"),
        ("buildings", "twin model"),
        ("flood", "twin flood"),
        ("live", "twin live replay"),
        ("stages", "Nothing has run yet"),
    ]:
        assert command in page.text[name]
    assert not any(one.startswith("data:") for one in page.references)


def test_refused_files_stand_with_their_reason(page: Page) -> None:
    assert "feet.las" in page.text["deliveries"]
    assert "coordinates are in feet" in page.text["deliveries"]
    assert "refused" in page.text["deliveries"]


def test_the_flood_level_stands_in_both_datums(page: Page) -> None:
    assert "2.100 m A.P." in page.text["flood"]
    assert "0.9656 m T.P." in page.text["flood"]


def test_what_a_scenario_adds_to_a_gauge_and_closes_is_said(page: Page) -> None:
    text = " ".join(page.text["flood"].split())
    assert "reading 1.600 m, 加算added 0.500 m" in text
    assert "canal gate: 閉鎖・天端closed, crest 3.400 m T.P." in text
    assert "above the floor, taken at 0.50 m" in text


def test_an_overlay_of_an_older_terrain_says_so(page: Page) -> None:
    assert "older terrain" in page.text["flood"]


def test_buildings_without_a_model_are_counted_by_reason(page: Page) -> None:
    assert "no building points in the outline" in page.text["buildings"]
    assert page.text["buildings"].count("no building points") == 3, "once with the count, and once for each"
    assert page.text["buildings"].count("roof-1") == 1


def test_a_stage_shows_its_cost_and_its_run(page: Page) -> None:
    assert "6.17 k/s" in page.text["stages"]
    assert "220.2 MB" in page.text["stages"]
    assert "0123abcd" in page.text["lineage"]


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b>", "{{ 7*7 }}"]
)
def test_names_from_files_never_become_markup(evil: str) -> None:
    plain = Page(render_page(empty(deliveries=(Delivery(name="a", accepted=False, n_points=0, size=1, reason="a"),))))
    page = Page(
        render_page(
            empty(
                title_ja=evil,
                title_en=evil + "!",
                deliveries=(Delivery(name=evil, accepted=False, n_points=0, size=1, reason=evil),),
            )
        )
    )
    assert page.tags == plain.tags, "the same elements, whatever the names"
    assert evil in page.text["deliveries"]


def test_parameters_in_the_lineage_are_escaped(page: Page) -> None:
    assert page.tags["script"] == 1


def test_the_flood_map_shows_official_colours() -> None:
    image = Image.open(io.BytesIO(flood_map(surge(), None))).convert("RGB")
    legend = surge().legend
    seen = np.array(image.getpixel((round(image.width * 0.35), round(image.height * 0.75))), dtype=int)
    wanted = np.array(legend.ranks[2].rgb)
    assert np.abs(seen - wanted).max() < 12, "3.5 m is rank 3"
    dry = np.array(image.getpixel((round(image.width * 0.35), round(image.height * 0.05))), dtype=int)
    assert np.abs(dry - wanted).max() > 30


def test_shrinking_keeps_means_and_extremes_and_ignores_what_is_unknown() -> None:
    frame = Frame(column0=0, row0=0, rows=5, columns=2300, resolution_m=1.0)
    values = np.arange(5 * 2300, dtype=np.float64).reshape(5, 2300)
    values[0, :3] = np.nan
    whole = Raster(values=values, frame=frame, crs="EPSG:6677", vertical=TP)
    means, resolution_m = shrunk(whole)
    assert (means.shape, resolution_m) == ((2, 767), 3.0)
    assert means[0, 0] == np.nanmean(values[:3, :3])
    assert means[1, 766] == values[3:, 2298:].mean()
    highest, _ = shrunk(whole, reduce="max")
    assert highest[1, 766] == values[4, 2299]
    nowhere, _ = shrunk(whole, where=np.zeros(values.shape, np.bool_))
    assert np.isnan(nowhere).all()
