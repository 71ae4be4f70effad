"""A recording into the store's history, and how each feed is doing.

A recording is JSON lines, ``{"received_at": ISO 8601, "payload": ...}``. A line that cannot be read is quarantined with
its number and reason and never stops the rest. Replaying a recording again changes nothing,
unless the feed's preset changed: then its datums, looked up late or corrected, hold for the whole history.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.live.ngsi import entities_of, read_entity
from tiles.observations import Batch, FeedRecord, Quarantined, append, has_source, read_feeds, read_observations
from twin.errors import FormatError
from twin.freshness import freshness
from twin.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipelines.live.feed import Feed
    from tiles.store import Store
    from twin.freshness import State
    from twin.observation import Observation

__all__ = ["FeedStatus", "ReplaySummary", "read_recording", "replay", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """How a feed is doing."""

    received: int
    """Readings, and lines that are none, over all recordings."""
    stored: int
    dropped: int
    """What came again."""
    quarantined: int
    last_at: datetime | None
    """Newest measurement."""
    state: State
    """Judged by its newest measurement; ``dead`` if there is none."""
    entities: int
    """Things that ever reported."""
    entities_fresh: int
    """Things whose every newest reading is fresh."""
    text_ja: str
    text_en: str

    def as_json(self) -> dict[str, Any]:
        """Return the facts for ``--json``."""
        return {
            "received": self.received,
            "stored": self.stored,
            "dropped": self.dropped,
            "quarantined": self.quarantined,
            "last_at": None if self.last_at is None else self.last_at.isoformat(),
            "state": self.state,
            "entities": self.entities,
            "entities_fresh": self.entities_fresh,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySummary:
    """What a replay came to."""

    feeds: Mapping[str, FeedStatus]
    lines: int
    """Lines of the recording."""
    stored_now: int
    """Readings that are new in the history."""
    quarantined_now: int
    """Entries that are new in the quarantine."""
    skipped: bool
    """Whether this very recording was replayed before, so that nothing was done."""


def replay(
    store: Store, recording: Path, feed: Feed, progress: Progress | None = None, *, now: datetime | None = None
) -> ReplaySummary:
    """Bring a recording into a store's history.

    Parameters
    ----------
    store, recording, feed
        Where to, from, and how to read it.
    progress
        Who listens; counts lines.
    now
        Moment by which freshness is judged; when the recording's last reading came, if None.

    Raises
    ------
    FormatError
        If the recording cannot be opened.
    StoreError
        If another process writes to the store, or its history is damaged.
    """
    try:
        content = recording.read_bytes()
    except OSError as error:
        raise FormatError(f"{recording}: cannot be read: {error.strerror}") from None
    source = hashlib.blake2b(content, digest_size=16).hexdigest()
    # Only line feeds end a line: JSON strings may hold other separators. Bytes that are no text stay visible.
    lines = content.decode("utf-8", errors="backslashreplace").removeprefix("\ufeff").split("\n")
    listener = progress or Silent()
    lines = [line for line in lines if line.strip()]
    listener.start("live", len(lines), "lines")
    with store.writing():
        skipped = has_source(store, feed.name, source, feed.facts())
        before = _totals(store, feed.name)
        observations, quarantined = read_recording(lines, feed)
        batch = Batch(
            feed=feed.name, source=source, observations=observations, quarantined=quarantined, facts=feed.facts()
        )
        append(store, batch)
        after = _totals(store, feed.name)
    listener.advance(len(lines))
    listener.finish()
    moment = now or max((one.received_at for one in observations), default=datetime.now(UTC))
    return ReplaySummary(
        feeds=status(store, moment),
        lines=len(lines),
        stored_now=after[0] - before[0],
        quarantined_now=after[1] - before[1],
        skipped=skipped,
    )


def read_recording(lines: Sequence[str], feed: Feed) -> tuple[list[Observation], list[Quarantined]]:
    """Read all lines of a recording."""
    observations: list[Observation] = []
    quarantined: list[Quarantined] = []
    for line in lines:
        try:
            received_at, payload = _opened(line)
        except ValueError as error:
            quarantined.append(Quarantined(reason=str(error), raw=line))
            continue
        for entity in entities_of(payload):
            taken, refused = read_entity(entity, feed, received_at)
            observations += taken
            quarantined += refused
    return observations, quarantined


def status(store: Store, now: datetime) -> dict[str, FeedStatus]:
    """Say of each feed what came and how fresh it is at the moment `now` (with a time zone)."""
    found: dict[str, FeedStatus] = {}
    for record in read_feeds(store):
        newest = read_observations(store, record.name)
        found[record.name] = _judged(record, newest, now)
    return found


def _judged(record: FeedRecord, newest: Sequence[Observation], now: datetime) -> FeedStatus:
    verdicts = [(one, freshness(one, now, record.limits)) for one in newest]
    last = max(verdicts, key=lambda pair: pair[0].observed_at, default=None)
    aged = {one.entity for one, verdict in verdicts if verdict.state != "fresh"}
    entities = {one.entity for one in newest}
    return FeedStatus(
        received=record.received,
        stored=record.stored,
        dropped=record.dropped,
        quarantined=record.quarantined,
        last_at=record.last_at,
        state="dead" if last is None else last[1].state,
        entities=len(entities),
        entities_fresh=len(entities - aged),
        text_ja="観測なし" if last is None else last[1].text_ja,
        text_en="no measurement" if last is None else last[1].text_en,
    )


def _opened(line: str) -> tuple[datetime, Any]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("not JSON that can be read: nested too deeply") from None
    if not isinstance(entry, dict) or "payload" not in entry or "received_at" not in entry:
        raise ValueError("not a recorded message: received_at or payload is missing")
    try:
        received_at = datetime.fromisoformat(str(entry["received_at"]))
    except ValueError:
        raise ValueError(f"received_at {entry['received_at']!r} is not ISO 8601") from None
    if received_at.tzinfo is None:
        raise ValueError(f"received_at {entry['received_at']} has no time zone")
    if entry.get("error"):
        raise ValueError(f"the recorder heard no message: {entry['error']}")
    return received_at, entry["payload"]


def _totals(store: Store, feed: str) -> tuple[int, int]:
    record = next((one for one in read_feeds(store) if one.name == feed), None)
    return (0, 0) if record is None else (record.stored, record.quarantined)
