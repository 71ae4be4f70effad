"""One column as a Zarr v3 array on the disk, written and read without going through Zarr's event loop.

A tile has some twenty small arrays. Through the zarr library each costs 7 ms to write and 3 ms to read before the first
value; here a tenth. The bytes are those that zarr itself writes for the same codecs (a test compares them), and zarr,
xarray or any other Zarr v3 reader opens them.

One array is ``zarr.json`` and at most one data file ``c/0``: a bare chunk up to 65 536 values, else one shard of such
chunks with its index at the end. Chunks that hold only zeros are not stored.

Integers that are all ``k * step + first`` may rest as the k: the array's attributes ``scale_factor`` and
``add_offset``, as the CF conventions name them, bring them back.

References
----------
Zarr core specification 3.1; sharding codec 1.0 (index: offset and size of each chunk as u64, then CRC-32C).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
from numcodecs.blosc import Blosc
from numcodecs.pcodec import PCodec

from tiles.codecs import CHUNK_POINTS, PCODEC_LEVEL, chunk_length, codec_of, zstd_level
from tiles.storage import read_ranges, read_tail
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.codecs import Codec, CodecProfile
    from tiles.storage import Place

__all__ = ["read_array", "write_array", "write_group"]

_ABSENT = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Offset and size in a shard's index of a chunk that is not stored."""
_CRC_BYTES = 4
_FEW = 2
"""A shard is read by chunks if at most one in so many is wanted: two more requests for the rest of its bytes."""
_MAX_STEP = 1_000_000
"""Two points far apart have a step too, but nothing is saved by it."""
_CODEC_OF_NAMES: dict[tuple[str, ...], Codec] = {("numcodecs.pcodec",): "pcodec", ("bytes", "blosc"): "blosc"}


