"""Wavefront OBJ: triangles in groups by building and kind of surface, with a material for each kind.

The format has no reference system, no attributes, and no faces with holes, and its readers cut faces that are not
convex wrongly: hence triangles, whose vertices the faces of a building share, so that closed stays closed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tiles.atomic import atomic_path, write_text
from tiles.mesh.frame import LocalFrame, MeshFacts
from tiles.mesh.pieces import pieces, things
from tiles.tiles3d.colours import SURFACE_COLOURS
from tiles.tiles3d.solids import SURFACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import TextIO

    from tiles.mesh.pieces import Item, Piece
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["write_obj"]

AXES = "x east, y north, z up"


def write_obj(
    path: Path, items: Iterable[Item], *, crs: HorizontalCrs, vertical: VerticalDatum, lineage: Any = None
) -> MeshFacts:
    """Write the solid of the highest level of each building, and what stands beside buildings.

    Parameters
    ----------
    path
        File to create or replace, atomically; ``STEM.mtl`` and ``STEM.origin.json`` are written beside it before.
    items
        Buildings, terrain, bridges, water and trees in any order; metres of `crs`, heights above `vertical`.
    crs, vertical
        What the coordinates are in; the file counts from an origin that its comments and the JSON file tell.
    lineage
        JSON-able account of where the model came from, for the JSON file.

    Returns
    -------
    MeshFacts
        The files, and how much is in them.

    Raises
    ------
    StageError
        If there is nothing to write.
    """
    found = things(items)
    frame = LocalFrame.around(found, crs, vertical)
    materials, sidecar = path.with_suffix(".mtl"), path.with_suffix(".origin.json")
    facts = {**frame.statement(AXES), "objects": len(found), "lineage": lineage}
    write_text(sidecar, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    write_text(materials, _materials())
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
        _head(out, frame, materials.name)
        n_vertices = 0
        for piece in pieces(found):
            _write_piece(out, piece, n_vertices, frame)
            n_vertices += len(piece.thing.solid.vertices)
    return MeshFacts.of(found, path, materials, sidecar)


def _head(out: TextIO, frame: LocalFrame, materials: str) -> None:
    x0, y0, z0 = frame.origin
    out.write(f"# city model, metres: {AXES}\n# origin {x0:.0f} {y0:.0f} {z0:.0f} in {frame.crs.code}, ")
    out.write(f"heights above {frame.vertical}: add it to x, y, z\nmtllib {materials}\n")


def _write_piece(out: TextIO, piece: Piece, n_before: int, frame: LocalFrame) -> None:
    """Write one building, whose vertices come after so many others."""
    name = _token(piece.thing.id)
    out.write(f"o {name}\n")
    places = (piece.thing.solid.vertices - frame.origin).tolist()
    out.writelines(f"v {x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in places)
    for surface, triangles in piece.triangles:
        out.write(f"g {name} {surface}\nusemtl {surface}\ns off\n")
        corners = (piece.vertex[triangles] + n_before + 1).tolist()
        out.writelines(f"f {a} {b} {c}\n" for a, b, c in corners)


def _token(name: str) -> str:
    """Return an id as one word: names of the format end at a blank, and a mark begins a comment."""
    return re.sub(r"[\s#]", "_", name)


def _materials() -> str:
    return "".join(_material_lines())


def _material_lines() -> Iterator[str]:
    for surface, colour in zip(SURFACES, SURFACE_COLOURS, strict=True):
        red, green, blue = (channel / 255 for channel in colour)
        yield f"newmtl {surface}\nKd {red:.4f} {green:.4f} {blue:.4f}\nKs 0 0 0\nd 1\nillum 1\n"
