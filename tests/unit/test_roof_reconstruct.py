"""Laws of whole roofs: what comes out for which points and outline."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import trimesh
from shapely import Polygon
from shapely.geometry import box

from pipelines.model.fit import measure_fit
from pipelines.roofs.hidden import fill_hidden
from pipelines.roofs.params import RoofParams
from pipelines.roofs.planes import find_planes
from pipelines.roofs.reconstruct import reconstruct
from pipelines.validity import check_solid
from twin.errors import RoofError

PARAMS = RoofParams()
PLACE = np.array([84_900.0, 447_500.0, 0.0])
HOUSE = box(0.3, 0.2, 9.7, 13.8)


def gable(x, y):
    return 6.0 + 0.6 * (5.0 - np.abs(x - 5.0))


def scan(height, outline=HOUSE, per_m2=10.0, noise=0.05, seed=3):
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = outline.bounds
    n = int((x1 - x0) * (y1 - y0) * per_m2)
    x, y = rng.uniform(x0, x1, n), rng.uniform(y0, y1, n)
    inside = shapely.contains_xy(outline, x, y)
    x, y = x[inside], y[inside]
    return np.column_stack((x, y, height(x, y) + rng.normal(0.0, noise, len(x)))) + PLACE


def placed(outline):
    return shapely.transform(outline, lambda xy: xy + PLACE[:2])


def volume(solid):
    faces = []
    for rings in solid.faces:
        polygon = solid.vertices[list(rings[0])] - PLACE
        assert len(rings) == 1
        faces += [np.stack((polygon[0], polygon[i], polygon[i + 1])) for i in range(1, len(polygon) - 1)]
    return trimesh.Trimesh(**trimesh.triangles.to_kwargs(np.array(faces)), process=False).volume


def test_a_gable_is_two_roof_faces_of_the_right_volume():
    points = scan(gable)
    roof = reconstruct(placed(HOUSE), points, 0.4, PARAMS)
    assert roof.n_planes == 2
    assert roof.solid.semantics.count("RoofSurface") == 2
    assert measure_fit(roof.solid, points, np.ones(len(points), np.bool_)).rmse_m == pytest.approx(0.05, rel=0.15)
    ridge_part = 4.7 * (6.0 + 0.3 * 0.6 + 0.5 * 4.7 * 0.6 - 0.4)
    assert volume(roof.solid) == pytest.approx(2.0 * 13.6 * ridge_part, rel=0.01)
    assert check_solid(roof.solid) == ()
    assert roof.solid.semantics.count("RoofSurface") > roof.lower["1.3"].semantics.count("RoofSurface")


def test_the_order_of_the_points_does_not_change_a_bit():
    xyz = scan(gable)
    one = reconstruct(placed(HOUSE), xyz, 0.4, PARAMS)
    two = reconstruct(placed(HOUSE), np.random.default_rng(1).permutation(xyz), 0.4, PARAMS)
    assert one.solid.vertices.tobytes() == two.solid.vertices.tobytes()
    assert one.solid.faces == two.solid.faces


def test_a_courtyard_stays_open():
    outline = Polygon(HOUSE.exterior.coords, [box(4.0, 5.0, 6.5, 9.0).exterior.coords])
    roof = reconstruct(placed(outline), scan(lambda x, y: 7.0 + 0.0 * x, outline), 0.0, PARAMS)
    assert check_solid(roof.solid) == ()
    ground = roof.solid.faces[roof.solid.semantics.index("GroundSurface")]
    assert len(ground) == 2


def test_dormers_are_no_part_of_lod20():
    def roof_with_dormer(x, y):
        return np.where((np.abs(y - 7.0) < 1.3) & (x > 6.0) & (x < 9.0), 8.6, gable(x, y))

    roof = reconstruct(placed(HOUSE), scan(roof_with_dormer), 0.0, PARAMS)
    assert roof.n_planes == 3
    assert roof.lower["2.0"].semantics.count("RoofSurface") == 2


def test_walls_chimneys_and_trees_leave_the_roof_alone():
    rng = np.random.default_rng(4)
    wall = np.column_stack((rng.uniform(0.3, 0.4, 400), rng.uniform(0.2, 13.8, 400), rng.uniform(0, 5.5, 400))) + PLACE
    tree = np.column_stack((rng.uniform(6, 9, 150), rng.uniform(10, 13, 150), rng.uniform(8, 13, 150))) + PLACE
    chimney = np.column_stack((rng.uniform(4, 4.6, 8), rng.uniform(4, 4.6, 8), rng.uniform(9, 10, 8))) + PLACE
    roof = reconstruct(placed(HOUSE), np.concatenate((scan(gable), wall, tree, chimney)), 0.0, PARAMS)
    assert roof.n_planes == 2
    assert roof.solid.vertices[:, 2].max() < 9.2


def test_half_a_scan_still_gives_a_valid_roof_without_towers():
    xyz = scan(gable)
    half = xyz[xyz[:, 0] - PLACE[0] < 5.5]
    roof = reconstruct(placed(HOUSE), half, 0.0, PARAMS)
    assert check_solid(roof.solid) == ()
    assert roof.solid.vertices[:, 2].max() < 9.0 + PARAMS.guard_m


@pytest.mark.parametrize("n", [0, 3, 12])
def test_too_few_points_are_an_error_that_says_so(n):
    with pytest.raises(RoofError, match=f"{n} points"):
        reconstruct(placed(HOUSE), scan(gable)[:n], 0.0, PARAMS)


def test_a_cloud_of_leaves_is_no_roof():
    leaves = np.random.default_rng(0).uniform(0.0, 9.0, (800, 3)) + PLACE
    with pytest.raises(RoofError, match="no roof plane"):
        reconstruct(placed(HOUSE), leaves, 0.0, PARAMS)


def test_hundreds_of_planes_are_bounded_and_valid():
    """A shed roof of a works: 300 teeth of 3 m by 4 m."""
    hall = box(0.0, 0.0, 60.0, 60.0)
    xyz = scan(lambda x, y: 8.0 + 0.5 * (x % 3.0) + 0.7 * (np.floor(y / 4.0) % 2), hall, per_m2=6.0, noise=0.03)
    roof = reconstruct(placed(hall), xyz, 0.0, RoofParams(max_planes=300, max_lines=300))
    assert 100 < roof.n_planes <= 300
    assert check_solid(roof.solid) == ()


@pytest.mark.parametrize(
    "xyz",
    [
        np.column_stack(
            (np.full(900, 0.5), np.tile(np.linspace(0.2, 13.0, 30), 30), np.repeat(np.arange(30) / 3.0, 30))
        ),
        np.column_stack((np.linspace(0.3, 9.0, 300), np.full(300, 5.0), np.full(300, 7.0))),
        np.full((300, 3), 5.0),
    ],
    ids=["a bare wall", "one scan line", "one place"],
)
def test_what_is_no_surface_seen_from_above_is_no_roof(xyz):
    with pytest.raises(RoofError, match="no roof plane"):
        reconstruct(placed(HOUSE), xyz + PLACE, 0.0, PARAMS)


def podium_and_tower(x, y):
    return np.where((np.abs(x - 10.0) < 5.0) & (np.abs(y - 10.0) < 5.0), 30.0, 6.0)


def roof_areas(solid, z):
    """Area of the level roof faces near a height, square metres in plan."""
    rings = [rings for rings, kind in zip(solid.faces, solid.semantics, strict=True) if kind == "RoofSurface"]
    corners = [[solid.vertices[list(ring)] for ring in face] for face in rings]
    return sum(
        Polygon(c[0][:, :2], [h[:, :2] for h in c[1:]]).area for c in corners if abs(c[0][:, 2].mean() - z) < 0.5
    )


def test_a_tower_is_not_extended_over_the_podium_that_it_hides():
    plot = box(0.0, 0.0, 20.0, 20.0)
    xyz = scan(podium_and_tower, plot)
    x, y = (xyz - PLACE)[:, :2].T
    shadow = (y > 15.0) & (np.abs(x - 10.0) < 5.0) | (x > 15.0) & (y > 5.0)
    roof = reconstruct(placed(plot), xyz[~shadow], 0.0, PARAMS)
    assert check_solid(roof.solid) == ()
    assert roof_areas(roof.solid, 30.0) == pytest.approx(100.0, abs=5.0)
    assert roof_areas(roof.solid, 6.0) == pytest.approx(300.0, abs=5.0)


def test_a_hole_in_a_towers_own_roof_stays_at_its_height():
    plot = box(0.0, 0.0, 20.0, 20.0)
    xyz = scan(podium_and_tower, plot)
    x, y = (xyz - PLACE)[:, :2].T
    hole = (np.abs(x - 13.0) < 2.5) & (np.abs(y - 10.0) < 2.0)
    roof = reconstruct(placed(plot), xyz[~hole], 0.0, PARAMS)
    assert roof_areas(roof.solid, 30.0) == pytest.approx(100.0, abs=5.0)


@pytest.mark.parametrize("fold", [1.0, -1.0], ids=["valley", "ridge"])
def test_a_hole_over_a_valley_or_a_ridge_is_left_to_the_two_planes(fold):
    xyz = scan(lambda x, y: 9.0 + fold * 0.8 * np.abs(x - 5.0))
    x, y = (xyz - PLACE)[:, :2].T
    xyz = (xyz - PLACE)[(np.abs(x - 5.0) > 2.0) | (np.abs(y - 5.0) > 3.0)]
    planes = find_planes(xyz[np.lexsort(xyz.T[::-1])], PARAMS)
    assert planes.n_planes == 2
    assert len(fill_hidden(HOUSE, xyz[np.lexsort(xyz.T[::-1])], planes, PARAMS)[0]) == len(xyz)
