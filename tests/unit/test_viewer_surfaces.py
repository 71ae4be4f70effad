from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from shapely import Polygon, box

from twin.bounds import Bounds
from twin.building import Building, Solid
from twin.legend import depth_legend
from twin.raster import Frame, Raster
from twin.vertical import TP
from viewer.content import FloodLayer, TerrainLayer
from viewer.ground import draped_ground, draped_water, skirt, water_walls
from viewer.palette import PERMANENT_WATER, class_colors, class_table, ramp, rgb, spread
from viewer.shading import SUN, cast_shadow, fill_gaps, hillshade
from viewer.solids import building_colors, shaded, solids

ORIGIN = (100.0, 200.0, 0.0)


def _raster(values: np.ndarray, resolution_m: float = 1.0) -> Raster:
    rows, columns = values.shape
    frame = Frame(column0=0, row0=0, rows=rows, columns=columns, resolution_m=resolution_m)
    return Raster(values=values.astype(np.float32), frame=frame, crs="EPSG:6677", vertical=TP)


def _flood(depth: np.ndarray, permanent: np.ndarray | None = None) -> FloodLayer:
    return FloodLayer(
        name="t", title_ja="t", title_en="t", depth=_raster(depth), legend=depth_legend("flood_depth_ja"),
        permanent=permanent,
    )  # fmt: skip


def _prism(outline: Polygon, low: float, high: float, name: str = "b") -> Building:
    rings = [np.array(ring.coords)[:-1] for ring in (outline.exterior, *outline.interiors)]
    vertices, faces, names, tops, count = [], [], [], [], 0
    for ring in rings:
        size = len(ring)
        vertices += [np.column_stack([ring, np.full(size, z)]) for z in (low, high)]
        for k in range(size):
            j = (k + 1) % size
            faces.append(((count + k, count + j, count + size + j, count + size + k),))
            names.append("WallSurface")
        tops.append(tuple(range(count + size, count + 2 * size)))
        count += 2 * size
    solid = Solid(
        vertices=np.concatenate(vertices), faces=(*faces, tuple(tops)), semantics=(*names, "RoofSurface")
    )  # fmt: skip
    return Building(
        id=name, footprint=outline, ground_m=low, roof_m=high, measured_height_m=high - low, n_points=9,
        rmse_m=0.1, solids={"1.2": solid},
    )  # fmt: skip


