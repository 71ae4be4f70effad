"""How a long job tells where it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """A listener that a stage reports to; the command line draws it, tests count it."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a stage of `total` units (``points``, ``tiles``, ``buildings``)."""

    def advance(self, n: int) -> None:
        """Report `n` more units done."""

    def finish(self) -> None:
        """End the stage."""


class Silent:
    """A listener that does not listen."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """Ignore the start."""

    def advance(self, n: int) -> None:
        """Ignore the step."""

    def finish(self) -> None:
        """Ignore the end."""
