"""What ``twin score`` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.runs import latest_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pipelines.quality.terrain import HeightDifferences
    from tiles.dem_xml import DemMesh
    from tiles.store import Store
    from twin.bounds import Bounds
    from twin.cli.session import Session
    from twin.points import Points

__all__ = ["labels", "model", "terrain"]


def labels(session: Session, store: Store, truth: str, within: str) -> None:
    """Compare the newest labels with the classes as delivered, or with those of another file of the same points."""
    import numpy as np

    from pipelines.quality.scores import Confusion, as_report, confusion

    run = latest_run(store, "classify")
    block = _hull(store, within) if within else None
    other = _classes_of(store, Path(truth)) if truth else None
    table = Confusion(counts=np.zeros((256, 256), np.int64))
    for row in store.tiles():
        points = store.read_tile(row.tile, ("classification", "source_index"))
        found, _ = store.read_labels(run, row.tile)
        true = points["classification"] if other is None else other[points["source_index"]]
        chosen = slice(None) if block is None else _inside(block, points)
        table += confusion(true[chosen], found[chosen])
    result = as_report(table)
    session.count(points=table.n_points, run=run, **result)
    ground = result["ground"]
    session.say(f"{table.n_points:,} points scored; ground: kappa {ground['kappa']}, total error {ground['total']} %")
    for code, score in result["classes"].items():
        session.say(f"class {code}: F1 {score['f1']}, precision {score['precision']}, recall {score['recall']}")


def model(session: Session, store: Store, reference: Path) -> None:
    """Compare the newest buildings with a reference."""
    from pipelines.quality.models import score_model
    from pipelines.quality.references import read_reference
    from tiles.buildings import read_buildings

    score = score_model(read_buildings(store, latest_run(store, "model")), read_reference(reference, store.crs))
    session.count(**score.as_dict())
    session.say(
        f"{score.n_matched} of {score.n_reference} reference buildings matched, median IoU {score.iou_median:.3f}"
    )
    if score.height_rmse_m is not None:
        session.say(f"roof height RMSE {score.height_rmse_m:.3f} m, bias {score.height_bias_m:+.3f} m")


def terrain(session: Session, store: Store, reference: Sequence[Path]) -> None:
    """Compare the newest terrain with elevation meshes, at the middles of its own cells.

    Raises
    ------
    StageError
        If no cell of the terrain lies in a mesh.
    """
    from pipelines.quality.terrain import HeightDifferences
    from tiles.dem_xml import read_dem_xml
    from twin.errors import StageError

    run = latest_run(store, "terrain")
    every, n_meshes = HeightDifferences(), 0
    for path in reference:
        for mesh in read_dem_xml(path):
            n_meshes += _compare(every, store, run, mesh)
    if not every.n_cells:
        raise StageError(f"{store.path}: its terrain has no cell in common with {', '.join(map(str, reference))}")
    figures = every.as_dict()
    session.count(run=run, meshes=n_meshes, **figures)
    session.say(
        f"terrain minus reference over {figures['cells']:,} cells of {n_meshes} meshes: median"
        f" {figures['median_m']:+.3f} m, RMSE {figures['rmse_m']:.3f} m, 95 % within {figures['p95_m']:.3f} m"
    )


def _compare(every: HeightDifferences, store: Store, run: str, mesh: DemMesh) -> bool:
    """Add the cells that lie in a mesh, tile by tile; say whether there were any."""
    import numpy as np
    from pyproj import Transformer

    from tiles.rasters import raster_frame, read_raster, tile_frame
    from twin.vertical import convert_height

    before = every.n_cells
    step = raster_frame(store, run).resolution_m
    to_mesh = Transformer.from_crs(store.crs.wkt, mesh.crs, always_xy=True, allow_ballpark=False)
    for row in store.tiles():
        frame = tile_frame(store, row.tile, step)
        if not _may_meet(mesh, *to_mesh.transform(*_corners(frame.bounds.buffered(step)))):
            continue
        x, y = np.meshgrid(*frame.centers())
        longitude, latitude = to_mesh.transform(x, y)
        heights = mesh.height_at(longitude, latitude)
        if np.isfinite(heights).any():
            dtm = read_raster(store, run, "dtm", frame.bounds).values
            every.add(dtm, convert_height(heights, mesh.vertical, store.vertical))
    return every.n_cells > before


def _corners(bounds: Bounds) -> tuple[list[float], list[float]]:
    xmin, ymin, xmax, ymax = bounds
    return [xmin, xmax, xmax, xmin], [ymin, ymin, ymax, ymax]


def _may_meet(mesh: DemMesh, longitude: Sequence[float], latitude: Sequence[float]) -> bool:
    """Whether the box around some corners meets a mesh; looked at before any cell of a tile is."""
    apart = max(longitude) < mesh.west_deg or min(longitude) > mesh.east_deg
    return not (apart or max(latitude) < mesh.south_deg or min(latitude) > mesh.north_deg)


def _hull(store: Store, path: str) -> Any:
    import shapely

    from tiles.vectors import read_shapes

    shapes = [shape.geometry for shape in read_shapes(Path(path), store.crs) if shape.geometry is not None]
    return shapely.convex_hull(shapely.union_all(shapes))


def _inside(block: Any, points: Points) -> NDArray[np.bool_]:
    import shapely

    shapely.prepare(block)
    inside: NDArray[np.bool_] = shapely.contains_xy(block, points.x, points.y)
    return inside


def _classes_of(store: Store, path: Path) -> NDArray[np.uint8]:
    """Return the classes of a file whose rows are those of the store's only source.

    Raises
    ------
    ConfigError
        If the store has several sources, or the number of points differs.
    """
    import laspy
    import numpy as np

    from twin.errors import ConfigError

    sources = [row for row in store.manifest.sources() if row.state == "done"]
    classes = np.asarray(laspy.read(path).classification)
    if len(sources) != 1 or sources[0].n_points != len(classes):
        held = ", ".join(f"{Path(row.uri).name} with {row.n_points:,}" for row in sources)
        raise ConfigError(f"{path}: {len(classes):,} points; the store's must be the same rows of one file: {held}")
    return classes
