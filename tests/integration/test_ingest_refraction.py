"""Files declared uncorrected for refraction come in with true depths and a record of it; others stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from pipelines.refraction import water_index
from tiles.las_write import LasParams, write_las
from tiles.store import Store
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CRS = parse_crs("EPSG:6677")
LEVEL_M, START_S = 0.25, 1000.0
SPEED_M_S, ALTITUDE_M = 60.0, 400.0
CORNER = (-7000.0, -36000.0)


def flight() -> tuple[Points, NDArray[np.float64]]:
    """Returns as an uncorrected file has them, and their true places: the law of refraction forwards."""
    rng = np.random.default_rng(5)
    n = 3000
    time = np.sort(rng.uniform(0.0, 2.0, n))
    sensor = np.stack([CORNER[0] + SPEED_M_S * time, np.full(n, CORNER[1]), np.full(n, LEVEL_M + ALTITUDE_M)], axis=1)
    angle, bearing = np.radians(rng.uniform(2, 22, n)), rng.uniform(0, 2 * np.pi, n)
    ray = np.stack([np.sin(angle) * np.cos(bearing), np.sin(angle) * np.sin(bearing), -np.cos(angle)], axis=1)
    entry = sensor + ray * (ALTITUDE_M / np.cos(angle))[:, None]
    index, depth = water_index("sea", 15.0), rng.uniform(0.5, 12.0, n)
    bent = np.arcsin(np.sin(angle) / index.phase)
    aside = (np.tan(bent) * depth)[:, None] * np.stack([np.cos(bearing), np.sin(bearing)], axis=1)
    true = np.concatenate([entry[:, :2] + aside, (LEVEL_M - depth)[:, None]], axis=1)
    apparent = entry + ray * (depth / np.cos(bent) * index.group)[:, None]
    dry = rng.random(n) < 0.2
    true[dry] = apparent[dry] = entry[dry] + [0.0, 0.0, 3.0]
    points = Points(x=apparent[:, 0], y=apparent[:, 1], z=apparent[:, 2]).with_attributes(
        gps_time=time + START_S, scan_angle=np.rint(np.degrees(angle) / 0.006).astype(np.int16)
    )
    return points, true


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, NDArray[np.float64]]:
    points, true = flight()
    write_las(tmp_path / "flight.laz", points, LasParams(), crs=CRS, vertical=TP)
    fixes = [
        f"{START_S + t},{CORNER[0] + SPEED_M_S * t},{CORNER[1]},{LEVEL_M + ALTITUDE_M}" for t in np.arange(-1, 4, 1)
    ]
    (tmp_path / "flight.csv").write_text("\n".join(["time,x,y,z", *fixes]))
    return tmp_path / "flight.laz", tmp_path / "flight.csv", true


def taken(
    files: tuple[Path, Path, NDArray[np.float64]], **options: Any
) -> tuple[NDArray[np.float64], dict[str, Any], str]:
    """Coordinates in the order of the file, the source's record, and why it was refused."""
    store = Store.create(files[0].parent / "store.twin", crs=CRS, vertical=TP)
    ingest(store, [files[0]], IngestParams(kind="bathymetry", **options), Sequential())
    source = store.manifest.sources()[0]
    clouds = [store.read_tile(row.tile, ("source_index",)) for row in store.tiles()]
    if not clouds:
        return np.empty((0, 3)), {}, source.reason
    cloud = Points.concatenate(clouds)
    order = np.argsort(cloud["source_index"])
    return np.stack([cloud.x, cloud.y, cloud.z], axis=1)[order], dict(source.meta), ""


def test_with_a_trajectory_every_point_comes_back_to_its_place(files: tuple[Path, Path, NDArray[np.float64]]) -> None:
    found, record, _ = taken(files, refraction="uncorrected", water_level_m=LEVEL_M, trajectory=str(files[1]))
    np.testing.assert_allclose(found, files[2], atol=0.003)
    assert record["refraction"]["level_m"] == LEVEL_M
    assert record["refraction"]["beam"] == "trajectory flight.csv"


def test_with_scan_angles_depths_alone_come_back(files: tuple[Path, Path, NDArray[np.float64]]) -> None:
    found, record, _ = taken(files, refraction="uncorrected", water_level_m=LEVEL_M)
    np.testing.assert_allclose(found[:, 2], files[2][:, 2], atol=0.003)
    assert abs(found[:, :2] - files[2][:, :2]).max() > 1.0
    assert record["refraction"]["beam"] == "scan angle: depths only"


def test_what_nobody_declares_stays_as_delivered_and_so_does_what_lies_outside_the_water(
    files: tuple[Path, Path, NDArray[np.float64]],
) -> None:
    delivered, _ = flight()
    found, record, _ = taken(files)
    np.testing.assert_allclose(found[:, 2], delivered.z, atol=0.001)
    assert record["refraction"] == {}


def test_an_outline_of_the_water_keeps_low_land_where_it_is(files: tuple[Path, Path, NDArray[np.float64]]) -> None:
    import geopandas

    delivered, _ = flight()
    west = shapely.box(CORNER[0] - 500, CORNER[1] - 500, CORNER[0] + 50, CORNER[1] + 500)
    geopandas.GeoDataFrame(geometry=[west], crs=CRS.code).to_file(files[0].parent / "sea.gpkg")
    area = str(files[0].parent / "sea.gpkg")
    found, _, _ = taken(files, refraction="uncorrected", water_level_m=LEVEL_M, water_area=area)
    inside = delivered.x < CORNER[0] + 50
    np.testing.assert_allclose(found[inside, 2], files[2][inside, 2], atol=0.003)
    np.testing.assert_allclose(found[~inside, 2], delivered.z[~inside], atol=0.001)


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "height of the water surface is not known"),
     ({"water_level_m": 0.25, "trajectory": "none.csv"}, "none.csv"),
     ({"water_level_m": 0.25, "late": True}, "is it of this flight")],
    ids=["no level", "no trajectory", "another flight"],
)  # fmt: skip
def test_what_is_missing_is_refused_in_a_sentence(
    files: tuple[Path, Path, NDArray[np.float64]], options: dict[str, Any], message: str
) -> None:
    if options.pop("late", False):
        files[1].write_text("9000,0,0,400\n9001,60,0,400\n")
        options["trajectory"] = str(files[1])
    found, _, reason = taken(files, refraction="uncorrected", **options)
    assert len(found) == 0
    assert message in reason
