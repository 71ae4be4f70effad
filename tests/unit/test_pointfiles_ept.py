"""Points in an EPT folder: every node's, whatever its data type; a box decodes what touches it; nothing is trusted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import laspy
import numpy as np
import pyarrow as pa
import pytest

from tiles.las import LasParams, write_las
from tiles.pointfiles import ReadParams, digest_of, file_crs, points_of, read_header, read_points, read_rows, state_of
from twin.bounds import Bounds
from twin.cli.sources import expand_sources
from twin.crs import parse_crs
from twin.errors import FormatError
from twin.points import Points

if TYPE_CHECKING:
    from pathlib import Path

AXIS = {"type": "signed", "size": 4, "scale": 0.001}
SCHEMA: list[dict[str, Any]] = [
    {"name": "X", "offset": 1000, **AXIS}, {"name": "Y", "offset": -2000, **AXIS}, {"name": "Z", "offset": 0, **AXIS},
    {"name": "Intensity", "type": "unsigned", "size": 2}, {"name": "ReturnNumber", "type": "unsigned", "size": 1},
    {"name": "NumberOfReturns", "type": "unsigned", "size": 1},
    {"name": "Classification", "type": "unsigned", "size": 1},
    {"name": "GpsTime", "type": "float", "size": 8}, {"name": "Red", "type": "unsigned", "size": 2},
    {"name": "Green", "type": "unsigned", "size": 2}, {"name": "Blue", "type": "unsigned", "size": 2},
    {"name": "Amplitude", "type": "float", "size": 4},
]  # fmt: skip
ATTRIBUTES = {
    "Intensity": "intensity", "ReturnNumber": "return_number", "NumberOfReturns": "number_of_returns",
    "Classification": "classification", "GpsTime": "gps_time", "Red": "red", "Green": "green", "Blue": "blue",
    "Amplitude": "extra/Amplitude",
}  # fmt: skip
CUBE = (1000.0, -2000.0, -50.0, 1128.0, -1872.0, 78.0)
OFFSET = (1000.0, -2000.0, 0.0)


def cloud(n: int = 900) -> dict[str, Any]:
    random = np.random.default_rng(n)
    table = {name: random.integers(0, 250, n) for name in ATTRIBUTES}
    table |= {
        "ReturnNumber": np.ones(n, int),
        "NumberOfReturns": np.ones(n, int) * 2,
        "GpsTime": random.uniform(0, 1e6, n),
    }
    table |= {"x": 1000 + random.integers(0, 128_000, n) * 0.001, "y": -2000 + random.integers(0, 128_000, n) * 0.001}
    return table | {"z": random.integers(0, 70_000, n) * 0.001}


def nodes_of(table: dict[str, Any]) -> dict[str, np.ndarray]:
    """Every third point in the root, the rest in the node of their quarter one or two levels down."""
    n = len(table["x"])
    depth = np.where(np.arange(n) % 3 == 0, 0, np.where(np.arange(n) % 3 == 1, 1, 2))
    layer = [((table[axis] - CUBE[i]) / 128 * 2.0**depth).astype(int) for i, axis in enumerate("xyz")]
    keys = np.array([f"{d}-{x}-{y}-{z}" for d, x, y, z in zip(depth, *layer, strict=True)])
    return {key: np.flatnonzero(keys == key) for key in sorted(set(keys))}


def packed(part: dict[str, Any]) -> bytes:
    letters = {"signed": "i", "unsigned": "u", "float": "f"}
    layout = [(entry["name"], f"<{letters[entry['type']]}{entry['size']}") for entry in SCHEMA]
    table = np.zeros(len(part["x"]), layout)
    for i, axis in enumerate("xyz"):
        table[axis.upper()] = np.rint((part[axis] - OFFSET[i]) / 0.001)
    for name in ATTRIBUTES:
        table[name] = part[name]
    return table.tobytes()


def write_node(path: Path, part: dict[str, Any], kind: str) -> None:
    if kind == "laszip":
        attributes = {ours: part[name].astype(np.uint16) for name, ours in ATTRIBUTES.items()}
        attributes |= {"gps_time": part["GpsTime"], "extra/Amplitude": part["Amplitude"].astype(np.float32)}
        points = Points(x=part["x"], y=part["y"], z=part["z"], attributes=attributes)
        params = LasParams(point_format=7, offset=OFFSET, extra=(("extra/Amplitude", "<f4"),))
        write_las(path.with_suffix(".laz"), points, params, crs=parse_crs("EPSG:6677"))
    elif kind == "binary":
        path.with_suffix(".bin").write_bytes(packed(part))
    else:
        path.with_suffix(".zst").write_bytes(pa.compress(packed(part), "zstd", asbytes=True))


def write_ept(folder: Path, table: dict[str, Any], kind: str) -> Path:
    for name in ("ept-data", "ept-hierarchy"):
        (folder / name).mkdir(parents=True)
    nodes = nodes_of(table)
    deep = {key: len(rows) for key, rows in nodes.items() if key.startswith("2-1-1-")}
    pages = {key: len(rows) for key, rows in nodes.items() if key not in deep} | dict.fromkeys(deep, -1)
    (folder / "ept-hierarchy" / "0-0-0-0.json").write_text(json.dumps(pages))
    for key, count in deep.items():
        (folder / "ept-hierarchy" / f"{key}.json").write_text(json.dumps({key: count}))
    for key, rows in nodes.items():
        write_node(folder / "ept-data" / key, {name: column[rows] for name, column in table.items()}, kind)
    index = {"bounds": CUBE, "boundsConforming": CUBE, "dataType": kind, "points": len(table["x"]), "schema": SCHEMA}
    index |= {"srs": {"authority": "EPSG", "horizontal": "6677", "vertical": "6695"}, "version": "1.1.0"}
    (folder / "ept.json").write_text(json.dumps(index))
    return folder / "ept.json"


@pytest.mark.parametrize("kind", ["laszip", "binary", "zstandard"])
def test_every_point_of_every_node_is_read_with_its_attributes(tmp_path: Path, kind: str) -> None:
    table = cloud()
    path = write_ept(tmp_path / "a", table, kind)
    nodes = sorted(nodes_of(table).items(), key=lambda item: tuple(map(int, item[0].split("-"))))
    order = np.concatenate([rows for _, rows in nodes])
    points = read_points(path)
    for axis in "xyz":
        np.testing.assert_allclose(getattr(points, axis), table[axis][order], atol=1e-6)
    for name, ours in ATTRIBUTES.items():
        np.testing.assert_array_equal(points[ours], table[name][order])
    header = read_header(path)
    assert (file_crs(header).code, str(file_crs(header).vertical)) == ("EPSG:6677", "TP")  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["laszip", "binary"])
def test_a_box_gives_the_same_points_with_the_same_rows(tmp_path: Path, kind: str) -> None:
    path = write_ept(tmp_path / "a", cloud(), kind)
    whole = read_header(path)
    everything = np.concatenate([part for _, part in read_rows(whole)])
    all_points = points_of(whole, everything)
    for box in (Bounds(xmin=1010, ymin=-1990, xmax=1030, ymax=-1975), Bounds(xmin=900, ymin=-1937, xmax=2000, ymax=0)):
        header = read_header(path, ReadParams(bbox=box))
        assert header.n_selected < whole.n_points
        parts = list(read_rows(header, chunk_rows=40))
        rows = np.concatenate([rows for rows, _ in parts])
        np.testing.assert_array_equal(rows, np.flatnonzero(box.contains(all_points.x, all_points.y)))
        np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), everything[rows])


def test_laspy_reads_the_same_node(tmp_path: Path) -> None:
    path = write_ept(tmp_path / "a", cloud(), "laszip")
    oracle = laspy.read(path.parent / "ept-data" / "0-0-0-0.laz")
    points = read_points(path)
    np.testing.assert_allclose(points.x[: len(oracle.x)], np.asarray(oracle.x), atol=1e-6)
    np.testing.assert_array_equal(points["intensity"][: len(oracle.x)], np.asarray(oracle.intensity))


def test_any_range_of_rows_is_that_part_of_the_whole(tmp_path: Path) -> None:
    header = read_header(write_ept(tmp_path / "a", cloud(), "binary"))
    whole = np.concatenate([part for _, part in read_rows(header)])
    for start, stop in [(0, 1), (250, 700), (299, 301), (899, 900)]:
        parts = list(read_rows(header, start, stop, 64))
        np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), whole[start:stop])


def test_a_folder_is_one_source_and_its_nodes_are_none(tmp_path: Path) -> None:
    path = write_ept(tmp_path / "survey", cloud(60), "laszip")
    assert expand_sources([tmp_path]) == expand_sources([path.parent]) == [path]


def test_a_changed_node_is_a_change_of_the_source(tmp_path: Path) -> None:
    path = write_ept(tmp_path / "a", cloud(60), "binary")
    before, state = digest_of(path, ReadParams()), state_of(path)
    node = path.parent / "ept-data" / "0-0-0-0.bin"
    node.write_bytes(node.read_bytes() + b"1")
    assert digest_of(path, ReadParams()) != before
    assert state_of(path) != state


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("ept.json", "{", "is not JSON"),
        ("ept.json", "[" * 100_000, "is not JSON"),
        ("ept.json", "[]", "is not understood"),
        ("ept.json", json.dumps({"dataType": "laszip"}), "is not understood"),
        ("ept-hierarchy/0-0-0-0.json", json.dumps({"0-0-0-0": -1}), "comes back to 0-0-0-0"),
        ("ept-hierarchy/0-0-0-0.json", json.dumps({"0-0-0-0": 10**18}), "has 1000000000000000000 points"),
        ("ept-hierarchy/0-0-0-0.json", json.dumps({"../../x": 5}), "names a node"),
        ("ept-hierarchy/0-0-0-0.json", json.dumps({"1-7-0-0": 5}), "names a node"),
        ("ept-hierarchy/0-0-0-0.json", json.dumps({"0-0-0-0": 99}), "has 700 bytes, 99 points take"),
        ("ept-data/0-0-0-0.bin", "", "has 0 bytes"),
    ],
)
def test_what_lies_is_refused(tmp_path: Path, file: str, content: str, reason: str) -> None:
    path = write_ept(tmp_path / "a", cloud(60), "binary")
    (path.parent / file).write_text(content)
    with pytest.raises(FormatError, match=f"^a: .*{reason}"):
        read_points(path)


def test_a_compressed_node_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = write_ept(tmp_path / "a", cloud(60), "zstandard")
    page = path.parent / "ept-hierarchy" / "0-0-0-0.json"
    page.write_text(json.dumps({"0-0-0-0": 1 << 26}))
    with pytest.raises(FormatError, match="cannot hold"):
        read_points(path)
    page.write_text(json.dumps({"0-0-0-0": 21}))
    with pytest.raises(FormatError):
        read_points(path)
