"""Reading a tile: its columns at rest become points in metres, all of them or those in a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tiles.codecs import chunk_length
from tiles.columns import dequantised, read_columns
from tiles.revisions import COORDINATES
from twin.points import Points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tiles.manifest_rows import TileRow
    from tiles.store import Store
    from twin.bounds import Bounds

__all__ = ["read_points", "read_points_inside"]


def read_points(store: Store, row: TileRow, columns: Sequence[str] | None) -> Points:
    """Return a tile's points in stored order, with the named attributes; with all it has if None."""
    names = row.columns if columns is None else columns
    read = read_columns(store.path / store.tile_path(row), (*COORDINATES, *names))
    x, y, z = (dequantised(read.pop(name), store.scale[i], store.offset[i]) for i, name in enumerate(COORDINATES))
    return Points(x=x, y=y, z=z, attributes=read)


def read_points_inside(
    store: Store, row: TileRow, window: Bounds, columns: Sequence[str] | None, labels_run: str | None
) -> Points:
    """Return the points of a tile that lie in a window, decoding attributes only in chunks that have some.

    Parameters
    ----------
    store, row
        The tile.
    window
        Half-open, in metres.
    columns
        Attributes; all the tile has if None.
    labels_run
        Also read that run's labels, as the attribute ``label``.
    """
    folder = store.path / store.tile_path(row)
    plane = read_columns(folder, ("X", "Y"))
    x, y = (dequantised(plane[name], store.scale[axis], store.offset[axis]) for axis, name in enumerate(("X", "Y")))
    inside = window.contains(x, y)
    chunk = chunk_length(row.n_points)
    starts = np.arange(0, row.n_points, chunk)
    chunks = np.logical_or.reduceat(inside, starts)
    within = inside[np.repeat(chunks, chunk)[: row.n_points]]
    names = row.columns if columns is None else columns
    rest = read_columns(folder, ("Z", *names), chunks)
    if labels_run is not None:
        labels = store.path / store.labels_path(labels_run, row.tile)
        rest["label"] = read_columns(labels, ("label",), chunks)["label"]
    picked = {name: column[within] for name, column in rest.items()}
    z = dequantised(picked.pop("Z"), store.scale[2], store.offset[2])
    return Points(x=x[inside], y=y[inside], z=z, attributes=picked)
