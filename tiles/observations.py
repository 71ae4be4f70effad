"""The history of the live feeds: append-only, each reading once, nothing ever lost.

::

    STORE/observations/<feed>/<day>/<digest>.jsonl       readings by the UTC day of measurement, one JSON object a line
    STORE/observations/<feed>/quarantine/<digest>.jsonl  what could not be read, as it came, with the reason

A segment is written once, named by the digest of its bytes, and becomes true by its manifest row (stage ``live``, one
run a feed). Within a segment the lines are sorted by day, entity, quantity and time, so the same input gives the same
bytes whatever the order in which it came.

Above which zero a gauge reads is a fact of the feed, not of the reading: it is looked up, may be found late or
corrected, and then holds for the whole history. A feed whose facts name its ``datums`` answers with those; what a line
says of it is what was believed when it came.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tiles.atomic import write_bytes
from twin.config import digest
from twin.errors import StoreError
from twin.freshness import FreshnessLimits
from twin.observation import Observation
from twin.vertical import VerticalDatum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tiles.manifest import ArtefactRow, RunRow
    from tiles.store import Store

__all__ = [
    "STAGE",
    "Batch",
    "FeedRecord",
    "Quarantined",
    "append",
    "has_source",
    "read_feeds",
    "read_observations",
    "read_quarantine",
]

STAGE = "live"
"""Stage of feed runs in the manifest; each feed is one run that goes on."""

_QUARANTINE = "quarantine"

_Key = tuple[str, str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """Something that came and could not be taken, kept as it came."""

    reason: str
    raw: str
    """The line, or the wrong part of it, as JSON or plain text."""
    received_at: str = ""
    """As the recording says it; empty if it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One recording's worth of readings."""

    feed: str
    source: str
    """Name of the recording, such as the digest of its bytes."""
    observations: Sequence[Observation]
    """In the order in which they came; of two for the same moment the first wins."""
    quarantined: Sequence[Quarantined] = ()
    """What could not be read."""
    facts: Mapping[str, Any]
    """Facts of the feed's preset: ``title`` {ja, en} and ``freshness`` (fields of `FreshnessLimits`); also
    ``heights`` (quantities that are heights) and ``datums`` ({entity: {name, epoch}}) where the preset says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRecord:
    """What a store knows of a feed, so that a reader needs no preset.

    ``received == stored + dropped + quarantined`` after every completed append.
    """

    name: str
    title_ja: str
    title_en: str
    limits: FreshnessLimits
    received: int
    """Readings, and lines that are none, over all recordings."""
    stored: int
    """Readings in the history."""
    dropped: int
    """What came again: the same reading, or the same bad line."""
    quarantined: int
    """Lines and readings kept aside."""
    last_at: datetime | None
    """Time of the newest measurement."""


def append(store: Store, batch: Batch) -> list[str]:
    """Add a batch to a feed's history; return the paths written, relative to the store.

    A reading is the same if entity, quantity and time of measurement are. The first value that came stays; another
    value for the same moment goes to the quarantine, because history is not rewritten. What comes late finds its day.
    A batch whose source was added before changes nothing but the feed's facts. The caller holds `Store.writing`.

    Raises
    ------
    StoreError
        If a reading belongs to another feed, or an older segment's bytes changed.
    """
    feed, source, observations = batch.feed, batch.source, batch.observations
    strangers = {one.feed for one in observations} - {feed}
    if strangers:
        raise StoreError(f"readings of {', '.join(sorted(strangers))} cannot be added to feed {feed!r}")
    figures = _begin(store, feed, batch.facts)
    if has_source(store, feed, source):
        return []
    known = {_key(one): one for one in _readings(store, feed, {_day(one) for one in observations})}
    fresh, conflicts = _sorted_out(observations, known)
    held = {_aside(one) for one in read_quarantine(store, feed)}
    unseen = {_aside(one): one for one in (*conflicts, *batch.quarantined) if _aside(one) not in held}
    paths = []
    for day, entries in groupby(sorted(fresh, key=lambda one: (_day(one), *_key(one))), key=_day):
        paths.append(_commit(store, feed, day, [_as_json(one) for one in entries], source))
    if unseen:
        lines = [
            {"reason": one.reason, "received_at": one.received_at, "raw": one.raw}
            for _, one in sorted(unseen.items(), key=lambda item: item[0])
        ]
        paths.append(_commit(store, feed, _QUARANTINE, lines, source))
    sources = {**figures.get("sources", {}), source: len(observations) + len(batch.quarantined)}
    store.manifest.finish_run(_run(feed), {**figures, "sources": sources})
    return paths


def has_source(store: Store, feed: str, source: str, facts: Mapping[str, Any] | None = None) -> bool:
    """Whether a recording of this name was added before, and the feed's facts are still those, if given."""
    row = _feed_run(store, feed)
    known = row is not None and source in row.figures.get("sources", {})
    return known and (facts is None or row is None or {**facts, "name": feed} == row.params)


