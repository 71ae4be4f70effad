"""What a reader of one format offers the door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from tiles.point_header import PointHeader, ReadParams

__all__ = ["Reader"]


class Reader(Protocol):
    """The functions that a module of a format has."""

    def read_header(self, path: Path, reading: ReadParams) -> PointHeader:
        """Read and check what the file says of itself; see `tiles.pointfiles.read_header`."""
        ...

    def read_chunks(
        self, header: PointHeader, start: int, stop: int, chunk_rows: int
    ) -> Iterator[tuple[int | NDArray[np.int64], NDArray[Any]]]:
        """Yield (first row, or all rows, and records), in order; rows that no bounding box touches may be left out.

        Records are new arrays of at most `chunk_rows`, laid out as the header says. The door crops them.
        """
        ...
