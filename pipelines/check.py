"""Acceptance of a delivered file, without a store: what is wrong with it, in sentences.

The gate (`pipelines.ingest.gate`) decides what is refused, for this check and for ingest alike. Here the points are
read as well, and everything else worth a remark is counted: a header that does not fit, duplicates, classes, density.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from pipelines.ingest.content import Content, content_findings, count_content
from pipelines.ingest.gate import examine
from pipelines.ingest.params import IngestParams
from tiles.pointfiles import read_records
from twin.acceptance import Finding, SourceReport, verdict_of
from twin.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tiles.pointfiles import PointHeader

__all__ = ["check_source", "count_duplicates"]

_DENSITY_CELL_M = 2.0
"""Edge of the cells whose number is the occupied area; several points fall into one at 1 point/m2 and more."""
_MAX_HASHES = 1 << 24
"""Points compared when duplicates are sought: 128 MB. In larger files every 2nd, 4th... by hash is compared."""
_SEVERITIES = ("error", "warning", "info")


def check_source(
    path: str | Path, *, crs: str | None = None, vertical: str | None = None, params: IngestParams | None = None
) -> SourceReport:
    """Inspect one file.

    Parameters
    ----------
    path
        A file of points in any format that is read.
    crs, vertical
        What the file's coordinates and heights refer to, if it does not say so itself.
    params
        All that ingest would be told; `crs` and `vertical` go before it.

    Notes
    -----
    Reads every point once, in chunks; about 1.3 M points/s on one core.
    """
    source = Path(path)
    given = params or IngestParams()
    told = IngestParams(
        crs=crs or given.crs,
        vertical=vertical or given.vertical,
        kind=given.kind,
        convert=given.convert,
        bbox=given.bbox,
        columns=given.columns,
        pdal=given.pdal,
        bad_rows_share=given.bad_rows_share,
    )
    examined = examine(source, told)
    findings = list(examined.findings)
    n_points = examined.header.n_points if examined.header else 0
    if examined.header is not None and n_points:
        try:
            is_metric = examined.crs is not None and examined.crs.is_metric
            findings += _points_findings(examined.header, is_metric)
        except FormatError as error:
            findings.append(Finding(rule="format", severity="error", message=str(error)))
    findings.sort(key=lambda finding: _SEVERITIES.index(finding.severity))
    return SourceReport(uri=str(path), verdict=verdict_of(findings), points=n_points, findings=tuple(findings))


def count_duplicates(hashes: NDArray[np.uint64]) -> int:
    """Return how many entries repeat an earlier one; `hashes` has shape (n,) and is sorted in place."""
    hashes.sort()
    return int(np.count_nonzero(hashes[1:] == hashes[:-1]))


def _points_findings(header: PointHeader, is_metric: bool) -> list[Finding]:
    """Read all points and say what they show."""
    parts: list[Content] = []
    hashes: list[NDArray[np.uint64]] = []
    cells: list[NDArray[np.int64]] = []
    stride = 1
    while header.n_points // stride > _MAX_HASHES:
        stride *= 2
    for _, records in read_records(header):
        parts.append(count_content(records, header.point_format))
        found = _hashes(records)
        hashes.append(found[found % stride == 0] if stride > 1 else found)
        cells.append(_occupied(header, records))
    content = Content.total(parts)
    if content is None:
        return []
    repeated = count_duplicates(np.concatenate(hashes)) * stride
    occupied_m2 = len(np.unique(np.concatenate(cells))) * _DENSITY_CELL_M**2
    findings = content_findings(header, content)
    return findings + _facts(header, content, repeated, stride > 1, occupied_m2 if is_metric else None)


def _facts(
    header: PointHeader, content: Content, repeated: int, is_estimate: bool, occupied_m2: float | None
) -> list[Finding]:
    name = header.path.name
    facts = []
    if repeated:
        about = "about " if is_estimate else ""
        message = f"{name}: {about}{repeated} of {content.n_points} points repeat another in place, time and return"
        facts.append(Finding(rule="duplicates", severity="warning", message=message))
    version = f"{header.file_format} {header.version[0]}.{header.version[1]}, point format {header.point_format}"
    facts.append(Finding(rule="point_format", severity="info", message=f"{name}: {version}"))
    classes = ", ".join(f"{code}: {n}" for code, n in enumerate(content.classes) if n)
    facts.append(Finding(rule="classes", severity="info", message=f"{name}: points by class {classes}"))
    if occupied_m2:
        density = content.n_points / occupied_m2
        message = f"{name}: {density:.2f} points/m2 where there are points ({occupied_m2:.0f} m2)"
        facts.append(Finding(rule="density", severity="info", message=message))
    return facts


def _occupied(header: PointHeader, records: NDArray[Any]) -> NDArray[np.int64]:
    """Return numbers of the occupied cells, as one integer each."""
    column, row = (
        np.floor((records[name] * header.scale[axis] + header.offset[axis]) / _DENSITY_CELL_M).astype(np.int64)
        for axis, name in enumerate("XY")
    )
    return np.unique((row << 32) + column)


def _hashes(records: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a hash of each point's place, time and return, shape (n,)."""
    names = records.dtype.names or ()
    time = records["gps_time"] if "gps_time" in names else np.zeros(len(records))
    return _mixed(
        np.ascontiguousarray(records["X"]),
        np.ascontiguousarray(records["Y"]),
        np.ascontiguousarray(records["Z"]),
        np.ascontiguousarray(records["returns"]),
        np.ascontiguousarray(time).view(np.uint64),
    )


@numba.njit(cache=True, nogil=True)
def _mixed(
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    z: NDArray[np.int32],
    returns: NDArray[np.uint8],
    time: NDArray[np.uint64],
) -> NDArray[np.uint64]:
    result = np.empty(x.size, np.uint64)
    factor, shift = np.uint64(0xBF58476D1CE4E5B9), np.uint64(29)
    for i in range(x.size):
        h = np.uint64(np.uint32(x[i])) | (np.uint64(np.uint32(y[i])) << np.uint64(32))
        h = (h ^ (h >> shift)) * factor
        h ^= np.uint64(np.uint32(z[i])) | (np.uint64(returns[i]) << np.uint64(32))
        h = (h ^ (h >> shift)) * factor
        h ^= time[i]
        h = (h ^ (h >> shift)) * factor
        result[i] = h ^ (h >> np.uint64(32))
    return result
