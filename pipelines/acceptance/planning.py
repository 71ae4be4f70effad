"""How the work of a check is cut: ranges of rows to scan, files that belong together, blocks to reduce."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.acceptance.block_figures import BlockPart, BlockTask
from pipelines.acceptance.cells import CellGrid
from pipelines.acceptance.controls import inside_any
from pipelines.acceptance.pieces import INDEX_DTYPE
from pipelines.acceptance.scan import ScanTask
from pipelines.acceptance.sheets import sheet_bounds
from tiles.pointfiles import row_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipelines.acceptance.block_figures import BlockRules
    from pipelines.acceptance.footprint import Area
    from pipelines.acceptance.params import AcceptanceParams
    from pipelines.acceptance.strips import StripTable
    from pipelines.acceptance.totals import FileTotals
    from pipelines.ingest.params import IngestParams

__all__ = ["System", "block_tasks", "box_of", "by_system", "hash_stride", "is_metric", "scan_tasks"]

_MAX_HASHES = 1 << 30
"""Points compared when repeated ones are sought: 8 GB of scratch. Of more, every 2nd, 4th... by hash is compared."""
_BATCH_POINTS, _BATCH_BLOCKS = 4_000_000, 64
"""A reduce task ends with the block that brings it to so many points or blocks."""
_DEGREES = 1e-5
"""Cell in degrees where coordinates are angles: about a metre, for repeated points only."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class System:
    """What the coordinates of some files refer to; only files of one system are compared."""

    crs: str
    vertical: str

    @property
    def name(self) -> str:
        """Both, for people."""
        return ", ".join(part for part in (self.crs or "unknown CRS", self.vertical) if part)


def hash_stride(files: Sequence[FileTotals]) -> int:
    """Return of how many hashes one is kept; a power of two."""
    total = sum(file.header.n_points for file in files if file.header)
    stride = 1
    while total // stride > _MAX_HASHES:
        stride *= 2
    return stride


def is_metric(file: FileTotals) -> bool:
    """Whether a file's cells are cells of metres."""
    crs = file.intake.examined.crs if file.intake else None
    return crs is not None and crs.is_metric


def box_of(file: FileTotals) -> tuple[float, float, float, float] | None:
    """Return (xmin, ymin, xmax, ymax) as a file's header states them; None without points."""
    header = file.header
    if header is None or not header.n_points:
        return None
    return header.mins[0], header.mins[1], header.maxs[0], header.maxs[1]


def scan_tasks(
    files: Sequence[FileTotals],
    ingest: IngestParams,
    params: AcceptanceParams,
    places: NDArray[np.float64],
    folder: Path,
) -> list[ScanTask]:
    """Return a task for each range of rows of each file; `places` are (east, north) of control points, shape (n, 2)."""
    stride, tasks = hash_stride(files), []
    for file in files:
        header, intake, box = file.header, file.intake, box_of(file)
        if header is None or intake is None or box is None:
            continue
        near = np.flatnonzero(inside_any(places, [box], params.control_radius_m))
        sheet = sheet_bounds(file, params)
        grid = CellGrid(
            scale=header.scale,
            offset=header.offset,
            cell=_cell(file, params.density_cell_m),
            height_factor=intake.examined.height_factor,
        )
        tasks += [
            ScanTask(
                source=file.uri,
                number=file.number,
                state=intake.state,
                header=intake.carried,
                reading=ingest.reading,
                start=start,
                stop=stop,
                grid=grid,
                chunk_rows=ingest.chunk_rows,
                strip_gap_s=params.strip_gap_s,
                stride=stride,
                controls=places[near],
                control_numbers=near,
                radius=params.control_radius_m,
                sheet=sheet,
                piece=str(folder / f"{file.number}-{start}.cells"),
            )
            for start, stop in row_ranges(header, ingest.rows_per_task)
        ]
    return tasks


def by_system(files: Sequence[FileTotals]) -> list[tuple[System, list[FileTotals]]]:
    """Group the files whose points were all read by what their coordinates refer to."""
    groups: dict[System, list[FileTotals]] = {}
    for file in files:
        if file.is_read and file.intake is not None:
            examined = file.intake.examined
            key = System(
                crs=examined.crs.code if examined.crs else "",
                vertical=str(examined.vertical) if examined.vertical else "",
            )
            groups.setdefault(key, []).append(file)
    return sorted(groups.items())


def block_tasks(
    files: Sequence[FileTotals], areas: Mapping[tuple[int, int], Area], strips: StripTable, rules: BlockRules
) -> Iterator[BlockTask]:
    """Yield tasks that cover every block with points or in the surveyed area, some blocks each."""
    pieces: dict[int, tuple[str, int, NDArray[np.int32]]] = {}
    indexes = [np.empty(0, INDEX_DTYPE)]
    for file in files:
        for start in sorted(file.scans):
            path, result = file.scans[start]
            own = result.index.copy()
            own["piece"] = len(pieces)
            indexes.append(own)
            pieces[len(pieces)] = (path, file.number, strips.of_labels(result.labels))
    index = np.concatenate(indexes)
    index = index[np.lexsort((index["offset"], index["piece"], index["column"], index["row"]))]
    keys = np.column_stack([index["column"], index["row"]])
    heads = np.flatnonzero(np.r_[np.full(min(1, len(keys)), True), (np.diff(keys, axis=0) != 0).any(axis=1)])
    spans = {
        (int(keys[a, 0]), int(keys[a, 1])): (int(a), int(b))
        for a, b in zip(heads, np.r_[heads[1:], len(keys)].astype(np.int64), strict=True)
    }
    batch: list[BlockPart] = []
    n_points = 0
    for block in sorted({*spans, *areas}, key=lambda block: (block[1], block[0])):
        first, last = spans.get(block, (0, 0))
        part = index[first:last]
        batch.append(BlockPart(block=block, area=areas.get(block), index=part))
        n_points += int(part["n_points"].sum())
        if n_points >= _BATCH_POINTS or len(batch) >= _BATCH_BLOCKS:
            yield _task(batch, pieces, rules)
            batch, n_points = [], 0
    if batch:
        yield _task(batch, pieces, rules)


def _task(
    batch: Sequence[BlockPart], pieces: Mapping[int, tuple[str, int, NDArray[np.int32]]], rules: BlockRules
) -> BlockTask:
    used = sorted({int(number) for part in batch for number in np.unique(part.index["piece"])})
    return BlockTask(parts=tuple(batch), pieces={number: pieces[number] for number in used}, rules=rules)


def _cell(file: FileTotals, cell_m: float) -> float:
    """Return the edge of a cell in file units."""
    crs = file.intake.examined.crs if file.intake else None
    if crs is None or crs.is_metric:
        return cell_m
    return _DEGREES if crs.is_geographic else cell_m / crs.unit_m
