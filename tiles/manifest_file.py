"""The manifest's file: connections to read and to write, and its errors in words.

SQLite in write-ahead mode. Every operation opens its own connection, so no ``-wal`` file stays behind. In an object
store every process works on a copy (`tiles.storage.shared`).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tiles import storage
from tiles.atomic import atomic_path, is_full
from tiles.storage import ObjectPath
from twin.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiles.storage import Place

__all__ = ["create_file", "reading", "writing"]


def create_file(path: Place, schema: str) -> None:
    """Create a file with empty tables, whole or not at all; one that is there already is replaced."""
    with atomic_path(path) as temporary:
        # A copy that travels has no log beside it.
        mode = "DELETE" if isinstance(path, ObjectPath) else "WAL"
        with _told(path), closing(sqlite3.connect(temporary)) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.executescript(schema)


@contextmanager
def reading(path: Place) -> Iterator[sqlite3.Connection]:
    """Open a connection that only reads.

    Raises
    ------
    StoreError
        If the file is broken, or cannot be reached; also where the block's own queries find that out.
    """
    # A write-ahead database needs a writable folder with room even to be read, unless it is declared immutable.
    # The last connection must be able to write, or the log stays behind.
    with storage.reading_copy(path) as file:
        mode = "rw" if os.access(file.parent, os.W_OK) and not _is_stuck(file) else "ro&immutable=1"
        with _told(path), closing(_connect(f"{file.absolute().as_uri()}?mode={mode}")) as connection:
            connection.execute("PRAGMA query_only = ON")
            yield connection


@contextmanager
def writing(path: Place) -> Iterator[sqlite3.Connection]:
    """Open one transaction; it becomes true when the block ends, and not at all if the block fails.

    Raises
    ------
    StoreError
        If the file is broken, the disk is full, or another process writes it.
    """
    with (
        storage.writing_copy(path) as file,
        _told(path),
        closing(_connect(f"{file.absolute().as_uri()}?mode=rw")) as connection,
        connection,
    ):
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def _is_stuck(file: Path) -> bool:
    """Whether the disk is full and nothing waits in the log, so that nobody can be writing."""
    log = file.with_name(file.name + "-wal")
    return is_full(file.parent) and not (log.exists() and log.stat().st_size)


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=30.0, isolation_level=None)


@contextmanager
def _told(path: Place) -> Iterator[None]:
    """Turn SQLite's errors into ours, with the file and the way out."""
    try:
        yield
    except sqlite3.IntegrityError:  # a fault of this program, not of the disk
        raise
    except sqlite3.DatabaseError as error:
        if isinstance(path, Path) and is_full(path.parent):
            raise StoreError(f"{path}: the disk is full; make room and run it again, it goes on from there") from None
        ways = {"disk I/O": "look after the disk", "locked": "another process writes it"}
        way = next((way for word, way in ways.items() if word in str(error)), "restore that file from a copy")
        raise StoreError(f"{path}: {error}; {way}, then try again") from None
