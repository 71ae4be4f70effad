"""Directions in which the edges of a roof are likely to run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Directions", "outline_directions"]

_MAX_MAIN = 6
_SAME = math.radians(3.0)
"""Directions closer than this are one."""
_MAIN_WEIGHT, _PLANE_WEIGHT = 1.3, 1.15
"""How many more places another direction must explain to win against the outline's, and against the planes'."""
_FREE = np.arange(0.0, math.pi, math.radians(10.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directions:
    """Main directions of an outline."""

    main: NDArray[np.float64]
    """(d,) radians in 0..pi, the one with the longest edges first; each with the one at right angles to it."""

    def with_planes(self, coefficients: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Add the contours and the falls of planes, and a fan of all directions; weights tell which to prefer.

        Parameters
        ----------
        coefficients
            (p, 3) of the planes.

        Returns
        -------
        tuple
            Radians and weights, each (a,).
        """
        slope = np.hypot(coefficients[:, 0], coefficients[:, 1])
        falls = np.arctan2(coefficients[slope > 0.1, 1], coefficients[slope > 0.1, 0])
        near = [angle for fall in falls for angle in (fall % math.pi, (fall + math.pi / 2) % math.pi)]
        near = [angle for angle in near if not any(_between(angle, main) < _SAME for main in self.main)]
        angles = np.concatenate((self.main, near, _FREE))
        weights = np.concatenate(
            (np.full(len(self.main), _MAIN_WEIGHT), np.full(len(near), _PLANE_WEIGHT), np.ones(len(_FREE)))
        )
        return angles, weights

    def nearest(self, angle: float) -> tuple[float, float]:
        """Return the main direction nearest to an angle, and by how much that has to turn, radians."""
        turns = (self.main - angle + math.pi / 2) % math.pi - math.pi / 2
        best = int(np.abs(turns).argmin())
        return float(self.main[best]), float(turns[best])


def outline_directions(edges: NDArray[np.float64]) -> Directions:
    """Find the main directions of an outline's edges, by length.

    Parameters
    ----------
    edges
        (m, 2, 2) metres.
    """
    way = edges[:, 1] - edges[:, 0]
    length = np.hypot(way[:, 0], way[:, 1])
    angle = np.arctan2(way[:, 1], way[:, 0]) % math.pi
    main: list[float] = []
    for i in np.argsort(-length, kind="stable"):
        if len(main) >= _MAX_MAIN or (main and length[i] < max(1.0, 0.02 * length.sum())):
            break
        for turned in (float(angle[i]), float((angle[i] + math.pi / 2) % math.pi)):
            if not any(_between(turned, other) < _SAME for other in main):
                main.append(turned)
    return Directions(main=np.array(main[:_MAX_MAIN]))


def _between(one: float, two: float) -> float:
    return abs((one - two + math.pi / 2) % math.pi - math.pi / 2)
