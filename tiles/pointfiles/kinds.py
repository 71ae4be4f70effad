"""Which reader a file is for: by its first bytes where they say it, else by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.point_header import ReadParams

__all__ = ["SUFFIXES", "is_point_file", "kind_of"]

SUFFIXES = (".las", ".laz")
"""Names of files that a folder is searched for."""


def kind_of(path: Path, reading: ReadParams) -> str:
    """Return the name of the reader, a module of this package, that a file is for.

    Raises
    ------
    FormatError
        If there is none; the message says what is read.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read: {error.strerror or error}") from None
    if not start:
        raise FormatError(f"{path.name}: the file is empty (0 bytes); deliver it again")
    if start[:4] == b"LASF" or path.suffix.lower() in (".las", ".laz"):
        return "las"
    raise FormatError(f"{path.name}: not a LAS file (it does not begin with LASF)")


def is_point_file(path: Path) -> bool:
    """Whether a file in a folder is a delivery by its name; hidden ones are not."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".") and not path.is_dir()
