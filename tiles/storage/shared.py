"""One small file of a store in an object store: many read it, the holder of the lock writes it.

The writer works on a copy of its own. Every few seconds, and at the end, the copy is sent by a conditional write that
names the version it came from; if somebody else wrote in between, that fails and nothing is overwritten. Readers keep a
copy too, and ask before each use whether it is still the newest: the answer costs one request and no bytes.
"""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tiles.storage.lease import Lease
from tiles.storage.objects import ConflictError, ObjectPath, put_if
from tiles.storage.scratch import scratch_folder
from twin.errors import StoreError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiles.storage.places import Place

__all__ = ["PUBLISH_EVERY_S", "publish", "reading_copy", "writing_copy", "writing_shared"]

PUBLISH_EVERY_S = 3.0
"""Least seconds between two sendings while a job runs: what a killed client can lose of finished tiles."""
_SHARE_OF_TIME = 0.05
"""Most of the time that sending may take; a large file goes less often."""
_TICK_S = 0.25
_COPIES_KEPT = 4
"""Versions that slow readers of this process may still have open."""

_writers: dict[ObjectPath, _Writer] = {}
_copies: dict[ObjectPath, list[tuple[str, Path]]] = {}
_mutex = threading.Lock()


@contextmanager
def reading_copy(place: Place) -> Iterator[Path]:
    """Yield the file as it is now, as one on this machine.

    Raises
    ------
    StoreError
        If there is none.
    """
    if isinstance(place, Path):
        yield place
    elif place in _writers:
        with _writers[place].mutex:
            yield _writers[place].file
    else:
        yield _newest(place)


@contextmanager
def writing_copy(place: Place) -> Iterator[Path]:
    """Yield the file to be changed; others see the change after the next sending.

    Raises
    ------
    StoreError
        If this process does not hold the lock, or lost it.
    """
    if isinstance(place, Path):
        yield place
        return
    writer = _writers.get(place)
    if writer is None:
        raise StoreError(f"{place}: only the holder of the store's lock writes it")
    writer.check()
    with writer.mutex:
        yield writer.file
        writer.is_changed = True


def publish(place: Place) -> None:
    """Make all changes so far visible to others; what is removed afterwards is missed by nobody.

    Raises
    ------
    StoreError
        If somebody else wrote the file, or the lock was lost.
    """
    if isinstance(place, ObjectPath) and place in _writers:
        _writers[place].publish()


@contextmanager
def writing_shared(place: ObjectPath, lock: ObjectPath, what: str) -> Iterator[None]:
    """Be the file's only writer until the block ends.

    Parameters
    ----------
    place
        The file.
    lock
        Object of the lock.
    what
        What is written, for messages.

    Raises
    ------
    StoreError
        If another process (or another thread of this one) writes it, or the lock was lost meanwhile.
    """
    lease = Lease(lock, what)
    writer = _Writer(place, lease)
    try:
        writer.start()
        _writers[place] = writer
        yield
        writer.stop()
        writer.publish()
    except UnreachableError:
        writer.stop()
        lease.abandon()
        raise  # nothing can be sent now; the lock of a dead process is not kept
    except BaseException:
        writer.stop()
        writer.publish()  # what was finished before stays
        lease.release()
        raise
    else:
        lease.release()
    finally:
        _writers.pop(place, None)


class _Writer:
    """The copy that is written, and a thread that renews the lock and sends the copy."""

    def __init__(self, place: ObjectPath, lease: Lease) -> None:
        self.place, self.lease = place, lease
        self.mutex = threading.RLock()
        self.is_changed = False
        self.file = scratch_folder() / f"writing-{uuid.uuid4().hex}.sqlite"
        self._sending = threading.Lock()
        self._failure: StoreError | None = None
        self._due = time.monotonic() + PUBLISH_EVERY_S
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="object-store-writer", daemon=True)

    def start(self) -> None:
        """Fetch the file and begin."""
        try:
            state = self.place.state()
        except FileNotFoundError:
            raise StoreError(f"{self.place} is missing; restore it") from None
        assert state is not None
        self.file.write_bytes(state.content)
        self._e_tag = state.e_tag
        self._thread.start()

    def check(self) -> None:
        """Raise what the thread met."""
        self.lease.check()
        if self._failure is not None:
            raise self._failure

    def publish(self) -> None:
        """Send the copy if it changed."""
        self.check()
        with self._sending:
            with self.mutex:
                if not self.is_changed:
                    return
                content = self.file.read_bytes()
                self.is_changed = False
            started = time.monotonic()
            try:
                self._e_tag = put_if(self.place, content, self._e_tag)
            except ConflictError:
                text = (
                    f"{self.place}: somebody else wrote it meanwhile; nothing of theirs was overwritten, run it again"
                )
                raise StoreError(text) from None
            except UnreachableError:
                self.is_changed = True
                raise
            took = time.monotonic() - started
            self._due = time.monotonic() + max(PUBLISH_EVERY_S, took / _SHARE_OF_TIME)

    def stop(self) -> None:
        """End the thread."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        self.file.with_name(f"{self.file.name}-journal").unlink(missing_ok=True)

    def _tick(self) -> None:
        while not self._end.wait(_TICK_S):
            self.lease.renew()
            if self.is_changed and time.monotonic() > self._due:
                try:
                    self.publish()
                except UnreachableError:
                    continue  # tried again; if it lasts, the lease runs out and says so
                except StoreError as error:
                    self._failure = error
                    return


def _newest(place: ObjectPath) -> Path:
    """Return this process's copy, fetched again if it is no longer the newest."""
    with _mutex:
        copies = _copies.setdefault(place, [])
        try:
            state = place.state(unless=copies[-1][0] if copies else "")
        except FileNotFoundError:
            raise StoreError(f"{place} is missing: a store without its manifest; restore that object") from None
        if state is not None:
            target = scratch_folder() / f"reading-{uuid.uuid4().hex}.sqlite"
            target.write_bytes(state.content)
            copies.append((state.e_tag, target))
            for _, old in copies[:-_COPIES_KEPT]:
                old.unlink(missing_ok=True)
            del copies[:-_COPIES_KEPT]
        return copies[-1][1]