def read_observations(
    store: Store, feed: str | None = None, *, latest: bool = True, at: datetime | None = None
) -> list[Observation]:
    """Return readings, sorted by feed, entity, quantity and time of measurement.

    Parameters
    ----------
    store
        Where from.
    feed
        One feed; all if None.
    latest
        Only the newest of each entity and quantity.
    at
        Only what was measured at or before this moment (with a time zone).

    Raises
    ------
    StoreError
        If a segment is gone or its bytes changed.
    """
    names = [row.name for row in read_feeds(store)] if feed is None else [feed]
    found = [one for name in names for one in _readings(store, name) if at is None or one.observed_at <= at]
    found.sort(key=lambda one: (one.feed, *_key(one)))
    if not latest:
        return found
    newest = {(one.feed, one.entity, one.quantity): one for one in found}
    return list(newest.values())


def read_quarantine(store: Store, feed: str) -> list[Quarantined]:
    """Return what of a feed was kept aside, in order of segments."""
    return [
        Quarantined(reason=line["reason"], raw=line["raw"], received_at=line["received_at"])
        for row in _segments(store, feed)
        if row.report["day"] == _QUARANTINE
        for line in _lines(store, row)
    ]


def read_feeds(store: Store) -> list[FeedRecord]:
    """Return what the store knows of each feed, sorted by name."""
    rows = [row for row in store.manifest.runs() if row.stage == STAGE and row.state == "done"]
    return sorted((_record(store, row) for row in rows), key=lambda record: record.name)


def _record(store: Store, row: RunRow) -> FeedRecord:
    name = str(row.params["name"])
    segments = _segments(store, name)
    counts = {True: 0, False: 0}
    for segment in segments:
        counts[segment.report["day"] == _QUARANTINE] += int(segment.report["lines"])
    received = sum(int(count) for count in row.figures.get("sources", {}).values())
    last = max((segment.report["last_at"] for segment in segments if segment.report["last_at"]), default=None)
    title = row.params.get("title", {})
    return FeedRecord(
        name=name,
        title_ja=str(title.get("ja", name)),
        title_en=str(title.get("en", name)),
        limits=FreshnessLimits(**row.params.get("freshness", {})),
        received=received,
        stored=counts[False],
        dropped=max(received - counts[False] - counts[True], 0),
        quarantined=counts[True],
        last_at=None if last is None else datetime.fromisoformat(last),
    )


def _sorted_out(
    observations: Sequence[Observation], known: Mapping[_Key, Observation]
) -> tuple[list[Observation], list[Quarantined]]:
    """Part new readings from those that contradict one that came before."""
    seen, fresh, conflicts = dict(known), [], []
    for one in observations:
        before = seen.setdefault(_key(one), one)
        if before is one:
            fresh.append(one)
        elif before.value != one.value:
            text = f"another value for the same moment: {one.value:g} after {before.value:g}"
            raw = json.dumps(_as_json(one), ensure_ascii=False, sort_keys=True)
            conflicts.append(Quarantined(reason=text, raw=raw, received_at=one.received_at.isoformat()))
    return fresh, conflicts


