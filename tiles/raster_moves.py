"""Chunks of rasters whose area grew: they move to their new numbers as they are, without being decoded.

In an object store nothing moves at once. All is copied beside the old, then a mark says that the copy is whole, and
only then is the old replaced: who died on the way is finished by the next, and no chunk is ever without a copy.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tiles.storage import ObjectPath, copy_object, files_below, in_parallel, remove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from twin.raster import Frame

__all__ = ["finish_move", "move_chunks", "replace_rasters"]

_COMPLETE = "complete"
_ROOT = "zarr.json"


def move_chunks(old: Path, new: Path, frames: tuple[Frame, Frame], cells: int) -> None:
    """Copy the chunks that still lie inside the area to their numbers in the new frame.

    Parameters
    ----------
    old, new
        Folders of the run's rasters; the new one has its arrays already.
    frames
        Cells of the area before and after.
    cells
        Cells along a chunk's edge.
    """
    for source, target in _renumbered(files_below(old), _arrays(new), frames, cells):
        (new / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(old / source, new / target)


def replace_rasters(target: ObjectPath, beside: ObjectPath, new: Path, frames: tuple[Frame, Frame], cells: int) -> None:
    """Put new rasters in the place of old ones of an object store, with the chunks that still lie inside the area.

    Parameters
    ----------
    target
        Rasters of the run.
    beside
        Where the copy is made.
    new
        Folder with the new arrays, still without chunks.
    frames, cells
        As for `move_chunks`.
    """
    remove(beside)
    moves = list(_renumbered(files_below(target), _arrays(new), frames, cells))
    in_parallel(lambda move: copy_object(target / move[0], beside / "rasters" / move[1]), moves)
    for name, file in files_below(new).items():
        (beside / "rasters" / name).write(file)
    (beside / _COMPLETE).write(b"")
    finish_move(target, beside)


def finish_move(target: ObjectPath, beside: ObjectPath) -> None:
    """Replace the rasters at `target` by a whole copy, if there is one; harmless when repeated."""
    if not (beside / _COMPLETE).is_file():
        return
    remove(target)
    names = list(files_below(beside / "rasters"))
    in_parallel(lambda name: copy_object(beside / "rasters" / name, target / name), [n for n in names if n != _ROOT])
    copy_object(beside / "rasters" / _ROOT, target / _ROOT)
    remove(beside)


def _arrays(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob(f"*/{_ROOT}")} - {"x", "y", "spatial_ref"}


def _renumbered(
    names: Iterable[str], arrays: set[str], frames: tuple[Frame, Frame], cells: int
) -> Iterator[tuple[str, str]]:
    """Yield (old, new) of the names ``<array>/c/<row>/<column>`` that lie inside the new frame."""
    before, after = frames
    if before.resolution_m != after.resolution_m:
        return
    down = (after.row0 + after.rows - before.row0 - before.rows) // cells
    right = (before.column0 - after.column0) // cells
    for name in names:
        parts = name.split("/")
        if len(parts) != 4 or parts[1] != "c" or parts[0] not in arrays:
            continue
        row, column = int(parts[2]) + down, int(parts[3]) + right
        if 0 <= row < after.rows // cells and 0 <= column < after.columns // cells:
            yield name, f"{parts[0]}/c/{row}/{column}"
