"""Points in E57 files: every valid one, where its scanner's pose puts it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.pointfiles import e57 as e57_module
from tiles.pointfiles import read_header, read_points, read_rows, row_ranges
from twin.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from pathlib import Path

pye57 = pytest.importorskip("pye57", reason="E57 needs pye57 (extra e57)")

HALF = np.sqrt(0.5)


def scan(n: int, seed: int, **more: np.ndarray) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    xyz = {f"cartesian{axis}": random.uniform(-40, 40, n).astype(np.float32).astype(np.float64) for axis in "XYZ"}
    return {**xyz, "intensity": random.uniform(0, 5, n).astype(np.float32), **more}


def colours(n: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(n)
    return {f"color{name}": random.integers(0, 256, n).astype(np.uint8) for name in ("Red", "Green", "Blue")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two scans: one turned by a quarter about z and moved, with colours and invalid points; one as it is."""
    invalid = (np.arange(700) % 7 == 0).astype(np.int8)
    with pye57.E57(str(tmp_path / "a.e57"), "w") as out:
        first = scan(700, 1, **colours(700), cartesianInvalidState=invalid)
        turned = {"rotation": np.array([HALF, 0, 0, HALF]), "translation": np.array([1000.0, -2000.0, 30.0])}
        out.write_scan_raw(first, **turned)
        out.write_scan_raw(scan(300, 2))
    return tmp_path / "a.e57"


def test_every_valid_point_lies_where_its_pose_puts_it(file: Path) -> None:
    first, second = scan(700, 1), scan(300, 2)
    valid = np.arange(700) % 7 != 0
    points = read_points(file)
    x = np.r_[1000.0 - first["cartesianY"][valid], second["cartesianX"]]
    y = np.r_[-2000.0 + first["cartesianX"][valid], second["cartesianY"]]
    np.testing.assert_allclose(points.x, x, atol=6e-5)
    np.testing.assert_allclose(points.y, y, atol=6e-5)
    np.testing.assert_allclose(points.z[:5], first["cartesianZ"][valid][:5] + 30.0, atol=6e-5)
    assert np.bincount(points["point_source_id"]).tolist() == [0, 600, 300]


def test_the_library_itself_reads_the_same(file: Path) -> None:
    with pye57.E57(str(file)) as image:
        oracle = image.read_scan(0, intensity=True, colors=True)
    points = read_points(file)
    xyz = np.column_stack([points.x, points.y, points.z])[:600]
    np.testing.assert_allclose(xyz, np.column_stack([oracle[f"cartesian{axis}"] for axis in "XYZ"]), atol=6e-5)
    np.testing.assert_array_equal(points["red"][:600], oracle["colorRed"].astype(np.uint16) * 257)
    low, high = scan(700, 1)["intensity"].min(), scan(700, 1)["intensity"].max()
    share = (oracle["intensity"].astype(float) - low) / (high - low)
    np.testing.assert_allclose(points["intensity"][:600], share * 65535, atol=1.0)


def test_a_scan_is_a_task_and_pieces_are_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = read_header(file)
    whole = np.concatenate([part for _, part in read_rows(header)])
    monkeypatch.setattr(e57_module, "_PIECE_ROWS", 64)
    assert row_ranges(header, 100) == [(0, 700), (700, 1000)]
    parts = [chunk for start, stop in row_ranges(header, 100) for chunk in read_rows(header, start, stop, 50)]
    np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), whole)
    rows = np.concatenate([rows for rows, _ in parts])
    assert rows.tolist() == [row for row in range(1000) if row >= 700 or row % 7]
    assert max(len(part) for _, part in parts) <= 50


def test_without_the_library_the_error_says_what_to_install(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pye57", None)
    with pytest.raises(ConfigError, match=r"city-twin\[e57\]"):
        read_header(file)


def test_what_is_no_e57_file_is_a_format_error(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "b.e57"
    for content in (b"ASTM-E57", b"x" * 5000, file.read_bytes()[:3000]):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"b\.e57"):
            read_header(path)


@settings(max_examples=30)
@given(share=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_any_wrong_byte_gives_points_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, share: float, value: int
) -> None:
    folder = tmp_path_factory.mktemp("e57")
    with pye57.E57(str(folder / "a.e57"), "w") as out:
        out.write_scan_raw(scan(30, 1))
    content = bytearray((folder / "a.e57").read_bytes())
    content[int(share * len(content))] = value
    (folder / "a.e57").write_bytes(content)
    try:
        points = read_points(folder / "a.e57")
    except FormatError:
        return
    assert len(points) == 30
