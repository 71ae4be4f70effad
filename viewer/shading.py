"""Light on surfaces, computed once on arrays.

Light is baked into colours rather than left to the renderer: a processor without a graphics card then draws plain
colours (several times faster than VTK's lights and shadow passes), and the same picture appears in the window, on the
page and in the file.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SUN", "cast_shadow", "facing", "fill_gaps", "hillshade", "sky_view"]

SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG = 240.0, 42.0
"""An afternoon sun from the south-west: it lights the fronts that the usual view from the south shows."""

SUN = (
    math.sin(math.radians(SUN_AZIMUTH_DEG)) * math.cos(math.radians(SUN_ELEVATION_DEG)),
    math.cos(math.radians(SUN_AZIMUTH_DEG)) * math.cos(math.radians(SUN_ELEVATION_DEG)),
    math.sin(math.radians(SUN_ELEVATION_DEG)),
)
"""Unit vector towards the sun: x east, y north, z up."""

_MAX_SHADOW_STEPS = 96
"""Longest shadow in cells; longer ones are cut, at a cost that stays below a second for a million cells."""


def fill_gaps(heights: NDArray[np.floating]) -> NDArray[np.float32]:
    """Give each NaN cell the height of the nearest known one; zeros if none is known. Shape (rows, columns)."""
    known = np.isfinite(heights)
    if known.all():
        return heights.astype(np.float32)
    if not known.any():
        return np.zeros(heights.shape, np.float32)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(heights[tuple(nearest)], dtype=np.float32)


def facing(normals: NDArray[np.floating]) -> NDArray[np.float32]:
    """Brightness (about 0.5 to 1.1) of faces by their unit normals, shape (n, 3): sun, and sky from above."""
    sun = np.clip(normals @ np.array(SUN), 0.0, 1.0)
    sky = 0.5 + 0.5 * normals[:, 2]
    return np.asarray(0.50 + 0.38 * sun + 0.20 * sky, dtype=np.float32)


def hillshade(heights: NDArray[np.float32], resolution_m: float, exaggeration: float = 1.5) -> NDArray[np.float32]:
    """Brightness of ground cells, 1 where flat; row 0 in the north, no NaN.

    Slopes are exaggerated because true ones of a city's ground are too gentle to see.
    """
    south, east = np.gradient(heights * exaggeration, resolution_m)
    length = np.sqrt(1.0 + south**2 + east**2)
    sun = (-east * SUN[0] + south * SUN[1] + SUN[2]) / length
    return np.asarray(np.clip(1.0 + 0.75 * (sun - SUN[2]), 0.45, 1.3), dtype=np.float32)


def sky_view(surface: NDArray[np.float32], ground: NDArray[np.float32], resolution_m: float) -> NDArray[np.float32]:
    """How open the sky is above each ground cell, 1 in the open down to 0.7 at the foot of high walls."""
    height = np.clip(surface - ground, 0.0, 60.0)
    around = gaussian_filter(height, sigma=6.0 / resolution_m, mode="nearest", truncate=2.5)
    return np.asarray(np.clip(1.0 / (1.0 + 0.035 * around), 0.7, 1.0), dtype=np.float32)


def cast_shadow(surface: NDArray[np.float32], ground: NDArray[np.float32], resolution_m: float) -> NDArray[np.float32]:
    """Share of sunlight on each ground cell, 1 in the sun, 0 in the shadow of `surface`; soft at the edges.

    The surface is slid along the sun's azimuth in steps of one cell; where it then stands above the ray, is shade.
    """
    rows, columns = ground.shape
    horizontal = math.hypot(SUN[0], SUN[1])
    drop_m = SUN[2] / horizontal * resolution_m
    tallest = float(np.max(surface - ground, initial=0.0))
    steps = min(_MAX_SHADOW_STEPS, math.ceil(tallest / drop_m))
    above = np.zeros_like(ground)
    for step in range(1, steps + 1):
        right, up = round(step * SUN[0] / horizontal), round(step * SUN[1] / horizontal)
        here = (slice(max(0, up), rows + min(0, up)), slice(max(0, -right), columns + min(0, -right)))
        there = (slice(max(0, -up), rows + min(0, -up)), slice(max(0, right), columns + min(0, right)))
        if 0 in ground[here].shape:
            break
        np.maximum(above[here], surface[there] - np.float32(step * drop_m) - ground[here], out=above[here])
    shade = np.clip(above - 0.3, 0.0, 1.0)
    return np.asarray(1.0 - gaussian_filter(shade, sigma=0.7), dtype=np.float32)
