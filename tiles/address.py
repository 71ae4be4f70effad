"""Where a store is, and which of its survey epochs is meant: the text ``STORE#2024``.

What comes after the last ``#`` names the epoch. ``STORE#`` means the unnamed one, and a text without ``#`` leaves the
choice to the store. A `Path` is a folder and nothing else, whatever signs its name has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twin.errors import StoreError

if TYPE_CHECKING:
    from tiles.manifest import Manifest
    from tiles.storage import Place

__all__ = ["checked_epoch", "chosen_epoch", "join_address", "split_address"]

_NAME = re.compile(r"\w[\w.+-]{0,39}")
"""A word of at most 40 letters, digits, ``_ . + -``, in any script: it stands in addresses, titles and reports."""


def split_address(address: str | Place) -> tuple[str | Place, str | None]:
    """Return the place of a store, and the epoch that is asked for; None if none is.

    Raises
    ------
    StoreError
        If the epoch's name is none.

    Examples
    --------
    >>> split_address("survey/store#2024")
    ('survey/store', '2024')
    >>> split_address("survey/store")
    ('survey/store', None)
    """
    if not isinstance(address, str):
        return address, None
    place, mark, epoch = address.rpartition("#")
    return (place, checked_epoch(epoch)) if mark else (address, None)


def join_address(place: str, epoch: str) -> str:
    """Return the text that `split_address` takes apart."""
    return f"{place}#{epoch}"


def checked_epoch(name: str) -> str:
    """Return the name of a survey epoch, which may be empty.

    Raises
    ------
    StoreError
        If it is no short word.
    """
    if name and _NAME.fullmatch(name) is None:
        raise StoreError(
            f"epoch {name!r}: give it a short name of letters, digits and _ . + -, such as 2024 or 2024-10"
        )
    return name


def chosen_epoch(manifest: Manifest, place: Place, epoch: str | None, *, new_epoch: bool) -> Manifest:
    """Return the rows of the epoch that an address names, or of the newest that has points if it names none.

    Parameters
    ----------
    manifest
        Of the store at `place`.
    place
        For the message.
    epoch
        From `split_address`.
    new_epoch
        Also take an epoch that had no delivery yet.

    Raises
    ------
    StoreError
        If the store has no such epoch; the message lists those that it has.
    """
    if epoch is None:
        return manifest.of_epoch(next(reversed(manifest.epoch_names(with_points=True)), ""))
    names = manifest.epoch_names()
    if epoch not in names and not new_epoch and (names or epoch):
        there = ", ".join(join_address(str(place), name) for name in names) or "none yet"
        raise StoreError(f"{place}: no {f'epoch {epoch!r}' if epoch else 'unnamed epoch'}; there are: {there}")
    return manifest.of_epoch(epoch)
