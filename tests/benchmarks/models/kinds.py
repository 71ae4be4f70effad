"""The buildings: those of the scene and five more kinds, each a union of prisms whose roof is known exactly."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from twin.scene.buildings import BuildingSpec, Prism, SceneBuilding, as_truth, design, prisms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["GROUND_M", "KINDS", "SEVEN", "Built", "build", "height"]

GROUND_M = 12.0
"""Ground under all buildings, metres above T.P."""

SEVEN = ("flat", "gabled", "hipped", "shed", "l_shaped", "stepped", "penthouse")
"""Kinds that other programs were measured on when the figures to reach were set."""
_ROOMS = {
    "flat": (15.0, 12.5), "gabled": (16.0, 12.0), "hipped": (16.0, 12.0), "shed": (16.0, 12.0),
    "l_shaped": (17.0, 16.0), "stepped": (16.0, 12.0), "penthouse": (15.5, 12.5), "courtyard": (20.0, 19.0),
    "row": (8.5, 12.0), "highrise": (17.0, 15.0), "tower": (18.0, 16.0), "hall": (22.0, 13.0),
    "mansard": (16.0, 12.0), "cross_gable": (16.0, 10.0), "dormers": (16.0, 12.0), "extension": (14.0, 11.0),
    "parapet": (15.5, 12.5),
}  # fmt: skip
"""Free length along and across, metres: about 150 square metres come of it, 1 500 points at 10 a square metre."""
KINDS = tuple(_ROOMS)

_Part = tuple[float, float, float, float, float, tuple[tuple[float, float, float], ...]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Built:
    """One building and those that stand wall to wall with it."""

    truth: SceneBuilding
    """Outline and roof faces, exact; base at `GROUND_M`."""
    parts: tuple[Prism, ...]
    """What it is made of."""
    neighbours: tuple[tuple[SceneBuilding, tuple[Prism, ...]], ...] = ()
    """Other units of its row, with which it shares walls."""


def build(kind: str, name: str, at: tuple[float, float], rng: Generator) -> Built:
    """Draw one building of a kind.

    Parameters
    ----------
    kind
        Of `KINDS`.
    name
        Id.
    at
        Centre, metres.
    rng
        Source of all measures.
    """
    drawn = design(kind if kind in _SCENE else "gabled", (*at, GROUND_M), _ROOMS[kind], rng)  # type: ignore[arg-type]
    spec = drawn._replace(angle=float(rng.uniform(0.0, math.pi)))
    if kind == "row":
        return _row(spec, name, rng)
    if kind == "tower":
        spec = spec._replace(eaves=GROUND_M + 12.0, rise=float(rng.uniform(25.0, 60.0)), share=0.65)
    elif kind == "hall":
        low, slope = float(rng.uniform(7.0, 12.0)), float(rng.uniform(0.05, 0.16))
        spec = spec._replace(eaves=GROUND_M + low, rise=slope, share=0.5)
    elif kind == "highrise":
        spec = spec._replace(eaves=GROUND_M + 3.1 * float(rng.integers(9, 16)))
    parts = tuple(_EXTRA[kind](spec, rng) if kind in _EXTRA else prisms(spec, GROUND_M))
    return Built(truth=_truth(name, spec._replace(kind=kind), parts), parts=parts)  # type: ignore[arg-type]


def height(parts: tuple[Prism, ...], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Roof of a union of prisms from above, metres; minus infinity beside it."""
    top = np.full(np.shape(x), -np.inf)
    for part in parts:
        c, s = math.cos(part.angle), math.sin(part.angle)
        p, q = (x - part.u) * c + (y - part.v) * s, (y - part.v) * c - (x - part.u) * s
        own = np.min([sp * p + sq * q + high for sp, sq, high in part.planes], axis=0)
        inside = (np.abs(p) <= part.half_p) & (np.abs(q) <= part.half_q)
        np.maximum(top, own, out=top, where=inside)
    return top


def _truth(name: str, spec: BuildingSpec, parts: tuple[Prism, ...]) -> SceneBuilding:
    """Outline and roof faces, their coordinates on the grid, but what is made of them not: GEOS would round it too."""
    truth = as_truth(name, spec, list(parts), GROUND_M, (0.0, 0.0))
    return dataclasses.replace(truth, footprint=shapely.set_precision(truth.footprint, 0.0))


def _row(spec: BuildingSpec, name: str, rng: Generator) -> Built:
    """Three units in a row, ridge behind ridge or not; the middle one is the building."""
    c, s = math.cos(spec.angle), math.sin(spec.angle)
    halves = [spec.half_p * float(rng.uniform(0.85, 1.1)) for _ in range(3)]
    middles = [-halves[0] - halves[1], 0.0, halves[1] + halves[2]]
    units = []
    for k, (half, p) in enumerate(zip(halves, middles, strict=True)):
        lift = float(rng.choice([0.0, 0.0, 0.35, 0.9]))
        one = spec._replace(u=spec.u + p * c, v=spec.v + p * s, half_p=half, eaves=spec.eaves + lift)
        parts = tuple(prisms(one, GROUND_M))
        own = name if k == 1 else f"{name}{'ac'[k // 2]}"
        units.append((_truth(own, one, parts), parts))
    truth, parts = units[1]
    return Built(truth=truth, parts=parts, neighbours=(units[0], units[2]))


