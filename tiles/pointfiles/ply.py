"""Points in PLY files: the vertices, binary of either byte order or ASCII; faces and other elements are left.

Files are read here, not through a library: the ones that pip has load a file whole, or come under a licence that asks
more of their users than ours does.

References
----------
G. Turk, The PLY Polygon File Format, 1994.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from tiles.las_extra import ExtraColumn
from tiles.point_header import PointHeader
from tiles.pointfiles.records import Extent, as_attribute, brightness_factor, counting, point_format_for, records_of
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.point_header import ReadParams

__all__ = ["PlyHeader", "read_chunks", "read_header"]

_MOST_HEADER_BYTES = 1 << 16
_PIECE_ROWS = 200_000
"""Vertices read at once: 3 to 30 MB."""
_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
_MEANING = {
    "x": "x", "y": "y", "z": "z", "red": "red", "green": "green", "blue": "blue", "r": "red", "g": "green",
    "b": "blue", "diffusered": "red", "diffusegreen": "green", "diffuseblue": "blue", "intensity": "intensity",
    "classification": "classification", "class": "classification", "gpstime": "gps_time",
    "returnnumber": "return_number", "numberofreturns": "number_of_returns", "pointsourceid": "point_source_id",
    "userdata": "user_data",
}  # fmt: skip
_BRIGHT = ("red", "green", "blue", "intensity")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Element:
    name: str
    n_rows: int
    properties: tuple[tuple[str, str], ...]
    """(name, NumPy type); the type of a list is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlyHeader(PointHeader):
    """What one reading of a PLY file found."""

    fields: tuple[tuple[str, str], ...]
    """Name of the column and NumPy type of each property of a vertex."""
    begin: int
    """Byte at which vertices begin."""
    is_ascii: bool
    factors: tuple[tuple[str, float], ...] = ()
    """What colours and intensities are multiplied by to count to 65 535."""


def read_header(path: Path, reading: ReadParams) -> PointHeader:
    """Read a file's header, and its vertices once for their box.

    Raises
    ------
    FormatError
        If it is no PLY file, has no vertices with x, y and z, or is shorter than it says.

    Notes
    -----
    Binary files 10 M vertices a second or more, ASCII 0.5 M.
    """
    del reading
    try:
        with path.open("rb") as stream:
            bare = _parsed(path, stream)
            extent, n_bad = _extent(bare, stream)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read: {error.strerror or error}") from None
    return _described(bare, extent, n_bad)


