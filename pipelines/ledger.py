"""Writing down what is finished, often enough that a killed job loses little, seldom enough that it costs little."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["Ledger"]

T = TypeVar("T")

_LARGEST_SHARE = 0.05
"""Share of the time that may go into writing: each transaction waits for the disk, 11 ms on an ordinary one."""


@dataclass(slots=True)
class Ledger(Generic[T]):
    """A context that hands what is added to `write`, several at once if they come faster than it can keep up.

    A tile that took seconds is written down at once. Tiles of ten points finish every few milliseconds: they share a
    transaction, and a kill loses the last fraction of a second.
    """

    write: Callable[[Sequence[T]], None]
    """Writes down some things in one transaction."""
    _waiting: list[T] = field(default_factory=list, init=False, repr=False)
    _due: float = field(default=0.0, init=False, repr=False)

    def __enter__(self) -> Ledger[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def add(self, thing: T) -> None:
        """Note one thing."""
        self._waiting.append(thing)
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Write down all that waits."""
        if not self._waiting:
            return
        started = time.monotonic()
        self.write(self._waiting)
        self._waiting = []
        ended = time.monotonic()
        self._due = ended + (ended - started) / _LARGEST_SHARE
