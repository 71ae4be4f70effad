"""The map of errors: each kind by hand, cells by their commonest error, the same from tiles, and a picture of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pipelines.quality.error_map import ErrorKind, ErrorMap, error_kinds
from twin.bounds import Bounds
from twin.config import preset
from twin.points import Points
from twin.raster import Raster
from viewer.palette import rgb
from viewer.report.error_map import draw_errors

AREA = Bounds(xmin=100.0, ymin=200.0, xmax=140.0, ymax=230.0)


def town(rng: np.random.Generator, n: int = 20_000) -> tuple[Points, np.ndarray, np.ndarray]:
    """Ground, a house whose eastern half is taken as ground, and in the north bushes taken for houses."""
    x, y = rng.uniform(AREA.xmin, AREA.xmax, n), rng.uniform(AREA.ymin, AREA.ymax, n)
    truth, found = np.full(n, 2, np.uint8), np.full(n, 2, np.uint8)
    house, bush = (abs(x - 120) < 8) & (abs(y - 212) < 6), y > 226.0
    truth[house], found[house & (x < 120)] = 6, 6
    truth[bush], found[bush] = 3, 6
    return Points(x=x, y=y, z=np.where(house, 8.0, 0.0)), truth, found


def test_each_kind_of_error_by_hand() -> None:
    truth = np.array([6, 6, 2, 5, 2, 5, 9, 1, 1, 2], np.uint8)
    found = np.array([6, 2, 6, 6, 5, 2, 2, 5, 6, 2], np.uint8)
    expected = [
        ErrorKind.NONE,
        ErrorKind.MISSED_BUILDING,
        ErrorKind.FALSE_BUILDING,
        ErrorKind.FALSE_BUILDING,
        ErrorKind.GROUND_REJECTED,
        ErrorKind.OBJECT_AS_GROUND,
        ErrorKind.OBJECT_AS_GROUND,
        ErrorKind.NONE,  # unclassified truth does not say that it is no tree
        ErrorKind.FALSE_BUILDING,
        ErrorKind.NONE,
    ]
    np.testing.assert_array_equal(error_kinds(truth, found), expected)
    assert error_kinds(truth, found, ground=(2, 9))[6] == ErrorKind.NONE


def test_tiles_in_any_order_make_the_map_of_the_whole() -> None:
    points, truth, found = town(np.random.default_rng(3))
    whole, tiled = ErrorMap(AREA), ErrorMap(AREA)
    whole.add(points, truth, found)
    for part in (points.x >= 120, points.x < 120):
        tiled.add(points.take(part), truth[part], found[part])
    np.testing.assert_array_equal(tiled.kinds(), whole.kinds())
    np.testing.assert_array_equal(tiled.surface, whole.surface)
    kinds = whole.kinds()
    row, column, _ = whole.frame.cells_of(
        np.array([116.0, 124.0, 110.0, 105.0]), np.array([212.0, 212.0, 228.0, 205.0])
    )
    assert list(kinds[row, column]) == [0, ErrorKind.MISSED_BUILDING, ErrorKind.FALSE_BUILDING, 0]
    assert whole.points_by_kind()[ErrorKind.MISSED_BUILDING] == np.sum((truth == 6) & (found != 6))


def test_the_picture_shows_each_error_in_its_colour_at_its_place() -> None:
    points, truth, found = town(np.random.default_rng(4))
    tally = ErrorMap(AREA)
    tally.add(points, truth, found)
    kinds = Raster(values=tally.kinds(), frame=tally.frame, crs="EPSG:6677")
    surface = Raster(values=tally.surface, frame=tally.frame, crs="EPSG:6677")
    drawn = Image.open(io.BytesIO(draw_errors(kinds, surface, tally.points_by_kind())))
    picture = np.asarray(drawn.convert("RGB"))
    colors = {row["code"]: rgb(row["color"]) for row in preset("legends", "label_errors")["kinds"]}
    factor = round(1000 / max(tally.frame.shape))
    row, column, _ = tally.frame.cells_of(np.array([124.0, 110.0]), np.array([212.0, 228.0]))
    at = picture[row * factor + factor // 2, column * factor + factor // 2]
    np.testing.assert_array_equal(at, [colors[ErrorKind.MISSED_BUILDING], colors[ErrorKind.FALSE_BUILDING]])
    assert picture.shape[1] > tally.frame.columns * factor  # the key stands beside the map


def test_every_kind_of_error_has_a_name_in_two_languages_and_a_colour_of_its_own() -> None:
    rows = preset("legends", "label_errors")["kinds"]
    assert [row["code"] for row in rows] == [kind for kind in ErrorKind if 0 < kind < 255]
    assert len({row["color"] for row in rows}) == len(rows)
    assert all(row["ja"] and row["en"] for row in rows)


def test_a_large_area_makes_a_map_of_bounded_size() -> None:
    city = ErrorMap(Bounds(xmin=0.0, ymin=0.0, xmax=30_000.0, ymax=20_000.0))
    assert max(city.frame.shape) <= 1410
    assert ErrorMap(AREA, density_per_m2=0.3).frame.resolution_m == 3.5  # three points and a bit in a cell
    assert city.frame.bounds.width_m == pytest.approx(30_000.0, rel=0.01)
