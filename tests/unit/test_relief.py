"""Terrain triangles: within the tolerance everywhere, without a gap to the neighbour, holes where nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.tri import LinearTriInterpolator, Triangulation
from scipy import ndimage, spatial

from pipelines.relief import ReliefParams, relief_frame, tile_relief
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from twin.cityobject import Tin

STEP_M = 0.5
CELLS = 48
"""Cells along a tile's edge."""


def hills(n: int, seed: int, n_holes: int = 0, noise_m: float = 0.02) -> NDArray[np.float32]:
    """Smooth ground with noise, and rectangles and discs that are void."""
    rng = np.random.default_rng(seed)
    z = 40 + ndimage.gaussian_filter(rng.normal(size=(n, n)), 4) * 3 + rng.normal(0, noise_m, (n, n))
    row, column = np.mgrid[:n, :n]
    for _ in range(n_holes):
        r, c, size = [*rng.integers(0, n, 2).tolist(), int(rng.integers(1, n // 4))]
        if rng.random() < 0.5:
            z[r : r + size, c : c + size // 2 + 1] = np.nan
        else:
            z[(row - r) ** 2 + (column - c) ** 2 < (size / 2) ** 2] = np.nan
    return z.astype(np.float32)


def area(n: int) -> Frame:
    return Frame(column0=-17_000, row0=-71_000, rows=n, columns=n, resolution_m=STEP_M)


def part(whole: Frame, column: int, row: int, cells: int = CELLS) -> Frame:
    """A tile of the area, counted from its south-west."""
    return Frame(
        column0=whole.column0 + column * cells,
        row0=whole.row0 + row * cells,
        rows=cells,
        columns=cells,
        resolution_m=STEP_M,
    )


def triangulate(z: NDArray[np.float32], own: Frame, tolerance_m: float = 0.15) -> Tin | None:
    raster = Raster(values=z, frame=area(len(z)), crs="EPSG:6677")
    return tile_relief(raster, own, "relief", ReliefParams(tolerance_m=tolerance_m))


def heights_on(tin: Tin, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights of the surface at places as matplotlib interpolates them, NaN beside it."""
    origin = tin.vertices[0]
    own = Triangulation(*(tin.vertices - origin).T[:2], tin.triangles)
    return LinearTriInterpolator(own, tin.vertices[:, 2])(x - origin[0], y - origin[1]).filled(np.nan)


@pytest.mark.parametrize("tolerance_m", [0.02, 0.15, 1.0])
@pytest.mark.parametrize("n_holes", [0, 12])
def test_no_cell_is_farther_from_the_surface_than_tolerated(tolerance_m: float, n_holes: int) -> None:
    z = hills(CELLS + 3, 3, n_holes)
    whole = area(len(z))
    tin = triangulate(z, Frame(column0=whole.column0 + 1, row0=whole.row0 + 1, rows=CELLS, columns=CELLS,
                               resolution_m=STEP_M), tolerance_m)  # fmt: skip
    assert tin is not None
    x, y = np.meshgrid(*whole.centers())
    error = np.abs(heights_on(tin, x, y) - z)
    assert np.nanmax(error) <= tolerance_m
    assert np.nanmax(error) > 0.2 * tolerance_m, "a surface through every cell proves nothing"
    assert len(tin.vertices) < 0.9 * CELLS**2


@pytest.mark.parametrize("seed", range(6))
def test_the_surface_is_every_square_of_four_known_cells_and_nothing_else(seed: int) -> None:
    z = hills(CELLS + 3, seed, n_holes=8)
    whole = area(len(z))
    own = Frame(column0=whole.column0 + 1, row0=whole.row0 + 1, rows=CELLS, columns=CELLS, resolution_m=STEP_M)
    tin = triangulate(z, own)
    assert tin is not None
    known = np.isfinite(z[1:-1, 1:-1])
    square = known[1:, 1:] & known[1:, :-1] & known[:-1, 1:] & known[:-1, :-1]
    flat = tin.vertices * [1, 1, 0]
    corners = flat[tin.triangles]
    turn = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    assert (turn > 0).all(), "counter-clockwise seen from above"
    assert turn.sum() / 2 == pytest.approx(square.sum() * STEP_M**2, abs=1e-6)
    x, y = whole.centers()
    middle_x, middle_y = np.meshgrid((x[1:-2] + x[2:-1]) / 2, (y[1:-2] + y[2:-1]) / 2)
    assert np.array_equal(np.isfinite(heights_on(tin, middle_x, middle_y)), square)
    mesh = trimesh.Trimesh(tin.vertices, tin.triangles, process=False)
    counts = np.unique(mesh.edges_sorted, axis=0, return_counts=True)[1]
    assert counts.max() == 2
    assert mesh.is_winding_consistent


@given(seed=st.integers(0, 10_000), n_holes=st.integers(0, 10))
def test_neighbours_have_the_same_vertices_on_their_common_side(seed: int, n_holes: int) -> None:
    cells = 12
    z = hills(2 * cells, seed, n_holes)
    whole = area(len(z))
    tiles = {(i, j): triangulate(z, part(whole, i, j, cells), 0.05) for i in (0, 1) for j in (0, 1)}
    for axis, pairs in ((0, [((0, 0), (1, 0)), ((0, 1), (1, 1))]), (1, [((0, 0), (0, 1)), ((1, 0), (1, 1))])):
        start = (whole.column0, whole.row0)[axis]
        side = (start + cells + 0.5) * STEP_M
        for one, other in pairs:
            # Where only one of two neighbours has ground there is a hole beside the side; its vertices are the one's.
            mine, theirs = (_edges_on(tiles[key], axis, side) for key in (one, other))
            crossed = {edge for edge in mine ^ theirs if _known_on_both_sides(z, whole, axis, side, edge)}
            assert not crossed


def _edges_on(tin: Tin | None, axis: int, side: float) -> set[tuple[tuple[float, ...], ...]]:
    if tin is None:
        return set()
    pairs = np.concatenate([tin.triangles[:, [0, 1]], tin.triangles[:, [1, 2]], tin.triangles[:, [2, 0]]])
    ends = tin.vertices[pairs]
    lying = (ends[:, :, axis] == side).all(axis=1)
    return {tuple(sorted((tuple(a), tuple(b)))) for a, b in ends[lying].tolist()}


def _known_on_both_sides(
    z: NDArray[np.float32], whole: Frame, axis: int, side: float, edge: tuple[tuple[float, ...], ...]
) -> bool:
    """Whether the squares left and right of the first piece of an edge are both of known cells."""
    known = np.isfinite(z[::-1]).T if axis == 0 else np.isfinite(z[::-1])
    start = (whole.column0, whole.row0)
    across = round(side / STEP_M - 0.5) - start[axis]
    along = round(edge[0][1 - axis] / STEP_M - 0.5) - start[1 - axis]
    return bool(known[across - 1 : across + 2, along : along + 2].all())


def test_the_triangulation_is_a_delaunay_triangulation() -> None:
    z = hills(CELLS + 3, 5)
    whole = area(len(z))
    tin = triangulate(z, part(whole, 0, 0), 0.1)
    assert tin is not None
    xy = np.rint((tin.vertices[:, :2] - tin.vertices[:, :2].min(axis=0)) / STEP_M)
    theirs = spatial.Delaunay(xy)
    assert len(tin.triangles) == len(theirs.simplices)
    a, b, c = (xy[tin.triangles[:, k]] for k in range(3))
    for d in range(0, len(xy), 7):
        p, q, r = (corner - xy[d] for corner in (a, b, c))
        inside = np.linalg.det(
            np.stack([np.column_stack([corner, (corner**2).sum(axis=1)]) for corner in (p, q, r)], axis=1)
        )
        assert inside.max() < 1e-6 * CELLS**4


def test_a_plane_takes_two_triangles_and_a_void_tile_none() -> None:
    n = CELLS + 3
    row, column = np.mgrid[:n, :n]
    whole = area(n)
    own = Frame(column0=whole.column0 + 1, row0=whole.row0 + 1, rows=CELLS, columns=CELLS, resolution_m=STEP_M)
    tin = triangulate((3.0 + 0.25 * row - 0.125 * column).astype(np.float32), own)
    assert tin is not None
    assert len(tin.triangles) == 2
    assert triangulate(np.full((n, n), np.nan, np.float32), own) is None


def test_what_lies_beyond_the_cells_that_a_tile_reads_changes_nothing() -> None:
    z = hills(3 * CELLS, 9, n_holes=10)
    whole = area(len(z))
    own = part(whole, 1, 1)
    first = triangulate(z, own)
    rows, columns = whole.window_of(relief_frame(own))
    beyond = np.ones(z.shape, bool)
    beyond[rows, columns] = False
    second = triangulate(np.where(beyond, np.nan, z).astype(np.float32), own)
    assert first is not None
    assert second is not None
    assert np.array_equal(first.vertices, second.vertices)
    assert np.array_equal(first.triangles, second.triangles)


def test_a_tolerance_below_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="tolerance_m"):
        ReliefParams(tolerance_m=0.0)
