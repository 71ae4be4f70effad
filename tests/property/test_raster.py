"""Laws of raster frames: cells are global, windows fit, the north is up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import Affine, rowcol

from twin.bounds import Bounds
from twin.raster import Frame, Raster

coordinate = st.floats(-1e5, 1e5, allow_nan=False)
resolution = st.sampled_from([0.25, 0.5, 1.0, 2.0])
sizes = st.integers(1, 40)
frames = st.builds(
    Frame,
    column0=st.integers(-100_000, 100_000),
    row0=st.integers(-100_000, 100_000),
    rows=sizes,
    columns=sizes,
    resolution_m=resolution,
)


@st.composite
def frames_and_insides(draw: st.DrawFn) -> tuple[Frame, Frame]:
    outer = draw(frames)
    left, bottom = draw(st.integers(0, outer.columns - 1)), draw(st.integers(0, outer.rows - 1))
    inner = Frame(
        column0=outer.column0 + left,
        row0=outer.row0 + bottom,
        columns=draw(st.integers(1, outer.columns - left)),
        rows=draw(st.integers(1, outer.rows - bottom)),
        resolution_m=outer.resolution_m,
    )
    return outer, inner


def numbered(frame: Frame) -> np.ndarray:
    """Give each cell a number that depends on its global place alone."""
    rows = frame.row0 + frame.rows - 1 - np.arange(frame.rows)
    columns = frame.column0 + np.arange(frame.columns)
    return rows[:, None] * 1_000_003 + columns[None, :]


@given(frames)
def test_covering_a_frames_bounds_gives_the_frame(frame: Frame) -> None:
    assert Frame.covering(frame.bounds, frame.resolution_m) == frame


@given(coordinate, coordinate, st.floats(0, 50), st.floats(0, 50), resolution)
def test_a_frame_covers_what_it_was_made_for(
    x: float, y: float, width_m: float, height_m: float, resolution_m: float
) -> None:
    bounds = Bounds(xmin=x, ymin=y, xmax=x + width_m, ymax=y + height_m)
    outer = Frame.covering(bounds, resolution_m).bounds
    assert outer.xmin <= bounds.xmin
    assert outer.ymin <= bounds.ymin
    assert outer.xmax >= bounds.xmax
    assert outer.ymax >= bounds.ymax


@given(frames_and_insides())
def test_a_window_shows_the_same_global_cells(frames: tuple[Frame, Frame]) -> None:
    outer, inner = frames
    rows, columns = outer.window_of(inner)
    assert (numbered(outer)[rows, columns] == numbered(inner)).all()


@given(frames_and_insides())
def test_a_larger_frame_is_no_window_of_a_smaller_one(frames: tuple[Frame, Frame]) -> None:
    outer, inner = frames
    if outer != inner:
        with pytest.raises(ValueError, match="does not lie inside"):
            inner.window_of(outer)


def test_a_window_of_another_resolution_is_refused() -> None:
    outer = Frame(column0=0, row0=0, rows=10, columns=10, resolution_m=1.0)
    inner = Frame(column0=1, row0=1, rows=2, columns=2, resolution_m=0.5)
    with pytest.raises(ValueError, match="does not lie inside"):
        outer.window_of(inner)


@given(frames_and_insides(), st.lists(st.tuples(st.floats(-5, 30), st.floats(-5, 30)), min_size=1, max_size=20))
def test_a_point_falls_in_the_same_global_cell_in_every_frame(
    frames: tuple[Frame, Frame], offsets: list[tuple[float, float]]
) -> None:
    outer, inner = frames
    dx, dy = np.array(offsets).T
    x, y = outer.bounds.xmin + dx, outer.bounds.ymin + dy
    seen = [frame.cells_of(x, y) for frame in (outer, inner)]
    both = seen[0][2] & seen[1][2]
    cells = [numbered(frame)[row[both], column[both]] for frame, (row, column, _) in zip(frames, seen, strict=True)]
    assert (cells[0] == cells[1]).all()
    assert not (seen[1][2] & ~seen[0][2]).any(), "a point inside the window lies inside the whole"


@given(frames)
def test_each_centre_lies_in_its_own_cell_and_row_0_is_north(frame: Frame) -> None:
    x, y = frame.centers()
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) < 0).all()
    grid_x, grid_y = np.meshgrid(x, y)
    row, column, inside = frame.cells_of(grid_x.ravel(), grid_y.ravel())
    assert inside.all()
    assert (row.reshape(frame.shape) == np.arange(frame.rows)[:, None]).all()
    assert (column.reshape(frame.shape) == np.arange(frame.columns)[None, :]).all()


@given(frames)
def test_the_geotransform_means_to_rasterio_what_it_means_to_us(frame: Frame) -> None:
    x, y = frame.centers()
    rows, columns = rowcol(Affine(*frame.geotransform), np.full(frame.rows, x[0]), y)
    assert list(rows) == list(range(frame.rows))
    assert set(columns) == {0}


@given(frames)
def test_sampling_at_the_centres_gives_the_values_and_nan_outside(frame: Frame) -> None:
    values = numbered(frame).astype(np.float64)
    raster = Raster(values=values, frame=frame, crs="EPSG:6677")
    x, y = np.meshgrid(*frame.centers())
    assert (raster.sample(x.ravel(), y.ravel()) == values.ravel()).all()
    outside = raster.sample(np.array([frame.bounds.xmax, frame.bounds.xmin - 0.01]), np.array([frame.bounds.ymin] * 2))
    assert np.isnan(outside).all()


def test_values_must_fit_their_frame() -> None:
    frame = Frame(column0=0, row0=0, rows=2, columns=3, resolution_m=1.0)
    with pytest.raises(ValueError, match="shape"):
        Raster(values=np.zeros((3, 2)), frame=frame, crs="EPSG:6677")
