"""The tiled stage that writes ``labels/``, and its parameters from profiles."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.classify.chain import classify_points
from pipelines.classify.confidence import summed_up, together
from pipelines.classify.evidence import EvidenceFile, evidence_path, lay_evidence, read_evidence
from pipelines.classify.params import STAGES, ClassifyParams
from pipelines.learned.model import load_model
from tiles.atomic import tree_checksum
from twin.config import Layer, Settings, preset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tiles.store import Store
    from twin.points import Points
    from twin.tiling import TileId

__all__ = ["ClassifyStage", "classify_profile", "classify_stage", "profile_layer"]

_COLUMNS = ("return_number", "number_of_returns")
_HALO_STEP_M = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyStage:
    """The tiled stage that writes ``labels/``."""

    steps: ClassifyParams = field(default_factory=ClassifyParams)
    """Parameters of all steps."""
    footprints: EvidenceFile | None = None
    """Outlines of buildings, as evidence; None if nobody gave them."""
    water: EvidenceFile | None = None
    """Outlines of water, as evidence; None if nobody gave them."""

    @property
    def name(self) -> str:
        """Stage name."""
        return "classify"

    @property
    def version(self) -> int:
        """Version of the kernels."""
        return 2

    @property
    def halo_m(self) -> float:
        """Reach of all steps, rounded up; one cell more because the halo's edge cuts cells."""
        return math.ceil((self.steps.reach_m + self.steps.water.cell_m) / _HALO_STEP_M) * _HALO_STEP_M

    @property
    def input_runs(self) -> tuple[str, ...]:
        """No earlier run: it reads points alone."""
        return ()

    def params(self) -> Mapping[str, Any]:
        """Parameters by step; the trees and the evidence by their content."""
        steps = dataclasses.asdict(self.steps)
        if self.steps.learned.enabled:
            steps["learned"]["digest"] = load_model(self.steps.learned.model).digest
        given = {name: [file.digest, file.crs] for name, file in self._evidence.items()}
        return {**steps, **({"evidence": given} if given else {})}

    def units(self, store: Store) -> list[TileId]:
        """Every tile of points."""
        return [row.tile for row in store.tiles()]

    def prepare(self, store: Store, run: str) -> None:
        """Lay the evidence ready, where there is any; nothing else is shared between tiles."""
        lay_evidence(store, run, self._evidence)

    def run_tile(self, store: Store, run: str, tile: TileId) -> Mapping[str, Any]:
        """Label one tile's own points."""
        points, n_own = _points(store, tile, self.halo_m)
        core = store.grid.bounds(tile)
        evidence = read_evidence(store, run, tuple(self._evidence), core.buffered(self.halo_m))
        label, confidence = classify_points(points, core, self.steps, evidence)
        checksum = store.write_labels(run, tile, label[:n_own], confidence[:n_own])
        codes, counts = np.unique(label[:n_own], return_counts=True)
        return {
            "path": store.labels_path(run, tile),
            "checksum": checksum,
            "points": n_own,
            "classes": {str(code): int(n) for code, n in zip(codes, counts, strict=True)},
            "confidence": summed_up(confidence[:n_own]),
        }

    def finish(self, store: Store, run: str, reports: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Points by class over all tiles, and how sure the labels are."""
        total: dict[str, int] = {}
        for report in reports.values():
            for code, n in report["classes"].items():
                total[code] = total.get(code, 0) + int(n)
        figures: dict[str, Any] = {
            "classes": dict(sorted(total.items(), key=lambda item: int(item[0]))),
            "confidence": together([report["confidence"] for report in reports.values() if "confidence" in report]),
        }
        if self._evidence:
            path = evidence_path(run)
            figures["shared_files"] = {path: tree_checksum(store.path / path)}
        return figures

    @property
    def _evidence(self) -> dict[str, EvidenceFile]:
        given = {"footprints": self.footprints, "water": self.water}
        return {name: file for name, file in given.items() if file is not None}


def _points(store: Store, tile: TileId, halo_m: float) -> tuple[Points, int]:
    """Points of a tile and its halo; ``is_sonar`` says which a multibeam sonar measured, where there is one."""
    kinds = {source.id: source.meta.get("kind") for source in store.manifest.sources() if source.id >= 0}
    sonar = [number for number, kind in kinds.items() if kind == "multibeam"]
    points, n_own = store.read_with_halo(tile, halo_m, (*_COLUMNS, *(("source",) if sonar else ())))
    return (points.with_attributes(is_sonar=np.isin(points["source"], sonar)) if sonar else points), n_own


def classify_stage(
    settings: Settings, footprints: EvidenceFile | None = None, water: EvidenceFile | None = None
) -> ClassifyStage:
    """Build the stage from layered settings (profile, project file, ``--set``) and the evidence given."""
    steps = ClassifyParams(**{name: settings.params(name, kind) for name, kind in STAGES.items()})
    return ClassifyStage(steps=steps, footprints=footprints, water=water)


def profile_layer(name: str) -> Layer:
    """Return the parameters of a profile in ``config/profiles`` as a layer of settings.

    Raises
    ------
    ConfigError
        If there is no such profile, or it speaks of a step that does not exist.
    """
    layer = Layer(where=f"profiles/{name}.yaml", stages=preset("profiles", name))
    Settings().with_layer(layer).check_stages(STAGES)
    return layer


def classify_profile(name: str) -> ClassifyStage:
    """Return the stage with the parameters of a profile and no other layer."""
    return classify_stage(Settings().with_layer(profile_layer(name)))
