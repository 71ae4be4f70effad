"""Which plane holds where, as a raster, and where one ends and another begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import Polygon

    from pipelines.roofs.planes import RoofPlanes

__all__ = ["Borders", "borders", "inside_rows", "nearest_points", "outline_edges", "raster"]

_MAX_CELLS = 250_000
"""Most cells of the raster; a building larger than 15 000 m2 gets cells wider than a quarter of a metre."""
_LEAST_CELL_M = 0.2
"""Finer cells than this cost time and find nothing, metres."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Borders:
    """Places where the territories of two planes meet, grouped by pair of planes."""

    pair: NDArray[np.int32]
    """(m, 2): the two planes, the lower number first; ascending."""
    start: NDArray[np.int64]
    """(m + 1,): where the places of each pair begin."""
    xy: NDArray[np.float64]
    """(n, 2): places, metres."""
    cell_m: float
    """Edge of the raster's cells, metres."""


def outline_edges(outline: Polygon) -> NDArray[np.float64]:
    """Edges of all rings of an outline, (m, 2, 2) metres."""
    edges = []
    for ring in (outline.exterior, *outline.interiors):
        c = shapely.get_coordinates(ring)
        edges.append(np.stack((c[:-1], c[1:]), axis=1))
    return np.concatenate(edges)


def raster(edges: NDArray[np.float64], spacing_m: float) -> tuple[float, tuple[int, int]]:
    """Edge of the cells over an outline's edges (m, 2, 2), metres, and how many rows and columns there are."""
    width, height = edges.max(axis=(0, 1)) - edges.min(axis=(0, 1))
    cell = max(_LEAST_CELL_M, 0.8 * spacing_m, float(np.sqrt(width * height / _MAX_CELLS)))
    return cell, (int(height / cell) + 1, int(width / cell) + 1)


def borders(edges: NDArray[np.float64], xyz: NDArray[np.float64], planes: RoofPlanes) -> Borders:
    """Find where the territories of planes meet inside an outline.

    A cell belongs to the plane of the point nearest to its centre.

    Parameters
    ----------
    edges
        Of the outline, (m, 2, 2) from `outline_edges`.
    xyz
        Points (n, 3) metres.
    planes
        Their planes.

    Notes
    -----
    About 40 ns a cell; cells are as wide as the points are apart, at least 0.2 m.
    """
    low = edges.min(axis=(0, 1))
    cell, shape = raster(edges, planes.spacing_m)
    land = _territory(edges, xyz, planes.label, (float(low[0]), float(low[1]), cell), shape)
    key, xy = _meetings(land, float(low[0]), float(low[1]), cell, max(planes.n_planes, 1))
    order = np.argsort(key, kind="stable")
    key, xy = key[order], xy[order]
    pairs, start = np.unique(key, return_index=True)
    return Borders(
        pair=np.stack((pairs // planes.n_planes, pairs % planes.n_planes), axis=1).astype(np.int32),
        start=np.append(start, len(key)),
        xy=xy,
        cell_m=cell,
    )


@nb.njit(cache=True)
def _territory(edges: Any, xyz: Any, label: Any, frame: Any, shape: Any) -> Any:
    """Label of the nearest point for each cell inside, -1 outside."""
    nearest, _ = nearest_points(xyz, label, frame, shape)
    inside = inside_rows(edges, frame, shape)
    land = np.full(shape, -1, np.int32)
    for j in range(shape[0]):
        for i in range(shape[1]):
            if inside[j, i] and nearest[j, i] >= 0:
                land[j, i] = label[nearest[j, i]]
    return land


@nb.njit(cache=True)
def nearest_points(xyz: Any, label: Any, frame: Any, shape: Any) -> Any:
    """Find the nearest point with a label for each cell, in four sweeps that hand on the nearest point.

    Parameters
    ----------
    xyz, label
        (n, 3) metres; (n,), points with -1 do not count.
    frame
        Corner of the raster and edge of its cells: x0, y0, cell, metres.
    shape
        Rows and columns.

    Returns
    -------
    Index of the point (rows, columns), -1 if there is none, and the square of its distance, square metres.
    """
    x0, y0, cell = frame
    rows, columns = shape
    nearest = np.full((rows, columns), -1, np.int32)
    away = np.full((rows, columns), np.inf)
    for p in range(label.size):
        if label[p] < 0:
            continue
        i = min(max(int((xyz[p, 0] - x0) / cell), 0), columns - 1)
        j = min(max(int((xyz[p, 1] - y0) / cell), 0), rows - 1)
        d = (xyz[p, 0] - x0 - (i + 0.5) * cell) ** 2 + (xyz[p, 1] - y0 - (j + 0.5) * cell) ** 2
        if d < away[j, i]:
            away[j, i], nearest[j, i] = d, p
    for turn in range(4):
        for jj in range(rows):
            j = jj if turn % 2 == 0 else rows - 1 - jj
            for ii in range(columns):
                i = ii if turn % 2 == 0 else columns - 1 - ii
                for t in range(9):
                    m, n = j + t // 3 - 1, i + t % 3 - 1
                    if m < 0 or n < 0 or m >= rows or n >= columns or nearest[m, n] < 0:
                        continue
                    p = nearest[m, n]
                    d = (xyz[p, 0] - x0 - (i + 0.5) * cell) ** 2 + (xyz[p, 1] - y0 - (j + 0.5) * cell) ** 2
                    if d < away[j, i] or (d == away[j, i] and p < nearest[j, i]):
                        away[j, i], nearest[j, i] = d, p
    return nearest, away


@nb.njit(cache=True)
def inside_rows(edges: Any, frame: Any, shape: Any) -> Any:
    """Tell which cells have their centre inside the outline of edges (m, 2, 2), (rows, columns)."""
    x0, y0, cell = frame
    rows, columns = shape
    inside = np.zeros((rows, columns), np.bool_)
    crossing = np.empty(len(edges))
    for j in range(rows):
        y = y0 + (j + 0.5) * cell
        n = 0
        for e in range(len(edges)):
            ya, yb = edges[e, 0, 1], edges[e, 1, 1]
            if (ya > y) != (yb > y):
                crossing[n] = edges[e, 0, 0] + (y - ya) / (yb - ya) * (edges[e, 1, 0] - edges[e, 0, 0])
                n += 1
        at = np.sort(crossing[:n])
        for s in range(0, n - 1, 2):
            for i in range(max(0, int((at[s] - x0) / cell + 0.5)), min(columns, int((at[s + 1] - x0) / cell + 0.5))):
                inside[j, i] = True
    return inside


@nb.njit(cache=True)
def _meetings(land: Any, x0: float, y0: float, cell: float, planes: int) -> Any:
    rows, columns = land.shape
    n = 0
    for turn in range(2):
        if turn == 1:
            key = np.empty(n, np.int64)
            xy = np.empty((n, 2))
            n = 0
        for j in range(rows):
            for i in range(columns):
                u = land[j, i]
                if u < 0:
                    continue
                for way in range(2):
                    jj, ii = j + way, i + 1 - way
                    if jj >= rows or ii >= columns or land[jj, ii] < 0 or land[jj, ii] == u:
                        continue
                    if turn == 1:
                        v = land[jj, ii]
                        key[n] = min(u, v) * planes + max(u, v)
                        xy[n, 0] = x0 + (i + 0.5 + 0.5 * (1 - way)) * cell
                        xy[n, 1] = y0 + (j + 0.5 + 0.5 * way) * cell
                    n += 1
    return key, xy
