"""What a scan leaves on disk for the blocks: one file a task, read back block by block.

A file is a row of parts; each holds the cells of one block of one chunk (`CELL_DTYPE`, blosc) and the hashes of its
points (8 bytes each, as they are: hashes do not compress). The index of the parts travels with the scan's result.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numcodecs.blosc import Blosc

from pipelines.acceptance.cells import CELL_DTYPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["INDEX_DTYPE", "PartWriter", "read_cells", "read_hashes"]

INDEX_DTYPE = np.dtype(
    [
        ("row", "<i4"),
        ("column", "<i4"),
        ("piece", "<i4"),
        ("offset", "<i8"),
        ("cell_bytes", "<i4"),
        ("n_hashes", "<i4"),
        ("n_points", "<i4"),
    ]
)
"""One part: block, number of the piece's file (set by the client), byte where it begins, bytes of its compressed cells,
hashes that follow them, and points that it stands for."""
_CODEC = Blosc(cname="lz4", clevel=3, shuffle=Blosc.SHUFFLE)


class PartWriter:
    """Appends parts to a piece's file; its index is complete when all are written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._rows: list[tuple[int, ...]] = []
        self._at = 0

    def add(self, block: tuple[int, int], cells: NDArray[Any], hashes: NDArray[np.uint64], n_points: int) -> None:
        """Write the cells and hashes of a block's points; `block` is (column, row)."""
        packed = _CODEC.encode(np.ascontiguousarray(cells))
        self._stream.write(packed)
        self._stream.write(hashes.tobytes())
        self._rows.append((block[1], block[0], -1, self._at, len(packed), hashes.size, n_points))
        self._at += len(packed) + hashes.nbytes

    @property
    def index(self) -> NDArray[Any]:
        """Parts so far, as `INDEX_DTYPE`."""
        return np.array(self._rows, INDEX_DTYPE)


def read_cells(path: str, rows: Iterable[Any]) -> list[NDArray[Any]]:
    """Return the cells of parts of one piece, in the order of `rows` (entries of its index)."""
    parts = []
    with Path(path).open("rb") as stream:
        for row in rows:
            stream.seek(int(row["offset"]))
            parts.append(np.frombuffer(_CODEC.decode(stream.read(int(row["cell_bytes"]))), CELL_DTYPE))
    return parts


def read_hashes(path: str, rows: Iterable[Any], bucket: int, n_buckets: int) -> list[NDArray[np.uint64]]:
    """Return the hashes of parts of one piece that fall into one of `n_buckets`; memory is that of one part more."""
    parts = []
    with Path(path).open("rb") as stream:
        for row in rows:
            stream.seek(int(row["offset"]) + int(row["cell_bytes"]))
            hashes = np.frombuffer(stream.read(8 * int(row["n_hashes"])), np.uint64)
            # The low bits chose the sample already.
            parts.append(
                hashes if n_buckets == 1 else hashes[(hashes >> np.uint64(32)) % np.uint64(n_buckets) == bucket]
            )
    return parts
