"""LoD1 prisms: an outline pulled up from its base to its roof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.building import Solid

if TYPE_CHECKING:
    from shapely import LinearRing, Polygon

__all__ = ["GRID_M", "on_grid", "prism"]

GRID_M = 1e-4
"""Grid of all model coordinates, metres. CityJSON at 1 mm loses validity by rounding; 0.1 mm does not (roofer 1.1)."""


def on_grid(value: float) -> float:
    """Round a coordinate in metres to the model grid.

    Examples
    --------
    >>> on_grid(3.14159265)
    3.1416
    """
    return round(value / GRID_M) / round(1 / GRID_M)


def prism(outline: Polygon, base_m: float, top_m: float) -> Solid:
    """Extrude an outline into a closed solid with shared vertices.

    Parameters
    ----------
    outline
        Valid polygon, outer ring counter-clockwise, holes clockwise, on the model grid, no vertex used twice.
    base_m, top_m
        Heights of floor and roof in metres above one datum, ``top_m > base_m``.

    Returns
    -------
    Solid
        One ground face, one roof face, one wall per edge of the outline; faces counter-clockwise seen from outside.

    Raises
    ------
    ValueError
        If the roof is not above the base.
    """
    if not top_m > base_m:
        raise ValueError(f"a prism needs its top ({top_m} m) above its base ({base_m} m)")
    rings = [_open(ring) for ring in (outline.exterior, *outline.interiors)]
    floor = np.concatenate(rings)
    n = len(floor)
    vertices = np.empty((2 * n, 3))
    vertices[:n, :2] = vertices[n:, :2] = floor
    vertices[:n, 2], vertices[n:, 2] = on_grid(base_m), on_grid(top_m)
    ground: list[tuple[int, ...]] = []
    roof: list[tuple[int, ...]] = []
    walls: list[tuple[tuple[int, ...], ...]] = []
    start = 0
    for ring in rings:
        stop = start + len(ring)
        ground.append(tuple(range(stop - 1, start - 1, -1)))
        roof.append(tuple(range(n + start, n + stop)))
        for a in range(start, stop):
            b = a + 1 if a + 1 < stop else start
            walls.append(((a, b, n + b, n + a),))
        start = stop
    return Solid(
        vertices=vertices,
        faces=(tuple(ground), tuple(roof), *walls),
        semantics=("GroundSurface", "RoofSurface", *["WallSurface"] * len(walls)),
    )


def _open(ring: LinearRing) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Vertices of a ring on the grid, the last (a repetition of the first) left out."""
    steps = round(1 / GRID_M)
    xy: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.rint(np.asarray(ring.coords)[:-1, :2] * steps) / steps
    return xy
