"""Solids with cavities: an outer shell and inner shells, which must not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

from pipelines.validity.check import codes_in, flat, limits_of, steps_of
from pipelines.validity.examine import examine
from pipelines.validity.params import DEFAULT
from pipelines.validity.predicates import normal_of
from pipelines.validity.shell import cuts, volume6

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipelines.validity.params import Tolerances
    from twin.building import Solid

__all__ = ["check_shells"]

Triangles = Any


def check_shells(shells: Sequence[Solid], tolerances: Tolerances = DEFAULT) -> tuple[int, ...]:
    """Return the codes of all faults of a solid with cavities, ascending; empty if it is valid.

    Each shell is judged by itself first; only shells without faults are compared with each other.

    Parameters
    ----------
    shells
        The outer shell, then those around cavities, whose faces look into them.
    tolerances
        What counts as flat and as one vertex.

    Notes
    -----
    Stricter than val3dity, which lets shells touch in points and along edges as long as the inside stays in one
    piece (404 otherwise): here shells that touch at all have met (401).
    """
    every = np.concatenate([shell.vertices for shell in shells])
    steps = steps_of(every)
    if steps is None:
        return (901,)
    found: set[int] = set()
    surfaces: list[Triangles] = []
    start = 0
    for i, shell in enumerate(shells):
        own = steps[start : start + len(shell.vertices)]
        table, triangles = examine(own, flat(shell), limits_of(tolerances), i > 0)
        found.update(codes_in(table))
        surfaces.append(triangles + start)
        start += len(shell.vertices)
    return tuple(sorted(found or _compare(steps, surfaces)))


def _compare(steps: NDArray[np.int64], surfaces: list[Triangles]) -> set[int]:
    found: set[int] = set()
    for j in range(1, len(surfaces)):
        for i in range(j):
            if _same(steps, surfaces[i], surfaces[j]):
                found.add(402)
            elif cuts(steps, surfaces[i], surfaces[j]):
                found.add(401)
            elif i == 0 and not _inside(steps, surfaces[0], surfaces[j][0, 0]):
                found.add(403)
            elif i > 0 and (
                _inside(steps, surfaces[i], surfaces[j][0, 0]) or _inside(steps, surfaces[j], surfaces[i][0, 0])
            ):
                found.add(401)
    return found


def _same(steps: NDArray[np.int64], one: Triangles, two: Triangles) -> bool:
    """Whether two shells bound the same space: same vertices, same volume."""
    a, b = (np.unique(steps[np.unique(part)], axis=0) for part in (one, two))
    same_size = np.isclose(abs(volume6(steps, one)), abs(volume6(steps, two)), rtol=1e-9)
    return bool(a.shape == b.shape and (a == b).all() and same_size)


@nb.njit(cache=True)
def _dot(p: Any, origin: int, a: int, b: int) -> float:
    total = 0.0
    for k in range(3):
        total += float(p[a, k] - p[origin, k]) * float(p[b, k] - p[origin, k])
    return total


@nb.njit(cache=True)
def _inside(points: Any, triangles: Any, vertex: int) -> bool:
    """Whether a vertex that is not on a shell is inside: the shell fills the whole sphere around it."""
    total = 0.0
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x, y = np.sqrt(_dot(points, vertex, a, a)), np.sqrt(_dot(points, vertex, b, b))
        z = np.sqrt(_dot(points, vertex, c, c))
        below = x * y * z + _dot(points, vertex, a, b) * z + _dot(points, vertex, b, c) * x
        below += _dot(points, vertex, c, a) * y
        nx, ny, nz = normal_of(points, a, b, c)
        dx, dy, dz = (
            points[a, 0] - points[vertex, 0],
            points[a, 1] - points[vertex, 1],
            points[a, 2] - points[vertex, 2],
        )
        total += 2.0 * np.arctan2(nx * dx + ny * dy + nz * dz, below)
    return bool(abs(total) > 2.0 * np.pi)
