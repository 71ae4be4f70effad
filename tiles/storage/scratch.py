"""A process's own folder for what is on its way to or from an object store.

It is removed when the process ends. One that was killed leaves its folder behind, and the next process removes it: a
folder whose lock file nobody holds has no owner.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import threading
from pathlib import Path

__all__ = ["scratch_folder"]

_PREFIX = f"twin-objects-{os.getuid()}-"
_HELD = "held"
_own: tuple[int, Path] | None = None
_mutex = threading.Lock()


def scratch_folder() -> Path:
    """Return the folder, made at the first call.

    Notes
    -----
    It lies where `tempfile` puts things (``TMPDIR``) and holds one tile or one fragment a task, and one or two copies
    of the manifest.
    """
    global _own
    with _mutex:
        if _own is None or _own[0] != os.getpid():
            _remove_orphans(Path(tempfile.gettempdir()))
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
            descriptor = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # let go of by the operating system, however the process ends
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            _own = os.getpid(), folder
        return _own[1]


def _remove_orphans(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(folder / _HELD, os.O_RDWR)
        except OSError:
            continue  # being made or being removed by another process
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its owner lives
        finally:
            os.close(descriptor)
