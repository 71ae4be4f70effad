"""The page: what was asked, what was reached, on which machine, and how it was measured."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from methods import UNTWINE, methods, paragraph

from twin import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["machine", "now", "render"]

_PACKAGES = ("numpy", "zarr", "numcodecs", "dask", "laspy", "lazrs", "numba")
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    what: str
    asked: str
    reached: str
    holds: bool | None
    """None where it was not measured."""

    def __str__(self) -> str:
        verdict = {True: "yes", False: "**no**", None: "not measured"}[self.holds]
        return f"| {self.what} | {self.asked} | {self.reached} | {verdict} |"


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "twin": __version__,
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def render(results: dict[str, dict[str, Any]]) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    results
        Figures of each part, with ``machine``, ``date`` and ``seconds``; parts that were not run are missing.
    """
    facts = next(iter(results.values()))["machine"] if results else machine()
    versions = ", ".join(f"{name} {facts[name]}" for name in ("twin", "python", *_PACKAGES))
    peer = results.get("throughput", {}).get("py3dtiles_version", "")
    rows = [*_throughput(results), *_decode(results), *_size(results), *_memory(results), *_scale(results)]
    rows += _scheduler(results)
    parts = [
        f"| {name} | {part['date']} | {part['seconds'] / 60:.0f} min | {part['others_cores']:.2f} |"
        for name, part in results.items()
    ]
    return "\n".join(
        [
            "# Benchmarks at survey scale",
            "",
            *paragraph(
                "Made by `make bench-scale`; do not edit. Every command runs in a process of its own. CPU time"
                " is that of"
                " the whole process tree, with its start, so a rate per core is points over CPU seconds. Peers"
                " take turns"
                " with us on the same files. Medians where there are several runs."
            ),
            "",
            *paragraph(
                f"Machine: {facts['processor']}, {facts['cores']} cores, {facts['memory']}, {facts['system']}."
                f" Versions: {versions}{f', py3dtiles {peer}' if peer else ''}."
            ),
            "",
            "| what | asked | reached | holds |",
            "|---|---|---|---|",
            *map(str, rows),
            "",
            *methods(results),
            "## When",
            "",
            "| part | date | took | cores that other programs kept busy meanwhile |",
            "|---|---|---|---|",
            *parts,
            "",
        ]
    )


