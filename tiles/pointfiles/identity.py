"""What tells one delivered source from another, and a source from itself after a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tiles.atomic import tree_checksum
from tiles.pointfiles.kinds import kind_of
from twin.config import digest

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.point_header import ReadParams

__all__ = ["FileState", "digest_of", "state_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """How a source stands on the disk; two equal ones mean that nobody wrote to it in between."""

    size: int
    """Bytes."""
    modified_ns: int
    """Time of the last change."""


def state_of(path: Path) -> FileState:
    """Return how a source stands on the disk now.

    Raises
    ------
    OSError
        If it is not there or cannot be looked at.
    """
    facts = path.stat()
    return FileState(size=facts.st_size, modified_ns=facts.st_mtime_ns)


def digest_of(path: Path, reading: ReadParams) -> str:
    """Return a digest (32 hex digits) of a source's bytes, and of how it is read where that changes what comes of it.

    Raises
    ------
    OSError
        If it cannot be read.

    Notes
    -----
    Reads the file once, at about 0.9 GB/s per core.
    """
    own = tree_checksum(path)
    matters = _facts_that_matter(path, reading)
    return digest(own, matters) + digest(matters, own) if matters else own


def _facts_that_matter(path: Path, reading: ReadParams) -> dict[str, Any]:
    """Return what the user said that changes what comes of this file, and nothing that does not."""
    facts: dict[str, Any] = {}
    if reading.bbox is not None:
        facts["bbox"] = list(reading.bbox)
    if kind_of(path, reading) == "text":
        facts |= {"columns": reading.columns} if reading.columns else {}
        facts |= {"bad_rows_share": reading.bad_rows_share} if reading.bad_rows_share else {}
    return facts
