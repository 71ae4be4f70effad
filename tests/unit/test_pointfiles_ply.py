"""Points in PLY files: the vertices that another reader finds, of either byte order and in ASCII."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.pointfiles import points_of, read_header, read_points, read_rows, row_ranges
from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

COLOURS = [("red", "u1"), ("green", "u1"), ("blue", "u1")]
VERTEX = [("x", "f8"), ("y", "f8"), ("z", "f4"), *COLOURS, ("scalar_GpsTime", "f8"), ("amplitude", "i2")]
NAMES = {"f8": "double", "f4": "float", "u1": "uchar", "i2": "short"}
FORMATS = {"<": "binary_little_endian", ">": "binary_big_endian", "=": "ascii"}


def vertices(n: int) -> np.ndarray:
    random = np.random.default_rng(n)
    table = np.zeros(n, VERTEX)
    for name, dtype in VERTEX:
        table[name] = np.round(random.uniform(0, 200, n), 3) if dtype[0] == "f" else random.integers(0, 250, n)
    return table


def ply(path: Path, table: np.ndarray, order: str, before: str = "") -> Path:
    properties = "".join(f"property {NAMES[dtype]} {name}\n" for name, dtype in VERTEX)
    faces = "element face 1\nproperty list uchar int vertex_indices\n"
    head = f"ply\nformat {FORMATS[order]} 1.0\ncomment a test\n{before}element vertex {len(table)}\n{properties}{faces}"
    head += "end_header\n"
    if order == "=":
        body = "".join(" ".join(map(repr, row)) + "\n" for row in table.tolist()).encode() + b"3 0 1 2\n"
    else:
        packed = table.astype([(name, order + dtype) for name, dtype in VERTEX])
        body = packed.tobytes() + b"\3" + np.array([0, 1, 2], order + "i4").tobytes()
    path.write_bytes(head.encode() + body)
    return path


@pytest.mark.parametrize("order", ["<", ">", "="])
def test_every_vertex_is_read_with_all_its_properties(tmp_path: Path, order: str) -> None:
    table = vertices(300)
    points = read_points(ply(tmp_path / "a.ply", table, order))
    np.testing.assert_allclose(points.x, table["x"], atol=1e-6)
    np.testing.assert_allclose(points.y, table["y"], atol=1e-6)
    np.testing.assert_allclose(points.z, table["z"], atol=6e-5)
    np.testing.assert_array_equal(points["red"], table["red"].astype(np.uint16) * 257)
    np.testing.assert_array_equal(points["gps_time"], table["scalar_GpsTime"])
    np.testing.assert_array_equal(points["extra/amplitude"], table["amplitude"])


@pytest.mark.parametrize("order", ["<", "="])
def test_any_range_of_vertices_is_that_part_of_the_whole(tmp_path: Path, order: str) -> None:
    table = vertices(211)
    header = read_header(ply(tmp_path / "a.ply", table, order))
    assert len(row_ranges(header, 100)) == (3 if order == "<" else 1)
    parts = list(read_rows(header, 30, 190, 50))
    assert np.concatenate([rows for rows, _ in parts]).tolist() == list(range(30, 190))
    amplitude = np.concatenate([points_of(header, part)["extra/amplitude"] for _, part in parts])
    np.testing.assert_array_equal(amplitude, table["amplitude"][30:190])


def test_real_files_hold_the_points_that_trimesh_finds(shared_data: Path) -> None:
    files = sorted((shared_data / "buildings_ahn").glob("*.ply"))[:6]
    assert files
    for path in files:
        points, oracle = read_points(path), trimesh.load(path)
        xyz = np.column_stack([points.x, points.y, points.z])
        np.testing.assert_allclose(xyz, oracle.vertices, atol=6e-5)
        np.testing.assert_array_equal(points["green"], np.asarray(oracle.colors)[:, 1].astype(np.uint16) * 257)


def test_vertices_without_coordinates_are_left_out_and_counted(tmp_path: Path) -> None:
    table = vertices(50)
    table["y"][[3, 40]] = np.nan
    header = read_header(ply(tmp_path / "a.ply", table, "<"))
    rows = np.concatenate([part for part, _ in read_rows(header)])
    assert rows.tolist() == [row for row in range(50) if row not in {3, 40}]
    assert header.remarks == ("2 vertices have no coordinates and are left out",)


def test_elements_of_fixed_size_before_the_vertices_are_passed_over(tmp_path: Path) -> None:
    table = vertices(5)
    path = ply(tmp_path / "a.ply", table, "<", before="element camera 2\nproperty int a\nproperty uchar b\n")
    content = path.read_bytes()
    begin = content.index(b"end_header\n") + len(b"end_header\n")
    path.write_bytes(content[:begin] + bytes(10) + content[begin:])
    np.testing.assert_allclose(read_points(path).x, table["x"], atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"element vertex 20", b"element vertex 999999999999", "promises 999999999999 vertices, which its"),
        (b"element vertex 20", b"element vertex -1", "is not understood"),
        (b"property double x", b"property quad x", "is not understood"),
        (b"property double x", b"property double q", "have no x"),
        (b"end_header", b"no_end", "not a PLY file"),
        (b"element vertex", b"element corner", "has no vertices|come after"),
        (b"property double y", b"property list uchar double y", "hold lists"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, old: bytes, new: bytes, reason: str) -> None:
    path = ply(tmp_path / "a.ply", vertices(20), "<")
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(FormatError, match=reason):
        read_header(path)


@settings(max_examples=60)
@given(at=st.integers(0, 700), value=st.integers(0, 255), order=st.sampled_from(["<", "="]))
def test_any_wrong_byte_gives_points_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int, order: str
) -> None:
    path = ply(tmp_path_factory.mktemp("ply") / "a.ply", vertices(20), order)
    content = bytearray(path.read_bytes())
    content[at % len(content)] = value
    path.write_bytes(content)
    try:
        points = read_points(path)
    except FormatError:
        return
    assert np.isfinite(points.x).all()