def now() -> str:
    """Return the date and time as the page states it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _rate(points: int, costs: list[dict[str, Any]], figure: str = "cpu_s") -> float:
    """Million points/s."""
    return points / _MILLION / statistics.median(float(cost[figure]) for cost in costs)


def _median(costs: list[dict[str, Any]], figure: str) -> float:
    return statistics.median(float(cost[figure]) for cost in costs)


def _spread(costs: list[dict[str, Any]], figure: str) -> str:
    values = [float(cost[figure]) for cost in costs]
    return f"{min(values):.1f} to {max(values):.1f} s"


def _throughput(results: dict[str, dict[str, Any]]) -> Iterator[_Row]:
    part = results.get("throughput")
    asked = ">= 0.35 M points/s, twice Untwine; stretch 0.5"
    if part is None:
        yield _Row(what="ingest per core", asked=asked, reached="", holds=None)
        return
    ours = _rate(part["points"], part["one"])
    yield _Row(
        what="ingest, LAZ to store with LOD and all checks, per core",
        asked=asked,
        reached=f"{ours:.2f} M points/s ({ours / UNTWINE:.1f} x Untwine on record)",
        holds=ours >= 0.35,
    )
    if part["py3dtiles"]:
        theirs = _rate(part["points"], part["py3dtiles"])
        reached = f"{ours / theirs:.1f} x ({theirs:.3f} M points/s)"
    yield _Row(
        what="the same against py3dtiles 12, same files, same run",
        asked=">= 3 x",
        reached=reached if part["py3dtiles"] else "",
        holds=ours / theirs >= 3 if part["py3dtiles"] else None,
    )
    gain = _median(part["one"], "wall_s") / _median(part["two"], "wall_s")
    seconds = f"{_median(part['one'], 'wall_s'):.1f} s to {_median(part['two'], 'wall_s'):.1f} s"
    yield _Row(what="2 workers against 1", asked=">= 1.7 x", reached=f"{gain:.2f} x ({seconds})", holds=gain >= 1.7)
    checked = _rate(part["points"], part["check"])
    yield _Row(
        what="`twin check` against ingest, per core",
        asked=">= 2 x",
        reached=f"{checked / ours:.1f} x ({checked:.2f} M points/s)",
        holds=checked / ours >= 2,
    )


def _decode(results: dict[str, dict[str, Any]]) -> Iterator[_Row]:
    part = results.get("decode")
    if part is None:
        yield _Row(what="xyz column decode per core", asked=">= 10 M points/s, >= 3 x laspy", reached="", holds=None)
        return
    ours, theirs = _rate(part["points"], part["store"]), _rate(part["points"], part["laspy"])
    yield _Row(what="xyz decode per core", asked=">= 10 M points/s", reached=f"{ours:.1f} M points/s", holds=ours >= 10)
    yield _Row(
        what="the same against laspy's selective decode of LAZ",
        asked=">= 3 x",
        reached=f"{ours / theirs:.1f} x ({theirs:.1f} M points/s)",
        holds=ours / theirs >= 3,
    )


def _size(results: dict[str, dict[str, Any]]) -> Iterator[_Row]:
    part = results.get("size")
    if part is None:
        yield _Row(what="bytes per point without colour", asked="<= 5.5 compact, <= 8 portable", reached="", holds=None)
        return
    first, *others = part["surveys"]
    for codec, limit in (("compact", 5.5), ("portable", 8.0)):
        found = _bytes(first, codec)
        what = f"bytes per point without colour, {codec}: {first['input']}"
        laz = f"{found:.2f} (LAZ: {first['input_bytes_per_point']:.2f})"
        yield _Row(what=what, asked=f"<= {limit:g}", reached=laz, holds=found <= limit)
    for survey in others:
        both = f"{_bytes(survey, 'compact'):.2f} compact, {_bytes(survey, 'portable'):.2f} portable"
        both += f" (LAZ: {survey['input_bytes_per_point']:.2f})"
        holds = _bytes(survey, "compact") <= 5.5 and _bytes(survey, "portable") <= 8.0
        yield _Row(what=f"the same: {survey['input']}", asked="<= 5.5, <= 8", reached=both, holds=holds)


def _bytes(survey: dict[str, Any], codec: str) -> float:
    return float(survey[codec]["bytes"] / survey[codec]["points"])


def _memory(results: dict[str, dict[str, Any]]) -> Iterator[_Row]:
    tiles, part = results.get("throughput"), results.get("scale")
    costs = tiles["one"] + tiles["two"] if tiles else []
    peak = max((cost["peak_worker_mb"] for cost in costs), default=0.0)
    yield _Row(
        what="peak memory of a worker, tiles up to 4 M points",
        asked="<= 1.5 GB",
        reached=f"{peak / 1000 * 1.048576:.2f} GB" if costs else "",
        holds=peak * 1.048576 <= 1500 if costs else None,
    )
    if part is not None and part["many"]:
        few = max(cost["peak_worker_mb"] for cost in part["one"]) * 1.048576 / 1000
        many = part["many"]["peak_worker_mb"] * 1.048576 / 1000
        sizes = f"{part['points'] / _MILLION:.0f} M and {part['many']['points'] / _MILLION:.0f} M points"
        yield _Row(
            what=f"the same for {sizes}",
            asked="<= 1.5 GB for both",
            reached=f"{few:.2f} GB and {many:.2f} GB",
            holds=max(few, many) <= 1.5,
        )
    else:
        yield _Row(what="the same for 10 M and 200 M points", asked="<= 1.5 GB for both", reached="", holds=None)


def _scale(results: dict[str, dict[str, Any]]) -> Iterator[_Row]:
    part = results.get("scale")
    if part is None or not part["many"]:
        what = "200 M points: finish, time per point"
        yield _Row(what=what, asked="within 15 % of the 10 M run", reached="", holds=None)
        return
    many = part["many"]
    slow = {
        figure: (many[figure] / many["points"]) / (_median(part["one"], figure) / part["points"]) - 1
        for figure in ("wall_s", "cpu_s")
    }
    minutes = many["wall_s"] / 60
    yield _Row(
        what=f"{many['points'] / _MILLION:.0f} M points: finish, time per point",
        asked=f"within 15 % of the {part['points'] / _MILLION:.0f} M run",
        reached=f"{minutes:.1f} min; wall {slow['wall_s']:+.0%}, CPU {slow['cpu_s']:+.0%} a point",
        holds=max(slow.values()) <= 0.15,
    )


def _scheduler(results: dict[str, dict[str, Any]]) -> Iterator[_Row]:
    part = results.get("scheduler")
    if part is None:
        yield _Row(what="scheduler memory by number of tiles", asked="flat", reached="", holds=None)
        return
    tasks, (few, many) = part["tasks"], part["crumbs"]
    growth = tasks["kb_per_task"]
    yield _Row(
        what=f"scheduler memory, {tasks['tasks']:,} tiles of 10 points simulated",
        asked="flat",
        reached=f"{tasks['first_mb']:.0f} MB to {tasks['last_mb']:.0f} MB, {10 * growth:+.1f} MB per 10 000 tiles",
        holds=abs(growth) <= 0.5,
    )
    more = (many["peak_client_mb"] - few["peak_client_mb"]) / (many["tiles"] - few["tiles"])
    per_tile = (many["cpu_s"] - few["cpu_s"]) / (many["tiles"] - few["tiles"])
    yield _Row(
        what=f"client's memory, {few['tiles']:,} and {many['tiles']:,} tiles of 10 points really ingested",
        asked="(not asked)",
        reached=f"{few['peak_client_mb']:.0f} MB and {many['peak_client_mb']:.0f} MB; {1000 * per_tile:.0f} ms a tile",
        holds=more <= 0.01,
    )
