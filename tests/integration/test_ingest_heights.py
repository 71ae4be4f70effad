"""Heights come into a store above its own datum through the grids that are given, or not at all."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyproj import Transformer

from pipelines.executors import Sequential, Threads
from pipelines.ingest import IngestParams, ingest
from pipelines.ingest.gate import examine
from pipelines.ingest.geoids import declared_geoids
from tiles.las import LasParams, write_las
from tiles.store import Store
from twin.cli import derive
from twin.cli.project import ingest_options
from twin.config import resolve
from twin.crs import parse_crs
from twin.errors import ConfigError
from twin.points import Points
from twin.project import Project
from twin.vertical import TP, VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pipelines.ingest import IngestSummary

PLANE = parse_crs("EPSG:6677")
WEST, SOUTH, STEP_LON, STEP_LAT = 139.5, 35.4, 0.025, 1 / 60
ROWS, COLUMNS = 25, 25
JGD2024, JGD2011 = VerticalDatum("TP", "JGD2024"), VerticalDatum("TP", "JGD2011")


def undulation(offset_m: float = 0.0) -> NDArray[np.float64]:
    """A geoid about as high and as steep as Tokyo's, shape (rows, columns) from the south-west."""
    row, column = np.mgrid[:ROWS, :COLUMNS]
    return np.round(36.7 + offset_m + 0.013 * row - 0.021 * column + 0.05 * np.sin(row * column / 40), 4)


def gtx(path: Path, values: NDArray[np.float64]) -> Path:
    header = struct.pack(">4d2i", SOUTH, WEST, STEP_LAT, STEP_LON, *values.shape)
    path.write_bytes(header + values.astype(">f4").tobytes())
    return path


def isg(path: Path, values: NDArray[np.float64], model: str) -> Path:
    north, east = SOUTH + STEP_LAT * (ROWS - 1), WEST + STEP_LON * (COLUMNS - 1)
    head = f"""begin_of_head ================
model name     : {model}
data units     : meters
data format    : grid
data ordering  : N-to-S, W-to-E
coord type     : geodetic
coord units    : deg
lat min        = {SOUTH:.8f}
lat max        = {north:.8f}
lon min        = {WEST:.8f}
lon max        = {east:.8f}
delta lat      = {STEP_LAT:.8f}
delta lon      = {STEP_LON:.8f}
nrows          = {ROWS}
ncols          = {COLUMNS}
nodata         = -9999.0000
ISG format     = 2.0
end_of_head ==================
"""
    path.write_text(head + "\n".join(" ".join(f"{value:.4f}" for value in row) for row in values[::-1]) + "\n")
    return path


def cloud(n: int = 800, shift: float = 0.0) -> Points:
    random = np.random.default_rng(3)
    x, y = (np.round(random.uniform(0, 4000, n), 3) for _ in range(2))
    z = np.round(random.uniform(30, 80, n), 3)
    ones = np.ones(n, np.uint8)
    attributes = {"intensity": np.arange(n).astype(np.uint16), "return_number": ones, "number_of_returns": ones}
    return Points(x=x - 9000.0 + shift, y=y - 37_000.0, z=z, attributes=attributes)


def survey(folder: Path, name: str = "a.laz", shift: float = 0.0) -> Path:
    write_las(folder / name, cloud(shift=shift), LasParams(), crs=PLANE)
    return folder / name


def taken(folder: Path, vertical: VerticalDatum, params: IngestParams, *files: Path) -> tuple[Store, IngestSummary]:
    store = Store.create(folder / "store", crs=PLANE, vertical=vertical, tile_edge_m=1024.0)
    return store, ingest(store, list(files), params, Sequential())


def heights(store: Store) -> NDArray[np.float64]:
    """Heights of all points in the order of the file."""
    parts = [store.read_tile(row.tile, ["intensity"]) for row in store.tiles()]
    z, order = np.concatenate([part.z for part in parts]), np.concatenate([part["intensity"] for part in parts])
    return z[np.argsort(order)]


def by_proj(path: Path) -> NDArray[np.float64]:
    """What PROJ makes of the same points with the same grid: the ellipsoidal height less the undulation."""
    points = cloud()
    longitude, latitude = Transformer.from_crs(6677, 6668, always_xy=True).transform(points.x, points.y)
    pipeline = (
        f"+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +inv +proj=vgridshift +grids={path}"
    )
    _, _, above = Transformer.from_pipeline(pipeline).transform(longitude, latitude, points.z)
    difference = np.abs(above - points.z)
    return points.z - difference


