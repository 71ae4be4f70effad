"""Which files a command line means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["expand_sources"]

_SUFFIXES = {".las", ".laz"}


def expand_sources(given: Iterable[str | Path], root: Path | None = None) -> list[Path]:
    """Return the files meant by paths and folders, folders in sorted order; relative to `root` if given.

    Raises
    ------
    ConfigError
        If a path does not exist or a folder holds no LAS or LAZ.
    """
    files: list[Path] = []
    for entry in given:
        path = (root / entry) if root is not None else Path(entry)
        if path.is_dir():
            found = sorted(child for child in path.rglob("*") if child.suffix.lower() in _SUFFIXES)
            if not found:
                raise ConfigError(f"{path}: no .las or .laz file in this folder")
            files.extend(found)
        elif path.exists():
            files.append(path)
        else:
            raise ConfigError(f"{path}: no such file")
    return files
