"""How far the points lie from the model: every point to its nearest face, roof points to the roof below or above them.

Both senses are kept apart because they answer different questions. The distance in space to the nearest face, walls
included, of *all* points says whether anything that was scanned is missing in the model. The residual along z of the
roof points says how well the roof's heights are known, which is what floods and shadows ask for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.building import Solid

__all__ = ["Fit", "distances_to_solid", "measure_fit", "roof_residuals"]

_FACES_PER_CELL = 8
"""Cells of the plan are so large that there are about this many faces for each: a house has one or two."""
_SHARE = 0.95
_LEAST_SLOPE = 1e-6
"""z component of a unit normal below which a face has no height over a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Distances of a building's points to its model, metres."""

    rmse_all_m: float
    """Root mean square distance in space of all points to the nearest face, walls and ground included."""
    p95_m: float
    """95 % of those distances are not larger than this."""
    rmse_m: float
    """Root mean square residual of the roof points to the roof, along z; NaN if there are none."""
    n_points: int
    """All points."""


def measure_fit(solid: Solid, xyz: NDArray[np.float64], is_roof: NDArray[np.bool_]) -> Fit:
    """Measure how well a model fits its points.

    Parameters
    ----------
    solid
        Model of any level of detail with planar faces.
    xyz
        All building points of the outline, shape (n, 3), metres in the solid's CRS and datum; in any order.
    is_roof
        Which of them lie on a roof and not on a wall, shape (n,); see `pipelines.model.rings.on_top`.

    Returns
    -------
    Fit
        Not rounded. The same bits for any order of the points: squares are summed from the smallest on.

    Raises
    ------
    ValueError
        If there are no points.

    Notes
    -----
    About 0.5 ms for 1 700 points and a dozen faces.
    """
    if len(xyz) == 0:
        raise ValueError("no points to measure the model by")
    faces = _Faces.of(solid)
    distance = np.sort(faces.distances(xyz))
    residual = np.sort(np.abs(faces.residuals(xyz[is_roof])))
    return Fit(
        rmse_all_m=_root_mean_square(distance),
        p95_m=float(distance[math.ceil(_SHARE * len(distance)) - 1]),
        rmse_m=_root_mean_square(residual) if len(residual) else math.nan,
        n_points=len(xyz),
    )