def _placed(spec: BuildingSpec, parts: list[_Part]) -> list[Prism]:
    """Turn parts in the building's frame into prisms."""
    c, s = math.cos(spec.angle), math.sin(spec.angle)
    return [
        Prism(spec.u + p * c - q * s, spec.v + p * s + q * c, spec.angle + turn, half_p, half_q, GROUND_M - 8.0, planes)
        for p, q, turn, half_p, half_q, planes in parts
    ]


def _ridge(eaves: float, slope: float, half_q: float) -> tuple[tuple[float, float, float], ...]:
    top = eaves + slope * half_q
    return (0.0, -slope, top), (0.0, slope, top)


def _mansard(spec: BuildingSpec, rng: Generator) -> list[Prism]:
    steep, shallow = float(rng.uniform(1.7, 2.6)), float(rng.uniform(0.25, 0.45))
    bend = spec.half_q * float(rng.uniform(0.22, 0.32))
    low, high = spec.eaves + steep * spec.half_q, spec.eaves + steep * bend + shallow * (spec.half_q - bend)
    planes = ((0.0, -steep, low), (0.0, steep, low), (0.0, -shallow, high), (0.0, shallow, high))
    return _placed(spec, [(0.0, 0.0, 0.0, spec.half_p, spec.half_q, planes)])


def _cross_gable(spec: BuildingSpec, rng: Generator) -> list[Prism]:
    beyond, half = float(rng.uniform(2.0, 4.5)), spec.half_q * float(rng.uniform(0.65, 1.0))
    length = 0.5 * (spec.half_q + beyond)
    aside = float(rng.uniform(-0.4, 0.4)) * (spec.half_p - half)
    wing = (aside, length, 0.5 * math.pi, length, half, _ridge(spec.eaves, spec.rise, half))
    main = (0.0, 0.0, 0.0, spec.half_p, spec.half_q, _ridge(spec.eaves, spec.rise, spec.half_q))
    return _placed(spec, [main, wing])


def _dormers(spec: BuildingSpec, rng: Generator) -> list[Prism]:
    slope = float(rng.uniform(0.8, 1.1))
    parts: list[_Part] = [(0.0, 0.0, 0.0, spec.half_p, spec.half_q, _ridge(spec.eaves, slope, spec.half_q))]
    n = int(rng.integers(1, 4))
    gabled = rng.random() < 0.5
    for side in (1.0, -1.0)[: int(rng.integers(1, 3))]:
        front = 0.78 * spec.half_q
        top = spec.eaves + slope * (spec.half_q - front) + float(rng.uniform(1.2, 1.7))
        half = float(rng.uniform(0.9, 1.4))
        for k in range(n):
            p = spec.half_p * ((2 * k + 1) / n - 1.0)
            turn = 0.5 * math.pi * side
            planes = _ridge(top - 0.5 * half, 0.5, half) if gabled else ((-0.08, 0.0, top + 0.04 * front),)
            parts.append((p, side * 0.5 * front, turn, 0.5 * front, half, planes))
    return _placed(spec, parts)


def _extension(spec: BuildingSpec, rng: Generator) -> list[Prism]:
    deep, half = float(rng.uniform(2.5, 4.0)), spec.half_p * float(rng.uniform(0.55, 0.9))
    slope, low = float(rng.uniform(0.12, 0.28)), GROUND_M + float(rng.uniform(2.3, 2.8))
    main = (0.0, 0.0, 0.0, spec.half_p, spec.half_q, _ridge(spec.eaves, spec.rise, spec.half_q))
    lean = ((0.0, -slope, low + 0.5 * slope * deep),)
    return _placed(spec, [main, (spec.half_p - half, spec.half_q + 0.5 * deep, 0.0, half, 0.5 * deep, lean)])


def _parapet(spec: BuildingSpec, rng: Generator) -> list[Prism]:
    wide, rim = 0.5 * float(rng.uniform(0.25, 0.4)), ((0.0, 0.0, spec.eaves + float(rng.uniform(0.5, 1.0))),)
    p, q = spec.half_p, spec.half_q
    box = (-0.3 * p, 0.25 * q, 0.0, 0.24 * p, 0.24 * q, ((0.0, 0.0, spec.eaves + 2.6),))
    return _placed(
        spec,
        [
            (0.0, 0.0, 0.0, p, q, ((0.0, 0.0, spec.eaves),)),
            (0.0, wide - q, 0.0, p, wide, rim),
            (0.0, q - wide, 0.0, p, wide, rim),
            (wide - p, 0.0, 0.0, wide, q, rim),
            (p - wide, 0.0, 0.0, wide, q, rim),
            box,
        ],
    )


_EXTRA: dict[str, Callable[[BuildingSpec, Generator], list[Prism]]] = {
    "mansard": _mansard, "cross_gable": _cross_gable, "dormers": _dormers, "extension": _extension, "parapet": _parapet,
}  # fmt: skip
_SCENE = frozenset(_ROOMS) - frozenset(_EXTRA)
