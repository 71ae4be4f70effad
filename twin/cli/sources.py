"""Which files a command line means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tiles.pointfiles import SUFFIXES, ReadParams, is_point_file
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["expand_sources"]


def expand_sources(
    given: Iterable[str | Path], root: Path | None = None, reading: ReadParams | None = None
) -> list[Path]:
    """Return the files meant by paths and folders, folders in sorted order, each once; relative to `root` if given.

    Hidden files in a folder (such as ``._strip.las``, which macOS leaves on other people's disks) are not deliveries.
    Text files of other names than ``.xyz`` and ``.pts`` are, if `reading` names their columns.

    Raises
    ------
    ConfigError
        If a path does not exist or a folder holds no file of points.
    """
    files: list[Path] = []
    for entry in given:
        path = (root / entry) if root is not None else Path(entry)
        if path.is_dir():
            found = sorted(child for child in path.rglob("*") if is_point_file(child, reading))
            if not found:
                raise ConfigError(f"{path}: no file of points ({', '.join(SUFFIXES)}) in this folder")
            files.extend(found)
        elif path.exists():
            files.append(path)
        else:
            raise ConfigError(f"{path}: no such file")
    unique: dict[Path, Path] = {}
    for file in files:
        unique.setdefault(file.absolute(), file)
    return list(unique.values())
