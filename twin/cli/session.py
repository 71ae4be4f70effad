"""What every command shares: options, progress, the one JSON line, and exit codes."""

from __future__ import annotations

import errno
import json
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twin.cli.progress import ProgressStyle, open_progress
from twin.errors import ConfigError, TwinError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipelines.executors import Executor
    from twin.config import Settings
    from twin.progress import Progress

__all__ = ["CommonOptions", "Session", "run_command"]

_LEAST_MEMORY = 300_000_000
"""Bytes; ingest of a small file peaks at 180 to 250 MB in its process, most of it libraries."""
EXIT_DONE, EXIT_PARTLY, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_TERMINATED = 0, 1, 2, 130, 143


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """Options that every command takes."""

    as_json: bool = False
    progress: ProgressStyle = "auto"
    workers: int = 0
    memory: str = "4GB"
    scheduler: str = ""
    wait: float = 120.0
    executor: str = ""
    overrides: Sequence[str] = ()


@dataclass(slots=True)
class Session:
    """One command's run: where it reports to, and what it will say at the end."""

    command: str
    options: CommonOptions
    progress: Progress
    counts: dict[str, Any] = field(default_factory=dict)
    failed: list[Any] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Print one line for people; with ``--json`` it goes to standard error."""
        print(text, file=sys.stderr if self.options.as_json else sys.stdout, flush=True)

    def count(self, **figures: Any) -> None:
        """Add figures to the JSON result."""
        self.counts.update(figures)

    def fail(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """List inputs or tiles that could not be done; the rest went on."""
        self.failed.extend(entries)
        for entry in entries:
            self.say("failed: " + ", ".join(f"{key} {value}" for key, value in entry.items()))

    def tell(self, what: str, text: str, seconds: float = 0.0, *, skipped: bool = False) -> None:
        """Print one line about a stage: what it did and how long it took, or that there was nothing to do."""
        if skipped:
            self.say(f"{what}: nothing to do: {text}")
        else:
            self.say(f"{what}: {text}" + (f" ({seconds:.1f} s)" if seconds else ""))

    def overrides(self) -> Settings:
        """Return the ``--set`` layers.

        Raises
        ------
        ConfigError
            If one is malformed.
        """
        from twin.config import Settings, parse_override

        return Settings(layers=tuple(parse_override(text) for text in self.options.overrides))

    @contextmanager
    def executor(self, small: bool = False) -> Iterator[Executor]:
        """Start the executor that the options ask for; `small` jobs stay in this process unless told otherwise."""
        from pipelines.executors import ExecutorParams, open_executor

        kind = self.options.executor or ("sequential" if small and not self.options.scheduler else "dask")
        params = ExecutorParams(
            kind=kind,  # type: ignore[arg-type]  # open_executor refuses what is not one
            workers=_workers(self.options.workers),
            memory_bytes=_memory(self.options.memory),
            scheduler=self.options.scheduler,
            worker_wait_s=_seconds(self.options.wait),
        )
        with open_executor(params, self.say) as executor:
            yield executor


def run_command(command: str, options: CommonOptions, body: Any) -> int:
    """Run ``body(session)``, print its result, and return the exit code."""
    started = time.perf_counter()
    _quiet_libraries()
    with open_progress(options.progress, as_json=options.as_json) as progress:
        session = Session(command, options, progress)
        code, error = _guarded(body, session)
    if error:
        print(f"twin {command}: {error}", file=sys.stderr)
    if options.as_json:
        result = {
            "command": command,
            "ok": code == EXIT_DONE,
            "seconds": round(time.perf_counter() - started, 3),
            "failed": session.failed,
            **({"error": error} if error else {}),
            **session.counts,
        }
        print(json.dumps(result, ensure_ascii=False, default=str), flush=True)
    return code


def parse_bytes(text: str) -> int:
    """Read a size such as ``1500MB``, ``2GiB`` or ``800000000``.

    Raises
    ------
    ConfigError
        If the text is no size.

    Examples
    --------
    >>> parse_bytes("1.5 GB")
    1500000000
    """
    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
    compact = text.replace(" ", "").upper()
    number = compact.rstrip("KMGIB")
    try:
        return int(float(number) * units[compact[len(number) :]])
    except (ValueError, KeyError):
        raise ConfigError(f"--memory {text!r}: write a size such as 1500MB or 2GiB") from None


def _memory(text: str) -> int:
    size = parse_bytes(text)
    if size < _LEAST_MEMORY:  # a worker that cannot even start is restarted for ever
        raise ConfigError(f"--memory {text!r}: a worker needs at least {_LEAST_MEMORY // 10**6} MB")
    return size


def _workers(number: int) -> int:
    if number < 0:
        raise ConfigError(f"--workers {number}: give a number of workers, or 0 for one per core")
    return number


def _seconds(number: float) -> float:
    if not 0 < number < float("inf"):
        raise ConfigError(f"--wait {number:g}: give a positive number of seconds")
    return number


class _Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM, which SLURM, Kubernetes and systemd send, end the work in order, as Ctrl-C does."""

    def end(number: int, frame: Any) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _guarded(body: Any, session: Session) -> tuple[int, str]:
    try:
        with _terminable():
            body(session)
    except ConfigError as error:
        return EXIT_USAGE, str(error)
    except TwinError as error:
        return EXIT_PARTLY, str(error)
    except OSError as error:
        return EXIT_PARTLY, _sentence(error)
    except _Terminated:
        return EXIT_TERMINATED, "terminated; what was finished stays, a rerun goes on from there"
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED, "interrupted; what was finished stays, a rerun goes on from there"
    return (EXIT_PARTLY if session.failed else EXIT_DONE), ""


def _sentence(error: OSError) -> str:
    """Say what the operating system said, where, and what to do if the disk is full."""
    where = f"{error.filename}: " if error.filename else ""
    way = "; make room and run it again" if error.errno == errno.ENOSPC else ""
    return f"{where}{error.strerror or error}{way}"


def _quiet_libraries() -> None:
    """Keep other people's warnings off the screen: our own findings are errors or report lines."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
