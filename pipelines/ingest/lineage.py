"""What the manifest keeps of a delivered file: number, digest, and what was found in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.ingest.content import content_findings, content_of
from pipelines.ingest.fragments import open_fragment
from tiles.manifest import SourceRow
from twin.errors import StoreError, TwinError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.ingest.admission import Admission
    from pipelines.ingest.content import Content
    from pipelines.ingest.params import IngestParams
    from pipelines.ingest.scatter import ScatterTask

__all__ = ["refused_row", "source_rows"]

_MAX_SOURCES = 65_536
"""Files that the ``source`` column can number."""


def source_rows(
    taken: Sequence[Admission], fragments: Mapping[str, Sequence[ScatterTask]], first: int, params: IngestParams
) -> list[SourceRow]:
    """Give each file that is taken a number, from `first` on, and describe it.

    Raises
    ------
    StoreError
        If there are more files than numbers.
    """
    if first + len(taken) > _MAX_SOURCES:
        raise StoreError(f"a store numbers at most {_MAX_SOURCES} files; begin another store")
    return [
        _source_row(first + index, admission, [task.fragment for task in fragments[admission.digest]], params)
        for index, admission in enumerate(taken)
    ]


def refused_row(source: str, error: Exception) -> SourceRow:
    """Describe a file that is not taken; what is no fault of the file keeps its kind in the reason."""
    path = Path(source)
    reason = str(error) if isinstance(error, TwinError) else f"{path.name}: {type(error).__name__}: {error}"
    return SourceRow(
        id=-1,
        uri=source,
        digest="",
        size=path.stat().st_size if path.is_file() else 0,
        n_points=0,
        state="refused",
        reason=" ".join(reason.split()),
    )


def _source_row(number: int, admission: Admission, fragments: Sequence[str], params: IngestParams) -> SourceRow:
    content = content_of([open_fragment(Path(path)).meta["content"] for path in fragments])
    return SourceRow(
        id=number,
        uri=admission.source,
        digest=admission.digest,
        size=admission.size,
        n_points=content.n_points if content else 0,
        state="done",
        meta=_meta(admission, content, params),
    )


def _meta(admission: Admission, content: Content | None, params: IngestParams) -> dict[str, Any]:
    header = admission.header
    findings = content_findings(header, content) if content else []
    low, high = content.box(header) if content else ((), ())
    return {
        "format": header.file_format,
        "las": f"{header.version[0]}.{header.version[1]}",
        "read": {name: value for name, value in _reading(params).items() if value},
        "point_format": header.point_format,
        "crs": admission.crs,
        "vertical": admission.vertical,
        "converted": bool(admission.placement.source_wkt or admission.placement.changes_height),
        "shifts": [[shift.strip, *shift.move_m] for shift in admission.placement.shifts],
        "kind": params.kind,
        "epoch": params.epoch or "",
        "box": [*low, *high],
        "standard_gps_time": header.standard_gps_time,
        "extra": [column.field for column in header.extra],
        "remarks": [*admission.remarks, *(finding.message for finding in findings)],
        **(content.as_json() if content else {}),
    }


def _reading(params: IngestParams) -> dict[str, Any]:
    """Return what the user said about how files are read."""
    return {
        "bbox": list(params.bbox) if params.bbox is not None else [],
        "columns": params.columns,
        "pdal": params.pdal,
        "bad_rows_share": params.bad_rows_share,
    }
