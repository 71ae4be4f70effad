"""What the manifest keeps of a delivered file: number, digest, and what was found in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.ingest.cells import CellScheme
from pipelines.ingest.content import content_findings, content_of
from pipelines.ingest.fragments import open_fragment
from pipelines.ingest.merge import column_names
from tiles.manifest import SourceRow
from tiles.storage import place_of
from twin.errors import StoreError, TwinError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.ingest.admission import Admission
    from pipelines.ingest.content import Content
    from pipelines.ingest.fragments import Fragment
    from pipelines.ingest.params import IngestParams
    from pipelines.ingest.placement import Placement
    from pipelines.ingest.scatter import ScatterTask

__all__ = ["numbers_of", "refused_row", "source_rows", "why_skipped"]

_MAX_SOURCES = 65_536
"""Files that the ``source`` column can number."""


def numbers_of(taken: Sequence[Admission], gives_way: Mapping[str, SourceRow], first: int) -> dict[str, int]:
    """Return the number of each file that is taken, by its digest.

    A file takes over the number of the one that gives way, so that its points stand where they would stand had it come
    first; all others are numbered from `first` on, in the order given.

    Raises
    ------
    StoreError
        If there are more files than numbers.
    """
    others = [admission.digest for admission in taken if admission.digest not in gives_way]
    if first + len(others) > _MAX_SOURCES:
        raise StoreError(f"an epoch numbers at most {_MAX_SOURCES} files; begin another, or another store")
    numbers = {digest: first + index for index, digest in enumerate(others)}
    return {one.digest: gives_way[one.digest].id if one.digest in gives_way else numbers[one.digest] for one in taken}


def source_rows(
    taken: Sequence[Admission],
    fragments: Mapping[str, Sequence[ScatterTask]],
    numbers: Mapping[str, int],
    params: IngestParams,
) -> list[SourceRow]:
    """Describe the files that are taken, in order of their numbers; `fragments` and `numbers` go by digest."""
    rows = [
        _source_row(numbers[admission.digest], admission, fragments[admission.digest], params) for admission in taken
    ]
    return sorted(rows, key=lambda row: row.id)


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


def _source_row(number: int, admission: Admission, tasks: Sequence[ScatterTask], params: IngestParams) -> SourceRow:
    fragments = [open_fragment(place_of(task.fragment)) for task in tasks]
    content = content_of([fragment.meta["content"] for fragment in fragments])
    places = {"columns": list(column_names(fragments[0])) if fragments else [], "level0": _level0(tasks, fragments)}
    return SourceRow(
        id=number,
        uri=admission.source,
        digest=admission.digest,
        size=admission.state.size,
        n_points=content.n_points if content else 0,
        state="done",
        meta={**_meta(admission, content, params), **places},
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
        "heights": _heights(admission.placement),
        "converted": bool(admission.placement.source_wkt or admission.placement.changes_height),
        "shifts": [[shift.strip, *shift.move_m] for shift in admission.placement.shifts],
        "refraction": admission.placement.refraction.as_json() if admission.placement.refraction else {},
        "kind": params.kind,
        "box": [*low, *high],
        "standard_gps_time": header.standard_gps_time,
        "extra": [column.field for column in header.extra],
        "remarks": [*admission.remarks, *(finding.message for finding in findings)],
        **(content.as_json() if content else {}),
    }


def _heights(placement: Placement) -> dict[str, Any]:
    """Return how heights came to the store's datum: from what to what, and by which grids; empty if they did not."""
    if not (placement.height_steps or placement.height_shift_m or placement.height_factor < 0):
        return {}
    grids = [
        {"file": Path(file.path).name, "digest": file.digest, "model": file.model, "base": file.base,
         "surface": file.surface, "sign": step.sign}
        for step in placement.height_steps
        for file in step.files
    ]  # fmt: skip
    source, target = placement.datums
    depths = {"depths": True} if placement.height_factor < 0 else {}
    return {"from": source, "to": target, "shift_m": placement.height_shift_m, "grids": grids, **depths}


def _reading(params: IngestParams) -> dict[str, Any]:
    """Return what the user said about how files are read."""
    return {
        "bbox": list(params.bbox) if params.bbox is not None else [],
        "columns": params.columns,
        "pdal": params.pdal,
        "bad_rows_share": params.bad_rows_share,
    }


def _level0(tasks: Sequence[ScatterTask], fragments: Sequence[Fragment]) -> list[list[int]]:
    """Return column and row of each level-0 tile that a file has points in: where to look for them again."""
    places: set[tuple[int, int]] = set()
    for task, fragment in zip(tasks, fragments, strict=True):
        cells = fragment.cells[:, :2] >> CellScheme.of(task.edge_m).split
        places.update(map(tuple, np.unique(cells, axis=0).tolist()))
    return sorted(map(list, places))


def why_skipped(uri: str, known: str) -> str:
    """Say why a file is not taken: it is in itself, however its path was written, or its bytes are by another name."""
    if Path(uri).absolute() == Path(known).absolute():
        return "in the store already"
    return f"the same bytes as {known}, which are in already"
