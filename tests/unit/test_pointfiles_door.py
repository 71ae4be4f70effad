"""The door to files of points: any range of rows, cropped to a box, and every point knows its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tiles.las import LasParams, write_las
from tiles.pointfiles import PointHeader, ReadParams, digest_of, points_of, read_header, read_rows, row_ranges
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.points import Points

if TYPE_CHECKING:
    from pathlib import Path

BOX = Bounds(xmin=20.0, ymin=10.0, xmax=60.0, ymax=70.0)


@pytest.fixture
def cloud() -> Points:
    random = np.random.default_rng(3)
    x, y, z = (np.round(random.uniform(0, 100, 5000), 3) for _ in range(3))
    x[:2], y[:2] = (20.0, 60.0), (10.0, 10.0)  # on the west side: inside; on the east side: outside
    return Points(x=x, y=y, z=z, attributes={"intensity": np.arange(5000).astype(np.uint16)})


@pytest.fixture
def laz(tmp_path: Path, cloud: Points) -> Path:
    write_las(tmp_path / "cloud.laz", cloud, LasParams(), crs=parse_crs("EPSG:6677"))
    return tmp_path / "cloud.laz"


@pytest.mark.parametrize("chunk_rows", [100, 1700, 5000])
def test_a_box_keeps_exactly_the_points_inside_and_their_rows(laz: Path, cloud: Points, chunk_rows: int) -> None:
    header = read_header(laz, ReadParams(bbox=BOX))
    parts = list(read_rows(header, chunk_rows=chunk_rows))
    rows = np.concatenate([part for part, _ in parts])
    np.testing.assert_array_equal(rows, np.flatnonzero(BOX.contains(cloud.x, cloud.y)))
    np.testing.assert_array_equal(np.concatenate([points_of(header, part)["intensity"] for _, part in parts]), rows)
    assert max(len(part) for part, _ in parts) <= chunk_rows


def test_a_box_beside_the_file_selects_nothing_and_says_so(laz: Path) -> None:
    header = read_header(laz, ReadParams(bbox=Bounds(xmin=500, ymin=0, xmax=600, ymax=100)))
    assert (header.n_selected, row_ranges(header, 100), list(read_rows(header))) == (0, [], [])
    assert any("does not touch" in remark for remark in header.remarks)


def test_a_box_without_area_is_refused() -> None:
    with pytest.raises(ValueError, match="without area"):
        ReadParams(bbox=Bounds(xmin=1, ymin=0, xmax=1, ymax=5))


def test_the_same_bytes_read_in_another_way_are_another_source(laz: Path) -> None:
    digests = {digest_of(laz, ReadParams()), digest_of(laz, ReadParams(bbox=BOX))}
    digests.add(digest_of(laz, ReadParams(bbox=BOX.buffered(1))))
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("selected", "seekable", "ranges"),
    [
        (None, True, [(0, 40), (40, 80), (80, 100)]),
        (None, False, [(0, 100)]),
        (((5, 10), (30, 45), (95, 100)), True, [(5, 40), (40, 45), (95, 100)]),
        (((0, 60), (60, 100)), False, [(0, 60), (60, 100)]),
        ((), True, []),
    ],
)
def test_ranges_of_rows_cover_what_is_selected_once(
    tmp_path: Path, selected: tuple[tuple[int, int], ...] | None, seekable: bool, ranges: list[tuple[int, int]]
) -> None:
    header = PointHeader(
        path=tmp_path, size=0, point_format=6, n_points=100, scale=(1, 1, 1), offset=(0, 0, 0),
        mins=(0, 0, 0), maxs=(1, 1, 1), selected=selected, is_seekable=seekable,
    )  # fmt: skip
    assert row_ranges(header, 40) == ranges
