"""Vegetation by height, where the shape allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.points import PointClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.above_ground import AboveGround, PointShape

__all__ = ["VegetationParams", "find_vegetation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VegetationParams:
    """Parameters of the vegetation rules."""

    low_m: float = 0.5
    """Height above ground up to which vegetation is low (3), metres (common in ASPRS deliveries)."""
    medium_m: float = 2.0
    """Height above ground up to which it is medium (4), above it high (5), metres (common in ASPRS deliveries)."""
    min_thickness_m: float = 0.08
    """Least thickness of the points around, metres (ours: decks, walls and doors are thinner patches)."""
    min_roundness: float = 0.35
    """Least thickness over width of the points around below `medium_m` (ours: half of all car points are flatter, one
    in five of shrubs)."""
    min_height_m: float = 0.2
    """Height above ground below which nothing is called vegetation, metres (ours: kerbs and ranging noise)."""


def find_vegetation(points: AboveGround, shape: PointShape, params: VegetationParams) -> NDArray[np.uint8]:
    """Return 3, 4 or 5 for vegetation and 0 for the rest.

    A point is vegetation if the points around it fill a volume or its pulse gave other returns too. Half of the points
    of cars, and walls that no building claims, fail both and stay unclassified; the rule takes most poles and wires,
    and the rest of the cars, for plants.

    Parameters
    ----------
    points
        Points above ground that are no building, n of them.
    shape
        Shape around each of them, at about 0.5 m.

    Returns
    -------
    ASPRS codes, shape (n,).
    """
    with np.errstate(invalid="ignore"):
        round_enough = shape.thickness_m > params.min_roundness * shape.width_m
        fills = (shape.thickness_m > params.min_thickness_m) & (round_enough | (points.height_m > params.medium_m))
        leafy = fills | ~points.is_single
        by_height = np.where(
            points.height_m > params.medium_m,
            PointClass.HIGH_VEGETATION,
            np.where(points.height_m > params.low_m, PointClass.MEDIUM_VEGETATION, PointClass.LOW_VEGETATION),
        )
        chosen = leafy & (points.height_m > params.min_height_m)
    return np.where(chosen, by_height, 0).astype(np.uint8)
