"""What a piece of work cost: wall time, CPU time, peak memory."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Meter"]

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(slots=True)
class Meter:
    """A context that measures its body; figures are there after it ends.

    Peak memory is the process's resident high-water mark. Linux can reset the mark, so there it belongs to this body;
    elsewhere it is the mark since the process began.
    """

    seconds: float = field(default=0.0, init=False)
    cpu_seconds: float = field(default=0.0, init=False)
    peak_mb: float = field(default=0.0, init=False)
    _wall: float = field(default=0.0, init=False, repr=False)
    _cpu: float = field(default=0.0, init=False, repr=False)

    def __enter__(self) -> Meter:
        _reset_peak()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self._cpu
        self.peak_mb = _peak_mb()

    def figures(self) -> dict[str, float]:
        """Return the three figures by name, rounded for people."""
        return {
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_mb": round(self.peak_mb, 1),
        }


def _reset_peak() -> None:
    try:
        _CLEAR_REFS.write_text("5")
    except OSError:
        return  # not Linux, or not allowed: the mark since the process began is still a true bound


def _peak_mb() -> float:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