def distances_to_solid(solid: Solid, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance in space of each point to the nearest face, not signed.

    Parameters
    ----------
    solid
        Faces must be planar; one that is not by some millimetres is taken as its mean plane.
    xyz
        Shape (n, 3), metres in the solid's CRS and datum.

    Returns
    -------
    numpy.ndarray
        Shape (n,), metres. Each depends on the solid and its own point alone.

    Notes
    -----
    Faces are sorted into cells of the plan; cells are searched outwards until none can hold anything nearer. O(n) for
    solids of evenly spread faces; memory 8 bytes a point.
    """
    return _Faces.of(solid).distances(xyz)


def roof_residuals(solid: Solid, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height of each point above the roof of the model at its place.

    Parameters
    ----------
    solid
        With its faces named; ``RoofSurface`` counts. Where roofs lie one above the other, the highest counts.
    xyz
        Shape (n, 3), metres in the solid's CRS and datum.

    Returns
    -------
    numpy.ndarray
        Shape (n,), metres, negative below the roof. A point beside the roofs, where rounding of the outline or a
        foreign model left it, has its distance in space to the nearest face.
    """
    return _Faces.of(solid).residuals(xyz)


def _root_mean_square(sorted_values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(sorted_values * sorted_values)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Faces:
    """A solid as flat arrays near the origin, its faces found by cell."""

    origin: NDArray[np.float64]
    """Whole metres that were taken off, so that squares keep their digits far from the CRS origin."""
    rings: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]
    """Vertices ring after ring, shape (corners, 3); first of each ring; first ring of each face; ends appended."""
    shape: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Unit normal and offset, shape (faces, 4); box xmin ymin zmin xmax ymax zmax, shape (faces, 6)."""
    cells: tuple[NDArray[np.int64], NDArray[np.int64], float, float, float, int, int]
    """First face of each cell, faces by cell, west, south, edge, columns, rows."""
    is_roof: NDArray[np.bool_]
    """Shape (faces,)."""

    @staticmethod
    def of(solid: Solid) -> _Faces:
        """Prepare a solid."""
        sizes = np.array([len(ring) for face in solid.faces for ring in face], np.int64)
        corners = np.array([corner for face in solid.faces for ring in face for corner in ring], np.int64)
        ring_start = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        face_start = np.cumsum([0, *(len(face) for face in solid.faces)], dtype=np.int64)
        origin = np.floor(solid.vertices.min(axis=0))
        rings = (solid.vertices[corners] - origin, ring_start, face_start)
        shape = _planes(*rings)
        return _Faces(
            origin=origin,
            rings=rings,
            shape=shape,
            cells=_cells(shape[1]),
            is_roof=np.array([name == "RoofSurface" for name in solid.semantics], np.bool_),
        )

    def distances(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `distances_to_solid`."""
        found: NDArray[np.float64] = _distances(self.rings, self.shape, self.cells, xyz - self.origin)
        return found

    def residuals(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `roof_residuals`."""
        near = xyz - self.origin
        found: NDArray[np.float64] = _residuals(self.rings, self.shape, self.cells, self.is_roof, near)
        beside = np.isnan(found)
        if beside.any():
            found[beside] = _distances(self.rings, self.shape, self.cells, near[beside])
        return found


def _cells(box: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], float, float, float, int, int]:
    """Sort faces into square cells of the plan; a face stands in every cell that its box touches."""
    west, south = float(box[:, 0].min()), float(box[:, 1].min())
    wide, deep = float(box[:, 3].max()) - west, float(box[:, 4].max()) - south
    n_cells = max(1.0, len(box) / _FACES_PER_CELL)
    edge = max(math.sqrt(wide * deep / n_cells), max(wide, deep) / n_cells, 1e-3)
    columns, rows = int(wide // edge) + 1, int(deep // edge) + 1
    start, found = _sorted_in(box, (west, south, edge, columns, rows))
    return start, found, west, south, edge, columns, rows


@nb.njit(cache=True)
def _planes(xyz: Any, ring_start: Any, face_start: Any) -> Any:
    """Plane of each face by Newell's rule through the mean of its vertices, and its box."""
    n = len(face_start) - 1
    plane = np.zeros((n, 4))
    box = np.empty((n, 6))
    for f in range(n):
        first, last = ring_start[face_start[f]], ring_start[face_start[f + 1]]
        start = xyz[first]
        for r in range(face_start[f], face_start[f + 1]):
            for k in range(ring_start[r], ring_start[r + 1]):
                a = xyz[k] - start
                b = xyz[k + 1 if k + 1 < ring_start[r + 1] else ring_start[r]] - start
                plane[f, 0] += a[1] * b[2] - a[2] * b[1]
                plane[f, 1] += a[2] * b[0] - a[0] * b[2]
                plane[f, 2] += a[0] * b[1] - a[1] * b[0]
        length = math.sqrt(plane[f, 0] ** 2 + plane[f, 1] ** 2 + plane[f, 2] ** 2)
        for axis in range(3):
            own = xyz[first:last, axis]
            box[f, axis], box[f, 3 + axis] = own.min(), own.max()
            if length > 0.0:
                plane[f, axis] /= length
                plane[f, 3] += plane[f, axis] * own.mean()
    return plane, box


@nb.njit(cache=True)
def _sorted_in(box: Any, grid: tuple[float, float, float, int, int]) -> Any:
    west, south, edge, columns, rows = grid
    n = len(box)
    reach = np.empty((n, 4), np.int64)
    start = np.zeros(columns * rows + 1, np.int64)
    for f in range(n):
        reach[f, 0] = min(columns - 1, int((box[f, 0] - west) / edge))
        reach[f, 1] = min(rows - 1, int((box[f, 1] - south) / edge))
        reach[f, 2] = min(columns - 1, int((box[f, 3] - west) / edge))
        reach[f, 3] = min(rows - 1, int((box[f, 4] - south) / edge))
        for row in range(reach[f, 1], reach[f, 3] + 1):
            for column in range(reach[f, 0], reach[f, 2] + 1):
                start[row * columns + column + 1] += 1
    start = np.cumsum(start)
    found = np.empty(start[-1], np.int64)
    used = start[:-1].copy()
    for f in range(n):
        for row in range(reach[f, 1], reach[f, 3] + 1):
            for column in range(reach[f, 0], reach[f, 2] + 1):
                cell = row * columns + column
                found[used[cell]] = f
                used[cell] += 1
    return start, found


@nb.njit(cache=True)
def _distances(rings: Any, shape: Any, cells: Any, points: Any) -> Any:
    """Search cells outwards, beginning in each with the face that was nearest so far: mostly that of the point before.

    Arrays are passed to what is called one by one: taking them out of a tuple there costs five times the search.
    """
    start, found, west, south, edge, columns, rows = cells
    xyz, ring_start, face_start = rings
    plane, box = shape
    out = np.empty(len(points))
    seen = np.full(len(plane), -1, np.int64)
    nearest = 0
    for i in range(len(points)):
        point = points[i, 0], points[i, 1], points[i, 2]
        column = min(columns - 1, max(0, int((point[0] - west) / edge)))
        row = min(rows - 1, max(0, int((point[1] - south) / edge)))
        best = np.inf
        for out_by in range(max(columns, rows)):
            for r in range(max(0, row - out_by), min(rows - 1, row + out_by) + 1):
                step = 1 if r == row - out_by or r == row + out_by else max(1, 2 * out_by)
                for c in range(column - out_by, column + out_by + 1, step):
                    if c < 0 or c >= columns:
                        continue
                    first, stop = start[r * columns + c], start[r * columns + c + 1]
                    for k in range(first - 1, stop):
                        f = found[k] if k >= first else nearest
                        if seen[f] == i or _square_to_box(box, f, point) >= best:
                            continue
                        seen[f] = i
                        off = _off(plane, f, point)
                        if off * off >= best:
                            continue
                        normal = plane[f, 0], plane[f, 1], plane[f, 2], off
                        square = _square_to_face(xyz, ring_start, (face_start[f], face_start[f + 1]), point, normal)
                        if square < best:
                            best, nearest = square, f
            beyond = _to_border((point[0] - west, point[1] - south), edge, (column, row), out_by, (columns, rows))
            if best <= beyond * beyond:
                break
        out[i] = math.sqrt(best)
    return out


@nb.njit(cache=True)
def _to_border(
    place: tuple[float, float], edge: float, cell: tuple[int, int], out_by: int, size: tuple[int, int]
) -> float:
    """Least distance in plan to a cell that was not searched yet."""
    x, y = place
    column, row = cell
    columns, rows = size
    least = np.inf
    if column - out_by > 0:
        least = min(least, x - (column - out_by) * edge)
    if column + out_by < columns - 1:
        least = min(least, (column + out_by + 1) * edge - x)
    if row - out_by > 0:
        least = min(least, y - (row - out_by) * edge)
    if row + out_by < rows - 1:
        least = min(least, (row + out_by + 1) * edge - y)
    return max(0.0, least)


@nb.njit(cache=True)
def _square_to_box(box: Any, f: int, point: tuple[float, float, float]) -> Any:
    x, y, z = point
    gap_x = max(box[f, 0] - x, 0.0, x - box[f, 3])
    gap_y = max(box[f, 1] - y, 0.0, y - box[f, 4])
    gap_z = max(box[f, 2] - z, 0.0, z - box[f, 5])
    return gap_x * gap_x + gap_y * gap_y + gap_z * gap_z


@nb.njit(cache=True)
def _off(plane: Any, f: int, point: tuple[float, float, float]) -> Any:
    """Signed distance to the plane of a face."""
    return plane[f, 0] * point[0] + plane[f, 1] * point[1] + plane[f, 2] * point[2] - plane[f, 3]


@nb.njit(cache=True)
def _square_to_face(
    xyz: Any,
    ring_start: Any,
    rings: tuple[int, int],
    point: tuple[float, float, float],
    normal: tuple[float, float, float, float],
) -> float:
    """Squared distance to a face whose unit normal is given, and how far off its plane the point lies."""
    x, y, z = point
    a, b, c, off = normal
    # The foot of the point on the plane is inside if it is inside in the plan that shows the face widest.
    foot = x - off * a, y - off * b, z - off * c
    if abs(c) >= abs(a) and abs(c) >= abs(b):
        is_inside = c != 0.0 and _is_inside(xyz, ring_start, rings, (foot[0], foot[1]), (0, 1))
    elif abs(b) >= abs(a):
        is_inside = _is_inside(xyz, ring_start, rings, (foot[0], foot[2]), (0, 2))
    else:
        is_inside = _is_inside(xyz, ring_start, rings, (foot[1], foot[2]), (1, 2))
    return float(off * off) if is_inside else _square_to_edges(xyz, ring_start, rings, point)


@nb.njit(cache=True)
def _is_inside(
    xyz: Any, ring_start: Any, rings: tuple[int, int], place: tuple[float, float], axes: tuple[int, int]
) -> bool:
    """Even-odd rule over two axes; edges are cut from their lower end, so neighbours decide a shared edge alike."""
    u, v = place
    first, second = axes
    odd = False
    for r in range(rings[0], rings[1]):
        last = ring_start[r + 1] - 1
        au, av = xyz[last, first], xyz[last, second]
        for k in range(ring_start[r], last + 1):
            bu, bv = xyz[k, first], xyz[k, second]
            low_u, low_v, high_u, high_v = (bu, bv, au, av) if av > bv else (au, av, bu, bv)
            left = (u - low_u) * (high_v - low_v) < (v - low_v) * (high_u - low_u)
            odd ^= ((av > v) != (bv > v)) & left
            au, av = bu, bv
    return odd


@nb.njit(cache=True)
def _square_to_edges(xyz: Any, ring_start: Any, rings: tuple[int, int], point: tuple[float, float, float]) -> float:
    x, y, z = point
    best = np.inf
    for r in range(rings[0], rings[1]):
        last = ring_start[r + 1] - 1
        ax, ay, az = xyz[last, 0], xyz[last, 1], xyz[last, 2]
        for k in range(ring_start[r], last + 1):
            bx, by, bz = xyz[k, 0], xyz[k, 1], xyz[k, 2]
            dx, dy, dz, px, py, pz = bx - ax, by - ay, bz - az, x - ax, y - ay, z - az
            length = dx * dx + dy * dy + dz * dz
            t = min(1.0, max(0.0, (px * dx + py * dy + pz * dz) / length)) if length > 0.0 else 0.0
            ex, ey, ez = px - t * dx, py - t * dy, pz - t * dz
            best = min(best, ex * ex + ey * ey + ez * ez)
            ax, ay, az = bx, by, bz
    return best


@nb.njit(cache=True)
def _residuals(rings: Any, shape: Any, cells: Any, is_roof: Any, points: Any) -> Any:
    """Height above the highest roof face at each point's place, NaN where there is none."""
    start, found, west, south, edge, columns, rows = cells
    xyz, ring_start, face_start = rings
    plane, box = shape
    out = np.full(len(points), np.nan)
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        cell = min(rows - 1, max(0, int((y - south) / edge))) * columns
        cell += min(columns - 1, max(0, int((x - west) / edge)))
        top = -np.inf
        for k in range(start[cell], start[cell + 1]):
            f = found[k]
            if not is_roof[f] or plane[f, 2] < _LEAST_SLOPE or x < box[f, 0] or x > box[f, 3]:
                continue
            own = face_start[f], face_start[f + 1]
            if y >= box[f, 1] and y <= box[f, 4] and _is_inside(xyz, ring_start, own, (x, y), (0, 1)):
                top = max(top, (plane[f, 3] - plane[f, 0] * x - plane[f, 1] * y) / plane[f, 2])
        if top > -np.inf:
            out[i] = points[i, 2] - top
    return out
