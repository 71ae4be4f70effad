"""How an export appears: whole, or not at all."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.atomic import atomic_folder, write_text
from tiles.tiles3d.tileset import json_text
from twin import __version__
from twin.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ExportSummary", "combine", "measure", "replaced_folder"]

_PARTS = ("buildings", "points")
_GENERATOR = f"city-twin {__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary:
    """What an export wrote."""

    files: int
    """Number of files of this part, its ``tileset.json`` included."""
    bytes: int
    """Their size."""
    buildings: int = 0
    """Buildings written, each once."""
    points: int = 0
    """Points written, each once."""
    left_out: tuple[str, ...] = ()
    """Ids of buildings that have nothing to draw: no face, or vertices that are no numbers."""


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to write into; it becomes `target` when the block ends well and vanishes when it does not.

    An earlier export at `target` stays readable until then.

    Raises
    ------
    FormatError
        If something stands at `target` that is no 3D Tiles export of ours: it is not overwritten.
    """
    require_ours(target)
    with atomic_folder(target) as work:
        yield work


def require_ours(target: Path) -> None:
    """Refuse to replace a folder that this program did not write.

    Raises
    ------
    FormatError
        If `target` is a file, or a folder with something else in it.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        extras = json.loads((target / "tileset.json").read_text(encoding="utf-8"))["asset"]["extras"]
        ours = str(extras["generator"]).startswith("city-twin ")
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise FormatError(f"{target}: stands there already and is no 3D Tiles export of ours; choose another place")


def combine(out: Path) -> None:
    """Write ``tileset.json`` in `out` that loads the parts which stand there, each as an external tileset."""
    children = []
    for name in _PARTS:
        path = out / name / "tileset.json"
        if path.is_file():
            children.append(_holder(name, json.loads(path.read_text(encoding="utf-8"))))
    error = max(child["geometricError"] for child in children)
    document = {
        "asset": {"version": "1.1", "extras": {"generator": _GENERATOR}},
        "geometricError": error,
        "root": {
            "boundingVolume": {"sphere": _sphere_around([child["boundingVolume"]["box"] for child in children])},
            "geometricError": error,
            "refine": "ADD",
            "children": children,
        },
    }
    write_text(out / "tileset.json", json_text(document))


def measure(folder: Path) -> tuple[int, int]:
    """Return the number of files below `folder` and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _holder(name: str, tileset: dict[str, Any]) -> dict[str, Any]:
    """Return the tile that holds an external tileset, its box turned into the Earth's axes."""
    box = np.array(tileset["root"]["boundingVolume"]["box"]).reshape(4, 3)
    frame = np.array(tileset["root"]["transform"]).reshape(4, 4).T
    placed = box @ frame[:3, :3].T
    placed[0] += frame[:3, 3]
    return {
        "boundingVolume": {"box": placed.ravel().tolist()},
        "geometricError": tileset["geometricError"],
        "content": {"uri": f"{name}/tileset.json"},
    }


def _sphere_around(boxes: list[list[float]]) -> list[float]:
    """Return centre and radius of a sphere around boxes, about the mean of their centres."""
    parts = np.array(boxes).reshape(-1, 4, 3)
    center = parts[:, 0].mean(axis=0)
    reach = np.linalg.norm(parts[:, 0] - center, axis=1) + np.linalg.norm(parts[:, 1:].reshape(len(parts), -1), axis=1)
    return [*center.tolist(), float(reach.max())]
