"""Given outlines: repaired where safe, refused with a reason where not, never twice."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon

from pipelines.footprints import Outline, clean, repair
from pipelines.footprints.given import assign, from_json, to_json
from pipelines.model import ModelParams, check_solid, prism
from pipelines.model.ladder import model_buildings
from tiles.vectors import Shape
from twin.bounds import Bounds
from twin.errors import FootprintError
from twin.raster import Frame, Raster
from twin.tiling import TileGrid, TileId

PARAMS = ModelParams()
SQUARE = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)])


def moved(polygon: Polygon, x: float, y: float = 0.0) -> Polygon:
    return shapely.transform(polygon, lambda c: c + np.array([x, y]))


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (None, "could not be read"),
        (Polygon(), "empty"),
        (Point(1, 2).buffer(0.3), "area is 0.2"),
        (Polygon([(0, 0), (200, 0), (200, 0.02), (0, 0.02)]), "0.02 m wide"),
        (Polygon([(0, 0), (5, 5), (10, 10)]), "nothing is left"),
        (shapely.LineString([(0, 0), (1, 1)]), "LineString"),
        (Polygon([(0, 0), (np.inf, 0), (1, 1)]), "no numbers"),
    ],
)
def test_an_unusable_outline_says_why(geometry: object, reason: str) -> None:
    with pytest.raises(FootprintError, match=reason):
        repair(geometry, PARAMS)  # type: ignore[arg-type]


def test_a_bow_tie_becomes_its_two_halves() -> None:
    parts = repair(Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]), PARAMS)
    assert [round(part.area, 6) for part in parts] == [25.0, 25.0]
    assert all(part.is_valid for part in parts)


def test_heights_and_doubled_vertices_go() -> None:
    (part,) = repair(Polygon([(0, 0, 5), (10, 0, 5), (10, 0.004, 5), (10, 10, 5), (10, 10, 5), (0, 10, 5)]), PARAMS)
    assert not part.has_z
    assert len(part.exterior.coords) == 5


def test_rings_that_touch_are_opened_so_that_the_prism_is_a_solid() -> None:
    touching = Polygon(SQUARE.exterior, [[(0, 5), (4, 7), (4, 3)]])
    assert touching.is_valid
    (part,) = repair(touching, PARAMS)
    assert part.area == pytest.approx(touching.area, abs=0.2)
    assert check_solid(prism(part, 0, 3)) == ()
    corners = shapely.get_coordinates(part.exterior)[:-1]
    assert len({tuple(c) for c in corners}) == len(corners)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=9),
    st.lists(st.tuples(st.integers(10, 30), st.integers(10, 30)), min_size=3, max_size=5),
)
def test_whatever_is_delivered_is_refused_or_becomes_a_solid(
    shell: list[tuple[int, int]], hole: list[tuple[int, int]]
) -> None:
    try:
        parts = repair(Polygon(shell, [hole]), PARAMS)
    except FootprintError:
        return
    for part in parts:
        assert part.is_valid
        assert part.exterior.is_ccw
        assert check_solid(prism(part, 1.0, 4.0)) == ()
        xy = shapely.get_coordinates(part)
        np.testing.assert_allclose(xy, np.round(xy, 3), atol=1e-9)


def test_one_bad_outline_fails_alone() -> None:
    given_ = clean(
        [Shape(id="a", geometry=SQUARE), Shape(id="b", geometry=None), Shape(id="c", geometry=moved(SQUARE, 20))],
        PARAMS,
    )
    assert [outline.id for outline in given_.outlines] == ["a", "c"]
    assert [(entry.id, "could not be read" in entry.reason) for entry in given_.refused] == [("b", True)]


def test_a_repeated_outline_is_modelled_once() -> None:
    nearly = shapely.transform(SQUARE, lambda c: c * np.array([1.001, 1.0]))
    rows = [Shape(id=i, geometry=g) for i, g in (("z", SQUARE), ("a", nearly), ("n", moved(SQUARE, 10)))]
    for order in (rows, rows[::-1]):
        result = clean(order, PARAMS)
        assert [outline.id for outline in result.outlines] == ["a", "n"], "touching neighbours are not repeats"
        assert [(entry.id, entry.reason) for entry in result.refused] == [("z", "the outline repeats that of a")]


def test_of_nested_outlines_the_outer_is_modelled() -> None:
    tower, yard = moved(shapely.box(0, 0, 3, 3), 2, 2), Polygon(shapely.box(50, 0, 80, 30).exterior.coords)
    yard = yard.difference(shapely.box(55, 5, 75, 25))
    rows = [
        Shape(id="tower", geometry=tower),
        Shape(id="house", geometry=SQUARE),
        Shape(id="again", geometry=SQUARE),
        Shape(id="block", geometry=yard),
        Shape(id="in the yard", geometry=shapely.box(60, 10, 70, 20)),
    ]
    for order in (rows, rows[::-1]):
        result = clean(order, PARAMS)
        assert [outline.id for outline in result.outlines] == ["again", "block", "in the yard"]
        assert {entry.id: entry.reason for entry in result.refused} == {
            "house": "the outline repeats that of again",
            "tower": "the outline lies inside that of again, whose model covers it",
        }


def test_a_hall_of_three_hectares_is_modelled() -> None:
    given_ = clean([Shape(id="hall", geometry=shapely.box(0, 0, 200, 150))], PARAMS)
    frame = Frame.covering(Bounds(xmin=-5, ymin=-5, xmax=205, ymax=155), 1.0)
    ground = Raster(values=np.full(frame.shape, 3.0, np.float32), frame=frame, crs="EPSG:6677")
    x, y = np.random.default_rng(1).uniform((0, 0), (200, 150), (40_000, 2)).T
    buildings, without = model_buildings(given_.outlines, (x, y, np.full(len(x), 12.0)), ground, ModelParams(lod="1.2"))
    assert without == []
    assert (buildings[0].footprint.area, buildings[0].roof_m) == (30_000.0, 12.0)
    assert check_solid(buildings[0].solid) == ()


def test_a_reader_that_knows_why_is_believed() -> None:
    (entry,) = clean([Shape(id="a", geometry=None, fault="line 7: a ring of two points")], PARAMS).refused
    assert entry.reason == "line 7: a ring of two points"


def test_parts_of_one_building_have_names_of_their_own() -> None:
    result = clean([Shape(id="a", geometry=MultiPolygon([moved(SQUARE, 30), SQUARE]), attributes={"use": 1})], PARAMS)
    assert [(o.id, o.polygon.bounds[0], o.attributes["part_of"]) for o in result.outlines] == [
        ("a", 0.0, "a"),
        ("a/2", 30.0, "a"),
    ]
    assert result.outlines[0].attributes["use"] == 1


def test_outlines_without_id_are_named_by_their_place() -> None:
    first, second = (clean([Shape(id="", geometry=g)], PARAMS).outlines[0].id for g in (SQUARE, SQUARE.reverse()))
    assert first == second == "f_5000_5000"


def test_a_hall_of_a_kilometre_is_refused() -> None:
    result = clean([Shape(id="a", geometry=Polygon([(0, 0), (1000, 0), (1000, 30), (0, 30)]))], PARAMS)
    assert "1000 m long" in result.refused[0].reason


def test_each_outline_belongs_to_one_tile_or_lies_outside() -> None:
    grid = TileGrid(edge_m=64)
    tiles = [TileId(0, 0, 0), TileId(1, 2, 0), TileId(1, 3, 1)]  # the second parent tile is split, half of it is empty
    outlines = [
        Outline(id="in", polygon=SQUARE),
        Outline(id="edge", polygon=moved(SQUARE, 59)),
        Outline(id="split", polygon=moved(SQUARE, 70)),
        Outline(id="reaches-in", polygon=moved(SQUARE, 66, 30)),
        Outline(id="out", polygon=moved(SQUARE, 500)),
    ]
    owned, outside = assign(outlines, grid, tiles)
    found = {outline.id: tile for tile, mine in owned.items() for outline in mine}
    assert found == {
        "in": TileId(0, 0, 0),
        "edge": TileId(1, 2, 0),
        "split": TileId(1, 2, 0),
        "reaches-in": TileId(1, 2, 0),
    }
    assert [entry.id for entry in outside] == ["out"]


def test_outlines_travel_to_their_tile_unchanged() -> None:
    outline = Outline(id="家", polygon=SQUARE, attributes={"a": [1, 2], "b": "ü"})
    (again,) = from_json(to_json([outline]))
    assert (again.id, again.polygon, again.attributes) == (outline.id, outline.polygon, outline.attributes)
