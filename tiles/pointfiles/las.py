"""LAS, LAZ and COPC files behind the door; the work is in `tiles.las`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiles import las
from tiles.las_header import LasHeader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.point_header import PointHeader, ReadParams

__all__ = ["read_chunks", "read_header"]


def read_header(path: Path, reading: ReadParams) -> PointHeader:
    """Read and check a file's header and variable-length records."""
    del reading  # the door crops
    return las.read_header(path)


def read_chunks(header: PointHeader, start: int, stop: int, chunk_rows: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (first row, records)."""
    if not isinstance(header, LasHeader):
        raise TypeError(f"a LAS header is needed, not {type(header).__name__}")
    yield from las.read_records(header, start, stop, chunk_rows)
