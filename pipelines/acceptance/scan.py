"""The one pass over the points: a range of rows of one file becomes cells, hashes, times and counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.acceptance.cells import (
    BLOCK_CELLS,
    CellGrid,
    block_of_key,
    place_points,
    point_bits,
    summarise,
)
from pipelines.acceptance.identity import point_hashes
from pipelines.acceptance.nearby import NEAR_DTYPE, near_points
from pipelines.acceptance.pieces import PartWriter
from pipelines.acceptance.times import RunBook, read_times
from pipelines.ingest.content import Content, count_content
from tiles.las_records import SCAN_ANGLE_UNIT_DEG, classes_of, return_bits, withheld_of
from tiles.pointfiles import read_header, read_records, require_unchanged
from twin.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.acceptance.cells import Placed
    from pipelines.acceptance.times import Times
    from tiles.pointfiles import FileState, PointHeader, ReadParams
    from twin.bounds import Bounds

__all__ = ["COARSE_CELLS", "ScanResult", "ScanTask", "scan"]

COARSE_CELLS = BLOCK_CELLS // 32
"""Cells along a coarse cell's edge; the surveyed area is told by coarse cells, 32 x 32 a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTask:
    """One range of rows, and where its piece goes."""

    source: str
    number: int
    """The file's number in the delivery."""
    state: FileState
    """How the file stood on the disk when it was examined."""
    header: PointHeader | None
    """Its header, where reading it again is slow."""
    reading: ReadParams
    start: int
    stop: int
    """Row after the last."""
    grid: CellGrid
    chunk_rows: int
    strip_gap_s: float
    stride: int
    """Only hashes that this divides are kept: a sample that is the same in every file."""
    controls: NDArray[np.float64]
    """x, y of control points in file units, shape (m, 2)."""
    control_numbers: NDArray[np.int64]
    """Their numbers in the file of control points, shape (m,)."""
    radius: float
    """Distance in file units within which points are taken for a control point."""
    sheet: Bounds | None
    """Box that no point may lie outside of, tolerance included; None if the name states none."""
    piece: str
    """Path of the file to write."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScanResult:
    """What the client keeps of a scan: some kilobytes."""

    content: Content | None
    index: NDArray[Any]
    """Parts of the piece (`pieces.INDEX_DTYPE`)."""
    coarse: dict[tuple[int, int], NDArray[np.uint8]]
    """Occupied coarse cells of each block (column, row): 32 x 32 bits, packed, row 0 in the south."""
    seconds: NDArray[np.int64]
    """Keys of (point source id, second), sorted (`times.Times`)."""
    labels: NDArray[np.int64]
    """Point source id and first second of each strip label, shape (m, 2)."""
    label_points: NDArray[np.int64]
    """Points of each label, shape (m,)."""
    is_scrambled: bool
    n_back: int
    """Points of the range that were measured before the point in front of them."""
    ends: tuple[float, float] | None
    """Time of the range's first and of its last point; None without times."""
    n_zero_time: int
    n_bad_returns: int
    """Points whose return number is zero or above their number of returns."""
    n_withheld: int
    greatest_angle_deg: float
    near: NDArray[Any]
    """Points around control points (`nearby.NEAR_DTYPE`)."""
    n_outside: int
    """Points outside the sheet."""


@dataclass(slots=True)
class _Tally:
    """What adds up over the chunks of a task."""

    book: RunBook
    contents: list[Content] = field(default_factory=list)
    seconds: list[NDArray[np.int64]] = field(default_factory=list)
    coarse: dict[tuple[int, int], NDArray[np.uint8]] = field(default_factory=dict)
    near: list[NDArray[Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("back", "zero", "bad", "withheld", "out"), 0))
    angle_deg: float = 0.0
    ends: tuple[float, float] | None = None

    def follow(self, times: Times) -> None:
        """Count the points that go back in time, the first of a chunk against the last of the one before included."""
        if times.ends is None:
            return
        first, last = times.ends
        self.counts["back"] += times.n_back + (self.ends is not None and first < self.ends[1])
        self.ends = (self.ends[0] if self.ends else first, last)


def scan(task: ScanTask) -> ScanResult:
    """Read a range of rows once.

    Raises
    ------
    FormatError
        If the file is broken, vanished, or changed since it was examined.

    Notes
    -----
    Memory is that of one chunk and the index, about 200 bytes a row of `chunk_rows`.
    """
    path = Path(task.source)
    require_unchanged(path, task.state, "while it was checked")
    header = task.header or read_header(path, task.reading)
    tally = _Tally(RunBook(task.strip_gap_s))
    with Path(task.piece).open("wb") as stream:
        writer = PartWriter(stream)
        try:
            for _, records in read_records(header, task.start, task.stop, task.chunk_rows):
                _chunk(task, header, records, tally, writer)
        except FormatError:
            require_unchanged(
                path, task.state, "while it was checked"
            )  # a file that is still being copied is not a broken one
            raise
    require_unchanged(path, task.state, "while it was checked")
    return _result(tally, writer)


