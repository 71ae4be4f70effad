"""Writing LAS and LAZ, whole or in pieces, the same bytes every time."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import lazrs
import numpy as np

from tiles.atomic import atomic_path
from tiles.columns import quantised
from tiles.las_extra import describe
from tiles.las_projection import PROJECTION_USER, crs_vlrs
from tiles.las_records import pack, record_dtype
from twin import __version__
from twin.errors import FormatError, StoreError
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["LasParams", "LasWriter", "open_las_writer", "write_las"]

_WRITABLE = (0, 1, 2, 3, 6, 7, 8)
_HEADER_SIZE = {2: 227, 4: 375}
_LEGACY_COUNT = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class LasParams:
    """How a file is laid out."""

    point_format: int = 6
    """0 to 3 (LAS 1.2) or 6 to 8 (LAS 1.4); 7 adds colour, 8 adds near infrared."""
    scale_m: float = 0.001
    """Metres in one count of x, y and z; a millimetre is finer than any airborne survey."""
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Coordinates of count 0, metres; a millimetre count reaches 2 147 km from it."""
    extra: tuple[tuple[str, str], ...] = ()
    """Extra columns to write: (``extra/<name>``, NumPy type)."""
    standard_gps_time: bool = True
    """Whether GPS time counts seconds since 1980 less a billion, or seconds of the week."""

    def __post_init__(self) -> None:
        if self.point_format not in _WRITABLE:
            raise ValueError(f"point format {self.point_format} is not written; choose one of {_WRITABLE}")


class LasWriter:
    """A file being written piece by piece; made by `open_las_writer`."""

    def __init__(self, stream: IO[bytes], params: LasParams, records: list[tuple[str, int, bytes]]) -> None:
        self._stream, self._params, self._records = stream, params, list(records)
        self._dtype = record_dtype(params.point_format, params.extra)
        self._by_return = np.zeros(16, np.int64)
        self._low, self._high = np.full(3, np.inf), np.full(3, -np.inf)
        self.n_points = 0
        self._compressor: Any = None

    def start(self, compressed: bool) -> None:
        """Reserve the header and begin the points."""
        if compressed:
            n_extra = self._dtype.itemsize - record_dtype(self._params.point_format).itemsize
            vlr = lazrs.LazVlr.new_for_compression(self._params.point_format, n_extra)
            self._records.append(("laszip encoded", 22204, bytes(vlr.record_data())))
            self._stream.write(self._header(compressed=True))
            self._compressor = lazrs.LasZipCompressor(self._stream, vlr)
        else:
            self._stream.write(self._header(compressed=False))

    def write(self, points: Points) -> None:
        """Append points.

        Raises
        ------
        FormatError
            If a value does not fit the point format or the coordinates' range.
        """
        if len(points) == 0:
            return
        try:
            counts = {
                axis.upper(): quantised(getattr(points, axis), self._params.scale_m, self._params.offset[i], axis)
                for i, axis in enumerate("xyz")
            }
        except StoreError as error:
            raise FormatError(str(error).replace("the store", "the file")) from None
        records = pack(counts, points.attributes, self._params.point_format, self._params.extra)
        self._count(counts, points)
        content = records.tobytes()
        if self._compressor is not None:
            self._compressor.compress_many(content)
        else:
            self._stream.write(content)

    def finish(self) -> None:
        """Complete the points and write the final header."""
        if self._compressor is not None:
            self._compressor.done()
        self._stream.seek(0)
        self._stream.write(self._header(compressed=self._compressor is not None))

    def _count(self, counts: dict[str, NDArray[np.int32]], points: Points) -> None:
        for axis, column in enumerate(counts.values()):
            low, high = (
                int(v) * self._params.scale_m + self._params.offset[axis] for v in (column.min(), column.max())
            )
            self._low[axis], self._high[axis] = min(self._low[axis], low), max(self._high[axis], high)
        if "return_number" in points.attributes:
            self._by_return += np.bincount(points["return_number"] & 15, minlength=16)
        self.n_points += len(points)

    def _header(self, compressed: bool) -> bytes:
        params = self._params
        minor = 4 if params.point_format >= 6 else 2
        if minor == 2 and self.n_points > _LEGACY_COUNT:
            raise FormatError(f"{self.n_points} points do not fit LAS 1.2; write point format 6, 7 or 8")
        vlrs = b"".join(_vlr(*record) for record in self._records)
        encoding = int(params.standard_gps_time) | (16 if minor == 4 else 0)
        low, high = (self._low, self._high) if self.n_points else (np.zeros(3), np.zeros(3))
        box = [side for axis in range(3) for side in (high[axis], low[axis])]
        legacy = [self.n_points, *self._by_return[1:6]] if minor == 2 else [0] * 6
        head = struct.pack(
            "<4sHH16xBB32s32sHHHIIBH6I12d",
            b"LASF", 0, encoding, 1, minor, b"city-twin", f"city-twin {__version__}".encode(), 0, 0,
            _HEADER_SIZE[minor], _HEADER_SIZE[minor] + len(vlrs), len(self._records),
            params.point_format | (0x80 if compressed else 0), self._dtype.itemsize, *legacy,
            *[params.scale_m] * 3, *params.offset, *box,
        )  # fmt: skip
        if minor == 4:
            head += struct.pack("<QQI16Q", 0, 0, 0, self.n_points, *self._by_return[1:16])
        return head + vlrs


@contextmanager
def open_las_writer(
    path: Path, params: LasParams, *, crs: HorizontalCrs | None, vertical: VerticalDatum | None = None
) -> Iterator[LasWriter]:
    """Yield a writer; the file appears whole at `path` when the block ends well.

    Parameters
    ----------
    path
        ``.laz`` is compressed, ``.las`` is not.
    params
        Layout.
    crs
        Horizontal CRS that the file states; None states nothing.
    vertical
        Datum of z; stated where it has an EPSG code.

    Raises
    ------
    CrsError
        If an old point format must state a CRS without an EPSG code.
    """
    records = [(PROJECTION_USER, record, data) for record, data in _projection(crs, vertical, params)]
    if params.extra:
        records.append(("LASF_Spec", 4, describe(params.extra)))
    with atomic_path(path) as temporary, temporary.open("w+b") as stream:
        writer = LasWriter(stream, params, records)
        writer.start(compressed=path.suffix.lower() == ".laz")
        yield writer
        writer.finish()


def write_las(
    path: Path,
    points: Points | Iterable[Points],
    params: LasParams | None = None,
    *,
    crs: HorizontalCrs | None,
    vertical: VerticalDatum | None = None,
) -> int:
    """Write a cloud, or its pieces one after the other, and return the number of points.

    Notes
    -----
    LAZ runs at about a million points a second on one core; memory is that of one piece.
    """
    pieces = [points] if isinstance(points, Points) else points
    with open_las_writer(path, params or LasParams(), crs=crs, vertical=vertical) as writer:
        for piece in pieces:
            writer.write(piece)
        return writer.n_points


def _projection(
    crs: HorizontalCrs | None, vertical: VerticalDatum | None, params: LasParams
) -> list[tuple[int, bytes]]:
    return crs_vlrs(crs, vertical, params.point_format) if crs is not None else []


def _vlr(user: str, record: int, data: bytes) -> bytes:
    if len(data) > 0xFFFF:
        raise FormatError(f"record {user} {record} of {len(data)} bytes is too long for a LAS file")
    return struct.pack("<2x16sHH32x", user.encode(), record, len(data)) + data
