"""Under water: surface, bed, what lies between, and no bed where none was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.classify import classify_points, classify_profile
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

GROUND, BED, SURFACE, OBJECT, COLUMN = 2, 40, 41, 43, 45
EDGE_M = 72.0


def sounded(
    bed: Callable[[Floats, Floats], Floats],
    *,
    seen: tuple[float, float] = (0.7, 0.3),
    haze: tuple[float, float] = (0.02, 1.0),
    wave_m: float = 0.02,
    seed: int = 0,
) -> tuple[Points, NDArray[np.uint8]]:
    """Soundings of a green laser, 8 pulses a square metre, water at 0 m, and the true codes.

    `seen`: shares of pulses that come back from the bed and from the surface; `haze`: returns of the water for each
    pulse, and the depth in metres over which they grow fewer by e.
    """
    rng = np.random.default_rng(seed)
    n = int(8 * EDGE_M**2)
    x, y = rng.uniform(0, EDGE_M, (2, n))
    ground, top = bed(x, y), wave_m * np.sin(0.45 * x + 0.2 * y)
    dry = ground > top
    parts = [(dry, ground + rng.normal(0, 0.02, n), GROUND)]
    parts.append((~dry & (rng.random(n) < seen[1]), top + rng.normal(0, 0.02, n), SURFACE))
    parts.append((~dry & (rng.random(n) < seen[0]) & (ground < -0.3), ground + rng.normal(0, 0.03, n), BED))
    depth = 0.3 + rng.exponential(haze[1], n)
    parts.append((~dry & (rng.random(n) < haze[0]) & (depth < top - ground - 0.2), top - depth, COLUMN))
    z = np.concatenate([height[chosen] for chosen, height, _ in parts])
    truth = np.concatenate([np.full(chosen.sum(), code, np.uint8) for chosen, _, code in parts])
    x, y = (np.concatenate([axis[chosen] for chosen, *_ in parts]) for axis in (x, y))
    return Points(x=x + 5000.0, y=y - 3000.0, z=np.rint(z * 1000) / 1000), truth


def labels_of(points: Points, profile: str = "urban") -> NDArray[np.uint8]:
    return classify_points(points, points.bounds, classify_profile(profile).steps)[0]


def agreement(truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> float:
    """Share of the points in the water, or called bed, that are rightly called bed or rightly not."""
    asked = np.isin(truth, (BED, SURFACE, OBJECT, COLUMN)) | (found == BED)
    return float(((truth == BED) == (found == BED))[asked].mean())


def flat(x: Floats, y: Floats) -> Floats:
    return -3.0 + 0.2 * np.sin(x / 13.0) + 0.1 * np.cos(y / 9.0)


def channel(x: Floats, y: Floats) -> Floats:
    return np.clip(-9.0 + 0.67 * (abs(x - 36.0) - 10.0), -9.0, flat(x, y))


def ledges(x: Floats, y: Floats) -> Floats:
    """Two channels with a shoal between them, narrow enough for a house."""
    return np.maximum(-8.0, -2.0 - 0.67 * np.maximum(abs(abs(x - 36.0) - 20.0) * -1.0 + 12.0, 0.0))


def beach(x: Floats, y: Floats) -> Floats:
    return 2.0 - 0.06 * x + 0.03 * np.sin(y / 7.0)


@pytest.mark.parametrize(
    ("bed", "haze", "wave_m"),
    [(flat, (0.02, 1.0), 0.02), (flat, (0.9, 0.5), 0.05), (channel, (0.05, 1.0), 0.02),
     (ledges, (0.02, 1.0), 0.02), (beach, (0.02, 1.0), 0.02),
     (flat, (0.1, 1.0), 0.12)],
    ids=["clear", "turbid", "channel", "ledges", "beach", "waves"],
)  # fmt: skip
def test_a_bed_that_is_seen_is_found_and_nothing_above_it_is_taken_for_it(
    bed: Callable[[Floats, Floats], Floats], haze: tuple[float, float], wave_m: float
) -> None:
    points, truth = sounded(bed, haze=haze, wave_m=wave_m)
    found = labels_of(points)
    assert agreement(truth, found) > 0.99
    assert (found[truth == SURFACE] == SURFACE).mean() > 0.97
    assert (found[truth == COLUMN] == COLUMN).mean() > 0.9


def test_returns_that_fade_away_downwards_are_no_bed() -> None:
    points, truth = sounded(lambda x, y: np.full_like(x, -30.0), seen=(0.0, 0.6), haze=(0.95, 0.3))
    found = labels_of(points)
    assert (found == BED).sum() < 0.001 * len(points)
    assert (found[truth == COLUMN] == COLUMN).mean() > 0.97
    as_before = classify_profile("island").steps.seabed
    assert as_before.fading_code == COLUMN


def test_sea_grass_is_not_the_bed_it_stands_on() -> None:
    points, truth = sounded(flat, seed=3)
    rng = np.random.default_rng(4)
    grass = (truth == BED) & (np.sin(points.x / 9) * np.sin(points.y / 8) > 0) & (rng.random(len(truth)) < 0.6)
    z = np.where(grass, points.z + rng.uniform(0.22, 0.6, len(truth)), points.z)
    found = labels_of(Points(x=points.x, y=points.y, z=z))
    assert (found[(truth == BED) & ~grass] == BED).mean() > 0.99
    assert (found[grass] == COLUMN).mean() > 0.85


def test_the_seabed_profile_leaves_a_beach_dry_and_takes_soundings_without_a_surface() -> None:
    points, truth = sounded(beach)
    found = labels_of(points, "seabed")
    assert (found[truth == GROUND] == GROUND).mean() > 0.9
    assert agreement(truth, found) > 0.97
    points, truth = sounded(flat, seen=(0.7, 0.0), haze=(0.0, 1.0))
    assert (labels_of(points, "seabed") == BED).mean() > 0.99


def test_a_solid_block_on_the_bed_is_an_object_and_haze_is_none() -> None:
    points, truth = sounded(flat, haze=(0.1, 0.6))
    x, y = points.x - 5036.0, points.y + 2964.0
    block = (abs(x) < 4.0) & (abs(y) < 4.0) & (truth == BED)
    swallowed = (abs(x) < 4.0) & (abs(y) < 4.0) & (truth == COLUMN)
    z = np.where(block, -1.4, points.z)
    found = labels_of(Points(x=points.x, y=points.y, z=z).take(~swallowed))
    truth, block = truth[~swallowed], block[~swallowed]
    assert (found[block] == OBJECT).mean() > 0.8
    assert (found[truth == COLUMN] == OBJECT).mean() < 0.03


def test_a_sonar_hears_a_bed_and_never_a_surface() -> None:
    points, truth = sounded(flat, seen=(0.9, 0.0), haze=(0.0, 1.0))
    found = labels_of(points.with_attributes(is_sonar=np.ones(len(points), bool)))
    assert (found[truth == BED] == BED).mean() > 0.99
