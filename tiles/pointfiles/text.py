"""Points in lines of text: XYZ, CSV, TSV, PTS; of multibeam sonar and of old surveys.

A file is read through once for its box, its count, and the byte at which each block of lines begins; after that any
range of rows is read from the block that holds it. A compressed file cannot be entered in the middle: it is one task.
"""

from __future__ import annotations

import gzip
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from tiles.las_extra import ExtraColumn
from tiles.point_header import PointHeader
from tiles.pointfiles.columns import ColumnMap, column_map, names_in_heading
from tiles.pointfiles.records import Extent, as_attribute, counting, point_format_for, records_of
from tiles.pointfiles.text_rows import COMMENT, TextLayout, fields_of, parse_block
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.point_header import ReadParams

__all__ = ["TextHeader", "read_chunks", "read_header"]

_BLOCK_BYTES = 1 << 22
"""Bytes parsed at once: about 100 000 lines, 20 MB with their numbers."""
_HEADING_LINES = 100
"""Lines among which the first row of numbers must be."""
_COLOURS = ("red", "green", "blue", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextHeader(PointHeader):
    """What one reading of a text file found."""

    layout: TextLayout
    colour_factor: int
    """257 where colours count to 255 and LAS to 65 535; else 1."""
    blocks: tuple[tuple[int, int, int], ...]
    """Byte, row and line at which each block of lines begins."""


def read_header(path: Path, reading: ReadParams) -> PointHeader:
    """Read a file through: its columns, box and rows.

    Raises
    ------
    FormatError
        If it holds no rows of numbers, columns nobody named, or more bad lines than are allowed.

    Notes
    -----
    2 to 3 M rows of three columns a second on one core; memory is that of one block.
    """
    try:
        with _opened(path) as stream:
            layout, begin = _layout(path, stream.read(_BLOCK_BYTES), reading)
            return _scanned(path, stream, layout, begin, reading)
    except (OSError, EOFError, zlib.error) as error:  # a broken gzip file raises all three
        raise FormatError(f"{path.name}: cannot be read: {error}") from None


def read_chunks(header: PointHeader, start: int, stop: int, chunk_rows: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (first row, records)."""
    text = cast("TextHeader", header)
    number = bisect_right(text.blocks, start, key=lambda block: block[1]) - 1
    begin, row, _ = text.blocks[number]
    try:
        with _opened(text.path) as stream:
            for block in _blocks(text.path.name, stream, begin):
                columns = parse_block(block, text.layout).columns
                n_rows = len(columns["x"])
                for first in range(max(start, row), min(stop, row + n_rows), chunk_rows):
                    part = slice(first - row, min(first + chunk_rows, stop, row + n_rows) - row)
                    yield first, _records(text, {name: column[part] for name, column in columns.items()})
                row += n_rows
                if row >= stop:
                    return
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"{text.path.name}: cannot be read: {error}") from None
    raise FormatError(f"{text.path.name}: the file ends after row {row} of {text.n_points}")


def _scanned(path: Path, stream: IO[bytes], layout: TextLayout, begin: int, reading: ReadParams) -> TextHeader:
    extent = Extent()
    blocks: list[tuple[int, int, int]] = []
    bad: list[tuple[int, str]] = []
    n_bad, at, line = 0, begin, _lines_before(stream, begin)
    for block in _blocks(path.name, stream, begin):
        parsed = parse_block(block, layout)
        blocks.append((at, extent.n_rows, line))
        n_bad += len(parsed.bad)
        if parsed.bad and not bad:
            bad.append((line + parsed.bad[0].number + 1, parsed.bad[0].text))
        if parsed.bad and reading.bad_rows_share == 0:
            raise FormatError(f"{path.name}: line {bad[0][0]} is no row of {layout.n_fields} numbers: {bad[0][1]!r}")
        extent.add(parsed.columns)
        at, line = at + len(block), line + block.count(b"\n")
    if n_bad > reading.bad_rows_share * (n_bad + extent.n_rows):
        raise FormatError(
            f"{path.name}: {n_bad} lines are no rows of numbers, more than {reading.bad_rows_share:.2%} of all; the"
            f" first is line {bad[0][0]}: {bad[0][1]!r}"
        )
    if extent.n_rows == 0:
        raise FormatError(f"{path.name}: holds no rows of numbers")
    _check_ranges(path.name, extent)
    left_out = [f"{n_bad} lines are no rows of numbers and are left out; the first is line {bad[0][0]}"] if bad else []
    return _header(path, layout, extent, (tuple(blocks), tuple(left_out)))


def _header(
    path: Path, layout: TextLayout, extent: Extent, found: tuple[tuple[tuple[int, int, int], ...], tuple[str, ...]]
) -> TextHeader:
    names = [name for name in layout.columns.names if name]
    low, high = extent.box()
    scale, offset = counting(path.name, low, high)
    brightest = max((extent.high[name] for name in _COLOURS if name in names), default=0.0)
    counted = f"coordinates are counted in {scale[0]:g} (z in {scale[2]:g}) of the file's units"
    columns = f"columns are {', '.join(('-' * turned) + (name or '_') for name, turned in _described(layout))}"
    return TextHeader(
        path=path,
        size=path.stat().st_size,
        file_format="text",
        point_format=point_format_for(names),
        n_points=extent.n_rows,
        scale=scale,
        offset=offset,
        mins=low,
        maxs=high,
        extra=tuple(ExtraColumn(field=name, dtype="<f8") for name in names if name.startswith("extra/")),
        remarks=found[1],
        notes=(f"{columns}; {counted}",),
        is_seekable=not _is_compressed(path),
        layout=layout,
        colour_factor=257 if 0 < brightest <= 255 else 1,
        blocks=found[0],
    )


def _described(layout: TextLayout) -> Iterator[tuple[str, bool]]:
    yield from zip(layout.columns.names, layout.columns.is_turned, strict=True)


def _check_ranges(name: str, extent: Extent) -> None:
    """Refuse columns whose values LAS cannot hold, before anything is made of them."""
    for column, high in extent.high.items():
        as_attribute(column, np.array([np.rint(extent.low[column]), np.rint(high)]), name)


def _records(header: TextHeader, columns: dict[str, NDArray[np.float64]]) -> NDArray[Any]:
    attributes = {
        name: as_attribute(name, column * header.colour_factor if name in _COLOURS else column, header.path.name)
        for name, column in columns.items()
        if name not in {"x", "y", "z"}
    }
    return records_of(header, columns, attributes)


def _layout(path: Path, start: bytes, reading: ReadParams) -> tuple[TextLayout, int]:
    """Return how lines are cut, and the byte at which rows begin."""
    given = column_map(reading.columns, path.name) if reading.columns else None
    at, heading = 0, b""
    for line in start.split(b"\n")[:_HEADING_LINES]:
        delimiter = _delimiter(line)
        fields = fields_of(line, delimiter)
        if fields is not None and len(fields) >= 3 and _are_numbers(fields, given):
            columns = given or _named(path.name, heading, delimiter, len(fields))
            if len(columns.names) > len(fields):
                raise FormatError(f"{path.name}: {len(columns.names)} columns are named, its rows have {len(fields)}")
            return TextLayout(delimiter=delimiter, n_fields=len(fields), columns=_padded(columns, len(fields))), at
        if line.strip():
            heading = line
        at += len(line) + 1
    raise FormatError(
        f"{path.name}: no row of numbers in its first {_HEADING_LINES} lines; if it is text of points, name its columns"
        " with --columns"
    )


def _named(name: str, heading: bytes, delimiter: str, n_fields: int) -> ColumnMap:
    """Read the names that the line before the first row gives; three columns without names are x, y, z."""
    text = heading.decode("utf-8", errors="replace").strip().removeprefix("\ufeff").lstrip("#/").strip()
    words = text.split() if delimiter == " " else [word.strip() for word in text.split(delimiter)]
    named = names_in_heading(words, name) if len(words) == n_fields else None
    if named is not None:
        return named
    is_heading = len(words) == n_fields and not heading.lstrip().startswith(COMMENT.encode())
    if n_fields == 3 and not is_heading:
        return column_map(("x", "y", "z"), name)
    raise FormatError(
        f"{name}: rows have {n_fields} columns, and no heading says plainly what they are; name them with"
        " --columns, such as x,y,z,intensity (an underscore skips one)"
    )


def _padded(columns: ColumnMap, n_fields: int) -> ColumnMap:
    """Skip the fields behind the last that has a name."""
    more = n_fields - len(columns.names)
    return ColumnMap(names=(*columns.names, *[""] * more), is_turned=(*columns.is_turned, *[False] * more))


def _delimiter(line: bytes) -> str:
    return next((mark for mark in (";", ",", "\t") if mark.encode() in line.strip()), " ")


def _are_numbers(fields: list[str], columns: ColumnMap | None) -> bool:
    """Whether the fields that count are numbers: all that are named, or the first three."""
    wanted = columns.wanted if columns is not None else [0, 1, 2]
    try:
        values = [float(fields[number].strip().strip('"')) for number in wanted]
    except (ValueError, IndexError):
        return False
    return bool(np.isfinite(values).all())


def _blocks(name: str, stream: IO[bytes], begin: int) -> Iterator[bytes]:
    """Yield whole lines, some megabytes at a time, from byte `begin` on."""
    stream.seek(begin)
    rest = b""
    while piece := stream.read(_BLOCK_BYTES):
        cut = piece.rfind(b"\n") + 1
        if cut == 0:
            rest += piece
            if len(rest) > 2 * _BLOCK_BYTES:
                raise FormatError(f"{name}: a line of more than {_BLOCK_BYTES} bytes; this is no text of points")
            continue
        yield rest + piece[:cut]
        rest = piece[cut:]
    if rest:
        yield rest


def _lines_before(stream: IO[bytes], byte: int) -> int:
    stream.seek(0)
    return stream.read(byte).count(b"\n")


def _is_compressed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if _is_compressed(path) else path.open("rb")
