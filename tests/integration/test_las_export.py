"""What goes out as LAZ is what came in, read by laspy, with our classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import laspy
import numpy as np

from tiles.las_export import export_laz
from tiles.store import Store
from twin.crs import parse_crs
from twin.points import Points
from twin.vertical import TP

if TYPE_CHECKING:
    from pathlib import Path


def test_every_point_of_every_tile_goes_out_with_its_attributes_and_our_class(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store", crs=parse_crs("EPSG:6677"), vertical=TP, tile_edge_m=64.0)
    rng = np.random.default_rng(1)
    with store.writing():
        for column in (0, 1):
            points = Points(
                x=np.round(rng.uniform(64 * column, 64 * column + 63.9, 500), 3),
                y=np.round(rng.uniform(0, 63.9, 500), 3),
                z=np.round(rng.normal(3, 1, 500), 3),
            ).with_attributes(
                intensity=rng.integers(0, 65535, 500).astype(np.uint16),
                gps_time=rng.uniform(0, 1e6, 500),
                return_number=np.ones(500, np.uint8),
                number_of_returns=np.ones(500, np.uint8),
                red=rng.integers(0, 65535, 500).astype(np.uint16),
                green=rng.integers(0, 65535, 500).astype(np.uint16),
                blue=rng.integers(0, 65535, 500).astype(np.uint16),
            )
            tile = store.grid.tile_at(64 * column + 1, 1)
            store.manifest.commit_tiles([store.write_tile(tile, points)])
            store.write_labels("run", tile, np.full(500, 6, np.uint8), np.full(500, 90, np.uint8))
    files = export_laz(store, tmp_path / "out", "run")
    assert [path.name for path in files] == ["0_0_0.laz", "0_1_0.laz"]
    for path, row in zip(files, store.tiles(), strict=True):
        got, kept = laspy.read(path), store.read_tile(row.tile)
        assert got.header.parse_crs().sub_crs_list[0].name == "JGD2011 / Japan Plane Rectangular CS IX"
        np.testing.assert_allclose(np.asarray(got.x), kept.x, atol=1e-9)
        np.testing.assert_allclose(np.asarray(got.z), kept.z, atol=1e-9)
        for name in ("intensity", "gps_time", "red", "blue"):
            np.testing.assert_array_equal(np.asarray(got[name]), kept[name])
        assert set(np.asarray(got.classification)) == {6}
