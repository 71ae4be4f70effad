"""A constrained Delaunay triangulation of lattice points, grown point by point.

Corners are whole columns and rows, so every predicate is exact in 64-bit integers (sides up to 8000 cells), and nothing
depends on rounding. Edges may be fixed: no flip removes them, and a point on one splits it into two fixed ones.

References
----------
Lawson, C. L. (1977). Software for C1 surface interpolation. Guibas, L., Stolfi, J. (1985). Primitives for the
manipulation of general subdivisions and the computation of Voronoi diagrams.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Mesh", "add_point", "blank", "edge_between", "fix_edge", "inner", "locate"]

_INNER: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
F = TypeVar("F", bound=Callable[..., Any])


def inner(function: F) -> F:
    """Compile a function that only compiled functions call: without wrappers for Python, which take a third longer."""
    return cast("F", njit(**_INNER)(function))


_N_VERTICES, _N_TRIANGLES, _N_TOUCHED = 0, 1, 2
"""Places in `Mesh.counts`."""


class Mesh(NamedTuple):
    """Triangles of a rectangle; arrays have room for every lattice point to become a vertex."""

    column: NDArray[np.int64]
    """Column of each vertex, shape (vertices,)."""
    row: NDArray[np.int64]
    """Row of each vertex, counted northwards."""
    at: NDArray[np.int32]
    """A triangle at each vertex."""
    corner: NDArray[np.int32]
    """Vertices of each triangle, counter-clockwise, shape (triangles, 3)."""
    beside: NDArray[np.int32]
    """Triangle across the edge opposite each corner, -1 outside, shape (triangles, 3)."""
    fixed: NDArray[np.bool_]
    """Whether the edge opposite each corner is fixed, shape (triangles, 3)."""
    inside: NDArray[np.bool_]
    """Whether each triangle belongs to the surface; handed down when it is cut. Shape (triangles,)."""
    touched: NDArray[np.int32]
    """Triangles that the last insertion made or changed, may repeat; see `counts`."""
    counts: NDArray[np.int64]
    """Vertices, triangles, entries of `touched`."""


@inner
def blank(n_columns: int, n_rows: int) -> Mesh:
    """Return the two triangles of a lattice's rectangle, corners counter-clockwise from the south-west."""
    size = n_columns * n_rows
    mesh = Mesh(
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.empty((2 * size + 4, 3), np.int32),
        np.empty((2 * size + 4, 3), np.int32),
        np.zeros((2 * size + 4, 3), np.bool_),
        np.zeros(2 * size + 4, np.bool_),
        np.empty(4 * size + 64, np.int32),
        np.zeros(3, np.int64),
    )
    for k in range(4):
        mesh.column[k] = (n_columns - 1) * (k == 1 or k == 2)
        mesh.row[k] = (n_rows - 1) * (k >= 2)
    mesh.corner[0, 0], mesh.corner[0, 1], mesh.corner[0, 2] = 0, 1, 2
    mesh.corner[1, 0], mesh.corner[1, 1], mesh.corner[1, 2] = 0, 2, 3
    mesh.beside[:2] = -1
    mesh.beside[0, 1], mesh.beside[1, 2] = 1, 0
    mesh.at[0], mesh.at[1], mesh.at[2], mesh.at[3] = 0, 0, 0, 1
    mesh.counts[0], mesh.counts[1] = 4, 2
    return mesh


@inner
def _turn(mesh: Mesh, a: int, b: int, column: int, row: int) -> int:
    """Twice the area of a triangle: positive if the place lies left of a to b."""
    ac, ar = mesh.column[a], mesh.row[a]
    return int((mesh.column[b] - ac) * (row - ar) - (mesh.row[b] - ar) * (column - ac))


@inner
def _in_circle(mesh: Mesh, t: int, v: int) -> bool:
    """Whether a vertex lies strictly inside the circle round a triangle."""
    c, r = mesh.column[v], mesh.row[v]
    p, q, s = mesh.corner[t, 0], mesh.corner[t, 1], mesh.corner[t, 2]
    ax, ay = mesh.column[p] - c, mesh.row[p] - r
    bx, by = mesh.column[q] - c, mesh.row[q] - r
    cx, cy = mesh.column[s] - c, mesh.row[s] - r
    a2, b2, c2 = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    return bool(ax * (by * c2 - cy * b2) - ay * (bx * c2 - cx * b2) + a2 * (bx * cy - cx * by) > 0)