def read_chunks(
    header: PointHeader, start: int, stop: int, chunk_rows: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Yield (rows, records)."""
    ply = cast("PlyHeader", header)
    factors = dict(ply.factors)
    with ply.path.open("rb") as stream:
        for first, columns in _pieces(ply, stream, (start, stop), min(chunk_rows, _PIECE_ROWS)):
            good = _has_place(columns)
            kept = {name: column[good] for name, column in columns.items()}
            attributes = {
                name: as_attribute(name, np.rint(column * factors[name]) if name in factors else column, ply.path.name)
                for name, column in kept.items()
                if name not in {"x", "y", "z"}
            }
            axes = {axis: kept[axis].astype(np.float64) for axis in "xyz"}
            yield first + np.flatnonzero(good), records_of(ply, axes, attributes)


def _described(bare: PlyHeader, extent: Extent, n_bad: int) -> PlyHeader:
    """Complete a header with what its vertices show."""
    names = [name for name, _ in bare.fields]
    low, high = extent.box()
    scale, offset = counting(bare.path.name, low, high)
    factors = tuple(
        (name, brightness_factor(np.dtype(dtype), max(extent.high.get(other, 0.0) for other in _alike(name))))
        for name, dtype in bare.fields
        if name in _BRIGHT
    )
    multiplied = "".join(f", {name} is taken {factor:g} times" for name, factor in factors if factor != 1)
    return replace(
        bare,
        point_format=point_format_for(names),
        scale=scale,
        offset=offset,
        mins=low,
        maxs=high,
        extra=tuple(
            ExtraColumn(field=name, dtype=np.dtype(dtype).newbyteorder("<").str.replace("|", ""))
            for name, dtype in bare.fields
            if name.startswith("extra/")
        ),
        factors=factors,
        remarks=(f"{n_bad} vertices have no coordinates and are left out",) if n_bad else (),
        notes=(
            f"coordinates are counted in {scale[0]:g} of the file's units" + (f"; {multiplied}" * bool(multiplied)),
        ),
    )


def _alike(name: str) -> tuple[str, ...]:
    return ("red", "green", "blue") if name != "intensity" else ("intensity",)


def _extent(bare: PlyHeader, stream: IO[bytes]) -> tuple[Extent, int]:
    extent, n_bad = Extent(), 0
    for _, columns in _pieces(bare, stream, (0, bare.n_points), _PIECE_ROWS):
        good = _has_place(columns)
        n_bad += int(np.count_nonzero(~good))
        extent.add({name: columns[name][good] for name in columns if not name.startswith("extra/")})
    return extent, n_bad


def _has_place(columns: dict[str, NDArray[Any]]) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = np.isfinite(columns["x"]) & np.isfinite(columns["y"]) & np.isfinite(columns["z"])
    return good


def _pieces(
    ply: PlyHeader, stream: IO[bytes], rows: tuple[int, int], piece_rows: int
) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
    """Yield (first row, columns) of runs of vertices."""
    dtype = np.dtype(list(ply.fields))
    stream.seek(ply.begin)
    for _ in range(rows[0] if ply.is_ascii else 0):
        stream.readline()
    if not ply.is_ascii:
        stream.seek(ply.begin + rows[0] * dtype.itemsize)
    for first in range(rows[0], rows[1], piece_rows):
        n_rows = min(piece_rows, rows[1] - first)
        if ply.is_ascii:
            table = _ascii_rows(ply, stream, (first, n_rows))
        else:
            content = stream.read(n_rows * dtype.itemsize)
            if len(content) < n_rows * dtype.itemsize:
                raise FormatError(f"{ply.path.name}: the file ends at vertex {first + len(content) // dtype.itemsize}")
            table = np.frombuffer(content, dtype)
        yield first, {name: table[name].astype(table[name].dtype.newbyteorder("=")) for name, _ in ply.fields}


def _ascii_rows(ply: PlyHeader, stream: IO[bytes], rows: tuple[int, int]) -> NDArray[Any]:
    first, n_rows = rows
    table = np.empty(n_rows, np.dtype(list(ply.fields)))
    for number in range(n_rows):
        line = stream.readline(1 << 14)
        try:
            table[number] = tuple(map(float, line.split()))
        except (ValueError, OverflowError):
            text = line[:60].decode("utf-8", errors="replace")
            raise FormatError(
                f"{ply.path.name}: vertex {first + number} is no row of {len(ply.fields)} numbers: {text!r}"
            ) from None
    return table


def _parsed(path: Path, stream: IO[bytes]) -> PlyHeader:
    """Read the header's lines; the box and what follows from it are not known yet."""
    order, elements, begin = _header_lines(path.name, stream)
    size = path.stat().st_size
    for element in elements:
        if element.name == "vertex":
            break
        if order == "=" or any(not dtype for _, dtype in element.properties):
            raise FormatError(f"{path.name}: its vertices come after {element.name!r}; vertices must come first")
        begin += element.n_rows * np.dtype([(f"p{i}", kind) for i, (_, kind) in enumerate(element.properties)]).itemsize
    else:
        raise FormatError(f"{path.name}: has no vertices")
    if any(not dtype for _, dtype in element.properties):
        raise FormatError(f"{path.name}: its vertices hold lists, which are not read")
    fields = _fields(path.name, [(name, order + dtype) for name, dtype in element.properties])
    least = 2 * len(fields) if order == "=" else np.dtype(fields).itemsize  # in text, a digit and a space each
    if begin + element.n_rows * least > size + 1:
        raise FormatError(f"{path.name}: promises {element.n_rows} vertices, which its {size} bytes cannot hold")
    return PlyHeader(
        path=path, size=size, file_format="PLY", point_format=6, n_points=element.n_rows, scale=(1.0, 1.0, 1.0),
        offset=(0.0, 0.0, 0.0), mins=(0.0, 0.0, 0.0), maxs=(0.0, 0.0, 0.0), fields=tuple(fields), begin=begin,
        is_ascii=order == "=", is_seekable=order != "=",
    )  # fmt: skip


def _header_lines(name: str, stream: IO[bytes]) -> tuple[str, list[_Element], int]:
    start = stream.read(_MOST_HEADER_BYTES)
    end = start.find(b"end_header")
    begin = start.find(b"\n", end) + 1
    if not start.startswith(b"ply") or end < 0 or begin == 0:
        raise FormatError(f"{name}: not a PLY file (no header between ply and end_header)")
    order, elements = "", []
    for line in start[:end].decode("ascii", errors="replace").splitlines():
        words = line.split()
        try:
            if words[:1] == ["format"]:
                order = _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                elements.append(_Element(name=words[1], n_rows=_count(words[2]), properties=()))
            elif words[:1] == ["property"]:
                dtype = "" if words[1] == "list" else _TYPES[words[1]]
                last = elements.pop()
                properties = (*last.properties, (words[-1], dtype))
                elements.append(_Element(name=last.name, n_rows=last.n_rows, properties=properties))
        except (IndexError, KeyError, ValueError):
            raise FormatError(f"{name}: its header's line {line[:60]!r} is not understood") from None
    if not order:
        raise FormatError(f"{name}: its header names no format")
    return order, elements, begin


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _fields(name: str, properties: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Name the columns: attributes of LAS where the property is one, else extra columns."""
    fields: list[tuple[str, str]] = []
    for word, dtype in properties:
        plain = word.lower().removeprefix("scalar_").replace("_", "")
        column = _MEANING.get(plain, f"extra/{word[:32]}")
        if column in {known for known, _ in fields}:
            column = f"extra/{word[:32]}"
        fields.append((column, dtype))
    names = [column for column, _ in fields]
    if missing := [axis for axis in "xyz" if axis not in names]:
        raise FormatError(f"{name}: its vertices have no {' and no '.join(missing)}")
    if len(set(names)) != len(names):
        raise FormatError(f"{name}: two properties of its vertices have the same name")
    return fields
