"""The acceptance report as a page: the verdict first, every refusal with its way out, whole in itself, bounded."""

from __future__ import annotations

import base64
import io
import re
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from twin.acceptance import Chart, DeliveryReport, Finding, MapPicture, Series, SourceReport, verdict_of
from twin.raster import Frame
from viewer.report import render_acceptance
from viewer.report.chartsvg import draw_chart, ticks
from viewer.report.mapsvg import DIVERGING, SEQUENTIAL, crop, draw_map

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
VOID = {"meta", "img", "br", "link", "input", "hr", "rect", "line", "circle", "path", "image", "polyline"}
NO_CRS = Finding(
    rule="crs",
    severity="error",
    message="a.laz: names no CRS; state it with --crs",
    message_ja="a.laz：座標系がありません",
)


def density(rows: int = 40, columns: int = 60) -> MapPicture:
    values = np.random.default_rng(7).uniform(0, 12, (rows, columns)).astype(np.float32)
    values[5:9, 5:9] = np.nan
    frame = Frame(column0=-100, row0=-400, rows=rows, columns=columns, resolution_m=2.0)
    return MapPicture(
        name="density",
        title="Density",
        title_ja="点密度",
        frame=frame,
        values=values,
        unit="points/m2",
        low=0.0,
        high=12.0,
    )


def source(name: str, *findings: Finding, **facts: Any) -> SourceReport:
    return SourceReport(
        uri=f"delivery/{name}",
        verdict=verdict_of(findings),
        points=0 if findings and findings[0].severity == "error" else 1000,
        findings=findings,
        facts={"crs": "EPSG:6677", "box": [0, 0, 0, 10, 10, 5], "classes": {"2": 700, "6": 300}, **facts},
        pictures=(density(),) if findings else (),
    )


