"""Real buildings: Delft's block, whose outlines are given, and single buildings that were cut out of a survey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import laspy
import numpy as np
import shapely
from judge import verdicts
from measure import figures_of
from modelling import flat_ground, model_outlines
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.footprints import Outline, clean, derive_outlines, outline_of_points
from pipelines.model import ModelParams
from pipelines.terrain import TerrainParams, derive_terrain
from tiles.pointfiles import read_points
from tiles.vectors import read_shapes
from twin.bounds import Bounds
from twin.crs import parse_crs
from twin.errors import FootprintError
from twin.points import PointClass, Points
from twin.raster import Frame, Raster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from twin.building import Building

__all__ = ["agreement", "best_shares", "run_ahn", "run_delft"]

_LOWEST_SHARE = 0.01
"""Share of the points of a building without ground around it that lie below its base: strays."""
_STOREY_M = 2.5
_OVERLAP = 0.1
"""Share of the smaller of two blocks that they must have in common to be compared."""
_TOUCH_M = 0.2
"""Half the gap between outlines that still touch, metres."""


def run_delft(data: Path, work: Path, say: Callable[[str], None], lod: str, method: str) -> dict[str, Any]:
    """Model the outlines of Delft's block from the delivered classes, and draw outlines of the same points."""
    points = _points([data / "lidar" / f"delft_ahn3_{k}.laz" for k in "ab"])
    label = points["label"]
    roofs = points.take(label == PointClass.BUILDING)
    params = ModelParams()
    crs = parse_crs("EPSG:28992")
    given = clean(read_shapes(data / "vector" / "delft_bgt_buildings.geojson", crs), params)
    terrain = _terrain(points)
    rows, buildings = _modelled(given.outlines, roofs, terrain, lod, method)
    result = {"rows": rows, "verdicts": verdicts(buildings, work / "delft", say)}
    own = Bounds.around(roofs.x, roofs.y).buffered(1.0)
    derived, _ = derive_outlines(roofs.x, roofs.y, roofs.z, own, params)
    true, found = ([o.polygon for o in outlines] for outlines in (given.outlines, derived))
    whole, each = agreement(true, found)
    return result | {
        "iou_area": whole, "iou_groups": each, "iou_houses": best_shares(true, found), "refused": len(given.refused),
    }  # fmt: skip


def run_ahn(data: Path, work: Path, say: Callable[[str], None], lod: str, method: str) -> dict[str, Any]:
    """Model buildings that come without outline and without ground.

    The ground is where the lowest points of the walls end, a hundredth of them left out as strays; where no wall was
    scanned it is a storey below the middle of the roof.
    """
    rows: list[dict[str, Any]] = []
    buildings: list[Building] = []
    for path in sorted((data / "buildings_ahn").glob("*.ply"), key=lambda path: int(path.stem)):
        cloud = read_points(path)
        xyz = np.column_stack([cloud.x, cloud.y, cloud.z])
        try:
            outline = Outline(id=f"ahn-{path.stem}", polygon=outline_of_points(xyz, ModelParams()))
        except FootprintError as error:
            rows.append({"id": f"ahn-{path.stem}", "points": len(xyz), "lod": "none", "reason": str(error)})
            continue
        low, middle = np.quantile(xyz[:, 2], [_LOWEST_SHARE, 0.5])
        ground = flat_ground([outline], float(min(low, middle - _STOREY_M)))
        found, made = _modelled([outline], cloud, ground, lod, method)
        # What the outline left out is told too: all points of the file count in `share_inside`.
        rows += [row | {"share_inside": round(row["points"] / len(xyz), 3)} for row in found]
        buildings += made
    return {"rows": rows, "verdicts": verdicts(buildings, work / "ahn", say)}


def _modelled(
    outlines: Sequence[Outline], roofs: Points, terrain: Raster, lod: str, method: str
) -> tuple[list[dict[str, Any]], list[Building]]:
    modelled = list(model_outlines(outlines, (roofs.x, roofs.y, roofs.z), terrain, method, lod))
    return [figures_of(each) for each in modelled], [each.building for each in modelled if each.building is not None]


def _points(paths: Sequence[Path]) -> Points:
    files = [laspy.read(path) for path in paths]
    x, y, z = (np.concatenate([np.asarray(file[axis], np.float64) for file in files]) for axis in "xyz")
    label, rank = (
        np.concatenate([np.asarray(file[name], np.uint8) for file in files])
        for name in ("classification", "return_number")
    )
    return Points(x=x, y=y, z=z, attributes={"label": label, "return_number": rank})


def _terrain(points: Points) -> Raster:
    """Ground as the terrain stage makes it of the delivered classes."""
    params = TerrainParams()
    window = Bounds.around(points.x, points.y).snapped(params.step_m)
    frame = Frame.covering(window, params.resolution_m)
    return Raster(values=derive_terrain(points, frame, params)["dtm"], frame=frame, crs="EPSG:28992")


def agreement(true: Sequence[shapely.Polygon], derived: Sequence[shapely.Polygon]) -> tuple[float, list[float]]:
    """Intersection over union of derived outlines and given ones.

    Points do not show party walls, so outlines that touch count as one block on both sides, and blocks that overlap
    those of the other side by a tenth of the smaller are compared as one group. Derived outlines that overlap nothing
    given are left out: the given ones may cover only a part of the survey.

    Returns
    -------
    tuple
        IoU of the area of all groups together, and of each group; a block without a derived outline has 0.
    """
    given, found = _blocks(true), _blocks(derived)
    tree = shapely.STRtree(found)
    links = [
        (i, int(j))
        for i, block in enumerate(given)
        for j in tree.query(block, predicate="intersects")
        if block.intersection(found[j]).area > _OVERLAP * min(block.area, found[j].area)
    ]
    rows, columns = [i for i, _ in links], [len(given) + j for _, j in links]
    n = len(given) + len(found)
    group = connected_components(coo_array((np.ones(len(links)), (rows, columns)), shape=(n, n)), directed=False)[1]
    shared, united = [], []
    for label in np.unique(group[: len(given)]):
        ours = shapely.union_all([found[j] for j in range(len(found)) if group[len(given) + j] == label])
        theirs = shapely.union_all([given[i] for i in range(len(given)) if group[i] == label])
        shared.append(ours.intersection(theirs).area)
        united.append(ours.union(theirs).area)
    return float(sum(shared) / sum(united)), [float(a / b) for a, b in zip(shared, united, strict=True)]


def best_shares(true: Sequence[shapely.Polygon], derived: Sequence[shapely.Polygon]) -> list[float]:
    """Intersection over union of each given outline with the derived one that agrees best."""
    tree = shapely.STRtree(derived)
    return [
        max(
            (float(one.intersection(derived[i]).area / one.union(derived[i]).area) for i in tree.query(one)),
            default=0.0,
        )
        for one in true
    ]


def _blocks(polygons: Sequence[shapely.Polygon]) -> list[shapely.Polygon]:
    """Polygons that touch, or nearly, as one."""
    grown = shapely.union_all([polygon.buffer(_TOUCH_M, join_style="mitre") for polygon in polygons])
    return [part.buffer(-_TOUCH_M, join_style="mitre") for part in shapely.get_parts(grown)]
