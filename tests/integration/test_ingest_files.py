"""Real files: right results, or one line that says why not, quickly."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import laspy
import numpy as np
import pytest
from pyproj import CRS, Transformer

from pipelines.acceptance import check_source
from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

NAVD88 = "EPSG:5703"
EDGE_FILES: dict[str, str] = {
    "append_bug_1km.laz": "accepted",
    "axis_order_4326.las": "coordinates are in degrees",
    "bad_geotiff_keys.las": "accepted_with_remarks",
    "bad_vlr_count.las": "accepted_with_remarks",
    "degrees_epsg4326.las": "coordinates are in degrees",
    "duplicate_points_10m.laz": "accepted",
    "evlr_las14.las": "coordinates are in US survey feet",
    "extrabytes.las": "names no coordinate reference system",
    "lots_of_vlr.las": "name no EPSG code; give the CRS with --crs",
    "pf0_las10_1pt.las": "accepted_with_remarks",
    "pf1_las11_1pt.las": "accepted_with_remarks",
    "pf2_las12_1pt.las": "accepted_with_remarks",
    "pf3_las12_1pt.las": "accepted_with_remarks",
    "pf4_waveform_las13.las": "name no EPSG code; give the CRS with --crs",
    "single_point_nocrs.laz": "names no coordinate reference system",
    "small.copc.laz": "heights are above EPSG:6360, --vertical says EPSG:5703",
    "truncated_one_point_short.las": "promises 1065 points, the file holds 1064: 1 missing",
    "unregistered_extra_bytes.las": "names no coordinate reference system",
    "us_feet_water_overlap.las": "EPSG:26995 (in metre) and linear unit US survey foot",
    "us_survey_feet_rgb_pf7.las": "coordinates are in feet",
    "zero_points.las": "accepted_with_remarks",
}
"""What a check told only ``--vertical EPSG:5703`` says of each: the verdict, or a part of the reason."""

TOLD = {"vertical": NAVD88}


@pytest.mark.parametrize("name", sorted(EDGE_FILES))
def test_every_edge_file_ends_in_a_verdict_in_seconds(shared_data: Path, name: str) -> None:
    path = shared_data / "edge" / name
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    report = check_source(path, **TOLD)
    assert time.process_time() - started < 5.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
    first = report.findings[0]
    assert EDGE_FILES[name] == report.verdict or (report.verdict == "refused" and EDGE_FILES[name] in first.message)
    assert first.message.startswith(name)
    assert all("\n" not in finding.message for finding in report.findings)


def test_every_edge_file_is_in_the_table(shared_data: Path) -> None:
    assert sorted(EDGE_FILES) == sorted(path.name for path in (shared_data / "edge").iterdir())


@pytest.mark.parametrize(
    ("crs", "is_taken"), [("EPSG:26995", True), ("EPSG:2255", True), ("EPSG:6677", False), ("EPSG:2994", False)]
)
def test_contradictory_keys_yield_only_to_a_crs_that_agrees_with_one_of_them(
    shared_data: Path, crs: str, is_taken: bool
) -> None:
    told = IngestParams(crs=crs, vertical="EPSG:6360", convert=True)
    report = check_source(shared_data / "edge" / "us_feet_water_overlap.las", params=told)
    assert (report.verdict != "refused") is is_taken
    assert any("agrees with neither" in finding.message for finding in report.findings) is not is_taken


def test_all_edge_files_at_once_give_whole_tiles_or_none(shared_data: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "s", crs=parse_crs("EPSG:26915"), vertical=VerticalDatum.parse(NAVD88))
    files = sorted((shared_data / "edge").iterdir())
    summary = ingest(store, files, IngestParams(**TOLD), Sequential())
    taken = {row.uri: row for row in store.manifest.sources() if row.state == "done"}
    assert {uri.rsplit("/", 1)[1] for uri in taken} == {
        "pf0_las10_1pt.las", "pf1_las11_1pt.las", "pf2_las12_1pt.las", "pf3_las12_1pt.las", "zero_points.las",
    }  # fmt: skip
    assert len(summary.refused) == len(files) - 5
    assert sum(row.n_points for row in store.tiles()) == summary.points == 4
    assert verify_store(store) == []


@pytest.mark.parametrize(
    ("name", "vertical", "target", "height_unit_m"),
    [
        ("degrees_epsg4326.las", NAVD88, "EPSG:32610", 1.0),
        ("evlr_las14.las", NAVD88, "EPSG:2825", 1.0),
        ("us_survey_feet_rgb_pf7.las", "EPSG:6360", "EPSG:2993", 1200 / 3937),
        ("small.copc.laz", None, "EPSG:26910", 1200 / 3937),
    ],
)
def test_feet_and_degrees_are_converted_on_request(  # noqa: PLR0913 - one row of the table
    shared_data: Path, tmp_path: Path, name: str, vertical: str | None, target: str, height_unit_m: float
) -> None:
    path = shared_data / "edge" / name
    crs = parse_crs(target)
    store = Store.create(tmp_path / "s", crs=crs, vertical=VerticalDatum.parse(NAVD88))
    summary = ingest(store, [path], IngestParams(vertical=vertical, convert=True), Sequential())
    assert summary.refused == ()
    stored = Points.concatenate([store.read_tile(row.tile, ("source_index",)) for row in store.tiles()])
    stored = stored.take(np.argsort(stored["source_index"]))
    las = laspy.read(path)
    assert len(stored) == len(las.points)
    np.testing.assert_allclose(stored.z, np.asarray(las.z) * height_unit_m, atol=0.00051)
    header_crs = las.header.parse_crs()
    source = header_crs.sub_crs_list[0] if header_crs.is_compound else header_crs
    way = Transformer.from_crs(source, CRS.from_user_input(crs.wkt), always_xy=True)
    x, y = way.transform(np.asarray(las.x), np.asarray(las.y))
    np.testing.assert_allclose(stored.x, x, atol=0.00051)
    np.testing.assert_allclose(stored.y, y, atol=0.00051)
    assert store.manifest.sources()[0].meta["converted"]


@pytest.fixture(scope="module")
def delft(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    crs = parse_crs("EPSG:7415")
    assert crs.vertical is not None
    store = Store.create(tmp_path_factory.mktemp("delft") / "s", crs=crs, vertical=crs.vertical)
    files = sorted((shared_data / "lidar").glob("delft_ahn3_*.laz"))
    summary = ingest(store, files, IngestParams(crs="EPSG:7415"), Sequential())
    assert summary.points == 848_942
    return store


def test_the_delft_store_holds_exactly_what_was_delivered(delft: Store, shared_data: Path) -> None:
    assert sum(row.n_points for row in delft.tiles()) == 848_942
    names = ("source", "source_index", "classification", "gps_time", "scan_angle", "intensity")
    points = Points.concatenate([delft.read_tile(row.tile, names) for row in delft.tiles()])
    for number, letter in enumerate("ab"):
        las = laspy.read(shared_data / "lidar" / f"delft_ahn3_{letter}.laz")
        mine = points.take(points["source"] == number)
        mine = mine.take(np.argsort(mine["source_index"]))
        for axis in "xyz":
            np.testing.assert_allclose(getattr(mine, axis), np.asarray(las[axis]), rtol=0, atol=1e-6)
        for name in ("classification", "gps_time", "intensity"):
            np.testing.assert_array_equal(mine[name], np.asarray(las[name]))
        assert delft.manifest.sources()[number].meta["classes"] == {
            str(code): int(n) for code, n in enumerate(np.bincount(las.classification)) if n
        }


def test_a_delft_tile_takes_a_few_bytes_a_point(delft: Store) -> None:
    n_bytes = sum(path.stat().st_size for path in (delft.path / "points").rglob("*") if path.is_file())
    assert n_bytes / 848_942 < 9.5


def test_files_in_another_system_are_refused_one_by_one(delft: Store, shared_data: Path) -> None:
    french = shared_data / "lidar" / "fr_occitanie_urban_77050_627755.laz"
    summary = ingest(delft, [french], IngestParams(vertical="EPSG:5720"), Sequential())
    assert [entry["reason"] for entry in summary.refused] == [
        f"{french.name}: in EPSG:2154, the store is in EPSG:28992; convert on request with --convert"
    ]
