"""What `twin export` writes: the formats, and what opens them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipelines.runs import run_once
from twin.cli import export_writers as write
from twin.cli.derive import layered, parameter_kinds
from twin.cli.export_job import Job, inputs_of
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tiles.store import Store
    from twin.cli.session import Session
    from twin.config import Settings

__all__ = ["FORMATS", "LEVELS", "Format", "export"]

_COUNTS = ("files", "bytes", "points", "buildings", "objects")
"""What a writer may count."""
LEVELS = ("1.2", "1.3", "2.0", "2.2")
"""Levels of detail that a model may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One open format."""

    write: Callable[[Job], Mapping[str, Any]]
    """Writes it and returns `files`, `bytes`, and `points` or `buildings`."""
    ending: str = ""
    """Of the file, with its dot; empty if it is a folder."""
    beside: tuple[str, ...] = ()
    """Endings of the files that are written beside it and belong to it."""
    has_levels: bool = False
    """Whether a level of detail can be asked for."""
    params: str = ""
    """Name of its parameters among those that ``--set`` knows; empty if it has none."""


def export(
    session: Session,
    store: Store,
    format_name: str,
    out: Path,
    *,
    geoid_separation_m: float | None = None,
    lod: str | None = None,
    settings: Settings | None = None,
) -> None:
    """Write one format from the newest runs.

    Raises
    ------
    ConfigError
        If the format is unknown, or has no levels of detail and one is asked for; the message lists those there are.
    """
    kind = _format(format_name, lod)
    layers = settings if settings is not None else layered(session.overrides())
    facts = {
        "format": format_name,
        "out": str(out.resolve()),
        "geoid_separation_m": geoid_separation_m,
        "inputs": inputs_of(store),
        **({"lod": lod} if lod else {}),
        **({"params": asdict(layers.params(kind.params, parameter_kinds()[kind.params]))} if kind.params else {}),
    }
    outputs = [out, *(out.with_suffix(ending) for ending in kind.beside)]
    job = Job(
        store=store,
        out=out,
        geoid_separation_m=geoid_separation_m,
        lod=lod,
        progress=session.progress,
        settings=layers,
    )
    with store.writing():
        summary = run_once(store, "export", facts, outputs, lambda: kind.write(job))
    counts = {key: value for key, value in summary.counts.items() if key in _COUNTS}
    session.count(format=format_name, **({"lod": lod} if lod else {}), **counts)
    text = f"{out}, {counts['files']} files, {counts['bytes'] / 1e6:.1f} MB"
    session.tell(f"export {format_name}", text, summary.counts["seconds"], skipped=not summary.n_done)


def _format(name: str, lod: str | None) -> Format:
    if name not in FORMATS:
        raise ConfigError(f"unknown format {name!r}: choose one of {', '.join(sorted(FORMATS))}")
    if lod is not None and lod not in LEVELS:
        raise ConfigError(f"--lod {lod!r}: there are {', '.join(LEVELS)}")
    if lod is not None and not FORMATS[name].has_levels:
        able = ", ".join(sorted(key for key, kind in FORMATS.items() if kind.has_levels))
        raise ConfigError(f"{name} has no levels of detail; --lod is for {able}")
    return FORMATS[name]


FORMATS: dict[str, Format] = {
    "3dtiles": Format(write=write.tiles3d, has_levels=True),
    "citygml": Format(write=write.citygml, has_levels=True, params="citygml"),
    "citygml3": Format(write=write.citygml3, has_levels=True, params="citygml"),
    "cityjson": Format(write=write.cityjson, ending=".city.json", has_levels=True),
    "cityjsonseq": Format(write=write.cityjsonseq, ending=".city.jsonl", has_levels=True),
    "cog": Format(write=write.cog),
    "gpkg": Format(write=write.gpkg, ending=".gpkg"),
    "gltf": Format(write=write.gltf, ending=".glb", has_levels=True),
    "laz": Format(write=write.laz),
    "obj": Format(write=write.obj, ending=".obj", beside=(".mtl", ".origin.json"), has_levels=True),
}
"""Writers by format name."""
