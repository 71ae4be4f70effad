"""How small real surveys rest, and that a reader who knows only docs/store.md gets every delivered value back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import laspy
import numpy as np
import pytest
import zarr

from pipelines.executors import Sequential
from pipelines.ingest import IngestParams, ingest
from tiles import zarr_codecs as _codecs  # noqa: F401 - without zarr's word about PCodec on every array
from tiles.sizes import METADATA, column_bytes
from tiles.store import Store
from twin.crs import parse_crs
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from pathlib import Path

COLOUR = {"red", "green", "blue", "nir"}
LIMITS = {"compact": 5.5, "portable": 8.0}
"""Bytes a point without colour of a town at about 25 points a square metre."""


@pytest.fixture(scope="module", params=sorted(LIMITS))
def town(request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Six touching tiles of a suburb, as a national survey delivers them."""
    paths = sorted((shared_data / "lidar").glob("fr_occitanie_urban_*.laz"))
    store = Store.create(
        tmp_path_factory.mktemp("town") / request.param,
        crs=parse_crs("EPSG:2154"),
        vertical=VerticalDatum.parse("EPSG:5720"),
        codec=request.param,
    )
    ingest(store, paths, IngestParams(vertical="EPSG:5720"), Sequential())
    return Store.open(store.path)


def test_a_dense_survey_rests_in_few_bytes(town: Store) -> None:
    sizes = column_bytes(town)
    folders = [town.path / town.tile_path(row) for row in town.tiles()]
    on_disk = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    assert sum(sizes.values()) == on_disk
    assert {"X", "Y", "Z", "acquisition/gps_time", METADATA} < set(sizes)
    without_colour = sum(size for name, size in sizes.items() if name not in COLOUR)
    assert without_colour / sum(row.n_points for row in town.tiles()) <= LIMITS[town.codec]


def test_zarr_and_numpy_alone_read_what_was_delivered(town: Store) -> None:
    for row in town.tiles():
        group = zarr.open_group(town.path / town.tile_path(row), mode="r")
        place = [np.asarray(group[f"acquisition/{name}"]).astype("u8") for name in ("lod", "cell_column", "cell_row")]
        morton = sum((((place[1] >> b) & 1) << 2 * b) | (((place[2] >> b) & 1) << 2 * b + 1) for b in range(16))
        order = np.lexsort((morton, place[0]))
        source, index = np.asarray(group["source"]), np.asarray(group["acquisition/source_index"])[order]
        for number in np.unique(source):
            own = source == number
            delivered = laspy.read(town.manifest.sources()[number].uri)[index[own]]
            for name, theirs in (("gps_time", "gps_time"), ("scan_angle", "scan_angle"), ("user_data", "user_data")):
                mine = np.asarray(group[f"acquisition/{name}"])[order][own]
                np.testing.assert_array_equal(mine, np.asarray(delivered[theirs]))
            np.testing.assert_array_equal(np.asarray(group["return_number"])[own], np.asarray(delivered.return_number))
            for axis, name in enumerate("XYZ"):
                array = group[name]
                counts = np.asarray(array)[own] * int(array.attrs.get("scale_factor", 1))
                metres = (counts + int(array.attrs.get("add_offset", 0))) * town.scale[axis] + town.offset[axis]
                np.testing.assert_allclose(metres, np.asarray(delivered[name.lower()]), atol=1e-6)
