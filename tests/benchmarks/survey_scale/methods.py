"""How each figure was measured, in words."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["UNTWINE", "methods", "paragraph"]

UNTWINE, _PDAL_TILE, _PDAL_COPC = 0.17, 0.45, 0.23
"""Million points/s per core, measured earlier on another input; neither program has a package that pip can install."""
_MILLION = 1_000_000


def paragraph(text: str) -> list[str]:
    """Return a paragraph in lines of 120 characters."""
    return textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False)


def methods(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a paragraph for each part that was measured."""
    known = {"throughput": _throughput, "decode": _decode, "size": _size, "scale": _scale, "scheduler": _scheduler}
    yield "## How"
    yield ""
    for name, describe in known.items():
        text = describe(results[name]) if name in results else ""
        if text:
            yield from paragraph(text)
            yield ""
    yield from paragraph(
        "**Memory.** The high-water mark of resident memory that Linux keeps for each process, looked at ten times"
        " a second; a worker is any process that the command started."
    )
    yield ""


def _throughput(part: dict[str, Any]) -> str:
    density = f"{part['input_bytes_per_point']:.2f} B/point"
    size = f"{part['points'] / _MILLION:.1f} M points in {part['files']} files, {density}"
    seconds = [float(cost["cpu_s"]) for cost in part["one"]]
    passes = ", ".join(f"{name} {value:.1f}" for name, value in part["passes"].items())
    return (
        f"**Ingest, check, workers.** {part['input']}: {size}. Each file is a copy of one original, shifted by"
        " the offset"
        " in its header: every point lies elsewhere. `twin ingest --workers 1`, `twin check`, `twin ingest"
        " --workers 2` and"
        " `py3dtiles convert --jobs 1` take turns, each into an empty folder, so that all see the same disk"
        " and the same"
        f" neighbours. CPU of the runs with one worker: {min(seconds):.1f} to {max(seconds):.1f} s, of which in"
        " the passes"
        f" of the last one: {passes}; the rest is the start of processes and the client. On record, but **not"
        " measured in"
        f" this run** because pip has no package of them: Untwine {UNTWINE}, `pdal tile` {_PDAL_TILE} (no LOD,"
        " no checks)"
        f" and PDAL's `writers.copc` {_PDAL_COPC} M points/s per core, on 20.5 M points of another survey."
    )


def _decode(part: dict[str, Any]) -> str:
    return (
        f"**Decode.** {part['input']}, {part['points'] / _MILLION:.1f} M points. Ours: `Store.read_tile` of"
        " every tile with"
        " no further column. laspy: `chunk_iterator` with lazrs on one thread, told to decode x, y and z"
        " alone. Both end"
        " with float64 metres. CPU time of the loop, without imports, files in the page cache."
    )


def _size(part: dict[str, Any]) -> str:
    surveys = "; ".join(f"{survey['input']}: {survey['points']:,} points" for survey in part["surveys"])
    return (
        f"**Bytes.** {surveys}. All files under `points/`: every attribute of the delivery, the level of detail, and"
        " for each point the file and the row that it came from; LAZ has neither."
    )


def _scale(part: dict[str, Any]) -> str:
    if not part["many"]:
        return ""
    return (
        f"**Scale.** {part['many']['input']} beside each other, {part['many']['files']} files with colour; one"
        " of them is"
        " ingested before and after, with two workers each."
    )


def _scheduler(part: dict[str, Any]) -> str:
    return (
        "**Scheduler.** The Dask executor gets as many tasks as there are tiles; each answers with the row of"
        " a tile, which"
        " is staged in a manifest as in ingest. Resident memory of the process that holds client and"
        " scheduler, a hundred"
        " samples; the slope is fitted to the last four fifths."
        f" {part['tasks']['seconds'] / part['tasks']['tasks'] * 1000:.1f}"
        " ms a task. Then files with ten points a tile are really ingested."
    )
