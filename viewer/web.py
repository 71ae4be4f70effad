"""The scene in a browser: `serve` runs until it is stopped, for this machine only unless told otherwise."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from viewer import offscreen
from viewer.cloud import BUDGET_SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tiles.store import Store
    from viewer.content import Gauge, LayerName, SceneContent

__all__ = ["serve", "serve_scene"]

_REFRESH_S = 30.0
"""Seconds between two looks for newer readings; the feeds report every ten minutes, but ages are told in minutes."""


def serve(  # noqa: PLR0913 - the options of one server, all with defaults
    store: Store,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    layers: Sequence[LayerName] | None = None,
    budget: int = BUDGET_SOFTWARE,
    now: datetime | None = None,
    title: str | None = None,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve a store's scene until interrupted.

    Only who has the address with its secret can connect; the secret is new in every run.

    Parameters
    ----------
    store
        What to show; it is only read.
    host, port
        Where to listen; port 0 takes a free one.
    layers
        Layers shown at first; all if None.
    budget
        Points to draw at most.
    now
        The moment that the freshness of live readings is judged at. None is the clock, and then newer readings appear
        by themselves.
    title
        What people call the area; the store's folder if None.
    announce
        Is told the address when the page is ready.

    Raises
    ------
    RenderError
        If this machine cannot draw; the message names the packages to install.
    StoreError
        If there is nothing in the store.
    """
    from viewer.load import load_gauges, load_scene

    offscreen.prepare()
    content = load_scene(store, budget=budget, now=now).titled(title)

    def newer() -> tuple[Gauge, ...]:
        return load_gauges(store, content, datetime.now(UTC).astimezone())

    serve_scene(content, host, port, layers=layers, budget=budget, announce=announce, newer=None if now else newer)


def serve_scene(  # noqa: PLR0913 - the options of one server, all with defaults
    content: SceneContent,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    layers: Sequence[LayerName] | None = None,
    budget: int = BUDGET_SOFTWARE,
    announce: Callable[[str], None] = print,
    newer: Callable[[], tuple[Gauge, ...]] | None = None,
) -> None:
    """Serve a scene that is in memory; `newer` reads the newest gauges, if there can be any."""
    offscreen.prepare()
    from trame.app import get_server

    from viewer.page import ScenePage

    secret = secrets.token_urlsafe(24)
    server = get_server(f"twin-{secrets.token_hex(4)}", client_type="vue3")
    page = ScenePage(server, content, budget=budget)
    if layers is not None:
        server.state.shown = [name for name in content.layers if name in layers]

    def ready(**_: Any) -> None:
        announce(f"http://{host}:{server.port}/?secret={secret}")
        if newer is not None:
            asyncio.get_event_loop().create_task(_keep_fresh(page, newer))

    server.controller.on_server_ready.add(ready)
    with _trame_arguments(f"--authKey {secret}"):
        server.start(
            host=host, port=port, open_browser=False, show_connection_info=False, disable_logging=True, timeout=0
        )


async def _keep_fresh(page: Any, newer: Callable[[], tuple[Gauge, ...]]) -> None:
    while True:
        await asyncio.sleep(_REFRESH_S)
        page.refresh(newer())


@contextmanager
def _trame_arguments(text: str) -> Iterator[None]:
    """Give trame its arguments by the environment: left alone, it would read those of our own command line."""
    before = os.environ.get("TRAME_ARGS")
    os.environ["TRAME_ARGS"] = text
    try:
        yield
    finally:
        if before is None:
            del os.environ["TRAME_ARGS"]
        else:
            os.environ["TRAME_ARGS"] = before
