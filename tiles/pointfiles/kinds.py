"""Which reader a file is for: by its first bytes where they say it, else by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.point_header import ReadParams

__all__ = ["EPT_NAME", "SUFFIXES", "is_point_file", "kind_of"]

SUFFIXES = (".las", ".laz", "ept.json", ".e57", ".ply", ".xyz", ".xyz.gz", ".pts")
"""Names of files that a folder is searched for."""
_TEXT = (".xyz", ".pts", ".txt", ".csv", ".tsv", ".asc", ".dat")
_TEXT_SUFFIXES = (*_TEXT, *(f"{suffix}.gz" for suffix in _TEXT))
"""Names of text files; of these a folder is searched for those that can be nothing but points."""

EPT_NAME = "ept.json"
_READ = "LAZ, COPC, EPT (its ept.json), E57, PLY, or text of points (.xyz, .csv, .txt; any name with --columns)"


def kind_of(path: Path, reading: ReadParams) -> str:
    """Return the name of the reader, a module of this package, that a file is for.

    Raises
    ------
    FormatError
        If there is none; the message says what is read.
    """
    if reading.pdal:
        return "pdal_reader"
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read: {error.strerror or error}") from None
    if not start:
        raise FormatError(f"{path.name}: the file is empty (0 bytes); deliver it again")
    name = path.name.lower()
    if start[:4] == b"LASF" or name.endswith((".las", ".laz")):
        return "las"
    if name == EPT_NAME:
        return "ept"
    if start[:8] == b"ASTM-E57" or name.endswith(".e57"):
        return "e57"
    if start[:3] == b"ply" or name.endswith(".ply"):
        return "ply"
    if name.endswith(_TEXT_SUFFIXES) or reading.columns:
        return "text"
    raise FormatError(f"{path.name}: not a LAS file (it does not begin with LASF), nor any other that is read: {_READ}")


def is_point_file(path: Path, reading: ReadParams | None = None) -> bool:
    """Whether a file in a folder is a delivery by its name; hidden ones are not, other text is if columns are named."""
    suffixes = (*SUFFIXES, *_TEXT_SUFFIXES) if reading is not None and reading.columns else SUFFIXES
    is_part = path.parent.name == "ept-data" and (path.parent.parent / EPT_NAME).is_file()
    is_named = path.name.lower().endswith(suffixes) and not path.name.startswith(".")
    return is_named and not is_part and not path.is_dir()
