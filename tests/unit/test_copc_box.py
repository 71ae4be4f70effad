"""A box out of a COPC file: the points that laspy finds there, decoded from the nodes that touch it alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import laspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.pointfiles import ReadParams, points_of, read_header, read_rows, row_ranges
from tiles.pointfiles.copc import merged_ranges
from twin.bounds import Bounds

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def copc(shared_data: Path) -> Path:
    return shared_data / "edge" / "small.copc.laz"


@settings(max_examples=8)
@given(
    shares=st.tuples(*[st.floats(0, 1, exclude_max=True)] * 4),
    chunk_rows=st.sampled_from([7, 300, 10_000]),
)
def test_a_box_gives_the_points_that_laspy_finds_there(copc: Path, shares: tuple[float, ...], chunk_rows: int) -> None:
    whole = read_header(copc)
    west, south = (whole.mins[i] + shares[i] * (whole.maxs[i] - whole.mins[i]) for i in (0, 1))
    box = Bounds(
        xmin=west + 0.003, ymin=south + 0.003, xmax=west + 5 + 3000 * shares[2], ymax=south + 5 + 4000 * shares[3]
    )
    header = read_header(copc, ReadParams(bbox=box))
    parts = list(read_rows(header, chunk_rows=chunk_rows))
    ours = sorted(point for _, part in parts for point in zip(*(part[axis].tolist() for axis in "XYZ"), strict=True))
    with laspy.CopcReader.open(str(copc)) as reader:  # its box is closed and rounded to counts: ask for more, then crop
        around = laspy.copc.Bounds(mins=np.array([*box][:2]) - 1, maxs=np.array([*box][2:]) + 1)
        theirs = reader.query(around)
    theirs = theirs[box.contains(np.asarray(theirs.x), np.asarray(theirs.y))]
    assert ours == sorted(zip(theirs.X.tolist(), theirs.Y.tolist(), theirs.Z.tolist(), strict=True))
    rows = np.concatenate([part for part, _ in parts]) if parts else np.empty(0, int)
    everything = points_of(whole, np.concatenate([part for _, part in read_rows(whole)]))
    np.testing.assert_array_equal(rows, np.flatnonzero(box.contains(everything.x, everything.y)))


@settings(max_examples=15)
@given(start=st.integers(0, 1064), length=st.integers(1, 300))
def test_any_range_of_rows_is_that_part_of_the_whole(copc: Path, start: int, length: int) -> None:
    header = read_header(copc)
    whole = np.concatenate([part for _, part in read_rows(header)])
    part = np.concatenate([part for _, part in read_rows(header, start, start + length, 50)])
    np.testing.assert_array_equal(part, whole[start : start + length])


def test_nodes_beside_the_box_are_not_decoded(copc: Path) -> None:
    whole = read_header(copc)
    box = Bounds(xmin=whole.mins[0], ymin=whole.mins[1], xmax=whole.mins[0] + 100, ymax=whole.mins[1] + 100)
    header = read_header(copc, ReadParams(bbox=box))
    assert 0 < header.n_selected < whole.n_points / 4
    assert sum(stop - start for start, stop in row_ranges(header, 50)) < whole.n_points


def test_ranges_that_meet_are_joined() -> None:
    assert merged_ranges([(5, 9), (0, 2), (2, 5), (20, 30), (22, 25)]) == ((0, 9), (20, 30))


def _spoiled(copc: Path, target: Path, spoil: str) -> Path:
    content = bytearray(copc.read_bytes())
    (root, size) = struct.unpack_from("<2Q", content, 375 + 54 + 40)
    if spoil == "page outside":
        struct.pack_into("<2Q", content, 375 + 54 + 40, len(content), 1 << 60)
    elif spoil == "page of itself":
        struct.pack_into("<Qii", content, root + 16, root, size, -1)
    elif spoil == "forgotten points":
        struct.pack_into("<i", content, root + 28, 0)
    elif spoil == "node that is no chunk":
        struct.pack_into("<Q", content, root + 16, 77)
    elif spoil == "huge count":
        struct.pack_into("<i", content, root + 28, 2**31 - 1)
    elif spoil == "depth":
        struct.pack_into("<i", content, root, 2**30)
    target.write_bytes(content)
    return target


@pytest.mark.parametrize(
    "spoil", ["page outside", "page of itself", "forgotten points", "node that is no chunk", "huge count", "depth"]
)
def test_a_hierarchy_that_lies_is_not_used_and_no_point_is_lost(copc: Path, tmp_path: Path, spoil: str) -> None:
    path = _spoiled(copc, tmp_path / "a.copc.laz", spoil)
    whole = read_header(copc)
    box = Bounds(xmin=whole.mins[0], ymin=whole.mins[1], xmax=whole.maxs[0] - 1000, ymax=whole.maxs[1] - 1000)
    header = read_header(path, ReadParams(bbox=box))
    assert header.selected is None
    assert any("read as LAZ" in remark for remark in header.remarks)
    kept = sum(len(rows) for rows, _ in read_rows(header))
    assert kept == sum(len(rows) for rows, _ in read_rows(read_header(copc, ReadParams(bbox=box))))


@settings(max_examples=20)
@given(at=st.integers(0, 2079), value=st.integers(0, 255))
def test_any_byte_of_a_hierarchy_may_lie(
    copc: Path, tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    content = bytearray(copc.read_bytes())
    (root,) = struct.unpack_from("<Q", content, 375 + 54 + 40)
    content[root + at] = value
    path = tmp_path_factory.mktemp("copc") / "a.copc.laz"
    path.write_bytes(content)
    header = read_header(path, ReadParams(bbox=Bounds(xmin=0, ymin=0, xmax=1e7, ymax=1e7)))
    assert sum(len(rows) for rows, _ in read_rows(header)) == 1065
