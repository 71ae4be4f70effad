"""What one export is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.runs import latest_run
from twin.config import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiles.store import Store
    from twin.building import Building
    from twin.cityobject import CityObject, Tin
    from twin.progress import Progress

__all__ = ["Job", "inputs_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One export to be written."""

    store: Store
    out: Path
    """File or folder to create or replace."""
    geoid_separation_m: float | None = None
    """Height of the vertical datum above the ellipsoid here, metres, for globes; None if not stated."""
    lod: str | None = None
    """Highest level of detail to write; None for all there is."""
    progress: Progress | None = None
    settings: Settings = field(default_factory=Settings)
    """Layers of parameters, for formats that have some."""

    def buildings(self) -> Iterator[Building]:
        """Yield the newest model by id, without the levels above the one asked for, few at a time."""
        from tiles.buildings import iter_buildings_by_id

        for building in iter_buildings_by_id(self.store, latest_run(self.store, "model")):
            yield building if self.lod is None else building.up_to(self.lod)

    def objects(self) -> Iterator[CityObject | Tin]:
        """Yield terrain, bridges, water and trees of the newest run; nothing if there was none."""
        from tiles.cityobjects import iter_objects

        row = self.store.manifest.latest_run("objects")
        return iter(()) if row is None else iter_objects(self.store, row.run)

    def described(self) -> dict[str, Any]:
        """Return what a model's file says of itself."""
        return {
            "crs": self.store.crs,
            "vertical": self.store.vertical,
            "title": self.out.stem.removesuffix(".city"),
            "lineage": _lineage(self.store),
        }


_STAGES = ("classify", "terrain", "model", "objects", "flood", "live")


def inputs_of(store: Store) -> dict[str, Any]:
    """Everything an export can depend on: the tiles' revisions, the newest runs' artefacts, every flood overlay."""
    from tiles.flood import flood_checksums
    from twin.config import digest

    newest = {stage: store.manifest.latest_run(stage) for stage in _STAGES}
    runs = {stage: row.run for stage, row in newest.items() if row is not None}
    artefacts = {
        run: sorted((key, row.checksum) for key, row in store.manifest.artefacts(run).items()) for run in runs.values()
    }
    points = [(str(row.tile), row.rev) for row in store.tiles()]
    feeds = [row.params for row in store.manifest.runs() if row.stage == "live"]
    return {"runs": runs, "digest": digest(points, artefacts, flood_checksums(store), feeds)}


def _lineage(store: Store) -> dict[str, Any]:
    from pipelines.runs import software

    sources = [
        {"uri": Path(row.uri).name, "digest": row.digest} for row in store.manifest.sources() if row.state == "done"
    ]
    return {"sources": sources, "runs": inputs_of(store)["runs"], "software": software()}
