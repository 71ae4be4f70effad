"""Commands that derive: adjust, classify, train, terrain, model, objects, flood, score."""

from pathlib import Path
from typing import Annotated, Any

import typer

from twin.cli.app import StorePath, command
from twin.cli.session import Session
from twin.errors import ConfigError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    command(app, "adjust")(adjust)
    command(app, "classify")(classify)
    command(app, "train")(train)
    command(app, "terrain")(terrain)
    command(app, "model")(model)
    command(app, "objects")(objects)
    command(app, "flood")(flood)
    score = typer.Typer(name="score", help="Compare a result with truth and print the metrics.", no_args_is_help=True)
    command(score, "labels")(score_labels)
    command(score, "model")(score_model)
    command(score, "terrain")(score_terrain)
    app.add_typer(score)


def adjust(
    session: Session,
    store: StorePath,
    out: Annotated[str, typer.Option(help="JSON file of the shifts, for `twin ingest --shifts`.")] = "",
) -> None:
    """Say how flight strips fit each other, and which shifts would bring them together; applies nothing."""
    from twin.cli import derive

    with session.executor() as executor:
        settings = derive.layered(session.overrides())
        derive.adjust(session, _open(store), executor, settings, Path(out) if out else None)


def classify(
    session: Session,
    store: StorePath,
    profile: Annotated[str, typer.Option(help="auto, urban, highrise, hills, island or seabed.")] = "auto",
    footprints: Annotated[str, typer.Option(help="File of building outlines: evidence, the points decide.")] = "",
    water: Annotated[str, typer.Option(help="File of water outlines: evidence, the points decide.")] = "",
    review: Annotated[str, typer.Option(help="HTML file for the most doubtful places, with pictures.")] = "",
    review_places: Annotated[int, typer.Option(help="How many places it shows at most.", min=1)] = 20,
) -> None:
    """Label noise, ground, buildings, vegetation and water."""
    from twin.cli import derive

    if review and Path(review).is_dir():
        raise ConfigError(f"--review {review}: is a folder; name an HTML file in it")
    opened = _open(store)
    with session.executor() as executor:
        settings = derive.layered(session.overrides(), profile)
        derive.classify(session, opened, executor, settings, footprints, water)
        if review:
            derive.review(session, opened, executor, Path(review), review_places)


def train(
    session: Session,
    out: Annotated[Path, typer.Argument(help="Model to write, NAME.trees; its record goes beside it, NAME.yaml.")],
    recipe: Annotated[
        str, typer.Option(help="What to train from: a preset of `training`, or a YAML file.")
    ] = "default",
    data: Annotated[Path, typer.Option(help="Folder that the recipe's files are in.")] = Path(),
    leave_out: Annotated[list[str], typer.Option(help="Region to leave out; may be given again.")] = [],  # noqa: B006
    profile: Annotated[str, typer.Option(help="Profile whose ground filter the trees shall correct.")] = "auto",
    validate: Annotated[bool, typer.Option(help="Score every region by a model without it, for the record.")] = True,
) -> None:
    """Train the trees that correct the ground filter, from labelled files; the same bytes every time."""
    from twin.cli import training

    settings = training.settings_of(session, profile)
    training.train(session, out, (recipe, data, leave_out), settings, validate=validate)


def terrain(
    session: Session,
    store: StorePath,
    resolution: Annotated[float, typer.Option(help="Cell size in metres; 0 takes the default.")] = 0.0,
) -> None:
    """Derive DTM, DSM, height above ground and density."""
    from twin.cli import derive
    from twin.config import Layer

    settings = derive.layered(session.overrides())
    if resolution:
        settings = settings.with_layer(Layer(where="--resolution", stages={"terrain": {"resolution_m": resolution}}))
    with session.executor() as executor:
        derive.terrain(session, _open(store), executor, settings)


def model(
    session: Session,
    store: StorePath,
    footprints: Annotated[str, typer.Option(help="File of outlines; without it they come from the points.")] = "",
    lod: Annotated[str, typer.Option(help="Level of detail: 1.2, 1.3 or 2.2; 2.2 if nothing says otherwise.")] = "",
) -> None:
    """Reconstruct buildings: their outlines, and solids up to the level of detail."""
    from twin.cli import derive
    from twin.config import Layer

    options = Layer(where="--lod", stages={"model": {"lod": lod}} if lod else {})
    with session.executor() as executor:
        settings = derive.layered(session.overrides()).with_layer(options)
        derive.model(session, _open(store), executor, settings, footprints)


def objects(
    session: Session,
    store: StorePath,
    tolerance: Annotated[
        float, typer.Option(help="Largest vertical error of the terrain triangles, metres; 0 takes the default.")
    ] = 0.0,
    water: Annotated[str, typer.Option(help="File of water outlines; without it they come from the points.")] = "",
) -> None:
    """Model the ground as triangles, single trees, bridges and water (LoD1)."""
    from twin.cli import derive
    from twin.cli.objects import objects as run
    from twin.config import Layer

    settings = derive.layered(session.overrides())
    if tolerance:
        settings = settings.with_layer(Layer(where="--tolerance", stages={"objects": {"tolerance_m": tolerance}}))
    with session.executor() as executor:
        run(session, _open(store), executor, settings, water)


def flood(
    session: Session,
    store: StorePath,
    scenario: Annotated[str, typer.Argument(help="Scenario preset or YAML file.")],
    now: Annotated[str, typer.Option(help="Time at which a gauge is read, ISO 8601; newest reading if empty.")] = "",
) -> None:
    """Compute a flood overlay: depths, and every building's depth rank."""
    from twin.cli import derive

    derive.flood(session, _open(store), scenario, now)


def score_labels(
    session: Session,
    store: StorePath,
    truth: Annotated[str, typer.Option(help="LAS with the same points, if not the classes as delivered.")] = "",
    within: Annotated[str, typer.Option(help="File of polygons: score only the points inside their convex hull.")] = "",
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help="What a true code means, as 26=40, or a table of config/codes; repeat."),
    ] = None,
    ignore: Annotated[str, typer.Option(help="True codes to leave out, such as 7,18,64,65,66,67.")] = "",
    same: Annotated[list[str] | None, typer.Option(help="Codes that count as one class, as 1,3,4,5; repeat.")] = None,
    ground: Annotated[str, typer.Option(help="Codes that count as ground on both sides, such as 2,9.")] = "2",
    picture: Annotated[str, typer.Option(help="PNG file for a map of the errors.")] = "",
) -> None:
    """Score the labels against the classification as delivered."""
    from twin.cli import scores

    told = scores.LabelOptions(
        truth=truth,
        within=within,
        mapped=mapped or (),
        ignored=ignore,
        same=same or (),
        ground=ground,
        picture=picture,
    )
    scores.labels(session, _open(store), told)


def score_model(
    session: Session,
    model: Annotated[str, typer.Argument(help="Store, or CityJSON file.")],
    reference: Annotated[Path, typer.Argument(help="CityJSON or footprints with heights to compare with.")],
) -> None:
    """Score a building model against a reference: outlines, heights, volumes."""
    from twin.cli import scores

    scores.model(session, model, reference)


def score_terrain(
    session: Session,
    store: StorePath,
    reference: Annotated[list[Path], typer.Argument(help="Meshes of 基盤地図情報 (DEM .xml, or .zip).")],
) -> None:
    """Compare the newest terrain with elevation meshes."""
    from twin.cli import scores

    scores.terrain(session, _open(store), reference)


def _open(path: str) -> Any:
    from tiles.store import Store

    return Store.open(path)
