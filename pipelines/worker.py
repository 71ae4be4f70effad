"""One worker body for every tiled stage.

Read tile and halo, run the kernel, crop to the tile, write atomically, return a small report: a stage says how, this
module says when. A stage is a frozen, picklable dataclass; its parameters and the runs it reads from are all its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.metering import Meter
from tiles.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.tiling import TileId

__all__ = ["TileStage", "TileTask", "run_tile_task"]


class TileStage(Protocol):
    """A stage that works tile by tile."""

    @property
    def name(self) -> str:
        """Stage name as in the manifest and in ``--set``: ``classify``, ``terrain``, ``model``."""

    @property
    def version(self) -> int:
        """Raised when the same parameters would give other results than before."""

    @property
    def halo_m(self) -> float:
        """How far outside its tile the stage reads, metres."""

    @property
    def input_runs(self) -> tuple[str, ...]:
        """Runs of earlier stages that it reads."""

    def params(self) -> Mapping[str, Any]:
        """Return the parameters that determine the result, JSON-able."""

    def units(self, store: Store) -> list[TileId]:
        """Return the tiles to work on; each is one task that owns all it writes."""

    def prepare(self, store: Store, run: str) -> None:
        """Create what all tasks write into; called once, before them, and harmless when repeated."""

    def run_tile(self, store: Store, run: str, tile: TileId) -> Mapping[str, Any]:
        """Do one tile and return its report: ``path``, ``checksum``, ``points``, and what the stage counts.

        Raises
        ------
        TwinError
            If this tile cannot be done; the others go on.
        """

    def finish(self, store: Store, run: str, reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Assemble what belongs to the whole run from the reports of its tiles; returns the run's own counts."""


@dataclass(frozen=True, slots=True)
class TileTask:
    """All that travels to a worker."""

    stage: TileStage
    store_uri: str
    """Address with the epoch (`Store.address`)."""
    run: str
    tile: TileId


def run_tile_task(task: TileTask) -> dict[str, Any]:
    """Do one task in this process and return its report with what it cost."""
    with Meter() as meter:
        store = Store.open(task.store_uri)
        report = task.stage.run_tile(store, task.run, task.tile)
    return {**report, **meter.figures()}
