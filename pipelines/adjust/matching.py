"""Two strips' patches in one cell make one equation; the equations of a pair are summed.

If strip b lies at the shift ``t_b`` from where it should and a at ``t_a``, the distance of their planes along the
normal n is ``n . (t_b - t_a)``. One plane fixes one direction; roofs of several slopes fix all three. Sums of a pair
add up over tiles, so a survey of any size is a few numbers a pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pipelines.adjust.params import AdjustParams
    from pipelines.adjust.patches import Patches

__all__ = ["PairSums", "match_pairs"]

_FLAT = 0.985
"""Upward part of the normal above which a patch counts as flat: 10 degrees."""
_MAD_TO_SIGMA = 1.4826
_OUTLIER_SIGMAS = 4.0
"""Distances further than this from the median of their direction are another surface, such as a parked car."""
_LEAST_SIGMA_M = 0.005


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairSums:
    """Sums over the matched patches of strips a < b."""

    a: int
    b: int
    n: int
    """Matched patches."""
    normals: NDArray[np.float64]
    """Sum of n nT, shape (3, 3)."""
    moments: NDArray[np.float64]
    """Sum of n d, shape (3,), metres; d is how far b lies above a along the normal."""
    squares: float
    """Sum of d**2, square metres."""
    flat: tuple[int, float]
    """Number of flat patches, and the median of their height of b above a, metres."""

    def mean_square(self, shift: NDArray[np.float64]) -> float:
        """Mean of d**2 in square metres that remain when b is moved by `shift`, shape (3,), against a."""
        remaining = self.squares + 2.0 * shift @ self.moments + shift @ self.normals @ shift
        return max(0.0, float(remaining)) / max(1, self.n)

    def as_json(self) -> list[float]:
        """Return the sums as a flat list; `from_json` reads it."""
        upper = self.normals[np.triu_indices(3)]
        return [self.a, self.b, self.n, *upper.tolist(), *self.moments.tolist(), self.squares, *self.flat]

    @staticmethod
    def from_json(values: Sequence[float]) -> PairSums:
        """Read what `as_json` gave."""
        normals = np.zeros((3, 3))
        normals[np.triu_indices(3)] = values[3:9]
        normals = normals + np.triu(normals, 1).T
        return PairSums(
            a=int(values[0]),
            b=int(values[1]),
            n=int(values[2]),
            normals=normals,
            moments=np.array(values[9:12]),
            squares=float(values[12]),
            flat=(int(values[13]), float(values[14])),
        )


def match_pairs(patches: Patches, params: AdjustParams) -> list[PairSums]:
    """Return the sums of every pair of strips that see the same planes, in order of the pairs."""
    first, second = _in_one_cell(patches.cell)
    facing = np.einsum("ij,ij->i", patches.normal[first], patches.normal[second])
    mean = patches.normal[first] + patches.normal[second]
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    distance = np.einsum("ij,ij->i", mean, patches.centre[second] - patches.centre[first])
    same = (facing >= np.cos(np.radians(params.normal_deg))) & (np.abs(distance) <= params.reach_m)
    a, b = patches.strip[first][same], patches.strip[second][same]
    mean, distance = mean[same], distance[same]
    pairs = np.unique(np.column_stack([a, b]), axis=0).tolist()
    return [_sums(left, right, mean[chosen], distance[chosen]) for left, right, chosen in _chosen(pairs, a, b)]


def _chosen(
    pairs: Iterable[tuple[int, int]], a: NDArray[np.int64], b: NDArray[np.int64]
) -> Iterable[tuple[int, int, NDArray[np.bool_]]]:
    return ((left, right, (a == left) & (b == right)) for left, right in pairs)


def _in_one_cell(cell: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of all pairs of patches that share a cell, the lower strip first."""
    firsts, seconds = [], []
    for step in range(1, len(cell)):
        match = np.flatnonzero(cell[step:] == cell[:-step])
        if len(match) == 0:
            break
        firsts.append(match)
        seconds.append(match + step)
    empty = np.empty(0, np.int64)
    return np.concatenate([empty, *firsts]), np.concatenate([empty, *seconds])


def _sums(a: int, b: int, normal: NDArray[np.float64], distance: NDArray[np.float64]) -> PairSums:
    kept = _without_outliers(normal, distance)
    normal, distance = normal[kept], distance[kept]
    flat = normal[:, 2] >= _FLAT
    height = float(np.median(distance[flat])) if flat.any() else 0.0
    return PairSums(
        a=int(a),
        b=int(b),
        n=len(distance),
        normals=normal.T @ normal,
        moments=normal.T @ distance,
        squares=float(distance @ distance),
        flat=(int(flat.sum()), height),
    )


def _without_outliers(normal: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which distances agree with the others of their direction: flat, or one of four slopes."""
    slope = 1 + (np.floor(np.arctan2(normal[:, 1], normal[:, 0]) / (np.pi / 2)).astype(np.int64) % 4)
    direction = np.where(normal[:, 2] >= _FLAT, 0, slope)
    kept = np.zeros(len(distance), bool)
    for value in range(5):
        own = direction == value
        if own.any():
            off = np.abs(distance[own] - np.median(distance[own]))
            sigma = max(_LEAST_SIGMA_M, _MAD_TO_SIGMA * float(np.median(off)))
            kept[own] = off <= _OUTLIER_SIGMAS * sigma
    return kept
