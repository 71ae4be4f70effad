"""Wires: points high above the ground in a line.

A line of points and nothing else within some metres is a wire; a twig, a gutter or the edge of a deck has company. The
rule takes a wire where it hangs free, and loses it beside crowns and above roofs, and where a pulse seldom meets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.above_ground import AboveGround, PointShape

__all__ = ["WireParams", "find_wires"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireParams:
    """Parameters of the wire rule."""

    min_height_m: float = 5.0
    """Least height above ground, metres (Japan: 5 m above roads for the lowest lines)."""
    max_width_m: float = 0.1
    """Greatest standard deviation across the line, metres (ours: one conductor with ranging noise; on the synthetic
    scenes 97 of 100 points are wires, at 0.2 m three of four)."""
    min_points: int = 4
    """Least points of a line: two carry it, two more confirm it."""


def find_wires(points: AboveGround, shape: PointShape, params: WireParams) -> NDArray[np.bool_]:
    """Return which points hang in a line.

    Parameters
    ----------
    points
        Points above ground that are no building, n of them.
    shape
        Shape around each of them, at about 1 m: finer, and every twig is a line.

    Returns
    -------
    Shape (n,).
    """
    with np.errstate(invalid="ignore"):
        slim = (shape.width_m < params.max_width_m) & (shape.n_points >= params.min_points)
    return np.asarray(slim & (points.height_m > params.min_height_m))
