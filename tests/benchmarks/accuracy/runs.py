"""Labels and scores cases, and keeps the figures by what they were made from, so that a rerun measures what changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import density, label, reliability, score
from settings import has_learned, stage_for
from speeds import measured_speeds
from terrains import score_terrain

from pipelines.quality.error_map import ErrorMap
from twin.config import digest
from twin.raster import Raster
from viewer.report.error_map import draw_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from cases import Case, Loaded
    from models import Models
    from settings import Variant

__all__ = ["Runs"]

_ROOT = Path(__file__).resolve().parents[3]
_MADE_BY = ("pipelines", "twin/scene", "twin/raster.py", "config/profiles", "tests/benchmarks/accuracy")


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Where figures, models and pictures are kept, and what is asked of every case."""

    folder: Path
    models: Models
    overrides: Sequence[str]
    say: Callable[[str], None]
    keeps: bool = True
    """Whether figures of the same code, settings and case are taken from the folder, and pictures drawn into it."""

    def measured(self, case: Case, variants: Sequence[Variant]) -> list[dict[str, Any]]:
        """Return the figures of each variant of a case."""
        results: list[dict[str, Any]] = []
        loaded: Loaded | None = None
        for variant in variants:
            path = self._kept(case, variant)
            if self.keeps and path.is_file():
                results.append(json.loads(path.read_text()))
                continue
            loaded = loaded or case.load()
            self.say(f"{case.name}: {variant.name}")
            results.append(self._fresh(case, variant, loaded))
            if self.keeps:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(results[-1]))
        return results

    def speeds(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Return the rates on the largest dense file; empty without one."""
        dense = [case for case in cases if case.group == "dense"]
        if not dense:
            return {}
        path = self.folder / "results" / f"speeds_{digest(dense[0].name, _code())}.json"
        if not path.is_file():
            self.say("speeds")
            names = {"rules": False, "with the learned stage": True} if has_learned() else {"rules": False}
            models = {name: self.models.layer("DE", is_learned=learned) for name, learned in names.items()}
            path.write_text(json.dumps(measured_speeds(dense[0].load().points, models)))
        return dict(json.loads(path.read_text()))

    def _fresh(self, case: Case, variant: Variant, loaded: Loaded) -> dict[str, Any]:
        model = self.models.layer(case.region, is_learned=variant.is_learned)
        stage = stage_for(variant.profile or case.profile, self.overrides, model)
        found, confidence, seconds = label(loaded, stage)
        figures = score(case, loaded, found) | {"cpu_seconds": seconds, "variant": variant.name}
        figures["reliability"] = reliability(case, loaded, found, confidence)
        if loaded.scene is not None:
            figures |= score_terrain(loaded, found)
        if self.keeps:
            self._draw(case, variant, loaded, found)
        return {"name": case.name, "group": case.group, "region": case.region, "kind": case.kind, **figures}

    def _draw(self, case: Case, variant: Variant, loaded: Loaded, found: np.ndarray) -> None:
        """Draw where the labels are wrong."""
        counted = case.codes.counts(loaded.truth)
        picture = ErrorMap(loaded.points.bounds, density_per_m2=density(loaded))
        picture.add(loaded.points.take(counted), case.codes.of(loaded.truth[counted]), found[counted])
        kinds = Raster(values=picture.kinds(), frame=picture.frame, crs="")
        surface = Raster(values=picture.surface, frame=picture.frame, crs="")
        path = self.folder / "pictures" / f"{_plain(case.name)}_{variant.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        title = f"{case.name}, {variant.name}"
        path.write_bytes(draw_errors(kinds, surface, picture.points_by_kind(), title))

    def _kept(self, case: Case, variant: Variant) -> Path:
        model = self.models.layer(case.region, is_learned=variant.is_learned)
        trained = Path(model.stages["learned"].get("model", "")) if model else Path()
        seen = hashlib.sha256(trained.read_bytes()).hexdigest() if trained.is_file() else ""
        made_from = digest(case.name, dataclasses.asdict(variant), list(self.overrides), seen, _code())
        return self.folder / "results" / f"{_plain(case.name)}_{variant.name}_{made_from}.json"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


def _code() -> str:
    """Digest all code and presets that figures are made by."""
    state = hashlib.sha256()
    for place in _MADE_BY:
        at = _ROOT / place
        for path in sorted(at.rglob("*")) if at.is_dir() else [at]:
            if path.suffix in {".py", ".yaml", ".npz", ".json"} and path.name != "page.py":
                state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()