def _chunk(task: ScanTask, header: PointHeader, records: NDArray[Any], tally: _Tally, writer: PartWriter) -> None:
    """Take in one chunk."""
    content = count_content(records, header.point_format)
    tally.contents.append(content)
    classes, withheld = classes_of(records, header.point_format), withheld_of(records, header.point_format)
    returns = np.ascontiguousarray(records["returns"])
    bits = point_bits(classes, returns, withheld, return_bits(header.point_format))
    times = read_times(records)
    tally.seconds.append(times.keys)
    tally.follow(times)
    placed = place_points(records, task.grid, tally.book.label(times))
    cells, starts, order = summarise(placed, bits)
    hashes = point_hashes(records, task.grid)[order]
    _write(writer, tally, placed, (cells, starts), hashes, task.stride)
    near = near_points(records, task.grid, task.controls, task.radius, classes, bits)
    near["control"] = task.control_numbers[near["control"]]
    tally.near.append(near)
    tally.angle_deg = max(tally.angle_deg, _greatest_angle(records, header.point_format))
    _count(tally.counts, header, records, returns, withheld)
    if task.sheet is not None:
        tally.counts["out"] += _n_outside(task, header, records, content)


def _write(  # noqa: PLR0913 - one step of `_chunk`
    writer: PartWriter,
    tally: _Tally,
    placed: Placed,
    summed: tuple[NDArray[Any], NDArray[np.int64]],
    hashes: NDArray[np.uint64],
    stride: int,
) -> None:
    """Write the parts of a chunk, one a block, and mark the coarse cells that they occupy."""
    cells, starts = summed
    column, row, _ = block_of_key(placed.keys)
    ends = np.r_[0, np.cumsum(np.bincount(placed.slot, minlength=placed.keys.size))]
    heads = np.flatnonzero(np.r_[True, (np.diff(column) != 0) | (np.diff(row) != 0)])
    for head, stop in zip(heads, np.r_[heads[1:], len(column)], strict=True):
        part = cells[starts[head] : starts[stop]]
        own = hashes[ends[head] : ends[stop]]
        block = (int(column[head]), int(row[head]))
        writer.add(block, part, own[own % np.uint64(stride) == 0] if stride > 1 else own, own.size)
        occupied = _coarse_of(part)
        if block in tally.coarse:
            occupied |= tally.coarse[block]
        tally.coarse[block] = occupied


def _coarse_of(cells: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the coarse cells with measured points, packed."""
    side = BLOCK_CELLS // COARSE_CELLS
    mask = np.zeros((side, side), np.bool_)
    cell = cells["cell"][cells["points"] > 0]
    mask[(cell >> 8) // COARSE_CELLS, (cell & 255) // COARSE_CELLS] = True
    return np.packbits(mask)


def _count(
    counts: dict[str, int],
    header: PointHeader,
    records: NDArray[Any],
    returns: NDArray[np.uint8],
    withheld: NDArray[np.bool_],
) -> None:
    shift = return_bits(header.point_format)
    mask = (1 << shift) - 1
    possible = np.arange(256)
    bad = ((possible & mask) == 0) | ((possible & mask) > ((possible >> shift) & mask))
    by_returns = np.bincount(returns, minlength=256)
    counts["bad"] += int(by_returns[bad].sum())
    counts["withheld"] += int(np.count_nonzero(withheld))
    if "gps_time" in (records.dtype.names or ()):
        counts["zero"] += int(np.count_nonzero(records["gps_time"] == 0))


def _greatest_angle(records: NDArray[Any], point_format: int) -> float:
    angle = records["scan_angle"]
    greatest = max(-int(angle.min()), int(angle.max()))
    return greatest * SCAN_ANGLE_UNIT_DEG if point_format >= 6 else float(greatest)


def _n_outside(task: ScanTask, header: PointHeader, records: NDArray[Any], content: Content) -> int:
    sheet = task.sheet
    if sheet is None:
        return 0
    low, high = content.box(header)
    if sheet.xmin <= low[0] and high[0] <= sheet.xmax and sheet.ymin <= low[1] and high[1] <= sheet.ymax:
        return 0
    x, y = (records[name] * header.scale[i] + header.offset[i] for i, name in enumerate("XY"))
    inside = (x >= sheet.xmin) & (x <= sheet.xmax) & (y >= sheet.ymin) & (y <= sheet.ymax)
    return int(np.count_nonzero(~inside))


def _result(tally: _Tally, writer: PartWriter) -> ScanResult:
    seconds = np.unique(np.concatenate(tally.seconds)) if tally.seconds else np.empty(0, np.int64)
    labels = np.array([entry[:2] for entry in tally.book.labels], np.int64).reshape(-1, 2)
    return ScanResult(
        content=Content.total(tally.contents),
        index=writer.index,
        coarse=tally.coarse,
        seconds=seconds,
        labels=labels,
        label_points=np.array(tally.book.counts, np.int64),
        is_scrambled=tally.book.is_scrambled,
        n_back=tally.counts["back"],
        ends=tally.ends,
        n_zero_time=tally.counts["zero"],
        n_bad_returns=tally.counts["bad"],
        n_withheld=tally.counts["withheld"],
        greatest_angle_deg=tally.angle_deg,
        near=np.concatenate(tally.near) if tally.near else np.empty(0, NEAR_DTYPE),
        n_outside=tally.counts["out"],
    )