@inner
def locate(mesh: Mesh, column: int, row: int, start: int) -> int:
    """Return a triangle that holds a place, walking from `start`; its edges count as inside."""
    t = start
    for _ in range(4 * mesh.counts[_N_TRIANGLES] + 16):
        away = -1
        for k in range(3):
            a, b = mesh.corner[t, (k + 1) % 3], mesh.corner[t, (k + 2) % 3]
            if _turn(mesh, a, b, column, row) < 0:
                away = k
                break
        if away < 0:
            return t
        t = mesh.beside[t, away]
    for t in range(mesh.counts[_N_TRIANGLES]):  # fixed edges can make the walk go in circles
        out = False
        for k in range(3):
            out |= _turn(mesh, mesh.corner[t, k], mesh.corner[t, (k + 1) % 3], column, row) < 0
        if not out:
            return t
    return -1


@inner
def _set(mesh: Mesh, t: int, a: int, b: int, c: int) -> None:
    mesh.corner[t, 0], mesh.corner[t, 1], mesh.corner[t, 2] = a, b, c
    mesh.at[a] = mesh.at[b] = mesh.at[c] = t
    mesh.touched[mesh.counts[_N_TOUCHED]] = t
    mesh.counts[_N_TOUCHED] += 1


@inner
def _join(mesh: Mesh, t: int, k: int, other: int, fixed: bool) -> None:
    """Make `other` the neighbour of t across its edge k, and the other way round."""
    mesh.beside[t, k], mesh.fixed[t, k] = other, fixed
    if other < 0:
        return
    a, b = mesh.corner[t, (k + 1) % 3], mesh.corner[t, (k + 2) % 3]
    for j in range(3):
        if mesh.corner[other, (j + 1) % 3] == b and mesh.corner[other, (j + 2) % 3] == a:
            mesh.beside[other, j], mesh.fixed[other, j] = t, fixed


@inner
def _new_triangle(mesh: Mesh, parent: int) -> int:
    t = int(mesh.counts[_N_TRIANGLES])
    mesh.counts[_N_TRIANGLES] += 1
    mesh.inside[t] = mesh.inside[parent]
    return t


@inner
def _opposite(mesh: Mesh, t: int, other: int) -> int:
    """Return the corner of t that lies across from its neighbour `other`."""
    for k in range(3):
        if mesh.beside[t, k] == other:
            return k
    return -1


@inner
def _split_face(mesh: Mesh, t: int, v: int) -> None:
    """Cut a triangle in three at a vertex inside it."""
    a, b, c = mesh.corner[t, 0], mesh.corner[t, 1], mesh.corner[t, 2]
    na, nb, nc = mesh.beside[t, 0], mesh.beside[t, 1], mesh.beside[t, 2]
    fa, fb, fc = mesh.fixed[t, 0], mesh.fixed[t, 1], mesh.fixed[t, 2]
    t1, t2 = _new_triangle(mesh, t), _new_triangle(mesh, t)
    _set(mesh, t, v, b, c)
    _set(mesh, t1, v, c, a)
    _set(mesh, t2, v, a, b)
    _join(mesh, t, 0, na, fa)
    _join(mesh, t1, 0, nb, fb)
    _join(mesh, t2, 0, nc, fc)
    _join(mesh, t, 1, t1, False)
    _join(mesh, t1, 1, t2, False)
    _join(mesh, t2, 1, t, False)


@inner
def _halve(mesh: Mesh, t: int, k: int, v: int) -> int:
    """Cut a triangle in two at a vertex on its edge k; returns the half at corner k + 2 (the other stays `t`)."""
    a, b, c = mesh.corner[t, k], mesh.corner[t, (k + 1) % 3], mesh.corner[t, (k + 2) % 3]
    nb, nc = mesh.beside[t, (k + 1) % 3], mesh.beside[t, (k + 2) % 3]
    fa, fb, fc = mesh.fixed[t, k], mesh.fixed[t, (k + 1) % 3], mesh.fixed[t, (k + 2) % 3]
    half = _new_triangle(mesh, t)
    _set(mesh, t, a, b, v)
    _set(mesh, half, a, v, c)
    _join(mesh, t, 2, nc, fc)
    _join(mesh, half, 1, nb, fb)
    _join(mesh, t, 1, half, False)
    mesh.beside[t, 0] = mesh.beside[half, 0] = -1
    mesh.fixed[t, 0] = mesh.fixed[half, 0] = fa
    return int(half)


