"""Files that lie are refused before they cost anything, with one line that says why."""

from __future__ import annotations

import resource
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from tiles.las import LasParams, read_header, read_las, write_las
from twin.crs import parse_crs
from twin.errors import CrsError, FormatError, TwinError
from twin.points import Points

if TYPE_CHECKING:
    from pathlib import Path

N = 60_000
POINTS = Points(x=np.arange(N) * 0.01, y=np.arange(N) * 0.02, z=np.zeros(N))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("las")
    for suffix in ("las", "laz"):
        write_las(folder / f"a.{suffix}", POINTS, LasParams(point_format=6), crs=None)
    return {suffix: (folder / f"a.{suffix}").read_bytes() for suffix in ("las", "laz")}


def patched(content: bytes, layout: str, at: int, value: float) -> bytes:
    changed = bytearray(content)
    struct.pack_into("<" + layout, changed, at, value)
    return bytes(changed)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (("B", 25, 7), "LAS version 1.7 is unknown"),
        (("B", 104, 63), "point format 63 is unknown"),
        (("H", 94, 12), "header of 12 bytes"),
        (("I", 96, 2_000_000_000), "points begin at byte 2000000000"),
        (("H", 105, 8), "records of 8 bytes"),
        (("d", 131, 0.0), "scale factors"),
        (("d", 131, float("nan")), "scale factors"),
        (("Q", 247, N + 1), "1 missing, it was cut off"),
        (("Q", 247, 1 << 60), "it was cut off"),
    ],
)
def test_a_lying_header_is_refused_by_name(
    tmp_path: Path, samples: dict[str, bytes], lie: tuple[str, int, float], reason: str
) -> None:
    path = tmp_path / "lie.las"
    path.write_bytes(patched(samples["las"], *lie))
    with pytest.raises(FormatError, match=reason) as caught:
        read_header(path)
    assert str(caught.value).startswith("lie.las: ")
    assert "\n" not in str(caught.value)


def test_a_garbage_record_count_is_a_remark(tmp_path: Path, samples: dict[str, bytes]) -> None:
    path = tmp_path / "a.las"
    path.write_bytes(patched(samples["las"], "I", 100, 0xFFFFFFFF))
    assert "4294967295 variable-length records" in read_header(path).remarks[0]
    assert len(read_las(path)) == N


def test_a_compressed_file_with_a_huge_promise_is_refused(tmp_path: Path, samples: dict[str, bytes]) -> None:
    path = tmp_path / "a.laz"
    path.write_bytes(patched(samples["laz"], "Q", 247, 1 << 40))
    with pytest.raises(FormatError, match="cannot hold"):
        read_header(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.999])
def test_a_cut_off_compressed_file_is_refused(tmp_path: Path, samples: dict[str, bytes], share: float) -> None:
    path = tmp_path / "cut.laz"
    path.write_bytes(samples["laz"][: int(len(samples["laz"]) * share)])
    with pytest.raises(FormatError, match=r"^cut\.laz: "):
        read_las(path)


def test_a_giant_chunk_table_is_refused_before_it_is_allocated(tmp_path: Path, samples: dict[str, bytes]) -> None:
    content = samples["laz"]
    header_offset = struct.unpack_from("<I", content, 96)[0]
    table = struct.unpack_from("<q", content, header_offset)[0]
    path = tmp_path / "a.laz"
    path.write_bytes(patched(content, "I", table + 4, 0xFFFFFFFF))
    with pytest.raises(FormatError, match="chunk table promises 4294967295 chunks"):
        read_las(path)


def test_what_is_no_las_file_is_refused(tmp_path: Path) -> None:
    for name, content in {
        "empty.las": b"",
        "text.las": b"x y z\n1 2 3\n" * 40,
        "short.las": b"LASF" + bytes(30),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match=name):
            read_header(tmp_path / name)
    with pytest.raises(FormatError, match="cannot be read"):
        read_header(tmp_path / "absent.las")


@given(at=st.integers(0, 374), value=st.integers(0, 255), suffix=st.sampled_from(["las", "laz"]))
def test_one_wrong_header_byte_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, samples: dict[str, bytes], at: int, value: int, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / f"a.{suffix}"
    changed = bytearray(samples[suffix])
    changed[at] = value
    path.write_bytes(changed)
    outcome = ""
    try:
        n_points = read_header(path).n_points
        assert len(read_las(path)) == n_points
    except TwinError as error:
        outcome = str(error)
    assert outcome == "" or outcome.startswith(path.name)


def test_a_giant_layer_is_refused_before_it_is_allocated(tmp_path: Path, samples: dict[str, bytes]) -> None:
    content = samples["laz"]
    first_chunk = struct.unpack_from("<I", content, 96)[0] + 8
    path = tmp_path / "a.laz"
    path.write_bytes(patched(content, "I", first_chunk + 30 + 4, 0xFFFFFFFF))
    with pytest.raises(FormatError, match="layers of the chunk"):
        read_las(path)


@given(at=st.integers(0, 1 << 30), value=st.integers(0, 255))
def test_one_wrong_byte_anywhere_never_crashes_nor_eats_memory(
    tmp_path_factory: pytest.TempPathFactory, samples: dict[str, bytes], at: int, value: int
) -> None:
    changed = bytearray(samples["laz"])
    changed[at % len(changed)] = value
    path = tmp_path_factory.mktemp("fuzz") / "a.laz"
    path.write_bytes(changed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = ""
    try:
        n_points = read_header(path).n_points
        assert len(read_las(path)) == n_points
    except TwinError as error:
        outcome = str(error)
    assert outcome == "" or outcome.startswith("a.laz: ")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_definition_that_proj_reads_but_cannot_write_is_a_crs_error() -> None:
    broken = CRS.from_epsg(2154).to_wkt("WKT1_GDAL").replace("Lambert_Conformal_Conic_2SP", "Lambert_Conic_Nowhere")
    with pytest.raises(CrsError):
        parse_crs(broken)
