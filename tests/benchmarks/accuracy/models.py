"""Models of the learned stage that never saw a region: trained once, kept by what they were made from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from settings import has_learned, stage_for

from twin.config import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Models"]

_ROOT = Path(__file__).resolve().parents[3]
_MADE_BY = ("pipelines/learned", "pipelines/ground", "config/training")


@dataclass(slots=True)
class Models:
    """Trains what is asked for; the examples of a region are made once for all models."""

    folder: Path
    """Where models are kept."""
    data: Path
    """Folder of labelled files."""
    say: Callable[[str], None]
    ready: Path | None = None
    """Folder of ``without_REGION.trees`` that were trained elsewhere (``twin train --leave-out``)."""
    _trainer: Any = field(default=None)

    def layer(self, region: str, *, is_learned: bool) -> Layer | None:
        """Return the settings that switch the learned stage off, or on with a model trained without a region.

        The shipped model is taken for regions that it never saw.
        """
        if not has_learned():
            return None
        if not is_learned:
            return Layer(where="rules alone", stages={"learned": {"enabled": False}})
        from pipelines.learned.recipe import read_recipe

        recipe = read_recipe("default")
        if region not in [each.name for each in recipe.regions]:
            return None
        path = self.folder / f"without_{region}_{_code()}.trees"
        if self.ready is not None:
            path = self.ready / f"without_{region}.trees"
        elif not path.is_file():
            self._train(recipe, region, path)
        return Layer(where=f"model without {region}", stages={"learned": {"model": str(path)}})

    def _train(self, recipe: Any, region: str, path: Path) -> None:
        from pipelines.learned.model import write_model
        from pipelines.learned.training import Trainer

        self.say(f"training a model without {region}; the first one takes a while")
        if self._trainer is None:
            steps = stage_for("", ()).steps
            self._trainer = Trainer(recipe, self.data, (steps.ground, steps.learned))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_model(path, self._trainer.train((region,)))


def _code() -> str:
    """Digest the code and the recipe that models are made by."""
    state = hashlib.sha256()
    for place in _MADE_BY:
        for path in sorted((_ROOT / place).rglob("*")):
            if path.suffix in {".py", ".yaml"}:
                state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()[:12]
