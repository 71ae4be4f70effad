"""A LAZ file as it would be if it began at a later chunk.

Chunks of a COPC file differ in size, and the decoder seeks to a row as if all were alike: it lands inside a chunk and
takes points for lengths. It reads such a file rightly from the start; so a start is made for it at the chunk that is
wanted.
"""

from __future__ import annotations

import io
import struct
from typing import IO, TYPE_CHECKING

import lazrs

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

    from tiles.las_header import LasHeader

__all__ = ["FromChunk", "chunk_of_row"]


def chunk_of_row(table: list[tuple[int, int]], row: int) -> tuple[int, int]:
    """Return the number of the chunk that holds a row, and the chunk's first row.

    Examples
    --------
    >>> chunk_of_row([(10, 99), (5, 60)], 12)
    (1, 10)
    """
    first = 0
    for number, (n_rows, _) in enumerate(table):
        if row < first + n_rows:
            return number, first
        first += n_rows
    return len(table), first


class FromChunk(io.RawIOBase):
    """Compressed points from chunk `number` on: place of the chunk table, chunks, chunk table."""

    def __init__(self, header: LasHeader, stream: IO[bytes], table: list[tuple[int, int]], number: int) -> None:
        super().__init__()
        self._stream, self._at = stream, 0
        self._begin = header.point_offset + 8 + sum(size for _, size in table[:number])
        length = sum(size for _, size in table[number:])
        self._head, tail = struct.pack("<q", 8 + length), io.BytesIO()
        lazrs.write_chunk_table(tail, table[number:], lazrs.LazVlr(header.laszip))
        self._tail, self._tail_at = tail.getvalue(), 8 + length

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte, counted from the start, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence, self._tail_at + len(self._tail))
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        """Read on, at most to the end of the part that is under way."""
        view = memoryview(buffer).cast("B")
        if self._at < 8:
            part = self._head[self._at : self._at + len(view)]
        elif self._at < self._tail_at:
            self._stream.seek(self._begin + self._at - 8)
            part = self._stream.read(min(len(view), self._tail_at - self._at))
        else:
            part = self._tail[self._at - self._tail_at :][: len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)
