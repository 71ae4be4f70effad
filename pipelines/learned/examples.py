"""Labelled clouds to rows for training: each seen thinned, warped, noisy and without echoes, as other surveys are.

A model that has seen one sensor over one plain takes its density and its flatness for laws. So every cloud is seen in
copies that differ in what surveys differ in, and each copy goes through the ground filter anew: the trees learn from
its errors there too.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.ground import find_ground, ground_frame_step_m
from pipelines.learned.cells import CELL_M
from pipelines.learned.features import FeatureSource, Filtered
from pipelines.learned.model import HEADS
from pipelines.learned.odds import in_doubt, is_standing
from pipelines.learned.truths import habit_named
from twin.bounds import Bounds
from twin.points import PointClass, Points
from twin.raster import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pipelines.ground import SmrfParams
    from pipelines.learned.params import LearnedParams
    from pipelines.learned.recipe import Copy, Recipe, Region

__all__ = ["Rows", "examples_of", "filtered", "seen_as"]

_WAVES_M = (400.0, 120.0, 60.0, 30.0, 15.0)
"""Lengths of the hills put under a cloud: from a valley's side to a bank of earth."""
_OCCUPIED_M = 4.0
"""Cells in which density is measured: it is that of where there are points."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Examples of one head."""

    features: NDArray[np.float32]
    """Shape (n, n_features)."""
    answer: NDArray[np.int8]
    """1 for yes, 0 for no, shape (n,)."""
    weight: NDArray[np.float64]
    """Weight of each row, so that the copies of a region weigh the same, shape (n,)."""


def examples_of(
    region: Region, clouds: Mapping[str, Points], recipe: Recipe, steps: tuple[SmrfParams, LearnedParams]
) -> dict[str, Rows]:
    """Return rows by head for one region, where its truth can tell.

    Parameters
    ----------
    region
        Which habit its class codes follow.
    clouds
        Its clouds by name, with ``classification``.
    recipe
        Copies and number of rows.
    steps
        Parameters of the ground filter and of the second look.
    """
    share = recipe.trees.rows_per_region // (len(clouds) * len(recipe.copies))
    parts: dict[str, list[tuple[NDArray[np.float32], NDArray[np.int8]]]] = {head: [] for head in HEADS}
    for name, cloud in clouds.items():
        for number, copy in enumerate(recipe.copies):
            rng = np.random.default_rng([recipe.trees.seed, zlib.crc32(f"{region.name}/{name}".encode()), number])
            for head, rows in _rows(seen_as(cloud, copy, rng), region, share, steps, rng):
                parts[head].append(rows)
    return {head: _joined(rows) for head, rows in parts.items() if rows}


def seen_as(cloud: Points, copy: Copy, rng: np.random.Generator) -> Points:
    """Return a cloud as another survey would have seen it: no noise, turned, thinned, warped; whole millimetres."""
    noise = np.isin(cloud["classification"], [PointClass.LOW_NOISE, PointClass.HIGH_NOISE, 64, 65, 66, 67])
    kept = ~noise & (rng.random(len(cloud)) < _share(cloud, copy.density_per_m2))
    cloud = cloud.take(kept)
    middle = np.round([cloud.x.mean(), cloud.y.mean()])
    angle = rng.uniform(0.0, 2.0 * np.pi) if copy.turn else 0.0
    u, v = cloud.x - middle[0], cloud.y - middle[1]
    x, y = u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)
    z = cloud.z + _relief(x, y, copy.relief, rng) + rng.normal(0.0, 1.0, len(cloud)) * copy.noise_m
    unknown = np.zeros(len(cloud), np.uint8)
    attributes = {"classification": cloud["classification"]}
    for name in ("return_number", "number_of_returns"):
        attributes[name] = cloud.attributes.get(name, unknown) if copy.echoes else unknown
    x, y, z = (np.rint(axis * 1000.0) / 1000.0 for axis in (x + middle[0], y + middle[1], z))
    return Points(x=x, y=y, z=z, attributes=attributes)


def filtered(cloud: Points, ground: SmrfParams) -> tuple[Filtered, Frame]:
    """Put a cloud without noise through the ground filter."""
    window = Bounds.around(cloud.x, cloud.y).buffered(CELL_M)
    frame = Frame.covering(window.snapped(ground_frame_step_m(ground)), ground.cell_m)
    found = find_ground(cloud.x, cloud.y, cloud.z, frame, ground)
    points = Filtered(
        x=cloud.x,
        y=cloud.y,
        z=cloud.z,
        height_m=found.height_m,
        tolerance_m=found.tolerance_m,
        is_ground=found.is_ground,
        return_number=cloud["return_number"],
        number_of_returns=cloud["number_of_returns"],
    )
    return points, Frame.covering(window.snapped(CELL_M), CELL_M)


def _rows(
    cloud: Points, region: Region, share: int, steps: tuple[SmrfParams, LearnedParams], rng: np.random.Generator
) -> Iterator[tuple[str, tuple[NDArray[np.float32], NDArray[np.int8]]]]:
    """Up to `share` rows for each head that the region's truth can tell."""
    points, frame = filtered(cloud, steps[0])
    source = FeatureSource.of(points, frame)
    standing = np.zeros(len(points), np.bool_)
    standing[source.highest_of_voxels(is_standing(points, steps[1]), np.ones(len(points), np.bool_))[0]] = True
    asked = {"ground": in_doubt(source, steps[1]), "building": standing, "vegetation": standing}
    codes, habit = cloud["classification"], habit_named(region.codes)
    picked = {}
    for head in HEADS:
        answer = habit.truth(head, codes)
        chosen = np.sort(rng.permutation(np.flatnonzero(asked[head] & (answer >= 0)))[:share])
        if len(chosen):
            picked[head] = (chosen, answer[chosen])
    every = np.unique(np.concatenate([np.zeros(0, np.intp), *(chosen for chosen, _ in picked.values())]))
    rows = source.rows(every)
    for head, (chosen, answer) in picked.items():
        yield head, (rows[np.searchsorted(every, chosen)], answer)


def _joined(parts: list[tuple[NDArray[np.float32], NDArray[np.int8]]]) -> Rows:
    weight = [np.full(len(answer), 1.0 / (len(parts) * len(answer))) for _, answer in parts]
    return Rows(
        features=np.concatenate([rows for rows, _ in parts]),
        answer=np.concatenate([answer for _, answer in parts]),
        weight=np.concatenate(weight),
    )


def _share(cloud: Points, density_per_m2: float) -> float:
    """Share of points to keep for a density in occupied cells."""
    if density_per_m2 <= 0.0:
        return 1.0
    columns = (np.floor(axis / _OCCUPIED_M).astype(np.int64) for axis in (cloud.x, cloud.y))
    occupied = len(np.unique(np.stack(list(columns)), axis=1).T)
    return density_per_m2 * occupied * _OCCUPIED_M**2 / len(cloud)


def _relief(x: NDArray[np.float64], y: NDArray[np.float64], slope: float, rng: np.random.Generator) -> Any:
    """Heights of smooth random hills: waves of several lengths, two of each, in all directions."""
    total = np.zeros(x.shape)
    for length_m in _WAVES_M:
        for _ in range(2):
            angle, phase, share = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.2, 0.6)
            along = 2.0 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / length_m
            half = 0.5 if length_m < 20.0 else 1.0
            total += slope * share * half * length_m / (2.0 * np.pi) * np.sin(along + phase)
    return total
