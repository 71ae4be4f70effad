"""What ``twin score`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.store import Store
    from twin.cli.session import Session

__all__ = ["labels", "model"]


def labels(session: Session, store: Store, within: str) -> None:
    """Compare the newest labels with the classes as delivered."""


def model(session: Session, store: Store, reference: Path) -> None:
    """Compare the newest buildings with a reference."""
