"""Commands for survey data: synth, check, init, ingest, info, verify."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from twin.cli.app import StorePath, command
from twin.cli.session import Session
from twin.errors import ConfigError, CrsError, DatumError

__all__ = ["register"]

Sources = Annotated[list[str], typer.Argument(help="Files of points of any format, or folders of them.")]
Box = Annotated[str, typer.Option(help="Only points in xmin,ymin,xmax,ymax, in the files' own CRS; half-open.")]
Columns = Annotated[str, typer.Option(help="Columns of text files, such as x,y,z,intensity or lon,lat,-depth,time.")]
Pipeline = Annotated[str, typer.Option(help="PDAL pipeline (JSON) through which files are read.")]
Ways = "TP, AP, YP, ellipsoidal, local:<place> or EPSG:<code>; @JGD2011 behind it names the geoid's epoch."
Geoid = Annotated[
    list[str] | None,
    typer.Option(help="Grid between datums: FILE, or DATUM=FILE such as EPSG:5703=us.gtx; repeatable."),
]
Kind = Annotated[str, typer.Option(help="aerial, drone, mobile, bathymetry or multibeam.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    command(app, "synth")(synth)
    command(app, "check")(check)
    command(app, "init")(init)
    command(app, "ingest")(ingest)
    command(app, "info")(info)
    command(app, "verify")(verify)


def synth(
    session: Session,
    out: Annotated[Path, typer.Argument(help="Folder to write into.")],
    scene: Annotated[
        Literal["bay", "hills", "island", "highrise", "cliff"], typer.Option(help="Which landscape.")
    ] = "bay",
    points: Annotated[int, typer.Option(help="About how many points.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    features: Annotated[
        list[str] | None,
        typer.Option("--with", help="turbid, channel, seagrass, wreck, no-surface or multibeam; may be given again."),
    ] = None,
) -> None:
    """Write survey files of a synthetic scene, and its truth."""
    from pipelines.synth import write_survey
    from twin.config import resolve
    from twin.scene import SceneParams

    told = {"kind": scene, "n_points": points, "seed": seed, "features": features or ()}
    survey = write_survey(out, resolve(SceneParams, [("options", told)], "scene"), session.progress)
    session.count(points=survey.n_points, files=[str(path) for path in survey.files])
    session.say(f"{survey.n_points:,} points in {len(survey.files)} files, and their truth, in {out}")


def check(
    session: Session,
    sources: Sources,
    report: Annotated[str, typer.Option(help="HTML file to write the report into.")] = "",
    preset: Annotated[str, typer.Option(help="What to judge by: a preset such as jp_500, or a YAML file.")] = "",
    controls: Annotated[str, typer.Option(help="CSV of control points: x, y, h and perhaps a name.")] = "",
    crs: Annotated[str, typer.Option(help="CRS of files that name none, such as EPSG:6677.")] = "",
    vertical: Annotated[str, typer.Option(help="Vertical datum of files that name none, such as TP.")] = "",
    convert: Annotated[bool, typer.Option(help="Judge as ingest does with --convert: feet and degrees pass.")] = False,
    scratch: Annotated[str, typer.Option(help="Folder for about 12 bytes a point, seen by all workers.")] = "",
    bbox: Box = "",
    columns: Columns = "",
    pdal: Pipeline = "",
) -> None:
    """Inspect a delivery without a store: what is accepted, what is not, why, and what to do next.

    Survey files, or a city model in CityGML by PLATEAU's rules.
    """
    from twin.cli import acceptance, plateau

    models = plateau.models_among(sources)
    if models:
        plateau.check(session, models)
        return
    from twin.cli.derive import ingest_params
    from twin.cli.sources import expand_sources

    told = ingest_params(session, _stated(crs=crs, vertical=vertical, convert=convert, **_read_as(bbox, columns, pdal)))
    judged_by = acceptance.judged_by(session, preset, controls)
    if report and Path(report).is_dir():
        raise ConfigError(f"--report {report}: is a folder; name an HTML file in it")
    checked = acceptance.check(session, expand_sources(sources, reading=told.reading), told, judged_by, scratch)
    for line in acceptance.lines(checked):
        session.say(line)
    session.count(**acceptance.as_json(checked))
    session.failed.extend(acceptance.refused(checked))
    if report:
        from viewer.report.acceptance import write_acceptance

        session.count(report=str(write_acceptance(checked, Path(report))))
        session.say(f"report: {report}")


def init(
    session: Session,
    store: StorePath,
    area: Annotated[str, typer.Option(help="Area preset: CRS, vertical datum and tile edge.")] = "",
    crs: Annotated[str, typer.Option(help="Projected CRS, such as EPSG:6677.")] = "",
    vertical: Annotated[str, typer.Option(help=Ways)] = "",
    tile_edge: Annotated[float, typer.Option(help="Edge of a tile in metres; 0 takes the preset's.")] = 0.0,
) -> None:
    """Make an empty store for an area."""
    from twin.cli.project import create_store
    from twin.config import preset

    facts: dict[str, Any] = preset("areas", area) if area else {}
    given = {"crs": crs, "vertical": vertical, "tile_edge_m": tile_edge}
    facts |= {key: value for key, value in given.items() if value}
    missing = [f"--{key}" for key in ("crs", "vertical") if not facts.get(key)]
    if missing:
        raise ConfigError(f"a store needs {' and '.join(missing)}, or --area with a preset that states them")
    try:
        made = create_store(store, facts)
    except (CrsError, DatumError) as error:
        raise ConfigError(str(error)) from None
    session.count(crs=made.crs.code, vertical=str(made.vertical), tile_edge_m=made.grid.edge_m)
    session.say(f"{store}: empty store, {made.crs.code}, heights above {made.vertical}, {made.grid.edge_m:g} m tiles")


def ingest(
    session: Session,
    store: StorePath,
    sources: Sources,
    kind: Kind = "aerial",
    crs: Annotated[str, typer.Option(help="CRS of files that name none; never guessed.")] = "",
    vertical: Annotated[str, typer.Option(help="Vertical datum of files that name none, such as TP@JGD2011.")] = "",
    epoch: Annotated[str, typer.Option(help="Survey epoch, such as 2024: beside those that are in, not on them.")] = "",
    replace: Annotated[bool, typer.Option(help="Let files take the place of those of the same name.")] = False,
    convert: Annotated[bool, typer.Option(help="Convert feet, degrees or another CRS to the store's.")] = False,
    bbox: Box = "",
    columns: Columns = "",
    pdal: Pipeline = "",
    shifts: Annotated[str, typer.Option(help="Move flight strips by the shifts in this file (`twin adjust`).")] = "",
    geoid: Geoid = None,
    datums: Annotated[str, typer.Option(help="YAML table of zeros of islands, charts and harbours.")] = "",
    depths: Annotated[bool, typer.Option(help="Heights are depths: they count down from their datum.")] = False,
) -> None:
    """Turn files into tiles; a rerun goes on where the last one stopped."""
    from twin.cli import derive
    from twin.cli.sources import expand_sources

    read = {**_read_as(bbox, columns, pdal), "shifts": shifts, "epoch": epoch, "replace": replace}
    read |= {"geoid": geoid, "datums": datums, "depths": depths}
    options = _stated(crs=crs, vertical=vertical, kind=kind, convert=convert, **read)
    params = derive.ingest_params(session, options)
    files = expand_sources(sources, reading=params.reading)
    opened = derive.delivery_epoch(store, params)  # a wrong word is told before workers start
    with session.executor() as executor:
        derive.ingest(session, opened, executor, files, options)


def info(
    session: Session,
    store: StorePath,
    columns: Annotated[bool, typer.Option("--columns", help="Also say how many bytes each column takes.")] = False,
) -> None:
    """Say what is in a store and its epochs, and what each stage cost."""
    from tiles.store import Store
    from twin.cli import derive

    opened = Store.open(store)
    contents = derive.contents(opened)
    runs = [derive.cost(row) for row in opened.manifest.runs()]
    epochs = derive.epochs(opened)
    refused = [{"uri": row.uri, "reason": row.reason} for row in opened.manifest.sources() if row.state == "refused"]
    heights = derive.converted_heights(opened)
    session.count(**contents, refused=refused, epochs=epochs, heights=heights, runs=runs)
    session.say(
        f"{opened.address}: {contents['points']:,} points of {contents['sources']} sources in {contents['tiles']} tiles"
    )
    session.say(f"{contents['crs']}, heights above {contents['vertical']}, bounds {contents['bounds']}")
    for epoch in epochs:
        held = f"{epoch['points']:,} points of {epoch['sources']} sources in {epoch['tiles']} tiles"
        replaced = f", {epoch['replaced']} replaced" if epoch["replaced"] else ""
        name = f"epoch {epoch['epoch']}" if epoch["epoch"] else "epoch without a name"
        session.say(f"{name}: {held}{replaced}, ingested {epoch['first_ingest']} to {epoch['last_ingest']}")
    for line in derive.told_once(refused):
        session.say(f"refused: {line}")
    for line in derive.height_lines(heights):
        session.say(line)
    for run in runs:
        rate = f", {run['points_per_cpu_second']:,} points/s per core" if run["points_per_cpu_second"] else ""
        figures = f"done, {run['seconds']:.1f} s, {run['cpu_seconds']:.1f} CPU s{rate}, peak {run['peak_mb']:.0f} MB"
        unfinished = "not finished: it is under way, or was interrupted; the same command goes on from there"
        session.say(f"{run['stage']} {run['run']}: {figures if run['state'] == 'done' else unfinished}")
    if columns:
        sizes = derive.bytes_per_point(opened)
        session.count(bytes_per_point=sizes)
        session.say(f"{sum(sizes.values()):.2f} bytes a point:")
        for name, size in sizes.items():
            session.say(f"  {size:7.3f}  {name}")


def verify(session: Session, store: StorePath) -> None:
    """Compare every byte in a store with what was written."""
    from tiles.store import Store
    from tiles.verify import verify_store

    problems = verify_store(Store.open(store))
    session.fail([{"path": str(problem.path), "reason": problem.reason} for problem in problems])
    session.count(problems=len(problems))
    if not problems:
        session.say(f"{store}: every byte is as it was written")


def _stated(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {key: value for key, value in options.items() if value}


def _read_as(bbox: str, columns: str, pdal: str) -> dict[str, Any]:
    """Return the options that say how files are read, as fields of ``IngestParams``."""
    try:
        box = tuple(float(side) for side in bbox.split(",")) if bbox else None
    except ValueError:
        raise ConfigError(f"--bbox {bbox!r}: write four numbers, xmin,ymin,xmax,ymax") from None
    return {"bbox": box, "columns": columns, "pdal": pdal}
