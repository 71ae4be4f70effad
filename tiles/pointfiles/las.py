"""LAS, LAZ and COPC files behind the door; the work is in `tiles.las`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tiles import las
from tiles.las_header import LasHeader
from tiles.pointfiles.copc import rows_in_box
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.point_header import PointHeader, ReadParams

__all__ = ["read_chunks", "read_header"]


def read_header(path: Path, reading: ReadParams) -> PointHeader:
    """Read and check a file's header; of a COPC file and a box, find the rows of the nodes that touch it."""
    header = las.read_header(path)
    if reading.bbox is None or header.file_format != "COPC":
        return header
    try:
        return replace(header, selected=rows_in_box(header, reading.bbox))
    except FormatError as error:
        # The points themselves may be whole: they are all read, and cropped.
        return replace(header, remarks=(*header.remarks, f"read as LAZ: {error}"))


def read_chunks(header: PointHeader, start: int, stop: int, chunk_rows: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (first row, records) of the rows that are selected."""
    if not isinstance(header, LasHeader):
        raise TypeError(f"a LAS header is needed, not {type(header).__name__}")
    for low, high in header.selected if header.selected is not None else ((start, stop),):
        yield from las.read_records(header, max(low, start), min(high, stop), chunk_rows)
