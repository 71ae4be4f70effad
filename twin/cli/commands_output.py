"""Commands that show or hand out: export, snapshot, view, report."""

from pathlib import Path
from typing import Annotated

import typer

from twin.cli.app import StorePath, command
from twin.cli.session import Session
from twin.errors import ConfigError

__all__ = ["register"]

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
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help="One of those above.")],
    out: Annotated[Path, typer.Argument(help="File or folder to write.")],
    lod: Annotated[
        str, typer.Option(help="Highest level of detail of a model: 1.2, 1.3, 2.0 or 2.2; empty is all there is.")
    ] = "",
) -> None:
    """Write open formats: 3dtiles, citygml, citygml3, cityjson, cityjsonseq, cog, gltf, gpkg, laz, obj."""
    from tiles.store import Store
    from twin.cli import exports

    exports.export(session, Store.open(store), format_name, out, lod=lod or None)


def snapshot(
    session: Session,
    store: StorePath,
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    layers: Annotated[str, typer.Option(help="Comma-separated layers; empty is all that there are.")] = "",
    size: Annotated[str, typer.Option(help="Width x height in pixels.")] = "1600x1000",
    now: Now = "",
) -> None:
    """Draw one picture of the store."""
    from tiles.store import Store
    from twin.cli import outputs

    drawn = outputs.snapshot(session, Store.open(store), out, layers=layers, size=_pixels(size), now=now)
    if not drawn:
        session.failed.append({"path": str(out), "reason": session.counts["reason"]})


def view(
    session: Session,
    store: StorePath,
    web: Annotated[bool, typer.Option("--web", help="Serve a page instead of opening a window.")] = False,
    port: Annotated[int, typer.Option(help="Port of the page; 0 finds a free one.")] = 0,
    now: Now = "",
) -> None:
    """Open the viewer: layers, live gauges, a click says what a thing is."""
    from tiles.store import Store
    from twin.cli import outputs

    if web:
        from viewer.web import serve

        serve(Store.open(store), port=port, now=outputs.moment(now), announce=session.say)
    else:
        from viewer.window import view as open_window

        open_window(Store.open(store), now=outputs.moment(now))


def report(
    session: Session,
    store: StorePath,
    out: Annotated[Path, typer.Argument(help="HTML file to write.")],
    snapshot_png: Annotated[str, typer.Option("--snapshot", help="Picture to embed.")] = "",
    now: Now = "",
) -> None:
    """Write the report: what came in, what was made of it, and how it is known."""
    from tiles.store import Store
    from twin.cli import outputs

    picture = Path(snapshot_png) if snapshot_png else None
    outputs.report(session, Store.open(store), out, snapshot_png=picture, now=now)


def _pixels(size: str) -> tuple[int, int]:
    width, _, height = size.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ConfigError(f"--size {size!r}: write width x height in pixels, such as 1600x1000")
    return int(width), int(height)