def _area(vertices: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_the_ground_covers_the_whole_frame_at_its_own_height() -> None:
    rows, columns = np.mgrid[0:30, 0:50]
    terrain = TerrainLayer(heights=_raster(rows * 0.1 + columns * 0.2))
    drape = draped_ground(terrain, ORIGIN)
    assert drape.vertices[:, 0].min() == -100.0
    assert drape.vertices[:, 0].max() == -50.0
    assert drape.vertices[:, 1].min() == -200.0
    assert drape.vertices[:, 1].max() == -170.0
    inner = (drape.vertices[:, 0] > -100) & (drape.vertices[:, 0] < -50) & (drape.vertices[:, 1] > -200)
    inner &= drape.vertices[:, 1] < -170
    x, y = drape.vertices[inner, 0] + 100.0, drape.vertices[inner, 1] + 200.0
    expected = (29.5 - y) * 0.1 + (x - 0.5) * 0.2
    np.testing.assert_allclose(drape.vertices[inner, 2], expected, atol=1e-4)


def test_quads_of_the_ground_face_the_sky() -> None:
    drape = draped_ground(TerrainLayer(heights=_raster(np.zeros((5, 6)))), ORIGIN)
    a, b, c = (drape.vertices[drape.quads[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()
    assert len(drape.quads) == 4 * 5


def test_a_hole_in_the_ground_is_not_drawn_and_gets_walls() -> None:
    heights = np.zeros((6, 6))
    heights[2, 2] = np.nan
    drape = draped_ground(TerrainLayer(heights=_raster(heights)), ORIGIN)
    assert len(drape.quads) == 25 - 4
    walls = skirt(drape, base_m=-3.0)
    assert len(walls.quads) == len(walls.colors) == 4 * 5 + 4 * 2
    assert walls.vertices[:, 2].min() == -3.0
    a, b, c = (walls.vertices[walls.quads[:, k]].astype(float) for k in range(3))
    middle = (a + c) / 2 - drape.vertices.mean(axis=0)
    outer = np.abs(middle[:, :2]).max(axis=1) > 2.9
    outwards = np.einsum("ij,ij->i", np.cross(b - a, c - b), middle * [1, 1, 0])
    assert (outwards[outer] > 0).all()


def test_a_large_raster_is_thinned_to_the_budgets() -> None:
    terrain = TerrainLayer(heights=_raster(np.random.default_rng(3).random((2000, 2200))))
    drape = draped_ground(terrain, ORIGIN)
    assert len(drape.vertices) <= 170_000
    assert drape.image.shape[0] * drape.image.shape[1] <= 2_400_000
    assert drape.uv.min() >= 0.0
    assert drape.uv.max() <= 1.0


def test_each_depth_has_the_colour_of_its_rank_and_dry_cells_are_clear() -> None:
    depth = np.array([[0.0, 0.2, 1.0], [np.nan, 3.0, 25.0]])
    water = draped_water(TerrainLayer(heights=_raster(np.ones((2, 3)))), _flood(depth), ORIGIN)
    assert water is not None
    ranks = depth_legend("flood_depth_ja").ranks
    assert (water.image[..., 3] > 0).tolist() == [[False, True, True], [False, True, True]]
    assert tuple(water.image[0, 1, :3]) == ranks[0].rgb
    assert tuple(water.image[0, 2, :3]) == ranks[1].rgb
    assert tuple(water.image[1, 1, :3]) == ranks[2].rgb
    assert tuple(water.image[1, 2, :3]) == ranks[5].rgb


def test_water_lies_level_over_uneven_ground() -> None:
    ground = np.tile(np.linspace(0.0, 2.0, 9), (9, 1))
    water = draped_water(TerrainLayer(heights=_raster(ground)), _flood(np.clip(1.1 - ground, 0, None)), ORIGIN)
    assert water is not None
    used = np.unique(water.quads)
    np.testing.assert_allclose(water.vertices[used, 2], 1.1, atol=1e-5)


def test_a_river_is_drawn_as_a_river_and_not_as_a_rank() -> None:
    permanent = np.array([[True, False], [True, False]])
    water = draped_water(
        TerrainLayer(heights=_raster(np.zeros((2, 2)))), _flood(np.full((2, 2), 4.0), permanent), ORIGIN
    )
    assert water is not None
    assert tuple(water.image[0, 0, :3]) == rgb(PERMANENT_WATER)
    assert tuple(water.image[0, 1, :3]) == depth_legend("flood_depth_ja").ranks[2].rgb


def test_water_is_closed_at_the_border_down_to_the_ground_and_open_at_the_shore() -> None:
    ground = np.tile(np.linspace(-3.0, 5.0, 9), (9, 1))
    terrain, flood = TerrainLayer(heights=_raster(ground)), _flood(np.clip(1.0 - ground, 0, None))
    water = draped_water(terrain, flood, ORIGIN)
    assert water is not None
    walls = water_walls(water, terrain, flood, ORIGIN)
    x, y = walls.vertices[:, 0] + ORIGIN[0], walls.vertices[:, 1] + ORIGIN[1]
    assert ((x == 0.0) | (y == 0.0) | (y == 9.0)).all()
    assert (x[walls.quads] == 0.0).all(axis=1).sum() == 8  # the whole western side
    assert walls.vertices[:, 2].max() == 1.0
    assert walls.vertices[x == 0.0, 2].min() == -3.0


def test_a_dry_scenario_has_no_water() -> None:
    assert draped_water(TerrainLayer(heights=_raster(np.zeros((3, 3)))), _flood(np.zeros((3, 3))), ORIGIN) is None


def test_triangles_of_a_building_with_a_courtyard_have_its_area_and_face_outwards() -> None:
    outline = box(100, 200, 110, 220).difference(box(103, 205, 107, 210))
    mesh = solids([_prism(outline.normalize(), 1.0, 9.0)], ORIGIN)
    roof = np.abs(mesh.normals[:, 2]) > 0.9
    on_roof = roof[mesh.triangles[:, 0]]
    np.testing.assert_allclose(_area(mesh.vertices, mesh.triangles[on_roof]), 200 - 20, rtol=1e-6)
    np.testing.assert_allclose(_area(mesh.vertices, mesh.triangles[~on_roof]), 8.0 * (60 + 18), rtol=1e-6)
    a, b, c = (mesh.vertices[mesh.triangles[:, k]].astype(float) for k in range(3))
    turned = np.cross(b - a, c - a)
    assert (np.einsum("ij,ij->i", turned, mesh.normals[mesh.triangles[:, 0]]) > 0).all()


def test_every_triangle_knows_its_building() -> None:
    mesh = solids([_prism(box(100, 200, 105, 205), 0, 5, "a"), _prism(box(120, 200, 130, 205), 0, 9, "b")], ORIGIN)
    x = mesh.vertices[mesh.triangles[:, 0], 0]
    assert ((x > 10) == (mesh.building == 1)).all()
    assert mesh.rise.max() == 9.0


def test_no_buildings_are_an_empty_mesh() -> None:
    mesh = solids([], ORIGIN)
    assert mesh.triangles.shape == (0, 3)
    assert shaded(mesh, building_colors([], "height")).shape == (0, 3)


def test_edges_are_drawn_once_and_only_where_a_solid_bends() -> None:
    square = solids([_prism(box(100, 200, 110, 210), 0.0, 9.0)], ORIGIN)
    assert len(square.edges) == 12
    # The same block whose sides have corners on them: 4 more on the roof and 4 upright edges that do not bend.
    dense = Polygon(np.array(box(100, 200, 110, 210).segmentize(5).exterior.coords))
    assert len(solids([_prism(dense, 0.0, 9.0)], ORIGIN).edges) == 8 + 8 + 4
    round_tower = solids([_prism(Polygon(shapely.Point(100, 200).buffer(5, quad_segs=16)), 0.0, 9.0)], ORIGIN)
    assert len(round_tower.edges) == 2 * 64


def test_slopes_of_a_roof_stand_out_and_pale_walls_leave_the_colour_to_it() -> None:
    # A hipped roof on a block: water runs to all four sides.
    plan = [(0, 0), (10, 0), (10, 8), (0, 8)]
    tops = [(0, 0, 6), (10, 0, 6), (10, 8, 6), (0, 8, 6), (4, 4, 9), (6, 4, 9)]
    walls = tuple(((k, (k + 1) % 4, 4 + (k + 1) % 4, 4 + k),) for k in range(4))
    slopes = (((4, 5, 9, 8),), ((5, 6, 9),), ((6, 7, 8, 9),), ((7, 4, 8),))
    solid = Solid(
        vertices=np.array([*((x, y, 0) for x, y in plan), *tops], dtype=float) + ORIGIN,
        faces=(*walls, *slopes),
        semantics=("WallSurface",) * 4 + ("RoofSurface",) * 4,
    )
    hipped = replace(_prism(box(100, 200, 110, 208), 0.0, 9.0), solids={"2.2": solid})
    mesh = solids([hipped], ORIGIN)
    red = np.array([[200, 80, 40]], np.uint8)
    plain, pale = shaded(mesh, red).astype(int), shaded(mesh, red, pale_walls=True).astype(int)
    assert (pale[~mesh.is_roof, 2] > plain[~mesh.is_roof, 2] + 40).all()
    seen = {tuple(color) for color in pale[mesh.is_roof].tolist()}
    assert len(seen) == 4
    south, north = 0, 7  # corners of the first and third slope; the sun stands in the south-west
    contrast = [float(np.divide(*colors[mesh.is_roof][[south, north], 1])) for colors in (plain, pale)]
    assert 1.1 < contrast[0] < contrast[1]


def test_a_building_of_unknown_depth_does_not_look_dry() -> None:
    buildings = [_prism(box(100, 200, 105, 205), 0, 5, name) for name in ("dry", "wet", "unknown")]
    flood = FloodLayer(
        name="t", title_ja="t", title_en="t", depth=_raster(np.zeros((2, 2))), legend=depth_legend("flood_depth_ja"),
        depth_by_building={"wet": 1.0, "unknown": float("nan")},
    )  # fmt: skip
    colors = building_colors(buildings, "flood", flood)
    assert len({tuple(color) for color in colors.tolist()}) == 3
    assert tuple(colors[1]) == flood.legend.ranks[1].rgb


def test_a_wall_throws_its_shadow_away_from_the_sun() -> None:
    ground = np.zeros((41, 41), np.float32)
    surface = ground.copy()
    surface[20, 20] = 6.0
    light = cast_shadow(surface, ground, 1.0)
    rows, columns = np.nonzero(light < 0.6)
    assert rows.size > 3
    # The sun is in the south-west: the shadow falls to the north (smaller rows) and the east.
    assert SUN[0] < 0 > SUN[1]
    assert rows.mean() < 20 < columns.mean()


def test_a_slope_towards_the_sun_is_brighter_than_one_away_from_it() -> None:
    rise = np.tile(np.arange(20, dtype=np.float32), (20, 1))
    assert hillshade(rise, 1.0)[5, 5] > 1.0 > hillshade(rise[:, ::-1].copy(), 1.0)[5, 5]


def test_gaps_take_the_height_beside_them() -> None:
    filled = fill_gaps(np.array([[1.0, np.nan, np.nan, 5.0]]))
    assert filled.tolist() == [[1.0, 1.0, 5.0, 5.0]]
    assert fill_gaps(np.full((2, 2), np.nan)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_every_class_of_the_legend_has_its_own_colour() -> None:
    colors = [entry.color for entry in class_colors()]
    assert len(set(colors)) == len(colors)
    assert tuple(class_table()[6]) == rgb(next(e.color for e in class_colors() if e.code == 6))


def test_one_wild_height_does_not_take_the_whole_ramp() -> None:
    heights = np.concatenate([np.linspace(0.0, 10.0, 1000), [500.0]])
    assert spread(heights)[-1][0] < 11.0
    assert ramp(np.array([np.nan]), spread(heights)).shape == (1, 3)


def test_bounds_of_a_frame_are_what_the_drape_spans() -> None:
    raster = _raster(np.zeros((7, 3)), resolution_m=2.0)
    drape = draped_ground(TerrainLayer(heights=raster), (0.0, 0.0, 0.0))
    low, high = drape.vertices.min(axis=0), drape.vertices.max(axis=0)
    spanned = Bounds(xmin=float(low[0]), ymin=float(low[1]), xmax=float(high[0]), ymax=float(high[1]))
    assert spanned == raster.frame.bounds
