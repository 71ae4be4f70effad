"""First look at each file: its header and what it states, the same gate as ingest's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.ingest.gate import examine
from tiles.pointfiles import state_of, without_records, worth_carrying

if TYPE_CHECKING:
    from pipelines.ingest.gate import Examination
    from pipelines.ingest.params import IngestParams
    from tiles.pointfiles import FileState, PointHeader

__all__ = ["Intake", "IntakeTask", "look_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeTask:
    """One file to look at."""

    source: str
    params: IngestParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What is known of a file before its points are read."""

    examined: Examination
    """Without the header's variable-length records."""
    state: FileState
    """How the file stood on the disk then."""
    carried: PointHeader | None
    """Header to give to tasks, where reading it again is slow."""


def look_at(task: IntakeTask) -> Intake:
    """Examine a file's header; no point is read.

    Raises
    ------
    FormatError
        If the file cannot be reached.
    """
    path = Path(task.source)
    state = state_of(path)
    examined, carried = examine(path, task.params), None
    if examined.header is not None:
        carried = worth_carrying(examined.header)
        examined = replace(examined, header=without_records(examined.header))
    return Intake(examined=examined, state=state, carried=carried)
