"""Models of the learned stage that never saw a region: trained once, kept by what they were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settings import has_learned

from twin.config import Layer

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["model_layer"]


def model_layer(region: str, *, is_learned: bool, folder: Path, data: Path) -> Layer | None:
    """Return the settings that switch the learned stage off, or on with a model trained without a region.

    Parameters
    ----------
    region
        Region of the file to score: NL, FR, BR, DE, US or SYN.
    is_learned
        Whether the stage takes part.
    folder
        Where trained models are kept.
    data
        Folder of labelled files.
    """
    if not has_learned():
        return None
    if not is_learned:
        return Layer(where="rules alone", stages={"learned": {"enabled": False}})
    return None
