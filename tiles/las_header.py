"""The header of a LAS or LAZ file, checked against the file's size before a point is read.

Headers in circulation lie: a garbage count of variable-length records makes a trusting reader allocate gigabytes, one
point too few passes without a word. Everything is bounded here by the bytes that are really there.

References
----------
ASPRS, LAS Specification 1.4 - R15, tables 3 and 4.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from tiles.las_extra import extra_columns
from tiles.las_records import POINT_FORMATS, has_waveform, record_dtype
from tiles.point_header import PointHeader
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["LasHeader", "Vlr", "read_header"]

_SIZE_BY_MINOR = {0: 227, 1: 227, 2: 227, 3: 235, 4: 375}
_MAX_VLRS = 65_536
"""More records than any program writes; bounds the work that a hostile file can ask for."""
_LASZIP_USER, _LASZIP_RECORD = "laszip encoded", 22204


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlr:
    """One variable-length record."""

    user: str
    record: int
    data: bytes

    def is_a(self, user: str, record: int) -> bool:
        """Whether this is the record of that user and number."""
        return self.record == record and self.user == user


@dataclass(frozen=True, slots=True, kw_only=True)
class LasHeader(PointHeader):
    """What a LAS, LAZ or COPC file says of itself, after the checks."""

    record_length: int
    """Bytes of one point record, extra bytes included."""
    point_offset: int
    """Byte at which points begin."""
    is_compressed: bool
    uses_wkt: bool
    vlrs: tuple[Vlr, ...]

    def bare(self) -> PointHeader:
        """Return the header without its variable-length records."""
        return replace(self, vlrs=())

    @property
    def laszip(self) -> bytes:
        """Content of the LASzip record, which says how points are compressed."""
        return next(vlr.data for vlr in self.vlrs if vlr.is_a(_LASZIP_USER, _LASZIP_RECORD))


def read_header(path: Path) -> LasHeader:
    """Read and check a file's header and variable-length records.

    Raises
    ------
    FormatError
        If the file is no LAS file, or its sizes and counts contradict each other; the message names the file.

    Notes
    -----
    Reads at most the bytes before the points and those after them; no point is touched.
    """
    try:
        with path.open("rb") as stream:
            return _Parser(path, path.stat().st_size, stream.read(375)).parse(stream)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read: {error.strerror or error}") from None
    except struct.error:
        raise FormatError(f"{path.name}: the file ends inside its header") from None


class _Parser:
    """One file's header under way; collects remarks."""

    def __init__(self, path: Path, size: int, start: bytes) -> None:
        self.path, self.size, self.start = path, size, start
        self.remarks: list[str] = []

    def fail(self, reason: str) -> FormatError:
        return FormatError(f"{self.path.name}: {reason}")

    def field(self, layout: str, at: int) -> tuple[float, ...]:
        values: tuple[float, ...] = struct.unpack_from("<" + layout, self.start, at)
        return values

    def integer(self, layout: str, at: int) -> int:
        return int(self.field(layout, at)[0])

    def parse(self, stream: IO[bytes]) -> LasHeader:
        if self.size == 0:
            raise self.fail("the file is empty (0 bytes); deliver it again")
        if self.start[:4] != b"LASF":
            raise self.fail("not a LAS file (it does not begin with LASF)")
        version = (self.integer("B", 24), self.integer("B", 25))
        if version[0] != 1 or version[1] not in _SIZE_BY_MINOR:
            raise self.fail(f"LAS version {version[0]}.{version[1]} is unknown; 1.0 to 1.4 are read")
        header_size, point_offset, n_vlrs = self.integer("H", 94), self.integer("I", 96), self.integer("I", 100)
        least = _SIZE_BY_MINOR[version[1]]
        if header_size < least:
            raise self.fail(f"header of {header_size} bytes, LAS 1.{version[1]} needs {least}")
        if not header_size <= point_offset <= self.size:
            raise self.fail(f"points begin at byte {point_offset}, but the file has {self.size} bytes")
        point_format, compressed = self._format()
        record_length = self.integer("H", 105)
        own = record_dtype(point_format).itemsize
        if record_length < own:
            raise self.fail(f"records of {record_length} bytes, point format {point_format} needs {own}")
        vlrs = self._vlrs(stream, header_size, point_offset, n_vlrs)
        n_points, by_return = self._counts(version, point_format)
        evlrs = self._evlrs(stream, version, point_offset)
        every = (*vlrs, *evlrs)
        flags = self.integer("H", 6)
        header = LasHeader(
            path=self.path,
            size=self.size,
            file_format=_format_name(compressed, every),
            version=version,
            point_format=point_format,
            record_length=record_length,
            n_points=n_points,
            n_by_return=by_return,
            scale=self._triple(131, "scale"),
            offset=self._triple(155, "offset"),
            mins=self._box(187),
            maxs=self._box(179),
            point_offset=point_offset,
            is_compressed=compressed,
            uses_wkt=bool(flags & 16),
            standard_gps_time=bool(flags & 1),
            vlrs=every,
            extra=extra_columns([(vlr.user, vlr.record, vlr.data) for vlr in every], record_length - own),
            remarks=(),
        )
        self._check_room(header)
        if has_waveform(point_format):
            self.remarks.append(f"point format {point_format} has waveform packets, which are not kept")
        return replace(header, remarks=tuple(self.remarks))

    def _format(self) -> tuple[int, bool]:
        code = self.integer("B", 104)
        point_format = code & 0x3F
        if point_format not in POINT_FORMATS or code & 0x40:
            raise self.fail(f"point format {code} is unknown; 0 to 10 are read")
        return point_format, bool(code & 0x80)

    def _triple(self, at: int, what: str) -> tuple[float, float, float]:
        a, b, c = self.field("3d", at)
        if not all(math.isfinite(value) for value in (a, b, c)) or (what == "scale" and min(a, b, c) <= 0):
            raise self.fail(f"{what} factors {(a, b, c)} are not usable numbers")
        return a, b, c

    def _box(self, at: int) -> tuple[float, float, float]:
        """Read one side of the stated box; sides alternate max, min."""
        x, y, z = (self.field("d", at + 16 * axis)[0] for axis in range(3))
        return x, y, z

    def _counts(self, version: tuple[int, int], point_format: int) -> tuple[int, tuple[int, ...]]:
        legacy, legacy_returns = self.integer("I", 107), self.field("5I", 111)
        if version < (1, 4):
            return legacy, tuple(int(n) for n in legacy_returns)
        total, returns = self.integer("Q", 247), self.field("15Q", 255)
        if legacy and legacy != total:
            if total == 0 and point_format < 6:
                return legacy, tuple(int(n) for n in legacy_returns)
            self.remarks.append(f"the header counts {total} points, its legacy field {legacy}")
        return total, tuple(int(n) for n in returns)

    def _vlrs(self, stream: IO[bytes], start: int, end: int, n_stated: int) -> list[Vlr]:
        """Read the records before the points; never past the first point, whatever the header counts."""
        stream.seek(start)
        block = stream.read(end - start)
        found: list[Vlr] = []
        at = 0
        while len(found) < min(n_stated, _MAX_VLRS) and at + 54 <= len(block):
            user, record, length = struct.unpack_from("<2x16sHH", block, at)
            if at + 54 + length > len(block):
                break
            found.append(Vlr(user=_text(user), record=record, data=block[at + 54 : at + 54 + length]))
            at += 54 + length
        if len(found) < n_stated:
            self.remarks.append(
                f"the header counts {n_stated} variable-length records, {len(found)} fit before the points"
            )
        return found

    def _evlrs(self, stream: IO[bytes], version: tuple[int, int], point_offset: int) -> list[Vlr]:
        """Read the records after the points, small ones only: waveform data and COPC pages are not needed here."""
        if version < (1, 4):
            return []
        at, n_stated = self.integer("Q", 235), self.integer("I", 243)
        found: list[Vlr] = []
        for _ in range(min(n_stated, _MAX_VLRS)):
            if not point_offset <= at <= self.size - 60:
                break
            stream.seek(at)
            user, record, length = struct.unpack("<2x16sHQ32x", stream.read(60))
            if length > self.size - at - 60:
                break
            data = stream.read(length) if length <= 1 << 20 else b""
            found.append(Vlr(user=_text(user), record=record, data=data))
            at += 60 + length
        if len(found) < n_stated:
            self.remarks.append(f"the header counts {n_stated} records after the points, {len(found)} are there")
        return found

    def _check_room(self, header: LasHeader) -> None:
        room = header.size - header.point_offset
        if header.is_compressed:
            if not any(vlr.is_a(_LASZIP_USER, _LASZIP_RECORD) for vlr in header.vlrs):
                raise self.fail("compressed, but without the LASzip record that says how")
            # The best that LASzip does is about a byte for a hundred points; a promise beyond that is a lie.
            if header.n_points > 1000 * max(room, 1):
                raise self.fail(f"the header promises {header.n_points} points, which {room} bytes cannot hold")
            return
        held = room // header.record_length
        if header.n_points > held:
            short = header.n_points - held
            raise self.fail(
                f"the header promises {header.n_points} points, the file holds {held}: {short} missing, it was cut off"
            )
        is_followed = has_waveform(header.point_format) or (header.version >= (1, 4) and self.integer("I", 243) > 0)
        if held > header.n_points and not is_followed:
            more = held - header.n_points
            self.remarks.append(f"{more} more points may follow the {header.n_points} that the header promises")


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("ascii", errors="replace").strip()


def _format_name(compressed: bool, vlrs: Sequence[Vlr]) -> str:
    if not compressed:
        return "LAS"
    return "COPC" if vlrs and vlrs[0].is_a("copc", 1) else "LAZ"
