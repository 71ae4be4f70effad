"""One writer at a time in an object store: a lock object with a lease that its owner renews.

The object is replaced only by conditional writes, so of two that want it one gets it. A dead owner's lease runs out; if
it died on this very machine it is not even waited for. An owner whose lock was taken learns of it at the next renewal,
and its manifest is refused anyway, because the other's stands there.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiles.storage.objects import ConflictError, ObjectPath, put_if
from twin.errors import StoreError, UnreachableError

if TYPE_CHECKING:
    from tiles.storage.objects import ObjectState

__all__ = ["LEASE_S", "Lease"]

LEASE_S = 60.0
"""Seconds for which a lock holds without renewal: three renewals may fail, or a kernel keep the interpreter busy."""
_held: set[ObjectPath] = set()
"""Locks that this process holds and knows of."""


class Lease:
    """A lock that this process holds."""

    def __init__(self, lock: ObjectPath, what: str, lease_s: float = LEASE_S) -> None:
        """Take the lock.

        Parameters
        ----------
        lock
            Its object.
        what
            What it guards, for messages.
        lease_s
            Seconds for which it holds without renewal.

        Raises
        ------
        StoreError
            If another process holds it; the message names the owner.
        """
        self._lock, self._what, self._lease_s = lock, what, lease_s
        self._reason = ""
        self._renewed = time.monotonic()
        try:
            self._e_tag = put_if(lock, self._content(), _free(lock, what))
        except ConflictError:
            raise StoreError(
                f"{what} is being written by another process; wait for it to end, then try again"
            ) from None
        _held.add(lock)

    def renew(self) -> None:
        """Hold on, if a quarter of the lease is over; a failure is kept for `check`."""
        now = time.monotonic()
        if self._reason or now - self._renewed < self._lease_s / 4:
            return
        try:
            self._e_tag = put_if(self._lock, self._content(), self._e_tag)
            self._renewed = now
        except ConflictError:
            self._reason = "another process took it"
        except UnreachableError as error:
            if time.monotonic() - self._renewed > self._lease_s:
                self._reason = f"it could not be renewed: {error}"

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises
        ------
        StoreError
            If it was lost.
        """
        if self._reason:
            raise StoreError(
                f"{self._what}: the lock was lost, {self._reason}; run it again, it goes on from what was recorded"
            )

    def release(self) -> None:
        """Let go; a lock that was lost already stays the other's."""
        self.abandon()
        if not self._reason:
            put_if(self._lock, b"{}", self._e_tag)

    def abandon(self) -> None:
        """Forget the lock without telling the service, which does not answer; this process may take it again."""
        _held.discard(self._lock)

    def _content(self) -> bytes:
        owner = {
            "owner": f"process {os.getpid()} on {socket.gethostname()}",
            "machine": _machine(),
            "pid": os.getpid(),
            "lease_s": self._lease_s,
            "turn": uuid.uuid4().hex,
        }
        return json.dumps(owner, sort_keys=True).encode()


def _free(lock: ObjectPath, what: str) -> str:
    """Return the ETag of a lock that can be taken, empty if there is none yet.

    Raises
    ------
    StoreError
        If it is held.
    """
    try:
        state = lock.state()
    except FileNotFoundError:
        return ""
    if state is None:
        return ""
    held = json.loads(state.content)
    if held and not _is_dead(lock, held, state):
        until = state.modified + timedelta(seconds=float(held["lease_s"]))
        raise StoreError(
            f"{what} is being written by {held['owner']}; wait for it to end, then try again"
            f" (if it died, after {until:%H:%M:%S} UTC)"
        )
    return state.e_tag


def _is_dead(lock: ObjectPath, held: dict[str, Any], state: ObjectState) -> bool:
    if held["machine"] == _machine():
        if held["pid"] == os.getpid():
            return lock not in _held
        try:
            os.kill(int(held["pid"]), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
    return datetime.now(UTC) - state.modified > timedelta(seconds=float(held["lease_s"]))


def _machine() -> str:
    """Return what tells where a process number means something: this boot, these processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"unknown {uuid.uuid4().hex}"
