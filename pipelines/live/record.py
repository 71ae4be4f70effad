"""Recording a feed as it comes: one JSON line a message, with the time at which it came.

Nothing is interpreted here, so a mistake in a feed's preset costs nothing: correct it and replay. A poll that fails
is a line too, with its reason.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["RecordParams", "RecordSummary", "record", "record_stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordParams:
    """How to poll."""

    seconds: float = 60.0
    """Time between two polls, seconds; gauges report every 10 minutes, so a minute loses nothing."""
    polls: int = 0
    """How many polls; 0 goes on until interrupted."""
    timeout_s: float = 20.0
    """When a poll counts as failed, seconds; brokers answer within a few."""

    def __post_init__(self) -> None:
        if self.seconds < 0 or self.polls < 0 or self.timeout_s <= 0:
            raise ValueError("seconds and polls must not be negative, timeout_s must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSummary:
    """What was recorded."""

    messages: int
    """Messages with a payload."""
    failures: tuple[str, ...]
    """Reasons of the polls or lines without one."""
    bytes: int
    """Written to the file."""


def record(
    out: Path,
    url: str,
    params: RecordParams | None = None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    wait: Callable[[float], None] = time.sleep,
) -> RecordSummary:
    """Poll an HTTP endpoint and append what it answers to a file of JSON lines.

    Parameters
    ----------
    out
        Recording to create or continue.
    url
        Endpoint with its query, such as ``https://broker/v2/entities?type=WaterObserved``.
    params
        How often and how long.
    now, wait
        The clock, for tests.

    Raises
    ------
    ConfigError
        If the address is not http or https.
    """
    import httpx

    params = params or RecordParams()
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{url!r}: give an address that begins with http:// or https://")
    failures: list[str] = []
    messages = written = polls = 0
    with httpx.Client(timeout=params.timeout_s, follow_redirects=True) as client, _continued(out) as file:
        while True:
            entry: dict[str, Any] = {"received_at": now().isoformat()}
            try:
                answer = client.get(url, headers={"Accept": "application/json"})
                answer.raise_for_status()
                entry["payload"] = answer.json()
                messages += 1
            except (httpx.HTTPError, ValueError) as error:
                failures.append(" ".join(str(error).split()) or type(error).__name__)
                entry |= {"payload": None, "error": failures[-1]}
            written += _write(file, entry)
            polls += 1
            if polls == params.polls:
                return RecordSummary(messages=messages, failures=tuple(failures), bytes=written)
            wait(params.seconds)


def record_stream(
    out: Path, lines: Iterable[str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> RecordSummary:
    """Append messages that come as lines of JSON, from a pipe or a file, with the time at which each came."""
    failures: list[str] = []
    messages = written = 0
    with _continued(out) as file:
        for line in lines:
            if not line.strip():
                continue
            entry: dict[str, Any] = {"received_at": now().isoformat()}
            try:
                entry["payload"] = json.loads(line)
                messages += 1
            except ValueError as error:
                failures.append(f"not JSON: {error}")
                entry |= {"payload": line.rstrip("\n"), "error": failures[-1]}
            written += _write(file, entry)
    return RecordSummary(messages=messages, failures=tuple(failures), bytes=written)


def _continued(out: Path) -> BinaryIO:
    """Open a recording to append to; half a line that a killed recorder left is ended first."""
    out.parent.mkdir(parents=True, exist_ok=True)
    torn = out.exists() and out.stat().st_size > 0 and not _ends_a_line(out)
    file = out.open("ab")
    if torn:
        file.write(b"\n")
    return file


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _write(file: BinaryIO, entry: dict[str, Any]) -> int:
    # Half a surrogate pair in a broker's answer becomes the JSON escape that it came as.
    line = (json.dumps(entry, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
    file.write(line)
    file.flush()
    return len(line)
