"""The synthetic buildings as a survey: a store for the model stage, LAS and GeoPackage for whole runs and peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely
from cases import sample
from kinds import GROUND_M

from tiles.las_write import write_las
from tiles.rasters import create_rasters, tile_frame, write_raster_block
from tiles.store import Store
from tiles.vectors import write_gpkg
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.points import PointClass, Points
from twin.vertical import TP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from cases import Case

    from tiles.manifest_rows import TileRow

__all__ = ["COPY_M", "CRS", "TERRAIN_RUN", "copies_of", "make_store", "survey_of", "write_outlines", "write_survey"]

CRS = "EPSG:6677"
TERRAIN_RUN = "ground"
COPY_M = 1024.0
"""Distance between copies of a field of up to six rows; tiles of 512 m are not shared between them."""
_GROUND_DENSITY = 0.5
_RING_M = 8.0


def survey_of(found: Sequence[Case]) -> tuple[Points, dict[str, shapely.Polygon]]:
    """Return the points of all buildings, those beside them in a row too, and every outline by its id."""
    clouds, outlines = [], {}
    for case in found:
        one = sample(case)
        clouds.append(one.around.xyz)
        outlines[case.id] = one.outline
        outlines |= {truth.id: truth.footprint for truth, _ in one.built.neighbours}
    xyz = np.concatenate(clouds)
    label = np.full(len(xyz), PointClass.BUILDING, np.uint8)
    points = Points(x=xyz[:, 0].copy(), y=xyz[:, 1].copy(), z=xyz[:, 2].copy(), attributes={"classification": label})
    return points, outlines


def make_store(folder: Path, pieces: Iterable[Points], edge_m: float) -> Store:
    """Make a store with the points, and a terrain run whose ground is the true one.

    Parameters
    ----------
    folder
        Where the store is created.
    pieces
        Points with their classification; no two pieces may share a tile.
    edge_m
        Edge of the tiles, metres.
    """
    store = Store.create(folder, crs=parse_crs(CRS), vertical=TP, tile_edge_m=edge_m)
    with store.writing():
        tiles = []
        for piece in pieces:
            rows = list(_written(store, piece))
            store.manifest.commit_tiles(rows)
            tiles += [row.tile for row in rows]
        create_rasters(store, TERRAIN_RUN, {"dtm": (np.float32, {"is_height": True})}, 0.5)
        for tile in tiles:
            shape = tile_frame(store, tile, 0.5).shape
            write_raster_block(store, TERRAIN_RUN, "dtm", tile, np.full(shape, GROUND_M, np.float32))
    return store


def _written(store: Store, points: Points) -> Iterator[TileRow]:
    """Write the tiles that hold points."""
    points = points.take(np.argsort(points.x, kind="stable"))
    for tile in store.grid.tiles_over(Bounds.around(points.x, points.y)):
        bounds = store.grid.bounds(tile)
        low, high = np.searchsorted(points.x, [bounds.xmin, bounds.xmax])
        near = points.take(slice(int(low), int(high)))
        inside = bounds.contains(near.x, near.y)
        if inside.any():
            yield store.write_tile(tile, near.take(inside))


def copies_of(points: Points, copies: int) -> Iterator[Points]:
    """Yield the same points again and again, each `COPY_M` farther north: whole tiles of 512 m."""
    for k in range(copies):
        yield Points(x=points.x, y=points.y + COPY_M * k, z=points.z, attributes=points.attributes)


def write_outlines(path: Path, outlines: dict[str, shapely.Polygon]) -> None:
    """Write outlines as GeoPackage."""
    table = gpd.GeoDataFrame({"id": list(outlines)}, geometry=list(outlines.values()), crs=CRS)
    write_gpkg(path, {"buildings": table})


def write_survey(folder: Path, found: Sequence[Case]) -> int:
    """Write ``survey.las`` with buildings (6) and ground around them (2), and ``outlines.gpkg``; returns the points."""
    folder.mkdir(parents=True, exist_ok=True)
    roofs, outlines = survey_of(found)
    rng = np.random.default_rng(1)
    ground = []
    for outline in outlines.values():
        xmin, ymin, xmax, ymax = outline.buffer(_RING_M).bounds
        n = int(_GROUND_DENSITY * (xmax - xmin) * (ymax - ymin))
        xy = rng.uniform((xmin, ymin), (xmax, ymax), (n, 2))
        ground.append(xy[~shapely.contains_xy(outline, xy[:, 0], xy[:, 1])])
    xy = np.concatenate(ground)
    tree = shapely.STRtree(list(outlines.values()))
    beside = np.ones(len(xy), np.bool_)
    beside[tree.query(shapely.points(xy), predicate="within")[0]] = False
    xy = np.round(xy[beside], 3)
    label = np.concatenate([roofs["classification"], np.full(len(xy), PointClass.GROUND, np.uint8)])
    points = Points(
        x=np.concatenate([roofs.x, xy[:, 0]]), y=np.concatenate([roofs.y, xy[:, 1]]),
        z=np.concatenate([roofs.z, np.round(GROUND_M + rng.normal(0.0, 0.03, len(xy)), 3)]),
        attributes={"classification": label},
    )  # fmt: skip
    write_las(folder / "survey.las", points, crs=parse_crs(CRS), vertical=TP)
    write_outlines(folder / "outlines.gpkg", outlines)
    return len(points)
