"""Buildings as 3D Tiles 1.1: solids that a viewer can pick, each with its facts.

Large buildings sit in the upper tiles and small ones below, each in exactly one: seen from afar a city shows its
towers first, and the error that a tile declares follows from the largest building not yet shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tiles.tiles3d.colours import surface_colours
from tiles.tiles3d.glb import ComponentType, GlbBuilder, Target
from tiles.tiles3d.metadata import Property, add_property_table, settle_properties
from tiles.tiles3d.placement import Frame, Heights, Placement
from tiles.tiles3d.publish import ExportSummary, combine, measure, replaced_folder
from tiles.tiles3d.solids import Mesh, mesh_of
from tiles.tiles3d.tileset import Box, Tile, json_text, tileset_document
from tiles.tiles3d.tree import Node, build_tree, quadtree_cell
from twin.bounds import Bounds
from twin.errors import ConfigError, StageError
from twin.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from twin.building import Building
    from twin.crs import HorizontalCrs
    from twin.vertical import VerticalDatum

__all__ = ["BuildingTileParams", "export_buildings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingTileParams:
    """How buildings are cut into tiles and drawn."""

    buildings_per_tile: int = 1000
    """Wanted number in one glb, at most 40 000; half to one and a half times as many result. 1000 LoD1 prisms take
    about 1 MB: one request, well under what a frame can upload."""
    error_per_size: float = 4.0
    """Declared error over the size of the largest building not shown yet. At a viewer's usual limit of 16 pixels, 4
    means that none larger than 4 pixels is missing."""
    geoid_separation_m: float | None = None
    """Height of the datum's zero above the ellipsoid, metres (see `Heights`); None: not known, and said so."""
    extra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further facts by building id, such as flood depth and rank; they come after the building's own."""

    def __post_init__(self) -> None:
        if not 1 <= self.buildings_per_tile <= 40_000:  # feature ids are 16 bits wide
            raise ConfigError(f"buildings_per_tile must be from 1 to 40000: {self.buildings_per_tile}")
        if self.error_per_size <= 0:
            raise ConfigError(f"error_per_size must be positive: {self.error_per_size}")


def export_buildings(  # noqa: PLR0913 - what to write, where, and in which reference systems
    out_dir: str | Path,
    buildings: Sequence[Building],
    crs: HorizontalCrs,
    vertical: VerticalDatum,
    params: BuildingTileParams | None = None,
    progress: Progress | None = None,
) -> ExportSummary:
    """Write ``out_dir/buildings/`` and an ``out_dir/tileset.json`` that loads it (and points, if they are there).

    The folder appears whole or not at all. The order of `buildings` does not matter.

    Parameters
    ----------
    out_dir
        Folder of the export; made if missing.
    buildings
        With unique ids; vertices in metres of `crs`, heights above `vertical`.
    crs, vertical
        What the coordinates are in.
    params
        Tiling and drawing; the defaults if None.
    progress
        Told the buildings done.

    Raises
    ------
    StageError
        If there is no building to write.
    FormatError
        If something else stands at ``out_dir/buildings``.

    Notes
    -----
    About 5 000 to 9 000 LoD1 buildings a second on one core, 1 200 bytes each. Memory: the buildings, and one
    tile's mesh.
    """
    settings = params or BuildingTileParams()
    listener = progress or Silent()
    ordered = sorted((b for b in buildings if is_drawable(b)), key=lambda b: b.id)
    if not ordered:
        raise StageError("no buildings to export; run the model stage first, or look at its list of failures")
    rows = [facts(b) | dict(settings.extra.get(b.id, {})) for b in ordered]
    heights = Heights(vertical=vertical, geoid_separation_m=settings.geoid_separation_m)
    out = Path(out_dir)
    listener.start("3dtiles buildings", len(ordered), "buildings")
    boxes = np.array([[b.solid.vertices.min(axis=0), b.solid.vertices.max(axis=0)] for b in ordered])
    with replaced_folder(out / "buildings") as work:
        (work / "content").mkdir()
        job = _Job(
            buildings=ordered,
            rows=rows,
            properties=settle_properties(rows, descriptions(vertical)),
            placement=Placement(crs=crs, heights=heights),
            folder=work,
            progress=listener,
            error_per_size=settings.error_per_size,
            sizes_m=np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1),
        )
        root = job.tile(_tree(boxes, job.sizes_m, settings.buildings_per_tile))
        extras = {"crs": crs.code, "buildings": len(ordered), **heights.statement()}
        (work / "tileset.json").write_text(json_text(tileset_document(root, extras)), encoding="utf-8")
    combine(out)
    listener.finish()
    files, n_bytes = measure(out / "buildings")
    left_out = tuple(sorted(b.id for b in buildings if not is_drawable(b)))
    return ExportSummary(files=files, bytes=n_bytes, buildings=len(ordered), left_out=left_out)


def is_drawable(building: Building) -> bool:
    """Whether a building has a solid with at least one face, a kind for each, and finite vertices."""
    solid = building.solid
    return bool(solid.faces) and len(solid.faces) == len(solid.semantics) and bool(np.isfinite(solid.vertices).all())


