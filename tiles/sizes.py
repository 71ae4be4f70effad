"""How many bytes each column of a store's points takes at rest."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.store import Store

__all__ = ["METADATA", "column_bytes"]

METADATA = "metadata"
"""What the ``zarr.json`` of all columns are summed up as."""


def column_bytes(store: Store) -> dict[str, int]:
    """Return the bytes of each column of all tiles, largest first; a column with nothing but zeros takes none.

    Notes
    -----
    Looks at every file's length: about 20 000 files a second on a local disk.
    """
    sizes: Counter[str] = Counter()
    for row in store.tiles():
        folder = store.path / store.tile_path(row)
        for directory, _, names in os.walk(folder):
            for name in names:
                size = os.stat(os.path.join(directory, name)).st_size  # noqa: PTH116, PTH118 - thrice as fast
                sizes[_column(folder, directory, name)] += size
    return dict(sizes.most_common())


def _column(folder: Path, directory: str, name: str) -> str:
    if name == "zarr.json":
        return METADATA
    return os.path.relpath(directory, folder).replace(os.sep, "/").removesuffix("/c")
