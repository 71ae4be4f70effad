"""Our arrays are Zarr arrays: zarr reads ours, we read zarr's, and the bytes are the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.storage import LocalStore

from tiles.arrays import read_array, write_array, write_group
from tiles.codecs import CHUNK_POINTS, chunk_length
from tiles.zarr_codecs import encoding
from twin.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
LENGTHS = [1, 1000, CHUNK_POINTS, CHUNK_POINTS + 1, 3 * CHUNK_POINTS, 3 * CHUNK_POINTS + 17]


def sample(kind: str, length: int) -> np.ndarray:
    random = np.random.default_rng(length)
    values = random.integers(0, 100, length).cumsum().astype(kind)
    if length > 2 * CHUNK_POINTS:
        values[CHUNK_POINTS : 2 * CHUNK_POINTS] = 0  # a chunk of zeros is not stored
    return values


def by_zarr(folder: Path, values: np.ndarray, profile: str) -> None:
    group = zarr.create_group(LocalStore(folder), zarr_format=3, attributes={"n": 1})
    keywords = encoding(values.dtype, len(values), profile)  # type: ignore[arg-type]
    group.create_array("a", shape=values.shape, dtype=values.dtype, **keywords)[:] = values


@pytest.mark.parametrize("profile", ["compact", "portable"])
@pytest.mark.parametrize("kind", TYPES)
def test_the_bytes_are_those_that_zarr_writes(tmp_path: Path, kind: str, profile: str) -> None:
    for length in LENGTHS if kind in {"i4", "u1"} else LENGTHS[1:4:2]:
        values = sample(kind, length)
        ours, theirs = tmp_path / f"ours{length}", tmp_path / f"theirs{length}"
        write_group(ours, {"n": 1})
        write_array(ours / "a", values, profile)  # type: ignore[arg-type]
        by_zarr(theirs, values, profile)
        files = sorted(path.relative_to(theirs) for path in theirs.rglob("*") if path.is_file())
        assert sorted(path.relative_to(ours) for path in ours.rglob("*") if path.is_file()) == files
        for file in files:
            mine, other = (ours / file).read_bytes(), (theirs / file).read_bytes()
            if file.name == "zarr.json":  # without white space, and without what may be absent
                assert {"storage_transformers": [], "consolidated_metadata": None} | json.loads(mine) == {
                    "storage_transformers": [],
                    "consolidated_metadata": None,
                } | json.loads(other)
            else:
                assert mine == other, file
        np.testing.assert_array_equal(read_array(theirs / "a"), values)
        np.testing.assert_array_equal(zarr.open_array(LocalStore(ours / "a"), mode="r")[:], values)


@given(
    length=st.integers(1, 4 * CHUNK_POINTS), seed=st.integers(0, 9), profile=st.sampled_from(["compact", "portable"])
)
def test_chosen_chunks_come_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, length: int, seed: int, profile: str
) -> None:
    folder = tmp_path_factory.mktemp("arrays") / "a"
    values = np.arange(length, dtype=np.int32) + seed
    write_array(folder, values, profile)  # type: ignore[arg-type]
    n_chunks = -(-length // CHUNK_POINTS)
    chunks = np.random.default_rng(seed).random(n_chunks) < 0.5
    expected = values[np.repeat(chunks, chunk_length(length))[:length]]
    np.testing.assert_array_equal(read_array(folder, chunks), expected)


def test_zeros_take_no_data_and_negative_zero_is_kept(tmp_path: Path) -> None:
    write_array(tmp_path / "zeros", np.zeros(100_000, np.uint16), "compact")
    assert [path.name for path in (tmp_path / "zeros").iterdir()] == ["zarr.json"]
    np.testing.assert_array_equal(read_array(tmp_path / "zeros"), np.zeros(100_000))
    write_array(tmp_path / "negative", np.full(5, -0.0), "compact")
    assert np.signbit(read_array(tmp_path / "negative")).all()


def test_an_empty_array_comes_back_empty(tmp_path: Path) -> None:
    write_array(tmp_path / "a", np.empty(0, np.float32), "compact")
    assert read_array(tmp_path / "a").dtype == np.float32
    assert len(read_array(tmp_path / "a")) == 0


def test_a_damaged_index_is_an_error(tmp_path: Path) -> None:
    write_array(tmp_path / "a", np.arange(200_000, dtype=np.int32), "compact")
    data = tmp_path / "a" / "c" / "0"
    content = bytearray(data.read_bytes())
    content[-10] ^= 1
    data.write_bytes(content)
    with pytest.raises(StoreError, match="index of its shard changed"):
        read_array(tmp_path / "a")


@pytest.mark.parametrize(("step", "first"), [(10, 3), (10, -7), (1000, 0), (1, 5)])
def test_coordinates_of_a_coarse_survey_rest_as_multiples_of_its_step(tmp_path: Path, step: int, first: int) -> None:
    random = np.random.default_rng(1)
    values = (random.integers(-50_000, 50_000, 150_000) * step + first).astype(np.int32)
    write_array(tmp_path / "a", values, "portable", in_steps=True)
    np.testing.assert_array_equal(read_array(tmp_path / "a"), values)
    array = zarr.open_array(LocalStore(tmp_path / "a"), mode="r")
    factor, offset = array.attrs.get("scale_factor", 1), array.attrs.get("add_offset", 0)
    assert factor == step
    np.testing.assert_array_equal(array[:].astype(np.int64) * factor + offset, values)


def test_a_step_survives_the_ends_of_the_type(tmp_path: Path) -> None:
    ends = np.iinfo(np.int32)
    for values in ([ends.min, ends.max], [ends.max, ends.min], [ends.min], [7, 7]):
        folder = tmp_path / str(values[0] + len(values))
        write_array(folder, np.array(values, np.int32), "portable", in_steps=True)
        np.testing.assert_array_equal(read_array(folder), values)