def write_group(folder: Path, attributes: Mapping[str, Any]) -> None:
    """Make a group at `folder`, which may exist but must be empty."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder, {"attributes": dict(attributes), "zarr_format": 3, "node_type": "group"})


def write_array(folder: Path, values: NDArray[Any], profile: CodecProfile, *, in_steps: bool = False) -> None:
    """Write a 1-D array of numbers into a new folder; the same values give the same bytes.

    Parameters
    ----------
    folder
        Where.
    values
        Shape (n,).
    profile
        How to compress.
    in_steps
        Let integers with a common step rest as multiples of it.
    """
    folder.mkdir(parents=True)
    attributes = {}
    if in_steps and 1 < (step := _step(values)) <= _MAX_STEP:
        first = int(values[0]) % step
        values = ((values.astype(np.int64) - first) // step).astype(values.dtype)
        attributes = {"scale_factor": step, "add_offset": first}
    chunk = chunk_length(len(values))
    n_chunks = max(1, -(-len(values) // chunk))
    codec = codec_of(values.dtype, profile)
    _write_json(folder, _description(values, codec, chunk, n_chunks) | {"attributes": attributes})
    encoded = [_encode(_padded(values, chunk, number), codec) for number in range(n_chunks)]
    if any(encoded):
        (folder / "c").mkdir()
        (folder / "c" / "0").write_bytes(_shard(encoded) if n_chunks > 1 else encoded[0])


def read_array(folder: Place, chunks: NDArray[np.bool_] | None = None) -> NDArray[Any]:
    """Return an array that `write_array` or zarr wrote.

    Parameters
    ----------
    folder
        The array's folder.
    chunks
        Which chunks (`tiles.codecs.chunk_length`) to read, in order; all if None.

    Raises
    ------
    FileNotFoundError
        If there is no array.
    StoreError
        If its layout is another one, or its bytes cannot be decoded.
    """
    described = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
    length, dtype, chunk, codec, is_sharded = _layout(described)
    n_chunks = max(1, -(-length // chunk))
    wanted = range(n_chunks) if chunks is None else np.flatnonzero(chunks).tolist()
    sizes = [max(0, min(chunk, length - number * chunk)) for number in wanted]
    values = np.zeros(sum(sizes), dtype)
    stored = _stored(folder / "c" / "0", wanted, n_chunks, is_sharded)
    at = 0
    for number, size in zip(wanted, sizes, strict=True):
        if number in stored:
            values[at : at + size] = _decode(stored[number], dtype, codec)[:size]
        at += size
    attributes = described.get("attributes", {})
    if "scale_factor" in attributes:
        values *= dtype.type(attributes["scale_factor"])
        values += dtype.type(attributes["add_offset"])
    return values


def _step(values: NDArray[Any]) -> int:
    """Return the greatest number of which all differences are multiples; 0 if there are none."""
    step = 0
    for start in range(0, len(values), CHUNK_POINTS):
        differences = values[start : start + CHUNK_POINTS].astype(np.int64) - int(values[0])
        step = int(np.gcd(step, np.gcd.reduce(differences)))
        if step == 1:
            break
    return step


def _stored(data: Place, wanted: Sequence[int], n_chunks: int, is_sharded: bool) -> dict[int, memoryview]:
    """Return the bytes of the wanted chunks that are stored; of a few in many only those are read."""
    if not wanted:
        return {}
    try:
        if is_sharded and len(wanted) * _FEW <= n_chunks:
            tail = memoryview(read_tail(data, _CRC_BYTES + 16 * n_chunks))
            places = _places(tail, n_chunks, is_sharded)
            here = [number for number in wanted if number in places]
            parts = read_ranges(data, [places[number] for number in here])
            return {number: memoryview(part) for number, part in zip(here, parts, strict=True)}
        content = memoryview(data.read_bytes())
    except FileNotFoundError:
        return {}
    places = _places(content, n_chunks, is_sharded)
    return {number: content[slice(*places[number])] for number in wanted if number in places}


def _padded(values: NDArray[Any], chunk: int, number: int) -> NDArray[Any]:
    part = np.ascontiguousarray(values[number * chunk : (number + 1) * chunk])
    return part if len(part) == chunk else np.concatenate([part, np.zeros(chunk - len(part), part.dtype)])


def _encode(chunk: NDArray[Any], codec: Codec) -> bytes:
    """Encode one chunk; an empty result stands for nothing but zeros."""
    if not (chunk[:64].view(np.uint8).any() or chunk.view(np.uint8).any()):  # most chunks show it at once
        return b""
    return bytes(_encoder(codec, chunk.dtype.itemsize).encode(chunk))


def _decode(content: memoryview, dtype: np.dtype[Any], codec: Codec) -> NDArray[Any]:
    decoded = _encoder(codec, dtype.itemsize).decode(content)
    return np.frombuffer(decoded, dtype)


def _shard(encoded: list[bytes]) -> bytes:
    index = np.full((len(encoded), 2), _ABSENT, "<u8")
    at = 0
    for number, content in enumerate(encoded):
        if content:
            index[number] = at, len(content)
            at += len(content)
    table = index.tobytes()
    return b"".join([*encoded, table, _crc(table)])


def _places(content: memoryview, n_chunks: int, is_sharded: bool) -> dict[int, tuple[int, int]]:
    """Return (start, end) of each stored chunk in a data file."""
    if not is_sharded:
        return {0: (0, len(content))}
    table = bytes(content[-_CRC_BYTES - 16 * n_chunks : -_CRC_BYTES])
    if len(table) != 16 * n_chunks or bytes(content[-_CRC_BYTES:]) != _crc(table):
        raise StoreError("the index of its shard changed")
    index = np.frombuffer(table, "<u8").reshape(-1, 2)
    return {n: (int(at), int(at) + int(size)) for n, (at, size) in enumerate(index) if at != _ABSENT}


def _crc(table: bytes) -> bytes:
    return int(google_crc32c.value(table)).to_bytes(_CRC_BYTES, "little")


@lru_cache(maxsize=32)
def _encoder(codec: Codec, itemsize: int) -> Any:
    if codec == "pcodec":
        return PCodec(level=PCODEC_LEVEL)
    shuffle = Blosc.SHUFFLE if itemsize > 1 else Blosc.NOSHUFFLE
    return Blosc(cname="zstd", clevel=zstd_level(itemsize), shuffle=shuffle, blocksize=0, typesize=itemsize)


def _description(values: NDArray[Any], codec: Codec, chunk: int, n_chunks: int) -> dict[str, Any]:
    """Return the content of ``zarr.json``, without what the specification lets be absent."""
    itemsize = values.dtype.itemsize
    codecs = _codec_json(codec, itemsize)
    if n_chunks > 1:
        index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
        inner = {"chunk_shape": [chunk], "codecs": codecs, "index_codecs": index, "index_location": "end"}
        codecs = [{"name": "sharding_indexed", "configuration": inner}]
    is_float = values.dtype.kind == "f"
    return {
        "shape": [len(values)],
        "data_type": values.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [chunk * n_chunks]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0 if is_float else 0,
        "codecs": codecs,
        "zarr_format": 3,
        "node_type": "array",
    }


def _codec_json(codec: Codec, itemsize: int) -> list[dict[str, Any]]:
    if codec == "pcodec":
        return [{"name": "numcodecs.pcodec", "configuration": {"level": PCODEC_LEVEL}}]
    order = {"name": "bytes", "configuration": {"endian": "little"}} if itemsize > 1 else {"name": "bytes"}
    blosc = {
        "typesize": itemsize,
        "cname": "zstd",
        "clevel": zstd_level(itemsize),
        "shuffle": "shuffle" if itemsize > 1 else "noshuffle",
        "blocksize": 0,
    }
    return [order, {"name": "blosc", "configuration": blosc}]


def _layout(described: Mapping[str, Any]) -> tuple[int, np.dtype[Any], int, Codec, bool]:
    """Return length, type, chunk, codec and whether there is a shard."""
    (length,) = described["shape"]
    (chunk,) = described["chunk_grid"]["configuration"]["chunk_shape"]
    codecs = described["codecs"]
    is_sharded = codecs[0]["name"] == "sharding_indexed"
    if is_sharded:
        (chunk,) = codecs[0]["configuration"]["chunk_shape"]
        codecs = codecs[0]["configuration"]["codecs"]
    names = tuple(entry["name"] for entry in codecs)
    codec = _CODEC_OF_NAMES.get(names)
    if codec is None:
        raise StoreError(f"codecs {names} are not those of a store")
    return length, np.dtype(described["data_type"]).newbyteorder("<"), chunk, codec, is_sharded


def _write_json(folder: Path, content: Mapping[str, Any]) -> None:
    (folder / "zarr.json").write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