def test_ellipsoidal_heights_come_out_as_proj_computes_them(tmp_path: Path) -> None:
    grid = gtx(tmp_path / "g.gtx", undulation())
    store, summary = taken(
        tmp_path, JGD2024, IngestParams(vertical="ellipsoidal", geoid=(f"TP@JGD2024={grid}",)), survey(tmp_path)
    )
    assert not summary.refused
    assert heights(store) == pytest.approx(by_proj(grid), abs=0.0006)  # a millimetre's rounding in the store
    assert -8 < heights(store).min() < 0


def test_without_the_grid_they_are_refused_with_its_name(tmp_path: Path) -> None:
    store, summary = taken(tmp_path, JGD2024, IngestParams(vertical="ellipsoidal", convert=True), survey(tmp_path))
    assert not store.tiles()
    assert all(word in summary.refused[0]["reason"] for word in ("a.laz", "ellipsoidal", "JPGEO2024.isg", "--geoid"))


def test_the_grid_of_another_country_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("4.36,52.01,45.1\n4.361,52.011,45.2\n")
    store = Store.create(tmp_path / "store", crs=parse_crs("EPSG:25831"), vertical=VerticalDatum("EPSG:5709"))
    params = IngestParams(crs="EPSG:4937", convert=True, columns="x,y,z")
    summary = ingest(store, [tmp_path / "a.csv"], params, Sequential())
    assert "nl_nsgi_nlgeo2018.tif" in summary.refused[0]["reason"]


def test_a_file_with_three_axes_says_itself_that_it_is_ellipsoidal(tmp_path: Path) -> None:
    points = cloud()
    longitude, latitude = Transformer.from_crs(6677, 6668, always_xy=True).transform(points.x, points.y)
    geographic = Points(x=longitude, y=latitude, z=points.z, attributes=points.attributes)
    rows = zip(geographic.x, geographic.y, geographic.z, points["intensity"], strict=True)
    (tmp_path / "a.csv").write_text(
        "x,y,z,intensity\n" + "".join(f"{x:.9f},{y:.9f},{z:.3f},{i}\n" for x, y, z, i in rows)
    )
    grid = isg(tmp_path / "g.isg", undulation(), "JPGEO2024")
    store, summary = taken(
        tmp_path, JGD2024, IngestParams(crs="EPSG:6667", convert=True, geoid=(str(grid),)), tmp_path / "a.csv"
    )
    assert not summary.refused
    assert heights(store) == pytest.approx(by_proj(gtx(tmp_path / "g.gtx", undulation())), abs=0.0007)


def test_the_grid_is_in_the_lineage_and_in_the_words_of_info(tmp_path: Path) -> None:
    grid = isg(tmp_path / "renamed.isg", undulation(), "JPGEO2024")
    store, _ = taken(tmp_path, TP, IngestParams(vertical="ellipsoidal", geoid=(str(grid),)), survey(tmp_path))
    (way,) = derive.converted_heights(store)
    assert (way["from"], way["to"], way["sources"]) == ("ellipsoidal", "TP", 1)
    assert [(entry["model"], entry["file"], len(entry["digest"])) for entry in way["grids"]] == [
        ("JPGEO2024", "renamed.isg", 32)
    ]
    (line,) = derive.height_lines([way])
    assert "JPGEO2024 (renamed.isg" in line


def test_epochs_of_the_geoid_are_bridged_by_both_geoids_or_by_a_correction(tmp_path: Path) -> None:
    old, new = (
        isg(tmp_path / "o.isg", undulation(), "GSIGEO2011"),
        isg(tmp_path / "n.isg", undulation(0.12), "JPGEO2024"),
    )
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
    file = survey(tmp_path)
    both, _ = taken(tmp_path / "a", JGD2024, IngestParams(vertical="TP@JGD2011", geoid=(str(old), str(new))), file)
    assert heights(both) == pytest.approx(cloud().z - 0.12, abs=0.0006)
    correction = gtx(tmp_path / "c.gtx", np.full((ROWS, COLUMNS), 0.12))
    said = f"TP@JGD2011/TP@JGD2024={correction}"
    one, _ = taken(tmp_path / "b", JGD2024, IngestParams(vertical="TP@JGD2011", geoid=(said,)), file)
    assert heights(one) == pytest.approx(heights(both), abs=0.0011)
    _, refused = taken(tmp_path / "c", JGD2024, IngestParams(vertical="TP@JGD2011", convert=True), file)
    assert "hyokorevBM_jgd2024_h.par" in refused.refused[0]["reason"]


