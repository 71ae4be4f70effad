"""What is a building and what is not, on small worlds; distances from planes against an eigensolver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.classify import ClassifyParams, Evidence, classify_points
from pipelines.objects import AboveGround, planes_around
from twin.points import PointClass, Points

Floats = NDArray[np.float64]

EDGE_M = 50.0


@dataclass
class World:
    """A meadow on which things are put; each keeps the numbers of its points."""

    per_m2: float = 12.0
    seed: int = 0
    x: Floats = field(init=False)
    y: Floats = field(init=False)
    z: Floats = field(init=False)
    of: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        n = int(EDGE_M**2 * self.per_m2)
        self.x, self.y = self.rng.uniform(0, EDGE_M, (2, n))
        self.z = self.rng.normal(0, 0.02, n)
        self.of = np.ones(n, np.uint8)

    def box(self, cx: float, cy: float, wide: float, deep: float) -> NDArray[np.bool_]:
        return (abs(self.x - cx) < wide / 2) & (abs(self.y - cy) < deep / 2)

    def raise_to(self, where: NDArray[np.bool_], top: float | Floats) -> NDArray[np.bool_]:
        self.z[where] = np.broadcast_to(top, where.shape)[where] + self.rng.normal(0, 0.02, where.sum())
        return where

    def leaves(self, where: NDArray[np.bool_], low: float, high: float, of: int = 2) -> NDArray[np.bool_]:
        self.z[where] = self.rng.uniform(low, high, where.sum())
        self.of[where] = of
        return where

    def more(self, x: Floats, y: Floats, z: Floats) -> NDArray[np.bool_]:
        """Add points, such as those of walls, and return which these are."""
        self.x, self.y, self.z = (np.append(a, b) for a, b in ((self.x, x), (self.y, y), (self.z, z)))
        self.of = np.append(self.of, np.ones(len(x), np.uint8))
        return np.arange(len(self.x)) >= len(self.x) - len(x)

    def wall(self, cx: float, cy: float, wide: float, deep: float, top: float) -> NDArray[np.bool_]:
        """Points on the four sides of a box, 6 a square metre."""
        n = int(12 * (wide + deep) * top)
        side, along = self.rng.integers(0, 4, n), self.rng.uniform(-0.5, 0.5, n)
        x = np.where(side < 2, along * wide, np.where(side == 2, wide / 2, -wide / 2))
        y = np.where(side < 2, np.where(side == 0, deep / 2, -deep / 2), along * deep)
        return self.more(cx + x, cy + y, self.rng.uniform(0, top, n))

    def labels(self: Self, *outlines: shapely.Polygon) -> NDArray[np.uint8]:
        ones = np.ones(len(self.x), np.uint8)
        x, y, z = (np.rint(axis * 1000) / 1000 for axis in (self.x, self.y, self.z))
        points = Points(x=x, y=y, z=z).with_attributes(
            return_number=np.minimum(ones, self.of), number_of_returns=self.of
        )
        evidence = Evidence(footprints=np.array(outlines, dtype=object) if outlines else None)
        return classify_points(points, points.bounds, ClassifyParams(), evidence)[0]


def share(label: NDArray[np.uint8], where: NDArray[np.bool_], code: int = PointClass.BUILDING) -> float:
    return float((label[where] == code).mean())


def test_a_gabled_house_is_found_to_its_ridge_and_eaves_with_its_walls() -> None:
    world = World()
    house = world.box(25, 25, 12, 8)
    world.raise_to(house, 6 + 0.9 * (4 - abs(world.y - 25)))
    wall = world.wall(25, 25, 12, 8, 5.8)
    house = np.append(house, np.zeros(wall.sum(), bool))
    label = world.labels()
    assert share(label, house) > 0.995
    assert share(label, wall & (world.z > 0.6)) > 0.97
    assert share(label, ~house & ~wall) < 0.001


def test_a_parapet_and_a_chimney_belong_to_the_roof_they_stand_on() -> None:
    world = World()
    roof = world.raise_to(world.box(25, 25, 16, 12), 9.0)
    parapet = roof & ~world.box(25, 25, 15, 11)
    chimney = world.box(22, 25, 1.2, 1.2)
    world.raise_to(parapet, 10.0)
    world.raise_to(chimney, 10.8)
    label = world.labels()
    assert share(label, parapet) > 0.99
    assert share(label, chimney) > 0.9
    assert share(label, roof) > 0.99


def test_a_hedge_along_a_house_stays_vegetation() -> None:
    world = World()
    house = world.raise_to(world.box(25, 25, 12, 8), 6.0)
    hedge = world.leaves(world.box(25, 30.6, 12, 1.6), 0.2, 1.8)
    free = world.leaves(world.box(25, 42, 20, 2.0), 0.2, 2.4)
    label = world.labels()
    assert share(label, house) > 0.99
    assert share(label, hedge) < 0.05
    assert share(label, free) == 0.0


def test_a_crown_half_over_a_roof_takes_neither_the_roof_nor_becomes_one() -> None:
    world = World()
    house = world.raise_to(world.box(22, 25, 12, 10), 5.0)
    crown = np.hypot(world.x - 29, world.y - 25) < 4
    leaf = crown & (world.rng.random(len(world.x)) < 0.6)
    world.leaves(leaf, 8.0, 12.0)
    label = world.labels()
    assert share(label, house & ~leaf) > 0.98
    assert share(label, leaf) < 0.03


@pytest.mark.parametrize(("wide", "top"), [(4.0, 2.6), (3.6, 2.3)])
def test_a_shed_is_a_building(wide: float, top: float) -> None:
    world = World()
    shed = world.raise_to(world.box(25.3, 25.4, wide, 12.5 / wide), top)
    assert share(world.labels(), shed) > 0.9


def test_cars_are_no_buildings() -> None:
    world = World()
    cars = np.zeros(len(world.x), bool)
    for k in range(6):
        cars |= world.raise_to(world.box(10 + 3 * k, 25, 1.8, 4.4), 1.5)
    assert share(world.labels(), cars) == 0.0


def test_a_courtyard_stays_ground() -> None:
    world = World()
    block = world.box(25, 25, 36, 36)
    court = world.box(25, 25, 12, 12)
    world.raise_to(block & ~court, 14.0)
    label = world.labels()
    assert share(label, court & world.box(25, 25, 11, 11), PointClass.GROUND) > 0.99
    assert share(label, block & ~court) > 0.99


def test_a_tower_of_150_m_is_a_building_from_its_roof_to_its_foot() -> None:
    world = World()
    tower = world.raise_to(world.box(25, 25, 20, 20), 150.0)
    wall = world.wall(25, 25, 20, 20, 149.0)
    tower = np.append(tower, np.zeros(wall.sum(), bool))
    label = world.labels()
    assert share(label, tower) > 0.99
    assert share(label, wall & (world.z > 1.0)) > 0.97


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), voxel_m=st.sampled_from([0.5, 1.0]))
def test_distances_from_planes_are_those_of_an_eigensolver(seed: int, voxel_m: float) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 50))
    x, y = np.rint(rng.uniform(-2, 2, (2, n)) * 1000) / 1000
    z = np.rint((0.4 * x + 0.2 * y + rng.normal(0, 0.03, n) + (rng.random(n) < 0.2)) * 1000) / 1000
    yes = np.ones(n, bool)
    points = AboveGround(x=x, y=y, z=z, height_m=z.astype(np.float32), is_last=yes, is_single=yes, is_numbered=yes)
    _, found = planes_around(points, voxel_m, 0.1, 6)
    xyz = np.stack([x, y, z], axis=1)
    voxel = np.floor(np.rint(xyz * 1000) / round(voxel_m * 1000)).astype(int)
    planes = {}
    for v in np.unique(voxel, axis=0):
        near = xyz[(abs(voxel - v) <= 1).all(axis=1)]
        if len(near) >= 6:
            values, vectors = np.linalg.eigh(np.cov(near.T, bias=True))
            if abs(np.sqrt(max(values[0], 0)) - 0.1) < 1e-3 or values[1] - values[0] < 1e-3:
                return  # too near the limit, or no plane stands out: the closed form may see it otherwise
            if np.sqrt(max(values[0], 0)) < 0.1:
                planes[tuple(v)] = (vectors[:, 0], near.mean(axis=0))
    for p in range(n):
        gaps = [abs(normal @ (xyz[p] - mid)) for v, (normal, mid) in planes.items() if (abs(voxel[p] - v) <= 1).all()]
        assert found[p] == pytest.approx(min(gaps, default=np.inf), abs=2e-3)


@pytest.mark.parametrize("per_m2", [0.5, 1.0, 2.0])
def test_where_points_are_few_a_house_is_found_and_a_wood_is_not(per_m2: float) -> None:
    world = World(per_m2=per_m2)
    house = world.box(15, 25, 18, 12)
    world.raise_to(house, 5 + 0.5 * (6 - abs(world.y - 25)))
    wood = world.leaves(world.box(37, 25, 18, 40), 2.0, 12.0)
    label = world.labels()
    assert share(label, house) > 0.9
    assert share(label, wood) < 0.05
    assert share(label, ~house & ~wood) < 0.01


def test_shrubs_are_vegetation_by_height_and_cars_beside_them_are_not() -> None:
    world = World()
    cars = np.zeros(len(world.x), bool)
    for k in range(4):
        cars |= world.raise_to(world.box(10 + 3 * k, 15, 1.8, 4.4), 1.4)
    through = world.rng.random(len(world.x)) < 0.4
    low = world.leaves(world.box(20, 35, 5, 5) & ~through, 0.3, 0.48)
    medium = world.leaves(world.box(30, 35, 5, 5) & ~through, 0.55, 1.45)
    high = world.leaves(world.box(40, 35, 5, 5) & ~through, 1.6, 4.0)
    label = world.labels()
    assert share(label, cars & (world.z > 1), PointClass.UNCLASSIFIED) > 0.95
    assert share(label, low, PointClass.LOW_VEGETATION) > 0.9
    assert share(label, medium, PointClass.MEDIUM_VEGETATION) > 0.9
    assert share(label, high, PointClass.HIGH_VEGETATION) > 0.9


def test_without_numbers_of_returns_a_house_is_a_house_and_a_tree_is_none() -> None:
    world = World()
    house = world.raise_to(world.box(15, 25, 12, 10), 6.0)
    crown = world.leaves(np.hypot(world.x - 38, world.y - 25) < 6, 2.0, 9.0)
    world.of[:] = 0
    label = world.labels()
    assert share(label, house) > 0.99
    assert share(label, crown) < 0.02
    assert share(label, crown & (world.z > 2.5), PointClass.HIGH_VEGETATION) > 0.95


def test_an_outline_finds_a_roof_under_trees_and_a_small_hut() -> None:
    world = World()
    house = world.raise_to(world.box(15, 25, 10, 9), 4.0)
    leaf = house & (world.rng.random(len(world.x)) < 0.65)
    world.leaves(leaf, 6.5, 11.0)
    hut = world.raise_to(world.box(37.2, 25.3, 2.2, 2.4), 2.4)
    roof = house & ~leaf
    alone = world.labels()
    given = world.labels(shapely.box(10, 20.5, 20, 29.5), shapely.box(36, 24, 38.4, 26.6))
    assert share(alone, roof) < 0.5 < 0.9 < share(given, roof)
    assert share(alone, hut) == 0.0
    assert share(given, hut) > 0.9
    assert share(given, leaf) < 0.1


def test_outlines_of_what_was_torn_down_or_never_stood_build_nothing_and_others_are_found_without() -> None:
    world = World()
    house = world.raise_to(world.box(15, 25, 10, 9), 4.0)
    cars = world.raise_to(world.box(34, 20, 1.8, 4.4), 1.4)
    wood = world.leaves(world.box(38, 38, 10, 10) & (world.rng.random(len(world.x)) < 0.8), 0.5, 12.0)
    label = world.labels(shapely.box(30, 15, 40, 25), shapely.box(33, 33, 43, 43))
    assert share(label, house) > 0.99
    assert share(label, cars | wood) < 0.02
    assert share(label, ~house & ~cars & ~wood, PointClass.GROUND) > 0.99


def test_a_wire_that_hangs_free_is_a_wire_and_a_crown_is_none() -> None:
    world = World()
    along = np.linspace(2, 48, 120)
    wire = world.more(along, np.full(120, 20.0), 9 + 0.004 * (along - 25) ** 2)
    crown = world.leaves(np.hypot(world.x - 25, world.y - 38) < 6, 2.0, 11.0)
    label = world.labels()
    assert share(label, wire, PointClass.WIRE) > 0.95
    assert share(label, ~wire, PointClass.WIRE) == 0.0
    assert share(label, crown & (world.z > 3), PointClass.HIGH_VEGETATION) > 0.99
