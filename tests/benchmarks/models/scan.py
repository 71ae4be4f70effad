"""What a scanner and a classifier make of a building: points with noise, and what goes wrong in real surveys."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely
from kinds import GROUND_M, height

from twin.scene.buildings import Prism

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kinds import Built
    from numpy.random import Generator
    from numpy.typing import NDArray

    from twin.scene.buildings import SceneBuilding

__all__ = ["CHIMNEY", "DISTURBANCES", "ROOF", "TREE", "WALL", "Cloud", "Survey", "scan"]

ROOF, WALL, TREE, CHIMNEY = 0, 1, 2, 3
"""What a point was really reflected by; all of them are labelled building."""
DISTURBANCES = ("plain", "walls", "one-sided", "tree", "patch", "chimney", "all")

_MARGIN_M = 0.6
_WALL_SHARE = 0.1
"""Points a square metre of wall for one a square metre of plan: strips that overlap see walls at 10 to 20 degrees."""
_OFF_NADIR = math.tan(math.radians(25.0))
"""Of a scanner that passed on one side only."""
_STEP_M = 0.4
_BESIDE_M = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """How a building was scanned."""

    density: float
    """Points a square metre of plan."""
    noise_m: float
    """Standard deviation along z of roof points, across the wall of wall points, metres."""
    disturbance: str
    """Of `DISTURBANCES`; ``all`` is a one-sided scan with everything else on top."""

    def has(self, name: str) -> bool:
        """Whether one thing went wrong."""
        return self.disturbance in (name, "all")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cloud:
    """Points labelled building, on and around a building."""

    xyz: NDArray[np.float64]
    """Shape (n, 3), metres, sorted by x, y, z and rounded to millimetres as files are."""
    source: NDArray[np.uint8]
    """What they were reflected by, shape (n,)."""

    def take(self, keep: NDArray[np.bool_]) -> Cloud:
        """Some of the points."""
        return Cloud(xyz=self.xyz[keep], source=self.source[keep])


def scan(built: Built, survey: Survey, rng: Generator) -> Cloud:
    """Scan a building and those beside it.

    Roofs are sampled evenly in plan, without echo from what lies below. Trees stand beside the outline, lean over it
    above the eaves and hide half of the roof below; water on the roof swallows an eighth of it.
    """
    things = [(built.truth, built.parts), *built.neighbours]
    parts = tuple(part for _, own in things for part in own)
    chimneys = _chimneys(built, rng) if survey.has("chimney") else ()
    heading = float(rng.uniform(0.0, 2.0 * math.pi)) if survey.has("one-sided") else None
    roof = _roof(parts, chimneys, survey, rng)
    clouds = [roof]
    if survey.has("walls") or heading is not None:
        clouds += [_walls(truth, parts, survey, heading, rng) for truth, _ in things]
    cloud = _joined(clouds)
    if heading is not None:
        cloud = cloud.take(~_hidden(cloud.xyz, parts, heading))
    if survey.has("patch"):
        cloud = cloud.take(~_in_water(cloud, built.truth, rng))
    if survey.has("tree"):
        cloud = _under_tree(cloud, built, survey, rng)
    xyz = np.round(cloud.xyz, 3)
    order = np.lexsort((xyz[:, 2], xyz[:, 1], xyz[:, 0]))
    return Cloud(xyz=xyz[order], source=cloud.source[order])


def _roof(parts: tuple[Prism, ...], chimneys: tuple[Prism, ...], survey: Survey, rng: Generator) -> Cloud:
    boxes = [(p.u, p.v, math.hypot(p.half_p, p.half_q)) for p in parts]
    xmin, xmax = min(u - r for u, _, r in boxes), max(u + r for u, _, r in boxes)
    ymin, ymax = min(v - r for _, v, r in boxes), max(v + r for _, v, r in boxes)
    n = int(rng.poisson(survey.density * (xmax - xmin) * (ymax - ymin)))
    x, y = rng.uniform(xmin, xmax, n), rng.uniform(ymin, ymax, n)
    low, z = height(parts, x, y), height((*parts, *chimneys), x, y)
    hit = np.isfinite(low)
    source = np.where(z > low, CHIMNEY, ROOF).astype(np.uint8)
    xyz = np.column_stack([x, y, z + rng.normal(0.0, survey.noise_m, n)])
    return Cloud(xyz=xyz[hit], source=source[hit])


def _walls(
    truth: SceneBuilding, parts: tuple[Prism, ...], survey: Survey, heading: float | None, rng: Generator
) -> Cloud:
    """Points on the walls below the edges of a roof, where the ground or a lower roof lies beside them."""
    found = []
    for a, b in _edges(truth):
        along = (b - a) / max(1e-9, math.hypot(*(b - a)))
        normal = np.array([along[1], -along[0]])
        if heading is not None and normal @ [math.cos(heading), math.sin(heading)] <= 0.0:
            continue
        n = int(rng.poisson(_WALL_SHARE * survey.density * math.hypot(*(b - a)) * (truth.ridge_m - GROUND_M)))
        foot = a + rng.random((n, 1)) * (b - a)
        z = rng.uniform(GROUND_M, truth.ridge_m, n)
        outer, inner = foot + _BESIDE_M * normal, foot - _BESIDE_M * normal
        low = np.maximum(height(parts, outer[:, 0], outer[:, 1]), GROUND_M)
        hit = (z > low) & (z < height(parts, inner[:, 0], inner[:, 1]))
        xy = foot + rng.normal(0.0, survey.noise_m, (n, 1)) * normal
        found.append(np.column_stack([xy, z])[hit])
    xyz = np.concatenate(found) if found else np.empty((0, 3))
    return Cloud(xyz=xyz, source=np.full(len(xyz), WALL, np.uint8))


def _edges(truth: SceneBuilding) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Edges of all roof faces, the face to their left."""
    for plane in truth.roof_planes:
        face = shapely.orient_polygons(plane.polygon)
        for ring in (face.exterior, *face.interiors):
            yield from pairwise(shapely.get_coordinates(ring))


