"""Progress on the screen: a bar for people, lines for logs, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from twin.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.progress import Progress

__all__ = ["ProgressStyle", "open_progress"]

ProgressStyle = Literal["auto", "bar", "plain", "json", "none"]
_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def open_progress(style: ProgressStyle, *, as_json: bool) -> Iterator[Progress]:
    """Choose a listener: ``auto`` is a bar on a terminal and nothing elsewhere; all of them write to standard error."""
    if style == "auto":
        style = "bar" if sys.stderr.isatty() and not as_json else "none"
    if style == "bar":
        with _Bar() as bar:
            yield bar
    elif style in ("plain", "json"):
        yield _Lines(as_json=style == "json")
    else:
        yield Silent()


class _Lines:
    """A line now and then: stage, done, total, rate, time left."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._stage, self._unit, self._total, self._done = "", "", 0, 0
        self._started = self._printed = 0.0

    def start(self, stage: str, total: int, unit: str) -> None:
        self._stage, self._unit, self._total, self._done = stage, unit, total, 0
        self._started = time.monotonic()
        self._print()

    def advance(self, n: int) -> None:
        self._done += n
        if time.monotonic() - self._printed >= _SECONDS_BETWEEN_LINES:
            self._print()

    def finish(self) -> None:
        if self._stage:
            self._print()

    def _print(self) -> None:
        self._printed = time.monotonic()
        elapsed = self._printed - self._started
        rate = self._done / elapsed if elapsed > 0 else 0.0
        left = (self._total - self._done) / rate if rate > 0 else None
        if self._as_json:
            record = {"stage": self._stage, "done": self._done, "total": self._total, "unit": self._unit}
            timing = {"per_second": round(rate, 1), "seconds_left": None if left is None else round(left, 1)}
            print(json.dumps(record | timing), file=sys.stderr, flush=True)
        else:
            tail = f", {rate:,.0f} {self._unit}/s, {left:,.0f} s left" if left is not None else ""
            print(f"{self._stage}: {self._done:,} of {self._total:,} {self._unit}{tail}", file=sys.stderr, flush=True)


class _Bar:
    """A rich progress bar a stage."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.text import Text

        class RateColumn(ProgressColumn):
            def render(self, task: Any) -> Text:
                return Text(f"{task.speed:,.0f}/s" if task.speed else "")

        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            RateColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: Any = None

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def start(self, stage: str, total: int, unit: str) -> None:
        self.finish()
        self._task = self._bar.add_task(stage, total=total, unit=unit)

    def advance(self, n: int) -> None:
        if self._task is not None:
            self._bar.advance(self._task, n)

    def finish(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