@inner
def _split_edge(mesh: Mesh, t: int, k: int, v: int) -> None:
    """Cut the triangles on both sides of an edge at a vertex on it."""
    other, fixed = mesh.beside[t, k], mesh.fixed[t, k]
    j = _opposite(mesh, other, t) if other >= 0 else -1
    half = _halve(mesh, t, k, v)
    if other >= 0:
        far = _halve(mesh, other, j, v)
        _join(mesh, t, 0, far, fixed)
        _join(mesh, half, 0, other, fixed)


@inner
def _flip(mesh: Mesh, t: int, k: int) -> int:
    """Turn the edge opposite corner k, the new vertex, which is then corner 0 of both; returns the other triangle."""
    other = int(mesh.beside[t, k])
    j = _opposite(mesh, other, t)
    v, a, b = mesh.corner[t, k], mesh.corner[t, (k + 1) % 3], mesh.corner[t, (k + 2) % 3]
    d = mesh.corner[other, j]
    nb, nbf = mesh.beside[t, (k + 1) % 3], mesh.fixed[t, (k + 1) % 3]  # beside edge b-v
    na, naf = mesh.beside[t, (k + 2) % 3], mesh.fixed[t, (k + 2) % 3]  # beside edge v-a
    ad, adf = mesh.beside[other, (j + 1) % 3], mesh.fixed[other, (j + 1) % 3]  # beside edge a-d
    db, dbf = mesh.beside[other, (j + 2) % 3], mesh.fixed[other, (j + 2) % 3]  # beside edge d-b
    _set(mesh, t, v, a, d)
    _set(mesh, other, v, d, b)
    _join(mesh, t, 0, ad, adf)
    _join(mesh, t, 2, na, naf)
    _join(mesh, other, 0, db, dbf)
    _join(mesh, other, 1, nb, nbf)
    _join(mesh, t, 1, other, False)
    return int(other)


@inner
def add_point(mesh: Mesh, column: int, row: int, start: int) -> int:
    """Make a lattice point a vertex, near triangle `start`, and return its number; an old one if it is there already.

    `touched` lists the triangles that changed. The triangulation stays Delaunay but for its fixed edges.
    """
    mesh.counts[_N_TOUCHED] = 0
    t = locate(mesh, column, row, start)
    edge = -1
    for k in range(3):
        a, b = mesh.corner[t, (k + 1) % 3], mesh.corner[t, (k + 2) % 3]
        if mesh.column[a] == column and mesh.row[a] == row:
            return int(a)
        if _turn(mesh, a, b, column, row) == 0:
            edge = k
    for k in range(3):
        v = mesh.corner[t, k]
        if mesh.column[v] == column and mesh.row[v] == row:
            return int(v)
    v = int(mesh.counts[_N_VERTICES])
    mesh.counts[_N_VERTICES] += 1
    mesh.column[v], mesh.row[v] = column, row
    if edge < 0:
        _split_face(mesh, t, v)
    else:
        _split_edge(mesh, t, edge, v)
    first = 0
    while first < mesh.counts[_N_TOUCHED]:
        t = mesh.touched[first]
        first += 1
        k = 0 if mesh.corner[t, 0] == v else (1 if mesh.corner[t, 1] == v else 2)
        other = mesh.beside[t, k]
        if other < 0 or mesh.fixed[t, k] or mesh.corner[t, k] != v:
            continue
        if _in_circle(mesh, other, v):
            _flip(mesh, t, k)  # both are touched again, and looked at again
    return v


@inner
def edge_between(mesh: Mesh, a: int, b: int) -> tuple[int, int]:
    """Return the triangle and the corner opposite the edge between two vertices, or (-1, -1) if there is none."""
    first = mesh.at[a]
    for direction in (1, 2):  # round the vertex one way, and the other way if the outside comes first
        t = first
        while t >= 0:
            k = 0 if mesh.corner[t, 0] == a else (1 if mesh.corner[t, 1] == a else 2)
            if mesh.corner[t, (k + 1) % 3] == b:
                return t, (k + 2) % 3
            if mesh.corner[t, (k + 2) % 3] == b:
                return t, (k + 1) % 3
            t = mesh.beside[t, (k + direction) % 3]
            if t == first:
                return -1, -1
    return -1, -1


@inner
def fix_edge(mesh: Mesh, t: int, k: int) -> None:
    """Fix the edge opposite corner k of a triangle, on both sides."""
    _join(mesh, t, k, mesh.beside[t, k], True)
