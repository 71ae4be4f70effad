"""From sums of pairs to one shift a strip: weighted least squares over all strips at once.

Only differences between strips are seen, so the mean shift of strips that hang together is zero. Directions that the
surfaces do not determine are left alone, and said. A tile's sums that contradict the rest weigh less (Huber).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from twin.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipelines.adjust.matching import PairSums

__all__ = ["Network", "PairFit", "StripShift", "solve_shifts"]

_MAX_STRIPS = 2000
"""Strips in one dense solution: 300 MB and a minute."""
_ITERATIONS = 10
"""Reweightings; weights settle after three to five."""
_UNKNOWN_SHARE = 0.05
"""Share of a strip's axis in undetermined directions above which the axis is not determined."""
_NOTHING = 1e-9
"""Share of the greatest eigenvalue below which one is zero."""
_LEAST_RMS_M = 0.01
"""RMS of a tile's pair below which it is as good as any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripShift:
    """What brings one strip to the others."""

    strip: int
    shift_m: tuple[float, float, float]
    """Metres to add to x, y, z."""
    sigma_m: tuple[float, float, float]
    """Standard deviations, metres; infinite where nothing determines the direction."""
    patches: int
    """Matched patches that it takes part in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFit:
    """How well two strips fit, as delivered and with the shifts."""

    a: int
    b: int
    patches: int
    height_m: float
    """Median height of b above a on flat ground, as delivered, metres; weighted over tiles by their patches."""
    rms_before_m: float
    """RMS distance along the normals."""
    rms_after_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The solution."""

    strips: tuple[StripShift, ...]
    pairs: tuple[PairFit, ...]
    groups: int
    """Sets of strips that hang together by overlaps; nothing is known between two of them."""

    @property
    def rms_before_m(self) -> float:
        """RMS of all distances as delivered, metres."""
        return _pooled([(pair.patches, pair.rms_before_m) for pair in self.pairs])

    @property
    def rms_after_m(self) -> float:
        """RMS of all distances with the shifts, metres."""
        return _pooled([(pair.patches, pair.rms_after_m) for pair in self.pairs])


def solve_shifts(sums: Sequence[PairSums], undetermined_m: float) -> Network:
    """Find the shifts that bring strips together.

    Parameters
    ----------
    sums
        Of every pair in every tile, in a fixed order.
    undetermined_m
        Standard deviation, metres, above which a direction is left alone.

    Raises
    ------
    StageError
        If there are more strips than one solution can hold.

    References
    ----------
    Filin and Vosselman 2004, "Adjustment of airborne laser altimetry strips", ISPRS Archives XXXV-B3.
    """
    numbers = sorted({strip for entry in sums for strip in (entry.a, entry.b)})
    if len(numbers) > _MAX_STRIPS:
        raise StageError(f"{len(numbers)} strips are more than the {_MAX_STRIPS} that are adjusted at once")
    at = {strip: index for index, strip in enumerate(numbers)}
    shifts, sigma = np.zeros((len(numbers), 3)), np.full((len(numbers), 3), np.inf)
    if sums:
        weights = np.ones(len(sums))
        for _ in range(_ITERATIONS):
            # While weights are sought every direction takes part: leaving one out too early would feed on itself.
            shifts, _ = _solved(sums, weights, at, np.inf)
            residual = np.sqrt([entry.mean_square(shifts[at[entry.b]] - shifts[at[entry.a]]) for entry in sums])
            typical = max(_LEAST_RMS_M, float(np.median(residual)))
            weights = np.minimum(1.0, 2.0 * typical / np.maximum(residual, typical)) / typical**2
        shifts, sigma = _solved(sums, weights, at, undetermined_m)
    return Network(
        strips=tuple(
            StripShift(
                strip=strip,
                shift_m=_rounded(shifts[index]),
                sigma_m=_rounded(sigma[index]),
                patches=sum(entry.n for entry in sums if strip in (entry.a, entry.b)),
            )
            for strip, index in at.items()
        ),
        pairs=_fits(sums, shifts, at),
        groups=int(_groups(sums, at)[0]),
    )


def _solved(
    sums: Sequence[PairSums], weights: NDArray[np.float64], at: dict[int, int], undetermined_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shifts and standard deviations, shape (strips, 3) each, for given weights."""
    size = 3 * len(at)
    matrix, right = np.zeros((size, size)), np.zeros(size)
    for weight, entry in zip(weights, sums, strict=True):
        i, j = slice(3 * at[entry.a], 3 * at[entry.a] + 3), slice(3 * at[entry.b], 3 * at[entry.b] + 3)
        block = weight * entry.normals
        matrix[i, i] += block
        matrix[j, j] += block
        matrix[i, j] -= block
        matrix[j, i] -= block
        right[i] += weight * entry.moments
        right[j] -= weight * entry.moments
    value, vector = np.linalg.eigh(matrix + _mean_shifts(sums, at) * np.trace(matrix))
    known = value > max(1.0 / undetermined_m**2, _NOTHING * float(value[-1]))
    shifts = vector[:, known] @ ((vector[:, known].T @ right) / value[known])
    variance = np.sum(vector[:, known] ** 2 / value[known], axis=1)
    # What is unknown must hardly touch a strip's axis for that axis to be determined.
    variance[np.sum(vector[:, ~known] ** 2, axis=1) > _UNKNOWN_SHARE] = np.inf
    return shifts.reshape(-1, 3), np.sqrt(variance).reshape(-1, 3)


def _mean_shifts(sums: Sequence[PairSums], at: dict[int, int]) -> NDArray[np.float64]:
    """Return the projection onto the mean shift of each group: free by nature, and held at zero."""
    number, group = _groups(sums, at)
    member = (group[:, None] == np.arange(number)) / np.sqrt(np.bincount(group, minlength=number))
    projection: NDArray[np.float64] = np.kron(member @ member.T, np.eye(3))
    return projection


def _groups(sums: Sequence[PairSums], at: dict[int, int]) -> tuple[int, NDArray[np.int32]]:
    rows, columns = [at[entry.a] for entry in sums], [at[entry.b] for entry in sums]
    graph = coo_matrix((np.ones(len(sums)), (rows, columns)), shape=(len(at), len(at)))
    number, labels = connected_components(graph, directed=False)
    return int(number), labels


def _fits(sums: Sequence[PairSums], shifts: NDArray[np.float64], at: dict[int, int]) -> tuple[PairFit, ...]:
    fits = []
    for a, b in sorted({(entry.a, entry.b) for entry in sums}):
        own = [entry for entry in sums if (entry.a, entry.b) == (a, b)]
        n, flat = sum(entry.n for entry in own), sum(entry.flat[0] for entry in own)
        shift = shifts[at[b]] - shifts[at[a]]
        before, after = (
            np.sqrt(sum(entry.n * entry.mean_square(move) for entry in own) / max(1, n))
            for move in (np.zeros(3), shift)
        )
        height = sum(entry.flat[0] * entry.flat[1] for entry in own) / max(1, flat)
        fits.append(
            PairFit(
                a=a,
                b=b,
                patches=n,
                height_m=round(float(height), 4),
                rms_before_m=round(float(before), 4),
                rms_after_m=round(float(after), 4),
            )
        )
    return tuple(fits)


def _pooled(parts: Sequence[tuple[int, float]]) -> float:
    total = sum(n for n, _ in parts)
    return round(float(np.sqrt(sum(n * rms**2 for n, rms in parts) / max(1, total))), 4)


def _rounded(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 4) + 0.0 for value in values)
    return x, y, z
