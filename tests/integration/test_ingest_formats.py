"""The same points come into a store whatever the format they were delivered in, and a box takes its part alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.executors import Sequential, Threads
from pipelines.ingest import IngestParams, ingest
from tiles.las import LasParams, write_las
from tiles.store import Store
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CRS = parse_crs("EPSG:6677")
PARAMS = IngestParams(crs="EPSG:6677", vertical="TP", max_tile_points=700, rows_per_task=400, chunk_rows=150)
COLUMNS = ("intensity", "classification", "gps_time", "return_number", "number_of_returns", "source_index")


@pytest.fixture(scope="module")
def cloud() -> Points:
    random = np.random.default_rng(7)
    x, y = (random.integers(0, 90_000, 1500) * 0.001 - 20.0 for _ in range(2))
    attributes = {
        "intensity": random.integers(0, 999, 1500).astype(np.uint16),
        "classification": random.integers(0, 20, 1500).astype(np.uint8),
        "gps_time": np.sort(random.uniform(0, 1e6, 1500)),
        "return_number": np.ones(1500, np.uint8),
        "number_of_returns": np.ones(1500, np.uint8),
    }
    return Points(x=x, y=y, z=random.integers(0, 9000, 1500) * 0.001, attributes=attributes)


def as_las(path: Path, cloud: Points) -> Path:
    write_las(path, cloud, LasParams(), crs=CRS, vertical=TP)
    return path


def as_text(path: Path, cloud: Points) -> Path:
    rows = zip(cloud.x, cloud.y, -cloud.z, cloud["intensity"], cloud["classification"], cloud["gps_time"], strict=True)
    path.write_text("".join(f"{x:.3f},{y:.3f},{d:.3f},{i},{c},{float(t)!r}\n" for x, y, d, i, c, t in rows))
    return path


def as_ply(path: Path, cloud: Points) -> Path:
    names = [("x", "f8"), ("y", "f8"), ("z", "f8"), ("intensity", "u2"), ("classification", "u1"), ("gps_time", "f8")]
    table = np.zeros(len(cloud), [(name, f"<{dtype}") for name, dtype in names])
    for axis in "xyz":
        table[axis] = getattr(cloud, axis)
    for name, _ in names[3:]:
        table[name] = cloud[name]
    words = {"f8": "double", "u2": "ushort", "u1": "uchar"}
    properties = "".join(f"property {words[dtype]} {name}\n" for name, dtype in names)
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(cloud)}\n{properties}end_header\n"
    path.write_bytes(head.encode() + table.tobytes())
    return path


def made(path: Path, sources: Sequence[Path], params: IngestParams = PARAMS, executor: Any = None) -> Store:
    store = Store.create(path, crs=CRS, vertical=TP, tile_edge_m=64.0)
    summary = ingest(store, list(sources), params, executor or Sequential())
    assert not summary.refused, summary.refused
    return store


def content(store: Store, names: Sequence[str] = COLUMNS) -> dict[str, list[Any]]:
    """Coordinates and columns of every tile, in stored order."""
    found: dict[str, list[Any]] = {}
    for row in store.tiles():
        points = store.read_tile(row.tile, names)
        columns = [points.x, points.y, points.z, *(points[name] for name in names)]
        found[str(row.tile)] = [column.tolist() for column in columns]
    return found


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory, cloud: Points) -> dict[str, list[Any]]:
    folder = tmp_path_factory.mktemp("las")
    return content(made(folder / "store", [as_las(folder / "a.laz", cloud)]))


def test_text_gives_the_store_that_las_gives(tmp_path: Path, cloud: Points, truth: dict[str, list[Any]]) -> None:
    columns = "x,y,-depth,intensity,class,time"
    store = made(tmp_path / "s", [as_text(tmp_path / "a.csv", cloud)], replace(PARAMS, columns=columns), Threads(2))
    assert content(store) == truth
    (source,) = store.manifest.sources()
    assert (source.n_points, source.meta["format"], source.meta["read"]) == (1500, "text", {"columns": columns})


def test_ply_gives_the_store_that_las_gives(tmp_path: Path, cloud: Points, truth: dict[str, list[Any]]) -> None:
    assert content(made(tmp_path / "s", [as_ply(tmp_path / "a.ply", cloud)])) == truth


def test_e57_gives_the_places_that_las_gives(tmp_path: Path, cloud: Points, truth: dict[str, list[Any]]) -> None:
    pye57 = pytest.importorskip("pye57", reason="E57 needs pye57 (extra e57)")
    with pye57.E57(str(tmp_path / "a.e57"), "w") as out:  # it writes single precision: a micrometre at 10 m
        out.write_scan_raw({"cartesianX": cloud.x, "cartesianY": cloud.y, "cartesianZ": cloud.z})
    store = made(tmp_path / "s", [tmp_path / "a.e57"])
    assert content(store, ("source_index",)) == {tile: [*columns[:3], columns[-1]] for tile, columns in truth.items()}


def test_a_box_takes_its_part_and_is_another_source(tmp_path: Path, cloud: Points) -> None:
    path, box = as_las(tmp_path / "a.laz", cloud), Bounds(xmin=-5.0, ymin=0.0, xmax=30.0, ymax=41.5)
    cut = replace(PARAMS, bbox=tuple(box))  # type: ignore[arg-type]  # four sides
    store = made(tmp_path / "s", [path], cut)
    rows = np.concatenate([store.read_tile(row.tile, ("source_index",))["source_index"] for row in store.tiles()])
    inside = np.flatnonzero(box.contains(cloud.x, cloud.y))
    assert sorted(rows.tolist()) == inside.tolist()
    (source,) = store.manifest.sources()
    assert (source.n_points, source.meta["read"]) == (len(inside), {"bbox": list(box)})
    assert not any("box is wrong" in remark for remark in source.meta["remarks"])
    again = ingest(store, [path], cut, Sequential())
    assert (again.points, len(again.skipped)) == (0, 1)
