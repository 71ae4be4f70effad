"""A way from one CRS to another is the best that is known, or an error that names the missing grid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from tiles.cog import write_cog
from tiles.vectors import read_shapes
from twin.bounds import Bounds
from twin.crs import parse_crs, vertical_crs
from twin.errors import CrsError
from twin.raster import Frame, Raster
from twin.transforms import accurate_transformer, known_geoid_grids
from twin.vertical import ELLIPSOIDAL, VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

TOKYO = (139.74, 35.67, 139.76, 35.69)
PLANE = parse_crs("EPSG:6677")


def test_a_missing_grid_is_named_and_nothing_is_moved_without_it() -> None:
    with pytest.raises(CrsError, match=r"tky2jgd\.gsb.*PROJ_DATA"):
        accurate_transformer(parse_crs("EPSG:4301"), PLANE, TOKYO)


def test_where_the_ground_moved_the_correction_is_needed_and_elsewhere_it_is_not() -> None:
    old, sendai, osaka = parse_crs("EPSG:4612"), (140.8, 38.2, 140.9, 38.3), (135.4, 34.6, 135.5, 34.7)
    with pytest.raises(CrsError, match="touhokutaiheiyouoki2011"):
        accurate_transformer(old, parse_crs("EPSG:6678"), sendai)
    there = accurate_transformer(old, parse_crs("EPSG:6674"), osaka)
    assert np.isfinite(there.transform(135.45, 34.65)).all()


def test_a_less_accurate_way_is_taken_only_where_it_is_accepted() -> None:
    etrs, rd, box = parse_crs("EPSG:4258"), parse_crs("EPSG:28992"), (4.3, 51.9, 4.4, 52.0)
    with pytest.raises(CrsError, match=r"nl_nsgi_rdtrans2018\.tif.*0\.25 m"):
        accurate_transformer(etrs, rd, box)
    x, y = accurate_transformer(etrs, rd, box, accept_m=0.5).transform(4.35, 52.0)
    assert (x, y) == pytest.approx((83_774.9, 446_244.1), abs=0.5)


@pytest.mark.parametrize(
    ("source", "target", "box"),
    [
        ("EPSG:4326", "EPSG:6677", TOKYO),
        ("EPSG:3857", "EPSG:6677", (15_556_463.0, 4_256_000.0, 15_556_500.0, 4_256_100.0)),
        ("EPSG:6677", "EPSG:6678", (0.0, 0.0, 100.0, 100.0)),
        ("EPSG:32631", "EPSG:2154", (448_000.0, 4_983_000.0, 448_100.0, 4_983_100.0)),
    ],
)
def test_where_the_best_is_installed_it_is_what_proj_computes(
    source: str, target: str, box: tuple[float, float, float, float]
) -> None:
    found = accurate_transformer(parse_crs(source), parse_crs(target), box).transform(box[0], box[1])
    wanted = Transformer.from_crs(source, target, always_xy=True).transform(box[0], box[1])
    assert found == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("crs", "code", "grid"),
    [("EPSG:6346", 5703, "us_noaa_g2018u0.tif"), ("EPSG:4258", 5709, "nl_nsgi_nlgeo2018.tif"), ("EPSG:4258", 5783, "")],
)
def test_the_grid_of_a_geoid_is_named_where_proj_knows_it(crs: str, code: int, grid: str) -> None:
    assert known_geoid_grids(parse_crs(crs), code)[:1] == ((grid,) if grid else ())


def test_systems_that_have_nothing_in_common_are_refused() -> None:
    with pytest.raises(CrsError, match="no accurate way"):
        accurate_transformer(PLANE, parse_crs("EPSG:2993"), (0.0, 0.0, 10.0, 10.0))


def test_outlines_are_not_moved_by_a_guess_either(tmp_path: Path) -> None:
    ring = [[139.75, 35.68], [139.751, 35.68], [139.751, 35.681], [139.75, 35.68]]
    feature = {"type": "Feature", "properties": {"id": "a"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(CrsError, match=r"tky2jgd\.gsb"):
        read_shapes(tmp_path / "a.geojson", PLANE, crs="EPSG:4301")


@pytest.mark.parametrize(
    ("text", "flat"), [("EPSG:11318", "EPSG:6668"), ("epsg:11327", "EPSG:6677"), ("EPSG:6677+11317", "EPSG:6677")]
)
def test_codes_of_jgd2024_are_read_whatever_proj_knows(text: str, flat: str) -> None:
    crs = parse_crs(text)
    assert (crs.code, crs.vertical) == (flat, VerticalDatum("TP", "JGD2024"))
    assert crs.wkt == parse_crs(flat).wkt


def test_wkt_of_jgd2024_is_read_by_its_code(tmp_path: Path) -> None:
    wkt = f'COMPOUNDCRS["a + b",{PLANE.wkt},{vertical_crs(11317).to_wkt("WKT2_2019")}]'
    assert parse_crs(wkt).vertical == VerticalDatum("TP", "JGD2024")
    assert parse_crs(wkt).code == "EPSG:6677"


def test_a_picture_of_jgd2024_heights_keeps_them_in_its_crs(tmp_path: Path) -> None:
    frame = Frame.covering(Bounds(xmin=0, ymin=0, xmax=64, ymax=64), 1.0)
    for vertical in (VerticalDatum("TP", "JGD2024"), VerticalDatum("TP")):
        raster = Raster(values=np.ones(frame.shape, np.float32), frame=frame, crs=PLANE.wkt, vertical=vertical)
        write_cog(tmp_path / "a.tif", raster)
        with rasterio.open(tmp_path / "a.tif") as file:
            assert parse_crs(file.crs.to_wkt()).vertical == vertical


@pytest.mark.parametrize(("text", "flat"), [("EPSG:6667", "EPSG:6668"), ("EPSG:4979", "EPSG:4326")])
def test_a_third_axis_is_the_height_above_the_ellipsoid(text: str, flat: str) -> None:
    crs = parse_crs(text)
    assert (crs.code, crs.vertical, crs.height_unit) == (flat, ELLIPSOIDAL, "metre")
