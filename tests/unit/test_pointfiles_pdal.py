"""Points through a PDAL pipeline: with PDAL where it is installed, else with a stand-in for its documented API."""

from __future__ import annotations

import json
import sys
import types
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tiles.las import LasParams, write_las
from tiles.pointfiles import (
    ReadParams,
    digest_of,
    file_crs,
    pdal_reader,
    read_header,
    read_points,
    read_rows,
    row_ranges,
)
from tiles.pointfiles.pdal_reader import pipeline_for
from twin.crs import parse_crs
from twin.errors import ConfigError, FormatError
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DTYPE = [
    ("X", "f8"), ("Y", "f8"), ("Z", "f8"), ("Intensity", "u2"), ("ReturnNumber", "u1"), ("NumberOfReturns", "u1"),
    ("Classification", "u1"), ("ScanAngleRank", "f4"), ("Withheld", "u1"), ("ClassFlags", "u1"), ("Reflectance", "f4"),
]  # fmt: skip


def points_of_pdal(n: int = 700) -> np.ndarray:
    random = np.random.default_rng(n)
    table = np.zeros(n, DTYPE)
    for axis in "XYZ":
        table[axis] = np.round(random.uniform(0, 500, n), 3)
    table["Intensity"], table["Reflectance"] = np.arange(n), random.normal(size=n)
    table["ReturnNumber"] = table["NumberOfReturns"] = 1
    table["ScanAngleRank"], table["Withheld"] = 12.0, np.arange(n) % 2
    return table


class FakePipeline:
    """What python.pdal.io documents of a pipeline, over points in memory."""

    streamable = True
    asked: dict[str, Any]

    def __init__(self, text: str) -> None:
        FakePipeline.asked = json.loads(text)
        self._points, self._done = points_of_pdal(), False
        if "broken" in text:
            raise RuntimeError("readers.bpf: Unable to open\nfile")

    def iterator(self, chunk_size: int = 10_000, prefetch: int = 0) -> Iterator[np.ndarray]:
        for first in range(0, len(self._points), min(chunk_size, 256)):
            yield self._points[first : first + min(chunk_size, 256)]

    def execute(self) -> int:
        self._done = True
        return len(self._points)

    @property
    def arrays(self) -> list[np.ndarray]:
        if not self._done:
            raise RuntimeError("call execute() first")
        return [self._points]

    @property
    def srswkt2(self) -> str:
        if not self._done:
            raise RuntimeError("call execute() first")
        return parse_crs("EPSG:6677").wkt

    @property
    def quickinfo(self) -> dict[str, Any]:
        return {"readers.bpf": {"srs": {"wkt": parse_crs("EPSG:6677").wkt}}}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "line.bpf").write_bytes(b"BPF!0003")
    (tmp_path / "pipeline.json").write_text('[{"type": "readers.bpf"}, {"type": "filters.range", "limits": "Z[0:]"}]')
    return tmp_path / "line.bpf"


@pytest.fixture
def reading(source: Path, monkeypatch: pytest.MonkeyPatch) -> ReadParams:
    module = types.ModuleType("pdal")
    module.Pipeline = FakePipeline  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pdal", module)
    return ReadParams(pdal=str(source.parent / "pipeline.json"))


@pytest.mark.parametrize("streams", [True, False])
def test_every_point_comes_with_its_attributes(
    source: Path, reading: ReadParams, monkeypatch: pytest.MonkeyPatch, streams: bool
) -> None:
    monkeypatch.setattr(FakePipeline, "streamable", streams)
    truth, points = points_of_pdal(), read_points(source, reading)
    np.testing.assert_allclose(points.x, truth["X"], atol=1e-6)
    np.testing.assert_array_equal(points["intensity"], truth["Intensity"])
    np.testing.assert_array_equal(points["flags"], truth["Withheld"] * 4)
    np.testing.assert_array_equal(points["extra/Reflectance"], truth["Reflectance"])
    assert set(points["scan_angle"].tolist()) == {2000}
    assert "extra/ClassFlags" not in points.attributes
    header = read_header(source, reading)
    crs = file_crs(header)
    assert (crs.code if crs else "", row_ranges(header, 100)) == ("EPSG:6677", [(0, 700)])
    assert FakePipeline.asked["pipeline"][0] == {"type": "readers.bpf", "filename": str(source)}
    rows = np.concatenate([rows for rows, _ in read_rows(header, 50, 600, 99)])
    assert rows.tolist() == list(range(50, 600))


def test_what_pdal_cannot_read_is_a_format_error(source: Path, reading: ReadParams) -> None:
    path = source.with_name("broken.bpf")
    path.touch()
    with pytest.raises(FormatError, match=r"broken\.bpf: PDAL: readers\.bpf: Unable to open file"):
        read_header(path, reading)


def test_the_pipeline_is_part_of_what_a_source_is(source: Path, reading: ReadParams) -> None:
    before = digest_of(source, reading)
    (source.parent / "pipeline.json").write_text('[{"type": "readers.bpf"}]')
    assert digest_of(source, reading) != before


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('["a.las", {"type": "filters.stats"}]', "new.xyz"),
        ('{"pipeline": [{"type": "filters.stats"}]}', "new.xyz"),
        ('[{"filename": "a.las"}]', "new.xyz"),
        (
            '[{"type": "readers.text", "header": "X Y Z"}]',
            {"type": "readers.text", "header": "X Y Z", "filename": "new.xyz"},
        ),
    ],
)
def test_the_reader_is_given_the_source(tmp_path: Path, text: str, first: Any) -> None:
    made = json.loads(pipeline_for(tmp_path / "new.xyz", text, "p.json").replace(f"{tmp_path}/", ""))
    assert made["pipeline"][0] == first


WRITES = '["a.las", {"type": "writers.las"}]'
TWO_READERS = '[{"type": "readers.las"}, {"type": "readers.bpf"}]'


@pytest.mark.parametrize("text", ["{", "5", "[5]", '["a.las", "b.las"]', WRITES, TWO_READERS])
def test_what_is_no_pipeline_of_one_reader_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"p\.json"):
        pipeline_for(tmp_path / "a", text, "p.json")


def test_without_pdal_the_error_says_how_to_install_it(
    source: Path, reading: ReadParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pdal", None)
    with pytest.raises(ConfigError, match="conda-forge python-pdal"):
        read_header(source, reading)


def test_pdal_itself_reads_what_we_wrote(tmp_path: Path) -> None:
    pytest.importorskip("pdal", reason="PDAL for Python is not installed")
    random = np.random.default_rng(1)
    x, y, z = (np.round(random.uniform(0, 100, 500), 3) for _ in range(3))
    attributes = {"intensity": np.arange(500, dtype=np.uint16), "classification": np.full(500, 2, np.uint8)}
    write_las(tmp_path / "a.laz", Points(x=x, y=y, z=z, attributes=attributes), LasParams(), crs=parse_crs("EPSG:6677"))
    (tmp_path / "p.json").write_text('[{"type": "readers.las"}, {"type": "filters.range", "limits": "Z[50:]"}]')
    points = read_points(tmp_path / "a.laz", ReadParams(pdal=str(tmp_path / "p.json")))
    np.testing.assert_allclose(points.x, x[z >= 50], atol=1e-6)
    np.testing.assert_array_equal(points["intensity"], np.arange(500)[z >= 50])
    header = read_header(tmp_path / "a.laz", ReadParams(pdal=str(tmp_path / "p.json")))
    assert header.n_points == (z >= 50).sum()
    assert pdal_reader.__name__.endswith("pdal_reader")
