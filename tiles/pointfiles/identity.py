"""What tells one delivered source from another, and a source from itself after a change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiles.atomic import tree_checksum
from tiles.pointfiles.kinds import EPT_NAME, kind_of
from twin.config import digest
from twin.errors import FormatError

if TYPE_CHECKING:
    import os

    from tiles.point_header import ReadParams

__all__ = ["FileState", "digest_of", "require_unchanged", "state_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """How a source stands on the disk; two equal ones mean that nobody wrote to it in between."""

    size: int
    """Bytes."""
    modified_ns: int
    """Time of the last change, as the file system keeps it and no program can set it back."""


def state_of(path: Path) -> FileState:
    """Return how a source stands on the disk now.

    Raises
    ------
    FormatError
        If it is not there or cannot be looked at.
    """
    try:
        return _state_now(path)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read: {error.strerror}") from None


def require_unchanged(path: Path, before: FileState, when: str) -> None:
    """Refuse a source that is another than when it was looked at; `when` ends "it changed", for people.

    Raises
    ------
    FormatError
        If somebody wrote to it or took it away.
    """
    try:
        now = _state_now(path)
    except OSError as error:
        raise FormatError(f"{path.name}: vanished {when} ({error.strerror})") from None
    if now != before:
        raise FormatError(f"{path.name}: changed {when}; deliver it again when it is complete")


def _state_now(path: Path) -> FileState:
    facts = path.stat()
    if path.name == EPT_NAME:
        parts = [facts, *(entry.stat() for entry in _parts_of_ept(path))]
        return FileState(size=sum(part.st_size for part in parts), modified_ns=max(map(_changed_ns, parts)))
    return FileState(size=facts.st_size, modified_ns=_changed_ns(facts))


def _changed_ns(facts: os.stat_result) -> int:
    """Return the later of the times of content and of inode: the second moves even where tools restore the first."""
    return max(facts.st_mtime_ns, facts.st_ctime_ns)


def digest_of(path: Path, reading: ReadParams) -> str:
    """Return a digest (32 hex digits) of a source's bytes, and of how it is read where that changes what comes of it.

    Raises
    ------
    OSError
        If it cannot be read.

    Notes
    -----
    Of an EPT folder the index and the hierarchy are read, and names and sizes of its nodes; not their bytes.
    Reads the file once, at about 0.9 GB/s per core.
    """
    own = tree_checksum(path)
    if path.name == EPT_NAME:
        listing = [(entry.parent.name, entry.name, entry.stat().st_size) for entry in _parts_of_ept(path)]
        own = digest(own, tree_checksum(path.parent / "ept-hierarchy")) + digest(listing, own)
    matters = _facts_that_matter(path, reading)
    return digest(own, matters) + digest(matters, own) if matters else own


def _parts_of_ept(path: Path) -> list[Path]:
    """Return the pages and nodes beside an ``ept.json``, in order of their names."""
    folders = (path.parent / "ept-hierarchy", path.parent / "ept-data")
    return sorted(entry for folder in folders if folder.is_dir() for entry in folder.iterdir())


def _facts_that_matter(path: Path, reading: ReadParams) -> dict[str, Any]:
    """Return what the user said that changes what comes of this file, and nothing that does not."""
    facts: dict[str, Any] = {}
    if reading.bbox is not None:
        facts["bbox"] = list(reading.bbox)
    if reading.pdal:
        facts["pdal"] = tree_checksum(Path(reading.pdal))
    elif kind_of(path, reading) == "text":
        facts |= {"columns": reading.columns} if reading.columns else {}
        facts |= {"bad_rows_share": reading.bad_rows_share} if reading.bad_rows_share else {}
    return facts
