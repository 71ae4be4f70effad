"""What the live commands do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from twin.cli.outputs import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelines.live import FeedStatus
    from tiles.store import Store
    from twin.cli.session import Session

__all__ = ["record", "replay", "status"]


def record(session: Session, out: Path, *, url: str, seconds: float, polls: int) -> None:
    """Poll an endpoint into a file."""
    from pipelines.live import RecordParams
    from pipelines.live import record as poll

    summary = poll(out, url, RecordParams(seconds=seconds, polls=polls))
    session.count(messages=summary.messages, bytes=summary.bytes)
    session.fail([{"url": url, "reason": reason} for reason in summary.failures])
    session.say(f"{out}: {summary.messages} messages, {summary.bytes:,} bytes")


def replay(session: Session, store: Store, recording: Path, feed: str) -> None:
    """Bring a recording into the store's history."""
    from pipelines.live import load_feed
    from pipelines.live import replay as run

    summary = run(store, recording, load_feed(feed), session.progress)
    session.count(feeds=_as_json(summary.feeds), stored_now=summary.stored_now, quarantined_now=summary.quarantined_now)
    if summary.skipped:
        session.tell(f"live {feed}", f"nothing to do, {recording.name} is in the history")
    else:
        text = f"{summary.lines} lines, {summary.stored_now} new readings, {summary.quarantined_now} quarantined"
        session.tell(f"live {feed}", text)


def status(session: Session, store: Store, now: str = "") -> None:
    """Say how each feed is doing, now or at a stated time."""
    from pipelines.live import status as look

    feeds = look(store, moment(now) or datetime.now(UTC))
    session.count(feeds=_as_json(feeds))
    for name, feed in feeds.items():
        session.say(f"{name}: {feed.text_en} / {feed.text_ja}")
    if not feeds:
        session.say("no feed has been recorded or replayed into this store")


def _as_json(feeds: Mapping[str, FeedStatus]) -> dict[str, object]:
    return {name: feed.as_json() for name, feed in feeds.items()}
