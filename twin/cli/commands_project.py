"""Commands that do the whole job: demo, run."""

from pathlib import Path
from typing import Annotated

import typer

from twin.cli.app import command
from twin.cli.session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    command(app, "demo")(demo)
    command(app, "run")(run)


def demo(
    session: Session,
    out: Annotated[Path, typer.Argument(help="Folder to write into.")] = Path("demo"),
    points: Annotated[int, typer.Option(help="About how many points.")] = 1_000_000,
) -> None:
    """Do the whole job on the built-in scene, from survey files to picture and report."""
    from twin.cli.demo import run_demo

    run_demo(session, out, points)


def run(
    session: Session,
    project: Annotated[Path, typer.Argument(help="Project file.")],
    out: Annotated[str, typer.Option(help="Output folder; empty is out/<name>.")] = "",
    from_stage: Annotated[str, typer.Option("--from", help="Do this stage and the later ones again.")] = "",
) -> None:
    """Do all stages of a project file; what is done already is skipped."""
    from twin.cli.project import run_project
    from twin.project import Project

    loaded = Project.load(project)
    run_project(session, loaded, Path(out) if out else Path("out") / loaded.name, from_stage=from_stage)
