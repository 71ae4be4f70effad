"""One binary glTF of the whole model: a node a building, with its facts, and a material for each kind of surface.

For drawing programs and game engines, where a building is to be picked, hidden or given another look by its name. For
a city in a browser there are 3D Tiles, which load piece by piece.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.atomic import atomic_path
from tiles.mesh.frame import LocalFrame, MeshFacts
from tiles.mesh.pieces import pieces, things
from tiles.tiles3d.buildings import y_up
from tiles.tiles3d.colours import surface_colours
from tiles.tiles3d.glb import ComponentType, GlbBuilder, Target
from tiles.tiles3d.solids import SURFACES
from twin.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tiles.mesh.pieces import Item, Piece
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

    Shape = tuple[NDArray[np.float32], NDArray[np.float32], list[tuple[str, NDArray[np.uint32]]]]

__all__ = ["write_glb"]

AXES = "x east, y up, z south"

_MAX_BYTES = 2_000_000_000
"""Of positions and normals: with indices and text the container, which counts in 32 bits, holds twice that."""

_CORNER_BYTES = 24
"""Of a position and a normal."""

Json = dict[str, Any]


def write_glb(
    path: Path, items: Iterable[Item], *, crs: HorizontalCrs, vertical: VerticalDatum, lineage: Any = None
) -> MeshFacts:
    """Write the solid of the highest level of each building, and what stands beside buildings.

    Parameters
    ----------
    path
        File to create or replace, atomically.
    items
        Buildings, terrain, bridges, water and trees in any order; metres of `crs`, heights above `vertical`.
    crs, vertical
        What the coordinates are in. The scene counts from an origin that `asset.extras` tells; each building's node
        stands at whole metres of its own, so that 32-bit coordinates keep the tenth of a millimetre.
    lineage
        JSON-able account of where the model came from.

    Returns
    -------
    MeshFacts
        The file, and how much is in it.

    Raises
    ------
    StageError
        If there is nothing to write, or the file would not fit its own format.

    Notes
    -----
    About 2 to 5 kB of file and 17 kB of memory a building; everything is held until it is written.
    """
    found = things(items)
    frame = LocalFrame.around(found, crs, vertical)
    scene = _Scene(frame)
    for piece in pieces(found):
        scene.add(piece)
    with atomic_path(path) as temporary:
        temporary.write_bytes(scene.to_bytes({**frame.statement(AXES), "objects": len(found), "lineage": lineage}))
    return MeshFacts.of(found, path)


class _Scene:
    """Collects nodes, and all positions, normals and indices in three views that the buildings share."""

    def __init__(self, frame: LocalFrame) -> None:
        self._frame = frame
        self._nodes: list[Json] = []
        self._shapes: list[Shape] = []
        self._n_corners = 0

    def add(self, piece: Piece) -> None:
        """Add a building: its corners count from whole metres of its own."""
        thing = piece.thing
        corner = np.floor(thing.solid.vertices.min(axis=0))
        self._nodes.append(
            {
                "name": thing.id,
                "mesh": len(self._nodes),
                "translation": y_up((corner - self._frame.origin)[None])[0].tolist(),
                "extras": _json_able({"type": thing.type, **thing.facts}),
            }
        )
        self._shapes.append(
            (
                y_up(piece.positions - corner).astype("<f4"),
                y_up(piece.normals).astype("<f4"),
                [(kind, triangles.astype("<u4")) for kind, triangles in piece.triangles],
            )
        )
        self._n_corners += len(piece.positions)
        if self._n_corners * _CORNER_BYTES > _MAX_BYTES:
            raise StageError("the model does not fit one glTF file; export 3dtiles, which are many files")

    def to_bytes(self, extras: Json) -> bytes:
        """Return the file."""
        builder = GlbBuilder()
        views = self._views(builder)
        meshes = self._meshes(builder, views)
        builder.root |= {
            "asset": {"version": "2.0", "generator": "city-twin", "extras": extras},
            "scene": 0,
            "scenes": [{"nodes": [len(self._nodes)]}],
            "nodes": [*self._nodes, {"name": "city", "children": list(range(len(self._nodes)))}],
            "meshes": meshes,
            "materials": _materials(self._kinds()),
        }
        return builder.to_bytes()

    def _kinds(self) -> list[str]:
        """Return the kinds of surface that there are, in the order of their materials."""
        used = {kind for shape in self._shapes for kind, _ in shape[2]}
        return [kind for kind in SURFACES if kind in used]

    def _views(self, builder: GlbBuilder) -> tuple[int, int, int]:
        positions = b"".join(shape[0].tobytes() for shape in self._shapes)
        normals = b"".join(shape[1].tobytes() for shape in self._shapes)
        indices = b"".join(triangles.tobytes() for shape in self._shapes for _, triangles in shape[2])
        return (
            builder.add_view(positions, target=Target.VERTICES, stride=12),
            builder.add_view(normals, target=Target.VERTICES, stride=12),
            builder.add_view(indices, target=Target.INDICES),
        )

    def _meshes(self, builder: GlbBuilder, views: tuple[int, int, int]) -> list[Json]:
        meshes = []
        kinds = self._kinds()
        corner_at = index_at = 0
        for node, (positions, _, by_kind) in zip(self._nodes, self._shapes, strict=True):
            n = len(positions)
            box = {"min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist()}
            attributes = {
                "POSITION": builder.add_accessor(views[0], ComponentType.FLOAT, n, "VEC3", byteOffset=corner_at, **box),
                "NORMAL": builder.add_accessor(views[1], ComponentType.FLOAT, n, "VEC3", byteOffset=corner_at),
            }
            primitives = []
            for kind, triangles in by_kind:
                accessor = builder.add_accessor(
                    views[2], ComponentType.UNSIGNED_INT, triangles.size, "SCALAR", byteOffset=index_at
                )
                primitives.append({"attributes": attributes, "indices": accessor, "material": kinds.index(kind)})
                index_at += triangles.nbytes
            meshes.append({"name": node["name"], "primitives": primitives})
            corner_at += positions.nbytes
        return meshes


def _materials(kinds: Sequence[str]) -> list[Json]:
    colours = surface_colours(np.array([SURFACES.index(kind) for kind in kinds])) / 255.0
    return [
        {
            "name": kind,
            "pbrMetallicRoughness": {
                "baseColorFactor": [*(round(channel, 4) for channel in colour), 1.0],
                "metallicFactor": 0.0,
                "roughnessFactor": 1.0,
            },
        }
        for kind, colour in zip(kinds, colours.tolist(), strict=True)
    ]


def _json_able(values: Mapping[str, Any]) -> Json:
    """Return what holds a value; JSON has no word for a number that is none."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    }