def _begin(store: Store, feed: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make sure that the feed's run is there with the newest parameters; return its figures so far."""
    row = _feed_run(store, feed)
    wanted = {**facts, "name": feed}
    if row is None or wanted != row.params:
        # What gauges say is true of the place, whichever survey of it one looks at.
        store.manifest.of_epoch(None).begin_run(_run(feed), STAGE, wanted, {})
        # A feed goes on for ever: its run is done at every moment, and beginning must not forget its figures.
        store.manifest.finish_run(_run(feed), {} if row is None else row.figures)
    return {} if row is None else row.figures


def _commit(store: Store, feed: str, day: str, lines: Sequence[Mapping[str, Any]], source: str) -> str:
    text = "".join(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines)
    content = text.encode(errors="backslashreplace")  # half a surrogate pair becomes the JSON escape that it came as
    checksum = _checksum(content)
    path = f"observations/{feed}/{day}/{checksum[:16]}.jsonl"
    write_bytes(store.path / path, content, scratch=store.scratch)
    last = max((line["observed_at"] for line in lines if "observed_at" in line), default="")
    report = {"day": day, "lines": len(lines), "last_at": last}
    store.manifest.commit_artefact(_run(feed), f"{day}/{checksum[:16]}", path, checksum, source, report)
    return path


def _readings(store: Store, feed: str, days: set[str] | None = None) -> Iterator[Observation]:
    run = _feed_run(store, feed)
    facts = {} if run is None else run.params
    for row in _segments(store, feed):
        if row.report["day"] != _QUARANTINE and (days is None or row.report["day"] in days):
            yield from (_with_datum(_from_json(feed, line), facts) for line in _lines(store, row))


def _with_datum(one: Observation, facts: Mapping[str, Any]) -> Observation:
    """Put the datum that the feed's facts know on a height; leave what they do not speak of."""
    if "datums" not in facts or one.quantity not in facts.get("heights", ()):
        return one
    datum = facts["datums"].get(one.entity)
    vertical = None if datum is None else VerticalDatum(datum["name"], datum["epoch"])
    return one if vertical == one.vertical else replace(one, vertical=vertical)


def _segments(store: Store, feed: str) -> Iterable[ArtefactRow]:
    return list(store.manifest.artefacts(_run(feed)).values())


def _lines(store: Store, row: ArtefactRow) -> list[dict[str, Any]]:
    path = store.path / row.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: a segment of the history cannot be read: {error.strerror}") from None
    if _checksum(content) != row.checksum:
        raise StoreError(f"{path}: the segment's bytes changed since they were written; restore it from a copy")
    return [json.loads(line) for line in content.splitlines()]


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _feed_run(store: Store, feed: str) -> RunRow | None:
    return next((row for row in store.manifest.runs() if row.run == _run(feed)), None)


def _run(feed: str) -> str:
    return digest(STAGE, feed)


def _key(one: Observation) -> _Key:
    return one.entity, one.quantity, one.observed_at


def _aside(one: Quarantined) -> tuple[str, str]:
    return one.reason, one.raw


def _day(one: Observation) -> str:
    return one.observed_at.astimezone(UTC).date().isoformat()


def _as_json(one: Observation) -> dict[str, Any]:
    vertical = None if one.vertical is None else {"name": one.vertical.name, "epoch": one.vertical.epoch}
    return {
        "entity": one.entity,
        "kind": one.kind,
        "quantity": one.quantity,
        "value": one.value,
        "unit": one.unit,
        "observed_at": one.observed_at.astimezone(UTC).isoformat(),
        "received_at": one.received_at.astimezone(UTC).isoformat(),
        "name": one.name,
        "longitude_deg": one.longitude_deg,
        "latitude_deg": one.latitude_deg,
        "vertical": vertical,
    }


def _from_json(feed: str, line: Mapping[str, Any]) -> Observation:
    vertical = line["vertical"]
    times = {name: datetime.fromisoformat(line[name]) for name in ("observed_at", "received_at")}
    datum = None if vertical is None else VerticalDatum(vertical["name"], vertical["epoch"])
    return Observation(feed=feed, **{**line, **times, "vertical": datum})
