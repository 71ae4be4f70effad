"""Pass one, a task for each file: what it is, whether it is taken, and a digest of its bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.ingest.gate import examine
from pipelines.ingest.geoids import declared_geoids
from pipelines.ingest.heights import Conversions
from pipelines.ingest.placement import Placement, place, stray_remark
from pipelines.ingest.refraction import declared_refraction
from tiles.pointfiles import digest_of, state_of, without_records
from tiles.store import Store
from twin.errors import FormatError, TwinError
from twin.zeros import read_zeros

if TYPE_CHECKING:
    from pipelines.ingest.params import IngestParams
    from pipelines.ingest.shifts import Shift
    from tiles.pointfiles import FileState, PointHeader

__all__ = ["Admission", "AdmissionTask", "admit", "conversions"]


def conversions(params: IngestParams) -> Conversions:
    """Return what may be used to convert, read from the files that the user names.

    Raises
    ------
    ConfigError
        If one of them cannot be read.
    """
    zeros = read_zeros(params.datums) if params.datums else None
    return Conversions(geoids=declared_geoids(params.geoid), zeros=zeros, accept_m=params.accept_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionTask:
    """One file to look at."""

    source: str
    store: str
    params: IngestParams
    shifts: tuple[Shift, ...] = ()
    """Of all files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A file that is taken."""

    source: str
    state: FileState
    """How the file stood on the disk then."""
    digest: str
    """BLAKE2b-128 of the file's bytes, and of how it is read: two deliveries of the same bytes are one source."""
    header: PointHeader
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
    state = state_of(path)  # before anything is read: what changes from now on is noticed
    examined = examine(path, task.params)
    if examined.refusal is not None or examined.header is None:
        raise FormatError(examined.refusal or f"{path.name}: no header")
    store = Store.open(task.store, new_epoch=True)
    means = conversions(task.params)
    placement = place(examined, store.crs, store.vertical, task.params.convert, means)
    placement = replace(placement, shifts=tuple(shift for shift in task.shifts if shift.concerns(path.name)))
    placement = replace(placement, refraction=declared_refraction(task.params, examined.header, store.crs))
    stray = stray_remark(examined.header, placement, store.crs)
    try:
        return Admission(
            source=task.source,
            state=state,
            digest=digest_of(path, task.params.reading),
            header=without_records(examined.header),
            crs=examined.crs.code if examined.crs else "",
            vertical=str(examined.vertical) if examined.vertical else "",
            placement=placement,
            remarks=(*(finding.message for finding in examined.findings), *([stray] if stray else [])),
        )
    except OSError as error:
        raise TwinError(f"{path.name}: cannot be read: {error.strerror}") from None
