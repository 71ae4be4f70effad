"""What is known of a file of points before its points are read, whatever its format.

Every reader hands out records in a layout of LAS (`tiles.las_records`), because that is what all that follows knows how
to count, sort and keep; so a header of any format says which point format, scale and offset its records have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.las_extra import ExtraColumn
    from twin.bounds import Bounds

__all__ = ["PointHeader", "ReadParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadParams:
    """What the user says about how files are to be read.

    Raises
    ------
    ValueError
        If a value is none that a file could be read with.
    """

    bbox: Bounds | None = None
    """Only points inside, half-open, in the files' own CRS and unit; all points if None."""
    columns: tuple[str, ...] = ()
    """Names of the columns of text files, in order; as the file itself names them, or x, y, z, if empty."""
    pdal: str = ""
    """Path of a PDAL pipeline (JSON) through which files are read; our own readers if empty."""
    bad_rows_share: float = 0.0
    """Share of rows of a text file that may be no numbers and are left out; 0 refuses the file at the first."""

    def __post_init__(self) -> None:
        if self.bbox is not None and not (self.bbox.width_m > 0 and self.bbox.height_m > 0):
            raise ValueError(f"a bounding box without area holds no points: {tuple(self.bbox)}")
        if not 0 <= self.bad_rows_share < 1:
            raise ValueError(f"bad_rows_share must be a share from 0 to below 1: {self.bad_rows_share}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PointHeader:
    """What a file says of itself, after the checks."""

    path: Path
    size: int
    """Bytes of the file."""
    file_format: str = "LAS"
    """Name of the format for people: LAS, LAZ, COPC, EPT, E57, PLY, text, PDAL."""
    version: tuple[int, int] = (1, 4)
    """Version of LAS that the layout of records belongs to."""
    point_format: int
    """Layout of records, 0 to 10."""
    n_points: int
    """Points that the file promises, those outside a bounding box too."""
    n_by_return: tuple[int, ...] = ()
    """Points that it promises of each return, from the first; empty if it says nothing."""
    scale: tuple[float, float, float]
    """File units in one count of X, Y and Z of a record."""
    offset: tuple[float, float, float]
    """Coordinates of count 0."""
    mins: tuple[float, float, float]
    """Least x, y, z as stated, in file units; with a bounding box, of the part in it."""
    maxs: tuple[float, float, float]
    """Greatest x, y, z as stated."""
    standard_gps_time: bool = False
    """Whether GPS time counts seconds since 1980 less a billion; else seconds of the week, or what the file has."""
    extra: tuple[ExtraColumn, ...] = ()
    remarks: tuple[str, ...] = ()
    """Faults that do not keep the points from being read, as sentences."""
    notes: tuple[str, ...] = ()
    """What a reader of a format that LAS is not made of it, as sentences."""
    crs_text: str = ""
    """CRS that the file states, as text for `twin.crs.parse_crs`; LAS files state it in records of their own."""
    reading: ReadParams = ReadParams()
    """How it is read."""
    selected: tuple[tuple[int, int], ...] | None = None
    """Ranges of rows (first, after the last) that may hold points in the bounding box; None means all rows."""
    is_seekable: bool = True
    """Whether a range of rows can be read without all rows before it."""

    @property
    def dtype_extra(self) -> tuple[tuple[str, str], ...]:
        """Layout of the bytes after the format's own, for `tiles.las_records.record_dtype`."""
        return tuple((column.field, column.dtype) for column in self.extra)

    def bare(self) -> PointHeader:
        """Return the header without the records that only its reader needs, small enough to keep one for each file."""
        return self

    @property
    def n_selected(self) -> int:
        """Rows that have to be read: no fewer than the points that come of it."""
        if self.selected is None:
            return self.n_points
        return sum(stop - start for start, stop in self.selected)
