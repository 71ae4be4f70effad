"""Points in text: every row kept, columns never guessed, and a line that is no row named by its number."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.pointfiles import ReadParams, points_of, read_header, read_points, read_rows, row_ranges
from tiles.pointfiles import text as text_module
from tiles.pointfiles.columns import column_map
from tiles.pointfiles.text_rows import TextLayout, parse_block
from twin.bounds import Bounds
from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

XYZ = ReadParams(columns=("x", "y", "z"))


def written(folder: Path, content: str, name: str = "points.xyz") -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


def table(n: int) -> np.ndarray:
    random = np.random.default_rng(n)
    return np.column_stack([random.uniform(-9e4, 9e4, n), random.uniform(-9e4, 9e4, n), random.uniform(-50, 900, n)])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", " ", "   ", " \t "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_are_found_and_every_row_is_read(tmp_path: Path, delimiter: str, end: str) -> None:
    rows = table(57)
    lines = [delimiter.join(f"{value:.3f}" for value in row) for row in rows]
    lines[9] = "  " + lines[9] + "  "
    heading = ["# of some sonar", delimiter.join("XYZ"), ""]
    text = end.join([*heading, *lines[:20], "# a break", *lines[20:]])
    points = read_points(written(tmp_path, text))
    oracle = pd.read_csv(io.StringIO("\n".join(lines)), sep=r"[,;\s]+", engine="python", header=None).dropna(axis=1)
    np.testing.assert_allclose(np.column_stack([points.x, points.y, points.z]), rows, atol=5.1e-4)
    np.testing.assert_allclose(points.z[:9], oracle.to_numpy(float)[:9, 2], atol=5e-5)


def test_a_column_map_names_skips_and_turns(tmp_path: Path) -> None:
    text = "1,139.7501,35.6001,12.5,7,1e5,200,9.25\n2,139.7502,35.6002,0.0,8,2e5,255,-1.5\n"
    columns = ("_", "lon", "lat", "-depth", "class", "time", "r", "backscatter")
    points = read_points(written(tmp_path, text, "sonar.csv"), ReadParams(columns=columns))
    np.testing.assert_allclose(points.x, [139.7501, 139.7502], atol=1e-9)
    np.testing.assert_allclose(points.z, [-12.5, 0.0], atol=1e-9)
    assert points["classification"].tolist() == [7, 8]
    assert points["gps_time"].tolist() == [1e5, 2e5]
    assert points["red"].tolist() == [200 * 257, 255 * 257]
    assert points["extra/backscatter"].tolist() == [9.25, -1.5]
    assert points["number_of_returns"].tolist() == [1, 1]


def test_a_heading_names_columns(tmp_path: Path) -> None:
    points = read_points(written(tmp_path, "#easting northing class elevation\n5 6 2 7\n8 9 3 4\n"))
    assert (points.x.tolist(), points.z.tolist()) == ([5.0, 8.0], [7.0, 4.0])
    assert points["classification"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 2 3 4\n", "no heading says plainly what they are"),
        ("east,north,down\n1,2,3\n", "no heading says plainly what they are"),
        ("lon,lat,depth\n1,2,3\n", "say with --columns whether it counts down"),
        ("1,2,3\n4,5,six\n", "line 2 is no row of 3 numbers: '4,5,six'"),
        ("# x\n1,2,3\n\n4,5\n", "line 4 is no row of 3 numbers"),
        ("1,2,3\n4,5,nan\n", "line 2 is no row"),
        ("1,2,3\n4,5,\n", "line 2 is no row"),
        ("1,2,3\n4,5,6,7\n", "line 2 is no row"),
        ("1,2,3\n4,5,1_000\n", "line 2 is no row"),
        ("once upon a time\n" * 300, "no row of numbers in its first 100 lines"),
        ("1,2,3\n1e300,2,3\n", "over more than any survey does"),
    ],
)
def test_what_is_no_row_or_no_name_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason.replace("(", r"\(")):
        read_header(written(tmp_path, text))


@pytest.mark.parametrize(
    ("columns", "text", "reason"),
    [
        ("x,y", "1,2,3\n", "have no z"),
        ("x,y,z,z", "1,2,3,4\n", "name z twice"),
        ("x,y,z,class", "1,2,3\n", "no row of numbers"),
        ("x,y,z,class", "1,2,3,256\n", "classification 256 is not a whole number from 0 to 255"),
        ("x,y,z,intensity", "1,2,3,-5\n", "another name to keep its values"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, columns: str, text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_header(written(tmp_path, text), ReadParams(columns=tuple(columns.split(","))))


def test_bad_lines_within_the_share_allowed_are_counted_and_left_out(tmp_path: Path) -> None:
    lines = [f"{i},{i},{i}" for i in range(100)]
    lines[40] = "lost"
    path = written(tmp_path, "\n".join(lines))
    header = read_header(path, ReadParams(bad_rows_share=0.02))
    assert header.n_points == 99
    assert "1 lines are no rows of numbers and are left out; the first is line 41" in header.remarks
    with pytest.raises(FormatError, match=r"more than 0\.50% of all"):
        read_header(path, ReadParams(bad_rows_share=0.005))


@pytest.mark.parametrize("name", ["a.xyz", "a.xyz.gz"])
@pytest.mark.parametrize("block", [50, 300, 1 << 20])
def test_any_range_of_rows_is_that_part_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: int
) -> None:
    monkeypatch.setattr(text_module, "_BLOCK_BYTES", block)
    rows = np.round(table(201), 3)
    content = "\n".join(",".join(map(str, row.tolist())) for row in rows).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    header = read_header(path)
    assert len(row_ranges(header, 50)) == (1 if name.endswith("gz") else 5)
    for start, stop in [(0, 201), (0, 1), (17, 133), (200, 201), (90, 91)]:
        parts = list(read_rows(header, start, stop, 30))
        assert np.concatenate([part for part, _ in parts]).tolist() == list(range(start, stop))
        x = np.concatenate([points_of(header, part).x for _, part in parts])
        np.testing.assert_allclose(x, rows[start:stop, 0], atol=1e-6)


def test_a_box_crops_text_too(tmp_path: Path) -> None:
    rows = np.round(table(500), 3)
    path = written(tmp_path, "\n".join(" ".join(map(str, row.tolist())) for row in rows))
    box = Bounds(xmin=-1e4, ymin=-5e4, xmax=6e4, ymax=3e4)
    assert len(read_points(path, ReadParams(bbox=box))) == box.contains(rows[:, 0], rows[:, 1]).sum()


def test_a_broken_gzip_is_a_format_error(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz.gz"
    path.write_bytes(gzip.compress(b"1 2 3\n" * 9000)[:-30])
    with pytest.raises(FormatError, match="cannot be read"):
        read_header(path)
    path.write_bytes(b"1 2 3\n")
    with pytest.raises(FormatError, match="cannot be read"):
        read_header(path)


def test_a_line_without_end_is_refused_before_memory_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "_BLOCK_BYTES", 100)
    with pytest.raises(FormatError, match="a line of more than 100 bytes"):
        read_header(written(tmp_path, "1 2 3\n" + "7" * 1000))


@settings(max_examples=200)
@given(
    lines=st.lists(
        st.lists(
            st.one_of(
                st.floats(allow_nan=True, allow_infinity=True).map(repr),
                st.integers(-(10**20), 10**20).map(str),
                st.sampled_from(["", " ", "1.", ".5", "+3", "-0", "1e5", "1E-3", "#", "x", "0x1p3", '"4"', "1 ", " 2"]),
            ),
            min_size=1,
            max_size=4,
        ),
        max_size=8,
    ),
    delimiter=st.sampled_from([",", ";", "\t", " "]),
)
def test_the_quick_way_and_the_careful_way_read_the_same(lines: list[list[str]], delimiter: str) -> None:
    block = "\n".join(delimiter.join(line) for line in lines).encode()
    layout = TextLayout(delimiter=delimiter, n_fields=3, columns=column_map(("x", "y", "-z"), "a"))
    # A line that is no number in the middle forces the careful way for the whole block.
    careful = parse_block(b"no,number;at all\n" + block, layout)
    either = parse_block(block, layout)
    assert {name: column.tolist() for name, column in either.columns.items()} == {
        name: column.tolist() for name, column in careful.columns.items()
    }
    assert len(either.bad) == len(careful.bad) - 1


@settings(max_examples=100)
@given(content=st.binary(max_size=400))
def test_no_bytes_end_in_anything_but_points_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "a.xyz"
    path.write_bytes(b"1 2 3\n" + content)
    try:
        points = read_points(path)
    except FormatError:
        return
    assert np.isfinite(points.x).all()
    assert len(points) >= 1