def delivery(*sources: SourceReport, **parts: Any) -> DeliveryReport:
    findings = [finding for one in sources for finding in one.findings]
    made = {"verdict": verdict_of([*findings, *parts.get("findings", ())]), "sources": sources, **parts}
    return DeliveryReport(**made)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.open, self.unbalanced, self.outside, self.words = text, [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and value and not value.startswith(("data:", "#")):
                self.outside.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(" ".join(data.split()))

    @property
    def said(self) -> str:
        return " ".join(word for word in self.words if word)


def page(report: DeliveryReport) -> Page:
    return Page(render_acceptance(report, made_at=NOW))


@pytest.fixture(scope="module")
def mixed() -> Page:
    step = Finding(
        rule="overlap", severity="error", message="strips differ", value=0.182, limit=0.1, unit="m", picture="steps"
    )
    repeated = Finding(rule="duplicates", severity="warning", message="b.laz: 3 points repeat another")
    chart = Chart(
        name="steps", title="Strip differences", title_ja="コース間較差", x_label="m", y_label="cells",
        series=(Series(name="1/2", name_ja="1/2", x=np.array([-0.1, 0.0, 0.1]), y=np.array([3.0, 9.0, 2.0])),),
    )  # fmt: skip
    return page(
        delivery(
            source("c.laz"), source("b.laz", repeated), source("a.laz", NO_CRS),
            findings=(step,), pictures=(chart, density()),
            facts={"groups": [{"crs": "EPSG:6677", "voids": [{"x": i} for i in range(30)]}]},
            requirements={"density_per_m2": {"value": 4.0, "source": "gsi_pointcloud.yaml"}, "void_area_m2": None},
        )
    )  # fmt: skip


def test_the_page_is_whole_in_itself(mixed: Page) -> None:
    assert mixed.unbalanced == []
    assert mixed.open == []
    assert mixed.outside == []
    assert "://" not in mixed.text


def test_the_verdict_stands_before_everything_else_and_counts_add_up(mixed: Page) -> None:
    said = mixed.said
    assert said.index("不合格 Refused") < said.index("What to do next") < said.index("The whole delivery")
    assert "1 of 3 files are refused" in said
    assert "breaks 1 of its limits" in said


def test_every_refusal_stands_with_its_way_out_in_both_languages(mixed: Page) -> None:
    next_part = mixed.said[mixed.said.index("What to do next") : mixed.said.index("The whole delivery")]
    for words in ("座標系がありません", "names no CRS", "--crs EPSG:6677", "ファイルに座標系を書き込む"):
        assert words in next_part


def test_a_finding_stands_with_its_figure_its_limit_and_its_picture(mixed: Page) -> None:
    whole = mixed.said[mixed.said.index("The whole delivery") :]
    assert "0.182 m 基準 limit 0.100 m" in whole
    assert mixed.text.count('class="chart"') == 1
    assert mixed.text.index('class="chart"') < mixed.text.index('class="map"')


def test_files_come_worst_first(mixed: Page) -> None:
    names = re.findall(r'<details class="file"><summary>.*?</span> (\S+)<small>', mixed.text)
    assert names == ["a.laz", "b.laz", "c.laz"]


def test_requirements_name_their_source_and_leave_out_what_is_not_judged(mixed: Page) -> None:
    table = mixed.said[mixed.said.index("What it was judged against") :]
    assert "4 点/m²" in table
    assert "gsi_pointcloud.yaml" in table
    assert "area of one void" not in table


def test_classes_of_all_files_are_added_up(mixed: Page) -> None:
    assert "Ground" in mixed.said
    assert "2,100" in mixed.said


def test_what_files_are_called_cannot_break_the_page() -> None:
    hostile = "<script>alert(1)</script>&\"'.laz"
    finding = Finding(rule="<b>", severity="error", message=f"{hostile}: bad <i>", message_ja="悪い<i>")
    shown = page(delivery(source(hostile, finding), facts={"groups": [{"<u>": "<u>"}]}))
    assert "<script>alert" not in shown.text
    assert "<i>" not in shown.text.replace("<i class", "")
    assert shown.unbalanced == []


def test_an_empty_delivery_and_a_clean_one_are_pages_too() -> None:
    assert "All 0 files are accepted" in page(delivery()).said
    clean = page(delivery(source("one.laz")))
    assert "All 1 files are accepted" in clean.said
    assert "What to do next" not in clean.said
    assert "No limits were stated" in clean.said


def test_the_same_report_gives_the_same_page() -> None:
    report = delivery(source("a.laz", NO_CRS), pictures=(density(),))
    assert render_acceptance(report, made_at=NOW) == render_acceptance(report, made_at=NOW)


def test_five_thousand_files_give_a_page_of_a_few_megabytes_in_seconds() -> None:
    remark = Finding(rule="duplicates", severity="warning", message="some points repeat another")
    kinds = [(NO_CRS,), (remark,), (), (), ()]
    sources = [
        source(f"tile_{i:05d}.laz", *kinds[i % 5], box=[i % 70, i // 70, i % 70 + 1, i // 70 + 1]) for i in range(5000)
    ]
    started = time.process_time()
    shown = render_acceptance(delivery(*sources, pictures=(density(300, 300),)), made_at=NOW)
    assert time.process_time() - started < 20
    assert len(shown.encode()) < 12_000_000
    assert shown.count('<details class="file">') == 5000
    assert "there was no room for those of this many files: 1,600" in " ".join(Page(shown).said.split())


def test_empty_cells_are_see_through_and_low_and_high_take_the_ends_of_the_colours() -> None:
    picture = density()
    drawn = draw_map(picture)
    uri = re.search(r'href="data:image/png;base64,([^"]+)"', drawn.svg)
    assert uri is not None
    image = Image.open(io.BytesIO(base64.b64decode(uri[1])))
    assert image.size == (60, 40)
    pixels = np.asarray(image.convert("RGBA"))
    assert (pixels[5:9, 5:9, 3] == 0).all()
    assert (pixels[20:, :, 3] == 255).all()
    low = np.asarray(picture.values) < 0.05
    assert (drawn.low, drawn.high) == ("0", "12")
    assert {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in pixels[low][:, :3]} <= {SEQUENTIAL[0]}


def test_a_diverging_map_is_symmetric_about_zero() -> None:
    values = np.array([[-0.3, 0.0, 0.1]], np.float32)
    frame = Frame(column0=0, row0=0, rows=1, columns=3, resolution_m=1.0)
    drawn = draw_map(
        MapPicture(name="d", title="d", title_ja="d", frame=frame, values=values, kind="diverging", low=-0.3, high=0.3)
    )
    assert (drawn.low, drawn.middle, drawn.high) == ("−0.3", "0", "0.3")
    assert DIVERGING[2] in drawn.ramp


@pytest.mark.parametrize("colors", [SEQUENTIAL, DIVERGING[:3], DIVERGING[2:]])
def test_colours_differ_in_lightness_so_that_they_read_in_grey_and_with_any_eyes(colors: tuple[str, ...]) -> None:
    rgb = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors])
    steps = np.diff(rgb @ [0.2126, 0.7152, 0.0722])
    assert (np.abs(steps) > 15).all()
    assert len(set(np.sign(steps))) == 1


@pytest.mark.parametrize("kind", ["bars", "lines", "points"])
def test_charts_are_drawn_from_any_numbers(kind: Any) -> None:
    for x, y in (([], []), ([1.0], [2.0]), ([1.0, np.nan, 3.0], [np.inf, 1.0, -2.0]), ([3e8, 3e8 + 5], [0.0, 0.0])):
        series = Series(name="s", name_ja="s", x=np.array(x), y=np.array(y))
        svg = draw_chart(Chart(name="c", title="<c>", title_ja="c", series=(series,), kind=kind))
        assert "nan" not in svg
        assert "inf" not in svg
        assert "<c>" not in svg


def test_ticks_are_round_and_inside() -> None:
    for low, high in ((0.0, 7.3), (-0.021, 0.4), (123.0, 124.0), (3e8, 3e8 + 900)):
        found = ticks(low, high)
        assert 2 <= len(found) <= 12
        assert low - 1e-6 <= found[0]
        assert found[-1] <= high + 1e-6


def test_places_far_apart_are_ringed_and_the_page_says_so() -> None:
    values = np.full((300, 300), np.nan, np.float32)
    values[0, 0] = values[1, 1] = values[299, 299] = 4.0
    frame = Frame(column0=0, row0=0, rows=300, columns=300, resolution_m=1000.0)
    far = MapPicture(name="density", title="Density", title_ja="点密度", frame=frame, values=values)
    assert draw_map(far).svg.count('class="ring"') == 2
    assert draw_map(density()).svg.count('class="ring"') == 0
    assert "The places lie far apart" in page(delivery(pictures=(far,))).said


def test_a_file_shows_its_part_of_the_deliverys_maps_in_the_same_colours() -> None:
    whole = density(60, 80)
    west, south, _, _ = whole.frame.bounds
    part = crop(whole, (west + 20.0, south + 10.0, west + 80.0, south + 50.0))
    assert part is not None
    assert (part.low, part.high) == (0.0, 12.0)
    assert tuple(part.frame.bounds) == (west + 20.0, south + 10.0, west + 80.0, south + 50.0)
    np.testing.assert_array_equal(part.values, whole.values[60 - 25 : 60 - 5, 10:40])
    assert crop(whole, (west, south, west + 10.0, south + 10.0)) is None  # five cells
    assert crop(whole, (9e6, 9e6, 9e6 + 100, 9e6 + 100)) is None


def test_strips_stand_on_a_time_line_and_their_pairs_in_a_table() -> None:
    strips = [
        {"name": "12", "first_s": 3e8, "last_s": 3e8 + 60},
        {"name": "<13>", "first_s": 3e8 + 90, "last_s": 3e8 + 150},
    ]
    pair = {"strips": ["12", "<13>"], "n": 420, "median_m": -0.031, "rmse_m": 0.04, "p05_m": -0.05, "p95_m": 0.01}
    shown = page(delivery(source("a.laz"), facts={"groups": [{"crs": "EPSG:6677", "strips": strips, "pairs": [pair]}]}))
    assert "12 / <13> 420 −0.031 m 0.040 m" in shown.said
    assert "GPS time, s − 300,000,000" in shown.said
    assert shown.unbalanced == []
    alone = page(delivery(source("a.laz"), facts={"groups": [{"strips": [{"name": "1", "first_s": None}]}]}))
    assert "GPS time of the strips" not in alone.said


def test_limits_that_the_whole_delivery_breaks_are_among_what_to_do_and_of_one_rule_on_one_card() -> None:
    pairs = [
        Finding(
            rule="overlap_rmse", severity="error", message=f"strips {i} differ", value=0.1 * i, limit=0.05, unit="m"
        )
        for i in (3, 2, 1)
    ]
    said = page(delivery(source("a.laz"), findings=tuple(pairs))).said
    next_part = said[said.index("What to do next") : said.index("The whole delivery")]
    assert "strips 3 differ" in next_part
    assert "2 件 more" in next_part
    assert "twin adjust" in next_part
    whole = said[said.index("The whole delivery") :]
    assert whole.count("Strip differences, RMSE") == 1
    assert all(f"strips {i} differ" in whole for i in (1, 2, 3))


def test_a_histogram_is_cut_at_thin_tails_and_says_how_much_is_left_out() -> None:
    x = np.arange(-500, 501) * 0.005
    y = np.where(np.abs(x) < 0.1, 1000.0, 0.01)
    histogram = Series(name="s", name_ja="s", x=x, y=y)
    svg = draw_chart(Chart(name="c", title="c", title_ja="c", series=(histogram,)))
    assert svg.count("<rect") == 39
    assert "… 0.02%" in svg


def test_a_bare_count_says_what_it_counts() -> None:
    stray = Finding(rule="strays", severity="warning", message="stray points", value=42.0)
    assert "42 格子 cells" in page(delivery(source("a.laz"), findings=(stray,))).said
