"""Files that vanish, change, break off or may not be read while they are taken in: refused by name, alone."""

from __future__ import annotations

import os
import shutil
import struct
from typing import TYPE_CHECKING, Any

import lazrs
import numpy as np
import pytest

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles.las import LasParams, read_header, write_las
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CRS = parse_crs("EPSG:6677")


@pytest.fixture
def delivery(tmp_path: Path) -> tuple[Path, Path]:
    """Two files: one of two compressed chunks, which something will happen to, and another."""
    random = np.random.default_rng(1)
    paths = tmp_path / "victim.laz", tmp_path / "other.laz"
    for path, n_points in zip(paths, (60_000, 500), strict=True):
        x, y, z = (random.integers(0, 60_000, n_points) * 0.001 for _ in range(3))
        write_las(path, Points(x=x, y=y, z=z), LasParams(point_format=6), crs=CRS, vertical=TP)
    return paths


class Meddler(Sequential):
    """Does something after the files were checked and before they are read."""

    def __init__(self, act: Callable[[], None]) -> None:
        object.__setattr__(self, "act", act)
        super().__init__()

    def map_unordered(self, function: Any, tasks: Any) -> Iterator[Any]:
        yield from super().map_unordered(function, tasks)
        self.act()  # type: ignore[attr-defined]


def taken(tmp_path: Path, delivery: tuple[Path, Path], act: Callable[[], None] = lambda: None) -> str:
    """Ingest both files; the other one must be in, and the reason why the victim is not is returned."""
    store = Store.create(tmp_path / "store", crs=CRS, vertical=TP, tile_edge_m=64.0)
    summary = ingest(store, delivery, IngestParams(), Meddler(act))
    assert [row.uri for row in store.manifest.sources() if row.state == "done"] == [str(delivery[1])]
    assert sum(row.n_points for row in store.tiles()) == 500
    assert verify_store(store) == []
    (refused,) = summary.refused
    assert "\n" not in refused["reason"]
    return str(refused["reason"])


def test_a_file_that_vanishes_after_the_check(tmp_path: Path, delivery: tuple[Path, Path]) -> None:
    reason = taken(tmp_path, delivery, lambda: delivery[0].unlink(missing_ok=True))
    assert reason.startswith("victim.laz: vanished after it was checked")


def test_other_bytes_of_the_same_size_and_time_are_noticed(tmp_path: Path, delivery: tuple[Path, Path]) -> None:
    before = delivery[0].stat()

    def change() -> None:
        content = bytearray(delivery[0].read_bytes())
        content[-300] ^= 1
        delivery[0].write_bytes(content)
        os.utime(delivery[0], ns=(before.st_atime_ns, before.st_mtime_ns))

    assert taken(tmp_path, delivery, change).startswith("victim.laz: changed after it was checked")


def test_another_file_in_its_place_is_noticed(tmp_path: Path, delivery: tuple[Path, Path]) -> None:
    def replace() -> None:
        if not (tmp_path / "copy").exists():
            shutil.copy2(delivery[0], tmp_path / "copy")  # with its times
            os.replace(tmp_path / "copy", delivery[0])  # noqa: PTH105 - the act of a syncing program

    assert taken(tmp_path, delivery, replace).startswith("victim.laz: changed after it was checked")


def test_a_chunk_cut_short_in_the_middle_refuses_the_whole_file(tmp_path: Path, delivery: tuple[Path, Path]) -> None:
    header, content = read_header(delivery[0]), bytearray(delivery[0].read_bytes())
    with delivery[0].open("rb") as stream:
        stream.seek(header.point_offset)
        (_, first), (_, second) = lazrs.read_chunk_table(stream, lazrs.LazVlr(header.laszip))
    end, lost = header.point_offset + 8 + first, 400
    del content[end - lost : end]
    (table,) = struct.unpack_from("<q", content, header.point_offset)
    struct.pack_into("<q", content, header.point_offset, table - lost)
    delivery[0].write_bytes(content)
    assert second > 0
    assert taken(tmp_path, delivery).startswith("victim.laz: ")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, delivery: tuple[Path, Path]) -> None:
    delivery[0].chmod(0)
    if os.access(delivery[0], os.R_OK):
        pytest.skip("this user may read everything")
    assert taken(tmp_path, delivery).startswith("victim.laz: cannot be read: Permission denied")
