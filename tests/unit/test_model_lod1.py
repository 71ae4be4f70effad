"""Prisms: closed solids of the right volume, at the heights of the rule, one failing outline at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from mapbox_earcut import triangulate_float64
from shapely import Polygon

from pipelines.footprints import Outline
from pipelines.model import ModelParams, check_solid, model_buildings, prism, volume_m3
from pipelines.model.lod1 import roof_heights
from pipelines.model.rings import Rings, points_in, share_without_points
from twin.bounds import Bounds
from twin.building import Solid
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARAMS = ModelParams(lod="1.2")
SQUARE = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)])
COURTYARD = shapely.orient_polygons(
    Polygon([(100, 0), (120, 0), (120, 20), (100, 20)], [[(105, 5), (105, 15), (115, 15), (115, 5)]])
)


def mesh_of(solid: Solid) -> trimesh.Trimesh:
    """Triangles of a solid by a triangulator that is not ours."""
    triangles = []
    for face in solid.faces:
        rings = [solid.vertices[list(ring)] for ring in face]
        xyz = np.concatenate(rings)
        normal = np.cross(rings[0] - rings[0][0], np.roll(rings[0] - rings[0][0], -1, axis=0)).sum(axis=0)
        drop = int(np.argmax(np.abs(normal)))
        plane = np.delete(xyz, drop, axis=1)
        ends = np.cumsum([len(ring) for ring in rings]).astype(np.uint32)
        local = triangulate_float64(plane, ends).reshape(-1, 3)
        index = np.concatenate([list(ring) for ring in face])[local]
        a, b, c = (solid.vertices[index[:, k]] for k in range(3))
        flip = (np.cross(b - a, c - a) @ normal) < 0
        index[flip] = index[flip][:, ::-1]
        triangles.append(index)
    return trimesh.Trimesh(vertices=solid.vertices, faces=np.concatenate(triangles), process=False)


def flat_terrain(height: float = 1.0) -> Raster:
    frame = Frame.covering(Bounds(xmin=-50, ymin=-50, xmax=200, ymax=50), 0.5)
    return Raster(values=np.full(frame.shape, height), frame=frame, crs="EPSG:6677")


def cloud(polygon: Polygon, n: int, z: NDArray[np.float64] | float) -> tuple[NDArray[np.float64], ...]:
    rng = np.random.default_rng(7)
    xmin, ymin, xmax, ymax = polygon.bounds
    xy = rng.uniform((xmin, ymin), (xmax, ymax), (20 * n, 2))
    xy = xy[shapely.contains_xy(polygon, xy[:, 0], xy[:, 1])][:n]
    assert len(xy) == n
    return xy[:, 0], xy[:, 1], np.broadcast_to(np.asarray(z, float), n).copy()


@st.composite
def star_polygons(draw: st.DrawFn) -> Polygon:
    """Simple polygons of 3 to 24 corners, half of them with a hole."""
    n = draw(st.integers(3, 24))
    radii = np.array(draw(st.lists(st.floats(4, 20), min_size=n, max_size=n)))
    angles = np.arange(n) * 2 * np.pi / n
    ring = np.round(np.column_stack([radii * np.cos(angles), radii * np.sin(angles)]), 3)
    hole = [np.round(ring * 0.4, 3)[::-1]] if draw(st.booleans()) else []
    return shapely.orient_polygons(Polygon(ring, hole))


@given(outline=star_polygons(), base=st.floats(-20, 400), height=st.floats(0.5, 200))
def test_every_prism_is_a_closed_solid_of_area_times_height(outline: Polygon, base: float, height: float) -> None:
    solid = prism(outline, base, base + height)
    assert check_solid(solid) == ()
    low, high = solid.vertices[:, 2].min(), solid.vertices[:, 2].max()
    mesh = mesh_of(solid)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(outline.area * (high - low), rel=1e-9)
    assert volume_m3(solid) == pytest.approx(mesh.volume, rel=1e-9)
    assert solid.semantics.count("WallSurface") == len(shapely.get_coordinates(outline)) - 1 - len(outline.interiors)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda f: f[:-1], 302),
        (lambda f: (*f, f[-1]), 303),
        (lambda f: tuple(tuple(ring[::-1] for ring in face) for face in f), 405),
        (lambda f: ((f[0][0][:2],), *f[1:]), 101),
        (lambda f: f[:3], 301),
    ],
)
def test_a_damaged_solid_is_found_out(damage: object, code: int) -> None:
    good = prism(SQUARE, 0.0, 5.0)
    faces = damage(good.faces)  # type: ignore[operator]
    bad = Solid(vertices=good.vertices, faces=faces, semantics=("WallSurface",) * len(faces))
    assert code in check_solid(bad)


def test_a_bent_face_is_found_out() -> None:
    good = prism(SQUARE, 0.0, 5.0)
    vertices = good.vertices.copy()
    vertices[-1, 2] += 0.05
    assert 203 in check_solid(Solid(vertices=vertices, faces=good.faces, semantics=good.semantics))


def test_two_shells_are_not_one_building() -> None:
    a, b = prism(SQUARE, 0, 5), prism(COURTYARD, 0, 5)
    moved = tuple(tuple(tuple(i + len(a.vertices) for i in ring) for ring in face) for face in b.faces)
    both = Solid(
        vertices=np.concatenate([a.vertices, b.vertices]), faces=a.faces + moved, semantics=a.semantics + b.semantics
    )
    assert 305 in check_solid(both)


def test_heights_follow_the_plateau_rule() -> None:
    # 100 points: roof at 11 m, six chimney points at 14 m and one aerial at 30 m.
    z = np.r_[np.full(93, 11.0), np.full(6, 14.0), 30.0]
    x, y = (grid.ravel() + 0.25 for grid in np.meshgrid(np.arange(10.0), np.arange(10.0)))
    terrain = flat_terrain(2.0)
    column, row = terrain.frame.cells_of(np.array([5.1]), np.array([5.1]))[1::-1]
    terrain.values[row, column] = 1.25  # a hollow inside the outline
    (building,), failed = model_buildings([Outline(id="a", polygon=SQUARE)], (x, y, z), terrain, PARAMS)
    assert failed == []
    assert building.ground_m == 1.25
    assert building.roof_m == 11.0
    assert building.measured_height_m == pytest.approx(14.0 - 1.25)
    assert building.n_points == 100
    assert building.rmse_m == pytest.approx(np.sqrt((6 * 9 + 361) / 100), abs=1e-4)
    assert building.attributes["density_per_m2"] == 1.0
    assert building.attributes["volume_m3"] == pytest.approx(975.0)


def test_a_tower_stands_as_high_as_its_roof_though_most_points_are_on_its_walls() -> None:
    rng = np.random.default_rng(5)
    x, y, z = cloud(SQUARE, 1000, 60.0)
    along, side, wall_z = rng.uniform(0, 10, 4000), rng.integers(0, 4, 4000), rng.uniform(1, 60, 4000)
    inset = np.abs(rng.normal(0, 0.03, 4000)) + 0.001
    wall_x = np.select([side == 0, side == 1, side == 2], [along, 10 - inset, along], inset)
    wall_y = np.select([side == 0, side == 1, side == 2], [inset, along, 10 - inset], along)
    points = (np.concatenate([x, wall_x]), np.concatenate([y, wall_y]), np.concatenate([z, wall_z]))
    (building,), _ = model_buildings([Outline(id="a", polygon=SQUARE)], points, flat_terrain(), PARAMS)
    assert building.roof_m == 60.0
    assert building.n_points == 5000
    assert 1000 <= building.attributes["n_roof_points"] < 1150
    assert building.rmse_m < 0.5


def test_a_steep_roof_keeps_its_eaves() -> None:
    x, y, _ = cloud(SQUARE, 2000, 0.0)
    z = 20.0 - 1.5 * np.abs(y - 5.0)  # 56 degrees
    (building,), _ = model_buildings([Outline(id="a", polygon=SQUARE)], (x, y, z), flat_terrain(), PARAMS)
    assert building.attributes["n_roof_points"] == 2000
    assert building.roof_m == pytest.approx(16.25, abs=0.1)


def test_dropping_the_top_share_drops_exactly_that_many() -> None:
    assert roof_heights(np.arange(20.0), 0.05) == (9.5, 18.0)
    assert roof_heights(np.arange(19.0), 0.05) == (9.0, 18.0)
    assert roof_heights(np.array([7.0]), 0.05) == (7.0, 7.0)


def test_points_in_a_courtyard_are_not_on_the_roof() -> None:
    roof = cloud(COURTYARD, 300, 9.0)
    yard = cloud(Polygon([(105.5, 5.5), (114.5, 5.5), (114.5, 14.5), (105.5, 14.5)]), 900, 3.0)
    points = tuple(np.concatenate(pair) for pair in zip(roof, yard, strict=True))
    (building,), _ = model_buildings([Outline(id="a", polygon=COURTYARD)], points, flat_terrain(), PARAMS)  # type: ignore[arg-type]
    assert (building.n_points, building.roof_m) == (300, 9.0)
    assert mesh_of(building.solid).volume == pytest.approx(300.0 * 8.0)
    assert mesh_of(building.solid).euler_number == 0, "a ring, not a box"


def test_what_cannot_be_modelled_fails_alone_with_its_reason() -> None:
    x, y, z = cloud(SQUARE, 50, 8.0)
    far = shapely.transform(SQUARE, lambda c: c + np.array([150, 20]))
    low = shapely.transform(SQUARE, lambda c: c + np.array([30, 0]))
    nowhere = shapely.transform(SQUARE, lambda c: c + np.array([1000, 0]))
    points = (
        np.concatenate([x, x + 30, x + 1000]),
        np.concatenate([y, y, y]),
        np.concatenate([z, np.full(50, 1.2), z]),
    )
    outlines = [Outline(id=i, polygon=p) for i, p in zip("abcd", (SQUARE, far, low, nowhere), strict=True)]
    buildings, failed = model_buildings(outlines, points, flat_terrain(), PARAMS)
    assert [b.id for b in buildings] == ["a"]
    reasons = {f.id: f.reason for f in failed}
    assert "0 building points" in reasons["b"]
    assert "0.20 m above ground" in reasons["c"]
    assert "no ground is known" in reasons["d"]


def test_the_order_of_points_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    x, y, z = cloud(SQUARE, 777, 8.0)
    z = np.round(z + rng.normal(0, 0.2, 777), 3)
    outline = [Outline(id="a", polygon=SQUARE)]
    (first,), _ = model_buildings(outline, (x, y, z), flat_terrain(), PARAMS)
    mixed = rng.permutation(777)
    (second,), _ = model_buildings(outline, (x[mixed], y[mixed], z[mixed]), flat_terrain(), PARAMS)
    for name in ("ground_m", "roof_m", "measured_height_m", "n_points", "rmse_m", "attributes"):
        assert getattr(first, name) == getattr(second, name)
    np.testing.assert_array_equal(first.solid.vertices, second.solid.vertices)


@given(outline=star_polygons())
def test_points_are_found_where_shapely_finds_them(outline: Polygon) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-22, 22, (2, 500))
    start, index = points_in(Rings.of([outline, outline]), x, y)
    expected = np.flatnonzero(shapely.contains_xy(outline, x, y))
    np.testing.assert_array_equal(np.sort(index[start[0] : start[1]]), expected)
    np.testing.assert_array_equal(np.sort(index[start[1] : start[2]]), expected)


def test_neighbours_share_no_point_and_lose_none() -> None:
    wall = [(3.0, 0.0), (7.123, 10.0)]
    left = Polygon([(0, 0), *wall, (0, 10)])
    right = Polygon([wall[0], (10, 0), (10, 10), wall[1]])
    y = np.linspace(0.001, 9.999, 999)
    x = 3.0 + y / 10 * 4.123  # on the wall, up to rounding
    start, index = points_in(Rings.of([left, right]), x, y)
    assert sorted(index.tolist()) == list(range(999))
    assert start[2] == 999


def test_the_share_without_data_is_the_empty_half() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 5, 4000), rng.uniform(0, 10, 4000)
    rings = Rings.of([SQUARE])
    share = share_without_points(rings, (x, y), points_in(rings, x, y), 1.0)
    assert share.tolist() == [0.5]
