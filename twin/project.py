"""A project file: one place, its deliveries, and what is to be made of them.

Relative paths in the file are meant from the file's own folder.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the fields' types are read at run time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twin.config import Layer, load_yaml, resolve
from twin.errors import ConfigError

__all__ = ["STAGES", "Project"]

STAGES = ("ingest", "classify", "terrain", "model", "objects", "live", "flood", "export", "snapshot", "report")
"""The stages of a project, in the order in which each finds what it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a project file says. Only `name`, `crs`, `vertical` and `sources` have no default."""

    name: str
    """Short name; also that of the output folder."""
    crs: str
    """Projected CRS of the store, in metres."""
    vertical: str
    """Vertical datum of the store."""
    sources: tuple[str, ...]
    """Survey files and folders."""
    title: Mapping[str, str] = field(default_factory=dict)
    """What the place is called, by language: ``ja``, ``en``."""
    tile_edge_m: float = 512.0
    """Edge of a level-0 tile, metres."""
    ingest: Mapping[str, Any] = field(default_factory=dict)
    """Options of ingest, such as ``crs``, ``vertical``, ``epoch``, ``kind``, ``convert``, ``geoid`` and ``datums``."""
    profile: str = "auto"
    """Classification profile."""
    footprints: str = ""
    """File of building outlines, evidence for the labels and given to the model; empty derives them from the points."""
    water: str = ""
    """File of water outlines, evidence for the labels."""
    scenarios: tuple[str, ...] = ()
    """Flood scenarios, by preset name or file."""
    feeds: Mapping[str, str] = field(default_factory=dict)
    """Recorded live data to replay: feed preset to file of JSON lines."""
    exports: tuple[str, ...] = ("cityjson", "3dtiles")
    """Formats to export."""
    geoid_separation_m: float | None = None
    """Height of the vertical datum above the ellipsoid here, metres, for globes; None if not stated."""
    now: str = ""
    """Time at which the live data is looked at, ISO 8601; empty is the clock. A replayed recording has its own."""
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Overrides of stage parameters: ``{stage: {parameter: value}}``."""
    path: Path = Path("project.yaml")
    """The file itself."""

    @staticmethod
    def load(path: Path) -> Project:
        """Read a project file.

        Raises
        ------
        ConfigError
            If a key is missing or unknown, or a value has another type.
        """
        return Project.from_mapping(load_yaml(path), path)

    @staticmethod
    def from_mapping(content: Mapping[str, Any], path: Path) -> Project:
        """Check the content of a project file that stands, or could stand, at `path`."""
        missing = [key for key in ("name", "crs", "vertical", "sources") if key not in content]
        if missing:
            raise ConfigError(f"{path}: missing key {', '.join(missing)}")
        return resolve(Project, [(str(path), {**content, "path": path})], "project")

    def at(self, relative: str) -> Path:
        """Return a path of the file as seen from here."""
        return self.path.parent / relative

    def layer(self) -> Layer:
        """Return the file's stage overrides as one layer of settings."""
        return Layer(where=str(self.path), stages=self.stages)