def test_an_island_has_its_zero_from_the_grid_that_the_user_names(tmp_path: Path) -> None:
    geoid = isg(tmp_path / "JPGEO2024.isg", undulation(), "JPGEO2024")
    island = isg(tmp_path / "Hrefconv2024.isg", np.full((ROWS, COLUMNS), 0.667), "Hrefconv2024")
    told = (str(geoid), f"local:hachijojima={island}")
    (tmp_path / "a").mkdir()
    store, summary = taken(
        tmp_path / "a",
        VerticalDatum("local:hachijojima"),
        IngestParams(vertical="ellipsoidal", geoid=told),
        survey(tmp_path),
    )
    assert not summary.refused
    assert heights(store) == pytest.approx(by_proj(gtx(tmp_path / "g.gtx", undulation())) - 0.667, abs=0.0011)
    _, refused = taken(
        tmp_path, VerticalDatum("local:hachijojima"), IngestParams(vertical="TP@JGD2024"), survey(tmp_path)
    )
    assert "Hrefconv2024.isg" in refused.refused[0]["reason"]


def test_two_models_that_both_lead_there_are_not_chosen_from(tmp_path: Path) -> None:
    old, new = (
        isg(tmp_path / "o.isg", undulation(), "GSIGEO2011"),
        isg(tmp_path / "n.isg", undulation(0.12), "JPGEO2024"),
    )
    _, summary = taken(tmp_path, TP, IngestParams(vertical="ellipsoidal", geoid=(str(old), str(new))), survey(tmp_path))
    assert "GSIGEO2011 or JPGEO2024" in summary.refused[0]["reason"]


def test_a_second_grid_counts_where_the_first_has_no_value(tmp_path: Path) -> None:
    holed = undulation()
    holed[:, COLUMNS // 2 :] = -88.8888
    first, second = gtx(tmp_path / "1.gtx", holed), gtx(tmp_path / "2.gtx", undulation())
    told = tuple(f"TP@JGD2024={path}" for path in (first, second))
    store, summary = taken(tmp_path, JGD2024, IngestParams(vertical="ellipsoidal", geoid=told), survey(tmp_path))
    assert not summary.refused
    assert heights(store) == pytest.approx(by_proj(second), abs=0.0006)


@pytest.mark.parametrize("shift", [-90_000.0, -33_000.0], ids=["outside", "half outside"])
def test_a_file_that_leaves_the_grid_is_refused_and_the_others_are_not(tmp_path: Path, shift: float) -> None:
    grid = gtx(tmp_path / "g.gtx", undulation())
    params = IngestParams(vertical="ellipsoidal", geoid=(f"TP@JGD2024={grid}",), chunk_rows=300)
    files = (survey(tmp_path, "far.laz", shift), survey(tmp_path, "near.laz"))
    store, summary = taken(tmp_path, JGD2024, params, *files)
    (refused,) = summary.refused
    assert refused["uri"].endswith("far.laz")
    assert all(word in refused["reason"] for word in ("g.gtx", "139.5 to 140.1 E", "no value"))
    assert sum(row.n_points for row in store.tiles()) == 800


def test_a_void_in_the_grid_is_not_bridged(tmp_path: Path) -> None:
    holed = undulation()
    holed[16:19, 8:11] = -88.8888
    grid = gtx(tmp_path / "g.gtx", holed)
    _, summary = taken(
        tmp_path, JGD2024, IngestParams(vertical="ellipsoidal", geoid=(f"TP@JGD2024={grid}",)), survey(tmp_path)
    )
    assert "no value" in summary.refused[0]["reason"]


def test_workers_and_cuts_do_not_change_a_height(tmp_path: Path) -> None:
    grid = gtx(tmp_path / "g.gtx", undulation())
    file, found = survey(tmp_path), []
    for name, executor, chunk_rows in (("a", Sequential(), 1000), ("b", Threads(2), 130)):
        store = Store.create(tmp_path / name, crs=PLANE, vertical=JGD2024, tile_edge_m=1024.0)
        told = IngestParams(
            vertical="ellipsoidal", geoid=(f"TP@JGD2024={grid}",), chunk_rows=chunk_rows, rows_per_task=400
        )
        ingest(store, [file], told, executor)
        found.append(heights(store))
    assert np.array_equal(*found)


def test_depths_count_down_from_the_charts_zero(tmp_path: Path) -> None:
    params = IngestParams(vertical="local:tokyo-tide-table", depths=True, convert=True, kind="multibeam")
    store, summary = taken(tmp_path, JGD2024, params, survey(tmp_path))
    assert not summary.refused
    assert heights(store) == pytest.approx(-cloud().z - 1.141, abs=0.0006)
    assert derive.converted_heights(store)[0]["depths"] is True


def test_depths_that_are_negative_already_are_refused(tmp_path: Path) -> None:
    points = cloud()
    write_las(tmp_path / "a.laz", Points(x=points.x, y=points.y, z=-points.z, attributes=points.attributes), crs=PLANE)
    _, summary = taken(tmp_path, TP, IngestParams(vertical="TP", depths=True), tmp_path / "a.laz")
    assert "count up already" in summary.refused[0]["reason"]


def test_a_table_of_the_user_goes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "datums:\n  local:hachijojima: {above: TP@JGD2024, zero_m: 0.25, source: levelling of a test}\n"
    )
    params = IngestParams(vertical="local:hachijojima", convert=True, datums=str(tmp_path / "mine.yaml"))
    store, _ = taken(tmp_path, JGD2024, params, survey(tmp_path))
    assert heights(store) == pytest.approx(cloud().z + 0.25, abs=0.0006)


