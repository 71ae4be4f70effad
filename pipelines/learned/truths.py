"""What a delivered class tells about ground, buildings and vegetation, by the habit of who delivered it.

A code that says nothing for certain is left out rather than counted as a no: Dutch tiles keep trees, cars and masts in
one class, civil works hold ground and decks alike, and water lies where no ground was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HABITS", "Habit", "habit_named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How a producer uses class codes."""

    ground: frozenset[int] = frozenset({2})
    """Codes that are ground."""
    building: frozenset[int] = frozenset({6})
    """Codes that are buildings."""
    vegetation: frozenset[int] = frozenset({3, 4, 5})
    """Codes that are vegetation; empty where the producer does not tell it from the rest."""
    unknown: frozenset[int] = frozenset({0, 7, 9, 12, 17, 18, 40, 41, 43})
    """Codes that teach nothing: noise, water, bridges, overlap."""

    def truth(self, head: str, codes: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Return 1 for yes, 0 for no and -1 for unknown, shape as `codes`."""
        own = {"ground": self.ground, "building": self.building, "vegetation": self.vegetation}[head]
        if not own:
            return np.full(codes.shape, -1, np.int8)
        answer = np.isin(codes, list(own)).astype(np.int8)
        answer[np.isin(codes, list(self.unknown - own))] = -1
        return answer


HABITS: dict[str, Habit] = {
    "asprs": Habit(),
    "ahn": Habit(vegetation=frozenset(), unknown=Habit().unknown | {26}),
    "ign": Habit(unknown=Habit().unknown | {64, 65, 66, 67}),
}
"""Known habits: ASPRS deliveries (and our own scenes), the Dutch AHN, the French LiDAR HD."""


def habit_named(name: str) -> Habit:
    """Return a habit.

    Raises
    ------
    ConfigError
        If there is none of that name; the message lists those there are.
    """
    if name not in HABITS:
        raise ConfigError(f"no habit of class codes {name!r}; there are: {', '.join(sorted(HABITS))}")
    return HABITS[name]
