"""Thousands of damaged and shaken houses: whoever passes our check is closed to trimesh, and valid to val3dity.

val3dity is asked if `TWIN_VAL3DITY` names it (the fixture `val3dity` tells where it is from), and about more houses.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
import trimesh

from pipelines.model import prism
from pipelines.validity import DEFAULT, STRICT, Tolerances, check_solid, volume_m3
from pipelines.validity.check import flat, limits_of, steps_of
from pipelines.validity.examine import examine
from twin.building import Solid

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

Faces = list[list[list[int]]]
Ask = "Callable[..., dict[str, tuple[int, ...]]]"

N = 3000 if "TWIN_VAL3DITY" in os.environ else 400
STEPS_M = (1e-4, 2e-4, 1e-3, 5e-3, 0.02, 0.5, 3.0)


def a_prism(rng: Generator) -> tuple[NDArray[np.float64], Faces]:
    n = int(rng.integers(3, 14))
    angle, radius = np.arange(n) * 2 * np.pi / n, rng.uniform(6, 15, n)
    ring = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    holes = [[], [ring * 0.3], [ring * 0.2 + [1.2, 0], ring * 0.2 - [1.2, 0]]][rng.integers(3)]
    holes = [hole for hole in holes if shapely.Polygon(ring).contains_properly(shapely.Polygon(hole))][:1]
    solid = prism(shapely.orient_polygons(shapely.Polygon(ring, holes)), 0.0, float(rng.uniform(0.01, 12)))
    return solid.vertices, [[list(ring) for ring in face] for face in solid.faces]


def a_hip(rng: Generator) -> tuple[NDArray[np.float64], Faces]:
    """A hip or, with its ridge as long as the house, a gable."""
    w, length, h, rise = rng.uniform(5, 10), rng.uniform(11, 20), rng.uniform(0.01, 6), rng.uniform(0.01, 6)
    inset = rng.choice([0.0, w / 2])
    low = [(0, 0), (w, 0), (w, length), (0, length)]
    top = [(w / 2, inset, h + rise), (w / 2, length - inset, h + rise)]
    vertices = np.array([*((x, y, 0) for x, y in low), *((x, y, h) for x, y in low), *top])
    ends: Faces = [[[0, 1, 5, 8, 4]], [[2, 3, 7, 9, 6]]] if inset == 0 else [[[0, 1, 5, 4]], [[2, 3, 7, 6]]]
    hips: Faces = [] if inset == 0 else [[[4, 5, 8]], [[6, 7, 9]]]
    return vertices, [[[0, 3, 2, 1]], [[1, 2, 6, 5]], [[3, 0, 4, 7]], *ends, *hips, [[5, 6, 9, 8]], [[7, 4, 8, 9]]]


def with_splits(vertices: NDArray[np.float64], faces: Faces, rng: Generator) -> tuple[NDArray[np.float64], Faces]:
    """Put vertices on edges, in both faces of each."""
    faces = [[list(ring) for ring in face] for face in faces]
    for _ in range(rng.integers(1, 4)):
        face = faces[rng.integers(len(faces))]
        at = int(rng.integers(len(face[0])))
        a, b = face[0][at], face[0][(at + 1) % len(face[0])]
        new = len(vertices)
        share = rng.choice([0.5, 0.001, rng.uniform()])
        vertices = np.vstack([vertices, vertices[a] + share * (vertices[b] - vertices[a])])
        for ring in (ring for each in faces for ring in each):
            for k in range(len(ring)):
                if {ring[k], ring[(k + 1) % len(ring)]} == {a, b}:
                    ring.insert(k + 1, new)
                    break
    return vertices, faces


def shaken(rng: Generator) -> Solid:
    """A house of some kind, turned, set on the grid, and often damaged."""
    vertices, faces = (a_prism if rng.random() < 0.5 else a_hip)(rng)
    if rng.random() < 0.2:
        more, others = (a_prism if rng.random() < 0.5 else a_hip)(rng)
        faces = [*faces, *([[i + len(vertices) for i in ring] for ring in face] for face in others)]
        vertices = np.vstack([vertices, more + rng.choice([0.0, 5.0, rng.uniform(-12, 12)], 3)])
    if rng.random() < 0.4:
        vertices, faces = with_splits(vertices, faces, rng)
    turn = rng.uniform(0, 7)
    across = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    vertices = np.round(vertices @ across + rng.uniform(0, 50, 3), 4)
    size, kind = rng.choice(STEPS_M), rng.integers(8)
    if kind == 0:
        vertices = vertices + rng.normal(0, size, vertices.shape)
    elif kind == 1:
        vertices[rng.integers(len(vertices))] += rng.normal(0, size, 3)
    elif kind == 2:
        vertices[rng.integers(len(vertices)), 2] += rng.normal(0, size)
    elif kind == 3:
        at = int(rng.integers(len(faces)))
        changed = [[], [faces[at], faces[at]], [[ring[::-1] for ring in faces[at]]]][rng.integers(3)]
        faces = [*faces[:at], *changed, *faces[at + 1 :]]
    elif kind == 4:
        i, j = rng.integers(len(vertices), size=2)
        vertices[i] = vertices[j] + rng.choice([0, 1e-4, 1.1e-3], 3)
    own = tuple(tuple(tuple(ring) for ring in face) for face in faces)
    return Solid(vertices=np.round(vertices, 4), faces=own, semantics=("WallSurface",) * len(own))


@pytest.fixture(scope="module")
def houses() -> list[Solid]:
    rng = np.random.default_rng(5)
    return [shaken(rng) for _ in range(N)]


def test_what_passes_is_closed_and_holds_water_for_trimesh_too(houses: list[Solid]) -> None:
    passed = [solid for solid in houses if not check_solid(solid)]
    assert 0.3 * N < len(passed) < 0.8 * N
    for solid in passed:
        steps = steps_of(solid.vertices)
        assert steps is not None
        _, triangles = examine(steps, flat(solid), limits_of(DEFAULT), False)
        mesh = trimesh.Trimesh(vertices=steps, faces=triangles, process=False)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        slack = 0.02 * float(mesh.area) * 1e-8 + 1e-9  # faces may be bent by 1 cm either way
        assert abs(mesh.volume * 1e-12 - volume_m3(solid)) <= slack


@pytest.mark.parametrize(
    ("tolerances", "options"),
    [(DEFAULT, []), (STRICT, ["--planarity_d2p_tol", "0.001", "--snap_tol", "0.0001"])],
    ids=["default", "strict"],
)
def test_we_pass_what_val3dity_passes_and_nothing_else(
    houses: list[Solid], tolerances: Tolerances, options: list[str], val3dity: Ask
) -> None:
    shells = {str(name): [(solid.vertices, solid.faces)] for name, solid in enumerate(houses)}
    theirs = val3dity(shells, *options)
    ours = {str(name): bool(check_solid(solid, tolerances)) for name, solid in enumerate(houses)}
    assert [name for name in ours if theirs[name] and not ours[name]] == []
    too_strict = [name for name in ours if ours[name] and not theirs[name]]
    assert len(too_strict) <= 0.005 * N  # vertices exactly one tolerance apart, faces exactly at it