def _hidden(xyz: NDArray[np.float64], parts: tuple[Prism, ...], heading: float) -> NDArray[np.bool_]:
    """Which points something higher hides from a scanner that passed far on one side."""
    hidden = np.zeros(len(xyz), np.bool_)
    towards = np.array([math.cos(heading), math.sin(heading)])
    top = max(plane[2] for part in parts for plane in part.planes)
    far = (top - float(xyz[:, 2].min())) * _OFF_NADIR if len(xyz) else 0.0
    for step in np.arange(_STEP_M, min(far, 40.0) + _STEP_M, _STEP_M):
        place = xyz[:, :2] + step * towards
        hidden |= height(parts, place[:, 0], place[:, 1]) > xyz[:, 2] + step / _OFF_NADIR + 0.2
    return hidden


def _in_water(cloud: Cloud, truth: SceneBuilding, rng: Generator) -> NDArray[np.bool_]:
    """Which roof points fall into a puddle of an eighth of the outline."""
    middle = _inside(truth, rng)
    angle, flat = float(rng.uniform(0.0, math.pi)), float(rng.uniform(0.5, 1.0))
    radius = math.sqrt(truth.footprint.area / 8.0 / math.pi / flat)
    d = cloud.xyz[:, :2] - middle
    p, q = d @ [math.cos(angle), math.sin(angle)], d @ [-math.sin(angle), math.cos(angle)]
    near = (p / radius) ** 2 + (q / (radius * flat)) ** 2 < 1.0
    return near & (cloud.source != WALL)


def _under_tree(cloud: Cloud, built: Built, survey: Survey, rng: Generator) -> Cloud:
    """Add a crown that leans over the outline."""
    edge = built.truth.footprint.exterior
    along = float(rng.uniform(0.0, edge.length))
    foot, ahead = (shapely.get_coordinates(edge.interpolate((along + d) % edge.length))[0] for d in (0.0, 0.05))
    normal = np.array([ahead[1] - foot[1], foot[0] - ahead[0]]) / max(1e-9, math.hypot(*(ahead - foot)))
    middle = foot + normal * float(rng.uniform(0.5, 1.8))
    inner = foot - 0.3 * normal
    eaves = float(height(built.parts, inner[:1], inner[1:])[0])
    eaves = built.truth.eaves_m if not math.isfinite(eaves) else min(eaves, GROUND_M + 12.0)
    radius, tall = float(rng.uniform(2.2, 3.4)), float(rng.uniform(1.5, 3.0))
    bottom = eaves + float(rng.uniform(0.0, 0.8))
    n = int(rng.poisson(survey.density * math.pi * radius**2))
    r, turn = radius * np.sqrt(rng.random(n)), rng.uniform(0.0, 2.0 * math.pi, n)
    x, y = middle[0] + r * np.cos(turn), middle[1] + r * np.sin(turn)
    z = bottom + tall * np.sqrt(1.0 - (r / radius) ** 2) * rng.uniform(0.2, 1.0, n)
    above = z > height(built.parts, x, y) + 0.3
    covered = np.hypot(cloud.xyz[:, 0] - middle[0], cloud.xyz[:, 1] - middle[1]) < radius
    covered &= (cloud.xyz[:, 2] < bottom + tall) & (rng.random(len(cloud.xyz)) < 0.5)
    crown = np.column_stack([x, y, z])[above]
    return _joined([cloud.take(~covered), Cloud(xyz=crown, source=np.full(len(crown), TREE, np.uint8))])


def _chimneys(built: Built, rng: Generator) -> tuple[Prism, ...]:
    """One to three chimneys of half a metre to a metre."""
    found = []
    for _ in range(int(rng.integers(1, 4))):
        x, y = _inside(built.truth, rng)
        roof = float(height(built.parts, np.array([x]), np.array([y]))[0])
        half_p, half_q = 0.5 * rng.uniform(0.5, 1.0, 2)
        top = ((0.0, 0.0, roof + float(rng.uniform(0.7, 1.6))),)
        found.append(Prism(x, y, built.parts[0].angle, float(half_p), float(half_q), roof - 3.0, top))
    return tuple(found)


def _inside(truth: SceneBuilding, rng: Generator) -> NDArray[np.float64]:
    """Return a place at least `_MARGIN_M` inside the outline."""
    core = truth.footprint.buffer(-_MARGIN_M)
    xmin, ymin, xmax, ymax = core.bounds
    while True:
        place = np.array([rng.uniform(xmin, xmax), rng.uniform(ymin, ymax)])
        if shapely.contains_xy(core, *place):
            return place


def _joined(clouds: list[Cloud]) -> Cloud:
    return Cloud(
        xyz=np.concatenate([cloud.xyz for cloud in clouds]), source=np.concatenate([cloud.source for cloud in clouds])
    )
