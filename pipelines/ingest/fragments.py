"""Fragments: what one scatter task made of a range of rows, sorted by tile, compressed, in one file.

One file a range, not one a tile: a survey of thousands of files would otherwise leave millions of crumbs. A file holds
blocks, each with the records of one quadtree node in row order, then an index of the blocks, a histogram of the 16 m
cells, and the layout of the records. It appears under its name only when whole, so it exists if and only if the range
is done; the name is a digest of everything it was made from.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import numcodecs.blosc as blosc
import numpy as np

import tiles.codecs  # noqa: F401 - makes blosc single-threaded in this process
from tiles.atomic import atomic_path
from tiles.storage import read_ranges, read_tail
from twin.errors import StoreError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.storage import Place
    from twin.tiling import TileId

__all__ = ["Fragment", "FragmentWriter", "open_fragment", "read_blocks", "write_fragment"]

_MAGIC = b"twinfrg1"
_MAX_BLOSC_TYPE = 255
_LZ4_LEVEL = 9
"""After a byte shuffle as small as zstd at level 1 (13 bytes a point of airborne records), and three times as fast."""
_INDEX_GUESS = 65_536
"""Bytes to ask for at a file's end, which hold most indexes: one request instead of two."""
_BLOCKS_AT_ONCE = 16
"""Blocks in memory, of at most 131 072 records each."""
_BLOCK = np.dtype(
    [("z", "<i4"), ("x", "<i8"), ("y", "<i8"), ("at", "<i8"), ("size", "<i8"), ("n", "<i8"), ("crc", "<u4")]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fragment:
    """The index of one file."""

    path: Place
    dtype: np.dtype[Any]
    """Layout of a record, ending with ``row`` (u32): the point's row in its source."""
    meta: Mapping[str, Any]
    """Point format, extra columns, content figures."""
    blocks: NDArray[Any]
    """Node z, x, y, place, size, points and CRC of each block, in row order of the parts they came from."""
    cells: NDArray[np.int64]
    """Column, row and points of each occupied 16 m cell, shape (m, 3)."""


class FragmentWriter:
    """A file being written; made by `write_fragment`."""

    def __init__(self, stream: IO[bytes], dtype: np.dtype[Any]) -> None:
        self._stream, self._dtype = stream, dtype
        self._blocks: list[tuple[int, ...]] = []
        self._cells: list[NDArray[np.int64]] = []

    def add_block(self, node: TileId, records: NDArray[Any]) -> None:
        """Append the records of one node."""
        content = _compressed(records)
        at = self._stream.tell()
        self._stream.write(content)
        self._blocks.append((node.z, node.x, node.y, at, len(content), len(records), zlib.crc32(content)))

    def add_cells(self, cells: NDArray[np.int64]) -> None:
        """Count occupied cells: column, row and points, shape (m, 3)."""
        self._cells.append(cells)

    def finish(self, meta: Mapping[str, Any]) -> None:
        """Write the index."""
        layout = [[name, self._dtype.fields[name][0].str] for name in self._dtype.names or ()]  # type: ignore[index]
        head = json.dumps({"layout": layout, **meta}, sort_keys=True).encode()
        footer = io.BytesIO()
        np.savez(
            footer,
            head=np.frombuffer(head, np.uint8),
            blocks=np.array(self._blocks, _BLOCK),
            cells=_summed(self._cells),
        )
        content = footer.getvalue()
        self._stream.write(content)
        self._stream.write(struct.pack("<Q", len(content)) + _MAGIC)


class write_fragment:  # noqa: N801 - reads as a function
    """Context manager that yields a `FragmentWriter`; the file appears whole at the end of the block."""

    def __init__(self, path: Place, dtype: np.dtype[Any], scratch: Path) -> None:
        self._target = atomic_path(path, scratch=scratch)
        self._dtype = dtype

    def __enter__(self) -> FragmentWriter:
        self._stream = self._target.__enter__().open("wb")
        return FragmentWriter(self._stream, self._dtype)

    def __exit__(self, *failure: Any) -> None:
        self._stream.close()
        self._target.__exit__(*failure)


@lru_cache(maxsize=256)
def open_fragment(path: Place) -> Fragment:
    """Read a file's index.

    Raises
    ------
    StoreError
        If the file is missing or not whole.
    """
    try:
        footer = np.load(io.BytesIO(_index(path)), allow_pickle=False)
        head = json.loads(footer["head"].tobytes())
        layout = [(name, kind) for name, kind in head.pop("layout")]
        return Fragment(path=path, dtype=np.dtype(layout), meta=head, blocks=footer["blocks"], cells=footer["cells"])
    except UnreachableError:
        raise
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise StoreError(f"{path.name}: fragment cannot be read ({error}); delete it and run ingest again") from None


def _index(path: Place) -> bytes:
    """Return the bytes of a file's index."""
    tail = read_tail(path, _INDEX_GUESS)
    (size,) = struct.unpack("<Q", tail[-16:-8])
    if tail[-8:] != _MAGIC:
        return b""
    if size + 16 > len(tail):
        tail = read_tail(path, size + 16)
    return tail[-16 - size : -16]


def read_blocks(fragment: Fragment, tile: TileId) -> Iterator[tuple[NDArray[Any], bool]]:
    """Yield (records, whole) of every block that may hold points of `tile`, in row order.

    ``whole`` says that all records of the block lie in the tile; else the block's node is larger than the tile.

    Raises
    ------
    StoreError
        If a block's bytes changed.
    """
    blocks = fragment.blocks[_touching(fragment.blocks, tile)]
    for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
        part = blocks[start : start + _BLOCKS_AT_ONCE]
        contents = read_ranges(fragment.path, [(int(one["at"]), int(one["at"] + one["size"])) for one in part])
        for block, content in zip(part, contents, strict=True):
            if zlib.crc32(content) != int(block["crc"]):
                raise StoreError(f"{fragment.path.name}: a fragment's bytes changed; delete it and run ingest again")
            yield _decompressed(content, fragment.dtype, int(block["n"])), bool(block["z"] >= tile.z)


def _touching(blocks: NDArray[Any], tile: TileId) -> NDArray[np.bool_]:
    """Which nodes lie in the tile or around it."""
    down, up = np.maximum(blocks["z"] - tile.z, 0), np.maximum(tile.z - blocks["z"], 0)
    same: NDArray[np.bool_] = (blocks["x"] >> down == tile.x >> up) & (blocks["y"] >> down == tile.y >> up)
    return same


def _compressed(records: NDArray[Any]) -> bytes:
    size = records.dtype.itemsize
    shuffle = blosc.SHUFFLE if size <= _MAX_BLOSC_TYPE else blosc.NOSHUFFLE
    content = np.frombuffer(records.tobytes(), np.uint8)
    if size <= _MAX_BLOSC_TYPE:
        content = content.view(f"V{size}")
    return bytes(blosc.compress(content, b"lz4", _LZ4_LEVEL, shuffle))


def _decompressed(content: bytes, dtype: np.dtype[Any], n_records: int) -> NDArray[Any]:
    records = np.frombuffer(blosc.decompress(content), dtype)
    if len(records) != n_records:
        raise StoreError(f"a fragment's block holds {len(records)} records, {n_records} were written")
    return records


def _summed(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Join cell counts of several chunks, one row a cell, ordered by row and column."""
    if not parts:
        return np.empty((0, 3), np.int64)
    cells = np.concatenate(parts)
    cells = cells[np.lexsort((cells[:, 0], cells[:, 1]))]
    first = np.flatnonzero(np.r_[True, np.any(np.diff(cells[:, :2], axis=0) != 0, axis=1)])
    return np.column_stack([cells[first, :2], np.add.reduceat(cells[:, 2], first)])