def facts(building: Building) -> dict[str, Any]:
    """Return what a viewer can ask of a building, by published names."""
    return {
        "id": building.id,
        "lod": building.lod,
        "measuredHeight": building.measured_height_m,
        "groundHeight": building.ground_m,
        "roofHeight": building.roof_m,
        "rmse": building.rmse_m,
        "nPoints": building.n_points,
        **building.attributes,
    }


def descriptions(vertical: VerticalDatum) -> dict[str, str]:
    """Return what the columns mean, those of `facts` and those that an overlay adds."""
    return {
        "id": "stable identifier",
        "lod": "level of detail of the solid",
        "measuredHeight": "highest roof point after dropping the top 5 %, metres above groundHeight",
        "groundHeight": f"base of the solid, metres above {vertical}",
        "roofHeight": f"top of an LoD1 solid, metres above {vertical}",
        "rmse": "root mean square distance of the roof points to the model, metres",
        "nPoints": "building points inside the outline",
        "floodDepth": "deepest water at the building, metres",
        "floodRank": "rank of that depth on the scale of the flood scenario",
    }


def building_glb(mesh: Mesh, properties: Sequence[Property], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the glb of one tile.

    Parameters
    ----------
    mesh
        Triangles in the tile's east-north-up frame, metres.
    properties
        Columns of the property table.
    rows
        Facts, one row per feature number of `mesh`.
    """
    builder = GlbBuilder()
    wide = len(mesh.positions) > np.iinfo(np.uint16).max  # the largest value restarts primitives and is no index
    indices = mesh.triangles.ravel().astype("<u4" if wide else "<u2")
    attributes = {
        "POSITION": builder.add_vertices(y_up(mesh.positions).astype(np.float32), ComponentType.FLOAT, extent=True),
        "NORMAL": builder.add_vertices(_unit(y_up(mesh.normals)), ComponentType.FLOAT),
        "COLOR_0": builder.add_vertices(
            _opaque(surface_colours(mesh.surface)), ComponentType.UNSIGNED_BYTE, normalized=True
        ),
        "_FEATURE_ID_0": builder.add_vertices(mesh.feature.astype(np.uint16), ComponentType.UNSIGNED_SHORT),
    }
    index_view = builder.add_view(indices.tobytes(), target=Target.INDICES)
    component = ComponentType.UNSIGNED_INT if wide else ComponentType.UNSIGNED_SHORT
    index_accessor = builder.add_accessor(index_view, component, len(indices), "SCALAR")
    builder.use("EXT_mesh_features")
    feature_ids = [{"featureCount": len(rows), "attribute": 0, "propertyTable": 0}]
    primitive = {
        "attributes": attributes,
        "indices": index_accessor,
        "material": 0,
        "extensions": {"EXT_mesh_features": {"featureIds": feature_ids}},
    }
    builder.root |= {
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
    }
    add_property_table(builder, properties, rows, table="building")
    return builder.to_bytes()


def y_up(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn east, north, up into glTF's axes: x east, y up, z south; shape (n, 3)."""
    return np.stack([positions[:, 0], positions[:, 2], -positions[:, 1]], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Job:
    """What one export works with."""

    buildings: Sequence[Building]
    rows: Sequence[Mapping[str, Any]]
    properties: Sequence[Property]
    placement: Placement
    folder: Path
    progress: Progress

    error_per_size: float
    sizes_m: NDArray[np.float64]
    """Per building the diagonal of its box, shape (n,)."""

    def tile(self, node: Node) -> Tile:
        """Write a node's glb, then those below it."""
        members = [self.buildings[i] for i in node.index]
        vertices = [b.solid.vertices for b in members]
        stacked = np.concatenate(vertices)
        middle = (stacked.min(axis=0) + stacked.max(axis=0)) / 2
        frame: Frame = self.placement.frame(*middle.tolist())
        places = self.placement.local(frame, *stacked.T)
        splits = np.cumsum([len(v) for v in vertices])[:-1]
        mesh = mesh_of([b.solid for b in members], np.split(places, splits))
        address = f"content/{node.key}.glb"
        (self.folder / address).write_bytes(building_glb(mesh, self.properties, [self.rows[i] for i in node.index]))
        self.progress.advance(len(members))
        children = tuple(self.tile(child) for child in node.children)
        below = [i for child in node.children for inner in child.walk() for i in inner.index]
        return Tile(
            frame=frame,
            geometric_error_m=self.error_per_size * float(self.sizes_m[below].max()) if below else 0.0,
            content=address,
            content_box=Box.around(mesh.positions),
            children=children,
        )


def _tree(boxes: NDArray[np.float64], sizes_m: NDArray[np.float64], capacity: int) -> Node:
    """Arrange buildings by the middle of their boxes (n, low or high, axis), large ones first, ids settling ties."""
    x, y = boxes[:, :, 0].mean(axis=1), boxes[:, :, 1].mean(axis=1)
    return build_tree(x, y, np.argsort(-sizes_m, kind="stable"), quadtree_cell(Bounds.around(x, y)), capacity)


def _unit(normals: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return float32 normals whose length is 1 to float32's last digit."""
    unit: NDArray[np.float32] = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _opaque(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([colours, np.full((len(colours), 1), 255, dtype=np.uint8)], axis=1)
