"""Commands that show or hand out: export, snapshot, view, report."""

from pathlib import Path
from typing import Annotated

import typer

from twin.cli import stages
from twin.cli.app import command
from twin.cli.session import Session

__all__ = ["register"]

StorePath = Annotated[str, typer.Argument(help="Folder of the store.")]
Now = Annotated[str, typer.Option(help="Time at which live data is looked at, ISO 8601; empty is the clock.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    command(app, "export")(export)
    command(app, "snapshot")(snapshot)
    command(app, "view")(view)
    command(app, "report")(report)


def export(
    session: Session,
    store: StorePath,
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help="See the error for the list.")],
    out: Annotated[Path, typer.Argument(help="File or folder to write.")],
) -> None:
    """Write open formats: cityjson, cityjsonseq, 3dtiles, cog, gpkg, laz."""
    stages.export(session, store, format_name, out)


def snapshot(
    session: Session,
    store: StorePath,
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    layers: Annotated[str, typer.Option(help="Comma-separated layers; empty is all that there are.")] = "",
    size: Annotated[str, typer.Option(help="Width x height in pixels.")] = "1600x1000",
    now: Now = "",
) -> None:
    """Draw one picture of the store."""
    stages.snapshot(session, store, out, layers=layers, size=size, now=now)


def view(
    session: Session,
    store: StorePath,
    web: Annotated[bool, typer.Option("--web", help="Serve a page instead of opening a window.")] = False,
    port: Annotated[int, typer.Option(help="Port of the page; 0 finds a free one.")] = 0,
) -> None:
    """Open the viewer: layers, live gauges, a click says what a thing is."""
    stages.view(session, store, web=web, port=port)


def report(
    session: Session,
    store: StorePath,
    out: Annotated[Path, typer.Argument(help="HTML file to write.")],
    snapshot_png: Annotated[str, typer.Option("--snapshot", help="Picture to embed.")] = "",
    now: Now = "",
) -> None:
    """Write the report: what came in, what was made of it, and how it is known."""
    stages.report(session, store, out, snapshot_png=snapshot_png, now=now)
