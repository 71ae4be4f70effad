"""Pass one, a task for each file: what it is, whether it is taken, and a digest of its bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.ingest.gate import examine
from pipelines.ingest.placement import Placement, place, stray_remark
from tiles.atomic import tree_checksum
from tiles.store import Store
from twin.errors import FormatError, TwinError

if TYPE_CHECKING:
    from pipelines.ingest.params import IngestParams
    from tiles.las import LasHeader

__all__ = ["Admission", "AdmissionTask", "admit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionTask:
    """One file to look at."""

    source: str
    store: str
    params: IngestParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A file that is taken."""

    source: str
    size: int
    modified_ns: int
    digest: str
    """BLAKE2b-128 of the file's bytes: two deliveries of the same bytes are one source."""
    header: LasHeader
    """Without its variable-length records."""
    crs: str
    """Code of the CRS the file is in; empty for a file without points."""
    vertical: str
    """What its heights are above."""
    placement: Placement
    remarks: tuple[str, ...]


def admit(task: AdmissionTask) -> Admission:
    """Check a file's header and digest its bytes; no point is decoded.

    Raises
    ------
    TwinError
        If it is refused; the message names the file and the way out.
    """
    path = Path(task.source)
    examined = examine(path, task.params)
    if examined.refusal is not None or examined.header is None:
        raise FormatError(examined.refusal or f"{path.name}: no header")
    store = Store.open(task.store)
    placement = place(examined, store.crs, store.vertical, task.params.convert)
    stray = stray_remark(examined.header, placement, store.crs)
    try:
        facts = path.stat()
        return Admission(
            source=task.source,
            size=facts.st_size,
            modified_ns=facts.st_mtime_ns,
            digest=tree_checksum(path),
            header=replace(examined.header, vlrs=()),
            crs=examined.crs.code if examined.crs else "",
            vertical=str(examined.vertical) if examined.vertical else "",
            placement=placement,
            remarks=(*(finding.message for finding in examined.findings), *([stray] if stray else [])),
        )
    except OSError as error:
        raise TwinError(f"{path.name}: cannot be read: {error.strerror}") from None
