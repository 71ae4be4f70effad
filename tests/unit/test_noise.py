"""What is noise and what only looks like it: ghosts, flocks, clouds; shafts, cliffs, masts, wires, chimneys."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.noise import NoiseParams, find_noise
from twin.bounds import Bounds
from twin.points import PointClass
from twin.raster import Frame
from twin.scene import Scene, SceneParams

Floats = NDArray[np.float64]
EDGE_M = 64.0
LOW, HIGH = PointClass.LOW_NOISE, PointClass.HIGH_NOISE


def field(per_m2: float = 8.0, slope: float = 0.05, seed: int = 0) -> Floats:
    """Sloping ground of `EDGE_M`, shape (n, 3)."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, EDGE_M, (2, int(EDGE_M**2 * per_m2)))
    return np.column_stack([x, y, slope * x + rng.normal(0, 0.02, x.size)])


def blob(n: int, centre: tuple[float, float, float], radius_m: float, seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(centre) + rng.uniform(-radius_m, radius_m, (n, 3))


def noise_of(*parts: Floats) -> list[NDArray[np.uint8]]:
    """Noise of several parts of one cloud, each by itself."""
    xyz = np.round(np.vstack(parts), 3)
    frame = Frame.covering(Bounds(xmin=-32, ymin=-32, xmax=EDGE_M + 32, ymax=EDGE_M + 32), 1.0)
    noise = find_noise(*xyz.T, frame, NoiseParams())
    return np.split(noise, np.cumsum([len(part) for part in parts])[:-1])


@pytest.mark.parametrize("depth_m", [4.0, 7.0, 20.0])
@pytest.mark.parametrize("n", [1, 4, 12])
def test_small_groups_below_seen_ground_are_low_noise(depth_m: float, n: int) -> None:
    ground = field()
    group = blob(n, (30.5, 30.5, 1.5 - depth_m), 0.7) * (1, 1, 1)
    of_ground, of_group = noise_of(ground, group)
    assert (of_group == LOW).all()
    assert not of_ground.any()


def test_the_street_seen_less_than_a_storey_below_is_no_noise() -> None:
    of_roof, of_street = noise_of(field(), blob(1, (30.5, 30.5, -1.0), 0.1))
    assert not of_street.any()
    assert not of_roof.any()


def test_a_group_below_a_gentle_slope_is_found_in_thin_clouds_too() -> None:
    of_ground, of_group = noise_of(field(per_m2=3.0, slope=0.1), blob(3, (30.5, 30.5, -2.0), 0.4))
    assert (of_group == LOW).all()
    assert not of_ground.any()


@pytest.mark.parametrize("wide_m", [3.0, 5.0])
def test_a_shaft_whose_floor_is_seen_is_no_noise(wide_m: float) -> None:
    xyz = field()
    inside = np.abs(xyz[:, :2] - 30.3).max(axis=1) < wide_m / 2
    xyz[inside, 2] -= 9.0
    (noise,) = noise_of(xyz)
    assert not noise[inside].any()
    assert not noise[~inside].any()


def test_an_alley_between_roofs_is_no_noise() -> None:
    xyz = field()
    roofs = np.abs(xyz[:, 1] - 30.0) > 0.8
    xyz[roofs, 2] += 20.0
    (noise,) = noise_of(xyz)
    assert not noise.any()


def test_the_floor_of_a_dark_wood_is_no_noise() -> None:
    rng = np.random.default_rng(4)
    xyz = field(per_m2=12.0, slope=0.8)
    lifted = rng.random(len(xyz)) > 0.04
    xyz[lifted, 2] += rng.uniform(4.0, 16.0, lifted.sum())
    (noise,) = noise_of(xyz)
    assert not noise[~lifted].any()


def test_a_bed_under_a_bright_surface_is_no_noise() -> None:
    rng = np.random.default_rng(5)
    xyz = field(per_m2=8.0, slope=0.0)
    bed = rng.random(len(xyz)) < 0.15
    xyz[bed, 2] -= 3.0
    (noise,) = noise_of(xyz)
    assert not noise.any()


def test_the_foot_of_a_cliff_is_no_noise() -> None:
    xyz = field()
    xyz[:, 2] += np.where(xyz[:, 0] > 30.0, 40.0, 0.0)
    hidden = (xyz[:, 0] > 24.0) & (xyz[:, 0] < 30.0)
    (noise,) = noise_of(xyz[~hidden])
    assert not noise.any()


def test_flocks_and_puffs_are_high_noise_and_tall_things_are_not() -> None:
    flock, puff = blob(6, (20, 20, 40), 2.0), blob(80, (46, 10, 35), 3.0)
    t = np.linspace(0, 1, 40)
    mast = np.column_stack([np.full(40, 20.0), np.full(40, 44.0), 45.0 * t])
    jib = np.column_stack([20.0 + 30.0 * t, np.full(40, 44.0), np.full(40, 46.0)])
    wire = np.column_stack([EDGE_M * t, np.full(40, 56.0), 14.0 + 8.0 * (t - 0.5) ** 2])
    chimney = blob(40, (44, 32, 0), 0.6) * (1, 1, 0) + np.column_stack([0 * t, 0 * t, 3.0 + 27.0 * t])
    noise = noise_of(field(), flock, puff, mast, jib, wire, chimney)
    assert (noise[1] == HIGH).all()
    assert (noise[2] == HIGH).all()
    assert not any(part.any() for part in (noise[0], *noise[3:]))


def test_a_thinly_hit_mast_keeps_its_tip() -> None:
    mast = np.column_stack([np.full(4, 30.0), np.full(4, 30.0), [8.0, 17.0, 27.0, 38.0]])
    _, of_mast = noise_of(field(per_m2=1.0), mast)
    assert not of_mast.any()


def test_a_lone_tree_with_a_clear_stem_is_no_noise() -> None:
    _, crown = noise_of(field(per_m2=1.5), blob(60, (32, 32, 11), 3.0))
    assert not crown.any()


def test_a_stray_with_nobody_around_is_not_told_and_never_ground() -> None:
    stray = np.array([[-20.0, 30.0, -203.0]])
    _, of_stray = noise_of(field(), stray)
    assert of_stray.tolist() == [PointClass.UNCLASSIFIED]


def test_a_tower_of_250_m_loses_neither_roof_nor_street() -> None:
    xyz = field()
    roof = np.abs(xyz[:, :2] - 32.0).max(axis=1) < 12.0
    xyz[roof, 2] += 250.0
    (noise,) = noise_of(xyz)
    assert not noise.any()


@pytest.mark.parametrize(("kind", "recall"), [("highrise", 0.5), ("cliff", 0.1), ("hills", -1.0)])
def test_what_is_called_noise_in_a_scene_is_noise(kind: str, recall: float) -> None:
    """Development seed; ghosts no deeper than the slope falls are known to be missed, hence the low shares."""
    points = Scene.build(SceneParams(kind=kind, n_points=150_000, seed=200)).all_points()  # type: ignore[arg-type]
    truth = points["classification"]
    frame = Frame.covering(points.bounds.buffered(32).snapped(8.0), 1.0)
    noise = find_noise(points.x, points.y, points.z, frame, NoiseParams())
    for code, least in ((LOW, recall), (HIGH, 0.6)):
        assert (truth[noise == code] != code).sum() <= 10
        assert (noise[truth == code] == code).mean() > least
