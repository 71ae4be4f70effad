"""A store's points back as LAZ, one file a tile, with our classes in place of the delivered ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiles.las_write import LasParams, write_las
from twin.progress import Progress, Silent

if TYPE_CHECKING:
    from pathlib import Path

    from tiles.manifest import TileRow
    from tiles.store import Store

__all__ = ["export_laz"]

_PROVENANCE = ("lod", "source", "source_index")


def export_laz(store: Store, out: Path, labels_run: str | None = None, progress: Progress | None = None) -> list[Path]:
    """Write ``out/<z>_<x>_<y>.laz`` for each tile, in LAS 1.4.

    Every delivered attribute and extra byte goes out as it came in; the CRS is compound where the datum has a code.

    Parameters
    ----------
    store
        Where the points are.
    out
        Folder, made if missing; files of the same names are replaced, each atomically.
    labels_run
        Run whose labels become the classification; the delivered classes if None.
    progress
        Hears of points.

    Returns
    -------
    list of Path
        The files, in order of the tiles' addresses.
    """
    listener = progress or Silent()
    rows = store.tiles()
    out.mkdir(parents=True, exist_ok=True)
    listener.start("export laz", sum(row.n_points for row in rows), "points")
    files = []
    for row in rows:
        files.append(_write_tile(store, row, out, labels_run))
        listener.advance(row.n_points)
    listener.finish()
    return files


def _write_tile(store: Store, row: TileRow, out: Path, labels_run: str | None) -> Path:
    names = [name for name in row.columns if name not in _PROVENANCE]
    points = store.read_tile(row.tile, names)
    if labels_run is not None:
        points = points.with_attributes(classification=store.read_labels(labels_run, row.tile)[0])
    extra = tuple((name, points[name].dtype.str) for name in names if name.startswith("extra/"))
    params = LasParams(
        point_format=8 if "nir" in names else 7 if "red" in names else 6,
        scale_m=store.scale[0],
        offset=store.offset,
        extra=extra,
    )
    path = out / f"{str(row.tile).replace('/', '_')}.laz"
    write_las(path, points, params, crs=store.crs, vertical=store.vertical)
    return path
