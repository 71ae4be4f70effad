"""Points of a store as 3D Tiles 1.1, one store tile in memory at a time.

Above the store's tiles stands a quadtree of overviews; below each, a binary tree of its own points, in its own file.
Refinement adds: every point is in exactly one glb. Which points go up is settled by their level of detail and then by a
hash of their coordinates, so the choice does not depend on the order of files or tiles.

The trees are written out (explicit tiling). Implicit tiling would save these files, a hundredth of the bytes, but it
cuts boxes into equal parts, and the cells of a projected grid are not boxes in any one frame on the Earth: points would
lie outside their tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tiles.tiles3d.overview import Cell, overview_forest
from tiles.tiles3d.placement import Frame, Heights, Placement
from tiles.tiles3d.pointglb import Cloud, cloud_glb
from tiles.tiles3d.publish import ExportSummary, combine, measure, replaced_folder
from tiles.tiles3d.survey import PointSource, Survey, read_survey
from tiles.tiles3d.tileset import Box, Tile, json_text, tileset_document
from tiles.tiles3d.tree import Node, build_tree
from twin.errors import ConfigError, StageError
from twin.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tiles.manifest import TileRow

__all__ = ["PointTileParams", "export_points"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointTileParams:
    """How points are cut into tiles and drawn."""

    points_per_tile: int = 40_000
    """Wanted number in one glb; 20 000 to 60 000 result, the leftovers of small tiles aside. Files of 1 000 points
    double the bytes, files of 200 000 stall a viewer."""
    error_per_spacing: float = 8.0
    """Declared error over the spacing of a tile's points. At a viewer's usual limit of 16 pixels, 8 means that finer
    points come when those on the screen stand 2 pixels apart."""
    geoid_separation_m: float | None = None
    """Height of the datum's zero above the ellipsoid, metres (see `Heights`); None: not known, and said so."""
    by_class: bool = False
    """Colour by class even where the survey has colours."""
    without_classes: tuple[int, ...] = ()
    """ASPRS classes to leave out; noise is 7 and 18."""

    def __post_init__(self) -> None:
        if self.points_per_tile < 1 or self.error_per_spacing <= 0:
            raise ConfigError(f"points_per_tile and error_per_spacing must be positive: {self}")