def test_a_grid_that_cannot_be_read_is_told_once_before_any_file(tmp_path: Path) -> None:
    (tmp_path / "g.gtx").write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match="no grid that is known"):
        taken(tmp_path, TP, IngestParams(vertical="ellipsoidal", geoid=(str(tmp_path / "g.gtx"),)), survey(tmp_path))


def test_heights_of_another_ellipsoid_are_refused(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", cloud(), crs=parse_crs("EPSG:30169"))  # Tokyo Datum, Bessel's ellipsoid
    store = Store.create(tmp_path / "store", crs=parse_crs("EPSG:30169"), vertical=JGD2024, tile_edge_m=1024.0)
    grid = gtx(tmp_path / "g.gtx", undulation())
    summary = ingest(
        store,
        [tmp_path / "a.laz"],
        IngestParams(vertical="ellipsoidal", geoid=(f"TP@JGD2024={grid}",), anywhere=True),
        Sequential(),
    )
    assert "Bessel" in summary.refused[0]["reason"]


def test_a_file_that_names_the_code_of_jgd2011_does_not_pass_for_jgd2024(tmp_path: Path) -> None:
    write_las(tmp_path / "a.laz", cloud(), crs=PLANE, vertical=TP)  # EPSG:6695
    _, summary = taken(tmp_path, JGD2024, IngestParams(), tmp_path / "a.laz")
    assert "JGD2011" in summary.refused[0]["reason"]
    (tmp_path / "b").mkdir()
    store, told = taken(tmp_path / "b", JGD2024, IngestParams(vertical="TP@JGD2024"), tmp_path / "a.laz")
    assert not told.refused
    assert heights(store) == pytest.approx(cloud().z, abs=1e-9)


def test_a_file_of_jgd2024_is_written_and_read_with_its_code(tmp_path: Path) -> None:
    for name, params in (("a.laz", LasParams()), ("b.las", LasParams(point_format=3))):
        write_las(tmp_path / name, cloud(), params, crs=PLANE, vertical=JGD2024)
        (tmp_path / name[0]).mkdir()
        _, summary = taken(tmp_path / name[0], JGD2011, IngestParams(), tmp_path / name)
        assert "TP@JGD2024" in summary.refused[0]["reason"]


@pytest.mark.parametrize(("vertical", "doubted"), [("TP", True), ("ellipsoidal", False)])
def test_a_sonar_survey_above_the_sea_is_doubted(tmp_path: Path, vertical: str, doubted: bool) -> None:
    examined = examine(survey(tmp_path), IngestParams(vertical=vertical, kind="multibeam"))
    assert any("--depths" in finding.message for finding in examined.findings) is doubted
    assert examined.refusal is None


def test_one_grid_may_be_written_without_a_list() -> None:
    assert resolve(IngestParams, [("project.yaml", {"geoid": "g.gtx"})], "ingest").geoid == ("g.gtx",)
    assert resolve(IngestParams, [("project.yaml", {"geoid": ["g.gtx", "h.gtx"]})], "ingest").geoid == (
        "g.gtx",
        "h.gtx",
    )


def test_a_project_finds_the_grids_beside_it(tmp_path: Path) -> None:
    (tmp_path / "grids").mkdir()
    grid = gtx(tmp_path / "grids" / "g.gtx", undulation())
    content = {"name": "a", "crs": "EPSG:6677", "vertical": "TP", "sources": [], "ingest": {"geoid": "TP=grids/g.gtx"}}
    told = ingest_options(Project.from_mapping(content, tmp_path / "project.yaml"))
    assert declared_geoids(told["geoid"])[0].path == str(grid)
