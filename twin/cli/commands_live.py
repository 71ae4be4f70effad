"""Commands for live data: record, replay, status."""

from pathlib import Path
from typing import Annotated

import typer

from twin.cli.app import StorePath, command
from twin.cli.session import Session

__all__ = ["register"]

Feed = Annotated[str, typer.Option(help="Feed preset.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    feeds = typer.Typer(name="live", help="Feeds of the city's platform.", no_args_is_help=True)
    command(feeds, "record")(record)
    command(feeds, "replay")(replay)
    command(feeds, "status")(status)
    app.add_typer(feeds)


def record(
    session: Session,
    out: Annotated[Path, typer.Argument(help="File of JSON lines to append to.")],
    url: Annotated[str, typer.Option(help="NGSI-v2 endpoint to poll.")],
    seconds: Annotated[float, typer.Option(help="Time between two polls.")] = 60.0,
    polls: Annotated[int, typer.Option(help="How many polls; 0 goes on until interrupted.")] = 0,
) -> None:
    """Record a feed as it comes."""
    from twin.cli import live

    live.record(session, out, url=url, seconds=seconds, polls=polls)


def replay(
    session: Session,
    store: StorePath,
    recording: Annotated[Path, typer.Argument(help="File of JSON lines.")],
    feed: Feed,
) -> None:
    """Bring a recording into the store's history; what is there already stays once."""
    from tiles.store import Store
    from twin.cli import live

    live.replay(session, Store.open(store), recording, feed)


def status(
    session: Session,
    store: StorePath,
    now: Annotated[str, typer.Option(help="Time to judge freshness at, ISO 8601; empty is the clock.")] = "",
) -> None:
    """Say how each feed is doing."""
    from tiles.store import Store
    from twin.cli import live

    live.status(session, Store.open(store), now)
