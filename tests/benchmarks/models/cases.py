"""Which buildings there are: each kind under the same round of densities, noises and disturbances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from kinds import GROUND_M, KINDS, build
from scan import DISTURBANCES, ROOF, Survey, scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kinds import Built
    from numpy.typing import NDArray
    from scan import Cloud
    from shapely import Polygon

__all__ = ["CORE", "ROW", "TEST_SEED", "Case", "Sample", "cases", "core_of", "sample", "thinned"]

TEST_SEED = 500
"""Seed of the page. Whoever tunes takes another."""
CORE = Survey(density=10.0, noise_m=0.05, disturbance="plain")
"""What the figures to reach were set for: 10 points a square metre, 5 cm of noise, nothing else."""
_PITCH_M = 80.0
ROW = 50
"""Buildings that stand in one row of the field, west to east."""
_ORIGIN = (-14_000.0, -37_000.0)
"""Corner of the field that the buildings stand on, EPSG:6677."""

_ROUND = (
    *(CORE for _ in range(8)),
    *(Survey(density=10.0, noise_m=0.05, disturbance=name) for name in DISTURBANCES[1:]),
    *(Survey(density=density, noise_m=0.05, disturbance="plain") for density in (2.0, 5.0, 20.0, 30.0)),
    *(Survey(density=10.0, noise_m=noise, disturbance="plain") for noise in (0.02, 0.10)),
    Survey(density=2.0, noise_m=0.10, disturbance="all"),
    Survey(density=5.0, noise_m=0.10, disturbance="all"),
    Survey(density=20.0, noise_m=0.02, disturbance="all"),
    Survey(density=30.0, noise_m=0.10, disturbance="walls"),
)
"""One round: 24 surveys. Six rounds of 17 kinds are 2 448 buildings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One building to be made: the same bytes from the same four values."""

    number: int
    kind: str
    survey: Survey
    seed: int

    @property
    def id(self) -> str:
        """Name, which tells the kind."""
        return f"{self.kind}-{self.number:05d}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A building with its truth, its survey and what a pipeline would be given."""

    case: Case
    built: Built
    outline: Polygon
    """True outline."""
    base_m: float
    """Lowest ground in it."""
    around: Cloud
    """All points labelled building, neighbours' and those beside the outline too."""
    cloud: Cloud
    """Those inside the outline."""

    @property
    def is_roof(self) -> NDArray[np.bool_]:
        """Which points inside the outline came from the roof itself."""
        mask: NDArray[np.bool_] = self.cloud.source == ROOF
        return mask


def cases(rounds: int = 6, *, kinds: Sequence[str] = KINDS, seed: int = TEST_SEED) -> list[Case]:
    """List buildings, of all kinds and surveys in turn.

    Parameters
    ----------
    rounds
        Repetitions of all surveys; each has other measures.
    kinds
        Some of `KINDS`.
    seed
        Of the whole list.
    """
    rounds_of_all = ((survey, kind) for _ in range(rounds) for survey in _ROUND for kind in KINDS)
    return [
        Case(number=number, kind=kind, survey=survey, seed=seed)
        for number, (survey, kind) in enumerate(rounds_of_all)
        if kind in kinds
    ]


def thinned(found: list[Case], n: int | None) -> list[Case]:
    """Only `n` of them, drawn at random but the same each time, in their order."""
    if n is None or n >= len(found):
        return found
    chosen = np.sort(np.random.default_rng(0).permutation(len(found))[:n])
    return [found[i] for i in chosen]


def core_of(found: Sequence[Case]) -> list[Case]:
    """Those of the figures to reach."""
    return [case for case in found if case.survey == CORE]


def sample(case: Case) -> Sample:
    """Make a building and scan it."""
    rng = np.random.default_rng([case.seed, case.number])
    column, row = case.number % ROW, case.number // ROW
    at = (_ORIGIN[0] + _PITCH_M * column + float(rng.uniform(0, 9)), _ORIGIN[1] + _PITCH_M * row)
    built = build(case.kind, case.id, at, rng)
    around = scan(built, case.survey, rng)
    outline = built.truth.footprint
    inside = shapely.contains_xy(outline, around.xyz[:, 0], around.xyz[:, 1])
    return Sample(case=case, built=built, outline=outline, base_m=GROUND_M, around=around, cloud=around.take(inside))