def export_points(
    out_dir: str | Path,
    store: PointSource,
    labels_run: str | None = None,
    params: PointTileParams | None = None,
    progress: Progress | None = None,
) -> ExportSummary:
    """Write ``out_dir/points/`` and an ``out_dir/tileset.json`` that loads it (and buildings, if they are there).

    The folder appears whole or not at all.

    Parameters
    ----------
    out_dir
        Folder of the export; made if missing.
    store
        Where the points are (`tiles.store.Store`).
    labels_run
        Run whose labels are the classes; the classes as delivered if None.
    params
        Tiling and drawing; the defaults if None.
    progress
        Told the points done.

    Raises
    ------
    StageError
        If there is no point to write.
    FormatError
        If something else stands at ``out_dir/points``.

    Notes
    -----
    About 0.8 million points a second on one core. Memory: one store tile (some 100 bytes a point of the largest), and
    60 000 points for each level of the overview above it.
    """
    settings = params or PointTileParams()
    listener = progress or Silent()
    rows = store.tiles()
    if not rows:
        raise StageError("no points to export; ingest survey files first")
    heights = Heights(vertical=store.vertical, geoid_separation_m=settings.geoid_separation_m)
    out = Path(out_dir)
    listener.start("3dtiles points", sum(row.n_points for row in rows), "points")
    with replaced_folder(out / "points") as work:
        for name in ("content", "trees"):
            (work / name).mkdir()
        job = _Job(
            store=store,
            labels_run=labels_run,
            params=settings,
            placement=Placement(crs=store.crs, heights=heights),
            folder=work,
            progress=listener,
        )
        root, n_points = job.write(overview_forest(rows))
        extras = {
            "crs": store.crs.code,
            "points": n_points,
            "classes": labels_run or "delivered",
            **heights.statement(),
        }
        (work / "tileset.json").write_text(json_text(tileset_document(root, extras)), encoding="utf-8")
    combine(out)
    listener.finish()
    files, n_bytes = measure(out / "points")
    return ExportSummary(files=files, bytes=n_bytes, points=n_points)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Basket:
    """What tiles have handed up to one overview so far."""

    cell: Cell
    capacity: int
    parts: list[Survey]

    def share(self, row: TileRow) -> int:
        """Return how many of a tile's points belong here: all of few, else the tile's share of the area."""
        if self.cell.n_points <= self.capacity + self.capacity // 2:
            return row.n_points
        return max(self.capacity >> (2 * (row.tile.z - self.cell.address[0])), 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Job:
    """What one export works with."""

    store: PointSource
    labels_run: str | None
    params: PointTileParams
    placement: Placement
    folder: Path
    progress: Progress

    def write(self, tops: Sequence[Cell]) -> tuple[Tile, int]:
        """Write everything below `tops`; return the root and the number of points in it."""
        found = [self.visit(top, ()) for top in tops]
        children = [tile for tile, _ in found if tile is not None]
        if not children:
            raise StageError("no points to export: every point is of a class that is left out")
        n_points = sum(n for _, n in found)
        if len(children) == 1:
            return children[0], n_points
        error = max(tile.geometric_error_m for tile in children)
        diagonal = max(tile.box().diagonal_m for tile in children)
        return Tile(frame=children[0].frame, geometric_error_m=error + diagonal, children=tuple(children)), n_points

    def visit(self, cell: Cell, above: tuple[_Basket, ...]) -> tuple[Tile | None, int]:
        """Write a cell's glbs; return its tile, if it has one, and how many points are in it or were handed up."""
        if not cell.children:
            return self.write_store_tile(cell, above)
        basket = _Basket(cell=cell, capacity=self.params.points_per_tile, parts=[])
        found = [self.visit(child, (*above, basket)) for child in cell.children]
        children = tuple(tile for tile, _ in found if tile is not None)
        n_points = sum(n for _, n in found)
        frame = self.placement.frame(*cell.center)
        own = Survey.joined(basket.parts) if basket.parts else None
        if own is None or not len(own):
            if not children:
                return None, n_points
            error = max(child.geometric_error_m for child in children)
            return Tile(frame=frame, geometric_error_m=error, children=children), n_points
        return self.write_content(f"content/{cell.name}.glb", own, frame, children), n_points

    def write_store_tile(self, cell: Cell, above: tuple[_Basket, ...]) -> tuple[Tile | None, int]:
        """Hand the foremost points up, write the others as a tree of their own."""
        (row,) = cell.tiles
        survey, order = read_survey(
            self.store, row, self.labels_run, by_class=self.params.by_class, without=self.params.without_classes
        )
        for basket in above:
            given = basket.share(row)
            basket.parts.append(survey.take(order[:given]))
            order = order[given:]
        self.progress.advance(row.n_points)
        if not len(order):
            return None, len(survey)
        frame = self.placement.frame(*cell.center)
        bounds = self.store.grid.bounds(row.tile)
        node = build_tree(survey.xyz[:, 0], survey.xyz[:, 1], order, bounds, self.params.points_per_tile)
        (self.folder / "content" / cell.name).mkdir()
        top = self.write_node(node, survey, frame, cell.name)
        address = f"trees/{cell.name}.json"
        document = tileset_document(top, {}, parent=frame)
        (self.folder / address).write_text(json_text(document), encoding="utf-8")
        holder = Tile(frame=frame, geometric_error_m=top.geometric_error_m, content=address, content_box=top.box())
        return holder, len(survey)

    def write_node(self, node: Node, survey: Survey, frame: Frame, name: str) -> Tile:
        """Write a node and those below it; addresses are relative to the ``trees`` folder."""
        children = tuple(self.write_node(child, survey, frame, name) for child in node.children)
        return self.write_content(f"../content/{name}/{node.key}.glb", survey.take(node.index), frame, children)

    def write_content(self, address: str, survey: Survey, frame: Frame, children: tuple[Tile, ...]) -> Tile:
        """Write one glb and return its tile."""
        cloud = Cloud(
            positions=self.placement.local(frame, *survey.xyz.T),
            colours=survey.colours,
            classes=survey.classes,
            intensity=survey.intensity,
        )
        data, box = cloud_glb(cloud)
        (self.folder / address.removeprefix("../")).write_bytes(data)
        error = 0.0
        if children:
            own = self.params.error_per_spacing * spacing_m(box, len(survey))
            error = max(own, *(child.geometric_error_m for child in children))
        return Tile(frame=frame, geometric_error_m=error, content=address, content_box=box, children=children)


def spacing_m(box: Box, n_points: int) -> float:
    """Return the mean distance of neighbours, metres, if `n_points` lie evenly over a box seen from above."""
    east, north, _ = box.high - box.low
    return float(np.sqrt(max(east * north, 1e-6) / n_points))
