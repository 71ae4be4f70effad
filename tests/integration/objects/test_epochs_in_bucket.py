"""Epochs and replacing work in an object store as in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles.las import LasParams, write_las
from tiles.storage import files_below, place_of
from tiles.store import Store
from tiles.verify import verify_store
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path

CRS = parse_crs("EPSG:6677")


def strip(path: Path, west_m: float, n: int) -> Path:
    random = np.random.default_rng(n)
    x, y, z = (random.integers(0, 50_000, n) * 0.001 for _ in range(3))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_las(path, Points(x=x + west_m, y=y, z=z), LasParams(), crs=CRS, vertical=TP)
    return path


def build(address: str, folder: Path) -> None:
    store = Store.create(address, crs=CRS, vertical=TP, tile_edge_m=64.0)
    old = [strip(folder / "2019" / f"{n}.laz", west, n) for west, n in ((0.0, 200), (30.0, 300))]
    new = strip(folder / "2024" / "200.laz", 0.0, 250)
    ingest(store, old, IngestParams(epoch="2019"), Sequential())
    ingest(Store.open(f"{address}#2024", new_epoch=True), [new], IngestParams(), Sequential())
    corrected = strip(folder / "corrected" / "200.laz", 90.0, 100)
    ingest(Store.open(f"{address}#2019"), [corrected], IngestParams(replace=True), Sequential())


def test_two_epochs_and_a_replaced_file_are_the_bytes_of_a_folder(address: str, tmp_path: Path) -> None:
    build(address, tmp_path)
    build(str(tmp_path / "store"), tmp_path)
    there, here = (
        {name: file.read_bytes() for name, file in files_below(place_of(one)).items() if name.startswith("points/")}
        for one in (address, str(tmp_path / "store"))
    )
    assert there == here
    assert Store.open(address).epoch == "2024"
    old = Store.open(f"{address}#2019")
    assert old.address == f"{address}#2019"
    assert sum(row.n_points for row in old.tiles()) == 400
    assert [row.n_points for row in old.manifest.replaced_sources()] == [200]
    assert verify_store(old) == []
