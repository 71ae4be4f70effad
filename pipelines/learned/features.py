"""Features of points for the trees: heights above everything around, shapes at three scales, echoes.

No coordinate, no intensity and no colour is among them, so a model can travel between countries and sensors. What a
survey lacks has one value of its own: an echo of 0, a shape of -1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from pipelines.ground.cells import cell_numbers
from pipelines.learned.cells import CELL_M, CELL_NAMES, CELL_REACH_M, N_HEIGHTS, cell_planes, table_of
from pipelines.objects.voxels import build_voxels, coarser, voxel_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.objects.voxels import Shape, Voxels
    from twin.raster import Frame

__all__ = ["FEATURES", "REACH_M", "FeatureSource", "Filtered"]

_SCALES_MM = (500, 1000, 2000)
_SHAPE_NAMES = ("thickness", "width", "steepness", "above_mean")
_OWN_NAMES = ("height", "height_in_tolerances", "echo")
_BARE = np.array([name.startswith("bare_") for name in CELL_NAMES])

FEATURES: tuple[str, ...] = (
    *_OWN_NAMES,
    *CELL_NAMES,
    *(f"{name}_{size}" for size in _SCALES_MM for name in _SHAPE_NAMES),
)
"""Names in the order of the columns. Cells are `pipelines.learned.cells.CELL_NAMES`, a point's height less theirs where
they are heights; shapes are those of 3 x 3 x 3 voxels, named by the voxel's edge in millimetres."""

