"""Trees, bridges and water one at a time: what is measured of them, and what is refused with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from pipelines.cityobjects import ObjectParams
from pipelines.cityobjects.bridges import find_bridges
from pipelines.cityobjects.canopy import crowns, gaps_in_leaves, smoothed
from pipelines.cityobjects.trees import find_trees
from pipelines.cityobjects.water import Wet, level_water, water_outlines
from pipelines.footprints import Outline
from twin.bounds import Bounds
from twin.points import Points
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARAMS = ObjectParams()
OWN = Bounds(xmin=1024.0, ymin=-512.0, xmax=1088.0, ymax=-448.0)


def raster(value: float, own: Bounds = OWN) -> Raster:
    frame = Frame.covering(own.buffered(80.0), 0.5)
    return Raster(values=np.full(frame.shape, value, np.float32), frame=frame, crs="EPSG:6677")


def crown(
    at_m: tuple[float, float], top: float, radius: float, *, seed: int = 0, up: float = 0.0
) -> NDArray[np.float64]:
    """Points on the upper half of an ellipsoid that begins at 0.3 of its height."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(-radius, radius, (4000, 2))
    at = at[(at**2).sum(axis=1) < radius**2]
    z = 0.65 * top + 0.35 * top * np.sqrt(1 - (at**2).sum(axis=1) / radius**2)
    return np.column_stack([at + np.array(at_m), z + up])


def cloud(*parts: NDArray[np.float64], label: int = 5) -> Points:
    xyz = np.concatenate(parts)
    return Points(x=xyz[:, 0], y=xyz[:, 1], z=xyz[:, 2], attributes={"label": np.full(len(xyz), label, np.uint8)})


def test_a_tree_is_measured_as_it_stands() -> None:
    trees = find_trees(cloud(crown((1040.0, -480.0), 12.0, 3.0, up=7.5)), raster(7.5), raster(20.0), OWN, PARAMS)
    assert len(trees) == 1
    facts = trees[0].attributes
    assert facts["height"] == pytest.approx(12.0, abs=0.05)
    assert facts["crownDiameter"] == pytest.approx(6.0, abs=0.6)
    assert facts["ground_m"] == 7.5
    assert "trunkDiameter" not in facts, "nobody measured it"
    assert np.hypot(*(trees[0].vertices[:, :2].mean(axis=0) - (1040.0, -480.0))) < 0.3
    assert (trees[0].vertices[:, 2].min(), trees[0].vertices[:, 2].max()) == pytest.approx((7.5, 19.5), abs=0.05)
    outline = shapely.Polygon(trees[0].vertices[list(trees[0].faces[1][0]), :2])
    assert outline.area == pytest.approx(np.pi * (facts["crownDiameter"] / 2) ** 2, rel=0.01)


def test_two_crowns_with_a_saddle_are_two_trees_and_a_branch_is_none() -> None:
    two = cloud(crown((1040.0, -480.0), 10.0, 2.5), crown((1045.0, -480.0), 9.0, 2.5, seed=1))
    assert len(find_trees(two, raster(0.0), raster(20.0), OWN, PARAMS)) == 2
    branch = cloud(crown((1040.0, -480.0), 14.0, 4.0), crown((1042.0, -480.0), 12.5, 0.6, seed=1))
    assert len(find_trees(branch, raster(0.0), raster(20.0), OWN, PARAMS)) == 1


def test_shrubs_and_plants_above_unknown_ground_are_no_trees() -> None:
    assert find_trees(cloud(crown((1040.0, -480.0), 2.0, 2.0)), raster(0.0), raster(20.0), OWN, PARAMS) == []
    assert find_trees(cloud(crown((1040.0, -480.0), 9.0, 2.0)), raster(np.nan), raster(20.0), OWN, PARAMS) == []


def test_a_tree_on_a_tile_s_side_belongs_to_one_of_the_two() -> None:
    points, ground = cloud(crown((OWN.xmax - 0.1, -480.0), 9.0, 3.0)), raster(0.0)
    east = Bounds(xmin=OWN.xmax, ymin=OWN.ymin, xmax=OWN.xmax + OWN.width_m, ymax=OWN.ymax)
    found = [find_trees(points, ground, raster(20.0), own, PARAMS) for own in (OWN, east)]
    assert sorted(map(len, found)) == [0, 1]


def test_crowns_do_not_reach_farther_than_stated() -> None:
    """A ridge that climbs for 100 m is one top and what lies near it, not one tree of 100 m."""
    height = np.tile(np.arange(200, dtype=np.int64) * 20 + 3000, (9, 1))
    tops, label = crowns(height, PARAMS)
    assert len(tops) == 1
    assert (label >= 0).any(axis=0).sum() <= PARAMS.crown_max_m / PARAMS.tree_cell_m + 1


def test_smoothing_leaves_a_plain_as_it_is_whatever_was_seen_of_it() -> None:
    seen = np.random.default_rng(0).random((30, 30)) < 0.5
    found = smoothed(np.full((30, 30), 5000, np.int64), seen, 4)
    assert np.isin(found, (0, 5000)).all()
    assert (found[seen] == 5000).all()


def deck(z: float, n: int = 3000) -> NDArray[np.float64]:
    """A deck of 20 by 6 m, with rails 1 m high along it."""
    rng = np.random.default_rng(2)
    at = rng.uniform((1040, -483), (1060, -477), (n, 2))
    return np.column_stack([at, np.where(np.abs(at[:, 1] + 480) > 2.8, z + 1.0, z)])


