"""What ``twin score`` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.runs import latest_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pipelines.quality.error_map import ErrorMap
    from pipelines.quality.terrain import HeightDifferences
    from tiles.dem_xml import DemMesh
    from tiles.store import Store
    from twin.bounds import Bounds
    from twin.cli.session import Session
    from twin.points import Points

__all__ = ["LabelOptions", "labels", "model", "terrain"]

_CLASS_FIGURES = (("F1", "f1"), ("IoU", "iou"), ("precision", "precision"), ("recall", "recall"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOptions:
    """What ``twin score labels`` was told."""

    truth: str = ""
    within: str = ""
    mapped: Sequence[str] = ()
    ignored: str = ""
    same: Sequence[str] = ()
    ground: str = "2"
    picture: str = ""


def labels(session: Session, store: Store, options: LabelOptions) -> None:
    """Compare the newest labels with the classes as delivered, or with those of another file of the same points."""
    from pipelines.quality.error_map import ErrorMap
    from pipelines.quality.label_scores import LabelRules, LabelTally
    from pipelines.quality.labels import CodeMap, parse_codes
    from pipelines.quality.objects import ObjectParams, cell_for

    run = latest_run(store, "classify")
    block = _hull(store, options.within) if options.within else None
    other = _classes_of(store, Path(options.truth)) if options.truth else None
    density = _density(store)
    rules = LabelRules(
        codes=CodeMap.parse(options.mapped, options.ignored, options.same),
        ground=parse_codes(options.ground, "--ground"),
        objects=ObjectParams(cell_m=cell_for(density)),
    )
    picture = ErrorMap(store.bounds, rules.ground, density) if options.picture else None
    tally = LabelTally(rules, picture)
    rows = store.tiles()
    session.progress.start("score", len(rows), "tiles")
    for row in rows:
        points = store.read_tile(row.tile, ("classification", "source_index"))
        found, _ = store.read_labels(run, row.tile)
        true = points["classification"] if other is None else other[points["source_index"]]
        chosen = slice(None) if block is None else _inside(block, points)
        tally.add(points.take(chosen), true[chosen], found[chosen])
        session.progress.advance(1)
    session.progress.finish()
    result = tally.report()
    session.count(points=tally.table.n_points, run=run, **result)
    for line in _said(result, tally.table.n_points):
        session.say(line)
    if picture is not None:
        _draw(session, store, picture, Path(options.picture))


def _density(store: Store) -> float:
    """Return the points per square metre of the tiles, as far as they lie in the store's bounds."""
    rows, bounds = store.tiles(), store.bounds
    surveyed_m2 = 0.0
    for row in rows:
        tile = store.grid.bounds(row.tile)
        width = min(tile.xmax, bounds.xmax) - max(tile.xmin, bounds.xmin)
        surveyed_m2 += max(width, 0.0) * max(min(tile.ymax, bounds.ymax) - max(tile.ymin, bounds.ymin), 0.0)
    return max(1, sum(row.n_points for row in rows)) / max(surveyed_m2, 1.0)


def _said(result: Mapping[str, Any], n_points: int) -> Iterator[str]:
    """Yield the report's lines for people."""
    ground, overall = result["ground"], result["overall"]
    yield (
        f"{n_points:,} points scored: {_cent(overall['accuracy'])} right over all classes, kappa"
        f" {_figure(overall['kappa'])}"
    )
    yield (
        f"ground: total error {_cent(ground['total'])}, type I {_cent(ground['type1'])}, type II"
        f" {_cent(ground['type2'])}, kappa {_figure(ground['kappa'])}"
    )
    for code, score in result["classes"].items():
        values = ", ".join(f"{name} {_figure(score[key])}" for name, key in _CLASS_FIGURES)
        yield f"class {code}: {values}"
    for least, score in result["objects"].items():
        if score["true"] or score["found"]:
            found, true = _cent(score["precision"]), _cent(score["recall"])
            yield (
                f"buildings of {least} m² and more: {true} of {score['true']:,} found, {found} of {score['found']:,}"
                " right"
            )
    yield "points by true class (down) and found class (across):"
    yield from _matrix(result["confusion"])


def _matrix(table: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield the confusion matrix as lines of text."""
    codes = sorted({int(code) for row in table.values() for code in row})
    widths = [max(len(f"{row.get(str(code), 0):,}") for row in (*table.values(), {str(code): code})) for code in codes]
    yield "      " + "  ".join(f"{code:>{width}}" for code, width in zip(codes, widths, strict=True))
    for true, row in table.items():
        cells = (f"{row.get(str(code), 0):>{width},}" for code, width in zip(codes, widths, strict=True))
        yield f"  {true:>3} " + "  ".join(cells)


def _draw(session: Session, store: Store, picture: ErrorMap, out: Path) -> None:
    from tiles.atomic import write_bytes
    from twin.raster import Raster
    from viewer.report.error_map import draw_errors

    kinds = Raster(values=picture.kinds(), frame=picture.frame, crs=store.crs.code)
    surface = Raster(values=picture.surface, frame=picture.frame, crs=store.crs.code, vertical=store.vertical)
    write_bytes(out, draw_errors(kinds, surface, picture.points_by_kind()))
    session.count(picture=str(out))
    session.say(f"map of errors: {out}")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _cent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} %"


def model(session: Session, model: str, reference: Path) -> None:
    """Compare the newest buildings of a store, or those of a CityJSON file, with a reference."""
    from pipelines.quality.models import score_model
    from pipelines.quality.references import crs_of_model, read_reference, reference_of
    from tiles.buildings import iter_buildings
    from tiles.store import Store

    if Path(model).is_file():
        crs = crs_of_model(Path(model))
        found = read_reference(Path(model), crs)
    else:
        store = Store.open(model)
        crs = store.crs
        found = [reference_of(building) for building in iter_buildings(store, latest_run(store, "model"))]
    score = score_model(found, read_reference(reference, crs))
    session.count(**score.as_dict())
    session.say(
        f"{score.n_matched} of {score.n_reference} reference buildings matched, median IoU {score.iou_median:.3f}"
    )
    if score.height_rmse_m is not None:
        session.say(f"roof height RMSE {score.height_rmse_m:.3f} m, bias {score.height_bias_m:+.3f} m")
    if score.volume_bias_share is not None:
        session.say(f"volume {score.volume_bias_share:+.1%} in the median, RMS {score.volume_rms_share:.1%}")


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

    from tiles.rasters import raster_frame, read_raster, tile_frame
    from twin.crs import parse_crs
    from twin.transforms import accurate_transformer
    from twin.vertical import convert_height

    before = every.n_cells
    step = raster_frame(store, run).resolution_m
    # A metre is a fifth of a cell of the finest mesh (5 m), and meshes of JGD2000 are compared with stores of JGD2011.
    bounds = store.bounds
    box = (bounds.xmin, bounds.ymin, bounds.xmax, bounds.ymax)
    to_mesh = accurate_transformer(store.crs, parse_crs(mesh.crs), box, accept_m=1.0)
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
