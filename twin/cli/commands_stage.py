"""Commands that derive: classify, terrain, model, flood, score."""

from pathlib import Path
from typing import Annotated

import typer

from twin.cli import stages
from twin.cli.app import command
from twin.cli.session import Session

__all__ = ["register"]

StorePath = Annotated[str, typer.Argument(help="Folder of the store.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    command(app, "classify")(classify)
    command(app, "terrain")(terrain)
    command(app, "model")(model)
    command(app, "flood")(flood)
    scores = typer.Typer(name="score", help="Compare a result with truth and print the metrics.", no_args_is_help=True)
    command(scores, "labels")(score_labels)
    command(scores, "model")(score_model)
    app.add_typer(scores)


def classify(
    session: Session,
    store: StorePath,
    profile: Annotated[str, typer.Option(help="urban, hills, island or seabed.")] = "urban",
) -> None:
    """Label noise, ground, buildings, vegetation and water."""
    with session.executor() as executor:
        stages.classify(session, store, executor, profile=profile)


def terrain(
    session: Session,
    store: StorePath,
    resolution: Annotated[float, typer.Option(help="Cell size in metres; 0 takes the default.")] = 0.0,
) -> None:
    """Derive DTM, DSM, height above ground and density."""
    with session.executor() as executor:
        stages.terrain(session, store, executor, resolution_m=resolution)


def model(
    session: Session,
    store: StorePath,
    footprints: Annotated[str, typer.Option(help="File of outlines; without it they come from the points.")] = "",
    lod: Annotated[str, typer.Option(help="Level of detail: 1.2.")] = "1.2",
) -> None:
    """Reconstruct buildings."""
    with session.executor() as executor:
        stages.model(session, store, executor, footprints=footprints, lod=lod)


def flood(
    session: Session,
    store: StorePath,
    scenario: Annotated[str, typer.Argument(help="Scenario preset or YAML file.")],
) -> None:
    """Compute a flood overlay: depths, and every building's depth rank."""
    stages.flood(session, store, scenario)


def score_labels(
    session: Session,
    store: StorePath,
    within: Annotated[str, typer.Option(help="File of polygons: score buildings only inside their hull.")] = "",
) -> None:
    """Score the labels against the classification as delivered."""
    stages.score_labels(session, store, within=within)


def score_model(
    session: Session,
    store: StorePath,
    reference: Annotated[Path, typer.Argument(help="CityJSON or footprints with heights to compare with.")],
) -> None:
    """Score the building model against a reference."""
    stages.score_model(session, store, reference)
