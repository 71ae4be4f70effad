"""What a command costs: wall time, CPU time of its whole process tree, and the peak memory of each of its processes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cost", "busy_seconds", "measure", "own_seconds"]

_PERIOD_S = 0.1
"""Between two looks at the processes. Linux keeps each one's high-water mark, so a short peak is not missed."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of a command took."""

    wall_s: float
    cpu_s: float
    """User and system time of the command and of all processes that it started."""
    peak_client_mb: float
    """Largest resident memory of the command's own process."""
    peak_worker_mb: float
    """Largest resident memory of any process that it started; 0 without one."""
    others_cores: float
    """Cores that the rest of the machine kept busy meanwhile: how quiet it was."""
    answer: Any = None
    """The JSON object on the last line that it printed, if there was one."""

    def as_dict(self) -> dict[str, Any]:
        """Return the figures without the answer, rounded."""
        figures = {name: value for name, value in asdict(self).items() if name != "answer"}
        return {name: round(value, 3) for name, value in figures.items()}


def measure(command: list[str], *, log: Path, env: dict[str, str] | None = None, timeout_s: float = 7200.0) -> Cost:
    """Run a command to its end and return its cost.

    Parameters
    ----------
    command
        Program and arguments.
    log
        File that gets what it prints.
    env
        Variables beside those of this process.
    timeout_s
        It is killed after this long.

    Raises
    ------
    RuntimeError
        If it fails; the message holds the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    busy_before, started = busy_seconds(), time.perf_counter()
    tree = _Tree()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )
        usage = None
        while usage is None:
            tree.look(process.pid)
            found, status, rusage = os.wait4(process.pid, os.WNOHANG)
            if found:
                usage, process.returncode = rusage, os.waitstatus_to_exitcode(status)
            elif time.perf_counter() - started > timeout_s:
                process.kill()
            else:
                time.sleep(_PERIOD_S)
    wall = time.perf_counter() - started
    # The kernel counts the descendants that were waited for; a look at the living ones also sees orphans.
    cpu = max(usage.ru_utime + usage.ru_stime, tree.cpu_s)
    busy = busy_seconds() - busy_before
    text = log.read_text(errors="replace")
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)[:300]}: exit status {process.returncode}\n{text[-2000:]}")
    return Cost(
        wall_s=wall,
        cpu_s=cpu,
        peak_client_mb=tree.peak_mb(process.pid),
        peak_worker_mb=tree.peak_mb_of_others(process.pid),
        others_cores=max(0.0, busy - cpu) / wall,
        answer=_answer(text),
    )


class _Tree:
    """A process and all that it started, looked at from time to time."""

    def __init__(self) -> None:
        self._peaks: dict[int, float] = {}
        self._cpu: dict[int, float] = {}
        self._born: set[int] = set()

    def look(self, root: int) -> None:
        """Note memory and CPU time of all that is alive."""
        found = _family(root)
        for pid in found:
            facts = Path("/proc") / str(pid)
            try:
                status, stat = (facts / "status").read_text(), (facts / "stat").read_text()
            except OSError:
                continue  # it has just ended
            fields = stat.rpartition(")")[2].split()
            self._cpu[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
            if pid not in self._born and _is_being_born(pid):
                continue
            self._born.add(pid)
            marks = [line for line in status.splitlines() if line.startswith("VmHWM:")]
            if marks:
                self._peaks[pid] = max(self._peaks.get(pid, 0.0), int(marks[0].split()[1]) / 1024)

    @property
    def cpu_s(self) -> float:
        return sum(self._cpu.values())

    def peak_mb(self, pid: int) -> float:
        return self._peaks.get(pid, 0.0)

    def peak_mb_of_others(self, root: int) -> float:
        return max((peak for pid, peak in self._peaks.items() if pid != root), default=0.0)


def _family(root: int) -> list[int]:
    """Return a process and its living descendants; the kernel lists the children, as a look must cost little."""
    found = [root]
    for pid in found:
        try:
            for thread in (Path("/proc") / str(pid) / "task").iterdir():
                found.extend(map(int, (thread / "children").read_text().split()))
        except OSError:
            continue  # it has just ended
    return found


def _is_being_born(pid: int) -> bool:
    """Whether a process still shows its parent's memory, because it was forked and does not run its program yet."""
    place = Path("/proc") / str(pid)
    try:
        parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
        return (place / "cmdline").read_bytes() == (place.parent / parent / "cmdline").read_bytes()
    except OSError:
        return True


def own_seconds() -> float:
    """Return the CPU time of this process and of all that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def busy_seconds() -> float:
    """Return the CPU time that all processes of the machine have used since it started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, _, _, irq, softirq = (int(field) for field in fields[1:8])
    return (user + nice + system + irq + softirq) / _TICKS


def _answer(text: str) -> Any:
    lines = [line for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
    try:
        return json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