def test_a_bridge_reaches_from_its_highest_point_to_the_water_below_or_else_to_the_ground() -> None:
    water = np.column_stack(
        [np.random.default_rng(3).uniform((1035, -490), (1065, -470), (500, 2)), np.full(500, 1.25)]
    )
    over_land, dry = find_bridges(cloud(deck(6.0), label=17), raster(2.0), OWN, PARAMS)
    points = Points.concatenate([cloud(deck(6.0), label=17), cloud(water, label=9)])
    over_water, wet = find_bridges(points, raster(2.0), OWN, PARAMS)
    assert dry == wet == []
    for (bridge,), base, below in ((over_land, 2.0, "ground"), (over_water, 1.25, "water")):
        assert (bridge.vertices[:, 2].min(), bridge.vertices[:, 2].max()) == (base, 7.0)
        facts = bridge.attributes
        assert (facts["below"], facts["deck_m"], facts["measuredHeight"]) == (below, 6.0, 7.0 - base)
        outline = shapely.Polygon(bridge.vertices[list(bridge.faces[1][0]), :2])
        true = shapely.box(1040, -483, 1060, -477)
        assert outline.intersection(true).area / outline.union(true).area > 0.9


@pytest.mark.parametrize(
    ("points", "ground", "reason"),
    [
        (cloud(deck(6.0), label=17), np.nan, "neither ground nor water"),
        (cloud(deck(6.0), label=17), 6.8, "0.20 m above the ground"),
        (cloud(deck(6.0, 15), label=17), 2.0, ""),
    ],
)
def test_what_is_no_bridge_is_named_with_its_reason(points: Points, ground: float, reason: str) -> None:
    bridges, without = find_bridges(points, raster(ground), OWN, PARAMS)
    assert bridges == []
    assert all(reason in entry.reason for entry in without)
    assert bool(without) == bool(reason)


def pond() -> tuple[Raster, Raster]:
    water, density = raster(0.0), raster(4.0)
    x, y = np.meshgrid(*water.frame.centers())
    water.values[(x - 1050) ** 2 + (y + 480) ** 2 < 15**2] = 1
    return water, density


def test_a_pond_is_one_level_surface_with_its_datum() -> None:
    outlines, failed = water_outlines(*pond(), OWN, PARAMS)
    surface = np.column_stack([np.full((9, 2), (1050.0, -480.0)), [3.0, 3.1, 2.9, 3.0, 3.05, 2.95, 3.0, 9.0, 3.0]])
    (found,), without = level_water(outlines, Wet(surface=surface, dtm=raster(4.0), vertical="TP"), 64.0)
    assert failed == without == []
    assert (found.attributes["level_m"], found.attributes["verticalDatum"]) == (3.0, "TP")
    assert (found.attributes["level_from"], found.semantics) == ("points", ("WaterSurface",))
    assert set(found.vertices[:, 2]) == {3.0}
    outline = shapely.Polygon(found.vertices[:, :2])
    assert outline.exterior.is_ccw
    assert outline.area == pytest.approx(np.pi * 15**2, rel=0.02)


def test_a_level_comes_from_the_surface_or_nearby_or_the_banks_or_not_at_all() -> None:
    outline = Outline(id="w", polygon=shapely.box(1040, -490, 1060, -470))
    near, none = np.array([[1070.0, -480.0, 1.5]]), np.empty((0, 3))
    for surface, ground, expected in ((near, 4.0, (1.5, "near")), (none, 4.0, (4.0, "banks"))):
        (found,), _ = level_water([outline], Wet(surface=surface, dtm=raster(ground), vertical="TP"), 64.0)
        assert (found.attributes["level_m"], found.attributes["level_from"]) == expected
    found, without = level_water([outline], Wet(surface=none, dtm=raster(np.nan), vertical="TP"), 64.0)
    assert found == []
    assert "no return" in without[0].reason


def test_water_ends_with_the_survey() -> None:
    water, _ = pond()
    outlines, _ = water_outlines(water, raster(0.0), OWN, PARAMS)
    assert outlines == [], "no point is near"


def test_a_lamp_and_a_balcony_are_no_trees() -> None:
    lamp = cloud(crown((1040.0, -480.0), 20.0, 0.5))
    assert find_trees(lamp, raster(0.0), raster(20.0), OWN, PARAMS) == [], "far too slender"
    balcony = crown((1040.0, -480.0), 9.0, 2.5)[::5]
    assert find_trees(cloud(balcony), raster(0.0), raster(120.0), OWN, PARAMS) == [], (
        "most returns are of something else"
    )
    assert len(find_trees(cloud(balcony), raster(0.0), raster(24.0), OWN, PARAMS)) == 1


def test_ground_seen_through_leaves_is_a_gap_and_ground_beside_them_is_none() -> None:
    height = np.zeros((9, 9), np.int64)
    height[2:7, 2:7] = 6000
    height[4, 4] = 0
    gaps = gaps_in_leaves(height, 6)
    assert gaps[4, 4]
    assert gaps.sum() == 1


@pytest.mark.parametrize("name", ["tolerance_m", "tree_cell_m", "water_block_m"])
def test_a_length_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        ObjectParams(**{name: 0.0})