REACH_M = max(CELL_REACH_M + CELL_M, 2.0 * _SCALES_MM[-1] / 1000.0)
"""Distance within which a point's features need every other point, metres."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Filtered:
    """What the noise and ground filters left, and what they said; n points in any order."""

    x: NDArray[np.float64]
    """Eastings, metres, shape (n,)."""
    y: NDArray[np.float64]
    """Northings, metres, shape (n,)."""
    z: NDArray[np.float64]
    """Heights above the datum, metres, shape (n,)."""
    height_m: NDArray[np.float32]
    """Heights above the filter's surface, metres, shape (n,), NaN where it has none."""
    tolerance_m: NDArray[np.float32]
    """What the filter allowed each point, metres, shape (n,)."""
    is_ground: NDArray[np.bool_]
    """What the filter called ground, shape (n,)."""
    return_number: NDArray[np.uint8]
    """Order of the return in its pulse from 1, 0 where unknown, shape (n,)."""
    number_of_returns: NDArray[np.uint8]
    """Returns of its pulse, 0 where unknown, shape (n,)."""

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.x)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureSource:
    """Grids and voxels of a cloud, from which any of its points' features are gathered."""

    filtered: Filtered
    cells: NDArray[np.int32]
    """Cell of each point, shape (n,)."""
    planes: list[NDArray[np.float32]]
    """`CELL_NAMES` of each cell, grids of shape (rows, cols)."""
    voxels: Voxels
    """All points in the smallest voxels."""

    @staticmethod
    def of(filtered: Filtered, frame: Frame) -> FeatureSource:
        """Make the cells' grids; `frame` holds all points, in cells of `CELL_M`."""
        height = np.nan_to_num(filtered.height_m)
        cells = cell_numbers(frame, filtered.x, filtered.y)
        flags = (filtered.is_ground, filtered.number_of_returns > 1)
        return FeatureSource(
            filtered=filtered,
            cells=cells,
            planes=cell_planes(cells, filtered.z, height, flags, frame),
            voxels=build_voxels(filtered.x, filtered.y, filtered.z, _SCALES_MM[0] / 1000.0),
        )

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one grid's value for each point, shape (n,)."""
        return self.planes[CELL_NAMES.index(name)].ravel()[self.cells]

    def highest_of_voxels(
        self, asked: NDArray[np.bool_], near: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Return one point for each voxel with points that are `asked` about, and which of these stands for each point.

        It is the highest of those, `near` or not; of equals, one with the later echo. Points in one place with one echo
        have one row of features, so which of them is taken does not matter. Voxels without a point that is asked about
        and `near` have none. The second array is -1 where nothing stands for a point.
        """
        own, of_point = self.filtered, self.voxels.of_point
        echo = _echoes(own.return_number, own.number_of_returns)
        top = _tops(of_point, len(self.voxels.layer), (asked, own.z, own.x, own.y, echo))
        wanted = np.zeros(len(top), np.bool_)
        wanted[of_point[asked & near]] = True
        chosen = np.flatnonzero(wanted)
        number = np.full(len(top), -1, np.int32)
        number[chosen] = np.arange(len(chosen))
        return top[chosen], np.where(asked & near, number[of_point], -1)

    def rows(self, chosen: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the features of the points at `chosen`, shape (len(chosen), ``len(FEATURES)``).

        Notes
        -----
        Shapes are made where a chosen point lies: about 0.6 microseconds a chosen point.
        """
        own = self.filtered
        out = np.empty((len(chosen), len(FEATURES)), np.float32)
        if not len(chosen):
            return out
        echo = _echoes(own.return_number, own.number_of_returns)
        row_of_cell = np.zeros(self.planes[0].size, np.int32)
        row_of_cell[self.cells[chosen]] = 1
        used = np.flatnonzero(row_of_cell)
        row_of_cell[used] = np.arange(len(used))
        columns = (own.z, np.nan_to_num(own.height_m), own.tolerance_m, echo, row_of_cell[self.cells[chosen]])
        _gather_cells(chosen, columns, table_of(self.planes, used), (_BARE, N_HEIGHTS), out)
        voxels = self.voxels
        of_chosen = voxels.of_point[chosen]
        for scale in range(len(_SCALES_MM)):
            if scale:
                voxels = coarser(voxels)
                of_chosen = voxels.of_point[of_chosen]
            shape = _shapes_where(voxels, of_chosen)
            first = len(_OWN_NAMES) + len(CELL_NAMES) + scale * len(_SHAPE_NAMES)
            parts = (shape.thickness_m, shape.width_m, shape.steepness, shape.mean_z_m)
            _gather_shapes(own.z[chosen], of_chosen, parts, out, first)
        return out


def _shapes_where(voxels: Voxels, chosen: NDArray[np.int32]) -> Shape:
    wanted = np.zeros(len(voxels.layer), np.bool_)
    wanted[chosen] = True
    return voxel_shapes(voxels, wanted)


def _echoes(number: NDArray[np.uint8], of: NDArray[np.uint8]) -> NDArray[np.float32]:
    """0 unknown, 1 only, 2 first of several, 3 between, 4 last."""
    several = np.where(number >= of, 4, np.where(number == 1, 2, 3))
    return np.where((of == 0) | (number == 0), 0, np.where(of == 1, 1, several)).astype(np.float32)


@numba.njit(cache=True)
def _tops(of_point: Any, n_voxels: int, columns: Any) -> Any:
    """Find the greatest asked point of each voxel, by z, x, y, echo; -1 where none was asked about."""
    asked, z, x, y, echo = columns
    top = np.full(n_voxels, -1, np.int64)
    for p in range(of_point.size):
        if not asked[p]:
            continue
        q = top[of_point[p]]
        if q < 0 or (z[p], x[p], y[p], echo[p]) > (z[q], x[q], y[q], echo[q]):
            top[of_point[p]] = p
    return top


@numba.njit(cache=True)
def _gather_cells(chosen: Any, columns: Any, table: Any, kinds: Any, out: Any) -> None:
    """Own features, then the cell's: the point's height less the cell's heights, the rest as it stands."""
    z, height, tolerance, echo, row_of = columns
    is_bare, n_heights = kinds
    for q in range(chosen.size):
        p = chosen[q]
        row, o = table[row_of[q]], out[q]
        o[0] = height[p]
        o[1] = min(max(height[p] / max(tolerance[p], np.float32(0.01)), np.float32(-99.0)), np.float32(99.0))
        o[2] = echo[p]
        for k in range(row.size):
            own = np.float32(z[p]) if is_bare[k] else height[p]
            o[3 + k] = own - row[k] if k < n_heights else row[k]


@numba.njit(cache=True)
def _gather_shapes(z: Any, of_chosen: Any, parts: Any, out: Any, first: int) -> None:
    thickness, width, steepness, mean_z = parts
    for q in range(of_chosen.size):
        v = of_chosen[q]
        known = thickness[v] == thickness[v]
        out[q, first] = thickness[v] if known else np.float32(-1.0)
        out[q, first + 1] = width[v] if known else np.float32(-1.0)
        out[q, first + 2] = steepness[v] if known else np.float32(-1.0)
        out[q, first + 3] = z[q] - mean_z[v]
