"""What `twin objects` does, shared by the command and the project runner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.runs import latest_run, run_tiled
from twin.errors import StageError

if TYPE_CHECKING:
    from pipelines.executors import Executor
    from tiles.store import Store
    from twin.cli.session import Session
    from twin.config import Settings

__all__ = ["objects"]


def objects(
    session: Session, store: Store, executor: Executor, settings: Settings, water: str = "", *, redo: bool = False
) -> None:
    """Model terrain, trees, bridges and water from the newest labels and terrain; `water` is a file of outlines."""
    from pipelines.cityobjects import ObjectParams, ObjectStage, given_water

    stage = ObjectStage(
        rules=settings.params("objects", ObjectParams),
        labels_run=latest_run(store, "classify"),
        terrain_run=latest_run(store, "terrain"),
        water=given_water(Path(water)) if water else None,
    )
    summary = run_tiled(store, stage, executor, session.progress, redo=redo)
    session.fail(summary.failed)
    counts = summary.counts
    if summary.failed and not counts["tiles"]:
        raise StageError("objects: no tile could be done, so there is nothing to hand out")
    keys = ("objects", "by_kind", "triangles", "tolerance_m", "without_object")
    session.count(**{key: counts[key] for key in keys})
    listed = ", ".join(f"{n:,} {_NAMES[kind]}" for kind, n in counts["by_kind"].items()) or "no single objects"
    missing = f", {counts['n_without_object']} without a model" if counts["n_without_object"] else ""
    ground = f"ground in {counts['triangles']:,} triangles within {counts['tolerance_m']:g} m"
    text = f"{ground}; {listed}{missing}"
    if summary.n_done == 0 and not summary.failed:
        session.tell("objects", f"nothing to do, all is there from the same inputs: {text}")
    else:
        session.tell("objects", text, float(counts["seconds"]))


_NAMES = {"Bridge": "bridges", "SolitaryVegetationObject": "trees", "WaterBody": "water surfaces"}
